#!/usr/bin/env python3
"""quipu pack and unpack from outside: other programs read what it writes, and nothing half-written is left."""
import hashlib
import os
import pathlib
import resource
import shutil
import subprocess
import tempfile
import unittest
import zipfile

QUIPU = pathlib.Path(os.environ["QUIPU"])
MODEL = pathlib.Path(os.environ["TEST_MODEL"])
SEVEN_ZIP_LOOKS_AT = 8 << 20  # bytes of a file, for the beginning of a zip


def quipu(*arguments, program=QUIPU, **keywords):
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=120, **keywords)


class PackTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="quipu-pack-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.folder / "x.llamafile"
        (self.folder / "args").write_text("-n 5 # few\n")
        (self.folder / "LICENSE").write_text("free\n")

    def pack(self, *more, program=QUIPU):
        done = quipu("pack", self.out, MODEL, "--args", self.folder / "args", *more, program=program)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_zipfile_agrees(self):
        self.pack("--with", self.folder / "LICENSE")
        self.assertTrue(os.access(self.out, os.X_OK))
        with zipfile.ZipFile(self.out) as z:
            self.assertIsNone(z.testzip())
            self.assertEqual(z.namelist(), [MODEL.name, ".args", "LICENSE", "SHA256SUMS"])
            for info in z.infolist():
                self.assertEqual(info.compress_type, zipfile.ZIP_STORED)
                with open(self.out, "rb") as f:
                    f.seek(info.header_offset + 26)
                    sizes = f.read(4)
                data = info.header_offset + 30 + int.from_bytes(sizes[:2], "little") + int.from_bytes(sizes[2:], "little")
                self.assertEqual(data % 65536, 0, info.filename)
            self.assertEqual(hashlib.sha256(z.read(MODEL.name)).digest(), hashlib.sha256(MODEL.read_bytes()).digest())

    def test_other_programs_agree(self):
        self.pack("--with", self.folder / "LICENSE")
        for command in (["unzip", "-tq", self.out], ["7zz", "t", self.out], ["bsdtar", "-tf", self.out]):
            with self.subTest(command[0]):
                if not shutil.which(command[0]):
                    self.skipTest(f"{command[0]} is not installed")
                if command[0] == "7zz" and QUIPU.stat().st_size > SEVEN_ZIP_LOOKS_AT:
                    self.skipTest(f"7-Zip does not look for a zip behind a program of {QUIPU.stat().st_size} bytes")
                done = subprocess.run(command, capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_five_gibibytes(self):
        big = self.folder / "big.bin"
        with open(big, "wb") as f:
            f.write(b"begin")
            f.truncate(5 * 2**30)
            f.seek(5 * 2**30 - 3)
            f.write(b"end")
        self.pack("--no-sums", "--with", big)
        contents = QUIPU.stat().st_size + MODEL.stat().st_size
        self.assertLess(self.out.stat().st_blocks * 512, contents + 20e6)  # still sparse
        with zipfile.ZipFile(self.out) as z:
            self.assertEqual(z.getinfo("big.bin").file_size, 5 * 2**30)
            self.assertEqual(z.read(".args"), b"-n 5 # few\n")  # before it
        last = self.folder / "last"
        last.write_text("behind 5 GiB")
        self.pack("--no-sums", "--with", big, last)
        with zipfile.ZipFile(self.out) as z:
            self.assertEqual(z.read("last"), b"behind 5 GiB")
        done = quipu("unpack", self.out, "big.bin", "-d", self.folder / "into")
        self.assertEqual(done.returncode, 0, done.stderr)
        unpacked = self.folder / "into" / "big.bin"
        self.assertEqual(unpacked.stat().st_size, 5 * 2**30)
        self.assertLess(unpacked.stat().st_blocks * 512, 1e9)
        with open(unpacked, "rb") as f:
            f.seek(-3, os.SEEK_END)
            self.assertEqual(f.read(), b"end")

    def test_a_packed_file_packs_again_and_runs(self):
        self.pack()
        first = self.out
        self.out = self.folder / "again.llamafile"
        self.pack(program=str(first))
        self.assertEqual(quipu("tokenize", "-p", "hi", program=str(self.out)).stdout,
                         quipu("tokenize", "-m", MODEL, "-p", "hi").stdout)
        self.assertLess(abs(self.out.stat().st_size - first.stat().st_size), 65536)

    def test_unpack_gives_back_the_same_bytes(self):
        self.pack("--with", self.folder / "LICENSE")
        into = self.folder / "into"
        done = quipu("unpack", self.out, "-d", into)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((into / MODEL.name).read_bytes(), MODEL.read_bytes())
        self.assertEqual((into / ".args").read_text(), "-n 5 # few\n")
        again = quipu("unpack", self.out, "-d", into)
        self.assertEqual(again.returncode, 1)
        self.assertIn("exists already", again.stderr)
        # From inside: the file unpacks itself.
        own = quipu("unpack", "LICENSE", "-d", self.folder / "own", program=str(self.out))
        self.assertEqual(own.returncode, 0, own.stderr)
        self.assertEqual((self.folder / "own" / "LICENSE").read_text(), "free\n")

    def test_zips_of_other_programs(self):
        for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            path = self.folder / "other.zip"
            with zipfile.ZipFile(path, "w", compression) as z:
                z.writestr("folder/text.txt", "text " * 100)
                z.writestr(".args", "-n 3")
            into = self.folder / f"other{compression}"
            done = quipu("unpack", path, "-d", into)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual((into / "folder/text.txt").read_text(), "text " * 100)
        path = self.folder / "evil.zip"
        with zipfile.ZipFile(path, "w") as z:
            z.writestr("../evil.txt", "x")
        done = quipu("unpack", path, "-d", self.folder / "deep")
        self.assertEqual(done.returncode, 1)
        self.assertIn("'..'", done.stderr)
        self.assertFalse((self.folder / "evil.txt").exists())

    def files(self):
        return sorted(p.name for p in self.folder.iterdir())

    def assert_fails_cleanly(self, done, message):
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(message, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_a_limit_on_file_sizes(self):
        self.out.write_text("old")
        before = self.files()
        done = quipu("pack", self.out, MODEL,
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000_000, 20_000_000)))
        self.assert_fails_cleanly(done, "cannot write")
        self.assertEqual(self.files(), before)
        self.assertEqual(self.out.read_text(), "old")

    def test_a_full_disk(self):
        small = self.folder / "small"
        small.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", small], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("only root can mount a small file system")
        self.addCleanup(subprocess.run, ["umount", small])
        self.assert_fails_cleanly(quipu("pack", small / "x.llamafile", MODEL), "No space left")
        self.assertEqual(list(small.iterdir()), [])

    def test_bad_inputs(self):
        before = self.files()
        (self.folder / "typo").write_text("--tmep 0\n")
        before.append("typo")
        cases = [((self.folder / "missing.gguf",), "missing.gguf"),
                 ((self.folder / "LICENSE",), "LICENSE"),
                 ((MODEL, "--args", self.folder / "typo"), "did you mean --temp"),
                 ((MODEL, "--with", MODEL), "two files would have the name"),
                 ((), "pack needs")]
        for arguments, message in cases:
            self.assert_fails_cleanly(quipu("pack", self.out, *arguments), message)
            self.assertEqual(self.files(), sorted(before))
        nowhere = quipu("pack", self.folder / "no" / "folder", MODEL)
        self.assert_fails_cleanly(nowhere, "cannot create")


if __name__ == "__main__":
    unittest.main(verbosity=2)
