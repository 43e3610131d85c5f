"""Replay against what TPMs and confidential VMs reported, and against the extend operation done by hand."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evlog
from evlog import SHA1, SHA256, SHA384, Digest, Event, HashAlg, Log, Opaque, PCClientEvent, Register, Registers
from evlog.replaying import replay as replaying
from evlog.replaying.start import reset_value
from evlog.replaying.trail import Trail
from samples import make
from tests import made
from tests.conftest import ROOT, SAMPLES
from tests.generated import cel, tcg1, tcg2

if TYPE_CHECKING:
    from pathlib import Path


def values(log: Log | list[Log], start: Registers | None = None) -> dict[tuple[str, str], str | None]:
    """Replayed values as text."""
    return {(str(v.register), str(v.alg)): v.value.hex() if v.value else None for v in evlog.replay(log, start).rows}


def row(log: Log, register: str, alg: HashAlg = SHA256) -> evlog.RegisterValue:
    """One register of a replay."""
    found = [v for v in evlog.replay(log).rows if str(v.register) == register and v.alg == alg]
    assert len(found) == 1
    return found[0]


def by_hand(start: bytes, *parts: bytes, hash: str = "sha256") -> str:
    """TPM2_PCR_Extend: the hash of the value and the digest of each part."""
    value = start
    for part in parts:
        value = hashlib.new(hash, value + hashlib.new(hash, part).digest()).digest()
    return value.hex()


def read(name: str) -> Log:
    return evlog.read(SAMPLES / name)


OTHER_LOGS = {10}  # IMA extends it


def compare_with_tpm(log: Path, pcrs: Path, elsewhere: set[int] = OTHER_LOGS) -> int:
    """Hold each register that the log touches against the TPM's, in every bank; returns how many there were."""
    reported: dict[str, dict[str, str]] = json.loads(pcrs.read_text())
    replayed = values(evlog.read(log))
    touched = {register for register, _ in replayed}
    compared = 0
    for alg, bank in reported.items():
        for index, value in bank.items():
            if f"pcr:{index}" in touched and int(index) not in elsewhere:
                assert replayed[f"pcr:{index}", alg] == value
                compared += 1
    return compared


@pytest.mark.parametrize(
    ("name", "registers"), [("tcg2/secure-boot", 44), ("tcg2/ovmf", 36), ("tcg2/seabios", 32), ("tcg1/seabios", 8)]
)
def test_samples_replay_to_the_values_of_their_tpm(name: str, registers: int) -> None:
    assert compare_with_tpm(SAMPLES / f"{name}.bin", SAMPLES / f"{name}.pcrs.json") == registers


def test_virtual_machines_replay_to_the_values_of_their_tpm(vm: Path) -> None:
    machines = [path.parent for path in sorted(vm.glob("*/pcrs.json"))]
    assert len(machines) >= 13
    for machine in machines:
        elsewhere = set(OTHER_LOGS)
        if machine.name.startswith("e7"):
            elsewhere |= {11, 12}  # its IMA policy names them
        if (machine / "tpm2-measure.log").exists():
            elsewhere |= {11}  # systemd goes on there
        log = machine / "binary_bios_measurements"
        assert compare_with_tpm(log, machine / "pcrs.json", elsewhere) >= 8, machine.name


FIRMWARE = {"tcg2", "ccel", "wbcl", "tcg-sha1"}


def expectations(corpus: Path, replays: bool) -> list[tuple[str, dict[str, Any]]]:
    table = json.loads((corpus / "EXPECTED.json").read_text())
    return [(name, row) for name, row in table.items() if row["format"] in FIRMWARE and row["replays"] is replays]


def contradicted(corpus: Path, name: str, stated: dict[str, dict[str, dict[str, str]]]) -> list[str]:
    """The stated registers that the replay contradicts; at least one must be touched by the log."""
    replayed = values(evlog.read(corpus / name))
    keys = {
        (f"{space}:{index}", alg): value
        for space, table in stated.items()
        for index, banks in table.items()
        for alg, value in banks.items()
    }
    touched = [key for key in keys if key in replayed]
    assert touched, f"{name} touches no stated register"
    return [f"{register} {alg}" for register, alg in touched if replayed[register, alg] != keys[register, alg]]


def test_public_logs_replay_to_the_stated_values(corpus: Path) -> None:
    rows = expectations(corpus, True)
    assert len(rows) >= 20
    assert {name: contradicted(corpus, name, row["registers"]) for name, row in rows} == {name: [] for name, _ in rows}


