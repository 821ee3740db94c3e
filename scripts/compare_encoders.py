#!/usr/bin/env python3
"""Our encoders beside llama.cpp's: error and speed (of one thread, by its CPU time), as the table of docs/formats/quantization.md.

    ninja -C build bench_encoders
    compare_encoders.py --ours build/tests/bench_encoders --ggml .../libggml-base.so [--safetensors FILE]

Needs numpy and the PyPI package `gguf` (for decoding what llama.cpp encoded). A safetensors file adds a column with its
float32 matrices.
"""
import argparse
import ctypes
import json
import pathlib
import struct
import subprocess
import tempfile
import time

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

N = 1 << 19
TYPES = ["Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ1_S", "IQ1_M", "IQ2_XXS",
         "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ4_NL", "IQ4_XS", "TQ1_0", "TQ2_0", "MXFP4", "NVFP4"]
# llama.cpp refuses some of these without importances; with importances all do better by its own measure.
WITH_IMPORTANCE = ("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S")
IMPORTANCE = np.ones(256, np.float32)


def samples(safetensors):
    rng = np.random.default_rng(5)
    data = {"normal": rng.normal(0, 0.02, N), "Laplace": rng.laplace(0, 0.02, N),
            "Student t(3)": rng.standard_t(3, N) * 0.02}
    if safetensors:
        raw = safetensors.read_bytes()
        length = struct.unpack("<Q", raw[:8])[0]
        pieces = [np.frombuffer(raw[8 + length + begin:8 + length + end], np.float32)
                  for tensor in json.loads(raw[8:8 + length]).values() if len(tensor.get("shape", ())) == 2
                  and tensor["dtype"] == "F32" for begin, end in [tensor["data_offsets"]]]
        # The same share of every matrix.
        total = sum(map(len, pieces))
        data[safetensors.name] = np.concatenate([p[:len(p) * N // total // 256 * 256] for p in pieces])
    return {name: values.astype(np.float32) for name, values in data.items()}


def encode_by_ggml(library, name, x):
    qtype = GGMLQuantizationType[name]
    block, block_bytes = GGML_QUANT_SIZES[qtype]
    out = np.zeros(x.size // block * block_bytes, np.uint8)
    importance = IMPORTANCE.ctypes.data if name in WITH_IMPORTANCE else None
    library.ggml_quantize_init(int(qtype))
    begin = time.process_time()
    library.ggml_quantize_chunk(int(qtype), x.ctypes.data, out.ctypes.data, 0, x.size // 256, 256, importance)
    seconds = time.process_time() - begin
    back = dequantize(out.reshape(-1, block_bytes), qtype).ravel()
    return np.sqrt(np.mean((x.astype(np.float64) - back) ** 2)), x.size / seconds / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", required=True)
    parser.add_argument("--ggml", required=True)
    parser.add_argument("--safetensors", type=pathlib.Path)
    arguments = parser.parse_args()
    library = ctypes.CDLL(arguments.ggml)
    library.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64,
                                            ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
    rows = {name: [] for name in TYPES}
    speeds = {}
    data = samples(arguments.safetensors)
    for x in data.values():
        with tempfile.NamedTemporaryFile() as file:
            x.tofile(file.name)
            lines = subprocess.run([arguments.ours, file.name], check=True, capture_output=True, text=True).stdout
        ours = {line.split()[0]: tuple(map(float, line.split()[1:])) for line in lines.splitlines()}
        for name in TYPES:
            error, speed = encode_by_ggml(library, name, x)
            rows[name].append(ours[name][0] / error)
            speeds[name] = (ours[name][1], speed)
    print("| type | " + " | ".join(data) + " | million numbers/s (llama.cpp) |\n|---|" + "---|" * (len(data) + 1))
    for name in TYPES:
        print(f"| {name} | " + " | ".join(f"{ratio:.3f}" for ratio in rows[name]) +
              f" | {speeds[name][0]:.1f} ({speeds[name][1]:.1f}) |")


if __name__ == "__main__":
    main()
