"""A TPM, by both ways to speak to one: a software TPM, with tpm2-tools as the second opinion."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import evlog
from evlog.algorithms import HashAlg
from evlog.errors import NotDoneError, SourceError, UsageError
from evlog.live import open_device, tpm_pytss, tpm_tools
from evlog.live.append import append
from evlog.live.tpm import Tpm
from evlog.registers import Register
from tests import kills
from tests.command import run
from tests.conftest import SAMPLES
from tests.swtpm import WAYS, Swtpm, needs_swtpm, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evlog.live.tpm_answers import Selection

BANKS = ("sha1", "sha256", "sha384", "sha512")
PCR16 = Register("pcr", 16)
NONCE = bytes(range(16))


@pytest.fixture(scope="module")
def machine() -> Iterator[Swtpm]:
    with running() as started:
        yield started


@pytest.fixture
def software(machine: Swtpm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Swtpm:
    """A TPM whose free PCRs are zeros; locks and journals in the test's own folder."""
    monkeypatch.setenv("EVLOG_RUN", str(tmp_path / "run"))
    for pcr in ("16", "23"):
        machine.tool("pcrreset", pcr)
    return machine


def opened(target: str, way: str, monkeypatch: pytest.MonkeyPatch) -> Tpm:
    monkeypatch.setenv("EVLOG_TPM", way)
    device = open_device(target)
    assert isinstance(device, Tpm)
    return device


def values(software: Swtpm) -> dict[tuple[str, int], str]:
    """What tpm2_pcrread says of all PCRs."""
    found, bank = {}, ""
    for line in software.tool("pcrread").splitlines():
        name, _, value = line.partition(":")
        if value.strip():
            found[bank, int(name)] = value.strip().removeprefix("0x").lower()
        else:
            bank = name.strip()
    return found


def each(text: bytes) -> dict[HashAlg, bytes]:
    return {HashAlg.named(bank): hashlib.new(bank, text).digest() for bank in BANKS}


