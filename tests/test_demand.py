"""The demand decides, never the input: each promise of SECURITY.md through the command, an attack and an honest twin.

Logs and evidence are made by hand: hashes by hashlib, records by struct, signatures by keys of the occasion.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import evlog
from evlog import SHA256, Acceptance, Demand, Register, Registers, read_registers
from evlog.errors import UsageError
from evlog.evidence import _makers
from samples import make_linux
from tests import made, made_evidence
from tests.command import run
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

NONCE = bytes(range(1, 17))
AK = made_evidence.ec_key("ak")
ACTION = 5
ALGS = {"sha1": 0x0004, "sha256": 0x000B, "sha384": 0x000C}

Event = tuple[int, bytes]
#: A boot: what each PCR was extended with, the hashes of texts.
BOOT: tuple[Event, ...] = (
    *((index, f"firmware {index}".encode()) for index in range(8)),
    (4, b"shim"),
    (4, b"kernel"),
    (7, b"certificate"),
    (8, b"command line"),
    (9, b"initrd"),
)


def extended(parts: Iterable[bytes], bank: str = "sha256", start: bytes | None = None) -> bytes:
    """A register by hand."""
    value = bytes(hashlib.new(bank).digest_size) if start is None else start
    for part in parts:
        value = hashlib.new(bank, value + hashlib.new(bank, part).digest()).digest()
    return value


def pcrs(events: Iterable[Event], bank: str = "sha256", count: int = 24) -> dict[int, bytes]:
    """All PCRs after a boot."""
    size, listed = hashlib.new(bank).digest_size, list(events)
    starts = {index: (b"\xff" if 17 <= index <= 22 else b"\0") * size for index in range(count)}
    return {
        index: extended((text for register, text in listed if register == index), bank, start)
        for index, start in starts.items()
    }


def tcg2(events: Iterable[Event], *banks: str) -> bytes:
    banks = banks or ("sha256",)
    return made.header(*banks) + b"".join(made.event(index, ACTION, text, *banks) for index, text in events)


def row(register: str, text: bytes, *banks: str) -> dict[str, Any]:
    """An event of an evlog document."""
    digests = [{"alg": bank, "digest": hashlib.new(bank, text).hexdigest()} for bank in banks]
    content = {"kind": "pcclient", "event_type": ACTION, "event_type_name": "EV_ACTION", "data": text.hex()}
    return {"register": register, "digests": digests, "content": content}


def document(
    rows: Sequence[dict[str, Any]], *banks: str, start: dict[str, bytes] | None = None, platform: str | None = None
) -> bytes:
    """An evlog document, which may state where registers start."""
    numbered = [
        {"number": number, "offset": None, "length": None, "label": each["register"], "recnum": None, **each}
        for number, each in enumerate(rows)
    ]
    members: dict[str, Any] = {
        "schema": "evlog.log/1",
        "format": "evlog-json",
        "platform": platform,
        "algorithms": list(banks),
        "events": [{"measured": True, **each} for each in numbered],
        "findings": [],
    }
    if start:
        members["start"] = [
            {"register": register, "alg": banks[0], "value": value.hex()} for register, value in start.items()
        ]
    return json.dumps(members).encode()


class Answer(NamedTuple):
    """What the command said of one question, in JSON and in lines."""

    code: int
    json: dict[str, Any]
    text: str

    @property
    def word(self) -> str:
        return str(self.json["word"])

    @property
    def line(self) -> str:
        """The first line of the text."""
        return self.text.partition("\n")[0]

    @property
    def options(self) -> list[str]:
        """What would accept each shortfall, as the failing lines print it."""
        return re.findall(r"\(--accept (.+)\)$", self.text, re.MULTILINE)

    def verdict(self, register: str, alg: str = "sha256") -> tuple[str, str | None]:
        found = next(each for each in self.json["registers"] if (each["register"], each["alg"]) == (register, alg))
        return found["verdict"], found["cause"]


class Desk:
    """A verifier's folder, and the command in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, name: str, data: bytes) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return name

    def raw(self, *arguments: str) -> tuple[int, str]:
        ran = run("verify", *arguments, folder=self.folder)
        return ran.code, ran.out + ran.err

    def ask(self, *arguments: str) -> Answer:
        """Both ways of asking come to the same."""
        code, text = run("verify", *arguments, folder=self.folder)[:2]
        machine, printed = run("verify", *arguments, "--json", folder=self.folder)[:2]
        assert code == machine
        found = json.loads(printed)
        assert found["exit"] == code
        assert found["ok"] or code == 1
        first = text.partition("\n")[0]
        assert first.startswith("NOT VERIFIED") != found["ok"]
        starts = re.search(r"(^|: )verified: ", first) is not None
        assert starts == (found["word"] == "verified")
        assert bool(found["demand"]["shortfalls"]) <= (code == 1)
        return Answer(code, found, text)

    def quote(
        self,
        values: dict[int, bytes],
        selection: Iterable[int] = range(24),
        *,
        bank: str = "sha256",
        nonce: bytes | None = NONCE,
        stated: dict[int, bytes] | None = None,
    ) -> list[str]:
        """A genuine quote with its signature and key, and the values of ``stated`` PCRs: the quoted ones, if None."""
        chosen = sorted(selection)
        quote = made_evidence.tpm_quote([values[index] for index in chosen], nonce=NONCE, alg=ALGS[bank], pcrs=chosen)
        shown = {index: values[index] for index in chosen} if stated is None else stated
        table = {bank: {str(index): value.hex() for index, value in shown.items()}}
        arguments = [
            *("--quote", self.put("quote", quote)),
            *("--signature", self.put("sig", made_evidence.ecdsa_signature(quote, AK))),
            *("--key", self.put("ak.pem", made_evidence.pem(AK.public_key()))),
            *("--pcrs", self.put("pcrs.json", json.dumps(table).encode())),
        ]
        return [*arguments, "--nonce", nonce.hex()] if nonce is not None else arguments

    def file(self, space: str, values: dict[str, dict[str, bytes]]) -> list[str]:
        """A register file: values by bank and index."""
        table = {bank: {index: value.hex() for index, value in each.items()} for bank, each in values.items()}
        return ["--registers", self.put("regs.json", json.dumps({space: table}).encode())]

    def td_quote(self, rtmrs: Sequence[bytes], mrtd: bytes = b"\xaa" * 48, **how: Any) -> list[str]:
        body = made_evidence.td_body(mrtd, list(rtmrs), how.pop("nonce", NONCE))
        data = made_evidence.td_quote(body, **how)
        root = self.put("root.pem", made_evidence.pem_of(made_evidence.intel()[-1]))
        return ["--quote", self.put("td", data), "--root", root, "--kind", "tdx-quote"]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    # Sentences are looked for as they are, not as lines of a page.
    monkeypatch.setenv("COLUMNS", "99999")
    return Desk(tmp_path)


WHOLE = pcrs(BOOT)


def without(*registers: int) -> list[Event]:
    return [(index, text) for index, text in BOOT if index not in registers]


# Which registers are demanded


def test_a_whole_boot_under_a_key_and_a_nonce_is_verified(desk: Desk) -> None:
    found = desk.ask(desk.put("log", tcg2(BOOT)), *desk.quote(WHOLE))
    assert (found.code, found.word, found.json["complete"]) == (0, "verified", True)
    evidence = found.json["evidence"]
    assert (evidence["source"], evidence["anchor"], evidence["fresh"]) == ("tpm-quote", "key", True)
    demanded = {each["register"] for each in found.json["registers"] if each["demanded"]}
    assert demanded == {f"pcr:{index}" for index in range(10)} == set(found.json["demand"]["registers"])
    assert "not checked" in found.line


@pytest.mark.parametrize("selection", [(23,), (16,), (16, 23), (0, 1, 2), range(1, 24)])
def test_a_quote_of_few_registers_is_no_smaller_demand(desk: Desk, selection: Iterable[int]) -> None:
    """Quoter and log narrow together: PCR 16 and 23, which anybody resets, or all but the one that was changed."""
    log = desk.put("log", tcg2([*BOOT, (23, b"mine"), (16, b"mine")]))
    values = pcrs([*BOOT, (23, b"mine"), (16, b"mine")])
    assert desk.ask(log, *desk.quote(values, selection)).code == 1
    short = desk.put("short", tcg2([(23, b"mine"), (16, b"mine")]))
    assert desk.ask(short, *desk.quote(values, selection)).code == 1
    assert desk.ask(log, *desk.quote(values)).code == 0


