"""Unified kernel images: what systemd-stub measures of one, its profiles, addons and credentials.

Source: systemd src/fundamental/uki.c (tpm-pcr.c before), src/boot/stub.c, measure.c and pe.c: two
events in PCR 11 for each section, in an order of its own; PCR 12 for what comes from beside; then the kernel.
"""

from __future__ import annotations

import re

from evlog._record import Record
from evlog.contents.event_types import EV_EFI_BOOT_SERVICES_APPLICATION, EV_EVENT_TAG, EV_IPL
from evlog.errors import ParseError
from evlog.predicting import cpio, linux, pe, stub_versions
from evlog.predicting.images import RULE as IMAGE_RULE
from evlog.predicting.linux import concatenated
from evlog.predicting.measured import bytes_of, image
from evlog.predicting.runs import Item
from evlog.predicting.stub_versions import Version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ARCHIVES", "Beside", "Uki", "archive", "is_uki", "items", "kernel_path", "mangled", "read", "utf16"]

#: The device path of the kernel that the stub starts from memory.
kernel_path = bytes.fromhex("f8d1c555cd04b5468a20e56cbb3052d0")

_TAGS = {".ucode": 0xDAC08E1A, ".initrd": 0x49DFFE0F, ".dtb": 0x6C46F751}
_PROFILE = 0x13AED6DB
#: What sections are called that become files of the initrd.
_FILES = {
    ".pcrsig": "tpm2-pcr-signature.json",
    ".pcrpkey": "tpm2-pcr-public-key.pem",
    ".osrel": "os-release",
    ".profile": "profile",
}
#: Sections that an addon may have for the stub.
_OF_ADDONS = (".cmdline", ".dtb", ".dtbauto", ".initrd", ".ucode")
#: Sections of which the machine chooses one, or none.
_CHOSEN = (".dtbauto", ".efifw")
_MAX_SECTIONS = 4096


class Uki(Record):
    """A unified kernel image: the stub's version, and its sections: the base, and those of each profile."""

    version: Version
    base: dict[str, bytes]
    profiles: tuple[dict[str, bytes], ...]

    def sections(self, profile: int) -> dict[str, bytes]:
        """The sections of a profile. Raises ParseError if there is no such."""
        if profile == 0 and not self.profiles:
            return self.base
        if profile >= len(self.profiles):
            raise ParseError(f"no profile {profile}: the image has {len(self.profiles)}", where="profile")
        return {**self.base, **self.profiles[profile]}


class Beside(Record):
    """What is taken from beside the image: addons by path, and files for the initrd; ``options`` are load options."""

    options: str | None = None
    addons: tuple[tuple[str, bytes], ...] = ()
    credentials: tuple[tuple[str, bytes], ...] = ()
    global_credentials: tuple[tuple[str, bytes], ...] = ()
    extensions: tuple[tuple[str, bytes], ...] = ()
    configurations: tuple[tuple[str, bytes], ...] = ()


class Archive(Record):
    """How a group of files becomes an initrd: what the event is called, and the modes of the folder and the files."""

    title: str
    pcr: int
    folder: str
    folder_mode: int
    file_mode: int


#: By the names that they have in `Beside`, in the order of the events.
ARCHIVES = {
    "credentials": Archive("Credentials initrd", 12, ".extra/credentials", 0o500, 0o400),
    "global_credentials": Archive("Global credentials initrd", 12, ".extra/global_credentials", 0o500, 0o400),
    "extensions": Archive("System extension initrd", 13, ".extra/sysext", 0o555, 0o444),
    "configurations": Archive("Configuration extension initrd", 12, ".extra/confext", 0o555, 0o444),
}


def is_uki(data: bytes | None) -> bool:
    """Whether an image is a stub with a kernel in it."""
    if data is None or data[:2] != b"MZ":
        return False
    try:
        found = pe.read(data)
        return stub_versions.is_stub(found) and any(each.name == ".linux" for each in found.sections)
    except ParseError:
        return False


