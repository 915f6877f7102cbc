#!/bin/sh
# Pin every dependency, for all supported Pythons and platforms, with hashes and without naming an index.
# docopt is left out: only num2words' own command line uses it, and it comes as source that has to be built.
set -e
python=$1
"$python" -m pip install --quiet --disable-pip-version-check uv
compile() {
    "$python" -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
        --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-package docopt "$@"
}
compile pyproject.toml --extra dev -o requirements-dev.lock
compile pyproject.toml --extra build --extra profile -c requirements-dev.lock -o requirements.lock
compile pyproject.toml --extra build --extra openai --extra anthropic --extra gemini --extra elevenlabs --extra runway \
    --extra redis --extra service --extra postgresql --extra celery --extra s3 -c requirements-dev.lock -o deploy/docker/requirements.lock
