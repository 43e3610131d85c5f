"""Bytes written as text: what each tool prints of a log is read back to the same bytes, and what is no dump is none."""

from __future__ import annotations

import base64
import random
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

import evlog
from evlog.errors import EvlogError
from evlog.intake import armour, dumps, letters, lists
from evlog.intake.budget import Budget
from tests.conftest import SAMPLES, SLOWEST
from tests.memory import peak

if TYPE_CHECKING:
    from collections.abc import Callable

    Writer = Callable[[bytes], bytes]

LOG = (SAMPLES / "tcg2" / "ovmf.bin").read_bytes()


def tool(*command: str) -> Writer:
    """What a tool prints of bytes."""

    def write(data: bytes) -> bytes:
        if shutil.which(command[0]) is None:
            pytest.skip(f"{command[0]} is not installed")
        return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout

    return write


def column(data: bytes) -> str:
    return "".join(chr(each) if 0x20 <= each < 0x7F else "." for each in data)


def rows(data: bytes) -> list[tuple[int, bytes]]:
    return [(at, data[at : at + 16]) for at in range(0, len(data), 16)]


def format_hex(data: bytes) -> bytes:
    """Windows PowerShell 5."""
    lines = ["", "", "           Path: C:\\log.bin", "", "           " + " ".join(f"{n:02X}" for n in range(16)), ""]
    lines += [f"{at:08X}   {each.hex(' ').upper():47}  {column(each)}" for at, each in rows(data)]
    return "\r\n".join(lines).encode()


def format_hex_7(data: bytes) -> bytes:
    """PowerShell 7: a table, whose columns have one blank between them."""
    lines = ["", "   Label: System.Byte[] <0152D0E2>", "", "          Offset Bytes" + " " * 43 + "Ascii"]
    lines += [" " * 17 + " ".join(f"{n:02X}" for n in range(16)), " " * 10 + "------ " + "-" * 47 + " -----"]
    lines += [f"{at:016X} {each.hex(' ').upper():47} {column(each)}" for at, each in rows(data)]
    return "\n".join(lines).encode()


def pytdxmeasure(data: bytes) -> bytes:
    """Its BinaryBlob.dump, between its lines of dashes, at the address of the area."""
    lines = ["RAW DATA: " + "-" * 70]
    lines += [f"{0x7FBEF000 + at:08X}  {each.hex(' ').upper():47}  {column(each)}" for at, each in rows(data)]
    return "\n".join([*lines, "RAW DATA: " + "-" * 70]).encode()


def tbs(data: bytes) -> bytes:
    """A dash in the middle, bars around."""
    lines = []
    for at, each in rows(data):
        halves = [each[:8].hex(" "), each[8:].hex(" ")]
        lines.append(f"{at:08x} | {'-'.join(filter(None, halves)):47} | {column(each)}")
    return "\n".join(lines).encode()


def certutil(data: bytes) -> bytes:
    """certutil -encodehex: a tab, two blanks in the middle, three before the text."""
    lines = []
    for at, each in rows(data):
        halves = "  ".join(filter(None, (each[:8].hex(" "), each[8:].hex(" "))))
        lines.append(f"{at:04x}\t{halves:48}   {column(each)}")
    return "\r\n".join(lines).encode()


def certutil_5(data: bytes) -> bytes:
    """certutil -encodehex IN OUT 5: the same without an offset."""
    return b"\r\n".join(line.partition(b"\t")[2] for line in certutil(data).split(b"\r\n"))


def hex_dump_debug(data: bytes) -> bytes:
    """The kernel's print_hex_dump, with the text and with what dmesg and the caller put in front."""
    lines = ["[    1.000000] tpm_tis: 1.2 TPM (device-id 0x4A10, rev-id 78)"]
    for at, each in rows(data):
        lines.append(f"[{at / 7:12.6f}] event log: {at:08x}: {each.hex(' '):47}  {column(each)}")
        lines += ["[    2.718281] another line, of 16 bytes: cafe"] if at % 96 == 0 else []
    return "\n".join([*lines, "[    9.999999] done"]).encode()


