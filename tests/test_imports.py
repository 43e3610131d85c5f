"""Who may import whom, read from the source; and what a replay must not load.

cli -> trades -> formats, decoders, evidence, report -> contents, wire -> model -> registers, algorithms -> errors
"""

from __future__ import annotations

import ast
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from evlog.formats import FORMATS
from tests.conftest import ROOT, SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SRC = ROOT / "src"
PACKAGE = SRC / "evlog"


class Import(NamedTuple):
    """An import statement: where it stands, what it names, and whether only type checkers see it."""

    path: Path
    line: int
    module: str
    typing_only: bool

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: import of {self.module}"


def imports_of(path: Path) -> Iterator[Import]:
    """Every import of a file, also those inside functions, as full names."""
    tree = ast.parse(path.read_text())
    for typing_only, node in _nodes(tree, False):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield Import(path, node.lineno, name.name, typing_only)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            for name in node.names:
                module = node.module or ""
                # ``from package import thing`` may name a module.
                full = f"{module}.{name.name}"
                is_module = (SRC / full.replace(".", "/")).with_suffix(".py").exists()
                is_module |= (SRC / full.replace(".", "/") / "__init__.py").exists()
                yield Import(path, node.lineno, full if is_module else module, typing_only)


def _nodes(node: ast.AST, typing_only: bool) -> Iterator[tuple[bool, ast.AST]]:
    yield typing_only, node
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        for child in node.body:
            yield from _nodes(child, True)
        for child in node.orelse:
            yield from _nodes(child, typing_only)
        return
    for inner in ast.iter_child_nodes(node):
        yield from _nodes(inner, typing_only)


FILES = sorted(PACKAGE.rglob("*.py"))
IMPORTS = [each for path in FILES for each in imports_of(path)]


