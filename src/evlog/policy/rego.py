"""A policy in Rego, to be evaluated on the document of ``evlog show --json``: ``allow`` and ``deny`` of ``data.evlog``.

The log has to be verified first: Rego sees what a log says, and nothing of what it leads to. An event becomes the
number of the value that it has in the policy, told apart by its digests in each bank and its type; the sequence of a
register has to be one of the regular expression that its rules are. What the language, or the document, has no words
for is a `Loss`: the events are then held to less, or to more.
Source: Rego, as OPA 1.0 and rego-cpp have it (``import rego.v1``); regular expressions are RE2's.
"""

from __future__ import annotations

import json

from evlog.comparing.describe import NAMES
from evlog.errors import ConversionError
from evlog.model import Loss
from evlog.policy.matching import gaps, patterns
from evlog.policy.rules import CHECKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.policy.rules import BootPolicy, RegisterPolicy, Value

__all__ = ["rego"]

_MODULE = """\
# {title}
# Input: the document of `evlog show --json LOG`. Ask for data.evlog.allow, or for the reasons in data.evlog.deny.
# Verify the log first (evlog verify): nothing here shows that a machine booted as the log says.
package evlog

import rego.v1

default allow := false

allow if {{
\tcount(deny) == 0
\tcount(spoken) > 0
}}

reference := {reference}

# What an event extends a bank by, if it says one thing of it.
digest_of(e, bank) := digest if {{
\tsaid := {{d.digest | some d in e.digests; d.alg == bank}}
\tcount(said) == 1
\tsome digest in said
}}

# What an event's data is worth: 0 it is what the digest covers, 2 it is not, 1 nobody can tell.
rank_of(e, bank) := rank if {{
\trank := ranks[[c.verdict | some c in e.checks; c.alg == bank][0]]
}} else := 2

ranks := {ranks}

type_of(e) := name if {{
\tname := e.content.event_type_name
\tname != null
}} else := e.content.kind

# What its data calls an event that is not judged.
called(e) := [name | some field in {names}; name := e.decoded[field]; is_string(name); name != ""][0] if {{
\tis_object(e.decoded)
}} else := ""

is_list(e) if e.content.kind == "ima"

name_of(e) := concat("|", array.concat([type_of(e)], [digest_of(e, bank) | some bank in reference[e.register].banks]))

worst(e) := max([rank_of(e, bank) | some bank in reference[e.register].banks])

symbol(e) := s if {{
\tvalue := reference[e.register]["values"][name_of(e)]
\tworst(e) <= value.worst
\ts := sprintf("v%d;", [value.number])
}} else := s if {{
\tkind := reference[e.register].free[concat("|", [type_of(e), called(e)])]
\tworst(e) <= kind.worst
\tcount([b | some b in reference[e.register].banks; digest_of(e, b)]) == count(reference[e.register].banks)
\ts := sprintf("f%d;", [kind.number])
}} else := "x;"

# An array: events are many, and long to compare with one another.
measured := [e | some e in input.events; e.measured; not e.register in ignored]

ignored := {ignored}

spoken contains e.number if {{
\tsome e in measured
\treference[e.register]
}}

sequence(r) := concat("", [symbol(e) | some e in measured; e.register == r; not is_list(e)])

deny contains msg if {{
\tsome r, rules in reference
\tnot regex.match(rules.pattern, sequence(r))
\tmsg := sprintf("%s: the events are not those that the rules allow", [r])
}}

deny contains msg if {{
\tsome e in measured
\tnot reference[e.register]
\tmsg := sprintf("event %d: no rule for %s", [e.number, e.register])
}}

# Entries of IMA lists: in any order, each name with a digest that a boot had.
listed(e) if {{
\tsome value in reference[e.register].files[e.decoded.name]
\tvalue.algorithm == algorithm_of(e)
\tvalue.value == e.decoded.digest.digest
\tvalue.kind == kind_of(e)
\tsome c in e.checks
\tc.verdict == "matches"
\tcount([w | some w in e.checks; w.verdict == "mismatch"]) == 0
}}

listed(e) if {{
\tsome path in reference[e.register].excluded
\te.decoded.name == path
}}

listed(e) if {{
\tsome path in reference[e.register].excluded
\tendswith(path, "/")
\tstartswith(e.decoded.name, path)
}}

kind_of(e) := "file" if {{
\te.content.template != "ima-buf"
}} else := "key" if {{
\te.decoded.certificate != null
}} else := "buffer"

algorithm_of(e) := e.decoded.digest.algorithm if {{
\te.decoded.digest.type == ""
}} else := concat(":", [e.decoded.digest.type, e.decoded.digest.algorithm])

deny contains msg if {{
\tsome e in measured
\tis_list(e)
\tnot listed(e)
\tmsg := sprintf("event %d: an entry that no boot had", [e.number])
}}

deny contains msg if {{
\tsome f in input.findings
\tf.severity == "error"
\tmsg := "part of the log could not be read"
}}
"""


