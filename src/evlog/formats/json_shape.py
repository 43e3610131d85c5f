"""What JSON records of PC Client events have in common: furniture of `evlog.formats.json_rows`."""

from __future__ import annotations

import re
import struct

from evlog._record import Record
from evlog.columns import Layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from evlog.algorithms import HashAlg

__all__ = ["Members", "OddError", "Shape"]

_MAX_DIGESTS = 16

_BLANK = re.compile(rb"[ \t\n\r]*")
_STRING = rb'"[ !#-\[\]-~]*"'
_NUMBER = rb"(?:0|[1-9][0-9]{0,18})"
_WORD = rb"(?:true|false|null)"
_TOKEN = re.compile(b"(" + _STRING + b")|(" + _NUMBER + b")(?![0-9.eE])|" + _WORD)
_REGISTER = re.compile(rb'"((?:pcr|ccmr|rtmr|rem):)((?:0|[1-9][0-9]{0,7}))"')
# What stands in a pattern for the values of a role, and whether it must be text (True) or a number (False).
_VALUES = {
    "recnum": (b"(" + _NUMBER + b")", False),
    "offset": (b"(" + _NUMBER + b")", False),
    "length": (b"(" + _NUMBER + b")", False),
    "index": (rb"(0|[1-9][0-9]{0,7})", False),
    "data": (rb'"([^"]*)"', True),
    "type": (b"(" + _STRING + b"|" + _NUMBER + b")", None),
}


class Members(Record):
    """The members of a room's records.

    ``roles`` tells of each by its path what it is (``*`` is any item of a list): ``recnum``, ``index`` or ``register``,
    ``algorithm`` and ``digest``, ``kind`` (of content), ``type`` and ``data``; ``offset``, ``length``, ``log`` and
    ``format`` of where the event was read; ``passed`` for what is read over. ``needed`` are the roles that no record
    lacks. ``algorithm`` gives that of a name and of a digest's size, or None; ``event_type`` the number of a type.
    Either may raise an EvlogError or a ValueError. ``is_kind`` is whether a kind is that of PC Client events.
    """

    roles: Mapping[tuple[str, ...], str]
    needed: frozenset[str]
    is_kind: Callable[[str], bool]
    algorithm: Callable[[str, int], HashAlg | None]
    event_type: Callable[[Any], int]


class OddError(Exception):
    """Something that is for the reference."""


