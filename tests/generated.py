"""Strategies for logs such as no machine writes: framing, digest lists, templates and contents of every shape."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

from hypothesis import strategies as st

from tests.conftest import SAMPLES, SHARED


def spec_id(algorithms: list[tuple[int, int]]) -> bytes:
    data = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, len(algorithms))
    data += b"".join(struct.pack("<HH", *pair) for pair in algorithms) + b"\0"
    return struct.pack("<II20sI", 0, 3, bytes(20), len(data)) + data


def record2(register: int, event_type: int, digests: list[tuple[int, bytes]], data: bytes) -> bytes:
    listed = b"".join(struct.pack("<H", alg) + value for alg, value in digests)
    return struct.pack("<III", register, event_type, len(digests)) + listed + struct.pack("<I", len(data)) + data


def logs() -> list[Path]:
    found = [path for folder in (SAMPLES, SHARED / "corpus", SHARED / "vm") for path in sorted(folder.rglob("*"))]
    return [path for path in found if path.is_file() and 32 <= path.stat().st_size < 1 << 20]


REGISTERS = st.one_of(st.integers(0, 24), st.sampled_from([0x01C10000, 0xFFFFFFFF, 255, 256]))
EVENT_TYPES = st.sampled_from([0, 1, 3, 4, 5, 13, 0x80000007, 0x80000010, 0x402, 0x502, 0x503, 0x504, 0xFFFFFFFF])
_HASHES = {4: "sha1", 11: "sha256", 12: "sha384", 13: "sha512"}


def of_nothing(alg: int, size: int) -> bytes:
    """The digest of a launch's marker."""
    return hashlib.new(_HASHES[alg]).digest() if alg in _HASHES else bytes(size)


def digest_of(alg: int, size: int) -> st.SearchStrategy[bytes]:
    """Digests of anything, of nothing, and zeros."""
    return st.one_of(st.binary(min_size=size, max_size=size), st.just(of_nothing(alg, size)), st.just(bytes(size)))


@st.composite
def tcg2(draw: st.DrawFn) -> bytes:
    """Logs of several digest lists, also such as no firmware writes, and a tail."""
    declared = draw(st.lists(st.sampled_from([(4, 20), (11, 32), (12, 48), (0x7777, 5)]), min_size=1, unique=True))
    lists = draw(st.lists(st.permutations([*declared, (13, 64)]), min_size=1, max_size=3))
    parts = [spec_id(declared)]
    for _ in range(draw(st.integers(0, 12))):
        some = draw(st.sampled_from(lists))[: draw(st.integers(0, 4))]
        digests = [(alg, draw(digest_of(alg, size))) for alg, size in some]
        parts.append(record2(draw(REGISTERS), draw(EVENT_TYPES), digests, draw(st.binary(max_size=40))))
    tail = draw(st.sampled_from([b"", bytes(40), b"\xff" * 70, b"junk", struct.pack("<III", 1, 1, 65)]))
    return b"".join(parts) + tail


@st.composite
def tcg1(draw: st.DrawFn) -> bytes:
    order = draw(st.sampled_from("<>"))
    parts = []
    for _ in range(draw(st.integers(1, 12))):
        data = draw(st.binary(max_size=40))
        digest = draw(digest_of(4, 20))
        parts.append(struct.pack(f"{order}II20sI", draw(REGISTERS), draw(EVENT_TYPES), digest, len(data)) + data)
    return b"".join(parts) + draw(st.sampled_from([b"", bytes(40), b"\xff" * 70, b"junk"]))


def entry(order: str, register: int, template: bytes, digest: bytes, data: bytes) -> bytes:
    number = struct.Struct(f"{order}I").pack
    legacy = template == b"ima"
    return number(register) + digest + number(len(template)) + template + (b"" if legacy else number(len(data))) + data


