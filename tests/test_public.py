"""The public list: what is in it, that all of it says what it is, and that it is typed."""

from __future__ import annotations

import ast
import inspect
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

import evlog
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = ROOT / "src" / "evlog"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__main__.py")


def test_the_list_is_the_table() -> None:
    assert evlog.__all__ == sorted([*evlog._HOME, "__version__"])
    assert dir(evlog) == evlog.__all__


def test_type_checkers_see_the_list() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {name.name for node in block.body if isinstance(node, ast.ImportFrom) for name in node.names}
    assert seen == set(evlog._HOME)


@pytest.mark.parametrize("name", [name for name in evlog.__all__ if name != "__version__"])
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
        evlog.reed  # noqa: B018


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
