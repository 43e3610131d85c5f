"""Predictions: boots before and after an update as the TPM measured them, and the traps between them.

The pairs of real boots lie beside the project; without them what is made here remains.
"""

from __future__ import annotations

import hashlib
import json
import struct
from typing import TYPE_CHECKING

import pytest

import evlog
from evlog.algorithms import SHA256
from evlog.contents.pcclient import PCClientEvent
from evlog.model import Digest
from evlog.predicting import cpio, direct, gpt, pe, signature_lists, stub, variables
from evlog.predicting.variables import GLOBAL, IMAGE_SECURITY, Variable
from tests.boots import (
    APPLICATION,
    BOOT,
    DRIVER_CONFIG,
    IPL,
    PAIRS,
    SEPARATOR,
    after,
    event,
    extended,
    files_of,
    log_of,
    paired,
    ram_of,
    variable_event,
)  # fmt: skip
from tests.command import run
from tests.conftest import SAMPLES
from tests.test_authenticode import an_image

if TYPE_CHECKING:
    from pathlib import Path


@paired
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_a_pair_of_boots(pair: Path) -> None:
    log = evlog.read(pair / "before" / "binary_bios_measurements")
    found = evlog.predict(log, files_of(pair, "now"), files_of(pair, "was"), ram=ram_of(pair))
    measured = json.loads((pair / "after" / "pcrs.json").read_text())
    for row in found.registers:
        assert row.after is None or row.after.hex() == measured[row.alg.name][str(row.register.index)], row
    assert found.unknown == ()
    assert all(each.rule and each.place for each in found.events)
    facts = json.loads((pair / "facts.json").read_text())
    assert len(found.log.events) == facts["events"]["after"]


@paired
def test_a_wrong_file_of_before_explains_nothing() -> None:
    """With another file for what was there each register is unknown or stays; none is guessed."""
    for pair in PAIRS:
        was = files_of(pair, "was")
        now = {place: data for place, data in files_of(pair, "now").items() if place in was}
        if not now or any(place.startswith("efivar:") or data[:2] != b"MZ" for place, data in now.items()):
            continue
        damaged = {place: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:] for place, data in was.items()}
        log = evlog.read(pair / "before" / "binary_bios_measurements")
        found = evlog.predict(log, now, damaged, ram=ram_of(pair))
        assert not found.complete, pair.name
        measured = json.loads((pair / "after" / "pcrs.json").read_text())
        before = json.loads((pair / "before" / "pcrs.json").read_text())
        for row in found.registers:
            number = str(row.register.index)
            if measured[row.alg.name][number] != before[row.alg.name][number]:
                assert row.after is None or row.after.hex() == measured[row.alg.name][number], (pair.name, row)


ENTRY = struct.pack("<IH", 1, 4) + "x".encode("utf-16-le") + b"\0\0" + bytes.fromhex("7fff0400")


def test_the_same_bytes_under_another_name_stay() -> None:
    """BootOrder with the one entry 0000 is the same two bytes as an empty UTF-16 text in PCR 0."""
    log = log_of(
        event(0, 8, b"\0\0", b"\0\0"),
        variable_event(BOOT, GLOBAL, "BootOrder", b"\0\0", whole=False),
        variable_event(BOOT, GLOBAL, "Boot0000", ENTRY, whole=False),
    )
    found = evlog.predict(log, {"efivar:BootOrder": bytes(4) + b"\1\0\0\0", "efivar:Boot0001": bytes(4) + ENTRY + b"x"})
    assert found.complete
    assert after(found, 0) == extended(b"\0\0")
    assert after(found, 1) == extended(b"\1\0\0\0", ENTRY + b"x", ENTRY)
    assert [each.kind for each in found.events] == ["changed", "added"]


def test_boot_entries_of_newer_firmware_are_whole() -> None:
    log = log_of(
        variable_event(BOOT, GLOBAL, "BootOrder", b"\0\0"),
        variable_event(BOOT, GLOBAL, "Boot0000", ENTRY),
    )
    found = evlog.predict(log, {"efivar:BootOrder": bytes(4) + b"\0\0\1\0"})
    order = Variable(GLOBAL, "BootOrder", b"\0\0\1\0").to_bytes()
    assert after(found, 1) == extended(order, Variable(GLOBAL, "Boot0000", ENTRY).to_bytes()) or not found.complete


def test_an_entry_of_the_new_order_has_to_be_known() -> None:
    log = log_of(variable_event(BOOT, GLOBAL, "BootOrder", b"\0\0", whole=False))
    found = evlog.predict(log, {"efivar:BootOrder": bytes(4) + b"\1\0"})
    assert after(found, 1) is None
    assert "Boot0001" in found.unknown[0].reason


