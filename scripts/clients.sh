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
exec scripts/venv.sh "$venv" "$requirements"
