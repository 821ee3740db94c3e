"""Clients that no server wants, for scripts/soak.py: each kind is a coroutine that misbehaves once on a socket of its own.

A kind may see only what it deserves: a refusal (4xx), an answer if its request was whole, or a closed connection.
`Storm.statuses` counts what came; a 5xx or anything that is no HTTP is kept in `Storm.surprises`.
"""
import asyncio
import collections
import json
import random
import socket
import struct

KEY = "soak"
RESET = struct.pack("ii", 1, 0)  # SO_LINGER that makes close() send a reset


def head(path="/v1/chat/completions", length=None, *lines, key=KEY):
    lines = ["Host: localhost", f"Authorization: Bearer {key}", *lines]
    if length is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {length}"]
    return "\r\n".join([f"{'GET' if length is None else 'POST'} {path} HTTP/1.1", *lines, "", ""]).encode()


def post(body, path="/v1/chat/completions", key=KEY):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head(path, len(data), key=key) + data


def chat(dice, n_tokens, **fields):
    words = " ".join(f"w{dice.randrange(1000)}" for _ in range(dice.randrange(1, 60)))
    return {"messages": [{"role": "user", "content": words}], "max_tokens": n_tokens, "ignore_eos": True,
            "user": f"bad-{dice.randrange(20)}", **fields}


