"""Gather a machine's logs, register values, quotes and facts into one archive, which evlog reads anywhere.

Everything that evlog knows a place of is read: registers first, then quotes and reports (--quote, about --nonce, which
the verifier chose), then logs, then the registers again. What is absent or refused is in the archive's manifest, with
the reason. The archive is a tar that only its owner may read; logs tell much about a machine, and stderr says what.
Verify it elsewhere with evlog verify FILE --nonce HEX; a key in it anchors nothing.
Exit code 1 if a quote was asked for and there is none.
"""

from __future__ import annotations

from evlog.cli import _common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator
    from typing import Any

    from evlog.live.capture import Captured

EXAMPLES = (
    "evlog capture -o machine.tar --quote --nonce 6b1f0a4e9d2c8857",
    "evlog capture -o machine.tar --quote --nonce 6b1f0a4e9d2c8857 --ak 0x81010002",
    "evlog capture -o machine.tar --log pcr:16=/run/app/events.log",
    "evlog capture -o machine.tar --redact --without ima",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="the archive; - is stdout")
    group = parser.add_argument_group("what is gathered")
    group.add_argument("--quote", action="store_true", help="quotes of the TPM, and a confidential guest's report")
    group.add_argument("--nonce", metavar="HEX", help="what the verifier asked for, 8 to 64 bytes")
    text = "the persistent key that the TPM signs with; else one is made for this"
    group.add_argument("--ak", metavar="HANDLE", help=text)
    group.add_argument("--tcti", metavar="TCTI", help="the TPM, as tpm2-tools name it; else those that Linux shows")
    group.add_argument("--sysroot", "--root", metavar="DIR", help="the machine's file system, if not /")
    text = "a textual log that has no place of its own, and the register that it extends"
    group.add_argument("--log", action="append", metavar="[REGISTER=]FILE", help=text)
    group = parser.add_argument_group("what is left out")
    text = "what tells whose machine it is, as far as nothing that was measured changes"
    group.add_argument("--redact", action="store_true", help=text)
    group.add_argument("--without", action="append", metavar="PARTS", help="ima, quotes, facts")
    parser.add_argument("--json", action="store_true", help="print one JSON object (evlog.capture-report/1)")


def run(args: argparse.Namespace) -> int:
    from evlog.errors import UsageError
    from evlog.intake.outputs import write_private
    from evlog.live.capture import capture

    without = [part for text in args.without or () for part in text.split(",")]
    if args.quote and "quotes" in without:
        raise UsageError("--quote asks for what --without quotes leaves out")
    _common.under_way("reading the machine")
    found = capture(
        root=args.sysroot or "/",
        tcti=args.tcti,
        nonce=_nonce(args.nonce),
        quote=args.quote,
        ak=_handle(args.ak),
        redact=args.redact,
        without=without,
        logs=list(map(_log, args.log or ())),
    )
    if args.output == "-":
        _common.deliver("-", found.data)
    else:
        write_private(args.output, found.data)
    if args.json:
        _common.print_json(document(found, args.output))
    _common.say_all(_told(found, args))
    return int(args.quote and not found.quoted)


def document(found: Captured, path: str) -> dict[str, Any]:
    """What was captured as ``evlog.capture-report/1``."""
    return {
        "schema": "evlog.capture-report/1",
        "file": path,
        "size": len(found.data),
        "quoted": list(found.quoted),
        "private": list(found.private),
        "problems": list(found.problems),
        "manifest": dict(found.manifest),
    }


def _nonce(text: str | None) -> bytes | None:
    from evlog.errors import UsageError

    if text is None:
        return None
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise UsageError("--nonce: hex was expected") from None


def _handle(text: str | None) -> int | None:
    from evlog.errors import UsageError

    if text is None:
        return None
    try:
        return int(text, 16)
    except ValueError:
        raise UsageError(f"--ak: a handle was expected, such as 0x81010002, not {text[:40]!r}") from None


def _log(text: str) -> tuple[str | None, str]:
    """``pcr:16=FILE`` or ``FILE``."""
    from evlog.errors import UsageError
    from evlog.registers import Register

    register, equals, path = text.partition("=")
    if not equals:
        return None, text
    try:
        return str(Register.parse(register)), path
    except UsageError:
        return None, text


def _told(found: Captured, args: argparse.Namespace) -> Iterator[str]:
    """What a person has to know of the archive, a line each."""
    members = found.manifest["members"]
    logs = [each["name"] for each in members if each["name"].startswith("logs/")]
    said = f"{_counted(len(logs), 'log')}, {_counted(len(found.quoted), 'quote')}, {_devices(members)}"
    if args.output != "-":
        yield f"captured {said} to {args.output} ({_common.sized(len(found.data))})"
    yield from found.problems
    rows = [row for row in found.manifest["consistency"]["registers"] if not row["equal"]]
    if rows:
        moved = ", ".join(dict.fromkeys(row["register"] for row in rows))
        yield f"{moved} moved while the logs were read, {_counted(found.manifest['consistency']['tries'], 'time')}"
    if found.quoted and found.manifest["nonce"] is None:
        yield "without a nonce that the verifier chose the quotes are replayable (--nonce HEX)"
    for each in found.manifest["redactions"]:
        where = f" ({len(each['events'])} events)" if "events" in each else ""
        yield f"left out of {each['member']}: {each['what']}{where}; what it costs: {each['cost']}"
    if found.private:
        yield f"private data in it: {', '.join(found.private)}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _devices(members: Iterable[Any]) -> str:
    names = [
        each["name"].split("/")[2].removesuffix(".json") for each in members if "registers/before/" in each["name"]
    ]
    return f"registers of {', '.join(names)}" if names else "no registers"
