#!/usr/bin/env bash
# clang-tidy over every source file of src/ with the compile commands of a build folder: `scripts/lint.sh build`.
set -euo pipefail
cd "$(dirname "$0")/.."
git ls-files 'src/*.cpp' | xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p "$1"
