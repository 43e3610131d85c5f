"""The backend of the standard library, and cryptography for SM3 where hashlib's OpenSSL lacks it.

hashlib's functions are OpenSSL's: the faster ones, but loading them takes as long as replaying a boot log three times.
So the interpreter's own serve until much is to be hashed.
"""

from __future__ import annotations

import struct
from array import array
from itertools import chain, islice, repeat

from evlog._record import import_module, lru_cache
from evlog.algorithms import ALGORITHMS, HashAlg
from evlog.columns import NOT_EXTENDED
from evlog.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Protocol

    from evlog.columns import Columns, Layout, Named
    from evlog.hashing.protocols import Job, Native, Spans

    class Hash(Protocol):
        """What hashlib's constructors return, as far as it is used here."""

        def digest(self) -> bytes: ...

    Constructor = Callable[[bytes], Hash]
    #: What a digest covers, of (buffer, where in it, the end of the record); None if it does not fit in there.
    Covered = Callable[[bytes, int, int], bytes | None]

NAME = "python"
# Rows whose columns are sliced at a time.
_RUN = 4096
# Bytes of input from which on OpenSSL saves more than loading it costs.
_MUCH = 1 << 17
# The interpreter's modules with a function; the first is that of Python 3.12 and later.
_OWN = {
    "sha1": ("_sha1",),
    "sha256": ("_sha2", "_sha256"),
    "sha384": ("_sha2", "_sha512"),
    "sha512": ("_sha2", "_sha512"),
}
native: Native | None = None
_openssl = False


def prepare(size: int) -> None:
    global _openssl  # noqa: PLW0603
    if size >= _MUCH and not _openssl:
        _openssl = True
        _constructor.cache_clear()


def computable(alg: HashAlg) -> bool:
    return _constructor(alg) is not None


def digests(alg: HashAlg, parts: Iterable[bytes]) -> list[bytes]:
    new = _required(alg)
    return [new(part).digest() for part in parts]


def fold(alg: HashAlg, value: bytes, digests: Iterable[bytes]) -> bytes:
    new = _required(alg)
    for digest in digests:
        value = new(value + digest).digest()
    return value


def trace(alg: HashAlg, value: bytes, digests: Iterable[bytes]) -> list[bytes]:
    new = _required(alg)
    values = []
    for digest in digests:
        value = new(value + digest).digest()
        values.append(value)
    return values


def fold_many(jobs: Sequence[Job]) -> list[dict[HashAlg, set[int]]]:
    return [_fold_columns(*job) for job in jobs]


def _fold_columns(
    columns: Columns, banks: Sequence[HashAlg], values: dict[HashAlg, dict[int, bytes]]
) -> dict[HashAlg, set[int]]:
    """Rows that extend nothing are folded into a scrap register: no branch per row."""
    missing: dict[HashAlg, set[int]] = {bank: set() for bank in banks}
    for bank in banks:
        values[bank][NOT_EXTENDED] = b""
    layout_of = columns.layout_of
    # In nearly every log all rows after the header's have one layout.
    first = 1 if layout_of and layout_of[0] != layout_of[-1] else 0
    if layout_of and layout_of.count(layout_of[-1]) != len(layout_of) - first:
        for bank in banks:
            missing[bank] = _fold_mixed(columns, layout_of, bank, values[bank])
    elif len(columns):
        if first:
            missing = _fold_uniform(columns, slice(0, 1), banks, values)
        for bank, registers in _fold_uniform(columns, slice(first, None), banks, values).items():
            missing[bank] |= registers
    for bank in banks:
        del values[bank][NOT_EXTENDED]
        missing[bank].discard(NOT_EXTENDED)
    return missing


def fold_spans(columns: Columns, spans: Spans, alg: HashAlg, value: bytes, first: int, end: int) -> bytes:
    new, buffer = _required(alg), columns.buffer
    starts, stops = spans
    for start in range(first, end, _RUN):
        rows = slice(start, min(start + _RUN, end))
        for register, begin, stop in zip(columns.registers[rows], starts[rows], stops[rows], strict=True):
            if register != NOT_EXTENDED:
                value = new(value + new(buffer[begin:stop]).digest()).digest()
    return value


