#!/usr/bin/env bash
# Makes the values that tests compare with, by independent programs: each scripts/references/ROOM_NAME.py runs in the
# virtual environment build/references/venv (pinned by scripts/references/requirements.txt, every file by its hash)
# with its output folder build/references/ROOM as the only argument. A line `# fetch: NAME...` in a script names the
# entries of deps.lock that it reads; it finds them below $QUIPU_DEPS_DIR. A script runs again when it, the
# requirements, a shared module (scripts/references/lib_*.py) or such an entry changed.
# `references.sh ROOM_NAME...` runs only these.
set -euo pipefail
cd "$(dirname "$0")/.."
export QUIPU_DEPS_DIR="${QUIPU_DEPS_DIR:-$PWD/build/deps}"
export HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error TOKENIZERS_PARALLELISM=false PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1
out=$PWD/build/references venv=$PWD/build/references/venv requirements=scripts/references/requirements.txt
mkdir -p "$out"
exec 9>"$out/.lock"
command -v flock >/dev/null && flock 9

shopt -s nullglob
scripts=(scripts/references/*.py) shared=(scripts/references/lib_*.py)
[ $# = 0 ] || { scripts=(); for name in "$@"; do scripts+=("scripts/references/$name.py"); done; }

scripts/venv.sh "$venv" "$requirements"

common="$(cat "$venv/.stamp") $(cat /dev/null "${shared[@]}" | sha256sum)"
stale=() fetches=()
for script in "${scripts[@]}"; do
  name=$(basename "$script" .py)
  case $name in lib_*) continue ;; esac
  [ -f "$script" ] || { echo "references: there is no $script" >&2; exit 2; }
  read -r -a packages <<<"$(sed -n 's/^# fetch: //p' "$script" | tr '\n' ' ')"
  stamp="$common $(sha256sum <"$script")"
  for package in "${packages[@]}"; do stamp+=" $(grep "^$package " deps.lock)"; done
  [ "$(cat "$out/.$name.stamp" 2>/dev/null)" != "$stamp" ] || continue
  stale+=("$name" "$stamp")
  fetches+=("${packages[@]}")
done
[ ${#stale[@]} -gt 0 ] || exit 0
[ ${#fetches[@]} = 0 ] || python3 scripts/fetch.py "${fetches[@]}"

run_one() { # NAME STAMP
  echo "references: $1" >&2
  mkdir -p "$out/${1%%_*}"
  if ! "$venv/bin/python" "scripts/references/$1.py" "$out/${1%%_*}" >"$out/.$1.log" 2>&1; then
    { echo "references: scripts/references/$1.py failed:"; tail -n 40 "$out/.$1.log"; } >&2
    return 1
  fi
  echo "$2" >"$out/.$1.stamp"
}
export -f run_one
export out venv
printf '%s\0' "${stale[@]}" | xargs -0 -n 2 -P "$(nproc)" bash -c 'run_one "$@"' run_one ||
  { echo "references: at least one script failed" >&2; exit 1; }
