"""The two twins of the IMA framing agree on every input: construct's declaration and the struct scanner."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evlog import SHA1, SHA256, SHA384, SHA512, ImaEvent, wire
from evlog.errors import ParseError, TruncatedError
from evlog.formats.ima import binary as ima_binary
from evlog.wire import ima
from samples import make_linux
from tests.logs import SAMPLE_LOGS

if TYPE_CHECKING:
    from pathlib import Path

    from evlog import HashAlg

Row = tuple[int, int, bytes, bytes, bytes]


def scanned(
    data: bytes, bank: HashAlg, byteorder: str, sized: bool = False
) -> tuple[list[Row], int, ParseError | None]:
    """The rows of the scanner, read as events are."""
    columns, stop = ima_binary.scan(data, bank, byteorder, sized=sized)
    events = ima_binary._events(columns, bank, byteorder, "", sized=sized)
    rows = []
    for event in events:
        content = event.content
        assert isinstance(content, ImaEvent)
        value = event.digests[0].value
        rows.append(
            (columns.offsets[event.number], event.register.number, value, content.template.encode(), content.data)
        )
    return rows, columns.end, stop


def declared(data: bytes, bank: HashAlg, byteorder: str, count: int, sized: bool = False) -> list[Row]:
    """The first ``count`` rows of the declaration."""
    rows = []
    for offset, entry in islice(ima.entries(data, bank.size, byteorder, sized=sized), count):
        body = entry.template_data
        if entry.template_name == ima.LEGACY:
            size = body.name_length.to_bytes(4, "little" if byteorder == "little" else "big")
            whole = body.file_digest + size + body.name
        else:
            whole = body.data
        rows.append((offset, entry.pcr_index, entry.template_digest, entry.template_name, whole))
    return rows


def agree(data: bytes, bank: HashAlg, byteorder: str, sized: bool = False) -> int:
    """Hold both twins against each other; returns how many entries they found."""
    rows, end, stop = scanned(data, bank, byteorder, sized)
    assert declared(data, bank, byteorder, len(rows), sized) == rows
    if stop is None:
        assert end == len(data)
        assert len(list(ima.entries(data, bank.size, byteorder, sized=sized))) == len(rows)
    else:
        with pytest.raises(ParseError) as raised:
            list(islice(ima.entries(data, bank.size, byteorder, sized=sized), len(rows) + 1))
        assert isinstance(stop, TruncatedError) == isinstance(raised.value, TruncatedError)
        assert raised.value.offset == end
        assert stop.offset is not None
        assert end <= stop.offset <= len(data)
    return len(rows)


# The one sample with lengths before the digests has tests of its own.
SIZED = "container-host.bin"
IMA_SAMPLES = [path for format, path in SAMPLE_LOGS if format == "ima-binary" and path.name != SIZED]
each_list = pytest.mark.parametrize("path", IMA_SAMPLES, ids=lambda path: path.name)


def framing(path: Path) -> tuple[HashAlg, str]:
    """Bank and byte order, as the sample's name tells."""
    bank = next((alg for alg in (SHA256, SHA384, SHA512) if alg.name in path.name), SHA1)
    return bank, "big" if "big" in path.name else "little"


@each_list
def test_on_samples(path: Path) -> None:
    assert agree(path.read_bytes(), *framing(path)) >= 3


@each_list
def test_on_samples_taken_for_something_else(path: Path) -> None:
    data = path.read_bytes()[:4096]
    for bank in (SHA1, SHA256, SHA384, SHA512):
        for byteorder in ("little", "big"):
            agree(data, bank, byteorder)


@each_list
def test_on_truncations(path: Path) -> None:
    data = path.read_bytes()[:6000]
    for length in range(0, len(data), max(1, len(data) // 60)):
        agree(data[:length], *framing(path))


def test_on_flips() -> None:
    data = make_linux.every_template()[:400] + make_linux.legacy(bytes(range(20)), b"/init")
    for position in range(len(data)):
        for mask in (0xFF, 1 << position % 8):
            flipped = bytearray(data)
            flipped[position] ^= mask
            agree(bytes(flipped), SHA1, "little")


def test_on_the_public_lists(corpus: Path) -> None:
    found = 0
    for path in sorted(corpus.iterdir()):
        data = path.read_bytes()[: 1 << 16] if path.is_file() else b""
        for bank in (SHA1, SHA256):
            found += agree(data, bank, "little") > 1
    assert found >= 15


entries = st.builds(
    make_linux.entry,
    st.sampled_from([b"ima-ng", b"ima-sig", b"i", b"ima-n", b"d-ng|n-ng", b"x" * 255]),
    st.binary(max_size=60),
    pcr=st.sampled_from([0, 10, 11, 23, 24, 63, 64, 0xFFFFFFFF]),
    order=st.just("<"),
)
legacies = st.builds(make_linux.legacy, st.binary(min_size=20, max_size=20), st.binary(max_size=40))
noise = st.one_of(st.binary(max_size=50), st.just(b"\x0a\0\0\0" + bytes(20) + b"\x03\0\0\0ima"), st.just(bytes(64)))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(entries, legacies), max_size=12), noise, st.integers(0, 40))
def test_on_generated_lists(parts: list[bytes], tail: bytes, cut: int) -> None:
    data = b"".join(parts) + tail
    agree(data[: len(data) - cut], SHA1, "little")


@pytest.mark.parametrize("byteorder", ["little", "big"])
@pytest.mark.parametrize("path", ["every-template.bin", "big-endian.bin"])
def test_the_declaration_writes_what_the_room_writes(path: str, byteorder: str) -> None:
    if ("big" in path) != (byteorder == "big"):
        return
    data = make_linux.samples()[f"ima-binary/{path}"]
    declaration = ima.entry(20, byteorder)
    built = b"".join(wire.build(declaration, entry) for _, entry in ima.entries(data, 20, byteorder))
    assert built == data


# Lengths before the digests


def test_on_digests_with_their_length() -> None:
    data = make_linux.container_host()
    assert agree(data, SHA256, "little", sized=True) == 6
    for length in range(len(data)):
        agree(data[:length], SHA256, "little", sized=True)
    for position in range(400):
        for mask in (0xFF, 1 << position % 8):
            flipped = bytearray(data)
            flipped[position] ^= mask
            agree(bytes(flipped), SHA256, "little", sized=True)


sized_entries = st.builds(
    make_linux.sized,
    st.binary(max_size=60),
    st.sampled_from([b"ima-ng", b"ima-dep-cgn", b"i", b"x" * 255]),
    pcr=st.sampled_from([0, 10, 23, 24, 64, 0xFFFFFFFF]),
    bank=st.sampled_from(["sha256", "sha256", "sha256", "sha1"]),
    order=st.just("<"),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(sized_entries, max_size=12), noise, st.integers(0, 60))
def test_on_generated_digests_with_their_length(parts: list[bytes], tail: bytes, cut: int) -> None:
    data = b"".join(parts) + tail
    agree(data[: len(data) - cut], SHA256, "little", sized=True)


def test_the_declaration_writes_lengths_too() -> None:
    data = make_linux.container_host()
    declaration = ima.entry(32, sized=True)
    assert b"".join(wire.build(declaration, entry) for _, entry in ima.entries(data, 32, sized=True)) == data