class Shape:
    """What records have in common that one pattern can read.

    ``groups`` are the pattern's groups by role, ``digests`` those of the digests. ``said`` is what the records say
    alike of some roles: the kind, the space of their register, the log and the format that they were read from.
    """

    def __init__(self, text: bytes, position: int, members: Members) -> None:
        self._text, self._at, self._members = text, position, members
        self._pattern: list[bytes] = []
        self._count = 0
        self.groups: dict[str, int] = {}
        self.said: dict[str, str] = {}
        self.digests: list[int] = []
        self._digest: dict[str, Any] = {}
        found: list[tuple[HashAlg, int]] = []
        self._algorithms = found
        if text[position : position + 1] != b"{":
            # Records are equally far apart.
            raise OddError
        self._object(())
        self.end = self._at
        if not members.needed <= self.groups.keys() | self.said.keys() or not 0 < len(found) <= _MAX_DIGESTS:
            raise OddError
        if not members.is_kind(self.said["kind"]) or len({alg.id for alg, _ in found}) != len(found):
            raise OddError
        distance, listed = 8, []
        for alg, _ in found:
            listed.append((alg, distance))
            distance += alg.size
        #: Of a record as bytes: the register's index and the event type of 32 bits, the digests, the data.
        self.layout = Layout(tuple(listed), distance)
        self.record = struct.Struct(">II" + "".join(f"{alg.size}s" for alg, _ in found))
        # The digests as they stand in the text.
        form, behind = "", 0
        for alg, start in found:
            form += f"{start - behind if form else 0}x{2 * alg.size}s"
            behind = start + 2 * alg.size
        self.spelled = struct.Struct(form)

    def compiled(self, between: bytes) -> re.Pattern[bytes]:
        """The pattern of such a record and what may be between it and the next, which is its last group."""
        return re.compile(b"".join(self._pattern) + b"(" + re.escape(between) + b")?")

    @property
    def key(self) -> bytes:
        """What tells a shape from others."""
        return b"".join(self._pattern)

    def _next(self) -> bytes:
        """The next byte that is no blank; the blanks are part of what is constant."""
        found = _BLANK.match(self._text, self._at)
        assert found is not None
        self._constant(found[0])
        return self._text[self._at : self._at + 1]

    def _constant(self, text: bytes) -> None:
        self._pattern.append(re.escape(text))
        self._at += len(text)

    def _take(self, expected: bytes) -> None:
        if self._next() != expected:
            raise OddError
        self._constant(expected)

    def _token(self) -> bytes:
        """The string, the number or the word that stands here."""
        self._next()
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise OddError
        return found[0]

    def _object(self, path: tuple[str, ...]) -> None:
        self._take(b"{")
        names: set[str] = set()
        while True:
            name = self._string()
            if name in names:
                raise OddError
            names.add(name)
            self._take(b":")
            self._value((*path, name))
            if self._next() != b",":
                break
            self._take(b",")
        self._take(b"}")

    def _string(self) -> str:
        """A string that is part of what is constant."""
        token = self._token()
        if token[:1] != b'"':
            raise OddError
        self._constant(token)
        return token[1:-1].decode()

    def _value(self, path: tuple[str, ...]) -> None:
        role = self._members.roles.get(path)
        if role is not None:
            self._spelled(role)
        elif not any(each[: len(path)] == path for each in self._members.roles):
            raise OddError
        elif self._next() == b"[":
            self._list((*path, "*"))
        else:
            self._object(path)

    def _list(self, path: tuple[str, ...]) -> None:
        """The list of digests: no other is in a record."""
        self._take(b"[")
        while True:
            self._digest = {}
            self._object(path)
            if self._digest.keys() != {"algorithm", "digest"}:
                raise OddError
            size, start = self._digest["digest"]
            alg = self._members.algorithm(self._digest["algorithm"], size)
            if alg is None or alg.size != size:
                raise OddError
            self._algorithms.append((alg, start))
            if self._next() != b",":
                break
            self._take(b",")
        self._take(b"]")

    def _spelled(self, role: str) -> None:
        """A value that has a role: a group of the pattern, or part of what is constant."""
        if role in ("kind", "log", "format"):
            self.said[role] = self._string()
            return
        if role == "algorithm":
            self._digest[role] = self._string()
            return
        token = self._token()
        if role == "passed":
            first = token[:1]
            self._pattern.append(_STRING if first == b'"' else _WORD if first.isalpha() else _NUMBER)
            self._at += len(token)
        elif role == "recnum" and token == b"null":
            self._constant(token)
            self.said[role] = ""
        elif role == "register":
            register = _REGISTER.fullmatch(token)
            if register is None:
                raise OddError
            self.said["space"] = register[1].decode()[:-1]
            self._group("index", b'"' + register[1] + _VALUES["index"][0] + b'"', token)
        elif role == "digest":
            size, odd = divmod(len(token) - 2, 2)
            if token[:1] != b'"' or odd or not size:
                raise OddError
            self._digest[role] = size, self._at + 1
            self._group(f"digest {len(self.digests)}", b'"(.{%d})"' % (2 * size), token)
            self.digests.append(self._count)
        else:
            pattern, text = _VALUES[role]
            if token[:1].isalpha() or text is (token[:1] != b'"'):
                raise OddError
            self._group(role, pattern, token)

    def _group(self, role: str, pattern: bytes, token: bytes) -> None:
        if role in self.groups:
            raise OddError
        self._count += 1
        self.groups[role] = self._count
        self._pattern.append(pattern)
        self._at += len(token)
