#!/usr/bin/env python3
"""Many clients at once: quipu's server and llama-server in turn, on the same model and the same requests.

    scripts/load.py --llama-server BUILD/bin/llama-server [--model MODEL.gguf] [--rounds 3] [--threads 2]

Three loads, all streamed and greedy, with `ignore_eos`, so that every answer has the same length:
  mixed    16 clients, each with prompts of 30 to 900 tokens
  shared   64 clients with one system prompt of about 1,000 tokens
  alone    one client
Each round starts each server anew, warms it with one request, and runs the load. Printed: tokens of answers per second
over the whole load, and the 95th percentile of the time to the first token; the ratio is the median of the rounds'.
Only 127.0.0.1 is spoken to.
"""
import argparse
import http.client
import json
import os
import pathlib
import queue
import random
import socket
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORDS = "river stone cloud night green seven morning letter garden window summer bridge paper candle market forest".split()
START_TIMEOUT_S = 120
REQUEST_TIMEOUT_S = 600


def text(generator, n_words):
    return " ".join(generator.choice(WORDS) for _ in range(n_words))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Load:
    """Requests for a number of clients: the same for every program and round."""

    def __init__(self, name, n_clients, n_requests, n_predict, prompts):
        self.name, self.n_clients, self.n_predict = name, n_clients, n_predict
        self.bodies = [self.body(*prompts(random.Random(f"{name} {i}"))) for i in range(n_requests)]

    def body(self, system, user):
        messages = ([{"role": "system", "content": system}] if system else []) + [{"role": "user", "content": user}]
        return json.dumps({"messages": messages, "max_tokens": self.n_predict, "temperature": 0, "stream": True,
                           "ignore_eos": True})


def loads():
    shared = text(random.Random("shared"), 980)  # each of the words is one token
    return [
        Load("mixed", 16, 48, 48, lambda g: ("", text(g, g.randint(10, 870)))),
        Load("shared", 64, 128, 16, lambda g: (shared, text(g, 20))),
        Load("alone", 1, 3, 128, lambda g: ("", text(g, 60))),
    ]


class Server:
    def __init__(self, name, command):
        self.name, self.port = name, free_port()
        self.process = subprocess.Popen([*map(str, command), "--host", "127.0.0.1", "--port", str(self.port)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.healthy():
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.stop()
                sys.exit(f"load: {name} did not start")
            time.sleep(0.1)

    def healthy(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def ask(self, body):
        """Seconds to the first text; reads the stream to its end."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=REQUEST_TIMEOUT_S)
        start = time.monotonic()
        connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"{self.name}: {response.status} {response.read()[:300]}")
        first_s = None
        for line in response:
            if line.startswith(b"data: {") and json.loads(line[6:])["choices"][0]["delta"].get("content"):
                first_s = first_s or time.monotonic() - start
        connection.close()
        if first_s is None:
            raise RuntimeError(f"{self.name}: a stream without text")
        return first_s

    def run(self, load):
        """Answers' tokens per second, and the 95th percentile of the seconds to the first token."""
        bodies, firsts, failures = queue.SimpleQueue(), [], []
        for body in load.bodies:
            bodies.put(body)

        def client():
            while True:
                try:
                    firsts.append(self.ask(bodies.get_nowait()))
                except queue.Empty:
                    return
                except (OSError, RuntimeError, http.client.HTTPException) as error:
                    failures.append(error)

        clients = [threading.Thread(target=client) for _ in range(load.n_clients)]
        start = time.monotonic()
        for thread in clients:
            thread.start()
        for thread in clients:
            thread.join()
        seconds = time.monotonic() - start
        if failures:
            sys.exit(f"load: {len(failures)} of {len(load.bodies)} requests failed, the first: {failures[0]}")
        return len(load.bodies) * load.n_predict / seconds, sorted(firsts)[int(0.95 * (len(firsts) - 1))]


def commands(arguments, load):
    """Both get a context for every client's longest conversation."""
    n_ctx = 2048
    peer = [arguments.llama_server, "-m", arguments.model, "-t", arguments.threads, "-np", load.n_clients, "-c",
            n_ctx * load.n_clients, "--no-webui", "-fa", "on"]
    ours = [arguments.quipu, "--server", "--nobrowser", "-m", arguments.model, "-t", arguments.threads, "-np",
            load.n_clients, "-c", n_ctx, "--log-disable"]
    return {"quipu": ours, "llama-server": peer}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llama-server", required=True)
    parser.add_argument("--quipu", default=ROOT / "build" / "quipu")
    parser.add_argument("--model", default=ROOT / "build" / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--loads", default="mixed,shared,alone")
    arguments = parser.parse_args()
    for load in loads():
        if load.name not in arguments.loads.split(","):
            continue
        results = {name: [] for name in commands(arguments, load)}
        for _ in range(arguments.rounds):
            for name, command in commands(arguments, load).items():
                server = Server(name, command)
                try:
                    server.ask(load.bodies[0])
                    results[name].append(server.run(load))
                finally:
                    server.stop()
        for name, runs in results.items():
            print(f"{load.name:7} {name:13} {statistics.median(r[0] for r in runs):8.1f} tokens/s, first token p95 "
                  f"{statistics.median(r[1] for r in runs):7.3f} s")
        pairs = list(zip(results["quipu"], results["llama-server"]))
        print(f"{load.name:7} ratio         {statistics.median(a[0] / b[0] for a, b in pairs):8.2f} x,       first token "
              f"{statistics.median(a[1] / b[1] for a, b in pairs):7.2f} x", flush=True)


if __name__ == "__main__":
    main()
