"""Policies: what is learned from good boots, what they keep and refuse, and what has to be proven for it."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from typing import TYPE_CHECKING, Any

import pytest

import evlog
from evlog.errors import ConversionError, ParseError, UsageError
from evlog.policy.demanded import demand_of
from evlog.policy.learn import GoodBoot
from tests import made_evidence
from tests.command import run
from tests.conftest import SAMPLES
from tests.made import event, header, variable
from tests.test_schemas import valid

if TYPE_CHECKING:
    from pathlib import Path

BANKS = ("sha1", "sha256")
NO_ACTION, SEPARATOR, TAG, IPL, ACTION, CONFIG, IMAGE = 3, 4, 6, 0xD, 0x80000007, 0x80000001, 0x80000003
NONCE = b"sixteen bytes of"


class Record(tuple[int, int, bytes, "bytes | None"]):
    """A record to be written: register, type, data, and what is hashed if not the data."""


def rec(register: int, type: int, data: bytes, hashed: bytes | None = None) -> Record:
    return Record((register, type, data, hashed))


def log(*records: Record, banks: tuple[str, ...] = BANKS) -> bytes:
    return header(*banks) + b"".join(event(r, t, d, *banks, hashed=h) for r, t, d, h in records)


def tag(text: bytes, number: int = 0x40010001) -> bytes:
    """A tagged event: of Windows, in which there is another, or of another number."""
    inside = struct.pack("<II", 0x000200F0, len(text)) + text if number == 0x40010001 else text
    return struct.pack("<II", number, len(inside)) + inside


FIRMWARE = rec(0, 8, b"1\0.\x000\0\0\0")
SEPARATORS = [rec(index, SEPARATOR, bytes(4)) for index in range(8)]
OFF, ON = (rec(7, CONFIG, variable("SecureBoot", value)) for value in (b"\0", b"\1"))
CALLING = rec(4, ACTION, b"Calling EFI Application from Boot Option")


def image(code: bytes, path: bytes = b"kernel") -> Record:
    """An image that is known by its digest: the event has where it was loaded, and an empty device path."""
    return rec(4, IMAGE, struct.pack("<QQQQ", 0x1000, len(code), 0, 0), code)


def command(text: bytes) -> Record:
    return rec(8, IPL, b"grub_cmd: " + text + b"\0", text)


def boot(*more: Record, secure: Record = ON, kernel: bytes = b"kernel 1") -> list[Record]:
    return [FIRMWARE, secure, *SEPARATORS, CALLING, image(kernel), *more]


def learned(*boots: list[Record], banks: tuple[str, ...] = BANKS) -> evlog.BootPolicy:
    logs = [evlog.read(log(*records, banks=banks)) for records in boots]
    return evlog.learn([GoodBoot(f"boot {n}", (each,)) for n, each in enumerate(logs)]).policy


def checked(policy: evlog.BootPolicy, records: list[Record], **how: Any) -> evlog.PolicyCheck:
    how.setdefault("unverified", "evidence" not in how)
    return evlog.check_policy(policy, evlog.read(log(*records)), **how)


def said(result: evlog.PolicyCheck) -> list[tuple[str, int | None]]:
    """What is not kept: verdict and event."""
    rows = [(row.verdict, row.event) for row in result.rules if row.verdict != "kept"]
    return [*rows, *(("unspoken", each.event) for each in result.unspoken)]


def rules(policy: evlog.BootPolicy, register: int) -> list[tuple[str, str]]:
    each = next(each for each in policy.registers if each.register == evlog.Register("pcr", register))
    return [(rule.rule, rule.about) for rule in each.rules]


# Learning


def test_one_boot_makes_exact_rules() -> None:
    policy = learned(boot())
    assert {rule.rule for each in policy.registers for rule in each.rules} == {"exact"}
    assert sum(len(each.rules) for each in policy.registers) == len(boot())
    assert [each.stable for each in policy.registers] == ["value"] * 8
    replayed = evlog.replay(evlog.read(log(*boot())))
    for each in policy.registers:
        assert [digest.value for digest in each.values] == [
            row.value for row in replayed.rows if row.register == each.register
        ]


def test_what_boots_had_is_one_of_and_what_one_lacked_is_optional() -> None:
    policy = learned(boot(command(b"a"), command(b"b")), boot(command(b"a"), kernel=b"kernel 2"))
    assert rules(policy, 4) == [
        ("exact", "EV_SEPARATOR"),
        ("exact", "EV_EFI_ACTION"),
        ("one_of", "EV_EFI_BOOT_SERVICES_APPLICATION 8 bytes at *"),
    ]
    (first, second) = next(each for each in policy.registers if each.register.index == 8).rules
    assert (first.rule, first.witnesses) == ("exact", ("boot 0", "boot 1"))
    assert (second.rule, second.witnesses, second.without) == ("optional", ("boot 0",), ("boot 1",))
    assert {rule.about for _, rule in policy.single} == {
        "EV_EFI_BOOT_SERVICES_APPLICATION 8 bytes at *",
        "EV_IPL grub_cmd b",
    }


@pytest.mark.parametrize("more", [b"echo more", b"set more=1"])
def test_a_command_more_moves_no_other(more: bytes) -> None:
    commands = [command(b"set n=%d" % n) for n in range(20)]
    policy = learned(boot(*commands), boot(*commands[:5], command(more), *commands[5:]))
    assert [rule for rule, _ in rules(policy, 8)].count("exact") == 20
    assert [about for rule, about in rules(policy, 8) if rule == "optional"] == [
        f"EV_IPL grub_cmd {more.decode().split()[0]}"
    ]


@pytest.mark.parametrize("boots", [2, 3, 5])
def test_free_needs_three_boots_that_all_differ(boots: int) -> None:
    policy = learned(*(boot(rec(12, TAG, tag(b"boot counter %d" % n))) for n in range(boots)))
    assert rules(policy, 12)[0][0] == ("free" if boots > 2 else "one_of")


def test_nothing_is_free_where_a_poisoned_boot_would_want_it() -> None:
    """Firmware, code, separators, Secure Boot, PCR 0 to 4 and 7; what only a digest stands for, and what code obeys."""
    places = [
        *(rec(index, TAG, b"") for index in (0, 1, 2, 3, 4, 7)),
        rec(9, IPL, b"(hd0)/vmlinuz\0"),
        rec(12, IMAGE, b""),
        rec(12, SEPARATOR, b""),
    ]
    for register, type, data, _ in places:
        hashed = None if type == TAG else b"%d"
        boots = []
        for n in range(6):
            body = tag(b"%d" % n) if type == TAG else data or b"%04d" % n
            boots.append(boot(rec(register, type, body, None if hashed is None else hashed % n)))
        policy = learned(*boots)
        assert not policy.free, (register, type)
    for record in (
        command(b"linux /vmlinuz root=/dev/sda#"),
        rec(8, IPL, b"kernel_cmdline: quiet #\0", b"quiet #"),
        # The command line as the kernel's EFI stub tags it, an option ROM, and text of somebody's own.
        rec(5, TAG, tag(b"q\0#\0", 0x8F3B22ED)),
        rec(5, TAG, tag(b"of nobody's #", 0x0BADF00D)),
        rec(5, TAG, tag(b"rom #", 7)),
        *(rec(index, type, b"a digest of code #") for index in (5, 12) for type in (IPL, ACTION, CONFIG, 0x80000010)),
    ):
        policy = learned(*(boot(numbered(record, n)) for n in range(6)))
        assert not policy.free, record


def test_nothing_is_free_whose_data_is_not_what_was_measured() -> None:
    """What varied is then in no log."""
    record = rec(12, TAG, tag(b"#"), tag(b"other #"))
    assert not learned(*(boot(numbered(record, n)) for n in range(4))).free


def numbered(record: Record, n: int) -> Record:
    """The record of a boot of many: of this number where there is ``#``."""
    register, type, data, hashed = record
    digit = b"%d" % n
    return rec(register, type, data.replace(b"#", digit), None if hashed is None else hashed.replace(b"#", digit))


