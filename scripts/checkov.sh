#!/bin/sh
# Reads terraform/ with checkov, installed on demand into .tools/checkov: encryption, access, logging, keeping.
# Every check that does not apply is skipped in place, with its reason.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)

case ${1:-} in
--help | -h)
    echo "Usage: scripts/checkov.sh [CHECKOV-ARGUMENTS]"
    echo
    echo "Example: scripts/checkov.sh --compact"
    exit 0
    ;;
esac
"$root/scripts/setup.sh" "${TRUCKSTREAM_BUILD_SETUP:-run}"
tool=$root/.tools/checkov
wanted=$(cksum <"$root/scripts/checkov.txt")
if [ "$(cat "$tool/.made-from" 2>/dev/null)" != "$wanted" ]; then
    echo "checkov: installing into .tools/checkov" >&2
    rm -rf "$tool"
    uv=$root/.tools/uv/bin/uv
    ! command -v uv >/dev/null 2>&1 || uv=uv
    "$root/.venv/bin/python" -m venv --without-pip "$tool"
    if "$uv" --version >/dev/null 2>&1; then
        UV_PYTHON_DOWNLOADS=never "$uv" pip install -q --python "$tool/bin/python" --require-hashes -r "$root/scripts/checkov.txt"
    else
        "$tool/bin/python" -m ensurepip >/dev/null
        "$tool/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r "$root/scripts/checkov.txt"
    fi
    echo "$wanted" >"$tool/.made-from"
fi
# Its guidelines would come from the vendor's host: not needed, and not there offline.
exec "$tool/bin/python" "$tool/bin/checkov" --directory "$root/terraform" --framework terraform --skip-download --quiet \
    --skip-path '.*/tests/.*' "$@"
