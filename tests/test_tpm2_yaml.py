"""The tpm2-yaml document against the tool that it is for."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from evlog.algorithms import SHA256
from evlog.contents.opaque import Opaque
from evlog.errors import UsageError
from evlog.intake.read import read
from evlog.model import Event, Log
from evlog.registers import Register
from evlog.replaying.replay import replay
from evlog.report import tpm2_yaml
from tests.firmware_logs import firmware_logs
from tests.made import GUID, event, header, load_option, sha1_event, signature_list, variable

_LOGS = dict(firmware_logs())
_VERSIONS = (1, 2)
#: Documents that differ from the tool's, and why the tool's is not followed.
DIFFERENCES = {
    (1, "samples/tcg2/no-digests.bin"): "the tool takes the zeros after the log for events",
    (2, "samples/tcg2/no-digests.bin"): "the tool takes the zeros after the log for events",
    (1, "corpus/tpm2-software__tpm2-tools__specid-vendordata.bin"): "the tool reads vendor info beyond the event's end",
    (2, "corpus/tpm2-software__tpm2-tools__specid-vendordata.bin"): "the tool reads vendor info beyond the event's end",
    (
        2,
        "corpus/kgoldman__ibmtss__dell1.log",
    ): "the tool prints (null) for a partition name that is not ASCII to its end",
}


def _tool(log: bytes | Path, version: int, folder: Path) -> subprocess.CompletedProcess[bytes]:
    path = log
    if isinstance(log, bytes):
        path = folder / "log.bin"
        path.write_bytes(log)
    return subprocess.run(
        ["tpm2_eventlog", f"--eventlog-version={version}", str(path)], capture_output=True, check=False
    )


@pytest.fixture(scope="module")
def tool() -> None:
    """The tool, in the version whose document this is."""
    if shutil.which("tpm2_eventlog") is None:
        pytest.skip("tpm2-tools is not installed")
    told = subprocess.run(["tpm2_eventlog", "--version"], capture_output=True, text=True, check=False)
    if 'version="5.4"' not in told.stdout + told.stderr:
        pytest.skip(f"this is another tpm2_eventlog: {told.stdout.strip()}")


def _document(source: bytes | Path, version: int) -> str:
    return "".join(line + "\n" for line in tpm2_yaml.lines(read(source), version))


def _load(document: str | bytes) -> Any:
    return yaml.load(document, yaml.BaseLoader)


@pytest.mark.parametrize("version", _VERSIONS)
@pytest.mark.parametrize("name", _LOGS)
def test_is_what_the_tool_prints(name: str, version: int, tool: None, tmp_path: Path) -> None:
    ran = _tool(_LOGS[name], version, tmp_path)
    have = _document(_LOGS[name], version)
    if ran.returncode:
        yaml.safe_load(have)
        pytest.skip("the tool gives up on this log")
    plain = "".join(line for line in have.splitlines(keepends=True) if not line.startswith("    #"))
    try:
        want = ran.stdout.decode()
    except UnicodeDecodeError:
        pytest.skip("the tool's document is not UTF-8")
    if (version, name) in DIFFERENCES:
        assert plain != want, "listed as a difference, and is none"
        assert _load(have)["pcrs"] == _load(want)["pcrs"]
    elif plain != want:
        # Hex digits that look like a number are in quotes here.
        assert _load(plain) == _load(want)


_DRIVER_CONFIG, _BOOT, _AUTHORITY, _BOOT2 = 0x80000001, 0x80000002, 0x800000E0, 0x8000000C
_BODIES = {
    **{f"type-{number:#x}": (number, bytes(range(0x41, 0x41 + 20))) for number in (*range(0x15), 0x8000000D, 0x40E)},
    "long hex": (5, bytes(1500)),
    "no action": (3, b"StartupLocality\0\3"),
    "post code blob": (1, bytes(range(16))),
    "text with nul": (0x80000007, b"Exit Boot\0 Services"),
    "hcrtm": (0x80000010, b"HCRTM"),
    "blob2": (0x8000000A, b"\3abc" + bytes(range(16))),
    "image": (0x80000003, bytes(range(32)) + b"path"),
    "ipl lines": (13, b"one\ntwo\n\nthree\n"),
    "ipl newline": (13, b"\n"),
    "ipl escapes": (13, b" \ta\\b'c\"d\0\a\b\t\v\f\r\x1b"),
    "ipl utf-8": (13, "λ".encode()),
    "nameless variable": (_DRIVER_CONFIG, variable("", b"bar")),
    "other variable": (_DRIVER_CONFIG, variable("Foo", b"bar")),
    "empty variable": (_DRIVER_CONFIG, variable("Foo", b"")),
    "secure boot": (_DRIVER_CONFIG, variable("SecureBoot", b"\1")),
    "secure boot off": (_DRIVER_CONFIG, variable("SecureBoot", b"\0")),
    "no secure boot": (_DRIVER_CONFIG, variable("SecureBoot", b"")),
    "empty pk": (_DRIVER_CONFIG, variable("PK", b"")),
    "db that is none": (_DRIVER_CONFIG, variable("db", b"abc")),
    "two lists": (
        _DRIVER_CONFIG,
        variable(
            "db",
            signature_list(20, GUID + b"abcd", GUID + b"\0\0\0\0") + signature_list(17, GUID + b"a", header=b"hh"),
        ),
    ),
    "empty list": (_DRIVER_CONFIG, variable("dbx", signature_list(20))),
    "signatures too small": (_DRIVER_CONFIG, variable("KEK", signature_list(15, b"a" * 15))),
    "list that does not divide": (_DRIVER_CONFIG, variable("db", signature_list(20, b"a" * 21))),
    "list with bytes behind": (_DRIVER_CONFIG, variable("db", signature_list(20, GUID + b"abcd") + b"abc")),
    "dbt": (_DRIVER_CONFIG, variable("dbt", signature_list(20))),
    "authority": (_AUTHORITY, variable("db", GUID + b"\x30\x82")),
    "authority without data": (_AUTHORITY, variable("Shim", GUID)),
    "mok": (_AUTHORITY, variable("MokListTrusted", b"\1")),
    "sbat": (_AUTHORITY, variable("SbatLevel", b"sbat,1\nshim,2\n")),
    "no sbat": (_AUTHORITY, variable("SbatLevel", b"")),
    "vendor_db": (_AUTHORITY, variable("vendor_db", b"abc")),
    "old shim": (_AUTHORITY, variable("Shim", b"\x30\x82" + bytes(40)) + bytes(5) + b"\xaf"),
    "boot order": (_BOOT, variable("BootOrder", b"\1\0\2\0")),
    "boot order 2": (_BOOT2, variable("BootOrder", b"\1\0\2\0")),
    "boot option": (_BOOT, variable("Boot00aF", load_option(1, "Debian", b"path", b"optional"))),
    "inactive option": (_BOOT, variable("Boot0000", load_option(0, "x", b""))),
    "no boot option": (_BOOT, variable("Boot00aG", b"abcd")),
}


@pytest.mark.parametrize("version", _VERSIONS)
@pytest.mark.parametrize("name", _BODIES)
def test_bodies_are_as_the_tool_prints_them(name: str, version: int, tool: None, tmp_path: Path) -> None:
    event_type, data = _BODIES[name]
    log = header("sha1", "sha256") + event(1, event_type, data, "sha1", "sha256")
    ran = _tool(log, version, tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert _load(_document(log, version)) == _load(ran.stdout)


def test_vendor_info_and_banks(tool: None, tmp_path: Path) -> None:
    log = (
        header("sha256", "sha384", vendor=b"\xde\xad")
        + event(23, 5, b"text", "sha256", "sha384")
        + event(30, 5, b"", "sha384")
    )
    assert _load(_document(log, 1)) == _load(_tool(log, 1, tmp_path).stdout)


def test_sha1_log_is_the_tools_mapping(tool: None, tmp_path: Path) -> None:
    log = sha1_event(0, 8, b"x") + sha1_event(1, 13, b"y") + sha1_event(1, 3, b"z")
    document = _document(log, 1)
    plain = "".join(line for line in document.splitlines(keepends=True) if not line.startswith("    #"))
    assert plain.encode() == _tool(log, 1, tmp_path).stdout
    codes = [each.code for each in tpm2_yaml.findings(read(log), document.splitlines())]
    assert "tool_mapping" in codes


# Where the tool stops, or prints what no YAML parser reads, or leaves something out.

_GIVEN_UP = {
    "short variable": (_DRIVER_CONFIG, b"abc"),
    "variable that is longer than its event": (_BOOT, variable("Boot0000", b"abc")[:-1]),
    "name that is longer than its event": (_BOOT, GUID + b"\xff" * 16),
    "short blob": (7, b"abc"),
    "short image": (0x80000003, b"abc"),
    "short table": (0x80000006, b"EFI PART"),
    "blob2 without address": (0x8000000A, b"\xff"),
}


@pytest.mark.parametrize("version", _VERSIONS)
@pytest.mark.parametrize("name", _GIVEN_UP)
def test_body_that_the_tool_gives_up_on_is_hex(name: str, version: int) -> None:
    event_type, data = _GIVEN_UP[name]
    if event_type == 0x80000006 and version == 1:
        data = b"any"
    log = header("sha256") + event(1, event_type, data, "sha256") + event(2, 4, bytes(4), "sha256")
    document = _load(_document(log, version))
    assert document["events"][1]["Event"] == data.hex()
    assert document["events"][2]["PCRIndex"] == "2"


_HOSTILE = (
    "a: b",
    "#",
    "'",
    '"',
    "\\",
    "- x",
    "null",
    "yes",
    "0x10",
    "1e3",
    "é",
    "\x07",
    "\x85",
    "\u2028",
    "\ufeff",
    "\U0001f600",
    "",
    " x ",
)


@pytest.mark.parametrize("text", _HOSTILE)
def test_every_string_is_read_back_as_it_is(text: str) -> None:
    name = variable(text, b"x")
    option = variable("Boot0001", load_option(1, text, b"", b""))
    log = header("sha256") + event(1, _DRIVER_CONFIG, name, "sha256") + event(1, _BOOT, option, "sha256")
    events = yaml.safe_load(_document(log, 2))["events"]
    assert events[1]["Event"]["UnicodeName"] == text
    assert events[2]["Event"]["VariableData"]["Description"] == text


@pytest.mark.parametrize("data", [b"\xff\xfe", b"a\x01b", b"a\nb", b" a", b"", b"\x85", "\u2029".encode()])
def test_text_of_an_event_survives(data: bytes) -> None:
    log = header("sha256") + event(4, 0x80000007, data, "sha256") + event(8, 13, data + b"!", "sha256")
    events = yaml.safe_load(_document(log, 1))["events"]
    if data:
        read = events[1]["Event"]
        assert read == (data.decode() if data.isascii() or data[0] == 0xE2 else data.decode("latin-1"))
    assert "!" in events[2]["Event"]["String"]


def test_digits_stay_a_string() -> None:
    number = signature_list(20, GUID + b"\x12\x34\x56\x78") + signature_list(18, GUID + b"\x1e\x10")
    log = header("sha256") + event(7, _DRIVER_CONFIG, variable("db", number), "sha256")
    lists = yaml.safe_load(_document(log, 2))["events"][1]["Event"]["VariableData"]
    assert [each["Keys"][0]["SignatureData"] for each in lists] == ["12345678", "1e10"]


def test_wrong_values_are_corrected_in_comments() -> None:
    log = header("sha256") + event(0, 3, b"StartupLocality\0\3", "sha256") + event(0, 8, b"x", "sha256")
    right = replay(read(log))[Register("pcr", 0), SHA256].hex()
    document = _document(log, 1)
    assert f"    # 0: the log replays to 0x{right}\n" in document
    assert f"0  : 0x{right}" not in document
    codes = [each.code for each in tpm2_yaml.findings(read(log), document.splitlines())]
    assert codes == ["tool_values"]


def test_other_logs_are_refused() -> None:
    register = Register("pcr", 10)
    log = Log("x", (Event(0, register, (), Opaque("x", b"")),))
    with pytest.raises(UsageError, match="opaque"):
        list(tpm2_yaml.lines(log))
