#!/bin/sh
# Make the virtual environment, or say what is missing and how to get it.
python=$1
venv=$2
if ! command -v "$python" >/dev/null 2>&1; then
    echo "storygen needs Python 3.11 or newer, and there is no '$python' here." >&2
    echo "Install it (Debian: apt install python3 python3-venv), or name yours: make PYTHON=/path/to/python3.12 ..." >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "storygen needs Python 3.11 or newer; '$python' is $("$python" -V 2>&1)." >&2
    echo "Name a newer one: make PYTHON=/path/to/python3.12 ..." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "'$python' cannot make virtual environments." >&2
    echo "Debian and Ubuntu keep that in a package of its own: apt install python3-venv" >&2
    exit 1
fi
"$python" -m venv "$venv" || { rm -rf "$venv"; exit 1; }