def syslog(data: bytes) -> bytes:
    """A number of a process in front, which is no offset."""
    return b"\n".join(b"Nov 29 20:57:15 host agent 4711: " + line for line in unpadded(data).split(b"\n"))


def logger(data: bytes) -> bytes:
    """Python's logging before each line of `pytdxmeasure`."""
    return b"\n".join(b"INFO:tdx.measure:" + line for line in pytdxmeasure(data).split(b"\n"))


def unpadded(data: bytes) -> bytes:
    """As xxd, by hand: two blanks and the text, also where the line is short."""
    lines = []
    for at, each in rows(data):
        words = " ".join(each[n : n + 2].hex() for n in range(0, len(each), 2))
        lines.append(f"{at:08x}: {words}  {column(each)}")
    return "\n".join(lines).encode()


DUMPS: dict[str, tuple[Writer, str]] = {
    "xxd": (tool("xxd"), "xxd"),
    "xxd -u": (tool("xxd", "-u"), "xxd"),
    "xxd -a": (tool("xxd", "-a"), "xxd"),
    "xxd -g1": (tool("xxd", "-g1"), "xxd"),
    "xxd -g4": (tool("xxd", "-g4"), "xxd"),
    "xxd -g0": (tool("xxd", "-g0"), "xxd"),
    "xxd -g8 -c24": (tool("xxd", "-g8", "-c24"), "xxd"),
    "xxd -c32": (tool("xxd", "-c32"), "xxd"),
    "xxd -c8": (tool("xxd", "-c8"), "xxd"),
    "xxd -o": (tool("xxd", "-o", "4096"), "xxd"),
    "hexdump -C": (tool("hexdump", "-C"), "hexdump -C"),
    "hexdump -vC": (tool("hexdump", "-vC"), "hexdump -C"),
    "od -A x -t x1z": (tool("od", "-A", "x", "-t", "x1z"), "od"),
    "od -v -A x -t x1z": (tool("od", "-v", "-A", "x", "-t", "x1z"), "od"),
    "od -A x -t x1": (tool("od", "-A", "x", "-t", "x1"), "a hex dump"),
    "od -A d -t x1": (tool("od", "-A", "d", "-t", "x1"), "a hex dump"),
    "od -t x1": (tool("od", "-t", "x1"), "a hex dump"),
    "od -t x1z -w32": (tool("od", "-t", "x1z", "-w32"), "od"),
    "Format-Hex": (format_hex, "a hex dump"),
    "Format-Hex 7": (format_hex_7, "a hex dump"),
    "pytdxmeasure": (pytdxmeasure, "a hex dump"),
    "TBS": (tbs, "a TBS dump"),
    "certutil -encodehex": (certutil, "certutil -encodehex"),
    "certutil -encodehex 5": (certutil_5, "a hex dump without offsets"),
    "print_hex_dump": (hex_dump_debug, "xxd"),
    "syslog": (syslog, "xxd"),
    "logger": (logger, "a hex dump"),
    "unpadded": (unpadded, "xxd"),
}


def brackets(numbers: bytes, between: str) -> bytes:
    return f"[{between.join(map(str, numbers))}]".encode()


def c_array(data: bytes) -> bytes:
    lines = ["    " + ", ".join(f"0x{each:02x}" for each in row) + "," for _, row in rows(data)]
    return "\n".join(["unsigned char log[] = {", *lines, "};", f"unsigned int log_len = {len(data)};"]).encode()


