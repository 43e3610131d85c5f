"""Merge: one log of all, in the right order, nothing twice, and every hand-over named for what it is."""

from __future__ import annotations

import hashlib
import json
import struct
from typing import TYPE_CHECKING

import pytest

import evlog
from evlog import (
    SHA256,
    SHA384,
    Digest,
    Event,
    HashAlg,
    Header,
    ImaEvent,
    Log,
    PCClientEvent,
    Register,
    Registers,
    SystemdRecord,
    UsageError,
    merge,
)
from evlog.changing.split import split
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
    return {(row.register, row.alg.name): row.value.hex() for row in evlog.replay(log).rows if row.value is not None}


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


def retold(log: Log, number: int, content: evlog.Content, name: str = "other") -> Log:
    """The log with another content under the digests of one event, as somebody might read it elsewhere."""
    events = [each.replace(content=content) if each.number == number else each for each in log.events]
    return log.replace(events=tuple(events), name=name)


@pytest.mark.parametrize("content", [PCClientEvent(EV_ACTION, b"evil"), PCClientEvent(EV_TAG, b"good")])
def test_events_with_the_same_digests_and_other_data_are_not_the_same(content: PCClientEvent) -> None:
    """No digest says which of the two is true, so neither is dropped, and it is said."""
    log = firmware((4, b"good"), (5, b"more"), name="first")
    merged = merge([log, retold(log, 1, content)])
    told = [event.content for event in merged.log.events if event.measured]
    assert PCClientEvent(EV_ACTION, b"good") in told
    assert content in told
    assert merged.overlaps == ()
    (finding,) = [each for each in merged.log.findings if each.code == "same_digests"]
    assert finding.severity == "warning"
    assert finding.message.startswith("1 event of other has the digests of events of first and other data")


def test_events_with_the_same_digests_and_data_are_kept_once() -> None:
    log = firmware((4, b"good"), (5, b"more"), name="first")
    merged = merge([log, retold(log, 1, PCClientEvent(EV_ACTION, b"good"))])
    assert len(merged.log.events) == len(log.events)
    assert [each.kind for each in merged.overlaps] == ["repeated"]
    assert "same_digests" not in {each.code for each in merged.log.findings}


def test_a_line_and_the_event_that_carries_it_are_the_same() -> None:
    lines = evlog.read(b"INIT sha384/" + b"00" * 48 + b"\na b c\nd e f\n", register=Register("ccmr", 4), platform="tdx")
    carried = evlog.convert(lines, "ccel").log.replace(name="ccel")
    assert [each.kind for each in merge([carried, lines.replace(name="text")]).overlaps] == ["repeated"]
    changed = retold(carried, 2, PCClientEvent(EV_ACTION, b"x y z"), name="ccel")
    assert merge([changed, lines.replace(name="text")]).overlaps == ()


def test_data_that_an_ascii_list_does_not_have_is_not_another() -> None:
    binary, text = (
        evlog.read(SAMPLES / f"ima-{name}") for name in ("binary/ng-violations.bin", "ascii/ng-violations.txt")
    )
    assert text.events[25].content != binary.events[25].content
    merged = merge([binary, text])
    assert len(merged.log.events) == len(binary.events)
    renamed = retold(text, 25, ImaEvent("ima-sig", b"", "not in the text"))
    assert len(merge([binary, renamed]).log.events) == 2 * len(binary.events)


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
    merged = merge([firmware((8, b"a"), (9, b"b"), (8, b"c")), phases("ready", register=pcr(9))]).log
    assert [event.number for event in merged.events] == list(range(len(merged.events)))
    converted = evlog.convert(merged, "cel-json")
    assert converted.losses == ()
    for register in {event.register for event in merged.events}:
        numbers = [event.recnum for event in converted.log.events if event.register == register]
        assert numbers == list(range(len(numbers)))


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


