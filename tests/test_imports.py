"""Who may import whom, read from the source; and what a replay must not load.

cli -> report, policy, tables -> references -> verifying, changing, comparing -> merging -> replaying;
checking and intake beside replaying; live beside changing;
all -> formats, decoders, evidence -> contents, wire -> columns, model -> registers, algorithms -> errors
"""

from __future__ import annotations

import ast
import subprocess
import sys
from itertools import pairwise
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
    """An import statement, also one for type checkers: where it stands, and what it names."""

    path: Path
    line: int
    module: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: import of {self.module}"


def imports_of(path: Path) -> Iterator[Import]:
    """Every import of a file, also those inside functions and for type checkers, as full names."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield Import(path, node.lineno, name.name)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            for name in node.names:
                module = node.module or ""
                # ``from package import thing`` may name a module.
                full = f"{module}.{name.name}"
                is_module = (SRC / full.replace(".", "/")).with_suffix(".py").exists()
                is_module |= (SRC / full.replace(".", "/") / "__init__.py").exists()
                yield Import(path, node.lineno, full if is_module else module)


FILES = sorted(PACKAGE.rglob("*.py"))
IMPORTS = [each for path in FILES for each in imports_of(path)]


#: The package itself: the public list.
FACE = "__init__"


def place(path: Path) -> str:
    """The file as a module name without ``evlog.``: ``formats.tcg.tcg2``, ``model``; ``__init__`` for the face."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__") or FACE


def target(each: Import) -> str | None:
    """What is imported, without ``evlog.``; None for other packages."""
    if each.module == "evlog":
        return FACE
    return each.module.removeprefix("evlog.") if each.module.startswith("evlog.") else None


def own_imports() -> list[tuple[str, str, Import]]:
    """Imports within the package, as (from, to, import); those for type checkers count as any other does."""
    rows = [(place(each.path), target(each), each) for each in IMPORTS]
    return [(source, to, each) for source, to, each in rows if to is not None]


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def complain(offenders: list[Import]) -> None:
    assert not offenders, "\n" + "\n".join(map(str, offenders))


#: Every room, noun and piece of furniture: what stands directly below ``evlog``.
PARTS = {place(path).split(".")[0] for path in FILES}

VALUES = ("errors", "_record", "algorithms", "registers")
NOUNS = (*VALUES, "options", "cursor", "columns", "model")
#: What is asked about an event and its bytes.
FACTS = (*NOUNS, "hashing", "wire", "contents")

#: What each part may import, for type checkers too; a part may always import from itself. A row names only parts that
#: have a row above it, so that nothing climbs. A module may have a row besides its part's.
ALLOWED: dict[str, tuple[str, ...]] = {
    "errors": (),
    "_record": (),
    "_paused": (),
    "algorithms": ("_record", "errors"),
    "registers": ("_record", "algorithms", "errors"),
    "options": ("_record", "registers"),
    "cursor": ("errors",),
    "tree": VALUES,
    "schemas": ("errors",),
    "columns": VALUES,
    # The shapes that contents declare are values, and the model names them.
    "contents._celtype": ("_record",),
    "model": (*VALUES, "options", "columns", "contents._celtype"),
    "hashing": (*VALUES, "columns"),
    "wire": VALUES,
    "contents": (*NOUNS, "hashing", "wire"),
    "formats": (*FACTS, "_paused"),
    "decoders": FACTS,
    "evidence": (*FACTS, "tree"),
    "replaying": FACTS,
    "checking": (*FACTS, "decoders"),
    "intake": (*FACTS, "tree", "formats", "evidence"),
    "merging": (*FACTS, "replaying"),
    "verifying": (*FACTS, "decoders", "evidence", "checking", "replaying", "merging"),
    "changing": (*FACTS, "_paused", "tree", "formats", "intake", "checking", "replaying", "merging"),
    "comparing": (*FACTS, "decoders", "checking", "replaying", "merging"),
    "report": (*FACTS, "decoders", "evidence", "checking", "replaying", "merging", "verifying", "comparing"),
    "references": (*FACTS, "decoders", "evidence", "checking", "replaying", "comparing"),
    "predicting": (*FACTS, "decoders", "replaying"),
    "policy": (
        *FACTS, "decoders", "evidence", "checking", "replaying", "merging", "verifying", "comparing", "references",
    ),
    "__init__": ("_record",),
    # A capture says which version made it.
    "live": (
        *FACTS, "tree", "formats", "intake", "evidence", "replaying", "merging", "verifying", "checking", "decoders",
        "__init__",
    ),
    "tables": (
        "__init__", *FACTS, "tree", "decoders", "evidence", "intake", "replaying", "checking", "merging", "verifying",
        "comparing", "policy",
    ),
    "cli": (
        "__init__", *FACTS, "tree", "formats", "decoders", "evidence", "intake", "replaying", "checking", "merging",
        "verifying", "changing", "comparing", "report", "references", "predicting", "policy", "tables", "live",
        "schemas",
    ),
    "__main__": ("cli",),
}  # fmt: skip