class Storm:
    def __init__(self, port, patience_s, seed):
        self.port, self.patience_s, self.dice = port, patience_s, random.Random(seed)
        self.statuses, self.counts, self.surprises = collections.Counter(), collections.Counter(), []
        self.n_open = self.most_open = 0
        self.kinds = [self.silent, self.half_header, self.half_body, self.byte_by_byte, self.slow_reader,
                      self.leaves_in_mid_stream, self.leaves_before_the_answer, self.garbage, self.huge_header,
                      self.huge_body, self.broken_chunks, self.wrong_key, self.wrong_field, self.pipelines,
                      self.resets]
        # Most stay long, so that many are there at the same time.
        self.weights = [20, 15, 15, 10, 8, 8, 2, 3, 3, 3, 3, 3, 3, 2, 2]

    async def one(self):
        """A connection of a random kind, from its opening to its end."""
        kind = self.dice.choices(self.kinds, self.weights)[0]
        connection = socket.socket()
        connection.setblocking(False)
        if kind == self.slow_reader:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.n_open += 1
        self.most_open = max(self.most_open, self.n_open)
        try:
            loop = asyncio.get_running_loop()
            await asyncio.wait_for(loop.sock_connect(connection, ("127.0.0.1", self.port)), 60)
            self.counts[kind.__name__] += 1
            await kind(loop, connection)
        except (OSError, asyncio.TimeoutError):
            pass  # dropped, as it should be
        finally:
            self.n_open -= 1
            if self.dice.random() < 0.3:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            connection.close()

    async def until(self, end):
        """One bad connection after the other; `end` is an asyncio.Event."""
        while not end.is_set():
            task = asyncio.ensure_future(self.one())
            ended = asyncio.ensure_future(end.wait())
            await asyncio.wait({task, ended}, return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            task.cancel()  # nothing, if it is done
            await asyncio.gather(task, ended, return_exceptions=True)
            await asyncio.sleep(self.dice.uniform(0, 0.2))

    async def hold(self, loop, connection):
        """Waits for the server to lose patience, or leaves before; what it says is looked at."""
        await self.answer(loop, connection, self.dice.uniform(0.2, 2) * self.patience_s)

    async def answer(self, loop, connection, timeout_s=120):
        """The status that comes, if one does."""
        try:
            start = await asyncio.wait_for(loop.sock_recv(connection, 4096), timeout_s)
        except asyncio.TimeoutError:
            return
        if not start:
            return
        line = start.split(b"\r\n", 1)[0]
        words = line.split(b" ")
        status = words[1].decode() if line.startswith(b"HTTP/1.1 ") and len(words) > 1 else "?"
        self.statuses[status] += 1
        if status[0] not in "24":
            self.surprises.append(start[:300])

    async def silent(self, loop, connection):
        await self.hold(loop, connection)

    async def half_header(self, loop, connection):
        whole = head(length=1000)
        await loop.sock_sendall(connection, whole[:self.dice.randrange(1, len(whole))])
        await self.hold(loop, connection)

    async def half_body(self, loop, connection):
        sent = b'{"messages": [' + b" " * self.dice.randrange(30000)
        await loop.sock_sendall(connection, head(length=len(sent) + self.dice.randrange(1, 100000)) + sent)
        await self.hold(loop, connection)

    async def byte_by_byte(self, loop, connection):
        for byte in post(chat(self.dice, 1)):
            await loop.sock_sendall(connection, bytes([byte]))
            await asyncio.sleep(self.dice.uniform(0, 0.5))
        await self.answer(loop, connection)

    async def slow_reader(self, loop, connection):
        # So many log-probabilities that the answer is larger than all buffers on the way.
        body = chat(self.dice, self.dice.choice([100, 1500]), stream=True, logprobs=True, top_logprobs=20)
        await loop.sock_sendall(connection, post(body))
        for _ in range(int(4 * self.patience_s)):
            if not await loop.sock_recv(connection, 100):
                return
            await asyncio.sleep(0.5)

    async def leaves_in_mid_stream(self, loop, connection):
        await loop.sock_sendall(connection, post(chat(self.dice, 500, stream=True, n=self.dice.choice([1, 1, 3]))))
        left = self.dice.randrange(1, 30000)
        while left > 0:
            piece = await loop.sock_recv(connection, 4096)
            if not piece:
                return
            left -= len(piece)

    async def leaves_before_the_answer(self, loop, connection):
        await loop.sock_sendall(connection, post(chat(self.dice, 500)))
        await asyncio.sleep(self.dice.uniform(0, 0.3))

    async def garbage(self, loop, connection):
        await loop.sock_sendall(connection, self.dice.randbytes(self.dice.randrange(1, 20000)))
        await self.hold(loop, connection)

    async def huge_header(self, loop, connection):
        await loop.sock_sendall(connection, head(None, None, "X: " + "x" * 50000)[:-4])
        await self.answer(loop, connection)

    async def huge_body(self, loop, connection):
        await loop.sock_sendall(connection, head(length=self.dice.choice([10**8, 10**12])) + b"{" * 10000)
        await self.answer(loop, connection)

    async def broken_chunks(self, loop, connection):
        start = head("/v1/chat/completions", None, "Transfer-Encoding: chunked").replace(b"GET", b"POST", 1)
        await loop.sock_sendall(connection, start + self.dice.choice([b"zz\r\n", b"5\r\nabcdefgh\r\n", b"FFFFFFFFFFFFFFFF1\r\n"]))
        await self.hold(loop, connection)

    async def wrong_key(self, loop, connection):
        await loop.sock_sendall(connection, post(chat(self.dice, 5), key="guess"))
        await self.answer(loop, connection)

    async def wrong_field(self, loop, connection):
        body = self.dice.choice([b"{", b"\xff" * 100, b"[" * 3000, chat(self.dice, -7), chat(self.dice, 1, n=10**9),
                                 chat(self.dice, 1, grammar="root ::= root"), {"messages": "x"}])
        await loop.sock_sendall(connection, post(body))
        await self.answer(loop, connection)

    async def pipelines(self, loop, connection):
        await loop.sock_sendall(connection, head("/health") * self.dice.randrange(1, 200))
        await self.hold(loop, connection)

    async def resets(self, loop, connection):
        """Connects and goes at once, again and again."""
        for _ in range(20):
            other = socket.socket()
            other.setblocking(False)
            try:
                await asyncio.wait_for(loop.sock_connect(other, ("127.0.0.1", self.port)), 60)
                other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            finally:
                other.close()
            await asyncio.sleep(0.05)
