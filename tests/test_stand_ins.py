"""What is taken from elsewhere than the standard library's own modules is the same."""

from __future__ import annotations

import array
import collections.abc
import json
import math
import operator
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evlog import _record
from tests.conftest import ROOT

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner), st.dictionaries(st.integers(), inner)),
)
TEXTS = (
    *("", "  ", "{", "[1,]", '{"a":1} x', "\ufeff{}", "nul", '"a\x01"', '{"a":1,"a":2}', "1e999", "NaN", "-Infinity"),
    *('"\\ud800"', " [1,2] \r\n", "\u00a0[1]", "[1]\x0b", "01", '"\\x"', "1" * 5000, "[" * 100_000, '{"a" 1}', "[1 2]"),
)


def told(made: Any, *given: Any, **named: Any) -> tuple[str, str]:
    """What a function gives, or how it fails."""
    try:
        return "given", repr(made(*given, **named))
    except (ValueError, TypeError, RecursionError) as error:
        return type(error).__name__, str(error)


@given(VALUES)
def test_json_is_written_and_read_the_same(value: Any) -> None:
    text = json.dumps(value)
    assert _record.dumps(value) == text
    for data in (text, text.encode(), text.encode("utf-16"), f" \n{text}\t"):
        assert _record.loads(data) == json.loads(data)
        assert _record.loads(data, tuple) == json.loads(data, object_pairs_hook=tuple)


@given(st.one_of(st.text(), st.text('{}[]",:0123e-ntfu\\ \n'), st.binary(max_size=40), st.sampled_from(TEXTS)))
def test_what_is_no_json_is_told_the_same(data: str | bytes) -> None:
    assert told(_record.loads, data) == told(json.loads, data)


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text[:8]))
def test_odd_texts(text: str) -> None:
    for data in (text, text.encode("utf-8", "surrogatepass"), text.encode("utf-32")):
        assert told(_record.loads, data) == told(json.loads, data)


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, b"bytes", [b"x"], {b"x": 1}, {(1,): 2}, object, (1, 2), "\ud800"]
)
def test_odd_values(value: Any) -> None:
    assert told(_record.dumps, value) == told(json.dumps, value)


def test_names_are_the_library_s() -> None:
    assert _record.attrgetter is operator.attrgetter
    assert _record.itemgetter is operator.itemgetter
    assert _record.Sequence is collections.abc.Sequence
    assert _record.Mapping is collections.abc.Mapping
    assert _record.import_module("json.decoder") is json.decoder
    with pytest.raises(ModuleNotFoundError):
        _record.import_module("evlog.nowhere")


def test_what_is_kept() -> None:
    class Made:
        count = 0

        @_record.cached_property
        def value(self) -> int:
            """What is made."""
            self.count += 1
            return self.count

    made = Made()
    assert [made.value, made.value, Made().value] == [1, 1, 1]
    assert Made.value.__doc__ == "What is made."
    asked: list[int] = []

    def made_of(number: int) -> int:
        asked.append(number)
        return number

    kept = _record.lru_cache(2)(made_of)
    assert [kept(number) for number in (1, 2, 1, 2, 3, 1)] == [1, 2, 1, 2, 3, 1]
    assert asked == [1, 2, 3, 1]


def test_nothing_stands_in_for_collections_afterwards() -> None:
    """An array is a sequence, and whoever imports collections gets it."""
    assert isinstance(array.array("I"), collections.abc.MutableSequence)
    program = (
        "import sys; before = set(sys.modules); import evlog._record; assert 'array' in sys.modules; "
        "assert not {'collections', 'collections.abc'} & (set(sys.modules) - before); import collections.abc, array; "
        "assert collections.OrderedDict() == {} and isinstance(array.array('I'), collections.abc.MutableSequence)"
    )
    path = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); "
    subprocess.run([sys.executable, "-S", "-c", path + program], check=True)