def test_every_part_has_a_row() -> None:
    rows = {part for part in ALLOWED if "." not in part}
    assert rows == PARTS, "each room and noun below evlog has a row in ALLOWED, and each row a room or noun"


def test_no_row_climbs() -> None:
    rows = list(ALLOWED)
    climbing = [(row, to) for at, row in enumerate(rows) for to in ALLOWED[row] if to not in rows[:at]]
    assert climbing == []


@pytest.mark.parametrize("part", ALLOWED)
def test_directions(part: str) -> None:
    allowed = (part, *ALLOWED[part])
    complain([each for source, to, each in own_imports() if within(source, part) and not within(to, *allowed)])


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one node, or with an edge to itself (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for after in sorted(graph.get(node, ())):
            if after not in index:
                visit(after)
                low[node] = min(low[node], low[after])
            elif after in stack:
                low[node] = min(low[node], index[after])
        if low[node] == index[node]:
            at = stack.index(node)
            component = stack[at:]
            del stack[at:]
            if len(component) > 1 or node in graph.get(node, ()):
                found.append(component)

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def shortest(graph: dict[str, set[str]], start: str) -> list[str]:
    """The shortest way from a node of a circle back to itself; both ends are in it."""
    ways = [[start]]
    met: set[str] = set()
    for way in ways:
        for after in sorted(graph.get(way[-1], set()) - met):
            if after == start:
                return [*way, start]
            met.add(after)
            ways.append([*way, after])
    raise AssertionError(f"{start} is in no circle")


def test_circles_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": {"e"}, "e": {"e"}, "f": {"a", "d"}}
    assert [sorted(circle) for circle in circles(graph)] == [["e"], ["a", "b", "c"]]
    assert shortest(graph, "b") == ["b", "c", "a", "b"]
    assert shortest(graph, "e") == ["e", "e"]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_circle_between_modules() -> None:
    edges = {(source, to): each for source, to, each in reversed(own_imports())}
    graph: dict[str, set[str]] = {}
    for source, to in edges:
        graph.setdefault(source, set()).add(to)
    told = []
    for circle in circles(graph):
        way = shortest(graph, min(circle))
        told += [f"a circle of {len(circle)} modules:", *(f"  {edges[step]}" for step in pairwise(way))]
    assert not told, "\n" + "\n".join(told)


ROOMS = [path for path in FILES if path.name == "__init__.py"]


@pytest.mark.parametrize("path", ROOMS, ids=place)
def test_a_room_says_its_rules(path: Path) -> None:
    doc = ast.get_docstring(ast.parse(path.read_text())) or ""
    _, heading, rules = doc.partition("Rules of the room:\n\n1. ")
    assert heading, f"{path.relative_to(ROOT)}:1: the docstring has no 'Rules of the room:' with a list below"
    assert len(rules.split()) >= 25, f"{path.relative_to(ROOT)}:1: rules of {len(rules.split())} words"


def test_formats_do_not_import_formats_nor_does_what_they_share() -> None:
    formats = {f"formats.{module}" for module in FORMATS.values()}
    complain([each for source, to, each in own_imports() if within(source, "formats") and to in formats])


#: Who knows the registry of formats, besides the formats: three trades, and the command, which lists it.
KNOW_FORMATS = ("intake", "changing", "live", "cli")


def test_nobody_reaches_into_a_format() -> None:
    others = [row for row in own_imports() if not within(row[0], "formats") and within(row[1], "formats")]
    complain([each for source, to, each in others if to != "formats" or not within(source, *KNOW_FORMATS)])


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


#: Where lines are escaped as they are printed; the version has nothing of anybody else's in it.
PRINTERS = {"cli._common", "cli._page", "cli"}


def test_the_command_prints_through_what_escapes() -> None:
    for path in FILES:
        if not within(place(path), "cli") or place(path) in PRINTERS:
            continue
        calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
        raw = [node.lineno for node in calls if isinstance(node.func, ast.Name) and node.func.id == "print"]
        assert raw == [], f"{path.relative_to(ROOT)}:{raw[0]}: lines go through _common.put"


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
            offenders += [Import(path, node.lineno, name) for name in names if name in slow]
    complain([each for each in offenders if place(each.path) != "cli._parser"])


HEAVY = {
    "construct", "cbor2", "cryptography", "rich", "json", "typing", "dataclasses", "pathlib", "argparse",
    "inspect", "zstandard", "zlib", "logging", "tempfile", "shutil", "hashlib", "_hashlib",
}  # fmt: skip


#: What costs as much as replaying a boot log, and no verb needs of a firmware log.
SLOW = HEAVY | {"functools", "collections", "importlib", "re", "enum", "datetime", "contextlib", "types", "heapq"}
BOOT, VALUES_OF = "tcg2/secure-boot.bin", "tcg2/secure-boot.pcrs.json"
#: Command lines, and what of the slow modules each may load. OUT is a file, TREE a folder that is not there yet.
LINES = {
    "replay": (f"replay {BOOT}", ()),
    "replay of a CCEL": ("replay ccel/ovmf-tdx.bin", ()),
    # Nothing is certain of such a log, so that all rooms are asked.
    "replay of a TPM 1.2": ("replay tcg1/seabios.bin", ("re", "enum", "functools", "collections", "types")),
    "replay --json": (f"replay {BOOT} --json", ()),
    "verify": (f"verify {BOOT} --registers {VALUES_OF}", ()),
    "show": (f"show {BOOT}", ()),
    "show --json": (f"show {BOOT} --json", ()),
    "diff": (f"diff {BOOT} tcg2/ovmf.bin", ()),
    "convert": (f"convert {BOOT} --to cel-tlv -o OUT", ()),
    "split": (f"split {BOOT} -o TREE", ()),
    "merge": (f"merge {BOOT} --to tcg2 -o OUT", ()),
    "formats": ("formats", ("re", "enum", "functools", "collections", "types")),
    "policy learn": (
        f"policy learn {BOOT} -o OUT",
        ("json", "re", "enum", "functools", "collections", "types"),
    ),
    "export": (
        f"export {BOOT} --to rvps -o OUT",
        ("json", "re", "enum", "functools", "collections", "types"),
    ),
}


@pytest.mark.parametrize("name", LINES)
def test_a_verb_loads_nothing_slow(name: str, tmp_path: Path) -> None:
    """A column for what a verb may load besides is a debt, which may shrink."""
    line, allowed = LINES[name]
    places = {"OUT": str(tmp_path / "out"), "TREE": str(tmp_path / "tree")}
    words = [places.get(word) or (str(SAMPLES / word) if "/" in word else word) for word in line.split()]
    # Isolated from the environment's site hooks, which load what they like.
    program = (
        f"import sys; before = set(sys.modules); sys.path.insert(0, {str(SRC)!r}); from evlog.cli import main; "
        f"code = main({words!r}); print('loaded:', *(set(sys.modules) - before), file=sys.stderr); sys.exit(code > 1)"
    )
    ran = subprocess.run(
        [sys.executable, "-S", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={"EVLOG_BACKEND": "python"},
    )
    assert ran.returncode == 0, ran.stderr
    loaded = {module.split(".")[0] for module in ran.stderr.rpartition("loaded:")[2].split()}
    assert "evlog" in loaded
    assert loaded & SLOW <= {*allowed}
