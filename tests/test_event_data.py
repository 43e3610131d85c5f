"""Event data that another rule than its own tells what it is, or that is not what its type asks for.

Expectations are the layouts of the specifications and what systemd's stub and OVMF measure, with bytes packed here.
"""

from __future__ import annotations

import hashlib
import json
import struct
from typing import TYPE_CHECKING

import pytest

import evlog
from evlog.checking.bodies import Bodies
from evlog.cli import main
from evlog.decoders import Context, Raw, decode
from evlog.decoders.crtm import PlatformConfig, QemuFile
from evlog.decoders.efi_variable import EfiVariable
from evlog.decoders.image_load import ImageLoad
from evlog.decoders.ipl import BootLoaderText, StubSection
from evlog.decoders.separator import Separator
from evlog.decoders.signature_db import Signature, SignatureDatabase, SignatureHash
from tests.conftest import SAMPLES
from tests.decoding import END, decoded, guid, node, variable
from tests.made import event, header

if TYPE_CHECKING:
    from pathlib import Path

    from evlog.decoders import Decoded

EV_IPL, EV_VARIABLE, EV_IMAGE, EV_FLAGS = 13, 0x80000001, 0x80000003, 10
GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
IMAGE_SECURITY = "d719b2cb-3d3a-4596-a3bc-dad00e67656f"
OWNER = "77fa9abd-0359-4d32-bd60-28f4e78f784b"


def read(*records: bytes) -> tuple[evlog.Log, list[Decoded | None]]:
    """A log in a SHA-256 bank, and what its events decode to."""
    log = evlog.read(header("sha256") + b"".join(records))
    context = Context.of(log)
    return log, [decode(each, context) for each in log.events[1:]]


def named(name: str, register: int = 11) -> bytes:
    """The first of the two events of a section: the digest is of its name in ASCII."""
    return event(register, EV_IPL, f"{name}\0".encode("utf-16-le"), "sha256", hashed=name.encode() + b"\0")


def content(name: str, data: bytes, register: int = 11) -> bytes:
    """The second one: the digest is of what is in the section."""
    return event(register, EV_IPL, f"{name}\0".encode("utf-16-le"), "sha256", hashed=data)


