"""A TPM by tpm2-tools: a program for each command, without a shell.

Source: tpm2-tools 5.x, man pages. Their output for people is not relied on where they write files; response codes stand
on stderr as ``Esys_PCR_Extend(0x907)``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile

from evlog.algorithms import ALGORITHMS, HashAlg
from evlog.errors import EvlogError, SourceError, UsageError
from evlog.live.tpm_answers import answer, transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from evlog.live.tpm_answers import Selection

__all__ = ["Tools", "installed"]

_NEEDED = "tpm2_pcrread"
_PATIENCE = 60  # seconds for a command: an RSA key takes some TPMs half of it
_CODE = re.compile(r"Esys_\w+\(0x([0-9A-Fa-f]{1,8})\)(?: - (.*))?")
_BANK = re.compile(r"^\s*-\s*([A-Za-z0-9_]+):\s*\[(.*)\]\s*$", re.MULTILINE)
_HANDLE = re.compile(r"0x8[0-9A-Fa-f]{7}")
_RESETS = re.compile(r"^\s*reset_count:\s*(\d+)\s*$", re.MULTILINE)
_SCHEME_HASH = re.compile(r"^scheme-halg:\n\s+value: (\w+)$", re.MULTILINE)
_MADE_FOR = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign"


def installed() -> bool:
    """Whether the tools are there."""
    return shutil.which(_NEEDED) is not None


class Tools:
    """See `evlog.live.tpm_answers.Backend`."""

    def __init__(self, tcti: str) -> None:
        self.tcti = tcti
        self._banks: dict[int, tuple[int, ...]] | None = None

    def banks(self) -> dict[int, tuple[int, ...]]:
        # What is allocated changes only when the TPM starts anew.
        if self._banks is None:
            said = self._run("tpm2_getcap", "pcrs")
            found = {}
            for name, listed in _BANK.findall(said):
                pcrs = tuple(int(word) for word in listed.replace(",", " ").split() if word.isdecimal())
                if pcrs:
                    found[_alg(name)] = pcrs
            if not found:
                raise SourceError(f"tpm:{self.tcti}: no bank of PCRs")
            self._banks = found
        return self._banks

    def read(self, selection: Selection) -> tuple[int | None, dict[tuple[int, int], bytes]]:
        known = {alg: pcrs for alg, pcrs in selection.items() if alg in ALGORITHMS}
        if not known:
            return None, {}
        with tempfile.TemporaryDirectory(prefix="evlog-") as folder:
            path = os.path.join(folder, "values")
            self._run("tpm2_pcrread", _selection(known), "-o", path)
            with open(path, "rb") as file:
                data = file.read()
        values = {}
        at = 0
        for alg, pcrs in known.items():
            size = ALGORITHMS[alg].size
            for pcr in pcrs:
                values[alg, pcr] = data[at : at + size]
                at += size
        if at != len(data):
            raise SourceError(f"tpm:{self.tcti}: {len(data)} bytes of PCR values, {at} were expected")
        return None, values

    def extend(self, index: int, digests: Mapping[int, bytes]) -> None:
        given = ",".join(f"{HashAlg.of(alg).name}={digest.hex()}" for alg, digest in digests.items())
        self._run("tpm2_pcrextend", f"{index}:{given}")

    def reset_count(self) -> int:
        found = _RESETS.search(self._run("tpm2_readclock"))
        if found is None:
            raise SourceError(f"tpm:{self.tcti}: it does not say how often it was started")
        return int(found[1])

    def quote(self, nonce: bytes, selection: Selection, key: int | None) -> tuple[bytes, bytes, bytes, bytes]:
        with tempfile.TemporaryDirectory(prefix="evlog-") as folder:
            files = {name: os.path.join(folder, name) for name in ("key", "message", "signature", "pem", "public")}
            before = self._transient()
            try:
                hashed = "sha256"
                if key is None:
                    self._make_key(files["key"])
                    # With a resource manager the key is gone from the TPM and in the file; without, it is still there.
                    signer = min(self._transient() - before, default=files["key"])
                else:
                    signer = f"{key:#x}"
                    scheme = _SCHEME_HASH.search(self._run("tpm2_readpublic", "-c", signer))
                    hashed = scheme[1] if scheme is not None else hashed
                self._run(
                    *("tpm2_quote", "-Q", "-c", signer, "-l", _selection(selection), "-q", nonce.hex(), "-g", hashed),
                    *("-m", files["message"], "-s", files["signature"]),
                )
                for form, name in (("pem", "pem"), ("tss", "public")):
                    self._run("tpm2_readpublic", "-Q", "-c", signer, "-f", form, "-o", files[name])
            finally:
                for handle in self._transient() - before:
                    self._run("tpm2_flushcontext", handle)
            found = []
            for name in ("message", "signature", "pem", "public"):
                with open(files[name], "rb") as file:
                    found.append(file.read())
        return found[0], found[1], found[2], found[3]

    def _make_key(self, path: str) -> None:
        """A restricted signing key, of the first hierarchy that may be used without a password."""
        refused: EvlogError | None = None
        for hierarchy in ("e", "o", "n"):
            try:
                self._run(
                    *("tpm2_createprimary", "-Q", "-C", hierarchy, "-G", "ecc256:ecdsa-sha256:null"),
                    *("-a", _MADE_FOR, "-c", path),
                )
                return
            except EvlogError as error:
                refused = refused or error
        if refused is not None:
            raise refused

    def _transient(self) -> frozenset[str]:
        return frozenset(_HANDLE.findall(self._run("tpm2_getcap", "handles-transient")))

    def _run(self, tool: str, *words: str) -> str:
        """What the tool says. Raises `NotDoneError` for an error of the TPM's, and SourceError for anything else."""
        program = shutil.which(tool)
        if program is None:
            raise SourceError(f"{tool} is not installed: install tpm2-tools")
        environment = {**os.environ, "TSS2_LOG": "all+none", "LC_ALL": "C"}
        try:
            ran = subprocess.run(
                [program, *words, "--tcti", self.tcti],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                env=environment,
                close_fds=False,  # what holds a lock that is to be held until the tool has ended
                timeout=_PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise transport(f"{tool} took more than {_PATIENCE} seconds") from error
        except OSError as error:
            raise SourceError(f"{tool}: {(error.strerror or str(error)).lower()}") from error
        if ran.returncode == 0:
            return ran.stdout
        code = _CODE.search(ran.stderr)
        if code is not None:
            raise answer(int(code[1], 16), code[2] or "")
        if "Could not load tcti" in ran.stderr:
            raise SourceError(f"tpm:{self.tcti}: cannot be reached")
        lines = [line.removeprefix("ERROR: ") for line in ran.stderr.splitlines() if line.startswith("ERROR: ")]
        raise transport(f"{tool}: {lines[0] if lines else f'exit {ran.returncode}'}")


def _alg(name: str) -> int:
    try:
        return HashAlg.named(name).id
    except UsageError:
        raise SourceError(f"the TPM has a bank of {name[:40]}, which is not known here") from None


def _selection(selection: Selection) -> str:
    return "+".join(f"{HashAlg.of(alg).name}:{','.join(map(str, pcrs))}" for alg, pcrs in selection.items())