def test_public_logs_known_not_to_replay_do_not(corpus: Path) -> None:
    rows = expectations(corpus, False)
    assert rows
    assert [name for name, row in rows if not contradicted(corpus, name, row["registers"])] == []


SEP = make.SEPARATOR


def test_which_registers_reset_to_ones_stands_in_one_file() -> None:
    package = ROOT / "src" / "evlog"
    told = re.compile(r"range\(17, ?23\)|17 <= \S+ <= 22")
    homes = [path.relative_to(package).as_posix() for path in package.rglob("*.py") if told.search(path.read_text())]
    assert homes == ["contents/launch.py"]
    ones = [number for number in range(24) if reset_value(Register("pcr", number), SHA256) == b"\xff" * 32]
    assert ones == [17, 18, 19, 20, 21, 22]
    assert {reset_value(register, SHA256) for register in (Register("rtmr", 17), Register("mr", "17"))} == {bytes(32)}


def test_start_values() -> None:
    zero, three, four = bytes(32), bytes(31) + b"\3", bytes(31) + b"\4"
    boot = (make.VERSION, SEP)
    assert values(read("tcg2/locality-0.bin"))["pcr:0", "sha256"] == by_hand(zero, *boot)
    assert values(read("tcg2/locality-3.bin"))["pcr:0", "sha256"] == by_hand(three, *boot)
    assert values(read("tcg2/locality-padded.bin"))["pcr:0", "sha256"] == by_hand(three, *boot)
    assert values(read("tcg2/h-crtm.bin"))["pcr:0", "sha256"] == by_hand(four, b"HCRTM", *boot)
    assert values(read("tcg1/locality-first.bin"))["pcr:0", "sha1"] == by_hand(bytes(19) + b"\3", *boot, hash="sha1")
    assert row(read("tcg2/locality-0.bin"), "pcr:0").start_reason == "zeros"
    assert row(read("tcg2/locality-3.bin"), "pcr:0").start_reason == "locality"
    assert row(read("tcg2/h-crtm.bin"), "pcr:0").start_reason == "h-crtm"
    assert row(read("tcg2/locality-3.bin"), "pcr:1").start == bytes(32)


@pytest.mark.parametrize("locality", [0, 3])
def test_an_h_crtm_starts_pcr_0_at_locality_4_whatever_was_said_before(locality: int) -> None:
    """PFP 1.06, section 3.3.2: the H-CRTM sequence is what the TPM starts with, TPM2_Startup comes after it."""
    said = made.event(0, 3, b"StartupLocality\0" + bytes((locality,)), "sha256")
    log = evlog.read(made.header("sha256") + said + made.event(0, 0x80000010, b"HCRTM", "sha256"))
    assert row(log, "pcr:0").start == bytes(31) + b"\4"


def test_the_values_on_the_way_of_a_long_log() -> None:
    """They are made in runs, and go on from one to the next."""
    digests = [hashlib.sha256(bytes([number % 256])).digest() for number in range(5000)]
    value, expected = bytes(32), [bytes(32)]
    for digest in digests:
        value = hashlib.sha256(value + digest).digest()
        expected.append(value)
    steps = Trail(Register("pcr", 8), SHA256, bytes(32), [(0, number) for number in range(5000)], digests, [])
    assert list(steps.values()) == expected


def test_dynamic_launch_registers() -> None:
    launched, not_launched = read("tcg2/dynamic-launch.bin"), read("tcg2/pcr17-without-launch.bin")
    assert values(launched)["pcr:17", "sha256"] == by_hand(bytes(32), b"hash start")
    assert values(launched)["pcr:18", "sha256"] == by_hand(bytes(32), b"mle")
    assert values(launched)["pcr:23", "sha256"] == by_hand(bytes(32), b"x")
    assert row(launched, "pcr:17").start_reason == "drtm"
    assert values(not_launched)["pcr:17", "sha256"] == by_hand(b"\xff" * 32, b"an application")
    assert row(not_launched, "pcr:17").start_reason == "ones"


def test_given_start_values_come_first() -> None:
    log = read("tcg2/locality-3.bin")
    given = bytes(range(32))
    start = Registers({(Register("pcr", 0), SHA256): given}, "test")
    result = evlog.replay(log, start)
    assert result[Register("pcr", 0), SHA256].hex() == by_hand(given, make.VERSION, SEP)
    assert next(v for v in result.rows if v.register.index == 0 and v.alg == SHA256).start_reason == "given"
    assert values(log, start)["pcr:0", "sha1"] == values(log)["pcr:0", "sha1"]


