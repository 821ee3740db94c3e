#!/usr/bin/env python3
"""Each bad input gets a 4xx that names the field, soon; the server answers the next request as before."""
import os
import socket
import time
import unittest

from serving import ServerTest

CHAT = "/v1/chat/completions"
MESSAGES = [{"role": "user", "content": "Hi"}]


def chat(**fields):
    return {"messages": MESSAGES, "max_tokens": 2, **fields}


class BadInput(ServerTest):
    flags = ("--metrics", "--path", os.path.dirname(os.path.abspath(__file__)))

    def setUp(self):
        self.begin = time.monotonic()

    def tearDown(self):
        # Nothing bad may cost much, nor hurt those who come next.
        self.assertLess(time.monotonic() - self.begin, 60)
        self.assertEqual(self.server.request("/health")[0], 200)
        self.assertEqual(self.server.request(CHAT, chat())[0], 200)
        self.assertFalse(any(slot["is_processing"] for slot in self.server.request("/slots")[2]))

    def test_fields_that_do_not_exist(self):
        self.refused(CHAT, chat(temprature=1), "temprature")
        self.refused("/v1/completions", {"prompt": "a", "tools": []}, "tools")
        self.refused("/v1/embeddings", {"input": "a", "stream": True}, "stream")
        self.refused("/tokenize", {"content": "a", "x": 1}, "x")

    def test_fields_that_are_not_supported(self):
        for name, value in (("store", True), ("audio", {}), ("modalities", ["audio"]), ("service_tier", "flex"),
                            ("prediction", {"type": "content"}), ("web_search_options", {}), ("functions", [{}]),
                            ("reasoning_effort", "high"), ("n_keep", 5)):
            self.refused(CHAT, chat(**{name: value}), name)
        self.refused("/v1/responses", {"input": "a", "previous_response_id": "x"}, "previous_response_id")
        self.refused(CHAT, {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
                     "messages[0].content[0].type")

    def test_numbers(self):
        for name, value in (("temperature", -1), ("temperature", "1"), ("temperature", 1e300), ("top_p", 1.5),
                            ("top_p", -0.1), ("n", 0), ("n", -1), ("n", 1000000000), ("n", 1.5), ("n", 2 ** 70),
                            ("max_tokens", -5), ("max_tokens", 1e30), ("top_logprobs", 1000), ("seed", "x"),
                            ("seed", 2 ** 80), ("top_k", 1e20), ("mirostat", 3), ("presence_penalty", 1e39),
                            ("logit_bias", {"99999999": 1}), ("logit_bias", {"x": 1}), ("logit_bias", {"1": "x"}),
                            ("logit_bias", {"-1": 1}), ("logit_bias", [1])):
            got, _, answer = self.server.request(CHAT, chat(**{name: value}))
            self.assertEqual(got, 400, (name, value, answer))
            self.assertTrue(answer["error"]["param"].startswith(name), answer)

    def test_nan_and_infinity_are_no_json(self):
        for text in ("NaN", "Infinity", "-Infinity", "1e999", "nan"):
            body = b'{"messages":[{"role":"user","content":"a"}],"temperature":' + text.encode() + b"}"
            status, _, answer = self.server.request(CHAT, body)
            self.assertEqual(status, 400, answer)

    def test_broken_json(self):
        for body in (b"{", b"[]", b'"x"', b"nonsense", b'{"messages":[}', b"\xff\xfe", b'{"a":1,"a":2}',
                     b'{"messages":[{"role":"user","content":"\xff"}]}', b'{"messages": null}', b"{} {}", b"\0" * 100):
            status, _, answer = self.server.request(CHAT, body)
            self.assertEqual(status, 400, (body, answer))

    def test_deep_json(self):
        for depth in (101, 3000, 100000):
            for open_, close in (("[", "]"), ('{"a":', "}")):
                body = '{"messages":' + open_ * depth + "1" + close * depth + "}"
                status, _, answer = self.server.request(CHAT, body.encode())
                self.assertEqual(status, 400)
                self.assertIn("deep", answer["error"]["message"])

    def test_wide_json(self):
        status, _, answer = self.server.request(CHAT, b'{"messages":[' + b"1," * 3000000 + b"1]}")
        self.assertEqual(status, 400, answer)
        keys = ",".join(f'"k{i}":1' for i in range(200000))
        status, _, answer = self.server.request(CHAT, ("{" + keys + "}").encode())
        self.assertEqual(status, 400, answer)

    def test_messages(self):
        for messages, param in (([], "messages"), ("x", "messages"), ([1], "messages[0]"),
                                ([{"content": "a"}], "messages[0].role"), ([{"role": "king", "content": "a"}], "messages[0].role"),
                                ([{"role": "user"}], "messages[0].content"), ([{"role": "user", "content": 1}], "messages[0].content"),
                                ([{"role": "user", "content": "a", "x": 1}], "messages[0].x"),
                                ([{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}],
                                 "messages[0].tool_calls[0].function.arguments")):
            self.refused(CHAT, {"messages": messages}, param)

    def test_schemas(self):
        def schema(value):
            return chat(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": value}})
        where = "response_format.json_schema.schema"
        # A reference that comes back to itself says nothing: refused, or everything is allowed, but soon.
        for cycle in ({"$ref": "#"}, {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}):
            self.assertIn(self.server.request(CHAT, schema(cycle))[0], (200, 400))
        for bad in ({"type": "string", "pattern": "(a{1000}){1000}"}, {"type": "string", "pattern": "("},
                    {"type": "string", "pattern": "^((((((((a{9}){9}){9}){9}){9}){9}){9}){9})$"},
                    {"type": "nothing"}, {"allOf": [{"type": "string"}, {"type": "number"}]},
                    {"type": "array", "minItems": 1000000000}, {"type": "string", "minLength": 2000000000}, {"enum": []}):
            self.refused(CHAT, schema(bad), where)
        self.refused(CHAT, chat(response_format={"type": "xml"}), "response_format.type")
        self.refused(CHAT, chat(response_format={"type": "json_schema"}), "response_format.json_schema")

    def test_grammars(self):
        for bad in ("root ::= root", "x ::= \"a\"", "root ::= " + "(" * 5000 + "\"a\"" + ")" * 5000,
                    "root ::= \"a\"{1000000000}", "root ::= (((\"a\"{999}){999}){999})", "root ::= [", "root ::= undefined"):
            self.refused(CHAT, chat(grammar=bad), "grammar")
        self.refused(CHAT, chat(grammar="root ::= \"a\"", response_format={"type": "json_object"}), "grammar")

    def test_tools(self):
        tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
        for tools, param in (("x", "tools"), ([1], "tools[0]"), ([{"type": "function"}], "tools[0].function"),
                             ([{"type": "web"}], "tools[0].type"),
                             ([{"type": "function", "function": {"name": "a b"}}], "tools[0].function.name"),
                             ([tool, tool], "tools[1].function.name")):
            self.refused(CHAT, chat(tools=tools), param)
        self.refused(CHAT, chat(tools=[tool], tool_choice="maybe"), "tool_choice")
        self.refused(CHAT, chat(tools=[tool], tool_choice={"type": "function", "function": {"name": "g"}}),
                     "tool_choice.function.name")
        self.refused(CHAT, chat(tool_choice="required"), "tool_choice")

    def test_prompts(self):
        for prompt, param in (([], "prompt"), ([1, "a"], "prompt[1]"), ([-1], "prompt[0]"), ([10 ** 12], "prompt[0]"),
                              ([[1], [2, "x"]], "prompt[1][1]"), ({}, "prompt"), ([[]], "prompt[0]"), (["a"] * 500, "prompt")):
            self.refused("/v1/completions", {"prompt": prompt, "max_tokens": 1}, param)
        self.refused("/v1/completions", {"prompt": "a", "suffix": "b"}, "suffix")
        self.refused("/v1/completions", {"prompt": "a", "n": 3, "best_of": 2}, "best_of")
        self.refused("/detokenize", {"tokens": [1.5]}, "tokens[0]")
        status, _, answer = self.server.request("/v1/completions", {"prompt": "word " * 20000, "max_tokens": 1})
        self.assertEqual(status, 400, answer)
        self.assertIn("context", answer["error"]["message"])

    def test_templates(self):
        status, _, answer = self.server.request(CHAT, chat(chat_template_kwargs={"messages": list(range(100000))}))
        self.assertIn(status, (200, 400), answer)

    def test_paths(self):
        for path in ("/nothing", "/v1", "/v1/chat", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd",
                     "/%00", "/%ff", "/v1/models/../../x", "/clients/../../../Makefile", "//etc/passwd"):
            with self.server.connect() as s:
                s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
                head = s.makefile("rb").readline().decode()
                self.assertRegex(head, r"^HTTP/1.1 40[0-9] ", path)
        self.assertEqual(self.server.request("/serving.py")[0], 200)
        self.assertEqual(self.server.request("/slots/0?action=save", {"filename": "../x"})[0], 400)
        status, head, _ = self.server.request("/v1/chat/completions")
        self.assertEqual((status, head["Allow"]), (405, "POST, OPTIONS"))
        self.assertEqual(self.server.request("/health", method="OPTIONS")[1]["Allow"], "GET, HEAD, OPTIONS")

    def test_slow_clients(self):
        half = [self.server.connect() for _ in range(50)]
        for i, s in enumerate(half):
            s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n" +
                      (b"Content-Length: 1000\r\n\r\n{" if i % 2 else b"Content-"))
        self.assertEqual(self.server.request(CHAT, chat())[0], 200)
        for s in half:
            s.close()

    def test_pages_of_other_sites(self):
        evil = self.server.request(CHAT, chat(), headers={"Origin": "https://evil.example"})
        self.assertEqual(evil[0], 403)
        self.assertIsNone(evil[1].get("Access-Control-Allow-Origin"))
        local = self.server.request(CHAT, chat(), headers={"Origin": "http://localhost:3000"})
        self.assertEqual((local[0], local[1]["Access-Control-Allow-Origin"]), (200, "http://localhost:3000"))
        with self.server.connect() as s:  # DNS rebinding
            s.sendall(b"GET /props HTTP/1.1\r\nHost: evil.example:8080\r\nConnection: close\r\n\r\n")
            self.assertTrue(s.makefile("rb").readline().startswith(b"HTTP/1.1 403 "))
        flight = self.server.request(CHAT, method="OPTIONS", headers={
            "Origin": "http://127.0.0.1:5173", "Access-Control-Request-Method": "POST"})
        self.assertEqual(flight[0], 204)
        self.assertIn("Content-Type", flight[1]["Access-Control-Allow-Headers"])


class Keys(ServerTest):
    flags = ("--api-key", "one", "--api-key", "two")

    def test_keys(self):
        for headers, status in (({}, 401), ({"Authorization": "Bearer on"}, 401), ({"Authorization": "Bearer three"}, 401),
                                ({"Authorization": "Bearer "}, 401), ({"Authorization": "Basic one"}, 401),
                                ({"Authorization": "Bearer one"}, 200), ({"Authorization": "Bearer two"}, 200),
                                ({"X-Api-Key": "two"}, 200), ({"X-Api-Key": "oneone"}, 401)):
            self.assertEqual(self.server.request("/v1/models", headers=headers)[0], status, headers)
        self.assertEqual(self.server.request("/health")[0], 200)
        status, head, answer = self.server.request(CHAT, chat())
        self.assertEqual((status, answer["error"]["code"], head["WWW-Authenticate"]), (401, "invalid_api_key", "Bearer"))


if __name__ == "__main__":
    unittest.main()
