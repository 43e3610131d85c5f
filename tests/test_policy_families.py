"""Policies over families of real logs: boots of one firmware, each left out by turns and held to the others' policy.

A family is what one firmware version measured, by the version that it says. Where the software of a boot is among the
others' it is accepted; where it is not, its new events are named, and what was there for every other.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, NamedTuple

import pytest

import evlog
from evlog.policy.learn import GoodBoot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Firmware versions that several logs of the corpus are of, and have banks in common.
FAMILIES = {
    "R70": 3,
    "N32ET68W": 4,
    "GCE Virtual Firmware v2": 6,
    "1.0": 4,
    "SDV.RP.B11.04 Release Build": 2,
    "a7102b05-d9c7-4165-8140-2adde94af63c": 4,
    "GCE Virtual Firmware v1": 7,
}


class Boot(NamedTuple):
    """A log, with what each register was extended by, in order."""

    log: evlog.Log
    sequences: dict[evlog.Register, list[tuple[int, tuple[evlog.Digest, ...]]]]


def version_of(log: evlog.Log) -> str:
    """What the firmware calls itself in its first event (EV_S_CRTM_VERSION)."""
    for event in log.events[:8]:
        content = event.content
        if isinstance(content, evlog.PCClientEvent) and content.event_type_name == "EV_S_CRTM_VERSION":
            data = content.data
            wide = not any(data[1:16:2])
            if len(data) == 16 and not wide:
                return str(uuid.UUID(bytes_le=data))
            return data.decode("utf-16-le" if wide else "latin-1", "replace").partition("\0")[0].strip()
    return ""


@pytest.fixture(scope="module")
def families(corpus: Path, corpus2: Path) -> dict[str, list[Boot]]:
    """The distinct logs of each of the families."""
    found: dict[str, dict[object, Boot]] = {name: {} for name in FAMILIES}
    for path in sorted(each for folder in (corpus, corpus2) for each in folder.glob("*") if each.is_file()):
        try:
            log = evlog.read(path)
        except evlog.EvlogError:
            continue
        boots = found.get(version_of(log))
        if boots is None or log.failed or log.format != "tcg2":
            continue
        sequences: dict[evlog.Register, list[tuple[int, tuple[evlog.Digest, ...]]]] = {}
        for event in log.events:
            if event.measured:
                sequences.setdefault(event.register, []).append((event.number, event.digests))
        key = tuple((register, *(digests for _, digests in each)) for register, each in sequences.items())
        boots.setdefault(key, Boot(log, sequences))
    return {name: list(boots.values()) for name, boots in found.items()}


def left_out(family: list[Boot]) -> Iterator[tuple[Boot, list[Boot], evlog.PolicyCheck, evlog.BootPolicy]]:
    """Each boot of a family, the others, and the verdict on it by the policy that these make."""
    for boot in family:
        others = [each for each in family if each is not boot]
        policy = evlog.learn([GoodBoot(each.log.name, (each.log,)) for each in others]).policy
        yield boot, others, evlog.check_policy(policy, boot.log, unverified=True), policy


def named(result: evlog.PolicyCheck) -> set[int | None]:
    """The events that are not as the policy wants them; None for one that is not there."""
    rows = {row.event for row in result.rules if row.verdict not in ("kept", "free")}
    return rows | {each.event for each in result.unspoken}


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_new_is_named_and_nothing_else_is_new(name: str, families: dict[str, list[Boot]]) -> None:
    assert len(families[name]) == FAMILIES[name]
    for boot, others, result, _ in left_out(families[name]):
        known = {
            (register, digest)
            for other in others
            for register, events in other.sequences.items()
            for _, digests in events
            for digest in digests
        }
        judged = {row.event for row in result.rules if row.verdict == "free"}
        new = {
            number
            for register, events in boot.sequences.items()
            for number, digests in events
            if all((register, digest) not in known for digest in digests)
        }
        assert new - judged <= named(result), boot.log.name
        # Each register as for one of the others: nobody has to be asked about anything.
        seen = [
            any(
                [digests for _, digests in events] == [digests for _, digests in other.sequences.get(register, ())]
                for other in others
            )
            for register, events in boot.sequences.items()
        ]
        gone = any(other.sequences.keys() - boot.sequences.keys() for other in others)
        if all(seen) and not gone:
            assert result.ok, boot.log.name
        if new - judged:
            assert not result.ok, boot.log.name
        assert all(row.witnesses for row in result.rules), boot.log.name


#: What differs between a boot and the others of its family, by event: an initrd that was built anew; an update of the
#: kernel, with its entries in GRUB's menu; a kernel, and one with another dbx; none, for boots of one image.
NEW: dict[str, dict[str, set[int | None]]] = {
    "R70": {
        "elitebook": {114},
        "test.evidence": {114},
        "test-before": {47, 84, 85, 109, 110, 111, 112, 113, 114, None},
    },
    "N32ET68W": {"Haruhi": {47}, "failed-2": {50}, "issue926": {16, 50}},
    "GCE Virtual Firmware v2": {f"6b65f215.{number}.eventlog": set() for number in (0, 1, 4, 5)},
    "1.0": {"eventlog_sb.bin": set()},
}


@pytest.mark.parametrize("name", NEW)
def test_the_events_of_families_that_somebody_has_looked_at(name: str, families: dict[str, list[Boot]]) -> None:
    wanted = dict(NEW[name])
    for boot, _, result, policy in left_out(families[name]):
        part = next((part for part in wanted if part in boot.log.name), None)
        if part is not None:
            assert named(result) == wanted.pop(part), boot.log.name
            assert not policy.free
    assert not wanted
