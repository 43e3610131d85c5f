"""The register values of the machine that this runs on, as its kernel shows them: of all its devices."""

from __future__ import annotations

from evlog.errors import SourceError, UnknownFormatError
from evlog.intake.registers import read_registers
from evlog.intake.sources import RegisterSource, chosen_device, register_sources
from evlog.registers import PLATFORMS, Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.evidence import Evidence

__all__ = ["counted", "read_machine"]

_NONE = (
    "this machine shows no registers: neither a TPM's (/sys/class/tpm) nor measurement registers "
    "(/sys/class/misc/*/measurements)"
)


def read_machine(sysroot: str = "/", device: str | None = None, **credentials: Any) -> Evidence:
    """The values of every device that the kernel shows; of several TPMs those of one, which ``device`` names.

    ``sysroot`` is where its file system stands; ``credentials`` are those of `read_registers`. Raises
    UsageError for several TPMs of which none is named, SourceError where there is no register or none may be read.
    """
    found = register_sources(sysroot)
    own = chosen_device([each.name for each in found], device)
    found = tuple(each for each in found if each.name == own or not each.name.startswith("tpm"))
    if not found:
        raise SourceError(_NONE)
    evidence: Evidence | None = None
    silent = []
    names = []
    for each in found:
        try:
            read = read_registers(each.file, **credentials)
        except UnknownFormatError:
            silent.append(_silent(each))
            continue
        except SourceError as error:
            silent.append(str(error))
            continue
        names.append(each.name)
        evidence = read if evidence is None else _with(evidence, read)
    if evidence is None:
        raise SourceError(f"this machine shows no registers: {'; '.join(silent)}")
    said = list(silent)
    if own in names and len(names) > 1:
        said.append(f"registers of {', '.join(names)}: nothing here says that the TPM is that guest's own")
    return evidence.replace(read_only=(*evidence.read_only, *said))


def counted(evidence: Evidence) -> Registers:
    """The values by the names that registers have beside those of other devices: as a CCEL counts, not the hardware."""
    stated = evidence.registers
    values = {(_counted(register, evidence), alg): value for (register, alg), value in stated.values.items()}
    return Registers(values, stated.source)


def _counted(register: Register, evidence: Evidence) -> Register:
    known = PLATFORMS.get(evidence.platform or "")
    return known.ccmr_of(register) if known is not None else register


def _silent(each: RegisterSource) -> str:
    if each.name.startswith("tpm"):
        return f"{each.name} shows no PCRs in sysfs (Linux 5.12 and later do): evlog capture --tcti asks the TPM itself"
    return f"{each.path} shows no registers"


def _with(evidence: Evidence, other: Evidence) -> Evidence:
    """The values of two devices. Raises SourceError for two values of one register."""
    values = dict(counted(evidence).values)
    for key, value in counted(other).values.items():
        if values.setdefault(key, value) != value:
            raise SourceError(f"two devices show {key[0]} in {key[1]}, with other values")
    return evidence.replace(
        registers=Registers(values, evidence.registers.source),
        read_only=tuple(dict.fromkeys((*evidence.read_only, *other.read_only))),
        static=tuple(dict.fromkeys(_counted(each, of) for of in (evidence, other) for each in of.static)),
        claims=(*evidence.claims, *other.claims),
        # Each device has a platform of its own, and names of registers are of one.
        platform=evidence.platform if evidence.platform == other.platform else None,
    )