def place(path: Path) -> str:
    """The file as a module name without ``evlog.``: ``formats.tcg2``, ``model``."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def target(each: Import) -> str | None:
    """What is imported, without ``evlog.``; None for other packages."""
    if each.module == "evlog":
        return ""
    return each.module.removeprefix("evlog.") if each.module.startswith("evlog.") else None


def own_imports(*, typing: bool = False) -> list[tuple[str, str, Import]]:
    """Imports within the package, as (from, to, import)."""
    rows = [(place(each.path), target(each), each) for each in IMPORTS if typing or not each.typing_only]
    return [(source, to, each) for source, to, each in rows if to is not None]


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def complain(offenders: list[Import]) -> None:
    assert not offenders, "\n" + "\n".join(map(str, offenders))


#: What each part may import at run time; a part may always import from itself.
ALLOWED: dict[str, tuple[str, ...]] = {
    "errors": (),
    "_record": (),
    "_printable": (),
    "algorithms": ("_record", "errors"),
    "registers": ("_record", "algorithms", "errors"),
    "options": ("_record", "registers"),
    "cursor": ("errors",),
    "columns": ("_record", "algorithms", "registers"),
    "model": ("_record", "algorithms", "registers", "errors"),
    "wire": ("errors", "algorithms", "_record"),
    "hashing": ("errors", "algorithms", "columns"),
    "contents": ("_printable", "_record", "errors", "algorithms", "registers", "options", "model", "hashing", "wire"),
    "formats": (
        "_printable", "_record", "_paused", "errors", "algorithms", "registers", "options", "columns", "model",
        "hashing", "contents", "wire",
    ),
    "decoders": (
        "_printable", "_record", "cursor", "errors", "algorithms", "registers", "model", "hashing", "contents", "wire",
    ),
    "tree": ("_record", "algorithms", "errors", "registers"),
    "evidence": ("_record", "cursor", "tree", "errors", "algorithms", "registers", "model", "hashing", "wire"),
}  # fmt: skip


@pytest.mark.parametrize("part", ALLOWED)
def test_directions(part: str) -> None:
    allowed = (part, *ALLOWED[part])
    complain([each for source, to, each in own_imports() if within(source, part) and not within(to, *allowed)])


def test_nothing_imports_the_command() -> None:
    complain([each for source, to, each in own_imports(typing=True) if within(to, "cli") and source not in OUTSIDE])


#: The command itself and ``python -m evlog``.
OUTSIDE = {"__main__"} | {place(path) for path in FILES if within(place(path), "cli")}


def test_formats_do_not_import_formats_nor_does_what_they_share() -> None:
    formats = {f"formats.{module}" for module in FORMATS.values()}
    complain([each for source, to, each in own_imports(typing=True) if within(source, "formats") and to in formats])


#: Trades that know the registry of rooms.
KNOW_FORMATS = ("intake", "changing")
TRADES = ("intake", "replaying", "checking", "merging", "verifying", "changing", "comparing")


def test_trades_do_not_import_formats() -> None:
    trades = [row for row in own_imports() if within(row[0], *TRADES) and not within(row[0], *KNOW_FORMATS)]
    complain([each for _, to, each in trades if within(to, "formats", "cli")])
    known = [row for row in own_imports() if within(row[0], *KNOW_FORMATS)]
    complain([each for _, to, each in known if within(to, "formats") and to != "formats"])


def test_only_wire_rooms_and_decoders_import_construct() -> None:
    allowed = ("wire", "formats", "decoders")
    complain([e for e in IMPORTS if e.module.split(".")[0] == "construct" and not within(place(e.path), *allowed)])


def test_only_wire_names_the_exceptions_of_construct() -> None:
    for path in FILES:
        if path != PACKAGE / "wire" / "__init__.py":
            named = [word for word in ("ConstructError", "StreamError", "ExplicitError") if word in path.read_text()]
            assert not named, f"{path.relative_to(ROOT)} names {named}"


#: Written to be run by hand (``python -m``); no module imports them.
TOOLS = {"decoders._schema"}


def test_tools_are_not_imported() -> None:
    complain([each for _, to, each in own_imports() if to in TOOLS])


def test_only_the_command_prints_or_exits() -> None:
    for path in FILES:
        if within(place(path), "cli", *TOOLS) or path.name == "__main__.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            line = getattr(node, "lineno", 0)
            assert name not in ("print", "exit"), f"{path.relative_to(ROOT)}:{line}: only the command may {name}"


def test_runtime_modules_do_without_the_slow_parts_of_the_library() -> None:
    """At module level, where every import of evlog would pay."""
    slow = {"dataclasses", "typing", "pathlib", "enum", "inspect", "argparse"}
    declarative = ("wire",)
    offenders = []
    for path in FILES:
        if within(place(path), *declarative, *TOOLS):
            continue
        tree = ast.parse(path.read_text())
        for node in tree.body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            offenders += [Import(path, node.lineno, name, False) for name in names if name in slow]
    complain([each for each in offenders if place(each.path) != "cli._parser"])


HEAVY = {
    "construct", "cbor2", "cryptography", "rich", "json", "typing", "dataclasses", "pathlib", "argparse",
    "inspect", "zstandard", "zlib", "logging", "tempfile", "shutil",
}  # fmt: skip


@pytest.mark.parametrize("name", ["tcg2/secure-boot.bin", "ccel/ovmf-tdx.bin", "tcg1/seabios.bin"])
def test_a_replay_loads_nothing_heavy(name: str) -> None:
    program = (
        "import sys; from evlog.cli import main; "
        f"code = main(['replay', {str(SAMPLES / name)!r}]); "
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    # Isolated from the environment's site hooks, which load what they like.
    ran = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {str(SRC)!r}); {program}"],
        capture_output=True,
        text=True,
        check=False,
        env={"EVLOG_BACKEND": "python"},
    )
    assert ran.returncode == 0, ran.stderr
    loaded = {module.split(".")[0] for module in ran.stderr.split()}
    assert "evlog" in loaded
    assert loaded & HEAVY == set()
