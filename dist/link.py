#!/usr/bin/env python3
"""Links as `zig c++ ...` does, and for ELF once more with what zig has no flag for: `dist/link.py ZIG c++ ARGUMENT...`.

Functions with the same code become one (--icf=all). zig prints the command of its linker, LLD, which it also runs by
the name `zig ld.lld`.
"""
import os
import pathlib
import subprocess
import sys

MARK = "\0"


def words(line, folders):
    """The arguments of a command that was printed without quotes: of blanks only those in `folders` are no ends."""
    for i, folder in enumerate(folders):
        line = line.replace(folder, f"{MARK}{i}{MARK}")
    result = line.split()
    for i, folder in enumerate(folders):
        result = [word.replace(f"{MARK}{i}{MARK}", folder) for word in result]
    return result


def main():
    command = sys.argv[1:]
    done = subprocess.run(command, env=dict(os.environ, ZIG_VERBOSE_LINK="1"), stderr=subprocess.PIPE, text=True)
    commands = ("ld.lld ", "lld-link ", "ar ", "/")
    said = [line for line in done.stderr.splitlines() if not line.startswith(commands)]
    if done.returncode != 0:
        sys.exit("\n".join(said) or f"link: {command[0]} failed without a word")
    out = command[command.index("-o") + 1]
    linked = [line for line in done.stderr.splitlines() if line.startswith("ld.lld ") and f" -o {out} " in line]
    if linked:
        root = pathlib.Path(__file__).absolute().parent.parent
        folders = sorted({str(root), str(root.resolve()), str(pathlib.Path(command[0]).resolve().parent)}, key=len)[::-1]
        subprocess.run([command[0], *words(linked[-1], folders), "--icf=all"], check=True)


if __name__ == "__main__":
    main()
