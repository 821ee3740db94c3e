#!/usr/bin/env python3
"""Model files without weights: the published shapes of Llama 3.1, whole directories over holes; and broken metadata.

The names and shapes of the tensors follow from the models' published config.json by the `gguf` package's own table of
names. Usage: model_shapes.py OUT_DIR; writes OUT_DIR/NAME.gguf (sparse) and OUT_DIR/shapes.json.
"""
import json
import pathlib
import sys

import gguf
import numpy as np

# config.json of meta-llama/Llama-3.1-{8B,70B,405B} and Llama-3.2-1B
CONFIGS = {
    "llama31_8b": dict(hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32,
                       num_key_value_heads=8, factor=8.0, tied=False),
    "llama31_70b": dict(hidden_size=8192, intermediate_size=28672, num_hidden_layers=80, num_attention_heads=64,
                        num_key_value_heads=8, factor=8.0, tied=False),
    "llama31_405b": dict(hidden_size=16384, intermediate_size=53248, num_hidden_layers=126, num_attention_heads=128,
                         num_key_value_heads=8, factor=8.0, tied=False),
    "llama32_1b": dict(hidden_size=2048, intermediate_size=8192, num_hidden_layers=16, num_attention_heads=32,
                       num_key_value_heads=8, head_dim=64, factor=32.0, tied=True),
}
N_VOCAB, N_CTX, THETA, EPS, N_CTX_ORIGINAL = 128256, 131072, 500000.0, 1e-5, 8192

# What to write in place of a good value, and the key that the error must name. None: leave it out.
BROKEN = {
    "zero_layers": ("block_count", 0), "no_layers": ("block_count", None), "huge_layers": ("block_count", 2**31),
    "zero_embd": ("embedding_length", 0), "zero_heads": ("attention.head_count", 0),
    "heads_no_multiple": ("attention.head_count_kv", 3), "zero_context": ("context_length", 0),
    "zero_ff": ("feed_forward_length", 0), "odd_rot": ("rope.dimension_count", 7),
    "rot_beyond_head": ("rope.dimension_count", 1024), "nan_eps": ("attention.layer_norm_rms_epsilon", float("nan")),
    "negative_eps": ("attention.layer_norm_rms_epsilon", -1e-5), "zero_theta": ("rope.freq_base", 0.0),
    "inf_theta": ("rope.freq_base", float("inf")), "unknown_scaling": ("rope.scaling.type", "spiral"),
    "zero_factor": ("rope.scaling.factor", 0.0), "text_layers": ("block_count", "many"),
    "experts": ("expert_count", 8),
}


def hyperparameters(c):
    return {"vocab_size": N_VOCAB, "context_length": N_CTX, "embedding_length": c["hidden_size"],
            "block_count": c["num_hidden_layers"], "feed_forward_length": c["intermediate_size"],
            "attention.head_count": c["num_attention_heads"], "attention.head_count_kv": c["num_key_value_heads"],
            "attention.layer_norm_rms_epsilon": EPS, "rope.freq_base": THETA, "rope.scaling.type": "llama3",
            "rope.scaling.factor": c["factor"], "rope.scaling.original_context_length": N_CTX_ORIGINAL}


def tensors(c):
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, c["num_hidden_layers"])
    d, ff = c["hidden_size"], c["intermediate_size"]
    head = c.get("head_dim", d // c["num_attention_heads"])
    q, kv = c["num_attention_heads"] * head, c["num_key_value_heads"] * head
    shapes = {"model.embed_tokens": (N_VOCAB, d), "model.norm": (d,)}
    if not c["tied"]:
        shapes["lm_head"] = (N_VOCAB, d)
    for i in range(c["num_hidden_layers"]):
        layer = f"model.layers.{i}."
        shapes.update({layer + "self_attn.q_proj": (q, d), layer + "self_attn.k_proj": (kv, d),
                       layer + "self_attn.v_proj": (kv, d), layer + "self_attn.o_proj": (d, q),
                       layer + "mlp.gate_proj": (ff, d), layer + "mlp.up_proj": (ff, d),
                       layer + "mlp.down_proj": (d, ff), layer + "input_layernorm": (d,),
                       layer + "post_attention_layernorm": (d,)})
    return {names.get_name(name) + ".weight": shape for name, shape in shapes.items()}


def write(path, keys, shapes):
    out = gguf.GGUFWriter(path, "llama")
    for key, value in keys.items():
        key = "llama." + key
        if isinstance(value, str):
            out.add_string(key, value)
        elif isinstance(value, float):
            out.add_float32(key, value)
        elif value is not None:
            out.add_uint32(key, value)
    for name, shape in shapes.items():
        kind = gguf.GGMLQuantizationType.F16 if len(shape) == 2 else gguf.GGMLQuantizationType.F32
        n_bytes = 2 if len(shape) == 2 else 4
        for n in shape:
            n_bytes *= n
        out.add_tensor_info(name, shape, np.dtype(np.float16 if len(shape) == 2 else np.float32), n_bytes, kind)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_ti_data_to_file()
    size = out.fout[0].tell()
    out.close()
    alignment = 32
    total = (size + alignment - 1) // alignment * alignment
    for shape in shapes.values():
        n = 2 if len(shape) == 2 else 4
        for m in shape:
            n *= m
        total += (n + alignment - 1) // alignment * alignment
    with open(path, "r+b") as f:
        f.truncate(total)


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    shapes = {}
    for name, config in CONFIGS.items():
        all_tensors = tensors(config)
        write(out / f"{name}.gguf", hyperparameters(config), all_tensors)
        shapes[name] = {"keys": hyperparameters(config), "tied": config["tied"], "n_tensors": len(all_tensors),
                        "head_dim": config.get("head_dim", config["hidden_size"] // config["num_attention_heads"])}
    broken = {}
    for name, (key, value) in BROKEN.items():
        write(out / f"broken_{name}.gguf", {**hyperparameters(CONFIGS["llama32_1b"]), key: value}, {})
        broken[name] = "llama." + key
    missing = tensors(CONFIGS["llama32_1b"])
    del missing["blk.7.ffn_up.weight"]
    write(out / "missing_tensor.gguf", hyperparameters(CONFIGS["llama32_1b"]), missing)
    wrong = {**tensors(CONFIGS["llama32_1b"]), "blk.3.attn_k.weight": (512, 1024)}
    write(out / "wrong_shape.gguf", hyperparameters(CONFIGS["llama32_1b"]), wrong)
    extra = {**tensors(CONFIGS["llama32_1b"]), "blk.0.attn_q_norm.weight": (64,)}
    write(out / "extra_tensor.gguf", hyperparameters(CONFIGS["llama32_1b"]), extra)
    (out / "shapes.json").write_text(json.dumps({"models": shapes, "broken": broken}))


if __name__ == "__main__":
    main()
