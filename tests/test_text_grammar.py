"""The grammars in schemas/ are run, and agree with what the strict reader takes."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from abnf import ParseError as NoMatch
from abnf import Rule
from hypothesis import given
from hypothesis import strategies as st

import evlog
from evlog.contents.text import TextLine
from evlog.formats import room, writer
from evlog.formats.text.dialects import DIALECTS
from evlog.options import Options
from samples import make_text
from tests.conftest import ROOT, SAMPLES

ZEROS = "00" * 48
TOP = {
    "tsm-text": "tsm-log",
    "nelr": "nelr-log",
    "aael-text": "aael-text",
    "aael-spec": "aael-spec",
    "acon": "acon-log",
}


@cache
def grammar(dialect: str) -> Any:
    made = type(dialect, (Rule,), {})
    text = (ROOT / "schemas" / f"{dialect}.abnf").read_text()
    # The package reads CRLF, as the RFC has it.
    rules = "".join(f"{line}\r\n" for line in text.splitlines())
    made.load_grammar(rules)  # type: ignore[attr-defined]
    return made(TOP[dialect])


def derives(dialect: str, data: bytes) -> bool:
    """Whether the grammar derives all of the octets."""
    try:
        grammar(dialect).parse_all(data.decode("latin-1"))
    except NoMatch:
        return False
    return True


def strict(dialect: str, data: bytes) -> bool:
    """Whether the strict reader takes the log."""
    try:
        room("text").read(data, Options(dialect=dialect, strict=True))
    except evlog.ParseError:
        return False
    return True


def test_every_dialect_has_a_grammar() -> None:
    assert {path.stem for path in (ROOT / "schemas").glob("*.abnf")} == set(DIALECTS) == set(TOP)


GOOD = {
    "tsm-text": [
        "",
        "\n\n",
        "# a comment\n# .EXTEND 00ff and more\n",
        f"SYNC sha384/{ZEROS}\n\nexample.org/app start\n",
        "a\n",
        "SYNCHRONIZE x\n",
    ],
    "nelr": [f"INIT sha384/{ZEROS}\n", f"# c\n\nINIT sha384/{ZEROS}\n  x \n# y\nz\n"],
    "aael-text": [f"INIT sha384/{ZEROS}\nd o c\nd o  c d \n# o c\n"],
    "aael-spec": [f"INIT sha384/{ZEROS}\nd o c\n", f"INIT/sha384 {ZEROS}\nd o c d\nd o \n"],
    "acon": [f"INIT sha384/{ZEROS}\n", f"INIT sha384/{ZEROS}\ngithub.com/intel/ACON Finalize\n# x\n"],
}
#: Neither the grammar nor the strict reader.
BAD = {
    "nelr": ["", "x\n", f"x\nINIT sha384/{ZEROS}\n"],
    "aael-text": ["d o c\n", f"INIT sha384/{ZEROS}\nd o\n", f"INIT sha384/{ZEROS}\n\n"],
    "aael-spec": [
        f"INIT sha384/{ZEROS}\nd o c",
        f"INIT sha384/{ZEROS}\nd o c\r\n",
        f"INIT sha384/{ZEROS}\nd o \0\n",
        f"INIT sha384/{ZEROS}\nd o\n",
    ],
}
#: What a reader must take all the same, or what is spelled so that it reads as something else.
NOT_DERIVED = {
    "tsm-text": ["a", " a\n", "a \n", "a\r\n", "a\xa0\n", f"SYNC sha384/{'AA' * 48}  \n"],
    "acon": ["github.com/intel/ACON Finalize\n", f"INIT sha384/{'11' * 48}"],
}


@pytest.mark.parametrize(("dialect", "text"), [(d, t) for d, texts in GOOD.items() for t in texts])
def test_derived_and_read(dialect: str, text: str) -> None:
    data = text.encode("latin-1")
    assert derives(dialect, data)
    assert not data or strict(dialect, data)


@pytest.mark.parametrize(("dialect", "text"), [(d, t) for d, texts in BAD.items() for t in texts])
def test_neither_derived_nor_read(dialect: str, text: str) -> None:
    data = text.encode("latin-1")
    assert not derives(dialect, data)
    assert not data or not strict(dialect, data)


@pytest.mark.parametrize(("dialect", "text"), [(d, t) for d, texts in NOT_DERIVED.items() for t in texts])
def test_not_derived(dialect: str, text: str) -> None:
    assert not derives(dialect, text.encode("latin-1"))
    assert evlog.write(room("text").read(text.encode("latin-1"), Options(dialect=dialect))) == text.encode("latin-1")


@pytest.mark.parametrize(
    "name", ["nelr.log", "tsm-text.log", "tsm-text-gap.log", "tsm-text-sha256.log", "aael-spec.log", "acon.log"]
)
def test_samples(name: str) -> None:
    dialect = next(dialect for dialect in DIALECTS if name.startswith(dialect))
    assert derives(dialect, (SAMPLES / "text" / name).read_bytes())


LINES = st.lists(
    st.sampled_from(
        ["", "#", "# .EXTEND 00", "# .EXTEND 0", "a", "a b", "a b c", " a", "a ", "SYNC sha384/00", "INIT x", "\x85 é"]
    ),
    max_size=6,
)


@given(LINES)
def test_what_is_stored_in_the_kernel_s_form_derives_from_its_grammar(lines: list[str]) -> None:
    """The strict writer of a dialect writes what its grammar derives; here: whatever tsm-text does not refuse."""
    data = "".join(f"{line}\n" for line in lines).encode("latin-1")
    log = room("text").read(data, Options(dialect="tsm-text"))
    plain = log.replace(events=tuple(event.replace(wire=None) for event in log.events))
    assert derives("tsm-text", writer("text").write(plain, Options()))


@pytest.mark.parametrize(("name", "data"), make_text.samples().items(), ids=str)
def test_a_synthetic_sample_is_what_the_script_makes(name: str, data: bytes) -> None:
    assert (SAMPLES / name).read_bytes() == data


def test_a_line_that_was_changed_since_it_was_read_is_written_as_it_is_now() -> None:
    log = evlog.read(b"a b c\r\n  d e f\r\n", format="text", dialect="tsm-text")
    events = tuple(log.events)
    assert events[1].wire is not None
    changed = events[1].replace(content=TextLine("record", b"x y z"))
    assert evlog.write(log.replace(events=(events[0], changed))).splitlines()[1:] == [b"x y z"]
    assert evlog.write(log.replace(events=events)) == b"a b c\r\n  d e f\r\n"
