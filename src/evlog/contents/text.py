"""A line of a textual event log.

Sources: kernel RFC "tsm: Unified Measurement Register ABI" (September 2024), patch 2/3; Confidential Containers,
guest-components issue 495 and the attestation agent; trustee's AAEL document. One line is one event, its digest the
hash of the line without its end. What a line is, is for the log's dialect to say; here it has been said.
"""

from __future__ import annotations

from evlog.algorithms import ALGORITHMS, HashAlg
from evlog.contents._printable import printable
from evlog.contents.pcclient import EV_ACTION, EV_EVENT_TAG, PCClientEvent, tagged
from evlog.model import Content

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from re import Match
    from typing import Any

    from evlog.model import Event
    from evlog.options import Options

__all__ = ["MEASURED_ROLES", "ROLES", "STATEMENTS", "TextLine"]

#: What a line is. The first three are hashed and extended; the others inform, and nobody vouches for them.
ROLES = ("record", "init", "sync", "comment", "extend", "blank")
MEASURED_ROLES = frozenset(("record", "init", "sync"))
#: Roles of lines that tell of the register itself: see `evlog.replaying.statements`.
STATEMENTS = frozenset(("init", "sync", "extend"))

# A global log that hashes its index has it before the keyword.
_STATED = rb"(?:[^ ]+ )?(?:INIT|SYNC)(?: ([^/ ]+)/|/([^/ ]+) )([0-9a-fA-F]*)\r?"
_EXTENDED = rb"(?s)# \.EXTEND ([0-9a-fA-F]+)(?: .*)?"


class TextLine(Content):
    """A line: its role (one of `ROLES`) and its bytes, without the line's end and whatever else is not hashed.

    INIT and SYNC state the register's value before the line itself is extended. A ``.EXTEND`` comment gives a digest
    that somebody extended without an event; it is a hint, no evidence, and counts only where the register agrees.
    """

    role: str
    line: bytes

    kind = "text"

    @property
    def measured(self) -> bool:
        return self.role in MEASURED_ROLES

    @property
    def statement(self) -> bool:
        return self.role in STATEMENTS

    @property
    def stated(self) -> tuple[str, bytes] | None:
        """The hash algorithm, as spelled, and the register value that an INIT or SYNC line states."""
        found = _match(_STATED, self.line) if self.role in ("init", "sync") else None
        if found is None or len(found[3]) % 2:
            return None
        name = found[1] or found[2]
        return name.decode("ascii", "replace"), bytes.fromhex(found[3].decode())

    @property
    def extended(self) -> bytes | None:
        """The digest that a ``.EXTEND`` comment tells of."""
        found = _match(_EXTENDED, self.line) if self.role == "extend" else None
        return None if found is None or len(found[1]) % 2 else bytes.fromhex(found[1].decode())

    @property
    def fields(self) -> tuple[str, str, str] | None:
        """Domain, operation and content of a record, as attestation agents write them, or None."""
        parts = self.text.split(" ", 2)
        return (parts[0], parts[1], parts[2]) if self.role == "record" and len(parts) == 3 else None

    @property
    def text(self) -> str:
        """The line for people: bytes that are no UTF-8 and control characters are escaped."""
        return printable(self.line.decode("utf-8", "backslashreplace"))

    @property
    def summary(self) -> str:
        return self.text

    def pcclient(self, options: Options) -> PCClientEvent | None:
        """EV_ACTION with the line's bytes, whose digest is the line's own; None for what is not measured.

        With ``options.encapsulate`` "tag", the attestation agent's EV_EVENT_TAG, whose digest is another.
        """
        if not self.measured:
            return None
        if options.encapsulate == "tag":
            return PCClientEvent(EV_EVENT_TAG, tagged(self.line))
        return PCClientEvent(EV_ACTION, self.line)

    def text_line(self, event: Event, options: Options) -> bytes:
        return self.line

    def candidates(self, event: Event, alg: HashAlg) -> Iterable[tuple[str, bytes, HashAlg]]:
        """The line, also by another hash if the register's is longer or shorter than the line's."""
        yield "line", self.line, alg
        for other in ALGORITHMS.values():
            if other.size != alg.size:
                yield f"line-{other}-{'padded' if other.size < alg.size else 'cut'}", self.line, other

    def to_json(self) -> dict[str, Any]:
        return {"role": self.role, "text": self.text, "data": self.line.hex()}

    @classmethod
    def from_json(cls, members: dict[str, Any]) -> TextLine:
        if members["role"] not in ROLES:
            raise ValueError(f"unknown role {members['role']!r} of a text line")
        return cls(members["role"], bytes.fromhex(members["data"]))


def _match(form: bytes, line: bytes) -> Match[bytes] | None:
    # Whoever has no such line does without the import.
    import re

    return re.fullmatch(form, line)