@pytest.mark.parametrize("bank", ["sha256", "sha384"])
@pytest.mark.parametrize("cut", [(5,), (0, 2), (9,)])
def test_events_cut_out_of_a_log_are_missed(desk: Desk, bank: str, cut: tuple[int, ...]) -> None:
    quote = desk.quote(pcrs(BOOT, bank), bank=bank)
    desk.put("cut", tcg2(without(*cut), bank))
    desk.put("whole", tcg2(BOOT, bank))
    for format in ("tcg2", "cel-tlv", "cel-json"):
        for name in ("cut", "whole"):
            assert run("convert", name, "--to", format, "-o", f"{name}.{format}", folder=desk.folder).code == 0
        found = desk.ask(f"cut.{format}", *quote)
        assert (found.code, found.json["complete"]) == (1, False)
        assert found.options == [f"not_logged:pcr:{index}" for index in cut]
        assert desk.ask(f"whole.{format}", *quote).code == 0


def test_an_ima_list_that_was_not_given_is_named_or_required_away(desk: Desk) -> None:
    values = pcrs([*BOOT, (10, b"boot aggregate")])
    log, quote = desk.put("log", tcg2(BOOT)), desk.quote(values)
    found = desk.ask(log, *quote)
    assert (found.code, found.options) == (1, ["not_logged:pcr:10"])
    accepted = desk.ask(log, *quote, "--accept", "not_logged:pcr:10")
    assert (accepted.code, accepted.word, accepted.json["complete"]) == (0, "accepted", False)
    assert "ok (accepted: not_logged:pcr:10)" in accepted.line
    assert desk.ask(log, *quote, "--accept", "not_logged:pcr:11").code == 1
    required = desk.ask(log, *quote, "--require", "0-9")
    assert (required.code, required.word, required.json["complete"]) == (0, "verified", False)


def test_a_quote_without_values_that_the_logs_do_not_lead_to_is_not_accepted_away(desk: Desk) -> None:
    """Its digest tells nothing of single registers: no line says that something would accept them."""
    quote = desk.quote(WHOLE, range(9))
    at = quote.index("--pcrs")
    bare = quote[:at] + quote[at + 2 :]
    assert desk.ask(desk.put("eight", tcg2(without(9))), *bare).word == "verified"
    cut = desk.ask(desk.put("cut", tcg2(without(5))), *bare)
    assert (cut.code, cut.options) == (1, ["not_reported:pcr:9"])
    assert "pcr:4: the quote is of it" in cut.text
    assert desk.ask("cut", *bare, "--accept", "not_reported,not_logged,incomplete").code == 1
    assert desk.ask("cut", *quote, "--accept", "not_reported,not_logged").code == 0


def test_values_that_the_verifier_names_himself_count_where_they_moved(desk: Desk) -> None:
    """A register file: PCR 0 to 7 away from their start value; without a key PCR 8 is none of them, but for strict."""
    log, cut = desk.put("log", tcg2(BOOT)), desk.put("cut", tcg2(without(8)))
    values = {"sha256": {str(index): value for index, value in WHOLE.items()}}
    file = desk.file("pcr", values)
    assert desk.ask(log, *file).word == "read"
    assert desk.ask(cut, *file).code == 0
    assert desk.ask(cut, *file, "--strict").options == ["not_logged:pcr:8"]
    assert desk.ask(desk.put("cut7", tcg2(without(7))), *file).options == ["not_logged:pcr:7"]
    few = {"sha256": {"9": WHOLE[9]}}
    assert desk.ask(desk.put("nine", tcg2([each for each in BOOT if each[0] == 9])), *desk.file("pcr", few)).code == 0


def test_a_confidential_guest_s_first_two_registers_are_demanded(desk: Desk) -> None:
    rtmrs = [extended([b"td hob"], "sha384"), extended([b"kernel"], "sha384"), bytes(48), bytes(48)]
    rows = [row("rtmr:0", b"td hob", "sha384"), row("rtmr:1", b"kernel", "sha384")]
    quote = desk.td_quote(rtmrs)
    whole = desk.put("log", document(rows, "sha384", platform="tdx"))
    assert desk.ask(whole, *quote).code == 0
    short = desk.put("short", document(rows[:1], "sha384", platform="tdx"))
    assert desk.ask(short, *quote).options == ["not_logged:ccmr:2"]
    assert desk.ask(short, *quote, "--require", "rtmr:0").code == 0
    assert desk.ask(short, *quote, "--register", "rtmr:0", "--require", "rtmr:0-1").code == 1


def test_require_takes_ranges_and_nothing_narrows_it(desk: Desk) -> None:
    log, quote = desk.put("log", tcg2(without(4))), desk.quote(WHOLE)
    assert desk.ask(log, *quote, "--require", "0-3,5-9").code == 0
    assert desk.ask(log, *quote, "--require", "0-9").options == ["not_logged:pcr:4"]
    assert desk.ask(log, *quote, "--require", "4", "--register", "0-3").code == 1
    assert desk.ask(log, *quote, "--register", "0-3").code == 0
    assert desk.raw(log, *quote, "--require", "0-9000")[0] == 2
    assert desk.raw(log, *quote, "--require", "pcr:")[0] == 2
    narrow = desk.quote(WHOLE, range(8))
    absent = desk.ask(desk.put("log", tcg2(BOOT)), *narrow, "--require", "0-7,14")
    assert absent.options == ["not_reported:pcr:14"]
    assert "pcr:14" in absent.json["demand"]["registers"]


def test_registers_that_anybody_resets_count_if_required_and_are_named(desk: Desk) -> None:
    events = [*BOOT, (16, b"debug"), (23, b"application")]
    log, quote = desk.put("log", tcg2(events)), desk.quote(pcrs(events))
    found = desk.ask(log, *quote)
    assert not {"pcr:16", "pcr:23"} & set(found.json["demand"]["registers"])
    required = desk.ask(log, *quote, "--require", "0-7,23")
    assert (required.code, required.word) == (0, "verified")
    assert "resettable by anybody: pcr:23" in required.line
    other = desk.put("other", tcg2([*BOOT, (16, b"debug"), (23, b"another")]))
    assert desk.ask(other, *quote, "--require", "0-7,23").code == 1


def test_a_log_does_not_say_what_a_demanded_register_is_called(desk: Desk) -> None:
    """RTMR[3] of TDX is ccmr:4; of the platform that a hostile log claims to be of it would be ccmr:3."""
    rtmrs = [extended([each], "sha384") for each in (b"hob", b"kernel", b"grub", b"evil")]
    quote = desk.td_quote(rtmrs)
    rows = [row(f"ccmr:{index + 1}", text, "sha384") for index, text in enumerate((b"hob", b"kernel", b"grub"))]
    assert desk.ask(desk.put("log", document(rows, "sha384", platform="csv")), *quote, "--require", "rtmr:3").code == 1
    rows.append(row("ccmr:4", b"evil", "sha384"))
    assert desk.ask(desk.put("log", document(rows, "sha384", platform="tdx")), *quote, "--require", "rtmr:3").code == 0


def test_nor_where_only_the_log_knows_the_platform(desk: Desk) -> None:
    file = desk.file("ccmr", {"sha384": {"3": extended([b"grub"], "sha384"), "4": extended([b"evil"], "sha384")}})
    rows = [row("ccmr:3", b"grub", "sha384")]
    hostile = desk.put("log", document(rows, "sha384", platform="csv"))
    found = desk.ask(hostile, *file, "--require", "rtmr:3")
    assert (found.code, found.options) == (1, ["not_logged:ccmr:4"])
    assert desk.ask(hostile, *file, "--require", "rtmr:3", "--platform", "csv").code == 0
    rows.append(row("ccmr:4", b"evil", "sha384"))
    assert desk.ask(desk.put("log", document(rows, "sha384", platform="tdx")), *file, "--require", "rtmr:3").code == 0


@pytest.mark.parametrize("space", ["rtmr", "ccmr", "rem"])
@pytest.mark.parametrize("platform", [None, "tdx", "csv", "cca"])
def test_nor_what_the_verifier_s_own_values_are_of(desk: Desk, space: str, platform: str | None) -> None:
    """A file of a confidential guest's registers: its first two have to count, whatever the log says to be of."""
    first, texts = int(space == "ccmr"), (b"hob", b"kernel", b"grub")
    values = {str(first + index): extended([text], "sha384") for index, text in enumerate(texts)}
    file = desk.file(space, {"sha384": values})
    rows = [row(f"{space}:{first + index}", text, "sha384") for index, text in enumerate(texts)]
    assert desk.ask(desk.put("log", document(rows, "sha384")), *file).code == 0
    for cut in ((0,), (1,), (0, 1)):
        kept = [each for index, each in enumerate(rows) if index not in cut]
        found = desk.ask(desk.put("cut", document(kept, "sha384", platform=platform)), *file)
        assert (found.code, len(found.options)) == (1, len(cut))
    assert desk.ask(desk.put("two", document(rows[:2], "sha384")), *file).code == 0


