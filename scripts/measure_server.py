#!/usr/bin/env python3
"""What the server costs one client: `scripts/measure_server.py [QUIPU [MODEL.gguf]] [--rounds 10] [--threads N]`.

In turn, a prompt of random tokens sent to /v1/completions, whose answer is streamed, and `quipu bench` with the same
numbers of tokens at the same depth, which computes and does nothing else: no sampling, no text, no HTTP. Printed: tokens
per second of both and their ratio (medians of the rounds), of the prompt (to the first event of the stream) and of the
answer (from its first event to its last). The server keeps running, and waits, while the bench computes.
"""
import argparse
import json
import os
import pathlib
import random
import re
import socket
import statistics
import subprocess
import time

from server_process import ServerProcess

ROOT = pathlib.Path(__file__).resolve().parent.parent


def bench(arguments, *case):
    command = [arguments.quipu, "bench", "-m", arguments.model, "-t", arguments.threads, "-r", 1, "--no-limits", "--json",
               *case]
    done = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)["results"][0]["median"]


def stream(port, prompt, arguments):
    """Tokens per second of the prompt and of the answer, as the client sees them."""
    body = json.dumps({"prompt": prompt, "max_tokens": arguments.generate, "temperature": arguments.temperature,
                       "ignore_eos": True, "stream": True, "stream_options": {"include_usage": True}}).encode()
    request = b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    arrived = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begin = time.monotonic()
        connection.sendall(request + body)
        while piece := connection.recv(65536):
            arrived.append((time.monotonic(), piece))
    answer = b"".join(piece for _, piece in arrived)
    assert answer.startswith(b"HTTP/1.1 200") and b"data: [DONE]" in answer, answer[:500]
    assert b'"completion_tokens":%d,' % arguments.generate in answer, answer[-500:]
    # Texts that come; the last event of an answer, and the usage, bring none.
    times = [at for at, piece in arrived if re.search(rb'"text":"(?!")', piece)]
    return len(prompt) / (times[0] - begin), (arguments.generate - 1) / (times[-1] - times[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("quipu", nargs="?", default=ROOT / "build" / "quipu")
    parser.add_argument("model", nargs="?", default=ROOT / "build" / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--generate", type=int, default=128)
    parser.add_argument("--temperature", type=float, default=0.0)
    arguments = parser.parse_args()
    server = ServerProcess(arguments.quipu, arguments.model, "-t", arguments.threads)
    try:
        dice = random.Random(0)
        prompts = [[dice.randrange(1000, 40000) for _ in range(arguments.prompt)] for _ in range(arguments.rounds + 1)]
        stream(server.port, prompts.pop(), arguments)  # warms up
        ours, benches = [], []
        for prompt in prompts:
            ours.append(stream(server.port, prompt, arguments))
            benches.append((bench(arguments, "-p", arguments.prompt, "-n", 0),
                            bench(arguments, "-p", 0, "-n", arguments.generate, "-d", arguments.prompt)))
        for i, name in enumerate((f"prompt of {arguments.prompt}", f"answer of {arguments.generate}")):
            ratios = [a[i] / b[i] for a, b in zip(ours, benches)]
            print(f"{name:15} server {statistics.median(a[i] for a in ours):8.1f} tokens/s, bench "
                  f"{statistics.median(b[i] for b in benches):8.1f} tokens/s, ratio {statistics.median(ratios):.3f} "
                  f"({min(ratios):.3f} to {max(ratios):.3f})")
    finally:
        server.stop()


if __name__ == "__main__":
    main()