def tally(registers: array[int]) -> Mapping[int, int]:
    counts: dict[int, int]
    if len(registers) > _RUN:
        from collections import Counter

        counts = Counter(registers)
    else:
        counts = {}
        for register in registers:
            counts[register] = counts.get(register, 0) + 1
    counts.pop(NOT_EXTENDED, None)
    return counts


def of_body(columns: Columns) -> bytes:
    """See `Backend`."""
    buffer = columns.buffer
    shapes = [_body_shape(layout) for layout in columns.layouts]
    layout_of = columns.layout_of or repeat(0)
    flags = bytearray(len(columns))
    stops = chain(islice(columns.offsets, 1, None), (columns.end,))
    for row, (offset, stop, layout) in enumerate(zip(columns.offsets, stops, layout_of)):  # noqa: B905
        start, covered, digests = shapes[layout]
        body = buffer[offset + start : stop] if covered is None else covered(buffer, offset + start, stop)
        if body is None:
            continue
        for new, first, last in digests:
            if new(body).digest() != buffer[offset + first : offset + last]:
                break
        else:
            flags[row] = bool(digests)
    return bytes(flags)


def words(columns: Columns, distances: Sequence[int], byteorder: str) -> array[int]:
    """See `Backend`."""
    buffer, number = columns.buffer, int.from_bytes
    if columns.layout_of is None:
        at: Iterable[int] = map(distances[0].__add__, columns.offsets)
    else:
        at = (offset + distances[layout] for offset, layout in zip(columns.offsets, columns.layout_of, strict=True))
    return array("I", [number(buffer[place : place + 4], byteorder) for place in at])  # type: ignore[arg-type]


def _body_shape(layout: Layout) -> tuple[int, Covered | None, list[tuple[Constructor, int, int]]]:
    """Where the body of a record starts, and for each digest its hash, start and end; no digests if one is unknown.

    Of a body behind a name, where the length of the name is, and what finds the bytes that the digests cover.
    """
    named = layout.named
    body = layout.body if named is None else named.at
    digests = [(_constructor(alg), at, at + alg.size) for alg, at in layout.digests]
    known = [(new, first, last) for new, first, last in digests if new is not None]
    covered = None if named is None else _behind(named)
    return body or 0, covered, known if body is not None and len(known) == len(digests) else []


def _behind(named: Named) -> Covered:
    """What finds the bytes that are covered of a body behind a name: in a buffer, from the length of the name on."""
    number = struct.Struct("<I" if named.byteorder == "little" else ">I").unpack_from
    usual, others = named.usual, dict(named.others)

    def covered(buffer: bytes, at: int, stop: int) -> bytes | None:
        if at + 4 > stop:
            return None
        start = at + 4 + number(buffer, at)[0]
        if start > stop:
            return None
        kept, left_out, filled = others.get(buffer[at + 4 : start], usual)
        rest = buffer[start + kept + left_out : stop].ljust(filled, b"\0")
        return buffer[start : min(start + kept, stop)] + rest if kept else rest

    return covered


def _fold_uniform(
    columns: Columns, rows: slice, banks: Sequence[HashAlg], values: dict[HashAlg, dict[int, bytes]]
) -> dict[HashAlg, set[int]]:
    """Fold rows that share the layout of the first of them."""
    missing: dict[HashAlg, set[int]] = {bank: set() for bank in banks}
    offsets, registers = columns.offsets[rows], columns.registers[rows]
    layout = columns.layout(rows.start)
    present = []
    for bank in banks:
        distance = layout.distance(bank)
        if distance is None:
            missing[bank].update(registers)
        else:
            present.append((bank, distance))
    present.sort(key=lambda pair: pair[1])
    # Two banks in one pass: slicing a row costs as much as hashing it.
    while len(present) >= 2 and not columns.violations:
        (a, at_a), (b, at_b) = present.pop(0), present.pop(0)
        form = f"<{a.size}s{at_b - at_a - a.size}x{b.size}s"
        _fold_two(columns.buffer, offsets, registers, at_a, form, (a, b), values)
    for bank, distance in present:
        fold_one = _fold_one_of_list if columns.violations else _fold_one
        fold_one(columns.buffer, offsets, registers, distance, bank, values[bank])
    return missing


