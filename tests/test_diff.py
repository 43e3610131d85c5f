"""Diff: what differs is found, named, and paired with what it was; edits in thought."""

from __future__ import annotations

import json
import random
import struct
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evlog
from evlog import SHA1, SHA256, Digest, Register, UsageError, diff, edit
from evlog.changing.edit import drop, insert, replace
from evlog.comparing import diff as comparing
from evlog.comparing import sides
from evlog.comparing.align import align
from evlog.formats.tcg import frame
from evlog.merging import common_rows
from tests import made
from tests.command import run
from tests.conftest import SAMPLES
from tests.generated import record2, spec_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evlog import Difference, Log

EV_ACTION, EV_IPL, EV_VARIABLE, EV_IMAGE = 5, 0x0D, 0x80000002, 0x80000003
OVMF = SAMPLES / "tcg2" / "ovmf.bin"


def log_of(*events: bytes) -> Log:
    return evlog.read(made.header("sha1", "sha256") + b"".join(events))


def action(index: int, text: bytes) -> bytes:
    return made.event(index, EV_ACTION, text, "sha1", "sha256")


def shown(result: Difference) -> list[tuple[str, int | None, int | None]]:
    return [(change.kind, change.a, change.b) for each in result.registers for change in each.changes]


# Alignment


@pytest.mark.parametrize(
    ("a", "b", "pairs"),
    [
        ("", "", []),
        ("abc", "abc", [(0, 0), (1, 1), (2, 2)]),
        ("abc", "ac", [(0, 0), (2, 1)]),
        ("ac", "abc", [(0, 0), (1, 2)]),
        ("abcd", "acbd", [(0, 0), (1, 2), (3, 3)]),
        ("abc", "xyz", []),
        ("aab", "ab", [(0, 0), (2, 1)]),
        ("aaaa", "aa", [(0, 0), (1, 1)]),
        ("xabc", "abcx", [(1, 0), (2, 1), (3, 2)]),
    ],
)
def test_alignment(a: str, b: str, pairs: list[tuple[int, int]]) -> None:
    found = align(a, b)
    assert len(found) == len(pairs)
    assert all(a[i] == b[j] for i, j in found)
    if sorted(set(a)) == sorted(a) and (a, b) != ("abcd", "acbd"):
        assert found == pairs


def test_alignment_is_increasing_and_of_equals() -> None:
    chance = random.Random(7)
    for _ in range(300):
        a = [chance.randrange(6) for _ in range(chance.randrange(12))]
        b = [chance.randrange(6) for _ in range(chance.randrange(12))]
        found = align(a, b)
        assert all(a[i] == b[j] for i, j in found)
        assert found == sorted(set(found))
        assert len({i for i, _ in found}) == len({j for _, j in found}) == len(found)


def test_alignment_of_long_sequences_ends() -> None:
    chance = random.Random(7)
    a = [chance.randrange(3) for _ in range(100_000)]
    assert len(align(a, a[::-1])) > 0


# Diff


def test_a_log_equals_itself() -> None:
    log = evlog.read(OVMF)
    result = diff(log, log)
    assert result.equal
    assert Register("pcr", 4) in result.equal_registers


def test_changed_added_and_removed() -> None:
    a = log_of(action(8, b"same"), action(8, b"gone"), action(8, b"last"), action(9, b"x"))
    b = log_of(action(8, b"same"), action(8, b"last"), action(8, b"new"), action(9, b"x"))
    result = diff(a, b)
    assert shown(result) == [("removed", 2, None), ("added", None, 3)]
    (each,) = result.registers
    assert (each.register, each.first_divergence) == (Register("pcr", 8), 2)
    assert result.equal_registers[-1] == Register("pcr", 9)


def test_the_first_divergence_past_the_end_of_the_first_log() -> None:
    a, b = log_of(action(8, b"x")), log_of(action(8, b"x"), action(9, b"-"), action(8, b"y"))
    assert [each.first_divergence for each in diff(a, b).registers] == [3, 2]


def test_an_event_on_another_place_among_registers_is_no_difference() -> None:
    assert diff(log_of(action(8, b"x"), action(9, b"y")), log_of(action(9, b"y"), action(8, b"x"))).equal


