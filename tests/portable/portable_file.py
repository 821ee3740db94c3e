"""Portable files for tests: the real head, around programs that are scripts or the native build."""
import os
import pathlib
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "dist"))
from assemble import assemble  # noqa: E402
from build import targets  # noqa: E402

# Says what it was given, each part ended by a NUL.
ECHO = r"""#!/usr/bin/env python3
import os, sys
if sys.argv[1:] == ["--quipu-probe"]: sys.exit(0)
out = os.fsencode(os.environ.get("QUIPU_SELF", "")) + b"\0"
for argument in sys.argv[1:]: out += os.fsencode(argument) + b"\0"
sys.stdout.buffer.write(out)
sys.exit(7)
""".encode()


def windows_program(size=70000):
    """The headers of a PE program with one section: enough for the assembler, which looks at nothing else."""
    raw = 0x400
    nt = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 240, 0x22)
    optional = bytearray(240)
    struct.pack_into("<H", optional, 0, 0x20B)
    struct.pack_into("<I", optional, 60, raw)  # SizeOfHeaders
    section = b".text\0\0\0" + struct.pack("<IIIIIIHHI", size, 0x1000, size, raw, 0, 0, 0, 0, 0x60000020)
    header = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x80)
    return (header.ljust(0x80, b"\0") + nt + bytes(optional) + section).ljust(raw, b"\0") + bytes(size)


def portable_file(path, program, also=()):
    """Writes a portable file whose only native program is `program`, for this machine (before it those of `also`)."""
    by_name = {target.name: target for target in targets()}
    machine = "arm64" if os.uname().machine in ("aarch64", "arm64") else "x86_64"
    programs = [(by_name["windows-x86_64"], windows_program())]
    names = [f"linux-{machine}", f"linux-{machine}-musl"]
    for name, data in zip(names, [*also, program]):
        programs.append((by_name[name], data))
    path.write_bytes(assemble(programs))
    path.chmod(0o755)
    return path


def script_head(data):
    """The first bytes of the file's other form (src/pack/head.cpp); portable_test.py compares with `assimilate`."""
    return f"#!/bin/sh\n# NT header at 0x{int.from_bytes(data[60:64], 'little'):08x} ".encode().ljust(64, b"#")
