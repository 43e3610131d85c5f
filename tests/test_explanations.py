"""What explanations may cost: hostile logs and evidence take no more than the allowance, whatever they are made of."""

from __future__ import annotations

import hashlib
import struct
import sys
from typing import Any

import pytest

import evlog
from evlog import SHA1, SHA256, SHA384, Log, Register, Registers, verify
from evlog.algorithms import ALGORITHMS
from evlog.verifying import dossier
from evlog.verifying.allowance import DEFAULT
from tests import made

#: Calls, those into C counted, that a hash of the allowance may stand for.
_CALLS = 40


def ima_list(entries: int) -> Log:
    """Entries of the template ima-ng, with SHA-1 digests: each bank beyond is extended by a rule."""
    written = []
    for number in range(entries):
        file = b"sha256:\0" + hashlib.sha256(b"%d" % number).digest()
        fields = b"".join(struct.pack("<I", len(each)) + each for each in (file, b"/file/%d\0" % number))
        head = struct.pack("<I20sI", 10, hashlib.sha1(fields).digest(), 6)
        written.append(head + b"ima-ng" + struct.pack("<I", len(fields)) + fields)
    return evlog.read(b"".join(written))


def wrong(pcrs: range) -> Registers:
    """Values that nothing leads to, in every bank."""
    return Registers(
        {
            (Register("pcr", index), alg): hashlib.sha512(b"%d %d" % (index, alg.id)).digest()[: alg.size]
            for index in pcrs
            for alg in ALGORITHMS.values()
            if alg.size
        }
    )


def calls(log: Log, values: Registers, **choices: Any) -> int:
    """How many functions verify calls. What is loaded or compiled once is not counted."""
    verify(log, values, **choices)
    counted = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        verify(log, values, **choices)
    finally:
        sys.setprofile(None)
    return counted


def test_wrong_values_of_many_registers_and_banks_share_one_allowance() -> None:
    log, values = ima_list(300), wrong(range(20))
    none = calls(log, values, explain=0)
    for allowed in (1000, DEFAULT):
        assert calls(log, values, explain=allowed) - none < _CALLS * allowed + none
    more = calls(log, values, explain=1_000_000)
    assert more - none > 2 * (_CALLS * 1000 + none), "the case is not hostile: all explanations together cost little"


def test_a_verdict_costs_what_the_log_is_long() -> None:
    values = wrong(range(20))
    short, long = (calls(ima_list(entries), values, explain=0) for entries in (150, 300))
    assert long < 2.5 * short


def test_without_allowance_a_verdict_is_the_same() -> None:
    log = ima_list(100)
    right = evlog.replay(log, rules=dict.fromkeys((SHA256, SHA384), "hash")).registers()
    ahead = evlog.replay(log.replace(events=log.events[:70]), rules={SHA256: "zero-pad"}).registers()
    ten = Register("pcr", 10), SHA256
    values = Registers({**wrong(range(12)).values, **right.values, ten: ahead.values[ten]})
    none, some = verify(log, values, explain=0), verify(log, values, explain=10_000_000)
    assert [row.verdict for row in none.registers] == [row.verdict for row in some.registers]
    assert {"match", "mismatch", "not_logged"} <= {row.verdict for row in none.registers}
    assert [row.proven for row in none.registers] == [row.proven for row in some.registers]
    assert "ahead" in {row.cause for row in none.registers}
    assert "not_explained" in {row.cause for row in none.registers}
    assert "not_explained" not in {row.cause for row in some.registers}


def firmware(events: int, *more: bytes) -> Log:
    """A firmware's log of two banks, on PCR 0 to 7."""
    records = (made.event(number % 8, 13, b"%d" % number, "sha1", "sha256") for number in range(events))
    return evlog.read(b"".join((made.header("sha1", "sha256"), *records, *more)))


def other(log: Log, *registers: int) -> Registers:
    """The values that the log leads to, but for a bit of some registers."""
    values = evlog.replay(log).registers().values
    changed = {Register("pcr", index) for index in registers}
    return Registers(
        {key: bytes([value[0] ^ (key[0] in changed)]) + value[1:] for key, value in values.items()},
    )


def test_a_long_log_of_firmware_that_differs_costs_at_most_three_that_match() -> None:
    log = firmware(18_000)
    match = calls(log, other(log))
    for registers in ((0,), (3,), tuple(range(8))):
        assert calls(log, other(log, *registers)) < 3 * match


def test_of_a_long_log_of_firmware_the_verdicts_are_the_same() -> None:
    """Whatever may be spent: the rows that were not looked into say so."""
    log = firmware(6_000)
    cut = evlog.replay(log.replace(events=log.events[:3_000])).registers().values
    values = Registers({**other(log, 1).values, **{key: cut[key] for key in cut if key[0].index in (2, 5)}})
    some, every = verify(log, values), verify(log, values, explain=1_000_000)
    assert [row.verdict for row in some.registers] == [row.verdict for row in every.registers]
    assert [row.replayed for row in some.registers] == [row.replayed for row in every.registers]
    assert [row.events for row in some.registers] == [row.events for row in every.registers]
    causes = {row.register.index: row.cause for row in every.registers}
    assert (causes[2], causes[5], causes[0]) == ("prefix", "prefix", None)
    looked_into = {row.register.index for row in some.registers if row.cause == "prefix"}
    untold = {row.register.index for row in some.registers if row.cause == "not_explained"}
    assert (looked_into | untold, looked_into <= {2, 5}) == ({1, 2, 5}, True)
    said = [row.explanation or "" for row in some.registers if row.cause == "not_explained"]
    assert any(
        each.startswith("the value is not the one after the log's 750 events; why was not looked") for each in said
    )


def test_a_start_after_a_launch_is_told_of_a_long_log_too() -> None:
    """There the value decides on the verdict."""
    log = firmware(6_000, made.event(17, 13, b"launched", "sha1", "sha256"))
    values = dict(evlog.replay(log).registers().values)
    for name, alg in (("sha1", SHA1), ("sha256", SHA256)):
        after = hashlib.new(name, bytes(alg.size) + hashlib.new(name, b"launched").digest()).digest()
        values[Register("pcr", 17), alg] = after
    rows = [row for row in verify(log, Registers(values), explain=0).registers if row.register.index == 17]
    assert [(row.verdict, row.cause) for row in rows] == [("match", "dynamic_launch")] * 2


@pytest.mark.parametrize("same", [True, False])
def test_what_was_not_reset_is_told_of_all_registers_at_once(same: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is of each by its trail."""
    log = firmware(40)
    twice = evlog.replay([log, log]).registers().values
    values = Registers({key: value if same or key[0].index != 6 else bytes(len(value)) for key, value in twice.items()})
    by_trails = verify(log, values)
    monkeypatch.setattr(dossier, "LONG", 0)
    asked: list[object] = []
    again = dossier.Dossier.again

    def noted(self: dossier.Dossier, *given: Any) -> Any:
        asked.append(found := again(self, *given))
        return found

    monkeypatch.setattr(dossier.Dossier, "again", noted)
    at_once = verify(log, values)
    assert (at_once.registers, at_once.findings) == (by_trails.registers, by_trails.findings)
    assert asked
    assert None not in asked
    assert ("not_reset" in {row.cause for row in by_trails.registers}) is same
