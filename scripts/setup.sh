#!/bin/sh
# Makes .venv with the first usable Python >= 3.12 and the locked packages; quick when nothing changed.
set -eu

usage() {
    cat <<'END'
Usage: scripts/setup.sh [run|dev]    make or refresh .venv: what `run` needs (default), or all for tests too
       scripts/setup.sh --which      print the interpreter it would use

Environment:
  PYTHON                  the interpreter to use, instead of searching
  TRUCKSTREAM_INSTALLER   uv or pip (default: uv if it can be had, else pip)

Example: PYTHON=/opt/python3.13/bin/python3 scripts/setup.sh dev
END
}

say() { echo "setup: $*" >&2; }

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
near_miss=
installer=${TRUCKSTREAM_INSTALLER:-}

# --- finding Python -------------------------------------------------------------------------------------------

# Prints "3.13 /real/path" when the candidate runs, is a standard CPython >= 3.12 and can make environments.
# A pyenv shim of an inactive version exists and is executable, yet fails: only running it tells.
probe() {
    "$1" -I - "$2" 2>/dev/null <<'END'
import sys, sysconfig
if sys.version_info < (3, 12) or sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
    sys.exit(1)
import venv
if sys.argv[1] == "pip":
    import ensurepip
print("%d.%d" % sys.version_info[:2], getattr(sys, "_base_executable", None) or sys.executable)
END
}

uv_on_path() {
    if [ "$installer" != pip ] && command -v uv >/dev/null 2>&1; then uv --version >/dev/null 2>&1; else return 1; fi
}

# All files that may be an interpreter, one per line: the path first, then where pyenv, uv and builds by hand put them.
candidates() {
    (
        IFS=:
        set -f
        for dir in $PATH; do
            for name in python3.12 python3.13 python3.14 python3.15 python3; do echo "${dir:-.}/$name"; done
        done
    )
    home=${HOME:-/nonexistent}
    uv_pythons=${UV_PYTHON_INSTALL_DIR:-${XDG_DATA_HOME:-$home/.local/share}/uv/python}
    for path in "${PYENV_ROOT:-$home/.pyenv}"/versions/3.1[2-9]*/bin/python3 \
        "$uv_pythons"/cpython-3.1[2-9]*/bin/python3 \
        /usr/local/bin/python3.1[2-9] /usr/local/python3.1[2-9]*/bin/python3 /opt/homebrew/bin/python3.1[2-9]; do
        echo "$path"
    done
}

