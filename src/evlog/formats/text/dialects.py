"""Furniture of the room text: its dialects as a table, what a line is in each, and which one a log is in.

Sources: kernel RFC "tsm: Unified Measurement Register ABI", patch 2/3 (tsm-text); guest-components issue 495 (nelr);
the attestation agent v0.10 to v0.14 (aael-text); trustee's confidential-containers-eventlog.md (aael-spec); Intel ACON.
Their grammars are in schemas/*.abnf.
"""

from __future__ import annotations

import re

from evlog._record import Record
from evlog.contents.text import MEASURED_ROLES, TextLine
from evlog.errors import UsageError

__all__ = ["DIALECTS", "Dialect", "Recognition", "dialect_named", "recognise"]

#: What the kernel's isspace() takes for white space: 0xA0 too, though it may be the last byte of a UTF-8 character.
KERNEL_SPACE = b"\t\n\v\f\r \xa0"

# A CR at the end is data to most dialects; it does not keep INIT from being meant.
_INIT = re.compile(rb"INIT [^/ ]+/(?:[0-9a-fA-F]{2})+\r?")
_INIT_SPEC = re.compile(rb"INIT(?: [^/ ]+/|/[^/ ]+ )(?:[0-9a-fA-F]{2})+\r?")
_INIT_ACON = re.compile(rb"INIT sha384/0{96}")
_SYNC = re.compile(rb"SYNC [^/ ]+/(?:[0-9a-fA-F]{2})+\r?")
_EXTEND = re.compile(rb"# \.EXTEND (?:[0-9a-fA-F]{2})+(?: .*)?", re.DOTALL)
_UNPRINTABLE = re.compile(rb"[^\x20-\x7E]")


class Dialect(Record):
    """What a dialect says of lines.

    ``comments``  a line that starts with ``#`` is not hashed; ``.EXTEND`` means something
    ``blanks``    an empty line is not hashed
    ``edges``     bytes that are stripped at both ends before hashing; if there are any, CR ends a line as LF does
    ``init``, ``sync``  what such a line looks like; one that does not is an ordinary record
    ``hash``      the one hash that the dialect has
    ``words``     records are ``domain operation content``, printable, the last line ends with LF
    """

    id: str
    comments: bool
    blanks: bool
    edges: bytes = b""
    init: re.Pattern[bytes] | None = None
    sync: re.Pattern[bytes] | None = None
    hash: str | None = None
    words: bool = False

    def role(self, line: bytes) -> str:
        """What a line is, one of `evlog.contents.text.ROLES`; the line is without its end and edges."""
        first = line[:1]
        if first == b"#":
            if not self.comments:
                return "record"
            return "extend" if _EXTEND.fullmatch(line) else "comment"
        if first == b"I" and self.init is not None and self.init.fullmatch(line):
            return "init"
        if first == b"S" and self.sync is not None and self.sync.fullmatch(line):
            return "sync"
        return "record" if line or not self.blanks else "blank"

    def claims(self, line: bytes) -> bool:
        """Whether a line begins as the dialect's INIT or SYNC lines do, and so should be one."""
        keyword = self.init if line.startswith(b"INIT") else self.sync if line.startswith(b"SYNC") else None
        return keyword is not None and line[4:5] in (b"", b" ", b"/")

    def refusal(self, content: TextLine) -> str | None:
        """Why the dialect cannot hold a line such that it reads back as it is, or None."""
        line = content.line
        if b"\n" in line:
            return "a line feed inside would end the line: there is no escape"
        if self.edges and b"\r" in line:
            return f"{self.id} takes a carriage return for the end of a line"
        if self.edges and line != line.strip(self.edges):
            return f"{self.id} would strip white space from its ends"
        role = self.role(line)
        if (role in MEASURED_ROLES) != content.measured:
            was, now = ("a measured line", "not hashed") if content.measured else ("not measured", "hashed")
            return f"{was} would be {now} in {self.id}"
        return None

    def impropriety(self, content: TextLine) -> str | None:
        """Why the dialect should not hold a line, though it would read back; or None."""
        if self.words and content.role == "record":
            if _UNPRINTABLE.search(content.line):
                return f"{self.id} holds printable ASCII only"
            if len(content.line.split(b" ", 2)) < 3:
                return f"{self.id} wants a domain, an operation and a content"
        return None


