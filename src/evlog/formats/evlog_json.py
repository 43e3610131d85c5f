"""evlog's own JSON: a log with everything that the model holds, for what no other format can.

Schema: schemas/evlog.log.schema.json (``evlog.log/1``). `evlog show --json` prints the same document with the decoded
data and the digest checks added, which this reader passes over.
"""

from __future__ import annotations

from evlog import contents
from evlog.algorithms import HashAlg
from evlog.contents._printable import printable
from evlog.errors import EvlogError, ParseError
from evlog.formats import CERTAIN, NO_MATCH, Match, recnum
from evlog.model import Digest, Event, Finding, Header, Log, Origin, Padding, Span
from evlog.registers import PLATFORMS, Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from evlog.formats.json_rows import Rows
    from evlog.model import Loss
    from evlog.options import Options

ID = "evlog-json"
TITLE = "evlog JSON (everything evlog knows of a log)"
SCHEMA = "evlog.log/1"
HOLDS = frozenset(contents.KINDS)
#: No log area is larger; a document of 100 bytes must not ask for more memory than that.
MAX_PADDING = 1 << 28


def sniff(data: bytes, options: Options) -> Match:
    """Certain of a JSON object that names the schema near its start."""
    before, named, _ = data[:4096].partition(f'"{SCHEMA}"'.encode())
    if not named or before.lstrip()[:1] != b"{":
        return NO_MATCH
    # It is a member of the object itself, and not of one in it.
    brackets = b"".join(before.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])
    depth = sum(map(brackets.count, (b"{", b"["))) - sum(map(brackets.count, (b"}", b"]")))
    return Match(CERTAIN, f"the schema is {SCHEMA}") if depth == 1 else NO_MATCH


def document(log: Log) -> dict[str, Any]:
    """A log as an object, ready for `json.dumps`. Bytes are lower-case hex."""
    sizes = _sizes(log)
    return {
        "schema": SCHEMA,
        "format": log.format,
        "platform": log.platform,
        "algorithms": [str(alg) for alg in log.algorithms],
        **({"digest_sizes": sizes} if sizes else {}),
        **_container(log),
        "events": [event_json(event, log.platform, sizes) for event in log.events],
        "findings": [finding.to_json() for finding in log.findings],
    }


def _sizes(log: Log) -> dict[str, int]:
    """Digest sizes by name, of the log's algorithms that evlog does not know or that the log sizes otherwise."""
    return {str(alg): alg.size for alg in log.algorithms if alg != HashAlg.of(alg.id)}


def _container(log: Log) -> dict[str, Any]:
    """Members that few logs have."""
    members: dict[str, Any] = {}
    if log.header is not None:
        options = {name: _scalar(value) for name, value in log.header.options}
        members["header"] = {"format": log.header.format, "options": options}
    if log.padding is not None:
        members["padding"] = {"fill": log.padding.fill, "length": log.padding.length}
    if log.trailing:
        members["trailing"] = log.trailing.hex()
    if log.start is not None:
        members["start"] = [
            {"register": str(register), "alg": str(alg), "value": value.hex()}
            for (register, alg), value in log.start.values.items()
        ]
    return members


def event_json(event: Event, platform: str | None, sizes: dict[str, int] | None = None) -> dict[str, Any]:
    """One event of the document; ``sizes`` are those that the document states."""
    origin = event.origin
    members: dict[str, Any] = {
        "number": event.number,
        "offset": origin.span.offset if origin else None,
        "length": origin.span.length if origin else None,
        "register": str(event.register),
        "label": event.register.label(platform),
        "recnum": event.recnum,
        "measured": event.measured,
        "digests": [_digest_json(digest, sizes or {}) for digest in event.digests],
        "content": contents.to_json(event.content),
    }
    if origin is not None and origin.log:
        # A file's name may hold anything; a document's strings can be printed.
        members["origin"] = {"log": printable(origin.log), "format": origin.format}
    if event.wire is not None:
        members["wire"] = _scalar(event.wire)
    return members


def _digest_json(digest: Digest, sizes: dict[str, int]) -> dict[str, Any]:
    alg = digest.alg
    members: dict[str, Any] = {"alg": str(alg), "digest": digest.value.hex()}
    if _alg(str(alg), sizes, len(digest.value)) != alg:
        members["size"] = alg.size
    return members


def read(data: bytes, options: Options) -> Log:
    """Read a document; members that belong to `show` are passed over. Raises ParseError naming the member at fault."""
    from evlog.formats import evlog_json_rows

    found = evlog_json_rows.rows(data)
    if found is not None and not _is_plain(found[0].get("format"), options):
        found = None
    document, rows = found if found is not None else (_document(data), None)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ParseError(f"not a document of schema {SCHEMA}", offset=0, where="schema")
    where = ""
    try:
        sizes = {_text(name): _number(size, 1, 128) for name, size in document.get("digest_sizes", {}).items()}
        events: Sequence[Event]
        if rows is not None:
            events = rows.events(options.name, document["format"], counted=_counted(rows))
        else:
            made = []
            for number, members in enumerate(document["events"]):
                where = f"events[{number}]"
                made.append(_event(members, number, sizes, options.name, document["format"]))
            where = ""
            events = tuple(made)
        return Log(
            _text(document["format"]),
            events,
            header=_header(document.get("header")),
            algorithms=tuple(_alg(name, sizes) for name in document["algorithms"]),
            padding=_padding(document.get("padding")),
            trailing=bytes.fromhex(document.get("trailing", "")),
            start=_start(document.get("start"), sizes),
            platform=options.platform or _platform(document.get("platform")),
            findings=tuple(map(_finding, document.get("findings", []))),
            name=options.name,
        )
    except (KeyError, TypeError, ValueError, AttributeError, EvlogError) as error:
        what = f"member {error} is missing" if isinstance(error, KeyError) else str(error)
        raise ParseError(f"not an evlog document: {what}", offset=0, where=where) from error


