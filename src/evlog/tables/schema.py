"""The five tables of a fleet: every column with its type, whether it may be null, and what it says.

Events stand once for each distinct log, however many machines have it; a sighting is one log of one machine at one
time. ``logs`` joins ``registers`` by ``sighting``, ``events`` and ``findings`` by ``log``, and ``events`` joins
``bodies`` by ``body``. Ids are SHA-256 as raw bytes.

Columns may be added at the end, and may then be null; none is renamed or gets another type. Another meaning is
another version, in another folder.
"""

from __future__ import annotations

from evlog._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import pyarrow as pa

__all__ = ["BANKS", "TABLES", "VERSION", "Column", "Table", "arrow", "missing", "plain"]

#: The version of every table: files of another one are not read.
VERSION = 1


class Column(Record):
    """A column: its name, its type as one of the words of `_type`, what it says, and whether it is never null."""

    name: str
    type: str
    doc: str
    required: bool = False


class Table(Record):
    """A table: its name, what a row of it is, its columns in order, its key, and how its rows are sorted in a file."""

    name: str
    doc: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    order: tuple[str, ...]

    @property
    def schema(self) -> str:
        """What the metadata of each file says of itself."""
        return f"evlog.table.{self.name}/{VERSION}"

    def __getitem__(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


#: Banks that have a column of their own in ``events``, by the name of the algorithm.
BANKS = ("sha1", "sha256", "sha384", "sha512", "sm3_256")

_LOGS = Table(
    "logs",
    "one row a sighting: a log of a machine at a time",
    (
        Column("sighting", "id", "SHA-256 of log, machine, boot, collected_at: the same again is the same row", True),
        Column(
            "log",
            "id",
            "SHA-256 of the log's own bytes, unwrapped; with the register, where a reader had to be told it",
            True,
        ),
        Column("machine", "string", "the machine's name, as the caller gave it: a claim"),
        Column("boot", "string", "which boot of it, as the caller gave it: a claim"),
        Column("collected_at", "time", "when it was gathered, by the capture or the file's time: a claim"),
        Column("source", "string", "the file, or archive!member", True),
        Column("format", "word", "as evlog formats names it; null if it is no log"),
        Column("platform", "word", "tpm, tdx, cca, snp, csv, nitro"),
        Column("banks", "words", "the banks of its digests"),
        Column("bytes", "int64", "size of the log"),
        Column("events", "int32", "number of events"),
        Column("failed", "bool", "part of it could not be read: the log ends early"),
        Column("verdict", "word", "ok or differs, as evlog verify demands; null: nothing to compare with"),
        Column(
            "authenticated", "bool", "the values are authenticated by a key or root of the caller's; null: no evidence"
        ),
        Column("evidence", "word", "the kind of evidence compared with: register-file, tpm-quote ..."),
        Column("evidence_id", "id", "what tells a piece of signed evidence from another: two machines never share one"),
        Column("role", "word", "which log of the boot: firmware, ima, text, other"),
        Column("day", "date", "the day of collected_at, UTC"),
        Column(
            "word",
            "word",
            "verified, replayable, accepted, read, no, shared (two machines had the evidence); null: no evidence",
        ),
    ),
    ("sighting",),
    ("machine", "collected_at"),
)
_EVENTS = Table(
    "events",
    "one row an event of a distinct log",
    (
        Column("log", "id", "joins logs", True),
        Column("number", "int32", "from 0", True),
        Column("register", "word", "pcr:7, ccmr:3, mr:NAME"),
        Column("measured", "bool", "the event extends its register"),
        Column("type", "word", "the event's type, which no digest covers"),
        Column("kind", "word", "what its data was decoded as: efi_variable, image_load ..."),
        Column("name", "word", "what it is about; covered only where digest_check says matches"),
        Column("summary", "string", "the event on one line"),
        Column("sha1", "bytes20", "the digest of this bank; null: none"),
        Column("sha256", "bytes32", "the digest of this bank; null: none"),
        Column("sha384", "bytes48", "the digest of this bank; null: none"),
        Column("sha512", "bytes64", "the digest of this bank; null: none"),
        Column("sm3_256", "bytes32", "the digest of this bank; null: none"),
        Column("other_digests", "digests", "of other algorithms or sizes, and the second of a bank"),
        Column(
            "digest_check", "word", "the worst of the banks: mismatch, matches, not_checkable; null: nothing to check"
        ),
        Column("rule", "word", "by which rule the digest matches"),
        Column("body", "id", "SHA-256 of the event's data; joins bodies"),
        Column("body_bytes", "int32", "size of the event's data"),
        Column("offset", "int64", "of the record in the log"),
        Column("length", "int32", "of the record"),
    ),
    ("log", "number"),
    ("log", "number"),
)
_REGISTERS = Table(
    "registers",
    "one row a register and bank of a sighting",
    (
        Column("sighting", "id", "joins logs", True),
        Column("register", "word", "pcr:7, ccmr:3, mr:NAME", True),
        Column("bank", "word", "sha256 ...", True),
        Column("replayed", "binary", "what the log leads to; null: it cannot be said"),
        Column("stated", "binary", "what the evidence says; null: nothing"),
        Column(
            "register_verdict", "word", "match, mismatch, not_logged, not_reported ...; null: nothing to compare with"
        ),
        Column("status", "word", "complete, incomplete"),
        Column("start_reason", "word", "why replay starts where it does"),
        Column("events", "int32", "events that extend it"),
    ),
    ("sighting", "register", "bank"),
    ("register", "bank", "sighting"),
)
_FINDINGS = Table(
    "findings",
    "one row a finding: of a distinct log, or of one sighting of it",
    (
        Column("log", "id", "joins logs", True),
        Column("code", "word", "stable: docs/findings.md"),
        Column("severity", "word", "error, warning, note"),
        Column("message", "string", "a sentence"),
        Column("event", "int32", "number of the event it is about"),
        Column("offset", "int64", "byte in the log"),
        Column(
            "sighting",
            "id",
            "the sighting it is about (its evidence, its machine); null: the log itself, wherever seen",
        ),
    ),
    ("log", "sighting", "code", "event", "offset"),
    ("log",),
)
_BODIES = Table(
    "bodies",
    "one row a distinct piece of event data",
    (
        Column("body", "id", "SHA-256 of the data", True),
        Column("size", "int32", "in bytes"),
        Column("kind", "word", "what it was decoded as when first seen"),
        Column("name", "word", "what it was about when first seen"),
        Column("data", "binary", "the data"),
    ),
    ("body",),
    ("body",),
)

#: Every table by name, in the order in which a lake has them.
TABLES: dict[str, Table] = {table.name: table for table in (_LOGS, _EVENTS, _REGISTERS, _FINDINGS, _BODIES)}


def arrow(table: str) -> pa.Schema:
    """The Arrow schema of a table, with its metadata: each field's ``doc``, and which schema it is.

    Raises UsageError where pyarrow is not installed, saying which extra it comes with.
    """
    import evlog

    pa = _pyarrow()
    what = TABLES[table]
    fields = [
        pa.field(each.name, _type(pa, each.type), nullable=not each.required, metadata={"doc": each.doc})
        for each in what.columns
    ]
    return pa.schema(fields, metadata={"evlog.schema": what.schema, "evlog.version": evlog.__version__})


def plain(table: str) -> pa.Schema:
    """The same table in types that every engine takes as output.

    Spark refuses dictionaries, fixed-size binary and unsigned numbers from ``mapInArrow``: words are strings here,
    ids and digests binary.
    """
    pa = _pyarrow()
    rich = arrow(table)
    fields = [field.with_type(_plain_type(pa, field.type)) for field in rich]
    return pa.schema(fields, metadata=rich.metadata)


def missing(error: ImportError) -> Exception:
    """What is raised where a package of the extra is not installed."""
    from evlog.errors import UsageError

    return UsageError(f"{error.name} is not installed: pip install 'evlog-toolkit[tables]' (Python 3.11 or later)")


def _pyarrow() -> Any:
    try:
        import pyarrow as pa
    except ImportError as error:
        raise missing(error) from None
    return pa


def _type(pa: Any, word: str) -> pa.DataType:
    """The Arrow type of a word of `Column.type`."""
    # Indices of 32 bits always: a file in which they were 8 would be of another type.
    words = pa.dictionary(pa.int32(), pa.string())
    if word.startswith("bytes"):
        return pa.binary(int(word.removeprefix("bytes")))
    types: dict[str, pa.DataType] = {
        "id": pa.binary(32),
        "word": words,
        # Parquet calls what a list has so, and gives it back.
        "words": pa.list_(pa.field("element", words)),
        "digests": pa.list_(pa.field("element", pa.struct([("alg", words), ("value", pa.binary())]))),
        "string": pa.string(),
        "binary": pa.binary(),
        "bool": pa.bool_(),
        "int32": pa.int32(),
        "int64": pa.int64(),
        "time": pa.timestamp("us", tz="UTC"),
        "date": pa.date32(),
    }
    return types[word]


def _plain_type(pa: Any, rich: pa.DataType) -> pa.DataType:
    types = pa.types
    if types.is_dictionary(rich):
        return rich.value_type
    if types.is_fixed_size_binary(rich):
        return pa.binary()
    if types.is_list(rich):
        return pa.list_(pa.field("element", _plain_type(pa, rich.value_type)))
    if types.is_struct(rich):
        return pa.struct([(field.name, _plain_type(pa, field.type)) for field in rich])
    return rich
