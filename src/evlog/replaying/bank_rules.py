"""How events extended the banks that their log has no digests for, found by register values.

Linux IMA lists hold one digest for each entry, of one bank. Kernels extend the other banks with the hash of the same
data, or with the SHA-1 digest padded with zeros, and differ bank by bank in one boot; systemd may extend some banks
only. No log says so: the values of the registers do.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.hashing import backend
from evlog.registers import Registers
from evlog.replaying.find_prefix import find_prefix
from evlog.replaying.replay import replay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evlog.algorithms import HashAlg
    from evlog.model import Log
    from evlog.registers import Register

__all__ = ["BankRule", "bank_rules", "rules_by_bank"]


class BankRule(Record):
    """The rule by which a register was extended in a bank that the log does not record.

    ``event`` is the number of the last event that the register's value covers, None if it covers all: an IMA list may
    be ahead of the register.
    """

    register: Register
    alg: HashAlg
    rule: str
    event: int | None = None


def bank_rules(logs: Log | Sequence[Log], registers: Registers, start: Registers | None = None) -> tuple[BankRule, ...]:
    """The rules that lead to the given values, for the registers and banks that `replay` leaves open.

    Nothing is said of a register whose value no rule explains; where the rules come to the same the first stands.
    Pass the result through `rules_by_bank` to `replay`.
    """
    listed = tuple(logs) if isinstance(logs, (list, tuple)) else (logs,)
    found: list[BankRule] = []
    for alg in dict.fromkeys(alg for _, alg in registers):
        if backend().computable(alg) and any(log.rules for log in listed):
            found += _of_bank(listed, registers, alg, start)
    return tuple(found)


def _of_bank(logs: tuple[Log, ...], registers: Registers, alg: HashAlg, start: Registers | None) -> Iterator[BankRule]:
    replayed = replay(logs, start, rules={}, banks=(alg,))
    pending = [register for register, bank in registers if bank == alg and replayed.get(register, alg) is None]
    extended: set[Register] = set()
    for rule in dict.fromkeys(rule for log in logs for rule in log.rules):
        result = replay(logs, start, rules={alg: rule}, banks=(alg,))
        extended |= {row.register for row in result}
        explained = [register for register in pending if result.get(register, alg) == registers[register, alg]]
        for register in explained:
            yield BankRule(register, alg, rule)
            pending.remove(register)
    for register in extended.intersection(pending):
        partial = _prefix(logs, register, alg, registers[register, alg], start)
        if partial is not None:
            yield partial


def _prefix(
    logs: tuple[Log, ...], register: Register, alg: HashAlg, value: bytes, start: Registers | None
) -> BankRule | None:
    """The rule by which the last log that extends the register comes to the value on its way."""
    for number in reversed(range(len(logs))):
        for rule in logs[number].rules:
            earlier, later = logs[:number], logs[number:]
            before = replay(earlier, start, rules={alg: rule}, banks=(alg,), beside=later).get(register, alg)
            given = start if before is None else Registers({(register, alg): before}, "replay")
            prefix = find_prefix(logs[number], register, alg, value, start=given, rules=rule)
            if prefix is not None and prefix.event is not None:
                return BankRule(register, alg, rule, prefix.event)
    return None


def rules_by_bank(found: Sequence[BankRule]) -> Mapping[HashAlg, tuple[str, ...]]:
    """The rules of each bank, as `replay` takes them."""
    rules: dict[HashAlg, tuple[str, ...]] = {}
    for each in found:
        if each.rule not in rules.get(each.alg, ()):
            rules[each.alg] = (*rules.get(each.alg, ()), each.rule)
    return rules
