#!/usr/bin/env bash
# Makes a Python environment from pinned requirements, which name every package with the hashes of its files:
# `venv.sh FOLDER REQUIREMENTS`.
# FOLDER/.stamp says what it was made from; warm it costs some milliseconds. Callers see to it that one runs at a time.
set -euo pipefail
venv=$1 requirements=$2
stamp="$(sha256sum <"$requirements") $(python3 -V)"
[ "$(cat "$venv/.stamp" 2>/dev/null)" != "$stamp" ] || exit 0
echo "venv: making $venv (once)" >&2
# The folder is emptied, not replaced: it may be a link to one that several checkouts share.
python3 -m venv --clear "$venv"
"$venv/bin/pip" install -q --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r "$requirements" || {
  echo "venv: the packages of $requirements could not be installed (network? registry?)" >&2
  exit 1
}
echo "$stamp" >"$venv/.stamp"