def test_what_tells_of_one_machine_may_be_free() -> None:
    """Windows counts its boots; disks have their own identifiers, and firmware the number of what it boots."""
    for record in (
        rec(12, TAG, tag(b"#")),
        rec(5, 0x80000006, b"table #"),
        rec(5, 0x80000002, variable("BootOrder", b"#")),
    ):
        policy = learned(*(boot(numbered(record, n)) for n in range(3)))
        assert len(policy.free) == 1, record
        # On the register of commands, and on that of modules, nothing is.
        for other in (8, 9, 13, 14):
            moved = Record((other, *record[1:]))
            assert not learned(*(boot(numbered(moved, n)) for n in range(3))).free, moved


def test_standing_of_boots_and_registers_that_are_ignored() -> None:
    good = evlog.read(log(*boot()))
    computed = evlog.read(log(*boot(kernel=b"kernel 2")))
    policy = evlog.learn(
        [GoodBoot("seen", (good,)), GoodBoot("to come", (computed,), predicted=True)],
        registers=evlog.RegisterSet.parse("0-4"),
    ).policy
    assert [(each.name, each.standing) for each in policy.boots] == [("seen", "read"), ("to come", "predicted")]
    assert [str(register) for register in policy.ignored] == ["pcr:5", "pcr:6", "pcr:7"]
    result = evlog.check_policy(policy, computed, unverified=True)
    assert (result.ok, result.ignored) == (True, 4)


def test_a_boot_is_verified_by_whom_the_learner_knows() -> None:
    """Values that nothing authenticates verify nothing, though the log leads to them."""
    log_of = evlog.read(log(*boot()))
    read_only = evlog.verify(log_of, evlog.replay(log_of).registers())
    signed = evlog.verify(log_of, evidence_of(boot()))
    assert read_only.ok
    assert signed.ok
    standings = [GoodBoot("a", (log_of,), each).standing for each in (None, read_only, signed)]
    assert standings == ["read", "read", "verified"]


def test_boots_that_nothing_can_be_learned_from() -> None:
    good = evlog.read(log(*boot()))
    with pytest.raises(UsageError, match="no boot"):
        evlog.learn([])
    with pytest.raises(UsageError, match="two boots of one name, "):
        evlog.learn([GoodBoot("a", (good,)), GoodBoot("a", (good,))])
    with pytest.raises(ConversionError, match="no event extends"):
        evlog.learn([GoodBoot("a", (evlog.read(header("sha256")),))])
    with pytest.raises(ConversionError, match="could not be read"):
        evlog.learn([GoodBoot("a", (evlog.read(log(*boot())[:-3]),))])
    other = evlog.read(log(*boot(), banks=("sha384",)))
    with pytest.raises(ConversionError, match="no bank in common"):
        evlog.learn([GoodBoot("a", (good,)), GoodBoot("b", (other,))])
    wrong = evlog.verify(good, evlog.read_registers(str(SAMPLES / "tcg2" / "ovmf.pcrs.json")))
    with pytest.raises(ConversionError, match="no witness"):
        evlog.learn([GoodBoot("a", (good,), wrong)])


def test_a_bank_that_nobody_knows_is_left_out_by_name() -> None:
    made = evlog.learn([GoodBoot("a", (evlog.read(SAMPLES / "tcg2" / "unknown-algorithm.bin"),))])
    assert all(alg.known for each in made.policy.registers for alg in each.banks)
    assert "digests.0x7f01" in {loss.field for loss in made.losses}
    assert evlog.read_policy(evlog.write_policy(made.policy)) == made.policy


def test_learning_a_boot_again_changes_nothing_but_the_witnesses() -> None:
    once, twice = learned(boot(command(b"a"))), learned(boot(command(b"a")), boot(command(b"a")))
    assert [[rule.rule for rule in each.rules] for each in once.registers] == [
        [rule.rule for rule in each.rules] for each in twice.registers
    ]


# Checking logs alone


