"""The two twins of the TCG record framing agree on every input: construct's declarations and the struct scanners."""

from __future__ import annotations

import struct
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evlog import wire
from evlog.algorithms import ALGORITHMS, SHA1, SHA384, HashAlg
from evlog.contents.spec_id import fields_of, spec_id
from evlog.errors import ParseError, TruncatedError, WriteError
from evlog.formats.tcg import aael as _aael
from evlog.formats.tcg import first_record as _first_record
from evlog.formats.tcg import frame as _tcg
from evlog.formats.tcg import plain_records
from evlog.wire import tcg
from samples import make, make_launch
from tests.logs import SAMPLE_LOGS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Row(NamedTuple):
    """A record as both twins tell it."""

    offset: int
    register: int
    event_type: int
    digests: tuple[tuple[int, bytes], ...]
    data: bytes


def scanned(data: bytes, start: int, algorithms: tuple[HashAlg, ...] | None) -> tuple[list[Row], _tcg.Scan]:
    """The rows of the scanner, read through its columns as events are."""
    scan = _tcg.scan1(data, start, "pcr") if algorithms is None else _tcg.scan2(data, start, algorithms, "pcr")
    rows: list[Row] = []
    columns = scan.columns
    for number, event in enumerate(_tcg.events_of(scan, "tcg", "", "little")):
        if algorithms is not None and number == 0:
            continue
        offset = columns.offsets[number]
        (index,) = struct.unpack_from("<I", data, offset)
        digests = tuple((digest.alg.id, digest.value) for digest in event.digests)
        rows.append(Row(offset, index, event.content.event_type, digests, event.content.data))
    return rows, scan


def declared(data: bytes, start: int, algorithms: tuple[HashAlg, ...] | None, count: int) -> list[Row]:
    """The first ``count`` rows of the declaration."""
    sizes = None if algorithms is None else {alg.id: alg for alg in (*ALGORITHMS.values(), *algorithms)}.values()
    rows = []
    for offset, record in islice(tcg.records(data, start, sizes), count):
        if sizes is None:
            rows.append(
                Row(offset, record.pcr_index, record.event_type, ((SHA1.id, record.digest),), record.event_data)
            )
        else:
            digests = tuple((digest.hash_alg, digest.digest) for digest in record.digests)
            rows.append(Row(offset, record.pcr_index, record.event_type, digests, record.event))
    return rows


def is_padding(data: bytes, position: int, algorithms: tuple[HashAlg, ...] | None) -> bool:
    """The specification's ends of a log: all ones in register and type, all zeros up to the size, or a short run."""
    rest = data[position:]
    zeros = 32 if algorithms is None else 16
    short = len(rest) < 32 and len(set(rest)) == 1 and rest[0] in (0x00, 0xFF)
    return rest.startswith((b"\xff" * 8, bytes(zeros))) or short


def agree(data: bytes, start: int, algorithms: tuple[HashAlg, ...] | None) -> int:
    """Hold both twins against each other; returns how many records they found."""
    rows, scan = scanned(data, start, algorithms)
    end = scan.columns.end
    assert declared(data, start, algorithms, len(rows)) == rows
    assert not any(is_padding(data, row.offset, algorithms) for row in rows)
    if scan.stop is not None:
        sizes = None if algorithms is None else {alg.id: alg for alg in (*ALGORITHMS.values(), *algorithms)}.values()
        with pytest.raises(ParseError) as raised:
            list(tcg.records(data, end, sizes))
        assert isinstance(scan.stop, TruncatedError) == isinstance(raised.value, TruncatedError)
        assert raised.value.offset == end
        assert scan.stop.offset is not None
        assert end <= scan.stop.offset <= len(data)
    elif end < len(data):
        assert is_padding(data, end, algorithms)
    return len(rows)


def framing(data: bytes) -> tuple[int, tuple[HashAlg, ...] | None]:
    """Where the scanner starts on a log, and the algorithms that its header declares."""
    first = _first_record.first_record(data)
    declared = spec_id(first.data) if first else None
    if declared is None and _aael.is_fragment(data):
        return 0, (SHA384,)
    if first is None or declared is None or declared.version in (0, 2):
        return 0, None
    return first.length, declared.algorithms


