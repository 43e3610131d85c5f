"""Everything that the command prints as JSON is what its schema says, on every sample."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

import evlog
from evlog.formats import FORMATS
from tests import fake_machine
from tests.command import run
from tests.conftest import ROOT, SAMPLES
from tests.logs import BAD_LOGS, each_sample

if TYPE_CHECKING:
    from pathlib import Path

SCHEMAS = ROOT / "schemas"


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    """The schema of what a command prints."""
    schema = json.loads((SCHEMAS / f"evlog.{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def valid(name: str, text: str) -> Any:
    """The document, if it is what the schema says."""
    document = json.loads(text)
    validator(name).validate(document)
    assert document["schema"] == f"evlog.{name}/1"
    return document


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.name)
def test_a_schema_is_one(path: Path) -> None:
    schema = json.loads(path.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"].startswith("urn:evlog:")
    assert schema["title"]


def test_formats() -> None:
    document = valid("formats", run("formats", "--json").out)
    assert [row["id"] for row in document["formats"]] == list(FORMATS)


def test_lines_about_many_logs(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    logs = [str(SAMPLES / "tcg2" / "ovmf.bin"), str(tmp_path / "empty")]
    values = str(SAMPLES / "tcg2" / "ovmf.pcrs.json")
    for command, *options in (["replay"], ["verify", "--registers", values]):
        good, bad = run(command, "--each", *logs, *options).out.splitlines()
        assert valid(command, good)["log"] == logs[0]
        assert valid("error", bad)["log"] == logs[1]


@each_sample
def test_show(format: str, path: Path) -> None:
    document = valid("log", run("show", str(path), "--json").out)
    assert len(document["events"]) == len(evlog.read(path).events)
    for event in document["events"]:
        assert len(event["checks"]) in (0, len(event["digests"]))


@each_sample
def test_show_is_read_as_the_log_that_it_shows(format: str, path: Path) -> None:
    log = evlog.read(path)
    assert evlog.read(run("show", str(path), "--json").out.encode()) == log


@each_sample
def test_replay(format: str, path: Path) -> None:
    valid("replay", run("replay", str(path), "--json").out)


@pytest.mark.parametrize("to", FORMATS)
@each_sample
def test_convert(format: str, path: Path, to: str, tmp_path: Path) -> None:
    if path.stat().st_size > 10_000 and to != "evlog-json":
        return
    out = tmp_path / "out"
    ran = run("convert", str(path), "--to", to, "-o", str(out), "--json")
    if ran.out:
        assert valid("convert", ran.out)["to"] == to
        assert ran.code == int(evlog.read(path).failed)
    else:
        assert ran.code in (1, 2)
        assert ran.err.startswith("evlog: ")
    if to == "evlog-json":
        valid("log", out.read_text())


def test_verify() -> None:
    log, registers = "samples/tcg2/ovmf.bin", "samples/tcg2/ovmf.pcrs.json"
    document = valid("verify", run("verify", log, "--registers", registers, "--events", "--json").out)
    assert document["ok"]
    other = valid("verify", run("verify", "samples/tcg2/seabios.bin", "--registers", registers, "--json").out)
    assert {"match", "mismatch", "not_logged"} <= {row["verdict"] for row in other["registers"]}
    quote = ("--quote", "samples/evidence/ovmf-quote.msg", "--signature", "samples/evidence/ovmf-quote.sig")
    keyed = (*quote, "--key", "samples/evidence/ovmf-ak.pem", "--pcrs", "samples/evidence/ovmf-quote.pcrs")
    assert valid("verify", run("verify", log, *keyed, "--json").out)["evidence"]["anchored"]
    assert not valid("verify", run("verify", log, *quote, "--json").out)["ok"]


def test_a_register_file() -> None:
    document = json.loads((SAMPLES / "tcg2" / "ovmf.pcrs.json").read_text())
    for each in (document, {"pcr": document}):
        validator("registers").validate(each)
        assert len(evlog.read_registers(json.dumps(each).encode()).registers) == 96
    for wrong in ({"pcr": {"sha256": ["00"]}}, {"sha256": {"0": "xyz"}}, {}):
        with pytest.raises(jsonschema.ValidationError):
            validator("registers").validate(wrong)


def test_captures_and_machines(tmp_path: Path) -> None:
    fake_machine.tpm(tmp_path / "root")
    archive = str(tmp_path / "machine.tar")
    report = valid("capture-report", run("capture", "-o", archive, "--root", str(tmp_path / "root"), "--json").out)
    validator("capture").validate(report["manifest"])
    machine = valid("machine", run("show", archive, "--json").out)
    validator("capture").validate(machine["capture"])
    live = valid("machine", run("show", "--live", "--sysroot", str(tmp_path / "root"), "--json").out)
    assert live["capture"] is None
    for document in (machine, live):
        assert len(document["registers"]) == 96
        for log in document["logs"]:
            assert log.pop("name").endswith("binary_bios_measurements")
            validator("log").validate(log)


def test_diff() -> None:
    documents = [
        valid("diff", run("diff", "samples/tcg2/ovmf.bin", f"samples/{other}.bin", "--json").out)
        for other in ("tcg2/ovmf", "tcg2/secure-boot", "tcg1/seabios")
    ]
    assert [document["equal"] for document in documents] == [True, False, False]


@pytest.mark.parametrize("path", BAD_LOGS, ids=lambda path: path.name)
def test_bad_logs(path: Path) -> None:
    for command, schema in (("show", "log"), ("replay", "replay")):
        ran = run(command, str(path), "--json")
        if ran.out:
            assert valid(schema, ran.out)["findings"]
        else:
            assert ran.code == 3


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("schema", "evlog.log/2"),
        ("platform", "abacus"),
        ("padding", {"fill": 256, "length": 1}),
        ("unknown", 1),
        ("algorithms", ["SHA256"]),
        ("events", [{}]),
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(member: str, value: object) -> None:
    document = json.loads((SAMPLES / "evlog-json" / "everything.json").read_text())
    validator("log").validate(document)
    with pytest.raises(jsonschema.ValidationError):
        validator("log").validate({**document, member: value})
