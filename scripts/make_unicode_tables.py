#!/usr/bin/env python3
"""Makes src/text/generated/: `scripts/make_unicode_tables.py` after `pip install unicodedataplus==16.0.0.post1`.

Categories, widths, scripts and emoji properties are those of Unicode 16.0, the version that Hugging Face's tokenizers
(Oniguruma) split by; Python's own unicodedata knows only the version its release came with. Case mappings are those of
Python 3.11's str.upper() and str.lower(), which Jinja's filters follow. The output is formatted by clang-format.
"""
import pathlib
import subprocess
import sys
import unicodedataplus as unicode

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "src" / "text" / "generated"
N_CODE_POINTS = 0x110000
BLOCK = 256  # code points of a block of the second stage: the number of different blocks must fit a byte
CATEGORIES = ("Cn Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cs Co").split()
WHITE_SPACE = {*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F,
               0x3000}  # PropList.txt, White_Space
HANGUL_MEDIAL_OR_FINAL = {*range(0x1160, 0x1200), *range(0xD7B0, 0xD800)}  # drawn inside the leading consonant's cell
HANGUL_FILLERS = {0x3164, 0xFFA0}
# SOFT HYPHEN, and the marks that are drawn around or below the characters after them (Prepended_Concatenation_Mark).
VISIBLE_FORMAT_CHARACTERS = {0xAD, *range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}


def width(code_point):
    char, category = chr(code_point), unicode.category(chr(code_point))
    if code_point in VISIBLE_FORMAT_CHARACTERS:
        return 1
    if code_point in HANGUL_FILLERS:
        return 0
    if 0x1F1E6 <= code_point <= 0x1F1FF:  # regional indicators: one, or a pair that makes a flag, takes two cells
        return 2
    if category in ("Mn", "Mc", "Me", "Cf", "Cc", "Zl", "Zp") or code_point in HANGUL_MEDIAL_OR_FINAL:
        return 0
    return 2 if unicode.east_asian_width(char) in "WF" else 1


def properties(code_point):
    category = CATEGORIES.index(unicode.category(chr(code_point)))
    return category | width(code_point) << 5 | (code_point in WHITE_SPACE) << 7


def two_stages(values):
    blocks, first = {}, []
    for start in range(0, len(values), BLOCK):
        block = tuple(values[start:start + BLOCK])
        first.append(blocks.setdefault(block, len(blocks)))
    assert len(blocks) <= 256
    return first, [value for block in blocks for value in block]


def ranges(test):
    result = []
    for code_point in range(N_CODE_POINTS):
        if test(chr(code_point)):
            if result and result[-1][1] == code_point - 1:
                result[-1][1] = code_point
            else:
                result.append([code_point, code_point])
    return result


def case_ranges(convert):
    """(first, last, step, delta) of single-character mappings, and (code point, text) of the others."""
    singles, specials = [], []
    for code_point in range(N_CODE_POINTS):
        if 0xD800 <= code_point < 0xE000:
            continue
        mapped = convert(chr(code_point))
        if len(mapped) > 1:
            specials.append((code_point, mapped))
        elif mapped != chr(code_point):
            singles.append((code_point, ord(mapped) - code_point))
    result = []
    for code_point, delta in singles:
        last = result[-1] if result else None
        if last and last[3] == delta and (step := code_point - last[1]) <= 2 and last[2] in (0, step):
            last[1], last[2] = code_point, step
        else:
            result.append([code_point, code_point, 0, delta])
    return [(a, b, max(step, 1), delta) for a, b, step, delta in result], specials


def array(declaration, items):
    return f"{declaration} = {{{', '.join(items)}}};\n"


def u8_literal(text):
    return '"' + "".join(f"\\x{byte:02x}" for byte in text.encode()) + '"'


def main():
    if unicode.unidata_version != "16.0.0" or sys.version_info[:2] != (3, 11):
        sys.exit("make_unicode_tables: wants Python 3.11 and unicodedataplus 16.0.0.post1")
    first, second = two_stages([properties(c) for c in range(N_CODE_POINTS)])
    emoji_text = ranges(lambda c: unicode.is_emoji(c) and not unicode.is_emoji_presentation(c) and c > "\x7f")
    pictographic = ranges(unicode.is_extended_pictographic)
    han = ranges(lambda c: unicode.script(c) == "Han")
    pair = "{{0x{:X}, 0x{:X}}}".format
    case = "{{0x{:X}, 0x{:X}, {}, {}}}".format
    lower, lower_special = case_ranges(str.lower)
    upper, upper_special = case_ranges(str.upper)
    special = "{{0x{:X}, {}}}".format
    text = "// Made by scripts/make_unicode_tables.py from Unicode 16.0: do not edit.\n"
    text += '#include "text/generated/unicode_tables.h"\n\nnamespace quipu::text::tables {\n\n'
    text += array(f"const uint8_t kFirstStage[{len(first)}]", map(str, first))
    text += array(f"const uint8_t kSecondStage[{len(second)}]", map(str, second))
    for name, table, form in (("CodePointRange kEmojiWithTextStyle", emoji_text, pair),
                              ("CodePointRange kPictographic", pictographic, pair),
                              ("CodePointRange kHan", han, pair),
                              ("CaseRange kLower", lower, case), ("CaseRange kUpper", upper, case)):
        kind, name = name.split()
        text += f"static const {kind} {name}Items[]" + array("", (form(*item) for item in table)).lstrip()
        text += f"const std::span<const {kind}> {name}({name}Items);\n"
    for name, table in (("kLowerSpecial", lower_special), ("kUpperSpecial", upper_special)):
        text += array(f"static const CaseSpecial {name}Items[]", (special(c, u8_literal(t)) for c, t in table))
        text += f"const std::span<const CaseSpecial> {name}({name}Items);\n"
    text += "\n}  // namespace quipu::text::tables\n"
    path = FOLDER / "unicode_tables.cpp"
    path.write_text(text)
    subprocess.run(["clang-format", "-i", path], check=True)


if __name__ == "__main__":
    main()
