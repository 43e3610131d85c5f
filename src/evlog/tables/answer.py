"""What a question about a lake is answered with: columns, and batches of rows that are made as they are taken."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    import pyarrow as pa

__all__ = ["Answer", "cell", "made"]

# Rows of an answer of evlog's own that make a batch.
_BATCH = 256


class Answer:
    """Columns (an Arrow schema) and batches, which can be taken once.

    A whole answer is an Arrow stream (``pyarrow.table(answer)``), or rows of Python values (`rows`).
    """

    def __init__(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        self.schema, self.batches = schema, iter(batches)
        #: What the rows leave out, in a sentence each.
        self.notes: tuple[str, ...] = ()

    def noted(self, notes: Iterable[str]) -> Answer:
        """The answer with what there is to say besides."""
        self.notes = tuple(notes)
        return self

    @property
    def columns(self) -> list[dict[str, str]]:
        """Each column's name, and its type as Arrow calls it."""
        return [{"name": field.name, "type": str(field.type)} for field in self.schema]

    @property
    def names(self) -> list[str]:
        """The columns' names; two may be the same."""
        return list(self.schema.names)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows as Python values."""
        for batch in self.batches:
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        import pyarrow as pa

        return pa.RecordBatchReader.from_batches(self.schema, self.batches).__arrow_c_stream__(requested_schema)


def made(columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[Any]]) -> Answer:
    """An answer of rows, with columns by name and type: string, int64, binary or timestamp."""
    import pyarrow as pa

    types: dict[str, Callable[[], pa.DataType]] = {
        "string": pa.string,
        "int64": pa.int64,
        "binary": pa.binary,
        "timestamp": lambda: pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema([(name, types[type]()) for name, type in columns])

    def batches() -> Iterator[pa.RecordBatch]:
        waiting: list[Sequence[Any]] = []
        for row in rows:
            waiting.append(row)
            if len(waiting) == _BATCH:
                yield batch(waiting)
                waiting = []
        if waiting:
            yield batch(waiting)

    def batch(some: list[Sequence[Any]]) -> pa.RecordBatch:
        arrays = [
            pa.array(list(values), field.type) for field, values in zip(schema, zip(*some, strict=True), strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    return Answer(schema, batches())


def cell(value: Any) -> Any:
    """A value of a row as JSON has it: bytes as lower-case hex, times as ISO 8601, whole numbers as such."""
    if value is None or value.__class__ in (bool, int, str):
        return value
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, dict):
        return {str(key): cell(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return [cell(each) for each in value]
    if isinstance(value, float):
        return value if value - value == 0 else str(value)  # JSON has neither nan nor inf
    if hasattr(value, "isoformat"):
        return value.isoformat().replace("+00:00", "Z")
    if hasattr(value, "as_integer_ratio"):  # a decimal number
        over, under = value.as_integer_ratio() if value.is_finite() else (str(value), 1)
        return over if under == 1 else float(value)
    return str(value)
