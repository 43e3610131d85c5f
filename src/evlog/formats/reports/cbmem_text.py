"""What coreboot's cbmem prints of a TPM log (``cbmem -L``), and coreboot itself on its console (``cbmem -1``).

Source: coreboot, util/cbmem/cbmem.c (dump_tpm_cb_log, parse_tpm12_log, parse_tpm2_log), src/security/tpm/tspi/log.c.
Of coreboot's own log a line is an entry: what was measured is told by a name, which no digest covers. Of a log in TCG's
form an entry is some lines, with a text for its data, or hex. On the console lines have levels before them and stand
among others.
"""

from __future__ import annotations

from evlog import hashing
from evlog.formats import CERTAIN, NO_MATCH, Match

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.model import Log
    from evlog.options import Options

ID = "cbmem-text"
TITLE = "what coreboot's cbmem -L or console prints"


def sniff(data: bytes, options: Options) -> Match:
    """Certain of one of the headings with an entry behind it, wherever they stand."""
    if all(hashing.find(data, needle) < 0 for needle in (b"coreboot T", b"TPM2 log:", b"TCPA log:")):
        return NO_MATCH
    from evlog.formats.reports.cbmem_text_reader import OWN, heading

    found = heading(data)
    if found is None:
        return NO_MATCH
    what = "coreboot's own TPM log" if found[1] is OWN else "a TPM log in TCG's form"
    return Match(CERTAIN, f"{what} as cbmem prints it")


def read(data: bytes, options: Options) -> Log:
    """Read a report; see `evlog.read`. Raises ParseError if there is no entry in it."""
    from evlog.formats.reports.account import Account
    from evlog.formats.reports.cbmem_text_reader import log_of

    return log_of(data, Account(ID, options))
