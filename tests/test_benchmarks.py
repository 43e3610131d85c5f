"""The benchmarks run: on few events, for the sake of their code and not of their numbers."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import evlog
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path


#: The format of each made log, and how many events it has beside those that were asked for.
FORMATS = {
    "tcg2": ("tcg2", 1),
    "ima": ("ima-binary", 0),
    "ima-sha1": ("ima-binary", 0),
    "ima-violations": ("ima-binary", 0),
    "ima-ascii": ("ima-ascii", 0),
    "cel": ("cel-tlv", 0),
    "text": ("text", 1),
    "text-sha256": ("text", 2),
    "text-sha384": ("text", 2),
    "text-sha512": ("text", 2),
    "text-blank": ("text", 502),
    "text-aael": ("text", 1),
    "letters": ("text", 1),
}
#: Works that run here: those that are quick, and of the others one for each way to measure; how many figures they have.
FEW = {
    "long logs": (("1",), 21),
    "a verifier": (("2",), 10),
    "verbs": (("show-head", "diff", "tcg2-to-cbor", "cbor-to-tcg2", "split", "merge", "blank-merge"), 14),
    "formats": (
        ("tcg2-c", "tcg2-s", "ima-check", "ima-a", "text-c", "tlv-s", "tlv-w", "cbor-r", "cbor-w", "json-r", "json-w"),
        13,
    ),
    "many logs": (("many",), 2),
    "start-up": (("start-replay", "start-verify"), 2),
}
TINY = ("--events", "300", "--logs", "4", "--runs", "0", "--no-floors")


def ran(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, f"benchmarks/{script}", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)


@pytest.mark.parametrize("name", FORMATS)
def test_the_generator_makes_logs(name: str, tmp_path: Path) -> None:
    out = tmp_path / "log"
    ran("made.py", name, str(out), "500")
    format, more = FORMATS[name]
    verdicts = {"matches", "not_checkable"} if name == "ima-violations" else {"matches"}
    log = evlog.read(out, strict=True)
    assert log.format == format
    assert len(log.events) == 500 + more
    assert {check.verdict for row in evlog.check(log) for check in row} == verdicts
    assert all(row.status == "complete" for row in evlog.replay(log).rows)


def test_the_boot_log_is_that_of_the_machine_without_a_bank(tmp_path: Path) -> None:
    out = tmp_path / "log"
    ran("made.py", "boot", str(out))
    made = evlog.replay(evlog.read(out, strict=True)).registers().values
    whole = evlog.replay(evlog.read(ROOT / "samples" / "tcg2" / "secure-boot.bin")).registers().values
    assert made == {key: value for key, value in whole.items() if str(key[1]) != "sha512"}


def test_a_fleet_is_read_and_asked() -> None:
    pytest.importorskip("duckdb", reason="the extra [tables] is not installed")
    said = ran("fleet.py", "20", "--few").stdout
    assert said.startswith("20 logs, ")
    assert said.count("\nquery ") == 2


def listed() -> list[str]:
    return [line.split()[1].rstrip(",") for line in ran("run.py", "--list").stdout.splitlines()]


def test_every_figure_has_a_work_and_every_work_a_figure() -> None:
    inside = (
        "import sys; sys.path.insert(0, 'benchmarks'); import goals, run; "
        "print(sorted({figure.work for figure in goals.FIGURES} ^ set(run.WORKS)))"
    )
    said = subprocess.run([sys.executable, "-c", inside], capture_output=True, text=True, cwd=ROOT, check=True)
    assert said.stdout == "[]\n"
    assert {"tcg2", "boot-verify", "diff", "ima-check", "many", "start-replay"} <= set(listed())


@pytest.mark.parametrize("name", FEW)
def test_the_runner_prints_the_table(name: str) -> None:
    only, figures = FEW[name]
    asked = [word for each in only for word in ("--only", each)]
    said = ran("run.py", *asked, *TINY, "--markdown").stdout.splitlines()
    assert said[0] == "| figure | floor | fastest peer | evlog | Python | of floor | of peer | goal | of goal |"
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in said[2:]]
    measured = [row for row in rows if not row[0].startswith("**")]
    assert len(measured) == figures
    assert all(len(row) == 9 and row[3] != "-" for row in measured)


def test_the_runner_prints_every_rival() -> None:
    said = ran("run.py", "--only", "start-replay", *TINY)
    assert "of its floor" in said.stdout
    assert "floor (Python with nothing to do)" in said.stdout


def test_the_readme_has_every_figure() -> None:
    """A figure that is added, or renamed, wants a new run: python benchmarks/run.py --into benchmarks/README.md."""
    inside = (
        "import sys; sys.path.insert(0, 'benchmarks'); import goals, table; "
        "[print(table.what(figure)) for figure in goals.FIGURES]"
    )
    said = subprocess.run([sys.executable, "-c", inside], capture_output=True, text=True, cwd=ROOT, check=True)
    rows = (ROOT / "benchmarks" / "README.md").read_text().partition("| figure | floor |")[2].partition("\n\n")[0]
    cells = [line.strip("| ").split(" | ")[0] for line in rows.splitlines()[2:]]
    assert [cell for cell in cells if not cell.startswith("**")] == said.stdout.splitlines()


def test_a_new_table_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    document = tmp_path / "README.md"
    head = "| figure | floor | fastest peer | evlog | Python | of floor | of peer | goal | of goal |"
    document.write_text(f"before\n\n{head}\n| old |\n\nafter\n")
    ran("run.py", "--only", "append-one", *TINY, "--into", str(document))
    lines = document.read_text().splitlines()
    assert lines[:3] == ["before", "", head]
    assert lines[-2:] == ["", "after"]
    assert "| old |" not in lines
    assert any(line.startswith("| append, a line by itself") for line in lines)


def test_the_runner_names_what_there_is_not() -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        ran("run.py", "--only", "nothing-of-the-kind")
    assert "--list says what there is" in caught.value.stderr


def test_a_peer_that_cannot_be_built_is_said(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path)}
    command = [sys.executable, "benchmarks/peers.py", "go-eventlog", "--into", str(tmp_path / "peers")]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert ran.returncode == 1
    assert "go-eventlog is left out: no go" in ran.stdout
