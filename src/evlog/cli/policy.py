"""Rules learned from good boots, each with its witnesses, and what a later boot keeps of them.

  evlog policy learn BOOT... -o POLICY   the rules that boots bear witness to
  evlog policy check POLICY LOG...       a boot against them, with its evidence
  evlog policy show POLICY               the policy as a page
  evlog policy learn LAKE -o POLICY      the same from the logs of a lake
  evlog policy check POLICY LAKE         all logs of a lake, a line of JSON each

Each BOOT is the log of one good boot; logs of different kinds that follow one another (firmware's, IMA's) are of one.
With evidence beside each ("{dir}/quote") a boot is verified, and the policy says so. A policy is a JSON file that a
person reviews and edits; nothing is in it that no boot had.

Check verifies first, by the options of evlog verify: what the policy has rules for has to be proven, in its banks, by
values that a given key or root stands behind. Then each rule is kept, free, broken, missing or unproven. Exit code 0
only if all are kept or free, and every measured event is spoken for. --unverified judges the text of logs alone.

Of a lake --where and --group choose the logs. Its evidence was looked at when evlog table read it, and whoever can
write the lake can say what he likes of it.
"""

from __future__ import annotations

from evlog.cli import _common, _demand, _each, _keep, _policy_lake
from evlog.cli.verify import _FILES, _keys_elsewhere, evidence_arguments, open_evidence, own_logs

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from evlog.evidence import Evidence
    from evlog.model import Log
    from evlog.policy.learn import GoodBoot
    from evlog.policy.rules import BootPolicy

#: What says where evidence is, or what has to be proven by it.
_OF_EVIDENCE = (
    "registers", "quote", "live", "key", "signature", "pcrs", "nonce", "root", "kind", "require", "expect",
    "authenticated", "accept", "ignore_violations", "at",
)  # fmt: skip
EXAMPLES = (
    "evlog policy learn monday.bin tuesday.bin -o policy.json",
    'evlog policy learn m/*/log --quote "{dir}/q" --root ROOT.pem -o policy.json',
    "evlog policy check P LOG --quote Q --signature SIG --pcrs PCRS --key AK",
    "evlog policy check --unverified policy.json LOG",
    "evlog policy show policy.json",
    "evlog policy learn LAKE --where \"word = 'verified'\" -o policy.json",
    "evlog policy check policy.json LAKE --where \"role = 'firmware'\"",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "verb", choices=("learn", "check", "show"), metavar="learn|check|show", help="what is to be done"
    )
    _common.reader_arguments(parser, logs="FILE...")
    group = parser.add_argument_group("policy")
    group.add_argument("-o", "--output", metavar="POLICY", help="learn: the policy, - is stdout")
    group.add_argument("--predicted", action="append", metavar="BOOT", help="learn: a boot that was computed, not seen")
    group.add_argument("--unverified", action="store_true", help="check: judge the text of logs, without evidence")
    group.add_argument("-v", "--values", action="store_true", help="show and check: every rule, with digests")
    group = parser.add_argument_group("logs of a lake")
    group.add_argument("--where", metavar="SQL", help="those for which this holds of the columns of logs")
    group.add_argument("--group", metavar="REGISTER=HEX", help="those with this register value: pcr:7=1D4F...")
    evidence_arguments(parser)
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object (evlog.policy-check/1, evlog.policy/1)"
    )


def run(args: argparse.Namespace) -> int:
    from evlog.errors import UsageError

    if args.verb != "learn" and (args.output or args.predicted):
        raise UsageError("-o and --predicted are for evlog policy learn")
    if args.verb != "check" and args.unverified:
        raise UsageError("--unverified is for evlog policy check")
    lake = args.verb != "show" and _policy_lake.is_lake(args.logs[args.verb == "check" :])
    _policy_lake.hold(args, lake)
    if lake:
        _refuse_evidence(args, "the evidence of a lake was read with it, and nobody would look at")
    if args.verb == "learn":
        return _learn(args, lake=lake)
    return _check(args, lake=lake) if args.verb == "check" else _show(args)


def _refuse_evidence(args: argparse.Namespace, why: str) -> None:
    """Raise UsageError for an option about evidence that would not be looked at."""
    from evlog.errors import UsageError

    named = ", ".join(f"--{name.replace('_', '-')}" for name in _OF_EVIDENCE if getattr(args, name))
    if named:
        raise UsageError(f"{why} {named}: leave out one or the other")


def _learn(args: argparse.Namespace, *, lake: bool) -> int:
    from evlog.cli import _policy_page
    from evlog.errors import UsageError
    from evlog.policy.document import write_policy
    from evlog.policy.learn import learn

    if args.output is None:
        raise UsageError("-o POLICY is needed: a file, - is stdout")
    keep = _keep.of(args)
    boots = _policy_lake.boots(args) if lake else _boots(args)
    learned = learn(boots, platform=args.platform, registers=keep.registers, banks=keep.banks)
    _common.say_losses(learned.losses)
    data = write_policy(learned.policy)
    _common.deliver(args.output, data)
    if args.output != "-":
        if args.json:
            _common.put(*data.decode().rstrip("\n").split("\n"))
        else:
            _policy_page.summary(learned.policy)
    return 0


