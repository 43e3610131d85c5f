"""Merged logs whose columns are those of their parts, and the same of events: equal on every input."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evlog
from evlog import SHA256, SHA512, EvlogError, Log
from evlog.checking.check import check
from evlog.merging import merge as _merge
from tests import made
from tests.conftest import SAMPLES
from tests.generated import logs, tcg2


def outcome(several: list[Log], platform: str | None = None) -> object:
    """All that merging gives, and what is replayed and read of the merged log."""
    try:
        found = _merge.merge(several, platform=platform)
    except EvlogError as error:
        return type(error), str(error)
    log = found.log
    replayed = evlog.replay(log)
    return (
        found.replace(log=log.replace(events=tuple(log.events))),
        log.findings,
        [event.origin for event in log.events],
        (replayed.rows, replayed.findings, replayed.handovers),
        (log.registers, {each for each in log.extended if each.replayable and each.space != "nv"}),
        evlog.replay(log, rules={SHA512: "hash", SHA256: ("zero-pad", "hash")} if "hash" in log.rules else {}).rows,
        tuple(check(log).events),
    )


def agree(several: list[Log], platform: str | None = None) -> None:
    found = outcome(several, platform)
    with mock.patch.object(_merge, "joined", return_value=None):
        assert outcome(several, platform) == found


FOLDERS = ("tcg1", "tcg2", "ccel", "cel-tlv", "cel-cbor", "ima-binary", "ima-ascii", "systemd")
READ = [path for path in logs() if SAMPLES in path.parents and path.parent.name in FOLDERS and path.suffix != ".json"]
READ += sorted((SAMPLES / "bad").glob("ima-*.bin"))


@pytest.mark.parametrize("path", READ, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_samples(path: Path) -> None:
    log = evlog.read(path)
    for other in ("tcg2/before-ima.bin", "ima-binary/violations.bin", "cel-tlv/ovmf.tlv"):
        if (SAMPLES / other).exists():
            agree([log, evlog.read(SAMPLES / other)])
    agree([log])


@settings(max_examples=60, deadline=None)
@given(tcg2(), tcg2(), st.sampled_from([None, "pcr", "ccmr"]), st.sampled_from([None, "tdx", "csv", "tpm"]))
def test_generated(one: bytes, two: bytes, space: str | None, platform: str | None) -> None:
    agree([evlog.read(one, space=space), evlog.read(two)], platform)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(
                st.sampled_from([0, 1, 17, 18, 20, 24, 0x01C40200, 0xFFFFFFFF]),
                st.sampled_from([3, 5, 13, 0x402, 0x502]),
            ),
            max_size=5,
        ),
        min_size=1,
        max_size=3,
    ),
    st.booleans(),
)
def test_registers(several: list[list[tuple[int, int]]], sha1: bool) -> None:
    """That no replay follows, that a launch resets, and banks that one log lacks."""
    parts = []
    for place, records in enumerate(several):
        banks = ("sha1", "sha256") if sha1 and place else ("sha256",)
        events = b"".join(made.event(index, kind, b"%d" % place, *banks) for index, kind in records)
        parts.append(evlog.read(made.header(*banks) + events).replace(name=str(place)))
    agree(parts)


def test_a_merge_of_many_records_makes_no_events(monkeypatch: pytest.MonkeyPatch) -> None:
    firmware = evlog.read(made.header("sha256") + made.event(4, 13, b"data", "sha256") * 3000)
    later = evlog.read(made.header("sha256") + made.event(5, 13, b"more", "sha256") * 3000)
    monkeypatch.setattr(_merge, "drop_overlaps", lambda logs: (logs, []))
    monkeypatch.setattr(_merge, "combine_twins", lambda logs: (logs, []))
    for log in (firmware, later):
        make = log.events._make  # type: ignore[attr-defined]

        def few(row: int, make: object = make) -> object:
            assert row < 64
            return make(row)  # type: ignore[operator]

        log.events._make = few  # type: ignore[attr-defined]
    merged = _merge.merge([firmware, later]).log
    assert len(evlog.replay(merged).rows) == 2
