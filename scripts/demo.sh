#!/bin/sh
# Makes a data directory full of history to look at: a simulated fleet over some days, with the faults real data has.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)

usage() {
    cat <<'END'
Usage: scripts/demo.sh [DIR] [TRUCKS] [DAYS] [EVERY]

DIR (default demo-data, must not exist), TRUCKS (25), DAYS (7, ending at midnight UTC), EVERY (20 s between positions).
A week of 25 trucks is 756,000 positions and takes about a minute.

Example: scripts/demo.sh demo-data 25 7 && truckstream reports --data demo-data
END
}

case ${1:-} in --help | -h) usage && exit 0 ;; esac
data=${1:-demo-data}
trucks=${2:-25}
days=${3:-7}
every=${4:-20}
if [ -e "$data" ]; then
    echo "error: $data exists already" >&2
    echo "hint: Name another directory, or remove it." >&2
    exit 1
fi
"$root/scripts/setup.sh" run
python=$root/.venv/bin/python
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

start=$("$python" -c "
import sys, time
days = int(sys.argv[1])
print(time.strftime('%Y-%m-%dT00:00:00Z', time.gmtime(time.time() // 86400 * 86400 - days * 86400)))" "$days")
"$python" -c "
import json
from truckstream.core.depots import demo_geofences
print(json.dumps(demo_geofences()))" >"$scratch/geofences.json"
echo "demo: driving $trucks trucks from $start for $days days" >&2
"$python" -m truckstream simulate --trucks "$trucks" --every "$every" --duration $((days * 86400)) --start "$start" \
    --faults gaps=0.0005,duplicates=0.002,late=0.005,bad=0.0002 --output "$scratch/fleet.ndjson"
"$python" -m truckstream replay "$scratch/fleet.ndjson" --geofences "$scratch/geofences.json" --speed max --no-notify \
    --data "$data"
echo "demo: look at it with 'truckstream reports --data $data' and 'truckstream web --data $data'" >&2
