"""The native backend against its Python twins: equal on every input, or it is wrong."""

from __future__ import annotations

import hashlib
import random
import struct
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evlog import EvlogError, UsageError, hashing, read, replay
from evlog.algorithms import ALGORITHMS, SHA256, HashAlg
from evlog.columns import NOT_EXTENDED, Columns, Layout
from evlog.hashing import python
from tests.conftest import SAMPLES, SHARED

pytest.importorskip("evlog_accel", reason="evlog-accel is not installed: pip install ./accel")

from evlog.hashing import accel


@contextmanager
def using(backend: Any) -> Iterator[None]:
    """Everything inside is done by this backend, as if it had been forced."""
    before = hashing._chosen, hashing._settled
    hashing._chosen, hashing._settled = backend, True
    try:
        yield
    finally:
        hashing._chosen, hashing._settled = before


def observed(data: bytes, **choices: Any) -> object:
    """All that a reader and a replay tell about some bytes."""
    try:
        log = read(data, **choices)
        values = replay(log)
    except EvlogError as error:
        return type(error), str(error), getattr(error, "offset", None)
    columns = log.columns
    rows: object = None
    if columns is not None:
        rows = columns.replace(buffer=b"", layout_of=bytes(columns.layout_of or b""), extensions=None)
    return log.replace(events=()), log.findings, rows, getattr(log.events, "notable", None), values


def both(data: bytes, **choices: Any) -> None:
    with using(accel):
        native = observed(data, **choices)
    with using(python):
        plain = observed(data, **choices)
    assert native == plain


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
EVENT_TYPES = st.sampled_from([0, 1, 3, 4, 5, 13, 0x80000007, 0x80000010, 0x402, 0xFFFFFFFF])


@st.composite
def tcg2(draw: st.DrawFn) -> bytes:
    """Logs of several digest lists, also such as no firmware writes, and a tail."""
    declared = draw(st.lists(st.sampled_from([(4, 20), (11, 32), (12, 48), (0x7777, 5)]), min_size=1, unique=True))
    lists = draw(st.lists(st.permutations([*declared, (13, 64)]), min_size=1, max_size=3))
    parts = [spec_id(declared)]
    for _ in range(draw(st.integers(0, 12))):
        some = draw(st.sampled_from(lists))[: draw(st.integers(0, 4))]
        digests = [(alg, draw(st.binary(min_size=size, max_size=size))) for alg, size in some]
        parts.append(record2(draw(REGISTERS), draw(EVENT_TYPES), digests, draw(st.binary(max_size=40))))
    tail = draw(st.sampled_from([b"", bytes(40), b"\xff" * 70, b"junk", struct.pack("<III", 1, 1, 65)]))
    return b"".join(parts) + tail


@st.composite
def tcg1(draw: st.DrawFn) -> bytes:
    order = draw(st.sampled_from("<>"))
    parts = []
    for _ in range(draw(st.integers(1, 12))):
        data = draw(st.binary(max_size=40))
        digest = draw(st.binary(min_size=20, max_size=20))
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
        register = draw(st.sampled_from([0, 1, 7, 10, 24]))
        index = draw(st.sampled_from([1, 1, 1, 2, 108]))
        digests = [tlv(11, draw(st.sampled_from([bytes(32), b"\x11" * 32])))]
        if draw(st.integers(0, 3)) == 0:
            digests.append(tlv(draw(st.sampled_from([4, 12])), b"\x22" * draw(st.sampled_from([20, 48]))))
        event_type = draw(st.sampled_from([3, 5, 13, 0x10])).to_bytes(widths[2], "big")
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


LINES = st.sampled_from(
    [
        b"domain operation content",
        b"",
        b"# comment",
        b"# .EXTEND sha384:" + b"ab" * 48,
        b"INIT sha384/" + b"00" * 48,
        b"SYNC sha384/" + b"11" * 48,
        b"INIT",
        b"SYNCHRONISED",
        b" blank before",
        b"blank after ",
        b"carriage\rreturn",
        b"I",
        b"caf\xc3\xa9",
    ]
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(LINES, max_size=12),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
    st.sampled_from(["tsm-text", "nelr", "aael-text", "aael-spec", "acon"]),
)
def test_generated_text(lines: list[bytes], end: bytes, ended: bool, dialect: str) -> None:
    both(end.join(lines) + end * ended, format="text", dialect=dialect)


