"""What textual logs state of their registers, held against what they lead to. Values are computed with hashlib."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import pytest

import evlog
from evlog.algorithms import SHA256, SHA384
from evlog.contents.pcclient import EV_ACTION, PCClientEvent
from evlog.model import Digest, Event, Log
from evlog.registers import Register, Registers
from evlog.replaying.replay import RegisterValue
from samples import make_text
from samples.make_text import h
from tests.conftest import SLOWEST

REGISTER = Register("ccmr", 4)
ZEROS = bytes(48)


def extended(value: bytes, *digests: bytes) -> bytes:
    for digest in digests:
        value = hashlib.sha384(value + digest).digest()
    return value


def line(text: str) -> bytes:
    return h(text.encode())


def read(*lines: str, **choices: Any) -> Log:
    data = "".join(f"{line}\n" for line in lines).encode()
    return evlog.read(data, format="text", register=REGISTER, **choices)


def row(*logs: Log, start: Registers | None = None) -> RegisterValue:
    (only,) = evlog.replay(logs, start).rows
    return only


def firmware(*data: bytes) -> Log:
    """A CCEL's events, without its header."""
    events = tuple(
        Event(number, REGISTER, (Digest(SHA384, h(each)),), PCClientEvent(EV_ACTION, each))
        for number, each in enumerate(data)
    )
    return Log("ccel", events, algorithms=(SHA384,), name="CCEL")


def sync(value: bytes, word: str = "SYNC") -> str:
    return f"{word} sha384/{value.hex()}"


def verdicts(*logs: Log) -> list[str]:
    return [handover.verdict for handover in evlog.replay(logs).handovers]


def test_init_states_the_value_before_itself() -> None:
    start = h(b"firmware")
    log = read(sync(start, "INIT"), "a b c")
    found = row(log)
    assert found.value == extended(start, line(sync(start, "INIT")), line("a b c"))
    assert (found.start, found.start_reason, found.stated) == (start, "init", "unanchored")
    assert (found.events, found.proven_from) == (2, (0, 0))


@pytest.mark.parametrize(("word", "reason"), [("INIT", "init"), ("SYNC", "log")])
def test_a_log_that_starts_at_reset_is_continuous(word: str, reason: str) -> None:
    found = row(read(sync(ZEROS, word), "a"))
    assert (found.start_reason, found.stated, found.start) == (reason, "continuous", ZEROS)


def test_pcr_17_is_reset_to_ones() -> None:
    ones = "ff" * 32
    found = evlog.replay(evlog.read(f"INIT sha256/{ones}\na b c\n".encode(), register=Register("pcr", 17)))
    assert [(each.stated, each.start.hex()) for each in found.rows] == [("continuous", ones)]


def test_a_log_without_init_starts_at_zeros_and_says_so() -> None:
    found = row(read("a", "b", hash="sha384"))
    assert found.value == extended(ZEROS, line("a"), line("b"))
    assert (found.start_reason, found.stated) == ("zeros", None)
    assert "unanchored" in [each.code for each in evlog.replay(read("a", hash="sha384")).findings]


def test_an_explained_gap() -> None:
    one, two = h(b"one"), h(b"two")
    first = extended(ZEROS, line(sync(ZEROS)), line("a"))
    second = extended(first, one, two)
    lines = [sync(ZEROS), "a", f"# .EXTEND {one.hex()}", f"# .EXTEND {two.hex()} with a word", sync(second), "b"]
    log = read(*lines)
    found = row(log)
    assert found.value == extended(second, line(sync(second)), line("b"))
    assert (found.stated, found.proven_from) == ("explained_gap", (0, 0))
    handover = evlog.replay(log).handovers[1]
    assert (handover.running, handover.value, handover.explained, handover.place) == (first, second, (2, 3), (0, 4))
    assert not handover.between_logs


def test_a_gap_proves_nothing_before_it() -> None:
    after = h(b"who knows")
    log = read(sync(ZEROS), "a", sync(after), "b")
    found = row(log)
    assert found.value == extended(after, line(sync(after)), line("b"))
    assert (found.stated, found.proven_from) == ("gap", (0, 2))
    (gap,) = [finding for finding in evlog.replay(log).findings if finding.code == "gap"]
    assert (gap.severity, gap.event) == ("warning", 2)
    assert gap.message.startswith("line 3: ")


def test_comments_that_do_not_lead_to_the_value_explain_nothing() -> None:
    after = h(b"who knows")
    assert verdicts(read(sync(ZEROS), f"# .EXTEND {h(b'x').hex()}", sync(after))) == ["continuous", "gap"]


