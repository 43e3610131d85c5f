"""What explanations may cost: hostile logs and evidence take no more than the allowance, whatever they are made of."""

from __future__ import annotations

import hashlib
import struct
import sys
from typing import Any

import evlog
from evlog import SHA256, SHA384, Log, Register, Registers, verify
from evlog.algorithms import ALGORITHMS
from evlog.verifying.allowance import DEFAULT

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
