"""What other tools print of a log, read as one: against the logs that the tools were given, and against the tools."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

import evlog
from evlog.checking.check import check
from evlog.contents.digest_only import DigestOnly
from evlog.errors import EvlogError, ParseError
from evlog.formats import CERTAIN, FORMATS, NO, room, writes
from evlog.options import Options
from evlog.registers import Register
from evlog.report import tpm2_yaml
from samples import make_reports
from tests import clock
from tests.conftest import ROOT, SAMPLES, SLOWEST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from evlog.model import Log

REPORTS = [format for format in FORMATS if not writes(format)]
FIRMWARE = [path for folder in ("tcg1", "tcg2") for path in sorted((SAMPLES / folder).glob("*.bin"))]
each_firmware_log = pytest.mark.parametrize("path", FIRMWARE, ids=lambda path: f"{path.parent.name}/{path.name}")
SHARED = ROOT.parent / "shared"

#: Logs that are told without what a start value or a marker needs: the tool has no name for a type.
NAMELESS = {
    *("dynamic-launch.bin", "google-host.bin", "launch-markers-cut.bin", "launch-markers-handled.bin"),
    *("launch-markers.bin", "launch-policy-only.bin", "skl.bin", "skl-no-end.bin"),
}


def values(log: Log) -> dict[tuple[str, str], bytes | None]:
    return {(str(row.register), str(row.alg)): row.value for row in evlog.replay(log).rows}


def codes(log: Log) -> dict[str, int]:
    found: dict[str, int] = {}
    for finding in log.findings:
        found[finding.code] = found.get(finding.code, 0) + 1
    return found


def holds_what_it_should(report: Log, source: Log) -> None:
    """Each event of a report is that of the log, or is without its data and says so."""
    assert len(report.events) == len(source.events)
    for told, event in zip(report.events, source.events, strict=True):
        assert told.register == event.register
        assert [digest.value for digest in told.digests] == [digest.value for digest in event.digests]
        if not isinstance(told.content, DigestOnly):
            assert told.content == event.content
    for told, checks in zip(report.events, check(report).events, strict=True):
        if isinstance(told.content, DigestOnly):
            assert {each.verdict for each in checks} <= {"not_checkable"}


# tpm2_eventlog


@pytest.mark.skipif(shutil.which("tpm2_eventlog") is None, reason="tpm2_eventlog is not installed")
@pytest.mark.parametrize("version", [1, 2])
@each_firmware_log
def test_what_tpm2_eventlog_prints_replays_as_the_log(path: Path, version: int) -> None:
    ran = subprocess.run(
        ["tpm2_eventlog", f"--eventlog-version={version}", str(path)], capture_output=True, check=False
    )
    if b"EventNum" not in ran.stdout and b"PCRIndex" not in ran.stdout:
        with pytest.raises(ParseError):
            evlog.read(ran.stdout)
        return
    source, report = evlog.read(path), evlog.read(ran.stdout)
    assert report.format == "tpm2-yaml"
    assert ("report_incomplete" in codes(report)) == bool(ran.returncode)
    if ran.returncode and len(report.events) != len(source.events):
        # It gave up in the middle of an event, or before the first.
        told = [(event.register, event.digests) for event in report.events[:-1]]
        assert told == [(event.register, event.digests) for event in source.events[: len(told)]]
        return
    if path.parent.name == "tcg2":
        holds_what_it_should(report, source)
    if path.name in NAMELESS or (path.parent.name == "tcg1" and path.name == "launch-markers.bin"):
        assert codes(report)["type_lost"]
    else:
        assert values(report) == values(source)


def test_what_tpm2_eventlog_printed_of_machines(vm: Path) -> None:
    reports = sorted(vm.glob("*/tpm2_eventlog.yaml"))
    assert reports
    for path in reports:
        source, report = evlog.read(path.with_name("binary_bios_measurements")), evlog.read(path)
        if source.format == "tcg2":
            holds_what_it_should(report, source)
        assert values(report) == values(source), path


@each_firmware_log
def test_what_evlog_prints_in_its_place_does_too(path: Path) -> None:
    source = evlog.read(path)
    text = "\n".join(tpm2_yaml.lines(source, 1)) + "\n"
    report = evlog.read(text.encode("utf-8", "surrogateescape"))
    assert report.format == "tpm2-yaml"
    holds_what_it_should(report, source)
    # What records before the header extended is uncertain, and a report does not tell where it stood.
    if "type_lost" not in codes(report) and "record_before_header" not in codes(source):
        assert values(report) == values(source)


def test_a_report_becomes_the_log_again() -> None:
    """Where all data is there, or is proven: byte for byte, but for what follows the last event."""
    report = evlog.read(SAMPLES / "tpm2-yaml" / "ovmf.yaml")
    assert evlog.convert(report, "tcg2").data == (SAMPLES / "tcg2" / "ovmf.bin").read_bytes().rstrip(b"\0\xff")


def test_each_event_of_the_mapping_of_a_sha1_log_is_read() -> None:
    report = evlog.read(SAMPLES / "tpm2-yaml" / "seabios-sha1.yaml")
    assert values(report) == values(evlog.read(SAMPLES / "tcg1" / "seabios.bin"))


def test_the_tools_own_replay_is_held_against_the_events() -> None:
    text = (SAMPLES / "tpm2-yaml" / "ovmf.yaml").read_text()
    assert "report_value" not in codes(evlog.read(text.encode()))
    place = text.index("0x", text.index("pcrs:"))
    changed = evlog.read((text[:place] + "0x" + "11" * 20 + text[place + 42 :]).encode())
    (finding,) = (each for each in changed.findings if each.code == "report_value")
    assert "pcr:0 in sha1" in finding.message
    assert finding.severity == "warning"
    gone = text[: text.index("  sha256:", text.index("pcrs:"))]
    assert codes(evlog.read(gone.encode())).get("report_value", 0) == 0
    locality = evlog.read(SAMPLES / "tpm2-yaml" / "locality-3.yaml")
    assert any("EV_NO_ACTION" in each.message for each in locality.findings if each.code == "report_value")


def test_the_tools_values_are_said_to_be_its_own(tmp_path: Path) -> None:
    path = SAMPLES / "tpm2-yaml" / "ovmf.yaml"
    evidence = evlog.read_registers(path)
    assert any("as replayed by tpm2_eventlog" in sentence for sentence in evidence.read_only)


EVENT = """- EventNum: {number}
  PCRIndex: 4
  EventType: EV_EFI_ACTION
  DigestCount: 1
  Digests:
  - AlgorithmId: sha256
    Digest: "{digest}"
  EventSize: {size}
