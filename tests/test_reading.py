"""Where bytes come from, which format they are in, and what is strict."""

from __future__ import annotations

import io
import os
import struct
import threading
from typing import TYPE_CHECKING, Any

import pytest

import evlog
from evlog.errors import ParseError, SourceError, TruncatedError, UnknownFormatError, UsageError
from evlog.options import Options
from samples import make
from tests import made
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

PATH = SAMPLES / "tcg2" / "ovmf.bin"
LOG = PATH.read_bytes()


def test_every_kind_of_source() -> None:
    log = evlog.read(PATH)
    with PATH.open("rb") as file:
        others = [evlog.read(source) for source in (str(PATH), LOG, bytearray(LOG), memoryview(LOG), file)]
    assert all(other == log for other in [*others, evlog.read(io.BytesIO(LOG))])
    assert log.name == str(PATH)
    assert evlog.read(LOG).name == ""


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(LOG))
    writer.start()
    assert evlog.read(pipe) == evlog.read(LOG)
    writer.join()


@pytest.mark.parametrize("name", ["absent", ".", "with\0zero"])
def test_what_cannot_be_opened(name: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        evlog.read(f"{tmp_path}/{name}")


def test_files_that_cannot_be_read() -> None:
    with pytest.raises(UsageError, match="a binary file is needed"):
        evlog.read(io.StringIO("text"))  # type: ignore[arg-type]
    broken = io.BytesIO(LOG)
    broken.read = _fail  # type: ignore[method-assign]
    with pytest.raises(SourceError, match="input/output error"):
        evlog.read(broken)


def _fail(size: int | None = -1, /) -> bytes:
    raise OSError(5, "Input/output error")


def test_detection_says_why() -> None:
    assert str(evlog.detect(LOG)) == "tcg2 (certain: Spec ID event with sha1, sha256, sha384, sha512; several banks)"
    found = evlog.detect((SAMPLES / "ccel" / "index-0-header.bin").read_bytes())
    assert (found.format, found.confidence) == ("ccel", 2)
    assert str(found) == "ccel (likely: Spec ID event with sha384; indices 0 to 4 only)"


def test_the_caller_settles_the_register_space() -> None:
    data = (SAMPLES / "ccel" / "index-0-header.bin").read_bytes()
    assert evlog.read(data).format == "ccel"
    assert evlog.read(data, space="pcr").format == "tcg2"
    assert evlog.read(data, platform="tpm").format == "tcg2"
    assert evlog.read(data, format="tcg2").events[1].register.space == "pcr"
    assert evlog.read(LOG, space="ccmr").format == "ccel"
    assert evlog.read(data, platform="cca").events[1].register.label("cca") == "REM[0]"


def test_the_name_settles_an_empty_ccel() -> None:
    empty = make.agile(algs=(make.SHA384,))
    assert evlog.detect(empty).format == "tcg2"
    assert evlog.detect(empty, Options(name="/sys/firmware/acpi/tables/data/CCEL")).format == "ccel"


def test_the_name_settles_the_ccel_of_a_realm() -> None:
    """An Arm realm has one bank of SHA-256 or SHA-512, as a TPM may: without OVMF's header only the name tells."""
    log = made.header("sha256") + made.event(1, 4, bytes(4), "sha256")
    beyond = log + made.event(7, 4, bytes(4), "sha256")
    ccel = Options(name="/sys/firmware/acpi/tables/data/CCEL")
    assert evlog.detect(log).format == "tcg2"
    assert evlog.detect(log, ccel).format == "ccel"
    assert evlog.detect(log, Options(name="/ccel/binary_bios_measurements")).format == "tcg2"
    assert evlog.detect(beyond, ccel).format == "tcg2"


def test_unknown_formats_are_a_question_that_makes_no_sense() -> None:
    with pytest.raises(UsageError, match="unknown format 'tcg3'; known are tcg2, ccel, tcg1"):
        evlog.read(LOG, format="tcg3")


def test_damage_ends_the_log_where_it_stands() -> None:
    log = evlog.read(LOG[:-10])
    assert log.failed
    (finding,) = log.findings
    assert (finding.code, finding.severity, finding.event) == ("truncated_record", "error", len(log.events))
    assert finding.offset == evlog.read(LOG).events[-1].origin.span.offset  # type: ignore[union-attr]
    assert log.events == evlog.read(LOG).events[:-1]
    with pytest.raises(TruncatedError) as raised:
        evlog.read(LOG[:-10], strict=True)
    assert raised.value.offset == finding.offset
    assert raised.value.where == f"events[{len(log.events)}]"


@pytest.mark.parametrize("name", ["padding-then-bytes.bin", "vendor-info-cut.bin"])
def test_strict_refuses_what_otherwise_is_a_warning(name: str) -> None:
    path = SAMPLES / "tcg2" / name
    assert [finding.severity for finding in evlog.read(path).findings] == ["warning"]
    with pytest.raises(ParseError) as raised:
        evlog.read(path, strict=True)
    assert raised.value.offset == evlog.read(path).findings[0].offset


def test_trailing_bytes_have_their_offset() -> None:
    data = (SAMPLES / "tcg2" / "padding-then-bytes.bin").read_bytes()
    log = evlog.read(data)
    assert log.padding == evlog.Padding(0xFF, 40)
    assert log.trailing == b"left over from an earlier boot"
    (finding,) = log.findings
    assert finding.code == "trailing_bytes"
    assert finding.offset == len(data) - len(log.trailing)


def test_padding() -> None:
    assert evlog.read(SAMPLES / "tcg2" / "ff-padding.bin").padding == evlog.Padding(0xFF, 300)
    assert evlog.read(SAMPLES / "tcg2" / "zero-padding.bin").padding == evlog.Padding(0, 300)
    assert evlog.read(SAMPLES / "tcg2" / "no-digests.bin").padding == evlog.Padding(0, 64)
    assert evlog.read(SAMPLES / "tcg1" / "zero-padding.bin").padding == evlog.Padding(0, 96)
    assert evlog.read(LOG).padding is None


@pytest.mark.parametrize("fill", [0x00, 0xFF])
def test_an_empty_log_area_is_no_log(fill: int) -> None:
    with pytest.raises(UnknownFormatError, match="and nothing else: an empty log area"):
        evlog.read(bytes([fill]) * 65536)


def test_a_header_and_nothing_more() -> None:
    log = evlog.read(make.agile())
    assert len(log.events) == 1
    assert not log.events[0].measured
    assert log.algorithms == (evlog.SHA1, evlog.SHA256)


def test_big_endian() -> None:
    little, big = (evlog.read(SAMPLES / "tcg1" / name) for name in ("no-header.bin", "big-endian.bin"))
    assert big.events == little.events
    assert big.header is not None
    assert big.header.get("byteorder") == "big"
    assert evlog.replay(big).rows == evlog.replay(little).rows


def test_a_log_with_a_zero_signature() -> None:
    log = evlog.read(SAMPLES / "ccel" / "zero-signature.bin")
    assert (log.format, log.algorithms, len(log.events)) == ("ccel", (evlog.SHA384,), 6)


def test_digests_of_unknown_algorithms_are_kept() -> None:
    log = evlog.read(SAMPLES / "tcg2" / "unknown-algorithm.bin")
    digest = log.events[1].digests[1]
    assert (str(digest.alg), digest.alg.size, digest.alg.known) == ("0x7f01", 24, False)
    assert digest.value == make.digest(0x7F01, make.VERSION)


@pytest.mark.parametrize("count", [63, 64, 65])
def test_a_record_may_have_64_digests(count: int) -> None:
    """A bound of ours: the specification has none, and no firmware comes near it."""
    algs = [(0x0B, 32), *((0x7F00 + number, 4) for number in range(63))]
    table = b"".join(struct.pack("<HH", *each) for each in algs)
    header = struct.pack("<16sIBBBBI", b"Spec ID Event03", 0, 0, 2, 0, 2, len(algs)) + table + b"\0"
    repeated = [*algs, algs[-1]][:count]
    digests = b"".join(
        struct.pack("<H", alg) + bytes([number + 1]) * size for number, (alg, size) in enumerate(repeated)
    )
    record = struct.pack("<III", 7, 5, count) + digests + struct.pack("<I", 1) + b"x"
    log = evlog.read(struct.pack("<II20sI", 0, 3, bytes(20), len(header)) + header + record)
    assert len(log.events) == (2 if count <= 64 else 1)
    assert log.failed == (count > 64)
    if count <= 64:
        assert len(log.events[1].digests) == count


def test_a_million_events_make_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    original = evlog.Event.__init__

    def counting(self: evlog.Event, *fields: Any) -> None:
        made.append(1)
        original(self, *fields)

    monkeypatch.setattr(evlog.Event, "__init__", counting)
    log = evlog.read(LOG)
    assert len(log.events) == 25
    evlog.replay(log)
    assert len(made) < 5
    assert log.events[-1].number == 24
    assert [event.number for event in log.events[3:5]] == [3, 4]
    assert made