def rego(policy: BootPolicy) -> tuple[bytes, tuple[Loss, ...]]:
    """The policy as a Rego module, and what it does not say. Raises ConversionError for what cannot be said at all."""
    losses = [
        Loss(None, "evidence", "Rego sees the text of a log: verify it first (evlog verify)"),
        Loss(None, "starts", "the values that registers start at are not in the document: they are not compared"),
        Loss(None, "banks", "a log that lacks a bank of the policy is refused, also where evlog takes the others"),
    ]
    if policy.static:
        losses.append(Loss(None, "static", "registers that no event extends are not in a log: they are not compared"))
    if any(rule.values[0].check != CHECKS[0] for each in policy.registers for rule in each.rules):
        reason = "names of events that their digest does not cover are not compared"
        losses.append(Loss(None, "name", reason))
    for each, rule in policy.free:
        if rule.type == "EV_IPL" or rule.type.startswith(("EV_EFI_BOOT_SERVICES", "EV_EFI_RUNTIME")):
            reason = f"{each.register}: {rule.about} may have any digest: Rego does not know its name, and refuses it"
            losses.append(Loss(None, "rules", reason))
    reference = {str(each.register): _register(each) for each in policy.registers}
    text = _MODULE.format(
        title=f"A policy of {len(policy.boots)} boots, by evlog.",
        reference=json.dumps(reference, indent=1),
        ranks=json.dumps({name: rank for rank, name in enumerate(CHECKS)}),
        ignored=json.dumps([str(register) for register in policy.ignored]),
        names=json.dumps(NAMES),
    )
    return text.encode(), tuple(losses)


def _name(value: Value) -> str:
    """What tells the events of a value apart, as the module has it."""
    return "|".join((value.type, *(digest.value.hex() for digest in value.digests)))


def _register(each: RegisterPolicy) -> dict[str, Any]:
    numbers: dict[str, dict[str, int]] = {}
    free: dict[str, dict[str, int]] = {}
    symbols: list[list[str]] = []
    for rule in each.rules:
        here: list[str] = []
        for value in rule.values:
            rank = CHECKS.index(value.check)
            if rule.rule == "free":
                known = free.setdefault(f"{value.type}|{value.name}", {"number": len(free), "worst": rank})
                known["worst"] = max(known["worst"], rank)
                continue
            name = _name(value)
            known = numbers.setdefault(name, {"number": len(numbers), "worst": rank})
            if known["worst"] != rank:
                raise ConversionError(
                    f"{each.register}: one digest that is the hash of its event's data, and is not: Rego has one number"
                )
            here.append(f"v{known['number']};")
        if rule.rule == "free":
            here += [f"f{free[name]['number']};" for name in sorted({f"{v.type}|{v.name}" for v in rule.values})]
        symbols.append(here)
    for rule, here in zip(each.rules, symbols, strict=True):
        if rule.rule == "free":
            # An event of a known value may stand where any may.
            named = {(value.type, value.name) for value in rule.values}
            alike = (value for other in each.rules for value in other.values if (value.type, value.name) in named)
            here += [f"v{numbers[name]['number']};" for name in map(_name, alike) if name in numbers]
    alternatives = [f"(?:{'|'.join(dict.fromkeys(here))})" for here in symbols]
    pattern, place = [], 0
    for start, end in (*gaps(each.rules), (len(each.rules), len(each.rules))):
        pattern += alternatives[place:start]
        if start < end:
            ways = ("".join(alternatives[index] for index in way) for way in patterns(each.rules, start, end))
            pattern.append(f"(?:{'|'.join(ways)})")
        place = end
    files: dict[str, list[dict[str, Any]]] = {}
    for file in each.files:
        for known_value in file.values:
            files.setdefault(file.name, []).append(
                {
                    "algorithm": known_value.algorithm,
                    "value": known_value.value.hex(),
                    "kind": file.kind,
                }
            )
    return {
        "banks": [alg.name for alg in each.banks],
        "pattern": f"^{''.join(pattern)}$",
        "values": numbers,
        "free": free,
        "files": files,
        "excluded": list(each.excluded),
    }
