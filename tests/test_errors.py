"""The error tree: what may be caught as what, and what an error says."""

from __future__ import annotations

import pickle

import pytest

from evlog import errors
from evlog.errors import EvlogError, ParseError, SourceError, TruncatedError, UnknownFormatError, UsageError, WriteError

TREE = {
    "ParseError": (EvlogError, ValueError),
    "TruncatedError": (ParseError, EOFError),
    "UnknownFormatError": (ParseError,),
    "WriteError": (EvlogError, ValueError),
    "ConversionError": (EvlogError, ValueError),
    "SourceError": (EvlogError, OSError),
    "NotDoneError": (SourceError,),
    "UsageError": (EvlogError, ValueError),
}


@pytest.mark.parametrize("name", TREE)
def test_the_tree_is_as_drawn(name: str) -> None:
    assert getattr(errors, name).__bases__ == TREE[name]
    assert errors.__doc__ is not None
    assert name in errors.__doc__


def test_nothing_else_is_in_the_tree() -> None:
    assert set(errors.__all__) == {*TREE, "EvlogError"}


def test_where_it_happened() -> None:
    error = ParseError("too long", offset=0x1A4, where="digests[1]")
    assert str(error) == "too long (at byte 0x1a4, in digests[1])"
    assert str(ParseError("too long")) == "too long"
    assert str(ParseError("too long", offset=0)) == "too long (at byte 0x0)"


def test_an_error_gains_its_place_as_it_rises() -> None:
    inner = TruncatedError("short", offset=4, where="value")
    outer = inner.within("events[7]", base=0x100)
    assert type(outer) is TruncatedError
    assert str(outer) == "short (at byte 0x104, in events[7].value)"
    assert str(ParseError("short").within("events[7]", base=5)) == "short (in events[7])"


@pytest.mark.parametrize(
    "error",
    [
        ParseError("a", offset=1, where="b"),
        TruncatedError("a", offset=1),
        UnknownFormatError("a"),
        WriteError("a", event=3),
        SourceError("a"),
        UsageError("a"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_travel_between_processes(error: EvlogError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_write_errors_name_the_event() -> None:
    assert str(WriteError("no place", event=3)) == "event 3: no place"
    assert WriteError("no place").event is None
