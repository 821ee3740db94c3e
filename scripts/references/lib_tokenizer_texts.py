"""Texts that are hard to tokenise, made anew from a seed; and the record format that the tests read."""
import pathlib
import random
import struct
import unicodedata

RANGES = {
    "latin": [(0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x24F), (0x1E00, 0x1EFF)],
    "greek": [(0x370, 0x3FF), (0x1F00, 0x1FFF)],
    "cyrillic": [(0x400, 0x52F)],
    "armenian_georgian": [(0x531, 0x58A), (0x10A0, 0x10FF)],
    "hebrew": [(0x591, 0x5F4)],
    "arabic": [(0x600, 0x6FF), (0xFE70, 0xFEFC)],
    "devanagari": [(0x900, 0x97F)],
    "bengali_tamil": [(0x980, 0x9FE), (0xB80, 0xBFA)],
    "thai_lao": [(0xE01, 0xE5B), (0xE81, 0xEDF)],
    "tibetan": [(0xF00, 0xFDA)],
    "hangul": [(0x1100, 0x11FF), (0xAC00, 0xD7A3)],
    "kana": [(0x3041, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F)],
    "han": [(0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0x20000, 0x2A6DF)],
    "common_han": [(0x4E00, 0x5FFF)],
    "emoji": [(0x1F300, 0x1F6FF), (0x1F900, 0x1F9FF), (0x2600, 0x27BF)],
    "combining": [(0x300, 0x36F), (0x1AB0, 0x1ABE), (0x20D0, 0x20F0), (0xFE00, 0xFE0F)],
    "control": [(0x0, 0x1F), (0x7F, 0x9F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x2064), (0xFEFF, 0xFEFF)],
    "punctuation": [(0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E), (0xA1, 0xBF), (0x2010, 0x205E),
                    (0x3000, 0x303F), (0xFF01, 0xFF0F)],
    "symbols": [(0x2190, 0x23FF), (0x2500, 0x25FF), (0x2200, 0x22FF), (0x20A0, 0x20BF), (0x1D400, 0x1D7FF)],
    "digits": [(0x30, 0x39)],
    "numbers": [(0x30, 0x39), (0x660, 0x669), (0x966, 0x96F), (0x2150, 0x2189), (0x2460, 0x24FF), (0xFF10, 0xFF19),
                (0xB2, 0xB3), (0xBC, 0xBE), (0x1D7CE, 0x1D7FF), (0x3021, 0x3029)],
    "anything": [(0x20, 0xD7FF), (0xE000, 0x1FFFF), (0xE0001, 0xE01EF), (0xF0000, 0xF0020), (0x10FFF0, 0x10FFFD)],
}
WHITE_SPACE = [" ", "  ", "   ", "    ", " " * 17, "\t", "\t\t", "\n", "\n\n", "\n\n\n", "\r\n", "\r", " \n", "\n ", "\n  ",
               "\t\n", "\v", "\f", "\x85", "\u00a0", "\u1680", "\u2003", "\u2028", "\u2029", "\u202f", "\u3000", " \u00a0"]
CONTRACTIONS = ["I'm", "don't", "DON'T", "we'Ll", "you've", "THEY'RE", "it's", "IT'S", "she'd", "o'clock", "'s", "'S", "''s",
                "'ſ", "'K", "’s", "'re", "'rE", "'V", "'ve've", "' s", "x'tis", "'LLama", "'d've", "'ll", "'l", "'r", "'"]
WORDS = ("the of and to a in is it you that he was for on are with as his they at be this from have or by one had not but what "
         "all were when we there can an your which their said if do will each about how up out them then she many some so these "
         "would other into has more her two like him see time could no make than first been its who now people my made over did "
         "Transformer tokenisation antidisestablishmentarianism JavaScript HTTPServer camelCase snake_case SCREAMING_CASE iPhone "
         "naïve café Zürich Ångström São façade résumé Straße fiancée smörgåsbord "
         "Привет мир Москва Это тест Ελλάδα καλημέρα κόσμε שלום עולם مرحبا بالعالم नमस्ते दुनिया สวัสดีชาวโลก 안녕하세요 세계 "
         "こんにちは世界 カタカナ 你好世界 中华人民共和国 繁體中文 ﬁnance Ⅷ ½ ①②③ 𝔘𝔫𝔦𝔠𝔬𝔡𝔢").split()
CODE = ["for (int i = 0; i < n; ++i) {", "return x->y[3];", "def f(x: int) -> None:\n    pass", "#include <vector>", "/* c */",
        "//", "!=", "==", "=>", "<=", "&&", "||", "::", "...", "};\n}\n", "if __name__ == '__main__':", "{\"a\": [1, 2.5e-3, null]}",
        "<div class=\"x\">&nbsp;</div>", "SELECT * FROM t WHERE id = 42;", "\\n\\t\\u00e9", "`code`", "```python\n", "---", "####",
        "https://example.com/a/b?c=d&e=%20f#g", "user.name+tag@mail.example.org", "C:\\Windows\\System32", "/usr/lib/x86_64-linux-gnu",
        "192.168.0.1", "1,234,567.89", "3.14159", "0xDEADBEEF", "12:34:56", "2024-12-31", "$19.99", "100%", "~/.bashrc", "a=b;c=d"]
