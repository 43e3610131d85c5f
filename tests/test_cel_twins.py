"""The twins of CEL-TLV agree on every input: construct's declaration, and the struct scanner and the fast writer."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evlog import wire
from evlog.columns import NOT_EXTENDED
from evlog.contents._tlv import tlv
from evlog.errors import ParseError
from evlog.formats import room, writer
from evlog.formats.cel import scan as _scan
from evlog.options import NO_OPTIONS
from evlog.wire import cel
from samples import make_cel
from tests.conftest import SAMPLES


class Row(NamedTuple):
    """A record as both twins tell it."""

    offset: int
    recnum: int
    index_type: int
    register: int
    digests: tuple[tuple[int, bytes], ...]
    content_type: int
    content: bytes


def scanned(data: bytes) -> tuple[list[Row], ParseError | None]:
    """The rows of the scanner, read by its columns."""
    found = _scan.scan(data)
    columns = found.columns
    assert columns.layout_of is not None
    rows = []
    for number, offset in enumerate(columns.offsets):
        shape = found.shapes[columns.layout_of[number]]
        layout = columns.layout(number)
        digests = tuple(
            (alg.id, data[offset + at : offset + at + size])
            for (alg, at), (_, size) in zip(layout.digests, shape.digests, strict=True)
        )
        start = offset + shape.content
        content = data[start + 5 : offset + columns.length(number)]
        rows.append(
            Row(offset, found.recnums[number], shape.index_type, found.indices[number], digests, data[start], content)
        )
    return rows, found.stop


def declared(data: bytes, count: int) -> list[Row]:
    """The first ``count`` rows of the declaration."""
    return [
        Row(
            offset,
            int.from_bytes(record.recnum.value, "big"),
            record.index.type,
            int.from_bytes(record.index.value, "big"),
            tuple((digest.type, digest.value) for digest in record.digests.value),
            record.content.type,
            record.content.value,
        )
        for offset, record in islice(cel.records(data), count)
    ]


def agree(data: bytes) -> None:
    """Both tell the same records, and stop at the same byte."""
    rows, stop = scanned(data)
    assert declared(data, len(rows)) == rows
    ends = rows[-1].offset + _length(data, rows[-1].offset) if rows else 0
    if stop is None:
        assert ends == len(data)
    else:
        with pytest.raises(ParseError):
            wire.parse(cel.record, data, ends, where="next")
        assert stop.offset is not None
        assert ends <= stop.offset <= len(data)


def _length(data: bytes, offset: int) -> int:
    return len(cel.record.build(wire.parse(cel.record, data, offset, where="")))


@pytest.mark.parametrize("path", sorted((SAMPLES / "cel-tlv").glob("*.tlv")), ids=lambda path: path.name)
def test_on_samples(path: Path) -> None:
    agree(path.read_bytes())


@pytest.mark.parametrize("path", sorted((SAMPLES / "bad").glob("*.tlv")), ids=lambda path: path.name)
def test_on_bad_samples(path: Path) -> None:
    agree(path.read_bytes())


def test_on_every_cut() -> None:
    data = (SAMPLES / "cel-tlv" / "odd-widths.tlv").read_bytes()
    for length in range(len(data)):
        agree(data[:length])


def test_on_every_flip() -> None:
    data = (SAMPLES / "cel-tlv" / "swapped-fields.tlv").read_bytes()
    for position in range(len(data)):
        for mask in (0xFF, 1 << position % 8, 0x80):
            flipped = bytearray(data)
            flipped[position] ^= mask
            agree(bytes(flipped))


integers = st.builds(lambda value, width: value.to_bytes(width, "big"), st.integers(0, 0xFF), st.integers(1, 9))
digests = st.tuples(st.sampled_from([4, 11, 12, 200]), st.binary(max_size=130))
records = st.builds(
    lambda recnum, kind, index, values, content_type, content: (
        tlv(0, recnum) + tlv(kind, index) + tlv(3, b"".join(tlv(*each) for each in values)) + tlv(content_type, content)
    ),
    st.one_of(integers, st.just(b"")),
    st.sampled_from([1, 1, 1, 2, 108, 3, 5]),
    st.one_of(integers, st.just(b"")),
    st.lists(digests, max_size=3),
    st.sampled_from([5, 7, 4, 80, 3, 255]),
    st.one_of(
        st.binary(max_size=40),
        st.builds(lambda width, data: tlv(0, bytes(width)) + tlv(1, data), st.integers(0, 9), st.binary(max_size=9)),
    ),
)


@given(st.lists(records, max_size=6), st.integers(0, 7))
def test_on_generated_logs(parts: list[bytes], cut: int) -> None:
    data = b"".join(parts)
    agree(data)
    agree(data[: max(len(data) - cut, 0)])


@pytest.mark.parametrize("content_type", range(6))
def test_a_content_has_a_type_of_its_own(content_type: int) -> None:
    """Of 4 or more: also in a record whose other fields are as those before it."""
    ordinary = tlv(0, b"\0") + tlv(1, b"\7") + tlv(3, tlv(11, b"\x11" * 32)) + tlv(5, b"")
    agree(ordinary + ordinary[:-5] + tlv(content_type, b"") + ordinary)


@given(st.binary(max_size=80))
def test_on_anything(data: bytes) -> None:
    agree(data)


@pytest.mark.parametrize("path", sorted((SAMPLES / "cel-tlv").glob("*.tlv")), ids=lambda path: path.name)
def test_the_writers_agree(path: Path) -> None:
    data = path.read_bytes()
    log = room("cel-tlv").read(data, NO_OPTIONS)
    declared_bytes = b"".join(cel.record.build(record) for _, record in cel.records(data))
    assert writer("cel-tlv").write(log, NO_OPTIONS) == declared_bytes == data


def test_what_the_scanner_leaves_to_the_reader() -> None:
    one, two, three = make_cel.separators()
    silent = (0, "pcr", 3, make_cel.digests(b"", "sha256"), 5, (3, b"note"))
    crtm = (0, "pcr", 0, make_cel.digests(b"", "sha256"), 5, (0x80000010, b"HCRTM"))
    violation = make_cel.ima(b"\0")[1]
    parts = [
        make_cel.record_tlv(one),
        make_cel.record_tlv(silent),
        make_cel.record_tlv(two, swapped=True),
        make_cel.record_tlv(crtm),
        make_cel.record_tlv(violation),
        make_cel.record_tlv(three, (1, 1, 1)),
        make_cel.record_tlv(make_cel.management()[0]),
    ]
    found = _scan.scan(b"".join(parts))
    assert list(found.columns.registers) == [0, NOT_EXTENDED, 1, 0, 10, 2, 0]
    assert list(found.indices) == [0, 3, 1, 0, 10, 2, 0]
    assert found.columns.notable == (1, 3)
    assert found.unread == (2, 4, 6)
    assert found.types == {7, 4}
