"""Hashing in batches, by the fastest backend there is; and the native scanners, where it has some.

A backend is a module of this package with the functions of `Backend`: the standard library's, until an input is large
enough to be worth the import of evlog-accel; then that one, if it is installed and passes its self-test.
``EVLOG_BACKEND=python`` or ``accel`` forces one.
"""

from __future__ import annotations

import os
from importlib import import_module

from evlog.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Protocol

    from evlog.algorithms import HashAlg
    from evlog.columns import Columns
    from evlog.hashing.accel import Native

    #: The rows of a log, the banks to extend, and the values, by bank and register index, that they stand at.
    Job = tuple[Columns, Sequence[HashAlg], dict[HashAlg, dict[int, bytes]]]

    class Backend(Protocol):
        """What a backend does. Values and digests are bytes of the algorithm's size."""

        NAME: str
        #: The native module, whose scanners the rooms use; None in the backend that is not native.
        native: Native | None

        def computable(self, alg: HashAlg) -> bool:
            """Whether this backend can hash with the algorithm."""
            ...

        def digests(self, alg: HashAlg, parts: Iterable[bytes]) -> list[bytes]:
            """The hash of each part."""
            ...

        def fold(self, alg: HashAlg, value: bytes, digests: Iterable[bytes]) -> bytes:
            """A register's value after extending it with each digest: value = H(value || digest)."""
            ...

        def fold_many(self, jobs: Sequence[Job]) -> list[dict[HashAlg, set[int]]]:
            """For each job, extend its values with the recorded digests of all rows of its columns.

            Returns for each the registers of each bank that some row lacked a digest for.
            """
            ...

        def fold_covered(self, columns: Columns, alg: HashAlg, value: bytes, first: int, end: int) -> bytes:
            """The value of the only register there is after the rows from ``first`` to ``end``.

            Each row that extends it does so with the hash of the bytes that it covers.
            """
            ...

        def tally(self, registers: array[int]) -> Mapping[int, int]:
            """How many rows extend each register, of those that any does."""
            ...

        def of_body(self, columns: Columns) -> bytes:
            """For each row, 1 if it has digests and all of them are hashes of its body, else 0."""
            ...

        def words(self, columns: Columns, distances: Sequence[int], byteorder: str) -> array[int]:
            """For each row, the number in the four bytes at a distance from its start, which is given by layout.

            Where less is left of the buffer, the number in what is left.
            """
            ...


__all__ = ["backend", "best", "digest", "native", "pad_or_cut", "trace"]

_BACKENDS = {"python": "python", "accel": "accel"}
#: Bytes of input from which on the native module saves more than its import costs.
_WORTH_NATIVE = 1 << 17

_chosen: Backend | None = None
_settled = False


def backend(size: int = 0) -> Backend:
    """The backend for an input of ``size`` bytes. Once there was a large one, it is the best there is for all.

    Raises UsageError if ``EVLOG_BACKEND`` names a backend that is unknown or not installed.
    """
    global _chosen, _settled
    if _chosen is None or (size >= _WORTH_NATIVE and not _settled):
        _chosen, _settled = _choose(size)
    return _chosen


def best() -> Backend:
    """The backend for an input of any size."""
    return backend(_WORTH_NATIVE)


def native(size: int) -> Native | None:
    """The native module for scanning an input of ``size`` bytes, or None where Python is to do it."""
    if size < _WORTH_NATIVE and _chosen is None and not os.environ.get("EVLOG_BACKEND"):
        return None
    return backend(size).native


def _choose(size: int) -> tuple[Backend, bool]:
    """A backend, and whether a larger input would change nothing."""
    forced = os.environ.get("EVLOG_BACKEND", "")
    if forced:
        if forced not in _BACKENDS:
            raise UsageError(f"EVLOG_BACKEND is {forced!r}; known are {', '.join(_BACKENDS)}")
        try:
            return _load(forced), True
        except ImportError as error:
            raise UsageError(f"EVLOG_BACKEND={forced}: {error}") from error
    if size < _WORTH_NATIVE:
        return _load("python"), False
    try:
        return _load("accel"), True
    except ImportError:
        return _load("python"), True


def _load(name: str) -> Backend:
    module: Backend = import_module(f"evlog.hashing.{_BACKENDS[name]}")
    return module


def digest(alg: HashAlg, data: bytes) -> bytes:
    """The hash of some bytes. Raises UsageError for an algorithm that cannot be computed here."""
    return backend(len(data)).digests(alg, (data,))[0]


def pad_or_cut(value: bytes, size: int) -> bytes:
    """A digest on its way into a register of another size: zeros are added at the end, or the end is cut off.

    Attestation agents do so with a SHA-256 digest and a SHA-384 register (guest-components, attester/src/utils.rs).
    """
    return value if len(value) == size else value[:size].ljust(size, b"\0")


def trace(alg: HashAlg, value: bytes, digests: Iterable[bytes]) -> list[bytes]:
    """The register's value after each of the digests: `Backend.fold` step by step, which no batch makes faster."""
    from evlog.hashing import python

    return python.trace(alg, value, digests)
