"""The backends are what the protocols say, and each is reached through the choice alone."""

from __future__ import annotations

import ast
import hashlib
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evlog import hashing
from evlog.algorithms import SHA256, HashAlg
from evlog.hashing import python

ROOT = Path(__file__).parent.parent
PROTOCOLS = ROOT / "src" / "evlog" / "hashing" / "protocols.py"
STUB = ROOT / "accel" / "evlog_accel.pyi"


def functions(path: Path, protocol: str | None) -> dict[str, list[str]]:
    """Names of parameters, by function: of a module, or of a protocol in it."""
    nodes: list[Any] = list(ast.walk(ast.parse(path.read_text())))
    if protocol is not None:
        nodes = next(node.body for node in nodes if isinstance(node, ast.ClassDef) and node.name == protocol)
    found = {}
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            arguments = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
            found[node.name] = [argument for argument in arguments if argument != "self"]
    return found


@pytest.mark.parametrize("name", hashing._BACKENDS)
def test_a_backend_has_every_function(name: str) -> None:
    try:
        backend = import_module(f"evlog.hashing.{name}")
    except ImportError as error:
        pytest.skip(str(error))
    expected = functions(PROTOCOLS, "Backend")
    assert len(expected) > 5
    own = functions(Path(backend.__file__ or ""), None)
    assert {function: own.get(function) for function in expected} == expected
    assert name == backend.NAME
    assert hasattr(backend, "native")


def test_the_native_module_is_what_its_stub_says() -> None:
    if not STUB.exists():
        pytest.skip("accel/ is not here")
    stub, protocol = functions(STUB, None), functions(PROTOCOLS, "Native")
    # How fast it is, is not for evlog to ask.
    assert {name: stub[name] for name in stub if name != "kernels"} == protocol


def test_every_value_on_the_way_is_hashed_by_the_backend_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "_chosen", SimpleNamespace(trace=lambda *asked: list(asked)))
    assert hashing.trace(SHA256, b"value", [b"digest"]) == [SHA256, b"value", [b"digest"]]


def test_a_backend_that_cannot_be_used_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the next one that is worth it, and for good."""
    monkeypatch.setattr(hashing, "_BACKENDS", {"python": 0, "absent": 10, "missing": 1 << 17})
    monkeypatch.setattr(hashing, "_chosen", None)
    monkeypatch.setattr(hashing, "_settled", False)
    monkeypatch.delenv("EVLOG_BACKEND", raising=False)
    for size, settled in ((1, False), (1 << 17, True)):
        assert hashing.backend(size).NAME == "python"
        assert hashing._settled is settled


@pytest.mark.parametrize("alg", ["sha1", "sha256", "sha384", "sha512"])
def test_the_interpreter_s_own_functions_and_openssl_s_give_the_same(alg: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Known answers of the empty text and of "abc" (FIPS 180-4), and a text of many blocks."""
    monkeypatch.setattr(python, "_openssl", False)
    python._constructor.cache_clear()
    texts = (b"", b"abc", bytes(range(256)) * 41)
    own = python.digests(HashAlg.named(alg), texts)
    module = type(python._required(HashAlg.named(alg))(b"")).__module__
    python.prepare(1 << 20)
    assert python.digests(HashAlg.named(alg), texts) == own == [hashlib.new(alg, text).digest() for text in texts]
    assert type(python._required(HashAlg.named(alg))(b"")).__module__ == "_hashlib" != module
