"""The registry, the cursor and the promises of decode."""

from __future__ import annotations

import struct
import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest

from evlog.contents.opaque import Opaque
from evlog.contents.pcclient import EVENT_TYPES, PCClientEvent
from evlog.decoders import (
    DECODERS,
    FAMILIES,
    NO_CONTEXT,
    Context,
    Cursor,
    Decoded,
    Raw,
    _registry,
    decode,
    decodes,
    to_json,
)
from evlog.decoders.firmware_blob import FirmwareBlob
from evlog.decoders.no_action import StartupLocality
from evlog.errors import ParseError, TruncatedError
from evlog.model import Content, Event, Log, Origin, Span
from evlog.registers import Register
from tests.decoding import decoded, event

TYPE = 0x7FFFFF01


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Claims that a test makes are gone after it."""
    monkeypatch.setattr(_registry, "_claims", {})
    monkeypatch.setattr(_registry, "_waiting", {0: []})
    monkeypatch.setattr(_registry, "readers", {})


def says(name: str) -> Any:
    """A decoder whose answer is recognised by its name."""

    def read(cursor: Cursor, context: Context) -> Decoded:
        return Raw(name, cursor.rest())

    return read


def answer(data: bytes, register: str = "pcr:0") -> str:
    found = decoded(TYPE, data, register=register)
    assert isinstance(found, Raw)
    return found.reason


@pytest.mark.usefixtures("registry")
class TestClaims:
    def test_the_longest_prefix_wins_then_the_one_with_registers(self) -> None:
        decodes(TYPE)(says("any"))
        decodes(TYPE, registers=["pcr:8"])(says("on pcr 8"))
        decodes(TYPE, prefix=b"ab")(says("ab"))
        decodes(TYPE, prefix=b"abc")(says("abc"))
        decodes(TYPE, prefix=b"ab", registers=["pcr:8"])(says("ab on pcr 8"))
        assert answer(b"x") == "any"
        assert answer(b"x", "pcr:8") == "on pcr 8"
        assert answer(b"abx") == "ab"
        assert answer(b"abx", "pcr:8") == "ab on pcr 8"
        assert answer(b"abcx", "pcr:8") == "abc"

    def test_hardware_registers_are_met_by_the_ccmr_that_they_are(self) -> None:
        decodes(TYPE, registers=["ccmr:3"])(says("third"))
        assert answer(b"", "ccmr:3") == answer(b"", "rtmr:2") == answer(b"", "rem:2") == "third"
        assert answer(b"", "rtmr:3").startswith("unknown event type")

    def test_the_platform_says_which_ccmr_a_hardware_register_is(self) -> None:
        """CSV hands the CC MR index to the hardware as it is: RTMR[3] is ccmr:3 there, and RTMR[2] is not."""
        decodes(TYPE, registers=["ccmr:3"])(says("third"))
        log = Log("cel-json", (event(TYPE, b"", "rtmr:3"), event(TYPE, b"", "rtmr:2")), platform="csv")
        third, second = (decode(each, Context.of(log)) for each in log.events)
        assert third == Raw("third", b"")
        assert second == Raw("unknown event type 0x7fffff01", b"")

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ({}, {}),
            ({"prefix": b"x"}, {"prefix": b"x"}),
            ({"registers": ["pcr:8", "pcr:9"]}, {"registers": ["pcr:9"]}),
        ],
    )
    def test_a_clash_fails_when_it_is_made(self, first: dict[str, Any], second: dict[str, Any]) -> None:
        decodes(TYPE, **first)(says("one"))
        with pytest.raises(ValueError, match="both decode event type 0x7fffff01"):
            decodes(TYPE, **second)(says("two"))

    def test_claims_on_other_registers_do_not_clash(self) -> None:
        decodes(TYPE, registers=["pcr:8"])(says("eight"))
        decodes(TYPE, registers=["pcr:9"])(says("nine"))
        assert answer(b"", "pcr:9") == "nine"

    def test_ranges_and_names_are_event_types(self) -> None:
        decodes(range(TYPE, TYPE + 2), "EV_EFI_ACTION")(says("three types"))
        for number in (TYPE, TYPE + 1, 0x80000007):
            found = decoded(number, b"")
            assert isinstance(found, Raw)
            assert found.reason == "three types"
        with pytest.raises(KeyError):
            decodes("EV_NO_SUCH_TYPE")(says("never"))

    def test_a_decoder_that_fails_costs_only_its_event(self) -> None:
        def broken(cursor: Cursor, context: Context) -> Decoded:
            raise IndexError("out of range")

        decodes(TYPE)(broken)
        assert answer(b"abc") == "decoder failed: IndexError: out of range"

    def test_what_is_left_over_is_trailing_or_an_error(self) -> None:
        class Short(Decoded):
            kind = "short"

        decodes(TYPE)(lambda cursor, context: Short())
        assert answer(b"ab").startswith("2 bytes after the short")
        assert decoded(TYPE, b"") == Short()
        decodes(TYPE + 1)(FirmwareBlob)
        assert decoded(TYPE + 1, struct.pack("<QQ", 1, 2) + b"\xaf\xfe") == FirmwareBlob(1, 2, b"\xaf\xfe")


def test_every_decoder_of_the_table_is_there_and_no_two_want_the_same_event() -> None:
    """The check of the families' claims: it is made here, and not where a log is read."""
    for family in FAMILIES:
        import_module(f"evlog.decoders.{family}")
    made = {(number, claim) for number, claims in _registry._claims.items() for claim in claims}
    own = [(number, claim) for number, claim in made if claim.read.__module__.startswith("evlog.decoders.")]
    claimed: dict[str, set[int]] = {}
    for number, claim in own:
        decoder = getattr(claim.read, "__self__", claim.read)
        name = f"{decoder.__module__}.{decoder.__qualname__}".removeprefix("evlog.decoders.")
        claimed.setdefault(name, set()).add(number)
    assert claimed == {name: _registry._event_types(types) for name, types in DECODERS.items()}
    clashes = [
        (number, one.read, other.read)
        for number, claims in _registry._claims.items()
        for place, one in enumerate(claims)
        for other in claims[place + 1 :]
        if one.clashes(other)
    ]
    assert clashes == []


