#!/usr/bin/env python3
"""Fails when an include in src/ crosses the table of rooms (src/rooms.txt), or a file or function is too long.

Rules: `#include "room/..."` only of rooms the table allows; system headers (`<windows.h>`, `<sys/...>`, ...) only in
src/platform; `#ifdef` on an operating system nowhere, since the names of files in src/platform choose them; no file
over 800 lines.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"
MAX_LINES = 800
SYSTEM_IFDEF = re.compile(
    r"^\s*#\s*(?:if|ifdef|ifndef|elif).*\b(_WIN32|_WIN64|_MSC_VER|__MINGW32__|__CYGWIN__|__linux__|__linux|__APPLE__|__BSD__|__DragonFly__|__FreeBSD__|__NetBSD__|__OpenBSD__|__unix__)\b")
SYSTEM_HEADER = re.compile(
    r'^\s*#\s*include\s*<(windows\.h|winsock2\.h|psapi\.h|winioctl\.h|ws2tcpip\.h|mach/[^>]+|mach-o/[^>]+|termios\.h|netdb\.h|unistd\.h|fcntl\.h|termios\.h|sys/[^>]+|pthread\.h|sched\.h|signal\.h|dlfcn\.h|pwd\.h|poll\.h)>')
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"/]+)/[^"]*"')


def read_table():
    table = {}
    for line in (SRC / "rooms.txt").read_text().splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        room, uses = line.split(":")
        uses = uses.split()
        table[room.strip()] = set(table) if uses == ["all"] else set(uses)
        unknown = table[room.strip()] - set(table)
        if unknown:
            sys.exit(f"rooms.txt: {room} uses {sorted(unknown)}, which stand below it")
    return table


def check_file(path, room, table):
    problems = []
    lines = path.read_text(encoding="utf-8").splitlines()
    where = path.relative_to(ROOT)
    if len(lines) > MAX_LINES and "generated" not in path.parts:
        problems.append(f"{where}: {len(lines)} lines (the limit is {MAX_LINES})")
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if match and match[1] != room:
            if match[1] not in table:
                problems.append(f"{where}:{number}: includes from '{match[1]}', which is no room")
            elif match[1] not in table[room]:
                problems.append(f"{where}:{number}: room '{room}' may not include from '{match[1]}'")
        if SYSTEM_IFDEF.match(line):
            problems.append(f"{where}:{number}: a file in src/platform is for a system by its name, not by #ifdef")
        elif room != "platform" and SYSTEM_HEADER.match(line):
            problems.append(f"{where}:{number}: what differs between systems belongs in src/platform")
    return problems


def main():
    table = read_table()
    problems = []
    for directory in sorted(p for p in SRC.iterdir() if p.is_dir()):
        if directory.name not in table:
            problems.append(f"src/{directory.name}: no room of that name in src/rooms.txt")
            continue
        for path in sorted(directory.rglob("*")):
            if path.suffix in (".h", ".cpp"):
                problems += check_file(path, directory.name, table)
    print("\n".join(problems) if problems else f"rooms: {len(table)} rooms, no include against the table")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
