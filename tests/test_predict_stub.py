"""Predictions of unified kernel images: what each version of systemd-stub takes, in the order of real boots.

The images here are made of nothing but sections; what is expected is written down as the logs of such boots have it
(systemd 252, 254, 257 and 262, OVMF, Secure Boot off).
"""

from __future__ import annotations

import struct

import pytest

import evlog
from evlog.errors import ParseError
from evlog.predicting import cpio, linux, pe, stub, stub_versions
from evlog.predicting.stub import Beside, Uki, utf16
from tests.boots import IPL, TAG, after, event, extended, load_event, log_of
from tests.test_authenticode import an_image

UKI = "/EFI/Linux/a.efi"
EXTRA = UKI + ".extra.d/"


def an_efi(*sections: tuple[str, bytes]) -> bytes:
    """An image with these sections, by name."""
    rows, at = [], 4096
    for _, data in sections:
        rows.append((len(data), len(data), at))
        at += len(data)
    made = bytearray(an_image(rows, size=at))
    table = 0x40 + 24 + 112 + 128
    for n, ((name, data), (_, _, offset)) in enumerate(zip(sections, rows, strict=True)):
        struct.pack_into("<8s", made, table + 40 * n, name.encode())
        made[offset : offset + len(data)] = data
    return bytes(made)


KERNEL = an_image([(512, 512, 512)], size=1024, fill=7)


def a_uki(version: int, *more: tuple[str, bytes]) -> bytes:
    magic = f"#### LoaderInfo: systemd-stub {version}.1 ####".encode()
    named = dict(more)
    base = [(".osrel", b"ID=x"), (".cmdline", b"quiet"), (".initrd", b"initrd"), (".linux", KERNEL)]
    return an_efi((".sdmagic", magic), *((n, named.pop(n, d)) for n, d in base), *named.items())


def an_addon(**sections: bytes) -> bytes:
    return an_efi(*((f".{name}", data) for name, data in sections.items()))


def hashed(data: bytes) -> bytes:
    return pe.read(data).hashed()


def log_by(uki: bytes, beside: Beside) -> evlog.Log:
    """The log of a boot, by the rules that are under test: only for what comes before an update."""
    found = stub.items(stub.read(uki), beside, False, UKI)
    rows = [load_event(UKI, hashed(uki))]
    for item in found:
        assert item.measured is not None
        assert item.measured.data is not None
        path = item.key[1] if isinstance(item.key, tuple) and item.key[0] == "addon" else None
        if item.pcr == 4:
            rows.append(load_event(path, item.measured.data))
        else:
            rows.append(event(item.pcr, item.event_type, item.data or b"", item.measured.data))
    return log_of(*rows)


def sections_of(*pairs: tuple[str, bytes]) -> list[bytes]:
    return [each for name, data in pairs for each in (name.encode() + b"\0", data)]


def test_sections_come_in_the_order_of_the_version() -> None:
    more = ((".uname", b"6.1"), (".sbat", b"sbat"), (".pcrpkey", b"key"), (".pcrsig", b"sig"), (".splash", b"BM"))
    every = dict((*more, (".osrel", b"ID=x"), (".cmdline", b"quiet"), (".initrd", b"initrd")))
    every[".linux"] = KERNEL
    orders = {
        252: (".linux", ".osrel", ".cmdline", ".initrd", ".splash", ".pcrpkey"),
        254: (".linux", ".osrel", ".cmdline", ".initrd", ".splash", ".uname", ".sbat", ".pcrpkey"),
        257: (".linux", ".osrel", ".cmdline", ".initrd", ".splash", ".uname", ".sbat", ".pcrpkey"),
        262: (".linux", ".osrel", ".cmdline", ".initrd", ".splash", ".uname", ".sbat", ".pcrpkey"),
    }
    old = a_uki(252)
    for version, order in orders.items():
        new = a_uki(version, *more)
        found = evlog.predict(log_by(old, Beside()), {UKI: new}, {UKI: old})
        if version == 262:
            # Which SMBIOS tables it logs nobody knows.
            assert {r.register.index for r in found.registers if r.after is None} >= {1, 4, 9, 11, 12}
            log = log_by(a_uki(262), Beside())
            found = evlog.predict(log, {UKI: new}, {UKI: a_uki(262)})
            assert after(found, 4) == extended(hashed(new))
        else:
            assert after(found, 4) == extended(hashed(new), hashed(KERNEL))
        assert after(found, 11) == extended(*sections_of(*((name, every[name]) for name in order)))
        files = [("tpm2-pcr-signature.json", b"sig"), ("tpm2-pcr-public-key.pem", b"key"), ("os-release", b"ID=x")]
        parts = [
            b"initrd\0\0",
            *(cpio.archive(".extra", 0o555, [f], 0o444) for f in files[: 2 if version < 257 else 3]),
        ]
        assert after(found, 9) == extended(utf16("quiet"), b"".join(parts))


