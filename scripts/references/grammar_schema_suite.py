#!/usr/bin/env python3
"""The official JSON-Schema-Test-Suite (draft 2020-12), as texts: `grammar_schema_suite.py OUTDIR` writes suite.json.

A list of groups {"file", "description", "schema", "tests": [{"description", "valid", "texts"}]}. An instance has many
texts; here are those with each order of the keys of its objects (up to 120), compact, and the first one as
json.dumps writes it with its default separators and with indent=2. A float that is a whole number is written as one,
and no number has an exponent.
"""
# fetch: jsonschema
import itertools
import json
import os
import pathlib
import sys
from decimal import Decimal

SUITE = next(pathlib.Path(os.environ["QUIPU_DEPS_DIR"]).glob("jsonschema/*/json/tests/draft2020-12"))
OPTIONAL = ["ecmascript-regex", "non-bmp-regex", "bignum", "float-overflow", "no-schema", "unknownKeyword"]
FORMATS = ["date", "time", "date-time", "email", "hostname", "ipv4", "ipv6", "uuid", "uri", "json-pointer", "duration"]


def orders(value):
    """The value with each order of keys, at every level, up to 120."""
    if isinstance(value, list):
        for items in itertools.islice(itertools.product(*(list(orders(v)) for v in value)), 120):
            yield list(items)
    elif isinstance(value, dict):
        def all_orders():
            for keys in itertools.permutations(value):
                for items in itertools.product(*(list(orders(value[k])) for k in keys)):
                    yield dict(zip(keys, items))
        yield from itertools.islice(all_orders(), 120)
    else:
        yield value


def number(x):
    d = Decimal(repr(x))
    return format(d.to_integral_value() if d == d.to_integral_value() else d, "f")


def text(value, comma=",", colon=":", indent=None, level=0):
    if isinstance(value, float):
        return number(value)
    if not isinstance(value, (list, dict)) or not value:
        return json.dumps(value, ensure_ascii=False)
    inner = [text(v, comma, colon, indent, level + 1) for v in (value.values() if isinstance(value, dict) else value)]
    if isinstance(value, dict):
        inner = [json.dumps(k, ensure_ascii=False) + colon + v for k, v in zip(value, inner)]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    newline = lambda n: "" if indent is None else "\n" + " " * (indent * n)  # noqa: E731
    return opening + newline(level + 1) + (comma + newline(level + 1)).join(inner) + newline(level) + closing


def texts(value):
    result = [text(v) for v in orders(value)]
    for v in itertools.islice(orders(value), 6):
        result += [text(v, ", ", ": "), text(v, ",", ": ", 2)]
    return list(dict.fromkeys(result))


def has_surrogates(value):
    return any(0xD800 <= ord(c) <= 0xDFFF for c in json.dumps(value, ensure_ascii=False))


def main():
    files = sorted(SUITE.glob("*.json")) + [SUITE / "optional" / f"{n}.json" for n in OPTIONAL]
    files += [SUITE / "optional" / "format" / f"{n}.json" for n in FORMATS]
    groups = []
    for file in files:
        for group in json.loads(file.read_text(encoding="utf-8")):
            tests = [{"description": t["description"], "valid": t["valid"], "texts": texts(t["data"])}
                     for t in group["tests"] if not has_surrogates(t["data"])]
            groups.append({"file": str(file.relative_to(SUITE)), "description": group["description"],
                           "schema": group["schema"], "tests": tests})
    (pathlib.Path(sys.argv[1]) / "suite.json").write_text(json.dumps(groups, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
