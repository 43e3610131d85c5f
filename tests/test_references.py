"""What a boot extended its registers by: references, and what no register covers."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import jsonschema
import pytest

import evlog
from evlog import hashing
from evlog.errors import ConversionError, UsageError
from evlog.references import CONSUMERS
from evlog.references.reference import boots_of
from evlog.schemas import schema
from tests.command import run
from tests.conftest import SAMPLES
from tests.firmware_logs import firmware_logs
from tests.made import event, header, variable

LOG = SAMPLES / "tcg2" / "secure-boot.bin"
CCEL = SAMPLES / "ccel" / "ovmf-tdx.bin"
LOGS = dict(firmware_logs())
NO_ACTION, SEPARATOR, IPL, ACTION, CONFIG = 3, 4, 0xD, 0x80000007, 0x80000001


def of(data: bytes) -> evlog.Boot:
    return evlog.boot_of(evlog.read(data))


@pytest.mark.parametrize("name", LOGS)
def test_references_lead_to_the_values_of_their_registers(name: str) -> None:
    boot = evlog.boot_of(evlog.read(LOGS[name]))
    for each in boot.registers:
        assert [value.alg for value in each.values] == list(each.banks)
        for start in each.starts:
            digests = [reference.digest(start.alg) for reference in each.events]
            assert None not in digests
            value = hashing.backend().fold(start.alg, start.value, [digest for digest in digests if digest])
            assert value == each.value(start.alg)


def test_what_extends_a_register_is_a_reference_and_nothing_else() -> None:
    log = evlog.read(LOG)
    boot = evlog.boot_of(log)
    assert len(boot) == 51
    assert [each.number for each in boot] == [event.number for event in log.events if event.measured]
    assert {str(each.register): len(each.events) for each in boot.registers} == {
        "pcr:0": 4, "pcr:1": 5, "pcr:2": 1, "pcr:3": 1, "pcr:4": 6, "pcr:5": 4, "pcr:6": 1, "pcr:7": 9, "pcr:8": 13,
        "pcr:9": 4, "pcr:14": 3,
    }  # fmt: skip
    assert [(loss.event, loss.field) for loss in boot.losses] == [(0, "content")]


def test_a_reference_says_what_it_is_and_whether_that_is_proven() -> None:
    boot = evlog.boot_of(evlog.read(LOG))
    by_number = {each.number: each for each in boot}
    secure_boot, image = by_number[4], next(each for each in boot if "BOOT_SERVICES_APP" in each.description.type)
    assert secure_boot.proven
    assert (secure_boot.description.type, secure_boot.description.name) == (
        "EV_EFI_VARIABLE_DRIVER_CONFIG",
        "SecureBoot",
    )
    # An image's digest is of the file, which is not in the log.
    assert not image.proven


def test_one_wrong_digest_of_several_proves_nothing() -> None:
    good = event(1, ACTION, b"text", "sha1", "sha256")
    bad = good.replace(hashlib.sha1(b"text").digest(), bytes(20))
    spec = header("sha1", "sha256")
    assert [each.proven for each in of(spec + good)] == [True]
    assert [each.proven for each in of(spec + bad)] == [False]


def test_a_bank_that_an_event_lacks_is_left_out_of_its_register() -> None:
    data = header("sha1", "sha256") + event(1, ACTION, b"a", "sha1", "sha256") + event(1, ACTION, b"b", "sha256")
    boot = of(data + event(2, ACTION, b"c", "sha1", "sha256"))
    banks = {str(each.register): [alg.name for alg in each.banks] for each in boot.registers}
    assert banks == {"pcr:1": ["sha256"], "pcr:2": ["sha1", "sha256"]}
    assert all(len(reference.digests) == 1 for reference in boot.registers[0].events)
    assert "digests.sha1" in [loss.field for loss in boot.losses]


def test_what_a_log_states_is_no_reference() -> None:
    boot = evlog.boot_of(evlog.read(SAMPLES / "text" / "tsm-text-gap.log"))
    assert boot.registers == ()
    assert "states" in boot.losses[-1].reason


def test_a_second_digest_of_an_algorithm_is_a_loss() -> None:
    log = evlog.read(header("sha256") + event(1, ACTION, b"a", "sha256"))
    more = evlog.Digest(evlog.SHA256, bytes(32))
    twice = log.replace(events=tuple(each.replace(digests=(*each.digests, more)) for each in log.events))
    boot = evlog.boot_of(twice)
    assert [each.digests[0].value for each in boot] == [hashlib.sha256(b"a").digest()]
    assert (1, "digests.sha256") in [(loss.event, loss.field) for loss in boot.losses]


def test_registers_and_banks_can_be_chosen() -> None:
    kept = evlog.boot_of(evlog.read(LOG), registers=evlog.RegisterSet.parse("4,7"), banks=[evlog.SHA256])
    assert [str(each.register) for each in kept.registers] == ["pcr:4", "pcr:7"]
    assert {len(each.digests) for each in kept} == {1}
    assert kept.losses == ()


def test_a_register_is_found_by_any_of_its_names() -> None:
    boot = evlog.boot_of(evlog.read(CCEL, platform="tdx"))
    assert boot.of(evlog.Register("rtmr", 1)) == boot.of(evlog.Register("ccmr", 2))
    assert boot.of(evlog.Register("ccmr", 2)) is not None
    assert boot.of(evlog.Register("pcr", 1)) is None


def test_logs_of_other_kinds_are_of_one_boot() -> None:
    firmware, ima = evlog.read(LOG), evlog.read(SAMPLES / "ima-binary" / "ng-violations.bin")
    assert [len(boot.logs) for boot in boots_of([firmware, ima, firmware, ima])] == [2, 2]
    assert [len(boot.logs) for boot in boots_of([firmware, firmware])] == [1, 1]
    (boot,) = boots_of([firmware, ima])
    assert [each.place for each in boot] == sorted(each.place for each in boot)
    assert len(boot) == 51 + len(ima.events)
    assert boot.losses[0].reason.startswith(firmware.name)


def test_a_consumer_that_there_is_not() -> None:
    boot = evlog.boot_of(evlog.read(LOG))
    for arguments in ({"to": "other"}, {"to": "pcrlock", "by": "register"}, {"to": "rvps", "vendor": "ACME"}):
        with pytest.raises(UsageError):
            evlog.export(boot, **arguments)  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        evlog.export([], "corim")


@pytest.mark.parametrize("to", CONSUMERS)
def test_nothing_comes_of_nothing(to: str) -> None:
    empty = of(header("sha256") + event(0, NO_ACTION, b"x", "sha256"))
    with pytest.raises(ConversionError):
        evlog.export(empty, to)


@pytest.mark.parametrize("to", CONSUMERS)
def test_the_command(to: str, tmp_path: Path) -> None:
    log = str(CCEL if to == "rvps" else LOG)
    out = tmp_path / "out"
    ran = run("export", log, "--to", to, "-o", str(out))
    assert ran.code == 0, ran.err
    assert "lost: event 0: content: not measured" in ran.err
    assert out.is_dir() == (to == "pcrlock")
    ran = run("export", log, "--to", to, "-o", str(tmp_path / "again"), "--json")
    document = json.loads(ran.out)
    jsonschema.validate(document, json.loads(schema("evlog.export/1")))
    assert (document["to"], len(document["boots"])) == (to, 1)


def test_the_command_says_no(tmp_path: Path) -> None:
    for code, *arguments in (
        (1, str(CCEL), "--to", "pcrlock", "-o", str(tmp_path / "a")),
        (2, str(LOG), "--to", "pcrlock", "-o", "-"),
        (2, str(LOG), "--to", "nobody", "-o", "-"),
        (2, str(LOG), "--to", "corim", "-o", "-", "--json"),
        (2, str(LOG), "--to", "pcrlock", "--by", "register", "-o", str(tmp_path / "b")),
        (1, str(LOG), "--to", "corim", "--strict", "-o", str(tmp_path / "c")),
        (3, str(SAMPLES / "SOURCES.md"), "--to", "corim", "-o", str(tmp_path / "d")),
    ):
        assert run("export", *arguments).code == code, arguments
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_is_cut_is_no_whole_boot(tmp_path: Path) -> None:
    cut = tmp_path / "cut.bin"
    cut.write_bytes(LOG.read_bytes()[:-100])
    ran = run("export", str(cut), "--to", "pcrlock", "-o", str(tmp_path / "out"))
    assert ran.code == 1
    assert "error" in ran.err


def test_what_is_kept_of_a_log(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("export", str(LOG), "--to", "pcrlock", "--register", "4,7", "--bank", "sha256", "-o", str(out)).code == 0
    assert sorted(path.name for path in out.iterdir()) == ["304-evlog-pcr4.pcrlock", "307-evlog-pcr7.pcrlock"]
    assert "no event on pcr:23" in run("export", str(LOG), "--to", "corim", "--register", "4,23", "-o", "-").err


def test_data_that_is_not_proven_is_no_reference_value() -> None:
    forged = variable("SecureBoot", b"\1")
    spec = header("sha256") + event(0, 8, b"v", "sha256")
    good, bad = (
        event(7, CONFIG, forged, "sha256"),
        event(7, CONFIG, forged, "sha256", hashed=variable("SecureBoot", b"\0")),
    )
    assert json.loads(evlog.export(of(spec + good), "keylime").data)["has_secureboot"] is True
    with pytest.raises(ConversionError, match="event 2"):
        evlog.export(of(spec + bad), "keylime")
