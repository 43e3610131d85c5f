"""Versions of systemd-stub: which sections each measures, in which order, and what it takes from beside the image.

Source: systemd src/fundamental/uki.c (tpm-pcr.c before 257), src/boot/stub.c (src/boot/efi/stub.c); each version here
was booted, and its log compared. What another version does is not known.
"""

from __future__ import annotations

import re

from evlog._record import Record
from evlog.errors import ParseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.predicting import pe

__all__ = ["Version", "is_stub", "of"]

_MAGIC = re.compile(rb"#### LoaderInfo: systemd-stub (\d+)")
_252 = (".linux", ".osrel", ".cmdline", ".initrd", ".splash", ".dtb", ".pcrpkey")
_254 = (".linux", ".osrel", ".cmdline", ".initrd", ".splash", ".dtb", ".uname", ".sbat", ".pcrpkey")
_257 = (
    ".linux", ".osrel", ".cmdline", ".initrd", ".ucode", ".splash", ".dtb", ".uname", ".sbat", ".pcrpkey", ".profile",
    ".dtbauto", ".hwids",
)  # fmt: skip
#: Sections that become files of the initrd, in this order.
_FILES_252 = (".pcrsig", ".pcrpkey")
_FILES_257 = (".pcrsig", ".pcrpkey", ".osrel", ".profile")


class Version(Record):
    """What a version does. ``addons``: whether it takes them; ``joined``: their command lines as one event, or one for
    each folder; ``kernel``: whether the firmware logs the kernel that it starts, with Secure Boot off; ``smbios``:
    whether it logs SMBIOS tables, and may hand over what only the machine knows."""

    number: int
    order: tuple[str, ...]
    files: tuple[str, ...]
    addons: bool
    joined: bool
    profiles: bool
    kernel: bool
    smbios: bool


_VERSIONS = {
    252: Version(252, _252, _FILES_252, False, False, False, True, False),
    254: Version(254, _254, _FILES_252, True, False, False, True, False),
    257: Version(257, _257, _FILES_257, True, True, True, True, False),
    262: Version(262, (*_257, ".efifw"), _FILES_257, True, True, True, False, True),
}


def is_stub(image: pe.PE) -> bool:
    """Whether an image says that it is systemd-stub's."""
    return _number(image) is not None


def of(image: pe.PE) -> Version:
    """The version by which an image was made. Raises ParseError for one of which it is not known what it does."""
    number = _number(image)
    if number not in _VERSIONS:
        known = ", ".join(map(str, _VERSIONS))
        raise ParseError(f"a stub of systemd {number}: what it logs is not known, only of {known}", where=".sdmagic")
    return _VERSIONS[number]


def _number(image: pe.PE) -> int | None:
    match = _MAGIC.search(image.section(".sdmagic") or b"")
    return int(match[1]) if match else None
