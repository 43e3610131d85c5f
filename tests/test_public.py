"""The public list: what is in it, that all of it says what it is, and that it is typed."""

from __future__ import annotations

import ast
import inspect
import os
import pydoc
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

import pytest

import evlog
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = ROOT / "src" / "evlog"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__main__.py")


PUBLIC = dir(evlog)


class Stub(NamedTuple):
    """What type checkers read: the modules that names come from, and the old names with the new ones."""

    home: dict[str, str]
    renamed: dict[str, str]


def _stub() -> Stub:
    home, renamed = {}, {}
    for node in ast.parse((PACKAGE / "__init__.pyi").read_text()).body:
        if isinstance(node, ast.ImportFrom):
            for name in node.names:
                assert name.asname == name.name, f"{name.name} is not exported"
                assert name.name not in home
                home[name.name] = str(node.module)
        elif isinstance(node, ast.Assign):
            (target,) = node.targets
            assert isinstance(target, ast.Name)
            assert isinstance(node.value, ast.Name)
            renamed[target.id] = node.value.id
    return Stub(home, renamed)


def _table(name: str) -> dict[str, str]:
    """A table of the package's face, which has no name in the stub."""
    found: dict[str, str] = vars(evlog)[name]
    return found


def test_type_checkers_see_the_table() -> None:
    stub = _stub()
    assert stub.home == {name: f"evlog.{module}" for name, module in _table("_HOME").items()}
    assert stub.renamed == _table("_RENAMED")


def test_the_list_is_the_table() -> None:
    assert set(PUBLIC) == {*_table("_HOME"), "__version__"}
    assert sorted(vars(evlog)["__all__"]) == PUBLIC


def test_a_star_gives_all_of_the_list() -> None:
    names: dict[str, object] = {}
    exec("from evlog import *", names)
    assert set(PUBLIC) - names.keys() == set()


def test_the_face_is_seen_by_tools() -> None:
    members = dict(inspect.getmembers(evlog))
    assert set(members) == set(PUBLIC)
    assert inspect.signature(evlog.read).parameters
    assert "replay" in pydoc.plain(pydoc.render_doc(evlog))


def test_old_names_work_and_warn() -> None:
    for old, new in _table("_RENAMED").items():
        for _ in range(2):
            with pytest.warns(DeprecationWarning, match=f"evlog.{old} is called evlog.{new}") as caught:
                assert getattr(evlog, old) is getattr(evlog, new)
            assert caught[0].filename == __file__
        assert old not in PUBLIC
    checks = evlog.check(evlog.read(ROOT / "samples" / "tcg2" / "secure-boot.bin"))
    with pytest.warns(DeprecationWarning, match="Checks.policies is called Checks.conventions") as caught:
        assert checks.policies is checks.conventions
    assert caught[0].filename == __file__
    assert checks.conventions


STRICT = """
import evlog
from evlog import Log, Policy, read
log: Log = read("x")
values: evlog.Replay = evlog.replay(log)
old: type[evlog.Convention] = Policy
version: str = evlog.__version__
reveal_type(evlog.check(log).conventions)
evlog.reed
"""


def test_a_strict_user_is_checked(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "user.py").write_text(STRICT)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--config-file=", "user.py"]
    environment = {**os.environ, "MYPYPATH": str(ROOT / "src")}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    # Of packages without types that the extras bring, evlog's own files tell; those are not the user's.
    revealed, missing = (line for line in ran.stdout.splitlines() if line.startswith("user.py:"))
    assert revealed.endswith('Revealed type is "tuple[evlog.checking.conventions.Convention, ...]"')
    assert missing.endswith('Module has no attribute "reed"  [attr-defined]')


@pytest.mark.parametrize("name", [name for name in PUBLIC if name != "__version__"])
def test_a_public_name_can_be_used_and_says_what_it_is(name: str) -> None:
    found = getattr(evlog, name)
    if inspect.isfunction(found) or inspect.isclass(found):
        assert found.__doc__, f"{name} has no docstring"
        assert found.__doc__[0].isupper() or found.__doc__[0] in '`"'
    if inspect.isclass(found):
        for member, value in vars(found).items():
            function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
            if inspect.isfunction(function) and not member.startswith("_"):
                assert inspect.getdoc(getattr(found, member)), f"{name}.{member} has no docstring"


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="module 'evlog' has no attribute 'reed'"):
        getattr(evlog, "reed")  # noqa: B009


def test_typed() -> None:
    assert (PACKAGE / "py.typed").exists()


each_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))


@each_module
def test_a_module_says_what_it_is(path: Path) -> None:
    doc = ast.get_docstring(ast.parse(path.read_text()))
    assert doc
    assert doc.split("\n\n")[0].rstrip().endswith((".", ":"))


@each_module
def test_the_list_of_a_module_is_real(path: Path) -> None:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    try:
        module = import_module(".".join(part for part in parts if part != "__init__"))
    except ModuleNotFoundError as error:
        if error.name != "evlog_accel":
            raise
        pytest.skip("evlog-accel is not installed")
    listed = getattr(module, "__all__", [])
    assert [name for name in listed if not hasattr(module, name)] == []
    assert len(set(listed)) == len(listed)


def test_the_version_is_the_distribution_s() -> None:
    assert version("evlog-toolkit") == evlog.__version__
