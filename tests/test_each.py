"""Many logs at once: a line for each, in order, whatever one of them is."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import process
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evlog.cli import _each, replay
from evlog.cli._parser import command_parser
from tests.command import run
from tests.conftest import SAMPLES
from tests.generated import cel, ima, tcg1, tcg2
from tests.made import event, header

HOSTS = 100


def value(number: int) -> str:
    """PCR 1 after the one event of a host's log."""
    return hashlib.sha256(bytes(32) + hashlib.sha256(b"host %d" % number).digest()).hexdigest()


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """A folder for each host, with a log that tells which, its register, and something that is no log."""
    for number in range(HOSTS):
        folder = tmp_path / f"host{number:02}"
        folder.mkdir()
        (folder / "log.bin").write_bytes(header("sha256") + event(1, 5, b"host %d" % number, "sha256"))
        (folder / "pcrs.json").write_text(json.dumps({"pcr": {"sha256": {"1": value(number)}}}))
    (tmp_path / "host13" / "log.bin").write_bytes(b"not a log, by any means")
    cut = tmp_path / "host14" / "log.bin"
    cut.write_bytes(cut.read_bytes() + event(1, 5, b"cut", "sha256")[:-2])
    return tmp_path


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("processors", [1, 2])
def test_replay_each(fleet: Path, processors: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_each, "_processors", lambda: processors)
    ran = run("replay", str(fleet), "--only", "*.bin")
    found = lines(ran.out)
    assert ran.code == 3
    assert ran.err == "evlog: 14 ok, 1 not ok, 1 unreadable\n".replace("14", str(HOSTS - 2))
    assert [line["log"] for line in found] == [str(fleet / f"host{n:02}" / "log.bin") for n in range(HOSTS)]
    for number, line in enumerate(found):
        if number == 13:
            assert line["schema"] == "evlog.error/1"
            assert "no known log format" in line["error"]
        else:
            assert line["schema"] == "evlog.replay/1"
            assert [row["value"] for row in line["registers"]] == [value(number)]
    assert [finding["code"] for finding in found[14]["findings"]] == ["truncated_record"]
    standing = [(line["ok"], line["complete"], line["failed"], line["exit"]) for line in found]
    assert standing[12:15] == [(True, True, False, 0), (False, False, True, 3), (False, True, True, 1)]


def test_files_need_the_option(fleet: Path) -> None:
    """Without it, several logs are one machine's."""
    logs = [str(fleet / f"host{number:02}" / "log.bin") for number in (1, 2)]
    together = json.loads(run("replay", *logs, "--json").out)
    assert [row["events"] for row in together["registers"]] == [2]
    ran = run("replay", "--each", *logs)
    assert ran.code == 0
    assert [line["registers"][0]["value"] for line in lines(ran.out)] == [value(1), value(2)]


def test_verify_each(fleet: Path) -> None:
    """``{dir}`` is the folder of the log: each host has register values of its own."""
    (fleet / "host15" / "pcrs.json").write_text(json.dumps({"pcr": {"sha256": {"1": value(16)}}}))
    ran = run("verify", str(fleet), "--only", "log.bin", "--registers", "{dir}/pcrs.json")
    answers = {os.path.basename(os.path.dirname(line["log"])): line.get("ok") for line in lines(ran.out)}
    assert ran.code == 3
    assert {host for host, ok in answers.items() if ok is not True} == {"host13", "host15"}
    assert answers["host13"] is False
    assert answers["host15"] is False
    assert ran.err.endswith(f"evlog: {HOSTS - 3} ok, 2 not ok, 1 unreadable\n")
    for line in lines(ran.out):
        assert {"ok", "complete", "failed", "exit"} <= line.keys()


def test_evidence_that_makes_no_sense_of_one_log_costs_that_log(fleet: Path) -> None:
    """A register file in place of a quote, say: else it is no answer at all, but a question that makes no sense."""
    for number in range(HOSTS):
        (fleet / f"host{number:02}" / "quote").write_bytes(b"no quote")
    (fleet / "host03" / "quote").write_text((fleet / "host03" / "pcrs.json").read_text())
    ran = run("verify", str(fleet), "--only", "log.bin", "--quote", "{dir}/quote")
    found = {os.path.basename(os.path.dirname(line["log"])): line for line in lines(ran.out)}
    assert len(found) == HOSTS
    assert (found["host03"]["schema"], found["host03"]["exit"]) == ("evlog.error/1", 2)
    assert "neither a quote nor a report" in found["host03"]["error"]
    ran = run("verify", str(fleet), "--only", "log.bin", "--registers", "{dir}/pcrs.json", "--nonce", "00")
    assert (ran.code, ran.out) == (2, "")
    assert "a nonce of" in ran.err


