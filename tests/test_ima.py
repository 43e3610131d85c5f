"""IMA lists: entries of real kernels, what TPMs were extended with, fields, and what a list does not say of itself."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

import evlog
from evlog import SHA1, SHA256, SHA384, SHA512, Digest, Event, HashAlg, ImaEvent, Log, Register, replay
from evlog.errors import ConversionError, ParseError, WriteError
from evlog.formats import CERTAIN, LIKELY, NO, detect, room
from evlog.options import Options
from samples import make_linux
from tests.command import run
from tests.conftest import SAMPLES

BANKS = (SHA1, SHA256, SHA384, SHA512)
PCR10 = Register("pcr", 10)
#: Entries of virtual machines with the values that their TPM was extended with, in both modes of the kernel.
VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "ima_vectors.json").read_text())
each_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))


def only(data: bytes) -> Event:
    log = evlog.read(data)
    assert len(log.events) == 1
    event: Event = log.events[0]
    return event


def ima(event: Event) -> ImaEvent:
    assert isinstance(event.content, ImaEvent)
    return event.content


# Real entries


@each_vector
def test_a_real_entry_reads_as_it_was_taken_apart(vector: dict[str, Any]) -> None:
    content = ima(only(bytes.fromhex(vector["entry"])))
    assert content.template == vector["template"]
    if isinstance(vector["fields"], dict) and vector["template"] != "ima":
        assert content.fields is not None
        assert {name: value.hex() for name, value in content.fields} == vector["fields"]


@each_vector
@pytest.mark.parametrize("rule", ["hash", "zero-pad"])
def test_a_real_entry_extends_what_the_kernel_extended(vector: dict[str, Any], rule: str) -> None:
    event = only(bytes.fromhex(vector["entry"]))
    assert event.content.extension(SHA1, event.digest(SHA1)) == bytes.fromhex(vector["hash"]["sha1"])
    for alg in BANKS[1:]:
        extended = event.content.unrecorded(event, alg, rule)
        assert extended is not None
        assert extended.hex() == vector[rule][alg.name]


@each_vector
def test_a_real_entry_leads_to_the_register_in_every_bank(vector: dict[str, Any]) -> None:
    log = evlog.read(bytes.fromhex(vector["entry"]))
    rules = dict.fromkeys(BANKS[1:], "hash")
    values = {row.alg.name: row.value.hex() for row in replay(log, rules=rules) if row.value}
    assert values == vector["pcr10"]


@each_vector
def test_a_real_line_is_the_real_entry(vector: dict[str, Any]) -> None:
    line, entry = bytes.fromhex(vector["line"]), bytes.fromhex(vector["entry"])
    event = only(line + b"\n")
    expected = only(entry)
    assert (event.register, event.digests) == (expected.register, expected.digests)
    assert (ima(event).template, ima(event).data) == (ima(expected).template, ima(expected).data)
    assert bool(ima(event).missing) == vector["violation"]
    assert evlog.write(evlog.read(entry), format="ima-ascii") == line + b"\n"


# Worked values of the specification notes

AGGREGATE = make_linux.joined(b"sha1:\0" + bytes(20), b"boot_aggregate\0")


def test_the_values_of_a_boot_aggregate_of_zeros() -> None:
    log = evlog.read(make_linux.entry(b"ima-ng", AGGREGATE))
    assert log.events[0].digests[0].value.hex() == "1d8d532d463c9f8c205d0df7787669a85f93e260"
    values = [replay(log, rules={SHA256: rule})[PCR10, SHA256].hex() for rule in ("hash", "zero-pad")]
    assert replay(log)[PCR10, SHA1].hex() == "75103fd9bb3bb21b28a3d2ddf0d2576bd7f7a17e"
    assert values == [
        "c024930b2309f2c5f75d5cb2762e5d98779b98e6350cb0eb146c89e8a2bef96a",
        "bb3da213cd459ae58bcdb8159723e84f6f044adadd83c3d9ea515eb77e9ef9ca",
    ]


LEGACY_DIGEST = bytes.fromhex("0d0c0b0a") + bytes(16)


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_legacy_template_hashes_the_padded_name(order: str) -> None:
    event = only(make_linux.legacy(LEGACY_DIGEST, b"/init", order=order))
    assert event.digests == (Digest(SHA1, bytes.fromhex("7b69f35140711500c8250be07a7a56a75b7d801b")),)
    assert ima(event).fields == (("d", LEGACY_DIGEST), ("n", b"/init"))
    assert evlog.check(Log("ima-binary", (event,)))[0][0].verdict == "matches"


def test_a_legacy_entry_without_a_length_is_one_too() -> None:
    content = ImaEvent("ima", LEGACY_DIGEST + b"/init".ljust(256, b"\0"))
    assert hashlib.sha1(content.hashed).hexdigest() == "7b69f35140711500c8250be07a7a56a75b7d801b"
    digest = Digest(SHA1, hashlib.sha1(content.hashed).digest())
    log = Log("evlog-json", (Event(0, PCR10, (digest,), content),), algorithms=(SHA1,))
    assert evlog.convert(log, "ima-binary").data == make_linux.legacy(LEGACY_DIGEST, b"/init")


def test_a_padded_sha1_digest_is_no_mismatch() -> None:
    """What a log of several banks has of a kernel that could not hash with all of them."""
    event = only(make_linux.aggregate())
    padded = Digest(SHA384, event.digests[0].value.ljust(48, b"\0"))
    wrong = Digest(SHA512, bytes(63) + b"\1")
    log = Log("evlog-json", (event.replace(digests=(*event.digests, padded, wrong)),))
    found = [(check.verdict, check.rule) for check in evlog.check(log)[0]]
    assert found == [("matches", "hash"), ("matches", "zero-pad"), ("mismatch", None)]


@pytest.mark.parametrize("recorded", [b"\0", b"\xff"], ids=["as the kernel records it", "as it was extended"])
def test_a_violation_extends_ones(recorded: bytes) -> None:
    data = make_linux.entry(b"ima-ng", AGGREGATE, value=recorded * 20)
    log = evlog.read(data)
    assert replay(log)[PCR10, SHA1].hex() == "bac37b84f007d0238af95af707cac8d61254870e"
    for rule in ("hash", "zero-pad"):
        value = replay(log, rules={SHA256: rule})[PCR10, SHA256].hex()
        assert value == "bba91ca85dc914b2ec3efb9e16e7267bf9193b14350d20fba8a8b406730ae30a"
    assert evlog.check(log)[0][0].verdict == "not_checkable"
    # As plain events and as rows.
    plain = log.replace(events=tuple(log.events))
    for rule in ("hash", "zero-pad"):
        rules = {SHA256: rule}
        for bank in (SHA1, SHA256):
            assert replay(plain, rules=rules)[PCR10, bank] == replay(log, rules=rules)[PCR10, bank]


def test_zeros_in_the_file_digest_alone_are_no_violation() -> None:
    event = only(make_linux.entry(b"ima-ng", AGGREGATE))
    assert event.content.extension(SHA1, event.digest(SHA1)) == event.digest(SHA1)


# Registers of TPMs


def tpm(name: str) -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = json.loads((SAMPLES / f"{name}.pcrs.json").read_text())
    return table


#: What the kernel of each sample did to each bank, as its log says ("Can not allocate sha384").
DEBIAN_12 = {SHA256: "hash", SHA384: "zero-pad", SHA512: "zero-pad"}


@pytest.mark.parametrize(
    ("list_name", "values", "rules", "registers"),
    [
        ("ima-binary/ng-violations.bin", "ima-binary/ng-violations", DEBIAN_12, 4),
        ("ima-binary/legacy.bin", "ima-binary/legacy", DEBIAN_12, 4),
        ("ima-binary/mixed-templates.bin", "ima-binary/mixed-templates", DEBIAN_12, 12),
        ("ima-ascii/ng-violations.txt", "ima-binary/ng-violations", DEBIAN_12, 4),
        ("ima-ascii/legacy.txt", "ima-binary/legacy", DEBIAN_12, 4),
        ("ima-ascii/mixed-templates.txt", "ima-binary/mixed-templates", DEBIAN_12, 12),
        ("ima-binary/sha256.bin", "ima-binary/sha256", {SHA1: "hash", SHA384: "hash", SHA512: "hash"}, 4),
    ],
)
def test_lists_lead_to_the_registers_of_their_tpm(
    list_name: str, values: str, rules: dict[HashAlg, str], registers: int
) -> None:
    log, expected = evlog.read(SAMPLES / list_name), tpm(values)
    rows = replay(log, rules=rules)
    assert len(rows) == registers
    for row in rows:
        assert row.value is not None
        assert row.value.hex() == expected[row.alg.name][str(row.register.number)]


def test_a_list_claims_nothing_of_banks_that_it_does_not_record() -> None:
    log = evlog.read(SAMPLES / "ima-binary/ng-violations.bin")
    assert [row.alg for row in replay(log)] == [SHA1]
    assert log.rules == ("hash", "zero-pad")


def test_a_rule_of_another_bank_changes_nothing() -> None:
    log = evlog.read(SAMPLES / "ima-binary/ng-violations.bin")
    assert replay(log, rules={SHA1: "zero-pad"}) == replay(log)
    assert [row.alg for row in replay(log, rules={SHA256: "unheard-of"})] == [SHA1]


def test_another_log_on_the_register_makes_its_other_banks_incomplete() -> None:
    """Firmware has four banks of PCR 10 to 12, the list one: the other three are nobody's to tell."""
    firmware = evlog.read(SAMPLES / "tcg2/before-ima.bin")
    moved = tuple(e.replace(register=Register("pcr", 11), number=n) for n, e in enumerate(firmware.events[1:]))
    firmware = Log("tcg2", moved, algorithms=firmware.algorithms)
    ours = evlog.read(SAMPLES / "ima-binary/mixed-templates.bin")
    status = {row.alg: row.status for row in replay([firmware, ours]) if row.register.number == 11}
    assert status == {SHA1: "complete", SHA256: "incomplete", SHA384: "incomplete", SHA512: "incomplete"}
    assert all(row.status == "complete" for row in replay([firmware, ours], rules=DEBIAN_12))