def test_a_version_that_nobody_has_seen() -> None:
    found = evlog.predict(log_by(a_uki(257), Beside()), {UKI: a_uki(259)}, {UKI: a_uki(257)})
    assert after(found, 11) is None
    assert any("systemd 259" in each.reason for each in found.unknown)
    with pytest.raises(ParseError, match="252, 254, 257, 262"):
        stub_versions.of(pe.read(a_uki(259)))


def test_what_lies_beside_an_image() -> None:
    """Names by their UTF-16 code, capitals first; what is no addon is started and not used; a command line of blanks
    leaves one; archives come before what addons bring; .uname is compared as far as the addon's goes."""
    uki = a_uki(257, (".uname", b"6.12.1"))
    was = {UKI: uki, EXTRA + "b.addon.efi": an_addon(cmdline=b"b=1 "), EXTRA + "y.cred": b"y"}
    new = {
        EXTRA + "A.addon.efi": an_addon(cmdline=b"a=1"),
        EXTRA + "C.addon.efi": an_addon(cmdline=b" \n", initrd=b"more", ucode=b"code"),
        EXTRA + "F.ADDON.EFI": an_addon(cmdline=b"f  =\xc3\xbc"),
        EXTRA + "d.addon.efi": an_addon(cmdline=b"d=1", uname=b"6.12"),
        EXTRA + "e.addon.efi": an_addon(cmdline=b"e=1", uname=b"6.13"),
        EXTRA + "none.addon.efi": an_addon(osrel=b"x"),
        EXTRA + "uki.addon.efi": an_addon(cmdline=b"no", linux=b"x"),
        "/loader/addons/g.addon.efi": an_addon(cmdline=b" g=1\n"),
        EXTRA + "Z.cred": b"Z",
        EXTRA + ".hidden.cred": b"x",
        EXTRA + "\u00fc.cred": b"x",
        "/loader/credentials/G.cred": b"G",
        EXTRA + "s.raw": b"sysext",
        EXTRA + "c.confext.raw": b"confext",
    }
    beside = Beside(addons=((EXTRA + "b.addon.efi", was[EXTRA + "b.addon.efi"]),), credentials=(("y.cred", b"y"),))
    found = evlog.predict(log_by(uki, beside), {**was, **new}, was)
    assert found.complete, found.unknown
    order = ("/loader/addons/g", "A", "C", "F", "b", "d", "e", "none", "uki")
    every = {**was, **new}
    named = {
        p.removeprefix(EXTRA).partition(".")[0]: data for p, data in every.items() if p.lower().endswith(".addon.efi")
    }
    started = [named[name] for name in order]
    assert after(found, 4) == extended(hashed(uki), *map(hashed, started), hashed(KERNEL))
    text = "g=1 a=1  f  =\u00fc b=1 d=1"
    credentials = cpio.archive(".extra/credentials", 0o500, [("Z.cred", b"Z"), ("y.cred", b"y")], 0o400)
    general = cpio.archive(".extra/global_credentials", 0o500, [("G.cred", b"G")], 0o400)
    confext = cpio.archive(".extra/confext", 0o555, [("c.confext.raw", b"confext")], 0o444)
    sysext = cpio.archive(".extra/sysext", 0o555, [("s.raw", b"sysext")], 0o444)
    assert after(found, 12) == extended(utf16(text), credentials, general, confext, b"code", b"more")
    assert after(found, 13) == extended(sysext)
    release = cpio.archive(".extra", 0o555, [("os-release", b"ID=x")], 0o444)
    initrd = b"".join((b"code", b"initrd\0\0", credentials, general, sysext, confext, release, b"more"))
    assert after(found, 9) == extended(utf16(f"quiet {text}"), initrd)
    back = evlog.predict(found.log, {}, {**was, **new}, partition=was)
    assert back.complete, back.unknown
    assert [row.after for row in back.registers] == [row.before for row in found.registers]


