"""Where a unified kernel image is booted from: its load options, and the addons and credentials beside it."""

from __future__ import annotations

from evlog.contents.event_types import EV_EFI_BOOT_SERVICES_APPLICATION, EV_EFI_VARIABLE_BOOT, EV_EVENT_TAG, EV_IPL
from evlog.errors import ParseError
from evlog.predicting import boot_entries, linux, programs, stub, variables
from evlog.predicting.files import normal
from evlog.predicting.images import path_of
from evlog.predicting.measured import bytes_of
from evlog.predicting.runs import first_difference, relay
from evlog.predicting.stub import Beside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from evlog.predicting.draft import Draft, Step
    from evlog.predicting.files import Files
    from evlog.predicting.images import Images
    from evlog.predicting.runs import Item

__all__ = ["predict"]

_AUTO_CREATED = bytes.fromhex("4eac0881119f594d850ee21a522c59b2")
_PCRS = (4, 11, 12, 13, 9)
# Of so many files it may be open whether they were there before.
_MAX_OPEN = 6


def predict(draft: Draft, files: Files, images: Images, secure: bool) -> None:
    """The run of systemd-stub behind each image that is one."""
    if any(boot_entries.is_entry(p.partition(":")[2]) or p.endswith(":BootOrder") for p in files.now):
        _entries(draft, files, images)
    for step in images.steps:
        place = images.place_of(step)
        if place is not None and step.kind != "removed" and stub.is_uki(files.old(place)):
            _run(draft, files, step, place, secure)


def _entries(draft: Draft, files: Files, images: Images) -> None:
    """Whether the new boot entries lead to the image that was booted, and with the options that it had."""
    asked = next(p for p in files.now if boot_entries.is_entry(p.partition(":")[2]) or p.endswith(":BootOrder"))
    steps = [
        step for step in images.steps if step.is_of(4, EV_EFI_BOOT_SERVICES_APPLICATION) and images.paths[id(step)]
    ]
    if not steps:
        return
    place = images.place_of(steps[0])
    try:
        before, after = _options(draft, steps[0])
    except ParseError as error:
        draft.lose_pcrs((2, 4, 5, 7, 8, 9, 11, 12, 13, 14), files.named(asked), str(error))
        return
    if before != after and not (place is not None and stub.is_uki(files.old(place))):
        reason = "the image gets other load options, and what it makes of them is not known without the image"
        draft.lose_pcrs((4, 8, 9, 11, 12), files.named(asked), reason)


def _run(draft: Draft, files: Files, step: Step, place: str, secure: bool) -> None:
    steps = list(_steps(draft, step))
    path = path_of(step) or place
    named = files.named(place)
    old_uki, new_uki = files.old(place), files.new(place)
    assert old_uki is not None
    assert new_uki is not None
    changed = files.changed(place) or any(files.changed(p) or p not in files.was for p in _places(files, path))
    changed = changed or any(boot_entries.is_entry(p.partition(":")[2]) or p.endswith(":BootOrder") for p in files.now)
    if not changed:
        return
    try:
        before = stub.read(old_uki)
        after = stub.read(new_uki)
        options = _options(draft, step)
        if secure and options == (None, None) and ".cmdline" in before.base and ".cmdline" not in after.base:
            raise ParseError("the load options, which .cmdline kept from being used, are not known")
        there = _there(draft, steps, files, path)
        old = stub.items(before, _beside(files, path, options[0], files.old, there), secure, named)
        if before.version != after.version and (before.profiles or after.profiles):
            raise ParseError("another version of the stub, with profiles")
        if before.version != after.version and (before.version.smbios or after.version.smbios):
            draft.lose_pcrs((1,), named, "the stub of one version logs SMBIOS tables")
            raise ParseError("another version of the stub, which may hand over what only the machine knows")
        new = stub.items(after, _beside(files, path, options[1], files.left), secure, named)
    except ParseError as error:
        draft.lose_pcrs(_PCRS, named, str(error))
        return
    try:
        programs.same_kernel(draft, before.base.get(".linux", b""), after.base.get(".linux", b""), named)
    except ParseError as error:
        draft.lose_pcrs((9,), named, str(error))
    whys = {pcr: first_difference(draft, _part(steps, pcr), _items(old, pcr)) for pcr in _PCRS}
    for each in [*_places(files, path), *_passed_over(files, path)]:
        files.place(each, gone=True)
    last = step
    for pcr in _PCRS:
        mine, ours, theirs = _part(steps, pcr), _items(old, pcr), _items(new, pcr)
        if whys[pcr]:
            if not _same(ours, theirs):
                draft.lose_pcrs((pcr,), named, whys[pcr])
            continue
        why = relay(draft, mine, ours, theirs, last)
        if why:
            draft.lose_pcrs((pcr,), named, why)


def _part(steps: list[Step], pcr: int) -> list[Step]:
    return [each for each in steps if each.register.index == pcr]


def _items(items: list[Item], pcr: int) -> list[Item]:
    return [item for item in items if item.pcr == pcr]


def _same(ours: list[Item], theirs: list[Item]) -> bool:
    """Whether two runs measure the same: then the log's events stay, explained or not."""
    return [(i.key, i.data, i.measured.data if i.measured else None) for i in ours] == [
        (i.key, i.data, i.measured.data if i.measured else None) for i in theirs
    ]


