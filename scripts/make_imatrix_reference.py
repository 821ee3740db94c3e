#!/usr/bin/env python3
"""What llama-imatrix measures on a text of the tree, for tests/tools: counts, sums and the largest column of each tensor.

    make_imatrix_reference.py --llama-imatrix PATH --model SmolLM2-135M-Instruct.Q4_1.gguf

Writes tests/tools/data/llamacpp_imatrix.json. Needs the PyPI package `gguf`.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

from gguf import GGUFReader

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEXT, N_CHUNKS, N_CTX = "tests/truth/texts/long.txt", 2, 256


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llama-imatrix", required=True)
    parser.add_argument("--model", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "out.gguf")
        subprocess.run([options.llama_imatrix, "-m", options.model, "-f", ROOT / TEXT, "-o", out, "-c", str(N_CTX), "--chunks",
                        str(N_CHUNKS), "-t", "2", "--no-ppl"], check=True, capture_output=True)
        values = {tensor.name: tensor.data.ravel() for tensor in GGUFReader(out).tensors}
    tensors = {}
    for name, sums in values.items():
        if not name.endswith(".in_sum2"):
            continue
        count = float(values[name.removesuffix("in_sum2") + "counts"][0])
        place = int(sums.argmax())
        tensors[name.removesuffix(".in_sum2")] = [count, float(f"{sums.sum():.6g}"), float(f"{sums[place]:.6g}"), place]
    found = {"n_chunks": N_CHUNKS, "n_ctx": N_CTX, "text": TEXT, "tensors": tensors}
    path = ROOT / "tests" / "tools" / "data" / "llamacpp_imatrix.json"
    path.write_text(json.dumps(found, indent=0) + "\n")


if __name__ == "__main__":
    main()