def read(data: bytes) -> Uki:
    """Read an image. Raises ParseError for one of a stub that is not known."""
    found = pe.read(data)
    version = stub_versions.of(found)
    base: dict[str, bytes] = {}
    profiles: list[dict[str, bytes]] = []
    for section in found.sections[:_MAX_SECTIONS]:
        if section.name in _CHOSEN and version.profiles and section.virtual_size:
            raise ParseError(f"the machine chooses among the sections {section.name}", where=section.name)
        if section.name == ".profile" and version.profiles:
            profiles.append({})
        into = profiles[-1] if profiles else base
        if section.virtual_size and section.name not in into:
            into[section.name] = found.loaded(section)
    return Uki(version, base, tuple(profiles))


def utf16(text: str) -> bytes:
    """UTF-16 with NUL, as the stub measures all text."""
    return text.encode("utf-16-le", "surrogatepass") + b"\0\0"


def mangled(text: str) -> str:
    """A command line without what is no text: cut at NUL, control characters as blanks, none at the ends."""
    text = text.partition("\0")[0]
    return "".join(" " if c <= " " or c == "\x7f" else c for c in text).strip(" ")


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ParseError("a command line that is not UTF-8", offset=error.start, where=".cmdline") from None


def _profile(options: str | None) -> tuple[int, str | None]:
    """The profile that load options choose by ``@N``, and what is left of them."""
    match = re.match(r"@([0-9]{1,4})(?:[ \0]+|$)", options or "")
    if options is None or match is None:
        return 0, options
    left = options[match.end() :]
    return int(match[1]), left or None


def items(uki: Uki, beside: Beside, secure: bool, place: str) -> list[Item]:
    """The events after the image's own: those of PCR 4, 11, 12 and 13 in the order of each, and Linux's of PCR 9.

    Raises ParseError for what cannot be booted so.
    """
    version = uki.version
    profile, options = _profile(beside.options) if version.profiles else (0, beside.options)
    sections = uki.sections(profile)
    if ".linux" not in sections:
        raise ParseError("no .linux section", where=place)
    made: list[Item] = []
    if profile:
        made.append(_tag(_PROFILE, utf16(str(profile)), "profile", place, "UTF-16 of the profile's number, with NUL"))
    for name in version.order:
        if name in sections:
            title = utf16(name)
            rule = f"the name {name} with NUL"
            made.append(Item((name, 0), 11, EV_IPL, title, bytes_of(name.encode() + b"\0"), place, rule))
            rule = f"section {name}, VirtualSize bytes"
            made.append(Item((name, 1), 11, EV_IPL, title, bytes_of(sections[name]), place, rule))
    cmdline = mangled(_text(sections.get(".cmdline", b"").partition(b"\0")[0]))
    given = mangled(options) if options else ""
    if given and (not secure or ".cmdline" not in sections):
        cmdline = given
        rule = "UTF-16 of the load options, with NUL"
        made.append(Item("options", 12, EV_IPL, utf16(given), bytes_of(utf16(given)), place, rule))
    addons = [(path, pe.read(data)) for path, data in beside.addons] if version.addons else []
    for path, addon in addons:
        measured = bytes_of(addon.hashed())
        made.append(Item(("addon", path), 4, EV_EFI_BOOT_SERVICES_APPLICATION, None, measured, path, IMAGE_RULE))
    used = [(path, addon) for path, addon in addons if _fits(addon, sections)]
    if used and not version.profiles and any(addon.section(".uname") or _others(addon) for _, addon in used):
        raise ParseError(f"what systemd {version.number} does with this addon is not known", where=used[0][0])
    for number, some in enumerate([used] if version.joined else _by_folder(used)):
        extra = _joined(some)
        if extra:
            rule = "UTF-16 of the addons' command lines, joined by a blank, with NUL"
            made.append(Item(("addons", number), 12, EV_IPL, utf16(extra), bytes_of(utf16(extra)), some[0][0], rule))
            cmdline = f"{cmdline} {extra}" if cmdline else extra
    before, after = [], []
    for path, data in _of(used, ".dtb"):
        made.append(_beside(".dtb", path, data))
    archives = _archives(beside)
    made += [item for item, _ in archives]
    for path, data in reversed(_of(used, ".ucode")):
        made.append(_beside(".ucode", path, data))
        before.append(data)
    for path, data in _of(used, ".initrd"):
        made.append(_beside(".initrd", path, data))
        after.append(data)
    if not secure and version.kernel:
        data = sections[".linux"]
        rule = "Authenticode digest of the .linux section"
        made.append(Item("kernel", 4, EV_EFI_BOOT_SERVICES_APPLICATION, None, image(data), place, rule))
    parts = [*before, *(sections[name] for name in (".ucode", ".initrd") if name in version.order and name in sections)]
    parts += [data for _, data in archives]
    parts += [
        cpio.archive(".extra", 0o555, [(_FILES[name], sections[name])], 0o444)
        for name in version.files
        if name in sections
    ]
    parts += after
    rule = "UTF-16 of the command line, with NUL"
    told = [Item("load options", 9, EV_EVENT_TAG, linux.OPTIONS, bytes_of(utf16(cmdline)), place, rule)]
    if parts:
        rule = "the initrd that the stub hands over"
        together = bytes_of(concatenated(parts, fill_last=True))
        told.append(Item("initrd", 9, EV_EVENT_TAG, linux.INITRD, together, place, rule))
    return made + told