def test_boots_that_a_policy_was_learned_from_keep_it() -> None:
    boots = [boot(), boot(command(b"a"), kernel=b"2"), boot(command(b"b"), secure=OFF), boot(kernel=b"3")]
    policy = learned(*boots)
    for each in boots:
        assert checked(policy, each).ok


def test_combinations_that_no_boot_had() -> None:
    """Two boots have one command each, in one place: neither both, nor none, nor the other order is anybody's."""
    a, b, c = command(b"a"), command(b"bb"), rec(8, ACTION, b"third")
    policy = learned(boot(a, b), boot(c))
    assert checked(policy, boot(a, b)).ok
    assert checked(policy, boot(c)).ok
    for wrong in ([a], [b], [a, b, c], [b, a], [], [c, a, b], [a, c]):
        assert not checked(policy, boot(*wrong)).ok, wrong
    # What is there is named, and what should have been beside it.
    assert said(checked(policy, boot(a))) == [("broken", 13), ("missing", None), ("missing", None)]


def test_a_policy_is_not_kept_by_absence_alone() -> None:
    """Boots that have nothing in common: what each event lacked some boot, and no boot lacked all."""
    policy = learned([command(b"a")], [rec(9, ACTION, b"b")])
    assert checked(policy, [command(b"a")]).ok
    result = checked(policy, [])
    assert {row.verdict for row in result.rules} == {"kept"}
    assert not result.ok


def test_an_update_is_named_with_its_witness() -> None:
    result = checked(learned(boot()), boot(kernel=b"kernel 2"))
    (row,) = (row for row in result.rules if row.verdict != "kept")
    assert (row.verdict, row.event, row.witnesses) == ("broken", 12, ("boot 0",))
    assert result.unspoken == ()


def test_free_is_a_verdict_of_its_own() -> None:
    def counter(n: int) -> Record:
        return rec(12, TAG, tag(b"boot counter %d" % n))

    policy = learned(*(boot(counter(n)) for n in range(3)))
    result = checked(policy, boot(counter(9)))
    assert (result.ok, result.count("free")) == (True, 1)
    # One event, of that type, whose digest is of its data.
    named_otherwise = rec(12, TAG, tag(b"boot counter 9", 0x8F3B22ED))
    without_its_data = rec(12, TAG, tag(b"c 9"), b"other")
    for wrong in ([], [counter(8), counter(9)], [rec(12, ACTION, b"x")], [named_otherwise], [without_its_data]):
        assert not checked(policy, boot(*wrong)).ok, wrong


