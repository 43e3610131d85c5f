"""What evlog writes as CEL-CBOR and CEL-JSON is what CDDL and JSON Schema say, and they say no to what is not."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import cbor2
import jsonschema
import pycddl  # type: ignore[import-untyped]
import pytest

import evlog
from evlog.errors import ConversionError
from samples import make_cel
from tests.conftest import ROOT, SAMPLES
from tests.logs import SAMPLE_LOGS

CDDL = (ROOT / "schemas" / "cel-cbor.cddl").read_text()
ONE = make_cel.separators()[0]
MAP = make_cel.record_map(ONE)
OBJECT = make_cel.record_object(ONE)


@cache
def cddl(rule: str) -> pycddl.Schema:
    """A schema whose root is one of the rules."""
    return pycddl.Schema(f"start = {rule}\n{CDDL}")


@cache
def schema() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads((ROOT / "schemas" / "cel-json.schema.json").read_text()))


def conforms(record: object) -> bool:
    try:
        cddl("record").validate_cbor(cbor2.dumps(record))
    except pycddl.ValidationError:
        return False
    return True


CBOR = sorted((SAMPLES / "cel-cbor").iterdir())
JSON = sorted((SAMPLES / "cel-json").iterdir())
#: Samples that only a lenient reader takes, whose canonical form conforms.
LENIENT = {"encoded", "encoded-records", "names", "record", "self-described", "sequence"}


@pytest.mark.parametrize("path", CBOR, ids=lambda path: path.stem)
def test_cbor_samples(path: Path) -> None:
    data = path.read_bytes()
    try:
        cddl("cel-log").validate_cbor(data)
    except pycddl.ValidationError:
        assert path.stem in LENIENT
    else:
        assert path.stem not in LENIENT
    log = evlog.read(path)
    plain = log.replace(header=None, events=tuple(event.replace(wire=None) for event in log.events))
    written = evlog.write(plain)
    cddl("cel-log").validate_cbor(written)
    evlog.read(written, strict=True)


@pytest.mark.parametrize("path", JSON, ids=lambda path: path.stem)
def test_json_samples(path: Path) -> None:
    log = evlog.read(path)
    written = json.loads(evlog.write(log.replace(header=None)))
    if path.stem == "not-defined":
        written = [dict(record, recnum=0) for record in written]
    schema().validate(written)
    if path.stem in ("ovmf", "ovmf-tdx", "management", "ima"):
        schema().validate(json.loads(path.read_bytes()))


@pytest.mark.parametrize("to", ["cel-cbor", "cel-json"])
@pytest.mark.parametrize(("format", "path"), SAMPLE_LOGS, ids=[f"{each}-{path.stem}" for each, path in SAMPLE_LOGS])
def test_what_conversions_write(format: str, path: Path, to: str) -> None:
    log = evlog.read(path)
    if len(log.events) > 600:
        return
    try:
        data = evlog.convert(log, to, allow_changed=True).data
    except (ConversionError, evlog.WriteError):
        return
    plain = evlog.read(data, format=to)
    if plain.header is not None or any(event.wire for event in plain.events):
        data = evlog.write(plain.replace(header=None, events=tuple(each.replace(wire=None) for each in plain.events)))
    if to == "cel-cbor":
        cddl("cel-log").validate_cbor(data)
    else:
        schema().validate(json.loads(data))


def test_what_the_cddl_takes() -> None:
    for content_type, content in (
        (4, {0: 2}),
        (4, {0: 80, 1: 5}),
        (4, {0: 81, 1: 2}),
        (4, {0: 1, 1: {0: 1, 1: 0}}),
        (7, {0: "ima-ng", 1: b""}),
        (8, b""),
        (9, b"x"),
        (80, b""),
        (200, [1]),
    ):
        assert conforms({**MAP, 9: content_type, 10: content})
    assert conforms({0: 1 << 63, 108: 4, 3: [], 9: 5, 10: {0: 3, 1: b""}})
    assert conforms({0: 1, 2: 4, 3: [], 9: 5, 10: {0: 3, 1: b""}})


@pytest.mark.parametrize(
    "change",
    [
        {0: -1},
        {0: 1.5},
        {1: 1 << 32},
        {2: 1},
        {1: None},
        {3: {}},
        {3: None},
        {3: [{0: 4}]},
        {3: [{0: 4, 1: "x"}]},
        {3: [{0: 1 << 16, 1: b""}]},
        {9: 4},
        {10: {0: 4}},
        {10: b""},
        {9: 9},
        {9: 8, 10: {}},
        {9: 4, 10: {0: 1, 1: 5}},
        {9: 4, 10: {0: 3}},
        {9: 6, 10: b""},
        {9: 10, 10: b""},
        {9: "x"},
        {11: 0},
        {9: 7, 10: {0: b"", 1: b""}},
        {9: 1 << 32},
    ],
    ids=str,
)
def test_what_the_cddl_refuses(change: dict[int, Any]) -> None:
    assert conforms(MAP)
    assert not conforms({key: value for key, value in {**MAP, **change}.items() if value is not None})


@pytest.mark.parametrize(
    "change",
    [
        {"recnum": -1},
        {"recnum": None},
        {"recnum": 1 << 64},
        {"pcr": None},
        {"nv_index": 1},
        {"pcr": 1 << 32},
        {"digests": None},
        {"digests": [{"hashAlg": "sha1", "digest": "0"}]},
        {"digests": [{"hashAlg": "SHA1", "digest": "00"}]},
        {"digests": [{"hashAlg": "sha1"}]},
        {"content": None},
        {"content": {"event_type": "4", "event_data": ""}},
        {"content": {"event_type": 4, "event_data": "FF"}},
        {"content": {"event_type": 4}},
        {"content_type": "cel"},
        {"content_type": "ima_tlv"},
        {"content_type": "cel", "content": {"type": "firmware_end", "data": 0}},
        {"content_type": "cel", "content": {"type": "cel_version", "data": {"major": 1}}},
        {"extra": 0},
    ],
    ids=str,
)
def test_what_the_schema_refuses(change: dict[str, Any]) -> None:
    schema().validate([OBJECT])
    record = {key: value for key, value in {**OBJECT, **change}.items() if value is not None}
    assert not schema().is_valid([record])
