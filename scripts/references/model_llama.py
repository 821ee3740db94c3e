#!/usr/bin/env python3
"""Tiny Llama models of unusual shapes as GGUF files, and their logits by a plain numpy implementation in float64.

Written from the papers (Touvron et al. 2023; RoPE: Su et al. 2021; GQA: Ainslie et al. 2023), not from our own code.
Usage: model_llama.py OUT_DIR; writes OUT_DIR/NAME.gguf and OUT_DIR/NAME.json (ids, logits of every position).
"""
import json
import pathlib
import sys

import gguf
import numpy as np

PLAIN = dict(n_embd=64, n_ff=96, n_layer=2, n_head=4, n_head_kv=2, head_dim_k=16, head_dim_v=16, n_rot=16,
             n_vocab=90, base=10000.0, eps=1e-5, tied=True, bias=False, freq_factors=False)
MODELS = {
    "plain": {},
    "untied": dict(tied=False),
    "biases": dict(bias=True),
    "multi_head": dict(n_head_kv=4),
    "multi_query": dict(n_head=6, n_head_kv=1, n_embd=96),
    "wide_heads": dict(n_head=3, n_head_kv=3, head_dim_k=32, head_dim_v=32, n_rot=32),
    "unequal_heads": dict(head_dim_k=24, head_dim_v=40, n_rot=24),
    "partial_rope": dict(n_rot=8),
    "freq_factors": dict(freq_factors=True),
    "odd_widths": dict(n_embd=60, n_ff=70, n_head=5, n_head_kv=5, head_dim_k=12, head_dim_v=12, n_rot=12, n_vocab=101),
}
N_TOKENS = 70  # more than a page of the cache and than every batch size of a kernel's tile


def make_weights(hp, rng):
    def normal(*shape):
        return (rng.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)

    d, ff = hp["n_embd"], hp["n_ff"]
    w = {"token_embd.weight": rng.standard_normal((hp["n_vocab"], d)).astype(np.float32),
         "output_norm.weight": (1 + 0.1 * rng.standard_normal(d)).astype(np.float32)}
    if not hp["tied"]:
        w["output.weight"] = normal(hp["n_vocab"], d)
    if hp["freq_factors"]:
        w["rope_freqs.weight"] = np.linspace(1, 8, hp["n_rot"] // 2).astype(np.float32)
    for i in range(hp["n_layer"]):
        shapes = {"attn_q": (hp["n_head"] * hp["head_dim_k"], d), "attn_k": (hp["n_head_kv"] * hp["head_dim_k"], d),
                  "attn_v": (hp["n_head_kv"] * hp["head_dim_v"], d), "attn_output": (d, hp["n_head"] * hp["head_dim_v"]),
                  "ffn_gate": (ff, d), "ffn_up": (ff, d), "ffn_down": (d, ff)}
        for name, shape in shapes.items():
            w[f"blk.{i}.{name}.weight"] = normal(*shape)
            if hp["bias"]:
                w[f"blk.{i}.{name}.bias"] = 0.3 * rng.standard_normal(shape[0]).astype(np.float32)
        for name in ("attn_norm", "ffn_norm"):
            w[f"blk.{i}.{name}.weight"] = (1 + 0.1 * rng.standard_normal(d)).astype(np.float32)
    return w


def norm(x, weight, eps):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * weight


def rope(x, hp, w):  # x: [n_tokens, n_heads, head_dim]; pairs are adjacent
    half = hp["n_rot"] // 2
    inv = hp["base"] ** (-2.0 * np.arange(half) / hp["n_rot"])
    if hp["freq_factors"]:
        inv = inv / w["rope_freqs.weight"]
    angle = np.arange(x.shape[0])[:, None] * inv[None, :]
    z = (x[..., 0:hp["n_rot"]:2] + 1j * x[..., 1:hp["n_rot"]:2]) * np.exp(1j * angle)[:, None, :]
    out = x.copy()
    out[..., 0:hp["n_rot"]:2], out[..., 1:hp["n_rot"]:2] = z.real, z.imag
    return out


def linear(x, w, name):
    y = x @ w[name + ".weight"].T
    return y + w[name + ".bias"] if name + ".bias" in w else y


def forward(hp, w, ids):
    n = len(ids)
    x = w["token_embd.weight"][ids]
    for i in range(hp["n_layer"]):
        h = norm(x, w[f"blk.{i}.attn_norm.weight"], hp["eps"])
        q = rope(linear(h, w, f"blk.{i}.attn_q").reshape(n, hp["n_head"], -1), hp, w)
        k = rope(linear(h, w, f"blk.{i}.attn_k").reshape(n, hp["n_head_kv"], -1), hp, w)
        v = linear(h, w, f"blk.{i}.attn_v").reshape(n, hp["n_head_kv"], -1)
        group = hp["n_head"] // hp["n_head_kv"]
        k, v = np.repeat(k, group, axis=1), np.repeat(v, group, axis=1)
        scores = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(hp["head_dim_k"])
        scores = np.where(np.tril(np.ones((n, n), dtype=bool)), scores, -np.inf)
        p = np.exp(scores - scores.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        x = x + linear(np.einsum("hqk,khd->qhd", p, v).reshape(n, -1), w, f"blk.{i}.attn_output")
        h = norm(x, w[f"blk.{i}.ffn_norm.weight"], hp["eps"])
        gate, up = linear(h, w, f"blk.{i}.ffn_gate"), linear(h, w, f"blk.{i}.ffn_up")
        x = x + linear(gate / (1 + np.exp(-gate)) * up, w, f"blk.{i}.ffn_down")
    x = norm(x, w["output_norm.weight"], hp["eps"])
    return x @ (w["token_embd.weight"] if hp["tied"] else w["output.weight"]).T


def write_gguf(path, hp, w):
    out = gguf.GGUFWriter(path, "llama")
    out.add_context_length(512)
    out.add_embedding_length(hp["n_embd"])
    out.add_block_count(hp["n_layer"])
    out.add_feed_forward_length(hp["n_ff"])
    out.add_head_count(hp["n_head"])
    out.add_head_count_kv(hp["n_head_kv"])
    out.add_key_length(hp["head_dim_k"])
    out.add_value_length(hp["head_dim_v"])
    out.add_rope_dimension_count(hp["n_rot"])
    out.add_rope_freq_base(hp["base"])
    out.add_layer_norm_rms_eps(hp["eps"])
    out.add_tokenizer_model("llama")
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(hp["n_vocab"] - 3)]
    out.add_token_list([t.encode() for t in tokens])
    out.add_token_scores([0.0] * len(tokens))
    out.add_token_types([2, 3, 3] + [6] * (len(tokens) - 3))
    out.add_bos_token_id(1)
    out.add_eos_token_id(2)
    for name, values in w.items():
        out.add_tensor(name, values)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for seed, (name, changes) in enumerate(MODELS.items()):
        hp = {**PLAIN, **changes}
        rng = np.random.default_rng(seed)
        w = make_weights(hp, rng)
        ids = rng.integers(3, hp["n_vocab"], N_TOKENS).tolist()
        write_gguf(out / f"{name}.gguf", hp, w)
        w64 = {k: v.astype(np.float64) for k, v in w.items()}
        logits = forward(hp, w64, ids)
        (out / f"{name}.json").write_text(json.dumps({"ids": ids, "logits": logits.tolist()}))


if __name__ == "__main__":
    main()
