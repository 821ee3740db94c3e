#!/usr/bin/env python3
"""The types that quipu and llama.cpp's llama-quantize give to each tensor of models of published shapes, for every mix.

    compare_mixes.py --llama-quantize PATH [--quipu build/quipu] [--write]

Prints what differs. --write stores digests of most of llama.cpp's choices in tests/tools/data/llamacpp_mixes.json,
which tests/tools/tools_e2e_test.py compares with ours.
"""
import argparse
import hashlib
import json
import pathlib
import re
import struct
import subprocess
import tempfile

import sparse_model

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Without Q1_0, for which llama.cpp has no other type where rows do not divide into its blocks (we take Q4_0).
MIXES = ("Q2_0 Q4_0 Q4_1 MXFP4_MOE Q5_0 Q5_1 IQ2_XXS IQ2_XS IQ2_S IQ2_M IQ1_S IQ1_M TQ1_0 TQ2_0 Q2_K Q2_K_S IQ3_XXS "
         "IQ3_S IQ3_M Q3_K IQ3_XS Q3_K_S Q3_K_M Q3_K_L IQ4_NL IQ4_XS Q4_K Q4_K_S Q4_K_M Q5_K Q5_K_S Q5_K_M Q6_K Q8_0 F16 "
         "BF16 F32").split()
VARIANTS = {"": [], "imatrix": ["--imatrix"], "pure": ["--pure"], "leave": ["--leave-output-tensor"],
            "types": ["--tensor-type", "attn_[qk]=q8_0", "--output-tensor-type", "q8_0"],
            "embedding": ["--token-embedding-type", "f16"]}


def write_imatrix(path):
    """One entry that no tensor has: that there are importances is what the rules ask."""
    path.write_bytes(struct.pack("<ii1siif", 1, 1, b"x", 1, 1, 1.0))


def arguments(variant, imatrix):
    words = VARIANTS[variant]
    return words + [imatrix] if variant == "imatrix" else words


def digest(types):
    return hashlib.sha256("\n".join(f"{name} {types[name]}" for name in sorted(types)).encode()).hexdigest()[:16]


def ours(quipu, words, path, mix):
    done = subprocess.run([quipu, "quantize", *words, "--dry-run", path, mix], capture_output=True, text=True)
    if done.returncode != 0:
        return done.stderr.strip()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines() if line.startswith("|")]
    return {row[0]: row[3].rstrip("*").upper() for row in rows[2:]}


def theirs(binary, words, path, mix):
    done = subprocess.run([binary, *words, "--dry-run", path, mix], capture_output=True, text=True, errors="replace")
    types = {}
    for name, before, after in re.findall(r"^\[ *\d+/ *\d+\] +(\S+) +- \[.*?\], type = +(\S+), size = .*?(?:MiB \((\S+)\))?$",
                                          done.stdout + done.stderr, re.M):
        types[name] = (after or before).upper()
    return types if done.returncode == 0 else (done.stdout + done.stderr).strip()[-200:]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llama-quantize", required=True)
    parser.add_argument("--quipu", default=ROOT / "build" / "quipu")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    digests, n_compared, n_different = {}, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        imatrix, model = pathlib.Path(folder, "imatrix.dat"), pathlib.Path(folder, "model.gguf")
        write_imatrix(imatrix)
        for shape_name, shape in sparse_model.SHAPES.items():
            sparse_model.write(model, shape)
            for variant in VARIANTS:
                for mix in MIXES:
                    words = arguments(variant, imatrix)
                    expected, found = theirs(options.llama_quantize, words, model, mix), ours(options.quipu, words, model, mix)
                    case = f"{shape_name} {variant} {mix}"
                    if not isinstance(expected, dict):
                        print(f"{case}: llama.cpp: {expected}")
                        continue
                    if variant in ("", "imatrix") or shape_name in ("llama-8b", "smollm2-135m"):
                        digests[case] = digest(expected)
                    n_compared += 1
                    if expected == found:
                        continue
                    n_different += 1
                    if not isinstance(found, dict):
                        print(f"{case}: quipu: {found}")
                        continue
                    for name in expected:
                        if expected[name] != found.get(name):
                            print(f"{case}: {name}: llama.cpp {expected[name]}, quipu {found.get(name)}")
    print(f"{n_compared} cases compared, {n_different} differ")
    if options.write:
        path = ROOT / "tests" / "tools" / "data" / "llamacpp_mixes.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(digests, indent=0) + "\n")


if __name__ == "__main__":
    main()