def test_lists_of_single_banks_stand_side_by_side() -> None:
    lists = [evlog.read(make_linux.every_template(bank=bank)) for bank in make_linux.BANKS]
    together = {row.alg: row.value for row in replay(lists)}
    assert together == {alg: replay(log)[PCR10, alg] for alg, log in zip(BANKS, lists, strict=True)}


def test_the_command_takes_rules() -> None:
    ran = run("replay", "samples/ima-binary/legacy.bin", "--rule", "sha256=hash", "--rule", "sha512=zero-pad")
    for alg in ("sha1", "sha256", "sha512"):
        assert tpm("ima-binary/legacy")[alg]["10"] in ran.out
    assert "sha384" not in ran.out
    assert run("replay", "samples/ima-binary/legacy.bin", "--rule", "sha256=guess").code == 2
    assert run("replay", "samples/tcg2/ovmf.bin", "--rule", "sha256=hash").code == 2


def test_virtual_machines_replay_in_four_banks(vm: Path) -> None:
    lists = 0
    for values in sorted(vm.glob("*/pcrs.json")):
        expected: dict[str, dict[str, str]] = json.loads(values.read_text())
        hashes = values.parent.name[0] in "gi"  # Linux 6.12
        for path in sorted(values.parent.glob("ima-*_runtime_measurements*")):
            log = evlog.read(path)
            banks = [alg for alg in BANKS if alg.name in expected]
            rules = {
                alg: "hash" if hashes or alg in (SHA1, SHA256) else "zero-pad"
                for alg in banks
                if alg not in log.algorithms
            }
            rows = replay(log, rules=rules)
            assert {row.alg for row in rows} == set(banks)
            for row in rows:
                assert row.value is not None, path
                assert row.value.hex() == expected[row.alg.name][str(row.register.number)], path
            lists += 1
    assert lists >= 42


