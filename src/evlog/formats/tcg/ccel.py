"""CCEL: the event log of a confidential VM's firmware, on CC measurement registers.

Spec: UEFI 2.10 section 38 (CC_EVENT), ACPI 6.5 section 5.2.34 (CCEL table). The bytes are TCG2's, with a measurement
register index where TCG2 has the PCR; Linux shows the log area, padded, as /sys/firmware/acpi/tables/data/CCEL.
Departures accepted: see `evlog.formats.tcg.frame`.
"""

from __future__ import annotations

from evlog.formats import Match
from evlog.formats.tcg import agile as _agile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.model import Log, Loss
    from evlog.options import Options

ID = "ccel"
TITLE = "Confidential computing event log (UEFI CCEL)"


def sniff(data: bytes, options: Options) -> Match:
    """Certain where the header says MR 1 or names td-shim; likely for one SHA-384 or SM3 bank on indices 0 to 4."""
    return _agile.sniff(data, options, "ccmr")


def read(data: bytes, options: Options) -> Log:
    """Read a log; see `evlog.read`."""
    return _agile.read(data, options, ID, "ccmr")


def adapt(log: Log, options: Options) -> tuple[Log, Sequence[Loss]]:
    """What of a log a CCEL can hold: PC Client events on CC measurement registers."""
    return _agile.adapt(log, options, ID, "ccmr")


def write(log: Log, options: Options) -> bytes:
    """The bytes of a log of PC Client events; record 0 is the Spec ID event."""
    return _agile.write(log, "ccmr")


def rewrite(log: Log, options: Options) -> tuple[bytes, int] | None:
    """The same from the fields of records of another log of PC Client events, where these are all that it says."""
    return _agile.rewrite(log, options, ID, "ccmr")


def excerpt(log: Log, rows: Sequence[int]) -> bytes | None:
    """The bytes of some records, the header first, as a log."""
    return _agile.excerpt(log, rows)
