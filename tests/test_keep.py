"""What --register and --bank keep: after everything else, the same in every command, with numbers that stay."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pytest

import evlog
from evlog import SHA1, SHA256, Register
from evlog.changing.keep import keep
from evlog.contents.pcclient import PCClientEvent
from evlog.errors import ConversionError, UsageError
from evlog.registers import RegisterSet
from tests.command import run
from tests.conftest import SAMPLES, SLOWEST
from tests.made import event, header

LOG = str(SAMPLES / "tcg2/ovmf.bin")
TDX = str(SAMPLES / "ccel/ovmf-tdx.bin")


def shown(*words: str) -> list[dict[str, Any]]:
    ran = run("show", *words, "--json")
    found: list[dict[str, Any]] = json.loads(ran.out)["events"]
    return found


def replayed(*words: str) -> dict[tuple[str, str], str]:
    ran = run("replay", *words, "--json")
    return {(row["register"], row["alg"]): row["value"] for row in json.loads(ran.out)["registers"]}


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


@pytest.mark.parametrize("text", ["pcr:4", "4", "PCR[4]", "4-4", "pcr:4,pcr:99"])
def test_one_register_in_every_spelling(text: str) -> None:
    whole = replayed(LOG)
    assert replayed(LOG, "--register", text) == {key: value for key, value in whole.items() if key[0] == "pcr:4"}
    numbers = [row["number"] for row in shown(LOG) if row["register"] == "pcr:4"]
    assert [row["number"] for row in shown(LOG, "--register", text)] == numbers
    assert len(numbers) > 1
    assert numbers[0] > 1


@pytest.mark.parametrize("text", ["rtmr:0", "RTMR[0]", "ccmr:1", "rtmr:0-0"])
def test_the_hardware_s_names(text: str) -> None:
    assert {key[0] for key in replayed(TDX, "--register", text)} == {"ccmr:1"}
    assert {row["label"] for row in shown(TDX, "--register", text)} == {"RTMR[0]"}


def test_a_range_that_nobody_has_the_memory_for() -> None:
    before = time.process_time()
    assert replayed(LOG, "--register", "0-4294967295") == replayed(LOG)
    assert time.process_time() - before < 10 * SLOWEST
    assert run("replay", LOG, "--register", "0-99999999999").code == 2


@pytest.mark.parametrize(
    "words",
    [
        ["show"],
        ["show", "--json"],
        ["replay"],
        ["replay", "--json"],
        ["diff", LOG],
        ["convert", "--to", "cel-json", "-o", "out"],
        ["convert", "--to", "tcg2", "-o", "out"],
        ["merge", "--to", "cel-json", "-o", "out"],
        ["split", "-o", "parts", "--json"],
    ],
)
def test_what_is_absent_is_an_empty_answer(words: list[str], tmp_path: Path) -> None:
    ran = run(*words, LOG, "--register", "pcr:19,mr:x", folder=tmp_path)
    assert ran.err.splitlines()[0] == "evlog: no event on pcr:19, mr:x"
    assert ran.code == 0
    assert "pcr:0" not in ran.out


def test_a_bank_that_is_absent(tmp_path: Path) -> None:
    for words in (["show"], ["replay"], ["diff", LOG]):
        ran = run(*words, LOG, "--bank", "sm3_256,sha256")
        assert ran.err.splitlines()[0] == "evlog: no sm3_256 bank"
        assert ran.code == 0
    ran = run("convert", LOG, "--to", "cel-json", "--bank", "sm3_256")
    assert (ran.code, ran.out) == (2, "")
    assert run("replay", LOG, "--bank", "sha257").code == 2


def test_banks() -> None:
    whole = replayed(LOG)
    both = {key: value for key, value in whole.items() if key[1] in ("sha1", "sha256")}
    assert 0 < len(both) < len(whole)
    assert replayed(LOG, "--bank", "sha1,sha256") == both == replayed(LOG, "--bank", "sha256", "--bank", "sha1")
    rows = shown(LOG, "--bank", "sha256")
    assert {digest["alg"] for row in rows for digest in row["digests"]} == {"sha256"}
    assert {check["alg"] for row in rows for check in row["checks"]} == {"sha256"}
    assert [row["checks"] for row in rows] == [
        [check for check in row["checks"] if check["alg"] == "sha256"] for row in shown(LOG)
    ]
    assert "sha384" not in run("show", LOG, "--bank", "sha256", "--register", "4", "--tree").out


@pytest.mark.parametrize("to", ["tcg2", "cel-tlv", "cel-cbor", "cel-json", "evlog-json"])
def test_a_part_in_another_format(to: str, tmp_path: Path) -> None:
    words = ["convert", LOG, "--to", to, "-o", "out", "--register", "0-7", "--bank", "sha256"]
    ran = run(*words, "--json", folder=tmp_path)
    assert ran.code == 0, ran.err
    wanted = {key: value for key, value in replayed(LOG).items() if key[1] == "sha256" and int(key[0][4:]) < 8}
    assert replayed(str(tmp_path / "out")) == wanted
    numbers = [each.number for each in evlog.read(tmp_path / "out").events]
    assert numbers == list(range(len(numbers)))


def test_losses_have_the_numbers_of_the_log(tmp_path: Path) -> None:
    """tcg1 has one SHA-1 digest: each event loses the others, under the number that it has."""
    ran = run("convert", LOG, "--to", "tcg1", "-o", "out", "--register", "pcr:4", "--json", folder=tmp_path)
    lost = {loss["event"] for loss in json.loads(ran.out)["losses"] if loss["field"] == "digests.sha256"}
    assert lost - {0} == {row["number"] for row in shown(LOG, "--register", "pcr:4")}


def test_edits_count_in_the_log_as_it_is(tmp_path: Path) -> None:
    first, *_ = numbers = [row["number"] for row in shown(LOG) if row["register"] == "pcr:4"]
    assert first > 4
    whole = replayed(LOG, "--drop", str(first))
    assert replayed(LOG, "--drop", str(first), "--register", "pcr:4") == {
        key: value for key, value in whole.items() if key[0] == "pcr:4"
    }
    assert whole["pcr:4", "sha256"] != replayed(LOG)["pcr:4", "sha256"]
    # An edit of a register that is left out changes nothing that is kept.
    kept = replayed(LOG, "--register", "pcr:0")
    assert replayed(LOG, "--drop", str(numbers[-1]), "--register", "pcr:0") == kept


def test_what_is_left_out_is_not_judged(tmp_path: Path) -> None:
    """A digest that fits nothing, on PCR 5: a warning of that register, and none of others."""
    bad = event(5, 0x80000006, b"GPT", "sha256").replace(sha256(b"GPT"), bytes(32))
    (tmp_path / "log").write_bytes(header("sha256") + event(4, 5, b"a", "sha256") + bad)
    log = str(tmp_path / "log")
    assert run("show", log, "--register", "pcr:4", "--strict").code == 0
    a, b = SAMPLES / "tcg2/ovmf.bin", tmp_path / "log"
    assert run("diff", str(b), log, "--register", "pcr:4").code == 0
    assert run("diff", str(a), log, "--register", "pcr:14").code == 0


def test_a_textual_log_takes_the_register_that_stands_alone(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"a b c\n")
    log = str(tmp_path / "log")
    words = ["--from", "text", "--hash", "sha384"]
    assert {key[0] for key in replayed(log, *words, "--register", "rtmr:3")} == {"rtmr:3"}
    assert {key[0] for key in replayed(log, *words, "--register", "rtmr:3", "--register", "0-7")} == {"rtmr:3"}
    assert replayed(log, *words, "--register", "0-7") == {}


def test_a_launch_that_is_left_out(tmp_path: Path) -> None:
    """A dynamic launch on PCR 17 resets 17 to 22: PCR 18 alone may start elsewhere, and is refused then."""
    launch = event(17, 0x402, b"launch", "sha256")  # EVTYPE: TXT's HASH_START, which the launch itself extends
    (tmp_path / "log").write_bytes(header("sha256") + launch + event(18, 0x501, b"a", "sha256"))
    log = evlog.read(tmp_path / "log")
    wanted = evlog.replay(log)[Register("pcr", 18), SHA256]
    ran = run("replay", str(tmp_path / "log"), "--register", "pcr:18", "--json")
    assert json.loads(ran.out)["registers"][0]["value"] == wanted.hex()
    try:
        part, _ = keep(log, RegisterSet.parse("pcr:18"))
    except ConversionError as error:
        assert str(error).startswith("pcr:18 would have another value in sha256")
    else:
        assert evlog.replay(part)[Register("pcr", 18), SHA256] == wanted
    part, _ = keep(log, RegisterSet.parse("pcr:17,pcr:18"))
    assert evlog.replay(part).rows == evlog.replay(log).rows


def test_a_part_keeps_its_numbers() -> None:
    log = evlog.read(LOG)
    part, losses = keep(log, RegisterSet.parse("pcr:7"))
    assert list(part.events[1:]) == [each for each in log.events if each.register == Register("pcr", 7)]
    assert losses == []
    part, losses = keep(log, None, [SHA1])
    assert [loss.event for loss in losses] == [0]
    assert part.algorithms == (SHA1,)
    with pytest.raises(UsageError, match="no sm3_256 bank"):
        keep(log, None, [evlog.SM3_256])
    assert keep(log) == (log, [])


# What no replay follows


def left_out(path: Path) -> list[dict[str, Any]]:
    ran = run("replay", str(path), "--json")
    assert ran.code == 0
    findings = json.loads(ran.out)["findings"]
    return [finding for finding in findings if finding["code"] == "not_replayed"]


@pytest.mark.parametrize("to", ["tcg2", "evlog-json", "cel-tlv", "cel-json"])
def test_events_on_registers_that_no_tpm_has(to: str, tmp_path: Path) -> None:
    """A TPM of a PC has PCR 0 to 23 (TCG PC Client Platform TPM Profile, section 4.6)."""
    data = header("sha256") + event(23, 5, b"a", "sha256")
    data += b"".join(event(pcr, 5, b"a", "sha256") for pcr in (24, 31, 24))
    data += event(25, 3, b"not measured", "sha256") + event(0xFFFFFFFF, 3, b"", "sha256")
    log = evlog.read(data)
    if to.startswith("cel"):
        # A CEL has no place for 0xFFFFFFFF.
        log = log.replace(events=tuple(log.events[:-1]))
    (tmp_path / "log").write_bytes(evlog.convert(log, to).data)
    found = left_out(tmp_path / "log")
    assert [(each["severity"], each["event"]) for each in found] == [("warning", 2), ("warning", 3)]
    assert [each["message"].split(":")[0:2] for each in found] == [["2 events on pcr", "24"], ["an event on pcr", "31"]]
    assert set(replayed(str(tmp_path / "log"))) == {("pcr:23", "sha256")}
    ran = run("replay", str(tmp_path / "log"))
    assert "pcr:24" in ran.err
    assert "pcr:31" in ran.err
    assert "pcr:24" not in run("replay", str(tmp_path / "log"), "--register", "0-23").err
    assert "no event" not in run("replay", str(tmp_path / "log"), "--register", "24").err


def test_a_line_on_a_register_that_no_tpm_has(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"# a comment\npcr:24 a b c\n")
    log = evlog.read(tmp_path / "log", format="text", index="pcr", hash="sha256")
    if any(str(each.register) == "pcr:24" for each in log.events):
        assert [f.event for f in evlog.replay(log).findings if f.code == "not_replayed"] == [1]
    (tmp_path / "log").write_bytes(b"# a comment\n24 a b c\n")
    log = evlog.read(tmp_path / "log", format="text", index="pcr", hash="sha256")
    assert [f.event for f in evlog.replay(log).findings if f.code == "not_replayed"] == [1]


def test_a_million_registers_are_not_a_million_findings() -> None:
    digest = (evlog.Digest(SHA256, bytes(32)),)
    events = tuple(evlog.Event(n, Register("pcr", n), digest, PCClientEvent(13, b"")) for n in range(24, 224))
    found = evlog.replay(evlog.Log("evlog-json", events, algorithms=(SHA256,))).findings
    assert len(found) == 33
    assert found[-1].message == "events on 168 more such registers"


def test_the_build_time_register(tmp_path: Path) -> None:
    """Nothing extends MRTD: UEFI 2.10 section 38.4.1."""
    digest = (evlog.Digest(evlog.SHA384, bytes(48)),)
    log = evlog.Log("ccel", (evlog.Event(0, Register("ccmr", 0), digest, PCClientEvent(13, b"")),), platform="tdx")
    (found,) = evlog.replay(log.replace(algorithms=(evlog.SHA384,))).findings
    assert (found.code, found.event) == ("not_replayed", 0)
