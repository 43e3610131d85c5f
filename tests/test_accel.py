"""The native backend against its Python twins: equal on every input, or it is wrong."""

from __future__ import annotations

import hashlib
import random
from array import array
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evlog import EvlogError, UsageError, check, hashing, read, replay, replay_each
from evlog.algorithms import ALGORITHMS, SHA256, HashAlg
from evlog.columns import NOT_EXTENDED, Layout, Named, Recorded
from evlog.formats import recnum
from evlog.hashing import python
from tests.generated import cbor, cel, ima, ima_text, logs, record2, spec_id, tcg1, tcg2

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
    """All that a reader, a replay and a check tell about some bytes."""
    try:
        log = read(data, **choices)
        values, checks = replay(log), check(log)
    except EvlogError as error:
        return type(error), str(error), getattr(error, "offset", None)
    columns = log.columns
    rows: object = None
    if columns is not None:
        rows = columns.replace(buffer=b"", layout_of=bytes(columns.layout_of or b""))
        # Functions are equal to none but themselves.
        rows = rows.replace(**{name: None for name in ("compute", "unspelled") if hasattr(rows, name)})
    return log.replace(events=()), log.findings, rows, values, checks


def both(data: bytes, **choices: Any) -> None:
    with using(accel):
        native = observed(data, **choices)
    with using(python):
        plain = observed(data, **choices)
    assert native == plain


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
@given(ima_text(), st.booleans(), st.integers(0, 3))
def test_generated_ima_text(data: bytes, strict: bool, cut: int) -> None:
    both(data[: len(data) - cut], format="ima-ascii", strict=strict)


@settings(max_examples=300, deadline=None)
@given(cbor(), st.booleans(), st.integers(0, 3))
def test_generated_cbor(data: bytes, strict: bool, cut: int) -> None:
    both(data[: len(data) - cut], format="cel-cbor", strict=strict)


@settings(max_examples=100, deadline=None)
@given(st.one_of(ima_text(), cbor(), cel(), ima()), st.data())
def test_records_cut_and_flipped(data: bytes, draw: st.DataObject) -> None:
    both(data[: draw.draw(st.integers(0, len(data)))])
    place = draw.draw(st.integers(0, len(data) - 1))
    both(data[:place] + bytes([data[place] ^ draw.draw(st.integers(1, 255))]) + data[place + 1 :])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0, 1, 7, 300, 0xFFFFFFFF])), max_size=8))
def test_numbers_that_count(rows: list[tuple[int, int]]) -> None:
    """As they come, and counted by the specification."""
    registers = array("I", [register for _, register in rows])
    for numbers in array("Q", [number for number, _ in rows]), array("Q", recnum.derived(registers)):
        with using(accel):
            native = recnum.scheme(numbers, registers)
        with using(python):
            assert native == recnum.scheme(numbers, registers) == recnum.scheme(list(numbers), list(registers))


@settings(max_examples=200, deadline=None)
@given(
    st.text("ab", max_size=12), st.text("ab", max_size=3), st.integers(0, 14), st.one_of(st.none(), st.integers(0, 14))
)
def test_find(data: str, wanted: str, start: int, end: int | None) -> None:
    expected = data.encode().find(wanted.encode(), start, len(data) if end is None else end)
    for backend in (accel, python):
        with using(backend):
            assert hashing.find(data.encode(), wanted.encode(), start, end) == expected


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
        assert accel.trace(alg, value, digests) == python.trace(alg, value, digests)
        assert [value, *accel.trace(alg, value, digests)][-1] == accel.fold(alg, value, digests)


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
    columns = Recorded(buffer, offsets, array("I", order), (Layout(((alg, 3),)),), None, len(buffer), "pcr", ())
    start = {name: bytes([name % 256]) * alg.size for name in names}
    one, two = {alg: dict(start)}, {alg: dict(start)}
    assert accel.fold_many([(columns, [alg], one)]) == python.fold_many([(columns, [alg], two)])
    assert one == two
    assert accel.tally(columns.registers) == python.tally(columns.registers)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(tcg2(), tcg1(), ima(), cel()), max_size=6), st.integers(0, 2))
