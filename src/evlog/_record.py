"""Frozen, slotted value classes, declared like dataclasses and cheap to define; and other parts of the library, cheap.

``dataclasses`` imports ``inspect`` and compiles six functions for each class: 20 ms and more before the first byte
of a log is read, on a budget of about 30 (docs/speed.md). A `Record` compiles one ``__init__`` at most, and shares
the rest. Type checkers treat it as a frozen dataclass.

Deliberately small: fields with optional defaults, single inheritance, ``__post_init__``, equality, hash, ``repr``,
``replace``, pattern matching, pickling. A class may name fields that equality ignores in ``_uncompared``.

functools, importlib, operator, types and json load twenty modules between them, which takes twice as long as replaying
a boot log: each name of theirs in here is the interpreter's own, or a few lines. What an interpreter has not of its own
comes from the library.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from functools import cache, cached_property, lru_cache, partial
    from inspect import Signature
    from json.encoder import encode_basestring_ascii as quoted
    from operator import attrgetter, eq, itemgetter
    from types import SimpleNamespace
    from typing import Any, ClassVar

    from typing_extensions import Self, dataclass_transform
else:
    import _collections_abc
    from _collections_abc import Mapping, Sequence
    from _functools import partial
    from _operator import attrgetter, eq, itemgetter

    SimpleNamespace = type(sys.implementation)

    try:
        from _json import encode_basestring_ascii as quoted
    except ImportError:
        from json.encoder import encode_basestring_ascii as quoted

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

    def dataclass_transform(**_: object) -> Callable[[type], type]:
        return lambda cls: cls


__all__ = [
    "Mapping",
    "Record",
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
    "offer",
    "partial",
    "quoted",
]

#: Values of a class that are made without a compiled ``__init__``.
_FEW = 8
#: Items and bytes that a `repr` shows; notebooks and debuggers print it.
_MANY, _LONG = 3, 20


@dataclass_transform(frozen_default=True)
class _RecordMeta(type):
    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> _RecordMeta:
        annotations: dict[str, Any] = namespace.get("__annotations__", {})
        own = tuple([f for f, kind in annotations.items() if not str(kind).startswith("ClassVar")])
        defaults: dict[str, Any] = {}
        fields: tuple[str, ...] = ()
        uncompared: tuple[str, ...] = ()
        for base in bases:
            fields = getattr(base, "_fields", ())
            defaults.update(getattr(base, "_defaults", {}))
            uncompared = uncompared or getattr(base, "_uncompared", ())
        for field in own:
            if field in namespace:
                defaults[field] = namespace.pop(field)
        fields += own
        uncompared = namespace.get("_uncompared", uncompared)
        compared = [f for f in fields if f not in uncompared] if uncompared else fields
        namespace["__slots__"] = own
        namespace["__match_args__"] = namespace["_fields"] = fields
        namespace["_defaults"] = defaults
        namespace["_key"] = staticmethod(attrgetter(*compared) if compared else _nothing)
        if fields:
            # Each class its own, as they give way to those that are compiled for this class. They stand here before the
            # class is made: to set them afterwards takes longer than to make it.
            namespace["replace"], namespace["__init__"] = _replace, _init
        return super().__new__(mcls, name, bases, namespace)

    @property
    def __signature__(cls) -> Signature:
        """What `inspect.signature` and notebooks show."""
        from inspect import Parameter, Signature

        notes = {
            field: kind
            for base in reversed(cls.__mro__)
            for field, kind in vars(base).get("__annotations__", {}).items()
        }
        return Signature(
            [
                Parameter(
                    field,
                    Parameter.POSITIONAL_OR_KEYWORD,
                    default=cls._defaults.get(field, Parameter.empty),
                    annotation=notes.get(field, Parameter.empty),
                )
                for field in cls._fields
            ]
        )

    _fields: tuple[str, ...]
    _uncompared: tuple[str, ...]
    _defaults: dict[str, Any]
    _key: Callable[[Any], Any]
    replace: Callable[..., Any]


def _nothing(_: object) -> tuple[()]:
    return ()


#: Values of a class that were made so far.
_made: dict[type, int] = {}


def _init(self: Any, *args: Any, **kwargs: Any) -> None:
    """An ``__init__`` that is slow and costs nothing to define; it gives way when there are many values to make.

    Most classes make a few values in a run of the command, or none: compiling takes as long as a hundred of them.
    """
    cls: Any = type(self)
    fields, defaults = cls._fields, cls._defaults
    made = _made[cls] = _made.get(cls, 0) + 1
    values = {**defaults, **dict(zip(fields, args)), **kwargs}  # noqa: B905
    fit = len(values) == len(fields) and len(args) <= len(fields) and kwargs.keys().isdisjoint(fields[: len(args)])
    # Arguments that do not fit are for the compiled one to refuse.
    if made > _FEW or not fit or values.keys() != set(fields):
        if cls.__init__ is _init:
            cls.__init__ = _compile_init(cls)
        cls.__init__(self, *args, **kwargs)
        return
    for field in fields:
        getattr(cls, field).__set__(self, values[field])
    if hasattr(cls, "__post_init__"):
        self.__post_init__()


def _compile_init(cls: _RecordMeta) -> Callable[..., None]:
    fields, defaults = cls._fields, cls._defaults
    scope: dict[str, Any] = {}
    parameters = []
    body = []
    for field in fields:
        # The slot's own setter is the only door past the frozen __setattr__.
        scope[f"_set_{field}"] = getattr(cls, field).__set__
        body.append(f" _set_{field}(self, {field})")
        if field in defaults:
            scope[f"_default_{field}"] = defaults[field]
            parameters.append(f"{field}=_default_{field}")
        else:
            parameters.append(field)
    if hasattr(cls, "__post_init__"):
        body.append(" self.__post_init__()")
    exec(f"def __init__(self, {', '.join(parameters)}):\n" + "\n".join(body), scope)
    init: Callable[..., None] = scope["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


#: Values of a class that were made from another one so far.
_replaced: dict[type, int] = {}


def _replace(self: Any, **changes: Any) -> Any:
    """The same value with some fields changed."""
    cls: Any = type(self)
    made = _replaced[cls] = _replaced.get(cls, 0) + 1
    if made > _FEW:
        cls.replace = _compile_replace(cls)
        return cls.replace(self, **changes)
    return cls(**{**{field: getattr(self, field) for field in cls._fields}, **changes})


def _compile_replace(cls: _RecordMeta) -> Callable[..., Any]:
    parameters = ", ".join(f"{field}=_kept" for field in cls._fields)
    values = ", ".join(f"self.{field} if {field} is _kept else {field}" for field in cls._fields)
    scope: dict[str, Any] = {"_cls": cls, "_kept": object()}
    exec(f"def replace(self, *, {parameters}):\n return _cls({values})", scope)
    replace: Callable[..., Any] = scope["replace"]
    replace.__doc__ = _replace.__doc__
    replace.__qualname__ = f"{cls.__qualname__}.replace"
    return replace


def _shown(value: Any) -> str:
    """The value's own text, but for much of something, of which there is a log's worth: how much it is."""
    if isinstance(value, (tuple, frozenset, dict)) and len(value) > _MANY:
        return f"<{len(value)} of {type(next(iter(value))).__name__}>"
    if isinstance(value, bytes) and len(value) > _LONG:
        return f"<{len(value)} bytes: {value[:8].hex()}...>"
    if isinstance(value, str) and len(value) > 3 * _LONG:
        return f"{value[: 3 * _LONG]!r}..."
    return repr(value)


#: What values can do by courtesy of an upper room: (class, attribute), and the module and function that does it.
_courtesies: dict[tuple[str, str], tuple[str, str]] = {}


def offer(courtesies: dict[tuple[str, str], tuple[str, str]]) -> None:
    """Let values of a class have attributes that a room above them provides, which is imported when one is used."""
    _courtesies.update(courtesies)


class Record(metaclass=_RecordMeta):
    """Base of evlog's value classes: immutable, compared by type and fields."""

    _uncompared: ClassVar[tuple[str, ...]] = ()

    if not TYPE_CHECKING:  # where a misspelt attribute is an error

        def __getattr__(self, name: str) -> Any:
            found = _courtesies.get((type(self).__name__, name))
            if found is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            return partial(getattr(import_module(found[0]), found[1]), self)

    def __dir__(self) -> list[str]:
        offered = [name for cls, name in _courtesies if cls == type(self).__name__]
        return sorted({*super().__dir__(), *offered})

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: cannot set {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: cannot delete {name!r}")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        key = type(self)._key
        return bool(key(self) == key(other))

    def __hash__(self) -> int:
        return hash((type(self), type(self)._key(self)))

    def __repr__(self) -> str:
        """The fields, but those that are left out when nothing is to be said: None, nothing, no."""
        cls = type(self)
        values = ((field, getattr(self, field)) for field in cls._fields)
        told = (f"{name}={_shown(value)}" for name, value in values if value or cls._defaults.get(name, self) != value)
        return f"{cls.__name__}({', '.join(told)})"

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return type(self), tuple(getattr(self, field) for field in type(self)._fields)

    def replace(self, **changes: Any) -> Self:
        """The same value with some fields changed."""
        return type(self)(**changes)  # of a class without fields; see `_replace`


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
