#!/usr/bin/env python3
"""References of tensor types from the PyPI package `gguf` (its numpy codecs): `quant_blocks.py OUTDIR`.

For every type with a decoder:
  TYPE.blocks  random blocks: all bytes random, so scales are NaN, infinite and subnormal too, then blocks with usual scales
  TYPE.f32     what gguf.quants.dequantize makes of them
For encoders:
  source.f32   rows of 512 numbers, as many rows of each kind as KINDS says, in that order
  rmse.txt     "TYPE KIND RMSE" of gguf.quants.quantize for the types that it encodes, and for others of plain encoders
               (below), which take the scale from the largest number and round to the nearest
"""
import pathlib
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants
from gguf.quants import dequantize, quantize

ROW = 512
KINDS = {"normal": 64, "laplace": 64, "uniform": 32, "outliers": 32, "offset": 32, "sparse": 32}
PLAIN = ("F32", "F16", "BF16")
DECODED = PLAIN + ("Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "Q8_K",
                   "IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ4_NL", "IQ4_XS",
                   "TQ1_0", "TQ2_0", "Q1_0", "Q2_0", "MXFP4", "NVFP4")
# Elements and bytes of blocks that the package does not know or has no decoder for.
OTHER_SIZES = {"Q8_K": (256, 292), "Q1_0": (128, 18), "Q2_0": (64, 18)}
# Where the binary16 scales of a block lie.
SCALES = {"Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q2_K": [80, 82], "Q3_K": [108],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ1_S": [0], "IQ2_XXS": [0], "IQ2_XS": [0], "IQ2_S": [0],
          "IQ3_XXS": [0], "IQ3_S": [0], "IQ4_NL": [0], "IQ4_XS": [0], "TQ1_0": [52], "TQ2_0": [64], "Q1_0": [0],
          "Q2_0": [0]}


def block_size(name):
    return OTHER_SIZES.get(name) or GGML_QUANT_SIZES[GGMLQuantizationType[name]]


def decode(blocks, name):
    if name not in OTHER_SIZES:
        return dequantize(blocks, GGMLQuantizationType[name])
    blocks = blocks.reshape(-1, block_size(name)[1])
    if name == "Q8_K":
        return blocks[:, :4].copy().view("<f4") * blocks[:, 4:260].view(np.int8).astype(np.float32)
    d = blocks[:, :2].copy().view("<f2").astype(np.float32)
    if name == "Q1_0":
        bits = np.unpackbits(blocks[:, 2:], axis=-1, bitorder="little").reshape(len(blocks), -1)
        return np.where(bits == 1, d, -d)
    digits = (blocks[:, 2:, None] >> np.array([0, 2, 4, 6], np.uint8)) & 3
    return d * (digits.reshape(len(blocks), -1).astype(np.float32) - 1)


def random_blocks(name, rng):
    """1024 blocks of random bytes and 1024 whose scales are ordinary numbers, as rows of 4 blocks.

    Of the 16-bit types all 65536 patterns.
    """
    if name in ("F16", "BF16"):
        return np.arange(65536, dtype="<u2").view(np.uint8).reshape(64, -1)
    block_bytes = block_size(name)[1]
    blocks = rng.integers(0, 256, (2048, block_bytes), dtype=np.uint8)
    for offset in SCALES.get(name, ()):
        scales = rng.normal(0, 0.02, (1024, 1)).astype(np.float16)
        blocks[1024:, offset:offset + 2] = scales.view(np.uint8)
    if name == "Q8_K":
        blocks[1024:, :4] = rng.normal(0, 0.02, (1024, 1)).astype("<f4").view(np.uint8)
    if name == "IQ1_M":  # a quarter of the scale in the top bits of each of the last four words
        scales = rng.normal(0, 0.02, 1024).astype(np.float16).view(np.uint16)
        for i in range(4):
            blocks[1024:, 49 + 2 * i] = (blocks[1024:, 49 + 2 * i] & 15) | (((scales >> (4 * i)) & 15) << 4)
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


def to_levels(x, levels):
    levels = np.array(sorted(set(levels)), dtype=np.float64)
    return levels[np.searchsorted((levels[1:] + levels[:-1]) / 2, x)]


def plain_iq4_nl(x):
    x = x.reshape(-1, 32).astype(np.float64)
    d = half(np.take_along_axis(x, abs(x).argmax(axis=-1, keepdims=True), axis=-1) / quants.IQ4_NL.kvalues[0])
    return d * to_levels(divided(x, d), quants.IQ4_NL.kvalues)


def plain_iq4_xs(x):
    x = x.reshape(-1, 8, 32).astype(np.float64)
    largest = np.take_along_axis(x, abs(x).argmax(axis=-1, keepdims=True), axis=-1)
    step = largest / quants.IQ4_NL.kvalues[0]
    d = half(np.take_along_axis(step, abs(step).argmax(axis=1, keepdims=True), axis=1) / -32)
    step = d * np.clip(np.round(divided(step, d)), -32, 31)
    return step * to_levels(divided(x, step), quants.IQ4_NL.kvalues)


def plain_nvfp4(x):
    x = x.reshape(-1, 16).astype(np.float64)
    codes = quants.NVFP4.fp32_to_ue4m3((abs(x).max(axis=-1, keepdims=True) / 6).astype(np.float32))
    d = quants.NVFP4.ue4m3_to_fp32(codes).astype(np.float64)
    return d * to_levels(divided(x, d), quants.NVFP4.kvalues)