LISTS: dict[str, tuple[Writer, str]] = {
    "xxd -i": (tool("xxd", "-i"), "a list of 0x numbers"),
    "C array": (c_array, "a C array"),
    "C array in capitals": (lambda data: c_array(data).upper().replace(b"0X", b"0x"), "a C array"),
    "Go's %#v": (lambda data: ("[]byte{" + ", ".join(map(hex, data)) + "}").encode(), "a C array"),
    "blanks": (lambda data: b" ".join(b"0x%02X" % each for each in data), "a list of 0x numbers"),
    ".NET": (lambda data: data.hex("-").upper().encode(), "pairs of letters"),
    ".NET in lines": (lambda data: b"\r\n".join(r.hex("-").encode() for _, r in rows(data)), "pairs of letters"),
    "openssl": (lambda data: b":\n    ".join(r.hex(":").encode() for _, r in rows(data)), "pairs of letters"),
    "Go's %v": (lambda data: brackets(data, " "), "a list of numbers"),
    "numbers": (lambda data: ", ".join(map(str, data)).encode(), "a list of numbers"),
    "escapes": (lambda data: b"".join(b"\\x%02x" % each for each in data), "\\x escapes"),
    "escapes in C": (
        lambda data: b"\n".join(b'"' + b"".join(b"\\x%02X" % each for each in r) + b'"' for _, r in rows(data)),
        "\\x escapes",
    ),
    "Python's repr": (lambda data: repr(data).encode(), "a text with escapes"),
}
_LETTERS: dict[str, Writer] = {
    "xxd -p": tool("xxd", "-p"),
    "hex behind 0x": lambda data: b"0x" + data.hex().encode(),
    "hex in quotes": lambda data: b'"' + data.hex().upper().encode() + b'"\n',
    "CBOR's hex": lambda data: b"h'" + data.hex().encode() + b"'",
    "base64": base64.encodebytes,
}


def read_back(text: bytes) -> tuple[str, bytes]:
    """What is written in a text, by the only wrapper that knows it, in the only place."""
    for wrapper in (lists, dumps, letters, armour):
        found = [(place, layer) for place in wrapper.places(text, Budget()) for layer in place.layers]
        if found:
            break
    assert len(found) == 1, [(place.path, layer.name) for place, layer in found]
    (place, layer) = found[0]
    assert (place.path, layer.notes) == ("", ())
    return layer.name.partition(",")[0], layer.data


@pytest.mark.parametrize("name", [*DUMPS, *LISTS, *_LETTERS])
def test_a_log_in_letters_is_the_log(name: str) -> None:
    write = _LETTERS[name] if name in _LETTERS else {**DUMPS, **LISTS}[name][0]
    text = write(LOG[:2000])
    for each in (text, text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), text.decode().encode("utf-16")):
        log = evlog.read(each)
        assert log == evlog.read(LOG[:2000]).replace(findings=log.findings)
        wrapped = [finding.message for finding in log.findings if finding.code == "wrapped"]
        assert len(wrapped) == 1
    if name in DUMPS:
        log = evlog.read(text)
        assert f"wrapped in {DUMPS[name][1]}, 2000 bytes" in log.findings[0].message


def odd_bytes(size: int, seed: int) -> bytes:
    """Bytes of which a text column makes what looks like bytes, and runs that dumps leave out."""
    chance = random.Random(seed)
    made = b""
    while len(made) < size:
        kind = chance.randrange(5)
        count = chance.randrange(1, 70)
        if kind == 0:
            made += bytes(count)
        elif kind == 1:
            made += chance.choice(b"\x00\xff\x20\x61").to_bytes(1, "big") * count
        elif kind == 2:
            made += b" ".join(chance.choice((b"be", b"ef", b"0a", b"00", b"| 00", b"> 11")) for _ in range(count))
        elif kind == 3:
            made += bytes(chance.choice(b"0123456789abcdef |>*") for _ in range(count))
        else:
            made += chance.randbytes(count)
    return made[:size]


@pytest.mark.parametrize("name", [*DUMPS, *LISTS])
def test_any_bytes_come_back(name: str) -> None:
    write, told = {**DUMPS, **LISTS}[name]
    # The tools run as processes: fewer of these.
    for seed in range(25 if write.__name__ == "write" else 150):
        data = odd_bytes(random.Random(seed).randrange(64, 700), seed)
        if name.startswith(("od -A d", "od -t")):
            data = random.Random(seed).randbytes(64) + data  # two lines of it tell in which base they are counted
        if name == "Python's repr" and b"\\x" not in write(data):
            continue  # nothing tells it from any text
        if name == "Python's repr":
            data = b"repr" + data
        assert read_back(write(data)) == (told, data), f"seed {seed}, {len(data)} bytes"


