"""The YAML that tpm2_eventlog prints of a firmware log, read as a log.

Source: tpm2-tools, lib/tpm2_eventlog_yaml.c, and its output. It is read line by line and not as YAML: what firmware
wrote stands in it as it is, and of a SHA-1 log all events are one mapping, of which a parser keeps the last. Data is
there where it is printed in hex; variables, images and blobs are built again where all of their fields are, and texts
where a digest proves them. The values under ``pcrs`` are what the tool replayed, no values of a machine.
"""

from __future__ import annotations

from evlog.formats import CERTAIN, NO_MATCH, Match

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.model import Log
    from evlog.options import Options

ID = "tpm2-yaml"
TITLE = "what tpm2_eventlog prints"


def sniff(data: bytes, options: Options) -> Match:
    """Certain of the list of events with the tool's own names."""
    if b"events:" not in data[:64]:
        return NO_MATCH
    import re

    pattern = rb"\s*(?:---[ \t]*\r?\n)?(?:version:[ \t]*\d+[ \t]*\r?\n)?events:[ \t]*\r?\n(?:- EventNum:|  PCRIndex:)"
    if re.match(pattern, data[:256]) is None:
        return NO_MATCH
    return Match(CERTAIN, "YAML with the names that tpm2_eventlog has for events")


def read(data: bytes, options: Options) -> Log:
    """Read a report; see `evlog.read`. Raises ParseError if there is no event in it."""
    from evlog.formats.reports.account import Account
    from evlog.formats.reports.tpm2_yaml_reader import log_of

    return log_of(data, Account(ID, options))