def test_one_file_behind_two_events_and_one_that_is_not_its_own() -> None:
    kernel = an_image([(512, 512, 512)])
    new = an_image([(512, 512, 512)], fill=2)
    log = log_of(
        event(8, IPL, b"grub_cmd: search --file /vmlinuz\0", b"search --file /vmlinuz"),
        event(9, IPL, b"(hd0,gpt1)/vmlinuz\0", kernel),
        event(9, IPL, b"/vmlinuz\0", kernel),
        event(9, IPL, b"/copy-of-it\0", kernel),
    )
    found = evlog.predict(log, {"/vmlinuz": new}, {"/vmlinuz": kernel})
    assert found.complete
    assert after(found, 9) == extended(new, new, kernel)
    other = evlog.predict(log, {"/vmlinuz": new}, {"/vmlinuz": new})
    assert after(other, 9) is None
    assert "not explained by the old file" in other.unknown[0].reason


def test_explained_in_one_bank_only_is_not_explained() -> None:
    good = event(9, IPL, b"/vmlinuz\0", b"old")
    half = good.replace(digests=(good.digests[0], Digest(SHA256, bytes(32))))
    log = log_of(event(8, IPL, b"grub_cmd: linux /vmlinuz\0", b"linux /vmlinuz"), half)
    found = evlog.predict(log, {"/vmlinuz": b"new"}, {"/vmlinuz": b"old"})
    assert after(found, 9) is None


def test_a_place_of_nothing_in_the_log() -> None:
    log = log_of(event(4, SEPARATOR, bytes(4), bytes(4)))
    found = evlog.predict(log, {"/EFI/Linux/new.efi": an_image([(1, 512, 512)])})
    assert not found.complete
    assert after(found, 4) is None


@pytest.mark.parametrize("name", ["BootNext", "MokSBState", "MokListTrusted", "LoaderEntryOneShot", "OsIndications"])
def test_variables_that_choose_what_is_booted_or_trusted(name: str) -> None:
    log = log_of(event(4, SEPARATOR, bytes(4), bytes(4)), event(14, IPL, b"MokList\0", b""))
    found = evlog.predict(log, {f"efivar:{name}": bytes(4) + b"\1\0"})
    assert (after(found, 4), after(found, 14)) == (None, None)
    assert evlog.predict(log, {"efivar:Timeout": bytes(6)}).complete


def test_a_file_that_stays_as_it_is_changes_nothing() -> None:
    log = log_of(event(4, SEPARATOR, bytes(4), bytes(4)))
    assert evlog.predict(log, {"/EFI/x": b"x"}, {"/EFI/x": b"x"}).complete
    assert not evlog.predict(log, {"/EFI/x": b"x"}).complete
    gone = evlog.predict(log, {}, {"/EFI/x": b"x"}, partition={})
    assert "no longer on the partition" in gone.unknown[0].reason


def test_a_register_that_was_not_extended_may_be() -> None:
    log = log_of(event(4, SEPARATOR, bytes(4), bytes(4)))
    found = evlog.predict(log, {"/EFI/Linux/new.efi": an_image([(1, 512, 512)])})
    assert [(row.before, row.after) for row in found.registers if str(row.register) == "pcr:12"][-1] == (
        bytes(32),
        None,
    )


def test_registers_of_confidential_guests_are_not_predicted() -> None:
    found = evlog.predict(evlog.read(SAMPLES / "ccel" / "ovmf-tdx.bin"), {"cmdline": b"quiet"})
    assert not found.complete
    assert all(row.after is None for row in found.registers)


def test_text_rules_of_each_loader() -> None:
    assert stub.mangled(" a\tb\n c\0 d") == "a b  c"
    assert stub.utf16("\u00fc") == b"\xfc\0\0\0"
    assert direct._options("ü".encode(), True, False) == "\u00c3\u00bc initrd=initrd\0".encode("utf-16-le")


def test_what_qemu_writes_into_a_kernel() -> None:
    kernel = bytearray(0x1000)
    kernel[0x202:0x206], kernel[0x206:0x208] = b"HdrS", b"\x0f\x02"
    kernel[0x22C:0x230] = struct.pack("<I", 0x7FFFFFFF)
    made = direct.patched(bytes(kernel), b"", bytes(5000), 512 << 20)
    assert made[0x210] == 0xB0
    assert made[0x211] & 0x80
    assert struct.unpack_from("<II", made, 0x218) == ((((512 << 20) - 0x28000 - 1) - 5000) & ~4095, 5000)
    assert direct.patched(bytes(kernel), b"vga=ask", None, 0)[0x1FA:0x1FC] == b"\xfd\xff"
    assert direct.patched(b"no kernel", b"", None, 0) == b"no kernel"


def test_appended_are_only_those_that_are_not_there() -> None:
    """UEFI: a list keeps what is new of it, and is not merged with another."""
    owner = bytes(16)
    hashes = [owner + bytes([n]) * 32 for n in range(3)]
    kind = signature_lists.SHA256
    old = signature_lists.SignatureList(kind, b"", 48, (hashes[0],)).to_bytes()
    added = signature_lists.SignatureList(kind, b"", 48, tuple(hashes)).to_bytes()
    assert len(old) == 76
    made = signature_lists.appended(old, added)
    assert len(made) == 76 + 124
    assert [len(each.signatures) for each in signature_lists.read(made)] == [1, 2]
    assert signature_lists.appended(made, added) == made


