"""Direct boot of QEMU: the kernel from its loader's file system, the command line and the initrd.

Source: QEMU 7.2 hw/i386/x86.c, x86_load_linux, which writes into the setup header, that is hashed; OVMF
QemuKernelLoaderFsDxe, and X86QemuLoadImageLib: " initrd=initrd" behind the command line, newer ones in front of it.
"""

from __future__ import annotations

import struct

from evlog.contents.event_types import EV_EFI_BOOT_SERVICES_APPLICATION
from evlog.predicting import linux
from evlog.predicting.measured import Measured, bytes_of, image

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evlog.predicting.draft import Draft, Step
    from evlog.predicting.files import Files

__all__ = ["patched", "predict"]

#: The file system's node: a vendor's media path.
_LOADER = bytes.fromhex("72f728144ab61e44b8c39ebdd7f893c7")
_LOW = 0xFFFFFFFF
_ACPI = 0x28000


def patched(kernel: bytes, cmdline: bytes, initrd: bytes | None, below: int) -> bytes:
    """The kernel as QEMU hands it over, with so much memory below 4 GiB; as it is, if it is no Linux."""
    if len(kernel) < 0x268 or kernel[0x202:0x206] != b"HdrS":
        return kernel
    made = bytearray(kernel)
    protocol = int.from_bytes(kernel[0x206:0x208], "little")
    made[0x210] = 0xB0
    made[0x211] |= 0x80
    struct.pack_into("<H", made, 0x224, 0xFE00)
    struct.pack_into("<I", made, 0x228, 0x20000)
    mode = _vga(cmdline)
    if mode is not None:
        struct.pack_into("<H", made, 0x1FA, mode)
    if initrd is not None:
        high = protocol >= 0x20C and int.from_bytes(kernel[0x236:0x238], "little") & 2
        most = _LOW if high else int.from_bytes(kernel[0x22C:0x230], "little")
        if most >= below - _ACPI:
            most = below - _ACPI - 1
        struct.pack_into("<II", made, 0x218, (most - len(initrd)) & ~4095 & _LOW, len(initrd))
    return bytes(made)


def _vga(cmdline: bytes) -> int | None:
    """The video mode of ``vga=``, as QEMU reads it."""
    at = cmdline.find(b"vga=")
    if at < 0:
        return None
    word = cmdline[at + 4 :].split(b" ")[0]
    named = {b"normal": 0xFFFF, b"ext": 0xFFFE, b"ask": 0xFFFD}
    if word in named:
        return named[word]
    try:
        return int(word, 0) & 0xFFFF
    except ValueError:
        return None


def _options(cmdline: bytes, has_initrd: bool, in_front: bool) -> bytes:
    """UTF-16 of the command line, a unit for each byte, with NUL."""
    if has_initrd:
        cmdline = b"initrd=initrd " + cmdline if in_front else cmdline + b" initrd=initrd"
    return cmdline.decode("latin-1").encode("utf-16-le") + b"\0\0"


def is_direct(step: Step) -> bool:
    """Whether an image came from QEMU's loader."""
    return _LOADER in step.data


def predict(draft: Draft, files: Files, ram: int | None) -> None:
    """The kernel's image, its load options and the initrd."""
    asked = [place for place in ("kernel", "initrd", "cmdline") if place in files.now]
    if not asked:
        return
    images = [step for step in draft.find(4, EV_EFI_BOOT_SERVICES_APPLICATION) if is_direct(step)]
    if len(images) != 1:
        draft.lose_pcrs((4, 9), asked[0], f"{len(images)} kernels of QEMU's loader in the log, 1 expected")
        return
    options, initrd = linux.events(draft, after=images[0])
    _options_of(draft, files, options, initrd is not None)
    _initrd_of(draft, files, initrd)
    _image_of(draft, files, images[0], initrd is not None, ram)


def _options_of(draft: Draft, files: Files, step: Step | None, has_initrd: bool) -> None:
    if "cmdline" not in files.now:
        return
    old, new = files.was.get("cmdline"), files.now["cmdline"]
    rule = "UTF-16 of the command line, a unit for each byte, and initrd=initrd, with NUL"
    for text in dict.fromkeys(each for each in (old, new) if each is not None):
        for in_front in (False, True):
            if step is None or not draft.explained(
                step, bytes_of(_options(text, has_initrd, in_front)), "cmdline", rule
            ):
                continue
            files.place("cmdline")
            draft.change(step, bytes_of(_options(new, has_initrd, in_front)), "cmdline", rule)
            return
    draft.lose_pcrs((9,), "cmdline", "the log's load options are not explained by the old command line")


def _initrd_of(draft: Draft, files: Files, step: Step | None) -> None:
    if "initrd" not in files.now:
        return
    old = files.old("initrd")
    rule = "all bytes of the initrd"
    if step is None or old is None or not draft.explained(step, bytes_of(old), "initrd", rule):
        draft.lose_pcrs((9,), "initrd", "the log's initrd is not explained by the old one")
        return
    files.place("initrd")
    draft.change(step, bytes_of(files.now["initrd"]), "initrd", rule)


def _image_of(draft: Draft, files: Files, step: Step, has_initrd: bool, ram: int | None) -> None:
    """The kernel: patched by QEMU or as it is, whichever explains the old event."""
    place = "kernel"
    if not any(files.changed(each) for each in ("kernel", "initrd", "cmdline")) and "kernel" not in files.now:
        return
    kernel = files.old("kernel")
    if kernel is None:
        if ("initrd" in files.now and _size(files.old("initrd")) != _size(files.new("initrd"))) or (
            "initrd" in files.now and "initrd" not in files.was
        ):
            reason = "whether QEMU writes the initrd's size into the kernel is not known without the kernel"
            draft.lose_pcrs((4,), "initrd", reason)
        elif _vga(files.old("cmdline") or b"") != _vga(files.new("cmdline") or b""):
            draft.lose_pcrs((4,), "cmdline", "QEMU writes vga= into the kernel, which is not given")
        return
    new_kernel = files.new("kernel")
    assert new_kernel is not None
    for make, rule in _ways(files, has_initrd, ram):
        if draft.explained(step, make(kernel, False), place, rule):
            files.place(place)
            draft.change(step, make(new_kernel, True), place, rule)
            return
    why = "" if ram is not None else ", --ram SIZE is not given"
    draft.lose_pcrs((4,), place, f"the log's kernel is not explained by the old one, plain or patched by QEMU{why}")


def _size(data: bytes | None) -> int | None:
    return None if data is None else len(data)


def _ways(files: Files, has_initrd: bool, ram: int | None) -> Iterator[tuple[Callable[[bytes, bool], Measured], str]]:
    yield lambda kernel, new: image(kernel), "Authenticode digest of the kernel as it is"
    if has_initrd and (files.old("initrd") is None or ram is None):
        return
    for below in _below(ram or 0):

        def written(kernel: bytes, new: bool, below: int = below) -> Measured:
            choose = files.new if new else files.old
            initrd = choose("initrd") if has_initrd else None
            return image(patched(kernel, choose("cmdline") or b"", initrd, below))

        yield written, "Authenticode digest of the kernel after QEMU wrote into its setup header"


def _below(ram: int) -> Iterator[int]:
    """How much of the memory may be below 4 GiB, which the machine's type decides (q35, pc)."""
    for limit, split in ((0xB0000000, 0x80000000), (0xE0000000, 0xC0000000), (0xE0000000, 0xE0000000)):
        yield split if ram >= limit else ram
