#!/usr/bin/env python3
"""Puts the programs of build/dist/*/ into one file without a model: `dist/assemble.py OUT [--partly]`.

The Windows x86-64 program becomes the front, with room for the script of dist/head.sh between its DOS header and its
NT header; the others are stored entries of the zip behind it, compressed for `gzip -dc` and aligned for `dd`. Format: docs/formats/llamafile.md.
"""
import gzip
import hashlib
import pathlib
import struct
import subprocess
import sys
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from build import ROOT, targets  # noqa: E402

ALIGNMENT = 65536  # of entries' data, and dd's block size
FIRST_LINES = b'MZ=q\ncase $Q$KSH_VERSION in V*)Q=1 exec sh "$0" "$@";;esac\n'
LFANEW = 0x3C  # where a DOS header says where the NT header begins
MAX_SCRIPT = 4096


def padded(n, alignment=ALIGNMENT):
    return -(-n // alignment) * alignment


def posix_sum(data):
    """The CRC and size that `cksum` prints."""
    words = subprocess.run(["cksum"], input=data, stdout=subprocess.PIPE, check=True).stdout.split()
    return int(words[0]), int(words[1])


class Pe:
    """A PE program whose headers can be moved to the end of the space before its first section."""

    def __init__(self, data):
        self.data = data
        self.nt = struct.unpack_from("<I", data, LFANEW)[0]
        n_sections, optional_size = struct.unpack_from("<H12xH", data, self.nt + 6)
        self.sections = [self.nt + 24 + optional_size + 40 * i for i in range(n_sections)]
        self.header_size = 24 + optional_size + 40 * n_sections
        self.old_headers_end = struct.unpack_from("<I", data, self.nt + 24 + 60)[0]  # SizeOfHeaders
        self.first_rva = min(struct.unpack_from("<I", data, s + 12)[0] for s in self.sections)

    def place(self, lfanew):
        """The NT headers for the offset `lfanew`, and what follows at self.first_rva."""
        header = bytearray(self.data[self.nt:self.nt + self.header_size])
        body = bytearray(self.data[self.old_headers_end:])
        shift = self.first_rva - self.old_headers_end
        struct.pack_into("<I", header, 24 + 60, self.first_rva)  # SizeOfHeaders
        struct.pack_into("<I", header, 24 + 64, 0)  # CheckSum: for drivers only
        struct.pack_into("<II", header, 12, 0, 0)  # no symbols
        for section in self.sections:
            at = section - self.nt + 20
            raw = struct.unpack_from("<I", header, at)[0]
            if raw:
                struct.pack_into("<I", header, at, raw + shift)
        self.shift_debug_directory(header, body, shift)
        assert lfanew + len(header) <= self.first_rva
        return bytes(header), bytes(body)

    def shift_debug_directory(self, header, body, shift):
        rva, size = struct.unpack_from("<II", header, 24 + 112 + 8 * 6)
        for section in self.sections:
            virtual_size, start, raw_size, raw = struct.unpack_from("<IIII", self.data, section + 8)
            if not start <= rva < start + min(virtual_size, raw_size):
                continue
            at = rva - start + raw - self.old_headers_end
            for record in range(at, at + size, 28):
                pointer = struct.unpack_from("<I", body, record + 24)[0]
                if pointer:
                    struct.pack_into("<I", body, record + 24, pointer + shift)


def shortened(script):
    """Without comments, indentation and empty lines."""
    lines = (line.strip() for line in script.splitlines())
    return "".join(line + "\n" for line in lines if line and not line.startswith("#"))


def table(places):
    """The branches of the script's `case`: for each system and machine the programs that may run there."""
    branches = {}
    for target, name, offset, data, packed in places:
        if target.uname_system == "-":
            continue
        blocks = (len(packed) - 1) // ALIGNMENT
        crc, size = posix_sum(data)
        key = "|".join(f"{target.uname_system}\\ {machine}" for machine in target.uname_machines)
        entry = f"{name},{offset // ALIGNMENT},{blocks},{len(packed) - blocks * ALIGNMENT},{crc},{size}"
        branches.setdefault(key, []).append(entry)
    return "".join(f"{key})L='{' '.join(entries)}';;\n" for key, entries in branches.items())


def entry_of(name):
    return f"bin/{name}.gz"


class ZipBuilder:
    """Stored entries at multiples of 64 KiB, as src/pack/zip_writer.cpp writes them."""

    def __init__(self, data):
        self.data = bytearray(data)
        self.directory = b""
        self.n = 0

    def data_offset(self, name):
        return padded(len(self.data) + 30 + len(name))

    def add(self, name, content, mode):
        name = name.encode()
        start = self.data_offset(name)
        header = start - 30 - len(name)
        fields = (0x800, 0, 0, 0x21, zlib.crc32(content), len(content), len(content), len(name))
        self.data += bytes(header - len(self.data))
        self.data += struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, *fields, 0) + name + content
        self.directory += struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 0x032D, 20, *fields, 0, 0, 0, 0,
                                      (0o100000 | mode) << 16, header) + name
        self.n += 1

    def finish(self):
        at = len(self.data)
        return bytes(self.data) + self.directory + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, self.n, self.n,
                                                               len(self.directory), at, 0)


