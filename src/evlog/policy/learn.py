"""Learn: the events of good boots, aligned register by register, and a rule for each.

Events are aligned within their register by what they extend it by, then by what they are about. A rule holds what was
seen and no more: a digest of one boot, the absence in another. ``free`` stands only where somebody can read what
varied: an event whose data is what was measured, different in each of three boots or more, of a kind that tells of a
machine and not of what it runs, and on no register that says which firmware, code or Secure Boot policy ran. Whoever
poisons one boot gains one alternative, which has his boot's name.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.decoders.tagged import TAGS
from evlog.errors import ConversionError, UsageError
from evlog.model import Digest, Loss
from evlog.policy.boots import observed
from evlog.policy.demanded import extended
from evlog.policy.files import learned as files_learned
from evlog.policy.pairing import paired
from evlog.policy.rules import CHECKS, BootPolicy, PolicyBoot, RegisterPolicy, Rule, Start, Static, Value
from evlog.policy.seen import Observer
from evlog.registers import Register
from evlog.replaying.naming import united

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from evlog.evidence import Evidence
    from evlog.model import Log
    from evlog.policy.boots import ObservedBoot
    from evlog.policy.seen import Seen
    from evlog.registers import RegisterSet
    from evlog.verifying.verify import Verification

__all__ = ["GoodBoot", "Learned", "learn"]

#: Boots that an event has to differ in, each from each, before anybody may think that it always does.
_LEAST_FREE = 3
#: The registers of partition tables, of wake-ups, and of what Windows counts. Others say which firmware, code, commands
#: and Secure Boot policy ran (TCG PC Client Platform Firmware Profile 1.06, section 2.3.4; UAPI TPM PCR registry).
_MAY_BE_FREE = frozenset(Register("pcr", index) for index in (5, 6, 12))
#: Types that count boots, or name what one machine has. Others may be code, or be what code obeys.
_MAY_VARY = frozenset(
    {"EV_EVENT_TAG", "EV_EFI_GPT_EVENT", "EV_EFI_GPT_EVENT2", "EV_EFI_VARIABLE_BOOT", "EV_EFI_VARIABLE_BOOT2"}
)
#: Images are one thing under several paths.
_IMAGES = frozenset(
    {"EV_EFI_BOOT_SERVICES_APPLICATION", "EV_EFI_BOOT_SERVICES_DRIVER", "EV_EFI_RUNTIME_SERVICES_DRIVER"}
)


class GoodBoot(Record):
    """What a policy is to be learned from: a boot's logs, its name, and what showed that it was so.

    ``verification`` is what `evlog.verify` said of the logs, None if nobody asked. ``predicted`` says that the logs
    were computed, and that no machine has booted so yet.
    """

    name: str
    logs: tuple[Log, ...]
    verification: Verification | None = None
    predicted: bool = False

    @property
    def standing(self) -> str:
        """``verified``, ``read`` or ``predicted``."""
        if self.predicted:
            return "predicted"
        result = self.verification
        return "verified" if result is not None and result.ok and result.evidence.anchored else "read"


class Learned(Record):
    """The policy, and what of the boots it does not speak of."""

    policy: BootPolicy
    losses: tuple[Loss, ...] = ()


def learn(
    boots: Sequence[GoodBoot],
    *,
    platform: str | None = None,
    registers: RegisterSet | None = None,
    banks: Iterable[HashAlg] | None = None,
) -> Learned:
    """The rules that these boots bear witness to.

    ``registers`` keeps some: the others are ignored by name, which the policy says. ``banks`` keeps some of those that
    all boots have. Raises ConversionError for boots that nothing can be learned from, or whose logs do not lead to
    their evidence; UsageError for boots of the same name.
    """
    if not boots:
        raise UsageError("no boot to learn from")
    names = [boot.name for boot in boots]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UsageError(f"two boots of one name, {twice}: nobody could tell which of them bears witness")
    for boot in boots:
        if boot.verification is not None and not boot.verification.ok:
            raise ConversionError(f"{boot.name}: the logs do not lead to its register values: it is no witness")
    observer = Observer()
    learner = _Learner(registers, banks, observer, platform)
    for boot in boots:
        learner.take(boot)
    made = learner.policy(boots)
    if not any(each.rules or each.files for each in made.registers):
        raise ConversionError(
            "no event of the boots extends a register that is kept: a policy of nothing keeps nothing"
        )
    return Learned(made, tuple(learner.losses))


class _Learner:
    """Takes boot after boot."""

    def __init__(
        self, wanted: RegisterSet | None, banks: Iterable[HashAlg] | None, observer: Observer, platform: str | None
    ) -> None:
        self.wanted = wanted
        self.kept = None if banks is None else {alg.id for alg in banks}
        self.observer = observer
        self.platform = platform
        self.losses: list[Loss] = []
        self.boots: list[tuple[GoodBoot, ObservedBoot]] = []

    def take(self, boot: GoodBoot) -> None:
        """Look at a boot. Raises ConversionError for one that cannot be read whole."""
        broken = next((log for log in boot.logs if log.failed), None)
        if broken is not None:
            raise ConversionError(f"{boot.name}: part of {broken.name or 'a log'} could not be read: it is no witness")
        found = observed(boot.logs, self.observer, platform=self.platform)
        if not len(found):
            raise ConversionError(f"{boot.name}: no event extends a register: it is no witness")
        for entry in found.loose:
            reason = f"{boot.name}: {entry.seen.register} is extended by no event like this: no rule can speak of it"
            self.losses.append(Loss(entry.seen.event.number, "register", reason))
        self.boots.append((boot, found))

    def policy(self, boots: Sequence[GoodBoot]) -> BootPolicy:
        """What all of them come to."""
        platforms = dict.fromkeys(found.platform for _, found in self.boots if found.platform)
        if len(platforms) > 1:
            raise ConversionError(f"boots of several platforms: {', '.join(platforms)}")
        platform = next(iter(platforms), None)
        every = sorted(
            {register for _, found in self.boots for register in found.registers}, key=lambda each: each.sort_key
        )
        kept = [each for each in every if self.wanted is None or self.wanted.holds(each, platform)]
        return BootPolicy(
            tuple(PolicyBoot(boot.name, boot.standing, len(found)) for boot, found in self.boots),
            tuple(self._register(register) for register in kept),
            tuple(
                _static([(boot.name, boot.verification.evidence) for boot in boots if boot.verification is not None])
            ),
            self._ignored(boots, every, platform),
            platform,
        )

    def _ignored(
        self, boots: Sequence[GoodBoot], every: Sequence[Register], platform: str | None
    ) -> tuple[Register, ...]:
        """The registers of boots and of their evidence that are not to be kept."""
        if self.wanted is None:
            return ()
        evidence = (boot.verification.evidence for boot in boots if boot.verification is not None)
        stated = {united(register, platform) for each in evidence for register in extended(each)}
        found = sorted({*every, *stated}, key=lambda each: each.sort_key)
        return tuple(each for each in found if not self.wanted.holds(each, platform))

    def _register(self, register: Register) -> RegisterPolicy:
        banks = self._banks(register)
        slots: list[_Slot] = []
        starts: dict[tuple[Digest, ...], tuple[str, list[str]]] = {}
        for boot, found in self.boots:
            entries = [entry.seen for entry in found.sequences.get(register, ())]
            if entries or register in found.lists:
                start = found.start(register, banks)
                starts.setdefault(start.digests, (start.reason, []))[1].append(boot.name)
            slots = _with(slots, entries, banks, boot.name)
        everyone = [boot.name for boot, _ in self.boots]
        rules = tuple(slot.rule(register, everyone) for slot in slots)
        files, proposed = files_learned(register, [(boot.name, found) for boot, found in self.boots], self.losses)
        return RegisterPolicy(
            register,
            tuple(banks),
            tuple(Start(digests, reason, tuple(names)) for digests, (reason, names) in starts.items()),
            rules,
            files,
            (),
            proposed,
        )

    def _banks(self, register: Register) -> list[HashAlg]:
        """The banks that every boot has for a register. Those that only some have are a loss."""
        each = [(boot.name, found.banks(register)) for boot, found in self.boots if found.sequences.get(register)]
        if not each:
            return []
        # A bank of an algorithm that nobody knows, or of another size, has no value that could be compared.
        known = [alg for alg in each[0][1] if alg.known and alg == HashAlg.of(alg.id)]
        shared = [alg for alg in known if all(alg in banks for _, banks in each)]
        if not shared:
            raise ConversionError(f"{register}: the boots have no bank in common that all of its events extend")
        for alg in {alg: None for _, banks in each for alg in banks if alg not in shared}:
            reason = f"not all boots extend this bank of {register}: no rule speaks of it"
            self.losses.append(Loss(None, f"digests.{alg}", reason))
        kept = [alg for alg in shared if self.kept is None or alg.id in self.kept]
        if not kept:
            raise UsageError(f"{register}: no boot has one of the banks to keep")
        return kept


class _Slot:
    """A place in the order of a register: what each boot has there."""

    __slots__ = ("keys", "name", "names", "type", "values")

    def __init__(self, seen: Seen) -> None:
        self.type, self.name = seen.type, seen.name
        #: By what is extended, type, name and check: the digests, words, and the boots.
        self.values: dict[tuple[bytes, str, str, str], tuple[tuple[Digest, ...], str, list[str]]] = {}
        self.keys: set[bytes] = set()
        self.names: set[tuple[str, str]] = set()

    def add(self, seen: Seen, banks: Sequence[HashAlg], boot: str) -> None:
        key, digests, check = seen.facts.within(banks)
        known = self.values.get((key, seen.type, seen.name, check))
        if known is not None:
            known[2].append(boot)
            return
        self.values[key, seen.type, seen.name, check] = digests or (), seen.words, [boot]
        self.keys.add(key)
        self.names.add((seen.type, seen.name))

    def weight(self, key: bytes, seen: Seen) -> int:
        """How much speaks for an event's being of this place."""
        if key in self.keys:
            return 16 if (seen.type, seen.name) in self.names else 12
        if (seen.type, seen.name) in self.names:
            return 6
        # Images are one thing under several paths; an event without a name is its type.
        loose = seen.type in _IMAGES or not seen.name
        return 3 if loose and any(type == seen.type for type, _ in self.names) else 0

    def rule(self, register: Register, everyone: Sequence[str]) -> Rule:
        values = tuple(
            Value(digests, type, name, check, words, tuple(boots))
            for (_, type, name, check), (digests, words, boots) in self.values.items()
        )
        have = {boot for value in values for boot in value.witnesses}
        without = tuple(boot for boot in everyone if boot not in have)
        if self._is_free(register, values):
            kind = "free"
        elif without:
            kind = "optional"
        else:
            kind = "exact" if len(self.keys) == 1 else "one_of"
        return Rule(kind, self.type, self.name, values, without)

    def _is_free(self, register: Register, values: tuple[Value, ...]) -> bool:
        return (
            len(values) >= _LEAST_FREE
            and all(len(value.witnesses) == 1 and value.check == CHECKS[0] for value in values)
            and register in _MAY_BE_FREE
            and len(self.names) == 1
            and all(_may_vary(type, name) for type, name in self.names)
        )


