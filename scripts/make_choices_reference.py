#!/usr/bin/env python3
"""What llama-perplexity finds in the tasks of tests/tools/data/choices, for tests/tools.

    make_choices_reference.py --llama-perplexity PATH --llama-quantize PATH --model SmolLM2-135M-Instruct.Q4_1.gguf

Writes tests/tools/data/llamacpp_choices.json: for each task whether it was right, in llama-perplexity's order, and for
Winogrande the scores too. The weights are converted to float32 before, so that rounding plays no part.
"""
import argparse
import json
import pathlib
import re
import subprocess
import tempfile

import make_choice_files

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "tools" / "data"
TASKS = DATA / "choices"


def multiple_choice_file(path):
    """The HellaSwag tasks as a binary file, some of them with fewer answers."""
    lines = (TASKS / "hellaswag.txt").read_text().splitlines()
    cases = []
    for i in range(0, len(lines), 6):
        right, endings = int(lines[i + 1]), lines[i + 2:i + 6]
        cases.append({"question": lines[i], "choices": endings[:max(right + 1, 2)], "expected_index": right})
    path.write_bytes(make_choice_files.multiple_choice(cases))


def rights(output, n):
    """Whether each task was right, from the lines 'number, share of right ones so far'."""
    found = re.findall(r"^(\d+)\t+ *([\d.]+)", output, re.MULTILINE)
    counts = [round(float(share) / 100 * int(number)) for number, share in found]
    if len(counts) != n:
        raise SystemExit(f"{len(counts)} results instead of {n}:\n{output[-2000:]}")
    return [after - before for before, after in zip([0] + counts, counts)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llama-perplexity", required=True)
    parser.add_argument("--llama-quantize", required=True)
    parser.add_argument("--model", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model, binary, winogrande = (pathlib.Path(folder, name) for name in ("f32.gguf", "choices.bin", "winogrande.csv"))
        subprocess.run([options.llama_quantize, "--allow-requantize", options.model, model, "F32"], check=True, capture_output=True)
        multiple_choice_file(binary)
        # llama-perplexity leaves out a last line that ends in one newline or none.
        winogrande.write_text((TASKS / "winogrande.csv").read_text() + "\n")

        def run(*arguments):
            words = [options.llama_perplexity, "-m", model, "-t", "2", "-np", "8", "-ctk", "f32", "-ctv", "f32", "-fa", "off", *arguments]
            return subprocess.run(list(map(str, words)), check=True, capture_output=True, text=True).stdout

        found = {}
        found["hellaswag 12"] = {"right": rights(run("--hellaswag", "-f", TASKS / "hellaswag.txt"), 12)}
        found["multiple-choice 5"] = {"right": rights(run("--multiple-choice", "--multiple-choice-tasks", 5, "-bf", binary), 5)}
        for n in (20, 7):
            output = run("--winogrande", "--winogrande-tasks", n, "-f", winogrande)
            scores = re.findall(r"^\d+\t *[\d.]+\t *(-[\d.]+) +(-[\d.]+) ", output, re.MULTILINE)
            found[f"winogrande {n}"] = {"right": rights(output, n), "scores": [[float(x) for x in pair] for pair in scores]}
    (DATA / "llamacpp_choices.json").write_text(json.dumps(found, indent=0) + "\n")


if __name__ == "__main__":
    main()
