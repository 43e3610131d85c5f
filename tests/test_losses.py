"""Nothing is lost unsaid: what a conversion leaves behind is named by event and field, and nothing measured goes."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import pytest

import evlog
from evlog import SHA1, SHA256, Digest, Event, Log, Opaque, PCClientEvent, Register, TextLine
from evlog.errors import ConversionError, WriteError
from samples import make_linux
from tests import made, plain_readers
from tests.command import run
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

CELS = ("cel-tlv", "cel-cbor", "cel-json")
NOWHERE = 0xFFFFFFFF


def fields(conversion: evlog.Conversion) -> list[tuple[int | None, str]]:
    return [(loss.event, loss.field) for loss in conversion.losses]


def digests(data: bytes, *banks: evlog.HashAlg) -> tuple[Digest, ...]:
    from evlog import hashing

    return tuple(Digest(bank, hashing.digest(bank, data)) for bank in banks)


def event(number: int, register: str, *banks: evlog.HashAlg, data: bytes = b"data", kind: int = 5) -> Event:
    value = digests(data, *banks)
    return Event(number, Register.parse(register), value, PCClientEvent(kind, data))


def log_of(*events: Event, format: str = "tcg2", **more: Any) -> Log:
    return Log(format, events, algorithms=tuple({d.alg: None for e in events for d in e.digests}), **more)


class TestBanks:
    """b1: what a conversion loses of a bank or of a register changes it."""

    @pytest.mark.parametrize("to", CELS)
    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_an_nv_index_takes_no_bank_away(self, to: str, place: int) -> None:
        pcrs = [event(0, "pcr:0", SHA1, SHA256), event(1, "pcr:1", SHA1, SHA256)]
        pcrs.insert(place, event(2, "nv:0x01d10200", SHA256))
        log = log_of(*(each.replace(number=number) for number, each in enumerate(pcrs)))
        conversion = evlog.convert(log, to)
        assert set(conversion.log.algorithms) == {SHA1, SHA256}
        rows = {(str(row.register), str(row.alg)) for row in evlog.replay(evlog.read(conversion.data)).rows}
        assert {("pcr:0", "sha1"), ("pcr:0", "sha256"), ("pcr:1", "sha1"), ("pcr:1", "sha256")} <= rows

    def test_in_cel_tlv_rows_of_each_space_have_their_own_rule(self) -> None:
        """A PC Client event only names an NV index, and PCR 24 is none: neither keeps others from being extended."""
        log = log_of(event(0, "nv:0x01d10200", SHA256), event(1, "pcr:24", SHA256), event(2, "pcr:3", SHA1))
        back = evlog.read(evlog.convert(log, "cel-tlv").data)
        assert back.algorithms == (SHA1,)
        assert [str(row.register) for row in evlog.replay(back).rows] == ["pcr:3"]

    def lossy(self, monkeypatch: pytest.MonkeyPatch, gone: str) -> None:
        """A room of tcg2 whose reader loses a bank or a register."""
        from evlog.formats.tcg import tcg2

        whole = tcg2.read

        def less(data: bytes, options: evlog.Options) -> Log:
            back = whole(data, options)
            events = [each for each in back.events if str(each.register) != gone]
            events = [each.replace(digests=tuple(d for d in each.digests if str(d.alg) != gone)) for each in events]
            kept = tuple(alg for alg in back.algorithms if str(alg) != gone)
            return back.replace(events=tuple(events), algorithms=kept)

        monkeypatch.setattr(tcg2, "read", less)

    @pytest.mark.parametrize("gone", ["sha384", "pcr:7"])
    def test_what_disappears_unnamed_is_refused(self, gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
        log = evlog.read(SAMPLES / "tcg2/ovmf.bin")
        self.lossy(monkeypatch, gone)
        with pytest.raises(ConversionError, match=f"tcg2 would change .*{gone}"):
            evlog.convert(log, "tcg2")
        allowed = evlog.convert(log, "tcg2", allow_changed=True)
        assert not allowed.registers_preserved
        assert allowed.losses
        assert all(gone in each for each in allowed.changed)

    def test_a_bank_that_a_loss_names_may_go(self) -> None:
        conversion = evlog.convert(evlog.read(SAMPLES / "tcg2/ovmf.bin"), "tcg1")
        assert conversion.registers_preserved
        assert {"digests.sha256", "digests.sha384", "digests.sha512"} <= {loss.field for loss in conversion.losses}

    def test_a_loss_on_another_register_does_not_name_it(self) -> None:
        from evlog.changing.convert import _Lost
        from evlog.model import Loss

        log = log_of(event(0, "pcr:0", SHA1), event(1, "pcr:1", SHA1))
        lost = _Lost(log, [Loss(1, "digests.sha1", "")])
        assert lost.names(Register("pcr", 1), SHA1)
        assert not lost.names(Register("pcr", 0), SHA1)
        assert not lost.names(Register("pcr", 1), SHA256)


class TestNoRegister:
    """e2: a record on PCR 0xFFFFFFFF has no place in a CEL."""

    def firmware(self, kind: int, at: int = 2) -> Log:
        records = [made.event(0, 4, bytes(4), "sha256"), made.event(1, 5, b"one", "sha256")]
        records.insert(at, made.event(NOWHERE, kind, b"TrustPoint", "sha256", hashed=b"TrustPoint"))
        return evlog.read(made.header("sha256") + b"".join(records))

    @pytest.mark.parametrize("to", CELS)
    @pytest.mark.parametrize("at", [0, 1, 2])
    def test_one_that_is_not_measured_is_a_named_loss(self, to: str, at: int) -> None:
        log = self.firmware(3, at)
        conversion = evlog.convert(log, to)
        assert fields(conversion) == [(at + 1, "content")]
        steps = [step for step in plain_readers.READERS[to](conversion.data) if step[1]]
        assert [pcr for pcr, _ in steps] == [0, 1]
        assert conversion.registers_preserved

    @pytest.mark.parametrize("to", CELS)
    def test_one_that_is_measured_is_refused(self, to: str, tmp_path: Path) -> None:
        log = self.firmware(5)
        with pytest.raises(WriteError, match="event 3: a CEL has no place for a measured record"):
            evlog.convert(log, to)
        source, out = tmp_path / "log.bin", tmp_path / "out"
        source.write_bytes(evlog.write(log))
        assert run("convert", str(source), "--to", to, "-o", str(out)).code == 1
        assert not out.exists()

    def test_a_measurement_register_of_this_index_is_none_either(self) -> None:
        log = evlog.read(SAMPLES / "ccel/ovmf-tdx.bin")
        silent = Event(len(log.events), Register("ccmr", NOWHERE), (), PCClientEvent(3, b""))
        assert (silent.number, "content") in fields(
            evlog.convert(log.replace(events=(*log.events, silent)), "cel-json")
        )


class TestContainers:
    """e3: what follows the records of one container is none of another's."""

    def tcg1(self, tail: bytes) -> Log:
        return evlog.read(made.sha1_event(0, 4, bytes(4)) + made.sha1_event(1, 5, b"one") + tail)

    @pytest.mark.parametrize("to", ["tcg2", "cel-tlv", "cel-json"])
    @pytest.mark.parametrize("fill", [b"\0", b"\xff"])
    def test_padding_stays_behind_and_is_named(self, to: str, fill: bytes) -> None:
        log = self.tcg1(fill * 4096)
        assert log.padding is not None
        conversion = evlog.convert(log, to)
        assert (None, "padding") in fields(conversion)
        assert conversion.log.padding is None
        assert not conversion.data.endswith(fill * 64)

    def test_without_padding_nothing_is_lost(self) -> None:
        assert evlog.convert(self.tcg1(b""), "tcg2").losses == ()

    def test_in_its_own_container_it_stays(self) -> None:
        conversion = evlog.convert(self.tcg1(bytes(4096)), "tcg1")
        assert conversion.losses == ()
        assert conversion.data.endswith(bytes(4096))

    def test_between_the_two_agile_containers(self) -> None:
        padded = evlog.read(SAMPLES / "ccel/ovmf-tdx.bin")
        padded = padded.replace(padding=evlog.Padding(0xFF, 64), trailing=b"")
        assert (None, "padding") in fields(evlog.convert(padded, "cel-cbor"))
        assert evlog.convert(padded, "ccel").data.endswith(b"\xff" * 64)

    @pytest.mark.parametrize("to", ["tcg2", "cel-json"])
    def test_choices_of_a_header_are_named(self, to: str) -> None:
        log = evlog.read(SAMPLES / "tcg1/big-endian.bin")
        assert (None, "header.byteorder") in fields(evlog.convert(log, to))
        assert evlog.convert(log, "tcg1").losses == ()

    def test_what_the_caller_chose_is_no_loss(self) -> None:
        log = evlog.read(SAMPLES / "cel-tlv/google-widths.tlv")
        assert evlog.convert(log, "cel-tlv", profile="u32").losses == ()
        assert (None, "header.profile") in fields(evlog.convert(log, "cel-json"))


