"""Captures: what is gathered, and that a changed archive is never taken for a good one."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import stat
import sys
import tarfile
import time
from typing import TYPE_CHECKING

import pytest

import evlog
from evlog.errors import ParseError, SourceError, UsageError
from evlog.intake.captures import read_capture
from evlog.live.capture import capture
from tests.command import run
from tests.conftest import SAMPLES, SLOWEST
from tests.fake_machine import FIRMWARE, LOG, MANIFEST, guest, members, packed, put, show, tarred, tpm

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

NONCE = "00112233445566778899aabbccddeeff"
FIRMWARE_MEMBER = "logs/tpm0/binary_bios_measurements"
BEFORE, AFTER = "registers/before/tpm0.json", "registers/after/tpm0.json"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine with a TPM, and what it says of itself."""
    root = tmp_path / "root"
    tpm(root)
    put(root, "etc/os-release", b'NAME="Some Linux"\nID=some\nVERSION_ID="12"\nHOME_URL=https://example.org\n')
    put(root, "etc/machine-id", b"0123456789abcdef0123456789abcdef\n")
    put(root, "etc/hostname", b"secret-name\n")
    put(root, "proc/sys/kernel/random/boot_id", b"11111111-2222-3333-4444-555555555555\n")
    put(root, "proc/sys/kernel/osrelease", b"6.12.0\n")
    put(root, "proc/cmdline", b"root=/dev/vda token=secret-token\n")
    put(root, "sys/class/dmi/id/bios_version", b"edk2-2024\n")
    put(root, "sys/class/dmi/id/product_serial", b"secret-serial\n")
    put(root, "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", b"\x06\0\0\0\1")
    put(root, "sys/kernel/security/lockdown", b"none [integrity] confidentiality\n")
    return root


@pytest.fixture
def archive(machine: Path) -> bytes:
    return capture(root=machine).data


def at(tmp_path: Path, data: bytes, name: str = "machine.tar") -> str:
    (tmp_path / name).write_bytes(data)
    return str(tmp_path / name)


def verified(path: str, *more: str) -> tuple[int, dict[str, Any]]:
    ran = run("verify", path, "--json", *more)
    return ran.code, json.loads(ran.out) if ran.out else {}


def test_what_is_gathered(archive: bytes) -> None:
    found = members(archive)
    assert list(found) == [MANIFEST, BEFORE, AFTER, FIRMWARE_MEMBER, "facts/os-release"]
    assert found[FIRMWARE_MEMBER] == LOG.read_bytes()
    assert found["facts/os-release"] == b"ID=some\nVERSION_ID=12\n"
    manifest = json.loads(found[MANIFEST])
    assert manifest["schema"] == "evlog.capture/1"
    assert manifest["os"] == {"ID": "some", "VERSION_ID": "12", "BUILD_ID": None, "VARIANT_ID": None}
    assert manifest["kernel"]["release"] == "6.12.0"
    assert manifest["firmware"]["bios_version"] == "edk2-2024"
    assert manifest["secure_boot"] == {"SecureBoot": 1, "SetupMode": None}
    assert manifest["lockdown"] == "integrity"
    assert manifest["replayable"]
    assert manifest["consistency"]["equal"]
    assert {each["state"] for each in manifest["sources"]} == {"found", "absent"}
    assert {each["error"] for each in manifest["sources"] if each["state"] == "absent"} == {"ENOENT"}
    log = next(each for each in manifest["members"] if each["name"] == FIRMWARE_MEMBER)
    assert log["source"] == f"/{FIRMWARE}"
    assert log["format"] == "tcg2"
    assert "pcr:7" in log["registers"]


def test_what_tells_whose_machine_it_is_stays_there(archive: bytes) -> None:
    for secret in (b"secret", b"0123456789abcdef0123456789abcdef", b"11111111-2222", b"Some Linux", b"example.org"):
        assert secret not in archive


def test_the_command_line_is_taken_where_a_log_has_it(machine: Path) -> None:
    put(machine, "proc/cmdline", b"measured=1\n")
    put(machine, "run/attestation-agent/eventlog", b"INIT sha384/" + b"0" * 96 + b"\nexample.org/app measured=1 x\n")
    found = members(capture(root=machine).data)
    assert found["facts/cmdline"] == b"measured=1\n"
    assert "facts/cmdline" not in members(capture(root=machine, without=("facts",)).data)


