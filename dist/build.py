#!/usr/bin/env python3
"""Cross-builds the programs of dist/targets.txt with the pinned zig: `dist/build.py [--tests[=ROOM,...]] [TARGET...]`, all
without names.

The program of a target is left at build/dist/TARGET/quipu (quipu.exe for Windows). Objects and zig's own cache stay
in build/, so that a second run does only what changed. One target after the other; jobs by $JOBS (all processors).
With --tests it is the tests of tests/portable/cross_tests.cmake instead, build/dist/TARGET/test_ROOM: of every room, or
of those named.
"""
import os
import pathlib
import subprocess
import sys
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "dist"


class Target(NamedTuple):
    name: str
    zig: str
    system: str
    processor: str
    uname_system: str
    uname_machines: list
    oldest: str

    @property
    def folder(self):
        return OUT / self.name

    @property
    def program(self):
        return self.folder / ("quipu.exe" if self.system == "Windows" else "quipu")


def targets():
    result = []
    for line in (ROOT / "dist" / "targets.txt").read_text().splitlines():
        words = line.split("#")[0].split(maxsplit=6)
        if words:
            words[5] = words[5].split(",")
            result.append(Target(*words))
    return result


def run(command):
    environment = dict(os.environ, ZIG_GLOBAL_CACHE_DIR=str(ROOT / "build" / "zig-cache"),
                       ZIG_LOCAL_CACHE_DIR=str(ROOT / "build" / "zig-cache"))
    done = subprocess.run(list(map(str, command)), env=environment, cwd=ROOT)
    if done.returncode != 0:
        sys.exit(f"dist: failed: {' '.join(map(str, command))}")


def build(target, what=("quipu",)):
    if not (target.folder / "build.ninja").exists():
        run(["cmake", "-S", ROOT, "-B", target.folder, "-G", "Ninja", "-Wno-dev", "--log-level=WARNING",
             f"-DCMAKE_TOOLCHAIN_FILE={ROOT / 'cmake' / 'zig.cmake'}", f"-DQUIPU_ZIG_TARGET={target.zig}",
             f"-DQUIPU_ZIG_SYSTEM={target.system}", f"-DQUIPU_ZIG_PROCESSOR={target.processor}"])
    jobs = os.environ.get("JOBS") or str(os.cpu_count())
    run(["ninja", "-C", target.folder, "-j", jobs, "--quiet", *what])
    if "quipu" in what and target.system == "FreeBSD":
        brand(target.program)


def brand(program, system=9):
    """Names FreeBSD in an ELF header (EI_OSABI), as its own linker does; zig's leaves the note alone to tell."""
    with open(program, "r+b") as f:
        f.seek(7)
        if f.read(1) != bytes([system]):
            f.seek(7)
            f.write(bytes([system]))


def main():
    every = targets()
    arguments = sys.argv[1:]
    what = ["quipu"]
    if arguments and arguments[0].startswith("--tests"):
        rooms = arguments.pop(0).removeprefix("--tests").removeprefix("=")
        what = [f"test_{room}" for room in rooms.split(",")] if rooms else ["cross_tests"]
    names = arguments or [t.name for t in every]
    unknown = set(names) - {t.name for t in every}
    if unknown:
        sys.exit(f"dist: dist/targets.txt has no target {', '.join(sorted(unknown))}")
    for target in every:
        if target.name in names:
            print(f"dist: {target.name}", file=sys.stderr)
            build(target, what)


if __name__ == "__main__":
    main()
