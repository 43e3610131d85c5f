"""Whatever changes what an exact rule covers is refused, by evlog, by Rego, and as systemd-pcrlock matches.

A build tries some hundred changes; EVLOG_MUTATIONS=10000 tries as many as it says.
"""

from __future__ import annotations

import json
import os
import random
from typing import TYPE_CHECKING, Any

import pytest

import evlog
from evlog.policy.export import export_policy
from evlog.policy.learn import GoodBoot
from evlog.references import pcrlock
from tests.command import run
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MUTATIONS = int(os.environ.get("EVLOG_MUTATIONS", "300"))
LOGS = ("secure-boot", "ovmf", "uki", "seabios")


def mutated(log: evlog.Log, chance: random.Random) -> tuple[str, evlog.Log]:
    """The log with one thing changed that a register covers."""
    events = list(log.events)
    measured = [index for index, event in enumerate(events) if event.measured]
    at = chance.choice(measured)
    event = events[at]
    kind = chance.choice(("digest", "order", "addition", "removal"))
    if kind == "digest":
        place = chance.randrange(len(event.digests))
        value = bytearray(event.digests[place].value)
        value[chance.randrange(len(value))] ^= 1 << chance.randrange(8)
        digests = list(event.digests)
        digests[place] = digests[place].replace(value=bytes(value))
        events[at] = event.replace(digests=tuple(digests))
    elif kind == "order":
        same = [i for i in measured if events[i].register == event.register and events[i].digests != event.digests]
        if not same:
            return mutated(log, chance)
        other = chance.choice(same)
        events[at], events[other] = events[other], events[at]
    elif kind == "addition":
        # An event of the log, or one of its digests on another register.
        added = events[chance.choice(measured)]
        if chance.random() < 0.5:
            added = added.replace(register=evlog.Register("pcr", chance.randrange(24)))
        events.insert(chance.randrange(1, len(events) + 1), added)
    else:
        del events[at]
    numbered = tuple(event.replace(number=number) for number, event in enumerate(events))
    return f"{kind} at {at}", log.replace(events=numbered)


def mutations(count: int, seed: object) -> Iterator[tuple[str, evlog.Log, evlog.Log]]:
    chance = random.Random(f"{seed}")
    read = [evlog.read(SAMPLES / "tcg2" / f"{name}.bin") for name in LOGS]
    logs = [log.replace(events=tuple(log.events)) for log in read]
    for _ in range(count):
        log = chance.choice(logs)
        what, changed = mutated(log, chance)
        yield what, log, changed


def exact(log: evlog.Log) -> evlog.BootPolicy:
    return evlog.learn([GoodBoot("good", (log,))]).policy


def test_every_change_is_refused() -> None:
    policies: dict[str, evlog.BootPolicy] = {}
    for what, log, changed in mutations(MUTATIONS, os.environ.get("EVLOG_SEED", "evlog")):
        if log.name not in policies:
            policies[log.name] = exact(log)
        result = evlog.check_policy(policies[log.name], changed, unverified=True)
        assert not result.ok, f"{log.name}: {what}"
        bad = [row for row in result.rules if row.verdict != "kept"]
        assert bad or result.unspoken, f"{log.name}: {what}"


@pytest.mark.parametrize("name", LOGS)
def test_the_log_itself_is_not(name: str) -> None:
    log = evlog.read(SAMPLES / "tcg2" / f"{name}.bin")
    result = evlog.check_policy(exact(log), log, unverified=True)
    assert result.ok
    assert result.count("kept") == sum(event.measured for event in log.events)


def rego(policy: evlog.BootPolicy) -> Any:
    regopy = pytest.importorskip("regopy", reason="regopy is not installed: no second opinion on Rego")
    interpreter = regopy.Interpreter()
    interpreter.add_module("policy", export_policy(policy, "rego").data.decode())
    return interpreter


def allows(interpreter: Any, path: Path) -> bool:
    interpreter.set_input(json.loads(run("show", "--json", str(path)).out))
    # A bare query that is false says nothing.
    answer = str(interpreter.query("x := data.evlog.allow"))
    assert '"x":' in answer.replace(" ", ""), answer
    return '"x":true' in answer.replace(" ", "")


def test_rego_gives_the_same_answer(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for name in LOGS:
        log = evlog.read(SAMPLES / "tcg2" / f"{name}.bin")
        path.write_bytes(evlog.write(log))
        assert allows(rego(exact(log)), path)
    for what, log, changed in mutations(24, "rego"):
        path.write_bytes(evlog.write(changed))
        assert not allows(rego(exact(log)), path), f"{log.name}: {what}"


def test_rego_of_several_boots(tmp_path: Path) -> None:
    """Rules of every kind: each boot by the policy of each pair of others."""
    path = tmp_path / "log"
    logs = [evlog.read(SAMPLES / "tcg2" / f"{name}.bin") for name in ("secure-boot", "ovmf", "uki")]
    for one, other in ((0, 1), (1, 2)):
        policy = evlog.learn([GoodBoot("one", (logs[one],)), GoodBoot("other", (logs[other],))]).policy
        interpreter = rego(policy)
        for log in logs:
            path.write_bytes(evlog.write(log))
            expected = evlog.check_policy(policy, log, unverified=True).ok
            assert allows(interpreter, path) is expected


def test_rego_of_rules_that_judge_nothing_and_of_lists(tmp_path: Path) -> None:
    from tests.test_policy import boot, entry, log, rec, tag

    def counter(n: int, *more: Any) -> bytes:
        return log(*boot(rec(12, 6, tag(b"boot counter %d" % n)), *more))

    policy = evlog.learn([GoodBoot(f"{n}", (evlog.read(counter(n)),)) for n in range(3)]).policy
    files = entry(b"boot_aggregate", b"") + entry(b"/bin/sh", b"sh")
    lists = evlog.learn([GoodBoot("a", (evlog.read(files),))]).policy
    cases = [
        (policy, counter(9)),
        (policy, counter(1)),
        (policy, log(*boot())),
        (policy, counter(9, rec(12, 6, tag(b"another")))),
        (policy, log(*boot(rec(12, 6, tag(b"x"), b"not the data")))),
        (lists, files),
        (lists, files + entry(b"/bin/sh", b"sh")),
        (lists, files + entry(b"/bin/sh", b"other")),
        (lists, files + entry(b"/bin/other", b"sh")),
        (lists, files + entry(b"/bin/sh", b"sh", violation=True)),
    ]
    answers = []
    for each, data in cases:
        (tmp_path / "log").write_bytes(data)
        expected = evlog.check_policy(each, evlog.read(data), unverified=True).ok
        assert allows(rego(each), tmp_path / "log") is expected
        answers.append(expected)
    assert answers == [True, True, False, False, False, True, True, False, False, False]


def test_pcrlock_gives_the_same_answer() -> None:
    """Its components, matched as it does: some event that is not matched, or another value than the log's."""
    for name in ("secure-boot", "ovmf"):
        log = evlog.read(SAMPLES / "tcg2" / f"{name}.bin")
        files = dict(export_policy(exact(log), "pcrlock").files)
        assert files == dict(evlog.export(evlog.boot_of(log), "pcrlock").files)
        components = pcrlock.read(files)
        records = {record for variants in components.values() for each in variants for record in each}
        ours = {
            (event.register.index, digest.alg, digest.value)
            for event in log.events
            if event.measured
            for digest in event.digests
        }
        assert {(record.pcr, d.alg, d.value) for record in records for d in record.digests} == ours
