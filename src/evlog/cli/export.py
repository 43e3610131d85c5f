"""Reference values for other verifiers, taken from the logs of good boots.

Each LOG is one good boot; logs of different kinds that follow one another (firmware's, IMA's) are of one. What comes
out is in the words of --to: components of systemd-pcrlock (a folder), an unsigned CoRIM, a message for trustee's RVPS,
or keylime's measured boot reference state (of IMA lists its runtime policy). Only what a register covers becomes a
reference; what is left out, and what the other side has no words for, is named on stderr.

LOG may be a policy (evlog policy learn): what comes out is what its boots bear witness to; --to rego is a module for
a policy engine.

Nothing here says that a boot was good: verify it first (evlog verify).
"""

from __future__ import annotations

from evlog.cli import _common, _keep

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from evlog.policy.rules import BootPolicy
    from evlog.references.reference import Boot

EXAMPLES = (
    "evlog export LOG --to pcrlock -o components",
    "evlog export monday.bin tuesday.bin --to pcrlock -o components",
    "evlog export LOG --to corim --by register --vendor ACME -o boot.corim",
    "evlog export CCEL --to rvps -o message.json",
    "evlog export LOG --to keylime -o refstate.json",
    "evlog export policy.json --to rego -o policy.rego",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    _common.reader_arguments(parser, logs="LOG...")
    parser.add_argument(
        "--to", required=True, metavar="CONSUMER", help="pcrlock, corim, rvps or keylime; of a policy rego"
    )
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="a file, - is stdout; of pcrlock a folder")
    group = parser.add_argument_group("reference values")
    group.add_argument("--by", choices=("event", "register"), help="of each event (the default) or of each register")
    group.add_argument("--beside", action="store_true", help="pcrlock: for use beside the components of systemd")
    group.add_argument("--vendor", metavar="TEXT", help="corim: the vendor of the environment")
    group.add_argument("--model", metavar="TEXT", help="corim: its model")
    parser.add_argument("--json", action="store_true", help="print a report (evlog.export/1) instead of text")


def run(args: argparse.Namespace) -> int:
    from evlog.errors import UsageError
    from evlog.references.export import export

    if args.output == "-" and (args.json or args.to == "pcrlock"):
        raise UsageError("-o has to name a folder" if args.to == "pcrlock" else "--json needs -o FILE")
    choices = {
        "by": args.by,
        "strict": args.strict,
        "beside": args.beside,
        "vendor": args.vendor,
        "model": args.model,
    }
    policy = _policy(args.logs)
    if policy is not None:
        from evlog.policy.export import boots_of_policy, export_policy

        if args.register or args.bank:
            raise UsageError("the policy says which registers and banks it is of: leave out --register and --bank")
        boots = boots_of_policy(policy)
        made = export_policy(policy, args.to, **choices)
    else:
        boots = _boots(args)
        if args.to == "rego":
            raise UsageError("--to rego takes one policy (evlog policy learn), and no log")
        made = export(boots, args.to, **choices)
    if made.is_folder:
        from evlog.intake.outputs import write_folder

        write_folder(args.output, dict(made.files))
    else:
        _common.deliver(args.output, made.data)
    if args.json:
        _common.print_json(
            {
                "schema": "evlog.export/1",
                "to": made.to,
                "boots": [{"name": boot.name, "events": len(boot)} for boot in boots],
                "files": [path for path, _ in made.files if path],
                "losses": [{"event": loss.event, "field": loss.field, "reason": loss.reason} for loss in made.losses],
                "findings": [finding.to_json() for finding in made.findings],
            }
        )
    else:
        _common.say_losses(made.losses)
        _common.report(made.findings)
    return int(any(log.failed for boot in boots for log in boot.logs))


def _policy(paths: list[str]) -> BootPolicy | None:
    """The policy that is to be exported, if it is one and no log."""
    from os.path import isfile

    # A log is never that: its first bytes would have to be this JSON.
    if len(paths) != 1 or not isfile(paths[0]):
        return None
    from evlog.intake.files import load

    data = load(paths[0])[0]
    if data.lstrip()[:1] != b"{":
        return None
    from evlog.policy.document import is_policy, read_policy

    return read_policy(data) if is_policy(data) else None


def _boots(args: argparse.Namespace) -> list[Boot]:
    """The references of each boot, of what is kept of it."""
    from evlog.references.reference import boots_of

    keep = _keep.of(args)
    logs = _common.open_logs(args, args.logs)
    for log in logs:
        _common.report(keep.findings(log.findings, log), log.name)
    boots = boots_of(logs, platform=args.platform, registers=keep.registers, banks=keep.banks)
    kept = [(each.register, each.banks) for boot in boots for each in boot.registers]
    algorithms = (alg for _, banks in kept for alg in banks)
    platform = next((boot.platform for boot in boots if boot.platform), None)
    _common.say_absent(keep.absent((register for register, _ in kept), algorithms, platform))
    return boots
