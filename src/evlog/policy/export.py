"""A policy in the words of other verifiers: each of its boots as the references that its witnesses are.

The rules keep what every boot had, in its order, so that a boot of the policy is a boot to `evlog.references`: its
variants are pcrlock's, and those of CoRIM and RVPS. What a policy does not hold, the events' data, nobody gets out of
it; an event that the rules do not judge is written with the values that were seen.
"""

from __future__ import annotations

from evlog import hashing
from evlog.comparing.describe import Describer, Description
from evlog.contents.digest_only import DigestOnly
from evlog.contents.event_types import number_of
from evlog.errors import ConversionError
from evlog.model import Digest, Event, Log, Loss
from evlog.references.export import Export, export
from evlog.references.reference import Boot, Reference, RegisterReferences

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.policy.rules import BootPolicy, RegisterPolicy, Value

__all__ = ["boots_of_policy", "export_policy"]


def export_policy(
    policy: BootPolicy, to: str, *, by: str | None = None, strict: bool = False, **choices: Any
) -> Export:
    """The policy for a consumer of `evlog.export`, or as ``rego``. Raises as that does."""
    losses = list(_losses(policy, to))
    if to == "rego":
        from evlog.policy.rego import rego

        data, more = rego(policy)
        made = Export("rego", (("", data),), (*losses, *more))
    elif to == "keylime":
        made = _runtime_policy(policy, losses)
    else:
        made = export(boots_of_policy(policy), to, by=by, **choices)
        made = made.replace(losses=(*losses, *made.losses))
    if strict and made.losses:
        first = made.losses[0]
        raise ConversionError(f"{len(made.losses)} losses, first {first.field}: {first.reason}")
    return made


def _losses(policy: BootPolicy, to: str) -> list[Loss]:
    found = []
    if to not in ("rego", "keylime"):
        for each in policy.registers:
            if each.files:
                found.append(
                    Loss(None, "files", f"{each.register}: rules for entries of IMA lists have no place in {to}")
                )
            for rule in each.rules:
                if rule.rule == "free":
                    reason = f"{each.register}: {rule.about} may have any digest: {to} has those that were seen"
                    found.append(Loss(None, "rules", reason))
        for static in policy.static:
            found.append(Loss(None, "static", f"{static.register} is extended by no event: it has no place in {to}"))
        for name in _others(policy):
            if not _whole(policy, name):
                reason = f"what {name} bears witness to is part of a boot only: {to} does not get it"
                found.append(Loss(None, "witnesses", reason))
    for register in policy.ignored:
        found.append(Loss(None, "ignored", f"{register} is ignored by the policy: it has no references"))
    return found


def boots_of_policy(policy: BootPolicy) -> list[Boot]:
    """The boots that the policy was learned from, as far as its rules keep them."""
    names = [boot.name for boot in policy.boots]
    # What a person added is a boot of his, if he has all of one.
    return [_boot(policy, name) for name in (*names, *(other for other in _others(policy) if _whole(policy, other)))]


def _others(policy: BootPolicy) -> list[str]:
    """Witnesses that are no boots of the policy: who edited it."""
    names = {boot.name for boot in policy.boots}
    rules = (rule for each in policy.registers for rule in each.rules)
    said = (name for rule in rules for name in (*rule.witnesses, *rule.without))
    return list(dict.fromkeys(name for name in said if name not in names))


def _whole(policy: BootPolicy, name: str) -> bool:
    """Whether somebody bears witness to every rule that has to be kept."""
    return all(rule.may_lack or name in rule.witnesses for each in policy.registers for rule in each.rules)


def _boot(policy: BootPolicy, name: str) -> Boot:
    told = _Told()
    registers = []
    place = 0
    for each in policy.registers:
        values = [value for rule in each.rules for value in rule.values if name in value.witnesses]
        if not values:
            continue
        registers.append(_of_register(each, values, name, told, place))
        place += len(values)
    return Boot(name, (Log("evlog-policy", (), name=name),), policy.platform, tuple(registers))


def _of_register(each: RegisterPolicy, values: list[Value], name: str, told: _Told, place: int) -> RegisterReferences:
    start = next((start for start in each.starts if name in start.witnesses), each.starts[0])
    events = tuple(told.reference(each, value, place + n) for n, value in enumerate(values))
    backend = hashing.backend()
    banks = tuple(alg for alg in each.banks if backend.computable(alg))
    starts = tuple(digest for digest in start.digests if digest.alg in banks)
    ends = tuple(
        Digest(first.alg, backend.fold(first.alg, first.value, [event.digest(first.alg) or b"" for event in events]))
        for first in starts
    )
    return RegisterReferences(each.register, banks, starts, ends, start.reason, events)


class _Told(Describer):
    """Describes events of which a policy has type, name and words."""

    def __init__(self) -> None:
        self._values: dict[int, Value] = {}

    def reference(self, each: RegisterPolicy, value: Value, place: int) -> Reference:
        """The reference that a value is."""
        content = DigestOnly(number_of(value.type), value.words)
        self._values[place] = value
        event = Event(place, each.register, value.digests, content)
        return Reference(event, each.register, value.digests, place, self)

    def describe(self, event: Event) -> Description:
        value = self._values[event.number]
        return Description(value.type, value.name, value.words)


def _runtime_policy(policy: BootPolicy, losses: list[Loss]) -> Export:
    """keylime's runtime policy of the rules for IMA lists; a reference state of a boot needs the events' data."""
    from re import escape

    from evlog.references._keylime_ima import document

    maps: dict[str, dict[str, list[str]]] = {"digests": {}, "keyrings": {}, "ima-buf": {}}
    groups = {"file": "digests", "key": "keyrings", "buffer": "ima-buf"}
    excludes = []
    for each in policy.registers:
        if each.rules:
            losses.append(
                Loss(None, "rules", f"{each.register}: a policy does not hold the data that keylime asks for")
            )
        for path in each.excluded:
            excludes.append(f"^{escape(path)}" + ("" if path.endswith("/") else "$"))
        for file in each.files:
            if not file.name.isprintable():
                losses.append(Loss(None, "files", "a name that is no UTF-8 or cannot be printed"))
                continue
            maps[groups[file.kind]].setdefault(file.name, []).extend(value.value.hex() for value in file.values)
    if not any(maps.values()):
        raise ConversionError("the policy has no rules for entries of an IMA list, and keylime takes no others from it")
    import json

    # Linux shows its list with SHA-1 digests, whatever banks the TPM has.
    made = document(maps, "sha1", excludes)
    return Export("keylime", (("", (json.dumps(made, indent=1) + "\n").encode()),), tuple(losses))