@needs_swtpm
@pytest.mark.parametrize("way", WAYS)
def test_all_registers_of_all_banks(software: Swtpm, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    device = opened(software.target, way, monkeypatch)
    members = device.members()
    assert [member.name for member in members] == [str(index) for index in range(24)]
    assert {tuple(map(str, member.banks)) for member in members} == {BANKS}
    kinds = {kind: [m.register.number for m in members if m.kind == kind] for kind in ("resettable", "closed")}
    assert kinds == {"resettable": [16, 23], "closed": [17, 18, 19, 20, 21, 22]}
    read = {(str(alg), register.number): value.hex() for (register, alg), value in device.read().values.items()}
    assert read == values(software)
    assert len(read) == 96


@needs_swtpm
@pytest.mark.parametrize("way", WAYS)
def test_an_extension_is_of_every_bank(software: Swtpm, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    device = opened(software.target, way, monkeypatch)
    device.extend(PCR16, each(b"event"))
    now = values(software)
    for bank in BANKS:
        zeros = bytes(hashlib.new(bank).digest_size)
        assert now[bank, 16] == hashlib.new(bank, zeros + hashlib.new(bank, b"event").digest()).hexdigest()
    assert device.read([PCR16]).values == {(PCR16, HashAlg.named(bank)): bytes.fromhex(now[bank, 16]) for bank in BANKS}
    less = each(b"less")
    del less[evlog.SHA384]
    with pytest.raises(UsageError, match="none is given for sha384"):
        device.extend(PCR16, less)
    with pytest.raises(UsageError, match="a sha256 digest has 32"):
        device.extend(PCR16, {**each(b""), evlog.SHA256: bytes(20)})
    with pytest.raises(UsageError, match="no bank has pcr:24"):
        device.extend(Register("pcr", 24), each(b""))
    with pytest.raises(UsageError, match="no register of a TPM"):
        device.extend(Register("rtmr", 3), each(b""))
    assert values(software) == now


@needs_swtpm
@pytest.mark.parametrize("way", WAYS)
def test_what_the_tpm_refuses(software: Swtpm, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer in words, with its number; nothing happened then."""
    device = opened(software.target, way, monkeypatch)
    before = values(software)
    with pytest.raises(NotDoneError, match=r"another locality \(0x907\)"):
        device.extend(Register("pcr", 17), each(b""))
    with pytest.raises(NotDoneError, match=r"no such register.* \(0x184\)"):
        device._backend.extend(24, {alg.id: digest for alg, digest in each(b"").items()})
    assert values(software) == before


@needs_swtpm
@pytest.mark.parametrize("way", WAYS)
def test_a_bank_that_evlog_cannot_compute_is_refused(
    software: Swtpm, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = opened(software.target, way, monkeypatch)
    banks = {**device._backend.banks(), 0x7F00: (16,)}
    monkeypatch.setattr(device._backend, "banks", lambda: banks)
    with pytest.raises(UsageError, match="0x7f00, which cannot be computed"):
        device.extend(PCR16, each(b""))


@needs_swtpm
@pytest.mark.parametrize("way", WAYS)
def test_a_quote_of_all_registers(software: Swtpm, way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Checked by tpm2_checkquote and by evlog, with the key that came with it; the key is gone from the TPM."""
    device = opened(software.target, way, monkeypatch)
    for registers, banks in ((None, [evlog.SHA256]), ([Register("pcr", 0), PCR16], None), (None, None)):
        quote = device.quote(NONCE, registers, banks)
        for name, data in (("m", quote.message), ("s", quote.signature), ("pem", quote.key_pem), ("p", quote.pcrs)):
            (tmp_path / name).write_bytes(data)
        (tmp_path / "pub").write_bytes(quote.key_public)
        software.tool(
            *("checkquote", "-u", str(tmp_path / "pem"), "-m", str(tmp_path / "m"), "-s", str(tmp_path / "s")),
            *("-q", NONCE.hex(), "-g", "sha256"),
        )
        for key in ("pem", "pub"):
            evidence = evlog.read_registers(
                tmp_path / "m", signature=tmp_path / "s", key=tmp_path / key, pcrs=tmp_path / "p", nonce=NONCE
            )
            assert (evidence.anchored, evidence.fresh, evidence.failed) == (True, True, False)
            assert evidence.registers.values == quote.registers.values
        now = values(software)
        assert {(str(alg), register.number): v.hex() for (register, alg), v in quote.registers.values.items()} == {
            (str(alg), register.number): now[str(alg), register.number] for register, alg in quote.selection
        }
    assert software.tool("getcap", "handles-transient") == ""
    with pytest.raises(UsageError, match="takes 1 to 64"):
        device.quote(bytes(65))
    with pytest.raises(UsageError, match="none of these registers"):
        device.quote(NONCE, [Register("pcr", 16)], [HashAlg.named("sm3")])


@needs_swtpm
@pytest.mark.parametrize("way", WAYS)
def test_registers_that_move_while_they_are_read(software: Swtpm, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An extension between two answers: by the counter, and of PCR 16, which it does not count, by reading again."""
    device = opened(software.target, way, monkeypatch)
    backend = device._backend
    real, moves = backend.read, [14, 16]

    def read(selection: Selection) -> tuple[int | None, dict[tuple[int, int], bytes]]:
        came = real(selection)
        if moves:
            backend.extend(moves.pop(), {alg.id: digest for alg, digest in each(b"moved").items()})
        return came

    monkeypatch.setattr(backend, "read", read)
    found = device.read()
    assert moves == []
    assert {(str(alg), reg.number): value.hex() for (reg, alg), value in found.values.items()} == values(software)


@needs_swtpm
@pytest.mark.parametrize("way", WAYS)
def test_the_log_of_a_virtual_machine(way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its firmware's events extended into a TPM: the quote of that TPM proves the log."""
    log = evlog.read(SAMPLES / "tcg2" / "secure-boot.bin")
    with running() as software:
        device = opened(software.target, way, monkeypatch)
        banks = [alg for alg in log.algorithms if str(alg) in BANKS]
        for event in log.events:
            if event.measured:
                digests = {alg: event.digest(alg) or bytes(alg.size) for alg in banks}
                spec = ",".join(f"{alg}={digest.hex()}" for alg, digest in digests.items())
                software.tool("pcrextend", f"{event.register.number}:{spec}")
        quote = device.quote(NONCE, [Register("pcr", index) for index in range(8)], banks)
    for name, data in (("m", quote.message), ("s", quote.signature), ("k", quote.key_pem), ("p", quote.pcrs)):
        (tmp_path / name).write_bytes(data)
    evidence = ("--quote", str(tmp_path / "m"), "--signature", str(tmp_path / "s"), "--key", str(tmp_path / "k"))
    ran = run(
        *("verify", str(SAMPLES / "tcg2" / "secure-boot.bin"), *evidence, "--pcrs", str(tmp_path / "p")),
        *("--nonce", NONCE.hex(), "--require", "pcr:0-7", "--json"),
    )
    said = json.loads(ran.out)
    assert (ran.code, said["evidence"]["anchored"]) == (0, True), ran.err
    quoted = [row for row in said["registers"] if row["register"] in [f"pcr:{index}" for index in range(8)]]
    assert (len(quoted), {row["verdict"] for row in quoted}) == (8 * len(banks), {"match"})


# Append


@needs_swtpm
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("pcr", [16, 23])
def test_lines_go_into_every_bank(
    software: Swtpm, way: str, pcr: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each bank hashes the line: computed here from the log alone, and compared with what tpm2_pcrread says."""
    device = opened(software.target, way, monkeypatch)
    log = tmp_path / "log"
    append(device, f"pcr:{pcr}", ["a", "# c", "b"], log=log)
    done = append(device, str(pcr), ["c"], log=log)
    assert log.read_text() == f"SYNC sha256/{'00' * 32}\n\na\n# c\nb\n\nc\n"
    now = values(software)
    for bank in BANKS:
        value = bytes(hashlib.new(bank).digest_size)
        for line in log.read_bytes().split(b"\n"):
            if line and line[:1] != b"#":
                value = hashlib.new(bank, value + hashlib.new(bank, line).digest()).digest()
        assert now[bank, pcr] == value.hex()
    assert done.value.hex() == now["sha256", pcr]


@needs_swtpm
def test_a_log_of_another_bank(software: Swtpm, tmp_path: Path) -> None:
    log = tmp_path / "log"
    ran = run("append", software.target, "16", "a", "--log", str(log), "--hash", "sha384", "--json")
    assert (ran.code, json.loads(ran.out)["value"]) == (0, values(software)["sha384", 16])
    assert log.read_text().startswith(f"SYNC sha384/{'00' * 48}\n")
    ran = run("append", software.target, "16", "a", "--log", str(log), "--hash", "sha3-256")
    assert (ran.code, "there are sha1, sha256, sha384, sha512" in ran.err) == (2, True)


@needs_swtpm
@pytest.mark.parametrize("foreign", ["pcrextend", "pcrreset"])
def test_somebody_else_moves_the_register(software: Swtpm, tmp_path: Path, foreign: str) -> None:
    log = tmp_path / "log"
    device = open_device(software.target)
    append(device, "16", ["a"], log=log)
    if foreign == "pcrextend":
        software.tool(foreign, "16:" + ",".join(f"{alg}={digest.hex()}" for alg, digest in each(b"f").items()))
    else:
        software.tool(foreign, "16")
    moved = values(software)["sha256", 16]
    assert append(device, "16", ["b"], log=log).syncs == 1
    assert log.read_text() == f"SYNC sha256/{'00' * 32}\n\na\n\nSYNC sha256/{moved}\n\nb\n"
    replayed = evlog.replay(evlog.read(log, register=PCR16))
    assert replayed["pcr:16", "sha256"].hex() == values(software)["sha256", 16]


@needs_swtpm
def test_a_bank_that_somebody_else_extends_alone(software: Swtpm, tmp_path: Path) -> None:
    """The log's bank is where it was, and another is not: all of them count."""
    log = tmp_path / "log"
    device = open_device(software.target)
    append(device, "16", ["a"], log=log)
    software.tool("pcrextend", f"16:sha384={'ab' * 48}")
    assert append(device, "16", ["b"], log=log).syncs == 1


@needs_swtpm
def test_a_reboot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Powered off between the journal and the extension: the TPM counts its starts, and the line is in doubt."""
    monkeypatch.setenv("EVLOG_RUN", str(tmp_path / "run"))
    log = tmp_path / "log"
    with running() as software:
        device = open_device(software.target)
        append(device, "16", ["a"], log=log)

        class PowerCutError(BaseException):
            pass

        def cut(*args: object) -> None:
            raise PowerCutError

        with monkeypatch.context() as patched:
            patched.setattr(Tpm, "extend", cut)
            with pytest.raises(PowerCutError):
                append(device, "16", ["b"], log=log)
        software.reboot()
        done = append(open_device(software.target), "16", ["c"], log=log)
        assert log.read_text() == (f"SYNC sha256/{'00' * 32}\n\na\n\n# in doubt: b\n\nSYNC sha256/{'00' * 32}\n\nc\n")
        assert (done.value.hex(), len(done.warnings)) == (values(software)["sha256", 16], 1)


@needs_swtpm
@pytest.mark.parametrize("way", WAYS)
def test_no_answer_is_not_asked_again(
    software: Swtpm, way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The TPM extends, and its answer is lost: reading tells that it happened."""
    device = opened(software.target, way, monkeypatch)
    log = tmp_path / "log"
    append(device, "16", ["a"], log=log)
    real, asked = device._backend.extend, []

    def lost(index: int, digests: dict[int, bytes]) -> None:
        asked.append(index)
        real(index, digests)
        raise SourceError("no answer of the TPM: lost")

    monkeypatch.setattr(device._backend, "extend", lost)
    assert append(device, "16", ["b"], log=log).syncs == 0
    assert asked == [16]
    assert log.read_text().endswith("\na\n\nb\n")


@needs_swtpm
def test_registers_that_have_a_log_already(software: Swtpm, tmp_path: Path) -> None:
    before = values(software)
    for register, said in (
        ("pcr:0", "firmware"),
        ("7", "firmware"),
        ("10", "IMA"),
        ("11", "systemd"),
        ("15", "systemd"),
    ):
        ran = run("append", software.target, register, "a", "--log", str(tmp_path / "log"))
        assert (ran.code, said in ran.err, "--force" in ran.err) == (2, True, True), ran.err
    for register in ("17", "22"):
        ran = run("append", software.target, register, "a", "--log", str(tmp_path / "log"))
        assert (ran.code, "takes no extension from here" in ran.err) == (2, True)
    for register in ("24", "rtmr3", "mr:x", ""):
        ran = run("append", software.target, register, "a", "--log", str(tmp_path / "log"))
        assert (ran.code, "no register" in ran.err) == (2, True)
    assert values(software) == before
    assert not (tmp_path / "log").exists()
    assert run("append", software.target, "14", "a", "--log", str(tmp_path / "log"), "--force").code == 0
    assert values(software)["sha256", 14] != before["sha256", 14]
    ran = run("append", software.target, "17", "a", "--log", str(tmp_path / "log2"), "--force")
    assert (ran.code, "0x907" in ran.err) == (3, True)


@needs_swtpm
def test_several_programs_append(software: Swtpm, tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = (
        "import sys; from evlog.live import open_device; from evlog.live.append import append\n"
        "for n in range(8): append(open_device(sys.argv[1]), '16', [f'{sys.argv[2]} line {n}'], log=sys.argv[3])"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", code, software.target, name, str(log)]) for name in ("a", "b", "c")
    ]
    assert [child.wait(60) for child in children] == [0] * 3
    lines = [line for line in log.read_text().splitlines() if line and not line.startswith("SYNC")]
    assert sorted(lines) == sorted(f"{name} line {number}" for name in "abc" for number in range(8))
    for name in "abc":
        assert [line for line in lines if line.startswith(name)] == [f"{name} line {number}" for number in range(8)]
    assert log.read_text().count("SYNC") == 1
    replayed = evlog.replay(evlog.read(log, register=PCR16))
    assert replayed["pcr:16", "sha256"].hex() == values(software)["sha256", 16]


@needs_swtpm
@pytest.mark.parametrize("foreign", [False, True], ids=["alone", "while others extend"])
def test_killed_at_random_moments(software: Swtpm, tmp_path: Path, foreign: bool) -> None:
    """A few of the kills of `tests.kills`, which is run by hand for a thousand."""
    told = kills.many(software, tmp_path, 15, foreign=foreign, seed=20261130)
    assert told.kills == 15
    assert told.doubts == 0 or foreign


# Which TPM, and how


def test_nothing_that_speaks_to_a_tpm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tpm_pytss, "installed", lambda: False)
    monkeypatch.setattr(tpm_tools, "installed", lambda: False)
    with pytest.raises(SourceError, match=r"install tpm2-tools, or tpm2-pytss \(pip install"):
        open_device("tpm:device:/dev/tpmrm0").members()


def test_the_machine_s_own_tpm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TPM2TOOLS_TCTI", "TPM2_TCTI"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "dev").mkdir()
    with pytest.raises(SourceError, match="no TPM here"):
        open_device("tpm:", str(tmp_path))
    for name, chosen in (("tpm10", "tpm10"), ("tpm2", "tpm2"), ("tpmrm10", "tpmrm10"), ("tpmrm2", "tpmrm2")):
        (tmp_path / "dev" / name).touch()
        (tmp_path / "dev" / "tpmx").touch()
        assert open_device("tpm:", str(tmp_path)).name == f"tpm:device:{tmp_path}/dev/{chosen}"
    monkeypatch.setenv("TPM2TOOLS_TCTI", "swtpm:path=/x")
    assert open_device("tpm:").name == "tpm:swtpm:path=/x"


def test_one_tpm_by_two_names_has_one_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_device("tpm:device:/dev/tpm1").identity == open_device("tpm:device:/dev/tpmrm1").identity
    assert open_device("tpm:device:/dev/tpm1").identity != open_device("tpm:device:/dev/tpm0").identity
    (tmp_path / "link").symlink_to(tmp_path)
    one, two = (open_device(f"tpm:swtpm:path={tmp_path}{way}/sock") for way in ("", "/link"))
    assert one.identity == two.identity


@pytest.mark.parametrize("way", WAYS)
def test_a_tpm_that_is_not_there(way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    device = opened(f"tpm:swtpm:path={tmp_path}/absent", way, monkeypatch)
    with pytest.raises(SourceError):
        device.members()
    ran = run("append", f"tpm:swtpm:path={tmp_path}/absent", "16", "a", "--log", str(tmp_path / "log"))
    assert (ran.code, "Traceback" in ran.err, "WARNING" in ran.err) == (3, False, False), ran.err


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("tcti", ["x", ":", "swtpm:", "device:/dev/null", "swtpm:path=/nowhere,", "mssim:port=x"])
def test_what_is_no_tpm(way: str, tcti: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EVLOG_TPM", way)
    ran = run("append", f"tpm:{tcti}", "16", "a", "--log", str(tmp_path / "log"))
    assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1), ran.err


def test_a_way_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVLOG_TPM", "telepathy")
    with pytest.raises(UsageError, match="pytss or tools"):
        open_device("tpm:x").members()


def test_a_tool_that_hangs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tpm2_getcap").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "tpm2_getcap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(tpm_tools, "_PATIENCE", 0.2)
    with pytest.raises(SourceError, match=r"no answer of the TPM: tpm2_getcap took more"):
        tpm_tools.Tools("device:/dev/tpm0").banks()