def test_digests_of_a_wrong_size_do_not_take_a_bank_away() -> None:
    cut = HashAlg.of(SHA256.id, 31)
    odd = phases("ready").events[0].replace(digests=(Digest(cut, bytes(31)),))
    merged = merge([firmware((4, b"x")), Log("systemd", (odd,), algorithms=(cut,), name="systemd")]).log
    assert merged.algorithms == (SHA256,)
    expected = hashlib.sha256(bytes(32) + hashlib.sha256(b"x").digest()).digest()
    assert evlog.replay(merged)[pcr(4), SHA256] == expected
    assert evlog.replay(merged).get(pcr(11), SHA256) is None


def test_a_register_whose_value_nobody_knows_is_a_part_too() -> None:
    records = (*firmware((4, b"x")).events[1:], *phases("ready").events)
    silent = records[-1].replace(content=PCClientEvent(EV_ACTION, b"y"), digests=())
    events = tuple(each.replace(number=number) for number, each in enumerate((*records[:-1], silent)))
    parts = split(Log("cel-json", events, algorithms=(SHA256,))).parts
    assert [(str(part.register), len(part.values)) for part in parts] == [("pcr:0", 1), ("pcr:4", 1), ("pcr:11", 0)]


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


# Textual logs: the kernel's log goes on where the CCEL ended


def sha384(data: bytes) -> bytes:
    return hashlib.sha384(data).digest()


class Guest:
    """A confidential guest: a CCEL, then a textual log of RTMR[2] with extensions outside the log. Values by hand."""

    def __init__(self, *lines: bytes, stated: bytes | None = None) -> None:
        self.ccel = made.header("sha384", register=1)
        self.value = bytes(48)
        for index, data in ((1, b"firmware"), (3, b"kernel"), (3, b"command line")):
            self.ccel += made.event(index, EV_ACTION, data, "sha384")
            if index == 3:
                self.extend(sha384(data))
        self.text = b""
        self.sync(stated)
        for line in lines:
            if line == b"off the log":
                digest = sha384(line)
                self.text += b"# .EXTEND " + digest.hex().encode() + b"\n"
                self.extend(digest)
            elif line == b"unknown":
                self.extend(sha384(line))
            elif line == b"SYNC":
                self.sync()
            else:
                self.line(line)

    def extend(self, digest: bytes) -> None:
        self.value = sha384(self.value + digest)

    def sync(self, stated: bytes | None = None) -> None:
        self.line(b"SYNC sha384/" + (stated or self.value).hex().encode())

    def line(self, line: bytes) -> None:
        self.text += line + b"\n"
        self.extend(sha384(line))

    def logs(self, register: str | None = "ccmr:3") -> list[Log]:
        text = evlog.read(self.text, register=Register.parse(register) if register else None)
        return [evlog.read(self.ccel).replace(name="ccel"), text.replace(name="text")]

    def verified(self, logs: list[Log], value: bytes | None = None) -> tuple[str, str | None, list[str]]:
        """Verdict and cause for RTMR[2], and the standings of the textual log's events."""
        registers = Registers({(Register("ccmr", 3), SHA384): value or self.value})
        result = evlog.verify(logs, registers)
        row = result.get(Register("ccmr", 3), SHA384)
        assert row is not None
        return row.verdict, row.cause, [standing for _, standing in result.logs[-1].standings()]


LINES = (b"example.org/app load a", b"off the log", b"SYNC", b"example.org/app load b")


def test_a_textual_log_goes_on_where_the_ccel_ended() -> None:
    guest = Guest(*LINES)
    for logs in (guest.logs(), guest.logs()[::-1], guest.logs("rtmr:2"), guest.logs(None)):
        merged = merge(logs)
        assert origins(merged.log)[0] == "ccel"
        assert between(merged.handovers) == [
            ("ccmr:3", "ccel", "text", "continuous"),
            ("ccmr:3", "text", "text", "explained_gap"),
        ]
        assert evlog.replay(merged.log).get(Register("ccmr", 3), SHA384) == guest.value
        verdict, cause, standings = guest.verified(logs)
        assert (verdict, cause) == ("match", "explained_gap")
        assert standings == ["proven", "proven", "informative", "proven", "proven"]
        assert guest.verified([merged.log])[:2] == ("match", "explained_gap")


