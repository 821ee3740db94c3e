#!/usr/bin/env python3
"""What the chat's screen costs: `scripts/measure_chat.py [QUIPU [MODEL.gguf]]`.

The same answer (greedy, of N_TOKENS tokens) through a pseudo-terminal, with colours, Markdown and the status line, and
through a pipe, in turn. Printed: the time from the answer's first to its last text in both and their ratio (medians of
the rounds), and how long after the last text the prompt is there again.
"""
import os
import pathlib
import pty
import select
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
QUIPU = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "quipu")
MODEL = os.path.abspath(
    sys.argv[2] if len(sys.argv) > 2 else ROOT / "build" / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf")
QUESTION = "Write a Python program that counts words in a file, and explain each step in a list."
N_TOKENS, ROUNDS = 300, 15
FLAGS = ["-m", MODEL, "--temp", "0", "-n", str(N_TOKENS), "--ignore-eos", "--no-history"]
PROMPT, STATUS = b">>>", b" tokens/s"


def reads(fd, timeout_s=60.0):
    """(time, bytes) of what arrives, until nothing does any more."""
    while select.select([fd], [], [], timeout_s)[0]:
        try:
            data = os.read(fd, 65536)
        except OSError:  # the other side of a terminal is closed
            return
        if not data:
            return
        yield time.monotonic(), data


def in_a_terminal(home):
    """Seconds of the answer, and from its last text to the prompt."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(QUIPU, [QUIPU, *FLAGS, "--chat", "--nologo"],
                  dict(os.environ, HOME=home, TERM="xterm-256color", LINES="40", COLUMNS="100"))
    seen, texts = b"", []
    for _, data in reads(fd):
        seen += data
        if PROMPT in seen:
            break
    os.write(fd, QUESTION.encode() + b"\r")
    asked, prompt_at = False, None
    for at, data in reads(fd):
        if not asked:
            asked = b"\n" in data  # the echo of the question ends
            continue
        if PROMPT in data:
            prompt_at = at
            break
        if STATUS not in data:
            texts.append(at)
    os.write(fd, b"/exit\r")
    for _ in reads(fd, 5.0):
        pass
    os.waitpid(pid, 0)
    os.close(fd)
    return texts[-1] - texts[0], prompt_at - texts[-1]


def in_a_pipe(home):
    process = subprocess.Popen([QUIPU, *FLAGS], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               env=dict(os.environ, HOME=home))
    process.stdin.write(QUESTION.encode())
    process.stdin.close()
    times = [at for at, _ in reads(process.stdout.fileno())]
    process.wait()
    return times[-1] - times[0]


def main():
    with tempfile.TemporaryDirectory() as home:
        terminal, pipe = [], []
        for _ in range(ROUNDS):
            terminal.append(in_a_terminal(home))
            pipe.append(in_a_pipe(home))
    drawn, plain = [t[0] for t in terminal], pipe
    print(f"{N_TOKENS} tokens: {statistics.median(drawn):.3f} s in a terminal, {statistics.median(plain):.3f} s in a pipe; "
          f"ratio {statistics.median(a / b for a, b in zip(drawn, plain)):.3f}")
    back = sorted(1000 * t[1] for t in terminal)
    print(f"the prompt is back {statistics.median(back):.1f} ms after the last text (at most {back[-1]:.1f} ms)")


if __name__ == "__main__":
    main()
