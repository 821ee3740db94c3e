#!/usr/bin/env python3
"""The model of most scenarios of the terminal: `terminal_models.py OUTDIR` writes tiny.gguf.

Random weights with SmolLM2's vocabulary and chat template: what it says is meaningless unless a grammar says it, but it
says it in milliseconds.
"""
# fetch: smollm2
import os
import pathlib
import subprocess
import sys

deps = pathlib.Path(os.environ["QUIPU_DEPS_DIR"])
vocabulary = next(deps.glob("smollm2/*/SmolLM2-135M-Instruct.Q4_1.gguf"))
generator = pathlib.Path(__file__).resolve().parent.parent / "make_random_model.py"
subprocess.run([sys.executable, str(generator), "--shape", "tiny", "--type", "Q8_0", "--context", "8192", "--vocab",
                str(vocabulary), str(pathlib.Path(sys.argv[1]) / "tiny.gguf")], check=True)
