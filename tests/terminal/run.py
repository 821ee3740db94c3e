#!/usr/bin/env python3
"""Runs scenarios of the terminal: `run.py FILE.txt|FOLDER...`. Keys go through a real pseudo-terminal, the screen is that
of a terminal emulator (pyte). A scenario is a text file; README.md beside this program describes its lines.
"""
import fcntl
import os
import pathlib
import pty
import re
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unicodedata

import pyte
from wcwidth import wcwidth

# Absolute, since quipu runs in a folder of its own.
QUIPU = os.path.abspath(os.environ["QUIPU"])
MODELS = {"tiny": os.path.abspath(os.environ["TEST_TINY_MODEL"]), "real": os.path.abspath(os.environ["TEST_MODEL"])}
TIMEOUT_S = float(os.environ.get("TEST_TIMEOUT", "60"))
KEYS = {"Enter": "\r", "Tab": "\t", "Esc": "\x1b", "BS": "\x7f", "Up": "\x1b[A", "Down": "\x1b[B", "Right": "\x1b[C",
        "Left": "\x1b[D", "Home": "\x1b[H", "End": "\x1b[F", "Del": "\x1b[3~", "S-Tab": "\x1b[Z", "C-Left": "\x1b[1;5D",
        "C-Right": "\x1b[1;5C", "C-_": "\x1f", "lt": "<", "S-Enter": "\x1b[13;2u"}


class Failure(Exception):
    pass


class Skip(Exception):
    pass


class Screen(pyte.HistoryScreen):
    """Remembers what a program sent to the clipboard and asked of the terminal."""

    def __init__(self, columns, rows):
        super().__init__(columns, rows, history=5000)
        self.bracketed_paste = False

    def draw(self, data):
        """pyte drops marks that take no cell and have no combining class, such as Thai's and Hindi's vowels."""
        for character in data:
            if wcwidth(character) == 0 and not unicodedata.combining(character) and self.cursor.x > 0:
                cells = self.buffer[self.cursor.y]
                at = self.cursor.x - (2 if cells[self.cursor.x - 1].data == "" else 1)
                cells[at] = cells[at]._replace(data=cells[at].data + character)
            else:
                super().draw(character)

    def set_mode(self, *modes, **keywords):
        if keywords.get("private") and 2004 in modes:
            self.bracketed_paste = True
        super().set_mode(*modes, **keywords)

    def reset_mode(self, *modes, **keywords):
        if keywords.get("private") and 2004 in modes:
            self.bracketed_paste = False
        super().reset_mode(*modes, **keywords)


def keys_of(text):
    """<Enter>, <C-c>, <A-b> and the names of KEYS become their bytes."""
    def key(match):
        name = match[1]
        if name in KEYS:
            return KEYS[name]
        if name.startswith("C-") and len(name) == 3:
            return chr(ord(name[2].upper()) - 64)
        if name.startswith("A-"):
            return "\x1b" + (KEYS.get(name[2:]) or name[2:])
        raise Failure(f"no key is called <{name}>")
    return re.sub(r"<([^<> ]+)>", key, text)


