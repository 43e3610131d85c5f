"""What an image is: which program, and which version of it; what it logs itself hangs on both.

Source: systemd's .sdmagic, the .sbat section (shim SBAT.md), Linux Documentation/arch/x86/boot.rst (kernel_version).
"""

from __future__ import annotations

import re

from evlog._record import Record
from evlog.errors import ParseError
from evlog.predicting import pe
from evlog.predicting.images import AFTER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.predicting.draft import Draft
    from evlog.predicting.files import Files
    from evlog.predicting.images import Images

__all__ = ["Program", "predict", "program", "same_kernel"]

_MAGIC = re.compile(rb"#### LoaderInfo: systemd-(stub|boot|addon) (\d+)")
_KERNEL = re.compile(rb"(\d+)\.(\d+)")
#: Programs of which a file of their own knows what each version logs.
_KNOWN = ("stub", "addon", "grub", "shim")
#: Linux whose EFI stub logs its load options and its initrd.
_LOGGING = (6, 1)


class Program(Record):
    """``name`` is stub, boot or addon of systemd, grub, shim or linux, or empty; ``version`` as far as it counts."""

    name: str
    version: str


def program(data: bytes) -> Program:
    """What an image is. Raises ParseError for what is no image."""
    image = pe.read(data)
    match = _MAGIC.search(image.section(".sdmagic") or b"")
    if match:
        return Program(match[1].decode(), match[2].decode())
    for line in (image.section(".sbat") or b"").split(b"\n"):
        fields = line.split(b",")
        if len(fields) >= 5 and fields[0] in (b"grub", b"shim"):
            return Program(fields[0].decode(), fields[4].decode("latin-1"))
    if data[0x202:0x206] == b"HdrS":
        at = int.from_bytes(data[0x20E:0x210], "little") + 0x200
        kernel = _KERNEL.match(data[at : at + 40])
        return Program("linux", f"{int(kernel[1])}.{int(kernel[2])}" if kernel else "")
    return Program("", "")


def predict(draft: Draft, files: Files, images: Images) -> None:
    """An image that becomes another program, or another version of one, may log other events."""
    for place in dict.fromkeys((*images.places.values(), *(("kernel",) if "kernel" in files.now else ()))):
        old, new = files.old(place), files.new(place)
        if old is None or new is None or old == new:
            continue
        named = files.named(place)
        try:
            before, after = program(old), program(new)
        except ParseError:
            continue  # the image's own rule says so
        if before.name != after.name:
            reason = f"another program ({before.name or 'not known'} before, {after.name or 'not known'} now)"
            draft.lose_pcrs((1, *AFTER), named, reason)
        elif not before.name:
            draft.unproven.append(f"{named} logs what the program before it did: which one it is, nothing tells")
        elif before.name == "linux":
            same_kernel(draft, old, new, named)
        elif before.name not in _KNOWN and before != after:
            reason = f"what systemd-{after.name} {after.version} logs, {before.version} does not tell"
            draft.lose_pcrs((1, *AFTER), named, reason)


def same_kernel(draft: Draft, old: bytes, new: bytes, named: str) -> None:
    """Lose PCR 9 if the EFI stub of another Linux may not log the options and the initrd as the one before did."""
    before, after = program(old), program(new)
    numbers = [tuple(map(int, each.version.split("."))) for each in (before, after) if each.version]
    if before != after and (before.name != after.name or len(numbers) < 2 or min(numbers) < _LOGGING):
        draft.lose_pcrs((9,), named, "whether this version of Linux logs its options and initrd is not known")
