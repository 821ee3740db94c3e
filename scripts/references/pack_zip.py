#!/usr/bin/env python3
"""References of zip files from Python's zlib and zipfile: `pack_zip.py OUTDIR`.

  crc32.txt              "FILE CRC" (hex) of each *.raw
  NAME.raw NAME.deflate  plain bytes and a raw DEFLATE stream of them, for every level, strategy and window size
  NAME.zip               zip files that other programs write: see zips()
"""
import io
import pathlib
import random
import struct
import sys
import zipfile
import zlib

SMALL = {"a.txt": b"alpha\n", "folder/b.txt": b"beta " * 1000, "empty": b"", ".args": b"-m\nx.gguf\n...\n"}


def sources():
    rng = random.Random(1)
    words = [bytes(rng.choices(b"etaoinshrdlu", k=rng.randint(1, 9))) for _ in range(500)]
    return {
        "nothing": b"",
        "byte": b"x",
        "zeros": bytes(100_000),
        "letter": b"a" * 70_001,
        "noise": rng.randbytes(70_000),
        "text": b" ".join(rng.choices(words, k=30_000)),
        "far": rng.randbytes(32_768) * 3,  # matches at the largest distance
        "skewed": bytes(int(rng.expovariate(0.05)) & 255 for _ in range(60_000)),
    }


def deflate_cases(out):
    strategies = {"default": zlib.Z_DEFAULT_STRATEGY, "filtered": zlib.Z_FILTERED, "huffman": zlib.Z_HUFFMAN_ONLY,
                  "rle": zlib.Z_RLE, "fixed": zlib.Z_FIXED}
    checksums = []
    for name, data in sources().items():
        variants = [(f"level{level}", level, zlib.Z_DEFAULT_STRATEGY, -15) for level in (0, 1, 6, 9)]
        variants += [(key, 6, value, -15) for key, value in strategies.items()] + [("window9", 6, 0, -9)]
        for key, level, strategy, window in variants:
            compressor = zlib.compressobj(level, zlib.DEFLATED, window, 8, strategy)
            stem = out / f"{name}-{key}"
            stem.with_suffix(".raw").write_bytes(data)
            stem.with_suffix(".deflate").write_bytes(compressor.compress(data) + compressor.flush())
        checksums.append(f"{name}-level0.raw {zlib.crc32(data):08x}\n")
    (out / "crc32.txt").write_text("".join(checksums))


class Unseekable(io.RawIOBase):
    """Makes zipfile write data descriptors."""

    def __init__(self):
        self.data = bytearray()

    def writable(self):
        return True

    def write(self, piece):
        self.data += bytes(piece)
        return len(piece)


def archive(method, comment=b"", force_zip64=False, target=None):
    target = io.BytesIO() if target is None else target
    with zipfile.ZipFile(target, "w", method) as z:
        for name, data in SMALL.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            info.external_attr = 0o100755 << 16 if name == "a.txt" else 0o100644 << 16
            with z.open(info, "w", force_zip64=force_zip64) as entry:
                entry.write(data)
        if comment:
            z.comment = comment
    return bytes(target.data) if isinstance(target, Unseekable) else target.getvalue()


def shifted(data, n):
    """The offsets of the directory and its entries, as they are after a program of n bytes was put in front."""
    data = bytearray(data)
    end = data.rindex(b"PK\5\6")
    count, size, offset = struct.unpack_from("<HII", data, end + 10)
    struct.pack_into("<I", data, end + 16, offset + n)
    at = offset
    for _ in range(count):
        name, extra, comment, = struct.unpack_from("<HHH", data, at + 28)
        struct.pack_into("<I", data, at + 42, struct.unpack_from("<I", data, at + 42)[0] + n)
        at += 46 + name + extra + comment
    return bytes(data)


def many(n):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as z:
        for i in range(n):
            z.writestr(zipfile.ZipInfo(f"{i}"), b"")
    return target.getvalue()


def zips():
    stored, deflated = archive(zipfile.ZIP_STORED), archive(zipfile.ZIP_DEFLATED)
    program = b"\x7fELF program " * 100
    return {
        "stored": stored,
        "deflated": deflated,
        "descriptors": archive(zipfile.ZIP_DEFLATED, target=Unseekable()),
        "descriptors-stored": archive(zipfile.ZIP_STORED, target=Unseekable()),
        "zip64": archive(zipfile.ZIP_STORED, force_zip64=True),
        "comment": archive(zipfile.ZIP_STORED, comment=b"a comment " * 6000),
        "prefix-relative": program + stored,
        "prefix-absolute": program + shifted(stored, len(program)),
        "none": b"",
        "many": many(70_000),  # more than 16 bits can count
    }


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    deflate_cases(out)
    for name, data in zips().items():
        if name == "none":  # zipfile writes an end record alone
            buffer = io.BytesIO()
            zipfile.ZipFile(buffer, "w").close()
            data = buffer.getvalue()
        (out / f"{name}.zip").write_bytes(data)


if __name__ == "__main__":
    main()
