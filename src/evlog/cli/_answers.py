"""An answer about a fleet as text for people, or as pieces of a file: JSON, lines of JSON, CSV, Parquet, Arrow.

Names come from logs and folders, and may be an attacker's: what a terminal would act upon is escaped wherever text is
printed as such, in CSV too, where a cell of text that a spreadsheet would take for a formula begins with an apostrophe.
"""

from __future__ import annotations

from itertools import chain, islice

from evlog.contents._printable import printable
from evlog.tables.answer import cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from evlog.cli._page import Page
    from evlog.tables.answer import Answer

__all__ = ["FORMATS", "Guarded", "print_outliers", "print_table"]

# Rows that settle how wide columns are, and rows that are a piece.
_SETTLING, _SOME = 200, 256
# A digest is told by its first digits, as `show` does.
_DIGITS, _WHOLE = 27, 32
#: How a cell of text begins that a spreadsheet may run: https://owasp.org/www-community/attacks/CSV_Injection.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def print_table(answer: Answer, page: Page, *, whole: bool) -> int:
    """Print the rows in columns, as they come, and return how many there were; ``whole`` digests or their start."""
    rows = (tuple(_shown(value, whole) for value in row) for row in answer.rows())
    first = list(islice(rows, _SETTLING))
    names = [printable(name) for name in answer.names]
    widths = [max(map(len, column)) for column in zip(names, *first, strict=True)]
    right = [_is_number(column["type"]) for column in answer.columns]

    def line(cells: Iterable[str]) -> str:
        placed = (each.rjust(w) if r else each.ljust(w) for each, w, r in zip(cells, widths, right, strict=True))
        return "  ".join(placed).rstrip()

    page.line((line(names), "bold"))
    count = 0
    for row in chain(first, rows):
        page.line(line(row))
        count += 1
    return count


_MARKS = {"changed": ("~", "yellow"), "added": ("+", "green"), "removed": ("-", "red")}


def print_outliers(answer: Answer, page: Page, *, whole: bool) -> int:
    """Print what `evlog.tables.outliers` tells as `evlog diff` does, each group below a line about it."""
    count, before = 0, None
    for machines, register, bank, value, example, change, a, b, words, against in answer.rows():
        group = machines, register, value
        if group != before:
            alike = f"{machines} machine{'' if machines == 1 else 's'}"
            title = f"{register}: {alike}, as {example}, beside the most, as {against}"
            page.line((title if example is not None else f"{register}: {alike} besides", "bold"))
            if value is not None:
                page.line((f"{bank:>13}   ", "dim"), _shown(value, whole))
        mark, colour = _MARKS.get(change, ("!", ""))
        numbers = f"{'' if a is None else a:>4} | {'' if b is None else b:<4}"
        page.line((f"  {mark} {numbers:11} ", colour), words)
        count, before = count + 1, group
    return count


def _is_number(type: str) -> bool:
    return type.startswith(("int", "uint", "float", "double", "decimal"))


def _shown(value: Any, whole: bool) -> str:
    if isinstance(value, bytes):
        digits = value.hex()
        return digits if whole or len(digits) <= _WHOLE else f"{digits[:_DIGITS]}…"
    return printable(_text(value))


def _text(value: Any) -> str:
    """A cell as text: a list or a structure as JSON."""
    plain = cell(value)
    if plain is None or isinstance(plain, str):
        return plain or ""
    import json

    return json.dumps(plain)


class Guarded:
    """Pieces of a CSV, in which cells of text cannot become formulas; ``guarded`` counts those that would have."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.guarded = 0

    def __iter__(self) -> Iterator[bytes]:
        import csv
        import io

        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(map(self._cell, self._answer.names))
        for at, row in enumerate(self._answer.rows(), 1):
            writer.writerow(map(self._cell, row))
            if at % _SOME == 0:
                yield text.getvalue().encode("utf-8", "backslashreplace")
                text.seek(0)
                text.truncate()
        yield text.getvalue().encode("utf-8", "backslashreplace")

    def _cell(self, value: Any) -> str:
        text = printable(_text(value))
        if isinstance(value, str) and (text.startswith(_FORMULAS) or value.startswith(_FORMULAS)):
            self.guarded += 1
            return f"'{text}"
        return text


def _json(answer: Answer, head: dict[str, Any]) -> Iterator[bytes]:
    """One object: what is known of the answer, then its rows."""
    import json

    about = {**head, "notes": list(answer.notes), "columns": answer.columns}
    yield json.dumps(about).removesuffix("}").encode() + b', "rows": ['
    between = b""
    for row in answer.rows():
        yield between + json.dumps([cell(value) for value in row]).encode()
        between = b",\n"
    yield b"]}\n"


def _lines(answer: Answer, head: dict[str, Any]) -> Iterator[bytes]:
    """An object a row."""
    import json

    names = _distinct(answer)
    for row in answer.rows():
        told = {name: cell(value) for name, value in zip(names, row, strict=True)}
        yield json.dumps(told).encode() + b"\n"


def _parquet(answer: Answer, head: dict[str, Any]) -> Iterator[bytes]:
    from pyarrow import parquet

    _distinct(answer)
    sink = _Sink()
    with parquet.ParquetWriter(sink, answer.schema, compression="zstd") as writer:
        for batch in answer.batches:
            writer.write_batch(batch)
            yield from sink.taken()
    yield from sink.taken()


def _arrow(answer: Answer, head: dict[str, Any]) -> Iterator[bytes]:
    import pyarrow as pa

    sink = _Sink()
    with pa.ipc.new_stream(sink, answer.schema) as writer:
        for batch in answer.batches:
            writer.write_batch(batch)
            yield from sink.taken()
    yield from sink.taken()


def _distinct(answer: Answer) -> list[str]:
    """The names of columns, which must tell them apart. Raises UsageError."""
    names = answer.names
    twice = [name for at, name in enumerate(names) if name in names[:at]]
    if twice:
        from evlog.errors import UsageError

        raise UsageError(f"two columns are called {twice[0]!r}: name them (AS)")
    return names


class _Sink:
    """A file that is handed on in pieces; it knows how much was written, which is all that writers ask of it."""

    closed = False

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._size = 0

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._waiting.append(piece)
        self._size += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """Nothing is held."""

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def taken(self) -> list[bytes]:
        """What was written since this was asked last."""
        taken, self._waiting = self._waiting, []
        return taken


#: The formats that an answer is written in besides CSV, each as pieces; the last two are no text.
FORMATS: dict[str, Callable[[Answer, dict[str, Any]], Iterator[bytes]]] = {
    "json": _json,
    "jsonl": _lines,
    "parquet": _parquet,
    "arrow": _arrow,
}
