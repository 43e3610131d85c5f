"""TCG2: the crypto-agile event log of TPM 2.0 firmware (TCG_PCR_EVENT2).

Spec: TCG PC Client Platform Firmware Profile 1.06, section 10. Linux shows it as
/sys/kernel/security/tpm0/binary_bios_measurements, Windows keeps it as WBCL.
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

ID = "tcg2"
TITLE = "TCG crypto-agile event log (TPM 2.0)"


def sniff(data: bytes, options: Options) -> Match:
    """Certain of a Spec ID Event03 log, unless it is a CCEL."""
    return _agile.sniff(data, options, "pcr")


def read(data: bytes, options: Options) -> Log:
    """Read a log; see `evlog.read`."""
    return _agile.read(data, options, ID, "pcr")


def adapt(log: Log, options: Options) -> tuple[Log, Sequence[Loss]]:
    """What of a log TCG2 can hold: PC Client events on PCRs and NV indices, every bank."""
    return _agile.adapt(log, options, ID, "pcr")


def write(log: Log, options: Options) -> bytes:
    """The bytes of a log of PC Client events; record 0 is the Spec ID event."""
    return _agile.write(log, "pcr")


def rewrite(log: Log, options: Options) -> tuple[bytes, int] | None:
    """The same from the fields of records of another log of PC Client events, where these are all that it says."""
    return _agile.rewrite(log, options, ID, "pcr")


def excerpt(log: Log, rows: Sequence[int]) -> bytes | None:
    """The bytes of some records, the header first, as a log."""
    return _agile.excerpt(log, rows)