def test_missing_files_and_folders_are_lines(fleet: Path) -> None:
    ran = run("replay", "--each", str(fleet / "nowhere"), str(fleet / "host01" / "log.bin"))
    assert ran.code == 3
    assert [line["schema"] for line in lines(ran.out)] == ["evlog.error/1", "evlog.replay/1"]


def test_a_folder_without_logs_is_no_success(tmp_path: Path) -> None:
    ran = run("replay", str(tmp_path))
    assert (ran.code, ran.out) == (3, "")
    assert "no log in" in ran.err


def test_usage() -> None:
    ran = run("replay", "--each", "-")
    assert ran.code == 2
    assert "stdin" in ran.err


def one(args: Any, source: str) -> tuple[dict[str, Any], int]:
    """A command that fails on some logs, and whose process is killed by others."""
    if source == "log7":
        raise ZeroDivisionError("a defect")
    if source == args.deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"schema": "made/1", "exit": 0}, 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_process_that_dies_takes_one_log_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [f"log{number}" for number in range(90)]
    shares = [paths[start : start + 10] for start in range(0, 90, 10)]
    monkeypatch.setattr(_each, "_processors", lambda: 2)
    monkeypatch.setattr(_each, "import_module", lambda name: SimpleNamespace(one=one))
    results = list(_each._results("made", SimpleNamespace(deadly="log33"), shares))  # type: ignore[arg-type]
    found = lines("".join(said.lines for said in results))
    assert [line["log"] for line in found] == paths
    assert [line["log"] for line in found if line["schema"] == "evlog.error/1"] == ["log7", "log33"]
    assert found[7]["error"] == "internal error: ZeroDivisionError: a defect"
    assert max(code for said in results for code in said.codes) == 3


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    """A pipe in a folder has nobody who writes to it: opening it would wait for ever."""
    (tmp_path / "log.bin").write_bytes(header("sha256") + event(1, 5, b"host 1", "sha256"))
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "rtmr3")
    (tmp_path / "away").symlink_to(tmp_path / "nowhere")
    (tmp_path / "up").symlink_to(tmp_path)
    ran = subprocess.run(
        [sys.executable, "-m", "evlog", "replay", str(tmp_path)], capture_output=True, timeout=20, check=False
    )
    found = lines(ran.stdout.decode())
    assert [Path(line["log"]).name for line in found] == ["away", "log.bin"]
    assert [line["schema"] for line in found] == ["evlog.error/1", "evlog.replay/1"]
    assert ran.returncode == 3


def test_a_folder_without_logs_among_others_is_a_line(fleet: Path, tmp_path: Path) -> None:
    """Nothing was said of that machine, which must not look like success."""
    (tmp_path / "vacant").mkdir()
    ran = run("replay", str(fleet / "host01"), str(tmp_path / "vacant"), "--only", "*.bin")
    found = lines(ran.out)
    assert ran.code == 3
    assert [line["schema"] for line in found] == ["evlog.replay/1", "evlog.error/1"]
    assert found[1]["error"] == f"{tmp_path / 'vacant'}: no log in it"