def test_an_extension_that_failed_leaves_its_comment_behind() -> None:
    first = extended(ZEROS, line(sync(ZEROS)), line("a"))
    log = read(sync(ZEROS), "a", f"# .EXTEND {h(b'failed').hex()}", sync(first), "b")
    assert verdicts(log) == ["continuous", "continuous"]
    assert row(log).value == extended(first, line(sync(first)), line("b"))


def test_a_comment_that_events_follow_without_a_sync_did_not_happen() -> None:
    log = read(sync(ZEROS), f"# .EXTEND {h(b'x').hex()}", "a")
    assert row(log).value == extended(ZEROS, line(sync(ZEROS)), line("a"))
    assert "extend_not_heeded" in [finding.code for finding in evlog.replay(log).findings]


def test_comments_at_the_end_are_heeded() -> None:
    log = read(sync(ZEROS), "a", f"# .EXTEND {h(b'x').hex()}")
    before = extended(ZEROS, line(sync(ZEROS)), line("a"))
    assert row(log).value == extended(before, h(b"x"))
    assert (row(log).stated, row(log).events) == ("explained_gap", 3)


def test_comments_at_the_end_are_confirmed_or_not_by_the_log_that_follows() -> None:
    """The next log states the value with them, so that they happened, or without them, so that they did not."""
    log = read(sync(ZEROS), "a", f"# .EXTEND {h(b'x').hex()}")
    without = extended(ZEROS, line(sync(ZEROS)), line("a"))
    for value, verdict in ((extended(without, h(b"x")), "explained_gap"), (without, "continuous"), (ZEROS, "gap")):
        following = read(sync(value), "b")
        assert verdicts(log, following)[-1] == verdict
        assert row(log, following).value == extended(value, line(sync(value)), line("b"))


@pytest.mark.parametrize("both", [False, True])
def test_comments_on_both_sides_of_an_event(both: bool) -> None:
    """Either those since the event lead to the value stated, or those before it too, which are told late."""
    x, y = h(b"x"), h(b"y")
    before = extended(ZEROS, line(sync(ZEROS)), line("a"))
    value = extended(before, *((x, y) if both else (y,)))
    log = read(sync(ZEROS), f"# .EXTEND {x.hex()}", "a", f"# .EXTEND {y.hex()}", sync(value))
    handover = evlog.replay(log).handovers[-1]
    assert (handover.verdict, handover.explained) == ("explained_gap", (1, 3) if both else (3,))


def test_every_log_that_takes_a_register_over_is_named() -> None:
    logs = {"one": read(sync(ZEROS), "a"), "two": read("b"), "three": read("c")}
    handovers = evlog.replay([log.replace(name=name) for name, log in logs.items()]).handovers
    assert [(each.from_, each.to) for each in handovers] == [(None, "one"), ("one", "two"), ("two", "three")]
    assert [each.silent for each in handovers] == [False, True, True]


def test_a_statement_after_an_event_is_no_start() -> None:
    assert verdicts(read("a", sync(h(b"who knows")), "b"))[-1] == "gap"


def test_the_log_after_the_firmware_s() -> None:
    value = extended(ZEROS, h(b"kernel"), h(b"command line"))
    text = read(sync(value, "INIT"), "a b c")
    told = evlog.replay([firmware(b"kernel", b"command line"), text])
    (handover,) = told.handovers
    assert (handover.verdict, handover.from_, handover.place) == ("continuous", "CCEL", (1, 0))
    assert told[REGISTER, SHA384] == extended(value, line(sync(value, "INIT")), line("a b c"))
    assert [each.start_reason for each in told.rows] == ["zeros"]


def test_firmware_that_logged_less_than_it_extended() -> None:
    value = h(b"another")
    text = read(sync(value), "a")
    told = evlog.replay([firmware(b"kernel"), text])
    assert [(h.verdict, h.from_) for h in told.handovers] == [("gap", "CCEL")]
    (found,) = told.rows
    assert (found.value, found.proven_from) == (extended(value, line(sync(value)), line("a")), (1, 0))


def test_a_log_that_states_nothing_after_the_firmware_s() -> None:
    told = evlog.replay([firmware(b"kernel"), read("a", hash="sha384")])
    (handover,) = told.handovers
    value = extended(ZEROS, h(b"kernel"))
    assert (handover.verdict, handover.from_, handover.value) == ("unanchored", "CCEL", value)
    assert told[REGISTER, SHA384] == extended(value, line("a"))