class TestSections:
    """Of a unified kernel image, as systemd's stub measures them (src/boot/stub.c, measure_sections)."""

    def test_name_and_content_are_told_apart(self) -> None:
        log, found = read(named(".linux"), content(".linux", b"a kernel"), named(".cmdline"), content(".cmdline", b""))
        assert found == [
            StubSection(".linux", "name"),
            StubSection(".linux", "content"),
            StubSection(".cmdline", "name"),
            StubSection(".cmdline", "content", empty=True),
        ]
        rows = evlog.check(log).events[1:]
        assert [(row[0].verdict, row[0].rule) for row in rows] == [
            ("matches", "utf8_name"),
            ("not_checkable", None),
            ("matches", "utf8_name"),
            ("not_checkable", None),
        ]

    def test_profiles_repeat(self) -> None:
        profiles = [part for data in (b"ID=a", b"ID=b") for part in (named(".profile"), content(".profile", data))]
        parts = ["name", "content", "name", "content"]
        assert read(*profiles)[1] == [StubSection(".profile", part) for part in parts]

    def test_a_name_alone(self) -> None:
        assert read(named(".linux"))[1] == [StubSection(".linux", "name")]
        assert read(named(".osrel"), named(".osrel"))[1] == [StubSection(".osrel", "name")] * 2

    @pytest.mark.parametrize(
        "before",
        [
            (),
            (named(".osrel"),),  # another section's
            (named(".linux", register=12),),  # on another register
            (named(".linux"), content(".linux", b"a kernel")),  # whose content was measured
            (content(".linux", ".linux\0".encode("utf-16-le")),),  # the text, not the section's name
            (named(".linux"), event(4, EV_IPL, b"x", "sha256")),  # not directly before
        ],
    )
    def test_what_no_name_precedes_is_a_text(self, before: tuple[bytes, ...]) -> None:
        assert read(*before, content(".linux", b"whatever"))[1][-1] == BootLoaderText(".linux")

    def test_the_name_must_be_in_every_bank(self) -> None:
        """One digest of the name and another of something else: nobody measured the name."""
        sha1, sha256 = hashlib.sha1(b".linux\0").digest(), hashlib.sha256(b"something else").digest()
        data = ".linux\0".encode("utf-16-le")
        body = struct.pack("<H20sH32sI", 4, sha1, 11, sha256, len(data)) + data
        log = evlog.read(header("sha1", "sha256") + struct.pack("<III", 11, EV_IPL, 2) + body)
        assert decode(log.events[1], Context.of(log)) == BootLoaderText(".linux")

    def test_of_a_real_machine(self) -> None:
        log = evlog.read(SAMPLES / "tcg2" / "uki.bin")
        context = Context.of(log)
        found = [decode(each, context) for each in log.events if str(each.register) == "pcr:11"]
        sections = [each for each in found if isinstance(each, StubSection)]
        assert [each.part for each in sections] == ["name", "content"] * (len(sections) // 2)
        assert len(sections) > 10

    def test_on_a_measurement_register(self) -> None:
        data = ".linux\0".encode("utf-16-le")
        sections = [event(3, EV_IPL, data, "sha384", hashed=each) for each in (b".linux\0", b"a kernel")]
        log = evlog.read(header("sha384", register=1) + b"".join(sections), format="ccel")
        context = Context.of(log)
        parts = ("name", "content")
        assert [decode(each, context) for each in log.events[1:]] == [StubSection(".linux", part) for part in parts]

    def test_where_the_log_is_not_known(self) -> None:
        log, _ = read(named(".linux"), content(".linux", b"a kernel"))
        assert [decode(each) for each in log.events[1:]] == [StubSection(".linux", "name"), StubSection(".linux")]

    def test_of_digests_that_were_not_asked_for(self) -> None:
        log, _ = read(named(".linux"))
        bare = log.events[1].replace(digests=())
        assert decode(bare, Context.of(log)) == StubSection(".linux")


class TestQemuFiles:
    """OvmfPkg: FW_CFG_EVENT, 12 bytes of signature and 56 of the file's name; before, the name and its NUL."""

    @pytest.mark.parametrize("name", ["BootMenu", "etc/system-states", "etc/tpm/log", "opt/org.example/" + "a" * 40])
    def test_both_forms(self, name: str) -> None:
        padded = b"QEMU FW CFG\0" + name.encode().ljust(56, b"\0")
        assert decoded("EV_PLATFORM_CONFIG_FLAGS", padded) == QemuFile(name)
        assert decoded("EV_PLATFORM_CONFIG_FLAGS", b"QEMU FW CFG\0" + name.encode() + b"\0") == QemuFile(name)

    @pytest.mark.parametrize(
        ("rest", "expected"),
        [
            (b"", Raw("a file without a name, or with one that is no text (at byte 0xc, in name)", b"", damaged=True)),
            (bytes(56), None),
            (b"\xff\xfe\0", None),
            (b"name\x1b[31m\0", None),
            (b"bootorder", QemuFile("bootorder", ("the file's name does not end",))),
            (b"a\0b\0", QemuFile("a", ("2 bytes after the file's name",), b"b\0")),
        ],
    )
    def test_of_another_form(self, rest: bytes, expected: QemuFile | None) -> None:
        found = decoded("EV_PLATFORM_CONFIG_FLAGS", b"QEMU FW CFG\0" + rest)
        if isinstance(expected, QemuFile):
            assert found == expected
        else:
            assert isinstance(found, Raw)
            assert found.damaged
            assert found.data == b"QEMU FW CFG\0" + rest

    def test_cut_at_every_byte(self) -> None:
        data = b"QEMU FW CFG\0" + b"bootorder".ljust(56, b"\0")
        for size in range(len(data)):
            found = decoded("EV_PLATFORM_CONFIG_FLAGS", data[:size])
            assert isinstance(found, QemuFile) == (size > 12)
            assert found.summary.isprintable()
        assert decoded("EV_PLATFORM_CONFIG_FLAGS", data[:11]) == PlatformConfig("QEMU FW CFG", b"")

    def test_the_digest_is_of_what_is_not_in_the_log(self) -> None:
        data = b"QEMU FW CFG\0" + b"bootorder".ljust(56, b"\0")
        log, _ = read(event(1, EV_FLAGS, data, "sha256", hashed=b"/pci@i0cf8/scsi@3\n"))
        assert evlog.check(log)[1][0].verdict == "not_checkable"


class TestOneSignature:
    """EFI_SIGNATURE_DATA as the value of a database: UEFI 2.10, section 32.4.1, without the list around it."""

    DER = b"\x30\x82\x01\x00" + bytes(256)

    def value(self, data: bytes, name: str = "db", vendor: str = IMAGE_SECURITY) -> Decoded:
        found = decoded("EV_EFI_VARIABLE_DRIVER_CONFIG", variable(vendor, name, data))
        assert isinstance(found, EfiVariable)
        return found.value

    @pytest.mark.parametrize(("name", "vendor"), [("db", IMAGE_SECURITY), ("dbx", IMAGE_SECURITY), ("KEK", GLOBAL)])
    def test_owner_and_certificate(self, name: str, vendor: str) -> None:
        found = self.value(guid(OWNER) + self.DER, name, vendor)
        assert isinstance(found, Signature)
        assert (found.owner, found.owner_name) == (OWNER, "Microsoft")
        # These bytes only begin like a certificate.
        assert isinstance(found.value, Raw)
        assert found.value.data == self.DER

    @pytest.mark.parametrize("digest", [bytes(range(32)), b"\x30\x82".ljust(32, b"\7")])
    def test_owner_and_hash(self, digest: bytes) -> None:
        assert self.value(guid(OWNER) + digest, "dbx") == Signature(OWNER, "Microsoft", SignatureHash("sha256", digest))

    def test_lists_come_first(self) -> None:
        sha256 = guid("c1c41626-504c-4092-aca9-41f936934328")
        lists = sha256 + struct.pack("<III", 76, 0, 48) + guid(OWNER) + bytes(32)
        assert isinstance(self.value(lists, "dbx"), SignatureDatabase)
        assert isinstance(self.value(lists + lists[:40], "dbx"), SignatureDatabase)

    @pytest.mark.parametrize("size", [48, 75])
    def test_a_list_that_is_cut_is_no_signature(self, size: int) -> None:
        """Its sizes do not add up, and its type is nobody's name."""
        lists = guid("c1c41626-504c-4092-aca9-41f936934328") + struct.pack("<III", 76, 0, 48) + guid(OWNER) + bytes(32)
        found = self.value(lists[:size], "dbx")
        assert isinstance(found, Raw)
        assert found.reason.startswith("a signature list of 76 bytes")

    @pytest.mark.parametrize("data", [bytes(10), guid(OWNER) + bytes(31), guid(OWNER) + bytes(33), guid(OWNER)])
    def test_what_is_neither(self, data: bytes) -> None:
        assert isinstance(self.value(data), Raw)


class TestImages:
    FILE = node(4, 4, "\\boot.efi\0".encode("utf-16-le"))

    def image(self, path: bytes) -> bytes:
        return struct.pack("<QQQQ", 0x1000, 0x2000, 0, len(path)) + path

    @pytest.mark.parametrize("rest", [b"\0\0\0\0", b"\xff", b"\1\1\6\0\0\0"])
    def test_bytes_after_the_end_of_the_path(self, rest: bytes) -> None:
        found = decoded("EV_EFI_BOOT_SERVICES_APPLICATION", self.image(self.FILE + END + rest))
        assert isinstance(found, ImageLoad)
        assert found.device_path.text == "\\boot.efi"
        assert found.device_path.trailing == rest
        assert found.device_path.notes == (f"{len(rest)} bytes after the end of the device path",)
        assert found.trailing == b""

    def test_a_path_that_ends_where_it_should(self) -> None:
        found = decoded("EV_EFI_BOOT_SERVICES_APPLICATION", self.image(self.FILE + END))
        assert isinstance(found, ImageLoad)
        assert (found.device_path.notes, found.device_path.trailing) == ((), b"")


@pytest.mark.parametrize(
    ("data", "value", "error", "words"),
    [
        (bytes(4), 0, False, "separator"),
        (bytes(50), 0, False, "separator, padded to 50 bytes"),
        (b"\xff" * 4 + bytes(4), 0xFFFFFFFF, False, "separator (0xffffffff), padded to 8 bytes"),
        (b"\1\0\0\0" + bytes(46), 1, True, "separator: error, padded to 50 bytes"),
        (b"\0\0\0\0\1", None, False, "separator: 0000000001"),
        (bytes(3), None, False, "separator: 000000"),
        (b"", None, False, "separator: empty"),
        (b"WBCL", 0x4C434257, False, "separator: WBCL"),
    ],
)
def test_separators(data: bytes, value: int | None, error: bool, words: str) -> None:
    found = decoded("EV_SEPARATOR", data)
    assert isinstance(found, Separator)
    assert (found.value, found.error, found.summary, found.data) == (value, error, words, data)


def test_an_error_in_a_padded_separator_is_found() -> None:
    log, _ = read(event(0, 4, b"\1\0\0\0".ljust(50, b"\0"), "sha256"), event(1, 4, bytes(50), "sha256"))
    assert [(f.code, f.event) for f in evlog.check(log).findings if f.code == "separator_error"] == [
        ("separator_error", 1)
    ]


class TestFindings:
    """Event data that does not decode: told by number, and nothing else of the log changes."""

    ODD = (
        event(1, 0x80000002, variable(GLOBAL, "BootOrder", b"\0\0\1\0\2"), "sha256"),
        event(4, EV_IMAGE, struct.pack("<QQQ", 1, 2, 3), "sha256", hashed=b"an image"),
        event(4, EV_IMAGE, TestImages().image(TestImages.FILE + END + b"\0\0\0\0"), "sha256", hashed=b"an image"),
        event(7, EV_VARIABLE, guid(GLOBAL) + struct.pack("<QQ", 1 << 60, 1), "sha256"),
    )
    EXPECTED = (
        ("data_odd", 1, "2 bytes expected, 1 left"),
        ("data_undecoded", 2, "8 bytes expected, 0 left"),
        ("data_odd", 3, "4 bytes after the end of the device path"),
        ("data_undecoded", 4, "bytes expected, 0 left"),
    )

    def test_each_with_number_and_reason(self) -> None:
        log, found = read(*self.ODD)
        bodies = Bodies()
        for each, what in zip(log.events[1:], found, strict=True):
            bodies.look(each, what)
        findings = bodies.findings()
        assert [(f.code, f.event) for f in findings] == [(code, number) for code, number, _ in self.EXPECTED]
        for finding, (_, _, reason) in zip(findings, self.EXPECTED, strict=True):
            assert reason in finding.message
            assert finding.severity == "note"

    def test_in_the_page_and_in_json(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = tmp_path / "log.bin"
        path.write_bytes(header("sha256") + b"".join(self.ODD))
        assert main(["show", str(path), "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        told = [(f["code"], f["event"]) for f in document["findings"] if f["code"].startswith("data_")]
        assert told == [(code, number) for code, number, _ in self.EXPECTED]
        for arguments in ((), ("--tree",)):
            assert main(["show", str(path), *arguments]) == 0
            page = " ".join(capsys.readouterr().out.split())
            for _, number, reason in self.EXPECTED:
                assert f"note: event {number}: " in page
                assert reason in page

    def test_of_the_events_that_are_shown(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = tmp_path / "log.bin"
        path.write_bytes(header("sha256") + b"".join(self.ODD))
        assert main(["show", str(path), "--json", "--register", "pcr:4"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert [f["event"] for f in document["findings"] if f["code"].startswith("data_")] == [2, 3]

    def test_one_finding_of_an_event_with_much_to_say(self) -> None:
        path = b"".join(END + b"\1\1" for _ in range(200))
        data = struct.pack("<IH", 1, len(path)) + "x\0".encode("utf-16-le") + path
        log, found = read(event(1, 0x80000002, variable(GLOBAL, "Boot0001", data), "sha256", hashed=data))
        bodies = Bodies()
        bodies.look(log.events[1], found[0])
        (finding,) = bodies.findings()
        assert len(finding.message) < 200

    def test_events_without_data_share_one(self) -> None:
        """Of a log whose tool left out all data, one remark is enough."""
        log, found = read(*[event(4, EV_IMAGE, b"", "sha256", hashed=b"an image")] * 30)
        bodies = Bodies()
        for each, what in zip(log.events[1:], found, strict=True):
            bodies.look(each, what)
        (finding,) = bodies.findings()
        assert (finding.code, finding.event) == ("data_missing", 1)
        assert finding.message.endswith("(events 1, 2, 3 and 27 more)")

    @pytest.mark.parametrize(
        "record",
        [
            event(0, EV_FLAGS, b"\1\2\3\4", "sha256"),  # what it is the platform defines
            event(0, 0x11, b"\1\2\3\4", "sha256"),
            event(4, EV_IPL, b"\xeb\x63\x90" * 40, "sha256"),  # code
            event(0, 0x12345, b"\1\2", "sha256"),  # a type of nobody's
            event(1, EV_VARIABLE, variable(OWNER, "Setup", b"\1\xff\2"), "sha256"),  # a vendor's variable
            event(11, EV_IPL, ".linux\0".encode("utf-16-le"), "sha256"),
        ],
    )
    def test_what_need_not_be_known_is_not_odd(self, record: bytes) -> None:
        log, found = read(record)
        bodies = Bodies()
        bodies.look(log.events[1], found[0])
        assert bodies.findings() == ()
