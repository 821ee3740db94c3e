#!/usr/bin/env python3
"""PyPI `openai` against the server: every method that it serves, streamed and not."""
import base64
import json
import math
import struct
import unittest

import openai
from serving import NAME, ServerTest

QUESTION = [{"role": "user", "content": "What is the capital of France? Answer with one word."}]
WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"},
                                                    "unit": {"type": "string", "enum": ["C", "F"]}},
                   "required": ["city", "unit"], "additionalProperties": False}}}


class OpenAi(ServerTest):
    # Answers of several requests are compared: only so are they the same whatever is computed beside them.
    flags = ("--precise",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client = openai.OpenAI(base_url=cls.server.url + "/v1", api_key="none", max_retries=0)

    def test_models(self):
        self.assertEqual([m.id for m in self.client.models.list()], [NAME])
        self.assertEqual(self.client.models.retrieve(NAME).id, NAME)
        with self.assertRaises(openai.NotFoundError):
            self.client.models.retrieve("other")

    def test_chat(self):
        answer = self.client.chat.completions.create(model="any", messages=QUESTION, max_tokens=16)
        self.assertEqual(answer.choices[0].message.role, "assistant")
        self.assertTrue(answer.choices[0].message.content)
        self.assertEqual(answer.model, NAME)
        self.assertEqual(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)

    def test_chat_streams_the_same_text(self):
        whole = self.client.chat.completions.create(model="m", messages=QUESTION, max_tokens=24)
        stream = self.client.chat.completions.create(model="m", messages=QUESTION, max_tokens=24, stream=True,
                                                     stream_options={"include_usage": True})
        chunks = list(stream)
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        self.assertEqual(text, whole.choices[0].message.content)
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        self.assertEqual(chunks[-2].choices[0].finish_reason, whole.choices[0].finish_reason)
        self.assertEqual(chunks[-1].choices, [])
        self.assertEqual(chunks[-1].usage.completion_tokens, whole.usage.completion_tokens)

    def test_chat_helper_stream(self):
        with self.client.chat.completions.stream(model="m", messages=QUESTION, max_tokens=8) as stream:
            for _ in stream:
                pass
            self.assertTrue(stream.get_final_completion().choices[0].message.content)

    def test_chat_several_answers(self):
        answer = self.client.chat.completions.create(model="m", messages=QUESTION, max_tokens=8, n=3, temperature=1.5,
                                                     seed=7)
        self.assertEqual([c.index for c in answer.choices], [0, 1, 2])
        again = self.client.chat.completions.create(model="m", messages=QUESTION, max_tokens=8, n=3, temperature=1.5,
                                                    seed=7)
        self.assertEqual([c.message.content for c in answer.choices], [c.message.content for c in again.choices])

    def test_chat_stop(self):
        whole = self.client.chat.completions.create(model="m", messages=QUESTION, max_tokens=24)
        text = whole.choices[0].message.content
        stop = text[3:6]
        cut = self.client.chat.completions.create(model="m", messages=QUESTION, max_tokens=24, stop=[stop, "\0never"])
        self.assertEqual(cut.choices[0].message.content, text[:text.index(stop)])
        self.assertEqual(cut.choices[0].finish_reason, "stop")

    def test_chat_length(self):
        answer = self.client.chat.completions.create(model="m", messages=QUESTION, max_completion_tokens=2)
        self.assertEqual(answer.choices[0].finish_reason, "length")
        self.assertEqual(answer.usage.completion_tokens, 2)

    def test_chat_logprobs(self):
        for stream in (False, True):
            answer = self.client.chat.completions.create(model="m", messages=QUESTION, max_tokens=6, logprobs=True,
                                                         top_logprobs=3, stream=stream)
            if stream:
                chunks = list(answer)
                content = [t for c in chunks if c.choices and c.choices[0].logprobs for t in c.choices[0].logprobs.content]
            else:
                content = answer.choices[0].logprobs.content
            self.assertEqual(len(content), 6)
            for token in content:
                self.assertEqual(len(token.top_logprobs), 3)
                self.assertEqual(token.logprob, token.top_logprobs[0].logprob)  # greedy
                self.assertLessEqual(token.logprob, 0)

    def test_chat_logit_bias(self):
        plain = self.client.chat.completions.create(model="m", messages=QUESTION, max_tokens=1, logprobs=True)
        first = plain.choices[0].logprobs.content[0]
        ids = self.server.request("/tokenize", {"content": first.token})[2]["tokens"]
        banned = self.client.chat.completions.create(model="m", messages=QUESTION, max_tokens=1, logprobs=True,
                                                     logit_bias={str(ids[0]): -100})
        self.assertNotEqual(banned.choices[0].logprobs.content[0].token, first.token)

    def test_json_schema(self):
        schema = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 12},
                                                   "age": {"type": "integer", "minimum": 0, "maximum": 150}},
                  "required": ["name", "age"], "additionalProperties": False}
        answer = self.client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "Invent a person."}], max_tokens=80,
            response_format={"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": schema}})
        person = json.loads(answer.choices[0].message.content)
        self.assertEqual(set(person), {"name", "age"})
        self.assertIsInstance(person["age"], int)

    def test_json_object(self):
        answer = self.client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "A short JSON object."}], max_tokens=200,
            response_format={"type": "json_object"})
        if answer.choices[0].finish_reason == "stop":
            self.assertIsInstance(json.loads(answer.choices[0].message.content), dict)

    def tool_call(self, choice, stream):
        answer = self.client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "How is the weather in Paris?"}], tools=[WEATHER],
            tool_choice=choice, max_tokens=100, stream=stream)
        if not stream:
            self.assertEqual(answer.choices[0].finish_reason, "tool_calls")
            call = answer.choices[0].message.tool_calls[0]
            return call.id, call.function.name, call.function.arguments
        ident, name, arguments, pieces, finish = None, None, "", 0, None
        for chunk in answer:
            finish = chunk.choices[0].finish_reason or finish
            for call in chunk.choices[0].delta.tool_calls or []:
                ident, name = call.id or ident, call.function.name or name
                arguments += call.function.arguments or ""
                pieces += 1
        self.assertEqual(finish, "tool_calls")
        self.assertGreater(pieces, 2)
        return ident, name, arguments

    def test_tools_through_a_whole_loop(self):
        for choice in ("required", {"type": "function", "function": {"name": "get_weather"}}):
            calls = [self.tool_call(choice, stream) for stream in (False, True)]
            for ident, name, arguments in calls:
                self.assertTrue(ident)
                self.assertEqual(name, "get_weather")
                self.assertEqual(set(json.loads(arguments)), {"city", "unit"})
            self.assertEqual(calls[0][2], calls[1][2])
        ident, name, arguments = calls[0]
        last = self.client.chat.completions.create(model="m", max_tokens=30, tools=[WEATHER], messages=[
            {"role": "user", "content": "How is the weather in Paris?"},
            {"role": "assistant", "content": None,
             "tool_calls": [{"id": ident, "type": "function", "function": {"name": name, "arguments": arguments}}]},
            {"role": "tool", "tool_call_id": ident, "content": "Sunny, 22 degrees"}])
        self.assertTrue(last.choices[0].message.content or last.choices[0].message.tool_calls)

    def test_completions(self):
        answer = self.client.completions.create(model="m", prompt="Once upon a time", max_tokens=12)
        self.assertTrue(answer.choices[0].text)
        self.assertEqual(answer.usage.completion_tokens, 12)
        stream = self.client.completions.create(model="m", prompt="Once upon a time", max_tokens=12, stream=True)
        self.assertEqual("".join(c.choices[0].text for c in stream), answer.choices[0].text)

    def test_completions_of_several_prompts(self):
        ids = [self.server.request("/tokenize", {"content": t})[2]["tokens"] for t in ("One, two,", "A, B,")]
        texts = self.client.completions.create(model="m", prompt=["One, two,", "A, B,"], max_tokens=6)
        tokens = self.client.completions.create(model="m", prompt=ids, max_tokens=6)
        self.assertEqual([c.text for c in texts.choices], [c.text for c in tokens.choices])
        single = self.client.completions.create(model="m", prompt=ids[1], max_tokens=6)
        self.assertEqual(single.choices[0].text, texts.choices[1].text)
        both = self.client.completions.create(model="m", prompt=ids, max_tokens=2, n=2)
        self.assertEqual([c.index for c in both.choices], [0, 1, 2, 3])

    def test_echo_with_logprobs(self):
        ids = self.server.request("/tokenize", {"content": "The sky is blue and the grass is"})[2]["tokens"]
        answer = self.client.completions.create(model="m", prompt=ids, max_tokens=1, echo=True, logprobs=2, seed=1234)
        lists = answer.choices[0].logprobs
        for values in (lists.tokens, lists.token_logprobs, lists.top_logprobs, lists.text_offset):
            self.assertEqual(len(values), len(ids) + 1)
        self.assertIsNone(lists.token_logprobs[0])
        self.assertTrue(answer.choices[0].text.startswith("The sky is blue"))
        self.assertEqual("".join(lists.tokens), answer.choices[0].text)
        for token, logprob, top, offset in list(zip(lists.tokens, lists.token_logprobs, lists.top_logprobs,
                                                    lists.text_offset))[1:]:
            self.assertEqual(top[token], logprob)
            self.assertTrue(answer.choices[0].text[offset:].startswith(token))
        # The generated token is the likeliest.
        self.assertEqual(lists.token_logprobs[-1], max(lists.top_logprobs[-1].values()))

    def test_best_of(self):
        answer = self.client.completions.create(model="m", prompt="A dog", max_tokens=5, n=1, best_of=4, temperature=1.2,
                                                seed=3, logprobs=0)
        every = self.client.completions.create(model="m", prompt="A dog", max_tokens=5, n=4, temperature=1.2, seed=3,
                                               logprobs=0)
        means = {c.text: sum(c.logprobs.token_logprobs) / len(c.logprobs.token_logprobs) for c in every.choices}
        self.assertEqual(answer.choices[0].text, max(means, key=means.get))

    def test_embeddings(self):
        plain = self.client.embeddings.create(model="m", input=["cat", "dog"], encoding_format="float")
        vector = plain.data[0].embedding
        self.assertAlmostEqual(sum(x * x for x in vector), 1, places=4)
        default = self.client.embeddings.create(model="m", input="cat")  # the client asks for base64
        for a, b in zip(default.data[0].embedding, vector):
            self.assertAlmostEqual(a, b, places=6)
        short = self.client.embeddings.create(model="m", input="cat", dimensions=8, encoding_format="float")
        self.assertEqual(len(short.data[0].embedding), 8)
        norm = math.sqrt(sum(x * x for x in vector[:8]))
        self.assertAlmostEqual(short.data[0].embedding[0], vector[0] / norm, places=5)
        raw = self.server.request("/v1/embeddings", {"input": "cat", "encoding_format": "base64"})[2]
        packed = base64.b64decode(raw["data"][0]["embedding"])
        self.assertAlmostEqual(struct.unpack("<f", packed[:4])[0], vector[0], places=6)

    def test_responses(self):
        answer = self.client.responses.create(model="m", input="What is the capital of France?", max_output_tokens=16,
                                              instructions="Be brief.", store=False)
        self.assertTrue(answer.output_text)
        self.assertEqual(answer.output[0].type, "message")
        events = list(self.client.responses.create(model="m", input="What is the capital of France?", store=False,
                                                   max_output_tokens=16, instructions="Be brief.", stream=True))
        self.assertEqual(events[0].type, "response.created")
        self.assertIn(events[-1].type, ("response.completed", "response.incomplete"))
        text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
        self.assertEqual(text, answer.output_text)
        self.assertEqual(events[-1].response.output_text, answer.output_text)
        self.assertEqual([e.sequence_number for e in events], list(range(len(events))))

    def test_responses_with_a_tool(self):
        tool = {"type": "function", **WEATHER["function"]}
        answer = self.client.responses.create(model="m", input="Weather in Rome?", tools=[tool], tool_choice="required",
                                              store=False)
        call = answer.output[0]
        self.assertEqual((call.type, call.name), ("function_call", "get_weather"))
        self.assertEqual(set(json.loads(call.arguments)), {"city", "unit"})
        with self.client.responses.stream(model="m", input="Weather in Rome?", tools=[tool], tool_choice="required",
                                          store=False) as stream:
            pieces = [e.delta for e in stream if e.type == "response.function_call_arguments.delta"]
            self.assertEqual(stream.get_final_response().output[0].arguments, call.arguments)
        self.assertEqual("".join(pieces), call.arguments)
        more = self.client.responses.create(model="m", store=False, max_output_tokens=20, tools=[tool], input=[
            {"role": "user", "content": "Weather in Rome?"}, {"type": "function_call", "call_id": call.call_id,
                                                              "name": call.name, "arguments": call.arguments},
            {"type": "function_call_output", "call_id": call.call_id, "output": "Rain"}])
        self.assertTrue(more.output)

    def test_errors_are_the_clients_exceptions(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.chat.completions.create(model="m", messages=QUESTION, temperature=-1)
        self.assertEqual(caught.exception.param, "temperature")
        self.assertTrue(caught.exception.request_id)

    def test_a_client_that_leaves_frees_the_slot(self):
        stream = self.client.chat.completions.create(model="m", messages=QUESTION, stream=True,
                                                     extra_body={"ignore_eos": True})
        next(iter(stream))
        stream.close()
        for _ in range(200):
            if not any(slot["is_processing"] for slot in self.server.request("/slots")[2]):
                return
            import time
            time.sleep(0.05)
        self.fail("the request goes on")


if __name__ == "__main__":
    unittest.main()
