"""The event log that Intel's CCNP service answers with: a CCEL taken apart, in Go's JSON.

Source: intel/confidential-cloud-native-primitives, service/eventlog-server/resources/tdx.go. ``HeaderData`` and
``Data`` are whole records in base64, so that one after the other they are the CCEL but for its padding; ``Digests`` are
texts of decimal numbers, ``Rtmr`` counts from RTMR[0], so that index 0 has become 4294967295. Records are read where
each says what its members say; else the members are, which have all but the header.
"""

from __future__ import annotations

from evlog.formats import CERTAIN, NO_MATCH, Match

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.model import Log
    from evlog.options import Options

ID = "ccnp-json"
TITLE = "a CCEL in the JSON of Intel's CCNP"


def sniff(data: bytes, options: Options) -> Match:
    """Certain of an object with CCNP's header or events."""
    head = data[:4096]
    if not all(name in head for name in (b'"HeaderData"', b'"Rtmr"', b'"Etype"')):
        return NO_MATCH
    import re

    pattern = rb'(?:\xef\xbb\xbf)?\s*\{\s*"(?:Header"\s*:\s*\{|EventLogs"\s*:\s*\[)'
    if re.match(pattern, head) is None:
        return NO_MATCH
    return Match(CERTAIN, "an object of a header and events under CCNP's names")


def read(data: bytes, options: Options) -> Log:
    """Read a report; see `evlog.read`. Raises ParseError if there is no event in it."""
    from evlog.formats.reports.account import Account
    from evlog.formats.reports.ccnp_json_reader import log_of

    return log_of(data, Account(ID, options))