"""


def yaml(*events: str) -> bytes:
    return ("---\nversion: 1\nevents:\n" + "".join(events)).encode()


def action(number: int, data: bytes, body: str) -> str:
    digest = hashlib.sha256(data).hexdigest()
    return EVENT.format(number=number, digest=digest, size=len(data)) + body


@pytest.mark.parametrize(
    ("data", "body", "proven"),
    [
        (b"Calling EFI", "  Event: |-\n    Calling EFI\n", True),
        (b"Calling EFI\0", "  Event: |-\n    Calling EFI\n", True),
        (b"Calling EFI\0\0", "  Event: |-\n    Calling EFI\n", False),
        (b"other words", "  Event: |-\n    Calling EFI\n", False),
        (b"a: b # c", "  Event: |-\n    a: b # c\n", True),
        (b"ab", '  Event: "6162"\n', True),
        (b"abc", '  Event: "6162"\n', False),
        (b"", "", True),
        (b"x" * 2000, f'  Event: "{b"x".hex() * 1024}"\n', False),
        (b"abc", "", False),
    ],
)
def test_data_is_there_if_it_is_in_hex_or_a_digest_proves_it(data: bytes, body: str, proven: bool) -> None:
    log = evlog.read(yaml(action(0, data, body)))
    content = log.events[0].content
    assert isinstance(content, DigestOnly) == (not proven)
    if proven:
        assert content == evlog.PCClientEvent(0x80000007, data)
    assert {each.verdict for each in check(log).events[0]} == {"matches" if proven else "not_checkable"}


def test_a_text_that_looks_like_an_event_is_noticed() -> None:
    """The tool prints what firmware wrote as it is: nothing tells a forged event from a true one but its number."""
    forged = action(7, b"never measured", "")
    log = evlog.read(yaml(action(0, b"true", f"  Event: |-\n    x\n{forged}"), action(1, b"second", "")))
    assert codes(log)["report_order"]


@pytest.mark.parametrize("text", ["events:\n- EventNum: 0\n", "events:\n- EventNum: 0\n  PCRIndex: x\n"])
def test_an_event_without_a_register_ends_the_log(text: str) -> None:
    with pytest.raises(ParseError):
        evlog.read(text.encode())


def test_a_register_of_no_tpm_and_odd_digests() -> None:
    event = action(0, b"x", "").replace("PCRIndex: 4", "PCRIndex: -1")
    assert evlog.read(yaml(event)).events[0].register == Register("pcr", 0xFFFFFFFF)
    log = evlog.read(yaml(action(0, b"x", "").replace("AlgorithmId: sha256", "AlgorithmId: no-such")))
    assert {"bad_digest", "no_digests", "digest_count"} <= codes(log).keys()
    assert log.failed


# systemd-pcrlock


def pcrlock(document: dict[str, Any]) -> Log:
    return evlog.read(json.dumps(document).encode())


def test_pcrlocks_rows_lead_to_what_it_observed() -> None:
    path = SAMPLES / "pcrlock-json" / "two-banks.json"
    made = evlog.verify([evlog.read(path)], evlog.read_registers(path))
    assert made.ok
    assert [row.verdict for row in made.registers].count("match") == 48


def test_what_pcrlock_printed_of_a_machine(vm: Path) -> None:
    """The registers are those of the machine; systemd's strings are proven by their digests."""
    folder = vm / "g-uki257-systemd"
    log = evlog.read(folder / "pcrlock-log.json")
    made = evlog.verify([log], evlog.read_registers(folder / "pcrs.json"))
    found = {(str(row.register), str(row.alg)): row.verdict for row in made.registers}
    assert {found[f"pcr:{pcr}", "sha256"] for pcr in (*range(8), 9, 11, 15, 23)} == {"match"}
    assert [event.content.kind for event in log.events[-5:]] == ["systemd"] * 5
    assert log.events[-6].content == evlog.PCClientEvent(0x80000007, b"Exit Boot Services Returned with Success")


