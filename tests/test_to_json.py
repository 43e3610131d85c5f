"""``to_json()`` gives what the command prints with ``--json``, by the same schemas."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import evlog
from evlog.schemas import schema
from tests.command import run

if TYPE_CHECKING:
    from typing import Any

BOOT, OTHER, VALUES = "samples/tcg2/secure-boot.bin", "samples/tcg2/ovmf.bin", "samples/tcg2/secure-boot.pcrs.json"
CUT = "samples/bad/cut-record.bin"


@pytest.fixture
def boot(monkeypatch: pytest.MonkeyPatch) -> evlog.Log:
    from tests.conftest import ROOT

    monkeypatch.chdir(ROOT)
    return evlog.read(BOOT)


def printed(*arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run(*arguments, "--json").out)
    return document


def by_its_schema(document: dict[str, Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(document, json.loads(schema(document["schema"])))


def test_what_the_command_prints(boot: evlog.Log) -> None:
    values = evlog.read_registers(VALUES)
    for made, arguments in (
        (evlog.replay(boot).to_json(), ("replay", BOOT)),
        (evlog.verify(boot, values).to_json(), ("verify", BOOT, "--registers", VALUES)),
        (evlog.diff(boot, evlog.read(OTHER)).to_json(), ("diff", BOOT, OTHER)),
    ):
        assert json.loads(json.dumps(made)) == printed(*arguments)
        by_its_schema(made)


def test_the_exit_code_is_the_command_s(boot: evlog.Log) -> None:
    log = evlog.read(CUT)
    made = evlog.verify(log, evlog.read_registers(VALUES)).to_json()
    assert made["exit"] == run("verify", CUT, "--registers", VALUES).code == 1
    assert evlog.verify(boot, evlog.read_registers(VALUES)).to_json()["exit"] == 0


def test_a_log_is_read_back(boot: evlog.Log) -> None:
    made = boot.to_json()
    by_its_schema(made)
    assert evlog.read(json.dumps(made).encode()) == boot
    shown = printed("show", BOOT)
    assert {name: value for name, value in shown.items() if name not in ("events", "findings")} == {
        name: value for name, value in made.items() if name not in ("events", "findings")
    }
    for of_show, own in zip(shown["events"], made["events"], strict=True):
        assert own.items() <= of_show.items()


def test_registers_have_the_platform_s_labels() -> None:
    replayed = evlog.replay(evlog.read("samples/ccel/ovmf-tdx.bin"))
    assert replayed.to_json("tdx")["registers"][0]["label"] == "RTMR[0]"


def test_they_are_listed_where_people_look_for_them(boot: evlog.Log) -> None:
    assert "to_json" in dir(boot)
    assert "to_json" not in dir(boot.events[0])
    assert not hasattr(boot.events[0], "to_json")
