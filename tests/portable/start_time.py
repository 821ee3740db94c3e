#!/usr/bin/env python3
"""What the head costs when a portable file starts: `tests/portable/start_time.py PROGRAM [FILE] [--shell SHELL]`.

PROGRAM is started by itself, through the head from a warm cache, and through the head from an empty one, in turns, each
time only to say its version. FILE is a portable file that holds PROGRAM; without it one is made around PROGRAM. Not a
test: `make test` times nothing.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

from portable_file import portable_file

ROUNDS = 60
FIRST_ROUNDS = 15


def milliseconds(command, environment):
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return 1e3 * (time.perf_counter() - begin)


def measure(program, file, shell, folder):
    # Root with a home that it does not own would be asked one question more.
    environment = {"PATH": os.environ["PATH"], "HOME": os.path.expanduser("~"), "XDG_CACHE_HOME": str(folder)}
    bare, warm = [program, "--version"], [shell, file, "--version"]
    times = {"bare": [], "warm": [], "first": []}
    milliseconds(bare, environment), milliseconds(warm, environment)
    for i in range(ROUNDS):
        times["bare"].append(milliseconds(bare, environment))
        times["warm"].append(milliseconds(warm, environment))
        if i < FIRST_ROUNDS:
            cache = folder / f"first{i}"
            times["first"].append(milliseconds(warm, dict(environment, XDG_CACHE_HOME=str(cache), TMPDIR=str(cache))))
            shutil.rmtree(cache)
    return {name: statistics.median(values) for name, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("file", type=pathlib.Path, nargs="?")
    parser.add_argument("--shell", default="dash")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quipu-start-") as name:
        folder = pathlib.Path(name)
        file = options.file or portable_file(folder / "x.llamafile", options.program.read_bytes())
        times = measure(options.program, file, options.shell, folder)
    print(f"{options.program}, {options.shell}, medians: bare {times['bare']:.2f} ms, "
          f"warm +{times['warm'] - times['bare']:.2f} ms, first +{times['first'] - times['bare']:.2f} ms")


if __name__ == "__main__":
    main()