def test_a_given_start_value_is_confirmed_or_not() -> None:
    value = h(b"start")
    given = Registers({(REGISTER, SHA384): value})
    assert row(read(sync(value), "a"), start=given).stated == "continuous"
    assert row(read(sync(ZEROS), "a"), start=given).stated == "gap"


def test_a_log_of_plain_events_replays_as_one_in_columns() -> None:
    for name in ("tsm-text.log", "tsm-text-gap.log", "nelr.log", "extend-only.log", "global.log"):
        log = evlog.read(make_text.samples()[f"text/{name}"])
        plain = log.replace(events=tuple(log.events))
        there, back = evlog.replay(log), evlog.replay(plain)
        assert there.rows == back.rows
        assert there.handovers == back.handovers


def test_registers_with_different_hashes() -> None:
    data = f"2 INIT sha256/{'00' * 32}\n3 INIT sha384/{'00' * 48}\n2 a\n3 a\n".encode()
    log = evlog.read(data, index="rtmr")
    assert [(str(each.register), each.alg, each.status) for each in evlog.replay(log).rows] == [
        ("rtmr:2", SHA256, "complete"),
        ("rtmr:3", SHA384, "complete"),
    ]
    plain = log.replace(events=tuple(log.events))
    assert evlog.replay(plain).rows == evlog.replay(log).rows


def test_many_statements_cost_linear_time() -> None:
    value, lines = ZEROS, []
    for _ in range(5000):
        lines.append(sync(value))
        value = extended(value, line(lines[-1]))
    assert row(read(*lines)).value == value


# Against the register's value


def verify(log: Log, value: bytes) -> evlog.RegisterVerdict:
    found = evlog.verify(log, Registers({(REGISTER, SHA384): value})).get(REGISTER, SHA384)
    assert found is not None
    return found


def test_many_registers_cost_linear_time() -> None:
    """Each line of a global log may name a register of its own."""
    for lines in (
        [f"{number} x" for number in range(40_000)],
        [f"{number} INIT sha256/{'0' * 64}" for number in range(4_000)],
    ):
        log = evlog.read("\n".join(lines).encode(), format="text", index="rtmr", hash="sha256")
        started = time.process_time()
        assert len(evlog.replay(log)) == len(lines)
        assert time.process_time() - started < 20 * SLOWEST


def test_a_match_after_a_gap_proves_what_follows_it() -> None:
    after = h(b"who knows")
    log = read(sync(ZEROS), "a", sync(after), "b")
    value = extended(after, line(sync(after)), line("b"))
    result = evlog.verify(log, Registers({(REGISTER, SHA384): value}))
    (found,) = result.registers
    assert (found.verdict, found.cause, found.proven, found.events) == ("match", "gap", 2, 4)
    assert [standing for _, standing in result.logs[0].standings()] == ["claimed", "claimed", "proven", "proven"]


def test_a_continuous_sync_after_a_gap_makes_nothing_good() -> None:
    after = h(b"who knows")
    again = extended(after, line(sync(after)))
    log = read(sync(ZEROS), "a", sync(after), sync(again), "b")
    assert verdicts(log) == ["continuous", "gap", "continuous"]
    found = verify(log, extended(again, line(sync(again)), line("b")))
    assert (found.verdict, found.cause, found.proven, found.events) == ("match", "gap", 3, 5)


def test_a_forged_sync_is_recognised() -> None:
    """An application wrote it: the register went on as if it were any line."""
    forged = sync(b"\x5a" * 48)
    value = extended(ZEROS, line(sync(ZEROS)), line("a"), line(forged), line("b"))
    found = verify(read(sync(ZEROS), "a", forged, "b"), value)
    assert (found.verdict, found.cause) == ("mismatch", "forged_sync")
    assert found.explanation is not None
    assert "line 3" in found.explanation


def test_one_forged_sync_among_true_ones() -> None:
    true, forged = h(b"true"), sync(b"\x5a" * 48)
    value = extended(true, line(sync(true)), line(forged), line("b"))
    found = verify(read(sync(ZEROS), "a", sync(true), forged, "b"), value)
    assert (found.cause, "line 4" in (found.explanation or "")) == ("forged_sync", True)


def test_an_invented_extend_at_the_end() -> None:
    value = extended(ZEROS, line(sync(ZEROS)), line("a"))
    found = verify(read(sync(ZEROS), "a", f"# .EXTEND {h(b'x').hex()}"), value)
    assert found.cause == "extend_not_made"