CLASH = """
from evlog import Event, PCClientEvent, Register
from evlog.decoders import Raw, decode, decodes
import evlog.decoders._registry as registry
{before}
found = decode(Event(0, Register("pcr", 0), (), PCClientEvent(4, bytes(4))))
print(found.kind, getattr(found, "reason", ""))
"""


@pytest.mark.parametrize(
    ("before", "answer"),
    [
        ("decodes('EV_SEPARATOR')(lambda cursor, context: Raw('mine', cursor.rest()))", "raw mine"),
        (
            "import evlog.decoders.separator\n"
            "decodes('EV_SEPARATOR')(lambda cursor, context: Raw('mine', cursor.rest()))",
            "raw mine",
        ),
        ("import sys; sys.modules['evlog.decoders.separator'] = None", "raw decoder failed: ModuleNotFoundError"),
    ],
    ids=["a claim before the family's", "a claim after the family's", "a family that cannot be imported"],
)
def test_decode_does_not_raise_for_a_claim_that_is_made_twice(before: str, answer: str) -> None:
    """Who decodes an event type of a family in another way has his decoder asked, in whatever order the two came."""
    ran = subprocess.run(
        [sys.executable, "-S", "-c", CLASH.format(before=before)],
        capture_output=True,
        text=True,
        check=False,
        env=_path(),
    )
    assert (ran.stderr, ran.stdout.partition(": import of")[0].strip()) == ("", answer)


def test_no_names_of_event_types_are_shared() -> None:
    assert len(set(EVENT_TYPES.values())) == len(EVENT_TYPES)


def test_families_are_imported_when_they_are_met() -> None:
    script = (
        "import sys; from evlog import Event, PCClientEvent, Register; from evlog.decoders import decode\n"
        "decode(Event(0, Register('pcr', 0), (), PCClientEvent(4, bytes(4))))\n"
        "print(*sorted(m for m in sys.modules if m.startswith('evlog.decoders.') and '._' not in m))\n"
        "print([m for m in ('construct', 'cryptography', 'typing', 'dataclasses', 'json') if m in sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-S", "-c", script], capture_output=True, text=True, check=True, env=_path()
    )
    assert output.stdout.splitlines() == ["evlog.decoders.separator", "[]"]


def _path() -> dict[str, str]:
    return {"PYTHONPATH": ":".join(entry for entry in sys.path if entry)}


def test_an_unknown_type_keeps_its_number_and_its_bytes() -> None:
    assert decoded(0x00000601, b"abc") == Raw("unknown event type 0x00000601", b"abc")


def test_other_contents_are_decoded_by_nature() -> None:
    assert decode(Event(0, Register("pcr", 10), (), Opaque("x", b"abc"))) is None


class TestAs:
    def test_a_body_is_read_as_what_the_caller_says(self) -> None:
        action = event("EV_EFI_ACTION", struct.pack("<QQ", 1, 2))
        assert decode(action, as_=FirmwareBlob) == FirmwareBlob(1, 2)

    def test_what_it_is_not_raises(self) -> None:
        with pytest.raises(ParseError, match="16 bytes expected, 5 left"):
            decode(event("EV_NO_ACTION", b"short"), as_=StartupLocality)
        with pytest.raises(ParseError, match="a raw is never the whole body"):
            decode(event("EV_NO_ACTION", b"short"), as_=Raw)
        with pytest.raises(ParseError, match="has no body"):
            decode(Event(0, Register("pcr", 10), (), _Bodiless()), as_=FirmwareBlob)