class TestContents:
    """b5: what comes back as something else is named."""

    @pytest.mark.parametrize("to", ["cel-json", "cel-cbor"])
    @pytest.mark.parametrize("data", [b"\1", b"\xff\xfe\xff", b""])
    def test_an_opaque_type_that_comes_back_as_another(self, to: str, data: bytes) -> None:
        odd = event(0, "pcr:12", SHA256, data=data).replace(content=Opaque(11, data))
        log = log_of(odd, event(1, "pcr:12", SHA256), format="cel-tlv")
        conversion = evlog.convert(log, to)
        back = evlog.read(conversion.data).events[0].content
        named = {field.partition(".")[0] for number, field in fields(conversion) if number == 0}
        assert (back == odd.content) == ("content" not in named)
        assert {number for number, _ in fields(conversion)} <= {0}

    def test_an_opaque_type_that_stays_is_none(self) -> None:
        odd = event(0, "pcr:12", SHA256).replace(content=Opaque(77, b"data"))
        for to in CELS:
            conversion = evlog.convert(log_of(odd, format="cel-tlv"), to)
            assert conversion.losses == ()
            assert conversion.log.events[0].content == odd.content

    def lines(self, *lines: tuple[str, bytes]) -> Log:
        rows = [
            Event(number, Register("ccmr", 4), digests(line, SHA256), TextLine(role, line))
            for number, (role, line) in enumerate(lines)
        ]
        return log_of(*rows, format="evlog-json", platform="tdx")

    @pytest.mark.parametrize("place", [0, 1])
    def test_an_init_that_the_dialect_takes_for_a_record(self, place: int) -> None:
        """The attestation agent's spelling states nothing in the other dialect, which is the one that is written."""
        lines = [("record", b"a b c"), ("record", b"d e f")]
        lines.insert(place, ("init", b"INIT/sha256 " + b"11" * 32))
        conversion = evlog.convert(self.lines(*lines), "text", allow_changed=True)
        assert conversion.log.events[place].content == TextLine("record", lines[place][1])
        assert fields(conversion) == [(place, "content.role")]

    def test_an_init_that_stays_one_is_no_loss(self) -> None:
        first = ("init", b"INIT sha256/" + b"00" * 32)
        conversion = evlog.convert(self.lines(first, ("record", b"a b c")), "text")
        assert conversion.losses == ()
        assert conversion.log.events[0].content == TextLine(*first)

    def unproven(self, order: str, count: int) -> bytes:
        """A list whose digests are of something else, so that nothing proves its byte order."""
        entries = []
        for number in range(count):
            digest = b"sha256:\0" + bytes(range(32))
            name = b"/file%d\0" % number
            data = struct.pack(f"{order}I", len(digest)) + digest + struct.pack(f"{order}I", len(name)) + name
            entries.append(struct.pack(f"{order}I", 10) + bytes([number + 1]) * 20 + struct.pack(f"{order}I", 6))
            entries.append(b"ima-ng" + struct.pack(f"{order}I", len(data)) + data)
        return b"".join(entries)

    @pytest.mark.parametrize("count", [1, 3])
    def test_template_data_that_comes_back_in_another_byte_order(self, count: int) -> None:
        log = evlog.read(self.unproven(">", count))
        assert log.header is not None
        conversion = evlog.convert(log, "ima-ascii")
        assert {(number, "content.data") for number in range(count)} <= set(fields(conversion))
        assert (None, "header.byteorder") in fields(conversion)

    def test_in_the_order_that_is_taken_for_granted_the_data_comes_back(self) -> None:
        assert "content.data" not in {
            field for _, field in fields(evlog.convert(evlog.read(self.unproven("<", 3)), "ima-ascii"))
        }
        proven = evlog.read(make_linux.every_template(">"))
        assert evlog.convert(proven, "ima-ascii").losses == ()


