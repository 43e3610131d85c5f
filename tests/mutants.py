"""Mutants: one wrong word each in code that gives a verdict, and the test that must notice.

python -m tests.mutants                  all of them, in copies of this tree; exit 1 if one survives or does not apply
python -m tests.mutants 4 17 --jobs 1    some of them, by number
python -m tests.mutants --list           the numbers

A mutant is a place in a file that stands there exactly once, what takes its place, and the test that then fails. Only
that test is run. The quick suite holds the table against the source (`tests/test_mutants.py`): when code is reworded,
reword the mutant, and run it.
"""

from __future__ import annotations

import argparse
import ast
import os
import queue
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent
# What no test needs, or what would be a copy of something that was built here.
_LEFT_BEHIND = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "target", "build", "dist")
_TIMEOUT = 300  # seconds: a mutant that never ends is one that was noticed
_FAILED, _PASSED = 1, 0  # exit codes of pytest; any other says that the test was not run


class Mutant(NamedTuple):
    """``file`` is below ``src/evlog``; ``test`` is a file below ``tests``, ``::``, and the name of a test."""

    file: str
    old: str
    new: str
    test: str

    @property
    def source(self) -> Path:
        return ROOT / "src" / "evlog" / self.file

    def __str__(self) -> str:
        return f"{self.file}: {self.old!r} -> {self.new!r}"


MUTANTS: tuple[Mutant, ...] = (
    # Found once by hand, when the suite did not notice them.
    Mutant(
        "replaying/anchors.py",
        "max(worst, handover.verdict, key=VERDICTS.index), proven",
        "handover.verdict, proven",
        "test_anchors.py::test_a_continuous_sync_after_a_gap_makes_nothing_good",
    ),
    Mutant(
        "evidence/tpm_quote.py",
        "credentials.nonce != quote.extra_data",
        "not quote.extra_data.startswith(credentials.nonce)",
        "test_evidence_signed.py::test_part_of_the_nonce_is_another_nonce",
    ),
    Mutant(
        "evidence/tpm_quote.py",
        "signed and bool(quote.selection)",
        "signed",
        "test_evidence_signed.py::test_a_signed_quote_of_nothing_anchors_nothing",
    ),
    Mutant(
        "verifying/explain.py",
        "all(case.event(step).content.logged_first",
        "any(case.event(step).content.logged_first",
        "test_verify.py::test_only_what_is_logged_first_may_be_ahead_of_the_register",
    ),
    Mutant(
        "changing/convert.py",
        "for key in {**old, **new}",
        "for key in old",
        "test_convert.py::test_a_register_that_the_result_invents_is_refused",
    ),
    Mutant(
        "replaying/trail.py",
        "17 <= register.number <= 22",
        "17 <= register.number <= 23",
        "test_verify.py::test_pcr_17_to_22_start_at_ones_and_no_other",
    ),
    Mutant(
        "replaying/start.py",
        r'in (b"\0", b"\3", b"\4")',
        r'in (b"\0", b"\1", b"\3", b"\4")',
        "test_replay.py::test_what_is_no_locality_does_not_count",
    ),
    Mutant(
        "replaying/tally.py",
        "log.rules and any(twins)",
        "any(twins)",
        "test_replay.py::test_a_firmware_log_without_the_bank_leaves_it_open",
    ),
    Mutant(
        "verifying/composite.py",
        "if len(whole) < len(values):",
        "if not whole:",
        "test_verify.py::test_a_pcr_digest_over_a_register_that_the_log_does_not_tell",
    ),
    Mutant(
        "intake/store.py",
        "if rest and value != self.old else before",
        "if value != self.old else before",
        "test_append.py::test_a_reader_takes_no_line_that_may_not_have_happened",
    ),
    Mutant(
        "changing/split.py",
        "if log.trailing:",
        "if False:",
        "test_tree.py::test_what_belongs_to_no_register_is_a_loss",
    ),
    Mutant(
        "merging/overlap.py",
        ' or log.header.get("headless") != 1',
        "",
        "test_merge.py::test_only_a_log_without_a_header_may_begin_with_what_another_ended_with",
    ),
    Mutant(
        "formats/tcg/frame.py",
        "MAX_DIGESTS = 64 ",
        "MAX_DIGESTS = 63 ",
        "test_reading.py::test_a_record_may_have_64_digests",
    ),
)