def _boots(args: argparse.Namespace) -> list[GoodBoot]:
    """The boots that the arguments name, those that were computed last."""
    from evlog.errors import UsageError
    from evlog.policy.learn import GoodBoot
    from evlog.references.reference import together
    from evlog.verifying.verify import verify

    if args.live:
        raise UsageError("a policy is learned from files: capture the machine first")
    computed = args.predicted or []
    boots: list[GoodBoot] = []
    grouped: list[list[Log]] = []
    loose: list[Log] = []
    names = {}
    sources = (*((source, False) for source in args.logs), *((source, True) for source in computed))
    _common.checked(*(source for source, _ in sources))
    for source, predicted in sources:
        logs = _common.open_logs(args, [source])
        for log in logs:
            _common.report(log.findings, log.name)
            names[id(log)] = source, predicted
        if _common.is_capture(args, source) and len(logs) > 1:
            # All of it is of one boot, and of no other.
            grouped += [*together(loose), logs]
            loose = []
        else:
            loose += logs
    for several in [*grouped, *together(loose)]:
        source, predicted = names[id(several[0])]
        evidence = None if predicted else _evidence_of(args, source, len(several) > 1)
        result = None
        if evidence is not None:
            result = verify(
                several, evidence, _demand.demand(args).replace(keep=None, banks=()), platform=args.platform
            )
        boots.append(GoodBoot(source, tuple(several), result, predicted))
    return boots


def _evidence_of(args: argparse.Namespace, source: str, several: bool) -> Evidence | None:
    """What shows that a boot was so: what stands beside its log, or in its document."""
    from evlog.errors import UnknownFormatError, UsageError

    if args.registers or args.quote:
        if len(args.logs) > 1 and "{dir}" not in (args.registers or args.quote) and not several:
            raise UsageError('the evidence of one boot is none of another: "{dir}" stands for the folder of each log')
        _keys_elsewhere(args, source)
        return open_evidence(_each.beside(args, source, _FILES), [source])
    if source == "-":
        return None
    try:
        return open_evidence(args, [source])
    except UnknownFormatError:
        if args.key or args.root:
            raise
        return None


def _policy(path: str) -> BootPolicy:
    from evlog.errors import ParseError
    from evlog.intake.files import load
    from evlog.policy.document import read_policy

    try:
        return read_policy(load(path)[0])
    except ParseError as error:
        error.message = f"{path}: {error.message}"
        raise


def _show(args: argparse.Namespace) -> int:
    from evlog.cli import _policy_page
    from evlog.errors import UsageError
    from evlog.policy.document import write_policy

    if len(args.logs) != 1:
        raise UsageError("one policy is shown at a time")
    policy = _policy(args.logs[0])
    if args.json:
        _common.put(*write_policy(policy).decode().rstrip("\n").split("\n"))
    else:
        _policy_page.page(policy, values=args.values)
    return 0


def _check(args: argparse.Namespace, *, lake: bool) -> int:
    from evlog.cli import _policy_page
    from evlog.errors import UsageError
    from evlog.policy.check import check_policy
    from evlog.registers import RegisterSet
    from evlog.verifying.demand import NO_DEMAND

    if args.bank or (args.register and RegisterSet.parse(*args.register).alone is None):
        raise UsageError("the policy says which registers and banks are judged: leave out --register and --bank")
    if args.unverified:
        _refuse_evidence(args, "--unverified judges logs alone, and would not look at")
    policy = _policy(args.logs[0])
    if lake:
        return _policy_lake.check(args, policy)
    sources = args.logs[1:]
    if not sources and not args.live:
        raise UsageError("a log to check is needed behind the policy")
    evidence = None if args.unverified else _evidence(args, sources)
    logs = _common.open_logs(args, sources or own_logs(args))
    demand = NO_DEMAND if args.unverified else _demand.demand(args).replace(keep=None)
    result = check_policy(policy, logs, evidence, demand, platform=args.platform, unverified=args.unverified)
    warned = args.strict and any(
        finding.severity == "warning"
        for finding in (*result.findings, *(result.verification.findings if result.verification else ()))
    )
    code = int(not result.ok or warned)
    if args.json:
        _common.print_json(_policy_page.document(result, code))
    else:
        _policy_page.check(result, values=args.values)
    for log in logs:
        _common.report((each for each in log.findings if each.severity == "error"), log.name)
    _common.report(result.findings)
    if args.json and result.verification is not None:
        _common.report(result.verification.findings)
    return code


def _evidence(args: argparse.Namespace, sources: list[str]) -> Evidence | None:
    """The register values that the arguments name, or that stand in the document; None if there are none."""
    from evlog.errors import UnknownFormatError

    if args.registers or args.quote or args.live:
        return open_evidence(args, sources)
    if len(sources) != 1:
        return None
    try:
        return open_evidence(args, sources)
    except UnknownFormatError:
        if args.key or args.root:
            raise
        return None
