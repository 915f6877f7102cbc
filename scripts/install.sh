#!/bin/sh
# Install a lock file, checked by hash, and storygen itself from this folder.
python=$1
lock=$2
set -e
echo "Setting up ($lock) ..."
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$lock"
"$python" -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
