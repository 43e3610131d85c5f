"""Every firmware log there is: what has a structure in the profile is decoded, and all of it fits the JSON Schema."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from evlog.contents.pcclient import PCClientEvent
from evlog.decoders import Raw, to_json
from evlog.decoders._schema import schema
from tests.conftest import ROOT
from tests.decoding import decoded_events, firmware_logs

SCHEMA = ROOT / "schemas" / "decoded.schema.json"

#: Types whose body has one structure, or is text.
STRUCTURED = {
    "EV_SEPARATOR",
    "EV_EFI_ACTION",
    "EV_S_CRTM_VERSION",
    "EV_S_CRTM_CONTENTS",
    "EV_POST_CODE",
    "EV_NONHOST_INFO",
    "EV_TABLE_OF_DEVICES",
    "EV_EFI_VARIABLE_DRIVER_CONFIG",
    "EV_EFI_VARIABLE_BOOT",
    "EV_EFI_VARIABLE_AUTHORITY",
    "EV_EFI_BOOT_SERVICES_APPLICATION",
    "EV_EFI_BOOT_SERVICES_DRIVER",
    "EV_EFI_RUNTIME_SERVICES_DRIVER",
    "EV_EFI_GPT_EVENT",
    "EV_EFI_PLATFORM_FIRMWARE_BLOB",
    "EV_EFI_PLATFORM_FIRMWARE_BLOB2",
    "EV_EFI_HANDOFF_TABLES",
    "EV_EFI_HANDOFF_TABLES2",
}


def test_the_schema_is_that_of_the_records() -> None:
    """python -m evlog.decoders._schema > schemas/decoded.schema.json"""
    assert json.loads(SCHEMA.read_text()) == schema()
    Draft202012Validator.check_schema(schema())


def test_everything_with_a_structure_is_decoded(vm: Path, corpus: Path) -> None:
    counts: Counter[str] = Counter()
    raw: list[tuple[str, str]] = []
    for log in firmware_logs(vm, corpus):
        for event, value in decoded_events(log):
            assert isinstance(event.content, PCClientEvent)
            name = event.content.event_type_name
            counts[name] += 1
            if isinstance(value, Raw):
                assert value.reason
                assert not value.reason.startswith("decoder failed"), (log, event.number, value.reason)
                if name in STRUCTURED or value.data.startswith((b"Spec ID", b"StartupLocality", b"SP800-155")):
                    raw.append((f"{log.name} event {event.number} {name}", value.reason))
    assert raw == []
    assert counts.keys() >= STRUCTURED
    assert counts.total() > 5000


def test_decoded_events_fit_the_schema(vm: Path, corpus: Path) -> None:
    validators = {
        kind: Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": schema()["$defs"]})
        for kind in schema()["$defs"]
    }
    kinds: Counter[str] = Counter()
    for log in firmware_logs(vm, corpus):
        for event, value in decoded_events(log):
            if kinds[value.kind] >= 60:
                continue
            kinds[value.kind] += 1
            error = next(validators[value.kind].iter_errors(to_json(value)), None)
            assert error is None, (log.name, event.number, error.message, error.json_path)
    assert len(kinds) > 12


@pytest.mark.parametrize(
    "wrong", [{}, {"kind": "nothing"}, {"kind": "separator", "value": "0", "text": None, "data": ""}]
)
def test_the_schema_refuses_what_is_wrong(wrong: dict[str, object]) -> None:
    assert not Draft202012Validator(schema()).is_valid(wrong)
    assert Draft202012Validator(schema()).is_valid({"kind": "separator", "value": 0, "text": None, "data": "00"})
