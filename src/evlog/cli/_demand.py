"""The options by which a verifier says what has to be proven."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from datetime import datetime

    from evlog.verifying.demand import Acceptance, Demand

__all__ = ["arguments", "demand", "when"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What is demanded, and what of it is accepted if it is not met."""
    group = parser.add_argument_group("what has to be proven (docs/verify.md)")
    group.add_argument("--kind", metavar="KIND", help="the kind of evidence that key and root are for: tpm-quote, ...")
    group.add_argument("--require", action="append", metavar="REGISTERS", help="the registers that have to match")
    group.add_argument("--expect", action="append", metavar="NAME=VALUE", help="a claim, or a register that is static")
    group.add_argument("--authenticated", action="store_true", help="values of a known machine, and fresh ones, only")
    group.add_argument("--accept", action="append", metavar="NAME[:REGISTERS]", help="a shortfall to put up with")
    text = "accept violations of an IMA list that extended something else than ones (--accept violations)"
    group.add_argument("--ignore-violations", action="store_true", help=text)
    group.add_argument("--at", metavar="DATE", help="the time that certificates are held to, if not now")


def demand(args: argparse.Namespace) -> Demand:
    """What the arguments demand. Raises UsageError for one that makes no sense."""
    from evlog.cli import _keep
    from evlog.registers import Register, RegisterSet
    from evlog.verifying.demand import Demand

    keep = _keep.of(args)
    return Demand(
        registers=RegisterSet.parse(*args.require) if args.require else None,
        keep=keep.registers,
        banks=keep.banks or (),
        kind=args.kind,
        expect=tuple(map(_expectation, args.expect or ())),
        authenticated=args.authenticated,
        accept=tuple(_acceptances([*(args.accept or ()), *(["violations"] if args.ignore_violations else [])])),
        strict=args.strict,
        ima_register=Register.parse(args.ima_register) if args.ima_register is not None else None,
    )


def when(text: str | None) -> datetime | None:
    """``--at``: a date, or a date and a time; UTC unless it says otherwise."""
    if text is None:
        return None
    from datetime import datetime, timezone

    from evlog.errors import UsageError

    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise UsageError(f"--at {text}: a date was expected, such as 2025-03-01 or 2025-03-01T12:00:00Z") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=timezone.utc)


def _expectation(text: str) -> tuple[str, str]:
    from evlog.errors import UsageError

    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise UsageError(f"--expect {text}: NAME=VALUE is needed")
    return name, value


def _acceptances(texts: Iterable[str]) -> Iterable[Acceptance]:
    """``gap,unanchored:rtmr:3,pcr:4``: what is no name goes on with the registers of the last one."""
    from evlog.errors import UsageError
    from evlog.registers import RegisterSet
    from evlog.verifying.demand import ACCEPTABLE, Acceptance

    for text in texts:
        found: list[tuple[str, list[str]]] = []
        # A comma in a register's name is written ``\\,``, as everywhere.
        for part in (each.replace("\0", "\\,") for each in text.replace("\\,", "\0").split(",")):
            name, colon, register = part.partition(":")
            if name in ACCEPTABLE:
                if colon and not register:
                    raise UsageError(f"--accept {part}: registers were expected behind the colon")
                found.append((name, [register] if register else []))
            elif found and found[-1][1]:
                found[-1][1].append(part)
            else:
                raise UsageError(f"--accept {part}: nothing of that name; there are {', '.join(ACCEPTABLE)}")
        yield from (Acceptance(name, RegisterSet.parse(*registers) if registers else None) for name, registers in found)
