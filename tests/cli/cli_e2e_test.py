#!/usr/bin/env python3
"""The command line from outside, without a terminal."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

QUIPU = os.environ["QUIPU"]
MODEL = os.environ["TEST_MODEL"]
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def quipu(*arguments, stdin="", **keywords):
    return subprocess.run([QUIPU, *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=120, **keywords)


class HelpTest(unittest.TestCase):
    def test_help_is_plain_in_a_pipe(self):
        for flag in ("--help", "-h"):
            done = quipu(flag)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertNotIn("\x1b", done.stdout)
            for heading in ("NAME", "SYNOPSIS", "MODES", "SUBCOMMANDS", "OPTIONS: Sampling", "EXAMPLES", "ENVIRONMENT",
                            "FILES", "EXIT STATUS"):
                self.assertIn(f"\n{heading}\n" if heading != "NAME" else "NAME\n", done.stdout)
            self.assertLessEqual(max(map(len, done.stdout.splitlines())), 100)

    def test_help_tells_defaults_and_ranges(self):
        page = " ".join(quipu("--help").stdout.split())
        self.assertIn("--temp, --temperature N How daring the choice is; 0: always the likeliest token. Must be 0 or more. Default: 0.8.", page)
        self.assertIn("Default: 8192.", page)

    def test_help_of_a_subcommand(self):
        page = quipu("pack", "--help").stdout
        self.assertIn("pack OUT MODEL.gguf", page)
        self.assertIn("--with FILE...", page)
        self.assertNotIn("--temp", page)

    def test_version(self):
        self.assertRegex(quipu("--version").stdout, r"^quipu \d+\.\d+\.\d+\n$")

    def test_flags_md_is_current(self):
        self.assertEqual(quipu("completions", "markdown").stdout, (ROOT / "docs/flags.md").read_text(),
                         "make it again: build/quipu completions markdown > docs/flags.md")

    def test_completions_are_valid(self):
        bash = quipu("completions", "bash").stdout
        checked = subprocess.run(["bash", "-c", f"{bash}\nCOMP_WORDS=(quipu --temp) COMP_CWORD=1 && _quipu && echo \"${{COMPREPLY[@]}}\""],
                                 capture_output=True, text=True)
        self.assertEqual(checked.stdout.split(), ["--temp", "--temperature"], checked.stderr)
        for shell in ("zsh", "fish"):
            done = quipu("completions", shell)
            self.assertEqual(done.returncode, 0)
            self.assertIn("top-k", done.stdout)
        self.assertEqual(quipu("completions", "tcsh").returncode, 1)


class ErrorsTest(unittest.TestCase):
    def assert_fails(self, done, code, message):
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertIn(message, done.stderr)
        self.assertTrue(done.stderr.startswith("quipu: "))
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_the_command_line(self):
        self.assert_fails(quipu("--tmep", "1"), 2, "unknown flag '--tmep'; did you mean --temp?")
        self.assert_fails(quipu("-c", "many"), 2, "-c: 'many' is not a whole number")
        self.assert_fails(quipu("--top-p", "2"), 2, "--top-p is 2, but must be from 0 to 1")
        self.assert_fails(quipu("--gpu", "nvidia"), 2, "no support for GPUs")
        self.assert_fails(quipu("chta"), 1, "'chta' is neither a subcommand nor a flag")
        self.assert_fails(quipu("x.gguf"), 1, "a model is named with -m x.gguf")
        self.assert_fails(quipu("-n"), 2, "-n needs a value")

    def test_models(self):
        self.assert_fails(quipu("tokenize", "-m", "/no/such.gguf"), 1, "/no/such.gguf: no such file")
        self.assert_fails(quipu("tokenize", "-m", ROOT / "README.md"), 1, "README.md")
        self.assert_fails(quipu("tokenize", "-m", ROOT), 1, "is not a regular file")
        self.assert_fails(quipu("tokenize"), 1, "no model: name one with -m FILE")
        with tempfile.TemporaryDirectory() as folder:
            cut = pathlib.Path(folder) / "cut.gguf"
            cut.write_bytes(pathlib.Path(MODEL).read_bytes()[:1_000_000])
            self.assert_fails(quipu("tokenize", "-m", cut, stdin="x"), 1, "cut.gguf")

    def test_control_characters_in_names_do_no_harm(self):
        done = quipu("tokenize", "-m", "/no/\x1b[31mred")
        self.assertNotIn("\x1b", done.stderr)
        self.assertIn("\\x1b[31mred", done.stderr)


class TokensTest(unittest.TestCase):
    def tokenize(self, *arguments, **keywords):
        done = quipu("tokenize", "-m", MODEL, *arguments, **keywords)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def test_round_trip(self):
        text = "Grüße, 世界!\n\tπ ≈ 3.14159 👨‍👩‍👧  two  spaces"
        ids = self.tokenize(stdin=text)
        self.assertEqual(ids, self.tokenize("-p", text))
        self.assertEqual(ids, self.tokenize("-f", "-", stdin=text))
        for done in (quipu("detokenize", "-m", MODEL, stdin=json.dumps(ids)),
                     quipu("detokenize", "-m", MODEL, *ids)):
            self.assertEqual((done.returncode, done.stdout), (0, text))

    def test_special_tokens_only_when_asked(self):
        self.assertNotIn(1, self.tokenize("-p", "<|im_start|>"))
        self.assertEqual(self.tokenize("-p", "<|im_start|>", "--parse-special"), [1])

    def test_bad_ids(self):
        for ids, message in (("[1, x]", "entry 1 of the token ids, 'x'"), ("[999999]", "must be from 0 to 49151"),
                             ("[-1]", "must be from 0"), ("[1, 2", "no ] at its end"), ("[1.5]", "'1.5'")):
            done = quipu("detokenize", "-m", MODEL, stdin=ids)
            self.assertEqual(done.returncode, 1)
            self.assertIn(message, done.stderr)
        self.assertEqual(quipu("detokenize", "-m", MODEL, stdin="[]").stdout, "")

    def test_a_reader_that_goes_away(self):
        process = subprocess.Popen([QUIPU, "tokenize", "-m", MODEL], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        process.stdout.close()
        process.stdin.write(b"word " * 200_000)
        process.stdin.close()
        self.assertEqual(process.wait(60), 141)
        self.assertEqual(process.stderr.read(), b"")
        process.stderr.close()

    def test_a_full_disk(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([QUIPU, "tokenize", "-m", MODEL, "-p", "x"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write to standard output", done.stderr)


class PromptCacheTest(unittest.TestCase):
    PROMPT = "The capital of France is"

    def complete(self, *arguments):
        return quipu("--cli", "-m", MODEL, "--temp", 0, "-n", 8, "--silent-prompt", *arguments)

    def test_it_is_written_and_read_again(self):
        with tempfile.TemporaryDirectory() as folder:
            cache = pathlib.Path(folder) / "prompt.kv"
            first = self.complete("-p", self.PROMPT, "--precise", "--prompt-cache", cache)
            self.assertEqual(first.stderr, "")
            written = cache.read_bytes()
            # Whatever goes on from here begins with what the file holds.
            longer = self.complete("-p", self.PROMPT + first.stdout, "--precise", "--prompt-cache", cache, "--prompt-cache-ro")
            self.assertEqual((longer.returncode, cache.read_bytes()), (0, written))
            self.assertEqual(self.complete("-p", self.PROMPT, "--precise", "--prompt-cache", cache).stdout, first.stdout)
            self.complete("-p", self.PROMPT, "--precise", "--prompt-cache", cache, "--prompt-cache-all")
            n_tokens = [int.from_bytes(content[12:16], "little") for content in (written, cache.read_bytes())]
            self.assertEqual(n_tokens[1], n_tokens[0] + 7)  # all of the answer that was computed
            self.assertEqual(list(pathlib.Path(folder).iterdir()), [cache])

    def test_a_file_that_does_not_fit_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            cache = pathlib.Path(folder) / "prompt.kv"
            self.complete("-p", self.PROMPT, "--prompt-cache", cache)
            done = self.complete("-p", self.PROMPT, "--prompt-cache", cache, "-ctk", "q8_0")
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("was written for another type of KV cache", done.stderr)
            cache.write_text("nothing of the kind")
            done = self.complete("-p", self.PROMPT, "--prompt-cache", cache)
            self.assertEqual(done.returncode, 1)
            self.assertIn("is no file of keys and values", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