def test_pcrlocks_types() -> None:
    log = evlog.read(SAMPLES / "pcrlock-json" / "two-banks.json")
    types = [getattr(event.content, "event_type", None) for event in log.events]
    assert types[:4] == [8, 0x80000001, 0x80000007, 4]
    assert types[11:13] == [0x8000CAFE, 0x8000CAFE]
    assert log.events[13].content == evlog.SystemdRecord("enter-initrd", event_type="phase")
    assert log.events[14].digest(evlog.HashAlg.named("sha384")) is None


def test_a_start_that_no_row_tells_of() -> None:
    """EV_NO_ACTION is in no row, StartupLocality neither; what pcrlock calculated shows where PCR 0 started."""
    document: Any = make_reports.pcrlock()
    digests = [row["sha256"] for row in document["log"] if row["pcr"] == 0]
    document["pcrs"][0]["calculatedSHA256"] = make_reports.folded(digests, "sha256", 3)
    (finding,) = (each for each in pcrlock(document).findings if each.code == "report_value")
    assert "started at 3" in finding.message


@pytest.mark.parametrize(
    ("members", "register"),
    [({"pcr": None, "pcrname": "hardware"}, "mr:hardware"), ({"pcr": 23}, "pcr:23")],
)
def test_registers_of_rows(members: dict[str, Any], register: str) -> None:
    document: Any = make_reports.pcrlock()
    document["log"][0].update(members)
    assert str(pcrlock(document).events[0].register) == register


@pytest.mark.parametrize("members", [{"pcr": None, "pcrname": None}, {"pcr": -1}, {"pcr": "0"}, {"pcr": True}])
def test_a_row_without_a_register_ends_the_log(members: dict[str, Any]) -> None:
    document: Any = make_reports.pcrlock()
    document["log"][3].update(members)
    log = pcrlock(document)
    assert len(log.events) == 3
    assert log.failed


def test_a_digest_that_cannot_be_makes_its_bank_incomplete() -> None:
    document: Any = make_reports.pcrlock()
    document["log"][0]["sha256"] = "zz" * 32
    log = pcrlock(document)
    assert log.failed
    assert values(log)["pcr:0", "sha256"] is None
    assert values(log)["pcr:0", "sha384"] is not None


# A TD's events: Intel Trust Authority, CCNP, trustee