class TestAccount:
    """Whatever a reader makes of the bytes, the difference is named, though no room has told."""

    def conversion(self, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> evlog.Conversion:
        """A conversion to CEL-JSON whose reader makes something else of record 5."""
        from evlog.formats.cel import json as cel_json

        whole = cel_json.read

        def other(data: bytes, options: evlog.Options) -> Log:
            back = whole(data, options)
            return back.replace(events=tuple(self._changed(back.events, changes)))

        log = evlog.read(SAMPLES / "cel-tlv/ovmf.tlv")
        monkeypatch.setattr(cel_json, "read", other)
        return evlog.convert(log, "cel-json", allow_changed=True)

    def _changed(self, events: Iterable[Event], changes: dict[str, Any]) -> Iterator[Event]:
        for each in events:
            if each.number == 5 and changes:
                yield each.replace(**changes)
            elif each.number != 5 or changes:
                yield each

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"content": PCClientEvent(1, b"other")}, "content.data"),
            ({"content": Opaque(77, b"other")}, "content"),
            ({"digests": ()}, "digests.sha256"),
            ({"digests": (Digest(SHA256, bytes(32)),)}, "digests.sha256"),
            ({"register": Register("pcr", 9)}, "register"),
            ({"recnum": 77}, "recnum"),
        ],
    )
    def test_a_field(self, changes: dict[str, Any], field: str, monkeypatch: pytest.MonkeyPatch) -> None:
        assert (5, field) in fields(self.conversion(monkeypatch, **changes))

    def test_an_event_that_is_gone_shows_at_the_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        conversion = self.conversion(monkeypatch)
        last = len(evlog.read(SAMPLES / "cel-tlv/ovmf.tlv").events) - 1
        assert (last, "content") in fields(conversion)
        assert not conversion.registers_preserved

    def test_numbers_are_those_of_the_source(self) -> None:
        """A part of a log keeps its events' numbers, and losses go by them."""
        log = evlog.read(SAMPLES / "tcg2/ovmf.bin")
        part = log.replace(events=tuple(each for each in log.events if each.number in (0, 7, 9)))
        losses = {loss.event for loss in evlog.convert(part, "tcg1").losses}
        assert losses == {0, 7, 9}


