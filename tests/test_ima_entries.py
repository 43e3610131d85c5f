"""IMA lists made of each other by their entries' bytes, and by events: equal on every input, or one is wrong."""

from __future__ import annotations

import hashlib
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evlog
from evlog import EvlogError, Log
from evlog.changing import convert as _convert
from tests.generated import logs
from tests.test_packed import outcome, plain

LISTS = ("ima-binary", "ima-ascii")
READ = [path for path in logs() if path.parent.name in LISTS and path.suffix != ".json"]


def agree(log: Log, **choices: Any) -> None:
    for to in LISTS:
        found = outcome(log, to, **choices)
        with mock.patch.object(_convert, "_rewritten", return_value=None):
            assert outcome(log, to, **choices) == found
        assert outcome(plain(log), to, **choices) == found


@pytest.mark.parametrize("path", READ, ids=lambda path: path.name)
def test_samples(path: Path) -> None:
    log = evlog.read(path)
    agree(log)
    for to in LISTS:
        with suppress(EvlogError):
            agree(evlog.convert(log, to).log)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(READ), st.binary(max_size=8), st.integers(0, 1 << 16), st.integers(0, 8))
def test_changed_lists(path: Path, junk: bytes, at: int, length: int) -> None:
    data = path.read_bytes()
    at %= len(data)
    with suppress(EvlogError):
        agree(evlog.read(data[:at] + junk + data[at + length :], format=path.parent.name))


FIELDS = st.one_of(
    st.sampled_from([b"sha256:\0" + bytes(range(32)), b"sha1:\0", b"a b:\0x", b":\0", b"verity:sha256:\0ab", b""]),
    st.sampled_from([b"boot_aggregate\0", b"/a b\0", b"/a", b"/\n\0", b"\0", b" \0", b"/a\0\0", b"/\xff\0", b"x \0"]),
    st.binary(max_size=5),
)
TEMPLATES = st.sampled_from([b"ima-ng", b"ima-ng", b"ima-ngv2", b"ima-sig", b"ima-buf", b"d-ng|n-ng", b"x", b"ima"])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([10, 9, 23, 24]), TEMPLATES, st.lists(FIELDS, min_size=1, max_size=3), st.integers(0, 5)
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(["<", "<", ">"]),
    st.sampled_from(["sha1", "sha256"]),
    st.sampled_from([{}, {}, {"ima_register": evlog.Register("rtmr", 2)}, {"space": "ccmr"}]),
)
def test_entries(entries: list[tuple[int, bytes, list[bytes], int]], sign: str, bank: str, choices: Any) -> None:
    """Of fields that have a text, and of others; proven by their digests, but for violations and some that are not."""
    number = struct.Struct(f"{sign}I").pack
    parts: list[bytes] = []
    for register, template, fields, mark in entries:
        if template == b"ima":
            hashed, data = bytes(20) + fields[0].ljust(256, b"\0"), bytes(20) + number(len(fields[0])) + fields[0]
        else:
            hashed = data = b"".join(number(len(field)) + field for field in fields)
        digest = hashlib.new(bank, hashed).digest()
        digest = bytes(len(digest)) if mark == 0 else digest[::-1] if mark == 1 else digest
        parts += number(register), digest, number(len(template)), template
        parts += (data,) if template == b"ima" else (number(len(data)), data)
    with suppress(EvlogError):
        log = evlog.read(b"".join(parts), format="ima-binary", **choices)
        agree(log)
        agree(log, **choices)
        agree(evlog.convert(plain(log), "ima-ascii").log)


USUAL = st.tuples(
    st.sampled_from([b"sha256:\0" + bytes(32), b"sha1:\0" + bytes(range(20)), b"verity:sha256:\0" + bytes(32)]),
    st.sampled_from([b"boot_aggregate\0", b"/a b\0", b"/a", b"/\xff\0", b"/usr/bin/sh\0", b"/c \0"]),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(USUAL, st.sampled_from([b"", b"\x03\x02"]), st.integers(0, 30)), min_size=1, max_size=6))
def test_usual_entries(entries: list[tuple[tuple[bytes, bytes], bytes, int]]) -> None:
    number = struct.Struct("<I").pack
    parts: list[bytes] = []
    for fields, signature, mark in entries:
        template = b"ima-sig" if signature else b"ima-ng"
        values = (*fields, signature) if signature else fields
        data = b"".join(number(len(field)) + field for field in values)
        digest = hashlib.sha256(data).digest() if mark else bytes(32)
        parts += number(10), digest, number(len(template)), template, number(len(data)), data
    log = evlog.read(b"".join(parts), format="ima-binary")
    agree(log)
    with suppress(EvlogError):
        agree(evlog.convert(plain(log), "ima-ascii").log)


def test_no_event_is_made_of_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    template = struct.pack("<I", 40) + b"sha256:\0" + bytes(32) + struct.pack("<I", 3) + b"/a\0"
    entry = struct.pack("<I20sI6sI", 10, hashlib.sha1(template).digest(), 6, b"ima-ng", len(template)) + template
    log = evlog.read(entry * 9000, format="ima-binary")
    monkeypatch.setattr(_convert, "_written", None)
    lines = evlog.convert(log, "ima-ascii")
    assert evlog.convert(lines.log, "ima-binary").data == entry * 9000
    assert lines.data.count(b"\n") == 9000
