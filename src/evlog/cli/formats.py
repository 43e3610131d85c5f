"""The formats that evlog reads and writes, and the schemas of what it prints."""

from __future__ import annotations

from evlog.cli import _common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


EXAMPLES = ("evlog formats --json", "evlog formats --schema evlog.verify/1")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object (evlog.formats/1)")
    parser.add_argument(
        "--schema", metavar="NAME", help="print a schema instead, such as evlog.replay/1; list: all names"
    )


def run(args: argparse.Namespace) -> int:
    from evlog.formats import FORMATS, room, writes

    if args.schema is not None:
        return _schema(args)
    rooms = [room(format) for format in FORMATS]
    if args.json:
        rows = [{"id": r.ID, "title": r.TITLE, "reads": hasattr(r, "read"), "writes": writes(r.ID)} for r in rooms]
        _common.print_json({"schema": "evlog.formats/1", "formats": rows})
        return 0
    for r in rooms:
        _common.put(f"{r.ID:12} {r.TITLE}{'' if writes(r.ID) else ' (only read)'}")
    return 0


def _schema(args: argparse.Namespace) -> int:
    """A schema, as its file is; or the names of all."""
    from evlog.errors import UsageError
    from evlog.schemas import names, schema

    if args.json:
        raise UsageError("--schema and --json do not go together")
    lines = names() if args.schema == "list" else schema(args.schema).decode().splitlines()
    _common.put(*lines)
    return 0
