#!/usr/bin/env python3
"""How far a quantised model is from the original: our encoders beside llama.cpp's, in KL divergence over a text.

    compare_divergence.py --llama-quantize PATH --model F32.gguf --text FILE [--imatrix FILE] [--quipu build/quipu]
                          [--chunks N] [--types Q4_0,Q2_K] [--mixes] [--threads N] [--work FOLDER] [--page FILE.md]

Every model is run by quipu in float32 arithmetic, so that nothing but the weights differs. Without --mixes every matrix
of the blocks gets the type itself (--pure) and the embeddings stay in 16 bits; with it the mix's own rules hold. What was
measured of a file is kept in the folder under its sum and not measured again. The table goes to standard output and, with
--page, into that file.
"""
import argparse
import hashlib
import json
import pathlib
import re
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TYPES = ("Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K_S Q4_K_S Q5_K_S Q6_K IQ4_NL IQ4_XS MXFP4_MOE TQ1_0 TQ2_0 Q2_0 Q1_0 IQ1_S IQ1_M "
         "IQ2_XXS IQ2_XS IQ2_S IQ2_M IQ3_XXS IQ3_S").split()


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout[-500:]}{done.stderr[-500:]}")
    return done.stdout


class Comparison:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.logits = folder / "base.logits"
        self.kept_path = folder / "kept.json"
        self.kept = json.loads(self.kept_path.read_text()) if self.kept_path.exists() else {}
        if not self.logits.exists():
            self.perplexity(options.model, "-f", options.text, "--chunks", options.chunks, "--save-logits", self.logits)

    def perplexity(self, model, *arguments):
        return run(self.options.quipu, "perplexity", "-m", model, "--precise", "-t", self.options.threads, *arguments)

    def divergence(self, model):
        with open(model, "rb") as file:
            key = hashlib.file_digest(file, "sha256").hexdigest()
        if key not in self.kept:
            text = self.perplexity(model, "--save-logits", self.logits, "--kl-divergence")
            self.kept[key] = [float(x) for x in re.search(r"KL divergence +(\S+) ± (\S+)", text).groups()]
            self.kept_path.write_text(json.dumps(self.kept, indent=0))
        return self.kept[key]

    def flags(self, imatrix):
        words = [] if self.options.mixes else ["--pure", "--token-embedding-type", "f16"]
        return words + (["--imatrix", self.options.imatrix] if imatrix else [])

    def of_ours(self, mix, imatrix):
        out = self.folder / "ours.gguf"
        run(self.options.quipu, "quantize", "-t", self.options.threads, *self.flags(imatrix),
            *([] if imatrix else ["--without-imatrix"]), self.options.model, out, mix)
        return self.divergence(out)

    def of_theirs(self, mix, imatrix):
        out = self.folder / "theirs.gguf"
        done = subprocess.run([self.options.llama_quantize, *map(str, self.flags(imatrix)), self.options.model, out, mix,
                               str(self.options.threads)], capture_output=True)
        # It refuses some types without importances.
        return self.divergence(out) if done.returncode == 0 else None


def page(options, lines):
    name = pathlib.Path(options.model).name
    mixes = "by the mix's rules" if options.mixes else "every matrix of the blocks in the type itself, where its columns allow it, and embeddings in F16"
    return f"""# KL divergence of quantised models

Written by `scripts/compare_divergence.py`. {name}, whose weights are float32, is quantised by quipu and by llama.cpp
({mixes}); all are run in float32 arithmetic, so that only the weights differ. KL divergence from
{name} in nats a token, over {options.chunks} pieces of 512 tokens of which the second halves count, with the standard error. "imatrix"
says whether both were given the same importances. A ratio below 1: quipu's file is nearer to the original.

""" + "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llama-quantize", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--text", required=True)
    parser.add_argument("--imatrix")
    parser.add_argument("--quipu", default=ROOT / "build" / "quipu")
    parser.add_argument("--chunks", type=int, default=12)
    parser.add_argument("--types", default=",".join(TYPES))
    parser.add_argument("--mixes", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work")
    parser.add_argument("--page", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(options.work or temporary)
        folder.mkdir(exist_ok=True)
        comparison = Comparison(options, folder)
        lines = []

        def show(line):
            print(line, flush=True)
            lines.append(line)

        show("| type | imatrix | quipu | llama.cpp | ratio |")
        show("|---|---|---|---|---|")
        for mix in options.types.split(","):
            for imatrix in (False, True)[:2 if options.imatrix else 1]:
                theirs, ours = comparison.of_theirs(mix, imatrix), comparison.of_ours(mix, imatrix)
                shown = ["{:.5f} ± {:.5f}".format(*ours), "refused" if theirs is None else "{:.5f} ± {:.5f}".format(*theirs),
                         "" if theirs is None or theirs[0] <= 0 else f"{ours[0] / theirs[0]:.3f}"]
                show(f"| {mix} | {'yes' if imatrix else 'no'} | {' | '.join(shown)} |")
        if options.page:
            options.page.write_text(page(options, lines))


if __name__ == "__main__":
    main()
