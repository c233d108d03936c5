#!/bin/sh
# All checks and tests; the last line is pytest's summary.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)

usage() {
    cat <<'END'
Usage: scripts/test.sh                     format, lint, types, import layers, then all tests
       scripts/test.sh lint                the checks alone
       scripts/test.sh GROUP...            tests alone: unit, contract, integration, e2e
       scripts/test.sh PYTEST-ARGUMENTS    tests alone, as pytest takes them

Environment:
  TRUCKSTREAM_TEST_DATA   folder of the real data sets; tests that need it are skipped without it
  TF_PLUGIN_DIR           mirror of Terraform's AWS provider, where there is no registry
  TRUCKSTREAM_CI=1        a missing part is a failure, not a skip
  TRUCKSTREAM_WORKERS     test processes (default: one per core; 0: all in one)

Example: scripts/test.sh unit -k geofence
END
}

# Called on its own, never before && or ||: there the shell would go on after a failure.
checks() {
    for check in "ruff format --check" "ruff check" "mypy" "lint-imports"; do
        echo "== $check"
        # shellcheck disable=SC2086
        "$root/.venv/bin/"$check
    done
    echo "== pages: types, format, unit tests"
    "$root/scripts/pages.sh" check
}

case ${1:-} in --help | -h) usage && exit 0 ;; esac
"$root/scripts/setup.sh" dev
"$root/scripts/pages.sh"
cd "$root"
if [ "${1:-}" = lint ] && [ $# -eq 1 ]; then
    checks
    exit 0
fi
if [ $# -eq 0 ]; then
    checks
    set -- unit contract integration e2e
fi
remaining=$#
while [ "$remaining" -gt 0 ]; do # names of groups become folders, in place; groups without tests yet are left out
    argument=$1
    shift
    case $argument in
    unit | contract | integration | e2e) if [ -d "tests/$argument" ]; then set -- "$@" "tests/$argument"; fi ;;
    *) set -- "$@" "$argument" ;;
    esac
    remaining=$((remaining - 1))
done
echo "== pytest $*"
exec .venv/bin/python -m pytest -n "${TRUCKSTREAM_WORKERS:-auto}" --maxprocesses 8 "$@"
