"""What changes anything that an exact rule covers is refused: a sample of ``python -m tests.policy_mutations``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

import evlog
from evlog.policy.export import export_policy
from evlog.policy.learn import GoodBoot
from tests import plain_pcrlock, policy_mutations, systemd_pcrlock
from tests.conftest import SAMPLES
from tests.made import event, header
from tests.policy_mutations import LOGS, Good, RegoCpp, by_pcrlock, exact, good, own, real, several, shown, tried

if TYPE_CHECKING:
    from pathlib import Path

Judge = Callable[[Good, bytes, str], bool]


def rego() -> RegoCpp:
    pytest.importorskip("regopy", reason="regopy is not installed: no second opinion on Rego")
    return RegoCpp()


def test_every_change_is_refused(tmp_path: Path) -> None:
    judges: dict[str, tuple[int, Judge]] = {"evlog": (1, own), "pcrlock": (1, by_pcrlock), "rego-cpp": (10, rego())}
    tally = tried(exact(100, "quick"), tmp_path, judges, refused=True)
    assert tally.wrong == []
    assert {kind for _, kind in tally.asked} == set(policy_mutations.KINDS)


def test_judges_agree_on_policies_of_several_boots(tmp_path: Path) -> None:
    judges: dict[str, tuple[int, Judge]] = {"evlog": (1, own), "pcrlock": (1, by_pcrlock), "rego-cpp": (3, rego())}
    tally = tried(several(20, "quick"), tmp_path, judges, refused=False)
    assert tally.wrong == []


@pytest.mark.parametrize("name", LOGS)
def test_the_log_itself_is_kept_by_all(name: str, tmp_path: Path) -> None:
    policy = good(name)
    data = (SAMPLES / "tcg2" / f"{name}.bin").read_bytes()
    for judge in (own, by_pcrlock, rego()):
        assert judge(policy, data, shown(data, tmp_path))
    result = evlog.check_policy(policy.policy, evlog.read(data), unverified=True)
    assert result.count("kept") == sum(event.measured for event in evlog.read(data).events)


def test_rego_of_several_boots(tmp_path: Path) -> None:
    """Rules of every kind: each boot by the policy of each pair of others."""
    judge = rego()
    for one, other in (("secure-boot", "ovmf"), ("ovmf", "uki")):
        policy = good(one, other)
        for name in LOGS[:3]:
            data = (SAMPLES / "tcg2" / f"{name}.bin").read_bytes()
            expected = name in (one, other)
            assert own(policy, data, "") is by_pcrlock(policy, data, "") is expected
            assert judge(policy, data, shown(data, tmp_path)) is expected


def test_rego_of_rules_that_judge_nothing_and_of_lists(tmp_path: Path) -> None:
    from tests.test_policy import boot, entry, log, rec, tag

    def counter(n: int, *more: Any) -> bytes:
        return log(*boot(rec(12, 6, tag(b"boot counter %d" % n)), *more))

    policy = evlog.learn([GoodBoot(f"{n}", (evlog.read(counter(n)),)) for n in range(3)]).policy
    files = entry(b"boot_aggregate", b"") + entry(b"/bin/sh", b"sh")
    lists = evlog.learn([GoodBoot("a", (evlog.read(files),))]).policy
    cases = [
        (policy, counter(9)),
        (policy, counter(1)),
        (policy, log(*boot())),
        (policy, counter(9, rec(12, 6, tag(b"another")))),
        (policy, log(*boot(rec(12, 6, tag(b"x"), b"not the data")))),
        (policy, log(*boot(rec(12, 6, tag(b"a command line", 0x8F3B22ED))))),
        (policy, counter(9).replace(b"boot counter", b"what is this")),
        (lists, files),
        (lists, files + entry(b"/bin/sh", b"sh")),
        (lists, files + entry(b"/bin/sh", b"other")),
        (lists, files + entry(b"/bin/other", b"sh")),
        (lists, files + entry(b"/bin/sh", b"sh", violation=True)),
    ]
    answers = []
    judge = rego()
    for each, data in cases:
        made = Good(f"{id(each)}", each, export_policy(each, "rego").data.decode(), {}, ())
        expected = own(made, data, "")
        assert judge(made, data, shown(data, tmp_path)) is expected
        answers.append(expected)
    assert answers == [True, True, False, False, False, False, False, True, True, False, False, False]


# What pcrlock says, by its rule as it is read here, and by itself


def component(*records: tuple[int, str]) -> bytes:
    each = ({"pcr": pcr, "digests": [{"hashAlg": "sha256", "digest": digest}]} for pcr, digest in records)
    return json.dumps({"records": list(each)}).encode()


def test_the_plain_reader_matches_as_pcrlock_does() -> None:
    """The rows of its table of layouts: subsequences, repeated records, variants by name, what is missing."""
    log = header("sha256") + b"".join(
        event(pcr, 0xD, text, "sha256") for pcr, text in ((4, b"a"), (4, b"b"), (4, b"a"))
    )
    a, b, c = (hashlib.sha256(text).hexdigest() for text in (b"a", b"b", b"c"))

    def told(**files: bytes) -> tuple[bool, bool, bool]:
        found = plain_pcrlock.told({f"{name.replace('_', '-')}.pcrlock": each for name, each in files.items()}, log)
        return found.matched[4], not found.missing, found.predicted[4]

    whole = component((4, a), (4, b), (4, a))
    assert told(x=whole) == (True, True, True)
    # One file for each event: the second of two equal records is never reached.
    assert told(x1=component((4, a)), x2=component((4, b)), x3=component((4, a))) == (False, True, True)
    # Cut in files whose names come in the wrong order: all is owned, and the value is wrong.
    assert told(x2=component((4, a), (4, b)), x1=component((4, b), (4, a))) == (True, True, False)
    # A component that the log does not have.
    assert told(x=whole, y=component((4, c))) == (True, False, False)
    # Another component of the same record, measured once.
    assert told(x=whole, y=component((4, b))) == (True, True, False)


@pytest.mark.skipif(systemd_pcrlock.MISSING is not None, reason=systemd_pcrlock.MISSING or "")
def test_the_real_one_says_what_its_rule_says(tmp_path: Path) -> None:
    tally = real(exact(100, "real"), 8, tmp_path)
    assert tally.wrong == []
