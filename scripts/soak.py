#!/usr/bin/env python3
"""Honest clients beside bad ones: `scripts/soak.py [--seconds 600] [--bad 1000] [--honest 8]`.

Starts build/quipu as a server (--precise, so that texts can be compared) and lets the honest clients ask all their
questions alone. Then they ask them again and again, streamed, while up to --bad connections of all kinds of
bad_clients.py are open. Asserted at the end:

  - every honest answer is complete, and the text is the one that came when nobody else was there;
  - no bad client got a 5xx, and the server counted none;
  - after a fifth of the time neither memory nor threads grow;
  - when the bad ones have left, no answer runs, and files, connections and KV pages are back;
  - SIGTERM, with bad connections still open, ends the server with exit code 0.

--idle N instead: N connections that say nothing, what each costs, and an honest answer beside them.
Only 127.0.0.1 is spoken to. Exit code 1 and a line for each failure.
"""
import argparse
import asyncio
import collections
import http.client
import json
import os
import pathlib
import random
import re
import resource
import socket
import statistics
import subprocess
import sys
import threading
import time

from bad_clients import KEY, Storm
from load import WORDS
from server_process import ServerProcess

ROOT = pathlib.Path(__file__).resolve().parent.parent
REQUEST_TIMEOUT_S = 300


