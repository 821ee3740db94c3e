#!/usr/bin/env python3
"""Measures llama.cpp against tests/truth/data on the same token ids, and writes tests/truth/data/llamacpp.json.

    python3 scripts/references_torch/compare_llamacpp.py MODEL.gguf PACKAGE LIBRARIES [--full FULL.npy]

PACKAGE is the unpacked llama-cpp-python source archive (its ctypes binding is used, and its version is noted),
LIBRARIES the folder with a native build of its vendor/llama.cpp. Everything runs with llama.cpp's defaults; `batch`
evaluates a document in the default batches of 512, `one_row` token after token, as generation does. With --full (from
make_truth.py) the KL divergence over the whole vocabulary is noted too.
"""
import argparse
import ctypes
import json
import os
import pathlib
import re
import sys
import types

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "truth"))
import measure  # noqa: E402


def load_binding(package, libraries):
    os.environ["LLAMA_CPP_LIB_PATH"] = str(libraries)
    # The package's __init__ imports its high-level API, which needs more packages; only the binding is wanted.
    stub = types.ModuleType("llama_cpp")
    stub.__path__ = [str(package / "llama_cpp")]
    sys.modules["llama_cpp"] = stub
    import llama_cpp.llama_cpp as binding
    return binding


class Llama:
    def __init__(self, binding, path, n_ctx, threads):
        self.api = binding
        # Quiet: the log callback must stay referenced as long as the library may call it.
        self.silence = binding.llama_log_callback(lambda level, text, data: None)
        binding.llama_log_set(self.silence, ctypes.c_void_p(0))
        binding.llama_backend_init()
        self.model = binding.llama_model_load_from_file(str(path).encode(), binding.llama_model_default_params())
        params = binding.llama_context_default_params()
        params.n_ctx = n_ctx
        params.n_threads = params.n_threads_batch = threads
        self.context = binding.llama_init_from_model(self.model, params)
        self.n_vocab = binding.llama_vocab_n_tokens(binding.llama_model_get_vocab(self.model))
        self.batch = binding.llama_batch_init(512, 0, 1)

    def clear(self):
        self.api.llama_memory_clear(self.api.llama_get_memory(self.context), True)

    def decode(self, ids, first, all_logits=True):
        """Logits [len(ids)][n_vocab] (or of the last token only) of tokens at positions first …; len(ids) <= 512."""
        self.batch.n_tokens = len(ids)
        for i, token in enumerate(ids):
            self.batch.token[i] = token
            self.batch.pos[i] = first + i
            self.batch.n_seq_id[i] = 1
            self.batch.seq_id[i][0] = 0
            self.batch.logits[i] = all_logits or i + 1 == len(ids)
        if self.api.llama_decode(self.context, self.batch) != 0:
            sys.exit("llama_decode failed")
        rows = range(len(ids)) if all_logits else [len(ids) - 1]
        return np.stack([np.ctypeslib.as_array(self.api.llama_get_logits_ith(self.context, i), (self.n_vocab,)).copy()
                         for i in rows])

    def document(self, ids, step):
        self.clear()
        return np.concatenate([self.decode(ids[i:i + step], i) for i in range(0, len(ids), step)])

    def greedy(self, prompt, count, eos):
        self.clear()
        answer, step, position = [], prompt, 0
        while len(answer) < count:
            logits = self.decode(step, position, all_logits=False)
            position += len(step)
            step = [int(logits[0].argmax())]
            answer += step
            if step[0] == eos:
                break
        return answer


def log_softmax(logits):
    logits = logits.astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def compare(llama, truth, step, full, limit=None):
    difference, whole = measure.Difference(), []
    for document in truth.documents:
        logprobs = log_softmax(llama.document(document["ids"][:limit], step)[:-1])
        difference.add(document, logprobs)
        if full is not None:
            for row, other in enumerate(logprobs):
                p = log_softmax(full[document["first_row"] + row][None])[0]
                whole.append(np.sum(np.exp(p) * (p - other)))
    figures = difference.figures()
    if whole:
        figures["kl_nats_whole_vocabulary"] = float(np.mean(whole))
    return figures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("package", type=pathlib.Path)
    parser.add_argument("libraries", type=pathlib.Path)
    parser.add_argument("--full", type=pathlib.Path)
    options = parser.parse_args()
    truth = measure.Truth()
    full = np.load(options.full, mmap_mode="r") if options.full else None
    llama = Llama(load_binding(options.package, options.libraries), options.model, 4096, len(os.sched_getaffinity(0)))

    changed = sum(llama.greedy(chat["prompt"], len(chat["answer"]), truth.record["eos"]) != chat["answer"]
                  for chat in truth.chats)
    version = re.search(r'__version__ = "(.*)"', (options.package / "llama_cpp" / "__init__.py").read_text())[1]
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())[1]
    flags = set(re.search(r"flags\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())[1].split())
    record = {
        "made_by": "scripts/references_torch/compare_llamacpp.py",
        "version": f"llama.cpp of llama-cpp-python {version}, GGML_NATIVE",
        "cpu": cpu,
        "cpu_flags": sorted(flags & {"avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8",
                                     "amx_bf16"}),
        "batch": compare(llama, truth, 512, full),
        "one_row": compare(llama, truth, 1, full, limit=512),
        "greedy_changed": changed,
        "greedy_chats": len(truth.chats),
    }
    (measure.DATA / "llamacpp.json").write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
