"""The PCRs of a TPM, by whichever of two ways to speak to one is installed.

Source: TPM 2.0 Library, part 3, TPM2_PCR_Read, TPM2_PCR_Extend, TPM2_Quote; PC Client Platform TPM Profile 1.05,
section 4.6 (which PCRs may be reset and extended from where).

An answer to TPM2_PCR_Read has at most eight values, so that all PCRs take several, and something may be extended in
between. ``pcrUpdateCounter`` comes with each and tells, but not of PCR 16 and 23, which it does not count.
"""

from __future__ import annotations

import os

from evlog import hashing
from evlog.algorithms import ALGORITHMS, HashAlg
from evlog.contents.launch import LAUNCH_PCRS
from evlog.errors import SourceError, UsageError
from evlog.live.device import Device, Member, Quote
from evlog.registers import LAST_PCR, RESETTABLE_PCRS, Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evlog.live.tpm_answers import Backend, Selection

__all__ = ["Tpm", "kind"]

_TRIES = 4
_AT_ONCE = 8  # values that one answer has
_PERSISTENT = range(0x81000000, 0x82000000)
_ENV = ("TPM2TOOLS_TCTI", "TPM2_TCTI")


class Tpm(Device):
    """A TPM. ``tcti`` is what tpm2-tools take for ``--tcti``; empty is the machine's own."""

    id = "tpm"

    def __init__(self, tcti: str = "", root: str = "/", backend: Backend | None = None) -> None:
        self.tcti = tcti or _own(root)
        self.name = f"tpm:{self.tcti}"
        self.identity = f"tpm:{_identity(self.tcti)}"
        self._given = backend

    @property
    def _backend(self) -> Backend:
        if self._given is None:
            self._given = backend(self.tcti)
        return self._given

    def members(self) -> tuple[Member, ...]:
        """The PCRs that any bank has."""
        allocated = self._backend.banks()
        found = []
        for index in sorted({pcr for pcrs in allocated.values() for pcr in pcrs}):
            banks = tuple(HashAlg.of(alg) for alg, pcrs in sorted(allocated.items()) if index in pcrs)
            found.append(Member(Register("pcr", index), str(index), banks, kind(index), banks[0].size))
        return tuple(found)

    def read(self, only: Iterable[Register] | None = None) -> Registers:
        """The values, of one moment: where the TPM cannot say so, the same twice. Raises SourceError if it never is."""
        wanted = None if only is None else {_index(register) for register in only}
        selection = {
            alg: chosen
            for alg, pcrs in self._backend.banks().items()
            if (chosen := [pcr for pcr in pcrs if wanted is None or pcr in wanted])
        }
        return Registers(
            {(Register("pcr", pcr), HashAlg.of(alg)): value for (alg, pcr), value in self._steady(selection).items()},
            self.name,
        )

    def _steady(self, selection: Selection) -> dict[tuple[int, int], bytes]:
        counter, values = self._backend.read(selection)
        if sum(map(len, selection.values())) <= _AT_ONCE:
            return values
        for _ in range(_TRIES):
            uncounted = {alg: [pcr for pcr in pcrs if pcr in RESETTABLE_PCRS] for alg, pcrs in selection.items()}
            again = selection if counter is None else {alg: pcrs for alg, pcrs in uncounted.items() if pcrs}
            if not again:
                return values
            last, confirmed = self._backend.read(again)
            moved = {key: value for key, value in confirmed.items() if values.get(key) != value}
            if not moved and last == counter:
                return values
            counter, values = self._backend.read(selection)
        raise SourceError(f"{self.name}: the registers move faster than they can be read")

    def extend(self, register: Register, digests: Mapping[HashAlg, bytes]) -> None:
        """Extend a PCR in all its banks by one command; see `Device.extend`.

        Every allocated bank has to be given: one that is not would stay behind, and its log would lie.
        """
        index = _index(register)
        needed = [HashAlg.of(alg) for alg, pcrs in self._backend.banks().items() if index in pcrs]
        if not needed:
            raise UsageError(f"{self.name}: no bank has {register}")
        for alg in needed:
            if not alg.known or not hashing.backend().computable(alg):
                raise UsageError(f"{self.name}: it has a bank of {alg}, which cannot be computed here")
            if alg not in digests:
                raise UsageError(f"{self.name}: a digest is needed for each active bank, and none is given for {alg}")
            if len(digests[alg]) != alg.size:
                raise UsageError(f"{len(digests[alg])} bytes, a {alg} digest has {alg.size}")
        beyond = [str(alg) for alg in digests if alg not in needed]
        if beyond:
            raise UsageError(f"{self.name}: no bank of {', '.join(beyond)} has {register}")
        self._backend.extend(index, {alg.id: digests[alg] for alg in needed})

    def boot(self) -> str:
        """The TPM's count of its starts."""
        return f"reset {self._backend.reset_count()}"

    def quote(
        self,
        nonce: bytes,
        registers: Iterable[Register] | None = None,
        banks: Iterable[HashAlg] | None = None,
        *,
        ak: int | None = None,
    ) -> Quote:
        """A quote of registers (all) in banks (all), with the values that it is about.

        ``ak`` is the handle of a persistent attestation key. Without one a key is made, of the endorsement hierarchy
        where that may be used, and flushed. Raises UsageError for a nonce that does not fit, what is no persistent
        handle and an empty choice, SourceError if the registers do not stand still for it.
        """
        if not 0 < len(nonce) <= 64:
            raise UsageError(f"a nonce of {len(nonce)} bytes, a quote takes 1 to 64")
        if ak is not None and ak not in _PERSISTENT:
            raise UsageError(f"{ak:#x} is no handle of a persistent key: 0x81000000 to 0x81ffffff are")
        wanted = None if registers is None else {_index(register) for register in registers}
        hashes = None if banks is None else {alg.id for alg in banks}
        selection = {
            alg: chosen
            for alg, pcrs in sorted(self._backend.banks().items())
            if HashAlg.of(alg).known
            and (hashes is None or alg in hashes)
            and (chosen := [p for p in sorted(pcrs) if wanted is None or p in wanted])
        }
        if not selection:
            raise UsageError(f"{self.name}: none of these registers is in any of these banks")
        for _ in range(_TRIES):
            values = self._steady(selection)
            message, signature, pem, public = self._backend.quote(nonce, selection, ak)
            keys = [(alg, pcr) for alg, pcrs in selection.items() for pcr in pcrs]
            if _is_about(message, b"".join(values[key] for key in keys)):
                named = {(Register("pcr", pcr), HashAlg.of(alg)): values[alg, pcr] for alg, pcr in keys}
                return Quote(message, signature, nonce, tuple(named), Registers(named, self.name), pem, public)
        raise SourceError(f"{self.name}: the registers move faster than they can be quoted")


