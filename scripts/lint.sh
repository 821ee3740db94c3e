#!/usr/bin/env bash
# clang-tidy over every source file of src/ with the compile commands of a build folder: `scripts/lint.sh build`.
# The commands may be another compiler's, whose warnings clang does not know by name.
set -euo pipefail
cd "$(dirname "$0")/.."
git ls-files 'src/*.cpp' | xargs -P "$(nproc)" -n 4 clang-tidy --quiet --extra-arg=-Wno-unknown-warning-option -p "$1"
