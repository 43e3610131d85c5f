"""Conversions: what is lost is named, what is kept is the same, and no register changes."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

import evlog
from evlog import SHA1, SHA256, SHA384, Digest, Event, HashAlg, Log, PCClientEvent, Register, Registers
from evlog.errors import ConversionError, EvlogError, ParseError, UsageError, WriteError
from samples import make
from tests.conftest import SAMPLES


def read(name: str) -> Log:
    return evlog.read(SAMPLES / name)


def test_to_its_own_format_nothing_changes() -> None:
    log = read("tcg2/padding-then-bytes.bin")
    conversion = evlog.convert(log, "tcg2")
    assert conversion.data == (SAMPLES / "tcg2" / "padding-then-bytes.bin").read_bytes()
    assert conversion.losses == ()
    assert conversion.registers_preserved
    assert conversion.log == log


def test_tcg1_gains_a_header_and_loses_it_again() -> None:
    log = read("tcg1/event00.bin")
    there = evlog.convert(log, "tcg2")
    assert there.losses == ()
    assert there.log.events[0].content == PCClientEvent(3, make.spec_id3((make.SHA1,), errata=0))
    assert there.log.events[1].content == log.events[0].content
    back = evlog.convert(there.log, "tcg1")
    assert back.data == (SAMPLES / "tcg1" / "event00.bin").read_bytes()
    assert [(loss.event, loss.field) for loss in back.losses] == [(0, "content")]


def test_banks_that_tcg1_lacks_are_named_event_by_event() -> None:
    log = read("tcg2/ovmf.bin")
    conversion = evlog.convert(log, "tcg1")
    fields = {(loss.event, loss.field) for loss in conversion.losses}
    assert (0, "content") in fields
    assert {f"digests.{alg}" for alg in ("sha256", "sha384", "sha512")} == {f for e, f in fields if e == 1}
    assert len(fields) == len(conversion.losses) == 1 + 3 * 24


def test_what_follows_the_records_is_no_record_of_another_format() -> None:
    """The rest of a damaged log must not be taken for SHA-1 records."""
    data = make.agile(make.boot2(), make.event2(4, 5, b"?", (0x7F01,)), make.event1(7, 5, b"not an event") * 3)
    log = evlog.read(data)
    assert log.failed
    conversion = evlog.convert(log, "tcg1")
    assert len(conversion.log.events) == len(log.events) - 1
    assert ("trailing", None) in {(loss.field, loss.event) for loss in conversion.losses}


def test_padding_and_start_values_are_named() -> None:
    log = read("tcg2/ff-padding.bin").replace(start=Registers({(Register("pcr", 1), SHA1): b"\2" * 20}))
    fields = {loss.field for loss in evlog.convert(log, "tcg2", allow_changed=True).losses}
    assert fields == {"start"}
    with pytest.raises(ConversionError, match=r"1 loss, first the log, start: tcg2 does not state"):
        evlog.convert(log, "tcg2", strict=True, allow_changed=True)
    assert evlog.convert(log, "evlog-json", strict=True).losses == ()


def test_a_changed_register_is_refused_unless_asked_for() -> None:
    lone = Event(0, Register("pcr", 1), (Digest(SHA256, b"\1" * 32),), PCClientEvent(5, b""))
    log = Log("tcg2", (lone,), algorithms=(SHA256,), start=Registers({(Register("pcr", 1), SHA256): b"\2" * 32}))
    with pytest.raises(ConversionError, match="tcg2 would change pcr:1 in sha256"):
        evlog.convert(log, "tcg2")
    conversion = evlog.convert(log, "tcg2", allow_changed=True)
    assert not conversion.registers_preserved
    assert conversion.changed == ("pcr:1 in sha256",)


def test_a_log_without_the_bank_of_the_format_is_refused() -> None:
    with pytest.raises(ConversionError, match="tcg1 cannot hold this log"):
        evlog.convert(read("tcg2/sha384-only.bin"), "tcg1")


def test_a_conversion_that_keeps_no_bank_of_any_register_is_refused() -> None:
    """What is left is an event that extends nothing: not one register is as it was."""
    told = Event(0, Register("pcr", 0), (Digest(SHA1, bytes(20)),), PCClientEvent(3, make.locality(0)))
    lone = Event(1, Register("pcr", 4), (Digest(SHA256, b"\1" * 32),), PCClientEvent(5, b"x"))
    log = Log("tcg2", (told, lone), algorithms=(SHA256,))
    with pytest.raises(ConversionError, match="tcg1 would change pcr:4 in sha256"):
        evlog.convert(log, "tcg1")


def test_registers_of_another_space_are_refused() -> None:
    with pytest.raises(WriteError, match="register ccmr:1 is not in the space pcr"):
        evlog.convert(read("ccel/ovmf-tdx.bin"), "tcg2")


def test_an_unknown_format() -> None:
    with pytest.raises(UsageError, match="unknown format 'tcg3'"):
        evlog.convert(read("tcg2/ovmf.bin"), "tcg3")


def header(alg: HashAlg = SHA256) -> Event:
    return Event(0, Register("pcr", 0), (Digest(SHA1, bytes(20)),), PCClientEvent(3, make.spec_id3((alg.id,))))


def test_what_tcg2_cannot_hold() -> None:
    def refused(*events: Event) -> str:
        with pytest.raises(WriteError) as raised:
            evlog.write(Log("tcg2", events, algorithms=(SHA256,)))
        return str(raised.value)

    odd = HashAlg.of(0x7F01, 24)
    measured = Event(1, Register("pcr", 1), (Digest(SHA256, b"\1" * 32),), PCClientEvent(5, b""))
    assert "record 0 must be a Spec ID Event03" in refused()
    assert "record 0 must be a Spec ID Event03" in refused(measured)
    assert "exactly one SHA-1 digest" in refused(header().replace(digests=()))
    assert "are not what the Spec ID event declares" in refused(
        header(), measured.replace(digests=(Digest(odd, b"1" * 24),))
    )
    assert "sha256 digests of 20 bytes" in refused(header(), measured.replace(digests=(Digest(SHA256, b"1" * 20),)))
    assert "register mr:x is not in the space pcr" in refused(header(), measured.replace(register=Register("mr", "x")))
    assert "a opaque record" in refused(header(), measured.replace(content=evlog.Opaque("x", b"")))
    assert "event_type" in refused(header(), measured.replace(content=PCClientEvent(1 << 32, b"")))


digests = st.lists(
    st.sampled_from([SHA1, SHA256, SHA384, HashAlg.of(0x7F01, 24)]).flatmap(
        lambda alg: st.builds(Digest, st.just(alg), st.binary(min_size=alg.size, max_size=alg.size))
    ),
    max_size=3,
    unique_by=lambda digest: digest.alg.id,
)
registers = st.builds(Register, st.just("pcr"), st.integers(0, 23)) | st.sampled_from(
    [Register("nv", 0x01C40200), Register("pcr", 0xFFFFFFFF), Register("ccmr", 2), Register("mr", "x")]
)
contents = st.builds(PCClientEvent, st.sampled_from([0, 3, 4, 5, 0x80000007, 0xFFFFFFFF]), st.binary(max_size=12))
events = st.builds(
    Event, st.just(0), registers, digests.map(tuple), contents | st.just(evlog.Opaque("x", b"1")), recnum=st.none()
)
logs = st.lists(events, max_size=6).map(
    lambda made: Log(
        "evlog-json",
        tuple(event.replace(number=number) for number, event in enumerate(made)),
        algorithms=tuple({digest.alg: None for event in made for digest in event.digests}),
    )
)


@given(logs, st.sampled_from(sorted(evlog.FORMATS)))
def test_any_log_is_converted_or_refused(log: Log, to: str) -> None:
    """Only evlog's errors; and what comes out replays as what went in, which the conversion itself has to prove."""
    try:
        conversion = evlog.convert(log, to)
    except EvlogError as error:
        assert to != "evlog-json", error
        return
    before = {(v.register, v.alg): v.value for v in evlog.replay(log).rows}
    # A loss says so if a reader has to be told what the registers are.
    told = any(loss.field == "register.space" for loss in conversion.losses)
    space = "ccmr" if told and any(event.register.space == "ccmr" for event in log.events) else None
    after = {
        (v.register, v.alg): v.value for v in evlog.replay(evlog.read(conversion.data, format=to, space=space)).rows
    }
    shared = {alg for _, alg in before} & {alg for _, alg in after}
    assert all(before.get(key) == value for key, value in after.items() if key[1] in shared)


