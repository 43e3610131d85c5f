"""Hashing in batches, by the fastest backend there is; and the native scanners, where it has some.

Rules of the room:

1. A backend is one module with the functions of `evlog.hashing.protocols.Backend` and one line in the table of the
   choice below, which knows no more of it. Importing one raises ImportError where it cannot be used.
2. Backends do the same: their answers are equal, only their speed is not, and tests hold them to one another.
3. They are asked in batches, of columns or of many digests at once, never for a single hash in a loop.
4. A backend knows bytes, columns and algorithms; what an event is and which bytes it covers is said to it.

The standard library's backend is chosen until an input is large enough to be worth the import of evlog-accel; then that
one, if it is installed and passes its self-test. ``EVLOG_BACKEND=python`` or ``accel`` forces one.
"""

from __future__ import annotations

import os

from evlog._record import import_module
from evlog.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from evlog.algorithms import HashAlg
    from evlog.hashing.protocols import Backend, Native

__all__ = ["backend", "best", "digest", "find", "native", "pad_or_cut", "trace"]

#: Backends from slow to fast: the module, and the bytes of input from which on it saves more than its import costs.
_BACKENDS = {"python": 0, "accel": 1 << 17}
_LARGE = max(_BACKENDS.values())

_chosen: Backend | None = None
_settled = False


def backend(size: int = 0) -> Backend:
    """The backend for an input of ``size`` bytes. Once there was a large one, it is the best there is for all.

    Raises UsageError if ``EVLOG_BACKEND`` names a backend that is unknown or not installed.
    """
    global _chosen, _settled
    if _chosen is None or (size >= _LARGE and not _settled):
        _chosen, _settled = _choose(size)
    return _chosen


def best() -> Backend:
    """The backend for an input of any size."""
    return backend(_LARGE)


def native(size: int) -> Native | None:
    """The native module for scanning an input of ``size`` bytes, or None where Python is to do it."""
    if size < _LARGE and _chosen is None and not os.environ.get("EVLOG_BACKEND"):
        return None
    return backend(size).native


def find(data: bytes, wanted: bytes, start: int = 0, end: int | None = None) -> int:
    """As ``data.find``: by the native module, where there is one and much to search."""
    stop = len(data) if end is None else end
    module = native(stop - start)
    return data.find(wanted, start, stop) if module is None else module.find(data, wanted, start, stop)


def _choose(size: int) -> tuple[Backend, bool]:
    """A backend, and whether a larger input would change nothing."""
    forced = os.environ.get("EVLOG_BACKEND", "")
    if forced:
        if forced not in _BACKENDS:
            raise UsageError(f"EVLOG_BACKEND is {forced!r}; known are {', '.join(_BACKENDS)}")
        try:
            return _load(forced, size), size >= _LARGE
        except ImportError as error:
            raise UsageError(f"EVLOG_BACKEND={forced}: {error}") from error
    slowest, *faster = [name for name, worth in _BACKENDS.items() if size >= worth]
    for name in reversed(faster):
        try:
            return _load(name, size), size >= _LARGE
        except ImportError:
            continue
    return _load(slowest, size), size >= _LARGE


def _load(name: str, size: int) -> Backend:
    module: Backend = import_module(f"evlog.hashing.{name}")
    module.prepare(size)
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
    """The register's value after each of the digests."""
    return backend().trace(alg, value, digests)