def td_values() -> dict[tuple[str, str], bytes]:
    found = {}
    for index in (1, 2, 3):
        told = [make_reports.td_digest(data, covered) for at, _, data, covered in make_reports.TD if at == index]
        found[f"ccmr:{index}", "sha384"] = bytes.fromhex(make_reports.folded(told, "sha384"))
    return found


@pytest.mark.parametrize("name", ["ita-json/rtmrs.json", "ccnp-json/records.json", "ccnp-json/members.json"])
def test_registers_of_a_td(name: str) -> None:
    log = evlog.read(SAMPLES / name)
    assert values(log) == td_values()
    assert log.platform == "tdx"


def test_banks_of_a_register_are_the_same_events() -> None:
    document: Any = make_reports.ita()
    second = json.loads(json.dumps(document[0]))
    second["rtmr"]["bank"] = "SHA256"
    for event in second["rtmr_events"]:
        event["measurement"] = event["measurement"][:64]
    log = evlog.read(json.dumps([*document, second]).encode())
    assert len(log.events) == len(make_reports.TD)
    assert len([key for key, value in values(log).items() if value is not None]) == 4
    del second["rtmr_events"][0]
    log = evlog.read(json.dumps([*document, second]).encode())
    assert "report_order" in codes(log)
    assert values(log)["ccmr:1", "sha384"] is None


def test_tags_are_told() -> None:
    assert evlog.read(SAMPLES / "ita-json" / "rtmrs.json").events[0].content == DigestOnly(0x80000001, "SecureBoot")


def test_ccnp_is_a_ccel_again() -> None:
    log = evlog.read(SAMPLES / "ccnp-json" / "records.json")
    whole = make_reports.spec_id()
    for register, event_type, data, covered in make_reports.TD:
        whole += make_reports.record(register, event_type, make_reports.td_digest(data, covered), data)
    assert evlog.convert(log, "ccel").data == whole


def test_an_index_of_zero_wraps() -> None:
    document: Any = make_reports.ccnp(header=False)
    document["EventLogs"].append({**document["EventLogs"][0], "Rtmr": 0xFFFFFFFF, "Etype": 3, "Data": ""})
    log = evlog.read(json.dumps(document).encode())
    assert str(log.events[-1].register) == "ccmr:0"


def test_members_count_where_records_say_something_else() -> None:
    """The digests are those that the service parsed; who changes a record changes no register."""
    document: Any = make_reports.ccnp()
    row = document["EventLogs"][1]
    data = bytearray(base64.b64decode(row["Data"]))
    data[20] ^= 1
    row["Data"] = base64.b64encode(data).decode()
    log = evlog.read(json.dumps(document).encode())
    assert "report_disagrees" in codes(log)
    assert values(log) == td_values()


@pytest.mark.parametrize("digest", ["[1 2 3]", "[256]", "x", "", "[" + "1 " * 5000 + "]", None])
def test_numbers_that_are_no_digest(digest: str | None) -> None:
    document: Any = make_reports.ccnp()
    document["EventLogs"][0]["Digests"] = [digest]
    log = evlog.read(json.dumps(document).encode())
    assert log.failed or values(log)["ccmr:1", "sha384"] is None


def test_trustees_own_claims() -> None:
    """The log in them leads to what trustee's own test of that log holds it to."""
    path = SHARED / "corpus" / "confidential-containers__trustee__parse_tdx_claims_expected.json"
    if not path.exists():
        pytest.skip("no public logs")
    log = evlog.read(json.dumps(json.loads(path.read_text())["uefi_event_logs"]).encode())
    assert log.format == "trustee-json"
    found = {register: value.hex()[:16] for (register, _), value in values(log).items() if value is not None}
    assert found == {"ccmr:1": "2dc712306a963ead", "ccmr:2": "0fa3be56af61208b"}


def test_a_list_among_other_members_is_left_to_who_reads_documents() -> None:
    """There may be other logs beside it, of which nobody would hear."""
    for document, mine in (
        ({"uefi_event_logs": make_reports.trustee()}, True),
        ({"uefi_event_logs": make_reports.trustee(), "ima": "text"}, False),
        (make_reports.trustee(), True),
    ):
        found = room("trustee-json").sniff(json.dumps(document).encode(), Options()).confidence
        assert found == (CERTAIN if mine else NO)