# Fields


def decoded(template: bytes) -> Any:
    log = evlog.read(SAMPLES / "ima-binary/every-template.bin")
    return next(ima(e).decoded for e in reversed(log.events) if ima(e).template == template.decode())


def test_fields_of_a_signature() -> None:
    log = evlog.read(SAMPLES / "ima-binary/every-template.bin")
    found = ima(log.events[3]).decoded
    assert found is not None
    assert found.name == b"/usr/bin/sample"
    assert found.file_digest is not None
    assert (found.file_digest.algorithm, found.file_digest.value) == (
        "sha256",
        hashlib.sha256(b"#!/bin/sh\n").digest(),
    )
    assert found.signature is not None
    assert (found.signature.type_name, found.signature.hash_name) == ("EVM_IMA_XATTR_DIGSIG", "sha256")
    assert found.signature.key_id.hex() == "b2024739"
    assert found.signature.signature == bytes(range(64))


@pytest.mark.parametrize("name", ["every-template.bin", "big-endian.bin"])
def test_fields_of_evm_in_both_byte_orders(name: str) -> None:
    log = evlog.read(SAMPLES / "ima-binary" / name)
    found = ima(log.events[9]).decoded
    assert found is not None
    assert (found.uid, found.gid, found.mode) == (1000, 100, 0o100755)
    assert found.extended is not None
    assert [name for name, _ in found.extended] == ["security.selinux", "security.ima"]
    assert found.extended[0][1] == b"system_u:object_r:bin_t:s0\0"
    assert found.evm_signature is not None
    assert found.evm_signature.type_name == "EVM_XATTR_PORTABLE_DIGSIG"


