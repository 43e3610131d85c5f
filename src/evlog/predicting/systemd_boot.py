"""systemd-boot: its configuration, and entries of type #1 with kernel, initrds and options.

Source: systemd 257 src/boot/boot.c (image_start, boot_entry_add_type1, initrd_prepare); the Boot Loader Specification,
"Type #1 Boot Loader Specification Entries". Entry files are not measured themselves.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.contents.event_types import EV_EFI_BOOT_SERVICES_APPLICATION, EV_EVENT_TAG, EV_IPL
from evlog.errors import ParseError
from evlog.predicting import linux, stub
from evlog.predicting.files import normal
from evlog.predicting.images import RULE as IMAGE_RULE
from evlog.predicting.linux import concatenated
from evlog.predicting.measured import Measured, bytes_of, explains, image

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.predicting.draft import Draft, Step
    from evlog.predicting.files import Files
    from evlog.predicting.images import Images

__all__ = ["Entry", "predict", "read_entry"]

_CONFIG = (0xF5BC582A).to_bytes(4, "little")
_LOADER_CONF = "/loader/loader.conf"
# What in the configuration decides which entry is booted.
_CHOOSES = (b"default", b"preferred", b"profile", b"sort-key")
_ENTRIES = "/loader/entries"


class Entry(Record):
    """An entry: the kernel's path, the initrds' paths, and the options, joined."""

    linux: str
    initrds: tuple[str, ...]
    options: str

    @property
    def text(self) -> str:
        """The options as they are passed and measured."""
        words = ["initrd=" + path.replace("/", "\\") for path in self.initrds]
        return " ".join([*words, self.options] if self.options else words)


def read_entry(data: bytes) -> Entry:
    """Read an entry file. Raises ParseError for text that is not UTF-8."""
    try:
        lines = data.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ParseError("an entry that is not UTF-8", offset=error.start, where="entry") from None
    found: dict[str, list[str]] = {}
    for line in lines:
        key, _, value = line.strip(" \t").replace("\t", " ", 1).partition(" ")
        if key and key[0] != "#":
            found.setdefault(key, []).append(value.strip(" \t"))
    path = (found.get("linux") or [""])[-1]
    return Entry(path, tuple(found.get("initrd", ())), " ".join(found.get("options", ())))


def predict(draft: Draft, files: Files, images: Images) -> None:
    """loader.conf, then each kernel that an entry starts."""
    _configuration(draft, files)
    used: set[str] = set()
    for step in images.steps:
        if step.event_type == EV_EFI_BOOT_SERVICES_APPLICATION and not stub.is_uki(
            files.old(images.place_of(step) or "")
        ):
            options = _options_of(draft, step)
            if options is not None:
                _kernel(draft, files, images, step, options, used)
    for place in files.below(_ENTRIES, ".conf"):
        if place in files.now and place not in used and files.now[place] == files.was.get(place):
            files.place(place)


def _configuration(draft: Draft, files: Files) -> None:
    if _LOADER_CONF not in files.now:
        return
    steps = [step for step in draft.find(5, EV_EVENT_TAG) if step.data.startswith(_CONFIG)]
    old, new = files.old(_LOADER_CONF), files.now[_LOADER_CONF]
    rule = "all bytes of loader.conf"
    if len(steps) != 1 or old is None or not draft.explained(steps[0], bytes_of(old), _LOADER_CONF, rule):
        draft.lose_pcrs((5,), _LOADER_CONF, "the log's loader.conf is not explained by the old one")
        return
    files.place(_LOADER_CONF)
    draft.change(steps[0], bytes_of(new), _LOADER_CONF, rule)
    if _choices(old) != _choices(new):
        draft.lose_pcrs(
            (4, 9, 11, 12), _LOADER_CONF, "it chooses the entry by another rule: which is booted is not known"
        )


def _choices(data: bytes) -> list[bytes]:
    return [line.strip() for line in data.splitlines() if line.strip().startswith(_CHOOSES)]


def _options_of(draft: Draft, step: Step) -> Step | None:
    """The step of the options that an image is started with, which comes before the next image."""
    for each in draft.steps[draft.index(step) + 1 :]:
        if each.is_of(4, EV_EFI_BOOT_SERVICES_APPLICATION) or str(each.register) == "pcr:11":
            return None
        if each.is_of(12, EV_IPL):
            return each
    return None


def _kernel(draft: Draft, files: Files, images: Images, step: Step, options: Step, used: set[str]) -> None:
    rule = "UTF-16 of the entry's options, with NUL"
    if options.event is None or not explains(bytes_of(options.data), options.event):
        return
    text = options.data.decode("utf-16-le", "replace").removesuffix("\0")
    confs = files.below(_ENTRIES, ".conf")
    old = {place: read_entry(data) for place in confs if (data := files.old(place)) is not None}
    path = images.paths[id(step)]
    mine = [place for place, entry in old.items() if entry.text == text and normal(entry.linux) == path]
    extra = [
        place
        for place in confs
        if place not in mine and place in files.now and files.changed(place) | (place not in files.was)
    ]
    if not mine:
        # One that starts this kernel with other options is not what was booted, though it is said to be as it was.
        extra += [place for place, entry in old.items() if normal(entry.linux) == path]
    if extra:
        draft.lose_pcrs((4, 9, 11, 12), files.named(extra[0]), "the log's options are not those of the old entry")
        return
    place = mine[0] if mine else ""
    new_data = files.new(place) if mine else None
    new = read_entry(new_data) if new_data is not None else None
    used.update(mine)
    for each in mine:
        files.place(each)
    before = _initrds(text)
    named = files.named(place)
    if new is not None and new.text != text:
        made = stub.utf16(new.text)
        draft.change(options, bytes_of(made), named, rule, made)
        if normal(new.linux) != path:
            data = files.new(new.linux)
            if data is None:
                draft.lose_pcrs((4, 9), named, "the entry starts another kernel, which is not given")
                return
            files.place(new.linux)
            draft.change(step, image(data), files.named(new.linux), IMAGE_RULE)
    after = tuple(normal(each) for each in new.initrds) if new is not None else before
    told, initrd = linux.events(draft, after=options)
    if told is not None and new is not None and new.text != text:
        if not draft.explained(told, bytes_of(stub.utf16(text)), named, rule):
            draft.lose_pcrs((9,), named, "the kernel's load options are not the entry's options")
        else:
            draft.change(told, bytes_of(stub.utf16(new.text)), named, rule)
    _initrd(draft, files, initrd, before, after)


def _initrds(text: str) -> tuple[str, ...]:
    """The initrds that options begin with, as places."""
    found = []
    for word in text.split(" "):
        if not word.startswith("initrd="):
            break
        found.append(normal("/" + word.removeprefix("initrd=").lstrip("\\/")))
    return tuple(found)


def _initrd(draft: Draft, files: Files, step: Step | None, before: tuple[str, ...], after: tuple[str, ...]) -> None:
    """The initrds, one after another: filled with zeros between them, and by some versions at the end."""
    touched = [place for place in dict.fromkeys((*before, *after)) if place in files.now]
    if not touched and before == after:
        return
    place = files.named(touched[0]) if touched else ""
    rule = "all bytes of the entry's initrds, each filled with zeros to a multiple of 4 but the last"
    old = [files.old(each) for each in before]
    new = [files.new(each) for each in after]
    if step is None:
        draft.lose_pcrs((9,), place, "the log has no event of the initrd")
        return
    lasts = [last for last in (False, True) if _explained(draft, step, old, last, place, rule)]
    if not lasts:
        draft.lose_pcrs((9,), place, "the log's initrd is not explained by the old ones")
        return
    missing = [each for each, data in zip(after, new, strict=True) if data is None]
    if missing:
        draft.lose_pcrs((9,), place, f"{missing[0]} is not given")
        return
    made = {last: _joined(new, last) for last in lasts}
    if len(made) == 2 and made[False].data != made[True].data:
        # One alone and several whose last needs no zeros do not tell; 257 does not fill the last.
        made.pop(True)
        draft.unproven.append(
            "whether the last initrd is filled with zeros is not told by the log: as systemd 257 does it"
        )
    for each in touched:
        files.place(each)
    draft.change(step, next(iter(made.values())), place, rule)


def _joined(parts: list[bytes | None], last: bool) -> Measured:
    whole = [part for part in parts if part is not None]
    return bytes_of(concatenated(whole, fill_last=last))


def _explained(draft: Draft, step: Step, parts: list[bytes | None], last: bool, place: str, rule: str) -> bool:
    return None not in parts and bool(parts) and draft.explained(step, _joined(parts, last), place, rule)