DIALECTS: dict[str, Dialect] = {
    dialect.id: dialect
    for dialect in (
        Dialect("tsm-text", True, True, KERNEL_SPACE, sync=_SYNC),
        # SYNC is not in what is known of the document, but the kernel's format is built on this one.
        Dialect("nelr", True, True, init=_INIT, sync=_SYNC),
        Dialect("aael-text", False, False, init=_INIT),
        Dialect("aael-spec", False, False, init=_INIT_SPEC, words=True),
        # The verifier starts at zeros whatever INIT says, and hashes every line; the writer's INIT says zeros.
        Dialect("acon", False, False, init=_INIT_ACON, hash="sha384"),
    )
}


def dialect_named(name: str) -> Dialect:
    """The dialect of an id. Raises UsageError for an unknown one."""
    found = DIALECTS.get(name)
    if found is None:
        raise UsageError(f"unknown dialect {name!r}; known are {', '.join(DIALECTS)}")
    return found


class Recognition(Record):
    """What a textual log looks like: its dialect, whether lines have a register index before them, and why.

    ``certain`` says that a line of the log can hardly be anything else.
    """

    dialect: str
    indexed: bool
    reason: str
    certain: bool


# Enough of a log to know it by; a comment before it may be long.
_HEAD = 1 << 16
_INDEX = re.compile(rb"(?:[0-9]{1,10}|(?:pcr|ccmr|rtmr|rem)[0-9]{1,10}) ")


def recognise(data: bytes) -> Recognition | None:
    """The dialect by the log's first lines, or None if nothing in them is of a textual log."""
    head = data[:_HEAD]
    if b"\0" in head[:4]:
        return None
    lines = head.split(b"\n")
    if len(data) > _HEAD:
        lines.pop()
    lines = [line.strip(KERNEL_SPACE) for line in lines]
    records = [line for line in lines if line and line[0] != 0x23]
    indexed = bool(records) and all(map(_INDEX.match, records))
    if indexed:
        lines = [_INDEX.sub(b"", line, count=1) for line in lines]
        records = [line for line in lines if line and line[0] != 0x23]
    for line in records if indexed else records[:1]:
        found = _by_keyword(line, records, data, indexed)
        if found is not None:
            return found
    if any(map(_EXTEND.fullmatch, lines)):
        return Recognition("tsm-text", indexed, "a .EXTEND comment", True)
    return None


def _by_keyword(line: bytes, records: list[bytes], data: bytes, indexed: bool) -> Recognition | None:
    where = "a line with an index" if indexed else "the first record"
    if line.startswith(b"SYNC "):
        return Recognition("tsm-text", indexed, f"{where} is SYNC", bool(_SYNC.fullmatch(line)))
    if line.startswith(b"INIT/"):
        reason = f"{where} is INIT with the slash before the algorithm"
        return Recognition("aael-spec", indexed, reason, bool(_INIT_SPEC.fullmatch(line)))
    if not line.startswith(b"INIT "):
        return None
    certain = bool(_INIT.fullmatch(line))
    if data.startswith(b"#") or b"\n#" in data or b"\n\n" in data or indexed:
        return Recognition(
            "nelr", indexed, f"{where} is INIT, and there are comments, blank lines or an index", certain
        )
    if any(record.startswith(b"github.com/intel/ACON ") for record in records):
        return Recognition("acon", indexed, f"{where} is INIT, and the records are ACON's", certain)
    if all(record.count(b" ") >= 2 for record in records[1:]):
        reason = f"{where} is INIT, the others have a domain, an operation and a content; nelr would hash the same"
        return Recognition("aael-text", indexed, reason, certain)
    return Recognition("nelr", indexed, f"{where} is INIT", certain)
