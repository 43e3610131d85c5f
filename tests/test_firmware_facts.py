"""What an event of the firmware says of its log: which is the header, where PCR 0 starts, that there was a launch."""

from __future__ import annotations

import struct

import pytest

from evlog.contents.event_types import EVENT_TYPES, is_launch
from evlog.contents.pcclient import PCClientEvent
from evlog.contents.spec_id import fields_of, is_header, spec_id_of
from evlog.contents.startup_locality import locality_of
from evlog.model import Event
from evlog.registers import Register
from samples import make

OLD = struct.pack("<IBBBB", 0, 2, 1, 2, 1) + b"\x02xy"
NO_SIGNATURE = bytes(16) + make.spec_id3((make.SHA256,))[16:]


def first(data: bytes, event_type: int = 3, number: int = 0) -> Event:
    return Event(number, Register("pcr", 0), (), PCClientEvent(event_type, data))


@pytest.mark.parametrize(
    ("data", "agile"),
    [
        (b"Spec ID Event00\0" + OLD, False),
        (b"Spec ID Event02\0" + OLD, False),
        (make.spec_id3((make.SHA1, make.SHA256)), True),
        (NO_SIGNATURE, True),
        # A table of algorithms that cannot be: a header still, but nothing can be read by it.
        (b"Spec ID Event03\0" + bytes(12), None),
    ],
)
def test_a_spec_id_event_in_record_0_is_a_header(data: bytes, agile: bool | None) -> None:
    assert is_header(first(data))
    found = spec_id_of(first(data).content)
    assert (found.agile if found is not None else None) == agile
    assert not is_header(first(data, number=1))
    assert not is_header(first(data, event_type=5))


@pytest.mark.parametrize(
    "data", [b"", b"StartupLocality\0\3", b"SP800-155 Event\0", b"H-CRTM CompMeas\0", bytes(16), bytes(64)]
)
def test_another_event_that_extends_nothing_is_none(data: bytes) -> None:
    assert not is_header(first(data))
    assert spec_id_of(first(data).content) is None


def test_a_table_of_algorithms_is_not_longer_than_the_event() -> None:
    """Nor is it read where it states more than any firmware has, however long the event is."""
    for count in (2, 65, 1 << 31):
        event = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, count) + struct.pack("<HH", 11, 32)
        found = fields_of(event + bytes(400) * (count == 65))
        assert found is not None
        assert (found.count, len(found.algorithms)) == (count, 1 if count == 2 else 0)
        assert spec_id_of(PCClientEvent(3, event)) is None


@pytest.mark.parametrize("padding", [0, 32], ids=["alone", "padded"])
def test_the_localities_that_can_start_a_tpm(padding: int) -> None:
    counted = [n for n in range(256) if locality_of(3, b"StartupLocality\0" + bytes((n,)) + bytes(padding)) is not None]
    assert counted == [0, 3, 4]


@pytest.mark.parametrize("data", [b"StartupLocality\0", b"StartupLocality\0\3\0\1", b"StartupLocality\3"])
def test_what_states_no_locality(data: bytes) -> None:
    assert locality_of(3, data) is None
    assert locality_of(5, b"StartupLocality\0\3") is None


def test_launch_types_are_those_with_names_and_their_kin() -> None:
    named = [number for number, name in EVENT_TYPES.items() if not name.startswith(("EV_", "DSTACK_"))]
    assert all(map(is_launch, named))
    assert not any(map(is_launch, (0x400, 0x500, 0x8000, 0x9000, 0x9100, 3, 13, 0x80000003)))
