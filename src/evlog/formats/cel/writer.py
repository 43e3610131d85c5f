"""Records as maps, written."""

from __future__ import annotations

from evlog.contents.opaque import Opaque
from evlog.errors import WriteError
from evlog.formats.cel.dialect import MEMBER_RTMR
from evlog.formats.cel.fields import encoder, spelled
from evlog.formats.cel.record import no_place
from evlog.formats.cel.types import written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from evlog.formats.cel.dialect import Dialect, Key
    from evlog.formats.cel.record import Encoding
    from evlog.model import Content, Event

__all__ = ["Writer"]


class Writer:
    """Makes maps of events."""

    def __init__(self, dialect: Dialect, encoding: Encoding, mr_key: str) -> None:
        self._dialect = dialect
        self._encoding = encoding
        keys = {space: key for key, space in reversed(list(dialect.indices.items()))}
        ccmr = {"type108": "ccmr", "rtmr": "rtmr" if "rtmr" in keys else "pcr"}.get(mr_key, "pcr")
        self._keys = {"pcr": keys["pcr"], "nv": keys["nv"], "ccmr": keys[ccmr], "rtmr": keys["pcr"], "rem": keys["pcr"]}
        # Measurement register 0 is before the first of the hardware's, and has no ordinal.
        self._ordinals = keys["ccmr"] if ccmr == "rtmr" else None
        self._algorithms: dict[int, Any] = {}
        self._encoders: dict[type[Content], tuple[Key, Callable[[Any], Any]]] = {}

    def members(self, event: Event) -> dict[Any, Any]:
        """The record of an event. Raises WriteError for what the encoding does not hold."""
        dialect = self._dialect
        register = event.register
        key = self._keys.get(register.space)
        if key is None:
            raise WriteError(no_place(register), event=event.number)
        alg_key, digest_key, spell = dialect.hash_alg, dialect.digest, dialect.spell_octets
        algorithms = self._algorithms
        for digest in event.digests:
            if digest.alg.id not in algorithms:
                algorithms[digest.alg.id] = dialect.spell_algorithm(digest.alg)
        members: dict[Any, Any] = {} if event.recnum is None else {dialect.recnum: event.recnum}
        if self._ordinals is None or register.space != "ccmr":
            members[key] = register.index
        elif (native := MEMBER_RTMR.native_of(register)) is not None:
            members[key] = native.index
        else:
            members[self._ordinals] = register.index
        members[dialect.digests] = [
            {alg_key: algorithms[digest.alg.id], digest_key: spell(digest.value)} for digest in event.digests
        ]
        try:
            type, value = self._content(event.content)
        except WriteError as error:
            raise WriteError(str(error), event=event.number) from error
        if type != "":
            members[dialect.content_type] = type
        if value is not None:
            members[dialect.content] = value
        if key.__class__ is int and key > dialect.content:  # type: ignore[operator]
            # Keys in order are what makes the encoding deterministic.
            members[key] = members.pop(key)
        return members

    def _content(self, content: Content) -> tuple[Key, Any]:
        """The content type and the content."""
        found = self._encoders.get(content.__class__)
        if found is not None:
            return found[0], found[1](content)
        type = written(content.__class__)
        if type is not None:
            self._encoders[content.__class__] = spelled(self._dialect, type.number), encoder(self._dialect, type)
            return self._content(content)
        if not isinstance(content, Opaque):
            raise WriteError(f"a {content.kind} record has no place in a CEL")
        unnumbered = content.type.__class__ is str and content.type != "" and not self._encoding.named
        if content.syntax not in ("", self._encoding.syntax) or unnumbered:
            format, what = self._encoding.format, content.syntax or "bytes"
            raise WriteError(f"{format} does not hold {what} of content type {content.type!r}")
        return spelled(self._dialect, content.type), self._dialect.spell_opaque(content.data, content.syntax)
