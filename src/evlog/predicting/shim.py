"""Shim: its mirrored lists, the SBAT level that it sets, and where among the images it stands.

Source: shim 16.1, mok.c (mirror_one_mok_variable: the vendor's list, then the user's), sbat.c
(set_sbat_uefi_variable), cert.S (.vendor_cert), include/sbat_var_defs.h (.sbatlevel).
"""

from __future__ import annotations

from evlog._record import Record
from evlog.contents.event_types import EV_EFI_VARIABLE_AUTHORITY, EV_IPL
from evlog.errors import ParseError
from evlog.predicting import pe, signature_lists, variables
from evlog.predicting.measured import bytes_of
from evlog.predicting.signature_lists import X509, SignatureList
from evlog.predicting.variables import SHIM, Variable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.predicting.draft import Draft, Step
    from evlog.predicting.files import Files
    from evlog.predicting.images import Images

__all__ = ["Lists", "lists", "predict", "step_of"]

_LATEST, _AUTOMATIC = b"\1", b"\2"
LIST_RULE = "shim's mirrored list: the vendor's, then the user's"
LEVEL_RULE = "UEFI_VARIABLE_DATA of SbatLevel, as shim sets it"


class Lists(Record):
    """Shim's list of what it trusts, before and after; None where it is not known."""

    before: bytes | None
    after: bytes | None


def step_of(draft: Draft, images: Images) -> Step | None:
    """Shim's own image: the last before its lists are logged; None if the boot has no shim."""
    mirrored = [step for step in draft.find(14, EV_IPL) if step.data == b"MokList\0"]
    if not mirrored:
        return None
    at = draft.index(mirrored[0])
    before = [step for step in images.steps if draft.index(step) < at]
    return before[-1] if before else None


def vendor(data: bytes) -> tuple[bytes, bytes]:
    """The vendor's lists of what is trusted and what is revoked, out of .vendor_cert. Raises ParseError."""
    section = pe.read(data).section(".vendor_cert")
    if section is None or len(section) < 16:
        raise ParseError("no .vendor_cert section", where="shim")
    sizes = [int.from_bytes(section[n : n + 4], "little") for n in range(0, 16, 4)]
    found = []
    for size, at in (sizes[0], sizes[2]), (sizes[1], sizes[3]):
        if at + size > len(section):
            raise ParseError(f"{size} bytes at {at}, .vendor_cert has {len(section)}", where="shim")
        found.append(section[at : at + size])
    trusted = found[0]
    if trusted[:1] == b"\x30":
        trusted = SignatureList(X509, b"", 16 + len(trusted), (SHIM + trusted,)).to_bytes()
    return trusted, found[1]


def lists(draft: Draft, files: Files, images: Images) -> Lists:
    """MokListRT before and after: what explains the log's MokList in every bank, with what is written."""
    return _mirrored(draft, files, images, "MokList", 0)


def _mirrored(draft: Draft, files: Files, images: Images, name: str, which: int) -> Lists:
    steps = [step for step in draft.find(14, EV_IPL) if step.data == name.encode() + b"\0"]
    if len(steps) != 1:
        return Lists(None, None)
    old_vendor, new_vendor = _vendors(draft, files, images, which)
    user = variables.was(files, name)
    candidates = [
        variables.was(files, f"{name}RT"),
        *([files.now[f"efivar:{name}RT"][4:]] if f"efivar:{name}RT" in files.now else []),
    ]
    for each in old_vendor:
        candidates += [each + (user or b""), each]
        written = f"efivar:{name}" if f"efivar:{name}" in files.now else f"var:{name}"
        if written in files.now:
            data = files.now[written]
            candidates.append(each + (data[4:] if written[0] == "e" else signature_lists.payload(data)))
    for before in candidates:
        if before is None or not draft.explained(steps[0], bytes_of(before), steps[0].place, LIST_RULE):
            continue
        first = next((each for each in old_vendor if before.startswith(each) and (each or which)), None)
        if first is None:
            first = _owned(before) if not which else None
        if first is None:
            return Lists(before, before if not _asked(files, name) else None)
        after_vendor = new_vendor if new_vendor is not None else first
        found = variables.written(files, name, before[len(first) :])
        return Lists(before, after_vendor + (found[1] if found is not None else before[len(first) :]))
    return Lists(None, None)


def _asked(files: Files, name: str) -> bool:
    return any(place in files.now for place in (f"var:{name}", f"var:{name}+", f"efivar:{name}"))


def _owned(data: bytes) -> bytes | None:
    """The first list, if shim's own GUID owns it: the vendor's certificate."""
    try:
        first = signature_lists.read(data)[:1]
    except ParseError:
        return None
    return first[0].to_bytes() if first and all(s.startswith(SHIM) for s in first[0].signatures) else None


