#!/usr/bin/env python3
"""llama.cpp's endpoints, operations, slots, several models, keys from a file, and the modes of listening."""
import json
import os
import pathlib


import signal
import socket
import tempfile
import time
import unittest

from serving import MODEL, NAME, TIMEOUT_S, Server, ServerTest


class Llama(ServerTest):
    # --precise: answers of several requests are compared.
    flags = ("--metrics", "--precise")

    def test_tokenize_there_and_back(self):
        text = "Hello <|im_start|> wörld 🦙"
        tokens = self.server.request("/tokenize", {"content": text})[2]["tokens"]
        self.assertEqual(self.server.request("/detokenize", {"tokens": tokens})[2]["content"], text)
        plain = self.server.request("/tokenize", {"content": text, "parse_special": False})[2]["tokens"]
        self.assertGreater(len(plain), len(tokens))
        pieces = self.server.request("/tokenize", {"content": text, "with_pieces": True})[2]["tokens"]
        joined = b"".join(p["piece"].encode() if isinstance(p["piece"], str) else bytes(p["piece"]) for p in pieces)
        self.assertEqual(joined.decode(), text)
        self.assertEqual(self.server.request("/tokenize", {"prompt": "a b", "add_special_tokens": False})[2]["tokens"],
                         self.server.request("/tokenize", {"content": "a b"})[2]["tokens"])

    def test_completion(self):
        body = {"prompt": "Once upon a time", "n_predict": 8}
        whole = self.server.request("/completion", body)[2]
        self.assertEqual((whole["stop"], whole["stop_type"], whole["tokens_predicted"]), (True, "limit", 8))
        events = [e for _, e in self.server.events("/completion", {**body, "stream": True})]
        self.assertEqual("".join(e["content"] for e in events), whole["content"])
        self.assertEqual([e["stop"] for e in events], [False] * (len(events) - 1) + [True])
        ids = self.server.request("/tokenize", {"content": "Once upon a time"})[2]["tokens"]
        self.assertEqual(self.server.request("/completion", {**body, "prompt": ids})[2]["content"], whole["content"])
        self.assertEqual(self.server.request("/completion", {**body, "prompt": ["Once upon", ids[-2], " time"]})[0], 200)
        probs = self.server.request("/completion", {**body, "n_probs": 4})[2]["completion_probabilities"]
        self.assertEqual([len(p["top_logprobs"]) for p in probs], [4] * 8)

    def test_grammar(self):
        answer = self.server.request("/completion", {"prompt": "Yes or no?", "grammar": 'root ::= "yes" | "no"', "n_predict": 8})
        self.assertIn(answer[2]["content"], ("yes", "no"))
        answer = self.server.request("/completion", {"prompt": "x", "json_schema": {"enum": [17, "b"]}, "n_predict": 8})
        self.assertIn(json.loads(answer[2]["content"]), (17, "b"))

    def test_apply_template(self):
        answer = self.server.request("/apply-template", {"messages": [{"role": "user", "content": "Hi"}]})[2]["prompt"]
        self.assertIn("<|im_start|>user\nHi<|im_end|>", answer)

    def test_embedding(self):
        answer = self.server.request("/embedding", {"content": "cat"})[2]
        self.assertEqual(len(answer[0]["embedding"][0]), 576)

    def test_infill_without_the_tokens_for_it(self):
        status, _, answer = self.server.request("/infill", {"input_prefix": "a", "input_suffix": "b"})
        self.assertEqual(status, 400)
        self.assertIn("fill-in-the-middle", answer["error"]["message"])

    def test_props_slots_and_tokenizer_info(self):
        props = self.server.request("/props")[2]
        self.assertEqual(props["model_alias"], NAME)
        self.assertIn("<|im_start|>", props["chat_template"])
        self.assertGreaterEqual(len(self.server.request("/slots")[2]), 1)
        self.assertEqual(self.server.request("/tokenizer_info")[2]["eos_token"], "<|im_end|>")

    def test_metrics(self):
        self.server.request("/completion", {"prompt": "Hi", "n_predict": 3})
        status, head, page = self.server.request("/metrics")
        self.assertEqual(status, 200)
        self.assertTrue(head["Content-Type"].startswith("text/plain; version=0.0.4"))
        for name in ("llamacpp:prompt_tokens_total", "llamacpp:tokens_predicted_total", "quipu:prefix_hits_total",
                     "quipu:first_token_seconds_bucket", "llamacpp:requests_processing", "quipu:kv_pages_used"):
            self.assertRegex(page, rf"(?m)^{name}(\{{.*\}})? \S+$")
        for line in page.splitlines():
            self.assertRegex(line, r"^(# (HELP|TYPE) .*|[a-z_:]+(\{.*\})? [-+0-9.e]+(inf)?)$")

    def test_a_long_prompt_costs_nothing_the_second_time(self):
        body = {"prompt": "The quick brown fox jumps over the lazy dog. " * 40, "n_predict": 1}
        first = self.server.request("/completion", body)[2]
        second = self.server.request("/completion", body)[2]
        self.assertGreater(second["tokens_cached"], first["tokens_evaluated"] * 0.8)

    def test_page_and_openapi(self):
        status, head, page = self.server.request("/")
        self.assertEqual(status, 200)
        self.assertIn(NAME, page)
        document = self.server.request("/openapi.json")[2]
        self.assertEqual(document["openapi"], "3.1.0")
        self.assertIn("temperature", str(document["paths"]["/v1/chat/completions"]["post"]["requestBody"]))
        self.assertEqual(self.server.request("/health", method="HEAD")[0], 200)

    def test_a_seed_gives_the_same_text_again(self):
        # What is known of a prompt was computed with other tokens than the rest: see Precise for equal texts with that.
        body = {"prompt": "Tell me about the sea.", "n_predict": 16, "temperature": 1.0, "seed": 5, "cache_prompt": False}
        texts = {self.server.request("/completion", body)[2]["content"] for _ in range(3)}
        self.assertEqual(len(texts), 1)
        self.assertNotEqual(texts, {self.server.request("/completion", {**body, "seed": 6})[2]["content"]})


