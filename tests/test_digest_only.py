"""Events of which only digests are told: what is said of them, and where they can go."""

from __future__ import annotations

import pytest

import evlog
from evlog.algorithms import SHA1, HashAlg
from evlog.contents.digest_only import DigestOnly
from evlog.contents.event_types import EV_EFI_HCRTM_EVENT, EV_NO_ACTION, EV_SEPARATOR
from evlog.errors import ConversionError
from evlog.model import Digest, Event, Log
from evlog.options import Options
from evlog.registers import Register

SHA256 = HashAlg.named("sha256")
#: SHA-256 of four zero bytes, as separators have it, and of the text ``abc``.
ZEROS = bytes.fromhex("df3f619804a92fdb4057192dc43dd748ea778adc52bc498ce80524c014b81119")
ABC = bytes.fromhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
CELS = ("cel-tlv", "cel-cbor", "cel-json")


def log(*contents: DigestOnly, pcr: int = 7, value: bytes = ZEROS) -> Log:
    events = tuple(
        Event(number, Register("pcr", pcr), (Digest(SHA256, value),), content)
        for number, content in enumerate(contents)
    )
    return Log("tpm2-yaml", events, algorithms=(SHA256,))


def test_a_digest_without_its_data_is_never_a_mismatch() -> None:
    """An EV_SEPARATOR of no bytes would be one: its digest is of zeros."""
    (checks,) = evlog.check(log(DigestOnly(EV_SEPARATOR))).events
    assert [check.verdict for check in checks] == ["not_checkable"]
    told = evlog.PCClientEvent(EV_SEPARATOR, b"")
    empty = log(DigestOnly()).events[0].replace(content=told)
    (checks,) = evlog.check(log(DigestOnly()).replace(events=(empty,))).events
    assert [check.verdict for check in checks] != ["not_checkable"]


@pytest.mark.parametrize(
    "content", [DigestOnly(), DigestOnly(EV_SEPARATOR), DigestOnly(None, "a\n"), DigestOnly(1, "ä")]
)
@pytest.mark.parametrize("to", [*CELS, "evlog-json"])
def test_there_and_back(content: DigestOnly, to: str) -> None:
    source = log(content)
    made = evlog.convert(source, to)
    assert made.registers_preserved
    assert [event.content for event in evlog.read(made.data).events] == [content]
    losses = [(loss.event, loss.field) for loss in made.losses]
    assert losses == ([] if to == "evlog-json" else [(None, "content.data")])


@pytest.mark.parametrize("to", CELS)
def test_a_record_that_only_evlog_knows_is_extended_by_all(to: str) -> None:
    """A reader that does not know the type extends every record: one that is not measured stays behind."""
    source = log(DigestOnly(EV_NO_ACTION), DigestOnly(EV_SEPARATOR))
    made = evlog.convert(source, to)
    assert len(made.log.events) == 1
    assert (0, "content") in [(loss.event, loss.field) for loss in made.losses]
    assert evlog.replay(made.log).registers() == evlog.replay(source).registers()


@pytest.mark.parametrize("event_type", [EV_NO_ACTION, 0x503, 0x504])
def test_no_cel_may_say_that_its_record_is_not_measured(event_type: int) -> None:
    with pytest.raises(ValueError, match="extend"):
        DigestOnly.from_cel(224, DigestOnly(event_type).to_cel())


@pytest.mark.parametrize("value", [b"\0", b"\2\0\0\0\0", b"\0\0\0\0\1\7", DigestOnly(4, "x").to_cel() * 2])
def test_a_damaged_record_in_a_cel_stays_opaque(value: bytes) -> None:
    with pytest.raises(ValueError, match=r"expected|TLV|byte"):
        DigestOnly.from_cel(224, value)


@pytest.mark.parametrize("to", ["tcg2", "ccel"])
def test_a_format_with_a_place_for_data_refuses_it(to: str) -> None:
    """An empty one in its place would be a lie."""
    with pytest.raises(ConversionError, match=r"event 0, content: .* no place for an event whose data is not known"):
        evlog.convert(log(DigestOnly(EV_SEPARATOR), pcr=1), to)


def test_text_has_its_digest_if_asked() -> None:
    made = evlog.convert(log(DigestOnly(EV_SEPARATOR, "\n.. x")), "text", digests_only=True)
    assert b"# .EXTEND " + ZEROS.hex().encode() + b" EV_SEPARATOR" in made.data
    assert made.registers_preserved


def test_types_count_for_start_values() -> None:
    """PCR 0 starts at 4 after an H-CRTM event, PCR 17 at zeros after a launch, whether their data is known or not."""
    starts = {row.start_reason for row in evlog.replay(log(DigestOnly(EV_EFI_HCRTM_EVENT), pcr=0))}
    assert starts == {"h-crtm"}
    assert {row.start_reason for row in evlog.replay(log(DigestOnly(0x402), pcr=17))} == {"drtm"}
    assert {row.start_reason for row in evlog.replay(log(DigestOnly(EV_SEPARATOR), pcr=17))} == {"ones"}


@pytest.mark.parametrize("to", CELS)
@pytest.mark.parametrize(("event_type", "pcr"), [(EV_EFI_HCRTM_EVENT, 0), (0x402, 17)])
def test_they_count_in_a_cel_too(event_type: int, pcr: int, to: str) -> None:
    source = log(DigestOnly(event_type), DigestOnly(EV_SEPARATOR), pcr=pcr)
    assert evlog.convert(source, to).registers_preserved


@pytest.mark.parametrize("to", CELS)
def test_an_nv_index_is_only_named(to: str) -> None:
    event = Event(0, Register("nv", 0x01C40200), (Digest(SHA256, ABC),), DigestOnly(EV_SEPARATOR))
    source = Log("tpm2-yaml", (event, *log(DigestOnly()).events), algorithms=(SHA256,))
    made = evlog.convert(source.replace(events=(event, source.events[1].replace(number=1))), to)
    assert {str(row.register) for row in evlog.replay(made.log)} == {"pcr:7"}


def test_a_launch_marker_is_none_with_another_digest() -> None:
    marker = Event(0, Register("pcr", 17), (Digest(SHA1, bytes(20)),), DigestOnly(0x503))
    assert not marker.measured
    assert marker.replace(digests=(Digest(SHA256, ABC),)).measured


def test_it_is_said_what_is_known() -> None:
    content = DigestOnly(EV_SEPARATOR, "os")
    assert content.event_type_name == "EV_SEPARATOR"
    assert content.summary == "os"
    assert DigestOnly().event_type_name == "digest_only"
    assert DigestOnly.from_json(content.to_json()) == content
    assert content.pcclient(Options()) is None


@pytest.mark.parametrize(
    "members", [{"event_type": -1, "text": ""}, {"event_type": 1, "text": 2}, {"event_type": True, "text": ""}]
)
def test_json_that_cannot_be_is_refused(members: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        DigestOnly.from_json(members)