@pytest.mark.parametrize(("bank", "platform"), [("sha256", "cca"), ("sha384", "tdx")])
@pytest.mark.parametrize("signed", [True, False])
def test_nor_that_its_events_of_a_pcr_are_another_register_s(
    desk: Desk, bank: str, platform: str, signed: bool
) -> None:
    """A log of a platform's own bank that claims to be of it: there the events of a PCR are those of a register."""
    values = pcrs(BOOT, bank)
    evidence = (
        desk.quote(values, bank=bank) if signed else desk.file("pcr", {bank: {str(i): values[i] for i in range(24)}})
    )
    log = desk.put("log", tcg2(BOOT, "sha1", bank))
    forged = [row("pcr:4", b"forged", bank)]
    for claimed in (platform, None):
        second = desk.put("second", document(forged, bank, platform=claimed))
        for demand in ((), ("--require", "0-9")):
            assert desk.ask(log, second, *evidence, *demand).code == 1
        events = json.loads(desk.raw(log, second, *evidence, "--json", "--events")[1].partition("\n")[0])["events"]
        assert {each["standing"] for each in events if each["log"] == "second"} == {"claimed"}
    rows = [row(f"pcr:{index}", text, bank) for index, text in BOOT]
    parts = [desk.put(f"part{at}", document(rows[at : at + 8], bank, platform=platform)) for at in (0, 8)]
    assert desk.ask(*parts, *evidence).code == 0


# Values that nothing stands behind


def test_values_beside_a_quote_that_it_does_not_cover_are_only_noted(desk: Desk) -> None:
    """A forged log of PCR 7 to 9 with values that go with it, beside a quote of PCR 0 to 6."""
    forged = [*without(7, 8, 9), (7, b"forged"), (8, b"forged")]
    log = desk.put("log", tcg2(forged))
    found = desk.ask(log, *desk.quote(pcrs(forged), range(7), stated=pcrs(forged)))
    assert found.code == 1
    assert set(found.options) == {"not_reported:pcr:7", "not_reported:pcr:8"}
    assert "not quoted" in found.text
    # All 24 beside a quote of those that count is what tools hand over.
    honest = desk.put("log", tcg2(BOOT))
    assert desk.ask(honest, *desk.quote(WHOLE, range(11), stated=WHOLE)).word == "verified"


# Banks


def test_sha1_alone_counts_only_if_the_verifier_names_it(desk: Desk) -> None:
    log, quote = desk.put("log", tcg2(BOOT, "sha1")), desk.quote(pcrs(BOOT, "sha1"), bank="sha1")
    found = desk.ask(log, *quote)
    assert (found.code, found.options) == (1, [])
    assert "--bank sha1" in found.text
    named = desk.ask(log, *quote, "--bank", "sha1")
    assert (named.code, named.word) == (0, "verified")


def test_a_bank_that_differs_is_not_outvoted(desk: Desk) -> None:
    both = {
        "sha256": {str(index): value for index, value in WHOLE.items()},
        "sha1": {str(index): value for index, value in pcrs(BOOT, "sha1").items()},
    }
    log = desk.put("log", tcg2(BOOT, "sha1", "sha256"))
    assert desk.ask(log, *desk.file("pcr", both)).code == 0
    both["sha1"]["7"] = b"\x01" * 20
    assert desk.ask(log, *desk.file("pcr", both)).code == 1
    assert desk.ask(log, *desk.file("pcr", both), "--bank", "sha256").code == 0


def test_bank_register_and_log_that_are_absent_are_three_sentences(desk: Desk) -> None:
    log = desk.put("log", tcg2(BOOT))
    other = desk.file("pcr", {"sha384": {str(index): value for index, value in pcrs(BOOT, "sha384").items()}})
    bank = desk.ask(log, *other)
    assert bank.verdict("pcr:7", "sha384") == ("incomplete", "no_bank")
    assert "no sha384 digests of it, only sha256" in bank.text
    register = desk.ask(desk.put("cut", tcg2(without(7))), *desk.quote(WHOLE))
    assert "no log has an event of it" in register.text
    nothing = desk.ask(desk.put("none", made.header("sha256")), *desk.quote(WHOLE))
    assert "there is no log of any event" in nothing.text
    lacking = desk.ask(log, *desk.quote(WHOLE), "--bank", "sha384")
    assert "no value of it in sha384" in lacking.text
    assert [each.code for each in (bank, register, nothing, lacking)] == [1] * 4


def test_digests_taken_out_of_a_bank_are_missed(desk: Desk) -> None:
    """One event on PCR 8 without the quoted bank's digest: it may be anything."""
    forged = tcg2(BOOT, "sha256", "sha1") + made.event(8, ACTION, b"forged", "sha1")
    found = desk.ask(desk.put("log", forged), *desk.quote(WHOLE))
    assert (found.code, found.options) == (1, ["incomplete:pcr:8"])
    assert desk.ask(desk.put("log", tcg2(BOOT, "sha256", "sha1")), *desk.quote(WHOLE)).code == 0


@pytest.mark.parametrize("banks", [("sha384",), ("sha1",), ()])
def test_events_of_another_bank_on_an_idle_register_are_not_proven(desk: Desk, banks: tuple[str, ...]) -> None:
    """PCR 9 was never extended, and a log has it measure something, in no bank that the quote is of."""
    quote = desk.quote(pcrs(without(9)))
    rows = [row(f"pcr:{index}", text, "sha256") for index, text in without(9)]
    honest = desk.put("honest", document(rows, "sha256"))
    assert desk.ask(honest, *quote).code == 0
    forged = row("pcr:9", b"forged", *banks)
    inside = desk.put("inside", document([*rows, forged], "sha256", *banks))
    beside = desk.put("beside", document([forged], *banks))
    for logs in ([inside], [honest, beside], [beside, honest]):
        found = desk.ask(*logs, *quote)
        assert (found.code, found.options) == (1, ["incomplete:pcr:9"]), logs


def test_events_of_a_bank_that_no_hash_is_known_for_are_not_proven(desk: Desk) -> None:
    quote = desk.quote(pcrs(without(9)))
    rows = [row(f"pcr:{index}", text, "sha256") for index, text in without(9)]
    unknown = row("pcr:9", b"forged") | {"digests": [{"alg": "0x7f01", "digest": "00" * 24, "size": 24}]}
    inside = desk.put("inside", document([*rows, unknown], "sha256"))
    honest, beside = desk.put("honest", document(rows, "sha256")), desk.put("beside", document([unknown], "0x7f01"))
    for logs in ([inside], [honest, beside]):
        assert desk.ask(*logs, *quote).code == 1, logs
    # Nor on a register that the evidence does not state.
    assert desk.ask(honest, beside, *desk.quote(pcrs(without(9)), range(9))).options == ["not_reported:pcr:9"]


def test_a_second_list_is_proven_by_its_own_bank_only(desk: Desk) -> None:
    """IMA writes a list for each bank; beside the quoted one's a forged one of another."""
    entries = [(b"boot_aggregate", b"a"), (b"/init", b"b")]
    value = bytes(32)
    for name, text in entries:
        value = hashlib.sha256(value + template(name, text, "sha256")).digest()
    values = WHOLE | {10: value}
    log, right = desk.put("log", tcg2(BOOT)), desk.put("ima256", ima(entries, "sha256"))
    assert desk.ask(log, right, *desk.quote(values)).code == 0
    forged = desk.put("ima384", ima([*entries[:1], (b"/forged", b"c")], "sha384"))
    found = desk.ask(log, right, forged, *desk.quote(values))
    assert (found.code, found.options) == (1, ["incomplete:pcr:10"])
    assert "ima384" in found.text


def test_lines_of_a_long_log_in_another_bank_are_not_proven(desk: Desk) -> None:
    """A long textual log with a bank for each register: on PCR 8 one that the quote is not of."""
    own = [b"INIT sha256/" + bytes(32).hex().encode(), *(b"a line %d" % index for index in range(4200))]
    forged = [b"INIT sha384/" + bytes(48).hex().encode(), b"a forged line"]
    firmware = without(9)
    quote = desk.quote(pcrs(firmware) | {9: extended(own)})
    log = desk.put("log", tcg2(firmware))
    honest = desk.put("honest", b"".join(b"9 " + line + b"\n" for line in own))
    how = ["--index", "pcr", *quote]
    assert desk.ask(log, honest, *how).word == "verified"
    lines = b"".join(b"8 " + line + b"\n" for line in forged)
    hostile = desk.put("hostile", lines + (desk.folder / "honest").read_bytes())
    found = desk.ask(log, hostile, *how)
    assert (found.code, found.options) == (1, ["incomplete:pcr:8"])


def systemd(*records: tuple[int, bytes, str]) -> bytes:
    """systemd's own log: a PCR, a string, and the one bank of its digest."""
    lines = (
        {
            "pcr": index,
            "digests": [{"hashAlg": bank, "digest": hashlib.new(bank, text).hexdigest()}],
            "content_type": "systemd",
            "content": {"string": text.decode(), "eventType": "phase"},
        }
        for index, text, bank in records
    )
    return b"".join(b"\x1e" + json.dumps(each).encode() + b"\n" for each in lines)


