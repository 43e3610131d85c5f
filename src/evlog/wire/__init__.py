"""Declarative atoms that rooms and decoders share, in construct.

Rules of the room:

1. A file declares the structures of one specification, with the names that the specification has for their fields.
2. A declaration is data: what a field means is said in `evlog.contents`, and no module here knows a log.
3. No ``GreedyRange`` over records and no ``Switch`` without a default: both hide damage.

The one place that knows construct's exceptions: `parse` and `build` turn them into evlog's, with the offset in the
file and the path of the field. Declarations are interpreted, never ``.compile()``d: compiled parsers take short data
for whole.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import construct

from evlog.errors import ParseError, TruncatedError, WriteError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["All", "Bounded", "Refuse", "build", "parse"]


class Refuse(construct.Construct):  # type: ignore[type-arg]  # generic only in the stubs
    """A declaration that always fails, with a message made from the context: the default of a ``Switch``."""

    def __init__(self, message: Callable[[Any], str]) -> None:
        super().__init__()
        self.message = message

    def _parse(self, stream: Any, context: Any, path: str) -> Any:
        raise construct.ExplicitError(self.message(context), path=path)

    def _build(self, obj: Any, stream: Any, context: Any, path: str) -> Any:
        raise construct.ExplicitError(self.message(context), path=path)


class All(construct.Subconstruct):  # type: ignore[type-arg]
    """Items up to the end of what holds them, at most ``limit``; damage in an item is damage, not the end."""

    def __init__(self, subcon: Any, limit: int, what: str) -> None:
        super().__init__(subcon)
        self.limit = limit
        self.what = what

    def _parse(self, stream: Any, context: Any, path: str) -> Any:
        end = construct.stream_size(stream)
        items: list[Any] = []
        while construct.stream_tell(stream, path) < end:
            if len(items) == self.limit:
                raise construct.RangeError(f"more than {self.limit} {self.what}", path=path)
            items.append(self.subcon._parsereport(stream, context, path))
        return items

    def _build(self, obj: Any, stream: Any, context: Any, path: str) -> Any:
        if len(obj) > self.limit:
            raise construct.RangeError(f"more than {self.limit} {self.what}", path=path)
        for item in obj:
            self.subcon._build(item, stream, context, path)
        return obj


def Bounded(field: Any, limit: int, what: str) -> Any:
    """An integer field that is refused above ``limit``, before anything of that size is made."""
    return construct.ExprValidator(field, lambda value, _: value <= limit) * f"{what}: at most {limit}"


def parse(declaration: Any, data: bytes, offset: int = 0, *, where: str, **context: Any) -> Any:
    """Read one structure at ``offset``; what follows it is left alone.

    Raises ParseError or TruncatedError with the offset of the structure and the path of the field.
    """
    stream = io.BytesIO(data)
    stream.seek(offset)
    try:
        return declaration.parse_stream(stream, **context)
    except construct.StreamError as error:
        raise TruncatedError("truncated record", offset=offset, where=_where(where, error.path)) from error
    except construct.ConstructError as error:
        message = str(error).splitlines()[-1]
        raise ParseError(message, offset=offset, where=_where(where, error.path)) from error


def build(declaration: Any, value: Any, *, event: int | None = None, **context: Any) -> bytes:
    """Write one structure. Raises WriteError naming the field that does not fit."""
    try:
        built: bytes = declaration.build(value, **context)
    except construct.ConstructError as error:
        field = _where("", error.path)
        raise WriteError(f"{field}: {str(error).splitlines()[0]}", event=event) from error
    return built


def _where(outer: str, path: str | None) -> str:
    """construct says ``(parsing) -> digests -> value``."""
    fields = [part.strip() for part in (path or "").split("->")[1:]]
    return ".".join(filter(None, [outer, *fields]))