class Precise(unittest.TestCase):
    def test_a_seed_gives_the_same_text_alone_and_among_fifteen_others(self):
        import threading
        with Server("--precise") as server:
            body = {"prompt": "Tell me about the sea.", "n_predict": 12, "temperature": 1.0, "seed": 5}
            alone = server.request("/completion", body)[2]["content"]
            others = [threading.Thread(target=server.request, args=("/completion", {
                "prompt": f"Number {i} is", "n_predict": 16, "temperature": 1.0, "seed": i})) for i in range(15)]
            for t in others:
                t.start()
            among = server.request("/completion", body)[2]["content"]
            for t in others:
                t.join()
            self.assertEqual(among, alone)


class Modes(unittest.TestCase):
    def test_unix_socket(self):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/quipu.sock"
            with Server("--host", path) as server:
                with socket.socket(socket.AF_UNIX) as s:
                    s.connect(path)
                    s.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    self.assertIn(b"200 OK", s.makefile("rb").read())
            self.assertFalse(os.path.exists(path))

    def test_prefix_and_warning(self):
        with Server("--host", "0.0.0.0", "--url-prefix", "/llm/") as server:
            self.assertTrue(any("anybody" in line for line in server.lines))
            self.assertEqual(server.request("/health")[0], 200)
            base = server.url.removesuffix("/llm")
            server.url = base
            self.assertEqual(server.request("/health")[0], 404)

    def test_keys_are_read_again(self):
        with tempfile.TemporaryDirectory() as folder:
            keys = pathlib.Path(folder, "keys")
            keys.write_text("# ours\nold\n")
            with Server("--api-key-file", str(keys)) as server:
                def status(key):
                    return server.request("/v1/models", headers={"Authorization": f"Bearer {key}"})[0]
                self.assertEqual((status("old"), status("new")), (200, 401))
                keys.write_text("new\n")
                server.process.send_signal(signal.SIGHUP)
                for _ in range(100):
                    if status("new") == 200:
                        break
                    time.sleep(0.05)
                self.assertEqual((status("old"), status("new")), (401, 200))
                keys.write_text("")  # a mistake must not open the server
                server.process.send_signal(signal.SIGHUP)
                time.sleep(0.3)
                self.assertEqual((status("new"), status("")), (200, 401))

    def test_several_models(self):
        with tempfile.TemporaryDirectory() as folder:
            other = pathlib.Path(folder, "other.gguf")
            os.symlink(os.path.abspath(MODEL), other)
            with Server("-m", str(other)) as server:
                ids = [m["id"] for m in server.request("/v1/models")[2]["data"]]
                self.assertEqual(sorted(ids), sorted([NAME, "other"]))
                chat = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2}
                for name in (NAME, "other"):
                    answer = server.request("/v1/chat/completions", {**chat, "model": name})
                    self.assertEqual((answer[0], answer[2]["model"]), (200, name))
                status, _, answer = server.request("/v1/chat/completions", {**chat, "model": "third"})
                self.assertEqual((status, answer["error"]["param"]), (404, "model"))

    def test_slots_are_saved_and_restored(self):
        with tempfile.TemporaryDirectory() as folder:
            text = "Here is a rather long prompt that is worth keeping. " * 10
            with Server("--slot-save-path", folder, "--precise") as server:
                whole = server.request("/completion", {"prompt": text, "n_predict": 4})[2]
                used = [s["id"] for s in server.request("/slots")[2] if s["id_task"] != 0][0]
                saved = server.request(f"/slots/{used}?action=save", {"filename": "kept.bin"})
                self.assertEqual(saved[0], 200, saved)
            with Server("--slot-save-path", folder, "--precise") as server:
                restored = server.request("/slots/0?action=restore", {"filename": "kept.bin"})
                self.assertEqual((restored[0], restored[2]["n_restored"]), (200, saved[2]["n_saved"]))
                again = server.request("/completion", {"prompt": text, "n_predict": 4})[2]
                self.assertEqual(again["content"], whole["content"])
                self.assertGreater(again["tokens_cached"], 50)
                self.assertEqual(server.request("/slots/0?action=restore", {"filename": "none.bin"})[0], 404)
                self.assertEqual(server.request("/slots/9999?action=erase", {})[0], 404)

    def test_a_stop_lets_answers_finish(self):
        server = Server()
        s = server.connect()
        body = json.dumps({"prompt": "Once upon a time", "n_predict": 150, "ignore_eos": True}).encode()
        s.sendall(b"POST /completion HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        time.sleep(0.3)
        server.process.terminate()
        answer = s.makefile("rb").read()
        self.assertIn(b'"tokens_predicted":150', answer)
        self.assertEqual(server.process.wait(TIMEOUT_S), 0)
        server.stop()

    def test_access_log(self):
        with Server() as server:
            server.request("/health", headers={"X-Request-Id": "abc-1"})
            for _ in range(100):
                found = [json.loads(x) for x in server.lines if x.startswith("{")]
                if found:
                    break
                time.sleep(0.05)
            self.assertEqual((found[0]["id"], found[0]["path"], found[0]["status"]), ("abc-1", "/health", 200))

    def test_the_next_port_is_tried(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with Server("--port", str(port)) as server:
                self.assertTrue(port < server.port <= port + 10)


if __name__ == "__main__":
    unittest.main()
