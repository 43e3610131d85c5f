"""Violations of IMA lists: named wherever they are shown, found once a list, and accepted only if somebody says so."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

import evlog
from evlog import SHA1, SHA256, Acceptance, Demand, Log, Register, Registers, RegisterSet, Verification, verify
from evlog.verifying.demand import ACCEPTABLE
from samples import make_linux
from tests.command import run
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

PCR10 = Register("pcr", 10)
ZEROS = make_linux.joined(b"sha256:\0" + bytes(32), b"/var/log/messages\0")
FILES = [make_linux.joined(make_linux.file_digest(x), x + b"\0") for x in (b"boot_aggregate", b"/a", b"/b")]
#: The template data of each entry, and whether it is a violation.
ENTRIES = [(FILES[0], False), (FILES[1], False), (ZEROS, True), (FILES[2], False), (ZEROS, True)]
LIST = b"".join(make_linux.entry(b"ima-ng", data, value=bytes(20) if bad else None) for data, bad in ENTRIES)
TEXT = evlog.convert(evlog.read(LIST), "ima-ascii").data
IGNORED = Demand(accept=(Acceptance("violations"),))


def register(hash: str, violation: bytes | None) -> bytes:
    """PCR 10 by hand; violations extend this byte throughout, or nothing."""
    value = bytes(hashlib.new(hash).digest_size)
    for data, bad in ENTRIES:
        if bad and violation is None:
            continue
        digest = (violation or b"") * len(value) if bad else hashlib.new(hash, data).digest()
        value = hashlib.new(hash, value + digest).digest()
    return value


def registers(violation: bytes | None, **others: bytes) -> Registers:
    return Registers({(PCR10, alg): others.get(alg.name) or register(alg.name, violation) for alg in (SHA1, SHA256)})


def causes(result: Verification) -> list[tuple[str, str | None, int]]:
    return [(row.verdict, row.cause, row.proven) for row in result.registers]


# Shown


@pytest.mark.parametrize("data", [LIST, TEXT], ids=["binary", "ascii"])
def test_one_finding_a_list_with_the_first_event_and_the_count(data: bytes) -> None:
    found = [each for each in evlog.read(data).findings if each.code == "ima_violation"]
    assert [(each.severity, each.event) for each in found] == [("note", 2)]
    assert "2 violations (events 2, 4)" in found[0].message
    assert found[0].offset is not None
    assert data[found[0].offset :][:2] in (b"\n\0", b"10")
    only = evlog.read(make_linux.aggregate())
    assert only.findings == ()


def test_many_violations_are_counted() -> None:
    data = make_linux.aggregate() + 9 * make_linux.entry(b"ima-ng", ZEROS, value=bytes(20))
    (found,) = evlog.read(data).findings
    assert "9 violations (events 1, 2, 3 and 6 more)" in found.message


def test_zeros_elsewhere_are_no_violation() -> None:
    """A file digest, a buffer, and the end of a record before one that begins with zeros."""
    data = (
        make_linux.entry(b"ima-ng", ZEROS)
        + make_linux.entry(b"ima-buf", make_linux.joined(make_linux.file_digest(b"x"), b"x\0", bytes(100)), pcr=0)
        + make_linux.entry(b"ima-ng", FILES[1], pcr=0)
    )
    assert evlog.read(data).findings == ()
    lines = evlog.convert(evlog.read(data), "ima-ascii").data
    assert evlog.read(lines).findings == ()


@pytest.mark.parametrize("data", [LIST, TEXT], ids=["binary", "ascii"])
def test_show_calls_it_by_its_name(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(data)
    lines = run("show", str(tmp_path / "list")).out.splitlines()
    assert ["violation" in line for line in lines[1:6]] == [False, False, True, False, True]
    assert "/var/log/messages" in lines[3]
    assert "000000" not in lines[3]
    tree = run("show", "--tree", str(tmp_path / "list")).out
    assert f"{'0' * 40} violation" in tree
    events = json.loads(run("show", "--json", str(tmp_path / "list")).out)["events"]
    assert [event.get("mark") for event in events] == [None, None, "violation", None, "violation"]
    assert events[2]["decoded"]["digest"] is None
    assert events[1]["decoded"]["digest"]["algorithm"] == "sha256"


def test_a_long_name_does_not_hide_the_word(tmp_path: Path) -> None:
    data = make_linux.joined(b"sha256:\0" + bytes(32), b"/" + b"long" * 60 + b"\0")
    (tmp_path / "list").write_bytes(make_linux.aggregate() + make_linux.entry(b"ima-ng", data, value=bytes(20)))
    assert "violation" in run("show", str(tmp_path / "list")).out.splitlines()[2]


def test_a_cel_has_violations_too() -> None:
    log = evlog.read(evlog.convert(evlog.read(LIST), "cel-tlv").data)
    found = evlog.check(log).findings
    assert [(each.code, each.event) for each in found] == [("ima_violation", 2)]
    # A reader of a list has said so already.
    assert evlog.check(evlog.read(LIST)).findings == ()


# Verified


@pytest.mark.parametrize("demand", [Demand(), IGNORED])
def test_ones_are_what_the_kernel_extends(demand: Demand) -> None:
    result = verify(evlog.read(LIST), registers(b"\xff"), demand)
    assert causes(result) == [("match", None, 5), ("match", "hash", 5)]
    assert (result.ok, result.word, result.accepted) == (True, "read", ())


@pytest.mark.parametrize(("violation", "proven"), [(b"\0", 5), (None, 3)], ids=["zeros", "nothing"])
@pytest.mark.parametrize("data", [LIST, TEXT], ids=["binary", "ascii"])
def test_what_else_they_may_have_extended_is_accepted_by_name(data: bytes, violation: bytes, proven: int) -> None:
    log = evlog.read(data)
    result = verify(log, registers(violation))
    assert causes(result) == [("mismatch", "violations", proven)] * 2
    assert (result.ok, [each.option for each in result.shortfalls]) == (False, ["violations:pcr:10"])
    result = verify(log, registers(violation), IGNORED)
    assert causes(result) == [("match", "violations", proven)] * 2
    assert (result.ok, result.word) == (True, "accepted")
    standings = [standing for _, standing in result.logs[0].standings()]
    assert standings == (["proven", "proven", "digest_only", "proven", "digest_only"] if violation else ["claimed"] * 5)
    of_another = Demand(accept=(Acceptance("violations", RegisterSet.parse("pcr:11")),))
    assert not verify(log, registers(violation), of_another).ok


def test_a_bank_that_differs_otherwise_is_not_accepted() -> None:
    for violation in (b"\0", b"\xff"):
        result = verify(evlog.read(LIST), registers(violation, sha256=bytes(31) + b"\1"), IGNORED)
        assert not result.ok
        assert result.registers[0].verdict == ("match" if violation == b"\xff" else "mismatch")


def test_what_the_input_states_of_the_start_is_not_accepted_with_it() -> None:
    stated = Registers({(PCR10, SHA1): b"\x11" * 20})
    value = b"\x11" * 20
    for data, bad in ENTRIES:
        digest = bytes(20) if bad else hashlib.sha1(data).digest()
        value = hashlib.sha1(value + digest).digest()
    log = evlog.read(LIST).replace(start=stated)
    result = verify(log, Registers({(PCR10, SHA1): value}), IGNORED)
    assert (result.ok, result.registers[0].verdict) == (False, "mismatch")


def test_no_violation_nothing_to_accept() -> None:
    log = evlog.read(b"".join(make_linux.entry(b"ima-ng", data) for data in FILES))
    result = verify(log, registers(b"\0"), IGNORED)
    assert {row.cause for row in result.registers} == {"unexplained"}
    assert not result.ok


def test_the_command_ignores_violations_as_evmctl_calls_it(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(LIST)

    def verified(violation: bytes | None, *more: str) -> tuple[int, dict[str, Any], str]:
        stated = {str(alg): {"10": value.hex()} for (_, alg), value in registers(violation).values.items()}
        (tmp_path / "pcrs").write_text(json.dumps({"pcr": stated}))
        line = "verify", "list", "--registers", "pcrs", *more
        document = json.loads(run(*line, "--json", folder=tmp_path).out)
        done = run(*line, folder=tmp_path)
        return done.code, document, done.out.splitlines()[-1]

    code, document, line = verified(b"\xff", "--ignore-violations")
    assert (code, document["word"], document["demand"]["accepted"]) == (0, "read", [])
    for violation in (b"\0", None):
        code, _, line = verified(violation)
        assert (code, line) == (1, "NOT VERIFIED: 2 mismatch")
        code, document, line = verified(violation, "--ignore-violations")
        assert (code, line) == (0, "ok (accepted: violations:pcr:10): 2 match")
        assert document["demand"]["accept"] == ["violations"]
        assert document["demand"]["accepted"][0]["accept"] == "violations:pcr:10"
        assert document["word"] == "accepted"
    assert "violations" in ACCEPTABLE


# After kexec


@pytest.mark.parametrize("to", ["ima-binary", "ima-ascii"])
def test_a_second_boot_aggregate_is_remarked(to: str) -> None:
    log: Log = evlog.read(evlog.convert(evlog.read(SAMPLES / "ima-binary/carried-over.bin"), to).data)
    assert [(each.code, each.severity, each.event) for each in log.findings] == [("boot_aggregate_repeated", "note", 3)]
    again = evlog.read(make_linux.aggregate() + make_linux.odd_names())
    assert [each.event for each in again.findings] == [1]
    once = make_linux.entry(b"ima-ng", make_linux.joined(make_linux.file_digest(b"x"), b"/boot_aggregate\0"))
    assert evlog.read(make_linux.aggregate() + once).findings == ()
    assert evlog.read(make_linux.legacy(bytes(20), b"boot_aggregate") * 2).findings[-1].event == 1