@settings(max_examples=200, deadline=None)
@given(ima(), st.integers(0, 3))
def test_generated_ima(data: bytes, cut: int) -> None:
    both(data[: len(data) - cut], format="ima-binary")


@settings(max_examples=200, deadline=None)
@given(cel(), st.sampled_from([None, "ccmr"]), st.integers(0, 3))
def test_generated_cel(data: bytes, space: str | None, cut: int) -> None:
    both(data[: len(data) - cut], format="cel-tlv", space=space)


@settings(max_examples=300, deadline=None)
@given(tcg2(), st.sampled_from([None, "pcr", "ccmr"]), st.booleans())
def test_generated_tcg2(data: bytes, space: str | None, strict: bool) -> None:
    both(data, space=space, strict=strict)


@settings(max_examples=200, deadline=None)
@given(tcg1())
def test_generated_tcg1(data: bytes) -> None:
    both(data, format="tcg1")


@settings(max_examples=100, deadline=None)
@given(tcg2(), st.data())
def test_cut_and_flipped(data: bytes, draw: st.DataObject) -> None:
    both(data[: draw.draw(st.integers(0, len(data)))])
    place = draw.draw(st.integers(0, len(data) - 1))
    both(data[:place] + bytes([data[place] ^ draw.draw(st.integers(1, 255))]) + data[place + 1 :])


@pytest.mark.parametrize("path", logs(), ids=lambda path: path.name)
def test_samples(path: Path) -> None:
    """Whole, cut, and with bytes flipped, at places that depend on nothing but the sample's name."""
    data = path.read_bytes()
    both(data)
    places = random.Random(path.name)
    for _ in range(12):
        both(data[: places.randrange(len(data))])
        flipped = bytearray(data)
        flipped[places.randrange(len(data))] ^= 1 << places.randrange(8)
        both(bytes(flipped))


def test_a_log_of_many_windows() -> None:
    """More rows than a batch of the scanner and a window of the fold, on registers of very different length."""
    numbers = random.Random(7)
    parts = [spec_id([(11, 32), (12, 48)])]
    for number in range(40_000):
        digests = [(11, numbers.randbytes(32)), (12, numbers.randbytes(48))]
        if number % 1000 == 999:
            digests.pop(numbers.randrange(2))
        register = min(numbers.randrange(40), 10)
        parts.append(record2(register, 13, digests, numbers.randbytes(number % 50)))
    both(b"".join(parts))


@pytest.mark.parametrize("alg", ALGORITHMS.values(), ids=str)
def test_digests(alg: HashAlg) -> None:
    if not python.computable(alg):
        pytest.skip(f"Python has no {alg} here")
    parts = [bytes(range(256)) * 2] * 2 + [bytes(size) for size in range(0, 300, 7)]
    assert accel.digests(alg, parts) == python.digests(alg, parts)
    assert accel.digests(alg, []) == []


@pytest.mark.parametrize("alg", ALGORITHMS.values(), ids=str)
@pytest.mark.parametrize("count", [0, 1, 2, 5, 100])
def test_fold(alg: HashAlg, count: int) -> None:
    if not python.computable(alg):
        pytest.skip(f"Python has no {alg} here")
    digests = [bytes([number]) * alg.size for number in range(count)]
    start = b"\x07" * alg.size
    assert accel.fold(alg, start, digests) == python.fold(alg, start, digests)
    digests.append(b"of another size")
    for value in (start, b"a value of another size"):
        assert accel.fold(alg, value, digests) == python.fold(alg, value, digests)


@pytest.mark.parametrize("registers", [1, 2, 3, 4, 5, 8, 9, 24])
@pytest.mark.parametrize("alg", ALGORITHMS.values(), ids=str)
def test_lanes(alg: HashAlg, registers: int) -> None:
    """Any number of registers at once, each of another length, with numbers near and far."""
    if not python.computable(alg):
        pytest.skip(f"Python has no {alg} here")
    numbers = random.Random(registers)
    names = [number if number % 3 else number + 1000 for number in range(registers)]
    order = [names[min(numbers.randrange(registers), numbers.randrange(registers))] for _ in range(200)]
    order[::17] = [NOT_EXTENDED] * len(order[::17])
    buffer = numbers.randbytes(200 * (alg.size + 3))
    offsets = array("Q", range(0, len(buffer), alg.size + 3))
    columns = Columns(buffer, offsets, array("I", order), (Layout(((alg, 3),)),), None, len(buffer), "pcr")
    start = {name: bytes([name % 256]) * alg.size for name in names}
    one, two = {alg: dict(start)}, {alg: dict(start)}
    assert accel.fold_columns(columns, [alg], one) == python.fold_columns(columns, [alg], two)
    assert one == two
    assert accel.tally(columns.registers) == python.tally(columns.registers)


