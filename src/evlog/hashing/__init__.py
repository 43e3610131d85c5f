"""Hashing in batches, by the fastest backend there is.

A backend is a module of this package with the functions of `Backend`. It is chosen once, at first use: evlog-accel if
it is installed and passes its self-test, else the standard library. ``EVLOG_BACKEND=python`` or ``accel`` forces one.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module

from evlog.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol

    from evlog.algorithms import HashAlg
    from evlog.columns import Columns

    class Backend(Protocol):
        """What a backend does. Values and digests are bytes of the algorithm's size."""

        NAME: str

        def computable(self, alg: HashAlg) -> bool:
            """Whether this backend can hash with the algorithm."""
            ...

        def digests(self, alg: HashAlg, parts: Iterable[bytes]) -> list[bytes]:
            """The hash of each part."""
            ...

        def fold(self, alg: HashAlg, value: bytes, digests: Iterable[bytes]) -> bytes:
            """A register's value after extending it with each digest: value = H(value || digest)."""
            ...

        def fold_columns(
            self, columns: Columns, banks: Sequence[HashAlg], values: dict[HashAlg, dict[int, bytes]]
        ) -> dict[HashAlg, set[int]]:
            """Extend ``values`` (by bank and register index) with the recorded digests of all rows.

            Returns the registers of each bank that some row lacked a digest for.
            """
            ...


__all__ = ["backend", "digest", "trace"]

_BACKENDS = {"python": "python", "accel": "accel"}


@cache
def backend() -> Backend:
    """The backend in use. Raises UsageError if ``EVLOG_BACKEND`` names one that is unknown or not installed."""
    wanted = os.environ.get("EVLOG_BACKEND", "")
    if wanted and wanted not in _BACKENDS:
        raise UsageError(f"EVLOG_BACKEND is {wanted!r}; known are {', '.join(_BACKENDS)}")
    if wanted != "python":
        try:
            return _load("accel")
        except ImportError as error:
            if wanted:
                raise UsageError(f"EVLOG_BACKEND=accel: {error}") from error
    return _load("python")


def _load(name: str) -> Backend:
    module: Backend = import_module(f"evlog.hashing.{_BACKENDS[name]}")
    return module


def digest(alg: HashAlg, data: bytes) -> bytes:
    """The hash of some bytes. Raises UsageError for an algorithm that cannot be computed here."""
    return backend().digests(alg, (data,))[0]


def trace(alg: HashAlg, value: bytes, digests: Iterable[bytes]) -> list[bytes]:
    """The register's value after each of the digests: `Backend.fold` step by step, which no batch makes faster."""
    from evlog.hashing import python

    return python.trace(alg, value, digests)