def test_a_changed_ccel_is_a_gap_and_what_follows_is_proven() -> None:
    guest = Guest(b"example.org/app load a")
    ccel, text = guest.logs()
    changed = bytearray(guest.ccel)
    at = guest.ccel.index(sha384(b"kernel"))
    changed[at] ^= 1
    logs = [evlog.read(bytes(changed)).replace(name="ccel"), text]
    assert between(merge(logs).handovers) == [("ccmr:3", "ccel", "text", "gap")]
    registers = Registers({(Register("ccmr", 3), SHA384): guest.value})
    result = evlog.verify(logs, registers)
    row = result.get(Register("ccmr", 3), SHA384)
    assert row is not None
    assert (row.verdict, row.cause, row.proven) == ("match", "gap", 2)
    assert [standing for _, standing in result.logs[0].standings()] == ["informative"] + ["claimed"] * 3
    assert [standing for _, standing in result.logs[1].standings()] == ["proven", "proven"]
    assert ccel.events != logs[0].events


def test_a_gap_that_nothing_explains() -> None:
    guest = Guest(b"example.org/app load a", b"unknown", b"SYNC", b"example.org/app load b")
    assert [each.verdict for each in merge(guest.logs()).handovers] == ["continuous", "gap"]
    assert guest.verified(guest.logs()) == ("match", "gap", ["claimed", "claimed", "proven", "proven"])


def test_a_line_that_only_looks_like_a_sync() -> None:
    forged = b"SYNC sha384/" + b"ab" * 48
    guest = Guest(b"example.org/app load a", forged, b"example.org/app load b")
    verdict, cause, _ = guest.verified(guest.logs())
    assert (verdict, cause) == ("mismatch", "forged_sync")
    assert guest.verified(guest.logs(), bytes(47) + b"\1")[:2] == ("mismatch", "unexplained")


def test_a_textual_log_alone_is_not_anchored() -> None:
    guest = Guest(b"example.org/app load a")
    text = guest.logs()[1]
    verdict, cause, standings = guest.verified([text])
    assert (verdict, cause) == ("match", "unanchored")
    assert standings == ["proven", "proven"]
    assert [each.verdict for each in merge([text]).handovers] == ["unanchored"]


def test_a_prefix_of_a_textual_log_is_found() -> None:
    guest = Guest(b"example.org/app load a", b"example.org/app load b")
    first = Guest(b"example.org/app load a")
    assert guest.verified(guest.logs(), first.value)[:2] == ("mismatch", "prefix")


def test_a_log_that_does_not_say_whose_it_is_is_assigned_by_its_value() -> None:
    guest = Guest(b"example.org/app load a")
    (note,) = [finding for finding in merge(guest.logs(None)).log.findings if finding.code == "register_assigned"]
    assert note.message == "text does not say whose log it is: taken for that of ccmr:3, whose value it states"
    alone = guest.logs(None)[1]
    result = evlog.verify(alone, Registers({(Register("ccmr", 3), SHA384): guest.value}))
    assert [row.verdict for row in result.registers] == ["match"]
    other = evlog.verify(alone, Registers({(Register("ccmr", 3), SHA384): bytes(47) + b"\1"}))
    assert not other.ok


@pytest.mark.parametrize("to", ["cel-tlv", "cel-cbor", "cel-json", "ccel", "evlog-json"])
def test_a_merged_guest_in_every_format_that_can_hold_it(to: str) -> None:
    guest = Guest(b"example.org/app load a", b"example.org/app load b")
    merged = merge(guest.logs()).log
    converted = evlog.convert(merged, to)
    assert converted.registers_preserved
    again = evlog.read(converted.data)
    assert again.format == to
    assert evlog.replay(again).get(Register("ccmr", 3), SHA384) == guest.value