def test_what_the_caller_says_of_a_start_goes_before_what_the_log_says() -> None:
    key = Register("pcr", 8), SHA256
    log = evlog.read(made.header("sha256") + made.event(8, 5, b"x", "sha256"))
    log = log.replace(start=Registers({key: bytes(31) + b"\1"}))
    given = Registers({key: bytes(31) + b"\2"})
    assert (row(log, "pcr:8").start_reason, row(log, "pcr:8").start[-1]) == ("log", 1)
    (found,) = evlog.replay(log, given).rows
    assert (found.start_reason, found.start[-1]) == ("given", 2)


def test_only_the_first_locality_counts() -> None:
    two = make.agile(make.event2(0, 3, make.locality(3)), make.event2(0, 3, make.locality(0)), make.event2(0, 4, SEP))
    assert values(evlog.read(two))["pcr:0", "sha256"] == by_hand(bytes(31) + b"\3", SEP)


@pytest.mark.parametrize(
    "data",
    [
        b"StartupLocality\0",
        b"StartupLocality\0\x01",
        b"StartupLocality\0\x02",
        b"StartupLocality\0\x07",
        b"StartupLocalitY\0\x03",
        b"StartupLocality\0\x03" + bytes(32) + b"\1",
    ],
)
def test_what_is_no_locality_does_not_count(data: bytes) -> None:
    log = evlog.read(make.agile(make.event2(0, 3, data), make.event2(0, 4, SEP)))
    assert values(log)["pcr:0", "sha256"] == by_hand(bytes(32), SEP)


def test_a_locality_on_another_register_does_not_count() -> None:
    log = evlog.read(make.agile(make.event2(1, 3, make.locality(3)), make.event2(0, 4, SEP), make.event2(1, 4, SEP)))
    assert values(log)["pcr:0", "sha256"] == values(log)["pcr:1", "sha256"] == by_hand(bytes(32), SEP)


def test_no_action_never_extends() -> None:
    record = struct.pack("<III", 1, 3, 1) + struct.pack("<H", 0x0B) + b"\x11" * 32 + struct.pack("<I", 0)
    log = evlog.read(make.agile(record, make.event2(1, 4, SEP, (0x0B,)), algs=(0x0B,)))
    assert values(log) == {("pcr:1", "sha256"): by_hand(bytes(32), SEP)}


def test_the_trust_point_record_neither_extends_nor_ends_the_log() -> None:
    log = read("tcg2/trust-point.bin")
    assert len(log.events) == 13
    assert not log.findings
    assert values(log)["pcr:11", "sha256"] == by_hand(bytes(32), b"\1")
    assert "pcr:4294967295" not in {register for register, _ in values(log)}


def test_nv_indices_and_mrtd_are_not_replayed() -> None:
    assert all(register.startswith("pcr:") for register, _ in values(read("tcg2/nv-index.bin")))
    measured = evlog.read(make.agile(make.event2(0x01C40200, 5, b"measured"), make.event2(1, 4, SEP)))
    assert {register for register, _ in values(measured)} == {"pcr:1"}
    assert values(measured.replace(events=tuple(measured.events))) == values(measured)
    for to in ("cel-tlv", "cel-cbor", "cel-json", "evlog-json"):
        converted = evlog.convert(measured, to)
        assert len(converted.log.events) == 3
        assert {register for register, _ in values(evlog.read(converted.data))} == {"pcr:1"}
    mrtd = read("ccel/mrtd-event.bin")
    assert {register for register, _ in values(mrtd)} == {"ccmr:1", "ccmr:2", "ccmr:3"}


@pytest.mark.parametrize("index", [24, 0x100, 0xFFFFFFFF])
def test_indices_that_are_no_measurement_register_are_not_replayed(index: int) -> None:
    """Firmware of cloud machines logs 0xFFFFFFFF: such events are kept, extend nothing, and do not end the log."""
    events = make.event2(index, 5, b"x", (0x0C,)), make.event2(1, 4, SEP, (0x0C,))
    log = evlog.read(make.agile(*events, algs=(0x0C,)), space="ccmr")
    assert len(log.events) == 3
    assert values(log) == {("ccmr:1", "sha384"): by_hand(bytes(48), SEP, hash="sha384")}
    assert values(log.replace(events=tuple(log.events))) == values(log)


