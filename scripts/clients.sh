#!/usr/bin/env bash
# Makes build/clients/venv with the official API clients that the server is tested with, pinned by
# scripts/clients/requirements.txt, every file by its hash. `clients.sh NAME` makes build/clients/NAME from
# scripts/clients/NAME.txt instead. Warm it costs some milliseconds.
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:-venv} requirements=scripts/clients/${1:-requirements}.txt
venv=$PWD/build/clients/$name
mkdir -p "$venv"
exec 9>"$venv/../.$name.lock"
command -v flock >/dev/null && flock 9
stamp="$(sha256sum <"$requirements") $(python3 -V)"
[ "$(cat "$venv/.stamp" 2>/dev/null)" != "$stamp" ] || exit 0
echo "clients: making the virtual environment $name (once)" >&2
python3 -m venv --clear "$venv"
"$venv/bin/pip" install -q --disable-pip-version-check --require-hashes --only-binary :all: -r "$requirements" || {
  echo "clients: the packages of $requirements could not be installed (network? registry?)" >&2
  exit 1
}
echo "$stamp" >"$venv/.stamp"