SHORT = LOG[:480]


def lines_of(data: bytes) -> list[bytes]:
    """What ``hexdump -C`` prints, without a tool."""
    made = []
    for at, each in rows(data):
        halves = "  ".join(filter(None, (each[:8].hex(" "), each[8:].hex(" "))))
        made.append(f"{at:08x}  {halves:48}  |{column(each)}|".encode())
    return [*made, f"{len(data):08x}".encode()]


def found(text: bytes) -> list[dumps.Dump]:
    return list(dumps.dumps(text, Budget()))


def test_a_length_that_does_not_agree() -> None:
    dump = found(b"\n".join([*lines_of(SHORT)[:-1], b"00000200"]))[0]
    assert (dump.data, dump.notes) == (SHORT, ("the dump says that it has 512 bytes, and it has 480",))
    log = evlog.read(b"\n".join([*lines_of(LOG)[:-1], b"00100000"]))
    assert [finding.code for finding in log.findings][:2] == ["wrapped", "wrapping_damaged"]
    assert log.findings[1].severity == "warning"
    with pytest.raises(EvlogError, match="the dump says"):
        evlog.read(b"\n".join([*lines_of(LOG)[:-1], b"00100000"]), strict=True)


def test_lines_that_are_missing_are_not_made_up() -> None:
    lines = lines_of(SHORT)
    first, second = found(b"\n".join(lines[:10] + lines[13:]))
    assert (first.data, second.data) == (SHORT[:160], SHORT[208:])
    assert first.notes == ("the dump has no lines for bytes 0xa0 to 0xcf",)


def test_a_line_with_less_than_its_offset_says_ends_the_dump() -> None:
    lines = lines_of(SHORT)
    lines[9] = lines[9][:30]
    dump = found(b"\n".join(lines))[0]
    assert dump.data == SHORT[: 9 * 16 + 7]
    assert dump.notes == ("the dump has no lines for bytes 0x97 to 0x9f",)


def test_a_star_with_nothing_behind_it_is_said() -> None:
    dump = found(b"\n".join([*lines_of(SHORT)[:4], b"*"]))[0]
    assert dump.data == SHORT[:64]
    assert dump.notes == ("the dump ends with a star, and does not say how many lines that stands for",)