class _Bodiless(Content):
    kind = "bodiless"


class TestCursor:
    def test_reads_and_positions(self) -> None:
        cursor = Cursor(bytes(range(1, 32)), 0x100)
        assert (cursor.u8("a"), cursor.u16("b"), cursor.u32("c"), cursor.u64("d")) == (
            1,
            0x0302,
            0x07060504,
            0x0F0E0D0C0B0A0908,
        )
        assert (cursor.at, cursor.left, cursor.offset) == (15, 16, 0x10F)
        assert cursor.fork().guid("e") == "13121110-1514-1716-1819-1a1b1c1d1e1f"
        assert cursor.peek(2) == b"\x10\x11"
        inner = cursor.sub(4, "inner")
        assert (inner.left, inner.offset, cursor.offset) == (4, 0x10F, 0x113)
        assert inner.rest() == b"\x10\x11\x12\x13"
        assert cursor.rest() == bytes(range(0x14, 32))

    def test_a_read_beyond_the_end_names_field_and_offset_in_the_file(self) -> None:
        outer = Cursor(bytes(16), 0x200, at=4)
        inner = outer.sub(6, "path")
        inner.u32("first")
        with pytest.raises(TruncatedError) as raised:
            inner.u32("second")
        assert str(raised.value) == "4 bytes expected, 2 left (at byte 0x208, in path.second)"

    def test_a_negative_or_huge_size_is_refused_and_moves_nothing(self) -> None:
        cursor = Cursor(bytes(8))
        for size in (-1, 9, 1 << 63):
            with pytest.raises(TruncatedError):
                cursor.take(size, "data")
        assert cursor.at == 0

    def test_errors_in_events_count_from_the_start_of_the_file(self) -> None:
        body = b"StartupLocality\0"
        origin = Origin("log", "tcg2", Span(0x1000, 60 + len(body)))
        damaged = Event(3, Register("pcr", 0), (), PCClientEvent(3, body), origin=origin)
        found = decode(damaged)
        assert isinstance(found, Raw)
        assert found.reason == f"1 bytes expected, 0 left (at byte {0x1000 + 60 + 16:#x}, in locality)"


class TestContext:
    HEADER = b"Spec ID Event03\0" + struct.pack("<IBBBB", 0, 0, 2, 0, 1)

    def log(self, data: bytes) -> Log:
        return Log("tcg2", (event("EV_NO_ACTION", data),))

    def test_size_of_uintn_and_vendor_info_come_from_the_header(self) -> None:
        header = self.HEADER + struct.pack("<IHH", 1, 11, 32) + b"\x03abc"
        assert Context.of(self.log(header)) == Context(4, b"abc")
        old = b"Spec ID Event02\0" + struct.pack("<IBBBB", 0, 2, 1, 2, 2) + b"\x02xy"
        assert Context.of(self.log(old)) == Context(8, b"xy")

    def test_no_header_says_nothing(self) -> None:
        assert Context.of(self.log(b"StartupLocality\0\3")) == NO_CONTEXT
        assert Context.of(Log("tcg1", ())) == NO_CONTEXT
        assert Context.of(self.log(self.HEADER)) == NO_CONTEXT

    @pytest.mark.parametrize("context", [NO_CONTEXT, Context(4), Context(8)])
    @pytest.mark.parametrize(("size", "code"), [(4, "I"), (8, "Q")])
    def test_the_size_that_fits_is_found_whatever_the_header_says(self, context: Context, size: int, code: str) -> None:
        acpi = bytes.fromhex("71e86888f1e4d311bc220080c73c8881")
        body = struct.pack(f"<{code}", 1) + acpi + struct.pack(f"<{code}", 0x7FFE014)
        found = decoded("EV_EFI_HANDOFF_TABLES", body, context)
        assert found.summary == "ACPI 2.0"
        json = to_json(found)
        assert json is not None
        assert json["tables"][0]["address"] == 0x7FFE014, size


def test_summaries_are_safe_to_print() -> None:
    found = decoded("EV_EFI_ACTION", b"a\x1b[31m red\nline" + "\N{RIGHT-TO-LEFT OVERRIDE}".encode())
    assert found.summary == r"a\x1b[31m red\nline\u202e"


def test_json_of_nested_values() -> None:
    found = to_json(decoded("EV_SEPARATOR", b"\0\0\0\0"))
    assert found == {"kind": "separator", "value": 0, "text": None, "data": "00000000"}
    assert to_json(None) is None
