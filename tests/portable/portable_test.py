#!/usr/bin/env python3
"""A portable file around the native build: pack, upgrade, verify, assimilate, cache; and files of Mozilla's llamafile."""
import hashlib
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest
import zipfile

from portable_file import portable_file, script_head

QUIPU = pathlib.Path(os.environ["QUIPU"])
MODEL = pathlib.Path(os.environ["TEST_MODEL"])
TOKENS = ["tokenize", "-p", "four score"]


class PortableTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = pathlib.Path(tempfile.mkdtemp(prefix="quipu-portable-"))
        cls.addClassCleanup(shutil.rmtree, cls.shared)
        cls.environment = {"PATH": os.environ["PATH"], "HOME": str(cls.shared), "TMPDIR": str(cls.shared), "TERM": "dumb"}
        cls.engine = portable_file(cls.shared / "quipu", QUIPU.read_bytes())
        cls.tokens = cls.run_native(*TOKENS, "-m", MODEL).stdout

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="quipu-portable-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.folder / "x.llamafile"

    @classmethod
    def run_native(cls, *arguments):
        return subprocess.run([QUIPU, *map(str, arguments)], capture_output=True, text=True, timeout=300)

    def run_file(self, file, *arguments, **keywords):
        return subprocess.run(["/bin/sh", file, *map(str, arguments)], capture_output=True, text=True, timeout=300,
                              env={**self.environment, **keywords})

    def pack(self, *more):
        done = self.run_file(self.engine, "pack", self.out, MODEL, *more)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def assert_fails(self, done, *messages):
        self.assertEqual(done.returncode, 1, done)
        for message in messages:
            self.assertIn(message, done.stderr + done.stdout)
        self.assertEqual((done.stderr + done.stdout).count("\n"), 1, done)

    def test_a_portable_file_makes_portable_files(self):
        (self.folder / "args").write_text("--temp 0\n")
        with_ = []
        for size in (0, 1, 55, 56, 63, 64, 65, 119, 120, 1000):  # around the blocks of SHA-256
            path = self.folder / f"with{size}"
            path.write_bytes(bytes(i % 251 for i in range(size)))
            with_ += ["--with", path]
        self.pack("--args", self.folder / "args", "--name", "m.gguf", *with_)
        with zipfile.ZipFile(self.out) as z:
            names = z.namelist()
            self.assertEqual(names[1:3], ["m.gguf", ".args"])
            self.assertTrue(names[0].startswith("bin/linux-"))
            self.assertEqual(names[-1], "SHA256SUMS")
            sums = dict(reversed(line.split("  ")) for line in z.read(names[-1]).decode().splitlines()[1:])
            self.assertEqual(sums, {n: hashlib.sha256(z.read(n)).hexdigest() for n in names[:-1]})
            first = min(i.header_offset for i in z.infolist())
            front_line = z.read("SHA256SUMS").decode().splitlines()[0]
        engine = self.engine.read_bytes()
        self.assertEqual(self.out.read_bytes()[:first], engine[:first])
        size = int(front_line.split()[2])
        self.assertEqual(front_line, f"# front {size} {hashlib.sha256(engine[:size]).hexdigest()}")
        self.assertFalse(any(engine[size:first]))
        self.assertEqual(self.run_file(self.out, *TOKENS).stdout, self.tokens)
        done = self.run_file(self.out, "verify")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        again = self.folder / "again.llamafile"
        self.assertEqual(self.run_file(self.out, "pack", again, MODEL, "--name", "m.gguf", "--args", self.folder / "args",
                                       *with_).returncode, 0)
        self.assertEqual(again.read_bytes(), self.out.read_bytes())
        self.assertEqual(self.run_file(self.out, "unpack", "-d", self.folder / "into").returncode, 0)
        self.assertEqual((self.folder / "into" / "with1000").read_bytes(), (self.folder / "with1000").read_bytes())
        done = subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=self.folder / "into", capture_output=True)
        self.assertEqual(done.returncode, 0, done)

    def test_other_zip_programs_agree(self):
        self.pack()
        for command in (["unzip", "-tq"], ["7zz", "t"], ["bsdtar", "-tf"]):
            with self.subTest(command[0]):
                if not shutil.which(command[0]):
                    self.skipTest(f"{command[0]} is not installed")
                done = subprocess.run([*command, self.out], capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_above_four_gibibytes(self):
        big = self.folder / "big.bin"
        with open(big, "wb") as f:
            f.truncate(5 * 2**30)
        self.pack("--with", big, "--no-sums")
        with open(self.out, "rb") as f:
            self.assertEqual(f.read(10), b"#!/bin/sh\n")
        self.assertEqual(self.run_file(self.out, *TOKENS).stdout, self.tokens)
        self.assert_fails(self.run_file(self.engine, "assimilate", self.out, "--undo"), "4 GiB")
        with zipfile.ZipFile(self.out) as z:
            self.assertEqual(z.getinfo("big.bin").file_size, 5 * 2**30)
        for command in (["unzip", "-l"], ["bsdtar", "-tf"], ["7zz", "l"]):
            if shutil.which(command[0]):
                self.assertEqual(subprocess.run([*command, self.out], capture_output=True).returncode, 0, command)

    def test_assimilate_and_back(self):
        self.pack()
        before = self.out.read_bytes()
        self.assertEqual(before[:2], b"MZ")
        self.assertEqual(self.run_file(self.out, "assimilate", self.out).returncode, 0)
        after = self.out.read_bytes()
        self.assertEqual(after[:64], script_head(before))
        self.assertEqual(after[64:], before[64:])
        done = subprocess.run([self.out, *TOKENS], capture_output=True, text=True, env=self.environment)
        self.assertEqual(done.stdout, self.tokens)
        self.assertEqual(self.run_file(self.out, "verify").returncode, 0)
        self.assertEqual(self.run_file(self.out, "assimilate", self.out).returncode, 0)
        self.assertEqual(self.run_file(self.out, "assimilate", self.out, "--undo").returncode, 0)
        self.assertEqual(self.out.read_bytes(), before)
        self.assert_fails(self.run_native("assimilate", QUIPU), "no portable file")
        self.assert_fails(self.run_native("assimilate", MODEL), "no portable file")

    def test_damage_is_found(self):
        self.pack()
        whole = self.out.read_bytes()
        with zipfile.ZipFile(self.out) as z:
            infos = {i.filename: i for i in z.infolist()}
        program = next(n for n in infos if n.startswith("bin/"))
        for name, at in (("front", 0x2000), (program, infos[program].header_offset + 200000),
                         (MODEL.name, infos[MODEL.name].header_offset + 5000000)):
            with self.subTest(name):
                damaged = bytearray(whole)
                damaged[at] ^= 1
                self.out.write_bytes(damaged)
                self.assert_fails(self.run_native("verify", self.out), name)

    def test_an_interrupted_upgrade_leaves_the_old_file(self):
        self.pack()
        before = hashlib.sha256(self.out.read_bytes()).digest()
        for delay in (0.01, 0.05, 0.1, 0.2, 0.4):
            for number in (signal.SIGKILL, signal.SIGINT):
                process = subprocess.Popen([QUIPU, "upgrade", self.out], stderr=subprocess.DEVNULL)
                time.sleep(delay)
                process.send_signal(number)
                process.wait()
                data = self.out.read_bytes()
                if process.returncode == 0:  # it was done before
                    self.out.write_bytes(b"")
                    self.pack()
                else:
                    self.assertEqual(hashlib.sha256(data).digest(), before)
                if number == signal.SIGINT:
                    for part in self.folder.glob("*.part"):  # what SIGKILL left; SIGINT leaves nothing
                        part.unlink()

    # Mozilla's llamafiles: an APE program in front, a zip by their zipalign behind; entries stored, aligned or not.
    def mozilla_file(self, models, args=None, aligned=True, deflated=(), zip64=False):
        path = self.folder / "mozilla.llamafile"
        path.write_bytes(b"MZqFpD='\n" + b"\n' <<'justine'\n" + bytes(i * 7 % 256 for i in range(100_000)))
        with zipfile.ZipFile(path, "a", allowZip64=True) as z:
            for name, data in models:
                info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                info.compress_type = zipfile.ZIP_DEFLATED if name in deflated else zipfile.ZIP_STORED
                if aligned:
                    at = z.fp.tell() + 30 + len(name) + (20 if zip64 else 0)
                    info.extra = b"\x35\xd9" + struct.pack("<H", -(at + 4) % 65536) + bytes(-(at + 4) % 65536)
                with z.open(info, "w", force_zip64=zip64) as f:
                    f.write(data)
            if args is not None:
                z.writestr(".args", args, compress_type=zipfile.ZIP_DEFLATED)
        return path

    def test_mozillas_files(self):
        model = MODEL.read_bytes()
        for keywords in ({}, {"aligned": False}, {"zip64": True}):
            with self.subTest(**keywords):
                file = self.mozilla_file([("m.gguf", model)], args="-m m.gguf\n-c\n0\n...\n", **keywords)
                self.assertEqual(self.run_native(*TOKENS, "-m", file).stdout, self.tokens)
                self.assertEqual(self.run_native("verify", file).returncode, 0)
        done = self.run_native("--cli", "-m", file, "-p", "four score and", "-n", "4", "--temp", "0")
        self.assertTrue(done.stdout.startswith("four score and "), done)
        # Upgraded in place, it runs by itself, with its arguments.
        done = self.run_file(self.engine, "upgrade", file)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.run_file(file, *TOKENS).stdout, self.tokens)
        self.assertEqual(self.run_file(file, "verify").returncode, 0)
        with zipfile.ZipFile(file) as z:
            self.assertIsNone(z.testzip())
            self.assertEqual(z.read(".args"), b"-m m.gguf\n-c\n0\n...\n")
            self.assertEqual(len([n for n in z.namelist() if n == "m.gguf"]), 1)
        # And again: ours in front of ours.
        size = file.stat().st_size
        self.assertEqual(self.run_file(self.engine, "upgrade", file, self.folder / "third").returncode, 0)
        self.assertEqual((self.folder / "third").stat().st_size, size)

    def test_mozillas_files_that_cannot_run(self):
        tiny = MODEL.read_bytes()[:100_000]
        file = self.mozilla_file([("a.gguf", tiny), ("b.gguf", tiny)])
        self.assert_fails(self.run_native(*TOKENS, "-m", file), "a.gguf, b.gguf", "-m")
        file = self.mozilla_file([("a.gguf", tiny)], deflated=["a.gguf"])
        self.assert_fails(self.run_native(*TOKENS, "-m", file), "compressed")

    def test_cache(self):
        home = self.folder / "home"
        home.mkdir()
        folder = home / ".cache" / "quipu"
        folder.mkdir(parents=True, mode=0o700)
        machine = "arm64" if os.uname().machine == "aarch64" else "x86_64"
        for i in range(6):  # older versions, the last the newest; a foreign file; what a killed start left
            old = folder / f"linux-{machine}-{i:012x}"
            old.write_text("old")
            os.utime(old, (1e9 + i, 1e9 + i))
        (folder / "notes").write_text("mine")
        stale = folder / f".linux-{machine}-{0:012x}.123"
        stale.write_text("")
        os.utime(stale, (1e9, 1e9))
        self.assertEqual(self.run_file(self.engine, "--version", HOME=str(home)).returncode, 0)
        names = sorted(p.name for p in folder.iterdir())
        self.assertEqual(len(names), 5, names)  # the new one, three old ones, the foreign file
        self.assertIn(f"linux-{machine}-{5:012x}", names)
        self.assertNotIn(f"linux-{machine}-{0:012x}", names)
        shown = self.run_file(self.engine, "cache", HOME=str(home)).stdout
        self.assertEqual(shown.count(str(folder)), 4, shown)
        self.assertEqual(self.run_file(self.engine, "cache", "clear", HOME=str(home)).returncode, 0)
        self.assertEqual([p.name for p in folder.iterdir()], ["notes"])

    def test_children_do_not_see_the_heads_variable(self):
        done = self.run_file(self.engine, "doctor")
        self.assertIn(str(self.engine), done.stdout)
        self.assertIn(":quipu:M::MZ=q\\x0acase $Q$KSH::/bin/sh:\n", self.run_file(self.engine, "binfmt").stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