def _may_vary(type: str, name: str) -> bool:
    """Whether an event may be one that differs with each boot: of tagged ones that can be of Windows only."""
    return type in _MAY_VARY and (type != "EV_EVENT_TAG" or (name != "" and name not in TAGS.values()))


def _with(slots: list[_Slot], entries: Sequence[Seen], banks: Sequence[HashAlg], boot: str) -> list[_Slot]:
    """The places with those of one boot more."""
    keys = [entry.key(banks) for entry in entries]
    pairs = paired(
        (len(slots), len(entries)),
        lambda i, j: slots[i].weight(keys[j], entries[j]),
        lambda i, j: keys[j] in slots[i].keys,
        lambda: ([next(iter(slot.keys)) for slot in slots], keys),
    )
    found: list[_Slot] = []
    next_slot = next_entry = 0

    def until(slot: int, entry: int) -> None:
        nonlocal next_slot, next_entry
        found.extend(slots[next_slot:slot])
        for place in range(next_entry, entry):
            made = _Slot(entries[place])
            made.add(entries[place], banks, boot)
            found.append(made)
        next_slot, next_entry = slot, entry

    for slot, entry in pairs:
        until(slot, entry)
        slots[slot].add(entries[entry], banks, boot)
        found.append(slots[slot])
        next_slot, next_entry = slot + 1, entry + 1
    until(len(slots), len(entries))
    return found


def _static(evidence: Sequence[tuple[str, Evidence]]) -> Iterator[Static]:
    """The registers that no event extends, with the values that evidence of the boots states."""
    found: dict[tuple[Register, HashAlg], dict[bytes, list[str]]] = {}
    for name, each in evidence:
        for (register, alg), value in each.registers.values.items():
            if register in each.static:
                found.setdefault((register, alg), {}).setdefault(value, []).append(name)
    for (register, alg), values in found.items():
        yield Static(register, alg, tuple((value, tuple(names)) for value, names in values.items()))
