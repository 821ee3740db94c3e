#!/usr/bin/env python3
"""Writes a GGUF of a Llama model with random weights and a real vocabulary: for speed, memory and parity, not for meaning.

    make_random_model.py --shape llama-8b --type Q4_K_M --vocab ggml-vocab-llama-bpe.gguf out.gguf

Needs numpy and the PyPI package `gguf` (the environment that scripts/references.sh makes has both). Metadata and the
tensors' names, shapes and types are as llama.cpp's converter writes them. Weights are random blocks with scales such that
a layer keeps the size of its input, so logits are finite, near a standard normal distribution, and differ from token to
token. One run of random blocks per type is repeated through the tensors, from another place in each; the run's length is
a prime, so rows of a tensor differ. An 8B model takes about as long as the disk takes, and 100 MB of memory.
"""
import argparse
import dataclasses
import math
import pathlib
import struct

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize


@dataclasses.dataclass
class Shape:
    n_embd: int
    n_layer: int
    n_head: int
    n_head_kv: int
    n_ff: int
    context: int
    rope_theta: float
    tied: bool = False
    rope_factor: float = 0  # of Llama 3.1's scaling of RoPE; 0: none
    head_size: int = 0  # 0: n_embd / n_head
    norm_eps: float = 1e-5

    def __post_init__(self):
        self.head_size = self.head_size or self.n_embd // self.n_head


SHAPES = {
    "tiny": Shape(256, 2, 4, 2, 512, 2048, 10000, tied=True),
    "tiny-untied": Shape(256, 2, 8, 2, 768, 2048, 500000, rope_factor=8, head_size=64),
    "smollm2-135m": Shape(576, 30, 9, 3, 1536, 8192, 100000, tied=True),
    "smollm2-1.7b": Shape(2048, 24, 32, 32, 8192, 8192, 130000, tied=True),
    "llama-1b": Shape(2048, 16, 32, 8, 8192, 131072, 500000, tied=True, rope_factor=32),
    "llama-3b": Shape(3072, 28, 24, 8, 8192, 131072, 500000, tied=True, rope_factor=32),
    "llama-8b": Shape(4096, 32, 32, 8, 14336, 131072, 500000, rope_factor=8),
    "llama-70b": Shape(8192, 80, 64, 8, 28672, 131072, 500000, rope_factor=8),
}