def _fold_mixed(columns: Columns, layout_of: bytearray, bank: HashAlg, values: dict[int, bytes]) -> set[int]:
    """Fold rows of several layouts, which may change at every row."""
    new, size, buffer = _required(bank), bank.size, columns.buffer
    distances = [layout.distance(bank) for layout in columns.layouts]
    missing = set()
    for register, offset, layout in zip(columns.registers, columns.offsets, layout_of, strict=True):
        distance = distances[layout]
        if distance is None:
            missing.add(register)
        else:
            at = offset + distance
            values[register] = new(values[register] + buffer[at : at + size]).digest()
    return missing


def _fold_one(
    buffer: bytes,
    offsets: array[int],
    registers: array[int],
    distance: int,
    bank: HashAlg,
    values: dict[int, bytes],
) -> None:
    new, size = _required(bank), bank.size
    for register, offset in zip(registers, offsets, strict=True):
        at = offset + distance
        values[register] = new(values[register] + buffer[at : at + size]).digest()


def _fold_one_of_list(
    buffer: bytes,
    offsets: array[int],
    registers: array[int],
    distance: int,
    bank: HashAlg,
    values: dict[int, bytes],
) -> None:
    """The same for an IMA list: zeros mark a violation, which extends ones."""
    new, size = _required(bank), bank.size
    zeros, ones = bytes(size), b"\xff" * size
    last = distance + size
    current = registers[0] if registers else NOT_EXTENDED
    value = values[current]
    for register, offset in zip(registers, offsets, strict=True):
        # A list stays with one register for long.
        if register != current:
            values[current] = value
            current, value = register, values[register]
        digest = buffer[offset + distance : offset + last]
        value = new(value + (digest if digest != zeros else ones)).digest()
    values[current] = value


def _fold_two(
    buffer: bytes,
    offsets: array[int],
    registers: array[int],
    distance: int,
    form: str,
    banks: tuple[HashAlg, HashAlg],
    values: dict[HashAlg, dict[int, bytes]],
) -> None:
    one, two = map(_required, banks)
    ones, twos = values[banks[0]], values[banks[1]]
    unpack = struct.Struct(form).unpack_from
    for register, offset in zip(registers, offsets, strict=True):
        first, second = unpack(buffer, offset + distance)
        ones[register] = one(ones[register] + first).digest()
        twos[register] = two(twos[register] + second).digest()


def _required(alg: HashAlg) -> Constructor:
    found = _constructor(alg)
    if found is None:
        raise UsageError(f"{alg} digests of {alg.size} bytes cannot be computed")
    return found


@lru_cache(64)
def _constructor(alg: HashAlg) -> Constructor | None:
    if ALGORITHMS.get(alg.id) != alg:
        return None
    if alg.name == "sm3_256":
        return _sm3()
    for module in () if _openssl else _OWN.get(alg.name, ()):
        try:
            own: Constructor = getattr(import_module(module), alg.name)
            return own
        except (ImportError, AttributeError):
            # An interpreter that was built without it, or another one.
            continue
    found: Constructor = getattr(import_module("hashlib"), alg.name)
    return found


def _sm3() -> Constructor | None:
    import hashlib

    try:
        hashlib.new("sm3")
        return lambda data: hashlib.new("sm3", data)
    except ValueError:
        pass
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes

    class Sm3:
        def __init__(self, data: bytes) -> None:
            self._hash = hashes.Hash(hashes.SM3())
            self._hash.update(data)

        def digest(self) -> bytes:
            return self._hash.finalize()

    try:
        Sm3(b"")
    except UnsupportedAlgorithm:
        return None
    return Sm3
