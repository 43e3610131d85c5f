"""The message for trustee's reference value service, under the names that its default policy asks for."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from typing import Any

import pytest

import evlog
from evlog.errors import ConversionError, ParseError
from evlog.references import rvps
from tests.conftest import SAMPLES
from tests.made import event, header

CCEL = SAMPLES / "ccel" / "ovmf-tdx.bin"
APPLICATION, TAG = 0x80000003, 6
END = b"\x7f\xff\x04\x00"


def message(*logs: evlog.Log, by: str = "event") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(evlog.export([evlog.boot_of(log) for log in logs], "rvps", by=by).data)
    return found


def values(*logs: evlog.Log, by: str = "event") -> dict[str, Any]:
    found = message(*logs, by=by)
    told: dict[str, Any] = json.loads(base64.b64decode(found["payload"], validate=True))
    assert told == found["values"]
    return told


def guest(kernel: bytes, path: str = "kernel") -> evlog.Log:
    """A guest whose kernel QEMU loaded: events of an image and of its command line in RTMR[1] and RTMR[2]."""
    name = (path + "\0").encode("utf-16-le")
    node = b"\x04\x04" + struct.pack("<H", 4 + len(name)) + name
    image = struct.pack("<QQQQ", 0x1000, 10, 0, len(node + END)) + node + END
    line = b"LOADED_IMAGE::LoadOptions\0"
    data = header("sha384", register=1)
    data += event(2, APPLICATION, image, "sha384", hashed=kernel)
    data += event(3, TAG, struct.pack("<II", 0x8F3B22ED, len(line)) + line, "sha384", hashed=b"line")
    return evlog.read(data, format="ccel", platform="tdx")


def test_registers_are_lists_under_the_hardware_s_numbers() -> None:
    log = evlog.read(CCEL)
    want = {str(row.register): row.value.hex() for row in evlog.replay(log) if row.value is not None}
    assert values(log) == {"rtmr_0": [want["ccmr:1"]], "rtmr_1": [want["ccmr:2"]], "rtmr_2": [want["ccmr:3"]]}


def test_the_message_is_one_that_the_service_takes() -> None:
    found = message(evlog.read(CCEL))
    assert (found["version"], found["type"]) == ("0.1.0", "sample")


def test_the_events_of_a_direct_boot_are_plain_text() -> None:
    log = guest(b"kernel image")
    told = values(log)
    assert told["tdvfkernel"] == hashlib.sha384(b"kernel image").hexdigest()
    assert told["tdvfkernelparams"] == hashlib.sha384(b"line").hexdigest()
    assert set(values(log, by="register")) == {"rtmr_1", "rtmr_2"}
    assert "tdvfkernel" not in values(guest(b"kernel image", "\\EFI\\kernel.efi"))


def test_several_boots_are_one_list_each_value_once() -> None:
    one, two = guest(b"one"), guest(b"two")
    told = values(one, two, one)
    assert len(told["rtmr_1"]) == 2
    assert len(told["rtmr_2"]) == 1
    # Of one that the policy compares with == there can be but one.
    assert "tdvfkernel" not in told
    assert told["tdvfkernelparams"]
    losses = evlog.export([evlog.boot_of(log) for log in (one, two)], "rvps").losses
    assert "tdvfkernel" in [loss.field for loss in losses]


def test_a_virtual_tpm_has_pcr_11() -> None:
    log = evlog.read(SAMPLES / "tcg2" / "uki.bin")
    row = next(row for row in evlog.replay(log) if str(row.register) == "pcr:11" and row.alg == evlog.SHA256)
    assert row.value is not None
    assert values(log) == {"tpm_pcr11": [row.value.hex()]}
    export = evlog.export(evlog.boot_of(log), "rvps")
    assert [loss.field for loss in export.losses if "pcr:7" in loss.reason] == ["register"]


def test_what_the_policy_never_asks_for_is_said() -> None:
    assert [finding.code for finding in evlog.export(evlog.boot_of(evlog.read(CCEL)), "rvps").findings] == [
        "rvps_not_asked"
    ]
    with pytest.raises(ConversionError, match="nothing is left"):
        message(evlog.read(SAMPLES / "tcg2" / "ovmf.bin"))
    with pytest.raises(ConversionError, match="nothing is left"):
        # Of another kind of guest registers are no RTMRs.
        message(evlog.read(CCEL, platform="cca"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"version": "0.2.0", "type": "sample", "payload": "e30="}',
        b'{"type": "corim", "payload": "e30="}',
        b'{"type": "sample"}',
        b'{"type": "sample", "payload": "!"}',
        b'{"type": "sample", "payload": "W10="}',
        b'{"type": "sample", "payload": "e30"}',
    ],
)
def test_what_the_service_refuses_is_refused(data: bytes) -> None:
    with pytest.raises(ParseError):
        rvps.read(data)


def test_the_version_may_be_absent() -> None:
    assert rvps.read(b'{"type": "sample", "payload": "e30="}') == {}