def head(pe, places):
    script = (ROOT / "dist" / "head.sh").read_text()
    systems = " ".join(dict.fromkeys(t.name.removesuffix("-musl") for t, *_ in places if t.uname_system != "-"))
    script = shortened(script).replace("@TABLE@) L= ;;\n", table(places)).replace("@SYSTEMS@", systems)
    script = script.encode()
    lfanew = (pe.first_rva - pe.header_size) & ~7
    front = FIRST_LINES.ljust(LFANEW, b"#") + struct.pack("<I", lfanew) + b"\n"
    assert b"\n" not in front[len(FIRST_LINES):-1] and b"\0" not in front[:LFANEW]
    room = lfanew - len(front)
    if len(script) > room or len(script) > MAX_SCRIPT:
        sys.exit(f"assemble: the script has {len(script)} bytes, but there is room for {room}")
    nt, body = pe.place(lfanew)
    return (front + script.ljust(room, b"\n") + nt).ljust(pe.first_rva, b"\0") + body


def assemble(programs):
    """The portable file's bytes. `programs`: (Target, its program's bytes), with windows-x86_64 among them."""
    windows = next((data for target, data in programs if target.name == "windows-x86_64"), None)
    if windows is None:
        sys.exit("assemble: the program for windows-x86_64 is the front of the file: it must be there")
    pe = Pe(windows)
    # The table in the head needs the places, which need the head's size: it has a fixed one.
    front_size = pe.first_rva + len(windows) - pe.old_headers_end
    places, end = [], front_size
    for target, data in programs:
        if target.name == "windows-x86_64":
            continue
        name = f"{target.name}-{hashlib.sha256(data).hexdigest()[:12]}"
        packed = gzip.compress(data, 9, mtime=0)
        offset = padded(end + 30 + len(entry_of(name)))
        places.append((target, name, offset, data, packed))
        end = offset + len(packed)
    front = head(pe, places)
    assert len(front) == front_size
    builder = ZipBuilder(front)
    sums = f"# front {len(front)} {hashlib.sha256(front).hexdigest()}\n"
    for _, name, offset, _, packed in places:
        assert builder.data_offset(entry_of(name).encode()) == offset
        builder.add(entry_of(name), packed, 0o755)
        sums += f"{hashlib.sha256(packed).hexdigest()}  {entry_of(name)}\n"
    builder.add("SHA256SUMS", sums.encode(), 0o644)
    return builder.finish()


def main():
    out = pathlib.Path(sys.argv[1])
    programs = []
    for target in targets():
        if target.program.is_file():
            programs.append((target, target.program.read_bytes()))
        elif "--partly" not in sys.argv:  # while working on one system
            sys.exit(f"assemble: {target.program} is missing: build it with dist/build.py {target.name}")
    partial = out.with_name(out.name + ".part")
    partial.write_bytes(assemble(programs))
    partial.chmod(0o755)
    partial.rename(out)
    print(f"{out}: {out.stat().st_size} bytes, {len(programs)} programs", file=sys.stderr)


if __name__ == "__main__":
    main()