ATTACKS = {
    "an event after the last one": [*boot(), rec(4, ACTION, b"more")],
    "an event on a register without rules": [*boot(), rec(9, ACTION, b"more")],
    "a loader run before the known one": [*boot()[:-1], image(b"evil"), boot()[-1]],
    "the known loader run after another": [*boot()[:-1], image(b"evil"), CALLING, boot()[-1]],
    "an event twice": [*boot(), boot()[-1]],
    "no separator": [each for each in boot() if each != SEPARATORS[4]],
    "a separator that says error": [rec(4, SEPARATOR, b"\xff" * 4) if x == SEPARATORS[4] else x for x in boot()],
    "another order": [*boot()[:-2], boot()[-1], boot()[-2]],
    "a known digest on another register": [*boot()[:-1], rec(5, IMAGE, *boot()[-1][2:])],
    "another type": [*boot()[:-1], rec(4, IPL, *boot()[-1][2:])],
    "data that is not what was measured": [
        FIRMWARE, rec(7, CONFIG, variable("SecureBoot", b"\1"), variable("SecureBoot", b"\0")), *boot()[2:]
    ],
    "data exchanged under the known digest": [FIRMWARE, rec(7, CONFIG, OFF[2], ON[2]), *boot()[2:]],
    "a look-alike that extends nothing": [FIRMWARE, rec(7, NO_ACTION, ON[2], ON[2]), *boot()[2:]],
    "a look-alike on a register that anybody may reset": [*boot()[:-1], rec(16, IMAGE, *boot()[-1][2:])],
    "registers that wait for one another": [*boot()[:2], *SEPARATORS[:4], *SEPARATORS[5:], SEPARATORS[3], *boot()[-2:]],
    "all of it twice": [*boot(), *boot()],
    "nothing at all": [],
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_refused(attack: str) -> None:
    policy = learned(boot())
    assert checked(policy, boot()).ok
    result = checked(policy, ATTACKS[attack])
    assert not result.ok
    assert said(result)


def test_what_every_witness_has_is_missing() -> None:
    result = checked(learned(boot()), [each for each in boot() if each != SEPARATORS[6]])
    (row,) = (row for row in result.rules if row.verdict != "kept")
    assert (row.verdict, str(row.register), row.event, row.witnesses) == ("missing", "pcr:6", None, ("boot 0",))


def test_all_banks_are_compared_and_none_can_be_taken_away() -> None:
    policy = learned(boot())
    good = log(*boot())
    strong = hashlib.sha256(b"kernel 1").digest()
    weak = hashlib.sha1(b"kernel 1").digest()
    for value in (strong, weak):
        bad = good.replace(value, bytes([value[0] ^ 1]) + value[1:])
        assert not evlog.check_policy(policy, evlog.read(bad), unverified=True).ok
    # A machine with fewer banks keeps the policy by those that count; SHA-1 alone does not, nor does another bank.
    for banks, ok in ((("sha256",), True), (("sha1",), False), (("sha384",), False), (("sha1", "sha384"), False)):
        assert evlog.check_policy(policy, evlog.read(log(*boot(), banks=banks)), unverified=True).ok is ok
    # One event without a digest that all others have is no such machine.
    one = event(4, IMAGE, boot()[-1][2], *BANKS, hashed=b"kernel 1")
    less = event(4, IMAGE, boot()[-1][2], "sha256", hashed=b"kernel 1")
    assert good.endswith(one)
    assert not evlog.check_policy(policy, evlog.read(good[: -len(one)] + less), unverified=True).ok


def raw(register: int, type: int, data: bytes, *digests: tuple[int, bytes]) -> bytes:
    """A record with whatever digests, by their algorithm's number."""
    values = b"".join(struct.pack("<H", alg) + value for alg, value in digests)
    return struct.pack("<III", register, type, len(digests)) + values + struct.pack("<I", len(data)) + data


def test_digests_that_are_not_one_of_each_bank_are_refused() -> None:
    """Of the kernel's event: a bank that says two things, one that is called otherwise, one that is left out."""
    policy = learned(boot())
    good = log(*boot())
    last = event(4, IMAGE, boot()[-1][2], *BANKS, hashed=b"kernel 1")
    weak, strong = (hashlib.new(bank, b"kernel 1").digest() for bank in BANKS)
    evil = hashlib.sha256(b"evil").digest()
    assert good.endswith(last)
    cases = {
        "the same": (((4, weak), (11, strong)), True),
        "said twice": (((4, weak), (11, strong), (11, strong)), True),
        "another behind it": (((4, weak), (11, strong), (11, evil)), False),
        "another before it": (((4, weak), (11, evil), (11, strong)), False),
        "another of the weak bank": (((4, weak), (4, bytes(20)), (11, strong)), False),
        "in a bank that nobody knows": (((4, weak), (0x7F01, strong)), False),
        "no strong bank": (((4, weak),), False),
        "no weak bank": (((11, strong),), False),
        "none": ((), False),
    }
    for name, (digests, ok) in cases.items():
        changed = good[: -len(last)] + raw(4, IMAGE, boot()[-1][2], *digests)
        result = evlog.check_policy(policy, evlog.read(changed), unverified=True)
        assert result.ok is ok, name
        assert bool(said(result)) is not ok, name
        told = [row.reason for row in result.rules if row.event == 12]
        assert all("the log does not say what it extends" in reason for reason in told if not ok), name


def test_a_log_without_data_does_not_keep_what_the_data_proved() -> None:
    """The same digests, and nothing that they are the hash of: whoever tells of it may call it what he likes."""
    policy = learned(boot())
    good = evlog.read(log(*boot()))
    bare = tuple(
        each.replace(content=evlog.DigestOnly(each.content.event_type, "")) if each.number in (3, 4) else each
        for each in good.events
        if isinstance(each.content, evlog.PCClientEvent)
    )
    result = evlog.check_policy(policy, good.replace(events=bare), unverified=True)
    assert [row.about for row in result.rules if row.verdict == "broken"] == ["EV_SEPARATOR"] * 2
    assert not result.ok


def test_the_order_of_registers_among_one_another_is_nothing_that_a_register_covers() -> None:
    policy = learned(boot())
    assert checked(policy, sorted(boot(), key=lambda record: record[0])).ok


def test_two_names_of_one_register_are_refused() -> None:
    guest = evlog.read(SAMPLES / "ccel" / "ovmf-tdx.bin")
    policy = evlog.learn([GoodBoot("guest", (guest,))]).policy
    assert evlog.check_policy(policy, guest, unverified=True).ok
    first = policy.registers[0]
    both = policy.replace(registers=(*policy.registers, first.replace(register=evlog.Register("rtmr", 0))))
    with pytest.raises(UsageError, match="two registers of the policy are one"):
        evlog.check_policy(both, guest, unverified=True, platform="tdx")


def test_where_pcr_0_starts_is_part_of_it() -> None:
    policy = learned(boot())
    locality = rec(0, NO_ACTION, b"StartupLocality\0\x03")
    result = checked(policy, [locality, *boot()])
    assert not result.ok
    assert said(result) == [("broken", None)]
    assert checked(learned([locality, *boot()]), [locality, *boot()]).ok


def test_a_damaged_log_is_refused() -> None:
    policy = learned(boot())
    result = evlog.check_policy(policy, evlog.read(log(*boot()) + b"\1\2\3"), unverified=True)
    assert not result.ok


# The document


def test_the_document_reads_back() -> None:
    policy = learned(boot(), boot(command(b"a"), kernel=b"2"), boot(command(b"\xff"), secure=OFF))
    data = evlog.write_policy(policy)
    assert evlog.read_policy(data) == policy
    valid("policy", data.decode())


def edited(change: str, value: Any) -> bytes:
    """A policy with one member put otherwise; the path is of names and places."""
    document = json.loads(evlog.write_policy(learned(boot(), boot(command(b"a")))))
    *path, last = change.split(".")
    place: Any = document
    for step in path:
        place = place[int(step)] if step.isdigit() else place[step]
    if value is None:
        del place[int(last) if last.isdigit() else last]
    else:
        place[int(last) if last.isdigit() else last] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("schema", "evlog.policy/2"),
        ("registers", []),
        ("boots", []),
        ("registers.0.banks", []),
        ("registers.0.banks", ["sha256", "sha1"]),
        ("registers.0.starts", []),
        ("registers.0.rules.0.rule", "any"),
        ("registers.0.rules.0.values", []),
        ("registers.0.rules.0.rule", "optional"),
        ("registers.0.rules.0.without", ["boot 1"]),
        ("registers.0.rules.0.values.0.witnesses", []),
        ("registers.0.rules.0.values.0.digests.sha256", None),
        ("registers.0.rules.0.values.0.digests.sha256", "00"),
        ("registers.0.rules.0.values.0.digests.sha256", "zz"),
        ("registers.0.rules.0.values.0.check", "fine"),
        ("registers.1.register", "pcr:0"),
        ("ignored", ["pcr:0"]),
        ("platform", "toaster"),
    ],
)
def test_policies_that_say_nothing_are_refused(change: str, value: Any) -> None:
    with pytest.raises(ParseError):
        evlog.read_policy(edited(change, value))


def test_what_a_person_adds_counts() -> None:
    document = json.loads(evlog.write_policy(learned(boot())))
    (four,) = (each for each in document["registers"] if each["register"] == "pcr:4")
    rule = four["rules"][-1]
    added = {**rule["values"][0], "witnesses": ["alice"]}
    added["digests"] = {bank: hashlib.new(bank, b"kernel 2").hexdigest() for bank in BANKS}
    rule["rule"], rule["values"] = "one_of", [*rule["values"], added]
    policy = evlog.read_policy(json.dumps(document).encode())
    result = checked(policy, boot(kernel=b"kernel 2"))
    assert result.ok
    assert ("alice",) in [row.witnesses for row in result.rules]


