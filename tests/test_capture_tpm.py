"""Captures of a machine with a software TPM: quoted here, verified elsewhere, and never when somebody changed them."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import evlog
from evlog.live import open_device
from evlog.live.append import append
from evlog.live.capture import capture
from tests.command import run
from tests.conftest import SAMPLES
from tests.fake_machine import FIRMWARE, LOG, MANIFEST, members, packed, put
from tests.swtpm import WAYS, needs_swtpm, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.swtpm import Swtpm

pytestmark = needs_swtpm
NONCE = "00112233445566778899aabbccddeeff"
IMA = "sys/kernel/security/ima/binary_runtime_measurements_sha256"
LIST = SAMPLES / "ima-binary" / "ng-violations.bin"
STEM = "quotes/tpm0-sha1-sha256-sha384-sha512"
AK = "quotes/tpm0.ak.pub"


class Machine:
    """A machine with a TPM that was extended as its firmware's log says, and two logs of its own."""

    def __init__(self, tpm: Swtpm, folder: Path) -> None:
        self.tpm = tpm
        self.root = folder / "root"
        put(self.root, FIRMWARE, LOG.read_bytes())
        put(self.root, "proc/sys/kernel/osrelease", b"6.12.0\n")
        self.logs = [("pcr:16", str(folder / "pcr16.log")), ("pcr:23", str(folder / "pcr23.log"))]
        extend(tpm)
        for register, path in self.logs:
            append(tpm.target, register, ["example.org/app one", "example.org/app two"], log=path)

    def capture(self, nonce: str = NONCE) -> bytes:
        found = capture(root=self.root, tcti=self.tpm.tcti, quote=True, nonce=bytes.fromhex(nonce), logs=self.logs)
        assert not found.problems
        assert found.quoted == ("tpm0",)
        return found.data


def extend(tpm: Swtpm) -> None:
    """The firmware's log, event by event, by tpm2-tools."""
    for event in evlog.read(LOG).events:
        if event.measured:
            digests = ",".join(f"{each.alg}={each.value.hex()}" for each in event.digests)
            tpm.tool("pcrextend", f"{event.register.index}:{digests}")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with running() as tpm:
        yield Machine(tpm, tmp_path_factory.mktemp("machine"))


@pytest.fixture(scope="module")
def archive(machine: Machine) -> bytes:
    return machine.capture()


def at(folder: Path, data: bytes, name: str) -> str:
    (folder / name).write_bytes(data)
    return str(folder / name)


def verified(folder: Path, data: bytes, *more: str, nonce: str = NONCE, key: bytes | None = None) -> Any:
    """The exit code and what `evlog verify` says of an archive, with the key that the verifier knows."""
    given = ("--key", at(folder, key, "ak.pub"), "--authenticated") if key is not None else ()
    ran = run("verify", at(folder, data, "machine.tar"), "--nonce", nonce, *given, *more, "--json")
    return ran.code, json.loads(ran.out) if ran.out else {}


def test_verified_elsewhere_with_the_key_from_outside(archive: bytes, tmp_path: Path) -> None:
    key = members(archive)[AK]
    code, result = verified(tmp_path, archive, "--require", "pcr:0-16,23", key=key)
    assert code == 0, result
    assert result["word"] == "verified"
    assert result["evidence"]["anchored"]
    assert result["evidence"]["fresh"]
    assert {row["verdict"] for row in result["registers"]} <= {"match", "incomplete"}
    told = {(row["register"], row["alg"]): row for row in result["registers"]}
    for register, events in (("pcr:0", 4), ("pcr:7", 6), ("pcr:16", 3), ("pcr:23", 3)):
        assert told[register, "sha256"]["verdict"] == "match"
        assert told[register, "sha256"]["proven"] == events
    assert result["complete"] or {row["register"] for row in result["registers"] if row["verdict"] == "incomplete"} == {
        "pcr:16",
        "pcr:23",
    }


def test_its_own_key_checks_and_anchors_nothing(archive: bytes, tmp_path: Path) -> None:
    code, result = verified(tmp_path, archive)
    assert code == 0
    assert result["word"] == "read"
    assert not result["evidence"]["anchored"]
    assert any("signed by the key in the evidence" in each for each in result["evidence"]["authenticated"])
    assert run("verify", str(tmp_path / "machine.tar"), "--nonce", NONCE, "--authenticated").code == 1