def test_fields_of_the_other_templates() -> None:
    assert decoded(b"ima-buf").buffer == b"root=/dev/vda quiet"
    assert decoded(b"ima-sigv2").file_digest.type == "verity"
    assert decoded(b"ima-sigv2").signature.type_name == "IMA_VERITY_DIGSIG"
    assert decoded(b"ima-modsig").modsig == b"\x30\x03\x02\x01\x01"
    assert decoded(b"ima-modsig").modsig_digest.algorithm == "sha256"
    assert decoded(b"d|n").file_digest.value == hashlib.md5(b"").digest()
    assert decoded(b"d-ng|n-ng|sig|iuid|igid|imode").mode == 0o100755


def test_a_field_that_nobody_has_described_stays_visible() -> None:
    log = evlog.read(SAMPLES / "ima-binary/unknown-field.bin")
    found = ima(log.events[1]).decoded
    assert found is not None
    assert found.undecoded == (("colour", b"\x01\x02\x03"),)
    assert [checks[0].verdict for checks in evlog.check(log)] == ["matches"] * 3


def test_an_unknown_template_is_carried_and_checked() -> None:
    log = evlog.read(SAMPLES / "bad/ima-unknown-templates.bin")
    assert [finding.code for finding in log.findings] == ["unknown_template"] * 2
    assert ima(log.events[1]).fields is None
    assert [checks[0].verdict for checks in evlog.check(log)] == ["matches"] * 3


def test_unknown_templates_without_number_are_noted_in_bounds() -> None:
    data = b"".join(make_linux.entry(b"t%d" % number, b"x") for number in range(1000))
    assert 1 < len(evlog.read(data).findings) < 30


def test_show_decodes_entries() -> None:
    ran = run("show", "samples/ima-binary/every-template.bin", "--json")
    kinds = [event["decoded"]["kind"] for event in json.loads(ran.out)["events"]]
    assert kinds == ["ima_entry"] * 15
    buffer = json.loads(ran.out)["events"][7]["decoded"]
    assert (buffer["name"], buffer["text"]) == ("kexec-cmdline", "root=/dev/vda quiet")


# What a list does not say of itself


