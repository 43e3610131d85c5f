"""GRUB's events in a log: its commands and the kernel's command line in PCR 8, the files that it opens in PCR 9.

Source: GRUB 2.06 and 2.12, grub-core/commands/tpm.c and lib/cmdline.c: the digest of a text is without its prefix and
without its NUL, that of a file is of all its bytes, and the event's data is the name as the configuration has it.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.contents.event_types import EV_IPL
from evlog.predicting import linux
from evlog.predicting.draft import Step
from evlog.predicting.files import normal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.predicting.draft import Draft

__all__ = ["FILE_RULE", "TEXT_RULES", "Facts", "Line", "data_of", "lines_of", "place_of"]

_PREFIXES = {"command": b"grub_cmd: ", "cmdline": b"kernel_cmdline: "}
FILE_RULE = "all bytes of the file"
TEXT_RULES = {"command": "the command's text, without NUL", "cmdline": "the kernel's command line, without NUL"}


class Line(Record):
    """An event of GRUB as what was logged: ``kind`` is command, cmdline or file."""

    kind: str
    text: str
    step: Step


def lines_of(draft: Draft, new: bool = False) -> list[Line]:
    """GRUB's events in the log, or with ``new`` in the draft."""
    found = []
    for step in draft.steps:
        if step.event_type != EV_IPL or (step.kind == "removed" if new else step.event is None):
            continue
        data = step.data if new else step.event.content.data  # type: ignore[union-attr]
        text = data.removesuffix(b"\0").decode("latin-1")
        if str(step.register) == "pcr:9" and text[:1] in "(/" and text:
            found.append(Line("file", text, step))
        elif str(step.register) == "pcr:8":
            kind = next((kind for kind, prefix in _PREFIXES.items() if data.startswith(prefix)), None)
            if kind is not None:
                found.append(Line(kind, text[len(_PREFIXES[kind]) :], step))
    return found


def place_of(name: str) -> str:
    """The place of a file as GRUB names it, whatever the device."""
    return normal("/" + name.rpartition(")")[2].lstrip("/"))


def data_of(kind: str, text: str) -> bytes:
    """The event's data of something that is logged."""
    return _PREFIXES.get(kind, b"") + text.encode("latin-1") + b"\0"


class Facts:
    """Of a run of GRUB: the kernel's file, its command line, the initrds, and what the kernel's stub logs."""

    def __init__(self, lines: list[Line], draft: Draft) -> None:
        self.cmdline = next((line.text for line in reversed(lines) if line.kind == "cmdline"), None)
        self.cmdline_step = next((line.step for line in reversed(lines) if line.kind == "cmdline"), None)
        self.initrds: list[Line] = []
        self.kernel: Line | None = None
        at = next((n for n in range(len(lines) - 1, -1, -1) if lines[n].kind == "cmdline"), None)
        if at is not None:
            self.kernel = next((line for line in reversed(lines[:at]) if line.kind == "file"), None)
            self.initrds = _initrds(lines[at:])
        self.options, self.initrd = linux.events(draft)
        #: What the load options will end with, if a new GRUB sets them otherwise, and where that one is.
        self.ending: bytes | None = None
        self.place = ""


def _initrds(lines: list[Line]) -> list[Line]:
    """The files that ``initrd`` opens, the last time that it is run."""
    found: list[Line] = []
    inside = False
    for line in lines:
        if line.kind == "command":
            inside = line.text.startswith(("initrd ", "initrdefi "))
            found = [] if inside else found
        elif line.kind == "file" and inside:
            found.append(line)
    return found
