#!/usr/bin/env python3
"""How far a quantised model is from the original: our encoders beside llama.cpp's, in KL divergence over a text.

    compare_divergence.py --llama-quantize PATH --model F32.gguf --text FILE [--imatrix FILE] [--quipu build/quipu]
                          [--chunks N] [--types Q4_0,Q2_K] [--mixes] [--work FOLDER]

Every model is run by quipu in float32 arithmetic, so that nothing but the weights differs. Without --mixes every matrix
of the blocks gets the type itself (--pure) and the embeddings stay in 16 bits; with it the mix's own rules hold. What was
measured of llama.cpp is kept in the folder and not measured again.
"""
import argparse
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
        self.kept = folder / "llamacpp.json"
        self.theirs = json.loads(self.kept.read_text()) if self.kept.exists() else {}
        if not self.logits.exists():
            run(options.quipu, "perplexity", "-m", options.model, "-f", options.text, "--chunks", options.chunks, "--precise",
                "--save-logits", self.logits)

    def divergence(self, model):
        text = run(self.options.quipu, "perplexity", "-m", model, "--precise", "--save-logits", self.logits, "--kl-divergence")
        return [float(x) for x in re.search(r"KL divergence +(\S+) ± (\S+)", text).groups()]

    def flags(self, imatrix):
        words = [] if self.options.mixes else ["--pure", "--token-embedding-type", "f16"]
        return words + (["--imatrix", self.options.imatrix] if imatrix else [])

    def of_ours(self, mix, imatrix):
        out = self.folder / "ours.gguf"
        run(self.options.quipu, "quantize", *self.flags(imatrix), *([] if imatrix else ["--without-imatrix"]), self.options.model,
            out, mix)
        return self.divergence(out)

    def of_theirs(self, mix, imatrix):
        key = f"{mix} {imatrix} {self.options.mixes}"
        if key not in self.theirs:
            out = self.folder / "theirs.gguf"
            done = subprocess.run([self.options.llama_quantize, *map(str, self.flags(imatrix)), self.options.model, out, mix],
                                  capture_output=True)
            # It refuses some types without importances.
            self.theirs[key] = self.divergence(out) if done.returncode == 0 else None
            self.kept.write_text(json.dumps(self.theirs, indent=0))
        return self.theirs[key]


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
    parser.add_argument("--work")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(options.work or temporary)
        folder.mkdir(exist_ok=True)
        comparison = Comparison(options, folder)
        print("| type | imatrix | quipu | llama.cpp | ratio |\n|---|---|---|---|---|", flush=True)
        for mix in options.types.split(","):
            for imatrix in (False, True)[:2 if options.imatrix else 1]:
                theirs, ours = comparison.of_theirs(mix, imatrix), comparison.of_ours(mix, imatrix)
                shown = ["{:.5f} ± {:.5f}".format(*ours), "refused" if theirs is None else "{:.5f} ± {:.5f}".format(*theirs),
                         "" if theirs is None or theirs[0] <= 0 else f"{ours[0] / theirs[0]:.3f}"]
                print(f"| {mix} | {'yes' if imatrix else 'no'} | {' | '.join(shown)} |", flush=True)


if __name__ == "__main__":
    main()