def test_known_answer() -> None:
    """Against hashlib itself, not only against the twin."""
    value = bytes(32)
    digests = [hashlib.sha256(bytes([number])).digest() for number in range(50)]
    expected = value
    for digest in digests:
        expected = hashlib.sha256(expected + digest).digest()
    assert accel.fold(SHA256, value, digests) == expected


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_buffers_are_borrowed(kind: Any) -> None:
    import mmap

    import evlog_accel

    data = spec_id([(11, 32)]) + record2(1, 13, [(11, bytes(32))], b"data") * 3
    mapped = mmap.mmap(-1, len(data))
    mapped.write(data)
    for buffer in (kind(data), mapped):
        offsets, registers = array("Q"), array("I")
        start = len(spec_id([(11, 32)]))
        end = evlog_accel.tcg2_run(buffer, start, [(12, 11)], 50, (0, 23), offsets, registers, [])
        assert (end, len(offsets), list(registers)) == (len(data), 3, [1, 1, 1])


def test_columns_that_do_not_fit_are_refused() -> None:
    import evlog_accel

    offsets, registers = array("Q", [0, 10]), array("I", [1, 1])
    bank = (11, [0], [bytes(32)])
    with pytest.raises(IndexError, match="row 1"):
        evlog_accel.fold_columns(bytes(40), offsets, registers, None, False, [1], [bank])
    with pytest.raises(IndexError, match="row 0"):
        evlog_accel.fold_columns(bytes(99), offsets, registers, None, False, [2], [bank])
    with pytest.raises(IndexError, match="lengths"):
        evlog_accel.fold_columns(bytes(99), offsets, registers[:1], None, False, [1], [bank])
    with pytest.raises(IndexError, match="layout"):
        evlog_accel.fold_columns(bytes(99), offsets, registers, bytearray(b"\1\1"), False, [1], [bank])
    with pytest.raises(TypeError, match="8 bytes"):
        evlog_accel.fold_columns(bytes(99), registers, registers, None, False, [1], [bank])


def test_large_files_are_read_whole(tmp_path: Path) -> None:
    import evlog_accel

    data = random.Random(1).randbytes((1 << 21) + 12345)
    path = tmp_path / "log"
    path.write_bytes(data)
    with path.open("rb") as file:
        assert evlog_accel.read_file(file.fileno()) == data
    with open("/proc/self/status", "rb") as pseudo:
        assert evlog_accel.read_file(pseudo.fileno()) is None


def test_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small inputs do not wait for an import; large ones get the native backend; force is obeyed."""
    monkeypatch.setattr(hashing, "_chosen", None)
    monkeypatch.setattr(hashing, "_settled", False)
    monkeypatch.delenv("EVLOG_BACKEND", raising=False)
    assert hashing.native(100) is None
    assert hashing.backend(100).NAME == "python"
    assert hashing.backend(1 << 20).NAME == "accel"
    assert hashing.backend(100).NAME == "accel"
    for forced in ("python", "accel"):
        monkeypatch.setattr(hashing, "_chosen", None)
        monkeypatch.setattr(hashing, "_settled", False)
        monkeypatch.setenv("EVLOG_BACKEND", forced)
        assert hashing.backend(1).NAME == hashing.best().NAME == forced
        assert (hashing.native(1) is None) == (forced == "python")
    monkeypatch.setattr(hashing, "_chosen", None)
    monkeypatch.setenv("EVLOG_BACKEND", "abacus")
    with pytest.raises(UsageError, match="abacus"):
        hashing.backend()


def test_wrong_answers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib
    import sys

    import evlog_accel

    monkeypatch.setattr(evlog_accel, "self_test", lambda: False)
    monkeypatch.delitem(sys.modules, "evlog.hashing.accel")
    with pytest.raises(ImportError, match="wrong answers"):
        importlib.import_module("evlog.hashing.accel")
