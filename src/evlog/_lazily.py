"""What `functools`, `importlib`, `operator`, `collections.abc` and `types` have, without what these import.

They load ten modules between them, which takes as long as replaying a boot log: each name is the interpreter's own, or
a few lines.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from functools import cached_property, partial
    from operator import attrgetter, eq, itemgetter
    from types import SimpleNamespace
    from typing import Any
else:
    from _collections_abc import Mapping, Sequence
    from _functools import partial
    from _operator import attrgetter, eq, itemgetter

    SimpleNamespace = type(sys.implementation)

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


__all__ = [
    "Mapping",
    "Sequence",
    "SimpleNamespace",
    "attrgetter",
    "cached_property",
    "eq",
    "import_module",
    "itemgetter",
    "partial",
]


def import_module(name: str) -> Any:
    """The module of an absolute name."""
    __import__(name)
    return sys.modules[name]