def test_the_nonce_is_the_verifiers(archive: bytes, tmp_path: Path) -> None:
    key = members(archive)[AK]
    assert verified(tmp_path, archive, nonce="ff" * 16)[0] == 1
    assert verified(tmp_path, archive, nonce="ff" * 16, key=key)[0] == 1
    # What the manifest states is nobody's nonce.
    ran = run("verify", str(tmp_path / "machine.tar"), "--key", str(tmp_path / "ak.pub"), "--json")
    assert json.loads(ran.out)["word"] == "replayable"


def test_other_tools_read_it(archive: bytes, tmp_path: Path) -> None:
    if not shutil.which("tpm2_checkquote"):
        pytest.skip("no tpm2_checkquote here")
    for name, data in members(archive).items():
        put(tmp_path, name, data)
    ran = subprocess.run(
        ["tpm2_checkquote", "-u", AK, "-m", f"{STEM}.msg", "-s", f"{STEM}.sig", "-f", f"{STEM}.pcrs", "-q", NONCE],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr


#: What somebody changes who writes a manifest that fits, with the AK that the verifier knows: never ok.
CHANGED = ["log", "signature", "message", "pcrs", "before", "after", "ak", "reading", "dropped-log"]


@pytest.mark.parametrize("what", CHANGED)
def test_a_changed_capture_is_never_ok(archive: bytes, tmp_path: Path, what: str) -> None:
    found = members(archive)
    key = found[AK]
    before, after = "registers/before/tpm0.json", "registers/after/tpm0.json"
    change = None

    def flipped(name: str, where: int) -> bytes:
        data = bytearray(found[name])
        data[where] ^= 1
        return bytes(data)

    def valued(name: str) -> bytes:
        table = json.loads(found[name])
        table["pcr"]["sha256"]["7"] = "11" * 32
        return json.dumps(table).encode()

    event = evlog.read(LOG).events[5]
    assert event.origin is not None
    firmware = "logs/tpm0/binary_bios_measurements"
    text = next(name for name in found if name.startswith("logs/text/0"))
    if what == "log":
        found[firmware] = flipped(firmware, event.origin.span.offset + 20)
    elif what == "signature":
        found[f"{STEM}.sig"] = flipped(f"{STEM}.sig", 20)
    elif what == "message":
        found[f"{STEM}.msg"] = flipped(f"{STEM}.msg", 60)
    elif what == "pcrs":
        found[f"{STEM}.pcrs"] = flipped(f"{STEM}.pcrs", 145)
    elif what in ("before", "after"):
        name = before if what == "before" else after
        found[name] = valued(name)
    elif what == "ak":
        found[AK] = flipped(AK, len(found[AK]) - 1)
    elif what == "dropped-log":
        del found[text]
    else:

        def change(manifest: dict[str, Any]) -> None:
            listed = next(each for each in manifest["members"] if each["name"] == text)
            listed["reading"] = {"register": "pcr:23"}

    data = packed(found, change)
    code, result = verified(tmp_path, data, "--require", "pcr:0-7,16", key=key)
    if what == "ak":  # it is the verifier's own key that counts
        assert (code, result["word"]) == (0, "verified")
        assert verified(tmp_path, data)[1]["word"] == "read"
        return
    assert code in (1, 3), result
    code, result = verified(tmp_path, data, "--require", "pcr:0-7,16")
    assert code in (1, 3), result


def test_two_quotes_of_different_boots(machine: Machine, archive: bytes, tmp_path: Path) -> None:
    found = members(archive)
    other = members(machine.capture())
    both = dict(found)
    for name, data in other.items():
        if name.startswith(STEM):
            both[name.replace(STEM, "quotes/tpm0-again")] = data
    # Of one boot, key and nonce two quotes say the same.
    assert verified(tmp_path, packed(both), key=found[AK])[0] == 0
    machine.tpm.reboot()
    extend(machine.tpm)
    later = open_device(machine.tpm.target).quote(bytes.fromhex(NONCE))  # type: ignore[attr-defined]
    both[f"{STEM.replace('tpm0-', 'tpm0-z')}.msg"] = later.message
    both[f"{STEM.replace('tpm0-', 'tpm0-z')}.sig"] = later.signature
    code, result = verified(tmp_path, packed(both), key=found[AK])
    assert code == 1
    assert "quotes_differ" in [each["code"] for each in result["findings"]]


def test_a_list_that_went_on_after_the_quote(tmp_path: Path) -> None:
    """As the kernel leaves it while it is captured: the last entries are on the list, and not in what was quoted."""
    with running() as tpm:
        machine = Machine(tpm, tmp_path)
        put(machine.root, IMA, LIST.read_bytes())
        device = open_device(tpm.target)
        entries = evlog.read(LIST).events
        for event in entries[:-2]:
            digests = {
                alg: event.extension(alg, ("hash",)) for alg in (evlog.SHA1, evlog.SHA256, evlog.SHA384, evlog.SHA512)
            }
            device.extend(event.register, {alg: digest for alg, digest in digests.items() if digest})
        archive = machine.capture()
    code, result = verified(tmp_path, archive, "--require", "pcr:0-7,10", key=members(archive)[AK])
    assert code == 0, result
    assert result["word"] == "verified"
    row = next(row for row in result["registers"] if (row["register"], row["alg"]) == ("pcr:10", "sha256"))
    assert (row["cause"], row["events"], row["proven"]) == ("ahead", len(entries), len(entries) - 2)
    # Behind it is another matter: what was quoted is then no list's.
    found = members(archive)
    name = f"logs/ima/{IMA.rpartition('/')[2]}"
    cut = evlog.read(LIST).events[-5].origin
    assert cut is not None
    found[name] = found[name][: cut.span.offset]
    assert verified(tmp_path, packed(found), "--require", "pcr:0-7,10", key=found[AK])[0] == 1


def test_values_that_no_quote_is_of(archive: bytes, tmp_path: Path) -> None:
    """A quote of few registers, and the rest as somebody says."""
    found = members(archive)
    with running() as tpm:
        tpm.tool("pcrextend", "4:sha256=" + "11" * 32)
        device = open_device(tpm.target)
        quote = device.quote(bytes.fromhex(NONCE), [evlog.Register("pcr", 4)], [evlog.SHA256])  # type: ignore[attr-defined]
    for ending in ("msg", "sig", "pcrs"):
        del found[f"{STEM}.{ending}"]
    found["quotes/tpm0-few.msg"], found["quotes/tpm0-few.sig"] = quote.message, quote.signature
    found["quotes/tpm0-few.pcrs"] = quote.pcrs
    # It contradicts what was read; and without that value nothing stands behind the others.
    assert verified(tmp_path, packed(found), "--require", "pcr:0-3", key=quote.key_public)[0] == 1
    for when in ("before", "after"):
        table = json.loads(found[f"registers/{when}/tpm0.json"])
        table["pcr"]["sha256"]["4"] = quote.registers[evlog.Register("pcr", 4), evlog.SHA256].hex()
        found[f"registers/{when}/tpm0.json"] = json.dumps(table).encode()
    code, result = verified(tmp_path, packed(found), "--require", "pcr:0-3", key=quote.key_public)
    assert code == 1
    assert {row["verdict"] for row in result["registers"] if row["demanded"]} == {"not_reported"}


def test_another_nonce_in_the_manifest(archive: bytes, tmp_path: Path) -> None:
    found = members(archive)

    def change(manifest: dict[str, Any]) -> None:
        manifest["nonce"] = "ff" * 16

    code, result = verified(tmp_path, packed(found, change), nonce=NONCE)
    assert code == 1
    assert "capture_nonce" in [each["code"] for each in result["findings"]]
    assert verified(tmp_path, packed(found, change), nonce="ff" * 16)[0] == 1


def test_without_a_nonce_it_says_replayable(machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "m.tar"
    ran = run("capture", "-o", str(path), "--root", str(machine.root), "--tcti", machine.tpm.tcti, "--quote")
    assert ran.code == 0
    assert "replayable" in ran.err
    manifest = json.loads(members(path.read_bytes())[MANIFEST])
    assert manifest["replayable"]
    assert manifest["nonce"] is None
    shown = run("show", str(path))
    assert "replayable" in shown.out
    # Nobody chose it, so that nothing can be said of its age.
    key = at(tmp_path, members(path.read_bytes())[AK], "k")
    assert (
        json.loads(run("verify", str(path), "--key", key, "--require", "pcr:0-7", "--json").out)["word"] == "replayable"
    )


def test_a_tpm_that_does_not_answer(machine: Machine, tmp_path: Path) -> None:
    path = str(tmp_path / "m.tar")
    missing = f"swtpm:path={tmp_path}/nowhere"
    ran = run("capture", "-o", path, "--root", str(machine.root), "--tcti", missing, "--quote", "--nonce", NONCE)
    assert ran.code == 1
    assert "no quote of tpm0" in ran.err
    assert "the registers of tpm0" in ran.err
    assert run("show", path).code == 0
    assert run("verify", path).code == 2


def test_a_policy_is_kept_by_what_the_key_stands_behind(
    archive: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, key, policy = (
        at(tmp_path, archive, "m.tar"),
        at(tmp_path, members(archive)[AK], "k"),
        str(tmp_path / "p.json"),
    )
    assert run("policy", "learn", path, "-o", policy).code == 0
    ran = run("policy", "check", policy, path, "--key", key, "--nonce", NONCE, "--json")
    assert ran.code == 0
    assert {rule["verdict"] for rule in json.loads(ran.out)["rules"]} == {"kept"}
    unsigned = run("policy", "check", policy, path, "--nonce", NONCE, "--json")
    assert unsigned.code == 1
    assert {rule["verdict"] for rule in json.loads(unsigned.out)["rules"]} == {"unproven"}

    class Stdin:
        buffer = io.BytesIO(archive)

        def isatty(self) -> bool:
            return False

    monkeypatch.setattr(sys, "stdin", Stdin())
    assert run("policy", "check", policy, "-", "--key", key, "--nonce", NONCE).code == 0


@pytest.mark.parametrize("way", WAYS)
def test_an_attestation_key_that_the_verifier_knows(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Enrolled by tpm2-tools, whatever it signs with; used by its handle, and left where it is."""
    monkeypatch.setenv("EVLOG_TPM", way)
    for number, (algorithm, scheme) in enumerate((("ecc384", "ecdsa"), ("rsa2048", "rsassa"))):
        handle = f"0x8101000{number}"
        digest = "sha384" if scheme == "ecdsa" else "sha256"
        context = str(tmp_path / f"{scheme}.ctx")
        made_for = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign"
        machine.tpm.tool(
            "createprimary", "-Q", "-C", "o", "-G", f"{algorithm}:{scheme}-{digest}:null", "-a", made_for, "-c", context
        )
        machine.tpm.tool("evictcontrol", "-Q", "-C", "o", "-c", context, handle)
        machine.tpm.tool("flushcontext", "-t")
        key = tmp_path / "enrolled.pem"
        machine.tpm.tool("readpublic", "-Q", "-c", handle, "-f", "pem", "-o", str(key))
        out = tmp_path / "machine.tar"
        asked = ("--quote", "--nonce", NONCE, "--tcti", machine.tpm.tcti, "--root", str(machine.root))
        ran = run("capture", "-o", str(out), *asked, "--ak", handle)
        assert ran.code == 0, ran.err
        assert verified(tmp_path, out.read_bytes(), key=key.read_bytes())[1]["word"] == "verified"
        assert verified(tmp_path, machine.capture(), key=key.read_bytes())[0] == 1
        machine.tpm.tool("evictcontrol", "-Q", "-C", "o", "-c", handle)  # it is still there


def test_a_key_that_is_not_there(machine: Machine, tmp_path: Path) -> None:
    asked = ("capture", "-o", str(tmp_path / "machine.tar"), "--tcti", machine.tpm.tcti, "--root", str(machine.root))
    ran = run(*asked, "--quote", "--ak", "0x81010077")
    assert ran.code == 1
    assert "no quote of tpm0" in ran.err
    assert run(*asked, "--ak", "0x81010077").code == 2
    assert run(*asked, "--quote", "--ak", "0x40000001").code in (1, 2)
    assert run(*asked, "--quote", "--ak", "my key").code == 2
