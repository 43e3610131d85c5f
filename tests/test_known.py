"""Logs whose records are known from other logs: the same checks as of any log, and fewer of them."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evlog
from evlog.checking import check as checks_of_a_log
from evlog.checking.known import Known
from evlog.contents.event_types import EVENT_TYPES
from tests import made
from tests.machines import log_of

IMAGE = struct.pack("<QQQQ", 1, 2, 3, 4)
DATA = (
    *(b"", bytes(4), b"\xff" * 4, b"\1\0\0\0", b"WBCL", bytes(16), b"Spec ID Event03\0" + bytes(17)),
    *(b"StartupLocality\0" + tail for tail in (b"\0", b"\3", b"\4", b"\5", b"\3" + bytes(7))),
    *(b"Calling EFI Application from Boot Option", b"Exit Boot Services Invocation"),
    *(b"Exit Boot Services Returned with Success", b"Exit Boot Services Returned with Failure", b"H-CRTM CompMeas"),
    *(made.variable(name, data) for name in ("SecureBoot", "PK", "db", "Boot0001") for data in (b"", b"\1", b"other")),
    *(IMAGE + path for path in (b"", b"path", b"\4\6\x14\0", b"\4\7\x14\0")),
    *(b"grub_cmd: insmod a\0", b"grub_cmd: insmod b\0", b"text\0ab", b"text\0a", "wide".encode("utf-16-le")),
    *(b"blob XXXXXXXX-XXXX", struct.pack("<II", 1, 4) + b"data", struct.pack("<II", 1, 400)),
)
REGISTERS = (*range(9), 14, 16, 17, 22, 23, 24, 0x01C10000, 0xFFFFFFFF)
COVERED = (None, None, None, b"", bytes(4), b"another")


@st.composite
def fleets(draw: st.DrawFn) -> list[bytes]:
    """Logs of which each has one of two records at every place, some of the same type and register."""
    places = []
    for _ in range(draw(st.integers(0, 9))):
        register, event_type = draw(st.sampled_from(REGISTERS)), draw(st.sampled_from(sorted(EVENT_TYPES)))
        pair = []
        for _ in range(2):
            data, covered = draw(st.sampled_from(DATA)), draw(st.sampled_from(COVERED))
            pair.append(made.event(register, event_type, data, "sha1", "sha256", hashed=covered))
            register = draw(st.sampled_from((register, register, 5)))
        places.append(pair)
    if draw(st.booleans()):
        places += [[made.event(pcr, 4, bytes(4), "sha1", "sha256")] * 2 for pcr in range(8)]
    if draw(st.booleans()):
        places.insert(draw(st.integers(0, len(places))), [made.event(1, 13, b"short", "sha256")] * 2)
    head = made.header("sha1", "sha256")
    chosen = st.lists(st.integers(0, 1), min_size=len(places), max_size=len(places))
    return [
        head + b"".join(pair[which] for pair, which in zip(places, draw(chosen), strict=True))
        for _ in range(draw(st.integers(1, 6)))
    ]


KEPT = Known()


@settings(max_examples=300)
@given(fleets())
def test_logs_of_known_records_are_checked_as_any(several: list[bytes]) -> None:
    known = Known()
    for data in several:
        log = evlog.read(data)
        plainly = evlog.check(log)
        for each in (known, KEPT):
            found = each.check(log)
            assert found.findings == plainly.findings
            assert tuple(found.events) == tuple(plainly.events)
            assert found.conventions == plainly.conventions


def test_what_only_machines_differ_in_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Partitions, boot options and command lines; not a separator, nor a digest that is wrong."""
    judged = []
    original = checks_of_a_log.judged

    def counted(*given: Any) -> Any:
        judged.append(1)
        return original(*given)

    monkeypatch.setattr(checks_of_a_log, "judged", counted)
    known = Known()
    for number in range(20):
        known.check(evlog.read(log_of(number)))
    assert len(judged) == 1
    head = made.header("sha1", "sha256")
    for data, hashed in ((b"a=1", None), (b"a=2", None), (b"a=3", b"a=1"), (b"a=4", b"a=1"), (b"text\0ab", None)):
        known.check(evlog.read(head + made.event(8, 13, data, "sha1", "sha256", hashed=hashed)))
    assert len(judged) == 4
    for data in (bytes(4), b"\xff" * 4, bytes(4)):
        known.check(evlog.read(head + made.event(4, 4, data, "sha1", "sha256")))
    assert len(judged) == 6
