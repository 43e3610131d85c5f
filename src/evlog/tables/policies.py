"""Policies over a lake: learned from the sightings of a group, and held against every one that is asked for.

The verdict that counts is not the lake's: each log is held anew against the values that the lake has of its evidence
(`evlog.verify`), under the policy's own demand. What is taken from the lake is that these values were authenticated.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.errors import ConversionError
from evlog.policy.check import check_policy
from evlog.policy.learn import GoodBoot
from evlog.registers import RegisterSet
from evlog.replaying.naming import platform_of, united
from evlog.tables.sightings import sightings
from evlog.verifying.demand import Demand
from evlog.verifying.verify import verify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evlog.model import Log
    from evlog.policy.rules import BootPolicy
    from evlog.policy.verdicts import PolicyCheck
    from evlog.tables.reader import Reader
    from evlog.tables.sightings import Sighting
    from evlog.verifying.verify import Verification

__all__ = ["Checked", "check", "witnesses"]

# Checks that are kept for machines that are alike.
_KEPT = 1024


class Checked(Record):
    """A sighting against a policy. ``result`` is None if no rule could be judged, and ``unjudged`` then says why."""

    sighting: Sighting
    result: PolicyCheck | None
    unjudged: str = ""


def witnesses(reader: Reader, ids: Sequence[bytes]) -> list[GoodBoot]:
    """The boots of these sightings, one for each distinct log, named by machine and boot.

    Of several sightings of a log the one that shows most stands for it. Raises ConversionError for a log that the lake
    has not whole, and for one that does not lead to its evidence: neither is a witness.
    """
    found: dict[bytes, tuple[int, Sighting]] = {}
    for each in sightings(reader, ids):
        if each.lacking:
            raise ConversionError(f"{_name(each)}: {each.lacking}: it is no witness")
        if each.verdict == "differs":
            raise ConversionError(f"{_name(each)}: the lake says that it differs from its evidence: it is no witness")
        rank = 2 if _is_verified(each) else 1 if each.verdict is not None else 0
        known = found.get(each.log_id)
        if known is None or known[0] < rank:
            found[each.log_id] = rank, each
    names: dict[str, int] = {}
    for _, each in found.values():
        names[_name(each)] = names.get(_name(each), 0) + 1
    boots = []
    for _, each in found.values():
        name = _name(each)
        name = name if names[name] == 1 else f"{name} {each.log_id.hex()}"
        log = _log(each).replace(name=name)
        boots.append(GoodBoot(name, (log,), _verification(each, log)))
    return boots


def check(
    reader: Reader, policy: BootPolicy, ids: Sequence[bytes], *, unverified: bool = False, platform: str | None = None
) -> Iterator[Checked]:
    """Each of these sightings against a policy, in this order.

    No rule is kept by a log that the lake has not whole, nor, unless ``unverified`` says that logs alone are judged, by
    one whose values the lake does not call authenticated.
    """
    known: dict[object, PolicyCheck] = {}
    for each in sightings(reader, ids):
        unjudged = each.lacking or ("" if unverified else _unjudged(each, policy, platform))
        if unjudged:
            yield Checked(each, None, unjudged)
            continue
        # All that the answer depends on.
        key = (each.log_id, each.stated, each.static, each.anchored, each.verdict, each.word, each.kind)
        result = known.get(key)
        if result is None:
            if len(known) >= _KEPT:
                known.clear()
            evidence = None if unverified else each.evidence(anchored=True)
            result = check_policy(policy, _log(each), evidence, platform=platform, unverified=unverified)
            known[key] = result
        yield Checked(each, result)


def _unjudged(each: Sighting, policy: BootPolicy, platform: str | None) -> str:
    """Why the evidence of a sighting can keep nothing, whatever its log says."""
    if each.word == "accepted":
        return "its evidence was accepted with something that the lake does not tell"
    if each.verdict == "ok" and each.authenticated and not each.anchored:
        return "the lake does not say what authenticated its register values"
    of = platform or policy.platform
    ruled = {united(static.register, of) for static in policy.static}
    if any(united(register, of) not in ruled for register in each.static):
        return "its evidence states a register that never changes, and the policy has no value of it"
    return ""


def _is_verified(each: Sighting) -> bool:
    return each.anchored and each.word == "verified"


def _verification(each: Sighting, log: Log) -> Verification | None:
    """The log against the values that the lake has for it; None if there was no evidence."""
    evidence = each.evidence(anchored=_is_verified(each))
    if evidence is None:
        return None
    platform = evidence.platform or platform_of([log])
    stated = {united(register, platform) for register in {register for register, _, _ in each.stated}}
    wanted = sorted({united(register, platform) for register in log.extended} & stated, key=lambda r: r.sort_key)
    return verify(log, evidence, Demand(registers=RegisterSet.of(wanted) if wanted else None))


def _log(each: Sighting) -> Log:
    assert each.log is not None, "a sighting that lacks nothing has its log"
    return each.log


def _name(each: Sighting) -> str:
    return "/".join(name for name in (each.machine, each.boot) if name) or each.source