def _joined(addons: Sequence[tuple[str, pe.PE]]) -> str:
    """The command lines of addons as one: also an empty one is joined by a blank."""
    extra = ""
    for _, addon in addons:
        text = addon.section(".cmdline")
        if text:
            extra += (" " if extra else "") + mangled(_text(text.partition(b"\0")[0]))
    return mangled(extra)


def _by_folder(addons: Sequence[tuple[str, pe.PE]]) -> list[list[tuple[str, pe.PE]]]:
    """The addons of each folder, the general ones first."""
    own = [each for each in addons if ".extra.d/" in each[0].replace("\\", "/").lower()]
    return [some for some in ([each for each in addons if each not in own], own) if some]


def _others(addon: pe.PE) -> bool:
    return any(addon.section(name) for name in _OF_ADDONS if name != ".cmdline")


def _fits(addon: pe.PE, sections: dict[str, bytes]) -> bool:
    """Whether an addon is used: one that has something, no kernel, and the kernel's .uname, if it names one."""
    if addon.section(".linux") or not any(addon.section(name) for name in _OF_ADDONS):
        return False
    wanted = addon.section(".uname")
    if not wanted or ".uname" not in sections:
        return True
    # So many characters are compared, or up to the NUL of both.
    own = sections[".uname"].partition(b"\0")[0] + b"\0"
    return own[: len(wanted)] == (wanted.partition(b"\0")[0] + b"\0" if b"\0" in wanted else wanted)[: len(own)]


def _of(addons: Sequence[tuple[str, pe.PE]], name: str) -> list[tuple[str, bytes]]:
    found = ((path, addon.section(name)) for path, addon in addons)
    return [(path, data) for path, data in found if data]


def _beside(name: str, path: str, data: bytes) -> Item:
    file = path.rpartition("/")[2]
    event = _TAGS[name].to_bytes(4, "little") + len(utf16(file)).to_bytes(4, "little") + utf16(file)
    return Item((name, path), 12, EV_EVENT_TAG, event, bytes_of(data), path, f"section {name} of the addon")


def _tag(tag: int, data: bytes, key: str, place: str, rule: str) -> Item:
    event = tag.to_bytes(4, "little") + len(data).to_bytes(4, "little") + data
    return Item(key, 12, EV_EVENT_TAG, event, bytes_of(data), place, rule)


def archive(group: str, files: Sequence[tuple[str, bytes]]) -> bytes:
    """The archive that the stub makes of the files of a group, each with its path."""
    kind = ARCHIVES[group]
    named = [(path.rpartition("/")[2], data) for path, data in files]
    return cpio.archive(kind.folder, kind.folder_mode, named, kind.file_mode)


def _archives(beside: Beside) -> list[tuple[Item, bytes]]:
    found = []
    for group, kind in ARCHIVES.items():
        files = getattr(beside, group)
        if files:
            data = archive(group, files)
            rule = f"the archive of {kind.folder}"
            found.append((Item(group, kind.pcr, EV_IPL, utf16(kind.title), bytes_of(data), files[0][0], rule), data))
    return found
