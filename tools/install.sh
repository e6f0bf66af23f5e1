#!/usr/bin/env bash
# Makes the virtual environment and installs the package into it, with the system libraries it needs.
# usage: tools/install.sh VENV EXTRAS      (EXTRAS: "", "test", "test,train", ...)
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1
extras=${2:-}

fail() { # what happened, what to do
    printf '%s\n%s\n' "$1" "$2" >&2
    exit 2
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Installs Debian packages when that is allowed without asking for a password; says so otherwise.
system_packages() {
    if command -v apt-get >/dev/null && as_root true 2>/dev/null; then
        echo "Installing $* ..."
        as_root apt-get update -qq >/dev/null || true
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null && return
    fi
    return 1
}

find_python() {
    local name
    for name in python3.12 python3.11 python3 python; do
        if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    fail "Python 3.11 or 3.12 was not found; this machine has: $(python3 --version 2>&1 || echo none)." \
        "Install one of them (Debian, Ubuntu: apt install python3.11 python3.11-venv; macOS: brew install python@3.12; any: pyenv or uv)."
}

if [ "$(uname)" = Linux ]; then
    known=$(ldconfig -p 2>/dev/null || /sbin/ldconfig -p || true)
    missing=
    for library in libEGL.so.1 libGL.so.1 libglib-2.0.so.0; do
        [[ $known == *"$library"* ]] || missing="$missing $library"
    done
    if [ -n "$missing" ]; then
        system_packages libegl1 libgl1 libglib2.0-0 ||
            fail "These system libraries are missing:$missing." \
                "Install them (Debian, Ubuntu: sudo apt install libegl1 libgl1 libglib2.0-0; Fedora: sudo dnf install libglvnd-egl libglvnd-glx glib2)."
    fi
fi

if ! "$venv/bin/python" -c '' 2>/dev/null; then
    python=$(find_python)
    if ! "$python" -m venv --clear "$venv" >/dev/null 2>&1; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        system_packages "python$version-venv" && "$python" -m venv --clear "$venv" ||
            fail "$python cannot make a virtual environment." "Install its venv module (Debian, Ubuntu: sudo apt install python$version-venv)."
    fi
fi

# What was interrupted while it was made, or made by another tool, may lack pip.
"$venv/bin/python" -c 'import pip' 2>/dev/null || "$venv/bin/python" -m ensurepip --default-pip >/dev/null ||
    fail "There is no pip in $venv." "Remove that folder, and run the command again."

# pip is asked again only when pyproject.toml or the extras have changed; extras add up.
stamp="$venv/.contourface"
want=$(cksum <pyproject.toml)
if [ "$(head -n 1 "$stamp" 2>/dev/null)" != "$want" ]; then
    echo "$want" >"$stamp.new"
    todo=yes
else
    cp "$stamp" "$stamp.new"
    todo=
fi
for extra in base ${extras//,/ }; do
    grep -qx "$extra" "$stamp.new" || { echo "$extra" >>"$stamp.new"; todo=yes; }
done
if [ -n "$todo" ]; then
    names=$(sed '1d; /^base$/d' "$stamp.new" | paste -sd, -)
    echo "Installing the packages into $venv${names:+ with the extras $names} (a minute or two the first time) ..."
    # Python compiles what it imports; pip would compile all of it, a third of the time that installing takes.
    "$venv/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check --editable ".${names:+[$names]}" ||
        fail "The packages could not be installed." "Read pip's last lines above: most often the network is down or the disk is full; then run the command again."
    mv "$stamp.new" "$stamp"
else
    rm -f "$stamp.new"
fi