def test_what_a_person_adds_in_a_gap_widens_nothing_beside_it() -> None:
    """Two commands that only one boot had, both: a third one's kernel is no reason that the other may be left out."""
    a, b, c = command(b"a"), command(b"b"), command(b"c")
    policy = learned(boot(a, b), boot())
    (eight,) = (each for each in policy.registers if each.register.index == 8)
    one, other = eight.rules
    added = other.values[0].replace(
        digests=tuple(evlog.Digest(d.alg, hashlib.new(d.alg.name, b"c").digest()) for d in other.values[0].digests),
        name="grub_cmd c",
        witnesses=("alice",),
    )
    changed = eight.replace(rules=(one, other.replace(values=(*other.values, added))))
    policy = policy.replace(registers=tuple(changed if each is eight else each for each in policy.registers))
    for records, ok in (((a, b), True), ((), True), ((a, c), True), ((c,), False), ((b,), False), ((a,), False)):
        assert checked(policy, boot(*records)).ok is ok, records


# With evidence


def quoted(
    records: list[Record], *, bank: str = "sha256", key: str = "ak", nonce: bytes = NONCE, only: range = range(10)
) -> dict[str, bytes]:
    """A quote that a TPM signs over what the records of a log lead to, and what it is read with."""
    alg = evlog.HashAlg.named(bank)
    values = {row.register.index: row.value for row in evlog.replay(evlog.read(log(*records))).rows if row.alg == alg}
    pcrs = [values.get(index) or bytes(alg.size) for index in only]
    message = made_evidence.tpm_quote(pcrs, nonce=nonce, alg=alg.id, pcrs=list(only))
    signature = made_evidence.ecdsa_signature(message, made_evidence.ec_key(key))
    return {"message": message, "signature": signature, "pcrs": b"".join(pcrs)}


def evidence_of(records: list[Record], *, anchored: bool = True, **how: Any) -> evlog.Evidence:
    files = quoted(records, **how)
    return evlog.read_registers(
        files["message"],
        key=made_evidence.pem(made_evidence.ec_key("ak").public_key()) if anchored else None,
        signature=files["signature"],
        pcrs=files["pcrs"],
        nonce=NONCE,
        quote=True,
    )


def test_what_is_proven_keeps_the_policy() -> None:
    policy = learned(boot(), boot(kernel=b"kernel 2"))
    result = checked(policy, boot(), evidence=evidence_of(boot()))
    assert result.ok
    assert {row.verdict for row in result.rules} == {"kept"}
    assert not checked(policy, boot(kernel=b"3"), evidence=evidence_of(boot(kernel=b"3"))).ok


def test_without_authenticated_evidence_nothing_is_kept() -> None:
    policy = learned(boot(), boot(command(b"a")))
    replayed = evlog.replay(evlog.read(log(*boot()))).registers()
    cases = {
        "none": None,
        "only read": evlog.Evidence("register-file", replayed),
        "not under a given key": evidence_of(boot(), anchored=False),
        "signed by another": evidence_of(boot(), key="another"),
        "an old one": evidence_of(boot(), nonce=b"another nonce...."),
    }
    for name, evidence in cases.items():
        result = checked(policy, boot(), evidence=evidence, unverified=False)
        assert not result.ok, name
        assert {row.verdict for row in result.rules} == {"unproven"}, name


def test_only_what_the_quote_covers_is_kept() -> None:
    policy = learned(boot())
    result = checked(policy, boot(), evidence=evidence_of(boot(), only=range(7)))
    assert not result.ok
    assert {str(row.register) for row in result.rules if row.verdict == "unproven"} == {"pcr:7"}
    # SHA-1 proves nothing where the policy has better.
    result = checked(policy, boot(), evidence=evidence_of(boot(), bank="sha1"))
    assert {row.verdict for row in result.rules} == {"unproven"}


def test_what_is_taken_out_of_the_log_is_in_the_quote() -> None:
    """A register without rules: its events are nobody's, whether the log has them or not."""
    policy = learned(boot())
    evil = boot(command(b"evil"))
    result = checked(policy, evil, evidence=evidence_of(evil))
    assert said(result) == [("unspoken", 13)]
    result = checked(policy, boot(), evidence=evidence_of(evil))
    assert not result.ok
    assert result.verification is not None
    assert [(each.name, str(each.register)) for each in result.verification.shortfalls] == [("not_logged", "pcr:8")]
    # A policy that ignores it says so; what it has no rules for by the way is not ignored.
    ignoring = policy.replace(ignored=(evlog.Register("pcr", 8),))
    assert checked(ignoring, boot(), evidence=evidence_of(evil)).ok
    assert checked(ignoring, evil, evidence=evidence_of(evil)).ok


def test_logs_alone_are_judged_without_evidence() -> None:
    policy = learned(boot())
    evil = evidence_of(boot(kernel=b"evil"))
    for wrong in ({"evidence": evil}, {"demand": evlog.Demand(registers=evlog.RegisterSet.parse("15"))}):
        with pytest.raises(UsageError, match="not looked at"):
            checked(policy, boot(), unverified=True, **wrong)


def test_a_log_that_lies_keeps_nothing_of_the_register_that_it_lies_of() -> None:
    """The machine ran another kernel; its log says that it ran the good one."""
    policy = learned(boot())
    result = checked(policy, boot(), evidence=evidence_of(boot(kernel=b"evil")))
    assert not result.ok
    assert {str(row.register) for row in result.rules if row.verdict != "kept"} == {"pcr:4"}
    assert {row.verdict for row in result.rules if row.register.index == 4} == {"unproven"}


