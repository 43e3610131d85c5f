"""The formats that evlog reads and writes."""

from __future__ import annotations

from evlog.cli import _common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


EXAMPLES = ("evlog formats --json",)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object (evlog.formats/1)")


def run(args: argparse.Namespace) -> int:
    from evlog.formats import FORMATS, room, writes

    rooms = [room(format) for format in FORMATS]
    if args.json:
        rows = [{"id": r.ID, "title": r.TITLE, "reads": hasattr(r, "read"), "writes": writes(r.ID)} for r in rooms]
        _common.print_json({"schema": "evlog.formats/1", "formats": rows})
        return 0
    for r in rooms:
        _common.put(f"{r.ID:12} {r.TITLE}{'' if writes(r.ID) else ' (only read)'}")
    return 0