@pytest.mark.parametrize("bank", make_linux.BANKS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_bank_and_byte_order_are_proven_not_named(bank: str, order: str) -> None:
    data = make_linux.every_template(order, bank)
    log = room("ima-binary").read(data, Options(name="binary_runtime_measurements_sha384"))
    assert log.algorithms == (HashAlg.named(bank),)
    assert (log.header.get("byteorder") if log.header else "little") == {"<": "little", ">": "big"}[order]
    assert detect(data).confidence == CERTAIN
    assert evlog.write(log) == data


def test_a_violation_alone_proves_nothing() -> None:
    data = make_linux.entry(b"ima-ng", AGGREGATE, value=bytes(20))
    assert detect(data).confidence == LIKELY
    assert [finding.code for finding in evlog.read(data).findings] == ["bank_unproven", "ima_violation"]
    with pytest.raises(ParseError):
        evlog.read(data, strict=True)


@pytest.mark.parametrize("data", [b"", b"\n", bytes(200), b"\xff" * 200, b"\x0a\0\0\0" * 50, b"PCR text\n" * 9])
def test_what_is_no_list(data: bytes) -> None:
    for format in ("ima-binary", "ima-ascii"):
        assert room(format).sniff(data, Options()).confidence == NO
        with pytest.raises(ParseError):
            room(format).read(data, Options())


def test_a_long_first_entry_is_found() -> None:
    data = make_linux.entry(b"ima-buf", make_linux.joined(b"sha1:\0" + bytes(20), b"x\0", b"y" * 300_000))
    assert evlog.read(data).events[0].digests == (Digest(SHA1, hashlib.sha1(data[39:]).digest()),)


def test_the_names_of_files_stay_bytes() -> None:
    log = evlog.read(SAMPLES / "ima-binary/odd-names.bin")
    assert ima(log.events[4]).name == b"/tmp/latin1-\xe9"
    assert [checks[0].verdict for checks in evlog.check(log)] == ["matches"] * 10
    assert "\x1b" not in run("show", "samples/ima-binary/odd-names.bin").out


def test_an_entry_on_a_pcr_that_does_not_exist_extends_nothing() -> None:
    log = evlog.read(SAMPLES / "ima-binary/violations.bin")
    assert [row.register.number for row in replay(log)] == [10, 11]
    assert log.events[5].register.number == 24
    text = evlog.read(evlog.convert(log, "ima-ascii").data)
    for each in (log, text):
        found = [(finding.code, finding.event) for finding in each.findings]
        assert found == [("no_register", 5), ("ima_violation", 1)]


# Writing


@pytest.mark.parametrize(
    "change",
    [
        {"register": Register("rtmr", 2)},
        {"register": Register("pcr", 64)},
        {"digests": ()},
        {"digests": (Digest(SHA256, bytes(32)),)},
        {"digests": (Digest(SHA1, bytes(19)),)},
        {"content": ImaEvent("", b"")},
        {"content": ImaEvent("with blank", b"")},
        {"content": ImaEvent("ima", b"no legacy data")},
        {"content": ImaEvent("ima-ng", b"", "unknown")},
        {"content": evlog.Opaque(1, b"")},
    ],
)
def test_what_a_list_cannot_hold_is_refused(change: dict[str, Any]) -> None:
    log = evlog.read(make_linux.aggregate())
    with pytest.raises(WriteError):
        evlog.write(log.replace(events=(log.events[0].replace(**change),)))


def test_to_ascii_and_back_is_the_same_list() -> None:
    for name in ("ng-violations", "legacy", "mixed-templates"):
        binary, text = SAMPLES / f"ima-binary/{name}.bin", SAMPLES / f"ima-ascii/{name}.txt"
        there = evlog.convert(evlog.read(binary), "ima-ascii")
        assert (there.data, there.losses) == (text.read_bytes(), ())
        back = evlog.convert(evlog.read(text), "ima-binary")
        assert back.data == binary.read_bytes()
        violations = [e.number for e in back.log.events if not any(e.digests[0].value)]
        assert [loss.event for loss in back.losses] == violations
        assert len(violations) == 2


def test_from_big_endian_through_text_and_back() -> None:
    data = make_linux.every_template(">")
    there = evlog.convert(evlog.read(data), "ima-ascii")
    assert evlog.convert(evlog.read(there.data), "ima-binary").data == data


def test_strict_refuses_what_no_digest_proves() -> None:
    with pytest.raises(ConversionError):
        evlog.convert(evlog.read(SAMPLES / "ima-ascii/ng-violations.txt"), "ima-binary", strict=True)


def test_what_has_no_text_is_refused() -> None:
    name = make_linux.joined(make_linux.file_digest(b"x"), b"two\nlines\0")
    for data in (make_linux.entry(b"ima-ng", name), make_linux.entry(b"vendor", b"no fields")):
        with pytest.raises(ConversionError):
            evlog.convert(evlog.read(make_linux.aggregate() + data), "ima-ascii")


def test_a_text_that_does_not_tell_the_byte_order_says_so() -> None:
    """The digest of a legacy entry covers neither the length of the name nor, with it, the byte order."""
    entry = (SAMPLES / "ima-binary/legacy-big-endian.bin").read_bytes()
    there = evlog.convert(evlog.read(entry), "ima-ascii")
    told = [(loss.event, loss.field) for loss in there.losses]
    assert told == [(None, "header.byteorder"), *((number, "content.data") for number in range(3))]
    assert evlog.convert(evlog.read(make_linux.every_template(">")), "ima-ascii").losses == ()


@pytest.mark.parametrize("to", ["ima-binary", "ima-ascii"])
def test_an_entry_with_a_digest_of_another_size_has_no_place_in_a_list(to: str) -> None:
    event = only(make_linux.aggregate())
    cut = event.replace(number=1, digests=(Digest(HashAlg.of(SHA1.id, 19), bytes(19)),))
    log = Log("evlog-json", (event, cut), algorithms=(SHA1,))
    losses = evlog.convert(log, to, allow_changed=True).losses
    assert [(loss.event, loss.field) for loss in losses] == [(1, "content")]


def test_other_banks_and_odd_record_numbers_are_named_losses() -> None:
    event = only(make_linux.aggregate())
    digests = (*event.digests, Digest(SHA256, bytes(32)))
    log = Log("evlog-json", (event.replace(digests=digests, recnum=7),), algorithms=(SHA1, SHA256))
    losses = evlog.convert(log, "ima-binary").losses
    assert [(loss.event, loss.field) for loss in losses] == [(0, "digests.sha256"), (None, "recnum")]
