#!/bin/sh
# Runs one benchmark of bench/: a table, then one JSON line per figure. Without a name: which there are.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)

list() {
    echo "Usage: scripts/bench.sh NAME [arguments]    (NAME --help: its arguments)"
    echo "Benchmarks:"
    for file in "$root"/bench/*.py; do
        name=$(basename "$file" .py)
        if [ "$name" != harness ]; then
            printf '  %-12s %s\n' "$name" "$(sed -n '1s/^"""//p' "$file" | sed 's/"""$//')"
        fi
    done
    echo "Example: scripts/bench.sh replay"
}

case ${1:-} in '' | --help | -h) list && exit 0 ;; esac
name=$1
shift
if [ ! -f "$root/bench/$name.py" ] || [ "$name" = harness ]; then
    echo "error: there is no benchmark '$name'" >&2
    list >&2
    exit 2
fi
case $name in
lambda) setup=dev ;; # moto and Lambda's runtime client
dashboard | dashboard_page) setup=dev ;; # Playwright
*) setup=run ;;
esac
"$root/scripts/setup.sh" "${TRUCKSTREAM_BENCH_SETUP:-$setup}"
PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" exec "$root/.venv/bin/python" "$root/bench/$name.py" "$@"
