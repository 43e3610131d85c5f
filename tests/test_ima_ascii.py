"""The ascii IMA list: what can be rebuilt of its entries, what cannot, and how lines are spelled."""

from __future__ import annotations

import hashlib
import time

import pytest

import evlog
from evlog import SHA1, SHA256, Event, ImaEvent, Register, replay
from evlog.errors import ParseError, WriteError
from evlog.formats.ima.text import TextError, readings, text_of
from samples import make_linux
from tests.conftest import SAMPLES, SLOWEST

PCR10 = Register("pcr", 10)


def ima(event: Event) -> ImaEvent:
    assert isinstance(event.content, ImaEvent)
    return event.content


def missing(name: str) -> list[str]:
    return [ima(event).missing for event in evlog.read(SAMPLES / name).events]


def test_every_reason_why_template_data_is_missing() -> None:
    reasons = missing("ima-ascii/unproven.txt")
    assert reasons[:3] == ["", "", ""]
    assert reasons[3] == "template data rebuilt from the text, which a violation cannot prove"
    assert reasons[4] == "template data rebuilt from the text, which the digest does not prove"
    assert reasons[5] == "the template data cannot be rebuilt from the text: a digest without its algorithm"
    assert reasons[6] == "nobody has described the fields of template vendor"


def test_an_unproven_line_still_replays_by_its_digest() -> None:
    log = evlog.read(SAMPLES / "ima-ascii/unproven.txt")
    value = bytes(20)
    for event in log.events:
        digest = event.digests[0].value if any(event.digests[0].value) else b"\xff" * 20
        value = hashlib.sha1(value + digest).digest()
    assert replay(log)[PCR10, SHA1] == value
    # No rule can tell what a line without its data extended into another bank.
    assert [row.status for row in replay(log, rules={SHA256: "hash"}).rows] == ["complete", "incomplete"]
    assert [row.status for row in replay(log, rules={SHA256: "zero-pad"}).rows] == ["complete", "complete"]


def test_checks_of_unproven_lines() -> None:
    verdicts = [checks[0].verdict for checks in evlog.check(evlog.read(SAMPLES / "ima-ascii/unproven.txt"))]
    assert verdicts == [*["matches"] * 3, "not_checkable", "mismatch", "not_checkable", "not_checkable", "mismatch"]


def test_strict_reading_needs_proof() -> None:
    with pytest.raises(ParseError) as raised:
        evlog.read(SAMPLES / "ima-ascii/unproven.txt", strict=True)
    data = (SAMPLES / "ima-ascii/unproven.txt").read_bytes()
    assert raised.value.offset == data.index(b"10 ", data.index(b"/var/log/violation"))
    found = evlog.read(SAMPLES / "ima-ascii/ng-violations.txt", strict=True).findings
    assert [(each.code, each.severity) for each in found] == [("ima_violation", "note")]


def test_no_unproven_entry_goes_into_a_binary_list() -> None:
    log = evlog.read(SAMPLES / "ima-ascii/unproven.txt")
    with pytest.raises(evlog.ConversionError):
        evlog.convert(log, "ima-binary")
    done = evlog.convert(log, "ima-binary", allow_changed=True)
    assert [event.number for event in done.log.events] == [0, 1, 2, 3]
    assert {loss.event: loss.field for loss in done.losses} == {
        3: "content.data",
        **dict.fromkeys(range(4, 8), "content"),
    }
    with pytest.raises(WriteError):
        evlog.write(log, format="ima-binary")


def test_lines_keep_their_spelling() -> None:
    data = (SAMPLES / "ima-ascii/spellings.txt").read_bytes()
    log = evlog.read(data)
    assert evlog.write(log) == data
    assert [event.wire is None for event in log.events] == [False, False, False, False, False, True]
    assert not any(ima(event).missing for event in log.events), "stripped blanks are no reason to lose the data"


def test_a_changed_event_is_not_written_as_it_was() -> None:
    log = evlog.read(SAMPLES / "ima-ascii/spellings.txt")
    moved = log.replace(events=(log.events[0].replace(register=Register("pcr", 11)),))
    assert evlog.write(moved).startswith(b"11 ")
    single = log.replace(events=(log.events[1].replace(register=Register("pcr", 4)),))
    assert evlog.write(single).startswith(b" 4 ")


def test_lines_stay_lines_when_the_last_is_not_the_last() -> None:
    log = evlog.read(SAMPLES / "ima-ascii/unended.txt")
    assert [finding.code for finding in log.findings] == ["unended_line"]
    last = log.events[2]
    swapped = log.replace(events=(last.replace(number=0), log.events[0].replace(number=1)))
    assert evlog.write(swapped).count(b"\n") == 2


