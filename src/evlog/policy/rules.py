"""The nouns of a policy: rules for the events of a register, in their order, each with its witnesses.

``exact``     the event has this digest in each bank
``one_of``    it has one of these, each of which a boot had
``optional``  it may be absent, as in the boots that are ``without`` it; else as one_of
``free``      it has any digest; what stands here is not judged, and is counted
"""

from __future__ import annotations

from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.model import Digest
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = [
    "BootPolicy",
    "FileRule",
    "FileValue",
    "PolicyBoot",
    "RegisterPolicy",
    "Rule",
    "Start",
    "Static",
    "Value",
    "about_of",
]

#: What a check of an event's digests says of its data, the best first.
CHECKS = ("matches", "not_checkable", "mismatch")


def about_of(type: str, name: str) -> str:
    """What an event is about, in words."""
    return f"{type} {name}".rstrip()


class Value(Record):
    """What an event extends its register by, one digest for each of the register's banks, and who bears witness to it.

    ``type`` and ``name`` are what the event is called; ``check`` is the worst of what its digests say of its data.
    ``words`` are for people, and are compared with nothing.
    """

    digests: tuple[Digest, ...]
    type: str
    name: str
    check: str
    words: str = ""
    witnesses: tuple[str, ...] = ()

    @property
    def about(self) -> str:
        """The event's type and name."""
        return about_of(self.type, self.name)


class Rule(Record):
    """A rule for one event in the order of its register. ``without`` are the boots that lack the event."""

    rule: str
    type: str
    name: str
    values: tuple[Value, ...]
    without: tuple[str, ...] = ()

    @property
    def about(self) -> str:
        """What the event is about: type and name, as the first witness has them."""
        return about_of(self.type, self.name)

    @property
    def witnesses(self) -> tuple[str, ...]:
        """The boots that have the event."""
        return tuple(dict.fromkeys(name for value in self.values for name in value.witnesses))

    @property
    def witnesses_of(self) -> tuple[tuple[str, ...], ...]:
        """The boots that have each value."""
        return tuple(value.witnesses for value in self.values)

    @property
    def may_lack(self) -> bool:
        """Whether some boot had no such event."""
        return bool(self.without)


class Start(Record):
    """What a register starts at, in each bank, why, and which boots it was so in."""

    digests: tuple[Digest, ...]
    reason: str
    witnesses: tuple[str, ...] = ()


class FileValue(Record):
    """The digest of a file, a key or a buffer as an IMA list has it: the algorithm by the kernel's name."""

    algorithm: str
    value: bytes
    witnesses: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value.hex()}"


class FileRule(Record):
    """A name in an IMA list, with the digests that it may have; ``kind`` is file, key or buffer.

    Entries of a list come in any order, and any number of times: what is not read is not measured.
    """

    kind: str
    name: str
    values: tuple[FileValue, ...]

    @property
    def rule(self) -> str:
        """``exact`` or ``one_of``."""
        return "exact" if len(self.values) == 1 else "one_of"

    @property
    def about(self) -> str:
        """What the entry is about."""
        return self.name

    @property
    def witnesses(self) -> tuple[str, ...]:
        """The boots that have the entry."""
        return tuple(dict.fromkeys(name for value in self.values for name in value.witnesses))

    @property
    def witnesses_of(self) -> tuple[tuple[str, ...], ...]:
        """The boots that have each value."""
        return tuple(value.witnesses for value in self.values)


class RegisterPolicy(Record):
    """The rules of one register. All of its ``banks`` are compared.

    ``excluded`` are paths of an IMA list that are not judged: a person's decision. ``proposed`` are those that a
    person may want to exclude; they have no effect.
    """

    register: Register
    banks: tuple[HashAlg, ...]
    starts: tuple[Start, ...]
    rules: tuple[Rule, ...] = ()
    files: tuple[FileRule, ...] = ()
    excluded: tuple[str, ...] = ()
    proposed: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[Rule | FileRule, ...]:
        """The rules of both kinds."""
        found: list[Rule | FileRule] = list(self.rules)
        found.extend(self.files)
        return tuple(found)

    def within(self, banks: Collection[int]) -> RegisterPolicy:
        """The same rules in those of the banks that are among these, by the ids of their algorithms."""

        def kept(digests: tuple[Digest, ...]) -> tuple[Digest, ...]:
            return tuple(digest for digest in digests if digest.alg.id in banks)

        return self.replace(
            banks=tuple(alg for alg in self.banks if alg.id in banks),
            starts=tuple(start.replace(digests=kept(start.digests)) for start in self.starts),
            rules=tuple(
                rule.replace(values=tuple(value.replace(digests=kept(value.digests)) for value in rule.values))
                for rule in self.rules
            ),
        )

    @property
    def stable(self) -> str:
        """``value`` if the rules leave the register one value, else ``events``."""
        fixed = all(rule.rule == "exact" for rule in self.rules)
        return "value" if fixed and len(self.starts) == 1 and not self.files and not self.excluded else "events"

    @property
    def values(self) -> tuple[Digest, ...]:
        """The register's one value in each bank; nothing if the rules leave it several."""
        if self.stable != "value":
            return ()
        from evlog import hashing

        backend = hashing.backend()
        found = []
        for place, start in enumerate(self.starts[0].digests):
            if not backend.computable(start.alg):
                return ()
            found.append(
                Digest(
                    start.alg,
                    backend.fold(start.alg, start.value, (rule.values[0].digests[place].value for rule in self.rules)),
                )
            )
        return tuple(found)


class Static(Record):
    """A register that no event extends, and the values that it had in evidence of the boots."""

    register: Register
    alg: HashAlg
    values: tuple[tuple[bytes, tuple[str, ...]], ...]


class PolicyBoot(Record):
    """A boot that the policy was learned from.

    ``standing`` is ``verified`` (its logs lead to values that a key or root which the learner gave stands behind),
    ``read`` (nothing shows that the machine booted so) or ``predicted`` (computed, and not seen yet).
    """

    name: str
    standing: str
    events: int


class BootPolicy(Record):
    """Rules by register, with the boots that they were learned from. ``ignored`` registers are not judged."""

    boots: tuple[PolicyBoot, ...]
    registers: tuple[RegisterPolicy, ...]
    static: tuple[Static, ...] = ()
    ignored: tuple[Register, ...] = ()
    platform: str | None = None

    @property
    def single(self) -> tuple[tuple[RegisterPolicy, Rule | FileRule], ...]:
        """The rules that rest on one witness, where there were more boots."""
        if len(self.boots) < 2:
            return ()
        return tuple((each, rule) for each in self.registers for rule in each.all if 1 in map(len, rule.witnesses_of))

    @property
    def free(self) -> tuple[tuple[RegisterPolicy, Rule], ...]:
        """The rules that judge nothing."""
        return tuple((each, rule) for each in self.registers for rule in each.rules if rule.rule == "free")
