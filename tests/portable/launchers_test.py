#!/usr/bin/env python3
"""Starts a portable file by everything that starts programs, and keeps docs/launchers.md: `--write` writes the page.

A launcher that the page says works must work. One that is not installed here is skipped, and keeps its line.
"""
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

from portable_file import ECHO, ROOT, portable_file, script_head

PAGE = ROOT / "docs" / "launchers.md"
TITLE = """# What starts the file

Made by `tests/portable/launchers_test.py --write`, which starts a portable file by each of these; the test suite
compares. *MZ* is the file as it is, which Windows starts too; *`#!`* is the same file after `quipu assimilate FILE`
(and every file over 4 GiB from the start).

| launcher | MZ | `#!` | if not |
|---|---|---|---|
"""
END = """
"no" is the kernel's "Exec format error" (ENOEXEC): POSIX lets a shell or `execvp` go on with `sh FILE` then, and these
do not. The ways out: name `sh` yourself (`sh FILE ...`), run `quipu assimilate FILE` once, or on Linux, as root,
`quipu binfmt register`, after which the kernel hands such files to `sh` by itself. The latter also keeps Wine's and
WSL's handlers of Windows programs from taking the file.
"""

GO = """package main
import ("os"; "os/exec")
func main() {
	c := exec.Command(os.Args[1], os.Args[2:]...)
	c.Stdout = os.Stdout
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil { if e, ok := err.(*exec.ExitError); ok { os.Exit(e.ExitCode()) }; os.Exit(1) }
}
"""
NODE = "const r=require('child_process').spawnSync(process.argv[1],process.argv.slice(2));" \
       "process.stdout.write(r.stdout||'');process.exit(r.status===null?1:r.status)"


def shell(name, *flags):
    return name, name, lambda file: [name, *flags, "-c", f"{shlex.quote(str(file))} a 'b c'"]


# Name on the page, the program that must be there, the command that starts FILE with the arguments "a" and "b c".
LAUNCHERS = [
    *(shell(name) for name in ("bash", "dash", "zsh", "ksh", "mksh", "yash", "posh", "fish", "tcsh")),
    ("busybox sh", "busybox", lambda file: ["busybox", "sh", "-c", f"{shlex.quote(str(file))} a 'b c'"]),
    ("`sh FILE`", "sh", lambda file: ["sh", str(file), "a", "b c"]),
    ("`bash FILE`", "bash", lambda file: ["bash", str(file), "a", "b c"]),
    ("`ksh FILE`", "ksh", lambda file: ["ksh", str(file), "a", "b c"]),
    ("`zsh FILE`", "zsh", lambda file: ["zsh", str(file), "a", "b c"]),
    ("`mksh FILE`", "mksh", lambda file: ["mksh", str(file), "a", "b c"]),
    ("`yash FILE`", "yash", lambda file: ["yash", str(file), "a", "b c"]),
    ("`env`", "env", lambda file: ["env", str(file), "a", "b c"]),
    ("`nohup`", "nohup", lambda file: ["nohup", str(file), "a", "b c"]),
    ("`nice`", "nice", lambda file: ["nice", "-n", "1", str(file), "a", "b c"]),
    ("`timeout`", "timeout", lambda file: ["timeout", "60", str(file), "a", "b c"]),
    ("`xargs`", "xargs", lambda file: ["sh", "-c", f"printf '%s\\0' 'b c' | xargs -0 {shlex.quote(str(file))} a"]),
    ("`find -exec`", "find", lambda file: ["find", str(file), "-exec", "{}", "a", "b c", ";"]),
    ("make", "make", lambda file: ["make", "-s", "-f", str(make_file(file))]),
    ("Python `subprocess`, a list", "python3", lambda file: [
        "python3", "-c", "import subprocess,sys; sys.exit(subprocess.run(sys.argv[1:]).returncode)", str(file), "a", "b c"]),
    ("Python `os.execvp`", "python3", lambda file: [
        "python3", "-c", "import os,sys; os.execvp(sys.argv[1], sys.argv[1:])", str(file), "a", "b c"]),
    ("Python `subprocess`, `shell=True`", "python3", lambda file: [
        "python3", "-c", "import subprocess,sys; sys.exit(subprocess.run(sys.argv[1] + \" a 'b c'\", shell=True).returncode)",
        shlex.quote(str(file))]),
    ("perl `exec`", "perl", lambda file: ["perl", "-e", "exec @ARGV", str(file), "a", "b c"]),
    ("awk `system`", "awk", lambda file: ["awk", "BEGIN { exit system(ARGV[1] \" a 'b c'\") }", shlex.quote(str(file))]),
    ("node `child_process.spawn`", "node", lambda file: ["node", "-e", NODE, str(file), "a", "b c"]),
    ("Go `os/exec`", "go", lambda file: [str(go_program(file)), str(file), "a", "b c"]),
    ("cron (`/bin/sh -c`)", "sh", lambda file: ["/bin/sh", "-c", f"{shlex.quote(str(file))} a 'b c'"]),
    ("systemd `ExecStart` (`execve`)", "python3", lambda file: [
        "python3", "-c", "import os,sys; os.execv(sys.argv[1], sys.argv[1:])", str(file), "a", "b c"]),
    ("start-stop-daemon", "start-stop-daemon", lambda file: [
        "start-stop-daemon", "--start", "--pidfile", "/nonexistent", "--exec", str(file), "--", "a", "b c"]),
    ("strace", "strace", lambda file: ["strace", "-o", "/dev/null", str(file), "a", "b c"]),
]


