#!/usr/bin/env bash
# `make bench`: quipu and the peers in turn on the same files; writes docs/BENCHMARKS.md and docs/benchmarks.svg.
#   scripts/bench.sh [MODEL.gguf...]      without models: SmolLM2
# The newest llama.cpp is built from the pinned llama-cpp-python source archive into build/peers, once (some minutes),
# or taken from the build folder that QUIPU_LLAMA_CPP names. ik_llama.cpp takes part if QUIPU_IK_LLAMA_CPP names its
# build folder. QUIPU_BENCH_ROUNDS: rounds (5); QUIPU_BENCH_THREADS: threads (the physical cores).
set -euo pipefail
cd "$(dirname "$0")/.."

peer=${QUIPU_LLAMA_CPP:-build/peers/llama.cpp}
if [ -z "${QUIPU_LLAMA_CPP:-}" ] && [ ! -e "$peer/.built" ]; then
  scripts/fetch.py llama-cpp-python
  sources=(build/deps/llama-cpp-python/*/vendor/llama.cpp)
  [ -z "${QUIPU_DEPS_DIR:-}" ] || sources=("$QUIPU_DEPS_DIR"/llama-cpp-python/*/vendor/llama.cpp)
  echo "bench: building llama.cpp (once)" >&2
  mkdir -p build/peers
  {
    cmake -S "${sources[0]}" -B "$peer" -G Ninja -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DLLAMA_CURL=OFF \
      -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=ON
    ninja -C "$peer" llama-bench llama-completion
  } >build/peers/llama.cpp.log 2>&1 || { tail -n 20 build/peers/llama.cpp.log >&2; exit 1; }
  touch "$peer/.built"
fi
[ $# -gt 0 ] || set -- build/models/SmolLM2-135M-Instruct.Q4_1.gguf
exec python3 scripts/bench.py --llama-cpp "$peer" ${QUIPU_IK_LLAMA_CPP:+--ik-llama-cpp "$QUIPU_IK_LLAMA_CPP"} \
  ${QUIPU_BENCH_ROUNDS:+--rounds "$QUIPU_BENCH_ROUNDS"} ${QUIPU_BENCH_THREADS:+--threads "$QUIPU_BENCH_THREADS"} "$@"