#: Those that have a header as the specification has it, or none, and what tells nothing else of the framing.
OTHERS = {"tcg1/big-endian.bin", "ccel/agent-entries.bin", *make_launch.samples()}
TCG_SAMPLES = [
    path for format, path in SAMPLE_LOGS if format in ("tcg1", "tcg2", "ccel") and f"{format}/{path.name}" not in OTHERS
]
each_tcg_sample = pytest.mark.parametrize("path", TCG_SAMPLES, ids=lambda path: path.name)


@each_tcg_sample
def test_on_samples(path: Path) -> None:
    data = path.read_bytes()
    assert agree(data, *framing(data)) >= 2


@each_tcg_sample
def test_on_truncations(path: Path) -> None:
    data = path.read_bytes()
    start, algorithms = framing(data)
    step = max(1, len(data) // 200)
    for length in range(start, len(data), step):
        agree(data[:length], start, algorithms)


@pytest.mark.parametrize("name", ["tcg2/permuted-digests.bin", "tcg2/no-digests.bin", "tcg1/no-header.bin"])
def test_on_flips(name: str) -> None:
    data = make.samples()[name]
    start, algorithms = framing(data)
    for position in range(start, len(data)):
        flipped = bytearray(data)
        flipped[position] ^= 0xFF if position % 2 else 1 << position % 8
        agree(bytes(flipped), start, algorithms)


def test_on_the_public_logs(corpus: Path) -> None:
    found = 0
    for path in sorted(corpus.iterdir()):
        data = path.read_bytes() if path.is_file() else b""
        try:
            start, algorithms = framing(data)
        except ParseError:
            continue
        if algorithms is not None:
            found += agree(data, start, algorithms) > 0
    assert found > 50


ALGS = (0x0004, 0x000B, 0x000C, 0x0012, 0x7F01, 0x1234)
SIZES = {**make.SIZES, 0x1234: 7}
indices = st.sampled_from([0, 1, 7, 16, 17, 23, 24, 0x01C40200, 0xFFFFFFFE, 0xFFFFFFFF])
types = st.sampled_from([0, 1, 3, 4, 5, 0x503, 0x80000010, 0xFFFFFFFF]) | st.integers(0, 0xFFFFFFFF)
byte = st.binary(min_size=1, max_size=1)
tails = st.one_of(
    st.just(b""),
    st.builds(lambda fill, length: bytes([fill]) * length, st.sampled_from([0, 0xFF]), st.integers(1, 80)),
    st.binary(max_size=60),
    st.builds(lambda length, rest: b"\xff" * length + rest, st.integers(8, 40), st.binary(max_size=20)),
)


@st.composite
def records2(draw: st.DrawFn) -> bytes:
    """Crypto-agile records: any algorithms in any order, few or none of them, unknown ones with and without a size."""
    parts = []
    for _ in range(draw(st.integers(0, 8))):
        algs: Sequence[int] = draw(st.lists(st.sampled_from(ALGS), max_size=5))
        digests = b"".join(struct.pack("<H", alg) + draw(byte) * SIZES[alg] for alg in algs)
        data = draw(st.binary(max_size=20))
        parts.append(struct.pack("<III", draw(indices), draw(types), len(algs)) + digests)
        parts.append(struct.pack("<I", len(data)) + data)
    return b"".join(parts) + draw(tails)


@given(records2(), st.sets(st.sampled_from(ALGS)), st.integers(0, 40))
@settings(max_examples=600)
def test_on_generated_agile_logs(body: bytes, header: set[int], cut: int) -> None:
    algorithms = tuple(HashAlg.of(alg, SIZES[alg]) for alg in sorted(header)) or (SHA1,)
    data = make.event1(0, 3, b"stands for the header") + body
    start = len(data) - len(body)
    agree(data, start, algorithms)
    agree(data[: max(start, len(data) - cut)], start, algorithms)


@st.composite
def records1(draw: st.DrawFn) -> bytes:
    """SHA-1 records."""
    parts = []
    for _ in range(draw(st.integers(0, 6))):
        parts.append(make.event1(draw(indices), draw(types), draw(st.binary(max_size=20)), draw(byte) * 20))
    return b"".join(parts) + draw(tails)


@given(records1(), st.integers(0, 40))
@settings(max_examples=400)
def test_on_generated_sha1_logs(data: bytes, cut: int) -> None:
    agree(data, 0, None)
    agree(data[: max(0, len(data) - cut)], 0, None)


@given(
    st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(1, 128)), min_size=1, max_size=64), st.binary(max_size=255)
)
def test_on_spec_id_events(algorithms: list[tuple[int, int]], vendor: bytes) -> None:
    fields = {
        "platform_class": 0,
        "spec_version_minor": 0,
        "spec_version_major": 2,
        "spec_errata": 105,
        "uintn_size": 2,
        "digest_sizes": [{"algorithm_id": alg, "digest_size": size} for alg, size in algorithms],
        "vendor_info": vendor,
    }
    data = wire.build(tcg.spec_id_event03, fields)
    found = spec_id(data)
    assert found is not None
    assert found.version == 3
    assert [(alg.id, alg.size) for alg in found.algorithms] == algorithms
    assert found.vendor_info == vendor
    fields_found = fields_of(data)
    assert fields_found is not None
    assert {name: getattr(fields_found, name) for name in ("platform_class", "spec_errata", "uintn_size")} == {
        name: fields[name] for name in ("platform_class", "spec_errata", "uintn_size")
    }
    assert (fields_found.spec_version_major, fields_found.spec_version_minor) == (2, 0)
    assert (fields_found.vendor_info, fields_found.rest) == (vendor, vendor)
    read = wire.parse(tcg.spec_id_event03, data, where="header")
    assert [(row.algorithm_id, row.digest_size) for row in read.digest_sizes] == algorithms
    assert read.vendor_info == vendor


