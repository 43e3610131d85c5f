"""Lines into TCG logs and back: the records byte for byte, the register unchanged, exactly the expected losses."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import evlog
from evlog.algorithms import SHA256, SHA384
from evlog.contents.pcclient import EV_ACTION, EV_EVENT_TAG, PCClientEvent
from evlog.contents.text import TextLine
from evlog.errors import ConversionError, ParseError, UsageError, WriteError
from evlog.model import Digest, Event, Log
from evlog.registers import Register
from samples import make_text
from samples.make_text import h
from tests.command import run

ZEROS = "00" * 48
INIT = f"INIT sha384/{ZEROS}"
REGISTERS = {"tcg2": "pcr:14", "ccel": "ccmr:4", "evlog-json": "mr:any"}


def read(text: str, register: str = "ccmr:4", **choices: Any) -> Log:
    return evlog.read(text.encode(), format="text", register=Register.parse(register), **choices)


def measured(data: bytes) -> list[bytes]:
    return [line for line in data.split(b"\n") if line and not line.startswith(b"#")]


def values(log: Log) -> dict[str, str | None]:
    return {str(row.alg): row.value.hex() if row.value else None for row in evlog.replay(log).rows}


@pytest.mark.parametrize("to", ["tcg2", "ccel", "evlog-json"])
@pytest.mark.parametrize("alg", ["sha256", "sha384", "sha512", "sha1"])
def test_there_and_back(to: str, alg: str) -> None:
    body = [f"INIT {alg}/" + "00" * hashlib.new(alg).digest_size, "a b  ", "\tc", "voilà", "x" * 5000, "\x7f\r"]
    data = ("# said\n\n" + "\n".join(body) + "\n# more\n").encode()
    log = evlog.read(data, dialect="nelr", register=Register.parse(REGISTERS[to]))
    there = evlog.convert(log, to)
    assert there.registers_preserved
    assert values(there.log) == values(log)
    again = evlog.read(there.data)
    back = evlog.convert(again, "text", dialect="nelr")
    assert values(back.log) == values(log)
    if to == "evlog-json":
        assert not there.losses
        assert back.data == data
        return
    assert back.data.decode().split("\n") == [*body, ""]
    assert [(loss.event, loss.reason.partition(":")[0]) for loss in there.losses] == [
        (0, "line 1"),
        (1, "line 2"),
        (8, "line 9"),
        (None, "'nelr', a choice of text that " + to + " does not have"),
    ]
    assert [loss.event for loss in back.losses] == [0]  # the Spec ID event


@pytest.mark.parametrize(
    ("register", "platform", "index"),
    [("rtmr:3", None, 4), ("rtmr:0", "tdx", 1), ("rtmr:3", "csv", 3), ("rem:2", None, 3), ("rem:0", "cca", 1)],
)
def test_the_hardware_s_registers_in_a_ccel(register: str, platform: str | None, index: int) -> None:
    """UEFI 2.10 section 38.4.1: RTMR[0] and REM[0] are index 1; the agent passes an index on to CSV as it is."""
    log = read(f"INIT sha384/{'00' * 48}\na b c\n", register).replace(platform=platform)
    there = evlog.convert(log, "ccel")
    assert {str(event.register) for event in there.log.events[1:]} == {f"ccmr:{index}"}
    assert values(there.log) == values(log)
    with pytest.raises(WriteError):
        evlog.convert(log, "tcg2")


LINE = st.binary(min_size=1, max_size=40).filter(lambda line: b"\n" not in line and not line.startswith(b"#"))


@given(st.lists(LINE, max_size=12))
def test_any_lines_there_and_back(lines: list[bytes]) -> None:
    data = b"".join(line + b"\n" for line in [INIT.encode(), *lines])
    log = evlog.read(data, format="text", dialect="nelr", register=Register("ccmr", 4))
    if any(finding.code == "init_again" for finding in log.findings):
        return
    assert evlog.write(log) == data
    there = evlog.convert(log, "ccel", allow_changed=any(line[:4] in (b"INIT", b"SYNC") for line in lines))
    assert evlog.convert(evlog.read(there.data), "text", dialect="nelr", allow_changed=True).data == data


@given(st.binary(max_size=200), st.sampled_from(["tsm-text", "nelr", "aael-text", "aael-spec", "acon"]))
def test_every_byte_is_kept(data: bytes, dialect: str) -> None:
    try:
        log = evlog.read(data, format="text", dialect=dialect)
    except ParseError:
        return
    assert evlog.write(log) == data
    plain = log.replace(events=tuple(log.events))
    assert evlog.write(plain) == data
    assert evlog.replay(plain).rows == evlog.replay(log).rows
    assert sum(event.origin.span.length for event in log.events if event.origin) == len(data)


def test_a_log_that_starts_elsewhere_needs_the_log_before_it() -> None:
    text = read(f"# c\nINIT sha384/{'11' * 48}\na\n")
    with pytest.raises(ConversionError, match=r"line 2: .* no start values"):
        evlog.convert(text, "ccel")


def test_a_gap_is_refused_with_its_line() -> None:
    log = evlog.read(make_text.stored(explained=False).replace(b"SYNC", b"SYNC", 1), register=Register("ccmr", 4))
    with pytest.raises(ConversionError, match="line 1: "):
        evlog.convert(log, "ccel")
    with pytest.raises(ConversionError, match=r"line 3: .*gap"):
        evlog.convert(read(f"{INIT}\na\nSYNC sha384/{'11' * 48}\n"), "ccel")


def explained() -> tuple[Log, bytes]:
    mr = make_text.Register()
    first = [mr.stated("SYNC"), mr.line("a")]
    told = mr.extend(h(b"outside"))
    lines = [*first, f"# .EXTEND {told.hex()}", mr.stated("SYNC"), mr.line("b")]
    return read("\n".join(lines) + "\n"), mr.value


def test_an_explained_gap_is_carried_by_its_digests() -> None:
    log, value = explained()
    there = evlog.convert(log, "ccel")
    assert values(there.log) == {"sha384": value.hex()}
    loss, dialect = there.losses
    assert (dialect.event, dialect.field) == (None, "header.dialect")
    assert (loss.event, "line 3" in loss.reason) == (2, True)
    carried = there.log.events[3]
    assert carried.content == PCClientEvent(EV_EVENT_TAG, b"# .EXTEND " + h(b"outside").hex().encode())
    assert evlog.convert(there.log, "text").data == evlog.write(log)
    with pytest.raises(ConversionError, match="losses"):
        evlog.convert(log, "ccel", strict=True)


def test_a_comment_that_nothing_confirms_is_a_loss() -> None:
    log = read(f"{INIT}\n# .EXTEND {'00' * 48}\na\n")
    there = evlog.convert(log, "ccel")
    assert [loss.event for loss in there.losses] == [1, None]
    assert len(there.log.events) == 3


def test_an_unknown_register_has_no_place_in_a_log_of_numbers() -> None:
    with pytest.raises(WriteError, match="mr:unknown"):
        evlog.convert(evlog.read(f"{INIT}\n".encode()), "tcg2")


def test_tags_measure_anew_and_only_on_request() -> None:
    log = read(f"{INIT}\na b c\n")
    there = evlog.convert(log, "ccel", encapsulate="tag")
    assert not there.registers_preserved
    _, tag = there.log.events
    assert tag.content == PCClientEvent(EV_EVENT_TAG, b"LEAA\x05\0\0\0a b c")
    assert tag.digest(SHA384) == h(b"LEAA\x05\0\0\0a b c")
    assert [(loss.event, "INIT" in loss.reason) for loss in there.losses] == [(0, True), (None, False)]
    with pytest.raises(ConversionError, match="would change"):
        evlog.convert(there.log, "text")
    assert evlog.convert(there.log, "text", encapsulate="tag").data == b"a b c\n"


def action(data: bytes, register: str = "ccmr:3", digest: bytes | None = None) -> Event:
    value = hashlib.sha384(data).digest() if digest is None else digest
    return Event(0, Register.parse(register), (Digest(SHA384, value),), PCClientEvent(EV_ACTION, data))


def events(*each: Event) -> Log:
    return Log("ccel", tuple(e.replace(number=n) for n, e in enumerate(each)), algorithms=(SHA384,), platform="tdx")


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (action(b"a\nb"), "line feed"),
        (action(b"# a"), "not hashed"),
        (action(b""), "not hashed"),
        (action(b"a", digest=bytes(48)), "no line has the digest"),
    ],
)
def test_what_is_no_line(event: Event, reason: str) -> None:
    with pytest.raises(ConversionError, match=reason):
        evlog.convert(events(event), "text", dialect="nelr")
    told = evlog.convert(events(event), "text", dialect="nelr", digests_only=True)
    assert told.data.startswith(b"# .EXTEND " + event.digests[0].value.hex().encode() + b" EV_ACTION")
    assert values(told.log) == values(events(event))


@pytest.mark.parametrize("data", [b"a\rb", b" a", b"a\xa0", b"a\r"])
def test_what_is_no_line_to_the_kernel(data: bytes) -> None:
    assert evlog.convert(events(action(data)), "text", dialect="nelr").data == data + b"\n"
    with pytest.raises(ConversionError):
        evlog.convert(events(action(data)), "text", dialect="tsm-text")


def test_ev_action_of_any_register_is_a_line() -> None:
    log = events(action(b"Calling INT 19h", "ccmr:1"))
    assert evlog.convert(log, "text").data == b"Calling INT 19h\n"


def test_lines_after_events_that_are_none_stay_behind_them() -> None:
    other = action(b"kernel").replace(content=PCClientEvent(0x80000003, b"kernel"))
    value = hashlib.sha384(bytes(48) + h(b"kernel")).digest()
    sync = action(b"SYNC sha384/" + value.hex().encode())
    log = events(other, sync, action(b"a"))
    told = evlog.convert(log, "text", digests_only=True)
    lines = told.data.splitlines()
    assert lines[0].startswith(b"# .EXTEND ")
    assert lines[1:] == [sync.content.data, b"a"]  # type: ignore[attr-defined]
    assert values(told.log) == values(log)
    mixed = evlog.convert(events(other, action(b"a")), "text", digests_only=True)
    assert [line[:10] for line in mixed.data.splitlines()] == [b"# .EXTEND "] * 2


def test_several_registers_have_an_index() -> None:
    log = events(action(b"a", "ccmr:3"), action(b"b", "ccmr:4"), action(b"c", "ccmr:3"))
    made = evlog.convert(log, "text")
    assert made.data == b"3 a\n4 b\n3 c\n"
    assert values(made.log) == values(log)
    with pytest.raises(WriteError, match="index"):
        evlog.convert(log, "text", index="none")


def test_banks_that_a_line_does_not_have() -> None:
    both = (Digest(SHA256, hashlib.sha256(b"a").digest()), Digest(SHA384, hashlib.sha384(b"a").digest()))
    log = Log("tcg2", (action(b"a", "pcr:14").replace(digests=both),), algorithms=(SHA256, SHA384))
    made = evlog.convert(log, "text")
    assert values(made.log) == {"sha384": values(log)["sha384"]}
    assert [loss.field for loss in made.losses] == ["digests.sha256"]
    assert values(evlog.convert(log, "text", hash="sha256").log) == {"sha256": values(log)["sha256"]}


def test_another_dialect() -> None:
    log = read(f"# c\n\n{INIT}\na b c\n", dialect="nelr")
    made = evlog.convert(log, "text", dialect="aael-text")
    assert made.data == f"{INIT}\na b c\n".encode()
    assert [(loss.event, loss.field) for loss in made.losses] == [(0, "content"), (1, "content")]
    with pytest.raises(WriteError, match="domain"):
        evlog.convert(read(f"{INIT}\na\n", dialect="nelr"), "text", dialect="aael-spec")


def test_a_padded_digest_keeps_its_hashes_on_the_way() -> None:
    log = evlog.read(f"INIT sha256/{'00' * 32}\na b c\n".encode(), mr_hash="sha384", register=Register("ccmr", 4))
    there = evlog.convert(log, "ccel")
    assert values(there.log) == values(log)
    document = evlog.convert(log, "evlog-json")
    assert values(evlog.convert(evlog.read(document.data), "text").log) == values(log)


def test_what_the_reader_says() -> None:
    codes = {
        "text/aael-text-98-digits.log": "anchor_length",
        "text/crlf.log": "carriage_return",
        "text/global.log": "index_meaning",
        "bad/text-unknown-hash.log": "unknown_hash",
    }
    for name, code in codes.items():
        log = evlog.read(make_text.samples()[name])
        assert code in [finding.code for finding in log.findings]
    for text, code in (
        (f"{INIT}\nx\n{INIT}\n", "init_again"),
        (f"{INIT}\n \nx\n", "white_line"),
        ("SYNC sha384/0\n# .EXTEND 00\n", "no_anchor"),
        (f"{INIT}\nSYNC sha256/{'00' * 32}\n", "anchor_hash"),
        (f"SYNC sha384/{ZEROS}\n{'x' * 4097}\n", "long_line"),
        ("x\n", "hash_assumed"),
        (f"3 {INIT}\nx\n", "no_index"),
    ):
        choices = {"index": "rtmr"} if code == "no_index" else {}
        assert code in [finding.code for finding in read(text, **choices).findings], code


def test_synchronize_is_no_sync() -> None:
    log = read(f"SYNC sha384/{ZEROS}\nSYNCHRONIZE x\n")
    assert "no_anchor" not in [finding.code for finding in log.findings]
    assert [event.content.role for event in log.events if isinstance(event.content, TextLine)] == ["sync", "record"]


def test_findings_do_not_flood() -> None:
    log = read(f"{INIT}\n" + "INIT\n" * 1000)
    assert len(log.findings) < 30


def test_unknown_choices() -> None:
    for choices in ({"dialect": "latin"}, {"index": "page"}, {"hash": "sha0"}):
        with pytest.raises(UsageError):
            read("x\n", **choices)
    with pytest.raises(ParseError):
        evlog.read(b"\0\0\0\0 binary", format="text")


def test_splitting_is_at_lf_only() -> None:
    odd = "a\x0bb\x0cc\x85d\u2028e"
    log = read(f"{INIT}\n{odd}\n")
    assert [event.content.text for event in log.events][1:] == [ascii(odd)[1:-1]]  # type: ignore[attr-defined]
    assert log.events[1].digest(SHA384) == h(odd.encode())


def test_the_command(tmp_path: pytest.TempPathFactory) -> None:
    source = f"{tmp_path}/log"
    with open(source, "w", encoding="utf-8") as file:
        file.write(f"# c\n{INIT}\na b c\n")
    ran = run("convert", source, "--to", "ccel", "--register", "ccmr:4", "-o", f"{tmp_path}/ccel")
    assert ran.code == 0
    assert "lost: event 0: content: line 1: ccel has no place for a comment" in ran.err
    assert run("convert", f"{tmp_path}/ccel", "--to", "text", "-o", f"{tmp_path}/back").code == 0
    with open(f"{tmp_path}/back", encoding="utf-8") as file:
        assert file.read() == f"{INIT}\na b c\n"
    assert "mr:unknown" in run("convert", source, "--to", "ccel", "-o", f"{tmp_path}/no").err
    shown = run("show", f"{tmp_path}/ccel", "--register", "ccmr:4")
    assert shown.code == 0
    kept = run("convert", f"{tmp_path}/ccel", "--to", "evlog-json", "--register", "ccmr:4")
    assert kept.code == 0
    assert "no event" in run("replay", f"{tmp_path}/ccel", "--register", "ccmr:2").err