def test_absence_has_to_be_proven() -> None:
    """A register that some boots do not extend: the machine did, and its log does not say so."""
    policy = learned(boot(), boot(command(b"a")))
    assert checked(policy, boot(), evidence=evidence_of(boot())).ok
    result = checked(policy, boot(), evidence=evidence_of(boot(command(b"evil"))))
    assert not result.ok
    assert [(str(row.register), row.verdict) for row in result.rules if row.verdict != "kept"] == [
        ("pcr:8", "unproven")
    ]
    result = checked(policy, boot(), evidence=evidence_of(boot(), only=range(8)))
    assert not result.ok


def test_what_is_demanded_is_what_every_boot_extended() -> None:
    policy = learned(boot(), boot(command(b"a"), rec(4, ACTION, b"more")))
    demand = demand_of(policy, evidence_of(boot(), only=range(3)))
    assert demand.registers is not None
    assert str(demand.registers) == "pcr:0-7"
    assert [alg.name for alg in demand.banks] == ["sha256"]
    asked = demand_of(policy, evidence_of(boot()), evlog.Demand(registers=evlog.RegisterSet.parse("15")))
    assert str(asked.registers) == "pcr:0-7,pcr:15"


def test_a_confidential_guest_is_its_firmware_too() -> None:
    """Whoever writes the firmware writes what it measures: the policy has the value that identifies it."""
    path = SAMPLES / "ccel" / "ovmf-tdx.bin"
    guest = evlog.read(path)
    values = {row.register.index: row.value or b"" for row in evlog.replay(guest).rows}
    rtmrs = [values.get(index) or bytes(48) for index in (1, 2, 3, 4)]
    root = made_evidence.pem_of(made_evidence.intel()[2])

    def evidence(mrtd: bytes) -> evlog.Evidence:
        quote = made_evidence.td_quote(made_evidence.td_body(mrtd, rtmrs, NONCE))
        return evlog.read_registers(quote, root=root, nonce=NONCE, kind="tdx-quote")

    accept = evlog.Demand(accept=(evlog.Acceptance("qe"),))
    good = evidence(b"\1" * 48)
    verified = evlog.verify(guest, good, accept)
    assert verified.ok, verified.shortfalls
    policy = evlog.learn([GoodBoot("guest", (guest,), verified)]).policy
    assert [(str(each.register), each.values) for each in policy.static if each.values[0][0] == b"\1" * 48]
    assert policy.boots[0].standing == "verified"
    assert evlog.check_policy(policy, guest, good, accept).ok
    other = evlog.check_policy(policy, guest, evidence(b"\2" * 48), accept)
    assert not other.ok
    assert "kept" not in {row.verdict for row in other.rules if row.event is not None}
    # A policy that does not know the firmware leaves it to the verifier to say.
    blind = evlog.learn([GoodBoot("guest", (guest,))]).policy
    assert not evlog.check_policy(blind, guest, good, accept).ok
    told = evlog.Demand(accept=accept.accept, expect=(("mrtd", "01" * 48),))
    assert evlog.check_policy(blind, guest, good, told).ok


# IMA


def entry(path: bytes, content: bytes, *, violation: bool = False, template: bytes = b"ima-ng") -> bytes:
    digest = b"sha256:\0" + hashlib.sha256(content).digest()
    data = struct.pack("<I", len(digest)) + digest + struct.pack("<I", len(path) + 1) + path + b"\0"
    shown = bytes(20) if violation else hashlib.sha1(data).digest()
    return struct.pack("<I20sI", 10, shown, len(template)) + template + struct.pack("<I", len(data)) + data


def ima(*entries: bytes) -> evlog.Log:
    return evlog.read(b"".join(entries))


def test_a_list_is_checked_by_name_in_any_order_and_number() -> None:
    start, sh, cat = entry(b"boot_aggregate", b""), entry(b"/bin/sh", b"sh"), entry(b"/bin/cat", b"cat")
    policy = evlog.learn([GoodBoot("a", (ima(start, sh, cat),))]).policy
    for good in ((start, cat, sh), (start, sh), (start, sh, sh, cat)):
        assert evlog.check_policy(policy, ima(*good), unverified=True).ok
    changed, new = entry(b"/bin/sh", b"evil"), entry(b"/bin/evil", b"sh")
    violated = entry(b"/bin/sh", b"sh", violation=True)
    for bad in ((start, changed), (start, new), (start, sh, violated)):
        result = evlog.check_policy(policy, ima(*bad), unverified=True)
        assert not result.ok
    assert [row.reason for row in result.rules if row.verdict == "broken"] == [
        "a violation: the file changed while it was measured"
    ]
    broken = evlog.check_policy(policy, ima(start, sh, changed), unverified=True)
    assert said(broken) == [("broken", 2)]
    # An entry whose digest is of something else says nothing.
    forged = changed.replace(hashlib.sha256(b"evil").digest(), hashlib.sha256(b"sh").digest())
    assert not evlog.check_policy(policy, ima(start, forged), unverified=True).ok


def test_entries_beyond_the_quote_keep_nothing() -> None:
    """A list goes on after the quote was taken: what nobody signed is claimed, and keeps no rule."""
    entries = [
        entry(b"boot_aggregate", b""),
        entry(b"/bin/sh", b"sh"),
        entry(b"/bin/cat", b"cat"),
        entry(b"/bin/sh", b"sh"),
    ]
    another = ima(entries[0], entry(b"/bin/more", b"more"))
    policy = evlog.learn([GoodBoot("a", (ima(*entries),)), GoodBoot("b", (another,))]).policy

    def quote_of(count: int) -> evlog.Evidence:
        value = bytes(32)
        for each in entries[:count]:
            value = hashlib.sha256(value + hashlib.sha256(each[38:]).digest()).digest()
        message = made_evidence.tpm_quote([value], nonce=NONCE, alg=11, pcrs=[10])
        signature = made_evidence.ecdsa_signature(message, made_evidence.ec_key("ak"))
        key = made_evidence.pem(made_evidence.ec_key("ak").public_key())
        return evlog.read_registers(message, key=key, signature=signature, pcrs=value, nonce=NONCE, quote=True)

    assert evlog.check_policy(policy, ima(*entries), quote_of(4)).ok
    # What another boot measured may be among what nobody signed.
    for count, claimed in ((3, {"/bin/sh", "/bin/more"}), (2, {"/bin/sh", "/bin/cat", "/bin/more"})):
        result = evlog.check_policy(policy, ima(*entries), quote_of(count))
        assert result.verification is not None
        assert (result.ok, result.verification.ok) == (False, True)
        assert {row.about for row in result.rules if row.verdict == "unproven"} == claimed
        assert {row.verdict for row in result.rules if row.about not in claimed} == {"kept"}
    # Shorter than what was signed is another list.
    assert not evlog.check_policy(policy, ima(*entries[:3]), quote_of(4)).ok


