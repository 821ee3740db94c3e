#!/usr/bin/env python3
"""Fetches pinned packages of deps.lock into build/deps/NAME: `scripts/fetch.py NAME...`.

Kinds: `wheel` (PyPI wheel, by pip), `sdist` (PyPI source archive, by pip), `npm` (by npm pack), `crate` (by cargo).
The file's SHA-256 must equal the lock's; a folder appears whole (unpacked beside, then renamed) or not at all.
A second call with the same lock line does nothing.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEPS = pathlib.Path(os.environ.get("QUIPU_DEPS_DIR", ROOT / "build" / "deps"))


def read_lock():
    entries = {}
    for line in (ROOT / "deps.lock").read_text().splitlines():
        words = line.split("#")[0].split()
        if words:
            entries[words[0]] = words
    return entries


def download_command(kind, package, version, folder):
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--dest", folder]
    if kind == "wheel":
        # Headers and data serve on every host; the one program (zig) is that of x86-64 Linux, where releases are made.
        return pip + ["--only-binary", ":all:", "--python-version", "3.11", "--platform", "any",
                      "--platform", "manylinux_2_28_x86_64", "--platform", "manylinux2014_x86_64",
                      f"{package}=={version}"]
    if kind == "sdist":
        # Not `:all:`, which would build the package's build tools from source too. pip asks a source archive's build
        # tool for its metadata, so the sum is checked by pip before: the requirement comes by standard input.
        return pip + ["--no-binary", package, "--require-hashes", "-r", "/dev/stdin"]
    if kind == "npm":
        return ["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", folder, f"{package}@{version}"]
    sys.exit(f"fetch: deps.lock names the unknown kind '{kind}'")


def unpack(archive, target):
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as z:
            for info in z.infolist():
                path = z.extract(info, target)
                if not info.is_dir() and info.external_attr >> 16 & 0o100:
                    os.chmod(path, 0o755)  # a program: zipfile itself leaves permissions out
    else:
        with tarfile.open(archive) as t:
            t.extractall(target, filter="data") if hasattr(tarfile, "data_filter") else t.extractall(target)


def fetch(words):
    name, kind, package, version, sha256 = words
    target, stamp = DEPS / name, DEPS / f".{name}.stamp"
    if target.is_dir() and stamp.is_file() and stamp.read_text() == " ".join(words):
        return
    print(f"fetch: {name} ({package} {version})", file=sys.stderr)
    DEPS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=DEPS) as folder:
        done = subprocess.run(download_command(kind, package, version, folder), stdout=subprocess.DEVNULL, text=True,
                              input=f"{package}=={version} --hash=sha256:{sha256}\n")
        files = list(pathlib.Path(folder).iterdir())
        if done.returncode != 0 or len(files) != 1:
            sys.exit(f"fetch: {package} {version} could not be downloaded (network? registry?)")
        actual = hashlib.sha256(files[0].read_bytes()).hexdigest()
        if actual != sha256:
            sys.exit(f"fetch: {files[0].name} has SHA-256 {actual}, but deps.lock says {sha256}")
        unpacked = pathlib.Path(folder) / "unpacked"
        unpack(files[0], unpacked)
        if target.exists():
            shutil.rmtree(target)
        unpacked.rename(target)
    stamp.write_text(" ".join(words))


def main():
    lock = read_lock()
    for name in sys.argv[1:]:
        if name not in lock:
            sys.exit(f"fetch: deps.lock has no '{name}'")
        fetch(lock[name])


if __name__ == "__main__":
    main()