def test_many_at_once(several: list[bytes], large: int) -> None:
    """Each of several logs as it is alone; some of them larger than what is folded side by side."""
    parts = [spec_id([(11, 32)]), *(record2(row % 9, 13, [(11, bytes([row % 256]) * 32)], b"") for row in range(9000))]
    read_all = []
    for data in [*several, *[b"".join(parts)] * large]:
        with suppress(EvlogError):
            read_all.append(read(data))
    with using(accel):
        native = replay_each(read_all)
    with using(python):
        assert native == replay_each(read_all) == [replay(log) for log in read_all]


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
        evlog_accel.fold_many([(bytes(40), offsets, registers, None, False, [1], [bank])])
    with pytest.raises(IndexError, match="row 0"):
        evlog_accel.fold_many([(bytes(99), offsets, registers, None, False, [2], [bank])])
    with pytest.raises(IndexError, match="lengths"):
        evlog_accel.fold_many([(bytes(99), offsets, registers[:1], None, False, [1], [bank])])
    with pytest.raises(IndexError, match="layout"):
        evlog_accel.fold_many([(bytes(99), offsets, registers, bytearray(b"\1\1"), False, [1], [bank])])
    with pytest.raises(TypeError, match="8 bytes"):
        evlog_accel.fold_many([(bytes(99), registers, registers, None, False, [1], [bank])])


def test_bodies_that_do_not_fit_are_refused() -> None:
    import evlog_accel

    offsets, of = array("Q", [0, 10]), evlog_accel.of_body
    assert of(bytes(40), offsets, 40, None, [(0, [], None)]) == b"\0\0"
    for end, layout_of, shape, message in (
        (41, None, (4, [(11, 0)]), "row 0"),
        (9, None, (0, [(4, 0)]), "row 0"),
        (40, None, (11, []), "row 0"),
        (40, bytearray(b"\0\1"), (0, []), "row 1: no such layout"),
        (40, bytearray(1), (0, []), "lengths"),
    ):
        with pytest.raises(IndexError, match=message):
            of(bytes(40), offsets, end, layout_of, [(*shape, None)])
    numbers = array("I")
    with pytest.raises(IndexError, match="no such layout"):
        evlog_accel.words(bytes(40), offsets, bytearray(b"\0\1"), [0], False, numbers)


PARTS = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 12))
RECORDS = st.lists(
    st.tuples(st.sampled_from([b"", b"a", b"ima", b"name"]), st.binary(max_size=20), st.integers(-2, 2), st.booleans()),
    min_size=1,
    max_size=12,
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(["little", "big"]), PARTS, st.dictionaries(st.sampled_from([b"a", b"ima"]), PARTS), RECORDS)
def test_bodies_behind_names(
    byteorder: Any, usual: Any, others: dict[bytes, Any], records: list[tuple[bytes, bytes, int, bool]]
) -> None:
    """Beside the words of `Named`: names that are longer or shorter than said, digests of what is covered or not."""
    buffer, offsets, expected = b"", array("Q"), []
    for name, data, more, true in records:
        number = max(len(name) + more, 0)
        behind = name + data
        found, body = behind[:number], behind[number:]
        kept, left_out, filled = others.get(found, usual)
        rest = body[kept:][left_out:]
        covered = body[:kept] + rest + bytes(max(filled - len(rest), 0))
        offsets.append(len(buffer))
        buffer += b"!" + hashlib.sha256(covered if true else body + b"?").digest()
        buffer += number.to_bytes(4, byteorder) + behind
        expected.append(true and number <= len(behind))
    layouts = (Layout(((SHA256, 1),), None, Named(33, byteorder, usual, tuple(others.items()))),)
    columns = Recorded(buffer, offsets, array("I", [0] * len(offsets)), layouts, None, len(buffer), "pcr", ())
    assert accel.of_body(columns) == python.of_body(columns) == bytes(expected)


@pytest.mark.parametrize("byteorder", ["little", "big"])
def test_words(byteorder: str) -> None:
    """In the middle of the buffer, over its end, and behind it."""
    buffer = bytes(range(1, 21))
    rows = array("Q", [0, 14, 15]), array("I", [0] * 3), (Layout(()),) * 2, bytearray(3)
    columns = Recorded(buffer, *rows, 20, "pcr", ())
    for distance in range(8):
        native, plain = (backend.words(columns, (distance, 0), byteorder) for backend in (accel, python))
        assert native == plain
    assert python.words(columns, (4, 0), "little")[0] == 0x08070605
    assert python.words(columns, (4, 0), "little")[1:] == array("I", [0x1413, 0x14])


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
