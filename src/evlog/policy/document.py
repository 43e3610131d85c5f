"""A policy as the JSON that a person reviews and edits: ``evlog.policy/1``.

``witnesses`` is ``"all"`` where every boot bears witness. What a person adds has his name as its witness: nothing
stands in a policy that nobody vouches for. ``stable``, ``values`` and ``about`` are for the reader, and are not read.
"""

from __future__ import annotations

import json

from evlog.algorithms import HashAlg
from evlog.errors import ParseError, UsageError
from evlog.model import Digest
from evlog.policy.rules import (
    CHECKS,
    BootPolicy,
    FileRule,
    FileValue,
    PolicyBoot,
    RegisterPolicy,
    Rule,
    Start,
    Static,
    Value,
)
from evlog.registers import PLATFORMS, Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

__all__ = ["SCHEMA", "is_policy", "read_policy", "write_policy"]

SCHEMA = "evlog.policy/1"
_RULES = ("exact", "one_of", "optional", "free")
_KINDS = ("file", "key", "buffer")
_STANDINGS = ("verified", "read", "predicted")


def is_policy(data: bytes) -> bool:
    """Whether the bytes are meant to be a policy."""
    return data.lstrip()[:1] == b"{" and SCHEMA.encode() in data[:256]


def write_policy(policy: BootPolicy) -> bytes:
    """The policy as JSON, a value on a line of its own."""
    everyone = tuple(boot.name for boot in policy.boots)

    def by(names: Sequence[str]) -> list[str] | str:
        return "all" if set(names) == set(everyone) and len(names) == len(everyone) else list(names)

    document = {
        "schema": SCHEMA,
        "platform": policy.platform,
        "boots": [{"name": boot.name, "standing": boot.standing, "events": boot.events} for boot in policy.boots],
        "ignored": [str(register) for register in policy.ignored],
        "static": [
            {
                "register": str(each.register),
                "alg": each.alg.name,
                "rule": "exact" if len(each.values) == 1 else "one_of",
                "values": [{"value": value.hex(), "witnesses": by(names)} for value, names in each.values],
            }
            for each in policy.static
        ],
        "registers": [_register(each, policy.platform, by) for each in policy.registers],
    }
    return (json.dumps(document, indent=1) + "\n").encode()


def _register(each: RegisterPolicy, platform: str | None, by: Any) -> dict[str, Any]:
    return {
        "register": str(each.register),
        "label": each.register.label(platform),
        "stable": each.stable,
        "values": _digests(each.values),
        "banks": [alg.name for alg in each.banks],
        "starts": [
            {"digests": _digests(start.digests), "reason": start.reason, "witnesses": by(start.witnesses)}
            for start in each.starts
        ],
        "rules": [
            {
                "rule": rule.rule,
                "about": rule.about,
                **({"without": list(rule.without)} if rule.without else {}),
                "values": [
                    {
                        "type": value.type,
                        "name": value.name,
                        "words": value.words,
                        "check": value.check,
                        "digests": _digests(value.digests),
                        "witnesses": by(value.witnesses),
                    }
                    for value in rule.values
                ],
            }
            for rule in each.rules
        ],
        "files": [
            {
                "rule": rule.rule,
                "kind": rule.kind,
                "name": rule.name,
                "values": [
                    {"algorithm": value.algorithm, "value": value.value.hex(), "witnesses": by(value.witnesses)}
                    for value in rule.values
                ],
            }
            for rule in each.files
        ],
        "excluded": list(each.excluded),
        "proposed": list(each.proposed),
    }


def _digests(digests: Iterable[Digest]) -> dict[str, str]:
    return {digest.alg.name: digest.value.hex() for digest in digests}


