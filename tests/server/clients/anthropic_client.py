#!/usr/bin/env python3
"""PyPI `anthropic` against /v1/messages, streamed and not, and tools through a whole loop."""
import unittest

import anthropic
from serving import NAME, ServerTest

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
WEATHER = {"name": "get_weather", "description": "The weather of a city",
           "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
                            "additionalProperties": False}}


class Anthropic(ServerTest):
    # Answers of several requests are compared: only so are they the same whatever is computed beside them.
    flags = ("--precise",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client = anthropic.Anthropic(base_url=cls.server.url, api_key="none", max_retries=0)

    def test_message(self):
        answer = self.client.messages.create(model="m", max_tokens=16, messages=QUESTION, system="Be brief.")
        self.assertEqual(answer.model, NAME)
        self.assertEqual(answer.content[0].type, "text")
        self.assertTrue(answer.content[0].text)
        self.assertIn(answer.stop_reason, ("end_turn", "max_tokens"))
        self.assertGreater(answer.usage.input_tokens + answer.usage.cache_read_input_tokens, 5)

    def test_stream(self):
        whole = self.client.messages.create(model="m", max_tokens=16, messages=QUESTION)
        with self.client.messages.stream(model="m", max_tokens=16, messages=QUESTION) as stream:
            self.assertEqual("".join(stream.text_stream), whole.content[0].text)
            final = stream.get_final_message()
        self.assertEqual(final.stop_reason, whole.stop_reason)
        self.assertEqual(final.usage.output_tokens, whole.usage.output_tokens)
        names = [name for name, _ in self.server.events(
            "/v1/messages", {"model": "m", "max_tokens": 4, "messages": QUESTION, "stream": True})]
        self.assertEqual(names[:2], ["message_start", "content_block_start"])
        self.assertEqual(names[-3:], ["content_block_stop", "message_delta", "message_stop"])

    def test_stop_sequence(self):
        whole = self.client.messages.create(model="m", max_tokens=24, messages=QUESTION).content[0].text
        answer = self.client.messages.create(model="m", max_tokens=24, messages=QUESTION,
                                             stop_sequences=["\0never", whole[4:8]])
        self.assertEqual(answer.stop_reason, "stop_sequence")
        self.assertEqual(answer.stop_sequence, whole[4:8])
        self.assertEqual(answer.content[0].text, whole[:whole.index(whole[4:8])])

    def test_tools_through_a_whole_loop(self):
        messages = [{"role": "user", "content": "How is the weather in Paris?"}]
        answer = self.client.messages.create(model="m", max_tokens=100, messages=messages, tools=[WEATHER],
                                             tool_choice={"type": "tool", "name": "get_weather"})
        self.assertEqual(answer.stop_reason, "tool_use")
        call = answer.content[0]
        self.assertEqual((call.type, call.name, list(call.input)), ("tool_use", "get_weather", ["city"]))
        with self.client.messages.stream(model="m", max_tokens=100, messages=messages, tools=[WEATHER],
                                         tool_choice={"type": "any"}) as stream:
            self.assertEqual(stream.get_final_message().content[0].input, call.input)
        messages += [{"role": "assistant", "content": answer.content},
                     {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "Sunny"}]}]
        last = self.client.messages.create(model="m", max_tokens=20, messages=messages, tools=[WEATHER])
        self.assertTrue(last.content)

    def test_count_tokens(self):
        count = self.client.messages.count_tokens(model="m", messages=QUESTION, system="Be brief.").input_tokens
        answer = self.client.messages.create(model="m", max_tokens=1, messages=QUESTION, system="Be brief.")
        self.assertEqual(answer.usage.input_tokens + answer.usage.cache_read_input_tokens, count)

    def test_errors_are_the_clients_exceptions(self):
        with self.assertRaises(anthropic.BadRequestError) as caught:
            self.client.messages.create(model="m", max_tokens=4, messages=[])
        self.assertIn("messages", str(caught.exception))
        status, _, answer = self.server.request("/v1/messages", {"messages": QUESTION})
        self.assertEqual((status, answer["type"], answer["error"]["type"]), (400, "error", "invalid_request_error"))


if __name__ == "__main__":
    unittest.main()
