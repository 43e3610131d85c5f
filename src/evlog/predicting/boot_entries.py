"""Boot entries: BootOrder, then the Boot#### that it lists and that exist.

Spec: TCG PC Client Platform Firmware Profile 1.06, section 3.3.4.2; UEFI 2.10, section 3.1. Source: edk2 Tcg2Dxe.c,
MeasureAllBootVariables: under TPM 2.0 the digest is of the value alone; newer firmware (EV_EFI_VARIABLE_BOOT2) takes
the whole structure. Which it is, the old events tell.
"""

from __future__ import annotations

from evlog.contents.event_types import EV_EFI_VARIABLE_BOOT, EV_EFI_VARIABLE_BOOT2
from evlog.errors import ParseError
from evlog.predicting import variables
from evlog.predicting.measured import Measured, bytes_of, explains
from evlog.predicting.variables import GLOBAL, Variable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.predicting.draft import Draft, Step
    from evlog.predicting.files import Files

__all__ = ["is_entry", "optional_data", "order_of", "path_of", "predict"]

_TYPES = (EV_EFI_VARIABLE_BOOT, EV_EFI_VARIABLE_BOOT2)
_RULES = {False: "the variable's value", True: "UEFI_VARIABLE_DATA"}


def is_entry(name: str) -> bool:
    """Whether a variable is a boot entry."""
    return len(name) == 8 and name[:4] == "Boot" and all(c in "0123456789ABCDEFabcdef" for c in name[4:])


def order_of(data: bytes) -> list[str]:
    """The names that BootOrder lists."""
    return [f"Boot{int.from_bytes(data[at : at + 2], 'little'):04X}" for at in range(0, len(data) - 1, 2)]


def optional_data(entry: bytes) -> bytes:
    """The data for the program in an EFI_LOAD_OPTION. Raises ParseError for one that does not add up."""
    return _parts(entry)[1]


def path_of(entry: bytes) -> bytes:
    """The device paths of an EFI_LOAD_OPTION."""
    return _parts(entry)[0]


def _parts(entry: bytes) -> tuple[bytes, bytes]:
    size = int.from_bytes(entry[4:6], "little")
    at = 6
    while entry[at : at + 2] not in (b"\0\0", b"", entry[at : at + 1]):
        at += 2
    at += 2
    if len(entry) < 6 or at + size > len(entry):
        raise ParseError(f"a path of {size} bytes, {max(0, len(entry) - at)} left", offset=4, where="load option")
    return entry[at : at + size], entry[at + size :]


def predict(draft: Draft, files: Files) -> None:
    """The run of events anew, if BootOrder or an entry is written."""
    asked = {place.partition(":")[2].rstrip("+"): place for place in files.now if ":" in place}
    names = [name for name in asked if name == "BootOrder" or is_entry(name)]
    for name, place in asked.items():
        if name in ("BootCurrent", "Timeout"):
            files.place(place)
    if not names:
        return
    steps = [step for step in draft.find(1, *_TYPES) if _is_boot(step)]
    whole = _whole(steps)
    if whole is None:
        for name in names:
            draft.lose_pcrs((1,), asked[name], "the log's boot entries are not explained by their values")
        return
    known = {v.name: v for v in (variables.read(step.data) for step in steps) if v is not None}
    if "BootOrder" not in known:
        draft.lose_pcrs((1,), asked[names[0]], "the log has no BootOrder")
        return
    made: dict[str, tuple[str, Variable]] = {}
    for name in names:
        old = known[name].data if name in known else None
        found = variables.written(files, name, old)
        if found is not None:
            made[name] = found[0], Variable(GLOBAL, name, found[1])
    order = order_of(made["BootOrder"][1].data if "BootOrder" in made else known["BootOrder"].data)
    old_order = order_of(known["BootOrder"].data)
    wanted: list[str] = ["BootOrder"]
    for name in order:
        if name in made or name in known:
            wanted.append(name)
        elif name not in old_order:
            if variables.was(files, name) is None:
                draft.lose_pcrs(
                    (1,), made["BootOrder"][0], f"{name} is in the new BootOrder, and its value is not known"
                )
                return
            made[name] = f"efivar:{name}", Variable(GLOBAL, name, variables.was(files, name) or b"")
            wanted.append(name)
    for name in names:
        files.place(asked[name])
    _relaid(draft, steps, wanted, made, known, whole)


def _relaid(
    draft: Draft, steps: list[Step], wanted: list[str], made: dict[str, tuple[str, Variable]],
    known: dict[str, Variable], whole: bool,
) -> None:  # fmt: skip
    """The steps in their new order: as many as stay are kept in their place."""
    rule = _RULES[whole]
    place = made["BootOrder"][0] if "BootOrder" in made else ""
    by_name = {v.name: step for step in steps if (v := variables.read(step.data)) is not None}
    event_type, register, first = steps[0].event_type, steps[0].register, draft.index(steps[0])
    kept = [by_name[name] for name in wanted if name in by_name]
    for step in steps:
        if not any(step is each for each in kept):
            draft.remove(step, place, "no longer in BootOrder")
    draft.steps = [step for step in draft.steps if not any(step is each for each in kept)]
    for offset, name in enumerate(wanted):
        where, variable = made.get(name, ("", known.get(name)))
        assert variable is not None
        if name in by_name:
            draft.steps.insert(first + offset, by_name[name])
            if where:
                draft.change(by_name[name], _measured(variable, whole), where, rule, variable.to_bytes())
        else:
            before = draft.steps[first + offset] if first + offset < len(draft.steps) else None
            draft.add(before, register, event_type, variable.to_bytes(), _measured(variable, whole), where, rule)


def _is_boot(step: Step) -> bool:
    variable = variables.read(step.data)
    return variable is not None and (variable.name == "BootOrder" or is_entry(variable.name))


def _measured(variable: Variable, whole: bool) -> Measured:
    return bytes_of(variable.to_bytes() if whole else variable.data)


def _whole(steps: list[Step]) -> bool | None:
    """Whether the digests are of the whole structure; None if not all of them are of it or of the value."""
    for whole in (False, True):
        read = [(step, variables.read(step.data)) for step in steps]
        if steps and all(
            v is not None and step.event is not None and explains(_measured(v, whole), step.event) for step, v in read
        ):
            return whole
    return None