def test_a_digest_that_is_no_number_ends_nothing_before_it() -> None:
    document: Any = make_reports.ccnp()
    document["EventLogs"][2]["Digests"] = ["x"]
    with pytest.raises(ParseError):
        evlog.read(json.dumps(document).encode(), strict=True)


# coreboot


def test_coreboots_own_log() -> None:
    for name, bank in (("own.txt", "sha1"), ("console.txt", "sha256")):
        log = evlog.read(SAMPLES / "cbmem-text" / name)
        assert [(event.register.index, event.content.summary) for event in log.events] == list(make_reports.OWN)
        for pcr in (1, 2):
            told = [make_reports.hashed(text.encode(), bank) for index, text in make_reports.OWN if index == pcr]
            assert values(log)[f"pcr:{pcr}", bank] == bytes.fromhex(make_reports.folded(told, bank))


def test_a_console_of_two_boots() -> None:
    one, other = make_reports.own("sha256"), make_reports.own("sha256")[1:]
    lines = [
        "[INFO ]  coreboot TPM log measurements:",
        "",
        *one,
        "",
        "[INFO ]  coreboot TPM log measurements:",
        "",
        *other,
    ]
    log = evlog.read("\n".join(lines).encode())
    assert len(log.events) == len(other)
    assert "several_listings" in codes(log)


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("level", ["", "[INFO ]  ", "\x1b[1m[INFO ]  "])
def test_levels_colours_and_ends_of_lines(level: str, end: str) -> None:
    text = end.join(f"{level}{line}" for line in ("coreboot TCPA log:", "", *make_reports.own("sha256"))) + end
    log = evlog.read(text.encode())
    assert (log.format, len(log.events)) == ("cbmem-text", 4)
    assert log.events[3].content == DigestOnly(None, "GBB flags")


@pytest.mark.parametrize(("name", "banks"), [("tcpa.txt", ["sha1"]), ("tpm2.txt", ["sha1", "sha256"])])
def test_logs_in_tcgs_form(name: str, banks: list[str]) -> None:
    log = evlog.read(SAMPLES / "cbmem-text" / name)
    assert [str(alg) for alg in log.algorithms] == banks
    types = [getattr(event.content, "event_type", None) for event in log.events]
    assert types == [8, 5, 4, 6, 0x80000001, 3]
    for event, (_, _, data, _) in zip(log.events, make_reports.TCG, strict=True):
        assert isinstance(event.content, DigestOnly) or event.content.to_json()["data"] == data.hex()
    assert not log.events[5].measured


def test_an_acpi_table_is_no_listing() -> None:
    with pytest.raises(EvlogError, match="ACPI TPM2 table"):
        evlog.read(b"TPM2" + (76).to_bytes(4, "little") + bytes(68))


# the kernel's tracepoints


def trace(*lines: str) -> Log:
    return evlog.read("".join(f" dd-1 [000] .l... {at}.000001: {line}\n" for at, line in enumerate(lines)).encode())


DIGEST = hashlib.sha384(b"x").hexdigest()
WRITE = f"tsm_mr_write: [rtmr1] sha384:{DIGEST}"
ZEROS = f"tsm_mr_read: [rtmr1] sha384:{bytes(48).hex()}"
ONCE = make_reports.folded([DIGEST], "sha384")


def test_writes_are_events_and_reads_are_values() -> None:
    log = trace(ZEROS, WRITE, f"tsm_mr_read: [rtmr1] sha384:{ONCE}")
    assert values(log) == {("rtmr:1", "sha384"): bytes.fromhex(ONCE)}
    assert codes(log).keys() == {"from_report"}
    assert log.start is None


def test_a_register_that_stood_elsewhere() -> None:
    before = hashlib.sha384(b"before").hexdigest()
    after = hashlib.sha384(bytes.fromhex(before + DIGEST)).hexdigest()
    log = trace(f"tsm_mr_read: [rtmr1] sha384:{before}", WRITE, f"tsm_mr_read: [rtmr1] sha384:{after}")
    assert values(log) == {("rtmr:1", "sha384"): bytes.fromhex(after)}
    assert codes(log).keys() == {"from_report"}
    (row,) = evlog.replay(log).rows
    assert row.start_reason == "log"


@pytest.mark.parametrize("lines", [(WRITE,), (WRITE, f"tsm_mr_read: [rtmr1] sha384:{ONCE}")])
def test_nobody_read_it_before(lines: tuple[str, ...]) -> None:
    assert codes(trace(*lines)).keys() == {"from_report", "unanchored"}