def test_the_addons_of_each_folder_in_254() -> None:
    uki = a_uki(254)
    was = {UKI: uki}
    now = {EXTRA + "a.addon.efi": an_addon(cmdline=b"a"), "/loader/addons/g.addon.efi": an_addon(cmdline=b"g")}
    found = evlog.predict(log_by(uki, Beside()), now, was)
    assert after(found, 12) == extended(utf16("g"), utf16("a"))
    assert after(found, 9) == extended(utf16("quiet g a"), b"initrd")
    odd = evlog.predict(log_by(uki, Beside()), {EXTRA + "a.addon.efi": an_addon(cmdline=b"a", uname=b"6")}, was)
    assert after(odd, 12) is None


def test_a_section_that_the_machine_chooses() -> None:
    uki = a_uki(257, (".dtbauto", b"tree"))
    found = evlog.predict(log_by(a_uki(257), Beside()), {UKI: uki}, {UKI: a_uki(257)})
    assert after(found, 11) is None
    assert any("the machine chooses" in each.reason for each in found.unknown)


def test_another_program_in_the_place_of_one() -> None:
    """A stub that becomes a boot loader, and a boot loader that becomes a stub or another version of itself."""
    boot = an_efi((".sdmagic", b"#### LoaderInfo: systemd-boot 257.1 ####"), (".text", b"x"))
    newer = an_efi((".sdmagic", b"#### LoaderInfo: systemd-boot 262 ####"), (".text", b"x"))
    same = an_efi((".sdmagic", b"#### LoaderInfo: systemd-boot 257.2 ####"), (".text", b"y"))
    path = "/EFI/BOOT/BOOTX64.EFI"
    log = log_of(load_event(path, hashed(boot)), event(5, IPL, b"x", b"x"))
    for new, known in ((newer, False), (a_uki(257), False), (same, True)):
        found = evlog.predict(log, {path: new}, {path: boot})
        assert found.complete == known, found.unknown
        assert (after(found, 4) is not None) == known
    found = evlog.predict(log_by(a_uki(257), Beside()), {UKI: boot}, {UKI: a_uki(257)})
    assert after(found, 4) is None
    assert after(found, 11) is None


def test_a_kernel_whose_stub_may_log_nothing() -> None:
    def a_kernel(version: bytes) -> bytes:
        data = bytearray(KERNEL)
        data[0x202:0x206], data[0x20E:0x210] = b"HdrS", (0x300 - 0x200).to_bytes(2, "little")
        data[0x300 : 0x300 + len(version)] = version
        return bytes(data)

    old = a_kernel(b"6.1.0-1 x\0")
    log = log_of(load_event("/vmlinuz.efi", hashed(old)), event(9, TAG, linux.INITRD, b"i"))
    for version, known in ((b"6.12.0 x\0", True), (b"5.10.0 x\0", False), (b"\0", False)):
        found = evlog.predict(log, {"/vmlinuz.efi": a_kernel(version)}, {"/vmlinuz.efi": old})
        assert (after(found, 9) is not None) == known
        assert after(found, 4) == extended(hashed(a_kernel(version)))


def test_profiles_in_load_options() -> None:
    for options, expected in (
        ("@1 x", (1, "x")),
        ("@12\0y", (12, "y")),
        ("@1x", (0, "@1x")),
        ("@", (0, "@")),
        ("a", (0, "a")),
    ):
        assert stub._profile(options) == expected
    assert isinstance(stub.read(a_uki(257, (".profile", b"ID=a"))), Uki)
