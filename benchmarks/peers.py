"""Build the peers that come from Go's module proxy and crates.io, so that `run.py` measures them beside evlog.

    python benchmarks/peers.py [NAME...] [--into FOLDER]

Each is a driver of a few lines (`drivers/NAME`) around somebody else's library, built with Go or cargo into a folder
(EVLOG_PEERS, else evlog-peers in the cache of the user). Nobody else's code is in this repository. What cannot be had
is said and left out. `tpm2_eventlog` (Debian's tpm2-tools) and `evmctl` (ima-evm-utils) are used where they are
installed. Not to be had from a registry: the eventlog crate of confidential-containers/trustee.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

DRIVERS = Path(__file__).resolve().parent / "drivers"
_SECONDS = 600


class Library(NamedTuple):
    """A library that a driver is built with: the tool that builds it, its name in the registry, and the version."""

    tool: str
    name: str
    version: str


LIBRARIES = {
    "go-eventlog": Library("go", "github.com/google/go-eventlog", "v0.0.2"),
    "go-attestation": Library("go", "github.com/google/go-attestation", "v0.6.4"),
    "tcglog-parser": Library("go", "github.com/canonical/tcglog-parser", "latest"),
    "eventlog-rs": Library("cargo", "eventlog-rs", "=0.1.8"),
}
#: Peers that are programs already.
PROGRAMS = ("tpm2_eventlog", "evmctl")
_CARGO = """[package]
name = "driver"
version = "0.0.0"
edition = "2021"
[[bin]]
name = "driver"
path = "main.rs"
[dependencies]
{name} = "{version}"
libc = "0.2"
[profile.release]
lto = true
codegen-units = 1
[workspace]
"""


class NotBuiltError(Exception):
    """A peer cannot be had here; the text says why."""


def folder() -> Path:
    """Where built peers are looked for."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(os.environ.get("EVLOG_PEERS") or os.path.join(cache, "evlog-peers"))


def found() -> dict[str, str]:
    """The peers that are here, by name: the program of each."""
    home = folder()
    built = {name: str(home / name) for name in LIBRARIES if (home / name).is_file()}
    programs = {name: shutil.which(name) for name in PROGRAMS}
    return {**built, **{name: path for name, path in programs.items() if path}}


def build(name: str, into: Path) -> Path:
    """Build a peer's driver. Raises NotBuiltError."""
    library = LIBRARIES[name]
    tool = shutil.which(library.tool)
    if tool is None:
        raise NotBuiltError(f"no {library.tool}")
    work, program = into / f"build-{name}", into / name
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(DRIVERS / name, work)
    if library.tool == "go":
        steps = [("mod", "init", "driver"), ("get", f"{library.name}@{library.version}"), ("mod", "tidy")]
        for step in (*steps, ("build", "-o", str(program), ".")):
            _run([tool, *step], work)
    else:
        (work / "Cargo.toml").write_text(_CARGO.format(name=library.name, version=library.version))
        _run([tool, "build", "--release", "--quiet"], work)
        shutil.copy(work / "target" / "release" / "driver", program)
    shutil.rmtree(work)
    return program


def _run(command: list[str], work: Path) -> None:
    try:
        ran = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotBuiltError(f"{' '.join(command[:2])} takes too long") from error
    if ran.returncode:
        said = ran.stderr.strip().splitlines() or [f"{' '.join(command[:2])} failed"]
        raise NotBuiltError(said[-1].strip())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(LIBRARIES)}; all of them if none")
    parser.add_argument("--into", type=Path, default=folder(), metavar="FOLDER")
    args = parser.parse_args()
    names = args.names or list(LIBRARIES)
    if unknown := set(names) - set(LIBRARIES):
        parser.error(f"no peer {', '.join(sorted(unknown))}")
    args.into.mkdir(parents=True, exist_ok=True)
    missing = 0
    for name in names:
        try:
            print(f"{name}: {build(name, args.into)}", flush=True)
        except NotBuiltError as error:
            missing += 1
            print(f"{name} is left out: {error}", flush=True)
    for name in PROGRAMS:
        print(f"{name}: {shutil.which(name) or 'not installed'}")
    return int(missing == len(names))


if __name__ == "__main__":
    sys.exit(main())