def test_an_event_without_the_digest_makes_the_bank_incomplete() -> None:
    log = read("tcg2/fewer-digests.bin")
    assert row(log, "pcr:6", SHA1).status == "incomplete"
    assert row(log, "pcr:6", SHA1).value is None
    assert row(log, "pcr:6", SHA256).status == "complete"
    assert values(log)["pcr:6", "sha256"] == by_hand(bytes(32), SEP, b"one bank only")
    assert values(log)["pcr:5", "sha1"] == by_hand(bytes(20), SEP, make.EXIT, hash="sha1")
    assert Register("pcr", 6) not in {register for register, alg in evlog.replay(log).registers() if alg == SHA1}
    for alg in ("sha1", "sha256"):
        assert values(read("tcg2/no-digests.bin"))["pcr:6", alg] is None


def test_an_empty_digest_is_none() -> None:
    event = Event(0, Register("pcr", 4), (Digest(SHA256, b""),), PCClientEvent(5, b"x"))
    log = Log("evlog-json", (event,), algorithms=(SHA256,))
    assert (row(log, "pcr:4").status, row(log, "pcr:4").value) == ("incomplete", None)


def test_an_undeclared_bank_is_incomplete_in_every_register() -> None:
    result = values(read("tcg2/undeclared-algorithm.bin"))
    assert {value for (_, alg), value in result.items() if alg == "sha384"} == {None}
    assert result["pcr:5", "sha256"] == by_hand(bytes(32), SEP, make.EXIT, b"more")


def test_a_bank_of_a_record_that_is_cut_is_none_of_the_log() -> None:
    whole = make.agile(make.event2(1, 4, SEP, (0x0C,)), algs=(0x0C,))
    log = evlog.read(whole + make.event2(1, 4, SEP, (0x0B,))[:-1], space="ccmr")
    assert [finding.code for finding in log.findings] == ["truncated_record"]
    assert (log.algorithms, log.platform) == ((SHA384,), "tdx")
    assert values(log) == {("ccmr:1", "sha384"): by_hand(bytes(48), SEP, hash="sha384")}


def test_the_order_of_digests_is_nothing_to_replay() -> None:
    log = read("tcg2/permuted-digests.bin")
    assert [str(digest.alg) for digest in log.events[1].digests] == ["sha256", "sha1"]
    assert values(log)["pcr:4", "sha256"] == by_hand(bytes(32), SEP, b"a", b"b")
    assert values(log)["pcr:4", "sha1"] == by_hand(bytes(20), SEP, b"a", b"b", hash="sha1")


def test_other_hashes() -> None:
    assert values(read("tcg2/sha3.bin"))["pcr:5", "sha3_256"] == by_hand(bytes(32), SEP, make.EXIT, hash="sha3_256")
    assert values(read("ccel/ovmf-tdx.bin"))["ccmr:2", "sha384"] == by_hand(bytes(48), SEP, make.EXIT, hash="sha384")


def test_a_bank_that_cannot_be_computed_is_named() -> None:
    result = evlog.replay(read("tcg2/unknown-algorithm.bin"))
    assert {str(v.alg) for v in result.rows} == {"sha256"}
    assert [finding.code for finding in result.findings] == ["bank_not_computable"]
    odd = evlog.replay(evlog.read(SAMPLES / "bad" / "wrong-digest-size.bin"))
    assert len(odd) == 0
    assert {finding.code for finding in odd.findings} == {"digest_size", "bank_not_computable"}


def test_a_bank_declared_twice_is_extended_once() -> None:
    log = evlog.read(make.agile(make.event2(1, 4, SEP, (0x0B,)), algs=(0x0B, 0x0B)))
    assert values(log) == {("pcr:1", "sha256"): by_hand(bytes(32), SEP)}
    plain = log.replace(events=tuple(log.events), algorithms=(SHA256, SHA256))
    assert values(plain) == values(log)


def test_several_logs_go_on_where_the_last_one_ended() -> None:
    first = evlog.read(make.agile(make.event2(4, 4, SEP)))
    second = evlog.read(make.agile(make.event2(4, 5, b"later")))
    assert values([first, second])["pcr:4", "sha256"] == by_hand(bytes(32), SEP, b"later")
    assert row(first, "pcr:4").events == 1
    assert next(v for v in evlog.replay([first, second]).rows if v.alg == SHA256).events == 2


@pytest.mark.parametrize("first", [0, 1])
def test_a_firmware_log_without_the_bank_leaves_it_open(first: int) -> None:
    """Only lists of single banks, as IMA writes them, stand in for each other; firmware's logs add up."""
    with_bank = evlog.read(make.agile(make.event2(7, 4, SEP)))
    without = evlog.read(make.agile(make.event2(7, 5, b"more", (0x04,)), algs=(0x04,)))
    logs = [with_bank, without] if first == 0 else [without, with_bank]
    told = values(logs)
    assert told["pcr:7", "sha256"] is None
    assert told["pcr:7", "sha1"] is not None


