"""Cells as Arrow: a table of rows, arrays of words, numbers and ids."""

from __future__ import annotations

from array import array
from operator import itemgetter

from evlog.tables.schema import TABLES, arrow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    import pyarrow as pa

__all__ = ["coded", "columns_of", "ids_of", "numbers_of", "table_of", "worded"]


def table_of(name: str, rows: list[tuple[Any, ...]]) -> pa.Table:
    """A table of rows, sorted as its files are."""
    import pyarrow as pa

    schema = arrow(name)
    order = [schema.names.index(column) for column in TABLES[name].order]
    try:
        rows.sort(key=itemgetter(*order))
    except TypeError:  # of cells that are null
        rows.sort(key=lambda row: [(row[at] is not None, row[at]) for at in order])
    return pa.Table.from_arrays(columns_of(list(schema), rows), schema=schema)


def columns_of(fields: Sequence[pa.Field], rows: Sequence[tuple[Any, ...]]) -> list[pa.Array]:
    """An array for each field of rows that are tuples of their cells."""
    import pyarrow as pa

    columns = zip(*rows, strict=True) if rows else ((),) * len(fields)
    return [_array(pa, field.type, list(cells)) for field, cells in zip(fields, columns, strict=True)]


def ids_of(ids: Iterable[bytes]) -> pa.Array:
    """An array of ids, all of 32 bytes."""
    import pyarrow as pa

    whole = b"".join(ids)
    return pa.Array.from_buffers(pa.binary(32), len(whole) // 32, [None, pa.py_buffer(whole)])


def coded(parts: Iterable[Sequence[str | None]]) -> tuple[pa.Array, list[str]]:
    """The words in sequences of them, and of each cell its place among them, null for None.

    Words are few in many cells. A sequence that comes again, the same object, is looked at once.
    """
    import pyarrow as pa

    # Numbers from 0 in the order of first mention.
    places: dict[str | None, int] = {None: -1}
    known: dict[int, array[int]] = {}
    held = []
    whole = array("i")
    for part in parts:
        numbers = known.get(id(part))
        if numbers is None:
            numbers = array("i", [places.setdefault(cell, len(places) - 1) for cell in part])
            known[id(part)] = numbers
            held.append(part)
        whole.extend(numbers)
    del places[None]
    return numbers_of(pa.int32(), (whole,), absent=-1), list(places)  # type: ignore[arg-type]


def worded(type: pa.DataType, places: pa.Array, words: Sequence[str]) -> pa.Array:
    """The array of words at places among them."""
    import pyarrow as pa

    texts = pa.array(list(map(_utf8, words)), type.value_type)
    if len(set(words)) == len(words) and all(map(str.isascii, words)):
        return pa.DictionaryArray.from_arrays(places, texts)
    # Two words may be spelled alike once they are escaped.
    return texts.take(places).dictionary_encode().cast(type)


def _array(pa: Any, type: pa.DataType, cells: list[Any]) -> pa.Array:
    if pa.types.is_dictionary(type):
        return worded(type, *coded((cells,)))
    if pa.types.is_string(type):
        return pa.array(list(map(_utf8, cells)), type)
    return pa.array(cells, type)


def _utf8(text: str | None) -> str | None:
    """Text that Arrow takes: what is no UTF-8, of a file's name, is escaped."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()


def numbers_of(type: pa.DataType, parts: Iterable[array[int]], absent: int | None = None) -> pa.Array:
    """The numbers of some arrays as one, without a copy of each; ``absent`` is the one that stands for null."""
    import pyarrow as pa

    whole = array("q" if type == pa.int64() else "i")
    for part in parts:
        whole.extend(part)
    made = pa.Array.from_buffers(type, len(whole), [None, pa.py_buffer(whole)])
    if absent is not None and absent in whole:
        import pyarrow.compute as pc

        made = pc.if_else(pc.equal(made, absent), None, made)
    return made