def make_file(file):
    path = file.parent / "Makefile"
    path.write_text(f"all:\n\t@{shlex.quote(str(file))} a 'b c'\n")
    return path


def go_program(file):
    folder = file.parent / "go"
    program = folder / "start"
    if not program.exists():
        folder.mkdir()
        (folder / "start.go").write_text(GO)
        subprocess.run(["go", "build", "-o", program, folder / "start.go"], check=True, cwd=folder, capture_output=True,
                       env={**os.environ, "GOCACHE": str(folder / "cache"), "GOFLAGS": "-mod=mod"})
    return program


def works(command, environment):
    try:
        done = subprocess.run(command, capture_output=True, timeout=120, env=environment, stdin=subprocess.DEVNULL,
                              cwd="/")
    except OSError:
        return False
    return done.stdout.split(b"\0")[1:] == [b"a", b"b c", b""]


def binfmt_takes_it():
    """Whether a handler of Windows programs (Wine, WSL) stands before sh on this machine."""
    for path in pathlib.Path("/proc/sys/fs/binfmt_misc").glob("*"):
        if path.name not in ("register", "status") and re.search(r"magic 4d5a$", path.read_text(), re.M):
            return True
    return False


def tried(launchers=LAUNCHERS):
    """For each launcher None (not here), or whether it starts the MZ form and the `#!` form."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="quipu launchers "))
    (folder / "home").mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "GOROOT": os.environ.get("GOROOT", "")}
    if not environment["GOROOT"]:
        del environment["GOROOT"]
    try:
        mz = portable_file(folder / "mz.llamafile", ECHO)
        script = folder / "script.llamafile"
        shutil.copy2(mz, script)
        with open(script, "r+b") as f:
            f.write(script_head(mz.read_bytes()))
        results = {}
        for name, needs, command in launchers:
            results[name] = None if not shutil.which(needs) else tuple(
                works(command(file), environment) for file in (mz, script))
        return results
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def row(name, result):
    mz, script = ("works" if r else "no" for r in result)
    out = "" if result[0] else "`sh FILE`, or `quipu assimilate FILE`"
    return f"| {name} | {mz} | {script} | {out} |\n"


class LaunchersTest(unittest.TestCase):
    def test_the_page_is_true(self):
        if binfmt_takes_it():
            self.skipTest("a handler of Windows programs is registered with binfmt_misc: it takes the file")
        page = PAGE.read_text()
        skipped = []
        for name, result in tried().items():
            with self.subTest(name):
                self.assertIn(f"| {name} |", page)
                if result is None:
                    skipped.append(name)
                else:
                    self.assertIn(row(name, result), page)
        if skipped:
            print("not installed here, not tried:", ", ".join(skipped))


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        old = PAGE.read_text() if PAGE.exists() else ""
        rows = ""
        for name, result in tried().items():
            kept = re.search(rf"^\| {re.escape(name)} \|.*\n", old, re.M)
            rows += row(name, result) if result else kept[0] if kept else f"| {name} | not tried | not tried | |\n"
        PAGE.write_text(TITLE + rows + END)
    else:
        unittest.main(verbosity=2)
