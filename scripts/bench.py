#!/usr/bin/env python3
"""Runs quipu and its peers in turn on the same models, and writes docs/BENCHMARKS.md and docs/benchmarks.svg.

Each round runs every program once per test, one right after the other, so that a ratio compares runs under the same
conditions: a ratio in the report is the median of the rounds' ratios, a figure the median of the rounds, its spread the
smallest and the largest. Every program gets a warm-up of its own within each run and does its own timing of tokens;
the time to the first token and the peak memory are taken from outside, of the whole process.
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROMPT = "Once upon a time"


class Failed(Exception):
    pass


class Run:
    """A finished process: its output, the seconds to its first byte of output, its peak memory."""

    def __init__(self, command):
        with tempfile.TemporaryFile() as errors:
            start = time.monotonic()
            process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=errors)
            first = process.stdout.read(1)
            self.first_byte_s = time.monotonic() - start
            self.output = (first + process.stdout.read()).decode("utf-8", "replace")
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.peak_mib = usage.ru_maxrss / 1024
            if process.returncode != 0 or not first:
                errors.seek(0)
                raise Failed(f"{command[0]}: exit code {process.returncode}\n{errors.read().decode()[-2000:]}")


class Quipu:
    def __init__(self, binary):
        self.name, self.binary = "quipu", binary
        self.version = Run([binary, "--version"]).output.strip().splitlines()[0]

    def rate(self, model, threads, test):
        words = [self.binary, "bench", "-m", model, "-t", threads, "-r", 1, "-d", test.depth, "--json", "--no-limits",
                 "-p", test.n if test.kind == "prompt" else 0, "-n", test.n if test.kind == "generation" else 0]
        return json.loads(Run(words).output)["results"][0]["median"]

    def first_token(self, model, threads):
        return Run([self.binary, "-m", model, "--cli", "-p", PROMPT, "-n", 1, "-t", threads, "--temp", 0,
                    "--no-display-prompt", "--log-disable"])


class LlamaCpp:
    def __init__(self, name, folder, completion, version, extra=()):
        self.name, self.folder, self.version, self.extra = name, folder / "bin", version, list(extra)
        self.completion = completion

    def rate(self, model, threads, test):
        words = [self.folder / "llama-bench", "-m", model, "-t", threads, "-r", 1, "-o", "json",
                 "-p", test.n if test.kind == "prompt" else 0, "-n", test.n if test.kind == "generation" else 0]
        if test.depth:
            # ik_llama.cpp's llama-bench has only a prompt and a generation behind it (-gp).
            words += ["-gp", f"{test.depth},{test.n}", "-n", 0] if self.name.startswith("ik") else ["-d", test.depth]
        rows = json.loads(Run(words + self.extra).output)
        return rows[-1]["avg_ts"]

    def first_token(self, model, threads):
        if not self.completion:
            return None
        return Run([self.folder / self.completion, "-m", model, "-p", PROMPT, "-n", 1, "-t", threads, "--temp", 0,
                    "-no-cnv", "--no-display-prompt", "--no-warmup"])


class Test:
    def __init__(self, kind, n, depth=0):
        self.kind, self.n, self.depth = kind, n, depth
        self.name = f"{kind} of {n}" + (f" behind {depth}" if depth else "")


def parse_tests(text):
    tests = []
    for word in text.split(","):
        kind, n, _, depth = re.fullmatch(r"([pg])(\d+)(@(\d+))?", word).groups()
        tests.append(Test({"p": "prompt", "g": "generation"}[kind], int(n), int(depth or 0)))
    return tests


def measure(programs, model, options, tests):
    """{metric: {program: [a figure per round]}}"""
    figures = {name: {program.name: [] for program in programs}
               for name in [test.name for test in tests] + ["first token", "peak memory"]}
    for round_number in range(options.rounds):
        # Another one begins in each round: the first may find a cooler or busier machine.
        turn = round_number % len(programs)
        for program in programs[turn:] + programs[:turn]:
            for test in tests:
                figures[test.name][program.name].append(program.rate(model, options.threads, test))
            run = program.first_token(model, options.threads)
            if run:
                figures["first token"][program.name].append(run.first_byte_s * 1000)
                figures["peak memory"][program.name].append(run.peak_mib)
        print(f"bench: {model.name}: round {round_number + 1} of {options.rounds}", file=sys.stderr)
    return figures


def figure_text(values, unit):
    middle = statistics.median(values)
    digits = 1 if middle < 100 else 0
    return f"{middle:.{digits}f}{unit} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def ratio_of(ours, theirs, less_is_better):
    ratios = [(b / a if less_is_better else a / b) for a, b in zip(ours, theirs)]
    return statistics.median(ratios)


def table(figures, programs):
    lines = ["| test | " + " | ".join(p.name for p in programs) + " | quipu / best peer |",
             "|---|" + "---:|" * (len(programs) + 1)]
    for name, by_program in figures.items():
        less = name in ("first token", "peak memory")
        unit = {"first token": " ms", "peak memory": " MiB"}.get(name, "")
        peers = [by_program[p.name] for p in programs[1:] if by_program[p.name]]
        ratios = [ratio_of(by_program[programs[0].name], peer, less) for peer in peers]
        label = name if less else f"{name}, tokens/s"
        lines.append(f"| {label} | " + " | ".join(
            figure_text(by_program[p.name], unit) if by_program[p.name] else "–" for p in programs) +
            f" | {min(ratios):.2f}× |" if ratios else f"| {label} | |")
    return "\n".join(lines)


COLOURS = ["#1f6feb", "#8b949e", "#bf8700", "#cf222e"]


def plot(results, programs):
    """Bars of tokens per second, each test scaled to its fastest program."""
    rows = [(model, name, by_program) for model, figures in results.items() for name, by_program in figures.items()
            if name not in ("first token", "peak memory")]
    bar, gap, left, width = 14, 14, 330, 420
    height = 30 + len(rows) * (len(programs) * bar + gap)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 110} {height}" '
             'font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="#fff"/>']
    for i, program in enumerate(programs):
        x = left + i * 150
        parts.append(f'<rect x="{x}" y="6" width="10" height="10" fill="{COLOURS[i % 4]}"/>'
                     f'<text x="{x + 14}" y="15">{program.name}</text>')
    y = 30
    for model, name, by_program in rows:
        best = max(statistics.median(values) for values in by_program.values() if values)
        parts.append(f'<text x="{left - 8}" y="{y + len(programs) * bar / 2 + 4}" text-anchor="end">'
                     f'{model[:28]}: {name}</text>')
        for i, program in enumerate(programs):
            value = statistics.median(by_program[program.name])
            parts.append(f'<rect x="{left}" y="{y + i * bar}" width="{width * value / best:.1f}" height="{bar - 2}" '
                         f'fill="{COLOURS[i % 4]}"/><text x="{left + width * value / best + 4:.1f}" '
                         f'y="{y + i * bar + 10}">{value:.0f}</text>')
        y += len(programs) * bar + gap
    return "\n".join(parts + ["</svg>"]) + "\n"


def cpu_name():
    info = pathlib.Path("/proc/cpuinfo").read_text()
    name, flags = (re.search(rf"^{key}\s*: (.*)", info, re.M)[1] for key in ("model name", "flags"))
    known = ["avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16"]
    return f"{name} ({', '.join(flag for flag in known if flag in flags.split())})"


def commit_of(build):
    """The commit of a build folder's sources, where they are a git work tree or say it in a file COMMIT."""
    cache = (build / "CMakeCache.txt").read_text()
    sources = pathlib.Path(re.search(r"^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)", cache, re.M)[1])
    if (sources / "COMMIT").exists():
        return f"commit {(sources / 'COMMIT').read_text().strip()[:10]}, native build"
    commit = subprocess.run(["git", "-C", sources, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return f"commit {commit.stdout.strip() or 'unknown'}, native build"


def report(results, programs, options, limits):
    versions = "\n".join(f"- {p.name}: {p.version}" for p in programs)
    sections = "\n\n".join(f"## {model}\n\n{table(figures, programs)}" for model, figures in results.items())
    return f"""# Benchmarks

Written by `make bench` ({time.strftime('%Y-%m-%d', time.gmtime())}); do not edit. How it measures: `scripts/bench.py`.

- CPU: {cpu_name()}, threads: {options.threads}, rounds: {options.rounds}
- Memory read: {limits['read_gb_per_s']:.1f} GB/s ({max(limits['reads'], key=lambda r: r['gb_per_s'])['loop']}); \
{'; '.join(f"{p['loop']} {p['tera_operations_per_s']:.2f} TOPS" for p in limits['peaks'])}
- Load average at the start and the end: {options.load_before:.1f}, {os.getloadavg()[0]:.1f} (above the number of cores \
other work took part of the machine: figures are too low then, and only ratios mean something)
{versions}

A figure is the median of the rounds (smallest–largest). The ratio is the median over the rounds of ours to the peer's
in the same round, above 1 where quipu is better (faster, or smaller), against the peer that is hardest to beat.

{sections}

![tokens per second](benchmarks.svg)
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quipu", type=pathlib.Path, default=ROOT / "build" / "quipu")
    parser.add_argument("--llama-cpp", type=pathlib.Path)
    parser.add_argument("--ik-llama-cpp", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--tests", default="p512,g64,g128", help="p: prompt, g: generation, @N: behind N tokens")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs" / "BENCHMARKS.md")
    parser.add_argument("models", type=pathlib.Path, nargs="+")
    options = parser.parse_args()
    options.load_before = os.getloadavg()[0]

    programs = [Quipu(options.quipu)]
    if options.llama_cpp:
        pinned = re.search(r"^llama-cpp-python +sdist +\S+ +(\S+)", (ROOT / "deps.lock").read_text(), re.M)[1]
        programs.append(LlamaCpp("llama.cpp", options.llama_cpp, "llama-completion",
                                 f"vendor/llama.cpp of llama-cpp-python {pinned}, native build"))
    if options.ik_llama_cpp:
        for name, extra in (("ik_llama.cpp", []), ("ik_llama.cpp -rtr", ["-rtr", "1"])):
            programs.append(LlamaCpp(name, options.ik_llama_cpp, "", commit_of(options.ik_llama_cpp), extra))
    tests = parse_tests(options.tests)
    try:
        limits = json.loads(Run([options.quipu, "bench", "--limits", "--json", "-t", options.threads]).output)["limits"][0]
        results = {model.stem: measure(programs, model, options, tests) for model in options.models}
    except Failed as failure:
        sys.exit(f"bench: {failure}")
    options.out.write_text(report(results, programs, options, limits), encoding="utf-8")
    (options.out.parent / "benchmarks.svg").write_text(plot(results, programs), encoding="utf-8")
    print(options.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