@pytest.mark.parametrize(
    "name", ["every-template", "big-endian", "sha512", "odd-names", "mixed-templates", "legacy-big-endian"]
)
def test_text_and_back_gives_the_data(name: str) -> None:
    for event in evlog.read(SAMPLES / f"ima-binary/{name}.bin").events:
        content = ima(event)
        text = text_of(content.template, content.data)
        assert content.data in readings(content.template, text, ("little", "big"))


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("ima-ng", b"sha256 /name"),
        ("ima-ng", b"sha256:xx /name"),
        ("ima-ng", b"sha256:0g /name"),
        ("ima-buf", b"sha1:00 name hex?"),
        ("n|iuid", b"name -1"),
        ("n|imode", b"name 65536"),
        ("n|iuid", b"name 4294967296"),
        ("n|imode", "name ²".encode()),
        ("sig", b"00 00"),
        ("d", b"0"),
    ],
)
def test_text_that_no_field_has(template: str, text: bytes) -> None:
    with pytest.raises(TextError):
        list(readings(template, text, ("little",)))


@pytest.mark.parametrize(
    ("template", "data"),
    [
        ("ima-ng", b"\x04\0\0\0"),
        ("ima-ng", make_linux.joined(b"sha256", b"name\0")),
        ("vendor", make_linux.joined(b"\x01\x02")),
        ("ima", bytes(23)),
    ],
)
def test_data_that_has_no_text(template: str, data: bytes) -> None:
    with pytest.raises(TextError):
        text_of(template, data)


def test_undescribed_templates_are_rebuilt_where_the_digest_proves_it() -> None:
    """The fields are guessed by their looks, and the guess is hashed."""
    values = make_linux.joined(b"/usr/bin/sh:init\0", b"/system.slice\0", make_linux.file_digest(b"x"), b"/etc/x\0")
    data = make_linux.aggregate() + make_linux.entry(b"ima-cgroup", values)
    there = evlog.convert(evlog.read(data), "ima-ascii")
    assert there.losses == ()
    assert there.log.events[1].content == ImaEvent("ima-cgroup", values)
    assert evlog.convert(evlog.read(there.data), "ima-binary").data == data


@pytest.mark.parametrize(
    "line",
    [
        b"10 " + b"0" * 39 + b" ima-ng sha1:00 x",
        b"10 " + b"g" * 40 + b" ima-ng sha1:00 x",
        b"64 " + b"1" * 40 + b" ima-ng sha1:00 x",
        b"-1 " + b"1" * 40 + b" ima-ng sha1:00 x",
        b"10 " + b"1" * 40,
        b"10 " + b"1" * 40 + b" \x01 x",
        b" 0 " + b"1" * 40 + b" 08 [S-CRTM Version]",
    ],
)
def test_lines_that_are_no_entries(line: bytes) -> None:
    """The last is a line of the kernel's own text of a firmware log."""
    whole = make_linux.some_lines()
    log = evlog.read(whole + line + b"\n")
    described = b"[S-CRTM" in line
    assert len(log.events) == (4 if described else 3)
    assert log.failed != described
    with pytest.raises(ParseError):
        evlog.read(line + b"\n")


@pytest.mark.parametrize("name", [b"/tmp/two\nlines", b"/tmp/\n\n10 q ima-ng\nx", b"/tmp/" + b"a\n" * 60 + b"b"])
def test_a_name_with_line_feeds_hides_nothing_after_it(name: bytes) -> None:
    """The kernel prints a name as it is, and whoever may run a file may name it."""
    data = make_linux.joined(make_linux.file_digest(b"x"), name + b"\0")
    after = make_linux.joined(make_linux.file_digest(b"y"), b"/sbin/init\0")
    lines = b"".join(
        b"10 %s ima-ng sha256:%s %s\n" % (sha1(each), hashlib.sha256(file).hexdigest().encode(), path)
        for each, file, path in ((data, b"x", name), (after, b"y", b"/sbin/init"))
    )
    log = evlog.read(lines)
    assert [getattr(event.content, "name", None) for event in log.events] == [name, b"/sbin/init"]
    assert log.findings == ()
    assert evlog.write(log) == lines
    back = evlog.convert(log, "ima-binary")
    assert back.data == make_linux.entry(b"ima-ng", data) + make_linux.entry(b"ima-ng", after)
    unproven = evlog.read(lines.replace(name, name + b"."))
    assert [finding.code for finding in unproven.findings] == ["bad_record"]


def test_names_with_line_feeds_are_tried_in_bounds() -> None:
    name = b"\n".join([b"x"] * 60)
    data = make_linux.joined(make_linux.file_digest(b"x"), name + b"\0")
    line = b"10 %s ima-ng sha256:%s %s\n" % (sha1(data), hashlib.sha256(b"x").hexdigest().encode(), name)
    started = time.process_time()
    log = evlog.read(line * 20_000)
    assert time.process_time() - started < 10 * SLOWEST
    assert [finding.code for finding in log.findings] == ["bad_record"]
    assert len(log.events) > 1000


def sha1(data: bytes) -> bytes:
    return hashlib.sha1(data).hexdigest().encode()


def test_a_digest_of_another_bank_ends_the_list() -> None:
    log = evlog.read(make_linux.some_lines() + b"10 " + b"1" * 64 + b" ima-ng sha1:00 x\n")
    assert len(log.events) == 3
    assert [finding.code for finding in log.findings] == ["bad_record"]