def kind(index: int) -> str:
    """What a PCR takes from an ordinary program, at locality 0."""
    if index in RESETTABLE_PCRS:
        return "resettable"
    return "closed" if index in LAUNCH_PCRS else "extensible"


def backend(tcti: str) -> Backend:
    """What is installed: tpm2-pytss, else tpm2-tools. Raises SourceError, with what to install, for neither."""
    chosen = os.environ.get("EVLOG_TPM", "")
    if chosen not in ("", "pytss", "tools"):
        raise UsageError(f"EVLOG_TPM is {chosen[:20]!r}; pytss or tools are known")
    if chosen != "tools":
        from evlog.live import tpm_pytss

        if tpm_pytss.installed():
            return tpm_pytss.Pytss(tcti)
    if chosen != "pytss":
        from evlog.live import tpm_tools

        if tpm_tools.installed():
            return tpm_tools.Tools(tcti)
    raise SourceError(
        "nothing here speaks to a TPM: install tpm2-tools, or tpm2-pytss (pip install 'evlog-toolkit[tpm]')"
    )


def _is_about(message: bytes, values: bytes) -> bool:
    """Whether a TPMS_ATTEST ends with the digest of these values, by whichever hash the key signs with."""
    return any(
        message.endswith(alg.size.to_bytes(2, "big") + hashing.digest(alg, values))
        for alg in map(HashAlg.of, ALGORITHMS)
        if hashing.backend().computable(alg)
    )


def _index(register: Register) -> int:
    if register.space != "pcr" or not isinstance(register.index, int):
        raise UsageError(f"{register} is no register of a TPM: pcr:0 to pcr:{LAST_PCR} are")
    return register.index


def _own(root: str) -> str:
    """The machine's TPM: what the environment names, else the first with a resource manager, else the first."""
    for name in _ENV:
        if os.environ.get(name):
            return os.environ[name]
    folder = os.path.join(root, "dev")
    try:
        names = sorted(os.listdir(folder), key=lambda name: (len(name), name))
    except OSError:
        names = []
    for prefix in ("tpmrm", "tpm"):
        for name in names:
            if name.removeprefix(prefix).isdecimal() and name.startswith(prefix):
                return f"device:{os.path.join(folder, name)}"
    raise SourceError(f"{folder}: no TPM here (no /dev/tpmrm0); name one, as in tpm:device:/dev/tpmrm1")


def _identity(tcti: str) -> str:
    """The same text for the same TPM: its device with and without the resource manager, a socket by any path."""
    what, _, conf = tcti.partition(":")
    parts = []
    for part in conf.split(","):
        key, equals, value = part.rpartition("=")
        if value.startswith((".", "/")):
            value = os.path.realpath(value)
            if what == "device":
                value = value.replace("/tpmrm", "/tpm")
        parts.append(f"{key}{equals}{value}")
    return f"{what}:{','.join(parts)}"
