"""IMA lists whose entries name their digest: by the algorithm in text, by the length in a binary list."""

from __future__ import annotations

import hashlib
import struct

import pytest

import evlog
from evlog import SHA1, SHA256, Event, ImaEvent, Register, detect, replay
from evlog.formats import CERTAIN
from samples import make_linux
from tests.command import run
from tests.conftest import SAMPLES

PCR10 = Register("pcr", 10)
BINARY, TEXT = SAMPLES / "ima-binary/container-host.bin", SAMPLES / "ima-ascii/container-host.txt"
EXTENDED = [*(data for _, data in make_linux.HOST), None]


def chain(hash: str, datas: list[bytes | None]) -> bytes:
    """PCR 10 by hand; None is a violation."""
    value = bytes(hashlib.new(hash).digest_size)
    for data in datas:
        digest = b"\xff" * len(value) if data is None else hashlib.new(hash, data).digest()
        value = hashlib.new(hash, value + digest).digest()
    return value


def ima(event: Event) -> ImaEvent:
    assert isinstance(event.content, ImaEvent)
    return event.content


@pytest.mark.parametrize("path", [BINARY, TEXT], ids=["binary", "ascii"])
def test_the_digests_are_those_that_are_named(path: object) -> None:
    log = evlog.read(path)  # type: ignore[arg-type]
    assert detect(BINARY.read_bytes()).confidence == detect(TEXT.read_bytes()).confidence == CERTAIN
    assert (log.algorithms, log.trailing, log.failed) == ((SHA256,), b"", False)
    assert replay(log)[PCR10, SHA256] == chain("sha256", EXTENDED)
    # No SHA-1 digest is recorded: it is that of the data, if anybody says so.
    assert replay(log).get(PCR10, SHA1) is None
    assert replay(log, rules={SHA1: "hash"})[PCR10, SHA1] == chain("sha1", EXTENDED)
    verdicts = [checks[0].verdict for checks in evlog.check(log)]
    assert verdicts == [*["matches"] * 5, "not_checkable"]


def test_fields_of_patched_kernels_stay_visible() -> None:
    for log in (evlog.read(BINARY), evlog.read(TEXT)):
        third, fourth, fifth = (ima(log.events[number]).decoded for number in (2, 3, 4))
        assert third is not None
        assert fourth is not None
        assert fifth is not None
        processes = b"/usr/bin/runc:/usr/bin/containerd-shim:swapper/0\0"
        assert third.undecoded == (("dep", processes), ("cgn", b"3f0c\0"))
        assert [name for name, _ in fourth.undecoded] == ["dep", "cg-path"]
        assert fifth.undecoded == (("ns", struct.pack("<I", 4026531840)),)
        assert third.name == b"/usr/bin/true"
    shown = run("show", "--tree", str(TEXT)).out
    assert "text: /usr/bin/runc:/usr/bin/containerd-shim:swapper/0" in shown


def test_both_forms_are_written_as_they_were_read_and_as_each_other() -> None:
    for path, other, to in ((BINARY, TEXT, "ima-ascii"), (TEXT, BINARY, "ima-binary")):
        log = evlog.read(path)
        assert evlog.write(log) == path.read_bytes()
        done = evlog.convert(log, to)
        assert done.data == other.read_bytes()
        assert done.registers_preserved
    # A violation's digest proves nothing of what was rebuilt from its text.
    assert [(loss.event, loss.field) for loss in evlog.convert(evlog.read(TEXT), "ima-binary").losses] == [
        (5, "content.data")
    ]
    assert evlog.convert(evlog.read(BINARY), "ima-ascii").losses == ()


@pytest.mark.parametrize("to", ["cel-tlv", "cel-cbor", "cel-json"])
def test_a_cel_does_not_say_how_the_list_named_its_digests(to: str) -> None:
    done = evlog.convert(evlog.read(BINARY), to)
    assert [loss.field for loss in done.losses] == ["header.digests"]
    back = evlog.convert(evlog.read(done.data), "ima-binary")
    # What comes back is the kernel's own list of the bank.
    plain = evlog.read(back.data)
    assert replay(plain)[PCR10, SHA256] == chain("sha256", EXTENDED)
    assert len(back.data) == len(BINARY.read_bytes()) - 4 * 6


@pytest.mark.parametrize("bank", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_bank_and_byte_order(bank: str, order: str) -> None:
    datas = [make_linux.joined(make_linux.file_digest(x), x + b"\0", order=order) for x in (b"/a", b"/b")]
    data = b"".join(make_linux.sized(each, bank=bank, order=order) for each in datas)
    log = evlog.read(data)
    assert [str(alg) for alg in log.algorithms] == [bank]
    assert replay(log)[PCR10, log.algorithms[0]] == chain(bank, list(datas))
    assert evlog.write(log) == data
    lines = evlog.convert(log, "ima-ascii").data
    assert lines.startswith(f"10 {bank}:".encode())
    assert evlog.write(evlog.read(lines)) == lines


def test_a_digest_that_begins_as_a_length_would_is_a_digest() -> None:
    """The kernel's own form is tried first, and what parses so and is proven is so."""
    forged = bytearray(2 * make_linux.aggregate())
    forged[4:8] = struct.pack("<I", 32)
    log = evlog.read(bytes(forged))
    assert (log.algorithms, len(log.events), log.header) == ((SHA1,), 2, None)


@pytest.mark.parametrize(
    ("name", "event"), [("ima-other-digest-length.bin", 6), ("ima-ascii-other-digest.txt", 6)], ids=["binary", "ascii"]
)
def test_an_entry_of_another_digest_ends_the_list(name: str, event: int) -> None:
    log = evlog.read(SAMPLES / "bad" / name)
    errors = [finding for finding in log.findings if finding.severity == "error"]
    assert [(each.code, each.event) for each in errors] == [("bad_record", event)]
    assert len(log.events) == event
    assert evlog.write(log) == (SAMPLES / "bad" / name).read_bytes()