def test_vector_b(corpus: Path) -> None:
    """The CCEL of a public project, and the textual log that the vectors continue it with."""
    vectors = corpus.parent / "spec" / "vectors" / "textual"
    final = json.loads((vectors / "textual-vectors.json").read_text())["B"]["final"]
    for register in (None, Register("rtmr", 2)):
        logs = [
            evlog.read(corpus / "confidential-containers__trustee__CCEL_AAEL_alibabacloud").replace(name="ccel"),
            evlog.read(vectors / "exB.log", register=register).replace(name="text"),
        ]
        merged = merge(logs)
        assert between(merged.handovers) == [
            ("ccmr:3", "ccel", "text", "continuous"),
            ("ccmr:3", "text", "text", "explained_gap"),
        ]
        value = evlog.replay(merged.log).get(Register("ccmr", 3), SHA384)
        assert value is not None
        assert value.hex() == final


@pytest.mark.parametrize("to", ["cel-tlv", "cel-cbor", "cel-json", "ccel", "evlog-json"])
def test_extensions_outside_the_log_in_every_format(to: str) -> None:
    guest = Guest(*LINES)
    merged = merge(guest.logs()).log
    converted = evlog.convert(merged, to)
    assert evlog.replay(evlog.read(converted.data)).get(Register("ccmr", 3), SHA384) == guest.value


@pytest.mark.parametrize("to", ["cel-tlv", "cel-cbor", "cel-json", "evlog-json"])
def test_whole_machines_in_every_format(vm: Path, to: str) -> None:
    for home in (vm / "g-uki257-systemd", vm / "d-secureboot-shim-grub"):
        names = ["binary_bios_measurements", "tpm2-measure.log"]
        names += [f"ima-binary_runtime_measurements{bank}" for bank in ("_sha1", "_sha256", "_sha384", "_sha512")]
        names = [name for name in names if (home / name).exists()]
        if "ima-binary_runtime_measurements_sha1" not in names:
            names.append("ima-binary_runtime_measurements")
        logs = [evlog.read(home / name).replace(name=name) for name in names]
        merged = merge(logs)
        again = evlog.read(evlog.convert(merged.log, to).data)
        result = evlog.verify(again, evlog.read_registers(home / "pcrs.json"))
        assert {row.verdict for row in result.registers} == {"match"}, home.name
        parts = {part.register: part.log for part in split(again).parts}
        for log in logs:
            for register in {event.register for event in log.events if event.measured}:
                digests = [event.digests for event in log.events if event.register == register and event.measured]
                held = [event.digests for event in parts[register].events]
                assert all(any(set(one) <= set(other) for other in held) for one in digests)


def test_an_ima_list_on_tdx_after_its_ccel(vm: Path) -> None:
    """Built from a machine's list: the PCR field names RTMR[2] by its index, the template digests are SHA-384."""
    source = (vm / "g-uki257-systemd" / "ima-binary_runtime_measurements_sha384").read_bytes()
    list_ = source.replace(b"\x0a\0\0\0", b"\x02\0\0\0")
    ima_log = evlog.read(list_)
    assert ima_log.algorithms == (SHA384,)
    guest = Guest()
    ccel = evlog.read(guest.ccel).replace(name="ccel")
    value = evlog.replay(ccel)[Register("ccmr", 3), SHA384]
    for event in ima_log.events:
        digest = event.digests[0].value
        value = sha384(value + (digest if any(digest) else b"\xff" * 48))
    registers = Registers({(Register("rtmr", 2), SHA384): value})
    merged = merge([ccel, ima_log.replace(name="ima")])
    assert {str(event.register) for event in merged.log.events} == {"ccmr:1", "ccmr:3"}
    for logs in ([ccel, ima_log], [merged.log], [evlog.read(evlog.convert(merged.log, "cel-tlv").data)]):
        row = evlog.verify(logs, registers, platform="tdx").get(Register("ccmr", 3), SHA384)
        assert row is not None
        assert row.verdict == "match"