def test_offsets_that_do_not_count_bytes_are_none() -> None:
    """Else half of each line would be left out."""
    words = b"\n".join(b"%08x: %s" % (at // 2, each.hex(" ").encode()) for at, each in rows(SHORT))
    assert found(words) == []
    assert [each.data for each in found(b"\n".join(lines_of(SHORT)) + b"\n" + words)] == [SHORT]


def test_several_dumps_in_one_text() -> None:
    """An agent prints a table of the firmware, registers and the log, each as a dump."""
    text = b"\n".join([b"ACPI table", *lines_of(b"CCEL" + bytes(52)), b"RTMR[0]", *lines_of(bytes(range(48)))])
    log = evlog.read(text + b"\nevent log\n" + pytdxmeasure(LOG))
    assert log == evlog.read(LOG).replace(findings=log.findings)
    assert "in a hex dump, " in log.findings[0].message
    assert "at /3;" in log.findings[0].message


def test_two_arrays_are_two() -> None:
    text = c_array(bytes(range(64))).replace(b"log", b"nothing") + b"/* {0x00} */\n" + c_array(LOG)
    assert "a C array, " in evlog.read(text).findings[0].message
    wrong = c_array(LOG).replace(f"log_len = {len(LOG)}".encode(), b"log_len = 12")
    assert evlog.read(wrong).findings[1].code == "wrapping_damaged"


def test_a_block_of_base64_between_lines() -> None:
    lines = b"\r\n".join([b"-----BEGIN CERTIFICATE-----", base64.encodebytes(LOG), b"-----END CERTIFICATE-----", b""])
    log = evlog.read(lines)
    assert "base64 between BEGIN CERTIFICATE and END" in log.findings[0].message
    certificate = b"-----BEGIN CERTIFICATE-----\nMIIBIjANBgkq\n-----END CERTIFICATE-----\n"
    assert evlog.read(certificate + lines + certificate) == evlog.read(LOG)


@pytest.mark.parametrize("path", ["ima-ascii/legacy.txt", "cel-json/*", "text/*"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_log_of_text_in_utf_16(path: str, encoding: str) -> None:
    for sample in sorted(SAMPLES.glob(path)):
        try:
            text = sample.read_bytes().decode()
            expected = evlog.read(text.encode())
        except (UnicodeDecodeError, EvlogError):
            continue
        if text.isascii() and "\r" not in text:  # else nothing tells whose line ends they are
            for each in (text, text.replace("\r\n", "\n").replace("\n", "\r\n")):
                assert evlog.read(each.encode(encoding)).events == expected.events, sample.name


def test_a_dump_in_a_text_of_a_document() -> None:
    import json

    for write in (unpadded, tbs, c_array, LISTS["Go's %v"][0], LISTS["escapes"][0]):
        log = evlog.read(json.dumps({"a": {"log": write(LOG).decode()}}).encode())
        assert log == evlog.read(LOG).replace(findings=log.findings)
        assert "at /a/log;" in log.findings[0].message


@pytest.mark.parametrize(
    "text",
    [
        "05e9edf27f2cc722a00eee9f2882b8bafc132e3a56b3f60baee42dcdd59538fd",
        "00000000: 0011 2233 4455 6677 8899 aabb ccdd eeff  .",
        "10 0011223344556677889900112233445566778899 ima-ng sha256:00 /bin/sh",
        "2026-11-29 00:00:00 00 11 22 33\n2026-11-29 00:00:01 44 55 66 77",
        "0000 cafe\n0001 beef\n0002 dead",
    ],
)
def test_what_is_no_dump(text: str) -> None:
    assert found(text.encode()) == []


@pytest.mark.parametrize(
    "text",
    [
        b"0" * (1 << 20),
        b"0000 " * (1 << 18),
        b"aaaa zz " * (1 << 17),
        b"0000\n" * (1 << 18),
        b"0000 00\n" * (1 << 17),
        b"*\n" * (1 << 19),
        b"0000: " + b" " * (1 << 20),
        b"x 0000" + b" " * (1 << 20) + b"x",
        b"A+/" * (1 << 19),
        b"0x00," * (1 << 18) + b"x",
        b"[" + b"0 " * (1 << 19),
        b"{" * (1 << 20) + b"0x00,",
        b"/*" * (1 << 19) + b"{0x00, 0x00, 0x00}",
        b"-----BEGIN A-----" * (1 << 16),
        b"00 " * (1 << 18) + b" |x",
        b"00 " * (1 << 18) + b"x",
        b"00 00  x\n" * (1 << 15),
        b"\\x00" * (1 << 18) + b"\\",
        b'"' + b"\\x00\\" * (1 << 18) + b'"',
        b"0\0" * (1 << 19),
        b"00000000  00 00 00 00\n*\nffffffff\n",
        b"00000000: 0000 0000\n00000004: 0000 0000\n*\nffffffffffffffff: 00\n",
        b"".join(b"%08x: %s\n" % (16 * n, b"00 " * 16) for n in range(1 << 14)),
        b"".join(b"%08x: %s\n" % (n * 48, b"00 " * 16) for n in range(1 << 14)),
        b"".join(b"log: %08x: %s|\n" % (n, b"00 " * (n % 97)) for n in range(1 << 14)),
        random.Random(0).randbytes(1 << 20),
    ],
    ids=range(26),
)
def test_hostile_texts_take_little(text: bytes) -> None:
    def refused() -> None:
        with pytest.raises(EvlogError):
            evlog.read(text)

    began = time.process_time()
    refused()
    assert time.process_time() - began < 4 * SLOWEST
    assert peak(refused) < 40 * len(text) + (20 << 20)
