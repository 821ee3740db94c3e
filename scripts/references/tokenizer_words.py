"""words.json: how Hugging Face's tokenizers cut texts by the regular expressions of well-known pre-tokenisers.

The expressions are those of the models' own tokenizer.json files; "default" is llama.cpp's (there is no other source).
{"texts": [...], "words": {name: [[size of each word in bytes, ...] per text]}}
"""
import json
import pathlib
import sys

from lib_tokenizer_texts import texts
from tokenizers import Regex
from tokenizers.pre_tokenizers import Digits, Sequence, Split

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
QWEN2 = CL100K.replace("{1,3}", "")
DIGITS = Digits(individual_digits=True)
STEPS = {
    "default": [r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"],
    "gpt-2": [GPT2],
    "smollm": [DIGITS, GPT2],
    "llama-bpe": [CL100K],
    "qwen2": [QWEN2],
    "falcon": [r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]"],
}


def pre_tokenizer(steps):
    return Sequence([Split(Regex(s), "isolated") if isinstance(s, str) else s for s in steps])


def main():
    samples = texts("words", 4000)
    words = {}
    for name, steps in STEPS.items():
        pre = pre_tokenizer(steps)
        words[name] = [[len(word.encode()) for word, _ in pre.pre_tokenize_str(sample)] for sample in samples]
    path = pathlib.Path(sys.argv[1]) / "words.json"
    path.write_text(json.dumps({"texts": samples, "words": words}))


if __name__ == "__main__":
    main()
