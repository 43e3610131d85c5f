"""Conversions from records' fields, and those of the same events one by one: equal on every input, or one is wrong."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evlog
from evlog import EvlogError
from evlog.formats import room
from evlog.options import Options
from tests import made
from tests.conftest import SAMPLES
from tests.generated import logs, tcg2

if TYPE_CHECKING:
    from evlog import Log

FORMATS = ("cel-tlv", "tcg2")


def plain(log: Log) -> Log:
    """Events in a tuple have no columns."""
    return log.replace(events=tuple(log.events))


def outcome(log: Log, to: str, **choices: Any) -> object:
    """All that a conversion gives, and what it refuses."""
    try:
        found = evlog.convert(log, to, **choices)
    except EvlogError as error:
        return type(error), str(error)
    back = found.log
    return found.data, tuple(found.losses), found.changed, tuple(back.events), back.algorithms, back.platform


def agree(log: Log) -> None:
    for to in FORMATS:
        assert outcome(log, to) == outcome(plain(log), to)
        target: Any = room(to)
        rewritten = target.rewrite(log, Options())
        if rewritten is not None:
            adapted, losses = target.adapt(plain(log), Options())
            assert (rewritten[0], ()) == (target.write(adapted, Options()), tuple(losses))


@pytest.mark.parametrize("path", logs(), ids=lambda path: path.name)
def test_samples(path: Path) -> None:
    with suppress(EvlogError):
        agree(evlog.read(path))


@settings(max_examples=200, deadline=None)
@given(tcg2(), st.sampled_from([None, "pcr", "ccmr"]), st.sampled_from(["u32", "minimal", "google"]))
def test_generated(data: bytes, space: str | None, profile: str) -> None:
    log = evlog.read(data, space=space)
    agree(log)
    with suppress(EvlogError):
        agree(evlog.read(evlog.convert(log, "cel-tlv", profile=profile).data))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 1 << 12), st.booleans())
def test_changed_records(junk: bytes, at: int, header: bool) -> None:
    """Of a CEL, whose records may be spelled otherwise, and may not be."""
    log = evlog.read(SAMPLES / "tcg2" / "measured-files.bin")
    columns = evlog.convert(log, "cel-tlv").log.columns
    assert columns is not None
    data = bytearray(columns.buffer[0 if header else columns.offsets[1] :])
    at %= len(data)
    data[at : at + len(junk)] = junk
    with suppress(EvlogError):
        agree(evlog.read(bytes(data), format="cel-tlv"))


def test_no_event_is_made_of_records_that_are_rewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    log = evlog.read(made.header("sha256", "sha384") + made.event(3, 13, b"data", "sha256", "sha384") * 5000)
    cel = evlog.convert(log, "cel-tlv")
    kept = [log.events[0], cel.log.events[0]]
    for each in (log, cel.log):
        make = each.events._make  # type: ignore[attr-defined]

        def few(row: int, make: Any = make) -> object:
            assert row < 5
            return make(row)

        each.events._make = few  # type: ignore[attr-defined]
    assert evlog.convert(log, "cel-tlv").data == cel.data
    assert evlog.convert(cel.log, "tcg2").data == log.columns.buffer  # type: ignore[union-attr]
    assert kept


@pytest.mark.parametrize("to", FORMATS)
def test_a_reader_that_reads_something_else_is_believed(to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof is what is read back: a writer of records that errs is found out, and events are written instead."""
    log = evlog.read(made.header("sha256") + made.event(3, 13, b"data", "sha256") * 3)
    source = log if to == "cel-tlv" else evlog.convert(log, "cel-tlv").log
    right = evlog.convert(source, to)
    target: Any = room(to)
    rewrite = target.rewrite
    asked = []

    def wrong(log: Log, options: Options) -> object:
        data, added = rewrite(log, options)
        asked.append(to)
        return data.replace(b"data", b"atad", 1), added

    monkeypatch.setattr(target, "rewrite", wrong)
    assert (evlog.convert(source, to).data, asked) == (right.data, [to])