# Mixtures of llama.cpp: the type of most tensors, and that of the output and of half of attn_v and ffn_down.
MIXTURES = {"Q2_K": ("Q2_K", "Q4_K"), "Q3_K_M": ("Q3_K", "Q5_K"), "Q4_K_M": ("Q4_K", "Q6_K"), "Q5_K_M": ("Q5_K", "Q6_K")}
# What llama.cpp takes where rows do not divide into super-blocks.
FALLBACKS = {"Q2_K": "IQ4_NL", "Q3_K": "Q4_0", "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
FILE_TYPES = {"F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "Q2_K": 10, "Q3_K_M": 12,
              "Q4_K_M": 15, "Q5_K_M": 17, "Q6_K": 18, "IQ2_XXS": 19, "IQ2_XS": 20, "IQ3_XXS": 23, "IQ1_S": 24,
              "IQ3_S": 26, "IQ2_S": 28, "IQ1_M": 31, "BF16": 32, "TQ1_0": 36, "TQ2_0": 37}

# More than any tensor has rows, so no two rows begin at the same block of the run.
RUN_BLOCKS = 262147


def random_run(name, rng):
    """RUN_BLOCKS random blocks of a type whose values have a mean near 0 and the standard deviation 1, as an array
    (blocks, bytes), and a function that returns them with their scales multiplied."""
    if name in ("F32", "F16", "BF16"):
        values = rng.standard_normal(RUN_BLOCKS, dtype=np.float32)

        def scaled(factor):
            v = values * np.float32(factor)
            if name == "F32":
                return v.view(np.uint8).reshape(RUN_BLOCKS, 4)
            if name == "F16":
                return v.astype(np.float16).view(np.uint8).reshape(RUN_BLOCKS, 2)
            return (v.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8).reshape(RUN_BLOCKS, 2)
        return scaled

    block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType[name]][1]
    blocks = rng.integers(0, 256, (RUN_BLOCKS, block_bytes), dtype=np.uint8)
    # Offsets of the binary16 scale and of the binary16 minimum or offset with its share of the scale, chosen so that
    # the mean is 0; and scales within a block from 32 to 63 where they are packed.
    scale_at, offset_at, share = {
        "Q8_0": (0, None, 0), "Q4_0": (0, None, 0), "Q5_0": (0, None, 0), "Q4_1": (0, 2, -7.5), "Q5_1": (0, 2, -15.5),
        "Q2_K": (80, 82, 1.5), "Q3_K": (108, None, 0), "Q4_K": (0, 2, 7.5), "Q5_K": (0, 2, 15.5), "Q6_K": (208, None, 0),
        "IQ4_NL": (0, None, 0), "IQ1_S": (0, None, 0), "IQ1_M": (None, None, 0), "IQ2_XXS": (0, None, 0),
        "IQ2_XS": (0, None, 0), "IQ2_S": (0, None, 0), "IQ3_XXS": (0, None, 0), "IQ3_S": (0, None, 0),
        "TQ1_0": (52, None, 0), "TQ2_0": (64, None, 0)}[name]
    if name == "Q2_K":
        scales = rng.integers(8, 16, (RUN_BLOCKS, 16), dtype=np.uint8)
        blocks[:, :16] = scales | (scales << 4)
    elif name in ("Q4_K", "Q5_K"):
        low = rng.integers(0, 64, (RUN_BLOCKS, 4), dtype=np.uint8) % 16 + 32
        high = rng.integers(0, 16, (RUN_BLOCKS, 4), dtype=np.uint8)
        blocks[:, 4:8] = blocks[:, 8:12] = low | 0x80  # upper bits of scales and minima 4 to 7: 32
        blocks[:, 12:16] = high | (high << 4)
    elif name == "Q3_K":
        blocks[:, 104:108] |= 0xAA  # 32 or more before the subtraction of 32
    elif name == "Q6_K":
        blocks[:, 192:208] = rng.integers(64, 128, (RUN_BLOCKS, 16), dtype=np.uint8)
    elif name == "TQ2_0":  # -1, 0 and 1, not 2
        digits = rng.integers(0, 3, (RUN_BLOCKS, 64, 4), dtype=np.uint8)
        blocks[:, :64] = digits[..., 0] | digits[..., 1] << 2 | digits[..., 2] << 4 | digits[..., 3] << 6

    def with_scale(scale, some):
        half = np.float16(scale)
        if name == "IQ1_M":  # a quarter of it in the top bits of each of four words
            bits = int(np.frombuffer(half.tobytes(), np.uint16)[0])
            for word in range(4):
                top = some[:, 49 + 2 * word]
                top[:] = top & 15 | (bits >> (4 * word) & 15) << 4
            return some
        some[:, scale_at:scale_at + 2] = np.frombuffer(half.tobytes(), np.uint8)
        if offset_at is not None:
            some[:, offset_at:offset_at + 2] = np.frombuffer(np.float16(np.float32(half) * share).tobytes(), np.uint8)
        return some

    sample = dequantize(with_scale(1, blocks[:256].copy()), GGMLQuantizationType[name])
    unit = 1 / float(np.std(sample))
    return lambda factor: with_scale(unit * factor, blocks)


class TensorWriter:
    """Writes tensors of random blocks in pieces."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.runs = {}
        self.current = (None, None, None)

    def write(self, file, name, deviation, n_blocks):
        if name not in self.runs:
            self.runs[name] = random_run(name, self.rng)
        if self.current[:2] != (name, deviation):
            self.current = (name, deviation, self.runs[name](deviation))
        run = self.current[2]
        at = int(self.rng.integers(RUN_BLOCKS))
        while n_blocks > 0:
            piece = run[at:at + n_blocks]
            file.write(memoryview(piece).cast("B"))
            n_blocks -= len(piece)
            at = 0


def llama3_rope_factors(shape):
    """The divisors of RoPE's frequencies of Llama 3.1, as its converter writes them to rope_freqs.weight."""
    low, high, original = 1.0, 4.0, 8192
    factors = []
    for i in range(0, shape.head_size, 2):
        wavelength = 2 * math.pi * shape.rope_theta ** (i / shape.head_size)
        if wavelength < original / high:
            factors.append(1.0)
        elif wavelength > original / low:
            factors.append(shape.rope_factor)
        else:
            smooth = (original / wavelength - low) / (high - low)
            factors.append(1 / ((1 - smooth) / shape.rope_factor + smooth))
    return np.array(factors, dtype=np.float32)


