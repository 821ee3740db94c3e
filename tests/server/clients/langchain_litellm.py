#!/usr/bin/env python3
"""The OpenAI paths of LangChain and of LiteLLM against the server."""
import json
import unittest

import litellm
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAI, OpenAIEmbeddings
from pydantic import BaseModel, Field
from serving import NAME, ServerTest

QUESTION = "What is the capital of France? Answer with one word."


@tool
def get_weather(city: str) -> str:
    """The weather of a city"""
    return f"Sunny in {city}"


class Person(BaseModel):
    """A person"""
    name: str = Field(max_length=12)
    age: int = Field(ge=0, le=150)


class LangChain(ServerTest):
    def chat(self, **settings):
        return ChatOpenAI(model=NAME, base_url=self.server.url + "/v1", api_key="none", max_retries=0,
                          **{"max_tokens": 24, **settings})

    def test_chat_streams_the_same_text(self):
        whole = self.chat().invoke(QUESTION)
        self.assertTrue(whole.content)
        self.assertGreater(whole.usage_metadata["output_tokens"], 0)
        self.assertEqual("".join(chunk.content for chunk in self.chat().stream(QUESTION)), whole.content)

    def test_batch(self):
        answers = self.chat().batch([QUESTION, "Count to three."])
        self.assertTrue(all(answer.content for answer in answers))

    def test_tools_through_a_whole_loop(self):
        asked = self.chat(max_tokens=100).bind_tools([get_weather], tool_choice="required")
        question = HumanMessage("How is the weather in Paris?")
        answer = asked.invoke([question])
        [call] = answer.tool_calls
        self.assertEqual((call["name"], list(call["args"])), ("get_weather", ["city"]))
        streamed = None
        for chunk in asked.stream([question]):
            streamed = chunk if streamed is None else streamed + chunk
        self.assertEqual(streamed.tool_calls[0]["args"], call["args"])
        result = ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])
        last = self.chat().bind_tools([get_weather]).invoke([question, answer, result])
        self.assertTrue(last.content or last.tool_calls)

    def test_structured_output(self):
        for method in ("json_schema", "function_calling"):
            person = self.chat(max_tokens=100).with_structured_output(Person, method=method).invoke("Invent a person.")
            self.assertIsInstance(person, Person)

    def test_responses(self):
        whole = self.chat(use_responses_api=True).invoke(QUESTION)
        self.assertTrue(whole.text)

    def test_completions(self):
        model = OpenAI(model=NAME, base_url=self.server.url + "/v1", api_key="none", max_tokens=8,
                       temperature=0, max_retries=0)
        whole = model.invoke("Once upon a time")
        self.assertEqual("".join(model.stream("Once upon a time")), whole)

    def test_embeddings(self):
        model = OpenAIEmbeddings(model=NAME, base_url=self.server.url + "/v1", api_key="none",
                                 check_embedding_ctx_length=False)
        cat, dog = model.embed_documents(["cat", "dog"])
        self.assertEqual(len(cat), len(dog))
        self.assertAlmostEqual(sum(x * x for x in model.embed_query("cat")), 1, places=4)


class LiteLlm(ServerTest):
    def ask(self, **settings):
        return litellm.completion(**{"model": f"openai/{NAME}", "api_base": self.server.url + "/v1", "api_key": "none",
                                     "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 24, **settings})

    def test_chat_streams_the_same_text(self):
        whole = self.ask()
        self.assertTrue(whole.choices[0].message.content)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in self.ask(stream=True))
        self.assertEqual(text, whole.choices[0].message.content)

    def test_tools(self):
        function = {"name": "get_weather", "description": "The weather of a city",
                    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
        answer = self.ask(messages=[{"role": "user", "content": "How is the weather in Paris?"}], max_tokens=100,
                          tools=[{"type": "function", "function": function}], tool_choice="required")
        [call] = answer.choices[0].message.tool_calls
        self.assertIn("city", json.loads(call.function.arguments))

    def test_text_completion_and_embedding(self):
        place = {"api_base": self.server.url + "/v1", "api_key": "none"}
        answer = litellm.text_completion(model=f"text-completion-openai/{NAME}", prompt="Once upon a time", max_tokens=8,
                                         **place)
        self.assertTrue(answer.choices[0].text)
        self.assertEqual(len(litellm.embedding(model=f"openai/{NAME}", input=["cat", "dog"], **place).data), 2)

    def test_errors_have_their_class(self):
        with self.assertRaises(litellm.BadRequestError):
            self.ask(temperature=-3)


if __name__ == "__main__":
    unittest.main()