def test_a_variable_that_changed_is_paired_by_its_name() -> None:
    def variables(order: bytes) -> Log:
        first = made.variable("Other", b"same")
        second = made.variable("BootOrder", order, guid=bytes.fromhex("61dfe48bca93d211aa0d00e098032b8c"))
        return log_of(*(made.event(1, EV_VARIABLE, data, "sha1", "sha256") for data in (first, second)))

    (each,) = diff(variables(b"\0\0\1\0"), variables(b"\1\0\0\0")).registers
    (change,) = each.changes
    assert (change.kind, change.a, change.b, change.what) == ("changed", 2, 2, ("digests", "content"))
    assert change.words == "VARIABLE_BOOT BootOrder: 0000, 0001 became 0001, 0000"


def test_a_command_line_in_words() -> None:
    def booted(line: bytes) -> Log:
        return log_of(made.event(8, EV_IPL, b"kernel_cmdline: " + line + b"\0", "sha1", "sha256", hashed=line))

    (each,) = diff(booted(b"/vmlinuz quiet"), booted(b"/vmlinuz debug")).registers
    assert each.changes[0].words == "IPL kernel command line: /vmlinuz quiet became /vmlinuz debug"


def test_what_was_measured_differs_although_the_event_says_the_same() -> None:
    def image(measured: bytes) -> Log:
        data = bytes(32)
        return log_of(made.event(4, EV_IMAGE, data, "sha1", "sha256", hashed=measured))

    (each,) = diff(image(b"one"), image(b"two")).registers
    assert each.changes[0].what == ("digests",)
    assert each.changes[0].words.endswith("what was measured differs")


def test_contents_that_no_digest_covers() -> None:
    a = log_of(made.event(4, EV_ACTION, b"one", "sha1", "sha256", hashed=b"x"))
    b = log_of(made.event(4, EV_ACTION, b"two", "sha1", "sha256", hashed=b"x"))
    (each,) = diff(a, b).registers
    assert each.extended_alike
    assert each.changes[0].what == ("content",)


def test_logs_of_different_banks_are_compared_in_the_common_one() -> None:
    a = evlog.read(made.header("sha256") + made.event(8, EV_ACTION, b"x", "sha256"))
    b = log_of(action(8, b"x"))
    assert Register("pcr", 8) in diff(a, b).equal_registers


def test_the_command_compares() -> None:
    same = run("diff", str(OVMF), str(OVMF))
    assert (same.code, same.out.startswith("equal: pcr:0")) == (0, True)
    other = run("diff", str(OVMF), str(SAMPLES / "tcg2" / "secure-boot.bin"), "--json")
    assert other.code == 1
    document = json.loads(other.out)
    assert (document["schema"], document["equal"]) == ("evlog.diff/1", False)
    words = [change["words"] for each in document["registers"] for change in each["changes"]]
    assert "VARIABLE_CONFIG SecureBoot: off became on" in words
    lines = run("diff", str(OVMF), str(SAMPLES / "tcg2" / "secure-boot.bin")).out
    assert "  ~    4 | 4    VARIABLE_CONFIG SecureBoot: off became on\n" in lines


def test_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    from evlog.cli._page import Page
    from evlog.cli.diff import print_side_by_side

    a, b = log_of(action(8, b"gone [bold]")), log_of(action(8, b"new"))
    print_side_by_side(diff(a, b), a, b, Page())
    out = capsys.readouterr().out
    assert next(line.split("~")[0].strip() for line in out.splitlines() if "~" in line) == "1 ACTION gone [bold]"
    assert "pcr:8: differs from event 1" in out


def test_machines_differ_as_they_were_made(vm: Path) -> None:
    def words(one: str, other: str) -> str:
        a, b = (evlog.read(vm / name / "binary_bios_measurements") for name in (one, other))
        return "\n".join(change.words for each in diff(a, b).registers for change in each.changes)

    found = words("b1-ovmf-grub-linuxefi", "d-secureboot-shim-grub")
    assert "SecureBoot: off became on" in found
    assert "\\EFI\\BOOT\\BOOTX64.EFI: what was measured differs" in found
    assert (
        'kernel command line: /vmlinuz console=ttyS0 no_timer_check panic=-1 rootfstype=ramfs ima_policy=tcb "quoted'
        in found
    )
    assert "added: VARIABLE_AUTHORITY SbatLevel" in found
    assert ".cmdline: what was measured differs" in words("c-uki252", "g-uki257-systemd")


def image(address: int, linked: int, digest: bytes | None = None, path: bytes = b"\x7f\xff\4\0") -> bytes:
    data = struct.pack("<4Q", address, 0x1000, linked, len(path)) + path
    return made.event(4, EV_IMAGE, data, "sha1", "sha256", hashed=digest)


