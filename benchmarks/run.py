"""Measure every figure of `goals.py`: evlog beside its floor, its peers and its goal, in turns.

    python benchmarks/run.py [--quick] [--only NAME] [--events N] [--logs N] [--runs N] [--markdown]

Prints for each figure what evlog takes, and its ratios to the floor, to the fastest peer and to the goal (1 or less is
reached). Processor time (user and system, of all processes of a command) is what counts, and medians of turns. Times on
different machines, or at different times on one, say little; the ratios within a run are what to compare.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import formats
import long
import many
import start
import verbs
import verifier
from goals import FIGURES, SECTIONS
from measure import BACKENDS, medians
from peers import LIBRARIES, PROGRAMS
from setting import Setting
from table import MARKDOWN, TEXT, Row, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from setting import Work

WORKS: dict[str, Callable[[Setting], Work]] = {
    name: work for module in (long, verifier, verbs, formats, many, start) for name, work in module.WORKS.items()
}
QUICK = {"events": 20_000, "logs": 200, "runs": 1}


def said(text: str) -> None:
    """Beside the figures: what is not here, what failed, how far it is."""
    print(text, file=sys.stderr, flush=True)


def failed(work: str, rival: str, why: str) -> None:
    said(f"{work}: {rival}: {why}")


def chosen(only: list[str]) -> list[str]:
    """Works by name, by the beginning of a name, or by section; in the order of the table. All if nothing is asked."""
    found = []
    for figure in FIGURES:
        wanted = not only or any(word == str(figure.section) or figure.work.startswith(word) for word in only)
        if wanted and figure.work not in found:
            found.append(figure.work)
    return found


def measured(names: list[str], setting: Setting) -> Iterator[Row]:
    """The rows of works, one work after the other."""
    for name in names:
        work = WORKS[name](setting)
        yield from rows_of(name, work, medians(work.rivals, setting.runs, partial(failed, name)), setting)


def missing(setting: Setting, floors: bool) -> None:
    there = {
        "an evlog-accel that fits": len(BACKENDS) > 1,
        **{name: name in setting.peers for name in (*LIBRARIES, *PROGRAMS)},
        "cargo, which builds the floors": floors,
        "cbor2": importlib.util.find_spec("cbor2") is not None,
    }
    if absent := [what for what, here in there.items() if not here]:
        said(f"not here, and left out: {', '.join(absent)} (python benchmarks/peers.py builds peers)")


def write_into(path: Path, lines: list[str]) -> None:
    """Put the table in the place of the one that is there: what begins at the table's head, to the next blank line."""
    before, head, rest = path.read_text().partition(lines[0].partition("\n")[0])
    if not head:
        raise SystemExit(f"{path}: no such table")
    _, blank, after = rest.partition("\n\n")
    path.write_text(before + "\n".join(lines) + blank + after)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="a work, the beginning of its name, or a section"
    )
    parser.add_argument("--list", action="store_true", help="the works, and what their figures are, without measuring")
    parser.add_argument("--quick", action="store_true", help="one turn on 20,000 events and 200 logs")
    parser.add_argument("--events", type=int, help="in each of the large logs (a million); a tenth for slow verbs")
    parser.add_argument("--logs", type=int, help="in each of the folders (4,000)")
    parser.add_argument("--runs", type=int, help="turns that count (5; fewer if they take long); 0: a cold one")
    parser.add_argument("--log", type=Path, metavar="FILE", help="the boot log of section 2, in place of a made one")
    parser.add_argument("--markdown", action="store_true", help="the table of README.md, and nothing else")
    parser.add_argument("--into", type=Path, metavar="FILE", help="the table into README.md, once all is measured")
    parser.add_argument("--no-floors", action="store_true", help="do not build accel's own loops, with cargo")
    args = parser.parse_args()
    names = chosen(args.only or [])
    if not names:
        parser.error(f"nothing is called {', '.join(args.only)}: --list says what there is")
    style = MARKDOWN if args.markdown or args.into else TEXT
    if args.list:
        for figure in FIGURES:
            if figure.work in names:
                print(f"{figure.section} {figure.name:28} {figure.text}")
        return 0
    sizes = QUICK if args.quick else {"events": 1_000_000, "logs": 4_000, "runs": 5}
    sizes |= {name: value for name in sizes if (value := getattr(args, name)) is not None}
    with tempfile.TemporaryDirectory(prefix="evlog-benchmark-") as folder:
        os.environ["EVLOG_BENCHMARK_FOLDER"] = folder
        if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
            # Start-up is that of an installed package, which has its bytecode.
            os.environ["PYTHONPYCACHEPREFIX"] = os.path.join(folder, "bytecode")
        setting = Setting(Path(folder), **sizes, floors=not args.no_floors, log=args.log)
        missing(setting, setting.has_floors)
        lines = [style.head(f"{platform.machine()}, Python {platform.python_version()}, {sizes}")]
        print(lines[0], flush=True)
        section = 0
        for row in measured(names, setting):
            if row.figure.section != section:
                section = row.figure.section
                lines.append(style.section(f"{section}. {SECTIONS[section]}"))
                print(lines[-1], flush=True)
            lines.append(style.row(row))
            print(lines[-1], flush=True)
    if args.into:
        write_into(args.into, lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
