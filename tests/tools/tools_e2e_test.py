#!/usr/bin/env python3
"""The tools of the command line from outside."""
import csv
import io
import json
import math
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import unittest

QUIPU = os.environ["QUIPU"]
MODEL = os.environ["TEST_MODEL"]
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def quipu(*arguments, **keywords):
    return subprocess.run([QUIPU, *map(str, arguments)], capture_output=True, text=True, timeout=200, **keywords)


class BenchTest(unittest.TestCase):
    def test_json(self):
        done = quipu("bench", "-m", MODEL, "-p", "16,8", "-n", "2", "-d", "0,4", "-r", 2, "-t", 2, "--no-limits", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual([(r["kind"], r["n_tokens"], r["depth"]) for r in report["results"]],
                         [(k, n, d) for d in (0, 4) for k, n in (("prompt", 16), ("prompt", 8), ("generation", 2))])
        for result in report["results"]:
            self.assertEqual(len(result["tokens_per_s"]), 2)
            self.assertGreater(min(result["tokens_per_s"]), 0)
        # All of the file but its directory and vocabulary is weights.
        self.assertLess(0.95, report["weight_bytes_per_token"] / report["model"]["bytes"])
        # 134.5 million weights, two operations each.
        self.assertAlmostEqual(report["operations_per_token"] / 2 / 134.5e6, 1, delta=0.001)

    def test_csv_and_threads(self):
        done = quipu("bench", "-m", MODEL, "-p", 4, "-n", 0, "-r", 1, "-t", "1,2", "--no-limits", "--csv")
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        self.assertEqual([row["n_threads"] for row in rows], ["1", "2"])
        self.assertEqual(rows[0]["model"], pathlib.Path(MODEL).name)

    def test_table_and_limits(self):
        done = quipu("bench", "-m", MODEL, "-p", 16, "-n", 2, "-r", 1, "-t", 1)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("read from memory, 1 threads", done.stdout)
        self.assertRegex(done.stdout, r"prompt 16 .*TOPS = +\d+ %")
        self.assertRegex(done.stdout, r"generation 2 .*GB/s = +\d+ %")
        self.assertIn("LocalScore: ", done.stdout)

    def test_bad_input(self):
        for arguments, message in ((["-p", "many"], "-p: 'many' is no whole number"), (["-p", "1,,2"], "-p: '' is no"),
                                   (["-n", "-1"], "-n: '-1' is no"), (["-t", "100000"], "-t: '100000' is no"),
                                   (["-p", ",".join(["1"] * 65)], "more than 64"), (["-p", "9000000"], "KV cache"),
                                   (["-r", "0"], "-r is 0")):
            done = quipu("bench", "-m", MODEL, "--no-limits", *arguments)
            self.assertIn(done.returncode, (1, 2))
            self.assertIn(message, done.stderr)
            self.assertEqual(done.stdout, "")
        self.assertIn("no such file", quipu("bench", "-m", "/no/such.gguf", "--no-limits").stderr)


class PerplexityTest(unittest.TestCase):
    TEXT = "\n".join((ROOT / f"tests/truth/texts/{name}.txt").read_text() for name in ("prose", "questions"))
    N_PIECE = 64

    def perplexity(self, *arguments):
        return quipu("perplexity", "-m", MODEL, "-c", self.N_PIECE, "--chunks", 4, *arguments)

    def test_it_is_what_logprobs_of_the_pieces_say(self):
        done = self.perplexity("-p", self.TEXT)
        found, error, n, nats = map(float, re.match(
            r"perplexity ([\d.]+) ± ([\d.]+) \((\d+) tokens, ([\d.]+) ±", done.stdout).groups())
        ids = json.loads(quipu("tokenize", "-m", MODEL, "-p", self.TEXT).stdout)
        logprobs = []
        for piece in range(4):
            part = ids[piece * self.N_PIECE:(piece + 1) * self.N_PIECE]
            lines = subprocess.run([QUIPU, "logprobs", "-m", MODEL, "--ids", "-f", "-"], input=json.dumps(part),
                                   capture_output=True, text=True).stdout.splitlines()
            logprobs += [json.loads(line)["logprob"] for line in lines[self.N_PIECE // 2 + 1:]]
        self.assertEqual(len(logprobs), n)
        # Pieces are read in other batches there, so in default arithmetic the two differ by its error.
        self.assertAlmostEqual(-sum(logprobs) / n, nats, delta=0.01)
        self.assertAlmostEqual(math.exp(nats), found, delta=0.001 * found)
        self.assertAlmostEqual(error, found * statistics.stdev(logprobs) / math.sqrt(n), delta=0.01 * error)

    def test_divergence(self):
        with tempfile.TemporaryDirectory() as folder:
            saved = pathlib.Path(folder, "logits")
            self.assertEqual(self.perplexity("-p", self.TEXT, "--save-logits", saved).returncode, 0)
            figures = {}
            for name, flags in (("same", []), ("precise", ["--precise"])):
                done = self.perplexity("--save-logits", saved, "--kl-divergence", *flags)
                self.assertEqual(done.returncode, 0, done.stderr)
                figures[name] = float(re.search(r"KL divergence +([-\d.]+)", done.stdout)[1])
            self.assertLess(abs(figures["same"]), 2e-6)  # what 16 bits a logit cannot say
            self.assertLess(figures["same"], figures["precise"])
            self.assertLess(figures["precise"], 1e-3)
            data = saved.read_bytes()
            for name, bad in (("cut", data[:-1]), ("longer", data + b"x"), ("magic", b"x" + data[1:]), ("empty", b""),
                              ("sizes", data[:8] + b"\xff" * 12 + data[20:]), ("token", data[:20] + b"\xff" * 4 + data[24:])):
                saved.write_bytes(bad)
                done = self.perplexity("--save-logits", saved, "--kl-divergence")
                self.assertEqual((done.returncode, done.stdout), (1, ""), name)
                self.assertIn(str(saved), done.stderr, name)

    def test_bad_input(self):
        self.assertIn("give a longer one", self.perplexity("-p", "short").stderr)
        self.assertIn("needs --save-logits", self.perplexity("-p", self.TEXT, "--kl-divergence").stderr)
        done = self.perplexity("-p", self.TEXT, "--save-logits", "/no/such/folder/file")
        self.assertEqual((done.returncode, done.stdout), (1, ""))


if __name__ == "__main__":
    unittest.main()