def test_the_first_entry_is_computed_from_registers_that_are_judged() -> None:
    """The list's first entry is the hash of what firmware's log leads to; where a policy ignores that, a digest."""

    def first(log: evlog.Log) -> bytes:
        values = {row.register.index: row.value for row in evlog.replay(log).rows if row.alg.name == "sha1"}
        content = b"".join(values.get(index) or bytes(20) for index in range(8))
        data = b"sha1:\0" + hashlib.sha1(content).digest()
        data = struct.pack("<I", len(data)) + data + struct.pack("<I", 15) + b"boot_aggregate\0"
        return (
            struct.pack("<I20sI", 10, hashlib.sha1(data).digest(), 6) + b"ima-ng" + struct.pack("<I", len(data)) + data
        )

    good, evil = (evlog.read(log(*boot(kernel=kernel))) for kernel in (b"kernel 1", b"evil"))
    logs, others = ((firmware, ima(first(firmware))) for firmware in (good, evil))
    both = evlog.learn([GoodBoot("a", logs)]).policy
    assert evlog.check_policy(both, logs, unverified=True).ok
    result = evlog.check_policy(both, others, unverified=True)
    assert {str(row.register) for row in result.rules if row.verdict != "kept"} == {"pcr:4"}
    # The list of another boot.
    result = evlog.check_policy(both, (good, others[1]), unverified=True)
    assert [(row.verdict, row.about) for row in result.rules if row.verdict != "kept"] == [("broken", "boot_aggregate")]
    # Of the list alone.
    ten = evlog.learn([GoodBoot("a", logs)], registers=evlog.RegisterSet.parse("10")).policy
    assert evlog.check_policy(ten, logs, unverified=True).ok
    for wrong in (others, others[1:]):
        result = evlog.check_policy(ten, wrong, unverified=True)
        assert said(result) == [("broken", 0)]


def test_exclusions_are_proposed_and_decided_by_a_person() -> None:
    lists = [ima(entry(b"/bin/sh", b"sh"), entry(b"/var/x", b"%d" % n), entry(b"/usr/x", b"%d" % n)) for n in range(3)]
    policy = evlog.learn([GoodBoot(f"{n}", (each,)) for n, each in enumerate(lists)]).policy
    (ten,) = policy.registers
    assert ten.proposed == ("/var/x",)
    later = ima(entry(b"/bin/sh", b"sh"), entry(b"/var/x", b"9"))
    assert not evlog.check_policy(policy, later, unverified=True).ok
    decided = policy.replace(registers=(ten.replace(excluded=("/var/",)),))
    result = evlog.check_policy(decided, later, unverified=True)
    assert (result.ok, result.ignored) == (True, 1)
    assert not evlog.check_policy(decided, ima(entry(b"/bin/sh", b"x")), unverified=True).ok


def test_an_excluded_path_is_no_beginning_of_others() -> None:
    policy = evlog.learn([GoodBoot("a", (ima(entry(b"/bin/sh", b"sh")),))]).policy
    (ten,) = policy.registers
    decided = policy.replace(registers=(ten.replace(excluded=("/var/x", "/tmp/")),))
    for path, ok in (
        (b"/var/x", True),
        (b"/var/xy", False),
        (b"/var/x/y", False),
        (b"/tmp/a/b", True),
        (b"/tmpa", False),
    ):
        later = ima(entry(b"/bin/sh", b"sh"), entry(path, b"x"))
        assert evlog.check_policy(decided, later, unverified=True).ok is ok, path


# The command


def test_the_command(tmp_path: Path) -> None:
    for name, records in (("a", boot()), ("b", boot(kernel=b"kernel 2")), ("c", boot(kernel=b"kernel 3"))):
        (tmp_path / name).write_bytes(log(*records))
    a, b, c, policy = (str(tmp_path / name) for name in ("a", "b", "c", "policy.json"))
    ran = run("policy", "learn", a, b, "-o", policy)
    assert ran.code == 0
    assert "2 boots (2 read)" in ran.out
    assert "one witness" in ran.out
    valid("policy", run("policy", "show", "--json", policy).out)
    assert "one_of" in run("policy", "show", policy).out
    good = run("policy", "check", "--unverified", policy, a, "--json")
    document = valid("policy-check", good.out)
    assert (good.code, document["ok"], document["unspoken"]) == (0, True, [])
    bad = run("policy", "check", "--unverified", policy, c, "--json")
    document = valid("policy-check", bad.out)
    (row,) = (row for row in document["rules"] if row["verdict"] != "kept")
    data = log(*boot(kernel=b"kernel 3"))
    assert (bad.code, row["event"], row["witnesses"]) == (1, 12, [a, b])
    assert hashlib.sha256(b"kernel 3").digest() in data[row["offset"] : row["offset"] + row["length"]]
    text = run("policy", "check", "--unverified", policy, c)
    assert text.out.startswith("NOT KEPT, by what the logs say")
    # Without evidence nothing is kept, and the exit code says so.
    unproven = run("policy", "check", policy, a, "--json")
    document = valid("policy-check", unproven.out)
    assert (unproven.code, document["ok"], document["counts"]["kept"]) == (1, False, 0)