@pytest.mark.parametrize("index", [4, 11])
def test_records_of_systemd_in_another_bank_are_not_proven(desk: Desk, index: int) -> None:
    """systemd extends the banks that it logs and no others: what extended nothing is proven by nothing."""
    log = desk.put("log", tcg2(BOOT))
    quote = desk.quote(pcrs([*BOOT, (11, b"enter-initrd")]))
    right = [(11, b"enter-initrd", "sha256")]
    assert desk.ask(log, desk.put("right", systemd(*right)), *quote).word == "verified"
    forged = desk.put("forged", systemd(*right, (index, b"forged", "sha512")))
    found = desk.ask(log, forged, *quote)
    assert (found.code, found.options) == (1, [f"incomplete:pcr:{index}"])
    assert desk.ask(log, forged, *quote, "--accept", f"incomplete:pcr:{index}").word == "accepted"


def test_records_of_systemd_do_not_hide_behind_another_register_s_rule(desk: Desk) -> None:
    """PCR 10 is explained by the hashes of a SHA-1 list, PCR 11 by records that extended nothing."""
    value = bytes(32)
    for name, text in ENTRIES:
        value = hashlib.sha256(value + template(name, text, "sha256")).digest()
    values = pcrs([*BOOT, (11, b"enter-initrd")]) | {10: value}
    logs = [desk.put("log", tcg2(BOOT)), desk.put("ima", ima(ENTRIES))]
    right = desk.put("right", systemd((11, b"enter-initrd", "sha256")))
    assert desk.ask(*logs, right, *desk.quote(values)).word == "verified"
    records = [(11, b"enter-initrd", "sha256"), (10, b"forged", "sha512"), (11, b"sysinit", "sha512")]
    found = desk.ask(*logs, desk.put("forged", systemd(*records)), *desk.quote(values))
    assert found.code == 1
    assert set(found.options) >= {"incomplete:pcr:11"}


def test_a_rule_of_one_log_proves_nothing_of_another_that_does_not_know_it(desk: Desk) -> None:
    """Documents of one format, IMA's entries in the one and records of systemd in the other, on one register."""
    value = bytes(32)
    for name, text in ENTRIES:
        value = hashlib.sha256(value + template(name, text, "sha256")).digest()
    rows = [
        {
            "register": "pcr:10",
            "digests": [{"alg": "sha1", "digest": template(name, text).hex()}],
            "content": {"kind": "ima", "template": "ima-ng", "data": ima_data(name, text).hex()},
        }
        for name, text in ENTRIES
    ]
    logs = [desk.put("log", tcg2(BOOT)), desk.put("ima", document(rows, "sha1"))]
    quote = desk.quote(WHOLE | {10: value})
    assert desk.ask(*logs, *quote).word == "verified"
    digest = {"alg": "sha512", "digest": hashlib.sha512(b"forged").hexdigest()}
    forged = {"register": "pcr:10", "digests": [digest], "content": {"kind": "systemd", "string": "forged"}}
    found = desk.ask(*logs, desk.put("forged", document([forged], "sha512")), *quote)
    assert (found.code, found.options) == (1, ["incomplete:pcr:10"])


def test_nor_where_the_log_does_not_name_the_bank(desk: Desk) -> None:
    """A document that names SHA-384 alone, and a launch that only the value shows."""

    def record(text: str, *banks: str) -> dict[str, Any]:
        digests = [{"alg": bank, "digest": hashlib.new(bank, text.encode()).hexdigest()} for bank in banks]
        return {"register": "pcr:17", "digests": digests, "content": {"kind": "systemd", "string": text}}

    rows = [record("launched", "sha256", "sha384")]
    demand = [*desk.quote(WHOLE | {17: extended([b"launched"])}), "--require", "17"]
    assert desk.ask(desk.put("right", document(rows, "sha384")), *demand).word == "verified"
    found = desk.ask(desk.put("forged", document([*rows, record("forged", "sha384")], "sha384")), *demand)
    assert (found.code, found.options) == (1, ["incomplete:pcr:17"])


def test_lines_of_another_bank_than_the_register_s_are_not_proven(desk: Desk) -> None:
    """A textual log has a bank for each register, and another log may have the register in the quoted one."""
    lines = [b"INIT sha384/" + b"0" * 96, b"app start x"]
    texts = [b"hob", b"kernel", b"agent"]
    rtmrs = [extended([text], "sha384") for text in texts]
    quote = desk.td_quote([rtmrs[0], rtmrs[1], extended(lines, "sha384"), rtmrs[2]])
    names = ("ccmr:1", "ccmr:2", "ccmr:4")
    rows = [row(name, text, "sha384") for name, text in zip(names, texts, strict=True)]
    log = desk.put("log", document(rows, "sha384", platform="tdx"))
    right = b"".join(b"rtmr2 %b\n" % line for line in lines)
    assert desk.ask(log, desk.put("right", right), *quote).code == 0
    forged = right + b"rtmr3 INIT sha256/" + b"0" * 64 + b"\nrtmr3 app start forged\n"
    found = desk.ask(log, desk.put("forged", forged), *quote)
    assert (found.code, found.options) == (1, ["incomplete:ccmr:4"])


def ima_data(name: bytes, text: bytes) -> bytes:
    digest = b"sha256:\0" + hashlib.sha256(text).digest()
    fields = (digest, name + b"\0")
    return b"".join(len(each).to_bytes(4, "little") + each for each in fields)


def template(name: bytes, text: bytes, bank: str = "sha1") -> bytes:
    return hashlib.new(bank, ima_data(name, text)).digest()


#: An IMA list.
ENTRIES = [(b"boot_aggregate", b"a"), (b"/init", b"b")]


def ima(entries: Iterable[tuple[bytes, bytes]], bank: str = "sha1") -> bytes:
    """A binary list of ima-ng entries."""
    found = b""
    for name, text in entries:
        data = ima_data(name, text)
        found += (10).to_bytes(4, "little") + hashlib.new(bank, data).digest()
        found += (6).to_bytes(4, "little") + b"ima-ng" + len(data).to_bytes(4, "little") + data
    return found


# Everything of them, from the platform's own start


def test_a_start_that_the_log_states_is_none(desk: Desk) -> None:
    """PCR 5 begins after what was left out, in SHA-384; the same of an RTMR, in a document of CC registers."""
    hidden, rest = without(5), [(5, b"harmless")]
    values = pcrs([*hidden, (5, b"evil"), *rest], "sha384")
    rows = [row(f"pcr:{index}", text, "sha384") for index, text in [*hidden, *rest]]
    start = {"pcr:5": extended([b"evil"], "sha384")}
    log = desk.put("log.json", document(rows, "sha384", start=start))
    found = desk.ask(log, *desk.quote(values, bank="sha384"))
    assert (found.code, found.options) == (1, ["stated_start:pcr:5"])
    assert found.verdict("pcr:5", "sha384") == ("match", "stated_start")
    assert desk.ask(log, *desk.quote(values, bank="sha384"), "--accept", "stated_start").word == "accepted"
    # What the platform says anyhow may be stated.
    honest = document(rows, "sha384", start={"pcr:5": bytes(48)})
    assert (
        desk.ask(desk.put("log.json", honest), *desk.quote(pcrs([*hidden, *rest], "sha384"), bank="sha384")).code == 0
    )
    td = document([row("ccmr:2", b"harmless", "sha384")], "sha384", platform="tdx", start={"ccmr:2": start["pcr:5"]})
    rtmrs = [bytes(48), extended([b"evil", b"harmless"], "sha384"), bytes(48), bytes(48)]
    assert desk.ask(desk.put("log.json", td), *desk.td_quote(rtmrs)).options == ["stated_start:ccmr:2"]


def test_a_line_that_agrees_with_a_stated_start_is_no_better(desk: Desk) -> None:
    """The document states the start, and a SYNC line in it the same."""
    evil = extended([b"evil"], "sha384")
    sync = b"SYNC sha384/" + evil.hex().encode()
    lines = [sync, b"harmless"]
    value = extended(lines, "sha384", evil)
    log = evlog.read(
        b"\n".join(lines) + b"\n", format="text", dialect="nelr", hash="sha384", register=Register("rtmr", 2)
    )
    stating = log.replace(
        format="evlog-json",
        events=tuple(log.events),
        start=Registers({(Register("rtmr", 2), evlog.SHA384): evil}),
        header=None,
    )
    file = desk.file("rtmr", {"sha384": {"2": value}})
    found = desk.ask(desk.put("log.json", evlog.write(stating)), *file)
    assert (found.code, found.options) == (1, ["stated_start:rtmr:2"])


