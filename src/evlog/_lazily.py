"""What `functools`, `importlib`, `operator`, `types` and `json` have, without what these import.

They load twenty modules between them, which takes twice as long as replaying a boot log: each name is the interpreter's
own, or a few lines. What an interpreter has not of its own comes from the library.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from functools import cache, cached_property, lru_cache, partial
    from operator import attrgetter, eq, itemgetter
    from types import SimpleNamespace
    from typing import Any
else:
    import _collections_abc
    from _collections_abc import Mapping, Sequence
    from _functools import partial
    from _operator import attrgetter, eq, itemgetter

    SimpleNamespace = type(sys.implementation)

    def lru_cache(maxsize: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """What a function gives for its arguments, kept for so many of them: then it begins anew."""

        def keeping(made: Callable[..., Any]) -> Callable[..., Any]:
            known: dict[tuple[Any, ...], Any] = {}

            def kept(*given: Any) -> Any:
                try:
                    return known[given]
                except KeyError:
                    pass
                found = made(*given)
                if len(known) >= maxsize:
                    known.clear()
                known[given] = found
                return found

            kept.__doc__, kept.cache_clear = made.__doc__, known.clear
            return kept

        return keeping

    cache = lru_cache(sys.maxsize)

    class cached_property:  # noqa: N801
        """A method's result, made when it is first asked for and kept in the object's ``__dict__``."""

        def __init__(self, made: Callable[[Any], Any]) -> None:
            self._made = made
            self.__doc__ = made.__doc__

        def __set_name__(self, owner: type, name: str) -> None:
            self._name = name

        def __get__(self, of: object, owner: type | None = None) -> Any:
            if of is None:
                return self
            value = of.__dict__[self._name] = self._made(of)
            return value

    if "array" not in sys.modules and "collections" not in sys.modules:
        # It asks for collections.abc to register with it, and all of collections would be loaded for that.
        stand_ins = dict.fromkeys(("collections", "collections.abc"), _collections_abc)
        sys.modules.update(stand_ins)
        try:
            import array  # noqa: F401
        finally:
            for name in stand_ins:
                del sys.modules[name]

__all__ = [
    "Mapping",
    "Sequence",
    "SimpleNamespace",
    "attrgetter",
    "cache",
    "cached_property",
    "dumps",
    "eq",
    "import_module",
    "itemgetter",
    "loads",
    "lru_cache",
    "partial",
]


def import_module(name: str) -> Any:
    """The module of an absolute name."""
    __import__(name)
    return sys.modules[name]


class _Scanned:
    """What the interpreter's scanner of JSON asks for, as `json.JSONDecoder` has it."""

    strict = True
    object_hook = None
    parse_float = float
    parse_int = int
    parse_constant = {"-Infinity": float("-inf"), "Infinity": float("inf"), "NaN": float("nan")}.__getitem__

    def __init__(self, object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None) -> None:
        self.object_pairs_hook = object_pairs_hook


def loads(data: bytes | str, object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """As `json.loads`, which also tells what is wrong with other text."""
    try:
        from _json import make_scanner

        text = data if isinstance(data, str) else _decoded(data)
        stripped = text.strip(_BLANK)
        found, end = make_scanner(_Scanned(object_pairs_hook))(stripped, 0)  # type: ignore[arg-type]
        if stripped and end == len(stripped):
            return found
    except (ImportError, StopIteration, ValueError):
        pass
    from json import loads as whole

    return whole(data, object_pairs_hook=object_pairs_hook)


_BLANK = " \t\n\r"


def _decoded(data: bytes) -> str:
    """The text of UTF-8; of what may be another encoding, what is no JSON."""
    return "" if b"\0" in data[:4] or data[:1] in (b"\xef", b"\xfe", b"\xff") else data.decode()


def dumps(value: Any) -> str:
    """As `json.dumps` with no options."""
    try:
        from _json import encode_basestring_ascii, make_encoder

        if isinstance(value, str):
            return encode_basestring_ascii(value)
        made = make_encoder({}, _refused, encode_basestring_ascii, None, ": ", ", ", False, False, True)
        return "".join(made(value, 0))
    except (ImportError, TypeError):
        from json import dumps as whole

        return whole(value)


def _refused(value: object) -> Any:
    raise TypeError(f"{type(value).__name__} is no JSON")
