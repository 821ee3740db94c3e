#!/usr/bin/env python3
"""Where the time goes in a file of --trace: one table for prompts and one for generation.

    quipu bench -m MODEL -p 512 -n 64 --trace FILE && scripts/trace_summary.py FILE [--rows 16]

Steps of --rows tokens and more count as prompts, those with fewer as generation.
"""
import argparse
import collections
import json
import pathlib


def steps(events):
    """(step, the operations in it) of each process, in the order of time."""
    by_process = collections.defaultdict(list)
    for event in events:
        if event["ph"] == "X" and event["tid"] == 0 and event["cat"] == "whole":
            by_process[event["pid"]].append(event)
    for slices in by_process.values():
        slices.sort(key=lambda event: (event["ts"], -event["dur"]))
        step, inside = None, []
        for event in slices:
            if event["name"] == "forward pass":
                if step:
                    yield step, inside
                step, inside = event, []
            elif step:
                inside.append(event)
        if step:
            yield step, inside


def table(title, found):
    total_us = sum(step["dur"] for step, _ in found)
    n_tokens = sum(step["args"]["rows"] for step, _ in found)
    if not found:
        return
    sums = collections.defaultdict(lambda: [0, 0.0, 0])
    for step, inside in found:
        for event in inside:
            entry = sums[event["name"]]
            entry[0] += 1
            entry[1] += event["dur"]
            entry[2] += event["args"]["bytes"]
        within = sum(event["dur"] for event in inside if event["ts"] < step["ts"] + step["dur"])
        entry = sums["between operations"]
        entry[0], entry[1] = entry[0] + 1, entry[1] + step["dur"] - within
    print(f"{title}: {n_tokens} tokens in {len(found)} steps, {total_us / 1000:.1f} ms = {n_tokens / total_us * 1e6:.0f} tokens/s\n")
    print("| operation | calls | ms | share | GB/s |\n|---|---:|---:|---:|---:|")
    for name, (calls, us, n_bytes) in sorted(sums.items(), key=lambda item: -item[1][1]):
        rate = f"{n_bytes / us / 1000:.1f}" if n_bytes and us else ""
        print(f"| {name} | {calls} | {us / 1000:.1f} | {100 * us / total_us:.1f} % | {rate} |")
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--rows", type=int, default=16)
    options = parser.parse_args()
    found = list(steps(json.loads(options.file.read_text())["traceEvents"]))
    table("prompts", [each for each in found if each[0]["args"]["rows"] >= options.rows])
    table("generation", [each for each in found if each[0]["args"]["rows"] < options.rows])


if __name__ == "__main__":
    main()