def test_a_bank_that_only_the_log_names_is_a_loss() -> None:
    log = log_of(event(0, "pcr:0", SHA1)).replace(algorithms=(SHA1, SHA256), format="evlog-json")
    assert fields(evlog.convert(log, "tcg1")) == [(None, "algorithms")]
    assert evlog.convert(log.replace(algorithms=(SHA1,)), "tcg1").losses == ()


def test_record_numbers_that_coreboot_cannot_hold_are_named() -> None:
    log = evlog.read(SAMPLES / "coreboot/three-entries.bin")
    numbered = log.replace(
        events=tuple(each.replace(recnum=each.number + 7) for each in log.events), format="evlog-json"
    )
    assert any(loss.field == "recnum" for loss in evlog.convert(numbered, "coreboot").losses)
    assert not any(loss.field == "recnum" for loss in evlog.convert(log, "coreboot").losses)


def test_the_command_names_them_by_event(tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = run("convert", str(SAMPLES / "tcg2/trust-point.bin"), "--to", "cel-json", "-o", str(out), "--json")
    assert ran.code == 0
    named = [loss["event"] for loss in json.loads(ran.out)["losses"] if loss["field"] == "content"]
    log = evlog.read(SAMPLES / "tcg2/trust-point.bin")
    assert named == [each.number for each in log.events if each.register.index == NOWHERE]
    assert named


def test_split_says_once_what_every_part_repeats() -> None:
    log = evlog.read(SAMPLES / "tcg2/padding-then-bytes.bin")
    found = [(loss.event, loss.field) for loss in evlog.split(log).losses]
    assert sorted(set(found), key=str) == sorted(found, key=str)
    assert {(None, "padding"), (None, "trailing")} <= set(found)


def test_split_of_a_header_alone_names_it() -> None:
    log = evlog.read(made.header("sha256"))
    assert [(loss.event, loss.field) for loss in evlog.split(log).losses] == [(0, "content")]
