"""No guess: each event that is predicted has a rule, and what the rule says is what the event measures.

The pairs of real boots lie beside the project; a made one stands in for them.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import evlog
from evlog import hashing
from evlog.contents.pcclient import PCClientEvent
from evlog.predicting import gpt, grub_kernel, grub_log, images, pe, secure_boot, shim
from tests.boots import PAIRS, files_of, paired, ram_of
from tests.test_predict_grub import MACHINES

if TYPE_CHECKING:
    from evlog.model import Event, Log

SAMPLE = "samples/tcg2/grub-212.bin"
#: Every rule by which an event changes or comes; those that go say why.
RULES = {
    images.RULE: "image",
    "Authenticode digest of the kernel as it is": "image",
    "Authenticode digest of the .linux section": "image",
    grub_log.FILE_RULE: "file",
    "all bytes of the initrd": "file",
    grub_log.TEXT_RULES["command"]: "grub text",
    grub_log.TEXT_RULES["cmdline"]: "grub text",
    gpt.RULE: "data",
    secure_boot.RULE: "data",
    secure_boot.AUTHORITY_RULE: "data",
    shim.LEVEL_RULE: "data",
    "UTF-16 of the load options, with NUL": "data",
    "UTF-16 of the addons' command lines, joined by a blank, with NUL": "data",
    "UTF-16 of the entry's options, with NUL": "",
    "the variable's value": "value",
    "Authenticode digest of the kernel after QEMU wrote into its setup header": "",
    "UTF-16 of the command line, a unit for each byte, and initrd=initrd, with NUL": "",
    "UTF-16 of the command line, with NUL": "",
    "UTF-16 of the profile's number, with NUL": "",
    "the initrd that the stub hands over": "",
    grub_kernel.OPTIONS_RULE: "",
    grub_kernel.INITRD_RULE: "",
    "all bytes of the entry's initrds, each filled with zeros to a multiple of 4 but the last": "",
    shim.LIST_RULE: "",
    "all bytes of loader.conf": "file",
}
OPEN = re.compile(
    r"section \.\w+, VirtualSize bytes|the name \.\w+ with NUL|the archive of \S+|section \.\w+ of the addon"
)


def measured(event: Event, data: bytes) -> bool:
    backend = hashing.backend()
    return all(hashing.digest(d.alg, data) == d.value for d in event.digests if backend.computable(d.alg))


def key(event: Event) -> tuple[object, ...]:
    return event.register, event.digests, event.content


def check(log: Log, found: evlog.Prediction, now: dict[str, bytes]) -> set[str]:
    """Hold each event to its rule; the rules that were seen."""
    old, new = Counter(map(key, log.events)), Counter(map(key, found.log.events))
    gone = Counter(key(log.events[e.event]) for e in found.events if e.event is not None)
    come = sum(e.kind != "removed" for e in found.events)
    # Nothing changes, comes or goes without being told.
    assert sum((old - new).values()) <= sum(gone.values())
    assert sum((new - old).values()) <= come
    assert not (old - new) - gone
    files = {place.lower(): data for place, data in now.items()}
    fresh = list((new - old).elements())
    for each in found.events:
        assert each.place
        assert each.rule
        if each.kind == "removed":
            continue
        assert each.rule in RULES or OPEN.fullmatch(each.rule), each.rule
        how = RULES.get(each.rule, "")
        data = files.get(each.place.lower())
        candidates = [event for event in found.log.events if event.register == each.register and key(event) in fresh]
        if how == "image" and data is not None and data[:2] == b"MZ" and each.rule == images.RULE:
            assert any(measured(event, pe.read(data).hashed()) for event in candidates), each
        elif how == "file" and data is not None:
            assert any(measured(event, data) for event in candidates), each
    for event in found.log.events:
        if key(event) in fresh and isinstance(event.content, PCClientEvent) and event.content.event_type == 0x800000E0:
            assert measured(event, event.content.data)
    return {each.rule for each in found.events if each.kind != "removed"}


#: Of changes that no pair has: see the tests of their kind.
UNSEEN = {
    "Authenticode digest of the kernel as it is", "UTF-16 of the load options, with NUL",
}  # fmt: skip


@paired
def test_each_event_of_the_pairs_has_a_rule() -> None:
    """And the pairs together show every rule but a few."""
    seen: set[str] = set()
    for pair in PAIRS:
        log = evlog.read(pair / "before" / "binary_bios_measurements")
        now = files_of(pair, "now")
        seen |= check(log, evlog.predict(log, now, files_of(pair, "was"), ram=ram_of(pair)), now)
    assert set(RULES) - seen == UNSEEN


def test_each_event_of_a_machine_with_grub_has_a_rule() -> None:
    was, now = MACHINES["212"]
    log = evlog.read(SAMPLE)
    assert check(log, evlog.predict(log, now, was), now) == {grub_log.FILE_RULE, grub_log.TEXT_RULES["command"]}