def test_the_archive_is_a_plain_tar(archive: bytes, tmp_path: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        kept = tar.getmembers()
    assert {(each.uid, each.gid, each.uname, each.mode, each.type) for each in kept} == {(0, 0, "", 0o600, b"0")}
    assert len({each.mtime for each in kept}) == 1


def test_the_same_machine_gives_the_same_archive(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    assert capture(root=machine).data == capture(root=machine).data


def test_the_command(machine: Path, tmp_path: Path) -> None:
    out = tmp_path / "m.tar"
    out.touch(0o644)
    ran = run("capture", "-o", str(out), "--root", str(machine), "--json")
    assert ran.code == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    document = json.loads(ran.out)
    assert document["schema"] == "evlog.capture-report/1"
    assert document["manifest"]["schema"] == "evlog.capture/1"
    assert "disk and partition GUIDs" in ran.err.splitlines()[-1]
    assert run("capture", "-o", str(out), "--root", str(machine), "--nonce", "zz").code == 2
    assert run("capture", "-o", str(out), "--root", str(machine), "--nonce", "00" * 16).code == 2
    assert run("capture", "-o", str(out), "--root", str(machine), "--without", "sins").code == 2
    # Nobody can sign: the archive is there, and the answer is no.
    out.unlink()
    assert run("capture", "-o", str(out), "--root", str(machine), "--quote", "--nonce", NONCE).code == 1
    assert out.exists()
    assert run("capture", "-o", str(out), "--root", str(tmp_path / "nothing")).code == 3


def test_a_capture_of_logs_alone_is_named_once(tmp_path: Path) -> None:
    put(tmp_path, FIRMWARE, LOG.read_bytes())
    path = at(tmp_path, capture(root=tmp_path).data, "logs.tar")
    said = "the capture holds no register values"
    ran = run("verify", path)
    assert (ran.code, ran.err) == (2, f"evlog: {path}: {said}: give --registers, --quote or --live\n")
    assert run("verify", path, "--registers", path).err.startswith(f"evlog: {path}: {said}")


@pytest.mark.parametrize("wrap", [bytes, gzip.compress], ids=["tar", "gz"])
def test_every_verb_takes_it(archive: bytes, tmp_path: Path, wrap: Callable[[bytes], bytes]) -> None:
    path = at(tmp_path, wrap(archive))
    code, result = verified(path)
    assert code == 0
    rows = {(row["register"], row["alg"]): row["verdict"] for row in result["registers"]}
    assert all(rows[f"pcr:{index}", "sha256"] == "match" for index in range(8))
    assert any("stated, not measured" in each for each in result["evidence"]["read_only"])
    shown = run("show", path)
    assert shown.code == 0
    assert "stated, not measured" in shown.out
    assert "S_CRTM_VERSION" in shown.out
    machine = json.loads(run("show", path, "--json").out)
    assert machine["schema"] == "evlog.machine/1"
    assert machine["logs"][0]["name"] == FIRMWARE_MEMBER
    assert len(machine["logs"][0]["events"]) == len(evlog.read(LOG).events)
    assert json.loads(run("show", path, "--member", FIRMWARE_MEMBER, "--json").out)["schema"] == "evlog.log/1"
    assert run("replay", path).out == run("replay", str(LOG)).out
    assert run("diff", path, str(LOG)).code == 0
    assert run("report", path, "-o", str(tmp_path / "page.html")).code == 0
    assert "not authenticated" in run("report", path, "-o", str(tmp_path / "page.html")).err
    policy = tmp_path / "policy.json"
    assert run("policy", "learn", path, "-o", str(policy)).code == 0
    checked = json.loads(run("policy", "check", str(policy), path, "--json").out)
    assert checked["rules"]
    assert {rule["verdict"] for rule in checked["rules"]} <= {"unproven", "kept"}


def test_it_comes_by_a_pipe(archive: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(archive)

        def isatty(self) -> bool:
            return False

    for command in (["verify", "-"], ["show", "-"], ["replay", "-"]):
        Stdin.buffer = io.BytesIO(archive)
        monkeypatch.setattr(sys, "stdin", Stdin())
        assert run(*command).code == 0, command


def test_each_member_flipped(archive: bytes, tmp_path: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        places = {each.name: each.offset_data + each.size // 2 for each in tar.getmembers()}
    for name, where in places.items():
        if name == MANIFEST:
            continue
        path = at(tmp_path, archive[:where] + bytes([archive[where] ^ 1]) + archive[where + 1 :])
        ran = run("verify", path)
        assert ran.code == 3, name
        assert name in ran.err
        shown = run("show", path)
        assert shown.code == 1
        assert f"{name} is not what the manifest's SHA-256 is of" in shown.err


def test_no_byte_of_the_manifest_makes_it_another_file(archive: bytes, tmp_path: Path) -> None:
    """Whatever the manifest says then: what proves is the same, or it is refused."""
    schema = b'{\n "schema": "evlog.capture/1"'
    start = archive.index(schema)
    for where in (*range(start, start + 60), start + 300):
        path = at(tmp_path, archive[:where] + bytes([archive[where] ^ 0x15]) + archive[where + 1 :])
        code, result = verified(path)
        assert code == 3 or result["evidence"]["anchored"] is False, where
        assert where >= start + len(schema) or code == 3, where


def test_cut_at_each_member(archive: bytes, tmp_path: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        places = [(each.offset, each.offset_data, each.size) for each in tar.getmembers()]
    for header, data, size in places[1:]:
        for cut in (header, data, data + size // 2):
            path = at(tmp_path, archive[:cut])
            ran = run("verify", path)
            assert ran.code == 3
            assert "capture" in ran.err
    # In the manifest there is nothing left that says that it is one.
    assert run("verify", at(tmp_path, archive[:600])).code in (2, 3)


def test_a_member_more_or_less(archive: bytes, tmp_path: Path) -> None:
    found = members(archive)
    more = packed(found, lambda manifest: None)
    assert run("verify", at(tmp_path, more)).code == 0
    unlisted = tarred([*found.items(), ("logs/other", b"x")])
    assert "logs/other is not in the capture's manifest" in run("verify", at(tmp_path, unlisted)).err
    lacking = tarred([(name, data) for name, data in found.items() if name != AFTER])
    assert f"{AFTER} is in the manifest and not" in run("verify", at(tmp_path, lacking)).err

    def twice(manifest: dict[str, Any]) -> None:
        manifest["members"].append(manifest["members"][0])

    assert run("verify", at(tmp_path, packed(found, twice))).code == 3


def test_who_writes_the_manifest_too_still_needs_the_registers(archive: bytes, tmp_path: Path) -> None:
    found = members(archive)
    log = bytearray(found[FIRMWARE_MEMBER])
    log[-1] ^= 1
    assert run("verify", at(tmp_path, packed({**found, FIRMWARE_MEMBER: bytes(log)}))).code in (0, 1)
    last = evlog.read(bytes(found[FIRMWARE_MEMBER])).events[5]
    assert last.origin is not None
    log = bytearray(found[FIRMWARE_MEMBER])
    log[last.origin.span.offset + 20] ^= 1
    assert run("verify", at(tmp_path, packed({**found, FIRMWARE_MEMBER: bytes(log)}))).code == 1


def test_registers_that_differ_afterwards(archive: bytes, tmp_path: Path) -> None:
    found = members(archive)

    def changed(register: str) -> bytes:
        after = json.loads(found[AFTER])
        value = after["pcr"]["sha256"][register]
        after["pcr"]["sha256"][register] = value[:-2] + ("00" if value[-2:] != "00" else "01")
        return packed({**found, AFTER: json.dumps(after).encode()})

    code, result = verified(at(tmp_path, changed("7")))
    assert code == 1
    assert [each["code"] for each in result["findings"]] == ["capture_moved"]
    # IMA's list grows all the time, and what was quoted is what was there before.
    code, result = verified(at(tmp_path, changed("10")))
    assert code == 0
    assert [each["severity"] for each in result["findings"]] == ["warning"]
    gone = {**found, AFTER: b'{"pcr": {"sha256": {"0": "%s"}}}' % (b"00" * 32)}
    assert verified(at(tmp_path, packed(gone)))[0] == 1


def test_the_reader_keeps_to_its_limits(archive: bytes, tmp_path: Path) -> None:
    found = list(members(archive).items())

    def special(kind: bytes, name: str = "logs/x", link: str = "") -> bytes:
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for member, data in found:
                info = tarfile.TarInfo(member)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            tar.addfile(info)
        return made.getvalue()

    hostile = {
        "no plain file": [
            special(kind, link="/etc/passwd") for kind in (b"1", b"2", b"3", b"4", b"5", b"6", b"S", b"g")
        ],
        "leads elsewhere": [
            tarred([*found, (name, b"x")])
            for name in ("../x", "/etc/x", "logs/../../x", "logs/./x", "logs//x", "logs/")
        ],
        "two members": [tarred([*found, found[1]]), tarred([*found, found[0]])],
        "printable letters": [
            tarred([*found, (name, b"x")]) for name in ("logs/\x1b[2J", "logs/" + "x" * 200, "logs/ü")
        ],
        "more than 1000": [tarred([*found, *((f"logs/{number}", b"") for number in range(1000))])],
    }
    for said, archives in hostile.items():
        for each in archives:
            ran = run("verify", at(tmp_path, each))
            assert ran.code == 3
            assert said in ran.err, ran.err
            assert run("show", at(tmp_path, each)).code == 3


def test_a_million_members_and_a_huge_size(archive: bytes) -> None:
    header = bytearray(archive[:512])
    many = archive[:-10240] + bytes(header) * 0 + _headers(3000)
    began = time.process_time()
    with pytest.raises(ParseError, match=r"more than 1000 members|two members"):
        evlog.read(many)
    huge = bytearray(_header("logs/huge", 1 << 33))
    cut = _end(archive)
    with pytest.raises(ParseError, match="cut"):
        evlog.read(archive[:cut] + bytes(huge))
    bomb = gzip.compress(archive[:cut] + _header("logs/zeros", 1 << 30) + bytes(1 << 26))
    with pytest.raises(ParseError, match="unpacks to over"):
        evlog.read(bomb)
    assert time.process_time() - began < 20 * SLOWEST


def _end(archive: bytes) -> int:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        last = tar.getmembers()[-1]
    return last.offset_data + -(-last.size // 512) * 512


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(format=tarfile.GNU_FORMAT)


def _headers(count: int) -> bytes:
    return b"".join(_header(f"logs/{number}", 0) for number in range(count))


def test_an_archive_of_somebody_elses_with_a_manifest_is_none(tmp_path: Path) -> None:
    other = tarred([(MANIFEST, b'[{"Config": "x.json"}]'), ("log", LOG.read_bytes())])
    assert read_capture(other) is None
    assert len(evlog.read(other).events) == len(evlog.read(LOG).events)


def test_manifests_that_are_none(archive: bytes) -> None:
    found = list(members(archive).items())[1:]
    for text in (b"", b"{", b"[]", b'{"schema": "evlog.capture/2", "members": []}', b'{"schema": 1, "members": []}',
                 b'{"schema": "evlog.capture/1", "members": {}}', b'{"schema": "evlog.capture/1", "members": [1]}',
                 b'{"schema": "evlog.capture/1", "members": [{"name": 1, "sha256": ""}]}'):  # fmt: skip
        with pytest.raises(ParseError, match=r"manifest|members|sha256"):
            evlog.read(tarred([(MANIFEST, text), *found]))


def test_two_tpms(machine: Path, tmp_path: Path) -> None:
    tpm(machine, "tpm1")
    show(machine, evlog.Register("pcr", 7), evlog.SHA256, bytes(32), "tpm1")
    path = at(tmp_path, capture(root=machine).data)
    ran = run("verify", path)
    assert ran.code == 2
    assert "2 TPMs (tpm0, tpm1)" in ran.err
    assert run("verify", path, "--member", "tpm0").code == 0
    assert run("verify", path, "--member", "tpm1").code == 1
    assert run("verify", path, "--member", "tpm2").code == 2
    assert run("show", path, "--member", "tpm1").code == 0


def test_a_guest_with_a_tpm(machine: Path, tmp_path: Path) -> None:
    guest(machine)
    path = at(tmp_path, capture(root=machine).data)
    assert "registers/before/tdx_guest.json" in members((tmp_path / "machine.tar").read_bytes())
    code, result = verified(path, "--require", "pcr:0-7")
    assert code == 0
    assert {row["register"].partition(":")[0] for row in result["registers"]} == {"pcr", "ccmr"}


def test_a_guest_s_report(machine: Path, tmp_path: Path) -> None:
    """A quote of a TD beside its log and its registers, as configfs-tsm would have given it."""
    from tests.made_evidence import td_body, td_quote

    shutil.rmtree(machine / "sys")
    ccel = SAMPLES / "ccel" / "ovmf-tdx.bin"
    put(machine, "sys/firmware/acpi/tables/data/CCEL", ccel.read_bytes())
    values = evlog.replay(evlog.read(ccel)).registers()
    rtmrs = [values.get(evlog.Register("ccmr", index), evlog.SHA384) or bytes(48) for index in range(1, 5)]
    mrtd = b"\x07" * 48
    for name, value in (("mrtd", mrtd), *((f"rtmr{index}", value) for index, value in enumerate(rtmrs))):
        put(machine, f"sys/class/misc/tdx_guest/measurements/{name}:sha384", value).chmod(0o444)
    found = members(capture(root=machine).data)
    quote = td_quote(td_body(mrtd, rtmrs, bytes.fromhex(NONCE)))

    def asked(manifest: dict[str, Any]) -> None:
        manifest["nonce"] = NONCE

    path = at(tmp_path, packed({**found, "quotes/tsm.outblob": quote}, asked))
    code, result = verified(path, "--nonce", NONCE)
    assert code == 0, result
    assert result["evidence"]["source"] == "tdx-quote"
    assert {row["register"].partition(":")[0] for row in result["registers"]} == {"ccmr"}
    assert verified(path, "--nonce", "ff" * 16)[0] == 1
    # What the kernel showed and what the processor signed are of one moment, or it is no answer.
    other = json.loads(found["registers/before/tdx_guest.json"])
    other["ccmr"]["sha384"]["2"] = "11" * 48
    name = "registers/{}/tdx_guest.json"
    changed = {name.format(when): json.dumps(other).encode() for when in ("before", "after")}
    path = at(tmp_path, packed({**found, "quotes/tsm.outblob": quote, **changed}, asked))
    assert verified(path, "--nonce", NONCE)[0] == 1


def test_a_fleet_of_captures(machine: Path, tmp_path: Path) -> None:
    put(
        machine, "sys/kernel/security/ima/binary_runtime_measurements", (SAMPLES / "ima-binary/sha256.bin").read_bytes()
    )
    found = capture(root=machine)
    put(tmp_path, "fleet/a/m.tar", found.data)
    put(tmp_path, "fleet/b/m.tar", found.data[:5000])
    for verb, codes in (("verify", (1, 3)), ("replay", (3,))):
        ran = run(verb, str(tmp_path / "fleet"))
        good, bad = map(json.loads, ran.out.splitlines())
        assert ran.code in codes
        assert good["schema"] == f"evlog.{verb}/1"
        assert {row["register"] for row in good["registers"]} >= {"pcr:7", "pcr:10"}
        assert bad["schema"] == "evlog.error/1"


def test_two_captures_differ_by_all_their_logs(machine: Path, tmp_path: Path) -> None:
    path = put(
        machine, "sys/kernel/security/ima/binary_runtime_measurements", (SAMPLES / "ima-binary/sha256.bin").read_bytes()
    )
    one = at(tmp_path, capture(root=machine).data, "one.tar")
    assert run("diff", one, one).code == 0
    origin = evlog.read(path).events[-1].origin
    assert origin is not None
    path.write_bytes(path.read_bytes()[: origin.span.offset])
    two = at(tmp_path, capture(root=machine).data, "two.tar")
    ran = run("diff", one, two, "--json")
    assert ran.code == 1
    assert [row["register"] for row in json.loads(ran.out)["registers"]] == ["pcr:10"]


def test_a_manifest_that_says_how_a_log_is_read_and_cannot_be(archive: bytes, tmp_path: Path) -> None:
    found = members(archive)
    for reading in ({"register": "nothing at all"}, {"hash": "md2000"}):

        def change(manifest: dict[str, Any], reading: dict[str, str] = reading) -> None:
            for each in manifest["members"]:
                each["reading"] = reading

        ran = run("verify", at(tmp_path, packed(found, change)))
        assert ran.code == 3
        assert "manifest" in ran.err


def test_what_evlog_cannot_read_is_kept_and_not_read(machine: Path, tmp_path: Path) -> None:
    put(machine, "run/attestation-agent/eventlog", b"\0\1\2 of another kind")
    found = capture(root=machine)
    assert "other/attestation-agent/eventlog" in members(found.data)
    assert any("no known log" in each for each in found.problems)
    assert run("verify", at(tmp_path, found.data)).code == 0


def test_a_log_of_its_own(machine: Path, tmp_path: Path) -> None:
    lines = tmp_path / "events.log"
    lines.write_bytes(b"INIT sha256/" + b"0" * 64 + b"\nexample.org/app one\n")
    values = evlog.replay(evlog.read(lines, register=evlog.Register("pcr", 16))).registers()
    for (register, alg), value in values.values.items():
        show(machine, register, alg, value)
    path = str(tmp_path / "m.tar")
    assert run("capture", "-o", path, "--root", str(machine), "--log", f"pcr:16={lines}").code == 0
    code, result = verified(path, "--require", "pcr:0-7,16", "--bank", "sha256")
    assert code == 0
    assert next(row for row in result["registers"] if row["register"] == "pcr:16")["events"] == 2
    assert run("capture", "-o", path, "--root", str(machine), "--log", "pcr:16=/nonexistent").code == 3


def test_what_is_left_out(machine: Path) -> None:
    put(
        machine, "sys/kernel/security/ima/binary_runtime_measurements", (SAMPLES / "ima-binary/sha256.bin").read_bytes()
    )
    assert "logs/ima/binary_runtime_measurements" in members(capture(root=machine).data)
    found = capture(root=machine, without=("ima", "facts"))
    assert not [name for name in members(found.data) if "ima" in name or "facts" in name]
    assert found.manifest["without"] == ["ima", "facts"]
    assert "os" not in found.manifest
    with pytest.raises(UsageError):
        capture(root=machine, without=("nothing",))


def test_redaction_changes_nothing_that_was_measured(machine: Path) -> None:
    secure = SAMPLES / "tcg2" / "secure-boot.bin"
    put(machine, FIRMWARE, secure.read_bytes())
    found = capture(root=machine, redact=True)
    was, log = evlog.read(secure), evlog.read(members(found.data)[FIRMWARE_MEMBER])
    changed = [new.number for old, new in zip(was.events, log.events, strict=True) if old.content != new.content]
    assert changed
    assert found.manifest["redactions"][0]["events"] == changed
    assert [each.digests for each in was.events] == [each.digests for each in log.events]
    assert evlog.replay(was).registers() == evlog.replay(log).registers()
    # What a digest is of is as it was: no check became a mismatch.
    for old, new in zip(evlog.check(was), evlog.check(log), strict=True):
        assert [each.verdict for each in old] == [each.verdict for each in new]
    assert "boot" not in found.manifest
    assert "the boot's id, hashed" not in found.private


def test_what_may_not_be_read_is_said(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def refuse(name: str, *rest: int, **more: int) -> int:
        if str(name).endswith(FIRMWARE):
            raise PermissionError(13, "Permission denied", name)
        return opened(name, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    found = capture(root=machine)
    row = next(each for each in found.manifest["sources"] if each["kind"] == "firmware")
    assert (row["state"], row["error"]) == ("refused", "EACCES")
    assert "root may read it" in found.problems[0]
    with pytest.raises(ParseError, match="without a log"):
        evlog.read(found.data)


def test_nothing_to_capture(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="neither a log nor a register"):
        capture(root=tmp_path)


def test_what_only_begins_as_a_capture_has_the_limits_of_evidence(tmp_path: Path) -> None:
    for start in (b"manifest.json", b"\x1f\x8b\x08"):
        with pytest.raises(SourceError, match="at most 16777216"):
            evlog.read_registers(start + bytes(1 << 24))