@settings(max_examples=300)
@given(
    st.one_of(st.integers(0, 23), st.sampled_from((-1, 1 << 31, 0xFFFFFFFF, 1 << 32))),
    st.one_of(st.integers(0, 20), st.sampled_from((-1, 0x80000001, 1 << 32))),
    st.lists(st.tuples(st.sampled_from((4, 11, 12, 0x7777, 70_000)), st.binary(min_size=19, max_size=33)), max_size=3),
    st.binary(max_size=40),
    st.booleans(),
)
def test_records_are_written_as_they_are_declared(
    register: int, event_type: int, digests: list[tuple[int, bytes]], data: bytes, fitting: bool
) -> None:
    """What the fast writer does not take is what the declarations refuse, or what it leaves to them."""
    sizes = {4: 20, 11: 32, 12: 48, 0x7777: 5}
    if fitting:
        digests = [(alg, value.ljust(48, b"\0")[: sizes[alg]]) for alg, value in digests if alg in sizes]
    listed = [{"hash_alg": alg, "digest": value} for alg, value in digests]
    fields = {"pcr_index": register, "event_type": event_type, "digests": listed, "event": data}
    made = plain_records.record2(register, event_type, digests, data, sizes)
    try:
        assert made in (None, wire.build(tcg.event2(sizes), fields))
    except WriteError:
        assert made is None
    else:
        assert made is not None or not fitting
    for _, digest in digests:
        made = plain_records.record1(register, event_type, digest, data)
        fields = {"pcr_index": register, "event_type": event_type, "digest": digest, "event_data": data}
        try:
            assert made in (None, wire.build(tcg.event1["little"], fields))
        except WriteError:
            assert made is None
        else:
            assert made is not None or len(digest) != 20


def test_a_record_of_too_many_digests_is_left_to_the_declaration() -> None:
    assert plain_records.record2(0, 1, [(4, bytes(20))] * 65, b"", {4: 20}) is None
    assert plain_records.record2(0, 1, [(4, bytes(20))] * 64, b"", {4: 20}) is not None
