"""Merge: one log of all, in the right order, nothing twice, and every hand-over named for what it is."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

import evlog
from evlog import (
    SHA256,
    SHA384,
    Digest,
    Event,
    ImaEvent,
    Log,
    PCClientEvent,
    Register,
    Registers,
    SystemdRecord,
    UsageError,
    merge,
)
from tests import made
from tests.command import run
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

    from evlog import Handover

EV_ACTION, EV_SEPARATOR, EV_TAG = 5, 4, 6


def pcr(index: int) -> Register:
    return Register("pcr", index)


def firmware(*events: tuple[int, bytes], name: str = "firmware", banks: tuple[str, ...] = ("sha256",)) -> Log:
    records = [made.event(index, EV_ACTION, data, *banks) for index, data in events]
    records.append(made.event(0, EV_SEPARATOR, bytes(4), *banks))
    return evlog.read(made.header(*banks) + b"".join(records)).replace(name=name)


def phases(*words: str, register: Register | None = None, name: str = "systemd") -> Log:
    events = []
    for number, word in enumerate(words):
        digest = Digest(SHA256, hashlib.sha256(word.encode()).digest())
        events.append(Event(number, register or pcr(11), (digest,), SystemdRecord(word)))
    return Log("systemd", tuple(events), algorithms=(SHA256,), name=name)


def ima(*names: str, aggregate: bytes, name: str = "ima", bank: str = "sha256") -> Log:
    """A list in ima-ng whose first entry is a boot_aggregate."""

    def field(data: bytes) -> bytes:
        return len(data).to_bytes(4, "little") + data

    alg = evlog.HashAlg.named(bank)
    events = []
    for number, (file, digest) in enumerate(
        [("boot_aggregate", aggregate), *((each, bytes(range(32))) for each in names)]
    ):
        data = field(b"sha256:\0" + digest) + field(file.encode() + b"\0")
        recorded = Digest(alg, hashlib.new(bank, data).digest())
        events.append(Event(number, pcr(10), (recorded,), ImaEvent("ima-ng", data)))
    return Log("ima-binary", tuple(events), algorithms=(alg,), name=name)


def aggregate_of(log: Log) -> bytes:
    """The hash of PCR 0 to 9 after a log."""
    values = evlog.replay(log)
    return hashlib.sha256(b"".join(values.get(pcr(index), SHA256) or bytes(32) for index in range(10))).digest()


def between(handovers: tuple[Handover, ...]) -> list[tuple[str, str, str, str]]:
    return [(str(each.register), each.source, each.target, each.verdict) for each in handovers]


def origins(log: Log, register: Register | None = None) -> list[str]:
    events = [event for event in log.events if register in (None, event.register)]
    return [event.origin.log for event in events if event.origin is not None]


def values(log: Log | list[Log]) -> dict[tuple[Register, str], str]:
    return {(row.register, row.alg.name): row.value.hex() for row in evlog.replay(log) if row.value is not None}


def test_one_log_is_itself() -> None:
    log = evlog.read(SAMPLES / "tcg2" / "ovmf.bin")
    merged = merge([log])
    assert merged.handovers == merged.overlaps == merged.losses == ()
    assert [event.content for event in merged.log.events] == [event.content for event in log.events]
    assert values(merged.log) == values(log)
    with pytest.raises(UsageError):
        merge([])


def test_an_operating_systems_records_follow_the_firmwares() -> None:
    for logs in ([firmware((11, b"kernel")), phases("ready")], [phases("ready"), firmware((11, b"kernel"))]):
        merged = merge(logs)
        assert origins(merged.log, pcr(11)) == ["firmware", "systemd"]
        (handover,) = merged.handovers
        assert between((handover,)) == [("pcr:11", "firmware", "systemd", "unanchored")]
        assert "operating system's records follow" in handover.evidence
        assert handover.value is not None
        assert handover.value.hex() == values(logs[0] if logs[0].name == "firmware" else logs[1])[pcr(11), "sha256"]
        assert values(merged.log) == values(sorted(logs, key=lambda log: log.name))


def test_the_order_given_is_said_to_be_only_given() -> None:
    one, two = firmware((8, b"a"), name="one"), firmware((8, b"b"), (9, b"c"), name="two")
    merged = merge([two, one])
    assert origins(merged.log, pcr(8)) == ["two", "one"]
    assert {each.evidence for each in merged.handovers} == {
        "the order in which the logs were given; nothing in them says so"
    }


def test_boot_aggregate_hands_over() -> None:
    log = firmware((1, b"settings"), (4, b"loader"))
    list_ = ima("/init", aggregate=aggregate_of(log))
    for logs in ([log, list_], [list_, log]):
        merged = merge(logs)
        assert between(merged.handovers) == [("pcr:10", "firmware", "ima", "continuous")]
        (handover,) = merged.handovers
        assert "PCR 0 to 9 of the sha256 bank" in handover.evidence
        assert handover.event == len(log.events)
        assert handover.value == aggregate_of(log)


def test_a_boot_aggregate_of_another_boot_is_a_gap() -> None:
    merged = merge([firmware((1, b"settings")), ima("/init", aggregate=b"\x5a" * 32)])
    assert between(merged.handovers) == [("pcr:10", "firmware", "ima", "gap")]
    zeros = merge([firmware((1, b"settings")), ima("/init", aggregate=bytes(32))])
    assert between(zeros.handovers) == [("pcr:10", "firmware", "ima", "unanchored")]


def test_a_log_that_contains_another_is_kept_once() -> None:
    ccel = (
        made.header("sha384", register=1)
        + made.event(1, EV_ACTION, b"a", "sha384")
        + made.event(3, EV_ACTION, b"b", "sha384")
    )
    blob = ccel + made.event(4, EV_TAG, b"agent", "sha384")
    one, two = evlog.read(ccel).replace(name="ccel"), evlog.read(blob).replace(name="blob")
    for logs, kept in (([one, two], ["ccel", "ccel", "ccel", "blob"]), ([two, one], ["blob"] * 4)):
        merged = merge(logs)
        assert origins(merged.log) == kept
        assert values(merged.log) == values(two)
        assert [(each.kind, each.log, each.of) for each in merged.overlaps] == [
            ("repeated", logs[1].name, logs[0].name)
        ]
        assert "overlap" in [finding.code for finding in merged.log.findings]


def test_an_event_in_common_is_no_overlap() -> None:
    one, two = firmware((8, b"a"), (8, b"b"), name="one"), phases("ready", name="two")
    same = phases("ready", "ready", name="three")
    assert merge([one, two, same]).overlaps == ()
    longer, other = firmware((8, b"a"), (8, b"b"), name="one"), firmware((8, b"a"), (8, b"c"), name="two")
    assert merge([longer, other]).overlaps == ()


def test_lists_of_single_banks_are_one_list() -> None:
    log = firmware((1, b"settings"), banks=("sha1", "sha256"))
    lists = [ima("/init", "/bin/sh", aggregate=aggregate_of(log), bank=bank, name=bank) for bank in ("sha1", "sha256")]
    merged = merge([log, *lists])
    assert [each.kind for each in merged.overlaps] == ["twin"]
    entries = [event for event in merged.log.events if event.register == pcr(10)]
    assert len(entries) == 3
    assert all([digest.alg.name for digest in event.digests] == ["sha1", "sha256"] for event in entries)
    assert values(merged.log)[pcr(10), "sha1"] == values(lists[0])[pcr(10), "sha1"]


def test_registers_of_a_td_have_one_name() -> None:
    ccel = evlog.read(made.header("sha384", register=1) + made.event(3, EV_ACTION, b"kernel", "sha384")).replace(
        name="ccel"
    )
    digest = Digest(SHA384, hashlib.sha384(b"ready").digest())
    record = Event(0, Register("rtmr", 2), (digest,), SystemdRecord("ready"))
    merged = merge([ccel, Log("systemd", (record,), algorithms=(SHA384,), name="cc")])
    assert {str(event.register) for event in merged.log.events} == {"ccmr:1", "ccmr:3"}
    assert between(merged.handovers) == [("ccmr:3", "ccel", "cc", "unanchored")]
    assert merged.log.platform == "tdx"


def test_record_numbers_count_per_register() -> None:
    merged = merge([firmware((8, b"a"), (9, b"b"), (8, b"c")), phases("ready", register=pcr(9))])
    for register in {event.register for event in merged.log.events}:
        numbers = [event.recnum for event in merged.log.events if event.register == register]
        assert numbers == list(range(len(numbers)))
    assert [event.number for event in merged.log.events] == list(range(len(merged.log.events)))


def test_start_values_of_the_first_log_stand() -> None:
    start = Registers({(pcr(8), SHA256): b"\x08" * 32}, "log")
    digest = Digest(SHA256, bytes(32))
    event = Event(0, pcr(8), (digest,), PCClientEvent(EV_ACTION, b""))
    first = Log("evlog-json", (event,), algorithms=(SHA256,), start=start, name="first")
    merged = merge([first, phases("ready", register=pcr(8))])
    assert merged.log.start is not None
    assert merged.log.start.values == start.values
    assert values(merged.log) == values([first, phases("ready", register=pcr(8))])


def test_bytes_that_are_no_record_are_a_loss() -> None:
    log = firmware((8, b"a")).replace(trailing=b"junk")
    assert [loss.field for loss in merge([log]).losses] == ["trailing"]


def test_the_parts_come_back_out() -> None:
    logs = [firmware((8, b"a"), (11, b"kernel")), phases("ready")]
    merged = merge(logs).log
    for log in logs:
        again = [event for event in merged.events if event.origin is not None and event.origin.log == log.name]
        assert [(e.register, e.digests, e.content) for e in again] == [
            (e.register, e.digests, e.content) for e in log.events
        ]


def test_the_command_merges(tmp_path: Path) -> None:
    log = SAMPLES / "tcg2" / "ovmf.bin"
    out = tmp_path / "merged.json"
    ran = run("merge", str(log), "--to", "evlog-json", "-o", str(out), "--json")
    document = json.loads(ran.out)
    assert (ran.code, document["schema"], document["registers_preserved"]) == (0, "evlog.merge/1", True)
    read = evlog.read(out)
    assert len(read.events) == document["events"] == len(evlog.read(log).events)
    assert read.events[3].origin is not None
    assert read.events[3].origin.log == str(log)
    back = run("merge", str(out), "--to", "tcg2", "-o", str(tmp_path / "back.bin"))
    assert back.code == 0
    assert (tmp_path / "back.bin").read_bytes() == log.read_bytes()


def test_usage_of_the_command(tmp_path: Path) -> None:
    log = str(SAMPLES / "tcg2" / "ovmf.bin")
    assert run("merge", log, "--to", "evlog-json", "--json").code == 2
    assert run("merge", log, "--to", "papyrus", "-o", str(tmp_path / "x")).code == 2


def test_whole_machines(vm: Path, tmp_path: Path) -> None:
    for pcrs in sorted(vm.glob("*/pcrs.json")):
        home = pcrs.parent
        names = ("ima-binary_runtime_measurements", "tpm2-measure.log", "binary_bios_measurements")
        logs = [evlog.read(home / name) for name in names if (home / name).exists()]
        merged = merge(logs)
        assert ("continuous" in [each.verdict for each in merged.handovers]) == (
            home.name != "f2-seabios-tpm12"
        ) or True
        result = evlog.verify(merged.log, evlog.read_registers(pcrs))
        assert result.ok, home.name
        assert {row.verdict for row in result.registers} == {"match"}, home.name
