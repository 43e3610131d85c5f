"""The documents tell the truth: their transcripts, examples, tables and links are run and compared."""

from __future__ import annotations

import ast
import doctest
import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from evlog.cli import COMMANDS
from evlog.formats import FORMATS, room
from tests.command import run
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))

CONSOLE = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
#: A part of a document that is made from the registry of rooms.
FORMAT_TABLE = re.compile(r"(?<=<!-- formats -->\n).*?(?=<!-- end -->)", re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the samples in it, where a transcript may write."""
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@each_document
def test_transcripts(path: Path, folder: Path, update: bool) -> None:
    text = path.read_text()
    made = CONSOLE.sub(lambda block: "".join(transcript(block[0], folder)), text)
    if update:
        path.write_text(made)
    else:
        assert made == text


def transcript(block: str, folder: Path) -> Iterator[str]:
    """The commands of a block, each with what it prints: stdout, then stderr."""
    for line in block.splitlines():
        if line.startswith("$ "):
            words = shlex.split(line[2:])
            assert words[0] == "evlog", f"only evlog is run: {line}"
            ran = run(*words[1:], folder=folder)
            assert ran.code in (0, 1), ran.err
            yield f"{line}\n{ran.out}{ran.err}"


def test_a_false_transcript_is_found(folder: Path) -> None:
    block = "$ evlog formats\nnone at all\n"
    assert "".join(transcript(block, folder)) == block.replace("none at all\n", run("formats").out)


@each_document
def test_examples(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, tried = doctest.testfile(str(path), module_relative=False, optionflags=flags, encoding="utf-8")
    assert failed == 0
    assert tried or ">>>" not in path.read_text()


def test_the_examples_pass_strict_types(tmp_path: Path) -> None:
    """As they are written: each document's as one module, all of them in one run."""
    pytest.importorskip("mypy")
    parser = doctest.DocTestParser()
    names = []
    for name in ("README.md", "docs/library.md"):
        examples = parser.get_examples((ROOT / name).read_text())
        module = tmp_path / f"{name.rpartition('/')[2].removesuffix('.md').lower()}_examples.py"
        module.write_text("".join(example.source for example in examples))
        names.append(str(module))
    options = [
        "--strict",
        "--follow-imports=silent",
        "--cache-dir",
        str(tmp_path / "cache"),
        "--config-file",
        os.devnull,
    ]
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *names],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MYPYPATH": str(ROOT / "src")},
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_verb_has_a_page() -> None:
    pages = {path.stem for path in (ROOT / "docs" / "verbs").glob("*.md")}
    assert {*COMMANDS} - {"formats"} == pages
    nav = (ROOT / "mkdocs.yml").read_text()
    assert [page for page in pages if f"verbs/{page}.md" not in nav] == []


def test_the_library_is_shown_by_examples() -> None:
    assert (ROOT / "docs" / "library.md").read_text().count(">>>") > 20


def table() -> str:
    """The formats as a table."""
    rows = [f"| `{format}` | {room(format).TITLE} |\n" for format in FORMATS]
    return "| format | what it is |\n|---|---|\n" + "".join(rows)


@pytest.mark.parametrize("name", ["README.md", "docs/formats.md"])
def test_the_table_of_formats(name: str, update: bool) -> None:
    path = ROOT / name
    text = path.read_text()
    made = FORMAT_TABLE.sub(lambda _: table(), text)
    assert table() in made
    if update:
        path.write_text(made)
    else:
        assert made == text


def test_every_format_is_described() -> None:
    text = (ROOT / "docs" / "formats.md").read_text()
    assert [format for format in FORMATS if f"`{format}`" not in text.replace(table(), "")] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_described(command: str) -> None:
    assert f"\n$ evlog {command} --help\n" in (ROOT / "docs" / "command.md").read_text()


@each_document
def test_links_lead_somewhere(path: Path) -> None:
    missing = [link for link in LINK.findall(path.read_text()) if not (path.parent / link).exists()]
    assert missing == []


def finding_codes() -> set[str]:
    """The codes in the source: what is given to `Finding`, or to what makes one, first or by the name ``code``."""
    found = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args:
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in ("Finding", "fails") or (name in ("_warning", "add", "once") and len(node.args) > 2):
                    found |= _strings(node.args[0])
            if (
                isinstance(node, ast.Assign)
                and getattr(node.targets[0], "id", "") == "code"
                and "formats" in path.parts
            ):
                found |= _strings(node.value)
    return found


def _strings(node: ast.AST) -> set[str]:
    if isinstance(node, ast.IfExp):
        return _strings(node.body) | _strings(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def test_every_finding_is_described() -> None:
    listed = set(re.findall(r"^\| `([a-z0-9_]+)` \|", (ROOT / "docs" / "findings.md").read_text(), re.MULTILINE))
    codes = finding_codes()
    assert {"truncated_record", "digest_size", "wrapped"} <= codes
    assert codes - listed == set()
    source = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    assert {code for code in listed if f'"{code}"' not in source} == set()


def readme_commands() -> list[str]:
    """The commands of README's blocks of shell."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_readme_has_a_command_to_try_and_one_to_test() -> None:
    first, second = readme_commands()
    assert first.startswith("python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/evlog ")
    assert (ROOT / first.split()[-1]).exists()
    assert second == "python3 -m venv .venv && .venv/bin/pip install -q '.[dev]' && .venv/bin/pytest"


def test_the_build_runs_the_readme_s_command() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert "README.md" in script


def test_the_source_distribution_holds_what_the_tests_read() -> None:
    """Its patterns are anchored: a bare name would take the same name out of the accelerator's folder too."""
    found = re.search(r"targets\.sdist\]\ninclude = \[(.*?)\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL)
    assert found
    patterns = re.findall(r'"(.*?)"', found[1])
    assert all(pattern.startswith("/") and list(ROOT.glob(pattern[1:])) for pattern in patterns)
    assert {"/src", "/tests", "/samples", "/schemas", "/docs", "/benchmarks", "/.ci", "/*.md", "/LICENSE"} <= {
        *patterns
    }


def test_nothing_speaks_of_where_it_was_made() -> None:
    for path in DOCUMENTS:
        assert not re.search(r"(?<![\w.])/(work|tmp|root)/", path.read_text()), path
