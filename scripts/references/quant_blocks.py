#!/usr/bin/env python3
"""References of tensor types from the PyPI package `gguf` (its numpy codecs): `quant_blocks.py OUTDIR`.

For every type with a decoder:
  TYPE.blocks  random blocks: all bytes random, so scales are NaN, infinite and subnormal too, then blocks with usual scales
  TYPE.f32     what gguf.quants.dequantize makes of them
For encoders:
  source.f32   rows of 512 numbers, as many rows of each kind as KINDS says, in that order
  rmse.txt     "TYPE KIND RMSE" of gguf.quants.quantize for the types that it encodes, and of plain rounding between
               the smallest and the largest number (below) for the K types, which it does not encode
"""
import pathlib
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize, quantize

ROW = 512
KINDS = {"normal": 64, "laplace": 64, "uniform": 32, "outliers": 32, "offset": 32, "sparse": 32}
PLAIN = ("F32", "F16", "BF16")
DECODED = PLAIN + ("Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K")
# Where the binary16 scales of a block lie.
SCALES = {"Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q2_K": [80, 82], "Q3_K": [108],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}


def random_blocks(name, rng):
    """1024 blocks of random bytes and 1024 whose scales are ordinary numbers, as rows of 4 blocks.

    Of the 16-bit types all 65536 patterns.
    """
    if name in ("F16", "BF16"):
        return np.arange(65536, dtype="<u2").view(np.uint8).reshape(64, -1)
    block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType[name]][1]
    blocks = rng.integers(0, 256, (2048, block_bytes), dtype=np.uint8)
    for offset in SCALES.get(name, ()):
        scales = rng.normal(0, 0.02, (1024, 1)).astype(np.float16)
        blocks[1024:, offset:offset + 2] = scales.view(np.uint8)
    return blocks.reshape(-1, 4 * block_bytes)


def source_rows(rng):
    rows = {
        "normal": rng.normal(0, 0.02, (KINDS["normal"], ROW)),
        "laplace": rng.laplace(0, 0.02, (KINDS["laplace"], ROW)),
        "uniform": rng.uniform(-1, 1, (KINDS["uniform"], ROW)),
        "outliers": rng.standard_t(2, (KINDS["outliers"], ROW)),
        "offset": rng.normal(0.5, 0.2, (KINDS["offset"], ROW)),
        "sparse": rng.normal(0, 1, (KINDS["sparse"], ROW)) * (rng.random((KINDS["sparse"], ROW)) < 0.1),
    }
    return {kind: values.astype(np.float32) for kind, values in rows.items()}


def half(values):
    return values.astype(np.float16).astype(np.float64)


def divided(values, by):
    return np.where(by == 0, 0, values / np.where(by == 0, 1, by))


def plain_affine(x, group, q_max, scale_max):
    """x = d scale q - dmin min with scale and minimum straight from the group's range, rounded to the nearest."""
    x = x.reshape(-1, 256 // group, group).astype(np.float64)
    low = np.minimum(x.min(axis=-1, keepdims=True), 0)
    step = (x.max(axis=-1, keepdims=True) - low) / q_max
    d = half(step.max(axis=1, keepdims=True) / scale_max)
    dmin = half((-low).max(axis=1, keepdims=True) / scale_max)
    step = d * np.clip(np.round(divided(step, d)), 0, scale_max)
    low = -dmin * np.clip(np.round(divided(-low, dmin)), 0, scale_max)
    return step * np.clip(np.round(divided(x - low, step)), 0, q_max) + low


def plain_symmetric(x, q_min, scale_min):
    """x = d scale q with the scale that maps the number of largest magnitude to q_min."""
    x = x.reshape(-1, 16, 16).astype(np.float64)
    largest = np.take_along_axis(x, abs(x).argmax(axis=-1, keepdims=True), axis=-1)
    step = largest / q_min
    d = half(np.take_along_axis(step, abs(step).argmax(axis=1, keepdims=True), axis=1) / scale_min)
    step = d * np.clip(np.round(divided(step, d)), scale_min, -scale_min - 1)
    return step * np.clip(np.round(divided(x, step)), q_min, -q_min - 1)


PLAIN_ROUNDING = {
    "Q2_K": lambda x: plain_affine(x, 16, 3, 15), "Q4_K": lambda x: plain_affine(x, 32, 15, 63),
    "Q5_K": lambda x: plain_affine(x, 32, 31, 63), "Q3_K": lambda x: plain_symmetric(x, -4, -32),
    "Q6_K": lambda x: plain_symmetric(x, -32, -128),
}


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    for name in DECODED:
        blocks = random_blocks(name, rng)
        (out / f"{name}.blocks").write_bytes(blocks.tobytes())
        with np.errstate(all="ignore"):
            values = dequantize(blocks, GGMLQuantizationType[name])
        (out / f"{name}.f32").write_bytes(np.ascontiguousarray(values, dtype="<f4").tobytes())

    rows = source_rows(rng)
    (out / "source.f32").write_bytes(b"".join(values.tobytes() for values in rows.values()))
    lines = []
    for name in DECODED:
        qtype = GGMLQuantizationType[name]
        for kind, values in rows.items():
            if name in PLAIN_ROUNDING:
                back = PLAIN_ROUNDING[name](values).reshape(values.shape)
            else:
                back = dequantize(quantize(values, qtype), qtype)
            rmse = np.sqrt(np.mean((back.astype(np.float64) - values) ** 2))
            lines.append(f"{name} {kind} {rmse:.9g}\n")
    (out / "rmse.txt").write_text("".join(lines))


if __name__ == "__main__":
    main()