def gbnf_literal(text):
    """A grammar that only this text satisfies: it makes a real model say it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    escaped = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", lambda m: f"\\u{ord(m[0]):04x}", escaped)
    return f'root ::= "{escaped}"'


class Run:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.columns, self.rows = 80, 24
        self.environment = {"PATH": os.environ["PATH"], "HOME": folder, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self.arguments, self.answer, self.program, self.model = [], None, QUIPU, MODELS["tiny"]
        self.environment |= {"QUIPU": QUIPU, "MODEL": self.model, "REAL_MODEL": MODELS["real"]}
        self.arrivals = []  # (when, the length of raw then)
        self.stdin_text = None
        self.pid = self.fd = self.exit_code = None
        self.raw = b""
        self.typed_at = 0  # the length of raw when keys were sent last

    # ---- the program ----

    def start(self):
        command = [*self.program.split(), *self.arguments]
        if self.model:
            command += ["-m", self.model, "-t", "1"]
        if self.answer is not None:
            command += ["--grammar", gbnf_literal(self.answer)]
        self.screen = Screen(self.columns, self.rows)
        self.stream = pyte.ByteStream(self.screen)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(self.folder)
            if self.stdin_text is not None:
                read_end, write_end = os.pipe()
                os.write(write_end, self.stdin_text.encode())
                os.close(write_end)
                os.dup2(read_end, 0)
            os.execve(command[0], command, self.environment)
        self.set_size()
        self.found_modes = termios.tcgetattr(self.fd)

    def set_size(self):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, self.columns, 0, 0))

    def read(self, seconds):
        """Feeds the emulator for so long, or until the program is silent at the end."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        if not data:
            return None
        self.raw += data
        self.arrivals.append((time.monotonic(), len(self.raw)))
        self.stream.feed(data)
        return True

    def until(self, done, what):
        end = time.monotonic() + TIMEOUT_S
        while not done():
            left = end - time.monotonic()
            if left <= 0 or self.read(min(left, 0.5)) is None:
                if done():
                    return
                raise Failure(f"{what} did not come; the screen:\n" + self.picture())

    def settle(self, seconds=0.04):
        """Until the program is silent for so long; not for ever, as it may be in the middle of an answer."""
        end = time.monotonic() + 0.5
        while self.read(seconds) and time.monotonic() < end:
            pass

    def arrival_of(self, at):
        return next(when for when, length in self.arrivals if length > at)

    def wait_for_exit(self):
        end = time.monotonic() + TIMEOUT_S
        while self.exit_code is None and time.monotonic() < end:
            self.read(0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.exit_code = os.waitstatus_to_exitcode(status)
        if self.exit_code is None:
            raise Failure("the program did not end; the screen:\n" + self.picture())
        while self.read(0.05):
            pass

    def stop(self):
        if self.pid and self.exit_code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        if self.fd:
            os.close(self.fd)

    # ---- the screen ----

    def lines(self):
        lines = [line.rstrip() for line in self.screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def everything(self):
        """What scrolled away, too."""
        before = []
        for row in self.screen.history.top:
            before.append("".join(row[x].data for x in range(self.screen.columns)).rstrip())
        return before + self.lines()

    def picture(self):
        return "\n".join("| " + line for line in self.everything()[-3 * self.rows:])

    def style_of(self, text):
        for y, line in enumerate(self.screen.display):
            at = line.find(text)
            if at < 0:
                continue
            cell = self.screen.buffer[y][at]
            names = [cell.fg] + [name for name in ("bold", "italics", "underscore", "strikethrough") if getattr(cell, name)]
            return " ".join(n for n in names if n != "default") or "plain"
        raise Failure(f"'{text}' is not on the screen:\n" + self.picture())


def escaped(text):
    return text.encode().decode("unicode_escape").encode("latin-1").decode() if "\\" in text else text


class Scenario:
    """Executes the lines of a file."""

    def __init__(self, path, run):
        self.run = run
        self.lines = path.read_text().splitlines()
        self.at = 0

    def block(self):
        """The lines after a command that begin with |."""
        lines = []
        while self.at < len(self.lines) and self.lines[self.at].startswith("|"):
            lines.append(self.lines[self.at][1:].removeprefix(" "))
            self.at += 1
        return lines

    def execute(self):
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            if not line.strip() or line.startswith("#"):
                continue
            command, _, argument = line.partition(" ")
            try:
                getattr(self, "do_" + command.replace("-", "_"))(argument)
            except Failure as failure:
                raise Failure(f"line {self.at}: {line}\n{failure}") from None
            except AttributeError as error:
                if "do_" not in str(error):
                    raise
                raise Failure(f"line {self.at}: there is no command '{command}'") from None

    # ---- before the start ----

    def do_needs(self, argument):
        """A program, or: server."""
        if argument == "server":
            done = subprocess.run([QUIPU, "--server", "-m", "/no/such/model"], capture_output=True, text=True)
            if "has no server" in done.stderr:
                raise Skip("this build has no server")
        elif not shutil.which(argument):
            raise Skip(f"{argument} is not installed")

    def do_size(self, argument):
        self.run.columns, self.run.rows = map(int, argument.split())

    def do_env(self, argument):
        name, _, value = argument.partition("=")
        self.run.environment[name] = value.replace("$HOME", str(self.run.folder))

    def do_answer(self, argument):
        self.run.answer = "\n".join(self.block()) if not argument else escaped(argument)

    def do_model(self, argument):
        """tiny: a fast stream, several tokens in each piece of output; real: a slow one, token by token; none."""
        self.run.model = MODELS.get(argument)

    def do_program(self, argument):
        """Another program than quipu: a path in the home folder, or a command."""
        words = argument.split()
        path = self.run.folder / words[0]
        self.run.program = " ".join([str(path) if path.exists() else shutil.which(words[0]), *words[1:]])
        self.run.model = None

    def do_stdin(self, argument):
        self.run.stdin_text = escaped(argument)

    def do_file(self, argument):
        path = self.run.folder / argument
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(self.block()) + "\n")

    def do_shell(self, argument):
        done = subprocess.run(argument, shell=True, cwd=self.run.folder, capture_output=True, text=True,
                              env={**self.run.environment, "PID": str(self.run.pid or "")})
        if done.returncode != 0:
            raise Failure(f"it left with {done.returncode}: {done.stdout}{done.stderr}")

    def do_start(self, argument):
        if self.run.pid:  # again, with the same home
            self.run.wait_for_exit()
            os.close(self.run.fd)
            self.run.exit_code = None
        self.run.arguments = shlex.split(argument)
        self.run.start()

    # ---- keys and signals ----

    def do_type(self, argument):
        self.run.settle(0.01)
        self.run.typed_at = len(self.run.raw)
        os.write(self.run.fd, keys_of(argument.replace("\\s", " ")).encode())

    def do_slowly(self, argument):
        for key in re.findall(r"<[^<> ]+>|.", argument):
            os.write(self.run.fd, keys_of(key).encode())
            self.run.settle(0.03)

    def do_paste(self, argument):
        text = "\n".join(self.block()) if not argument else escaped(argument)
        data = f"\x1b[200~{text}\x1b[201~".encode()
        while data:
            data = data[os.write(self.run.fd, data[:4096]):]
            self.run.settle(0)

    def do_paste_repeated(self, argument):
        count, _, text = argument.partition(" ")
        data = b"\x1b[200~" + escaped(text).encode() * int(count) + b"\x1b[201~"
        while data:
            _, writable, _ = select.select([], [self.run.fd], [], 0.01)
            if writable:
                data = data[os.write(self.run.fd, data[:4096]):]
            self.run.settle(0)

    def do_bytes(self, argument):
        os.write(self.run.fd, argument.encode().decode("unicode_escape").encode("latin-1"))

    def do_resize(self, argument):
        self.run.settle()
        self.run.columns, self.run.rows = map(int, argument.split())
        self.run.screen.resize(self.run.rows, self.run.columns)
        self.run.set_size()
        self.run.settle(0.1)

    def do_signal(self, argument):
        os.kill(self.run.pid, getattr(signal, "SIG" + argument))

    def do_hang_up(self, _):
        os.close(self.run.fd)
        self.run.fd = None
        end = time.monotonic() + TIMEOUT_S
        while time.monotonic() < end:
            pid, status = os.waitpid(self.run.pid, os.WNOHANG)
            if pid:
                self.run.exit_code = os.waitstatus_to_exitcode(status)
                return
            time.sleep(0.02)
        raise Failure("the program did not end")

    def do_pause(self, argument):
        end = time.monotonic() + float(argument)
        while time.monotonic() < end:
            self.run.read(0.02)

    def do_wait(self, argument):
        text = escaped(argument)
        self.run.until(lambda: any(text in line for line in self.run.everything()), f"'{text}'")

    def do_wait_prompt(self, argument):
        """Until the cursor stands behind an empty prompt: after the answer, ready for the next line."""
        prompt = argument or ">>>"

        def ready():
            # A line editor that turns bracketed paste on has begun anew since the keys were sent.
            if b"\x1b[?2004h" in self.run.raw and self.run.raw.rfind(b"\x1b[?2004h") < self.run.typed_at:
                return False
            row = self.run.screen.display[self.run.screen.cursor.y]
            return row.startswith(prompt) and self.run.screen.cursor.x == len(prompt) + 1
        self.run.until(ready, "the prompt")
        self.run.settle()

    # ---- expectations ----

    def do_screen(self, _):
        wanted = self.block()
        self.run.settle()
        actual = self.run.lines()
        if not matches(wanted, actual):
            raise Failure("expected:\n" + "\n".join("| " + w for w in wanted) + "\nbut there is:\n" +
                          "\n".join("| " + a for a in actual))

    def do_contains(self, argument):
        self.run.settle()
        if not any(escaped(argument) in line for line in self.run.everything()):
            raise Failure("it is not on the screen:\n" + self.run.picture())

    def do_lacks(self, argument):
        self.run.settle()
        if any(escaped(argument) in line for line in self.run.everything()):
            raise Failure("it is on the screen:\n" + self.run.picture())

    def do_raw_contains(self, argument):
        self.run.settle()
        if argument.encode().decode("unicode_escape").encode("latin-1") not in self.run.raw:
            raise Failure(f"the output was {self.run.raw[-3000:]!r}")

    def do_raw_lacks(self, argument):
        self.run.settle()
        if argument.encode().decode("unicode_escape").encode("latin-1") in self.run.raw:
            raise Failure(f"the output was {self.run.raw[-3000:]!r}")

    def do_style(self, argument):
        text, _, wanted = argument.rpartition(": ")
        self.run.settle()
        actual = self.run.style_of(text)
        if sorted(actual.split()) != sorted(wanted.split()):
            raise Failure(f"its style is {actual}")

    def do_cursor(self, argument):
        self.run.settle()
        row, column = map(int, argument.split())
        cursor = self.run.screen.cursor
        if (cursor.y + 1, cursor.x + 1) != (row, column):
            raise Failure(f"it is at {cursor.y + 1} {cursor.x + 1}:\n" + self.run.picture())

    def do_prompt_within(self, argument):
        """MS after the last piece of TEXT, so many milliseconds, the prompt was there."""
        limit_ms, _, text = argument.partition(" ")
        self.do_wait_prompt("")
        said = self.run.raw.rindex(escaped(text).encode())
        prompt = self.run.raw.index(b">>> ", said)
        took_ms = 1000 * (self.run.arrival_of(prompt) - self.run.arrival_of(said + len(text) - 1))
        if took_ms > float(limit_ms):
            raise Failure(f"the prompt came {took_ms:.1f} ms after the answer")

    def do_count(self, argument):
        """N TEXT: the screen and what scrolled away show it so many times."""
        wanted, _, text = argument.partition(" ")
        self.run.settle()
        found = "\n".join(self.run.everything()).count(escaped(text))
        if found != int(wanted):
            raise Failure(f"it is there {found} times:\n" + self.run.picture())

    def do_exit(self, argument):
        self.run.wait_for_exit()
        if self.run.exit_code != int(argument or 0):
            raise Failure(f"the exit code is {self.run.exit_code}; the screen:\n" + self.run.picture())

    def do_modes_restored(self, _):
        if self.run.screen.bracketed_paste:
            raise Failure("bracketed paste is still on")
        if termios.tcgetattr(self.run.fd)[:4] != self.run.found_modes[:4]:
            raise Failure("the terminal's modes are others than before")

    def do_home_contains(self, argument):
        pattern, _, text = argument.partition(" ")
        found = [p for p in self.run.folder.glob(pattern) if escaped(text) in p.read_text(errors="replace")]
        if not found:
            raise Failure("there are: " + ", ".join(str(p.relative_to(self.run.folder)) for p in self.run.folder.rglob("*")))

    def do_home_lacks(self, argument):
        found = list(self.run.folder.glob(argument))
        if found:
            raise Failure(f"there is {found[0]}")

    def do_mode(self, argument):
        pattern, wanted = argument.split()
        for path in self.run.folder.glob(pattern):
            if f"{path.stat().st_mode & 0o777:04o}" != wanted:
                raise Failure(f"{path} has mode {path.stat().st_mode & 0o777:04o}")


def matches(wanted, actual):
    """A line `...` stands for any number of lines; ... at a line's end for any rest."""
    if not wanted:
        return not actual
    if wanted[0] == "...":
        return any(matches(wanted[1:], actual[n:]) for n in range(len(actual) + 1))
    if not actual:
        return False
    pattern, line = wanted[0].rstrip(), actual[0]
    same = line.startswith(pattern[:-3]) if pattern.endswith("...") and len(pattern) > 3 else line == pattern
    return same and matches(wanted[1:], actual[1:])


def main():
    failed = 0
    names = [pathlib.Path(argument) for argument in sys.argv[1:]]
    for name in [file for name in names for file in (sorted(name.glob("*.txt")) if name.is_dir() else [name])]:
        folder = tempfile.mkdtemp(prefix="quipu-terminal-")
        run = Run(folder)
        begin = time.monotonic()
        try:
            Scenario(name, run).execute()
            print(f"ok      {name} ({time.monotonic() - begin:.1f} s)", flush=True)
        except Skip as skip:
            print(f"skipped {name}: {skip}")
        except Failure as failure:
            failed += 1
            print(f"FAILED  {name}: {failure}\n")
        finally:
            run.stop()
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
