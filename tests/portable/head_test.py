#!/usr/bin/env python3
"""The head of the portable file: it places the right program once, safely, and hands over what it was given."""
import gzip
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from portable_file import ECHO, ROOT, portable_file

SHELL = "/bin/sh"


class HeadTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="quipu-head-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.home = self.folder / "home"
        self.home.mkdir()
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir()
        self.file = portable_file(self.folder / "x.llamafile", ECHO)
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "TMPDIR": str(self.temporary)}

    def start(self, *arguments, file=None, shell=SHELL, cwd=None, **environment):
        command = [shell, file or self.file] if shell else [file or self.file]
        return subprocess.run([*map(os.fspath, command), *arguments], capture_output=True, timeout=120, cwd=cwd,
                              env={**self.environment, **environment})

    def assert_runs(self, done, *arguments, self_path=None):
        self.assertEqual((done.returncode, done.stderr), (7, b""), done)
        parts = done.stdout.split(b"\0")[:-1]
        self.assertEqual(parts[1:], [os.fsencode(a) for a in arguments])
        if self_path is not None:
            self.assertEqual(parts[0], os.fsencode(self_path))

    def assert_fails(self, done, message):
        self.assertEqual(done.returncode, 126, done)
        self.assertIn(message, done.stderr.decode())
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)

    def cached(self, folder=None):
        return sorted((folder or self.home / ".cache" / "quipu").iterdir())

    def test_placed_once_and_private(self):
        self.assert_runs(self.start())
        folder = self.home / ".cache" / "quipu"
        programs = self.cached()
        self.assertEqual(len(programs), 1)
        self.assertEqual(programs[0].read_bytes(), ECHO)
        self.assertEqual(folder.stat().st_mode & 0o777, 0o700)
        self.assertEqual(programs[0].stat().st_mode & 0o777, 0o700)
        before = programs[0].stat().st_ino
        self.assert_runs(self.start("again"), "again")
        self.assertEqual(self.cached()[0].stat().st_ino, before)

    def test_arguments_byte_for_byte(self):
        arguments = ["", "a b", "'", '"', "\\", "$HOME", "`id`", "*", "a\nb\n", "\u00fc\u65e5", "-n", "--", ";", "\x01\t"]
        self.assert_runs(self.start(*arguments), *arguments)
        bad = os.fsdecode(b"\xff\xfe")
        self.assert_runs(self.start(bad), bad)

    def test_own_path(self):
        for name in ("with blank", "quote'\"", "new\nline", "end\n", "$HOME", "\u00fc\u65e5", "*"):
            with self.subTest(name):
                folder = self.folder / f"in {len(name)}"
                folder.mkdir(exist_ok=True)
                copy = folder / name
                shutil.copy2(self.file, copy)
                self.assert_runs(self.start(file=copy), self_path=copy)
                # By its name alone: from its folder by `sh NAME`, then by PATH from a shell.
                self.assert_runs(self.start(file=name, cwd=folder), self_path=f"./{name}")
                path = f"{folder}:{self.environment['PATH']}"
                done = subprocess.run([SHELL, "-c", '"$0" word', name], capture_output=True, cwd="/",
                                      env={**self.environment, "PATH": path})
                self.assert_runs(done, "word", self_path=copy)
        link = self.folder / "link"
        link.symlink_to(self.file)
        self.assert_runs(self.start(file=link), self_path=link)

    def test_fifty_first_starts_at_once(self):
        command = [SHELL, os.fspath(self.file), "x"]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment)
                   for _ in range(50)]
        for process in running:
            out, err = process.communicate(timeout=300)
            self.assertEqual((process.returncode, err), (7, b""))
            self.assertEqual(out.split(b"\0")[1], b"x")
        self.assertEqual(len(self.cached()), 1)

    def test_a_cut_off_cached_program_is_replaced(self):
        self.assert_runs(self.start())
        program = self.cached()[0]
        program.write_bytes(ECHO[:100])
        self.assert_runs(self.start("x"), "x")
        self.assertEqual(program.read_bytes(), ECHO)

    def test_named_folder(self):
        named = self.folder / "named"
        self.assert_runs(self.start(QUIPU_CACHE=str(named)))
        self.assertEqual(len(self.cached(named)), 1)
        self.assertEqual(list(self.home.iterdir()), [])
        xdg = self.folder / "xdg"
        self.assert_runs(self.start(XDG_CACHE_HOME=str(xdg)))
        self.assertEqual(len(self.cached(xdg / "quipu")), 1)
        self.assert_runs(self.start(XDG_CACHE_HOME="relative"))
        self.assertEqual(len(self.cached()), 1)

    def shared_folder(self):
        return self.temporary / f"quipu-{os.getuid()}"

    def test_moves_on(self):
        def missing_home():
            return {"HOME": str(self.folder / "none" / "there")}

        def no_home():
            return {"HOME": ""}

        def a_file_in_its_place():
            (self.home / ".cache").write_text("")

        def a_link_in_its_place():
            (self.home / ".cache").mkdir()
            (self.home / ".cache" / "quipu").symlink_to(self.temporary)

        def open_to_others():
            (self.home / ".cache" / "quipu").mkdir(parents=True)
            (self.home / ".cache" / "quipu").chmod(0o777)

        def of_another_user():
            if os.getuid() != 0:
                self.skipTest("only root can give a folder away")
            (self.home / ".cache" / "quipu").mkdir(parents=True)
            os.chown(self.home / ".cache" / "quipu", 12345, 0)

        for prepare in (no_home, a_file_in_its_place, a_link_in_its_place, open_to_others, of_another_user, missing_home):
            with self.subTest(prepare.__name__):
                shutil.rmtree(self.home)
                shutil.rmtree(self.shared_folder(), ignore_errors=True)
                self.home.mkdir()
                environment = prepare() or {}
                self.assert_runs(self.start(**environment))
                if prepare is not missing_home:  # it can be made
                    self.assertEqual(len(self.cached(self.shared_folder())), 1)

    def mounted(self, options):
        self.home.chmod(0o700)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.home], capture_output=True)
        if done.returncode != 0:
            self.skipTest("only root can mount file systems")
        self.addCleanup(subprocess.run, ["umount", self.home])

    def test_a_cache_that_forbids_execution(self):
        self.mounted("noexec,mode=700")
        self.assert_runs(self.start())
        self.assertEqual(len(self.cached(self.shared_folder())), 1)
        self.assertEqual(self.cached(), [])

    def test_a_read_only_home(self):
        self.mounted("ro,mode=700")
        self.assert_runs(self.start())
        self.assertEqual(len(self.cached(self.shared_folder())), 1)

    def test_a_full_disk(self):
        self.mounted("size=64k,mode=700")
        file = portable_file(self.folder / "large", ECHO + b"#" + os.urandom(100000).hex().encode())
        self.assert_runs(self.start(file=file))
        self.assertEqual(len(self.cached(self.shared_folder())), 1)

    def test_a_damaged_file(self):
        data = bytearray(self.file.read_bytes())
        at = data.index(b"\x1f\x8b") + 50
        data[at] ^= 1
        self.file.write_bytes(data)
        self.assert_fails(self.start(QUIPU_CACHE=str(self.folder / "c")), "this file is damaged")
        self.assertEqual(self.cached(self.folder / "c"), [])

    def test_a_program_that_does_not_run(self):
        broken = b"\x7fELF no program at all"
        file = portable_file(self.folder / "broken", broken)
        self.assert_fails(self.start(file=file), "the program does not run here")
        # The next one for the same machine does, as static ones do where a C library is too old.
        file = portable_file(self.folder / "second", ECHO, also=[broken])
        self.assert_runs(self.start("x", file=file), "x")
        self.assert_runs(self.start("x", file=file), "x")

    def test_another_system(self):
        fake = self.folder / "bin"
        fake.mkdir()
        (fake / "uname").write_text("#!/bin/sh\necho Plan9 mips\n")
        (fake / "uname").chmod(0o755)
        done = self.start(PATH=f"{fake}:{self.environment['PATH']}")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr.decode(), "^quipu: there is no program for Plan9 mips inside; there are: linux-")
        # A 32-bit personality on a 64-bit kernel is not what the kernel can do.
        if os.uname().machine == "x86_64":
            (fake / "uname").write_text("#!/bin/sh\necho Linux i686\n")
            self.assert_runs(self.start(PATH=f"{fake}:{self.environment['PATH']}"))

    def test_the_script_is_small_and_plain(self):
        text = self.file.read_bytes()
        size = int.from_bytes(text[0x3C:0x40], "little") - 0x41
        self.assertLess(size, 4096)
        self.assertNotIn(b"\0", text[0x41:0x41 + size])
        script = self.folder / "script.sh"
        script.write_bytes(b"#!/bin/sh\n" + text[0x41:0x41 + size])
        for command in (["shellcheck", "-s", "sh", "-e", "SC2046,SC2086", script], ["checkbashisms", "-p", script]):
            if not shutil.which(command[0]):
                print(f"{command[0]}: not installed, not run")
                continue
            done = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_target_has_its_branch(self):
        from build import targets
        from assemble import assemble
        from portable_file import windows_program
        every = [(t, windows_program() if t.name == "windows-x86_64" else t.name.encode() * 5000) for t in targets()]
        data = assemble(every)
        script = data[0x41:int.from_bytes(data[0x3C:0x40], "little")].decode()
        for target, content in every:
            if target.uname_system == "-":
                continue
            entry = re.search(rf"{target.name}-[0-9a-f]{{12}},(\d+),(\d+),(\d+),", script)
            first, blocks, rest = map(int, entry.groups())
            self.assertEqual(gzip.decompress(data[first * 65536:first * 65536 + blocks * 65536 + rest]), content)
            for machine in target.uname_machines:
                self.assertIn(f"{target.uname_system}\\ {machine}", script)


if __name__ == "__main__":
    unittest.main(verbosity=2)
