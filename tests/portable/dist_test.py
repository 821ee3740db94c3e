#!/usr/bin/env python3
"""What `make dist` made: each program as an object, then what can be run here: ARM64 in qemu, Windows in wine. And the
tests of cross_tests.cmake, of ARM64 in qemu, on processors with different instruction sets.

Programs and launchers that are not there are skipped, with the reason.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

from objects import Elf, MachO, Pe, newest_glibc
from portable_file import ROOT, targets

DIST = ROOT / "build" / "dist"
MODEL = ROOT / "build" / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
NATIVE = ROOT / "build" / "quipu"
MAX_PROGRAM = 3 << 20
MAX_ENGINE = 25 << 20

# The libraries that a program may ask for: what every installation of the system has.
ELF_LIBRARIES = {
    "Linux": {"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "ld-linux-x86-64.so.2",
              "ld-linux-aarch64.so.1"},
    "FreeBSD": {"libc.so.7", "libm.so.5", "libthr.so.3", "librt.so.1", "libdl.so.1", "libutil.so.9"},
    "NetBSD": {"libc.so.12", "libm.so.0", "libpthread.so.1", "librt.so.1"},
    "OpenBSD": {"libc.so", "libm.so", "libpthread.so"},  # versions follow
}
NOTES = {"FreeBSD": ("FreeBSD", 1), "NetBSD": ("NetBSD", 1), "OpenBSD": ("OpenBSD", 1)}
WINDOWS_LIBRARIES = {"kernel32.dll", "ntdll.dll", "advapi32.dll", "shell32.dll", "ws2_32.dll", "mswsock.dll",
                     "user32.dll", "bcrypt.dll"}
PLACES = {"windows-x86_64": "wine", "linux-arm64-musl": "qemu-aarch64", "linux-x86_64": "", "linux-x86_64-musl": ""}


def program_of(test, name):
    target = next(t for t in targets() if t.name == name)
    if not target.program.is_file():
        test.skipTest(f"{target.program} is not there: dist/build.py {name}")
    return target.program


class ObjectTest(unittest.TestCase):
    def each(self, *systems):
        there = [t for t in targets() if t.system in systems and t.program.is_file()]
        if not there:
            self.skipTest("nothing was built for " + ", ".join(systems))
        return [(target, target.program.read_bytes()) for target in there]

    def test_sizes(self):
        for target, data in self.each(*{t.system for t in targets()}):
            with self.subTest(target.name):
                self.assertLess(len(data), MAX_PROGRAM)
        if (DIST / "quipu").is_file():
            self.assertLess((DIST / "quipu").stat().st_size, MAX_ENGINE)

    def test_elf(self):
        for target, data in self.each("Linux", "FreeBSD", "NetBSD", "OpenBSD"):
            with self.subTest(target.name):
                elf = Elf(data)
                self.assertEqual(elf.machine, target.processor)
                self.assertFalse(elf.writable_and_executable())
                if target.zig.endswith("musl"):
                    self.assertEqual((elf.interpreter, elf.needed()), (None, []))
                    continue
                self.assertIsNotNone(elf.interpreter)
                allowed = ELF_LIBRARIES[target.system]
                for name in elf.needed():
                    self.assertIn(name.split(".so")[0] + ".so" if target.system == "OpenBSD" else name, allowed)
                if target.system == "Linux":
                    self.assertLessEqual(newest_glibc(elf.needed_versions()), (2, 17))
                else:
                    self.assertIn(NOTES[target.system], elf.notes())
                if target.system == "FreeBSD":
                    self.assertEqual(elf.osabi, 9)
                    self.assertEqual(int.from_bytes(elf.notes()["FreeBSD", 1], "little") // 100000, 14)
                if target.system == "OpenBSD":
                    self.assertTrue(elf.is_pie)

    def test_macos(self):
        for target, data in self.each("Darwin"):
            with self.subTest(target.name):
                program = MachO(data)
                self.assertEqual(program.machine, target.processor)
                self.assertEqual(program.libraries(), ["/usr/lib/libSystem.B.dylib"])
                self.assertLessEqual(program.oldest_system(), (11, 0))
                if target.processor == "aarch64":
                    self.assertTrue(program.signature_is_right())

    def test_windows(self):
        for target, data in self.each("Windows"):
            with self.subTest(target.name):
                program = Pe(data)
                self.assertEqual(program.machine, target.processor)
                for name in program.libraries():
                    self.assertTrue(name in WINDOWS_LIBRARIES or name.startswith("api-ms-win-crt-"), name)
                self.assertIn(b"<activeCodePage", data)

    def test_nothing_of_this_machine_is_inside(self):
        for target, data in self.each(*{t.system for t in targets()}):
            with self.subTest(target.name):
                self.assertNotIn(os.fsencode(ROOT), data)


class RunTest(unittest.TestCase):
    """The same answers as the native build's."""

    def setUp(self):
        for path in (MODEL, NATIVE):
            if not path.is_file():
                self.skipTest(f"{path} is not there")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="quipu dist "))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def command(self, name, *arguments):
        """The command that runs a program here, and its environment."""
        launcher = PLACES[name]
        if launcher and not shutil.which(launcher):
            self.skipTest(f"{launcher} is not installed")
        environment = dict(os.environ, WINEDEBUG="-all", WINEPREFIX=str(ROOT / "build" / "wine"))
        return [*([launcher] if launcher else []), program_of(self, name), *map(str, arguments)], environment

    def run_program(self, name, *arguments, stdin=None):
        command, environment = self.command(name, *arguments)
        return subprocess.run(command, capture_output=True, timeout=900, env=environment, input=stdin)

    def native(self, *arguments):
        return subprocess.run([NATIVE, *map(str, arguments)], capture_output=True, timeout=300)

    def test_version(self):
        for name in PLACES:
            with self.subTest(name):
                done = self.run_program(name, "--version")
                self.assertEqual(done.stdout.replace(b"\r", b""), self.native("--version").stdout, done)

    def test_tokens_and_paths_in_utf8(self):
        model = self.folder / "gr\u00fc\u00dfe \u65e5\u672c.gguf"
        model.symlink_to(MODEL)
        text = "na\u00efve \u65e5\u672c\u8a9e \U0001f600 text"
        expected = self.native("tokenize", "-m", model, "-p", text).stdout
        for name in PLACES:
            with self.subTest(name):
                done = self.run_program(name, "tokenize", "-m", model, "-p", text)
                self.assertEqual(done.stdout.replace(b"\r", b""), expected, done)

    def test_completion(self):
        arguments = ["--cli", "-m", MODEL, "-p", "The capital of France is", "-n", "6", "--temp", "0", "-t", "2", "--isa",
                     "generic", "--precise"]
        expected = self.native(*arguments).stdout
        self.assertIn(b"Paris", expected)
        for name in PLACES:
            with self.subTest(name):
                done = self.run_program(name, *arguments)
                self.assertEqual(done.stdout.replace(b"\r", b""), expected, done)

    def test_a_question_through_a_pipe(self):
        for name in PLACES:
            with self.subTest(name):
                done = self.run_program(name, "-m", MODEL, "--temp", "0", "-n", "12",
                                        stdin=b"What is the capital of France?\n")
                self.assertIn(b"Paris", done.stdout, done)


    def test_a_template_that_refuses(self):
        # Only the rooms that throw have tables for unwinding (dist/dist.cmake): without them the program would abort.
        request = self.folder / "request.json"
        request.write_text('{"messages": [{"role": "user", "content": "x"}]}')
        template = "{% for m in messages %}{{ [m.content | upper, 'y'] | join | replace('x', raise_exception('no: ' ~ m.role)) }}"
        for name in PLACES:
            with self.subTest(name):
                done = self.run_program(name, "template", "-m", MODEL, "-f", request, "--chat-template",
                                        template + "{% endfor %}")
                self.assertEqual((done.returncode, b"no: user" in done.stderr), (1, True), done)

    def test_server(self):
        for name in PLACES:
            with self.subTest(name):
                command, environment = self.command(name, "--server", "-m", MODEL, "--port", "0", "--nobrowser", "-c", "512")
                with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                      text=True) as server:
                    try:
                        self.ask(server)
                    finally:
                        server.terminate()

    def ask(self, server):
        said = []
        while not (found := re.search(r"listening on (\S+)", said[-1] if said else "")):
            said.append(server.stderr.readline())
            self.assertTrue(said[-1], said)
        threading.Thread(target=server.stderr.read, daemon=True).start()

        def answer(path, body, key):
            request = urllib.request.Request(found[1] + path, data=json.dumps(body).encode(),
                                             headers={"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=900) as response:
                text = response.read().decode()
            return text if body.get("stream") else json.loads(text)[key]

        # Few tokens: in qemu one takes three seconds.
        question = {"prompt": "The capital of France is", "max_tokens": 2, "temperature": 0}
        self.assertIn("Paris", answer("/v1/completions", question, "choices")[0]["text"])
        self.assertIn("data: [DONE]", answer("/v1/completions", {**question, "stream": True}, None))
        with self.assertRaises(urllib.error.HTTPError) as caught:
            answer("/v1/chat/completions", {"messages": 5}, None)
        with caught.exception as error:
            self.assertEqual(error.code, 400)


class CrossTest(unittest.TestCase):
    """The C++ tests that dist/build.py --tests linux-arm64-musl built, in qemu, as many at once as there are processors."""

    FOLDER = DIST / "linux-arm64-musl"
    ISAS = ("neon_dotprod", "neon_i8mm", "neon_bf16")
    # Processors, what each lacks by its manual, and which tests of the kernels it runs: the generic ones are the same
    # code everywhere.
    PROCESSORS = (("max,sve=off", (), "*"),
                  ("neoverse-n1", ("neon_i8mm", "neon_bf16"), "*neon*"),
                  ("cortex-a53", ISAS, "*neon*"))
    # What is left out, and why.
    WANTED = {"model": "*-Shapes.PublishedModelsLoadByTheirMetadata",  # 405B parameters leave the emulator's address space
              "tokenizer": "*-LongText.*",  # limits of time, for a processor
              "engine": "*-Scheduler.*:KvFile.*"}  # minutes of SmolLM2; RunTest starts it here
    # Programs of which several parts run at once.
    PARTS = {"kernels": 8, "engine": 4, "tokenizer": 4}

    def setUp(self):
        if not (self.FOLDER / "test_kernels").is_file():
            self.skipTest(f"{self.FOLDER} has no tests: dist/build.py --tests linux-arm64-musl")
        if not shutil.which("qemu-aarch64"):
            self.skipTest("qemu-aarch64 is not installed")

    def run_tests(self, runs):
        """Runs of (program, processor, filter); what each printed. Fails if one of them does."""
        parts = [(run, part, self.PARTS.get(run[0], 1)) for run in runs for part in range(self.PARTS.get(run[0], 1))]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            done = list(pool.map(self.run_part, *zip(*parts)))
        said = dict.fromkeys(runs, "")
        for (run, part, _), (code, text, seconds) in zip(parts, done):
            print(f"{' '.join(run)} {part}: {seconds:.0f} s", file=sys.stderr)
            with self.subTest(run=run, part=part):
                self.assertEqual(code, 0, text[-4000:])
            said[run] += text
        return said

    def run_part(self, run, part, n_parts):
        room, processor, wanted = run
        environment = dict(os.environ, GTEST_TOTAL_SHARDS=str(n_parts), GTEST_SHARD_INDEX=str(part))
        start = time.monotonic()
        done = subprocess.run(["qemu-aarch64", "-cpu", processor, self.FOLDER / f"test_{room}", f"--gtest_filter={wanted}"],
                              capture_output=True, timeout=3600, env=environment)
        return done.returncode, (done.stdout + done.stderr).decode(errors="replace"), time.monotonic() - start

    def test_a_part(self):
        # For make test (room.cmake): the matrix kernels of each ARM64 instruction set.
        self.run_tests([("kernels", "max,sve=off", "*Gem?Test*neon*"), ("backend", "max,sve=off", "*")])

    def test_kernels_of_every_instruction_set(self):
        runs = {("kernels", processor, wanted): lacks for processor, lacks, wanted in self.PROCESSORS}
        for run, text in self.run_tests(list(runs)).items():
            for isa in self.ISAS:
                with self.subTest(run=run, isa=isa):
                    self.assertEqual(f"this CPU has no {isa}" in text, isa in runs[run])

    def test_every_other_program(self):
        programs = sorted(path.name.removeprefix("test_") for path in self.FOLDER.glob("test_*") if path.is_file())
        self.run_tests([(room, "max,sve=off", self.WANTED.get(room, "*")) for room in programs if room != "kernels"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
