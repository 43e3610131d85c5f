"""Policies over the logs of real machines: each left out by turns, and what people changed between two boots."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import evlog
from evlog.policy.learn import GoodBoot
from tests.conftest import SHARED

if TYPE_CHECKING:
    from pathlib import Path

FIRMWARE = "binary_bios_measurements"
#: Machines that boot a kernel directly; each has load options of its own, and the last another kernel.
DIRECT = (
    "a-ovmf-direct", "e1-ima-ng-violations", "e2-ima-sig-5k", "e5-ima-tpm2", "e7-custom-policy-pcrs",
    "h-banks-sha1-sha256", "i-linux612-ima",
)  # fmt: skip
UPDATES = sorted(path.parent for path in (SHARED / "updates").glob("*/facts.json")) if SHARED.is_dir() else []


def named(result: evlog.PolicyCheck) -> set[int | None]:
    """The events that are not as the policy wants them."""
    return {row.event for row in result.rules if row.verdict != "kept"} | {each.event for each in result.unspoken}


def test_leave_one_out(vm: Path) -> None:
    boots = [GoodBoot(name, (evlog.read(vm / name / FIRMWARE),)) for name in DIRECT]
    every = evlog.learn(boots).policy
    for left in boots:
        assert evlog.check_policy(every, left.logs, unverified=True).ok
        policy = evlog.learn([each for each in boots if each is not left]).policy
        result = evlog.check_policy(policy, left.logs, unverified=True)
        # Load options 21, initrd 22, kernel 10: by the digests, which no other machine has.
        others = {
            digest.value
            for each in boots
            if each is not left
            for event in each.logs[0].events
            for digest in event.digests
        }
        new = {
            event.number
            for event in left.logs[0].events
            if event.measured and all(digest.value not in others for digest in event.digests)
        }
        assert new == ({10, 21, 22} if left.name == DIRECT[-1] else {21})
        assert named(result) == new
        assert all(row.witnesses for row in result.rules)


def test_boots_of_all_kinds_keep_what_they_taught(vm: Path) -> None:
    paths = [path for path in sorted(vm.glob(f"*/{FIRMWARE}")) if b"Spec ID Event03" in path.read_bytes()[:64]]
    boots = [GoodBoot(path.parent.name, (evlog.read(path),)) for path in paths]
    policy = evlog.learn(boots).policy
    assert not policy.free
    for each in boots:
        assert evlog.check_policy(policy, each.logs, unverified=True).ok


@pytest.mark.parametrize("pair", UPDATES, ids=lambda path: path.name)
def test_an_update_is_named_event_by_event(pair: Path) -> None:
    facts = json.loads((pair / "facts.json").read_text())["events"]
    was, now = (evlog.read(pair / each / FIRMWARE) for each in ("before", "after"))
    policy = evlog.learn([GoodBoot("was", (was,))]).policy
    result = evlog.check_policy(policy, now, unverified=True)
    if not facts["gone"] and facts["before"] == facts["after"]:
        assert named(result) == set(facts["changed"])
    assert result.ok is not (bool(facts["changed"]) or facts["before"] != facts["after"])
    both = evlog.learn([GoodBoot("was", (was,)), GoodBoot("now", (now,))]).policy
    assert evlog.check_policy(both, was, unverified=True).ok
    assert evlog.check_policy(both, now, unverified=True).ok


def quoted(home: Path, bank: str) -> evlog.Evidence:
    """A quote of the machine over one bank, which its key signed."""
    quote = home / "quote" / f"quote-{bank}"
    return evlog.read_registers(
        f"{quote}.msg",
        signature=f"{quote}.sig",
        pcrs=f"{quote}.pcrs",
        key=str(home / "quote" / "ak.pub"),
        nonce=bytes.fromhex("65766c6f672d6e6f6e6365"),
        quote=True,
    )


def test_a_quote_proves_what_it_covers(vm: Path) -> None:
    home = vm / "a-ovmf-direct"
    log = evlog.read(home / FIRMWARE)
    learned = evlog.learn([GoodBoot("a", (log,))]).policy
    # The quote says that PCR 10 was extended too: by a list that nobody judges here.
    policy = learned.replace(ignored=(evlog.Register("pcr", 10),))
    for bank, ok in (("sha256", True), ("sha384", True), ("sha512", True), ("sha1", False)):
        result = evlog.check_policy(policy, log, quoted(home, bank))
        assert result.ok is ok
        assert {row.verdict for row in result.rules} == {"kept" if ok else "unproven"}
    evidence = quoted(home, "sha256")
    other = evlog.read(vm / "e2-ima-sig-5k" / FIRMWARE)
    assert not evlog.check_policy(policy, other, evidence).ok
    # Of a register that is neither ignored nor told anything may have been measured.
    result = evlog.check_policy(learned, log, evidence)
    assert not result.ok
    assert result.verification is not None
    assert [(each.name, str(each.register)) for each in result.verification.shortfalls] == [("not_logged", "pcr:10")]
    accepted = evlog.Demand(accept=(evlog.Acceptance("not_logged", evlog.RegisterSet.parse("pcr:10")),))
    assert evlog.check_policy(learned, log, evidence, accepted).ok


def test_what_a_learner_leaves_out_is_ignored_by_name(vm: Path) -> None:
    """A boot that was verified but for PCR 10: ``--register 0-9`` says that this is not judged."""
    home = vm / "a-ovmf-direct"
    log, evidence = evlog.read(home / FIRMWARE), quoted(home, "sha256")
    wanted = evlog.RegisterSet.parse("0-9")
    verified = evlog.verify(log, evidence, evlog.Demand(registers=wanted))
    policy = evlog.learn([GoodBoot("a", (log,), verified)], registers=wanted).policy
    assert policy.boots[0].standing == "verified"
    assert [str(register) for register in policy.ignored] == ["pcr:10"]
    assert evlog.check_policy(policy, log, evidence).ok


@pytest.mark.parametrize("name", ["a-ovmf-direct", "d-secureboot-shim-grub", "i-linux612-ima"])
def test_firmware_and_list_are_one_boot(vm: Path, name: str) -> None:
    """The list's first entry is computed from firmware's log; of another machine's it is wrong."""
    home = vm / name
    logs = (evlog.read(home / FIRMWARE), evlog.read(home / "ima-binary_runtime_measurements"))
    policy = evlog.learn([GoodBoot("boot", logs)]).policy
    result = evlog.check_policy(policy, logs, unverified=True)
    assert {row.reason for row in result.rules if row.verdict == "broken"} <= {
        "a violation: the file changed while it was measured"
    }
    (row,) = (row for row in result.rules if row.about == "boot_aggregate")
    assert row.verdict == "kept"
    other = evlog.read(vm / "c-uki252" / FIRMWARE)
    result = evlog.check_policy(policy, (other, logs[1]), unverified=True)
    (row,) = (row for row in result.rules if row.about == "boot_aggregate")
    assert row.verdict == "broken"


def test_a_list_that_is_held_back_proves_nothing(vm: Path) -> None:
    home = vm / "a-ovmf-direct"
    logs = (evlog.read(home / FIRMWARE), evlog.read(home / "ima-binary_runtime_measurements"))
    other = tuple(evlog.read(vm / "e5-ima-tpm2" / path) for path in (FIRMWARE, "ima-binary_runtime_measurements"))
    policy = evlog.learn([GoodBoot("a", logs), GoodBoot("other", other)]).policy
    evidence = quoted(home, "sha256")
    # What the other machine measured besides is not missed; the list itself is.
    assert evlog.check_policy(policy, logs, evidence).ok
    result = evlog.check_policy(policy, logs[:1], evidence)
    assert not result.ok
    assert {row.verdict for row in result.rules if row.register.index == 10} == {"unproven"}
