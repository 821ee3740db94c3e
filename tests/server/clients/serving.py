"""A server process for tests: started on a free port with SmolLM2, ended by its id."""
import json
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

QUIPU = os.environ.get("QUIPU", "build/quipu")
MODEL = os.environ.get("TEST_MODEL", "build/models/SmolLM2-135M-Instruct.Q4_1.gguf")
# How long a test waits for the server: with sanitizers everything takes some twenty times as long.
TIMEOUT_S = float(os.environ.get("TEST_TIMEOUT", "30"))
NAME = pathlib.Path(MODEL).stem


class Server:
    def __init__(self, *flags, model=MODEL, env=None):
        self.errors = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(
            [QUIPU, "--server", "-m", model, "--port", "0", "--nobrowser", "-c", "2048", "--temp", "0", *flags],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env={**os.environ, **(env or {})})
        self.lines = []
        self.url = None
        for line in self.process.stderr:
            self.lines.append(line)
            found = re.search(r"listening on (\S+)", line)
            if found:
                self.url = found[1]
                break
        if self.url is None:
            raise RuntimeError("the server did not start: " + "".join(self.lines))
        import threading
        threading.Thread(target=self._drain, daemon=True).start()
        self.port = int(self.url.split(":")[2].split("/")[0]) if self.url.startswith("http") else 0

    def _drain(self):
        for line in self.process.stderr:
            self.lines.append(line)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise
        self.process.stderr.close()
        self.errors.close()
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def request(self, path, body=None, method=None, headers=None, timeout=120):
        """(status, headers, body as JSON or text)"""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method or ("POST" if data is not None else "GET"),
                                         headers={"Content-Type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                status, head, text = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, head, text = error.code, error.headers, error.read()
        try:
            return status, head, json.loads(text)
        except ValueError:
            return status, head, text.decode("utf-8", "replace")

    def events(self, path, body):
        """The events of a stream: (name, JSON or text)."""
        request = urllib.request.Request(self.url + path, data=json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json"})
        name, events = None, []
        with urllib.request.urlopen(request, timeout=120) as answer:
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            for raw in answer:
                line = raw.decode().rstrip("\n")
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    text = line[6:]
                    events.append((name, text if text == "[DONE]" else json.loads(text)))
                    name = None
        return events

    def connect(self, receive_buffer=None):
        s = socket.socket()
        if receive_buffer:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        s.settimeout(TIMEOUT_S)
        s.connect(("127.0.0.1", self.port))
        return s

    def resident_kib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1])
        return 0

    def n_threads(self):
        return len(list(pathlib.Path(f"/proc/{self.process.pid}/task").iterdir()))


class ServerTest(unittest.TestCase):
    """One server for all tests of a class."""
    flags = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.flags)

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        assert code == 0, f"the server ended with {code}: " + "".join(cls.server.lines[-20:])

    def refused(self, path, body, param, status=400):
        got, _, answer = self.server.request(path, body)
        self.assertEqual(got, status, f"{str(body)[:300]} -> {str(answer)[:500]}")
        self.assertEqual(answer["error"]["param"], param, answer)
        self.assertIn(param.split(".")[0].split("[")[0] if param else "", answer["error"]["message"])
        return answer["error"]["message"]