def test_lazy_and_plain_events_replay_alike() -> None:
    for name, data in make.samples().items():
        if name.startswith(("tcg", "ccel")):
            log = evlog.read(data)
            plain = log.replace(events=tuple(log.events))
            assert plain.columns is None
            assert evlog.replay(plain).rows == evlog.replay(log).rows, name


def test_the_start_that_a_log_states() -> None:
    event = Event(0, Register("ccmr", 4), (Digest(SHA384, hashlib.sha384(b"x").digest()),), Opaque("x", b"x"))
    start = Registers({(Register("ccmr", 4), SHA384): b"\x22" * 48}, "log")
    log = Log("text", (event,), algorithms=(SHA384,), start=start)
    assert values(log) == {("ccmr:4", "sha384"): by_hand(b"\x22" * 48, b"x", hash="sha384")}
    assert evlog.replay(log).rows[0].start_reason == "log"


def test_looking_up_a_value() -> None:
    result = evlog.replay(read("tcg2/ovmf.bin"))
    assert result.get(Register("pcr", 22), SHA256) is None
    with pytest.raises(KeyError):
        result[Register("pcr", 22), SHA256]
    assert result.registers()[Register("pcr", 0), SHA256] == result[Register("pcr", 0), SHA256]
    assert [v.register.number for v in result.rows if v.alg == SHA256] == sorted(
        v.register.number for v in result.rows if v.alg == SHA256
    )


def test_an_empty_log_replays_to_nothing() -> None:
    assert len(evlog.replay(evlog.read(make.agile()))) == 0
    assert len(evlog.replay([])) == 0
    unmeasured = Event(0, Register("pcr", 0), (), PCClientEvent(3, b""))
    assert len(evlog.replay(Log("tcg2", (unmeasured,), algorithms=(SHA256,)))) == 0


def test_many_logs_are_replayed_each_by_itself() -> None:
    logs = [evlog.read(path) for path in sorted((SAMPLES / "tcg2").glob("*.bin"))]
    logs += [evlog.read(SAMPLES / "ima-binary" / "sha256.bin"), evlog.read(SAMPLES / "tcg1" / "seabios.bin")]
    logs.append(logs[0].replace(events=tuple(logs[0].events)))
    replays = evlog.replay_each(logs)
    assert replays == [evlog.replay(log) for log in logs]
    assert evlog.replay_each([]) == []
    assert evlog.replay_each(logs, banks=[evlog.SHA256]) == [evlog.replay(log, banks=[evlog.SHA256]) for log in logs]


def test_each_list_of_a_guest_extends_its_bank() -> None:
    """As of one alone: nobody says by which rule."""
    for name in ("violations.bin", "ng-violations.bin", "sha256.bin"):
        path = SAMPLES / "ima-binary" / name
        log = evlog.read(path, ima_register=Register("ccmr", 3), platform="tdx")
        assert SHA384 in {row.alg for row in evlog.replay(log).rows}
        for rules in (None, {}, {SHA384: "hash"}):
            assert evlog.replay_each([log, log], rules=rules) == [evlog.replay(log, rules=rules)] * 2


def test_findings_of_several_logs_say_which_it_is() -> None:
    whole, cut = (evlog.read(SAMPLES / name) for name in ("tcg2/ovmf.bin", "bad/cut-record.bin"))
    (alone,) = (finding for finding in evlog.replay(cut).findings if finding.severity == "error")
    (beside,) = (finding for finding in evlog.replay([whole, cut]).findings if finding.severity == "error")
    assert beside.message == f"{SAMPLES / 'bad' / 'cut-record.bin'}: {alone.message}"
    assert (beside.code, beside.event, beside.offset) == (alone.code, alone.event, alone.offset)


@settings(max_examples=150, deadline=None)
@given(st.one_of(tcg2(), tcg1(), cel()), st.sampled_from([None, (SHA256,), (SHA256, SHA1), ()]))
def test_a_log_is_replayed_by_its_columns_as_by_its_events(data: bytes, banks: tuple[HashAlg, ...] | None) -> None:
    """The first log of a process is led through the ledger; those after it go by what all have alike."""
    try:
        log = evlog.read(data)
    except evlog.EvlogError:
        return
    found = []
    for earlier in (0, 1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(replaying, "_replayed", earlier)
            found.append(evlog.replay(log, banks=banks))
    assert found[0] == found[1] == evlog.replay_each([log], banks=banks)[0]
    by_events = evlog.replay(log.replace(events=tuple(log.events)), banks=banks)
    assert found[0].rows == by_events.rows
