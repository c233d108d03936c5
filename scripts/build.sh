#!/bin/sh
# Builds the Lambda packages into dist/ and prints the size of each part.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)

usage() {
    cat <<'END'
Usage: scripts/build.sh [--arch arm64|x86_64|all] [--out FOLDER] [GROUP...]

Groups (default: all three):
  live      gps_producer, dashboard_consumer, geofence_consumer, send_outbox, redrive_rejected
  archive   archive_consumer
  jobs      hourly_stats, compact_archive

The architecture is arm64 unless said otherwise. The same commit gives the same bytes.

Example: scripts/build.sh --arch all
END
}

case ${1:-} in --help | -h) usage && exit 0 ;; esac
"$root/scripts/setup.sh" "${TRUCKSTREAM_BUILD_SETUP:-run}"
exec "$root/.venv/bin/python" "$root/scripts/lambda_package.py" "$@"
