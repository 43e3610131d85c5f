"""Intel Trust Authority's events by register, as its client sends them along with a TD quote.

Source: intel/trustauthority-client-for-go, go-tdx/event_log.go: an array of ``{"rtmr": {"index", "bank"},
"rtmr_events": [{"type_id", "type_name", "tags", "measurement"}]}``, where ``index`` is that of the CC measurement
register: 1 is RTMR[0]. The order of events on different registers is lost, and so is their data.
"""

from __future__ import annotations

from evlog.formats import CERTAIN, NO_MATCH, Match

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.model import Log
    from evlog.options import Options

ID = "ita-json"
TITLE = "RTMR events of Intel Trust Authority's client"


def sniff(data: bytes, options: Options) -> Match:
    """Certain of an array whose first object has a register's number and bank, or its events, under ITA's names."""
    head = data[:4096]
    if b'"rtmr_events"' not in head or (b'"index"' not in head and b'"type_id"' not in head):
        return NO_MATCH
    import re

    pattern = rb'(?:\xef\xbb\xbf)?\s*\[\s*\{\s*"(?:rtmr"\s*:\s*\{|rtmr_events"\s*:\s*[\[n])'
    if re.match(pattern, head) is None:
        return NO_MATCH
    return Match(CERTAIN, "an array of RTMR events by register")


def read(data: bytes, options: Options) -> Log:
    """Read a report; see `evlog.read`. Raises ParseError if there is no event in it."""
    from evlog.formats.reports.account import Account
    from evlog.formats.reports.ita_json_reader import log_of

    return log_of(data, Account(ID, options))
