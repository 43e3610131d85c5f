"""Hostile CELs: each ends in a sentence with its offset, and twice the bytes take no more than about twice the time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import evlog
from evlog.errors import EvlogError, ParseError
from evlog.formats import room, writer
from evlog.options import Options
from samples import make_cel
from samples.make_cel import cbor, compact, record_map, record_object, record_tlv, tlv
from tests import clock

ONE = make_cel.separators(1)[0]
TLV, MAP, OBJECT = record_tlv(ONE), cbor(record_map(ONE)), compact(record_object(ONE))
HEAD = tlv(0, b"\0") + tlv(1, b"\0")
KEYS = b"\xa5\x00\x00\x01\x00\x03"


def digests(count: int) -> bytes:
    """A record of so many empty digests."""
    return b"\x82" + MAP + KEYS + cbor([0] * count)[: -count or None] + b"\xa0" * count + b"\x09\x05\x0a\xa0"


#: What grows with a number, by the format that it would be.
FLOODS: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "records": ("cel-tlv", lambda n: TLV * n),
    "changing shapes": ("cel-tlv", lambda n: (TLV + record_tlv(ONE, (1, 1, 1))) * (n // 2)),
    "odd widths": ("cel-tlv", lambda n: record_tlv(ONE, (3, 3, 4)) * n),
    "empty digests": ("cel-tlv", lambda n: TLV + HEAD + tlv(3, tlv(11, b"") * n) + tlv(5, b"")),
    "items": ("cel-tlv", lambda n: TLV + HEAD + tlv(3, tlv(4, bytes(20))) + tlv(4, tlv(2, b"") * n)),
    "fields": ("cel-tlv", lambda n: TLV + HEAD + tlv(3, tlv(4, bytes(20))) + tlv(5, tlv(0, b"") * n)),
    "unknown contents": ("cel-tlv", lambda n: (HEAD + tlv(3, tlv(4, bytes(20))) + tlv(222, b"")) * n),
    "bad contents": ("cel-tlv", lambda n: (HEAD + tlv(3, tlv(4, bytes(20))) + tlv(80, b"")) * n),
    "violations": ("cel-tlv", lambda n: record_tlv(make_cel.ima(b"\0")[1]) * n),
    "no digests": ("cel-tlv", lambda n: (HEAD + tlv(3, b"") + tlv(9, b"")) * n),
    "cbor records": ("cel-cbor", lambda n: cbor([0] * n)[:-n] + MAP * n),
    "cbor sequence": ("cel-cbor", lambda n: MAP * n),
    "cbor empty digests": ("cel-cbor", digests),
    "cbor nesting": ("cel-cbor", lambda n: b"\x82" + MAP + b"\x81" * n),
    "cbor nesting in a content": ("cel-cbor", lambda n: MAP + MAP[:-11] + b"\x09\x18\xc8\x0a" + b"\x81" * n + b"\x00"),
    "cbor out of order": ("cel-cbor", lambda n: (b"\xa5\x01\x00\x00\x00" + MAP[5:]) * n),
    "cbor keys": (
        "cel-cbor",
        lambda n: MAP + b"\xbf" + b"".join(cbor(key + 200) + b"\0" for key in range(n)) + b"\xff",
    ),
    "cbor bignum": ("cel-cbor", lambda n: MAP + b"\xa5\x00\xc2" + cbor(bytes([255]) * n) + MAP[3:]),
    "json records": ("cel-json", lambda n: b"[" + b",".join([OBJECT] * n) + b"]"),
    "json lines": ("cel-json", lambda n: (OBJECT + b"\n") * n),
    "json nesting": ("cel-json", lambda n: b"[" + OBJECT + b"," + b"[" * n),
    "json digests": ("cel-json", lambda n: b"[" + OBJECT + b',{"recnum":1,"pcr":0,"digests":[' + b"{}," * n + b"{}]}]"),
    "json blanks": ("cel-json", lambda n: b"[" + OBJECT + b" " * n + b"," + b"\n" * n + OBJECT + b"]"),
    "json commas": ("cel-json", lambda n: b"[" + OBJECT + b"," * n),
    "json trailing commas": ("cel-json", lambda n: b"[" + b",".join([OBJECT[:-1] + b", }"] * (n // 10)) + b"]"),
    "json comments": ("cel-json", lambda n: b"[" + OBJECT + b",//\n" * n + OBJECT + b"]"),
    "json quotes": ("cel-json", lambda n: b"[" + OBJECT + b',"' + b'\\"' * n),
    "json letters": ("cel-json", lambda n: b"[" + b",".join([OBJECT[:-1] + ',"ü":0}'.encode()] * (n // 10)) + b"]"),
    "json members": (
        "cel-json",
        lambda n: OBJECT[:-1] + b"".join(b',"%d":0' % number for number in range(n)) + b"}",
    ),
    "json digits": ("cel-json", lambda n: b"[" + OBJECT + b',{"recnum":' + b"9" * n + b"}]"),
    "json types": (
        "cel-json",
        lambda n: (
            b"[" + b",".join(OBJECT.replace(b"pcclient_std", b"t%d" % number) for number in range(n // 10)) + b"]"
        ),
    ),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_is_linear(name: str) -> None:
    """Eight times the bytes must not take thirty times as long; the small one is more than start-up and noise."""
    format, make = FLOODS[name]

    def replayed(data: bytes) -> None:
        with contextlib.suppress(EvlogError):
            evlog.replay(room(format).read(data, Options()))

    assert clock.linear(replayed, make(1000), make(8000), 30)


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_ends_in_words(name: str) -> None:
    format, make = FLOODS[name]
    try:
        log = room(format).read(make(2000), Options())
    except ParseError as error:
        assert error.offset is not None
        assert len(str(error)) < 300
    else:
        for finding in log.findings:
            assert len(finding.message) < 300
            if finding.severity == "error":
                assert finding.offset is not None


@pytest.mark.parametrize(
    ("data", "offset", "words"),
    [
        (TLV + HEAD + b"\x03\xff\xff\xff\xff", len(TLV) + 12, "4294967295 bytes, 0 present"),
        (TLV + HEAD + tlv(3, b"\x04\xff\xff\xff\xff"), len(TLV) + 17, "4294967295 bytes, 0 present"),
        (TLV + HEAD + tlv(3, tlv(11, b"") * (1 << 20)) + tlv(5, b""), len(TLV) + 18, "0 bytes"),
        (TLV + HEAD + tlv(3, tlv(11, b"\0") * (1 << 20)) + tlv(5, b""), None, "more than 64 digests"),
        (TLV + tlv(0, bytes(9)) + TLV[9:], len(TLV) + 1, "9 bytes"),
        (b"\x82" + MAP + KEYS + b"\x9a\xff\xff\xff\xff", len(MAP) + 7, "4294967295 items stated"),
        (b"\x82" + MAP + KEYS + b"\x80\x09\x05\x0a\xa2\x00\x04\x01\x5a\xff\xff\xff\xff", None, "4294967295 bytes"),
        (b"\x82" + MAP + b"\xa6\x00\x01" + MAP[1:], len(MAP) + 4, "the key 0 twice"),
        (b"\x82" + MAP + b"\x81" * 100000, len(MAP) + 65, "more than 64 deep"),
        (digests(1 << 16), len(MAP) + 1, "65536 digests"),
        (b"[" + OBJECT + b"," + b"[" * 100000, len(OBJECT) + 2, "nested too deeply"),
        (b"[" + OBJECT + b',{"recnum":1,"recnum":2}]', len(OBJECT) + 2, "'recnum' stands twice"),
        (b"[" + OBJECT + b',{"recnum":1,"pcr":0,"digests":[' + b"{}," * 65535 + b"{}]}]", None, "65536 digests"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_where_it_is_wrong(data: bytes, offset: int | None, words: str) -> None:
    """The records before it are read; what is wrong is told with its place."""
    log = evlog.read(data)
    assert len(log.events) == 1
    finding = log.findings[-1]
    assert finding.severity == "error"
    assert finding.event == 1
    assert words in finding.message
    assert finding.offset is not None
    assert offset is None or finding.offset == offset
    with pytest.raises(ParseError, match=words):
        evlog.read(data, strict=True)


def test_a_prototype_is_told_by_its_lengths() -> None:
    import struct

    little = struct.pack("<BII", 0, 4, 0) + struct.pack("<BII", 1, 4, 10) + struct.pack("<BI", 2, 0)
    with pytest.raises(ParseError, match="little-endian") as caught:
        evlog.read(little)
    assert caught.value.offset == 1


@pytest.mark.parametrize("format", ["cel-tlv", "cel-cbor", "cel-json"])
@given(data=st.binary(max_size=120))
def test_anything_is_refused_or_read(format: str, data: bytes) -> None:
    _survive(format, data)


@given(
    st.recursive(
        st.one_of(
            st.none(), st.booleans(), st.integers(-5, 120), st.floats(), st.text(max_size=4), st.binary(max_size=4)
        ),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.integers(0, 11), inner, max_size=6)),
        max_leaves=12,
    )
)
def test_any_cbor_is_refused_or_read(value: object) -> None:
    import cbor2

    _survive("cel-cbor", b"\x82" + MAP + cbor2.dumps(value))
    if isinstance(value, dict):
        _survive("cel-cbor", b"\x82" + MAP + cbor2.dumps({**record_map(ONE), **value}))


@given(
    st.dictionaries(
        st.sampled_from(
            ["recnum", "pcr", "nv_index", "rtmr", "digests", "content_type", "content", "type", "sub_event"]
        ),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(-5, 120), st.floats(), st.text(max_size=4)),
            lambda inner: st.one_of(
                st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=3)
            ),
            max_leaves=8,
        ),
        max_size=6,
    )
)
def test_any_json_is_refused_or_read(value: dict[str, object]) -> None:
    import json

    _survive("cel-json", json.dumps([record_object(ONE), value]).encode())
    _survive("cel-json", json.dumps([{**record_object(ONE), **value}]).encode())


def _survive(format: str, data: bytes) -> None:
    """An evlog error, or a log that can be replayed, checked, converted, and written so that it reads as itself."""
    try:
        log = room(format).read(data, Options())
    except EvlogError:
        return
    evlog.replay(log)
    evlog.check(log)
    assert room(format).read(writer(format).write(log, Options()), Options()) == log
    for to in ("cel-tlv", "cel-cbor", "cel-json", "evlog-json", "tcg2"):
        try:
            evlog.convert(log, to)
        except EvlogError:
            pass