def problem(mutant: Mutant) -> str:
    """Why a mutant cannot be tried; empty if it can."""
    if not mutant.source.is_file():
        return "no such file"
    count = mutant.source.read_text().count(mutant.old)
    if count != 1:
        return f"the old text stands there {count} times"
    file, _, name = mutant.test.partition("::")
    path = ROOT / "tests" / file
    if not path.is_file() or name not in tests_in(path):
        return f"no such test: {mutant.test}"
    return ""


def tests_in(path: Path) -> Iterator[str]:
    """The names of a file's tests, those in classes as ``Class::test``."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.ClassDef):
            yield from (f"{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef))


def _copy(folder: Path) -> Path:
    """A copy of the tree, beside what lies beside the tree."""
    copied = folder / "tree"
    shutil.copytree(ROOT, copied, ignore=_LEFT_BEHIND)
    shared = ROOT.parent / "shared"
    if shared.is_dir():
        (folder / "shared").symlink_to(shared.resolve())
    return copied


def _tested(tree: Path, *tests: str) -> int:
    """Pytest's exit code for some tests of a copy."""
    # No bytecode: a mutant is written within the second and may be as long as what it stands for.
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1", "CI": "1"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        *(f"tests/{each}" for each in tests),
    ]
    try:
        ran = subprocess.run(command, cwd=tree, env=environment, capture_output=True, check=False, timeout=_TIMEOUT)
    except subprocess.TimeoutExpired:
        return _FAILED
    return ran.returncode


def _tried(mutant: Mutant, trees: queue.Queue[Path]) -> str:
    said = problem(mutant)
    if said:
        return f"does not apply ({said})"
    tree = trees.get()
    path = tree / mutant.source.relative_to(ROOT)
    whole = path.read_text()
    try:
        path.write_text(whole.replace(mutant.old, mutant.new))
        code = _tested(tree, mutant.test)
    finally:
        path.write_text(whole)
        trees.put(tree)
    return {_FAILED: "killed", _PASSED: "SURVIVED"}.get(code, f"does not apply (pytest ended with {code})")


def _run(numbers: Sequence[int], jobs: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        trees: queue.Queue[Path] = queue.Queue()
        for number in range(jobs):
            (Path(folder) / str(number)).mkdir()
            trees.put(_copy(Path(folder) / str(number)))
        honest = trees.get()
        sound = [MUTANTS[number] for number in numbers if not problem(MUTANTS[number])]
        if sound and _tested(honest, *dict.fromkeys(mutant.test for mutant in sound)) != _PASSED:
            print("the tests do not pass on the code as it stands")
            return 1
        trees.put(honest)
        bad = 0
        with ThreadPoolExecutor(jobs) as pool:
            results = pool.map(lambda number: _tried(MUTANTS[number], trees), numbers)
            for number, result in zip(numbers, results, strict=True):
                bad += result != "killed"
                print(f"{number:3} {result:9} {MUTANTS[number]}", flush=True)
    print(f"{len(numbers) - bad} of {len(numbers)} killed")
    return int(bad > 0)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="Try mutants of code that judges.")
    parser.add_argument("numbers", nargs="*", type=int, help="numbers of mutants; all if none are given")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at once")
    parser.add_argument("--list", action="store_true", help="print the table")
    parsed = parser.parse_args(arguments)
    if parsed.list:
        for number, mutant in enumerate(MUTANTS):
            print(f"{number:3} {mutant}\n    {mutant.test}")
        return 0
    return _run(parsed.numbers or range(len(MUTANTS)), max(1, parsed.jobs))


if __name__ == "__main__":
    sys.exit(main())