@pytest.mark.parametrize("known", range(4))
def test_final_events_follow_the_log_once(known: int) -> None:
    """TCG EFI Protocol 2.0, section 7: the table has what was measured since the log was fetched first."""
    final = [made.event(5, EV_ACTION, text, "sha256") for text in (b"one", b"two", b"three")]
    log = made.header("sha256") + made.event(5, EV_SEPARATOR, bytes(4), "sha256")
    fetched = evlog.read(log + b"".join(final[:known]))
    merged = merge([fetched, evlog.read(struct.pack("<QQ", 1, 3) + b"".join(final))]).log
    assert evlog.convert(merged, "tcg2").data == log + b"".join(final)


def test_a_gap_is_an_answer_of_no(tmp_path: Path) -> None:
    """Two logs of one register of which the second states another value: not of one machine, or not all of it."""
    zeros = "00" * 48
    (tmp_path / "a").write_text(f"INIT sha384/{zeros}\na b c\n")
    (tmp_path / "b").write_text(f"SYNC sha384/{'11' * 48}\nd e f\n")
    words = ["merge", "a", "b", "--register", "rtmr:3", "--dialect", "nelr", "--to", "text", "-o", "out"]
    ran = run(*words, folder=tmp_path)
    assert ran.code == 1
    assert "evlog: the logs do not hold together: there is a gap on rtmr:3\n" in ran.err
    assert run(*words, "--json", folder=tmp_path).code == 1


def test_a_handover_that_nobody_states_is_none(tmp_path: Path) -> None:
    """systemd's log states nothing of what firmware extended."""
    (tmp_path / "firmware").write_bytes(made.header("sha256") + made.event(11, EV_ACTION, b"a", "sha256"))
    systemd = str(SAMPLES / "systemd/tpm2-measure.log")
    ran = run("merge", "firmware", systemd, "--to", "cel-json", "-o", "out", folder=tmp_path)
    assert "unanchored" in ran.err
    assert "gap" not in ran.err
    assert ran.code == 0


def test_only_a_log_without_a_header_may_begin_with_what_another_ended_with() -> None:
    """Any other log that begins so has measured the same thing once more."""
    one = firmware((8, b"a"))
    again = Log("tcg1", (one.events[-1].replace(number=0),), algorithms=(SHA256,), name="again")
    for header in (None, Header("tcg1", (("byteorder", "big"),)), Header("tcg1", (("headless", 0),))):
        merged = merge([one, again.replace(header=header)])
        assert merged.overlaps == ()
        assert len(merged.log.events) == len(one.events) + 1
    assert len(merge([one, again.replace(header=Header("tcg2", (("headless", 1),)))]).overlaps) == 1


@pytest.mark.parametrize("static", [24, 0xFF])
def test_a_log_with_an_event_that_extends_nothing_is_known_again(static: int) -> None:
    """A register beyond the last is not replayed, and its events are compared all the same."""
    records = [made.event(index, EV_ACTION, bytes((index,)), "sha256") for index in (0, 1, 2, static, 0)]
    one = evlog.read(made.header("sha256") + b"".join(records)).replace(name="one")
    two = evlog.read(evlog.convert(one, "cel-json").data).replace(name="two")
    other = evlog.read(made.header("sha256") + b"".join(records) + made.event(static, EV_ACTION, b"other", "sha256"))
    for logs in ([one, two], [two, one], [one, one.replace(events=tuple(one.events), name="three")]):
        merged = merge(logs)
        assert len(merged.log.events) == len(one.events)
        assert [each.code for each in merged.log.findings] == ["overlap"]
    assert len(merge([one, other]).log.events) == len(other.events)
