"""Many logs at once: a line for each, in order, whatever one of them is."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evlog.cli import _each
from tests.command import run
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
    assert ran.err == ""
    assert [line["log"] for line in found] == [str(fleet / f"host{n:02}" / "log.bin") for n in range(HOSTS)]
    for number, line in enumerate(found):
        if number == 13:
            assert line["schema"] == "evlog.error/1"
            assert "no known log format" in line["error"]
        else:
            assert line["schema"] == "evlog.replay/1"
            assert [row["value"] for row in line["registers"]] == [value(number)]
    assert [finding["code"] for finding in found[14]["findings"]] == ["truncated_record"]


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
    assert answers["host13"] is None
    assert answers["host15"] is False


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
    return {"schema": "made/1"}, 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_process_that_dies_takes_one_log_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [f"log{number}" for number in range(90)]
    shares = [paths[start : start + 10] for start in range(0, 90, 10)]
    monkeypatch.setattr(_each, "_processors", lambda: 2)
    monkeypatch.setattr(_each, "import_module", lambda name: SimpleNamespace(one=one))
    results = list(_each._results("made", SimpleNamespace(deadly="log33"), shares))  # type: ignore[arg-type]
    found = lines("".join(text for text, _ in results))
    assert [line["log"] for line in found] == paths
    assert [line["log"] for line in found if line["schema"] == "evlog.error/1"] == ["log7", "log33"]
    assert found[7]["error"] == "internal error: ZeroDivisionError: a defect"
    assert max(code for _, code in results) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_pool_that_breaks_before_a_share_is_submitted(monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import process

    submit = process.ProcessPoolExecutor.submit

    def late(pool: Any, work: Any, *args: Any) -> Any:
        # The first process has died of its share by the time the next share comes.
        future = submit(pool, work, *args)
        if "log3" in args[-1]:
            future.exception()
        return future

    monkeypatch.setattr(process.ProcessPoolExecutor, "submit", late)
    monkeypatch.setattr(_each, "_processors", lambda: 2)
    monkeypatch.setattr(_each, "import_module", lambda name: SimpleNamespace(one=one))
    shares = [["log0"], ["log3"], ["log1", "log2"], ["log4", "log5"]]
    results = list(_each._results("made", SimpleNamespace(deadly="log3"), shares))  # type: ignore[arg-type]
    found = lines("".join(text for text, _ in results))
    assert [line["log"] for line in found] == ["log0", "log3", "log1", "log2", "log4", "log5"]
    assert [line["log"] for line in found if line["schema"] == "evlog.error/1"] == ["log3"]
