"""Append lines to the log of a register and extend it, on this machine.

TARGET is a TPM (tpm: with what tpm2-tools call a TCTI, such as tpm:device:/dev/tpmrm0; tpm: alone is the machine's), a
folder of measurement files (/sys/class/misc/tdx_guest/measurements), or a tree with a folder for each register (digest,
hash_algo, event_log), which has its log. For the others --log names the file. Lines come from the arguments, or from
stdin when there are none; a line that starts with # is a comment, and one that looks like INIT, SYNC or .EXTEND is
refused unless --raw is given: it would state the register's value. A SYNC line is written first whenever the register
may have moved without the log. What has been appended survives a kill at any moment.
"""

from __future__ import annotations

import os
import sys

from evlog.cli import _common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

_CHUNK = 1 << 16


EXAMPLES = (
    'evlog append tpm: pcr:16 "example.org/app start 1.2" --log app.log',
    'evlog append /sys/class/misc/tdx_guest/measurements rtmr3 "a line" --log f',
    'evlog append registers rtmr3 "example.org/app start 1.2"',
    "tail -f events | evlog append registers rtmr3",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="TARGET", help="a TPM, a folder of measurement files, or a tree of registers")
    parser.add_argument("register", metavar="REGISTER", help="a register there, such as pcr:16 or rtmr3")
    parser.add_argument("lines", nargs="*", default=[], metavar="LINE", help="from stdin when there is none")
    parser.add_argument("--log", metavar="FILE", help="the log, where a register has none of its own")
    parser.add_argument("--hash", metavar="ALG", help="the bank of a log beside a TPM (default: sha256)")
    parser.add_argument("--force", action="store_true", help="also a PCR that the firmware, IMA or systemd extends")
    parser.add_argument("--raw", action="store_true", help="also lines that look like INIT, SYNC or .EXTEND")
    parser.add_argument("--json", action="store_true", help="print one JSON object (evlog.append/1)")


def run(args: argparse.Namespace) -> int:
    from evlog.live import open_device
    from evlog.live.append import append

    lines = events = syncs = 0
    value = None
    warnings: dict[str, None] = {}
    device = open_device(args.target)
    writes = [[os.fsencode(line) for line in args.lines]] if args.lines else _from_stdin()
    for write in writes:
        done = append(device, args.register, write, log=args.log, hash=args.hash, raw=args.raw, force=args.force)
        lines, events, syncs = lines + done.lines, events + done.events, syncs + done.syncs
        value = done.value
        for warning in done.warnings:
            if warning not in warnings:
                _common.say(f"warning: {warning}")
        warnings |= dict.fromkeys(done.warnings)
    if args.json:
        _common.print_json(
            {
                "schema": "evlog.append/1",
                "register": args.register,
                "lines": lines,
                "events": events,
                "syncs": syncs,
                "value": value.hex() if value is not None else None,
                "warnings": list(warnings),
            }
        )
    elif args.lines:
        # What comes from stdin comes from a program, which has its lines on their way already.
        said = f"{lines} line{'s' * (lines != 1)} to {args.register}, {_common.events(events)}"
        said += f", {syncs} of them SYNC" if syncs else ""
        _common.say(f"appended {said}{f': it is {value.hex()} now' if value is not None else ''}")
    return 0


def _from_stdin() -> Iterator[list[bytes]]:
    """Lines as they come, so that a pipe can stay open: what is there is one write, the last line may lack its end."""
    if sys.stdin is None:
        from evlog.errors import SourceError

        raise SourceError("stdin is closed")
    rest = b""
    while chunk := os.read(sys.stdin.fileno(), _CHUNK):
        *whole, rest = (rest + chunk).split(b"\n")
        if whole:
            yield whole
    if rest:
        yield [rest]
