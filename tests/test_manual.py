"""Man pages and completions are those of the parsers, and shells take them; the wheel has them, and the schemas."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from evlog.errors import UsageError
from evlog.schemas import names, schema
from tests.command import run
from tests.conftest import ROOT

MANUAL = ROOT / "docs" / "manual"


def test_they_are_made_of_the_parsers(update: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    spec = importlib.util.spec_from_file_location("make", MANUAL / "make.py")
    assert spec is not None
    assert spec.loader is not None
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    if update:
        make.main()
    found = {str(path.relative_to(MANUAL)): path.read_text() for path in MANUAL.glob("*/*")}
    assert found == make.made()


@pytest.mark.parametrize(("shell", "name"), [("bash", "evlog.bash"), ("zsh", "_evlog"), ("fish", "evlog.fish")])
def test_a_shell_reads_its_completion(shell: str, name: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    subprocess.run([shell, "-n", str(MANUAL / "completion" / name)], check=True)


def test_bash_completes() -> None:
    if shutil.which("bash") is None:
        pytest.skip("no bash here")
    script = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_shtab_evlog
echo "${COMPREPLY[@]}"
"""

    def completed(*words: str) -> list[str]:
        command = ["bash", "-c", script, "bash", str(MANUAL / "completion" / "evlog.bash"), "evlog", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    assert completed("ver") == ["verify"]
    assert completed("show", "--jso") == ["--json", "--jsonl"]
    assert completed("show", "--platform", "td") == ["tdx"]


def test_man_reads_the_pages() -> None:
    if shutil.which("man") is None or shutil.which("groff") is None:
        pytest.skip("no man, or no groff, here")
    for page in sorted((MANUAL / "man1").iterdir()):
        environment = {**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"}
        command = ["man", "--warnings", "-l", str(page)]
        shown = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
        assert not shown.stderr
        assert "NAME" in shown.stdout


def test_schemas_by_name() -> None:
    assert {f"evlog.{name}/1" for name in ("log", "replay", "verify")} < set(names())
    for name in names():
        found = schema(name)
        if name.startswith("evlog."):
            assert json.loads(found)["$id"] == f"urn:{name.replace('.', ':', 1).replace('/', ':')}"
            assert schema(json.loads(found)["$id"]) == found
        assert run("formats", "--schema", name).out == found.decode()
    assert run("formats", "--schema", "list").out.split() == list(names())
    with pytest.raises(UsageError, match="no schema"):
        schema("../evlog")
    assert run("formats", "--schema", "nonsense").code == 2


def test_the_wheel_is_whole(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path), str(ROOT)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no wheel can be built here: {made.stderr[-200:]}")
    inside = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    held = {Path(name).name for name in inside if name.startswith("evlog/schemas/")} - {"__init__.py"}
    assert held == {path.name for path in (ROOT / "schemas").iterdir()}
    for folder in ("man/man1/evlog.1", "bash-completion/completions/evlog", "vendor_completions.d/evlog.fish"):
        assert any(name.endswith(folder) for name in inside)
    assert "evlog/py.typed" in inside
