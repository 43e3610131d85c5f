"""What fuzzing found once stays mended, and the harness would notice it; `python -m tests.fuzz` goes on looking."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import evlog
from tests.fuzz import finds, targets
from tests.fuzz.finds import keep, kept, shrunk, tried
from tests.fuzz.inputs import CHOICES, Choices, joined, parts_of
from tests.fuzz.mutator import Mutator
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS, Target

FOUND = kept()


@pytest.mark.parametrize(("target", "path"), FOUND, ids=[f"{target}/{path.name}" for target, path in FOUND])
def test_what_was_found_is_mended(target: str, path: Path) -> None:
    find = tried(target, path.read_bytes(), watch_memory=True)
    assert find is None, find.story


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_runs_on_seeds_and_mutants_of_them(target: str) -> None:
    first = seeds(target)
    results = [targets.run(target, seed) for seed in first[::11]]
    assert any(results), "every seed ends in an error: the target looks at nothing"
    mutate = Mutator(target, first, lambda data, largest: data[:largest])
    for number, seed in enumerate(first[::11]):
        find = tried(target, mutate(seed, 1 << 16, number))
        assert find is None, find.story


def test_an_input_is_choices_and_parts() -> None:
    data = joined(b"\1\2", [b"one", b"", b"three"])
    assert parts_of(data, 3) == [b"one", b"", b"three"]
    choices = Choices(data)
    assert [choices.of("abc") for _ in range(3)] == ["b", "c", "a"]
    assert [choices.of("abc") for _ in range(CHOICES)] == ["a"] * CHOICES
    # A length that is a lie is the fuzzer's favourite.
    assert parts_of(bytes(CHOICES) + b"\xff\xff\xff\xffrest", 2) == [b"rest", b""]
    assert parts_of(b"", 2) == [b"", b""]


def _broken(choices: Choices, data: bytes) -> None:
    if b"crash" in data:
        raise KeyError(data)
    if b"slow" in data:
        began = time.process_time()
        while time.process_time() - began < 0.8:
            pass
    if b"large" in data:
        bytearray(b"\1") * (64 << 20)
    if b"fine" in data:
        raise evlog.ParseError("not a log")


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(TARGETS, "broken", Target(_broken))
    monkeypatch.setattr(finds, "SECONDS", 0.4)
    monkeypatch.setattr(finds, "MEMORY", 32 << 20)
    return "broken"


def test_errors_of_other_kinds_time_and_memory_are_finds(broken: str) -> None:
    stories = {}
    for word in (b"crash", b"slow", b"large"):
        find = tried(broken, joined(b"", [word]), watch_memory=True)
        if word != b"large" or finds.peak():  # not every system tells
            assert find is not None
            stories[word] = find
    assert len({find.key for find in stories.values()}) == len(stories)
    assert "KeyError" in stories[b"crash"].story
    assert "seconds" not in stories[b"crash"].story
    assert "processor time" in stories[b"slow"].story
    assert tried(broken, joined(b"", [b"fine"]), watch_memory=True) is None
    assert tried(broken, joined(b"", [b"neither"]), watch_memory=True) is None


def test_a_find_is_known_again_shrunk_and_kept(broken: str, tmp_path: Path) -> None:
    data = joined(b"", [b"some more than a crash needs to be found"])
    find = tried(broken, data)
    assert find is not None

    def same(less: bytes) -> bool:
        other = tried(broken, less)
        return other is not None and other.key == find.key

    less = shrunk(data, same)
    assert less[CHOICES:] == b"crash"
    keep(tmp_path, broken, less, find)
    assert [(target, path.read_bytes()) for target, path in kept(tmp_path)] == [(broken, less)]
