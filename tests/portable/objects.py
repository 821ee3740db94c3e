"""What a program asks of its system: read from the object alone, for systems that cannot be run here."""
import hashlib
import re
import struct


def text_at(data, offset):
    return data[offset:data.index(b"\0", offset)].decode()


class Elf:
    MACHINES = {62: "x86_64", 183: "aarch64"}

    def __init__(self, data):
        self.data = data
        self.osabi = data[7]
        self.machine = self.MACHINES.get(struct.unpack_from("<H", data, 18)[0])
        phoff, = struct.unpack_from("<Q", data, 32)
        size, n = struct.unpack_from("<HH", data, 54)
        # type, flags, offset, vaddr, paddr, filesz, memsz, align
        self.segments = [struct.unpack_from("<IIQQQQQQ", data, phoff + i * size) for i in range(n)]
        self.interpreter = next((text_at(data, s[2]) for s in self.segments if s[0] == 3), None)
        self.is_pie = struct.unpack_from("<H", data, 16)[0] == 3

    def offset_of(self, address):
        for kind, _, offset, vaddr, _, filesz, *_ in self.segments:
            if kind == 1 and vaddr <= address < vaddr + filesz:
                return offset + address - vaddr
        raise ValueError(f"no segment holds {address:#x}")

    def dynamic(self):
        result = []
        for kind, _, offset, _, _, filesz, *_ in self.segments:
            if kind == 2:
                for at in range(offset, offset + filesz, 16):
                    tag, value = struct.unpack_from("<QQ", self.data, at)
                    if tag == 0:
                        break
                    result.append((tag, value))
        return result

    def needed(self):
        tags = dict(self.dynamic())
        if 5 not in tags:
            return []
        strings = self.offset_of(tags[5])
        return [text_at(self.data, strings + value) for tag, value in self.dynamic() if tag == 1]

    def needed_versions(self):
        """Names of symbol versions, such as GLIBC_2.17."""
        tags = dict(self.dynamic())
        names = set()
        if 0x6FFFFFFE not in tags:
            return names
        strings, at = self.offset_of(tags[5]), self.offset_of(tags[0x6FFFFFFE])
        for _ in range(tags[0x6FFFFFFF]):
            _, n, _, aux, following = struct.unpack_from("<HHIII", self.data, at)
            entry = at + aux
            for _ in range(n):
                _, _, _, name, following_entry = struct.unpack_from("<IHHII", self.data, entry)
                names.add(text_at(self.data, strings + name))
                entry += following_entry
            at += following
        return names

    def notes(self):
        """(owner, type) of all notes."""
        found = {}
        for kind, _, offset, _, _, filesz, _, align in self.segments:
            at = offset
            while kind == 4 and at < offset + filesz:
                namesz, descsz, note_type = struct.unpack_from("<III", self.data, at)
                name = self.data[at + 12:at + 12 + namesz].rstrip(b"\0").decode()
                pad = 8 if align == 8 else 4
                desc = at + 12 + -(-namesz // 4) * 4
                found[name, note_type] = self.data[desc:desc + descsz]
                at = desc + -(-descsz // pad) * pad
        return found

    def writable_and_executable(self):
        return any(s[0] in (1, 0x6474E551) and s[1] & 3 == 3 for s in self.segments)


class MachO:
    MACHINES = {0x01000007: "x86_64", 0x0100000C: "aarch64"}

    def __init__(self, data):
        self.data = data
        magic, cpu, _, _, n, _, _, _ = struct.unpack_from("<8I", data, 0)
        assert magic == 0xFEEDFACF
        self.machine = self.MACHINES[cpu]
        self.commands, at = [], 32
        for _ in range(n):
            command, size = struct.unpack_from("<II", data, at)
            self.commands.append((command & 0x7FFFFFFF, at))
            at += size

    def libraries(self):
        return [text_at(self.data, at + struct.unpack_from("<I", self.data, at + 8)[0])
                for command, at in self.commands if command in (0xC, 0x18)]

    def oldest_system(self):
        for command, at in self.commands:
            if command == 0x32:  # LC_BUILD_VERSION
                version = struct.unpack_from("<I", self.data, at + 12)[0]
            elif command == 0x24:  # LC_VERSION_MIN_MACOSX
                version = struct.unpack_from("<I", self.data, at + 8)[0]
            else:
                continue
            return version >> 16, version >> 8 & 0xFF
        return None

    def signature_is_right(self):
        """An ad-hoc signature whose page hashes fit, as ARM64 demands."""
        for command, at in self.commands:
            if command != 0x1D:
                continue
            start, size = struct.unpack_from("<II", self.data, at + 8)
            blob = self.data[start:start + size]
            n = struct.unpack_from(">I", blob, 8)[0]
            for i in range(n):
                offset = struct.unpack_from(">II", blob, 12 + 8 * i)[1]
                if struct.unpack_from(">I", blob, offset)[0] == 0xFADE0C02:
                    return self.hashes_fit(blob, offset)
        return False

    def hashes_fit(self, blob, offset):
        flags, hashes, _, _, n, limit = struct.unpack_from(">IIIIII", blob, offset + 12)
        size, _, _, shift = struct.unpack_from("BBBB", blob, offset + 36)
        for i in range(n):
            page = self.data[i << shift:min((i + 1) << shift, limit)]
            at = offset + hashes + size * i
            if hashlib.sha256(page).digest()[:size] != blob[at:at + size]:
                return False
        return bool(flags & 2)


class Pe:
    MACHINES = {0x8664: "x86_64", 0xAA64: "aarch64"}

    def __init__(self, data):
        self.data = data
        self.nt = struct.unpack_from("<I", data, 0x3C)[0]
        machine, n, _, _, _, optional, _ = struct.unpack_from("<HHIIIHH", data, self.nt + 4)
        self.machine = self.MACHINES[machine]
        first = self.nt + 24 + optional
        self.sections = [struct.unpack_from("<IIII", data, first + 40 * i + 8) for i in range(n)]

    def offset_of(self, rva):
        for virtual_size, start, raw_size, raw in self.sections:
            if start <= rva < start + max(virtual_size, raw_size):
                return rva - start + raw
        raise ValueError(f"no section holds {rva:#x}")

    def libraries(self):
        rva = struct.unpack_from("<I", self.data, self.nt + 24 + 112 + 8)[0]
        names, at = [], self.offset_of(rva)
        while True:
            name = struct.unpack_from("<I", self.data, at + 12)[0]
            if name == 0:
                return names
            names.append(text_at(self.data, self.offset_of(name)).lower())
            at += 20


def newest_glibc(versions):
    numbers = [tuple(map(int, re.findall(r"\d+", v))) for v in versions if v.startswith("GLIBC_2")]
    return max(numbers, default=(0,))
