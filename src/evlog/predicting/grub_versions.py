"""Versions of GRUB: which events each logs, as far as a boot has shown it.

Source: GRUB 2.06 and 2.12 with Debian's patches and signatures: the start-up script, how often a configuration is
read, whether shim is asked for the kernel twice, and whether the kernel is started as an image.
"""

from __future__ import annotations

from evlog.contents.event_types import EV_EFI_BOOT_SERVICES_APPLICATION, EV_EVENT_TAG, EV_IPL
from evlog.predicting import grub_kernel, linux, pe
from evlog.predicting.grub_log import FILE_RULE, Facts, lines_of
from evlog.predicting.measured import Measured

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.predicting.draft import Draft
    from evlog.predicting.files import Files
    from evlog.predicting.grub_log import Line
    from evlog.predicting.images import Images

__all__ = ["predict"]

#: Debian's signed versions that log the same events, but for what the load options end with.
_ALIKE = {"2.06": 1, "2.12": 2, "2.14": 2}
#: The commands that the start-up script of Debian's signed 2.06 runs before grub.cfg.
_STARTUP = 4


def predict(draft: Draft, files: Files, images: Images, lines: list[Line], before: Facts) -> bool:
    """A new GRUB: of another version other events, as far as the table of versions goes; False if it does not."""
    at = draft.index(lines[0].step)
    above = [s for s in images.steps if s.is_of(4, EV_EFI_BOOT_SERVICES_APPLICATION) and draft.index(s) < at]
    place = images.place_of(above[-1]) if above else None
    if place is None or not files.changed(place):
        return True
    named = files.named(place)
    old, new = _version(files.old(place)), _version(files.new(place))
    if old is not None and new is not None and old[1] and new[1] and _alike(old[0], new[0]):
        if old[0] != new[0]:
            before.ending, before.place = grub_kernel.ENDINGS[new[0] == "2.14"], named
        return True
    if old != ("2.06", True) or new != ("2.12", True):
        draft.lose_pcrs(
            (4, 8, 9),
            named,
            "which events this version of GRUB logs is not known: of Debian's 2.06, 2.12 and 2.14 it is",
        )
        return False
    return _to_212(draft, files, images, lines, before, named)


def _alike(one: str, other: str) -> bool:
    return one == other or (one in _ALIKE and _ALIKE[one] == _ALIKE.get(other))


def _to_212(draft: Draft, files: Files, images: Images, lines: list[Line], before: Facts, named: str) -> bool:
    """Debian's signed 2.06 becomes 2.12: no start-up script, grub.cfg read twice, the kernel asked for once and started
    as an image."""
    configured = next((n for n, line in enumerate(lines) if line.kind == "file" and line.text.endswith(".cfg")), None)
    if configured != _STARTUP or before.options is not None or before.cmdline is None or not before.initrds:
        draft.lose_pcrs((4, 8, 9), named, "the log is not that of Debian's signed GRUB 2.06")
        return False
    command = next(
        (line for line in lines if line.kind == "command" and line.text.startswith(("linux ", "linuxefi "))), None
    )
    if command is None or not command.text.startswith("linux "):
        draft.lose_pcrs((4, 8, 9), named, "2.12 has no command linuxefi")
        return False
    for line in lines[:configured]:
        draft.remove(line.step, named, "2.12 has no start-up script")
    config = lines[configured].step
    measured = Measured(None, {d.alg.id: d.value for d in config.digests})
    draft.add(draft.after(config), config.register, EV_IPL, config.data, measured, config.place or named, FILE_RULE)
    buffers = [
        s for s in images.steps if images.paths.get(id(s)) is None and s.is_of(4, EV_EFI_BOOT_SERVICES_APPLICATION)
    ]
    for step in buffers[1:]:
        draft.remove(step, named, "2.12 asks shim once")
    after = Facts(lines_of(draft, new=True), draft)
    last = after.initrds[-1].step if after.initrds else config
    assert after.cmdline is not None
    initrd = grub_kernel.joined(files.new, after.initrds, False)
    told = draft.add(
        draft.after(last),
        config.register,
        EV_EVENT_TAG,
        linux.OPTIONS,
        grub_kernel.options(after.cmdline, grub_kernel.ENDINGS[0]),
        named,
        grub_kernel.OPTIONS_RULE,
    )
    if initrd is None:
        draft.lose_pcrs((9,), named, "an initrd of several is not given")
        return False
    draft.add(draft.after(told), config.register, EV_EVENT_TAG, linux.INITRD, initrd, named, grub_kernel.INITRD_RULE)
    grub_kernel.buffers(draft, files, before, after)
    return False


def _version(data: bytes | None) -> tuple[str, bool] | None:
    """GRUB's version as its .sbat tells it, and whether Debian made it."""
    if data is None or data[:2] != b"MZ":
        return None
    found, debian = "", False
    for line in (pe.read(data).section(".sbat") or b"").decode("latin-1").split("\n"):
        fields = line.split(",")
        if len(fields) >= 5 and fields[0] == "grub":
            found = fields[4]
        debian = debian or fields[0] == "grub.debian"
    return (found, debian) if found else None
