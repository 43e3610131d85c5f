"""Bodies that were met: what is made of them once is what would be made of them again, wherever they stand."""

from __future__ import annotations

import struct
import uuid
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evlog
from evlog.checking.bodies import Bodies
from evlog.contents import _ima_fields
from evlog.cursor import Cursor
from evlog.decoders import (
    Context,
    Decoded,
    Raw,
    _reader,
    _registry,
    decode,
    decode_by,
    decodes,
    efi_variable,
    forget,
    is_sound,
)
from evlog.decoders.layout import layout
from evlog.errors import EvlogError, ParseError
from evlog.model import Log, Origin, Span
from tests.decoding import event
from tests.generated import logs, tcg1, tcg2

TYPE = 0x7FFFFF01
BASE = 0x123456


def agree(log: Log) -> None:
    """What is met and what is read anew are one."""
    forget()
    context = Context.of(log)
    for _ in range(2):
        for each in log.events:
            assert decode(each, context) == decode_by(each, context, Cursor)


@pytest.mark.parametrize("path", logs(), ids=lambda path: path.name)
def test_samples(path: Path) -> None:
    try:
        log = evlog.read(path)
    except EvlogError:
        return
    agree(log)
    for each in log.events:
        found = decode(each, Context.of(log))
        if found is None:
            continue
        odd = Bodies().look(each, found)
        assert not (odd and is_sound(found))
        if is_sound(found):
            moved = decode_by(each, Context.of(log), lambda data, base: Cursor(data, base + BASE))
            assert moved == found, "a value that tells where it stood cannot be kept"


@settings(max_examples=60, deadline=None)
@given(st.one_of(tcg1(), tcg2()))
def test_generated(data: bytes) -> None:
    try:
        log = evlog.read(data)
    except EvlogError:
        return
    agree(log)


def test_what_is_damaged_names_its_own_place() -> None:
    body = event("EV_EFI_VARIABLE_DRIVER_CONFIG", bytes(20))
    found, other = (decode(body.replace(origin=Origin("", "tcg2", Span(at, 52)))) for at in (0, BASE))
    assert isinstance(found, Raw)
    assert isinstance(other, Raw)
    assert found.reason != other.reason


def test_another_decoder_is_heeded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_registry, "_claims", {})
    monkeypatch.setattr(_registry, "_waiting", {0: []})
    monkeypatch.setattr(_registry, "readers", {})
    said: list[str] = ["one"]

    class Own(Decoded):
        text: str

    def read(cursor: Cursor, context: Context) -> Decoded:
        cursor.rest()
        return Own(said[0])

    body = event(TYPE, b"body")
    assert isinstance(decode(body), Raw)
    decodes(TYPE)(read)
    assert decode(body) == Own("one")
    said[0] = "two"
    assert decode(body) == Own("two"), "what a caller's own decoder says is his affair each time"


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    met = _reader.Met()
    met.most = 10 * (met.entry + 4)
    monkeypatch.setattr(_reader, "_met", met)
    for number in range(100):
        assert decode(event(0x80000007, b"%04d" % number))
        assert len(met.values) <= 10
    assert met.values


def test_a_fault_of_a_decoder_costs_its_event() -> None:
    assert Raw.after(IndexError("no"), b"x") == Raw("decoder failed: IndexError: no", b"x", damaged=True)
    assert Raw.after(ParseError("no"), b"x") == Raw("no", b"x", damaged=True)


TEMPLATES = st.one_of(
    st.sampled_from(sorted(_ima_fields.TEMPLATES)),
    st.lists(st.sampled_from(sorted(_ima_fields.FIELDS)), min_size=1, max_size=5).map("|".join),
    st.sampled_from(["", "odd", "d-ng|odd"]),
)
VALUES = st.one_of(
    st.binary(max_size=12),
    st.sampled_from([b"sha256:\0" + bytes(32), b"verity:sha512:\0x", b":\0", b"name\0", bytes(4), bytes(2)]),
    st.just(b"\x03\x02\x04\xaa\xbb\xcc\xdd\x00\x02xy"),
)


@settings(max_examples=400, deadline=None)
@given(TEMPLATES, st.data(), st.sampled_from(["little", "big"]))
def test_fields_of_a_list_one_by_one(template: str, data: st.DataObject, byteorder: str) -> None:
    names = _ima_fields.field_names(template) or ("", "")
    values = tuple(data.draw(VALUES) for _ in names)
    plan = _ima_fields._plan(template)
    if plan is not None:
        assert _ima_fields._decode_by(plan, byteorder, values) == _ima_fields._decode_any(template, byteorder, values)
    body = _ima_fields.join_fields(template, values, byteorder) if template != "ima" else b"".join(values)
    found = _ima_fields.split_fields(template, body)
    expected = _ima_fields._decode_any(template, *found) if found is not None else None
    assert _ima_fields.decode(template, body) == expected


def test_the_usual_templates_are_decoded_one_by_one() -> None:
    usual = ("ima", "ima-ng", "ima-sig", "ima-ngv2", "ima-sigv2", "ima-buf", "ima-modsig")
    assert all(_ima_fields._plan(template) for template in usual)
    assert not any(_ima_fields._plan(template) for template in ("evm-sig", "ima-cgpath", "d-ng|d", "odd", ""))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["Boot0001", "BootOrder", "db", "SecureBoot", "x", "", "SbatLevel"]),
    st.binary(max_size=20),
    st.integers(-2, 2),
    st.integers(-3, 3),
    st.binary(max_size=6),
)
def test_a_variable_that_fits(name: str, value: bytes, longer: int, more: int, tail: bytes) -> None:
    """A variable read at once is what the careful reading of its fields makes of it."""
    text = name.encode("utf-16-le")
    lengths = struct.pack("<QQ", max(len(name) + longer, 0), max(len(value) + more, 0))
    for vendor in (efi_variable.GLOBAL, efi_variable.SHIM):
        body = uuid.UUID(vendor).bytes_le + lengths + text + value + tail
        for event_type in ("EV_EFI_VARIABLE_DRIVER_CONFIG", "EV_EFI_VARIABLE_AUTHORITY"):
            each = event(event_type, body)
            assert decode(each) == layout(each)[0], "who notes what is read reads each field"