EMOJI = ["👨‍👩‍👧‍👦", "👩🏽‍💻", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️", "👍🏿", "1️⃣", "☺", "😀😃😄", "🧑‍🚀", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "⌨️", "🤷🏻‍♂️"]
LOOK_ALIKES = ["<|im_start|>", "<|im_end|>", "<|im_start|", "<|im_", "<|", "|>", "<|endoftext|>", "<|endoftext", "<|eot_id|>",
               "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|python_tag|>", "<|eom_id|>",
               "<|finetune_right_pad_id|>", "<|reserved_special_token_0|>", "<|reserved_special_token_24|>", "<|EOT_ID|>",
               "<s>", "</s>", "<unk>", "<pad>", "<0x0A>", "<0x41>", "[INST]", "[/INST]", "<<SYS>>", "<repo_name>", "<file_sep>",
               "<filename>", "<gh_stars>", "<issue_start>", "<jupyter_code>", "<empty_output>", "<|user|>", "<|assistant|>",
               "<|end|>", "▁", "▁▁", "▁the", "Ġ", "Ċ", "Ġthe", "<start_of_turn>"]


def pool(ranges):
    # Characters that Unicode 14 knows: their classes are the same in the versions that the programs here carry.
    return [chr(c) for first, last in ranges for c in range(first, last + 1) if unicodedata.category(chr(c)) not in ("Cn", "Cs")]


POOLS = {name: pool(ranges) for name, ranges in RANGES.items()}


def part(rng):
    kind = rng.randrange(20)
    if kind < 6:
        return rng.choice(WORDS)
    if kind < 10:
        chars = POOLS[rng.choice(list(POOLS))]
        return "".join(rng.choice(chars) for _ in range(rng.randrange(1, 8)))
    if kind == 10:
        return "".join(rng.choice(POOLS["digits"]) for _ in range(rng.randrange(1, 12)))
    if kind == 11:
        return rng.choice(EMOJI)
    if kind == 12:
        return rng.choice(CODE)
    if kind == 13:
        return rng.choice(CONTRACTIONS)
    if kind == 14:
        return rng.choice(LOOK_ALIKES)
    if kind == 15:
        return rng.choice("aA.\n \t0-=_éя中😀!'") * rng.choice([2, 3, 4, 5, 7, 8, 9, 16, 31, 40, 100])
    if kind == 16:  # letters with marks
        return "".join(rng.choice(POOLS["latin"]) + rng.choice(POOLS["combining"]) for _ in range(rng.randrange(1, 5)))
    if kind == 17:
        word = rng.choice(WORDS)
        return rng.choice([word.upper(), word.lower(), word.capitalize(), word[::-1], word[:rng.randrange(1, 9)]])
    return rng.choice(WHITE_SPACE)


def text(rng):
    separator = rng.choice(["", "", " ", " ", "\n", None])
    parts = [part(rng) for _ in range(rng.randrange(1, 16))]
    if separator is not None:
        return separator.join(parts)
    return "".join(p + rng.choice(WHITE_SPACE + [""]) for p in parts)


def texts(seed, n):
    rng = random.Random(seed)
    fixed = ["", " ", "  ", "\n", "a", " a", "\u0000", *WHITE_SPACE, *CONTRACTIONS, *CODE, *EMOJI, *LOOK_ALIKES]
    return (fixed + [text(rng) for _ in range(n)])[:n]


def whole_files(folder):
    """Prose, code in several languages and texts full of other scripts, from an unpacked llama.cpp."""
    names = ["README.md", "LICENSE", "src/llama-vocab.cpp", "src/unicode-data.cpp", "convert_hf_to_gguf_update.py",
             "docs/build.md", "common/json-schema-to-grammar.cpp", "ggml/src/ggml-quants.c", "tools/server/README.md",
             "models/ggml-vocab-llama-bpe.gguf.inp", "models/templates/meta-llama-Llama-3.1-8B-Instruct.jinja"]
    paths = [pathlib.Path(folder) / name for name in names]
    return [path.read_text(encoding="utf-8") for path in paths if path.is_file()]


class Records:
    """(flags, text, ids) records: u32 flags, u32 size, bytes, u32 count, i32 ids; little-endian."""

    PARSE_SPECIAL, ADD_SPECIAL = 1, 2

    def __init__(self):
        self.chunks = []

    def add(self, flags, content, ids):
        data = content.encode() if isinstance(content, str) else content
        self.chunks.append(struct.pack("<II", flags, len(data)) + data + struct.pack(f"<I{len(ids)}i", len(ids), *ids))

    def write(self, path):
        path.write_bytes(b"".join(self.chunks))