def test_the_header_of_a_signed_write_is_no_data() -> None:
    header = bytes(16) + struct.pack("<IHH", 24 + 3, 0x200, 0x0EF1) + bytes(16) + b"sig"
    assert signature_lists.payload(header + b"lists") == b"lists"
    assert signature_lists.payload(b"lists") == b"lists"


def test_secure_boots_variables() -> None:
    names = [
        ("SecureBoot", GLOBAL, b"\0"),
        ("PK", GLOBAL, b""),
        ("db", IMAGE_SECURITY, b""),
        ("dbx", IMAGE_SECURITY, b""),
    ]
    log = log_of(*(variable_event(DRIVER_CONFIG, vendor, name, data) for name, vendor, data in names))
    new = signature_lists.SignatureList(signature_lists.SHA256, b"", 48, (bytes(48),)).to_bytes()
    found = evlog.predict(log, {"var:dbx+": new})
    assert found.complete
    expected = [Variable(vendor, name, data).to_bytes() for name, vendor, data in names[:3]]
    assert after(found, 7) == extended(*expected, Variable(IMAGE_SECURITY, "dbx", new).to_bytes())
    # Switched on, everything after it may be another.
    switched = evlog.predict(log, {"efivar:SecureBoot": bytes(4) + b"\1"})
    assert after(switched, 7) is None


def a_disk(entries: int) -> bytes:
    head = struct.pack("<8sIIII4Q16sQIII", b"EFI PART", 0x10000, 92, 0, 0, 1, 99, 34, 90, bytes(16), 2, 128, 128, 0)
    rows = b"".join(bytes([n + 1]) * 128 for n in range(entries)) + bytes(128 * (128 - entries))
    return bytes(512) + head.ljust(512, b"\0") + rows


def test_a_partition_table() -> None:
    old, new = gpt.data_of(a_disk(1)), gpt.data_of(a_disk(2))
    assert len(old) == 92 + 8 + 128
    log = log_of(event(5, 0x80000006, old, old))
    found = evlog.predict(log, {"gpt": a_disk(2)}, {"gpt": a_disk(1)})
    assert found.complete
    assert after(found, 5) == extended(new)
    assert after(evlog.predict(log, {"gpt": a_disk(3)}, {"gpt": a_disk(2)}), 5) is None


def test_an_archive_as_cpio_reads_it() -> None:
    made = cpio.archive(".extra/credentials", 0o500, [("a.cred", b"one"), ("b.cred", b"four")], 0o400)
    assert made.startswith(b"070701000000010000416d")
    assert len(made) % 4 == 0
    assert made.endswith(b"TRAILER!!!\0\0\0\0")


def test_replace_takes_an_images_digest(tmp_path: Path) -> None:
    log = evlog.read(SAMPLES / "tcg2" / "secure-boot.bin")
    number = next(
        e.number for e in log.events if isinstance(e.content, PCClientEvent) and e.content.event_type == APPLICATION
    )
    data = an_image([(512, 512, 512)])
    (tmp_path / "new.efi").write_bytes(data)
    (tmp_path / "text").write_bytes(b"no image")
    path = str(SAMPLES / "tcg2" / "secure-boot.bin")
    result = run("replay", path, "--replace", f"{number}={tmp_path / 'new.efi'}", "--json")
    digest = hashlib.sha256(pe.read(data).hashed()).digest()
    same = run("replay", path, "--replace", f"{number}=sha256:{digest.hex()}", "--json")
    ours, theirs = (
        {(r["register"], r["alg"]): r["value"] for r in json.loads(each.out)["registers"]} for each in (result, same)
    )
    assert ours["pcr:4", "sha256"] == theirs["pcr:4", "sha256"]
    refused = run("replay", path, "--replace", f"{number}={tmp_path / 'text'}")
    assert refused.code == 2
    assert "none that firmware would measure" in refused.err


PLACES = (
    "kernel", "initrd", "cmdline", "uki", "gpt", "/EFI/BOOT/BOOTX64.EFI", "/loader/loader.conf",
    "/loader/entries/a.conf", "/EFI/debian/grub.cfg", "var:db", "var:db+", "var:MokList",
    "efivar:BootOrder", "efivar:Boot0001",
    "efivar:SbatPolicy", "efivar:PK",
)  # fmt: skip


def test_hostile_files_leave_only_errors_of_evlog() -> None:
    log = evlog.read(SAMPLES / "tcg2" / "secure-boot.bin")
    for data in (b"", b"\0", b"MZ", b"MZ" + bytes(100), bytes(5), b"\xff" * 300, an_image([(1, 512, 512)])[:600]):
        for place in PLACES:
            found = evlog.predict(log, {place: data}, {place: data[:-1]}, ram=1 << 40)
            assert found.registers
    assert variables.read(b"\xff" * 40) is None