@pytest.mark.parametrize(("register", "bank"), [("rtmr:2", "sha256"), ("rtmr:1", "sha512"), ("rtmr:0", "sha384")])
def test_what_a_textual_log_states_and_nothing_leads_to(desk: Desk, register: str, bank: str) -> None:
    size = hashlib.new(bank).digest_size
    init = f"INIT {bank}/{bytes(size).hex()}".encode()
    really = extended([b"what really happened"], bank)
    sync = f"SYNC {bank}/{really.hex()}".encode()
    lines = {"gap": [init, b"a invented line", sync, b"a late line"], "unanchored": [sync, b"a late line"]}
    index = register[-1]
    for name, each in lines.items():
        start = len(each) - 2
        file = desk.file("rtmr", {bank: {index: extended(each[start:], bank, really)}})
        log = desk.put("log", b"\n".join(each) + b"\n")
        how = [log, "--register", register, "--from", "text", *file]
        found = desk.ask(*how)
        assert (found.code, found.options) == (1, [f"{name}:{register}"])
        assert desk.ask(*how, "--accept", f"{name}:{register}").word == "accepted"
        other = {"gap": "unanchored", "unanchored": "gap"}[name]
        assert desk.ask(*how, "--accept", other).code == 1
    true = [
        init,
        b"a first line",
        f"SYNC {bank}/{extended([init, b'a first line'], bank).hex()}".encode(),
        b"a last line",
    ]
    file = desk.file("rtmr", {bank: {index: extended(true, bank)}})
    found = desk.ask(desk.put("log", b"\n".join(true) + b"\n"), "--register", register, "--from", "text", *file)
    assert (found.code, found.json["registers"][0]["proven"]) == (0, 4)


def test_a_textual_log_that_states_nothing_proves_all_its_lines(desk: Desk) -> None:
    lines = [b"example.org/app one 1", b"example.org/app two 2", b"example.org/app three 3", b"example.org/app four 4"]
    file = desk.file("rem", {"sha512": {"1": extended(lines, "sha512")}})
    how = ["--register", "rem:1", "--from", "text", "--dialect", "nelr", "--hash", "sha512", "--platform", "cca", *file]
    found = desk.ask(desk.put("log", b"\n".join(lines) + b"\n"), *how)
    assert (found.code, found.json["registers"][0]["proven"]) == (0, 4)
    assert "unanchored" not in found.text
    assert desk.ask(desk.put("log", b"\n".join(lines[1:]) + b"\n"), *how).code == 1


@pytest.mark.parametrize("register", [0, 17])
def test_pcr_0_and_17_at_a_start_value_prove_nothing(desk: Desk, register: int) -> None:
    events = without(0) if register == 0 else list(BOOT)
    log, quote = desk.put("log", tcg2(events)), desk.quote(pcrs(events))
    found = desk.ask(log, *quote, "--require", f"1-7,{register}")
    assert (found.code, found.options) == (1, [f"not_logged:pcr:{register}"])
    assert desk.ask(log, *quote, "--require", "1-7,20").code == 0


def test_a_start_that_only_the_value_picks_counts_for_pcr_17_to_19(desk: Desk) -> None:
    for register, code in ((17, 0), (19, 0), (20, 1), (22, 1)):
        values = WHOLE | {register: extended([b"launched"])}
        log = desk.put("log", tcg2([*BOOT, (register, b"launched")]))
        found = desk.ask(log, *desk.quote(values))
        assert found.code == code, register
        assert found.verdict(f"pcr:{register}")[1] == "dynamic_launch"
        assert "zeros" in found.text


def test_the_platform_s_locality_is_no_stated_start(desk: Desk) -> None:
    """StartupLocality 3, 4 of the H-CRTM: whatever PCR 0 began at, its value confirms it."""
    note = b"StartupLocality\0" + bytes((3,))
    events = [(index, text) for index, text in BOOT]
    log = (
        made.header("sha384") + made.event(0, 3, note, "sha384") + tcg2(events, "sha384")[len(made.header("sha384")) :]
    )
    start = bytes(47) + b"\x03"
    values = pcrs(BOOT, "sha384") | {0: extended([b"firmware 0"], "sha384", start)}
    assert desk.ask(desk.put("log", log), *desk.quote(values, bank="sha384")).word == "verified"
    assert desk.ask(desk.put("log", tcg2(BOOT, "sha384")), *desk.quote(values, bank="sha384")).code == 1


def test_an_event_on_a_static_register_is_nobody_s(desk: Desk) -> None:
    """MRTD, in the evidence's bank or in another one; a locked PCR of an enclave."""
    rtmrs = [extended([b"hob"], "sha384"), *[bytes(48)] * 3]
    good = row("ccmr:1", b"hob", "sha384")
    quote = desk.td_quote(rtmrs)
    assert desk.ask(desk.put("log", document([good], "sha384", platform="tdx")), *quote).code == 0
    for banks in (("sha384",), ("sha256",), ()):
        forged = document([good, row("ccmr:0", b"forged", *banks)], "sha384", *banks, platform="tdx")
        for more in ((), ("--expect", f"mrtd={'aa' * 48}"), ("--bank", "sha384")):
            found = desk.ask(desk.put("log", forged), *quote, *more)
            assert found.code == 1, (banks, more)
            assert "static" in found.text
            assert not found.options
    values = {8: b"\x08" * 48, 17: extended([b"own"], "sha384")}
    nitro = [*desk_nitro(desk, values), "--nonce", NONCE.hex()]
    enclave = desk.put("log", document([row("pcr:17", b"own", "sha384")], "sha384"))
    assert desk.ask(enclave, *nitro).code == 0
    locked = desk.put("log", document([row("pcr:17", b"own", "sha384"), row("pcr:8", b"x", "sha384")], "sha384"))
    assert desk.ask(locked, *nitro).code == 1


def desk_nitro(desk: Desk, values: dict[int, bytes], kind: str = "nitro-enclave") -> list[str]:
    member = {"nitro-enclave": "pcrs", "nitro-tpm": "nitrotpm_pcrs"}[kind]
    data = made_evidence.nitro({0: b"\x77" * 48, **values}, NONCE, member=member)
    root = desk.put("aws.pem", made_evidence.pem_of(made_evidence.aws()[-1]))
    return ["--quote", desk.put("nitro", data), "--root", root, "--kind", kind]


def test_an_enclave_counts_what_it_extends_and_a_nitrotpm_what_firmware_does(desk: Desk) -> None:
    values = {16: extended([b"own"], "sha384"), 23: extended([b"last"], "sha384")}
    rows = [row("pcr:16", b"own", "sha384"), row("pcr:23", b"last", "sha384")]
    log = desk.put("log", document(rows, "sha384"))
    found = desk.ask(log, *desk_nitro(desk, values), "--nonce", NONCE.hex())
    assert found.code == 0
    assert set(found.json["demand"]["registers"]) == {"pcr:16", "pcr:23"}
    assert (
        desk.ask(desk.put("one", document(rows[:1], "sha384")), *desk_nitro(desk, values), "--nonce", NONCE.hex()).code
        == 1
    )
    assert desk.ask(log, *desk_nitro(desk, values, "nitro-tpm"), "--nonce", NONCE.hex()).code == 1


# IMA lists


ENTRIES = [(f"/file{index}".encode(), str(index).encode()) for index in range(5)]


def listed(entries: Iterable[tuple[bytes, bytes]], bank: str = "sha256", start: bytes | None = None) -> bytes:
    value = bytes(hashlib.new(bank).digest_size) if start is None else start
    for name, text in entries:
        value = hashlib.new(bank, value + template(name, text, bank)).digest()
    return value


def test_a_list_that_is_ahead_is_ok_and_its_last_entries_are_counted(desk: Desk) -> None:
    log, entries = desk.put("log", tcg2(BOOT)), desk.put("ima", ima(ENTRIES, "sha256"))
    found = desk.ask(log, entries, *desk.quote(WHOLE | {10: listed(ENTRIES[:2])}))
    assert (found.code, found.word, found.verdict("pcr:10")) == (0, "verified", ("match", "ahead"))
    assert "the last 3 entries of a list only claimed" in found.line
    whole = desk.ask(log, entries, *desk.quote(WHOLE | {10: listed(ENTRIES)}))
    assert "claimed" not in whole.line
    both = {
        "sha256": {str(index): value for index, value in (WHOLE | {10: listed(ENTRIES[:2])}).items()},
        "sha1": {"10": listed(ENTRIES[:2], "sha1")},
    }
    counted = desk.ask(log, entries, *desk.file("pcr", both))
    assert (counted.code, counted.verdict("pcr:10", "sha1")) == (0, ("match", "ahead"))
    # Once, whatever banks say so.
    assert "the last 3 entries of a list only claimed" in counted.line


def test_a_list_of_which_nothing_is_proven_is_not_ahead(desk: Desk) -> None:
    log, entries = desk.put("log", tcg2(BOOT)), desk.put("ima", ima(ENTRIES, "sha256"))
    assert desk.ask(log, entries, *desk.quote(WHOLE)).code == 1
    elsewhere = desk.put(
        "other", b"".join((11).to_bytes(4, "little") + each[4:] for each in (ima([e], "sha256") for e in ENTRIES))
    )
    assert desk.ask(log, elsewhere, *desk.quote(WHOLE | {11: listed(ENTRIES[:2])})).code == 1


