"""The devices of a machine that have registers, each by the best way that there is to ask it.

A TPM is asked itself where that may be done (`evlog.live.tpm`), which a quote needs; else the kernel's files say what
its PCRs are, to anybody.
"""

from __future__ import annotations

import os
import re

from evlog._record import Record
from evlog.errors import EvlogError
from evlog.intake.sources import RegisterSource, register_sources
from evlog.live import open_device

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evlog.live import Device
    from evlog.registers import Registers

__all__ = ["Shown", "devices"]

_NUMBER = re.compile(r"/tpm(?:rm)?(\d+)")


class Shown(Record):
    """A device by its name in a capture: ``device`` asks it; else ``folder`` is where the kernel shows its registers.

    ``problem`` says why a TPM is not asked itself.
    """

    name: str
    device: Device | None = None
    folder: str = ""
    problem: str = ""

    def read(self) -> Registers:
        """The values of all registers. Raises SourceError or ParseError for what cannot be read."""
        if self.device is not None:
            return self.device.read()
        from evlog.intake.machine import counted
        from evlog.intake.registers import read_registers

        return counted(read_registers(self.folder))


def devices(root: str, tcti: str | None, tpms: Sequence[str]) -> Iterator[Shown]:
    """The devices of a machine, the TPMs first; ``tpms`` are the names of those that have a log.

    With ``tcti`` a TPM is the one behind it; else those that the kernel shows. Raises UsageError for what is no TCTI.
    """
    found = register_sources(root)
    named = None
    if tcti is not None:
        named = _named(tcti, [each.name for each in found if each.name.startswith("tpm")] or tpms)
        yield Shown(named, open_device(f"tpm:{tcti}"))
    for each in found:
        if each.name == named:
            continue
        yield _tpm(each) if each.name.startswith("tpm") and root == "/" else Shown(each.name, folder=each.file)


def _named(tcti: str, names: Sequence[str]) -> str:
    """What the TPM behind a TCTI is called: by the number of its device, else as the only one is."""
    number = _NUMBER.search(tcti)
    if number is not None:
        return f"tpm{number[1]}"
    return names[0] if len(names) == 1 else "tpm0"


def _tpm(source: RegisterSource) -> Shown:
    """A TPM of this machine."""
    number = source.name.removeprefix("tpm")
    shown = Shown(source.name, folder=source.file)
    problem = f"no /dev/tpmrm{number}"
    for path in (f"/dev/tpmrm{number}", f"/dev/tpm{number}"):
        if os.access(path, os.R_OK | os.W_OK):
            try:
                device = open_device(f"tpm:device:{path}")
                device.members()
                return shown.replace(device=device)
            except EvlogError as error:
                problem = str(error)
                break
        if os.path.exists(path):
            problem = f"{path}: permission denied; root may use it"
            break
    return shown.replace(problem=problem)
