"""Conversions to CEL and back: the bytes, the registers, and what is said to be lost."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

import evlog
from evlog.algorithms import SHA256, SHA384
from evlog.errors import ConversionError, UsageError, WriteError
from evlog.formats import FORMATS, writer
from evlog.model import Digest, Event, Log, Loss
from evlog.options import Options
from evlog.registers import Register
from samples import make_cel, make_launch
from tests.conftest import SAMPLES

CELS = ("cel-tlv", "cel-cbor", "cel-json")
FIRMWARE = ("tcg1", "tcg2", "ccel")
#: A log area is filled up and left alone: what follows the last record has no place in a CEL, and is said to be lost.
TAIL = {"padding", "trailing"}
#: Samples of ours that lose more.
TOLD_BY_SAMPLE = {
    "big-endian": {"header.byteorder"},
    "unknown-algorithm": {"digests.0x7f01"},
    "agent-entries": {"header.headless", "register.space"},
    "agent-short-header": {"register.space"},
    "measured-files": {"header.headless"},
    "record-before-header": {"header.before"},
    "records-before-header": {"header.before"},
    **{Path(name).stem: {"header.container"} for name in make_launch.samples() if "tcg1/txt-container" in name},
}


def firmware_logs(*folders: Path) -> list[Path]:
    """Every log in the folders that is one of firmware's, and read whole."""
    found = []
    for path in sorted(each for folder in folders for each in folder.rglob("*") if each.is_file()):
        try:
            log = evlog.read(path)
        except evlog.EvlogError:
            continue
        if log.format in FIRMWARE and not any(finding.code == "wrapped" for finding in log.findings):
            found.append(path)
    return found


def there_and_back(path: Path, to: str) -> None:
    """Hold a log against what comes back from a CEL: all its bytes, or those before a loss that says so."""
    data = path.read_bytes()
    log = evlog.read(path)
    there = evlog.convert(log, to)
    assert there.registers_preserved
    untold = any(loss.field == "register.space" for loss in there.losses)
    middle = evlog.read(there.data, space="ccmr" if untold else None)
    assert middle.format == to
    # What a header leaves open is as recorded without that header.
    assert evlog.replay(middle).registers() == evlog.replay(log.replace(header=None)).registers()
    back = evlog.convert(middle, log.format, platform=log.platform)
    assert back.registers_preserved
    fields = {loss.field for loss in (*there.losses, *back.losses)}
    nowhere = [event.number for event in log.events if event.register.index == 0xFFFFFFFF]
    assert nowhere == [loss.event for loss in there.losses if loss.field == "content"]
    whole = not fields - TAIL
    expected = TOLD_BY_SAMPLE.get(path.stem, set()) | ({"content"} if nowhere else set())
    assert whole or fields - TAIL <= expected
    assert (back.data == data) == (not fields)
    if whole:
        assert back.data == data[: len(data) - len(log.tail)]


@pytest.mark.parametrize("to", CELS)
@pytest.mark.parametrize("path", firmware_logs(*(SAMPLES / each for each in FIRMWARE)), ids=lambda path: path.stem)
def test_firmware_samples_come_back(path: Path, to: str) -> None:
    there_and_back(path, to)


@pytest.mark.parametrize("to", CELS)
def test_logs_of_virtual_machines_come_back(vm: Path, to: str) -> None:
    paths = sorted(vm.glob("*/binary_bios_measurements"))
    assert paths
    for path in paths:
        there_and_back(path, to)


@pytest.mark.parametrize("to", CELS)
def test_public_logs_come_back(corpus: Path, to: str) -> None:
    paths = [path for path in firmware_logs(corpus) if path.parent.name != "malformed"]
    assert len(paths) > 80
    for path in paths:
        there_and_back(path, to)


STANDARD = [
    path
    for folder in CELS
    for path in sorted((SAMPLES / folder).iterdir())
    if path.stem not in ("unknown-type", "not-defined", "systemd-not-text", "management-list")
]