def test_an_event_without_the_bank_behind_a_stated_start_is_not_accepted_with_it(desk: Desk) -> None:
    rows = [row(f"pcr:{index}", text, "sha256", "sha1") for index, text in BOOT]
    log = document([*rows, row("pcr:8", b"forged", "sha1")], "sha256", "sha1", start={"pcr:8": extended([b"hidden"])})
    quote = desk.quote(WHOLE | {8: extended([b"hidden", b"command line"])})
    found = desk.ask(desk.put("log", log), *quote)
    assert set(found.options) == {"stated_start:pcr:8", "incomplete:pcr:8"}
    assert desk.ask("log", *quote, "--accept", "stated_start").code == 1


def test_a_list_that_is_ahead_of_a_stated_start_is_not_ok(desk: Desk) -> None:
    """The log states where PCR 10 stood before the last genuine entry, and goes on with forged ones."""
    forged = evlog.read(ima([ENTRIES[2], (b"/forged", b"x")], "sha256"))
    start = Registers({(Register("pcr", 10), SHA256): listed(ENTRIES[:2])})
    stating = forged.replace(format="evlog-json", events=tuple(forged.events), start=start, header=None)
    log, entries = desk.put("log", tcg2(BOOT)), desk.put("ima.json", evlog.write(stating))
    quote = desk.quote(WHOLE | {10: listed(ENTRIES[:3])})
    found = desk.ask(log, entries, *quote)
    assert (found.code, found.options) == (1, ["stated_start:pcr:10", "incomplete:pcr:10"])
    assert desk.ask(log, entries, *quote, "--accept", "stated_start").code == 1


# Explanations of the whole


def test_registers_that_were_not_reset_have_one_cause(desk: Desk) -> None:
    events = [*BOOT, *BOOT]
    values = {"sha384": {str(index): pcrs(events, "sha384")[index] for index in range(16)}}
    log = desk.put("log", tcg2(BOOT, "sha384"))
    found = desk.ask(log, *desk.file("pcr", values))
    assert (found.code, found.verdict("pcr:4", "sha384")) == (1, ("mismatch", "not_reset"))
    assert "not reset" in found.text
    values["sha384"]["4"] = b"\x01" * 48
    other = desk.ask(log, *desk.file("pcr", values))
    assert (other.code, other.verdict("pcr:7", "sha384")[1] == "not_reset") == (1, False)


# Kinds, keys and roots


@pytest.mark.parametrize("kind", ["cca-token", "snp-report", "tdx-quote", "nitro-tpm", "hcl-vtpm"])
def test_a_key_of_quotes_vouches_for_no_other_kind(desk: Desk, kind: str) -> None:
    """What a signature beside a quote pins, and what the verifier says, in every combination that is wrong."""
    quote = desk.quote(WHOLE)
    log = desk.put("log", tcg2(BOOT))
    assert desk.ask(log, *quote, "--kind", "tpm-quote").word == "verified"
    code, text = desk.raw(log, *quote, "--kind", kind)
    assert code in (1, 2, 3)
    assert "verified:" not in text
    token = made_evidence.cca_token(b"\x99" * 64, [bytes(64)] * 4, NONCE)
    wrong = desk.ask(log, "--quote", desk.put("token", token), *quote[2:])
    assert wrong.code == 1
    assert "kind" in wrong.text


def test_a_root_that_has_nothing_to_do_with_it_is_an_error(desk: Desk) -> None:
    root = desk.put("root.pem", made_evidence.pem_of(made_evidence.intel()[-1]))
    log = desk.put("log", tcg2(BOOT))
    assert desk.ask(log, *desk.quote(WHOLE), "--root", root).code == 1
    report = made_evidence.snp_report(b"\x55" * 48, NONCE)
    vcek = desk.put("vcek.pem", made_evidence.pem_of(*made_evidence.amd()[:2]))
    base = [log, "--quote", desk.put("snp", report), "--key", vcek, "--kind", "snp-report", "--nonce", NONCE.hex()]
    assert "root" in desk.ask(*base, "--root", root).text
    assert desk.ask(*base, "--root", root, "--require", "mr:MEASUREMENT").code == 1


def test_a_nonce_that_the_evidence_has_no_use_for_is_an_error(desk: Desk) -> None:
    (desk.folder / "tpm0" / "pcr-sha256").mkdir(parents=True)
    for index, value in WHOLE.items():
        (desk.folder / "tpm0" / "pcr-sha256" / str(index)).write_text(value.hex().upper() + "\n")
    log = desk.put("log", tcg2(BOOT))
    assert desk.ask(log, "--registers", "tpm0").code == 0
    found = desk.ask(log, "--registers", "tpm0", "--nonce", NONCE.hex())
    assert found.code == 1
    assert "nonce" in found.text


def test_a_quote_is_a_quote(desk: Desk) -> None:
    log = desk.put("log", tcg2(BOOT))
    file = desk.file("pcr", {"sha256": {str(index): value for index, value in WHOLE.items()}})
    code, text = desk.raw(log, "--quote", file[1])
    assert (code, "--registers" in text) == (2, True)
    assert desk.ask(log, *file).word == "read"


# Freshness


@pytest.mark.parametrize("nonce", ["", "00" * 16, "01" * 7])
def test_a_nonce_that_anybody_can_guess_is_refused(desk: Desk, nonce: str) -> None:
    log, quote = desk.put("log", tcg2(BOOT)), desk.quote(WHOLE, nonce=None)
    code, text = desk.raw(log, *quote, "--nonce", nonce)
    assert (code, "nonce" in text) == (2, True)
    assert desk.ask(log, *quote, "--nonce", "01" * 8).code == 1


def test_without_a_nonce_the_word_is_replayable(desk: Desk) -> None:
    log, quote = desk.put("log", tcg2(BOOT)), desk.quote(WHOLE, nonce=None)
    found = desk.ask(log, *quote)
    assert (found.code, found.word, found.json["evidence"]["fresh"]) == (0, "replayable", False)
    assert found.line.startswith("authenticated, replayable: ")
    asked = desk.ask(log, *quote, "--authenticated")
    assert (asked.code, asked.options) == (1, ["replay"])
    accepted = desk.ask(log, *quote, "--authenticated", "--accept", "replay")
    assert (accepted.code, accepted.word) == (0, "accepted")


# Which machine, which firmware


RTMRS = [extended([b"hob"], "sha384"), *[bytes(48)] * 3]


def tdx(desk: Desk, *, fields: dict[str, bytes] | None = None, **how: Any) -> list[str]:
    """A TD's log and quote, under a root that is made for it."""
    log = desk.put("ccel.json", document([row("ccmr:1", b"hob", "sha384")], "sha384", platform="tdx"))
    return [log, *desk.td_quote(RTMRS, **how), "--nonce", NONCE.hex()]


def test_a_root_proves_some_machine_and_no_firmware(desk: Desk) -> None:
    found = desk.ask(*tdx(desk))
    assert (found.code, found.word, found.json["evidence"]["anchor"]) == (0, "verified", "root")
    assert found.line.startswith("some machine under Root CA: verified: ")
    assert f"firmware not identified (MRTD {'aa' * 48})" in found.line
    named = desk.ask(*tdx(desk), "--expect", f"mrtd={'aa' * 48}")
    assert (named.code, "firmware not identified" in named.line) == (0, False)


def test_expectations_are_right_wrong_or_absent(desk: Desk) -> None:
    log, quote = desk.put("log", tcg2(BOOT)), desk.quote(WHOLE)
    right = ("resetCount=5", "resetcount=00000005", "restartCount=6", "firmwareVersion=7", "extra_data=" + NONCE.hex())
    for each in right:
        assert desk.ask(log, *quote, "--expect", each).word == "verified", each
    for each in ("resetCount=6", "extra_data=00", "resetCount=0x"):
        found = desk.ask(log, *quote, "--expect", each)
        assert (found.code, found.options) == (1, [])
        assert "not the one that is expected" in found.text
    absent = desk.ask(log, *quote, "--expect", "mrtd=00")
    assert (absent.code, "states none" in absent.text) == (1, True)
    assert desk.ask(log, *quote, "--expect", "resetCount=5", "--expect", "restartCount=9").code == 1
    for each in ("resetCount", "=5", "resetCount="):
        assert desk.raw(log, *quote, "--expect", each)[0] == 2, each
    wrong = desk.ask(*tdx(desk), "--expect", f"MRTD={'ab' * 48}")
    assert (wrong.code, wrong.options) == (1, [])


def test_a_static_register_counts_by_its_expected_value(desk: Desk) -> None:
    """In a quote, and in a file that says nothing of the platform."""
    log = desk.put("log", document([row("ccmr:1", b"hob", "sha384")], "sha384"))
    file = desk.file("ccmr", {"sha384": {"0": b"\xaa" * 48, "1": RTMRS[0]}})
    for base in ([log, *file], tdx(desk)):
        for name in ("mrtd", "MRTD", "ccmr:0"):
            assert desk.ask(*base, "--require", f"{name},ccmr:1", "--expect", f"{name}={'aa' * 48}").code == 0
        assert desk.ask(*base, "--require", "mrtd,ccmr:1", "--expect", f"mrtd={'ab' * 48}").code == 1
        assert desk.ask(*base, "--require", "mrtd,ccmr:1").code == 1