@st.composite
def ima(draw: st.DrawFn) -> bytes:
    """Lists with several templates, violations, and entries that their digests prove."""
    order, alg = draw(st.sampled_from("<>")), draw(st.sampled_from(["sha1", "sha256"]))
    size = hashlib.new(alg).digest_size
    parts = []
    for _ in range(draw(st.integers(1, 12))):
        template = draw(st.sampled_from([b"ima-ng", b"ima-sig", b"ima", b"own", b"d-ng|n-ng"]))
        fields = [draw(st.binary(max_size=20)), draw(st.binary(max_size=9))]
        data = b"".join(struct.pack(f"{order}I", len(field)) + field for field in fields)
        if template == b"ima":
            data = bytes(20) + struct.pack(f"{order}I", len(fields[0])) + fields[0]
        hashed = data[:20] + data[24:].ljust(256, b"\0") if template == b"ima" else data
        digest = draw(st.sampled_from([hashlib.new(alg, hashed).digest(), bytes(size), b"\x11" * size]))
        parts.append(entry(order, draw(st.sampled_from([10, 10, 11, 24, 64])), template, digest, data))
    return b"".join(parts)


def tlv(number: int, value: bytes) -> bytes:
    return struct.pack(">BI", number, len(value)) + value


@st.composite
def cel(draw: st.DrawFn) -> bytes:
    """CEL-TLV of several shapes, contents in and out of order."""
    widths = draw(st.sampled_from([(1, 1, 4), (8, 4, 4), (4, 4, 2), (3, 1, 1)]))
    parts = []
    for number in range(draw(st.integers(1, 12))):
        register = draw(st.sampled_from([0, 1, 7, 10, 17, 18, 19, 24]))
        index = draw(st.sampled_from([1, 1, 1, 2, 108]))
        digests = [tlv(11, draw(st.sampled_from([bytes(32), b"\x11" * 32, of_nothing(11, 32)])))]
        if draw(st.integers(0, 3)) == 0:
            digests.append(tlv(draw(st.sampled_from([4, 12])), b"\x22" * draw(st.sampled_from([20, 48]))))
        types = [3, 5, 13, 0x10] if widths[2] == 1 else [3, 5, 13, 0x10, 0x402, 0x503, 0x504]
        event_type = draw(st.sampled_from(types)).to_bytes(widths[2], "big")
        content = draw(
            st.sampled_from(
                [
                    tlv(5, tlv(0, event_type) + tlv(1, b"data")),
                    tlv(5, tlv(1, b"data") + tlv(0, event_type)),
                    tlv(7, tlv(0, b"ima-ng") + tlv(1, b"\4\0\0\0data")),
                    tlv(7, tlv(0, b"\xff") + tlv(1, b"")),
                    tlv(4, tlv(0, b"\0\1\0\0")),
                    tlv(80, b"own"),
                    tlv(5, b""),
                    tlv(3, b""),
                ]
            )
        )
        recnum = tlv(0, number.to_bytes(widths[0], "big"))
        parts.append(recnum + tlv(index, register.to_bytes(widths[1], "big")) + tlv(3, b"".join(digests)) + content)
    return b"".join(parts)