def _vendors(draft: Draft, files: Files, images: Images, which: int) -> tuple[list[bytes], bytes | None]:
    """The vendor's list that shim may have had, and the one that the new shim has, if it is given."""
    old: list[bytes] = []
    new = None
    step = step_of(draft, images)
    place = images.place_of(step) if step is not None else None
    if place is not None:
        before, after = files.old(place), files.new(place)
        assert before is not None
        assert after is not None
        old.append(vendor(before)[which])
        new = vendor(after)[which]
    if not which:
        for each in draft.find(7, EV_EFI_VARIABLE_AUTHORITY):
            variable = variables.read(each.event.content.data) if each.event is not None else None  # type: ignore[attr-defined]
            if variable is not None and variable.name == "MokListRT" and variable.data.startswith(SHIM):
                old.append(SignatureList(X509, b"", len(variable.data), (variable.data,)).to_bytes())
    elif not old:
        old.append(b"")
    return old, new


def predict(draft: Draft, files: Files, images: Images) -> None:
    """Shim's lists and its SBAT level."""
    step = step_of(draft, images)
    place = images.place_of(step) if step is not None else None
    renewed = place is not None and files.changed(place)
    if place is not None and renewed and _version(files.old(place)) != _version(files.new(place)):
        draft.lose_pcrs((4, 7, 14), files.named(place), "another version of shim may log other events")
        return
    for name, which in (("MokList", 0), ("MokListX", 1)):
        asked = [p for p in (f"var:{name}", f"var:{name}+", f"efivar:{name}") if p in files.now]
        if not asked and not renewed:
            continue
        where = asked[0] if asked else files.named(place or "")
        found = _mirrored(draft, files, images, name, which)
        if found.before is None or found.after is None:
            draft.lose_pcrs((14,), where, f"the log's {name} is not explained: the vendor's part of it is not known")
            continue
        for each in asked:
            files.place(each)
        steps = [s for s in draft.find(14, EV_IPL) if s.data == name.encode() + b"\0"]
        draft.change(steps[0], bytes_of(found.after), where, LIST_RULE)
    for name in ("MokListRT", "MokListXRT"):
        if f"efivar:{name}" in files.now:
            files.place(f"efivar:{name}")
    _level(draft, files, place, renewed)


def _level(draft: Draft, files: Files, place: str | None, renewed: bool) -> None:
    asked = [p for p in ("efivar:SbatPolicy", "var:SbatPolicy") if p in files.now]
    if not asked and not renewed:
        return
    where = asked[0] if asked else files.named(place or "")
    steps = [(s, variables.read(s.data)) for s in draft.find(7, EV_EFI_VARIABLE_AUTHORITY)]
    found = [(s, v) for s, v in steps if v is not None and (v.vendor, v.name) == (SHIM, "SbatLevel")]
    if len(found) != 1 or not draft.explained(found[0][0], bytes_of(found[0][0].data), where, LEVEL_RULE):
        draft.lose_pcrs((7,), where, "the log's SbatLevel is not explained by its value")
        return
    step, variable = found[0]
    if place is None:
        draft.lose_pcrs((7,), where, "shim's own levels are needed: its image is not given, or not explained")
        return
    from evlog.predicting.secure_state import secure_boot

    if asked and not secure_boot(draft):
        draft.lose_pcrs((7,), where, "what shim makes of a policy with Secure Boot off is not known")
        return
    policy = b""
    if asked:
        policy = files.now[asked[0]][4:] if asked[0].startswith("efivar:") else files.now[asked[0]]
        if policy not in (_LATEST, _AUTOMATIC):
            draft.lose_pcrs((7,), where, "a policy of 1 (latest) or 2 (automatic) expected")
            return
        files.place(asked[0])
    image = files.new(place)
    assert image is not None
    automatic, latest = levels(image)
    wanted = latest if policy == _LATEST else automatic
    if _date(wanted) > _date(variable.data) and secure_boot(draft):
        made = Variable(SHIM, "SbatLevel", wanted).to_bytes()
        draft.change(step, bytes_of(made), where, LEVEL_RULE, made)
        draft.unproven.append(
            "the boot goes on only if all that shim starts is of the generations that the new SbatLevel asks for"
        )


def levels(data: bytes) -> tuple[bytes, bytes]:
    """Shim's two levels, automatic and latest, out of .sbatlevel. Raises ParseError."""
    section = pe.read(data).section(".sbatlevel")
    if section is None or len(section) < 12:
        raise ParseError("no .sbatlevel section", where="shim")
    found = []
    for at in (4, 8):
        start = 4 + int.from_bytes(section[at : at + 4], "little")
        end = section.find(b"\0", start)
        if not 0 <= start <= end:
            raise ParseError("an SBAT level without its NUL", offset=at, where=".sbatlevel")
        found.append(section[start:end])
    return found[0], found[1]


def _date(level: bytes) -> int:
    """The third field of a level's first line. Raises ParseError for one without a date."""
    fields = level.partition(b"\n")[0].split(b",")
    if len(fields) < 3 or not fields[2].isdigit():
        raise ParseError("an SBAT level without a date", where="SbatLevel")
    return int(fields[2])


def _version(data: bytes | None) -> bytes | None:
    """Shim's version as its .sbat tells it: that of the vendor's line."""
    if data is None:
        return None
    for line in (pe.read(data).section(".sbat") or b"").split(b"\n"):
        fields = line.split(b",")
        if len(fields) >= 5 and fields[3] == b"shim" and fields[0].startswith(b"shim."):
            return fields[4]
    return None
