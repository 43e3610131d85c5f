"""keylime: a measured boot reference state and a runtime policy, held against keylime itself where it is installed."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from pathlib import Path
from typing import Any

import pytest

import evlog
from evlog.errors import ConversionError, ParseError, UsageError
from evlog.references import keylime
from tests.conftest import SAMPLES
from tests.firmware_logs import firmware_logs
from tests.keylime_itself import MISSING, NO_EVENTLOG, failures_of, state_of
from tests.made import event, header, signature_list, variable

LOGS = dict(firmware_logs())
NO_ACTION, SEPARATOR, CRTM, IPL = 3, 4, 8, 0xD
CONFIG, APPLICATION, ACTION, BLOB, AUTHORITY = 0x80000001, 0x80000003, 0x80000007, 0x80000008, 0x800000E0
OWNER = bytes(range(16))
OWNER_TEXT = "03020100-0504-0706-0809-0a0b0c0d0e0f"
END = b"\x7f\xff\x04\x00"


def sha(text: bytes) -> dict[str, str]:
    return {"sha256": f"0x{hashlib.sha256(text).hexdigest()}"}


def one(register: int, event_type: int, data: bytes, hashed: bytes | None = None) -> bytes:
    return event(register, event_type, data, "sha256", hashed=hashed)


def config(name: str, value: bytes) -> bytes:
    return one(7, CONFIG, variable(name, value))


def image(content: bytes, path: bytes = END) -> bytes:
    return one(4, APPLICATION, struct.pack("<QQQQ", 0x1000, 10, 0, len(path)) + path, content)


def boot(
    *, secure: bool = True, dbx: bytes = b"bad", line: str = "root=/dev/vda1 ro (x)", more: bytes = b""
) -> evlog.Boot:
    """A boot by shim and GRUB, as keylime expects it."""
    images = [b"shim", b"grub", b"linux"][: 3 if secure else 2]
    data = header("sha256") + one(0, CRTM, b"v1") + one(0, BLOB, bytes(16), b"firmware one")
    data += one(0, BLOB, bytes(16), b"firmware two") + config("SecureBoot", bytes((secure,)))
    data += config("PK", signature_list(16 + 2, OWNER + b"pk")) + config("KEK", b"")
    data += config("db", signature_list(16 + 2, OWNER + b"d1", OWNER + b"d2"))
    data += config("dbx", signature_list(16 + len(dbx), OWNER + dbx))
    firmware = b"\x04\x07\x14\x00" + bytes(16) + b"\x04\x06\x14\x00" + bytes(16) + END
    data += image(b"boot menu", firmware) + b"".join(map(image, images))
    data += one(14, IPL, b"MokList\0", b"mok") + one(14, IPL, b"MokListX\0", b"mokx")
    data += one(8, IPL, b"grub_cmd: linux\0", b"linux")
    data += one(9, IPL, b"(hd0)/boot/vmlinuz-6.1\0", b"vmlinuz") + one(9, IPL, b"(hd0)/boot/initrd.img\0", b"initrd")
    data += one(8, IPL, b"kernel_cmdline: " + line.encode() + b"\0", line.encode())
    return evlog.boot_of(evlog.read(data + more))


def state(*boots: evlog.Boot) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(evlog.export(list(boots), "keylime").data)
    return found


def test_a_reference_state_has_what_the_log_has() -> None:
    assert state(boot()) == {
        "has_secureboot": True,
        "scrtm_and_bios": [{"scrtm": sha(b"v1"), "platform_firmware": [sha(b"firmware one"), sha(b"firmware two")]}],
        "pk": [{"SignatureOwner": OWNER_TEXT, "SignatureData": f"0x{b'pk'.hex()}"}],
        "kek": [],
        "db": [{"SignatureOwner": OWNER_TEXT, "SignatureData": f"0x{data.hex()}"} for data in (b"d1", b"d2")],
        "dbx": [{"SignatureOwner": OWNER_TEXT, "SignatureData": f"0x{b'bad'.hex()}"}],
        "vendor_db": [],
        "mokdig": [sha(b"mok")],
        "mokxdig": [sha(b"mokx")],
        "kernels": [
            {
                "shim_authcode_sha256": sha(b"shim")["sha256"],
                "grub_authcode_sha256": sha(b"grub")["sha256"],
                "kernel_authcode_sha256": sha(b"linux")["sha256"],
                "initrd_plain_sha256": sha(b"initrd")["sha256"],
                "kernel_cmdline": r"root=/dev/vda1\ ro\ \(x\)",
            }
        ],
    }


def test_without_secure_boot_the_kernel_s_file_counts() -> None:
    (kernel,) = state(boot(secure=False))["kernels"]
    assert kernel["vmlinuz_plain_sha256"] == sha(b"vmlinuz")["sha256"]
    assert "kernel_authcode_sha256" not in kernel


def test_a_boot_that_keylime_has_no_place_for_is_a_loss() -> None:
    export = evlog.export(boot(more=image(b"another") + image(b"one more")), "keylime")
    assert "kernels" not in json.loads(export.data)
    assert "kernels" in [loss.field for loss in export.losses]
    assert [finding.code for finding in export.findings] == ["keylime_example_policy"]


def test_of_several_boots_forbidden_keys_are_those_of_all() -> None:
    joined = state(boot(), boot(dbx=b"two", line="quiet"))
    assert joined["dbx"] == []
    assert [re.sub(r"\\", "", kernel["kernel_cmdline"]) for kernel in joined["kernels"]] == [
        "root=/dev/vda1 ro (x)",
        "quiet",
    ]
    assert len(joined["db"]) == 2
    assert len(joined["scrtm_and_bios"]) == 1
    with pytest.raises(ConversionError, match="Secure Boot"):
        state(boot(), boot(secure=False))


@pytest.mark.parametrize(("name", "value"), [("PK", b"pk"), ("db", b"d1"), ("dbx", b"bad"), ("SecureBoot", b"\1")])
def test_what_no_digest_proves_becomes_no_reference(name: str, value: bytes) -> None:
    content = variable(name, value if name == "SecureBoot" else signature_list(16 + len(value), OWNER + value))
    forged = one(7, CONFIG, content, b"something else")
    log = evlog.read(header("sha256") + one(0, CRTM, b"v1") + forged)
    with pytest.raises(ConversionError, match=f"event 2 .{name}"):
        state(evlog.boot_of(log))


def test_a_command_line_that_no_digest_proves_becomes_no_reference() -> None:
    data = header("sha256") + config("SecureBoot", b"\0") + image(b"shim") + image(b"grub")
    data += one(8, IPL, b"kernel_cmdline: quiet\0", b"init=/bin/sh")
    with pytest.raises(ConversionError, match="command line"):
        state(evlog.boot_of(evlog.read(data)))


def test_it_uses_sha256_alone() -> None:
    with pytest.raises(ConversionError, match="sha256"):
        state(evlog.boot_of(evlog.read(SAMPLES / "tcg2" / "sha384-only.bin")))


def test_other_logs_have_none() -> None:
    with pytest.raises(ConversionError):
        state(evlog.boot_of(evlog.read(SAMPLES / "systemd" / "cc-measure.log")))
    mixed = [evlog.read(SAMPLES / "tcg2" / "ovmf.bin"), evlog.read(SAMPLES / "ima-binary" / "ng-violations.bin")]
    with pytest.raises(UsageError, match="one by one"):
        state(evlog.boot_of(mixed))


def test_a_runtime_policy_has_the_files_of_a_list() -> None:
    log = evlog.read(SAMPLES / "ima-binary" / "ng-violations.bin")
    export = evlog.export(evlog.boot_of(log), "keylime")
    policy = json.loads(export.data)
    assert set(policy) == {"meta", "release", "digests", "excludes", "keyrings", "ima", "ima-buf", "verification-keys"}
    files: dict[str, list[str]] = {}
    buffers: dict[str, list[str]] = {}
    violations = 0
    for each in log.events:
        content = each.content
        assert isinstance(content, evlog.ImaEvent)
        fields = content.decoded
        assert fields is not None
        assert fields.name is not None
        assert fields.file_digest is not None
        kind = buffers if content.template == "ima-buf" else files
        if not any(each.digests[0].value):
            violations += 1
        elif fields.file_digest.value.hex() not in kind.setdefault(fields.name.decode(), []):
            kind[fields.name.decode()].append(fields.file_digest.value.hex())
    assert violations
    assert policy["digests"] == files
    assert policy["ima-buf"] == buffers
    assert "kernel_version" in buffers
    assert sum("violation" in loss.reason for loss in export.losses) == violations
    assert policy["ima"] == {"ignored_keyrings": [], "log_hash_alg": "sha1", "dm_policy": None}


def test_what_a_runtime_policy_has_no_words_for_is_a_loss() -> None:
    export = evlog.export(evlog.boot_of(evlog.read(SAMPLES / "ima-binary" / "every-template.bin")), "keylime")
    assert any("template" in loss.reason for loss in export.losses)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"has_secureboot": true}', b"[" * 100000])
def test_what_is_neither_is_refused(data: bytes) -> None:
    with pytest.raises(ParseError):
        keylime.read(data)


#: Logs of which keylime itself makes a state, one of each kind.
SOME = [name for name in LOGS if name.startswith(("vm/", "samples/tcg2/secure", "samples/tcg2/uki"))]


@pytest.mark.skipif(NO_EVENTLOG is not None, reason=NO_EVENTLOG or "")
@pytest.mark.parametrize("name", SOME)
def test_keylime_makes_the_same_of_it(name: str) -> None:
    theirs, why = state_of(LOGS[name])
    if theirs is None:
        pytest.skip("keylime makes no state of it")
    export = evlog.export(evlog.boot_of(evlog.read(LOGS[name])), "keylime")
    assert json.loads(export.data) == theirs
    foreseen = [finding for finding in export.findings if finding.code == "keylime_example_policy"]
    assert bool(foreseen) == (why != "")


@pytest.mark.skipif(MISSING is not None, reason=MISSING or "")
@pytest.mark.parametrize("machine", ["a-ovmf-direct", "e1-ima-ng-violations"])
def test_keylime_takes_the_list_by_its_own_policy(machine: str, vm: Path, tmp_path: Path) -> None:
    home = vm / machine
    log = evlog.read(home / "ima-binary_runtime_measurements")
    export = evlog.export(evlog.boot_of(log), "keylime")
    policy = tmp_path / "policy.json"
    policy.write_bytes(export.data)
    lines = home / "ima-ascii_runtime_measurements"
    values = json.loads((home / "pcrs.json").read_text())
    violations = [loss for loss in export.losses if "violation" in loss.reason]
    for bank in ("sha1", "sha256"):
        value, failures = failures_of(policy, lines, bank, values[bank]["10"])
        assert value == values[bank]["10"]
        assert failures == ["ima.validation.tomtou"] * len(violations)
    less = json.loads(export.data)
    path, digests = next((p, d) for p, d in less["digests"].items() if p.startswith("/"))
    less["digests"][path] = ["0" * len(digests[0])]
    policy.write_text(json.dumps(less))
    assert "ima.validation.ima-ng.runtime_policy_hash" in failures_of(policy, lines, "sha1", values["sha1"]["10"])[1]
