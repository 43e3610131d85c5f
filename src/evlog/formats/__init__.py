"""The rooms: one module for each log format, and the only list of them.

Rules of the room:

1. Formats do not import formats. A family of them has a folder, with what they share beside them.
2. Every length is checked against the bytes that are there before anything is sliced or allocated.
3. Damage to the framing ends a log with a finding, odd content ends nothing, and no event is dropped in silence.
4. What was read is written back byte for byte where the format allows it.

A room is a module with these names and no others that matter:

``ID``, ``TITLE``                  the format's id and what it is, in a few words
``sniff(data, options)``           a `Match`: how sure the room is that the bytes are its own, and why; never raises
``read(data, options)``            a Log; raises ParseError for bytes that are not this format
``write(log, options)``            bytes; raises WriteError for what the format cannot hold, drops nothing; absent if
                                   the format is only read, as what other tools print is
``adapt(log, options)``            what of any log this format can hold: (Log, losses); absent if it is only read.
                                   Events keep their order and numbers; one that was made of none has a negative number
``rewrite(log, options)``          what `write` makes of all that `adapt` takes of another log, from its columns,
                                   and how many records, before the others, are of none of its events; None where that
                                   needs events, or has losses; absent if it always does. ``options.space`` is what its
                                   reader will be told that numbers count
``excerpt(log, rows)``             what `write` makes of a log of some records of this one, from the bytes that they
                                   were read from; None where that is something else; absent if it always is
``HOLDS``                          content kinds that it holds as they are, besides PC Client events; absent if none
``CONTINUES``                      True if its logs go on with registers that firmware's logs began; else absent
``document(log)``                  the log as an object that `json.dumps` takes; absent unless the format is JSON of one
``settle(log, options)``           the options under which the written log reads as it is; absent if the given ones do
"""

from __future__ import annotations

from evlog._record import Record, import_module
from evlog.errors import UnknownFormatError, UsageError
from evlog.options import NO_OPTIONS, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Protocol

    from evlog.model import Log, Loss

    class Room(Protocol):
        """The shape of a room's module."""

        ID: str
        TITLE: str

        def sniff(self, data: bytes, options: Options) -> Match: ...
        def read(self, data: bytes, options: Options) -> Log: ...
        def document(self, log: Log) -> dict[str, Any]: ...
        def states(self, line: bytes) -> bool: ...

    class Writer(Room, Protocol):
        """That of a format which is also written."""

        def write(self, log: Log, options: Options) -> bytes: ...
        def adapt(self, log: Log, options: Options) -> tuple[Log, Sequence[Loss]]: ...


__all__ = [
    "CERTAIN",
    "FORMATS",
    "LIKELY",
    "NO",
    "NO_MATCH",
    "POSSIBLE",
    "UNKNOWN",
    "Detection",
    "Match",
    "detect",
    "room",
    "writer",
    "writes",
]

NO, POSSIBLE, LIKELY, CERTAIN = range(4)
CONFIDENCES = ("no", "possible", "likely", "certain")


class Match(Record):
    """A room's answer: confidence (`NO` to `CERTAIN`) and the reason, a clause for people."""

    confidence: int
    reason: str = ""


NO_MATCH = Match(NO)

#: Format ids in the order in which rooms are asked, and their modules.
FORMATS: dict[str, str] = {
    "tcg2": "tcg.tcg2",
    "ccel": "tcg.ccel",
    "tcg1": "tcg.tcg1",
    "coreboot": "coreboot",
    "ima-binary": "ima.binary",
    "ima-ascii": "ima.ascii",
    "systemd": "systemd",
    "cel-tlv": "cel.tlv",
    # Lists and objects that could be taken for records of a CEL if these were not asked before.
    "tpm2-yaml": "reports.tpm2_yaml",
    "pcrlock-json": "reports.pcrlock_json",
    "ita-json": "reports.ita_json",
    "ccnp-json": "reports.ccnp_json",
    "trustee-json": "reports.trustee_json",
    "cbmem-text": "reports.cbmem_text",
    "tsm-trace": "reports.tsm_trace",
    "cel-json": "cel.json",
    "cel-cbor": "cel.cbor",
    "dstack": "dstack.room",
    "text": "text.room",
    "evlog-json": "evlog_json",
}


#: What is said of bytes of which nothing else can be.
UNKNOWN = "no known log format"


class Detection(Record):
    """Which format some bytes are in, how sure that is, and why."""

    format: str
    confidence: int
    reason: str

    def __str__(self) -> str:
        return f"{self.format} ({CONFIDENCES[self.confidence]}: {self.reason})"


def room(format: str) -> Room:
    """The room of a format id. Raises UsageError for an unknown one."""
    module = FORMATS.get(format)
    if module is None:
        raise UsageError(f"unknown format {format!r}; known are {', '.join(FORMATS)}")
    found: Room = import_module(f"evlog.formats.{module}")
    return found


def writes(format: str) -> bool:
    """Whether logs are written in a format. Raises UsageError for an unknown one."""
    return hasattr(room(format), "write")


def writer(format: str) -> Writer:
    """The room of a format that is to be written. Raises UsageError for an unknown one, or one that is only read."""
    found: Any = room(format)
    if not writes(format):
        message = f"{format} is only read: it is what another tool prints of a log (evlog-json holds all that it says)"
        raise UsageError(message)
    written: Writer = found
    return written


def detect(data: bytes, options: Options = NO_OPTIONS) -> Detection:
    """The format of the bytes.

    Rooms are asked in turn until one is certain; the tests hold that no sample has two. Without certainty the most
    confident answer stands. Raises UnknownFormatError if none claims the bytes, or two do equally.
    """
    best: list[Detection] = []
    for format in FORMATS:
        match = room(format).sniff(data, options)
        if match.confidence == NO:
            continue
        found = Detection(format, match.confidence, match.reason)
        if match.confidence == CERTAIN:
            return found
        if not best or match.confidence > best[0].confidence:
            best = [found]
        elif match.confidence == best[0].confidence:
            best.append(found)
    if not best:
        raise UnknownFormatError(_describe(data), offset=0)
    if len(best) > 1:
        raise UnknownFormatError(f"may be {' or '.join(each.format for each in best)}: say which (--from)", offset=0)
    return best[0]


def _describe(data: bytes) -> str:
    """Why nobody wants the bytes, in words that help the person who has them."""
    if not data:
        return "the input is empty"
    table = data[:4]
    if table in (b"CCEL", b"TPM2", b"TCPA", b"TDEL") and len(data) >= 36:
        return (
            f"an ACPI {table.decode()} table: it only points to the log, which Linux shows under "
            "/sys/firmware/acpi/tables/data or /sys/kernel/security"
        )
    if data[0] in (0x00, 0xFF) and data.count(data[0]) == len(data):
        return f"{len(data)} bytes of {data[0]:#04x} and nothing else: an empty log area"
    return UNKNOWN