def test_authenticated_wants_each_of_its_parts(desk: Desk) -> None:
    """A key or an identified machine under a root, freshness, and the firmware."""
    log = desk.put("log", tcg2(BOOT))
    assert desk.ask(log, *desk.quote(WHOLE), "--authenticated").code == 0
    file = desk.file("pcr", {"sha256": {str(index): value for index, value in WHOLE.items()}})
    unsigned = desk.ask(log, *file, "--authenticated")
    assert (unsigned.code, unsigned.options) == (1, [])
    # A root needs to be told which machine it is, and what runs there.
    values = {17: extended([b"own"], "sha384")}
    enclave = [desk.put("own", document([row("pcr:17", b"own", "sha384")], "sha384")), *desk_nitro(desk, values)]
    module = "module_id=i-0123456789abcdef0-enc0123456789abcdef"
    image, part = f"pcr:0={'77' * 48}", f"PCR[17]={values[17].hex()}"
    cases: list[tuple[tuple[str, ...], str | None]] = [
        (("--nonce", NONCE.hex(), "--expect", module, "--expect", image), None),
        (("--nonce", NONCE.hex(), "--expect", image), "not which one it is"),
        (("--nonce", NONCE.hex(), "--expect", module), "which firmware is expected"),
        (("--expect", module, "--expect", image), "no nonce"),
        (("--nonce", NONCE.hex(), "--expect", module, "--expect", part), "states none"),
        (("--nonce", NONCE.hex(), "--expect", "module_id=other", "--expect", image), "not the one that is expected"),
    ]
    for more, sentence in cases:
        found = desk.ask(*enclave, "--authenticated", *more)
        assert found.code == (0 if sentence is None else 1), more
        assert sentence is None or sentence in found.text


def test_an_enclave_s_instance_is_not_its_image(desk: Desk) -> None:
    """PCR 4 of an enclave is the instance that started it: whoever expects that has not said what runs there."""
    values = {4: b"\x04" * 48, 17: extended([b"own"], "sha384")}
    log = desk.put("own", document([row("pcr:17", b"own", "sha384")], "sha384"))
    base = [log, *desk_nitro(desk, values), "--nonce", NONCE.hex()]
    assert "firmware not identified" in desk.ask(*base, "--expect", f"pcr:4={'04' * 48}").line
    assert "firmware not identified" not in desk.ask(*base, "--expect", f"pcr:0={'77' * 48}").line


def test_a_key_in_the_fleet_s_folders_anchors_nothing(desk: Desk) -> None:
    """Inside, by the log's folder, through a link that lies inside, and through one that leads in."""
    desk.quote(WHOLE)
    desk.put("fleet/a/log.bin", tcg2(BOOT))
    for name in ("quote", "sig", "pcrs.json", "ak.pem"):
        desk.put(f"fleet/a/{name}", (desk.folder / name).read_bytes())
    (desk.folder / "fleet" / "link.pem").symlink_to(desk.folder / "ak.pem")
    (desk.folder / "leads-in.pem").symlink_to(desk.folder / "fleet" / "a" / "ak.pem")
    (desk.folder / "leads-through.pem").symlink_to(desk.folder / "fleet" / "link.pem")
    (desk.folder / "elsewhere.pem").symlink_to(desk.folder / "ak.pem")
    rest = [
        *("fleet", "--only", "log.bin", "--quote", "{dir}/quote", "--signature", "{dir}/sig"),
        *("--pcrs", "{dir}/pcrs.json", "--nonce", NONCE.hex()),
    ]
    for name in ("fleet/a/ak.pem", "{dir}/ak.pem", "fleet/link.pem", "leads-in.pem", "leads-through.pem"):
        for option in ("--key", "--root"):
            code, text = desk.raw(*rest, option, name)
            assert (code, "elsewhere" in text) == (2, True), name
    # Nor where the folders are those of logs that were named one by one, each with its evidence beside it.
    assert desk.raw("fleet/a/log.bin", "--each", *rest[3:], "--key", "fleet/a/ak.pem")[0] == 2
    assert desk.raw("fleet/a/log.bin", "--each", *rest[3:], "--key", "ak.pem")[0] == 0
    for name in ("ak.pem", "elsewhere.pem"):
        code, text = desk.raw(*rest, "--key", name)
        assert code == 0
        assert json.loads(text.splitlines()[0])["word"] == "verified"


# Bytes that nothing signs, and time


def test_zeros_behind_a_td_quote_are_its_transport_s(desk: Desk) -> None:
    base = tdx(desk)
    data = (desk.folder / "td").read_bytes()
    desk.put("td", data + bytes(1000))
    assert desk.ask(*base, "--strict").word == "verified"
    desk.put("td", data + b"\x01")
    odd = desk.ask(*base)
    assert (odd.code, "nothing signs" in odd.text) == (0, True)
    assert desk.ask(*base, "--strict").code == 1


def test_certificates_are_held_to_the_verifier_s_time(desk: Desk) -> None:
    base = tdx(desk)
    for when in ("2001-01-01", "2990-01-01T00:00:00Z"):
        assert desk.ask(*base, "--at", when).code == 1
    now = made_evidence.NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert desk.ask(*base, "--at", now).word == "verified"
    assert desk.raw(*base, "--at", "yesterday")[0] == 2
    # The certificates of an enclave live for hours: their time is the document's, unless another is given.
    log = desk.put("own", document([row("pcr:17", b"own", "sha384")], "sha384"))
    enclave = [log, *desk_nitro(desk, {17: extended([b"own"], "sha384")}), "--nonce", NONCE.hex()]
    assert desk.ask(*enclave).code == 0
    assert desk.ask(*enclave, "--at", now).code == 1


# Accepting


def _debug(desk: Desk, _: pytest.MonkeyPatch) -> list[str]:
    return tdx(desk, attributes=b"\x02" + bytes(15))


def _qe(desk: Desk, patch: pytest.MonkeyPatch) -> list[str]:
    """A quoting enclave that is not the maker's, where the root made here is taken for his."""
    from cryptography.hazmat.primitives import hashes

    root = made_evidence.certificate(
        "Root CA", made_evidence.ec_key("root"), "Root CA", made_evidence.ec_key("root"), ca=True
    )
    oid = "1.2.840.113741.1.13.1"
    inner = bytes.fromhex("06 0a 2a864886f84d010d0101".replace(" ", "")) + b"\x04\x10" + bytes(range(16))
    pair = b"\x30" + bytes((len(inner),)) + inner
    extension = b"\x30" + bytes((len(pair),)) + pair
    leaf = made_evidence.certificate(
        "Intel SGX PCK Certificate",
        made_evidence.ec_key("pck"),
        "Root CA",
        made_evidence.ec_key("root"),
        extensions={oid: extension},
    )
    patch.setitem(_makers.ROOTS, root.fingerprint(hashes.SHA256()).hex(), _makers.INTEL)
    base = tdx(desk, chain=made_evidence.pem_of(leaf, root))
    desk.put("root.pem", made_evidence.pem_of(root))
    return base


def _gap(desk: Desk, _: pytest.MonkeyPatch) -> list[str]:
    really = extended([b"really"], "sha384")
    lines = [b"INIT sha384/" + bytes(48).hex().encode(), b"a b c", b"SYNC sha384/" + really.hex().encode()]
    file = desk.file("rtmr", {"sha384": {"3": extended(lines[2:], "sha384", really)}})
    return [desk.put("log", b"\n".join(lines) + b"\n"), "--register", "rtmr:3", *file]


def _unanchored(desk: Desk, _: pytest.MonkeyPatch) -> list[str]:
    really = extended([b"really"], "sha384")
    lines = [b"SYNC sha384/" + really.hex().encode(), b"a b c"]
    file = desk.file("rtmr", {"sha384": {"3": extended(lines, "sha384", really)}})
    return [desk.put("log", b"\n".join(lines) + b"\n"), "--register", "rtmr:3", *file]


def _stated_start(desk: Desk, _: pytest.MonkeyPatch) -> list[str]:
    start = {"pcr:8": extended([b"hidden"])}
    rows = [row(f"pcr:{index}", text, "sha256") for index, text in BOOT]
    values = WHOLE | {8: extended([b"hidden", b"command line"])}
    return [desk.put("log.json", document(rows, "sha256", start=start)), *desk.quote(values)]


def _not_logged(desk: Desk, _: pytest.MonkeyPatch) -> list[str]:
    return [desk.put("log", tcg2(without(9))), *desk.quote(WHOLE)]


def _not_reported(desk: Desk, _: pytest.MonkeyPatch) -> list[str]:
    return [desk.put("log", tcg2(BOOT)), *desk.quote(WHOLE, range(9))]


