"""Character properties by independent programs: Oniguruma (through Hugging Face's tokenizers), Python's str, wcwidth.

classes.bin: a byte per code point, bit i for class i of L M N P S Z, \\s, \\p{Han} (Oniguruma's Unicode 16.0).
width.bin: a byte per code point, wcwidth(). text.json: "case": [text, lower, upper]; "utf8": [hex, text decoded with
errors="replace"]; "width": [text, cells].
"""
import json
import pathlib
import random
import sys
import unicodedata

import wcwidth
from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
CLASSES = [r"\p{L}", r"\p{M}", r"\p{N}", r"\p{P}", r"\p{S}", r"\p{Z}", r"\s", r"\p{Han}"]


def members(pattern):
    split = Split(Regex(pattern), "removed")
    for start in range(0, len(CODE_POINTS), 4096):
        chars = [chr(c) for c in CODE_POINTS[start:start + 4096]]
        rest = {char for piece, _ in split.pre_tokenize_str("".join(chars)) for char in piece}
        yield from (ord(char) for char in chars if char not in rest)


def cases(rng):
    cased = [chr(c) for c in CODE_POINTS if chr(c).lower() != chr(c) or chr(c).upper() != chr(c)]
    yield from (f"{c}x" for c in cased)
    # Capital sigma's lower case depends on what stands around it.
    for c in CODE_POINTS:
        if c == 0x1171E:  # its category changed after Python 3.11's Unicode 14
            continue
        category = unicodedata.category(chr(c))
        if category not in ("Cn", "Co", "Lo") or category == "Lo" and rng.random() < 0.02:
            yield f"a{chr(c)}Σ"
            yield f"bΣ{chr(c)}"
    for _ in range(2000):
        yield "".join(rng.choice(cased + list("ΣΣΣ.'\u0301 1x")) for _ in range(rng.randrange(1, 12)))


def broken_utf8(rng):
    for _ in range(3000):
        text = bytearray("".join(rng.choice("aé€😀\U0010ffff\ud7ff") for _ in range(rng.randrange(6))).encode())
        for _ in range(rng.randrange(4)):
            text.insert(rng.randrange(len(text) + 1), rng.choice(b"\x80\xbf\xc0\xc2\xe0\xa0\xed\x9f\xf0\x90\xf4\x8f\xf5\xff"))
        yield bytes(text[:rng.randrange(len(text) + 1)])


def wide_texts(rng):
    parts = ["a", "é", "e\u0301", "中", "한", "ｱ", "Ａ", "😀", "👍🏽", "👨‍👩‍👧", "❤️", "❤", "🇩🇪", "\u200b", "א", "ก็", "⌚", "☺️", "1"]
    yield from parts
    for _ in range(2000):
        yield "".join(rng.choice(parts) for _ in range(rng.randrange(1, 10)))


def main():
    out, rng = pathlib.Path(sys.argv[1]), random.Random(20241201)
    classes = bytearray(0x110000)
    for bit, pattern in enumerate(CLASSES):
        for code_point in members(pattern):
            classes[code_point] |= 1 << bit
    (out / "classes.bin").write_bytes(classes)
    (out / "width.bin").write_bytes(bytes(max(wcwidth.wcwidth(chr(c)), 0) for c in range(0x110000)))
    (out / "text.json").write_text(json.dumps({
        "case": [[t, t.lower(), t.upper()] for t in cases(rng)],
        "utf8": [[b.hex(), b.decode(errors="replace")] for b in broken_utf8(rng)],
        "width": [[t, wcwidth.wcswidth(t)] for t in wide_texts(rng)],
    }, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