@pytest.mark.parametrize("order", list(itertools.permutations(CELS)), ids="-".join)
@pytest.mark.parametrize("path", STANDARD, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_around_the_encodings(path: Path, order: tuple[str, ...]) -> None:
    log = evlog.read(path)
    if order[0] != log.format:
        return
    losses: list[Loss] = []
    conversion = None
    current = log
    for to in (*order[1:], order[0]):
        space = current.events[0].register.space if "cos" in path.stem else None
        conversion = evlog.convert(current, to)
        assert conversion.registers_preserved
        losses += conversion.losses
        current = evlog.read(conversion.data, space=space)
    assert conversion is not None
    fields = {loss.field for loss in losses}
    spelled = {field for field in fields if field.startswith("header.")} | (fields & {"spelling", "register.space"})
    assert fields - spelled <= {"content.boot_id", "content.timestamp", "content.event_type"}
    if not fields:
        rewritten = writer(log.format).write(log, Options())
        assert conversion.data == rewritten
    kept = [event.replace(wire=None) for event in log.events]
    if fields <= spelled:
        assert [event.replace(wire=None) for event in current.events] == _numbered(kept)


def _numbered(events: list[Event]) -> list[Event]:
    counts: dict[Register, int] = {}
    found = []
    for event in events:
        number = counts.get(event.register, 0)
        counts[event.register] = number + 1
        found.append(event if event.recnum is not None else event.replace(recnum=number))
    return found


def test_standard_content_loses_nothing_around_the_encodings() -> None:
    for name in (
        "ovmf.tlv",
        "ovmf-tdx.tlv",
        "ima.tlv",
        "ima-tlv.tlv",
        "systemd.tlv",
        "nv-index.tlv",
        "mixed-indices.tlv",
    ):
        data = (SAMPLES / "cel-tlv" / name).read_bytes()
        current = evlog.read(data)
        for to in ("cel-cbor", "cel-json", "cel-tlv"):
            conversion = evlog.convert(current, to, strict=True)
            current = evlog.read(conversion.data)
        assert conversion.data == data


def test_losses_say_what_the_other_encodings_do_not_have() -> None:
    def lost(name: str, to: str) -> list[tuple[int | None, str]]:
        log = evlog.read(SAMPLES / name)
        return [(loss.event, loss.field) for loss in evlog.convert(log, to).losses]

    assert lost("cel-tlv/minimal.tlv", "cel-cbor") == [(None, "header.profile")]
    assert lost("cel-tlv/swapped-fields.tlv", "cel-json") == [(1, "spelling")]
    assert lost("cel-json/sequence.json", "cel-tlv") == [(None, "header.framing")]
    assert lost("cel-json/systemd.json", "cel-tlv") == [
        (0, "content.boot_id"),
        (0, "content.timestamp"),
        (0, "content.event_type"),
    ]
    assert lost("cel-cbor/unknown-type.cbor", "cel-tlv") == [(0, "content.syntax")]
    with pytest.raises(ConversionError, match="would change pcr:16"):
        lost("cel-json/not-defined.json", "cel-cbor")
    refused = evlog.convert(evlog.read(SAMPLES / "cel-json/not-defined.json"), "cel-cbor", allow_changed=True)
    assert [(loss.event, loss.field) for loss in refused.losses] == [(0, "content"), (1, "content")]


def test_an_algorithm_of_two_bytes_is_lost_in_tlv() -> None:
    log = evlog.read(SAMPLES / "tcg2" / "unknown-algorithm.bin")
    losses = {loss.field for loss in evlog.convert(log, "cel-tlv").losses}
    assert losses == {"digests.0x7f01"}
    assert evlog.convert(log, "cel-cbor").losses == ()


def test_record_numbers_that_follow_are_no_loss() -> None:
    log = evlog.read(SAMPLES / "cel-tlv" / "ovmf.tlv")
    assert evlog.convert(log, "tcg2").losses == ()
    across = evlog.read(SAMPLES / "cel-tlv" / "global-numbers.tlv")
    (loss,) = evlog.convert(across, "tcg2").losses
    assert loss == Loss(None, "recnum", "record numbers count across registers from 1; tcg2 has none")
    gap = log.replace(events=(*log.events[:2], log.events[2].replace(recnum=99), *log.events[3:]))
    assert {(loss.event, loss.field) for loss in evlog.convert(gap, "tcg2").losses} == {(2, "recnum")}


@pytest.mark.parametrize(
    ("numbers", "code", "words"),
    [
        ((0, 0, 1, 1), None, ""),
        ((1, 2, 3, 4), "recnum_scheme", "across registers from 1"),
        ((0, 1, 2, 3), "recnum_scheme", "across registers from 0"),
        ((1, 1, 2, 2), "recnum_scheme", "per register from 1"),
        ((1, 0, 2, 1), "recnum_scheme", "per register from 1"),
        ((7, 3, 8, 4), "partial_log", "per register from 3"),
        ((0, 0, 5, 1), "recnum_gap", "1 gaps or repeats"),
        ((0, 0, 0, 1), "recnum_gap", "1 gaps or repeats"),
    ],
)
def test_how_record_numbers_count(numbers: tuple[int, ...], code: str | None, words: str) -> None:
    one, two, _ = make_cel.separators()
    data = b"".join(
        make_cel.record_tlv((number, *record[1:])) for number, record in zip(numbers, (one, two, one, two), strict=True)
    )
    findings = evlog.read(data).findings
    assert [finding.code for finding in findings] == ([code] if code else [])
    assert all(words in finding.message for finding in findings)
    if code:
        with pytest.raises(evlog.ParseError):
            evlog.read(data, strict=True)


def test_absent_record_numbers_are_noted_and_given() -> None:
    log = evlog.read(b'{"pcr":7,"digests":[],"content_type":"pcclient_std","content":{"event_type":3,"event_data":""}}')
    assert log.events[0].recnum is None
    assert "there are no record numbers" in [finding.message for finding in log.findings]
    with pytest.raises(WriteError, match="record number"):
        evlog.write(log, format="cel-tlv")
    assert evlog.convert(log, "cel-tlv").log.events[0].recnum == 0


GUEST = "cel-tlv/ovmf-tdx.tlv"


@pytest.mark.parametrize("to", CELS)
@pytest.mark.parametrize("key", ["pcr", "rtmr", "type108"])
def test_spellings_of_a_measurement_register(to: str, key: str) -> None:
    log = evlog.read(SAMPLES / GUEST)
    conversion = evlog.convert(log, to, mr_key=key)
    assert conversion.registers_preserved
    told = {loss.field for loss in conversion.losses}
    plain = evlog.read(conversion.data)
    if key == "rtmr" and to != "cel-json":
        assert told == {"register.space"}
        back = evlog.read(conversion.data, space="rtmr")
        assert back.events[1].register == Register("rtmr", 0)
        assert plain.events[1].register.space != "rtmr"
    else:
        assert told == set()
        assert [event.register for event in plain.events] == [event.register for event in log.events]
        assert evlog.write(plain) == conversion.data
        again = evlog.convert(plain, "ccel")
        assert again.registers_preserved
        own = {name for name, _ in plain.header.options} if plain.header is not None else set()
        assert {loss.field for loss in again.losses} == {f"header.{name}" for name in own}


def test_members_of_measurement_registers_in_json() -> None:
    log = evlog.read(SAMPLES / GUEST)
    for key, member in (("pcr", b'"pcr":1,'), ("rtmr", b'"rtmr":0,'), ("type108", b'"ccmr":1,')):
        assert member in evlog.convert(log, "cel-json", mr_key=key).data


def test_registers_that_nothing_tells_are_a_loss() -> None:
    log = evlog.read(SAMPLES / "cel-tlv" / "cos.tlv")
    conversion = evlog.convert(log, "cel-cbor")
    assert [loss.field for loss in conversion.losses] == ["register.space"]
    assert evlog.read(conversion.data).events[0].register == Register("pcr", 4)
    assert evlog.read(conversion.data, space="ccmr").events[0].register == Register("ccmr", 4)
    with pytest.raises(ConversionError):
        evlog.convert(log, "cel-cbor", strict=True)
    assert evlog.convert(log, "cel-cbor", strict=True, mr_key="type108").losses == ()


def test_pcrs_that_would_be_taken_for_measurement_registers_are_a_loss() -> None:
    log = evlog.read(SAMPLES / "ccel" / "ovmf-tdx.bin", space="pcr")
    assert log.format == "tcg2"
    conversion = evlog.convert(log, "cel-tlv")
    assert "register.space" in {loss.field for loss in conversion.losses}


def test_a_register_without_a_number_is_refused_in_words() -> None:
    log = evlog.read(SAMPLES / "cel-tlv" / "systemd.tlv")
    nameless = log.replace(events=tuple(event.replace(register=Register("mr", "unknown")) for event in log.events))
    for to in CELS:
        with pytest.raises(WriteError, match="--register"):
            evlog.convert(nameless, to)


def test_choices_that_are_none() -> None:
    log = evlog.read(SAMPLES / "cel-tlv" / "systemd.tlv")
    with pytest.raises(UsageError, match="u32, minimal, google"):
        evlog.convert(log, "cel-tlv", profile="wide")
    with pytest.raises(UsageError, match="pcr, rtmr, type108"):
        evlog.convert(log, "cel-json", mr_key="mr")


def test_a_changed_event_is_not_written_as_it_was_read() -> None:
    for name in ("cel-tlv/swapped-fields.tlv", "cel-cbor/not-deterministic.cbor"):
        log = evlog.read(SAMPLES / name)
        assert evlog.write(log) == (SAMPLES / name).read_bytes()
        changed = log.replace(events=tuple(event.replace(digests=event.digests[:1]) for event in log.events))
        assert evlog.read(evlog.write(changed)).events == changed.events


def test_violations_extend_ones() -> None:
    for name in ("cel-tlv/ima.tlv", "cel-cbor/ima.cbor", "cel-json/ima.json"):
        log = evlog.read(SAMPLES / name)
        replayed = evlog.replay(log.replace(events=tuple(log.events[:3])))
        assert replayed[Register("pcr", 10), SHA256] == _extended(log, SHA256)
        assert evlog.replay(log.replace(events=log.events[:3])).registers() == replayed.registers()


@pytest.mark.parametrize("recorded", [bytes(32), b"\xff" * 32], ids=["zeros", "as a CEL has it"])
def test_a_violation_of_a_file_measured_into_a_cel(recorded: bytes) -> None:
    content = evlog.ImaTlv(((0, b"/bin/sh"), (1, bytes(32))))
    event = Event(0, Register("pcr", 10), (Digest(SHA256, recorded),), content, 0)
    assert event.extension(SHA256) == b"\xff" * 32
    log = Log("cel-tlv", (event,), algorithms=(SHA256,))
    assert [check.verdict for check in evlog.check(log)[0]] == ["not_checkable"]


def _extended(log: Log, alg: evlog.HashAlg) -> bytes:
    import hashlib

    value = bytes(alg.size)
    for event in log.events[:3]:
        digest = event.digest(alg) or b""
        value = hashlib.new(str(alg), value + (digest if any(digest) else b"\xff" * alg.size)).digest()
    return value


def test_violations_extend_ones_by_columns_too() -> None:
    log = evlog.read(SAMPLES / "cel-tlv" / "ima.tlv")
    assert log.columns is not None
    events = log.replace(events=tuple(log.events))
    assert events.columns is None
    assert evlog.replay(log) == evlog.replay(events).replace(findings=evlog.replay(log).findings)
    assert evlog.replay(log)[Register("pcr", 10), SHA256] == _extended(log, SHA256)
    rules = {SHA384: "hash"}
    assert evlog.replay(log, rules=rules).registers() == evlog.replay(events, rules=rules).registers()
    assert (Register("pcr", 10), SHA384) in evlog.replay(log, rules=rules).registers()


@pytest.mark.parametrize("path", sorted((SAMPLES / "cel-tlv").iterdir()), ids=lambda path: path.stem)
def test_columns_and_events_replay_alike(path: Path) -> None:
    log = evlog.read(path)
    events = log.replace(events=tuple(log.events))
    assert evlog.replay(log).registers() == evlog.replay(events).registers()
    assert (log.columns is None) == (path.stem == "mixed-indices")
    assert set(log.algorithms) >= {alg for _, alg in evlog.replay(log).registers()}


def test_a_digest_of_another_size_extends_nothing() -> None:
    values = [(11, bytes(20)), (4, bytes(20))]
    records = [(number, "pcr", 0, values, 5, (4, bytes(4))) for number in range(2)]
    encodings = (
        b"".join(map(make_cel.record_tlv, records)),
        make_cel.cbor([make_cel.record_map(record) for record in records]),
        make_cel.lines(records),
    )
    for data in encodings:
        log = evlog.read(data)
        assert {finding.code for finding in log.findings} == {"digest_size"}
        assert {str(alg) for _, alg in evlog.replay(log).registers()} == {"sha1"}


def test_every_cel_is_a_choice_of_formats() -> None:
    assert set(CELS) < set(FORMATS)
