"""words.json: how Hugging Face's tokenizers cut texts by the regular expressions of well-known pre-tokenisers.

The expressions are those of the models' own tokenizer.json files; "default" is llama.cpp's (there is no other source).
{"texts": [...], "words": {name: [[size of each word in bytes, ...] per text]}}
"""
# fetch: llama-cpp-python
import json
import os
import pathlib
import re
import sys

from lib_tokenizer_texts import texts
from tokenizers import Regex
from tokenizers.pre_tokenizers import Digits, Sequence, Split

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
QWEN2 = CL100K.replace("{1,3}", "")
DIGITS = Digits(individual_digits=True)
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
UPPER, LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"\p{Ll}\p{Lm}\p{Lo}\p{M}]"
KIMI = r"[\p{Han}]+|" + O200K.replace(UPPER, UPPER[:-1] + r"&&[^\p{Han}]]").replace(LOWER, LOWER[:-1] + r"&&[^\p{Han}]]")
DEEPSEEK3 = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"
             r"|\s*[\r\n]+|\s+(?!\S)|\s+")
# Letters with case as the model's tokenizer.json lists them: too many look alike to be typed here.
SOURCE = next(pathlib.Path(os.environ["QUIPU_DEPS_DIR"]).glob("llama-cpp-python/*/vendor/llama.cpp/src/llama-vocab.cpp"))
CASED = re.search(r"\[(A-Za-zµ.*?)\]\+", SOURCE.read_text(encoding="utf-8"))[1]
BLOOM = " ?[^(\\s|[.,!?…。，、।۔،])]+"
STEPS = {
    "default": [r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"],
    "gpt-2": [GPT2],
    "smollm": [DIGITS, GPT2],
    "llama-bpe": [CL100K],
    "qwen2": [QWEN2],
    "qwen35": [QWEN2.replace(r"?\p{L}+", r"?[\p{L}\p{M}]+").replace(r"[^\s\p{L}\p{N}]+", r"[^\s\p{L}\p{M}\p{N}]+")],
    "bailingmoe": [r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"],
    "deepseek-llm": ["[\r\n]", rf"\s?[{CASED}]+", r"\s?[!-/:-~！-／：-～‘-‟　-。]+", r"\s+$", "[一-龥ࠀ-一가-\ud7ff]+", r"\p{N}+"],
    "deepseek-coder": ["[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-\ud7ff]+", DIGITS],
    "deepseek-v3": [r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", DEEPSEEK3],
    "gpt-4o": [O200K],
    "tekken": [O200K.replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", "").replace("{1,3}", "")],
    "youtu": ["[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+", O200K.replace("{1,3}", "")],
    "kimi-k2": [KIMI],
    "minicpm5": [r"\p{N}{1,3}", CL100K.replace("{1,3}", "+")],
    "seed-coder": [QWEN2.replace(r"[^\s\p{L}\p{N}]+[\r\n]*", r"[^\s\p{L}\p{N}\r\n]+")],
    "ufakzeka": [QWEN2.split("|", 7)[7]],
    "bloom": [BLOOM],
    "viking": [BLOOM, DIGITS],
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