def _is_plain(format: Any, options: Options) -> bool:
    """Whether there is nothing to say about what events are taken to be read from that do not tell."""
    return isinstance(format, str) and format.isprintable() and options.name.isprintable()


def _counted(rows: Rows) -> bool:
    """Whether record numbers say no more than the order of the events does."""
    return rows.recnums is None or recnum.scheme(rows.recnums, rows.indices).standard


def _document(data: bytes) -> Any:
    import json

    text = ""
    try:
        text = data.decode()
        return json.loads(text)
    except RecursionError:
        raise ParseError("JSON nested too deeply", offset=0) from None
    except UnicodeDecodeError as error:
        raise ParseError("not JSON: not UTF-8", offset=error.start) from error
    except json.JSONDecodeError as error:
        raise ParseError(f"not JSON: {error.msg.lower()}", offset=len(text[: error.pos].encode())) from error
    except ValueError as error:
        raise ParseError("not JSON that can be: a number has too many digits", offset=0) from error


def _event(members: dict[str, Any], number: int, sizes: dict[str, int], name: str, format: str) -> Event:
    origin = None
    if members.get("offset") is not None:
        source = members.get("origin", {"log": name, "format": format})
        span = Span(_number(members["offset"]), _number(members["length"]))
        origin = Origin(_text(source["log"]), _text(source["format"]), span)
    recnum = members.get("recnum")
    return Event(
        number,
        Register.parse(members["register"]),
        tuple(_digest(digest, sizes) for digest in members["digests"]),
        contents.from_json(members["content"]),
        None if recnum is None else _number(recnum),
        origin,
        _from_scalar(members.get("wire")),
    )


def _digest(members: dict[str, Any], sizes: dict[str, int]) -> Digest:
    value = bytes.fromhex(members["digest"])
    alg = _alg(members["alg"], sizes, len(value))
    return Digest(HashAlg.of(alg.id, _number(members["size"], 0, 128)) if "size" in members else alg, value)


def _alg(name: str, sizes: dict[str, int], length: int = 0) -> HashAlg:
    """The algorithm of a name: its size is what the document states, or its own, or that of the digest at hand."""
    alg = HashAlg.named(name)
    return HashAlg.of(alg.id, sizes.get(name, 0 if alg.known else length))


def _header(members: dict[str, Any] | None) -> Header | None:
    if members is None:
        return None
    options = tuple((name, _from_scalar(value)) for name, value in members["options"].items())
    return Header(_text(members["format"]), options)  # type: ignore[arg-type]


def _padding(members: dict[str, Any] | None) -> Padding | None:
    if members is None:
        return None
    return Padding(_number(members["fill"], 0, 255), _number(members["length"], 1, MAX_PADDING))


def _platform(name: str | None) -> str | None:
    if name is not None and name not in PLATFORMS:
        raise ValueError(f"unknown platform {name!r}")
    return name


def _finding(members: dict[str, Any]) -> Finding:
    event, offset = members["event"], members["offset"]
    return Finding(
        _text(members["code"]),
        _text(members["severity"]),
        _text(members["message"]),
        None if event is None else _number(event),
        None if offset is None else _number(offset),
    )


def _text(value: Any) -> str:
    """A string that a terminal can show."""
    if not isinstance(value, str) or not value.isprintable():
        raise TypeError("a string of printable characters was expected")
    return value


def _number(value: Any, least: int = 0, most: int = (1 << 64) - 1) -> int:
    """An integer within bounds; true is none."""
    if type(value) is not int or not least <= value <= most:
        raise TypeError(f"a number from {least} to {most} was expected")
    return value


def _start(rows: list[dict[str, Any]] | None, sizes: dict[str, int]) -> Registers | None:
    if rows is None:
        return None
    return Registers(
        {(Register.parse(row["register"]), _alg(row["alg"], sizes)): bytes.fromhex(row["value"]) for row in rows},
        "log",
    )


def _scalar(value: str | int | bytes) -> str | int | dict[str, str]:
    return {"hex": value.hex()} if isinstance(value, bytes) else value


def _from_scalar(value: Any) -> str | int | bytes | None:
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    if value is not None and not isinstance(value, (str, int)):
        raise TypeError(f"a string or a number was expected, not {type(value).__name__}")
    return int(value) if isinstance(value, bool) else value


def adapt(log: Log, options: Options) -> tuple[Log, Sequence[Loss]]:
    """Everything fits."""
    return log, ()


def write(log: Log, options: Options) -> bytes:
    """The document, indented, ending with a newline."""
    import json

    members = document(log)
    # A document's events are numbered by where they stand in it; those of a part of a log have the whole's numbers.
    rows = {event["number"]: row for row, event in enumerate(members["events"])}
    for row, event in enumerate(members["events"]):
        event["number"] = row
    for finding in members["findings"]:
        finding["event"] = rows.get(finding["event"], finding["event"])
    return json.dumps(members, indent=1).encode() + b"\n"


def rewrite(log: Log, options: Options) -> tuple[bytes, int] | None:
    """The same from the fields of a log of PC Client events: see `evlog.formats`."""
    import json

    from evlog.formats import evlog_json_rows

    source = log.packed
    if source is None or not (source.counted and source.usual and source.placed and len(log.events)) or _sizes(log):
        return None
    first = log.events[0]
    if first.wire is not None:
        return None
    text = json.dumps(document(log.replace(events=())), indent=1)
    data = evlog_json_rows.written(source, first, log.platform, text)
    return None if data is None else (data, 0)