def test_the_command_verifies_first(tmp_path: Path) -> None:
    (tmp_path / "boot").write_bytes(log(*boot()))
    (tmp_path / "evil").write_bytes(log(*boot(kernel=b"evil")))
    for name, data in quoted(boot()).items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "key").write_bytes(made_evidence.pem(made_evidence.ec_key("ak").public_key()))
    policy = str(tmp_path / "policy.json")
    assert run("policy", "learn", str(tmp_path / "boot"), "-o", policy).code == 0
    words = ["--quote", "message", "--signature", "signature", "--pcrs", "pcrs", "--key", "key"]
    evidence = [word if word.startswith("--") else str(tmp_path / word) for word in words]
    evidence += ["--nonce", NONCE.hex()]
    ran = run("policy", "check", policy, str(tmp_path / "boot"), *evidence, "--json")
    document = valid("policy-check", ran.out)
    valid("verify", json.dumps(document["verification"]))
    assert (ran.code, document["ok"]) == (0, True)
    ran = run("policy", "check", policy, str(tmp_path / "evil"), *evidence)
    assert ran.code == 1
    assert "NOT VERIFIED" in ran.out
    ran = run("policy", "check", policy, str(tmp_path / "boot"), *evidence, "--require", "15")
    assert ran.code == 1


def test_questions_that_make_no_sense(tmp_path: Path) -> None:
    (tmp_path / "boot").write_bytes(log(*boot()))
    a, policy = str(tmp_path / "boot"), str(tmp_path / "policy.json")
    assert run("policy", "learn", a).code == 2
    assert run("policy", "learn", a, "-o", policy).code == 0
    assert run("policy", "check", policy).code == 2
    assert run("policy", "check", policy, a, "--bank", "sha1").code == 2
    for words in (
        ("--key", a), ("--root", a), ("--registers", a), ("--quote", a), ("--signature", a), ("--pcrs", a), ("--live",),
        ("--nonce", "00" * 16), ("--kind", "tpm-quote"), ("--require", "15"), ("--expect", "mrtd=00"),
        ("--authenticated",), ("--accept", "gap"), ("--ignore-violations",), ("--at", "2025-01-01"),
    ):  # fmt: skip
        ran = run("policy", "check", policy, a, "--unverified", *words)
        assert (ran.code, words[0] in ran.err) == (2, True), words
    assert run("policy", "check", policy, a, "--unverified").code == 0
    assert run("policy", "learn", a, "-o", policy, "--unverified").code == 2
    assert run("policy", "check", "--unverified", a, a).code == 3
    assert run("policy", "show", a).code == 3


HOSTILE = {
    "empty": b"",
    "zeros": bytes(5000),
    "text": b"hello\n",
    "object": b"{}",
    "array": b"[]",
    "bare": b'{"schema": "evlog.policy/1"}',
    "deep": b"[" * 100_000,
    "huge": b'{"schema": "evlog.policy/1", "boots": ' + b"9" * 5000 + b"}",
    "no text": b"\xff\xfe\0",
    "a log": log(*boot()),
    "a cut log": log(*boot())[:-7],
}


@pytest.mark.parametrize("name", [*HOSTILE, "cut", "folder", "nothing", "/dev/zero"])
def test_inputs_that_are_something_else(name: str, tmp_path: Path) -> None:
    """A clear error: exit code 3 for what cannot be read, 1 for what proves nothing; never a traceback."""
    (tmp_path / "log").write_bytes(log(*boot()))
    policy, good, given = str(tmp_path / "policy.json"), str(tmp_path / "log"), str(tmp_path / "given")
    assert run("policy", "learn", good, "-o", policy).code == 0
    if name == "folder":
        (tmp_path / "given").mkdir()
    elif name == "/dev/zero":
        if not os.path.exists(name):
            pytest.skip("no such device here")
        given = name
    elif name != "nothing":
        whole = (tmp_path / "policy.json").read_bytes()
        (tmp_path / "given").write_bytes(HOSTILE[name] if name in HOSTILE else whole[: len(whole) // 2])
    a_log = name in ("a log", "a cut log", "array")
    for words in (
        ("policy", "show", given),
        ("policy", "check", "--unverified", given, good),
        ("policy", "check", "--unverified", policy, given),
        ("policy", "check", policy, good, "--quote", given, "--key", given, "--kind", "tpm-quote"),
        ("policy", "learn", given, "-o", str(tmp_path / "out")),
        ("export", given, "--to", "rego", "-o", str(tmp_path / "out")),
        ("export", given, "--to", "corim", "-o", str(tmp_path / "out")),
    ):
        ran = run(*words)
        assert ran.code in ((0, 1, 2, 3) if a_log else (3,)), words
        assert ran.code == 0 or "evlog: " in ran.err or ran.out.startswith("NOT KEPT"), words
        assert ran.code or name == "a log", words


def test_words_of_a_policy_do_not_reach_the_terminal(tmp_path: Path) -> None:
    """A policy is somebody's file: what it says is shown as text."""
    path = tmp_path / "policy.json"
    document = json.loads(evlog.write_policy(learned(boot(), boot(kernel=b"kernel 2"))))
    bad = "\x1b[2J\u202e\ud800 name"
    document["boots"][0]["name"] = bad
    for register in document["registers"]:
        for rule in register["rules"]:
            for value in rule["values"]:
                value["name"] = value["words"] = bad
                value["witnesses"] = [bad]
        register["proposed"] = ["/" + bad]
        register["starts"][0]["reason"] = bad
    path.write_text(json.dumps(document))
    (tmp_path / "log").write_bytes(log(*boot()))
    for words in (
        ("policy", "show", str(path)),
        ("policy", "show", "-v", str(path)),
        ("policy", "show", "--json", str(path)),
        ("policy", "check", "--unverified", str(path), str(tmp_path / "log")),
        ("policy", "check", "--unverified", "--json", str(path), str(tmp_path / "log")),
        ("export", str(path), "--to", "rego", "-o", "-"),
        ("export", str(path), "--to", "corim", "-o", str(tmp_path / "out")),
        ("export", str(path), "--to", "pcrlock", "-o", str(tmp_path / "components")),
    ):
        ran = run(*words)
        assert ran.code in (0, 1), (words, ran.err)
        assert "\x1b" not in ran.out + ran.err, words
        assert "\u202e" not in ran.out + ran.err, words
