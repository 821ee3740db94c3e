#!/usr/bin/env python3
"""Writes tests/model/data/rope.json: the rotary frequencies that `transformers` computes for each kind of scaling.

Needs torch and transformers, so the (small) output is committed: scripts/references_torch/make_rope.py > tests/model/data/rope.json
"""
import json
import sys

import torch
import transformers
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

CASES = [
    dict(name="plain", n_rot=64, base=10000.0, n_ctx=2048, scaling="none"),
    dict(name="smollm2", n_rot=64, base=100000.0, n_ctx=8192, scaling="none"),
    dict(name="linear", n_rot=128, base=10000.0, n_ctx=4096, scaling="linear", factor=4.0),
    dict(name="llama31_8b", n_rot=128, base=500000.0, n_ctx=131072, scaling="llama3", factor=8.0,
         original=8192, low=1.0, high=4.0),
    dict(name="llama32_1b", n_rot=64, base=500000.0, n_ctx=131072, scaling="llama3", factor=32.0,
         original=8192, low=1.0, high=4.0),
    dict(name="yarn_64k", n_rot=128, base=10000.0, n_ctx=65536, scaling="yarn", factor=16.0, original=4096),
    dict(name="yarn_qwen", n_rot=128, base=1000000.0, n_ctx=131072, scaling="yarn", factor=4.0, original=32768),
    dict(name="yarn_betas", n_rot=96, base=10000.0, n_ctx=32768, scaling="yarn", factor=8.0, original=4096,
         beta_fast=16.0, beta_slow=2.0, attention_factor=1.25),
]


def frequencies(case):
    parameters = {"rope_theta": case["base"], "rope_type": "default" if case["scaling"] == "none" else case["scaling"]}
    if case["scaling"] != "none":
        parameters["factor"] = case["factor"]
    if "original" in case:
        parameters["original_max_position_embeddings"] = case["original"]
    if case["scaling"] == "llama3":
        parameters.update(low_freq_factor=case["low"], high_freq_factor=case["high"])
    for key in ("beta_fast", "beta_slow", "attention_factor"):
        if key in case:
            parameters[key] = case[key]
    config = LlamaConfig(hidden_size=case["n_rot"] * 4, num_attention_heads=4, head_dim=case["n_rot"],
                         max_position_embeddings=case["n_ctx"], rope_parameters=parameters)
    if case["scaling"] == "none":
        return LlamaRotaryEmbedding.compute_default_rope_parameters(config)
    return ROPE_INIT_FUNCTIONS[case["scaling"]](config)


def main():
    out = {"made_by": f"transformers {transformers.__version__}, torch {torch.__version__}", "cases": []}
    for case in CASES:
        inv_freq, magnitude = frequencies(case)
        out["cases"].append({**case, "inv_freq": [float(f) for f in inv_freq], "magnitude": float(magnitude)})
    json.dump(out, sys.stdout, indent=None, separators=(",", ":"))


if __name__ == "__main__":
    main()
