#!/usr/bin/env python3
"""clang-tidy over every source file of src/ with the compile commands of a build folder: `scripts/lint.py build`;
or over those files alone that are named behind it.

What was found clean is not looked at again until it, a header that it includes, the compiler's flags, .clang-tidy or
clang-tidy itself changes: build/lint/ has a stamp for each. The commands may be another compiler's, whose warnings
clang does not know by name. Exit code 1 if there is a finding.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def output_of(*command):
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def headers_of_objects(build):
    """Object -> what it was made from, as ninja noted it; nothing for what was never built."""
    found, current = {}, None
    for line in output_of("ninja", "-C", build, "-t", "deps").splitlines():
        if not line.startswith(" "):
            current = line.split(":")[0] if "(VALID)" in line else None
        elif current:
            found.setdefault(current, []).append(line.strip())
    return found


class Key:
    """A hash of all that a finding can depend on."""

    def __init__(self):
        self.always = output_of("clang-tidy", "--version") + (ROOT / ".clang-tidy").read_text()
        self.files = {}

    def of_file(self, path):
        if path not in self.files:
            self.files[path] = hashlib.sha256(path.read_bytes()).hexdigest()
        return self.files[path]

    def of(self, command, headers, build):
        parts = [self.always, command]
        parts += [self.of_file((build / h).resolve()) for h in headers if not h.startswith("/usr/")]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def lint(build, path):
    return subprocess.run(["clang-tidy", "--quiet", "--extra-arg=-Wno-unknown-warning-option", "-p", build, path],
                          cwd=ROOT, capture_output=True, text=True)


def main():
    build = (ROOT / sys.argv[1]).resolve()
    stamps = build / "lint"
    stamps.mkdir(exist_ok=True)
    objects = headers_of_objects(build)
    key = Key()
    sources = set(sys.argv[2:] or output_of("git", "ls-files", "src/*.cpp").split())
    work = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = str(pathlib.Path(entry["file"]).resolve().relative_to(ROOT))
        if path not in sources:
            continue
        sources.remove(path)
        words = shlex.split(entry["command"])
        headers = objects.get(words[words.index("-o") + 1])
        stamp = stamps / key.of(entry["command"], headers, build) if headers else None
        if not (stamp and stamp.exists()):
            work[path] = stamp
    # What this system does not compile has no command, and is linted where it has one.
    print(f"lint: {len(work)} files to look at, {len(sources)} of other systems left out", file=sys.stderr)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS") or os.cpu_count())) as pool:
        for n, (path, done) in enumerate(zip(work, pool.map(lambda p: lint(build, p), work)), 1):
            if done.returncode == 0:
                if work[path]:
                    work[path].touch()
            else:
                failed += 1
                print(done.stdout.strip(), flush=True)
            if sys.stderr.isatty() or n % 20 == 0:
                print(f"lint: {n} of {len(work)}", file=sys.stderr, end="\r" if sys.stderr.isatty() else "\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
