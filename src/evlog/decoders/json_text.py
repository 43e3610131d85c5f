"""Decoded values as JSON text, as `json.dumps` writes what `to_json` gives, made of a template for each class."""

from __future__ import annotations

from evlog._record import Record, attrgetter, dumps, quoted
from evlog.decoders import Decoded, told_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["json_text"]

#: Of each class the text with a hole for each field, and what takes the fields out of a value.
_templates: dict[type[Record], tuple[str, Callable[[Any], tuple[Any, ...]]]] = {}


def json_text(value: Any) -> str:
    """The JSON of a record, or of what its fields hold."""
    made = _SCALARS.get(type(value))
    if made is not None:
        return made(value)
    if isinstance(value, Record):
        template, fields = _templates.get(type(value)) or _template(type(value))
        return template % tuple([json_text(each) for each in fields(value)])
    if isinstance(value, tuple):
        return f"[{', '.join(map(json_text, value))}]"
    return f'"{value.hex()}"' if isinstance(value, bytes) else dumps(value)


def _template(cls: type[Record]) -> tuple[str, Callable[[Any], tuple[Any, ...]]]:
    names = told_of(cls)
    holes = [f"{dumps(name)}: %s" for name in names]
    if issubclass(cls, Decoded) and "kind" not in names:
        kind = dumps(cls.kind).replace("%", "%%")
        holes.insert(0, f'"kind": {kind}')
    _templates[cls] = found = f"{{{', '.join(holes)}}}", _getter(names)
    return found


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    if not names:
        return lambda value: ()
    get = attrgetter(*names)
    return lambda value: (get(value),)


_SCALARS: dict[type, Callable[[Any], str]] = {
    str: quoted,
    int: int.__repr__,
    bool: lambda value: "true" if value else "false",
    type(None): lambda value: "null",
    bytes: lambda value: f'"{value.hex()}"',
}
