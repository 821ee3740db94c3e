#!/usr/bin/env bash
# Runs every fuzzer of a build folder for some seconds and says how many executions it did:
# `scripts/fuzz.sh build/fuzz 600`. New inputs stay in BUILD/corpus, finds in BUILD/finds; a find ends it with 1.
set -uo pipefail
cd "$(dirname "$0")/.."
build=$1 seconds=$2 status=0
for fuzzer in "$build"/fuzz/fuzz_*; do
  [ -x "$fuzzer" ] && [ -f "$fuzzer" ] || continue
  name=$(basename "$fuzzer"); name=${name#fuzz_}
  mkdir -p "$build/corpus/$name" "$build/finds/$name"
  seeds=(); [ -d "fuzz/corpus/$name" ] && seeds=("fuzz/corpus/$name")
  dictionary=(); [ -f "fuzz/$name.dict" ] && dictionary=("-dict=fuzz/$name.dict")
  log="$build/$name.log"
  "$fuzzer" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -print_final_stats=1 -artifact_prefix="$build/finds/$name/" \
    "${dictionary[@]}" "$build/corpus/$name" "${seeds[@]}" >"$log" 2>&1
  code=$?
  echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") executions in $seconds s, exit code $code"
  [ "$code" = 0 ] || { status=1; tail -n 40 "$log"; }
done
exit $status