def _incomplete(desk: Desk, _: pytest.MonkeyPatch) -> list[str]:
    log = tcg2(without(9), "sha256", "sha1") + made.event(9, ACTION, b"initrd", "sha1")
    return [desk.put("log", log), *desk.quote(WHOLE)]


def _replay(desk: Desk, _: pytest.MonkeyPatch) -> list[str]:
    return [desk.put("log", tcg2(BOOT)), *desk.quote(WHOLE, nonce=None), "--authenticated"]


def _violations(desk: Desk, _: pytest.MonkeyPatch) -> list[str]:
    """A list with a violation, of which the register was extended by zeros, as the list has them, and not by ones."""
    data = [make_linux.joined(make_linux.file_digest(text), text + b"\0") for text in (b"boot_aggregate", b"/a")]
    lost = make_linux.joined(b"sha256:\0" + bytes(32), b"/log\0")
    listed = [*(make_linux.entry(b"ima-ng", each) for each in data), make_linux.entry(b"ima-ng", lost, value=bytes(20))]
    value = bytes(20)
    for digest in (*(hashlib.sha1(each).digest() for each in data), bytes(20)):
        value = hashlib.sha1(value + digest).digest()
    return [desk.put("list", b"".join(listed)), *desk.file("pcr", {"sha1": {"10": value}})]


_SHORTFALLS: dict[str, Callable[[Desk, pytest.MonkeyPatch], list[str]]] = {
    "unanchored": _unanchored,
    "gap": _gap,
    "not_logged": _not_logged,
    "incomplete": _incomplete,
    "not_reported": _not_reported,
    "stated_start": _stated_start,
    "debug": _debug,
    "qe": _qe,
    "replay": _replay,
    "violations": _violations,
}


@pytest.mark.parametrize("name", _SHORTFALLS)
def test_a_failing_line_prints_the_option_that_accepts_it(
    desk: Desk, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = _SHORTFALLS[name](desk, monkeypatch)
    found = desk.ask(*base)
    assert found.code == 1
    assert [option.partition(":")[0] for option in found.options] == [name]
    assert [each["accept"] for each in found.json["demand"]["shortfalls"]] == found.options
    accepted = desk.ask(*base, "--accept", *shlex.split(found.options[0]))
    assert (accepted.code, accepted.word) == (0, "accepted")
    assert f"ok (accepted: {found.options[0]})" in accepted.line
    assert desk.ask(*base, "--accept", name).code == 0
    others = [each for each in names() if each != name]
    assert desk.ask(*base, *(part for each in others for part in ("--accept", each))).code == 1
    if ":" in found.options[0]:
        assert desk.ask(*base, "--accept", f"{name}:pcr:22").code == 1


def names() -> list[str]:
    from evlog.verifying.demand import ACCEPTABLE

    assert set(ACCEPTABLE) == set(_SHORTFALLS)
    return list(ACCEPTABLE)


def test_accepting_takes_names_and_registers_and_nothing_by_accident(desk: Desk) -> None:
    log, quote = desk.put("log", tcg2(without(4, 9))), desk.quote(WHOLE)
    for accept in ("not_logged:4,9", "not_logged:0-9", "gap,not_logged:pcr:4,pcr:9", "not_logged"):
        assert desk.ask(log, *quote, "--accept", accept).word == "accepted", accept
    assert desk.ask(log, *quote, "--accept", "not_logged:4", "--accept", "not_logged:9").word == "accepted"
    for accept in ("not_logged:4", "incomplete", "gap:4,9"):
        assert desk.ask(log, *quote, "--accept", accept).code == 1, accept
    # An empty variable of a shell does not accept everything.
    for accept in ("not_logged:", "", "nothing", "not_logged:x", "debug:pcr:4", "replay:0-7", "4,not_logged"):
        assert desk.raw(log, *quote, "--accept", accept)[0] == 2, accept
    with pytest.raises(UsageError):
        Acceptance("everything")


def test_a_register_s_name_accepts_nothing_else(desk: Desk) -> None:
    """A name with a comma and a command in it: what is printed accepts this register, and runs nothing."""
    hostile = "x,not_logged,$(touch owned)"
    rows = [row(f"pcr:{index}", text, "sha256") for index, text in without(9)]
    named = {**row("mr:x", b"x", "sha256"), "register": f"mr:{hostile}"}
    log, quote = desk.put("log", document([*rows, named], "sha256")), desk.quote(WHOLE)
    found = desk.ask(log, *quote)
    option = next(each for each in found.options if "owned" in each)
    parts = shlex.split(option)
    assert len(parts) == 1
    again = desk.ask(log, *quote, "--accept", *parts)
    assert (again.code, again.options) == (1, ["not_logged:pcr:9"])
    assert desk.ask(log, *quote, "--accept", *parts, "--accept", "not_logged:pcr:9").code == 0
    assert "'" in option


def test_what_is_accepted_and_not_needed_changes_no_word(desk: Desk) -> None:
    log, quote = desk.put("log", tcg2(BOOT)), desk.quote(WHOLE)
    assert desk.ask(log, *quote, "--accept", "gap").word == "verified"


# Edits of a log, and what the command says in JSON


def test_drop_counts_in_the_log_as_it_is(desk: Desk) -> None:
    rows = [row(f"pcr:{index}", text, "sha384") for index, text in BOOT]
    log = desk.put("log.json", document(rows, "sha384"))
    dropped = BOOT.index((7, b"certificate"))
    ran = run("replay", log, "--register", "7", "--drop", str(dropped), "--json", folder=desk.folder)
    found = json.loads(ran.out)["registers"]
    assert [(each["register"], each["value"]) for each in found] == [
        ("pcr:7", extended([b"firmware 7"], "sha384").hex())
    ]


def test_a_stated_bank_that_no_hash_is_known_for_is_incomplete() -> None:
    unknown = evlog.HashAlg.of(0x7F01, 24)
    result = evlog.verify(
        evlog.read(tcg2(BOOT)),
        Registers(
            {(Register("pcr", index), SHA256): value for index, value in WHOLE.items()}
            | {(Register("pcr", 7), unknown): b"\x01" * 24}
        ),
    )
    verdict = result.get(Register("pcr", 7), unknown)
    assert verdict is not None
    assert (verdict.verdict, verdict.cause, result.complete) == ("incomplete", "not_computable", False)


def test_evidence_that_was_read_under_other_credentials_is_refused(desk: Desk) -> None:
    desk.quote(WHOLE)
    key = made_evidence.pem(AK.public_key())
    evidence = read_registers(desk.folder / "quote", key=key, signature=desk.folder / "sig")
    log = evlog.read(tcg2(BOOT))
    assert evlog.verify(log, evidence, Demand(key=key)).word == "replayable"
    for demand in (Demand(nonce=NONCE), Demand(key=b"another"), Demand(kind="tpm-quote"), Demand(root=b"root")):
        with pytest.raises(UsageError):
            evlog.verify(log, evidence, demand)


def test_the_members_of_the_answer(desk: Desk) -> None:
    found = desk.ask(desk.put("log", tcg2(BOOT)), *desk.quote(WHOLE), "--accept", "gap:rtmr:3", "--expect", "safe=1")
    members = found.json
    assert {"ok", "complete", "exit", "word", "demand", "evidence", "registers", "findings"} <= members.keys()
    assert members["demand"]["expect"] == {"safe": "1"}
    assert members["demand"]["accept"] == ["gap:rtmr:3"]
    assert {"anchor", "fresh", "identity"} <= members["evidence"].keys()
    assert all(isinstance(each["demanded"], bool) for each in members["registers"])


# Machines of ours, and the promises themselves


def test_quotes_of_our_machines_without_their_ima_list(vm: Path) -> None:
    for folder in sorted(vm.glob("*/quote")):
        log = str(folder.parent / "binary_bios_measurements")
        quote = [
            *("--quote", f"{folder}/quote-sha256.msg", "--signature", f"{folder}/quote-sha256.sig"),
            *("--key", f"{folder}/ak.pub", "--pcrs", f"{folder}/quote-sha256.pcrs"),
        ]
        desk = Desk(folder)
        found = desk.ask(log, *quote)
        assert found.code == 1
        assert "not_logged:pcr:10" in found.options
        assert desk.ask(log, *quote, "--accept", ",".join(found.options)).word == "accepted"
        assert desk.ask(log, *quote, "--require", "0-7").word == "replayable"


def test_every_promise_names_a_test_that_exists() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    promises = text.partition("## What `evlog verify` promises")[2].partition("\n## ")[0]
    lines = re.findall(r"^\d+\. .*(?:\n {3,4}.*)*", promises, re.MULTILINE)
    assert len(lines) >= 20
    tests = set(
        re.findall(r"^def (test_\w+)", "".join(path.read_text() for path in (ROOT / "tests").glob("test_*.py")), re.M)
    )
    for each in lines:
        names = re.findall(r"`(test_\w+)`", each)
        assert names, each
        assert set(names) <= tests, each