class TestCommentsThatEndALog:
    """What the next log states decides of them: nobody vouches for an extension that is not in that value."""

    TOLD = h(b"told of")
    FIRST = extended(ZEROS, line(sync(ZEROS)), line("a"))
    LOG = read(sync(ZEROS), "a", f"# .EXTEND {TOLD.hex()}")

    def found(self, value: bytes, *between: Log) -> tuple[evlog.Verification, evlog.RegisterVerdict]:
        """The verdict on a register that the last log states to have been ``value``, and goes on from there."""
        logs = (self.LOG, *between, read(sync(value), "b"))
        last = extended(value, line(sync(value)), line("b"))
        verification = evlog.verify(logs, Registers({(REGISTER, SHA384): last}))
        verdict = verification.get(REGISTER, SHA384)
        assert verdict is not None
        return verification, verdict

    def test_one_that_is_in_the_value_is_proven(self) -> None:
        verification, row = self.found(extended(self.FIRST, self.TOLD))
        assert verification.ok
        assert (row.verdict, row.cause, row.proven, row.events) == ("match", "explained_gap", 5, 5)

    def test_one_that_is_not_counts_for_nothing(self) -> None:
        verification, row = self.found(self.FIRST)
        assert (row.verdict, row.cause, row.proven, row.events) == ("match", None, 4, 4)
        replayed = evlog.replay((self.LOG, read(sync(self.FIRST), "b")))
        assert [each.verdict for each in replayed.handovers] == ["continuous", "continuous"]
        assert ("extend_not_heeded", 2) in [(each.code, each.event) for each in replayed.findings]
        assert "extend_not_heeded" in [each.code for each in verification.findings]

    def test_events_between_are_not_passed_over_with_it(self) -> None:
        """The value stated is from before the comment, and before an event of another log: that one is not proven."""
        verification, row = self.found(self.FIRST, firmware(b"never extended"))
        assert not verification.ok
        assert (row.verdict, row.cause, row.proven, row.events) == ("match", "gap", 2, 6)

    def test_events_between_that_follow_from_it_are_proven(self) -> None:
        value = extended(self.FIRST, self.TOLD, h(b"extended"))
        verification, row = self.found(value, firmware(b"extended"))
        assert verification.ok
        assert (row.verdict, row.cause, row.proven, row.events) == ("match", "explained_gap", 6, 6)

    def test_what_was_doubted_before_stays_doubted(self) -> None:
        after = h(b"who knows")
        value = extended(after, line(sync(after)))
        broken = read(sync(ZEROS), "a", sync(after), f"# .EXTEND {self.TOLD.hex()}")
        replayed = evlog.replay((broken, read(sync(value), "b")))
        assert [each.verdict for each in replayed.handovers] == ["continuous", "gap", "continuous"]
        assert [(each.stated, each.proven_from, each.events) for each in replayed.rows] == [("gap", (0, 2), 5)]


def test_line_ends_that_were_changed_on_the_way() -> None:
    init = sync(ZEROS, "INIT")
    value = extended(ZEROS, line(init), line("a b c"))
    assert verify(read(f"{init}\r", "a b c\r"), value).cause == "carriage_return"


def test_init_in_capital_letters_hashed_in_small_ones() -> None:
    start = h(b"start")
    init = f"INIT SHA384/{start.hex().upper()}"
    value = extended(start, line(sync(start, "INIT")), line("a b c"))
    assert verify(read(init, "a b c"), value).cause == "letter_case"


def test_comments_that_were_events() -> None:
    init = sync(ZEROS, "INIT")
    value = extended(ZEROS, line(init), line("#x b c"), line("a b c"))
    assert verify(read(init, "#x b c", "a b c"), value).cause == "comments_are_events"


def test_an_agent_that_restarted() -> None:
    init = sync(ZEROS, "INIT")
    value = extended(ZEROS, line(init), line("a b c"), line("d e f"), line("a b c"), line("g h i"))
    found = verify(read(init, "a b c", "d e f", "g h i"), value)
    assert (found.cause, "line 4" in (found.explanation or "")) == ("restart", True)


def test_a_log_of_which_the_end_was_not_extended() -> None:
    after = h(b"who knows")
    log = read(sync(ZEROS), "a", sync(after), "b", "c")
    found = verify(log, extended(after, line(sync(after)), line("b")))
    assert (found.verdict, found.cause) == ("mismatch", "prefix")


def test_a_value_that_nothing_explains() -> None:
    assert verify(read(sync(ZEROS), "a"), b"\x11" * 48).cause == "unexplained"


# Logs that state nothing of their register


