"""Records as maps, read."""

from __future__ import annotations

from evlog.algorithms import HashAlg
from evlog.contents._celtype import Fields, Octets
from evlog.contents.opaque import Opaque
from evlog.formats.cel.dialect import MEMBER_RTMR, refused, what
from evlog.formats.cel.fields import decoder_of, fields_decoder
from evlog.formats.cel.scan import MAX_DIGEST_SIZE, MAX_DIGESTS
from evlog.formats.cel.types import TYPE_NAMES, declared, written
from evlog.model import Digest, Event
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from evlog.formats.cel.dialect import Dialect, Key
    from evlog.formats.cel.record import Notes
    from evlog.model import Content, Origin

__all__ = ["Reader"]

_LAST_RECNUM = (1 << 64) - 1
_LAST_INDEX = (1 << 32) - 1


class Reader:
    """Makes events from maps, and remarks on them."""

    def __init__(self, dialect: Dialect, notes: Notes) -> None:
        self._dialect = dialect
        self._notes = notes
        self._registers: dict[tuple[str, int], Register] = {}
        self._pcrs: dict[int, Register] = {}
        self._algorithms: dict[tuple[str | int, int], HashAlg] = {}
        self._same: dict[tuple[int, int], HashAlg] = {}
        self._decoders: dict[Key, Callable[[Any], Content]] = {}
        #: How the log spells CC measurement registers, if it has any under a key of their own.
        self.mr_key: str | None = None
        self._usual = {dialect.recnum, dialect.pcr, dialect.digests, dialect.content_type, dialect.content}
        self._known = frozenset(
            (dialect.recnum, *dialect.indices, dialect.digests, dialect.content_type, dialect.content)
        )

    def event(self, members: Any, row: int, origin: Origin, wire: bytes | None = None) -> Event:
        """The event of a record. Raises ParseError, whose offset counts from the record's start."""
        dialect, notes = self._dialect, self._notes
        if members.__class__ is not dict:
            raise refused(f"a record is a map, not {what(members)}")
        if members.keys() == self._usual:
            recnum, index = members[dialect.recnum], members[dialect.pcr]
            register = self._pcrs.get(index) if index.__class__ is int else None
            if register is None:
                register = self._register(members)
        else:
            recnum = members.get(dialect.recnum)
            if recnum is None and notes.strict:
                raise refused("a record without a record number", "recnum")
            register = self._register(members)
            if not self._known.issuperset(members):
                notes.unknown(members.keys() - self._known, row, origin.span.offset)
        if recnum is not None and (recnum.__class__ is not int or not 0 <= recnum <= _LAST_RECNUM):
            raise refused("a record number of 0 to 64 bits was expected", "recnum")
        digests, remarkable = self._digests(members.get(dialect.digests))
        content = self._content(members, row, origin.span.offset)
        event = Event(row, register, digests, content, recnum, origin, wire)
        if remarkable:
            notes.digests(digests, row, origin.span.offset)
        elif not digests and event.measured:
            notes.no_digests(row, origin.span.offset)
        if register.space == "nv":
            notes.register(register, row, origin.span.offset)
        return event

    def _register(self, members: dict[Any, Any]) -> Register:
        indices = self._dialect.indices
        found = [key for key in indices if key in members]
        if len(found) != 1:
            wanted = " or ".join(map(str, indices))
            raise refused(f"{len(found)} registers in a record, one of {wanted} was expected", "index")
        index = members[found[0]]
        if index.__class__ is not int or not 0 <= index <= _LAST_INDEX:
            raise refused("a number of up to 32 bits was expected", str(found[0]))
        space = indices[found[0]]
        register = self._registers.get((space, index))
        if register is None:
            # systemd counts the registers of TDX as TDX does.
            register = MEMBER_RTMR.ccmr_of(Register(space, index))
            self._registers[space, index] = register
            if register.space == "ccmr":
                self.mr_key = "rtmr" if space == "rtmr" else "type108"
            elif space == "pcr":
                self._pcrs[index] = register
        return register

    def _digests(self, rows: Any) -> tuple[tuple[Digest, ...], bool]:
        """The digests of a record, and whether there is something to say about them."""
        dialect, algorithms = self._dialect, self._algorithms
        alg_key, digest_key, kind, octets = dialect.hash_alg, dialect.digest, dialect.kind, dialect.plain_octets
        digests = []
        seen: list[int] = []
        if rows.__class__ is list and len(rows) <= MAX_DIGESTS:
            try:
                for row in rows:
                    spelled = row[digest_key]
                    alg = algorithms[row[alg_key], len(spelled)]
                    value = octets(spelled)
                    if len(value) != alg.size or row.__class__ is not dict or spelled.__class__ is not kind:
                        break
                    seen.append(alg.id)
                    digests.append(Digest(alg, value))
                else:
                    if len(seen) < 2 or len({*seen}) == len(seen):
                        return tuple(digests), False
            except (LookupError, TypeError, ValueError):
                pass
        return self._odd_digests(rows)

    def _odd_digests(self, rows: Any) -> tuple[tuple[Digest, ...], bool]:
        """The digests of a record unlike those before it, or the error that says what is wrong with them."""
        dialect = self._dialect
        if rows is None and not self._notes.strict:
            return (), False
        if rows.__class__ is not list:
            raise refused(f"a list of digests was expected, not {what(rows)}", "digests")
        if len(rows) > MAX_DIGESTS:
            raise refused(f"{len(rows)} digests in a record, at most {MAX_DIGESTS} can be", "digests")
        digests = []
        for number, row in enumerate(rows):
            try:
                if row.__class__ is not dict:
                    raise ValueError(f"a map was expected, not {what(row)}")
                name, spelled = row[dialect.hash_alg], row[dialect.digest]
                if name.__class__ is not str and name.__class__ is not int:
                    raise ValueError(f"the name of a hash algorithm was expected, not {what(name)}")
                value = dialect.octets(spelled)
                alg = self._algorithm(name, len(value))
            except KeyError as error:
                raise refused(f"a digest without {error}", f"digests[{number}]") from None
            except ValueError as error:
                raise refused(str(error), f"digests[{number}]") from None
            if not alg.known or alg == HashAlg.of(alg.id):
                self._algorithms[name, len(spelled)] = alg
            digests.append(Digest(alg, value))
        ids = {digest.alg.id for digest in digests}
        odd = [digest for digest in digests if digest.alg.known and digest.alg != HashAlg.of(digest.alg.id)]
        return tuple(digests), len(ids) != len(digests) or bool(odd)

    def _algorithm(self, name: str | int, size: int) -> HashAlg:
        """An algorithm for digests of this size, the same object for the same algorithm."""
        number = self._dialect.algorithm(name)
        if not 0 <= number <= 0xFFFF:
            raise ValueError("an algorithm of up to 16 bits was expected")
        if not 0 < size <= MAX_DIGEST_SIZE:
            raise ValueError(f"a digest of {size} bytes, 1 to {MAX_DIGEST_SIZE} can be")
        alg = HashAlg.of(number, size)
        return self._same.setdefault((number, size), alg)

    def _content(self, members: dict[Any, Any], row: int, offset: int) -> Content:
        dialect = self._dialect
        type = members.get(dialect.content_type)
        value = members.get(dialect.content)
        decoder = self._decoders.get(type) if type.__class__ in (str, int) else None
        if decoder is None:
            if type is None or type == "":  # as which it is written
                return self._untyped(value)
            decoder = self._decoder(type)
        try:
            return decoder(value)
        except ValueError as error:
            number = _type_number(type)
            self._notes.bad_content(str(type)[:40], error, row, offset)
            return Opaque(str(type) if number is None else number, *dialect.opaque(value))

    def _untyped(self, value: Any) -> Content:
        """A record without a content type: early systemd's, told by its string, or one that nobody named."""
        if self._notes.strict:
            raise refused("a record without a content type", "content_type")
        if type(value) is dict and "string" in value:
            return self._decoder("systemd")(value)
        data, syntax = self._dialect.opaque(value)
        if value is None and syntax != "json":
            raise refused("a record without content", "content")
        return Opaque("", data if value is not None else b"", syntax)

    def _decoder(self, type: Any) -> Callable[[Any], Content]:
        """A function from the content's value to the content."""
        number = _type_number(type)
        dialect = self._dialect
        if type.__class__ is bool or (number is None and type.__class__ is not str):
            raise refused(f"a content type is a number or a name, not {what(type)}", "content_type")
        if number is not None and not 0 <= number <= _LAST_INDEX:
            raise refused("a content type of up to 32 bits was expected", "content_type")
        found = self._known_decoder(number) if number is not None else None
        if found is None:
            name = number if number is not None else type
            found = lambda value: Opaque(name, *dialect.opaque(value))  # noqa: E731
        # A log may name types without end.
        if len(self._decoders) < 256:
            self._decoders[type] = found
        return found

    def _known_decoder(self, number: int) -> Callable[[Any], Content] | None:
        known = declared(number)
        if known is None:
            return None
        kind, dialect = known[0], self._dialect
        type = written(kind)
        # Another number of the same kind has fields of its own in TLV, but one name and one form in JSON.
        if type is None or (type.number != number and not dialect.by_name):
            return None
        written_number = type.number
        if isinstance(type.shape, Fields):
            return fields_decoder(type.shape, dialect, self._notes, lambda value: kind.from_cel(written_number, value))
        read = decoder_of(type.shape, dialect, self._notes)
        if isinstance(type.shape, Octets) and type.shape.members and dialect.by_name:
            from_members: Callable[[Any], Content] = kind.from_members  # type: ignore[attr-defined]
            return lambda value: (
                from_members(value) if value.__class__ is dict else kind.from_cel(written_number, read(value))
            )
        return lambda value: kind.from_cel(written_number, read(value))


def _type_number(type: Any) -> int | None:
    """The number of a content type by its name in any case, or itself; None for a name that is not known."""
    if type.__class__ is int:
        return int(type)
    return TYPE_NAMES.get(type.lower()) if type.__class__ is str else None
