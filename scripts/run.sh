#!/bin/sh
# The whole system on this machine: sets up .venv when needed, then `truckstream run` with the arguments given.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
"$root/scripts/setup.sh" run
exec "$root/.venv/bin/truckstream" run "$@"
