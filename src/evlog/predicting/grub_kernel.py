"""The kernel that GRUB starts: what its EFI stub logs, and its image in shim's buffer.

Source: GRUB 2.12 with Debian's patches, grub-core/loader/efi/linux.c (load options, initrds one after another by
LoadFile2), and 2.14; Linux's EFI stub. GRUB 2.06 starts it by its handover entry, and neither is logged.
"""

from __future__ import annotations

from evlog.contents.event_types import EV_EFI_BOOT_SERVICES_APPLICATION
from evlog.errors import ParseError
from evlog.predicting import programs
from evlog.predicting.grub_log import Facts, lines_of, place_of
from evlog.predicting.images import path_of
from evlog.predicting.linux import concatenated
from evlog.predicting.measured import Measured, bytes_of, learned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from evlog.predicting.draft import Draft
    from evlog.predicting.files import Files
    from evlog.predicting.grub_log import Line

__all__ = ["ENDINGS", "INITRD_RULE", "OPTIONS_RULE", "buffers", "joined", "options", "predict"]

OPTIONS_RULE = "UTF-16 of BOOT_IMAGE= and the kernel's command line, with NUL from GRUB 2.14 on"
#: What the load options end with: of 2.12, and of 2.14.
ENDINGS = (b"", b"\0\0")
INITRD_RULE = "all bytes of GRUB's initrds, each filled with zeros to a multiple of 4 but the last"


def predict(draft: Draft, files: Files, before: Facts) -> None:
    """What the kernel's EFI stub logs: its options, and the initrds once more."""
    lines = lines_of(draft, new=True)
    after = Facts(lines, draft)
    buffers(draft, files, before, after)
    if before.options is not None and before.kernel is not None and after.kernel is not None:
        old_kernel, new_kernel = files.old(place_of(before.kernel.text)), files.new(place_of(after.kernel.text))
        if old_kernel is not None and new_kernel is not None and old_kernel != new_kernel:
            programs.same_kernel(draft, old_kernel, new_kernel, files.named(place_of(after.kernel.text)))
    place = after.cmdline_step.place if after.cmdline_step is not None else ""
    if before.options is not None and before.cmdline is not None:
        known = [e for e in ENDINGS if draft.explained(before.options, options(before.cmdline, e), place, OPTIONS_RULE)]
        ending = known[0] if known and before.ending is None else before.ending
        if (before.cmdline, before.ending) == (after.cmdline, None):
            pass
        elif after.cmdline is None or not known or ending is None:
            draft.lose_pcrs((9,), place, "the kernel's load options are not GRUB's command line")
        else:
            draft.change(before.options, options(after.cmdline, ending), place or before.place, OPTIONS_RULE)
    changed = [line for line in after.initrds if line.step.kind] or [line.text for line in before.initrds] != [
        line.text for line in after.initrds
    ]
    if before.initrd is None or not changed:
        return
    place = after.initrds[0].step.place if after.initrds else place
    old, new = joined(files.old, before.initrds, True), joined(files.new, after.initrds, False)
    if old is None or not draft.explained(before.initrd, old, place, INITRD_RULE):
        draft.lose_pcrs((9,), place, "the kernel's initrd is not what GRUB opened")
    elif new is None:
        draft.lose_pcrs((9,), place, "an initrd of several is not given")
    else:
        draft.change(before.initrd, new, place, INITRD_RULE)


def buffers(draft: Draft, files: Files, before: Facts, after: Facts) -> None:
    """A kernel that changes, and of which the image in shim's buffer is not explained, is not known in PCR 4."""
    if after.kernel is None or not after.kernel.step.kind:
        return
    place = place_of(after.kernel.text)
    for step in draft.find(4, EV_EFI_BOOT_SERVICES_APPLICATION):
        if path_of(step) is None and not step.place:
            reason = "the kernel's image is not explained by the old kernel"
            draft.lose(step.register, files.named(place), reason)


def options(cmdline: str, ending: bytes) -> Measured:
    """The load options as GRUB sets them. Raises ParseError for text that is not UTF-8."""
    try:
        text = ("BOOT_IMAGE=" + cmdline).encode("latin-1").decode("utf-8")
    except UnicodeDecodeError as error:
        raise ParseError("a command line that is not UTF-8", offset=error.start, where="kernel_cmdline") from None
    return bytes_of(text.encode("utf-16-le") + ending)


def joined(of: Callable[[str], bytes | None], lines: list[Line], old: bool) -> Measured | None:
    """The initrds as one; a single one by its event, if the file is not given."""
    parts = [of(place_of(line.text)) for line in lines]
    if len(lines) == 1:
        step = lines[0].step
        if parts[0] is not None and (not old or all(bytes_of(parts[0]).digest(d.alg) == d.value for d in step.digests)):
            return bytes_of(parts[0])
        if old and step.event is not None:
            return learned(step.event)
        return Measured(None, {d.alg.id: d.value for d in step.digests})
    whole = [part for part in parts if part is not None]
    return bytes_of(concatenated(whole)) if whole and len(whole) == len(parts) else None