def tensor_list(shape, n_vocab, type_name):
    """(name, rows, columns, type, deviation or the values) of each tensor, in the order of llama.cpp's converter."""
    base, better = MIXTURES.get(type_name, (type_name, type_name))
    block = {True: base, False: better}

    def matrix(name, rows, columns, good=False, gain=1.0):
        chosen = block[not good]
        if columns % GGML_QUANT_SIZES[GGMLQuantizationType[chosen]][0] != 0:
            chosen = FALLBACKS.get(chosen, "IQ4_NL")
        return (name, rows, columns, chosen, gain / math.sqrt(columns))

    norm = np.ones(shape.n_embd, dtype=np.float32)
    q, kv = shape.n_head * shape.head_size, shape.n_head_kv * shape.head_size
    residual = 1 / math.sqrt(2 * shape.n_layer)
    tensors = []
    if shape.rope_factor:
        tensors.append(("rope_freqs.weight", None, shape.head_size // 2, "F32", llama3_rope_factors(shape)))
    tensors.append(matrix("token_embd.weight", n_vocab, shape.n_embd, good=shape.tied))
    for i in range(shape.n_layer):
        # llama.cpp spends more on the first and last eighth, and on every third layer between.
        eighth = shape.n_layer // 8
        good = i < eighth or i >= 7 * shape.n_layer // 8 or (i - eighth) % 3 == 2
        blk = f"blk.{i}."
        tensors += [
            (blk + "attn_norm.weight", None, shape.n_embd, "F32", norm),
            matrix(blk + "ffn_down.weight", shape.n_embd, shape.n_ff, good, residual),
            matrix(blk + "ffn_gate.weight", shape.n_ff, shape.n_embd),
            matrix(blk + "ffn_up.weight", shape.n_ff, shape.n_embd),
            (blk + "ffn_norm.weight", None, shape.n_embd, "F32", norm),
            matrix(blk + "attn_k.weight", kv, shape.n_embd),
            matrix(blk + "attn_output.weight", shape.n_embd, q, gain=residual),
            matrix(blk + "attn_q.weight", q, shape.n_embd),
            matrix(blk + "attn_v.weight", kv, shape.n_embd, good),
        ]
    tensors.append(("output_norm.weight", None, shape.n_embd, "F32", norm))
    if not shape.tied:
        tensors.append(matrix("output.weight", n_vocab, shape.n_embd, good=True))
    return tensors


# Struct formats of the value types of GGUF, by number; strings (8) and arrays (9) have none.
VALUE_FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
U32, F32, STRING, ARRAY = 4, 6, 8, 9


def end_of_value(data, at, value_type):
    if value_type == STRING:
        return at + 8 + struct.unpack_from("<Q", data, at)[0]
    if value_type != ARRAY:
        return at + struct.calcsize(VALUE_FORMATS[value_type])
    element, count = struct.unpack_from("<IQ", data, at)
    at += 12
    if element in VALUE_FORMATS:
        return at + count * struct.calcsize(VALUE_FORMATS[element])
    for _ in range(count):
        at = end_of_value(data, at, element)
    return at


def read_vocabulary(path):
    """The tokenizer.* metadata of a GGUF as encoded pairs, and the number of tokens."""
    data = path.read_bytes() if path.stat().st_size < 1 << 26 else np.memmap(path, mode="r")
    magic, version, _, n_keys = struct.unpack_from("<4sIQQ", data)
    if magic != b"GGUF" or version not in (2, 3):
        raise SystemExit(f"{path}: no GGUF of version 2 or 3")
    at, pairs, n_vocab = 24, [], 0
    for _ in range(n_keys):
        begin, length = at, struct.unpack_from("<Q", data, at)[0]
        name = bytes(data[at + 8:at + 8 + length]).decode()
        at += 8 + length
        value_type = struct.unpack_from("<I", data, at)[0]
        if name == "tokenizer.ggml.tokens":
            n_vocab = struct.unpack_from("<Q", data, at + 8)[0]
        at = end_of_value(data, at + 4, value_type)
        if name.startswith("tokenizer."):
            pairs.append(bytes(data[begin:at]))
    if n_vocab == 0:
        raise SystemExit(f"{path}: has no vocabulary (tokenizer.ggml.tokens)")
    return pairs, n_vocab


def text(value):
    encoded = value.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def pair(name, value):
    """A metadata entry: strings, floats as f32, integers as u32."""
    if isinstance(value, str):
        return text(name) + struct.pack("<I", STRING) + text(value)
    if isinstance(value, float):
        return text(name) + struct.pack("<If", F32, value)
    return text(name) + struct.pack("<II", U32, value)


def metadata(shape, n_vocab, arguments):
    values = {
        "general.architecture": "llama",
        "general.type": "model",
        "general.name": f"random {arguments.shape} {arguments.type}",
        "general.quantization_version": 2,
        "llama.block_count": shape.n_layer,
        "llama.context_length": shape.context,
        "llama.embedding_length": shape.n_embd,
        "llama.feed_forward_length": shape.n_ff,
        "llama.attention.head_count": shape.n_head,
        "llama.attention.head_count_kv": shape.n_head_kv,
        "llama.attention.key_length": shape.head_size,
        "llama.attention.value_length": shape.head_size,
        "llama.attention.layer_norm_rms_epsilon": shape.norm_eps,
        "llama.rope.freq_base": float(shape.rope_theta),
        "llama.rope.dimension_count": shape.head_size,
        "llama.vocab_size": n_vocab,
    }
    if arguments.type in FILE_TYPES:
        values["general.file_type"] = FILE_TYPES[arguments.type]
    return [pair(name, value) for name, value in values.items()]


ALIGNMENT = 32


def pad(file):
    file.write(bytes(-file.tell() % ALIGNMENT))


def write_model(file, pairs, tensors, seed):
    file.write(struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(pairs)))
    file.write(b"".join(pairs))
    offset, sizes = 0, []
    for name, rows, columns, type_name, _ in tensors:
        qtype = GGMLQuantizationType[type_name]
        block, block_bytes = GGML_QUANT_SIZES[qtype]
        dims = [columns] if rows is None else [columns, rows]
        n_blocks = math.prod(dims) // block
        file.write(text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, qtype, offset))
        sizes.append(n_blocks)
        offset += -(-n_blocks * block_bytes // ALIGNMENT) * ALIGNMENT
    pad(file)
    blocks = TensorWriter(seed)
    for (_, _, _, type_name, content), n_blocks in zip(tensors, sizes):
        if isinstance(content, np.ndarray):
            file.write(content.tobytes())
        else:
            blocks.write(file, type_name, content, n_blocks)
        pad(file)


def main():
    types = sorted(set(MIXTURES) | set(FALLBACKS) | set(FILE_TYPES))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, required=True)
    parser.add_argument("--type", choices=types, required=True)
    parser.add_argument("--vocab", type=pathlib.Path, required=True, help="a GGUF whose tokenizer is copied")
    parser.add_argument("--layers", type=int, help="fewer or more than the shape has")
    parser.add_argument("--context", type=int, help="another maximum context")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("out", type=pathlib.Path)
    arguments = parser.parse_args()

    shape = SHAPES[arguments.shape]
    shape = dataclasses.replace(shape, n_layer=arguments.layers or shape.n_layer,
                                context=arguments.context or shape.context)
    vocabulary, n_vocab = read_vocabulary(arguments.vocab)
    temporary = arguments.out.with_name(arguments.out.name + ".part")
    with open(temporary, "wb") as file:
        write_model(file, metadata(shape, n_vocab, arguments) + vocabulary,
                    tensor_list(shape, n_vocab, arguments.type), arguments.seed)
    temporary.rename(arguments.out)


if __name__ == "__main__":
    main()
