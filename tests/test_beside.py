"""Evidence that stands beside a log, in one document: verify takes it where none is named, and believes it no more."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

import evlog
from tests import made_evidence
from tests.command import run
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

LOG = SAMPLES / "tcg2" / "ovmf.bin"
PCRS = json.loads((SAMPLES / "tcg2" / "ovmf.pcrs.json").read_bytes())
CCEL = SAMPLES / "ccel" / "ovmf-tdx.bin"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def verified(document: object, folder: Path, *words: str) -> tuple[int, dict[str, Any]]:
    path = folder / "evidence.json"
    path.write_text(json.dumps(document))
    ran = run("verify", str(path), "--json", *words)
    assert ran.out, ran.err
    return ran.code, json.loads(ran.out)


def rtmrs() -> list[bytes]:
    """What the sample's log leads to."""
    values = [bytes(48)] * 4
    for event in evlog.read(CCEL).events:
        if event.measured:
            at = int(event.register.index) - 1
            values[at] = hashlib.sha384(values[at] + event.digests[0].value).digest()
    return values


@pytest.mark.parametrize(
    "document",
    [
        {"event_log": encoded(LOG.read_bytes()), **PCRS},
        {"event_log": list(LOG.read_bytes()), "platform": {"values": PCRS}},
        [{"log": LOG.read_bytes().hex()}, {"values": json.dumps(PCRS)}],
    ],
    ids=["beside", "in an object", "in a text"],
)
def test_values_beside_a_log(document: object, tmp_path: Path) -> None:
    code, said = verified(document, tmp_path)
    assert (code, said["ok"], said["evidence"]["source"]) == (0, True, "register-file")
    assert not said["evidence"]["anchored"]
    assert {row["verdict"] for row in said["registers"] if row["events"] and row["alg"] == "sha256"} == {"match"}


def test_another_value_beside_a_log(tmp_path: Path) -> None:
    changed = json.loads(json.dumps(PCRS))
    bank = changed.get("pcr", changed)["sha256"]
    bank["4"] = "11" * 32
    code, said = verified({"log": encoded(LOG.read_bytes()), "values": changed}, tmp_path)
    assert (code, said["ok"]) == (1, False)


def test_what_is_named_goes_before_what_stands_there(tmp_path: Path) -> None:
    wrong = {"pcr": {"sha256": {"4": "11" * 32}}}
    document = {"log": encoded(LOG.read_bytes()), "values": wrong}
    code, said = verified(document, tmp_path, "--registers", str(SAMPLES / "tcg2" / "ovmf.pcrs.json"))
    assert (code, said["ok"]) == (0, True)


def test_a_quote_goes_before_values_that_nobody_signed(tmp_path: Path) -> None:
    quote = made_evidence.td_quote(made_evidence.td_body(b"\xaa" * 48, rtmrs(), b""))
    values = {f"rtmr{n}": "22" * 48 for n in range(4)}
    code, said = verified({"tcb": values, "quote": quote.hex(), "cc_eventlog": encoded(CCEL.read_bytes())}, tmp_path)
    assert (code, said["evidence"]["source"], said["evidence"]["anchored"]) == (0, "tdx-quote", False)
    assert said["word"] == "read"


def test_a_key_in_the_document_anchors_nothing(tmp_path: Path) -> None:
    root = made_evidence.pem_of(made_evidence.intel()[-1])
    quote = made_evidence.td_quote(made_evidence.td_body(b"\xaa" * 48, rtmrs(), b""))
    document = {"root": root.decode(), "quote": quote.hex(), "cc_eventlog": encoded(CCEL.read_bytes())}
    assert verified(document, tmp_path)[1]["evidence"]["anchored"] is False
    other = tmp_path / "root.pem"
    other.write_bytes(root)
    _, said = verified(document, tmp_path, "--kind", "tdx-quote", "--root", str(other))
    assert said["evidence"]["anchored"] is True


def test_a_log_alone_needs_values(tmp_path: Path) -> None:
    ran = run("verify", str(LOG))
    assert ran.code == 2
    assert "no register values stand beside the log: give --registers, --quote or --live" in ran.err
    path = tmp_path / "document"
    path.write_text(json.dumps({"log": encoded(LOG.read_bytes()), "nothing": "of use"}))
    assert run("verify", str(path)).code == 2
    # Not even one whose size is that of so many values.
    path.write_bytes(LOG.read_bytes()[:1536])
    assert run("verify", str(path)).code == 2
    ran = run("verify", str(LOG), str(CCEL))
    assert (ran.code, "register values are needed" in ran.err) == (2, True)


def test_each_of_many_documents(tmp_path: Path) -> None:
    for name, document in (
        ("a", {"log": encoded(LOG.read_bytes()), **PCRS}),
        ("b", {"log": encoded(LOG.read_bytes())}),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    ran = run("verify", str(tmp_path))
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [line["schema"] for line in lines] == ["evlog.verify/1", "evlog.error/1"]
    assert (ran.code, lines[0]["ok"]) == (3, True)


def test_values_in_two_places_are_taken_together(tmp_path: Path) -> None:
    banks = PCRS.get("pcr", PCRS)
    parts = [{"sha1": banks["sha1"]}, {"sha256": banks["sha256"]}, {"sha256": banks["sha256"]}]
    code, said = verified({"log": encoded(LOG.read_bytes()), "parts": parts}, tmp_path)
    assert (code, said["ok"]) == (0, True)
    assert {row["alg"] for row in said["registers"] if row["events"] and row["verdict"] == "match"} == {
        "sha1",
        "sha256",
    }
    parts[2] = {"sha256": {**banks["sha256"], "4": "11" * 32}}
    path = tmp_path / "evidence.json"
    path.write_text(json.dumps({"log": encoded(LOG.read_bytes()), "parts": parts}))
    ran = run("verify", str(path))
    assert (ran.code, "two values of pcr:4 in sha256 in one document, the second at /parts/2" in ran.err) == (3, True)