def test_a_log_that_states_nothing_is_proven_from_reset() -> None:
    """From the platform's own start value to the register's there is nothing that the log would have to be believed."""
    log = read("a", "b", "c", hash="sha384")
    value = extended(ZEROS, line("a"), line("b"), line("c"))
    result = evlog.verify(log, Registers({(REGISTER, SHA384): value}))
    (found,) = result.registers
    assert (found.verdict, found.cause, found.explanation) == ("match", None, None)
    assert (found.events, found.proven) == (3, 3)
    assert [standing for _, standing in result.logs[0].standings()] == ["proven"] * 3
    without_first = verify(read("b", "c", hash="sha384"), value)
    assert (without_first.verdict, without_first.proven) == ("mismatch", 0)


def test_a_log_that_states_nothing_leaves_the_firmware_s_proven() -> None:
    logs = [firmware(b"kernel", b"command line"), read("a", hash="sha384")]
    value = extended(ZEROS, h(b"kernel"), h(b"command line"), line("a"))
    result = evlog.verify(logs, Registers({(REGISTER, SHA384): value}))
    (found,) = result.registers
    assert (found.cause, found.events, found.proven) == (None, 3, 3)
    assert [standing for each in result.logs for _, standing in each.standings()] == ["proven"] * 3


def test_a_log_that_states_nothing_does_not_mend_the_gap_before_it() -> None:
    after = h(b"who knows")
    logs = [firmware(b"kernel"), read(sync(after), "a"), read("b", hash="sha384")]
    found = row(*logs)
    assert found.value == extended(after, line(sync(after)), line("a"), line("b"))
    assert (found.stated, found.proven_from) == ("gap", (1, 0))


def test_a_value_that_nothing_leads_to_stays_unproven() -> None:
    start = h(b"who knows")
    log = read("a", sync(start, "INIT"), "b", hash="sha384")
    found = verify(log, extended(start, line(sync(start, "INIT")), line("b")))
    assert (found.cause, found.events, found.proven) == ("gap", 3, 2)
    log = read(sync(start, "INIT"), "b")
    found = verify(log, extended(start, line(sync(start, "INIT")), line("b")))
    assert found.cause == "unanchored"
    assert "nothing proves what led to it" in (found.explanation or "")


def test_a_start_that_the_log_states_besides_its_lines_is_a_statement() -> None:
    start = h(b"who knows")
    log = read("a", hash="sha384").replace(start=Registers({(REGISTER, SHA384): start}))
    found = verify(log, extended(start, line("a")))
    assert (found.verdict, found.cause) == ("match", "unanchored")
    at_reset = read("a", hash="sha384").replace(start=Registers({(REGISTER, SHA384): ZEROS}))
    assert verify(at_reset, extended(ZEROS, line("a"))).cause is None


def test_a_gap_is_not_made_good_by_a_statement_that_follows() -> None:
    after = h(b"who knows")
    later = extended(after, line(sync(after)), line("b"))
    log = read(sync(ZEROS), "a", sync(after), "b", sync(later))
    found = verify(log, extended(later, line(sync(later))))
    assert (found.cause, found.events, found.proven) == ("gap", 5, 3)


def test_the_hand_over_to_a_log_that_states_nothing_says_so() -> None:
    start = h(b"who knows")
    merged = evlog.merge([firmware(b"kernel"), read("a", hash="sha384")])
    (handover,) = merged.handovers
    assert (handover.verdict, handover.evidence) == (
        "unanchored",
        "the order in which the logs were given; nothing in them says so",
    )
    (handover,) = evlog.merge([read(sync(start), "a")]).handovers
    assert (handover.verdict, handover.evidence) == (
        "unanchored",
        "the value stated is all that is known of what came before",
    )


def test_the_public_name_of_a_statement_and_of_what_it_says() -> None:
    (handover,) = evlog.replay(read(sync(ZEROS), f"# .EXTEND {h(b'x').hex()}")).handovers[1:]
    assert evlog.Anchor is evlog.Statement
    assert isinstance(handover, evlog.Anchor)
    assert handover.told == handover.digests == (h(b"x"),)
    found = row(read(sync(ZEROS)))
    assert found.anchoring == found.stated == "continuous"
    content = read(sync(ZEROS)).events[0].content
    assert content.anchor
    assert content.statement


def test_merge_reports_the_hand_over() -> None:
    value = extended(ZEROS, h(b"kernel"))
    merged = evlog.merge([firmware(b"kernel"), read(sync(value), "a")])
    (handover,) = merged.handovers
    assert (handover.verdict, handover.source, handover.value) == ("continuous", "CCEL", value)
    back = evlog.convert(merged.log, "ccel")
    assert evlog.replay(back.log)[REGISTER, SHA384] == extended(value, line(sync(value)), line("a"))
