"""`Record`: what a dataclass does, as far as evlog's values need it."""

from __future__ import annotations

import copy
import pickle
from typing import Any, ClassVar

import pytest

from evlog._record import Record


class Point(Record):
    """A value with a default."""

    x: int
    y: int = 0

    unit: ClassVar[str] = "mm"


class Named(Point):
    """A value with more fields than its base, one of them not compared."""

    name: str = "none"
    note: str = ""

    _uncompared = ("note",)


class Checked(Record):
    """A value that looks at itself."""

    value: int

    def __post_init__(self) -> None:
        if self.value < 0:
            raise ValueError("negative")


class Empty(Record):
    """A value without fields."""


def test_fields_and_defaults() -> None:
    for _ in range(20):  # the first few values are made in another way than the others
        assert (Point(1).x, Point(1).y) == (1, 0)
        named = Named(1, 2, "a", note="b")
        assert (named.x, named.y, named.name, named.note) == (1, 2, "a", "b")
        assert Named(x=1, name="n") == Named(1, 0, "n")
    assert Point.unit == named.unit == "mm"


@pytest.mark.parametrize("arguments", [(), (1, 2, 3)])
def test_wrong_arguments(arguments: tuple[int, ...]) -> None:
    class Fresh(Record):
        x: int
        y: int = 0

    make: Any = Fresh
    for _ in range(20):
        with pytest.raises(TypeError, match=r"Fresh\.__init__|__init__"):
            make(*arguments)
        for wrong in ({"z": 1}, {"x": 1}, {"x": 1, "z": 1}):
            with pytest.raises(TypeError):
                make(1, **wrong)
        assert make(y=1, x=2) == Fresh(2, 1)


def test_frozen_and_slotted() -> None:
    point: Any = Point(1)
    with pytest.raises(AttributeError, match="Point is frozen: cannot set 'x'"):
        point.x = 2
    with pytest.raises(AttributeError, match="Point is frozen: cannot set 'other'"):
        point.other = 2
    with pytest.raises(AttributeError, match="Point is frozen: cannot delete 'x'"):
        del point.x
    assert not hasattr(point, "__dict__")
    assert not hasattr(Named(1), "__dict__")


def test_equality_is_by_type_and_compared_fields() -> None:
    assert Point(1, 2) == Point(1, 2)
    assert Point(1, 2) != Point(1, 3)
    assert Point(1) != Named(1)
    assert Point(1) != (1, 0)
    assert Named(1, note="a") == Named(1, note="b")
    assert Named(1, name="a") != Named(1, name="b")
    assert Empty() == Empty()
    assert len({Point(1), Point(1, 0), Point(2), Named(1), Named(1, note="x")}) == 3


def test_repr_can_be_read() -> None:
    assert repr(Point(1, 2)) == "Point(x=1, y=2)"
    assert repr(Empty()) == "Empty()"


def test_replace() -> None:
    assert Named(1, 2, "a", "b").replace(y=3) == Named(1, 3, "a", "b")
    assert Named(1, 2, "a", "b").replace(y=3).note == "b"
    with pytest.raises(TypeError):
        Point(1).replace(z=1)


def test_matching() -> None:
    match Named(1, 2, "a"):
        case Named(x, y, name):
            assert (x, y, name) == (1, 2, "a")
        case _:
            pytest.fail("a record matches by position")


def test_pickle_and_copy() -> None:
    for value in (Point(1, 2), Named(1, 2, "a", "b"), Empty()):
        again = pickle.loads(pickle.dumps(value))
        assert again == value
        assert repr(again) == repr(value)
        assert copy.deepcopy(value) == copy.copy(value) == value


def test_post_init() -> None:
    assert Checked(1).value == 1
    with pytest.raises(ValueError, match="negative"):
        Checked(-1)