@st.composite
def ima_text(draw: st.DrawFn) -> bytes:
    """Lines of an ascii IMA list, most as the kernel writes them, some proven, some odd in one thing."""
    alg = draw(st.sampled_from(["sha1", "sha256"]))
    size, named = hashlib.new(alg).digest_size, draw(st.sampled_from(["", "", f"{alg}:"]))
    lines = []
    for row in range(draw(st.integers(1, 14))):
        name = draw(st.sampled_from([b"/usr/bin/x", b"boot_aggregate", b"a b", b""]))
        odd = draw(st.sampled_from([*[""] * 6, "name", "digest", "column", "before", "template", "end"])) if row else ""
        if odd == "name":
            name = draw(st.sampled_from([b"two\nlines", b"three\n\nlines", b"cr\r", b"\n"]))
        data = struct.pack("<I", 28) + b"sha1:\0" + bytes(range(22)) + struct.pack("<I", len(name) + 1) + name + b"\0"
        proven = hashlib.new(alg, data).digest()
        digest = draw(st.sampled_from([proven, proven, bytes(size), b"\xff" * size, b"\x1f" * size])).hex()
        column, before, template, end = "10", named, draw(st.sampled_from(["ima-ng", "d-ng|n-ng"])), b"\n"
        if odd == "digest":
            digest = draw(st.sampled_from([digest.upper(), digest[1:], digest + "0", "g" + digest[1:]]))
        elif odd == "column":
            column = draw(st.sampled_from([" 9", "24", "63", "64", "9", "010", "  10", "x", ""]))
        elif odd == "before":
            before = draw(st.sampled_from(["", "sha1:", "sha256:", "md5:"]))
        elif odd == "template":
            template = draw(st.sampled_from(["own", "ima", "n" * 255, "n" * 256, "a\x7f", ""]))
        elif odd == "end":
            end = draw(st.sampled_from([b"\r\n", b" \n", b"\n\n", b"\n\r\n", b""]))
        start = f"{column} {before}{digest} {template} ".encode()
        lines.append(start + b"sha1:" + bytes(range(22)).hex().encode() + b" " + name + end)
    return draw(st.sampled_from([b"", b"", b"\n"])) + b"".join(lines)


def item(major: int, number: int, width: int | None = None) -> bytes:
    """The head of a CBOR item: as short as can be, or of so many bytes behind the first."""
    if width is None:
        width = 0 if number < 24 else next(each for each in (1, 2, 4, 8) if number >> 8 * each == 0)
    if not width:
        return bytes((major << 5 | number,))
    return bytes((major << 5 | 23 + width.bit_length(),)) + number.to_bytes(width, "big")


@st.composite
def cbor(draw: st.DrawFn) -> bytes:
    """CEL-CBOR of PC Client events, most of a few shapes; some logs have records that are odd in one thing."""
    parts = []
    count = draw(st.integers(1, 14))
    first = draw(st.sampled_from([0, 0, 0, 1, 22, 250, 65530]))
    oddities = draw(st.sampled_from([[], [], ["index", "banks", "type", "width", "kind", "short", "stated"]]))
    banks, index = draw(st.sampled_from([[(11, 32)], [(4, 20), (11, 32)]])), draw(st.sampled_from([0, 7, 10, 17, 23]))
    for number in range(first, first + count):
        odd = draw(st.sampled_from([*[""] * 8, *oddities]))
        event_type = draw(st.sampled_from([*draw(st.sampled_from([[13], [0x80000007]])) * 3, 3, 0x80000010, 0x402]))
        data = b"x" * draw(st.sampled_from([*[5] * 6, 0, 23, 24, 300]))
        register, listed, wide, kind = draw(st.sampled_from([index, index, 7])), banks, None, 5
        if odd == "index":
            register = draw(st.sampled_from([18, 24, 300, 0x01C10000, 0xFFFFFFFF, 1 << 32]))
        elif odd == "banks":
            listed = draw(st.sampled_from([[(12, 48)], [(11, 31)], [(11, 32)] * 2, []]))
        elif odd == "type":
            event_type = draw(st.sampled_from([0x502, 0x503, 0xFFFFFFFF, 1 << 32]))
        elif odd == "width":
            wide = draw(st.sampled_from([4, 8]))
        elif odd == "kind":
            kind = draw(st.sampled_from([4, 7]))
        measured = item(0, event_type, 4 if odd == "short" and event_type < 1 << 32 else None)
        digests = [item(5, 2) + b"\0" + item(0, alg) + b"\1" + item(2, size) + b"\x11" * size for alg, size in listed]
        parts.append(
            b"\xa5\x00" + item(0, number, wide) + b"\x01" + item(0, register) + b"\x03" + item(4, len(digests))
            + b"".join(digests) + b"\x09" + item(0, kind) + b"\x0a\xa2\x00" + measured + b"\x01"
            + item(2, len(data)) + data
        )  # fmt: skip
    return item(4, count + ("stated" in oddities and draw(st.integers(-1, 1)))) + b"".join(parts)