def test_another_road_is_an_error() -> None:
    log = trace(ZEROS, WRITE, f"tsm_mr_read: [rtmr1] sha384:{DIGEST}")
    assert log.failed
    assert "extended_elsewhere" in codes(log)


def test_lines_out_of_order_and_lines_lost() -> None:
    lines = [f" dd-1 [000] .l... {at}: {line}\n" for at, line in ((2.5, WRITE), (1.5, ZEROS))]
    log = evlog.read(("CPU:1 [LOST 3 EVENTS]\n" + "".join(lines)).encode())
    assert {"trace_order", "log_incomplete"} <= codes(log).keys()
    assert log.failed
    assert "unanchored" not in codes(log)


@pytest.mark.parametrize("value", ["sha384:00", "sha384:zz", "no-such:00", f"sha384:{DIGEST}00"])
def test_a_write_that_cannot_be_is_an_error(value: str) -> None:
    log = trace(ZEROS, WRITE, f"tsm_mr_write: [rtmr1] {value}")
    assert log.failed


# all of them


@pytest.mark.parametrize("format", REPORTS)
def test_what_is_no_report_is_not_taken_for_one(format: str) -> None:
    others = [
        b"",
        b"[]",
        b"{}",
        b"events:\n",
        b"TPM2 log:\n",
        b"coreboot TPM log:\n\n",
        b"tsm_mr_write: [x] sha384:00\n",
    ]
    others += [b'[{"index":1,"digests":[]}]', b'{"log":[],"pcrs":[]}', b'{"Header":{}}', b'[{"rtmr":{}}]']
    others += [path.read_bytes() for path in (SAMPLES / "cel-json").glob("*.json")]
    assert {room(format).sniff(data, Options()).confidence for data in others} <= {NO}


@pytest.mark.parametrize("format", REPORTS)
def test_a_mebibyte_is_soon_refused(format: str) -> None:
    rng = random.Random(format)
    for data in (rng.randbytes(1 << 20), b"TPM2 log:\n" * 100_000, b"1.0: tsm_mr_read: [\n" * 50_000, b" " * (1 << 20)):
        assert room(format).sniff(data, Options()).confidence < CERTAIN
        assert clock.soon(lambda data=data: room(format).sniff(data, Options()), 0.2 * SLOWEST)  # type: ignore[misc]


@pytest.mark.parametrize("format", REPORTS)
def test_time_grows_with_the_report(format: str) -> None:
    """Eight times the report takes about eight times the time, however the events are told."""
    makers: dict[str, Callable[[int], Any]] = {
        "tpm2-yaml": lambda count: yaml(*(action(number, b"x", "  Event: |-\n    x\n") for number in range(count))),
        "pcrlock-json": lambda count: json.dumps({"log": make_reports.pcrlock()["log"] * (count // 15), "pcrs": []}),
        "ita-json": lambda count: json.dumps(
            [{**make_reports.ita()[0], "rtmr_events": make_reports.ita()[0]["rtmr_events"] * count}]
        ),
        "ccnp-json": lambda count: json.dumps(
            {**make_reports.ccnp(), "EventLogs": make_reports.ccnp()["EventLogs"] * (count // 5)}
        ),
        "trustee-json": lambda count: json.dumps(make_reports.trustee() * (count // 5)),
        "cbmem-text": lambda count: "coreboot TPM log:\n\n" + "\n".join(make_reports.own("sha256") * (count // 4)),
        "tsm-trace": lambda count: "".join(f" 1.0: {WRITE}\n" for _ in range(count)),
    }

    def made(count: int) -> bytes:
        text = makers[format](count)
        return text if isinstance(text, bytes) else text.encode()

    def read(data: bytes) -> None:
        assert room(format).read(data, Options()).events

    assert clock.linear(read, made(500), made(4000), 30)


@pytest.mark.parametrize(
    "text", ['{"log":[' + "[" * 100_000, '[{"rtmr":{"index":1,"bank":"SHA384"},"type_id":' + "9" * 9000]
)
def test_json_that_is_deep_or_long(text: str) -> None:
    for format in REPORTS:
        with pytest.raises(ParseError):
            room(format).read(text.encode(), Options())
