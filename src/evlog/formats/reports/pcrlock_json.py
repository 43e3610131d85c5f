"""The tables that ``systemd-pcrlock log --json`` prints, read as a log: a row for each record, without its data.

Source: systemd, src/pcrlock/pcrlock.c (show_log_table, show_pcr_table). A digest stands under the name of its bank,
null where the record has none. EV_NO_ACTION records are in no row. The rows under ``pcrs`` have what pcrlock replayed,
and what the machine's registers were: these are a source of register values (`evlog.evidence`), no part of the log.
"""

from __future__ import annotations

from evlog.formats import CERTAIN, NO_MATCH, Match

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.model import Log
    from evlog.options import Options

ID = "pcrlock-json"
TITLE = "what systemd-pcrlock log --json prints"


def sniff(data: bytes, options: Options) -> Match:
    """Certain of an object of the two tables, with pcrlock's names of their columns."""
    head = data[:4096]
    if b'"pcrname"' not in head:
        return NO_MATCH
    import re

    if re.match(rb'(?:\xef\xbb\xbf)?\s*\{\s*"(?:log|pcrs)"\s*:\s*\[\s*[{\]]', head) is None:
        return NO_MATCH
    return Match(CERTAIN, "tables of records and registers with the columns that systemd-pcrlock has")


def read(data: bytes, options: Options) -> Log:
    """Read a report; see `evlog.read`. Raises ParseError if there is no record in it."""
    from evlog.formats.reports.account import Account
    from evlog.formats.reports.pcrlock_json_reader import log_of

    return log_of(data, Account(ID, options))