def test_the_address_of_an_image_is_no_difference() -> None:
    """Two boots of one machine: what no register covers, and where something lay in memory."""
    one = log_of(image(0x1000, 0, b"image"), image(0x3000, 0x10, b"other"), action(5, b"x"))
    two = log_of(image(0x2000, 0, b"image"), image(0x3000, 0x20, b"other"), action(5, b"x"))
    result = diff(one, two)
    assert result.equal
    assert [(each.a, each.b, each.image) for each in result.moved] == [(1, 1, True), (2, 2, True)]
    assert result.notes == ("2 images were loaded at another address, which no register covers",)
    assert evlog.replay(one).registers().values == evlog.replay(two).registers().values


@pytest.mark.parametrize(
    "other",
    [
        image(0x2000, 0, b"another image"),
        image(0x2000, 0, b"image", path=b"\x7f\1\4\0\x7f\xff\4\0"),
        image(0x2000, 0)[:-4] + b"\x7f\xff\4\1",
    ],
)
def test_an_image_that_differs_besides_its_address(other: bytes) -> None:
    assert not diff(log_of(image(0x1000, 0, b"image")), log_of(other)).equal


def test_an_address_that_a_digest_covers_is_a_difference() -> None:
    """Here the digest is of the event's data, and the other log has the same digest over other data."""
    covered = image(0x1000, 0)
    moved = covered.replace(struct.pack("<Q", 0x1000) + struct.pack("<Q", 0x1000), struct.pack("<2Q", 0x2000, 0x1000))
    assert len(moved) == len(covered)
    assert moved != covered
    result = diff(log_of(covered), log_of(moved))
    assert not result.equal
    assert result.moved == ()


def test_two_boots_of_a_machine_are_equal(tmp_path: Path) -> None:
    """The sample with the images that shim verified elsewhere in memory, as the next boot of that machine has them."""
    data = (SAMPLES / "tcg2" / "secure-boot.bin").read_bytes()
    again = tmp_path / "again.bin"
    again.write_bytes(data.replace(struct.pack("<Q", 0x28DCDBC0), struct.pack("<Q", 0x28DCE000)))
    ran = run("diff", "samples/tcg2/secure-boot.bin", str(again))
    assert (ran.code, ran.out.splitlines()[-1]) == (
        0,
        "note: 1 image was loaded at another address, which no register covers",
    )
    document = json.loads(run("diff", "samples/tcg2/secure-boot.bin", str(again), "--json").out)
    assert (document["equal"], document["registers"], len(document["notes"])) == (True, [], 1)
    assert run("diff", "samples/tcg2/secure-boot.bin", str(again), "--register", "7").out == "equal: pcr:7\n"


def test_the_values_of_registers_and_the_digests_before_and_after() -> None:
    other = SAMPLES / "tcg2" / "secure-boot.bin"
    document = json.loads(run("diff", str(OVMF), str(other), "--json").out)
    logs = evlog.read(OVMF), evlog.read(other)
    values = [evlog.replay(log).registers().values for log in logs]
    for each in document["registers"]:
        for alg, both in each["values"].items():
            key = Register.parse(each["register"]), evlog.HashAlg.named(alg)
            assert both == [value[key].hex() if key in value else None for value in values]
    changes = {each["register"]: each["changes"] for each in document["registers"]}
    firmware = changes["pcr:0"][0]
    was, now = (next(d.value for d in log.events[2].digests if d.alg == SHA256).hex() for log in logs)
    assert firmware["digests"]["sha256"] == [was, now]
    lines = run("diff", str(OVMF), str(other), "--register", "0").out
    assert f"{was}\n       became   {now}\n" in lines
    assert lines.startswith("pcr:0  platform-code: differs from event 2\n       sha256   05e9edf2")
    wide = run("diff", str(OVMF), str(other), "--register", "7", "--bank", "sha1,sha384").out
    assert ("  sha384   " in wide, "    sha1   " in wide, "sha256" in wide) == (True, True, False)


def test_no_name_stands_twice() -> None:
    def booted(line: bytes) -> Log:
        return log_of(made.event(8, EV_IPL, b"grub_cmd: " + line + b"\0", "sha1", "sha256", hashed=line))

    def words(a: bytes, b: bytes) -> list[str]:
        return [change.words for each in diff(booted(a), booted(b)).registers for change in each.changes]

    assert words(b"set timeout=0", b"set timeout=5") == ["IPL grub_cmd: set timeout=0 became set timeout=5"]
    assert words(b"set a", b"boot") == ["removed: IPL grub_cmd: set a", "added: IPL grub_cmd: boot"]
    long = b"linux /vmlinuz " + b"x=1 " * 60
    assert words(long + b"old", long + b"new") == ["IPL grub_cmd: ... old became ... new"]
    assert words(b"set timeout=0", b"set ") == ["IPL grub_cmd: set timeout=0 became set "]