def plain_q1_0(x):
    x = x.reshape(-1, 128).astype(np.float64)
    return half(abs(x).mean(axis=-1, keepdims=True)) * np.where(x >= 0, 1, -1)


def plain_q2_0(x):
    x = x.reshape(-1, 64).astype(np.float64)
    d = half(abs(x).max(axis=-1, keepdims=True))
    return d * np.clip(np.round(divided(x, d)), -1, 2)


def plain_q8_k(x):
    x = x.reshape(-1, 256).astype(np.float64)
    d = (abs(x).max(axis=-1, keepdims=True) / 127).astype(np.float32).astype(np.float64)
    return d * np.round(divided(x, d))


def nearest_points(x, points):
    """The nearest point to each row, by trying all, and its squared distance."""
    nearest = np.empty_like(x)
    for i in range(0, len(x), 4096):
        rows = x[i:i + 4096]
        nearest[i:i + 4096] = points[np.argmin((points**2).sum(axis=1) - 2 * rows @ points.T, axis=1)]
    return nearest


def plain_grid(x, name, sub, unit, scale_max=15, signs="all"):
    quant = getattr(quants, name)
    quant.init_grid()
    points = quant.grid.reshape(quant.grid_shape).astype(np.float64)
    x = x.reshape(-1, 256 // sub, sub).astype(np.float64)
    step = abs(x).max(axis=-1, keepdims=True) / points.max()
    d = half(step.max(axis=1, keepdims=True) / (unit * (2 * scale_max + 1))) * unit
    step = d * (2 * np.clip(np.round((divided(step, d) - 1) / 2), 0, scale_max) + 1)
    v = divided(x, step).reshape(-1, 8)
    if signs in ("sub", "group"):  # IQ1: a shift of 1/8 up or down for each sub-block or group of 8
        shifted = np.stack([nearest_points(v - shift, points) + shift for shift in (0.125, -0.125)])
        errors = ((shifted - v) ** 2).sum(axis=-1).reshape(2, -1, 1 if signs == "group" else sub // 8).sum(axis=-1)
        pick = np.repeat(errors.argmin(axis=0), 1 if signs == "group" else sub // 8)
        q = shifted[pick, np.arange(len(v))]
    else:
        sign = np.where(v < 0, -1.0, 1.0)
        if signs == "even":  # an odd number of minus signs: that of the smallest number turns
            odd = np.where(sign.prod(axis=-1, keepdims=True) < 0, -1.0, 1.0)
            at = abs(v).argmin(axis=-1, keepdims=True)
            np.put_along_axis(sign, at, np.take_along_axis(sign, at, axis=-1) * odd, axis=-1)
        dims = quant.grid_shape[1]
        q = nearest_points((v * sign).reshape(-1, dims), points).reshape(-1, 8) * sign
    return step * q.reshape(x.shape)


PLAIN_ENCODERS = {
    "Q2_K": lambda x: plain_affine(x, 16, 3, 15), "Q4_K": lambda x: plain_affine(x, 32, 15, 63),
    "Q5_K": lambda x: plain_affine(x, 32, 31, 63), "Q3_K": lambda x: plain_symmetric(x, -4, -32),
    "Q6_K": lambda x: plain_symmetric(x, -32, -128), "Q8_K": plain_q8_k, "IQ4_NL": plain_iq4_nl, "IQ4_XS": plain_iq4_xs,
    "NVFP4": plain_nvfp4, "Q1_0": plain_q1_0, "Q2_0": plain_q2_0,
    "IQ2_XXS": lambda x: plain_grid(x, "IQ2_XXS", 32, 1 / 8, signs="even"),
    "IQ2_XS": lambda x: plain_grid(x, "IQ2_XS", 16, 1 / 8, signs="even"),
    "IQ2_S": lambda x: plain_grid(x, "IQ2_S", 16, 1 / 8),
    "IQ3_XXS": lambda x: plain_grid(x, "IQ3_XXS", 32, 1 / 4, signs="even"),
    "IQ3_S": lambda x: plain_grid(x, "IQ3_S", 32, 1),
    "IQ1_S": lambda x: plain_grid(x, "IQ1_S", 32, 1, scale_max=7, signs="sub"),
    "IQ1_M": lambda x: plain_grid(x, "IQ1_M", 16, 1, scale_max=7, signs="group"),
}


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    for name in DECODED:
        blocks = random_blocks(name, rng)
        (out / f"{name}.blocks").write_bytes(blocks.tobytes())
        with np.errstate(all="ignore"):
            values = decode(blocks, name)
        (out / f"{name}.f32").write_bytes(np.ascontiguousarray(values, dtype="<f4").tobytes())

    rows = source_rows(rng)
    (out / "source.f32").write_bytes(b"".join(values.tobytes() for values in rows.values()))
    lines = []
    for name in DECODED:
        for kind, values in rows.items():
            if name in PLAIN_ENCODERS:
                back = PLAIN_ENCODERS[name](values).reshape(values.shape)
            else:
                qtype = GGMLQuantizationType[name]
                back = dequantize(quantize(values, qtype), qtype)
            rmse = np.sqrt(np.mean((back.astype(np.float64) - values) ** 2))
            lines.append(f"{name} {kind} {rmse:.9g}\n")
    (out / "rmse.txt").write_text("".join(lines))


if __name__ == "__main__":
    main()
