"""evlog's own JSON: any member may be anything, and only evlog's errors come of it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import evlog
from evlog.errors import EvlogError, ParseError
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = json.loads((SAMPLES / "evlog-json" / "everything.json").read_text())
ODD: list[Any] = [None, True, -1, 1 << 70, 0.5, "", "text", "\x1b[2J", "zz", [], {}, [None], {"hex": 7}, "0x"]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every value in the document."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in inner:
        yield from places(member, (*path, key))


def put(path: tuple[Any, ...], value: Any) -> bytes:
    """The document with something else in a place."""
    document = json.loads(json.dumps(DOCUMENT))
    if not path:
        return json.dumps(value).encode()
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize("path", list(places(DOCUMENT)), ids=lambda path: ".".join(map(str, path)) or "all")
def test_any_member_may_be_anything(path: tuple[Any, ...]) -> None:
    for value in ODD:
        data = put(path, value)
        try:
            log = evlog.read(data, format="evlog-json")
        except ParseError as error:
            assert error.offset is not None
            continue
        try:
            evlog.replay(log)
            evlog.check(log)
            for to in ("evlog-json", "tcg2"):
                evlog.convert(log, to, allow_changed=True)
        except EvlogError:
            pass
        assert evlog.read(evlog.write(log, format="evlog-json")) == log


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (("events", 0, "register"), "pcr:x", "not a register: 'pcr:x'"),
        (("events", 0, "digests", 0, "alg"), "md5", "unknown hash algorithm 'md5'"),
        (("events", 0, "digests", 0, "digest"), "0", "non-hexadecimal"),
        (("events", 0, "content"), {"kind": "x"}, "member 'x' is missing"),
        (("events", 0, "recnum"), "1", "a number from 0 to 18446744073709551615 was expected"),
        (("padding", "length"), 1 << 40, "a number from 1 to 268435456 was expected"),
        (("platform",), "abacus", "unknown platform 'abacus'"),
        (("format",), "a\nb", "a string of printable characters was expected"),
    ],
)
def test_the_member_at_fault_is_named(path: tuple[Any, ...], value: Any, sentence: str) -> None:
    with pytest.raises(ParseError) as raised:
        evlog.read(put(path, value))
    if "hexadecimal" not in sentence:
        assert sentence in str(raised.value)
    assert raised.value.where == ("events[0]" if path[0] == "events" else "")


@pytest.mark.parametrize(
    ("data", "offset", "sentence"),
    [
        (b'{"schema": "evlog.log/1", ', 26, "not JSON"),
        ('{"schema": "evlog.log/1", "é": }'.encode(), 32, "not JSON: expecting value"),
        (b'{"schema": "evlog.log/1", "\xff": 1}', 27, "not JSON: not UTF-8"),
        (b'{"schema": "evlog.log/1", "a": ' + b"[" * 200_000, 0, "JSON nested too deeply"),
        (b'{"schema": "evlog.log/2"}', 0, "not a document of schema evlog.log/1"),
        (b"[]", 0, "not a document of schema evlog.log/1"),
    ],
    ids=["cut", "letters", "UTF-8", "depth", "version", "array"],
)
def test_what_is_no_document(data: bytes, offset: int, sentence: str) -> None:
    with pytest.raises(ParseError, match=sentence) as raised:
        evlog.read(data, format="evlog-json")
    assert raised.value.offset == offset


def test_unknown_members_are_passed_over() -> None:
    document = {**DOCUMENT, "later": 1}
    document["events"] = [{**event, "decoded": None, "later": []} for event in DOCUMENT["events"]]
    assert evlog.read(json.dumps(document).encode()) == evlog.read(json.dumps(DOCUMENT).encode())


def test_digests_of_unknown_algorithms_keep_their_size() -> None:
    log = evlog.read(json.dumps(DOCUMENT).encode())
    odd = evlog.Digest(evlog.HashAlg.of(0x7F02, 9), b"123456789")
    cut = evlog.Digest(evlog.HashAlg.of(0x000B, 20), b"1" * 20)
    event = log.events[0].replace(digests=(*log.events[0].digests, odd, cut))
    made = log.replace(events=(event,))
    assert evlog.read(evlog.write(made, format="evlog-json")) == made


@pytest.mark.parametrize(("name", "shown"), [(b"no\xff.bin", "no\\udcff.bin"), (b"\x1b[2J", "\\x1b[2J")])
def test_a_log_whose_file_has_an_odd_name(name: bytes, shown: str, tmp_path: Path) -> None:
    path = os.path.join(os.fsencode(tmp_path), name)
    try:
        Path(os.fsdecode(path)).write_bytes((SAMPLES / "tcg2" / "ovmf.bin").read_bytes())
    except OSError:
        pytest.skip("no such names here")
    log = evlog.read(os.fsdecode(path))
    back = evlog.read(evlog.convert(log, "evlog-json").data)
    assert back.events == log.events
    assert back.events[1].origin is not None
    assert back.events[1].origin.log == f"{tmp_path}/{shown}"
