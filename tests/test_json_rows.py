"""Records of JSON logs read into columns, and those of the same text one by one: equal, or one of the two is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evlog
from evlog import EvlogError
from evlog.formats import json_rows
from evlog.replaying.naming import unite
from tests import made
from tests.generated import logs, tcg2

if TYPE_CHECKING:
    from evlog import Log

CEL, OWN = "cel-json", "evlog-json"


def plain(log: Log) -> Log:
    """Events in a tuple have no columns."""
    return log.replace(events=tuple(log.events))


def told(data: bytes, format: str, **choices: Any) -> object:
    """All that a reader says of a log."""
    try:
        log = evlog.read(data, format=format, **choices)
    except EvlogError as error:
        return type(error), str(error)
    places = [(event.origin, event.number, event.wire) for event in log.events]
    extended = {each for each in log.extended if each.replayable}
    return plain(log), log.findings, places, evlog.replay(log).rows, log.registers, extended


def by_reference(data: bytes, format: str, **choices: Any) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_rows, "rows", lambda *_: None)
        return told(data, format, **choices)


def agree(data: bytes, format: str, **choices: Any) -> None:
    assert told(data, format, **choices) == by_reference(data, format, **choices)


def in_columns(data: bytes, format: str) -> bool:
    return evlog.read(data, format=format).columns is not None


READ = [path for path in logs() if path.parent.name in (CEL, "evlog-json")]


@pytest.mark.parametrize("path", READ, ids=lambda path: path.name)
@pytest.mark.parametrize("strict", [False, True])
def test_samples(path: Path, strict: bool) -> None:
    data = path.read_bytes()
    agree(data, path.parent.name, strict=strict)
    try:
        events = json.loads(data)
    except ValueError:
        return
    for spelled in spellings(events):
        agree(spelled, path.parent.name, strict=strict)


def spellings(value: Any) -> list[bytes]:
    """The text of a value as several writers have it."""
    return [
        json.dumps(value).encode(),
        json.dumps(value, indent=2).encode(),
        json.dumps(value, separators=(",", ":"), sort_keys=True).encode() + b" \n",
        b"\n\t" + json.dumps(value, separators=(" , ", "\t:\r\n")).encode(),
    ]


RECORDS = st.lists(
    st.tuples(st.integers(0, 24), st.sampled_from([0, 3, 5, 13, 0x402, 0x503, 0x80000007]), st.integers(0, 300)),
    min_size=1,
    max_size=6,
)


def log_of(records: list[tuple[int, int, int]]) -> bytes:
    return made.header("sha1", "sha256") + b"".join(
        made.event(index, kind, bytes(range(256))[:size] * 2, *(("sha1", "sha256") if size % 3 else ("sha256",)))
        for index, kind, size in records
    )


def text_of(records: list[tuple[int, int, int]], format: str) -> bytes:
    return evlog.convert(plain(evlog.read(log_of(records))), format).data


#: Words of the text and what may stand in their place.
WORDS = re.compile(rb'"(?:[^"\\]|\\.)*"|[0-9]+|[{}\[\],:]|\s+')
OTHERS = st.sampled_from(
    [
        b"",
        b" ",
        b",",
        b"}",
        b"]",
        b'""',
        b'"0"',
        b'"0g"',
        b'"AB"',
        b'"a"',
        b'"\\u0061b"',
        b'"\xc3\xa9"',
        b'"\x7f"',
        b"0",
        b"00",
        b"-0",
        b"1e0",
        b"1.0",
        b"17",
        b"23",
        b"24",
        b"16777216",
        b"29360128",
        b"4294967295",
        b"4294967296",
        b"18446744073709551615",
        b"99999999999999999999",
        b"null",
        b"true",
        b"[]",
        b"{}",
        b'"pcr"',
        b'"nv_index"',
        b'"rtmr"',
        b'"SHA-256"',
        b'"sha1"',
        b'"0x0013"',
        b'"ev_action"',
        b'"0x5"',
        b'"SLAUNCH_START"',
        b'"EV_NO_ACTION"',
        b'"pcclient_STD"',
        b'"systemd"',
        b'"pcr:9"',
        b'"ccmr:1"',
        b'"nv:0x01c40200"',
        b'"mr:name"',
    ]
)


def changed(data: bytes, at: int, other: bytes, twice: bool) -> bytes:
    """The text with another word in a place, or with the word twice."""
    words = [(found.start(), found.end()) for found in WORDS.finditer(data)]
    start, end = words[at % len(words)]
    return data[:start] + (data[start:end] if twice else b"") + other + data[end:]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([CEL, OWN]),
    RECORDS,
    st.integers(0, 1 << 16),
    OTHERS,
    st.booleans(),
    st.booleans(),
    st.integers(0, 4),
)
def test_a_word_is_another(
    format: str, records: list[tuple[int, int, int]], at: int, other: bytes, twice: bool, strict: bool, spelling: int
) -> None:
    data = text_of(records, format)
    if spelling:
        data = spellings(json.loads(data))[spelling - 1]
    agree(data, format, strict=strict)
    agree(changed(data, at, other, twice), format, strict=strict)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([CEL, OWN]),
    RECORDS,
    st.binary(max_size=3),
    st.integers(0, 1 << 16),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from([None, "ccmr"]),
)
def test_bytes_are_others(
    format: str,
    records: list[tuple[int, int, int]],
    junk: bytes,
    at: int,
    length: int,
    cut: bool,
    space: str | None,
) -> None:
    data = text_of(records, format)
    at %= len(data)
    agree(data[:at] + junk + (b"" if cut else data[at + length :]), format, space=space if format == CEL else None)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([CEL, OWN]), tcg2(), st.sampled_from([None, "pcr", "ccmr"]))
def test_generated(format: str, data: bytes, space: str | None) -> None:
    try:
        written = evlog.convert(plain(evlog.read(data, space=space)), format, allow_changed=True).data
    except EvlogError:
        return
    agree(written, format)
    agree(written, format, space=space)


@pytest.mark.parametrize("format", [CEL, OWN])
@pytest.mark.parametrize("spelling", range(5))
def test_what_many_writers_write_is_read_in_columns(format: str, spelling: int) -> None:
    data = text_of([(1, 5, 4), (2, 0x80000007, 0), (10, 13, 99), (1, 3, 7)] * 40, format)
    if spelling:
        data = spellings(json.loads(data))[spelling - 1]
    # In order of names the events stand before the schema.
    sorted_members = (format, spelling) == (OWN, 3)
    assert in_columns(data, format)
    assert sorted_members or evlog.detect(data).format == format
    agree(data, format)


@pytest.mark.parametrize("format", [CEL, OWN])
def test_columns_and_their_parts(format: str) -> None:
    """Any rows of columns over text, and a part of them, say what their events do."""
    data = text_of([(row % 7, (3, 5, 13)[row % 3], row) for row in range(20)], format)
    log = evlog.read(data, format=format)
    columns = log.columns
    assert columns is not None
    for start in (0, 3):
        part = columns.part(start, 9) if start else columns
        for alg in log.algorithms:
            expected = [event.extension(alg) for event in log.events[start : 9 if start else None]]
            assert list(part.extensions(alg, (), 0, len(part))) == expected
        spans = [event.origin.span for event in log.events[start : 9 if start else None] if event.origin is not None]
        assert [*part.starts] == [span.offset for span in spans]
        assert [*part.lengths] == [span.length for span in spans]


@pytest.mark.parametrize("format", [CEL, OWN])
@pytest.mark.parametrize("blanks", [1, 2])
def test_records_that_are_not_equally_far_apart(format: str, blanks: int) -> None:
    data = text_of([(row, 5, row) for row in range(4)], format)
    places = [found.start() for found in re.finditer(rb"(?<=,)\n *\{\s*\"(?:recnum|number)", data)]
    for place in places:
        agree(data[:place] + b" " * blanks + data[place:], format)
        agree(data[: place - 1] + b"\t" * blanks + data[place - 1 :], format)


@pytest.mark.parametrize("shapes", [3, 40, 300])
def test_many_shapes_in_turns(shapes: int) -> None:
    """Digests of algorithms that nobody knows, each record another one."""
    row = (
        '{"recnum":%d,"pcr":0,"digests":[{"hashAlg":"0x%04x","digest":"%s"}],'
        '"content_type":"pcclient_std","content":{"event_type":5,"event_data":"00"}}'
    )
    rows = [row % (number, 0x7000 + number % shapes, "ab" * 32) for number in range(2000)]
    data = f"[{','.join(rows)}]".encode()
    assert in_columns(data, CEL) == (shapes < 10)
    agree(data, CEL)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"header": {"format": "x", "options": {', '}}, "\\u0065vents": []'),
        ('"header": {"format": "x", "options": {', '}}, "events": []'),
        ('"events": [], "padding": {', "}"),
        ("", ', "events": []'),
        ("", ', "\\u0065vents": []'),
        ("", ', "digest_sizes": {"sha256": 16}'),
        ("", ', "digest_sizes": []'),
        ("", ', "trailing": "0"'),
        ("", ', "format": "b\\nb"'),
        ('"x": "', '"'),
        ('"x": "\\\\', '"'),
        ('"x": [', "]"),
        ("", "]"),
        ("", "\x85"),
    ],
)
def test_documents_in_which_events_stand_elsewhere(before: str, after: str) -> None:
    event = json.loads(text_of([(1, 5, 1)], OWN))["events"][1]
    head = '{"schema": "evlog.log/1", "format": "tcg2", "algorithms": ["sha256"], "findings": [], '
    agree(f'{head}{before}"events": [{json.dumps(event)}]{after}}}'.encode("latin-1"), OWN)


@pytest.mark.parametrize("format", [CEL, OWN])
@pytest.mark.parametrize("words", [b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xc3\xa9", b"\0", b"\xff"])
def test_other_letters(format: str, words: bytes) -> None:
    data = text_of([(1, 5, 1), (2, 5, 3)], format)
    ends = [found.end() for found in re.finditer(rb'"format": "|"message": "|"EV_|"\w*type\w*": "', data)]
    for place in (0, len(data) // 2, len(data) - 3, len(data), *ends):
        agree(data[:place] + words + data[place:], format)


@pytest.mark.parametrize("format", [CEL, OWN])
@pytest.mark.parametrize("platform", ["tpm", "tdx", "cca", "csv"])
def test_registers_by_the_names_of_a_platform(format: str, platform: str) -> None:
    """Verification gives registers the names that the evidence has for them."""
    log = made.header("sha384") + b"".join(made.event(index % 4, 5, bytes((index,)), "sha384") for index in range(9))
    data = evlog.convert(evlog.read(log, space="pcr"), format, space="pcr").data
    found = evlog.read(data, space="pcr")
    assert found.columns is not None
    united = unite([found], platform)
    assert platform != "tdx" or united[0].columns.names is not None  # type: ignore[union-attr]
    assert [event.register for event in united[0].events] == [
        e.register for e in unite([plain(found)], platform)[0].events
    ]
    for values in (evlog.replay(found).registers(), evlog.replay(united).registers()):
        one, two = (evlog.verify(each, values, platform=platform) for each in (found, plain(found)))
        assert one.to_json() == two.to_json()