def test_a_folder_that_cannot_be_listed_is_a_line(fleet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = fleet / "host02"
    real = os.scandir, os.listdir

    def refuse(which: int) -> Any:
        def listing(path: Any = ".") -> Any:
            if os.fspath(path) == str(closed):
                raise PermissionError(13, "Permission denied", str(closed))
            return real[which](path)

        return listing

    monkeypatch.setattr(_each, "_processors", lambda: 1)
    monkeypatch.setattr(os, "scandir", refuse(0))
    monkeypatch.setattr(os, "listdir", refuse(1))
    ran = run("replay", str(fleet), "--only", "log.bin")
    found = lines(ran.out)
    assert ran.code == 3
    assert len(found) == HOSTS
    assert [line["error"] for line in found if line["log"] == str(closed)] == [f"{closed}: permission denied"]


def test_edits_are_of_one_log(fleet: Path) -> None:
    """Unasked, each would be replayed as it is, and the answer be taken for that of the edit."""
    ran = run("replay", "--each", str(fleet / "host01" / "log.bin"), "--drop", "1")
    assert (ran.code, ran.out) == (2, "")
    assert "edit one log" in ran.err


def test_a_bar_on_the_terminal_leaves_the_lines_alone(fleet: Path) -> None:
    pty = pytest.importorskip("pty")
    terminal, stderr = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "evlog", "replay", str(fleet), "--only", "log.bin"],
        stdout=subprocess.PIPE,
        stderr=stderr,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    ) as running:
        os.close(stderr)
        reader = threading.Thread(target=lambda: shown.extend(_all(terminal)))
        shown = bytearray()
        reader.start()
        out, _ = running.communicate(timeout=60)
        reader.join()
    assert len(lines(out.decode())) == HOSTS
    assert b"evlog.replay" not in shown
    assert f"{HOSTS}/{HOSTS}".encode() in shown


def _all(terminal: int) -> bytes:
    """What a terminal was shown, until nobody has it open any more."""
    shown = b""
    try:
        while piece := os.read(terminal, 1 << 16):
            shown += piece
    except OSError:
        pass
    os.close(terminal)
    return shown


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_pool_that_is_found_broken_loses_no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may die between two shares: then it is the next share that is refused."""
    submitted = []

    class Breaking(process.ProcessPoolExecutor):
        def submit(self, *arguments: Any, **named: Any) -> Any:
            submitted.append(arguments)
            if len(submitted) == 3:
                raise process.BrokenProcessPool("found broken")
            return super().submit(*arguments, **named)

    paths = [f"log{number}" for number in range(60)]
    shares = [paths[start : start + 10] for start in range(0, 60, 10)]
    monkeypatch.setattr(process, "ProcessPoolExecutor", Breaking)
    monkeypatch.setattr(_each, "_processors", lambda: 2)
    monkeypatch.setattr(_each, "import_module", lambda name: SimpleNamespace(one=one))
    results = list(_each._results("made", SimpleNamespace(deadly=None), shares))  # type: ignore[arg-type]
    assert [line["log"] for line in lines("".join(said.lines for said in results))] == paths


#: How logs are read, in words of the command line.
READINGS = [(), ("--strict",), ("--platform", "tdx"), ("--space", "ccmr"), ("--from", "tcg2"), ("--bank", "sha256")]


@pytest.mark.parametrize("words", READINGS, ids=" ".join)
def test_what_is_told_at_once_is_what_is_told_one_by_one(words: tuple[str, ...], tmp_path: Path) -> None:
    """Of every sample, plain or not, broken or not, in a document or not: the same line, code and error."""
    paths = sorted(str(path) for path in SAMPLES.rglob("*") if path.is_file())
    (tmp_path / "100%\u2028").write_bytes(Path(SAMPLES / "tcg2" / "ovmf.bin").read_bytes())
    paths += [str(tmp_path / "100%\u2028"), str(tmp_path), str(tmp_path / "none"), "\0"]
    args = command_parser("replay", replay).parse_args([*words, *paths])
    told = _each._work("replay", args, paths)
    quick = replay.quick(args, paths)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "quick", lambda args, paths: {})
        assert told == _each._work("replay", args, paths)
    assert (len(quick) > 50) == (words[:1] not in [("--from",), ("--bank",)])
    assert "1 ok" in run("replay", "--each", paths[-4]).err


@settings(max_examples=50)
@given(st.lists(st.one_of(tcg2(), tcg1(), ima(), cel()), min_size=1, max_size=6))
def test_any_logs_told_at_once(several: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, str(number)) for number in range(len(several))]
        for path, data in zip(paths, several, strict=True):
            Path(path).write_bytes(data)
        args = command_parser("replay", replay).parse_args(paths)
        told = _each._work("replay", args, paths)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(replay, "quick", lambda args, paths: {})
            assert told == _each._work("replay", args, paths)
