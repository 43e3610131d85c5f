"""Secure Boot: its variables, and the authorities by which each image is allowed.

Spec: TCG PC Client Platform Firmware Profile 1.06, section 3.3.4.8. Source: edk2 Tcg2Dxe.c (MeasureAllSecureVariables),
DxeImageVerificationLib.c (IsAllowedByDb) and shim 16.1 verify.c, tpm.c: each distinct authority is logged once.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.contents.event_types import (
    EV_EFI_BOOT_SERVICES_APPLICATION,
    EV_EFI_GPT_EVENT,
    EV_EFI_VARIABLE_AUTHORITY,
    EV_EFI_VARIABLE_DRIVER_CONFIG,
)
from evlog.errors import ParseError
from evlog.predicting import shim, signature_lists, signers, variables
from evlog.predicting.files import normal
from evlog.predicting.measured import bytes_of
from evlog.predicting.signers import Database, RefusedError
from evlog.predicting.variables import GLOBAL, IMAGE_SECURITY, SHIM, Variable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from evlog.predicting.draft import Draft, Step
    from evlog.predicting.files import Files
    from evlog.predicting.images import Images
    from evlog.registers import Register

__all__ = ["predict"]

RULE = "UEFI_VARIABLE_DATA"
AUTHORITY_RULE = "UEFI_VARIABLE_DATA of the database, with the one signature that allows the image"
_NAMES = ("SecureBoot", "PK", "KEK", "db", "dbx", "dbt", "dbr")
_AUTHORITIES = ("db", "MokListRT", "vendor_db", "Shim")
_UNPROVEN = (
    "an image that is not given keeps its authority, unless it has another signature that the new databases allow"
    " or forbid"
)
_REPEATED = "an image that is not given, and of which no authority is logged, is allowed as the one before it"
_AFTER = (4, 5, 7, 8, 9, 11, 12, 13)


class _Values(Record):
    """Databases before and after, and whether one is only appended to."""

    before: dict[str, bytes]
    after: dict[str, bytes]


def predict(draft: Draft, files: Files, images: Images, secure: bool) -> None:
    """The variables' events, then the authorities' if an image or a database changes."""
    values = _variables(draft, files)
    if values is None or not secure:
        return
    trusted = shim.lists(draft, files, images)
    moved = any(values.before[n] != values.after.get(n) for n in values.before) or trusted.before != trusted.after
    # Of two images with one digest each may have another signature: what nobody said of before is looked at, too.
    renewed = any(files.changed(place) or place not in files.was for place in images.places.values())
    renewed = renewed or any(_is_image(step) and step.kind in ("added", "removed") for step in draft.steps)
    if moved or renewed:
        _authorities(draft, files, images, values, trusted)


def _variables(draft: Draft, files: Files) -> _Values | None:
    before: dict[str, bytes] = {}
    after: dict[str, bytes] = {}
    for step in draft.find(7, EV_EFI_VARIABLE_DRIVER_CONFIG):
        variable = variables.read(step.data)
        vendor = IMAGE_SECURITY if variable is not None and variable.name.startswith("db") else GLOBAL
        if variable is None or variable.name not in _NAMES or variable.vendor != vendor:
            continue
        name = variable.name
        if not draft.explained(step, bytes_of(step.data), "", RULE):
            if any(place in files.now for place in (f"var:{name}", f"var:{name}+", f"efivar:{name}")):
                draft.lose_pcrs((7,), f"var:{name}", f"the log's {name} is not explained by its value")
            continue
        before[name] = after[name] = variable.data
        found = variables.written(files, name, variable.data)
        if found is None:
            continue
        place, data = found
        files.place(place)
        after[name] = data
        made = variable.replace(data=data).to_bytes()
        draft.change(step, bytes_of(made), place, RULE, made)
        if (name == "SecureBoot" and data != variable.data) or (name == "PK" and bool(data) != bool(variable.data)):
            reason = "Secure Boot is switched: which events then come, the last boot's log does not tell"
            draft.lose_pcrs(_AFTER, place, reason)
            return None
    for name in _NAMES:
        for place in (f"var:{name}", f"var:{name}+", f"efivar:{name}"):
            if place in files.now and name not in before:
                draft.lose_pcrs((7,), place, f"the log has no event of {name} that its value explains")
    return _Values(before, after)


class _Link:
    """One image of the chain: its step, its place, and the authorities that the log has of it."""

    __slots__ = ("by_shim", "events", "is_gone", "is_new", "place", "step")

    def __init__(self, step: Step, place: str | None, by_shim: bool) -> None:
        self.step = step
        self.place = place
        self.by_shim = by_shim
        self.is_new, self.is_gone = step.kind == "added", step.kind == "removed"
        self.events: list[Step] = []


def _is_image(step: Step) -> bool:
    """Whether it is an image of PCR 4, also one that does not come any more."""
    return str(step.register) == "pcr:4" and step.event_type == EV_EFI_BOOT_SERVICES_APPLICATION


def _chain(draft: Draft, images: Images) -> list[_Link]:
    """The images of PCR 4 in the order of the log, with the authorities that belong to each."""
    first = shim.step_of(draft, images)
    links: list[_Link] = []
    waiting: list[Step] = []
    for step in draft.steps:
        if _is_image(step):
            by_shim = first is not None and step is not first and any(link.step is first for link in links)
            link = _Link(step, normal(step.place) if step.kind == "added" else images.place_of(step), by_shim)
            if not link.is_new:
                link.events, waiting = waiting, []
            links.append(link)
        elif step.is_of(7, EV_EFI_VARIABLE_AUTHORITY) and step.event is not None:
            variable = variables.read(step.data)
            if variable is None or variable.name not in _AUTHORITIES:
                continue
            # Shim logs a kernel in a buffer first, and then asks.
            if links and images.paths.get(id(links[-1].step), "") is None:
                links[-1].events.append(step)
            else:
                waiting.append(step)
    return links


def _authorities(draft: Draft, files: Files, images: Images, values: _Values, trusted: shim.Lists) -> None:
    links = _chain(draft, images)
    place = next((files.named(p) for p in files.now if p in files.placed), "")
    said: set[bytes] = set()
    old: dict[bytes, None] = {}
    earlier: dict[bytes, None] = {}
    again = by_shim = False
    moved = any(values.before[n] != values.after[n] for n in ("db", "dbx") if n in values.before)
    moved = moved or trusted.before != trusted.after
    for link in links:
        for step in link.events:
            if not draft.explained(step, bytes_of(step.data), "", AUTHORITY_RULE):
                draft.lose_pcrs((7,), place, "an authority of the log is not explained by its bytes")
                return
        if link.by_shim and not by_shim:
            by_shim, earlier = True, dict(old)
        old.update((step.data, None) for step in link.events)
        named = files.named(link.place) if link.place else ""
        touched = link.is_new or (link.place is not None and files.changed(link.place))
        if link.is_gone:
            again = again or bool(link.events)
            for step in link.events:
                draft.remove(step, link.step.place, "the image that it allowed does not come any more")
            continue
        try:
            told = link.place is not None and link.place in files.was and not link.is_new
            was, why = _authority(files.old, link, values.before, trusted.before) if told else (None, "")
            if was is not None and (
                was.to_bytes() not in old or (link.events and was.to_bytes() != link.events[0].data)
            ):
                was, why = None, "the log's authority is not the one of the old image"
            made: Variable | None = None
            if not why:
                made, why = _authority(files.new, link, values.after, trusted.after)
            if why and touched:
                draft.lose_pcrs((7,), named, why)
                return
        except RefusedError as error:
            draft.lose_pcrs(_AFTER, named, f"the image would not be started: {error}")
            return
        except ParseError as error:
            draft.lose_pcrs((7,), named, str(error))
            return
        if why:
            likely = [data for data in old if data not in earlier] or list(old)
            try:
                reason = "" if not (again or moved) else _kept(draft, link, likely, values, trusted)
            except RefusedError as error:
                draft.lose_pcrs(_AFTER, place, f"an image would not be started: {error}")
                return
            if again and not link.events and not reason and any(data not in said for data in likely):
                reason = "which authority allows an image that is not given is not known"
            if reason:
                draft.lose_pcrs((7,), place, reason)
                return
            if moved and _UNPROVEN not in draft.unproven:
                draft.unproven.append(_UNPROVEN)
            for step in link.events:
                if step.data in said:
                    draft.remove(step, place, "the authority was logged before")
                    again = True
                said.add(step.data)
            continue
        assert made is not None
        data = made.to_bytes()
        named = named if touched else place
        if data in said:
            for step in link.events:
                draft.remove(step, named, "the authority was logged before")
                again = True
            continue
        said.add(data)
        if link.events:
            if link.events[0].data != data:
                again = True
            draft.change(link.events[0], bytes_of(data), named, AUTHORITY_RULE, data)
        else:
            draft.add(
                _where(draft, link, images),
                _pcr7(draft),
                EV_EFI_VARIABLE_AUTHORITY,
                data,
                bytes_of(data),
                named,
                AUTHORITY_RULE,
            )


def _pcr7(draft: Draft) -> Register:
    return draft.find(7, EV_EFI_VARIABLE_DRIVER_CONFIG)[0].register


def _where(draft: Draft, link: _Link, images: Images) -> Step | None:
    """Before the image, and before the partition table that is logged with it; behind one that shim has in a buffer."""
    at = draft.index(link.step)
    if images.paths.get(id(link.step), "") is None:
        return draft.after(link.step)
    while at and draft.steps[at - 1].is_of(5, EV_EFI_GPT_EVENT):
        at -= 1
    return draft.steps[at]


def _authority(
    of: Callable[[str], bytes | None], link: _Link, values: dict[str, bytes], trusted: bytes | None
) -> tuple[Variable | None, str]:
    """The authority of an image, or why it cannot be told from the file."""
    data = of(link.place) if link.place else None
    if data is None:
        return None, "the image is not given"
    databases = [Database(IMAGE_SECURITY, "db", signature_lists.read(values.get("db", b"")))]
    if link.by_shim:
        if trusted is None:
            return None, "shim's list is not known"
        databases.append(Database(SHIM, "MokListRT", signature_lists.read(trusted)))
    forbidden = signature_lists.read(values.get("dbx", b""))
    database, signature = signers.authority(data, databases, forbidden)
    return Variable(database.vendor, database.name, signature), ""


def _kept(draft: Draft, link: _Link, said: Iterable[bytes], values: _Values, trusted: shim.Lists) -> str:
    """Why the authority of an image that is not given may be another after the update; empty if nothing tells so.

    It is that of its event, or one that was logged before. Another certificate could take its place only if it is in
    the same chain: issued by it, or its issuer.
    """
    digest = next((d.value for d in link.step.digests if d.alg.name == "sha256"), None)
    own = [variables.read(step.data) for step in link.events]
    if not own:
        draft.unproven.append(_REPEATED)
        own = [variables.read(data) for data in said]
    for which in ("db", *(("MokListRT",) if link.by_shim else ())):
        old, new = _flats(values, trusted, which)
        if old is None or new is None:
            return f"{which} is not known, and the image that it has to allow is not given"
        added, removed = [s for s in new if s not in old], [s for s in old if s not in new]
        if [s for s in old if s in new] != [s for s in new if s in old]:
            return f"{which} has another order, and the image that it has to allow is not given"
        for variable in own:
            if variable is None or (variable.name == which and variable.data in removed):
                return f"{which} lacks the signature that allowed an image, and the image is not given"
            if any(signers.related(each[16:], variable.data[16:]) for each in added):
                return f"{which} has a certificate of the same chain as the one that allowed an image that is not given"
        if any(each[16:] == digest for each in added) or (digest is None and any(len(each) == 48 for each in added)):
            return f"{which} has a hash that may allow an image that is not given"
    if digest is not None and digest in [each[16:] for each in _flat(values.after.get("dbx", b""))]:
        raise RefusedError("its hash is in dbx")
    return ""


def _flats(values: _Values, trusted: shim.Lists, which: str) -> tuple[list[bytes] | None, list[bytes] | None]:
    """The signatures of a database before and after."""
    if which == "db":
        return _flat(values.before.get("db", b"")), _flat(values.after.get("db", b""))
    if trusted.before is None or trusted.after is None:
        return (None, None) if trusted.before != trusted.after else ([], [])
    return _flat(trusted.before), _flat(trusted.after)


def _flat(data: bytes) -> list[bytes]:
    return [signature for each in signature_lists.read(data) for signature in each.signatures]
