"""Whether what was compared is what was demanded: every shortfall by name, and which of them the verifier accepts.

Contract: docs/verify.md. Nothing in here looks at a log: a register's verdicts, and what the evidence answers to.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.algorithms import SHA1
from evlog.registers import Register
from evlog.replaying.naming import united

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from typing import Any

    from evlog.evidence import Evidence
    from evlog.verifying.demand import Demand
    from evlog.verifying.verdict import RegisterVerdict

__all__ = ["Shortfall", "identified", "of_known_firmware", "shortfalls"]


class Shortfall(Record):
    """What keeps a demand from being met, of a register or (None) of the evidence as a whole.

    ``name`` is what a verifier may accept it by, "" if nothing makes it good.
    """

    name: str
    register: Register | None
    sentence: str

    @property
    def option(self) -> str:
        """How `Demand.accept` would name it, on this register and no other."""
        if not self.name or self.register is None:
            return self.name
        # A comma in a register's name would begin something else that is accepted.
        return f"{self.name}:{self.register}".replace(",", "\\,")


def shortfalls(
    demand: Demand, evidence: Evidence, required: Collection[Register], verdicts: Sequence[RegisterVerdict]
) -> Iterator[Shortfall]:
    """All of them, those of the evidence first."""
    yield from _of_evidence(demand, evidence)
    if not required:
        yield Shortfall("", None, "nothing is demanded that was compared: name the registers that have to count")
    banks: dict[Register, list[RegisterVerdict]] = {register: [] for register in required}
    #: Those of which every stated bank proves every event, in one at least that is no SHA-1.
    good = set(banks)
    strong = set[Register]()
    for row in verdicts:
        rows = banks.get(row.register)
        if rows is None:
            continue
        rows.append(row)
        if row.verdict != "match" or row.cause is not None or not row.events or row.proven != row.events:
            good.discard(row.register)
        elif row.alg is not SHA1:
            strong.add(row.register)
    for register in sorted(banks.keys() - (good & strong), key=lambda register: register.sort_key):
        yield from _of_register(register, banks[register], demand, evidence)


def _of_register(
    register: Register, rows: Sequence[RegisterVerdict], demand: Demand, evidence: Evidence
) -> Iterator[Shortfall]:
    """Why a register does not count: it has to match as a whole in some bank, and to differ in none."""
    stated = [row for row in rows if row.expected is not None]
    differing = [row for row in rows if row.verdict == "mismatch"]
    if differing and all(row.cause == "violations" for row in differing):
        yield Shortfall("violations", register, f"{differing[0].explanation}")
        return
    if differing:
        yield Shortfall("", register, f"it differs ({', '.join(str(row.alg) for row in differing)})")
        return
    if any(row.verdict == "static" for row in rows):
        if not _held(
            demand, evidence, static=tuple(each for each in evidence.static if _same(each, register, evidence))
        ):
            yield Shortfall("", register, "it never changes: say which value it must have (--expect)")
        return
    if not stated and evidence.composite is not None and register in {each for each, _ in evidence.composite.selection}:
        yield Shortfall("", register, "the quote is of it, and not of what the logs lead to: give the values (--pcrs)")
        return
    if not stated:
        behind = "the key or root stands behind" if evidence.anchored else "the evidence states"
        which = f" in {' or '.join(map(str, demand.banks))}" if demand.banks else ""
        yield Shortfall("not_reported", register, f"{behind} no value of it{which}")
        return
    counting = [row for row in stated if row.whole]
    strong = [row for row in counting if row.alg != SHA1 or SHA1 in demand.banks or not evidence.anchored]
    if not strong:
        best = _best(register, counting, stated)
        yield best
        for row in stated:
            if row.cause == best.name == "stated_start" and row.proven < row.events:
                # Who puts up with the start has not put up with what goes beyond the value.
                said = f"{row.events - row.proven} of its {row.events} events are not proven"
                yield Shortfall("incomplete", register, said)
                break
        return
    # What makes a register idle is that no bank of it was extended.
    if not any(row.events for row in strong):
        for row in stated:
            if row.verdict == "not_logged":
                yield Shortfall("not_logged", register, f"{row.explanation}")
                return
    # A bank that the log has, and not for all events: somebody may have taken digests out of it.
    for row in stated:
        if row.verdict == "incomplete" and row.cause == "lacking":
            yield Shortfall("incomplete", register, f"{row.explanation}")
            return


def _best(register: Register, counting: Sequence[RegisterVerdict], stated: Sequence[RegisterVerdict]) -> Shortfall:
    """Of a register that counts in no bank, what is nearest to it."""
    if counting:
        return Shortfall("", register, "only its SHA-1 value matches, which proves nothing any more (--bank sha1)")
    row = min(stated, key=lambda row: (row.verdict != "match", row.verdict != "incomplete"))
    if row.verdict == "match" and not row.events:
        return Shortfall("not_logged", register, "it stands at a start value, which proves nothing of what started")
    return Shortfall(row.shortfall, register, row.explanation or "its events are not all proven")


def _of_evidence(demand: Demand, evidence: Evidence) -> Iterator[Shortfall]:
    if demand.kind is not None and evidence.source != demand.kind:
        yield Shortfall("", None, f"the evidence is of the kind {evidence.source}, and {demand.kind} is demanded")
    for weakness in evidence.weaknesses:
        yield Shortfall(weakness.accept, None, weakness.sentence)
    for name, value in demand.expect:
        said = evidence.states(name, value)
        if said is None:
            yield Shortfall("", None, f"{name} is expected, and the evidence states none")
        elif not said:
            yield Shortfall("", None, f"{name} is not the one that is expected")
    if demand.authenticated:
        yield from _of_authentication(demand, evidence)


def _of_authentication(demand: Demand, evidence: Evidence) -> Iterator[Shortfall]:
    if not evidence.anchored:
        yield Shortfall("", None, "no given key or root authenticates the values")
        return
    if evidence.anchor == "root" and not identified(demand, evidence):
        yield Shortfall("", None, "a root proves the make of the machine, not which one it is (--expect)")
    if not evidence.fresh:
        yield Shortfall("replay", None, "no nonce shows that the evidence is not an old one")
    if evidence.static and not of_known_firmware(demand, evidence):
        yield Shortfall("", None, "nobody says which firmware is expected (--expect)")


def identified(demand: Demand, evidence: Evidence) -> bool:
    """Whether the verifier expects this very machine."""
    return _held(demand, evidence, identity=evidence.identity)


def of_known_firmware(demand: Demand, evidence: Evidence) -> bool:
    """Whether the verifier expects the value of a register that never changes: who wrote the log."""
    return _held(demand, evidence, static=evidence.firmware)


def _held(demand: Demand, evidence: Evidence, **among: Any) -> bool:
    """Whether some expectation holds of these parts of the evidence, and no others."""
    part = evidence.replace(**{"claims": (), "plain": (), "identity": (), "static": (), **among})
    return any(part.states(name, value) for name, value in demand.expect)


def _same(static: Register, register: Register, evidence: Evidence) -> bool:
    return united(static, evidence.platform) == register
