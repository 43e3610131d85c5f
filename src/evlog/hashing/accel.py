"""The backend of evlog-accel: everything in the native module, but for algorithms that it lacks.

Importing this module raises ImportError if evlog-accel is not installed, is of another version than this file was
written for, or gives a wrong answer to a question whose answer is known.
"""

from __future__ import annotations

from array import array

import evlog_accel

from evlog.algorithms import ALGORITHMS, HashAlg

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from evlog.columns import Columns, Layout
    from evlog.hashing.protocols import Backend, Job, Native, Spans

NAME = "accel"
native: Native = evlog_accel

_API = 5

if native.API != _API:
    raise ImportError(f"evlog-accel {native.__version__} does not fit this evlog")
if not native.self_test():
    raise ImportError("evlog-accel gives wrong answers on this machine")

_IDS = frozenset(native.algorithms())


def prepare(size: int) -> None:
    """Nothing pays off only later."""


def computable(alg: HashAlg) -> bool:
    return _here(alg) or _python().computable(alg)


def digests(alg: HashAlg, parts: Iterable[bytes]) -> list[bytes]:
    if not _here(alg):
        return _python().digests(alg, parts)
    return native.digests(alg.id, list(parts))


def fold(alg: HashAlg, value: bytes, digests: Iterable[bytes]) -> bytes:
    if not _here(alg):
        return _python().fold(alg, value, digests)
    return native.fold(alg.id, value, list(digests))


def trace(alg: HashAlg, value: bytes, digests: Iterable[bytes]) -> list[bytes]:
    if not _here(alg):
        return _python().trace(alg, value, digests)
    fold, number = native.fold, alg.id
    return [value := fold(number, value, (digest,)) for digest in digests]


def fold_many(jobs: Sequence[Job]) -> list[dict[HashAlg, set[int]]]:
    """See `Backend`. All banks of all jobs go in one call, which shares them out among the processors."""
    shares = [_share(*job) for job in jobs]
    folded = native.fold_many([asked for _, _, asked in shares])
    results = []
    for (columns, wanted, values), (banks, order, _), after in zip(jobs, shares, folded, strict=True):
        elsewhere = [bank for bank in wanted if bank not in banks]
        [missing] = _python().fold_many([(columns, elsewhere, values)]) if elsewhere else [{}]
        for bank, (extended, lacking) in zip(banks, after, strict=True):
            values[bank].update(zip(order, extended, strict=True))
            missing[bank] = {register for register, lacks in zip(order, lacking, strict=True) if lacks}
        results.append(missing)
    return results


def _share(
    columns: Columns, wanted: Sequence[HashAlg], values: dict[HashAlg, dict[int, bytes]]
) -> tuple[list[HashAlg], list[int], Any]:
    """The banks of a job that can be folded here, their registers in order, and the job as the native module wants it.

    The values may be of another size than the bank, where somebody gave them.
    """
    banks = [bank for bank in wanted if _here(bank) and all(len(each) == bank.size for each in values[bank].values())]
    order = sorted({register for bank in banks for register in values[bank]})
    asked = [
        (bank.id, [layout.distance(bank) for layout in columns.layouts], [values[bank][each] for each in order])
        for bank in banks
    ]
    rows = columns.buffer, columns.offsets, columns.registers, columns.layout_of, columns.violations
    return banks, order, (*rows, order, asked)


def fold_spans(columns: Columns, spans: Spans, alg: HashAlg, value: bytes, first: int, end: int) -> bytes:
    if not _here(alg) or len(value) != alg.size:
        return _python().fold_spans(columns, spans, alg, value, first, end)
    return native.fold_spans(alg.id, value, columns.buffer, *spans, columns.registers, first, end)


def tally(registers: array[int]) -> Mapping[int, int]:
    return native.tally(registers)


def of_body(columns: Columns) -> bytes:
    """See `Backend`. Rows with a digest that nobody can compute are not asked about."""
    if not all(_here(alg) or not _python().computable(alg) for layout in columns.layouts for alg, _ in layout.digests):
        return _python().of_body(columns)
    shapes = list(map(_shape, columns.layouts))
    return native.of_body(columns.buffer, columns.offsets, columns.end, columns.layout_of, shapes)


def _shape(layout: Layout) -> Any:
    """A layout as the native module wants it; without digests if nobody can tell what they cover."""
    named = layout.named
    body = layout.body if named is None else named.at
    if body is None or not all(_here(alg) for alg, _ in layout.digests):
        return 0, [], None
    digests = [(alg.id, at) for alg, at in layout.digests]
    return body, digests, named and (named.byteorder == "big", named.usual, named.others)


def words(columns: Columns, distances: Sequence[int], byteorder: str) -> array[int]:
    """See `Backend`."""
    numbers = array("I")
    native.words(columns.buffer, columns.offsets, columns.layout_of, distances, byteorder == "big", numbers)
    return numbers


def _here(alg: HashAlg) -> bool:
    # An algorithm whose digests a header gives another size cannot be computed by anybody.
    return alg.id in _IDS and ALGORITHMS.get(alg.id) == alg


def _python() -> Backend:
    from evlog.hashing import python

    return python
