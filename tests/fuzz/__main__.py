"""Runs the targets for some seconds, and says what was run and found; exit code 1 if anything was."""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fuzz.finds import FOUND, kept, tried
from tests.fuzz.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz the library.")
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}; all if none is given")
    parser.add_argument("--seconds", type=float, default=120, help="of processor time, for all of them together")
    parser.add_argument(
        "--executions", type=int, default=-1, help="of each target at most: the same inputs on any machine"
    )
    parser.add_argument("--jobs", type=int, default=1, help="how many at once")
    parser.add_argument("--found", type=Path, default=FOUND, help="where finds are kept")
    parser.add_argument("--corpus", type=Path, help="a folder to go on from, one below it for each target")
    parser.add_argument("--replay", action="store_true", help="only what is in the folder of finds")
    asked = parser.parse_args(arguments)
    unknown = sorted(set(asked.targets) - set(TARGETS))
    if unknown:
        parser.error(f"no such target: {', '.join(unknown)}")
    if asked.replay:
        return _replayed(asked.found)
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not here: pip install '.[fuzz]'")
        return 2
    return _fuzzed(asked.targets or list(TARGETS), asked)


def _replayed(folder: Path) -> int:
    bad = 0
    for target, path in kept(folder):
        find = tried(target, path.read_bytes())
        bad += find is not None
        print(f"{target}/{path.name}: {'fine' if find is None else find.story}")
    return int(bad > 0)


def _fuzzed(targets: Sequence[str], asked: argparse.Namespace) -> int:
    print(f"{'target':16} {'executions':>10} {'cpu seconds':>11} {'finds':>5}", flush=True)
    executions, seconds, finds = 0, 0.0, 0
    with ThreadPoolExecutor(max(1, asked.jobs)) as pool:
        for each in pool.map(lambda target: _ran(target, asked.seconds / len(targets), asked), targets):
            print(f"{each['target']:16} {each['executions']:>10} {each['cpu']:>11} {len(each['finds']):>5}", flush=True)
            executions, seconds = executions + each["executions"], seconds + each["cpu"]
            finds += len(each["finds"])
    print(f"{'all':16} {executions:>10} {seconds:>11.1f} {finds:>5}")
    return int(finds > 0)


def _ran(target: str, seconds: float, asked: argparse.Namespace) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.worker",
        target,
        "--seconds",
        str(seconds),
        "--executions",
        str(asked.executions),
        "--found",
        str(asked.found),
    ]
    if asked.corpus is not None:
        command += ["--corpus", str(asked.corpus / target)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    lines = ran.stdout.splitlines()
    if ran.returncode or not lines:
        # The process itself fell over, which no input may do to it.
        return {"target": target, "executions": 0, "cpu": 0.0, "finds": [f"exit code {ran.returncode}"]}
    found: dict[str, Any] = json.loads(lines[-1])
    return found


if __name__ == "__main__":
    sys.exit(main())