class Server(ServerProcess):
    """The program under test; its figures come from /proc and /metrics."""

    def __init__(self, arguments, timeout_s):
        super().__init__(arguments.quipu, arguments.model, "--precise", "-t", arguments.threads, "-c", "2048", "-np", "8",
                         "--metrics", "--api-key", KEY, "--timeout", timeout_s)

    def get(self, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST" if body else "GET", path, body, {"Authorization": f"Bearer {KEY}", "Connection": "close"})
        text = connection.getresponse().read().decode()
        connection.close()
        return text

    def metric(self, name):
        return float(re.search(rf"(?m)^quipu:{name}(?:\{{.*\}})? (\S+)$", self.get("/metrics"))[1])

    def fill_cache(self):
        """Prompts for all pages of the KV cache: what they take must not be mistaken for a leak."""
        n_pages, dice = self.metric("kv_pages"), random.Random(0)
        while self.metric("kv_pages_used") < 0.98 * n_pages:
            prompt = [dice.randrange(1000, 40000) for _ in range(1000)]
            self.get("/v1/completions", json.dumps({"prompt": prompt, "max_tokens": 1}))

    def proc(self, name):
        return pathlib.Path(f"/proc/{self.process.pid}/{name}")

    def resident_mib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", self.proc("status").read_text())[1]) / 1024

    def n_threads(self):
        return len(list(self.proc("task").iterdir()))

    def n_files(self):
        return len(list(self.proc("fd").iterdir()))

    def pages_in_use(self):
        return self.metric("kv_pages_used") - self.metric("kv_pages_cached")

    def at_rest(self):
        slots = json.loads(self.get("/slots"))
        return (not any(slot["is_processing"] for slot in slots) and self.metric("requests_deferred") == 0 and
                self.metric("http_connections") == 1 and self.pages_in_use() == 0)


class Honest(threading.Thread):
    """A client with a few questions of different lengths, asked over kept connections."""

    def __init__(self, server, index, n_questions):
        super().__init__(daemon=True)
        self.server, self.end = server, threading.Event()
        self.failures, self.first_s, self.n_answers = [], [], 0
        dice = random.Random(index)
        self.questions = [{
            "messages": [{"role": "user", "content": " ".join(dice.choices(WORDS, k=dice.choice([3, 30, 300])))}],
            "max_tokens": dice.choice([5, 40, 150]), "temperature": 1.0, "seed": dice.randrange(1 << 30), "stream": True,
            "stream_options": {"include_usage": True}, "user": f"honest-{index}"} for _ in range(n_questions)]
        self.connection = None
        self.expected = [self.ask(question) for question in self.questions]
        self.first_s.clear()

    def ask(self, question):
        """(text, why it ended, tokens) of a stream that came whole; anything else raises."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=REQUEST_TIMEOUT_S)
        begin, first = time.monotonic(), None
        self.connection.request("POST", "/v1/chat/completions", json.dumps(question),
                                {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"})
        answer = self.connection.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} {answer.read()[:300]}")
        text, reason, usage, done = "", None, None, False
        for line in answer:
            if not line.startswith(b"data: "):
                continue
            first = first or time.monotonic() - begin
            if line == b"data: [DONE]\n":
                done = True
                continue
            event = json.loads(line[6:])
            usage = event.get("usage") or usage
            for choice in event["choices"]:
                text += choice["delta"].get("content") or ""
                reason = choice["finish_reason"] or reason
        if not done or usage is None:
            raise RuntimeError("the stream broke off")
        self.first_s.append(first)
        return text, reason, usage["completion_tokens"]

    def run(self):
        dice = random.Random(repr(self.questions))
        while not self.end.is_set():
            i = dice.randrange(len(self.questions))
            try:
                got = self.ask(self.questions[i])
                if got != self.expected[i]:
                    self.failures.append(f"question {i}: {got} instead of {self.expected[i]}")
            except Exception as error:  # whatever it is, an honest client must not see it
                self.failures.append(f"question {i}: {error!r}")
                self.connection = None
            self.n_answers += 1
            time.sleep(dice.uniform(0, 0.1))
        if self.connection is not None:
            self.connection.close()


class Figures:
    """Memory and threads, once a second."""

    def __init__(self, server):
        self.server, self.samples = server, []

    async def watch(self, seconds):
        begin = time.monotonic()
        while time.monotonic() - begin < seconds:
            self.samples.append((self.server.resident_mib(), self.server.n_threads(), self.server.n_files()))
            if len(self.samples) % 30 == 0:
                print(f"  {time.monotonic() - begin:5.0f} s: {self.samples[-1][0]:.1f} MiB, {self.samples[-1][1]} threads, "
                      f"{self.samples[-1][2]} files", flush=True)
            await asyncio.sleep(1)

    def column(self, i):
        """After the warm-up: the values of its beginning and of the end, a quarter of the time each."""
        warm = [sample[i] for sample in self.samples[len(self.samples) // 5:]]
        quarter = max(len(warm) // 4, 1)
        return warm[:quarter], warm[-quarter:]


def eventually(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.2)
    return condition()


async def storm(server, arguments, timeout_s, figures):
    bad = Storm(server.port, timeout_s, arguments.seed)
    end = asyncio.Event()
    tasks = []
    watch = asyncio.ensure_future(figures.watch(arguments.seconds))
    for _ in range(arguments.bad):  # not all in the same instant
        tasks.append(asyncio.ensure_future(bad.until(end)))
        await asyncio.sleep(min(1.0, arguments.seconds / 10) / arguments.bad)
    await watch
    end.set()
    await asyncio.gather(*tasks)
    return bad


def soak(arguments):
    timeout_s = max(2, min(20, int(arguments.seconds) // 6))
    failures = []

    def check(holds, what):
        if not holds:
            failures.append(what)

    server = Server(arguments, timeout_s)
    try:
        clients = [Honest(server, i, arguments.questions) for i in range(arguments.honest)]
        for client in clients:
            client.connection.close()
            client.connection = None
        server.fill_cache()
        check(eventually(server.at_rest, 10), "alone: the server does not come to rest")
        time.sleep(0.5)  # the connection that asked is closed
        n_files, n_threads = server.n_files(), server.n_threads()
        print(f"alone: {server.resident_mib():.1f} MiB, {n_threads} threads, {n_files} files", flush=True)
        for client in clients:
            client.start()
        figures = Figures(server)
        bad = asyncio.run(storm(server, arguments, timeout_s, figures))
        for client in clients:
            client.end.set()
        for client in clients:
            client.join()

        n_answers = sum(client.n_answers for client in clients)
        for i, client in enumerate(clients):
            check(client.n_answers > 0, f"honest client {i} got no answer at all")
            for failure in client.failures:
                failures.append(f"honest client {i}: {failure}")
        before, after = figures.column(0)
        print(f"honest: {n_answers} answers; first event after {statistics.median(s for c in clients for s in c.first_s):.2f} s "
              f"(median), at most {max(s for c in clients for s in c.first_s):.2f} s")
        print(f"bad: {sum(bad.counts.values())} connections, at most {bad.most_open} at once: {dict(bad.counts)}")
        print(f"     statuses: {dict(bad.statuses)}")
        print(f"memory: {max(before):.1f} MiB after the warm-up, {max(after):.1f} MiB at the end")
        for surprise in bad.surprises[:10]:
            failures.append(f"a bad client got {surprise}")
        check(len(bad.counts) == len(bad.kinds) or arguments.bad < 100, f"only these kinds came: {dict(bad.counts)}")
        check(max(after) <= max(before) * 1.05 + arguments.slack_mib, "memory grows")
        check({n for _, n, _ in figures.samples[1:]} == {n_threads}, "the number of threads changes")
        check(eventually(server.at_rest, 30), f"afterwards: the server does not come to rest: {server.get('/metrics')}")
        check(eventually(lambda: server.n_files() == n_files, 10), f"{server.n_files()} files are open, {n_files} before")
        check(server.metric("http_server_errors_total") == 0, "the server counted errors of its own")
        check(server.metric("requests_failed_total") == 0, "the server counted failed requests")
        print(f"afterwards: {server.resident_mib():.1f} MiB, {server.n_threads()} threads, {server.n_files()} files, "
              f"{server.pages_in_use():.0f} pages of answers, {server.metric('kv_pages_cached'):.0f} cached")
        failures.extend(stopped(server, timeout_s))
    finally:
        server.process.kill()
    return failures


def stopped(server, timeout_s):
    """SIGTERM beside connections that would stay: silent ones, half headers, half bodies."""
    rest = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(30)]
    for i, connection in enumerate(rest):
        connection.sendall([b"", b"POST /v1/chat/comp", b"POST /tokenize HTTP/1.1\r\nAuthorization: Bearer soak\r\n"
                            b"Content-Length: 100\r\n\r\n{"][i % 3])
    time.sleep(0.5)
    begin = time.monotonic()
    server.process.terminate()
    try:
        code = server.process.wait(timeout_s + 30)
    except subprocess.TimeoutExpired:
        return ["SIGTERM: the server does not end"]
    for connection in rest:
        connection.close()
    print(f"SIGTERM: exit code {code} after {time.monotonic() - begin:.1f} s")
    return [] if code == 0 else [f"SIGTERM: exit code {code}: " + "".join(server.lines[-30:])]


def is_open(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True


def idle(arguments):
    failures = []
    server = Server(arguments, 600)
    try:
        honest = Honest(server, 0, 2)
        honest.connection.close()
        before_mib, n_files = server.resident_mib(), server.n_files()
        begin = time.monotonic()
        connections = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(arguments.idle)]
        if not eventually(lambda: server.metric("http_connections") >= arguments.idle, 60):
            failures.append(f"only {server.metric('http_connections')} of {arguments.idle} connections are open")
        seconds, mib = time.monotonic() - begin, server.resident_mib()
        honest.connection = None
        for question, expected in zip(honest.questions, honest.expected):
            if honest.ask(question) != expected:
                failures.append("an honest answer changed")
        each_kib = 1024 * (mib - before_mib) / arguments.idle
        print(f"{arguments.idle} idle connections: opened in {seconds:.1f} s, {before_mib:.1f} MiB before, {mib:.1f} MiB with "
              f"them, {each_kib:.1f} KiB each; first event of an honest answer after {max(honest.first_s):.3f} s")
        if each_kib > 16:
            failures.append("an idle connection costs more than 16 KiB")
        if n_closed := sum(not is_open(connection) for connection in connections):
            failures.append(f"{n_closed} connections were closed")
        for connection in connections:
            connection.close()
        honest.connection.close()
        if not eventually(lambda: server.n_files() == n_files - 1, 30):
            failures.append(f"{server.n_files()} files are open, {n_files - 1} before")
        failures.extend(stopped(server, 600))
    finally:
        server.process.kill()
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quipu", default=os.environ.get("QUIPU", ROOT / "build" / "quipu"))
    parser.add_argument("--model", default=os.environ.get("TEST_TINY_MODEL", ROOT / "build" / "references" / "terminal" / "tiny.gguf"))
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--bad", type=int, default=1000)
    parser.add_argument("--honest", type=int, default=8)
    parser.add_argument("--questions", type=int, default=6, help="of each honest client")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--slack-mib", type=float, default=8, help="that memory may grow after the warm-up, beside 5 %%")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--idle", type=int, default=0)
    arguments = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    failures = idle(arguments) if arguments.idle else soak(arguments)
    for failure, n in collections.Counter(failures).most_common(20):
        print(f"soak: {failure}" + (f" ({n} times)" if n > 1 else ""), file=sys.stderr)
    print("soak: failed" if failures else "soak: passed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
