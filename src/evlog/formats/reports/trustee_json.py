"""A CCEL as the verifier of Confidential Containers parsed it: the list of events among the claims of its tokens.

Source: confidential-containers/trustee, deps/eventlog (CcEventLog, EventlogEntry): ``uefi_event_logs`` is a list of
``{"details", "digest_matches_event", "digests": [{"alg", "digest"}], "event", "index", "type_name"}``, where ``event``
is the event's data in base64 and ``index`` that of the CC measurement register. The Spec ID event is not in it.
"""

from __future__ import annotations

from evlog.formats import CERTAIN, NO_MATCH, Match

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.model import Log
    from evlog.options import Options

ID = "trustee-json"
TITLE = "a CCEL as CoCo's trustee parsed it"

#: Details of an event may be long: so far is looked for the name of its type.
_SNIFFED = 1 << 17


def sniff(data: bytes, options: Options) -> Match:
    """Certain of a list of events with the members that trustee gives them."""
    if data.find(b'"type_name"', 0, _SNIFFED) < 0 or data.find(b'"details"', 0, _SNIFFED) < 0:
        return NO_MATCH
    import re

    members = rb'"(?:details"\s*:\s*\{|digest_matches_event"\s*:|digests"\s*:|event"\s*:|index"\s*:|type_name"\s*:)'
    pattern = rb'(?:\xef\xbb\xbf)?\s*(\{\s*"uefi_event_logs"\s*:\s*)?\[\s*\{\s*' + members
    found = re.match(pattern, data[:1024])
    # Where other members follow there may be other logs: the list is one of several in a document.
    if found is None or (found[1] and re.search(rb"\]\s*\}\s*\Z", data[-256:]) is None):
        return NO_MATCH
    return Match(CERTAIN, "a list of events with the members that trustee gives them")


def read(data: bytes, options: Options) -> Log:
    """Read a report; see `evlog.read`. Raises ParseError if there is no event in it."""
    from evlog.formats.reports.account import Account
    from evlog.formats.reports.trustee_json_reader import log_of

    return log_of(data, Account(ID, options))
