#!/usr/bin/env python3
"""Links as `zig c++ ...` does, and for ELF once more with what zig has no flag for: `dist/link.py ZIG c++ ARGUMENT...`.

Functions with the same code become one (--icf=all). zig prints the command of its linker, LLD, which it also runs by
the name `zig ld.lld`.
"""
import os
import subprocess
import sys


def main():
    command = sys.argv[1:]
    done = subprocess.run(command, env=dict(os.environ, ZIG_VERBOSE_LINK="1"), stderr=subprocess.PIPE, text=True)
    commands = ("ld.lld ", "lld-link ", "ar ", "/")
    said = [line for line in done.stderr.splitlines() if not line.startswith(commands)]
    if done.returncode != 0:
        sys.exit("\n".join(said) or f"link: {command[0]} failed without a word")
    out = command[command.index("-o") + 1]
    linked = [line.split() for line in done.stderr.splitlines() if line.startswith("ld.lld ") and f" -o {out} " in line]
    if linked:
        subprocess.run([command[0], *linked[-1], "--icf=all"], check=True)


if __name__ == "__main__":
    main()