def test_a_result_that_does_not_read_back_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from evlog.formats.tcg import tcg2

    def fail(data: bytes, options: evlog.Options) -> Log:
        raise ParseError("made up", offset=3)

    log = read("tcg2/ovmf.bin")
    monkeypatch.setattr(tcg2, "read", fail)
    with pytest.raises(
        ConversionError, match="tcg2 cannot hold this log: what was written does not read back: made up"
    ):
        evlog.convert(log, "tcg2")


def test_a_register_that_the_result_invents_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from evlog.formats.tcg import tcg2

    log = read("tcg2/ovmf.bin")
    whole = tcg2.read

    def more(data: bytes, options: evlog.Options) -> Log:
        back = whole(data, options)
        invented = back.events[1].replace(number=len(back.events), register=Register("pcr", 15))
        return back.replace(events=(*back.events, invented))

    monkeypatch.setattr(tcg2, "read", more)
    with pytest.raises(ConversionError, match="tcg2 would change pcr:15 in sha1"):
        evlog.convert(log, "tcg2")
    changed = evlog.convert(log, "tcg2", allow_changed=True).changed
    assert {each.split()[0] for each in changed} == {"pcr:15"}


def test_hand_made_logs_can_be_written() -> None:
    value = hashlib.sha256(b"hello").digest()
    made = Event(0, Register("pcr", 23), (Digest(SHA256, value),), PCClientEvent(5, b"hello"))
    conversion = evlog.convert(Log("tcg2", (made,), algorithms=(SHA256,)), "tcg2")
    assert conversion.losses == ()
    assert conversion.log.events[1].replace(number=0) == made
    assert evlog.replay(conversion.log)[Register("pcr", 23), SHA256] == hashlib.sha256(bytes(32) + value).digest()