# What if


def values(log: Log) -> dict[str, str]:
    return {f"{row.register}/{row.alg}": row.value.hex() if row.value else row.status for row in evlog.replay(log).rows}


def test_an_edit_is_the_log_that_would_have_been() -> None:
    log = log_of(action(8, b"a"), action(8, b"b"), action(8, b"c"))
    assert values(edit(log, [drop(2)])) == values(log_of(action(8, b"a"), action(8, b"c")))
    assert values(edit(log, [replace(2, b"x")])) == values(log_of(action(8, b"a"), action(8, b"x"), action(8, b"c")))
    inserted = edit(log, [insert(4, Register("pcr", 8), b"d"), insert(1, Register("pcr", 9), b"e")])
    expected = log_of(action(9, b"e"), action(8, b"a"), action(8, b"b"), action(8, b"c"), action(8, b"d"))
    assert values(inserted) == values(expected)
    assert [event.number for event in inserted.events] == list(range(6))
    assert inserted.findings[-1].code == "edited"


def test_an_edit_by_digest_leaves_other_banks_open() -> None:
    log = log_of(action(8, b"a"))
    edited = edit(log, [replace(1, [Digest(SHA256, bytes(32))])])
    assert values(edited)["pcr:8/sha1"] == "incomplete"
    both = edit(log, [replace(1, [Digest(SHA256, bytes(32)), Digest(SHA1, bytes(20))])])
    assert values(both)["pcr:8/sha1"] != "incomplete"


def test_the_data_changes_with_the_digest_only_where_it_was_measured() -> None:
    image = made.event(4, EV_IMAGE, bytes(32), "sha1", "sha256", hashed=b"an image")
    log = log_of(action(8, b"a"), image)
    edited = edit(log, [replace(1, b"x"), replace(2, b"another image")])
    assert edited.events[1].content == evlog.PCClientEvent(EV_ACTION, b"x")
    assert edited.events[2].content == log.events[2].content


def test_the_data_stays_where_only_a_part_of_it_was_measured() -> None:
    """GRUB logs ``grub_cmd: `` before what it measures: what takes its place is not all of the data."""
    command = made.event(8, 0x0D, b"grub_cmd: ls\0", "sha1", "sha256", hashed=b"ls")
    log = log_of(command)
    assert {check.verdict for check in evlog.check(log)[1]} == {"matches"}
    edited = edit(log, [replace(1, b"reboot")])
    assert edited.events[1].content == log.events[1].content
    assert values(edited) == values(log_of(made.event(8, 0x0D, b"", "sha1", "sha256", hashed=b"reboot")))


def test_edits_that_make_no_sense() -> None:
    log = log_of(action(8, b"a"))
    for wrong in ([drop(2)], [replace(0, b"x")], [drop(1), replace(1, b"x")], [insert(3, Register("pcr", 8), b"x")]):
        with pytest.raises(UsageError):
            edit(log, wrong)


def test_the_command_shows_what_would_be(tmp_path: Path) -> None:
    measured = tmp_path / "measured"
    measured.write_bytes(b"x")
    ran = run(
        "replay", str(OVMF), "--drop", "17", "--insert", f"3=pcr:8={measured}", "--replace", f"12={measured}", "--json"
    )
    assert ran.code == 0
    rows = {(row["register"], row["alg"]): row for row in json.loads(ran.out)["registers"]}
    assert rows["pcr:8", "sha256"]["was"] is None
    changed = sorted({register for (register, _), row in rows.items() if row["was"] != row["value"]})
    assert changed == ["pcr:1", "pcr:3", "pcr:8"]
    assert rows["pcr:3", "sha256"]["value"] == "00" * 32
    lines = run("replay", str(OVMF), "--drop", "17").out
    assert f"pcr:3  PCR[3]  {'00' * 32}\n       was     3d458cfe" in lines


@pytest.mark.parametrize(
    "arguments",
    [("--drop", "x"), ("--replace", "3"), ("--insert", "3=4"), ("--drop", "900"), ("--replace", "3=sha256:00")],
)
def test_usage_of_edits(arguments: tuple[str, ...]) -> None:
    assert run("replay", str(OVMF), *arguments).code == 2


# Columns


