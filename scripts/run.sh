#!/bin/sh
# The whole system on this machine: sets up .venv and the pages when needed, then `truckstream run` with the arguments given.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
"$root/scripts/setup.sh" run
"$root/scripts/pages.sh" || echo "pages: not built, see above; everything else works" >&2
exec "$root/.venv/bin/truckstream" run "$@"