def read_policy(data: bytes) -> BootPolicy:
    """A policy from its JSON. Raises ParseError for what is none, or has a rule that says nothing."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ParseError("a policy is JSON, and this is none") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ParseError(f"no policy: an object with the schema {SCHEMA} was expected")
    reader = _Reader(document)
    platform = document.get("platform")
    if platform is not None and not (isinstance(platform, str) and platform in PLATFORMS):
        raise ParseError("a platform that is known, or null, was expected", where="platform")
    registers = tuple(
        reader.register(item, f"registers[{place}]") for place, item in enumerate(_list(document, "registers", ""))
    )
    if len({each.register for each in registers}) < len(registers):
        raise ParseError("a register that has its rules twice", where="registers")
    if not any(each.rules or each.files for each in registers):
        raise ParseError("a policy without a rule keeps nothing", where="registers")
    ignored = tuple(_of_register(name, "ignored") for name in _list(document, "ignored", ""))
    if not {each.register for each in registers}.isdisjoint(ignored):
        raise ParseError("a register that has rules and is ignored", where="ignored")
    static = tuple(reader.static(item, f"static[{place}]") for place, item in enumerate(_list(document, "static", "")))
    return BootPolicy(reader.boots, registers, static, ignored, platform)


class _Reader:
    """Reads the parts of a document, in which boots have names."""

    def __init__(self, document: dict[str, Any]) -> None:
        boots = []
        for place, item in enumerate(_list(document, "boots", "")):
            where = f"boots[{place}]"
            standing = _text(item, "standing", where)
            if standing not in _STANDINGS:
                raise ParseError(f"one of {', '.join(_STANDINGS)} was expected", where=f"{where}.standing")
            events = item.get("events")
            if type(events) is not int or events < 0:
                raise ParseError("a number of events was expected", where=f"{where}.events")
            boots.append(PolicyBoot(_text(item, "name", where), standing, events))
        self.boots = tuple(boots)
        self.everyone = tuple(boot.name for boot in boots)
        if not boots or len(set(self.everyone)) < len(boots):
            raise ParseError("boots with names of their own were expected", where="boots")

    def witnesses(self, item: dict[str, Any], where: str, member: str = "witnesses") -> tuple[str, ...]:
        """Who bears witness: at least one."""
        given = item.get(member)
        if given == "all":
            return self.everyone
        if not isinstance(given, list) or not given or not all(isinstance(name, str) and name for name in given):
            raise ParseError('names of witnesses, at least one, or "all" were expected', where=f"{where}.{member}")
        return tuple(dict.fromkeys(given))

    def register(self, item: Any, where: str) -> RegisterPolicy:
        register = _of_register(_text(item, "register", where), f"{where}.register")
        banks = []
        for name in _list(item, "banks", where):
            try:
                banks.append(HashAlg.named(name if isinstance(name, str) else ""))
            except UsageError as error:
                raise ParseError("the name of a hash algorithm was expected", where=f"{where}.banks") from error
        if sorted({alg.id for alg in banks}) != [alg.id for alg in banks]:
            raise ParseError("banks in the order of their numbers, each once, were expected", where=f"{where}.banks")
        rules = tuple(
            self.rule(each, banks, f"{where}.rules[{place}]") for place, each in enumerate(_list(item, "rules", where))
        )
        if rules and not banks:
            raise ParseError("rules for events without a bank compare nothing", where=f"{where}.banks")
        files = tuple(
            self.file(each, f"{where}.files[{place}]") for place, each in enumerate(_list(item, "files", where))
        )
        if len({(each.kind, each.name) for each in files}) < len(files):
            raise ParseError("a name that has two rules", where=f"{where}.files")
        starts = tuple(
            Start(
                self.digests(each, banks, f"{where}.starts[{place}]"),
                _text(each, "reason", f"{where}.starts[{place}]"),
                self.witnesses(each, f"{where}.starts[{place}]"),
            )
            for place, each in enumerate(_list(item, "starts", where))
        )
        if not starts:
            raise ParseError("a value that the register starts at was expected", where=f"{where}.starts")
        excluded = tuple(_list(item, "excluded", where))
        if not all(isinstance(path, str) and path.startswith("/") for path in excluded):
            raise ParseError("paths were expected", where=f"{where}.excluded")
        proposed = tuple(path for path in _list(item, "proposed", where) if isinstance(path, str))
        return RegisterPolicy(register, tuple(banks), starts, rules, files, excluded, proposed)

    def rule(self, item: Any, banks: Sequence[HashAlg], where: str) -> Rule:
        kind = _text(item, "rule", where)
        if kind not in _RULES:
            raise ParseError(f"one of {', '.join(_RULES)} was expected", where=f"{where}.rule")
        values = tuple(
            self.value(each, banks, f"{where}.values[{place}]")
            for place, each in enumerate(_list(item, "values", where))
        )
        if not values:
            raise ParseError("a value with its witnesses was expected", where=f"{where}.values")
        without = self.witnesses(item, where, "without") if "without" in item else ()
        if kind in ("exact", "one_of") and without:
            raise ParseError(f"an event that may be absent is optional, not {kind}", where=where)
        if kind == "optional" and not without:
            raise ParseError("boots without the event were expected", where=f"{where}.without")
        if kind == "exact" and len({value.digests for value in values}) > 1:
            raise ParseError("one value was expected", where=f"{where}.values")
        return Rule(kind, values[0].type, values[0].name, values, without)

    def value(self, item: Any, banks: Sequence[HashAlg], where: str) -> Value:
        check = _text(item, "check", where)
        if check not in CHECKS:
            raise ParseError(f"one of {', '.join(CHECKS)} was expected", where=f"{where}.check")
        return Value(
            self.digests(item, banks, where),
            _text(item, "type", where),
            _text(item, "name", where, empty=True),
            check,
            _text(item, "words", where, empty=True),
            self.witnesses(item, where),
        )

    def digests(self, item: Any, banks: Sequence[HashAlg], where: str) -> tuple[Digest, ...]:
        given = item.get("digests") if isinstance(item, dict) else None
        if not isinstance(given, dict) or len(given) != len(banks):
            raise ParseError("a digest for each bank was expected", where=f"{where}.digests")
        return tuple(Digest(alg, _hex(given.get(alg.name), alg.size, f"{where}.digests.{alg}")) for alg in banks)

    def file(self, item: Any, where: str) -> FileRule:
        kind = _text(item, "kind", where)
        if kind not in _KINDS:
            raise ParseError(f"one of {', '.join(_KINDS)} was expected", where=f"{where}.kind")
        values = tuple(
            FileValue(
                _text(each, "algorithm", f"{where}.values[{place}]"),
                _hex(each.get("value"), None, f"{where}.values[{place}].value"),
                self.witnesses(each, f"{where}.values[{place}]"),
            )
            for place, each in enumerate(_list(item, "values", where))
        )
        if not values:
            raise ParseError("a value with its witnesses was expected", where=f"{where}.values")
        return FileRule(kind, _text(item, "name", where), values)

    def static(self, item: Any, where: str) -> Static:
        try:
            alg = HashAlg.named(_text(item, "alg", where))
        except UsageError as error:
            raise ParseError("the name of a hash algorithm was expected", where=f"{where}.alg") from error
        values = tuple(
            (
                _hex(each.get("value") if isinstance(each, dict) else None, alg.size, f"{where}.values[{place}].value"),
                self.witnesses(each, f"{where}.values[{place}]"),
            )
            for place, each in enumerate(_list(item, "values", where))
        )
        if not values:
            raise ParseError("a value with its witnesses was expected", where=f"{where}.values")
        return Static(_of_register(_text(item, "register", where), f"{where}.register"), alg, values)


def _list(item: Any, name: str, where: str) -> list[Any]:
    found = item.get(name) if isinstance(item, dict) else None
    if not isinstance(found, list):
        raise ParseError("an array was expected", where=f"{where}.{name}" if where else name)
    return found


def _text(item: Any, name: str, where: str, *, empty: bool = False) -> str:
    found = item.get(name) if isinstance(item, dict) else None
    if not isinstance(found, str) or not (found or empty):
        raise ParseError("a text was expected", where=f"{where}.{name}")
    return found


def _hex(text: Any, size: int | None, where: str) -> bytes:
    try:
        value = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        value = b""
    if not value or (size is not None and len(value) != size):
        raise ParseError("hex was expected" if size is None else f"{size} bytes in hex were expected", where=where)
    return value


def _of_register(text: Any, where: str) -> Register:
    try:
        return Register.parse(text if isinstance(text, str) else "")
    except UsageError as error:
        raise ParseError("a register was expected", where=where) from error