@pytest.fixture(scope="module", params=[0, 16])
def _few_at_a_time(request: pytest.FixtureRequest) -> Iterator[None]:
    """Records are compared a few at a time, of few registers or many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(common_rows, "_RUN", 2)
        patch.setattr(sides, "_FEW", request.param)
        yield


@pytest.mark.usefixtures("_few_at_a_time")
@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([b"a", b"b", b"", b"c" * 90])), max_size=12),
    st.lists(st.tuples(st.sampled_from(["drop", "change", "insert"]), st.integers(0, 11)), max_size=4),
)
def test_logs_compared_by_their_bytes_are_compared_as_their_events_are(
    records: list[tuple[int, bytes]], edits: list[tuple[str, int]]
) -> None:
    changed = list(records)
    for kind, at in edits:
        if kind == "insert":
            changed.insert(at, (at % 4, b"new"))
        elif at < len(changed):
            changed[at : at + 1] = [] if kind == "drop" else [(changed[at][0], b"other")]
    a, b = (log_of(*(action(index, text) for index, text in each)) for each in (records, changed))
    plain = [log.replace(events=tuple(log.events)) for log in (a, b)]
    assert [log.columns is None for log in (a, *plain)] == [False, True, True]
    assert diff(a, b) == diff(*plain)
    assert diff(a, a.replace(events=tuple(a.events))) == diff(a, a)


BANKS = {4: 20, 11: 32}
RECORDS = st.tuples(
    st.sampled_from([0, 1, 17, 0xFFFFFFFF]),
    st.sampled_from([3, EV_ACTION, 0x402, 0x600]),
    st.sampled_from([(4, 11), (4, 11), (4, 11), (11, 4), (11,), (4, 4), ()]),
    st.sampled_from([b"a", b"b", b""]),
    st.sampled_from([b"a", b"", b"\0"]),
)


def listed(register: int, event_type: int, banks: tuple[int, ...], hashed: bytes, data: bytes) -> bytes:
    return record2(register, event_type, [(bank, hashed.ljust(BANKS[bank], b"\x11")) for bank in banks], data)


@pytest.mark.usefixtures("_few_at_a_time")
@settings(max_examples=500, deadline=None)
@given(
    st.lists(RECORDS, max_size=14),
    st.lists(st.tuples(st.sampled_from(["drop", "change", "insert"]), st.integers(0, 13), RECORDS), max_size=4),
    st.sampled_from([([4, 11], [4, 11]), ([4, 11], [11, 4]), ([4, 11], [4, 11, 12])]),
)
def test_records_of_any_digest_list_are_compared_as_their_events_are(
    records: list[tuple[Any, ...]],
    edits: list[tuple[str, int, tuple[Any, ...]]],
    declared: tuple[list[int], list[int]],
) -> None:
    """Events that are not measured, on no register, or on one that two logs have no bank of in common."""
    changed = list(records)
    for kind, at, record in edits:
        if kind == "insert":
            changed.insert(at, record)
        elif at < len(changed):
            changed[at : at + 1] = [] if kind == "drop" else [record]
    sizes = {4: 20, 11: 32, 12: 48}
    a, b = (
        evlog.read(spec_id([(bank, sizes[bank]) for bank in banks]) + b"".join(listed(*record) for record in each))
        for banks, each in zip(declared, (records, changed), strict=True)
    )
    assert [len(log.events) for log in (a, b)] == [len(records) + 1, len(changed) + 1]
    plain = [log.replace(events=tuple(log.events)) for log in (a, b)]
    assert diff(a, b) == diff(*plain)


def test_of_registers_that_are_equal_no_event_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [action(row % 3, b"%d" % row) for row in range(60)]
    after = [*before]
    after[4], after[58] = action(1, b"changed"), action(1, b"changed too")
    a, b = log_of(*before), log_of(*after)
    made_of: set[str] = set()
    event = vars(frame)["Event"]

    def noted(number: int, register: Register, *rest: Any) -> object:
        made_of.add(str(register))
        return event(number, register, *rest)

    monkeypatch.setattr(frame, "Event", noted)
    # Those of a short log are all made, once.
    monkeypatch.setattr(comparing, "_KEPT", 0)
    assert shown(diff(a, b)) == [("changed", 5, 5), ("changed", 59, 59)]
    # The header is on PCR 0, which it does not extend.
    assert made_of == {"pcr:0", "pcr:1"}
    made_of.clear()
    assert diff(a, log_of(*before)).equal
    assert made_of <= {"pcr:0"}
