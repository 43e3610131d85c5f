"""The last change of a register and its log, as it was written down before it was made.

A change happens at the moment when the register's value becomes the new one, and at no other. Before it, what the
journal says is void; after it, the journal holds whatever the log still lacks. So whoever comes next, after a kill at
any moment, can tell and finish (`evlog.live.writer`); and a reader sees what will be there then (`settled_log`).

A journal is a line of fields, then the bytes that the log gains. Beside a log in a register's own folder it is called
``.journal``; that of another register says besides which log, banks and boot it is about.
"""

from __future__ import annotations

import os

from evlog._record import Record
from evlog.intake.files import load
from evlog.intake.outputs import read_plain, source_error
from evlog.tree import member_of_log

__all__ = ["JOURNAL", "Change", "settled_log"]

JOURNAL = ".journal"
_MAGIC, _PLACED = b"evlog-append/1", b"evlog-append/2"


class Change(Record):
    """A change of a register and its log.

    ``size`` bytes of log stand before it, ``old`` is the register's value then, of all its banks one after the other;
    ``data`` is what the log gains and ``new`` the value that it leads to. ``synced`` tells whether the log before led
    to ``old``. ``place`` says which log, banks and boot that is about, where the journal's own place does not.
    """

    size: int
    old: bytes
    new: bytes
    synced: bool
    data: bytes
    place: str = ""

    def __bytes__(self) -> bytes:
        place = self.place.encode("utf-8", "surrogatepass").hex()
        fields = [self.size, self.old.hex(), self.new.hex(), int(self.synced), len(self.data), *filter(None, [place])]
        return b" ".join((_PLACED if place else _MAGIC, *(str(field).encode() for field in fields))) + b"\n" + self.data

    @staticmethod
    def parse(text: bytes) -> Change | None:
        """The change that a journal holds, or None for anything that is none."""
        head, _, data = text.partition(b"\n")
        fields = head.split(b" ")
        if (len(fields), fields[0]) not in ((6, _MAGIC), (7, _PLACED)):
            return None
        try:
            size, length = int(fields[1]), int(fields[5])
            old, new, *place = (bytes.fromhex(field.decode("ascii")) for field in (*fields[2:4], *fields[6:]))
            named = b"".join(place).decode("utf-8", "surrogatepass")
        except ValueError:
            return None
        return Change(size, old, new, fields[4] == b"1", data, named) if length == len(data) else None

    def settle(self, value: bytes, log: bytes) -> bytes:
        """What the log is, given the register's value and what of the log is in the file."""
        rest = log[self.size :]
        if len(log) < self.size or not self.data.startswith(rest):
            return log  # somebody else has written, or the journal is of another log
        before = log[: self.size]
        # The log gets something only after the register was extended, whoever extends it further; else it may not have
        # happened at all.
        return before + self.data if rest or value == self.new else before


def settled_log(path: str) -> bytes:
    """The bytes of a log file; of a register's, without what is half written and with what the journal still has."""
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.lexists(os.path.join(folder, JOURNAL)):
        return load(path)[0]
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        log = load(path)[0]
        member = member_of_log(path)
        change = Change.parse(read_plain(os.path.join(folder, JOURNAL)))
        if change is None or member is None or member.value is None:
            return log
        return change.settle(member.value, log)
    except OSError as error:
        raise source_error(path, error) from error
    finally:
        os.close(handle)