def _steps(draft: Draft, step: Step) -> Iterator[Step]:
    """The stub's steps: PCR 11 to 13, the images that it starts, and Linux's two, up to the end."""
    for each in draft.steps[draft.index(step) + 1 :]:
        beside = each.register.index in (11, 12, 13) and each.event_type in (EV_IPL, EV_EVENT_TAG)
        told = each.is_of(9, EV_EVENT_TAG) and each.data in (linux.OPTIONS, linux.INITRD)
        if beside or told or each.is_of(4, EV_EFI_BOOT_SERVICES_APPLICATION):
            yield each


def _groups(files: Files, path: str) -> dict[str, list[str]]:
    """The files beside an image by what the stub makes of them, in its order."""
    extra = f"{path}.extra.d"
    raw = files.below(extra, ".raw")
    found = {
        "addons": files.below("/loader/addons", ".addon.efi") + files.below(extra, ".addon.efi"),
        "credentials": files.below(extra, ".cred"),
        "global_credentials": files.below("/loader/credentials", ".cred"),
        "extensions": [place for place in raw if not place.endswith(".confext.raw")],
        "configurations": [place for place in raw if place.endswith(".confext.raw")],
    }
    return {group: [place for place in places if _counts(place)] for group, places in found.items()}


def _counts(place: str) -> bool:
    """Names that start with a dot, are not ASCII or too long are passed over."""
    name = place.rpartition("/")[2]
    return place.isascii() and not name.startswith(".") and len(name) <= 255


def _passed_over(files: Files, path: str) -> list[str]:
    """Files that are beside the image, and that the stub does not take."""
    folders = [f"{normal(path)}.extra.d/", "/loader/addons/", "/loader/credentials/"]
    return [place for place in files.paths() if place.startswith(tuple(folders))]


def _places(files: Files, path: str) -> list[str]:
    return [place for places in _groups(files, path).values() for place in places]


def _there(draft: Draft, steps: list[Step], files: Files, path: str) -> set[str]:
    """The files that were beside the image: of those of which only the new bytes are given, the log tells."""
    groups = _groups(files, path)
    found = {place for places in groups.values() for place in places if place in files.was}
    started = {path_of(step) for step in steps if step.is_of(4, EV_EFI_BOOT_SERVICES_APPLICATION)}
    found.update(place for place in groups["addons"] if place in started)
    for group, kind in stub.ARCHIVES.items():
        step = next((s for s in steps if s.is_of(kind.pcr, EV_IPL) and s.data == stub.utf16(kind.title)), None)
        if step is None:
            continue
        open_ = [place for place in groups[group] if place not in files.was][:_MAX_OPEN]
        for chosen in range(1 << len(open_)):
            some = {place for at, place in enumerate(open_) if chosen >> at & 1}
            some.update(place for place in groups[group] if place in files.was)
            parts = [(files.named(p), files.old(p) or b"") for p in groups[group] if p in some]
            if parts and draft.explained(step, bytes_of(stub.archive(group, parts)), parts[0][0], kind.title):
                found |= some
                break
    return found


def _beside(
    files: Files,
    path: str,
    options: str | None,
    of: Callable[[str], bytes | None],
    there: Collection[str] | None = None,
) -> Beside:
    """What is beside the image: all that is given, or only what was ``there``."""

    def read(places: list[str]) -> tuple[tuple[str, bytes], ...]:
        found = ((files.named(place), of(place)) for place in places if there is None or place in there)
        return tuple((name, data) for name, data in found if data is not None)

    return Beside(options, **{group: read(places) for group, places in _groups(files, path).items()})


def _options(draft: Draft, step: Step) -> tuple[str | None, str | None]:
    """The load options before and after, of the boot entry that the firmware chose; None if another program did."""
    steps = [s for s in draft.find(4, EV_EFI_BOOT_SERVICES_APPLICATION) if s.event is not None and path_of(s)]
    if not steps or step is not steps[0]:
        return None, None
    found: list[str | None] = []
    skipped: dict[str, bytes] = {}
    for old in (True, False):
        chosen = _chosen(draft, step, old, skipped)
        data = boot_entries.optional_data(chosen) if chosen is not None else b""
        text = "" if data == _AUTO_CREATED else data[: len(data) & ~1].decode("utf-16-le", "replace")
        found.append(text if text > "\x1f" else None)
    return found[0], found[1]


def _chosen(draft: Draft, step: Step, old: bool, skipped: dict[str, bytes]) -> bytes | None:
    """The first active entry of BootOrder that leads to the image."""
    known: dict[str, bytes] = {}
    for each in draft.steps:
        if each.event_type != EV_EFI_VARIABLE_BOOT:
            continue
        data = (each.event.content.data if each.event is not None else None) if old else each.data  # type: ignore[attr-defined]
        if data is None or (not old and each.kind == "removed"):
            continue
        variable = variables.read(data)
        if variable is not None:
            known[variable.name] = variable.data
    for name in boot_entries.order_of(known.get("BootOrder", b"")):
        entry = known.get(name)
        if entry is None or len(entry) < 8 or not entry[0] & 1:
            continue
        path = boot_entries.path_of(entry).removesuffix(b"\x7f\xff\x04\0")
        if path and path in step.data:
            return entry
        if old:
            skipped[name] = entry
        elif skipped.get(name) != entry:
            raise ParseError(f"{name} comes first in the new BootOrder, and does not lead to the image that was booted")
    return None
