"""The logs of many machines as five tables of Parquet files: logs, events, registers, findings, bodies.

A SOURCE is a file, a folder, an archive (tar, also compressed, or zip), a capture, or a Parquet file with the columns
path and content. LAKE grows: what was read before, by name, size and time, is left out, and a run that was killed goes
on where it was. An event stands once for each distinct log, a row of logs for each time that one was seen.

The machine of a log is its folder within its source (--machine "{dir}"), or else its file's name ({stem}); {1} is the
first folder, {2} the second. Evidence beside a log ("{dir}/pcrs.json") is held against it as evlog verify does. Keys,
roots, nonces and expected values may name files by {machine}, which lie outside of the sources:
--key KEYS/{machine}.pem, --nonce @NONCES/{machine}.

Broken input never ends the run: it is a row with a finding. Exit code 0 if all is well, 1 if something is odd or could
not be read.
"""

from __future__ import annotations

import sys

from evlog.cli import _common, _demand

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from evlog.tables.evidence import FleetEvidence
    from evlog.tables.ingest import Ingested

EXAMPLES = (
    'evlog table FLEET --only "*.bin" -o LAKE',
    'evlog table FLEET -o LAKE --only log.bin --registers "{dir}/pcrs.json"',
    'evlog table FLEET -o LAKE --only CCEL --quote "{dir}/quote" --root ROOT.pem',
    "evlog table --compact LAKE",
)

# Files that could not be read, as far as they are named.
_NAMED = 20


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("logs", nargs="*", metavar="SOURCE", help="files, folders, archives with logs in them")
    group = parser.add_argument_group("the lake")
    group.add_argument("-o", "--output", metavar="LAKE", help="the folder of the tables; made if it is not there")
    group.add_argument("--machine", metavar="PATTERN", help="what the machine of a log is called: {dir}, {stem}, {1}")
    group.add_argument("--boot", metavar="PATTERN", help="which boot it is, as {2}")
    group.add_argument("--only", action="append", metavar="NAME", help="the logs of this name (a pattern: *.bin)")
    group.add_argument("--no-bodies", action="store_true", help="without the events' data, which may hold secrets")
    group.add_argument("--rehash", action="store_true", help="look into what was read before: it may have changed")
    group.add_argument("--compact", action="store_true", help="then make one file of many")
    group.add_argument("--jobs", metavar="N", help="processes, if not one a processor")
    _common.reader_arguments(parser, logs="")
    source = parser.add_argument_group("register values").add_mutually_exclusive_group()
    source.add_argument("--registers", metavar="PATTERN", help="files or folders of values: {dir}/pcrs.json")
    source.add_argument("--quote", metavar="PATTERN", help="quotes or reports: {dir}/quote")
    group = parser.add_argument_group("authenticating the values")
    group.add_argument("--key", metavar="PATTERN", help="the key that signed, outside of the sources")
    group.add_argument("--signature", metavar="PATTERN", help="the signature of a TPM quote")
    group.add_argument("--pcrs", metavar="PATTERN", help="the PCR values that a TPM quote is about")
    group.add_argument("--nonce", metavar="HEX", help="what was asked for, or @PATTERN of a file that says so")
    group.add_argument("--root", metavar="PATTERN", help="the manufacturer's root certificate, outside of the sources")
    _demand.arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object (evlog.table/1)")


def run(args: argparse.Namespace) -> int:
    from evlog.errors import UsageError

    lake, sources = args.output, args.logs
    if lake is None and args.compact and len(sources) == 1:
        lake, sources = sources[0], []
    if lake is None:
        raise UsageError("-o LAKE is needed: the folder of the tables")
    if not sources and not args.compact:
        raise UsageError("no SOURCE to read")
    if "-" in sources:
        raise UsageError("a SOURCE is a file, a folder or an archive: stdin is none")
    found = _ingested(args, lake, sources) if sources else None
    if args.compact:
        from evlog.tables.compact import compact

        _common.under_way("compacting")
        compact(lake)
    if args.json:
        _common.print_json(_document(lake, found))
    if found is None:
        return 0
    _say(found)
    return int(bool(found.odd or found.unreadable))


def _ingested(args: argparse.Namespace, lake: str, sources: list[str]) -> Ingested:
    from evlog.tables.ingest import ingest
    from evlog.tables.inputs import FleetNames
    from evlog.tables.patterns import checked
    from evlog.tables.sources import seen

    names = FleetNames(checked(args.machine), checked(args.boot), tuple(args.only or ()))
    if _common.bar is not None:
        _common.bar.rated()
    _common.under_way("logs", seen(sources, names) if _common.bar is not None else 0)
    return ingest(
        lake,
        sources,
        names,
        wanted=_wanted(args),
        bodies=not args.no_bodies,
        format=args.format,
        rehash=args.rehash,
        jobs=_jobs(args.jobs),
        progress=_common.done,
        platform=args.platform,
        space=args.space,
        member=args.member,
        **_common.choices(args),
    )


def _wanted(args: argparse.Namespace) -> FleetEvidence:
    from evlog.tables.evidence import FleetEvidence

    demand = _demand.demand(args)
    return FleetEvidence(
        registers=args.registers,
        quote=args.quote,
        signature=args.signature,
        pcrs=args.pcrs,
        key=args.key,
        root=args.root,
        nonce=args.nonce,
        expect=demand.expect,
        kind=args.kind,
        at=_demand.when(args.at),
        platform=args.platform,
        demand=demand.replace(expect=()),
    )


def _jobs(text: str | None) -> int | None:
    from evlog.errors import UsageError

    if text is None:
        return None
    if not text.isdecimal() or not 0 < int(text) <= 1024:
        raise UsageError(f"--jobs {text}: a number of processes was expected")
    return int(text)


def _say(found: Ingested) -> None:
    for source, reason in found.unreadable[:_NAMED]:
        _common.say(f"{source}: {reason}")
    if len(found.unreadable) > _NAMED:
        _common.say(f"and {len(found.unreadable) - _NAMED} more that could not be read")
    before = f", {found.known} read before" if found.known else ""
    _common.say(f"{found.good} good, {found.odd} odd, {len(found.unreadable)} unreadable{before}")
    sys.stderr.flush()


def _document(lake: str, found: Ingested | None) -> dict[str, Any]:
    from evlog.tables.lake import files

    return {
        "schema": "evlog.table/1",
        "lake": lake,
        "good": found.good if found is not None else 0,
        "odd": found.odd if found is not None else 0,
        "known": found.known if found is not None else 0,
        "unreadable": [{"source": source, "reason": reason} for source, reason in found.unreadable] if found else [],
        "files": {table: len(names) for table, names in files(lake).items()},
    }
