#!/usr/bin/env python3
"""Random numbers of numpy's Philox4x64-10: `base_random.py OUTDIR` writes random.txt.

Lines "SEED N V": the N-th (from 0) number of random_raw() for the key SEED, then "SEED double V": the first of
Generator.random(), as a hexadecimal float.
"""
import pathlib
import sys

import numpy as np

SEEDS = (0, 1, 42, 2**32, 2**63 + 12345, 2**64 - 2)

with open(pathlib.Path(sys.argv[1]) / "random.txt", "w", encoding="ascii") as out:
    for seed in SEEDS:
        numbers = np.random.Philox(key=seed).random_raw(1001)
        for n in (0, 1, 2, 3, 4, 5, 100, 1000):
            print(seed, n, int(numbers[n]), file=out)
        print(seed, "double", float(np.random.Generator(np.random.Philox(key=seed)).random()).hex(), file=out)