# Every locked package has wheels for 3.12 and 3.13; a newer Python is taken only when there is neither.
find_python() {
    makes=pip
    if uv_on_path; then makes=uv; fi
    newer=
    list=$(candidates)
    while read -r candidate; do
        [ -x "$candidate" ] || continue
        found=$(probe "$candidate" "$makes") || {
            [ -z "$near_miss" ] && [ "$makes" = pip ] && probe "$candidate" any >/dev/null && near_miss=$candidate
            continue
        }
        case $found in
        3.12\ * | 3.13\ *) python=${found#* } && return 0 ;;
        *) newer=${newer:-${found#* }} ;;
        esac
    done <<END
$list
END
    python=$newer
    [ -n "$python" ]
}

choose_python() {
    if [ -n "${PYTHON:-}" ]; then
        found=$(probe "$PYTHON" uv) || {
            say "error: PYTHON=$PYTHON does not run, or is not CPython 3.12 or newer."
            say "hint: set PYTHON to another interpreter, or unset it to let this script search."
            exit 1
        }
        python=${found#* }
    elif ! find_python && ! { uv_on_path && install_python && find_python; }; then
        if [ -n "$near_miss" ]; then
            say "error: $near_miss has no venv and ensurepip modules, so it cannot make an environment."
            say "hint: apt install python3-venv (or python3.12-venv), or install uv."
        else
            say "error: Python 3.12 or newer was not found."
            say "hint: install one (apt install python3.12 python3.12-venv, or pyenv install 3.13,"
            say "hint: or uv python install 3.13), or set PYTHON=/path/to/python3."
        fi
        exit 1
    fi
}

install_python() {
    say "no Python 3.12 or newer here; asking uv to install 3.13"
    uv python install 3.13 >&2
}

# --- .venv ----------------------------------------------------------------------------------------------------

# What .venv was made from. A change of the files, of the place or of the interpreter makes it stale.
stamp_of() {
    echo "$1 $root $(cat "$root/$(requirements "$1")" "$root/pyproject.toml" "$root/scripts/setup.sh" | cksum)"
}

requirements() { if [ "$1" = dev ]; then echo requirements-dev.txt; else echo requirements.txt; fi; }

runs() { "$root/.venv/bin/python" -I -S -c '' >/dev/null 2>&1; }

fresh() {
    [ -f "$root/.venv/.truckstream-setup" ] && [ ! -e "$root/.tools/unfinished" ] || return 1
    { read -r stamp && read -r made_with; } <"$root/.venv/.truckstream-setup" || return 1
    [ "$stamp" = "$(stamp_of dev)" ] || { [ "$1" = run ] && [ "$stamp" = "$(stamp_of run)" ]; } || return 1
    if [ -n "${PYTHON:-}" ]; then
        found=$(probe "$PYTHON" uv) && [ "${found#* }" = "$made_with" ] || return 1
    fi
    [ -x "$root/.venv/bin/truckstream" ] && runs
}

# One at a time. flock where there is one (the kernel lets go of it when we die), else a directory with our number.
take_turn() {
    mkdir -p "$root/.tools"
    if command -v flock >/dev/null 2>&1; then
        exec 9>"$root/.tools/setup.lock"
        flock -n 9 || { say "waiting for another setup in this directory" && flock 9; }
        return
    fi
    until mkdir "$root/.tools/setup.lock.d" 2>/dev/null; do
        holder=$(cat "$root/.tools/setup.lock.d/pid" 2>/dev/null || sleep 1)
        if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then rm -rf "$root/.tools/setup.lock.d"; fi
        sleep 1
    done
    echo $$ >"$root/.tools/setup.lock.d/pid"
    trap 'rm -rf "$root/.tools/setup.lock.d"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

choose_uv() {
    uv=
    [ "$installer" = pip ] && return
    if uv_on_path; then
        uv=uv
    else
        uv=$root/.tools/uv/bin/uv
        "$uv" --version >/dev/null 2>&1 && return
        say "installing uv into .tools (installs packages ten times faster than pip)"
        rm -rf "$root/.tools/uv"
        { "$python" -m venv "$root/.tools/uv" &&
            "$root/.tools/uv/bin/python" -m pip install -q --disable-pip-version-check --require-hashes \
                -r "$root/scripts/uv.txt"; } >&2 || {
            say "could not install uv; going on with pip"
            uv=
        }
    fi
}

# A half-made, moved or broken environment goes; one that somebody made by hand and that works is filled, not replaced.
make_environment() {
    venv=$root/.venv
    if [ -e "$venv" ]; then
        if [ -e "$root/.tools/unfinished" ]; then why="was not finished"
        elif ! runs; then why="does not run"
        elif [ -f "$venv/.truckstream-setup" ] && ! grep -qF " $root " "$venv/.truckstream-setup"; then why="was moved"
        elif [ "$("$venv/bin/python" -I -c 'import sys; print(sys._base_executable)')" != "$python" ] &&
            [ -n "${PYTHON:-}" ]; then why="has another Python"
        elif ! probe "$venv/bin/python" uv >/dev/null; then why="has a Python that is too old"
        else return 0
        fi
        say ".venv $why; making it anew"
    fi
    : >"$root/.tools/unfinished"
    rm -rf "$venv"
    say "creating .venv"
    if [ -n "$uv" ]; then "$python" -m venv --without-pip "$venv"; else "$python" -m venv "$venv"; fi >&2
}

install_with_uv() {
    quiet=-q
    if [ -t 2 ]; then quiet=; fi
    # shellcheck disable=SC2086
    UV_PYTHON_DOWNLOADS=never "$uv" pip install $quiet --python "$venv/bin/python" "$@" >&2
}

install_with_pip() {
    "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$venv/bin/python" -m ensurepip >&2
    "$venv/bin/python" -m pip install -q --disable-pip-version-check "$@" >&2
}

install_packages() {
    list=$(requirements "$1")
    count=$(grep -c '==' "$root/$list")
    : >"$root/.tools/unfinished"
    rm -f "$venv/.truckstream-setup"
    if [ -n "$uv" ]; then
        say "installing $count locked packages ($list) with uv"
        # Compiled here once: where Python may not write its caches, every start would compile everything again.
        if install_with_uv --compile-bytecode --require-hashes -r "$root/$list" &&
            install_with_uv --no-deps -e "$root"; then return; fi
        [ "$installer" = uv ] && return 1
        say "uv failed; trying again with pip"
    fi
    say "installing $count locked packages ($list) with pip; this takes a minute"
    install_with_pip --require-hashes -r "$root/$list" && install_with_pip --no-deps -e "$root"
}

case ${1:-run} in
--help | -h) usage && exit 0 ;;
--which) choose_python && echo "$python" && exit 0 ;;
run | dev) kind=${1:-run} ;;
*) usage >&2 && exit 2 ;;
esac
case $installer in '' | uv | pip) ;; *) say "error: TRUCKSTREAM_INSTALLER must be uv or pip" && exit 2 ;; esac

fresh "$kind" && exit 0
take_turn
fresh "$kind" && exit 0
choose_python
say "using Python $("$python" -c 'import platform; print(platform.python_version())') ($python)"
choose_uv
make_environment
install_packages "$kind" || { say "error: the packages could not be installed; see above." && exit 1; }
"$venv/bin/python" -m compileall -q "$root/src" || true
printf '%s\n%s\n' "$(stamp_of "$kind")" "$("$venv/bin/python" -I -c 'import sys; print(sys._base_executable)')" \
    >"$venv/.truckstream-setup"
rm -f "$root/.tools/unfinished"
say "ready"
