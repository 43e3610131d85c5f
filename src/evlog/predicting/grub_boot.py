"""GRUB: its commands in PCR 8, the files that it opens in PCR 9, and what the kernel makes of both.

Source: GRUB 2.06 and 2.12 with Debian's patches, grub-core/commands/tpm.c, loader/efi/linux.c; Linux's EFI stub.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.contents.event_types import EV_EFI_BOOT_SERVICES_APPLICATION, EV_EVENT_TAG, EV_IPL
from evlog.errors import ParseError
from evlog.predicting import linux, pe
from evlog.predicting.files import normal
from evlog.predicting.grub_run import Logged, Run, UndeterminedError
from evlog.predicting.images import RULE as IMAGE_RULE
from evlog.predicting.linux import concatenated
from evlog.predicting.measured import Measured, bytes_of, image, learned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from evlog.predicting.draft import Draft, Step
    from evlog.predicting.files import Files
    from evlog.predicting.images import Images

__all__ = ["predict"]

_COMMAND, _CMDLINE = b"grub_cmd: ", b"kernel_cmdline: "
FILE_RULE = "all bytes of the file"
TEXT_RULES = {"command": "the command's text, without NUL", "cmdline": "the kernel's command line, without NUL"}
OPTIONS_RULE = "UTF-16 of BOOT_IMAGE= and the kernel's command line, without NUL"
INITRD_RULE = "all bytes of GRUB's initrds, each filled with zeros to a multiple of 4 but the last"
#: The commands that the start-up script of Debian's signed 2.06 runs before grub.cfg.
_STARTUP = 4
_MAX_RUNS = 512


class _Line(Record):
    """An event of GRUB as what was logged: ``kind`` is command, cmdline or file."""

    kind: str
    text: str
    step: Step


def _lines(draft: Draft, new: bool = False) -> list[_Line]:
    found = []
    for step in draft.steps:
        if step.event_type != EV_IPL or (step.kind == "removed" if new else step.event is None):
            continue
        data = step.data if new else step.event.content.data  # type: ignore[union-attr]
        text = data.removesuffix(b"\0").decode("latin-1")
        if str(step.register) == "pcr:9" and text[:1] in "(/" and text:
            found.append(_Line("file", text, step))
        elif str(step.register) == "pcr:8" and data.startswith(_COMMAND):
            found.append(_Line("command", text[len(_COMMAND) :], step))
        elif str(step.register) == "pcr:8" and data.startswith(_CMDLINE):
            found.append(_Line("cmdline", text[len(_CMDLINE) :], step))
    return found


def place_of(name: str) -> str:
    """The place of a file as GRUB names it, whatever the device."""
    return normal("/" + name.rpartition(")")[2].lstrip("/"))


def predict(draft: Draft, files: Files, images: Images, secure: bool) -> None:
    """GRUB's files and commands, a new configuration, and a new GRUB."""
    lines = _lines(draft)
    if not any(line.kind == "command" for line in lines):
        return
    before = _Facts(lines, draft)
    configuration = next((line for line in lines if line.kind == "file" and line.text.endswith(".cfg")), None)
    if configuration is not None and not _configured(draft, files, images, lines, configuration):
        return
    _files(draft, files)
    if not _upgraded(draft, files, images, lines, before):
        return
    _kernel(draft, files, before)


class _Facts:
    """Of a run of GRUB: the kernel's file, its command line, the initrds, and the steps of these files."""

    def __init__(self, lines: list[_Line], draft: Draft) -> None:
        self.cmdline = next((line.text for line in reversed(lines) if line.kind == "cmdline"), None)
        self.cmdline_step = next((line.step for line in reversed(lines) if line.kind == "cmdline"), None)
        self.initrds: list[_Line] = []
        self.kernel: _Line | None = None
        at = next((n for n in range(len(lines) - 1, -1, -1) if lines[n].kind == "cmdline"), None)
        if at is not None:
            self.kernel = next((line for line in reversed(lines[:at]) if line.kind == "file"), None)
            self.initrds = [line for line in lines[at:] if line.kind == "file"]
        self.options, self.initrd = linux.events(draft)


def _files(draft: Draft, files: Files) -> None:
    """Files that GRUB opens under the names that are given."""
    for line in _lines(draft, new=True):
        place = place_of(line.text)
        if line.kind != "file" or place not in files.now or line.step.event is None:
            continue
        old, new = files.old(place), files.now[place]
        named = files.named(place)
        if line.step.kind == "changed":
            files.place(place)
            continue
        if old is None or not draft.explained(line.step, bytes_of(old), named, FILE_RULE):
            number = line.step.event.number
            pcrs = (4, 8, 9) if place.endswith(".cfg") else (4, 9)
            draft.lose_pcrs(pcrs, named, f"event {number} is not explained by the old file")
            continue
        files.place(place)
        draft.change(line.step, bytes_of(new), named, FILE_RULE)


def _measured(files: Files, entry: Logged, known: dict[str, Step]) -> tuple[Measured | None, str, str]:
    """What an entry of a run measures, its place and its rule; None for a file that nobody tells anything of."""
    if entry.kind != "file":
        return bytes_of(entry.text.encode("latin-1")), "", TEXT_RULES[entry.kind]
    place = place_of(entry.text)
    data = files.new(place)
    if data is not None:
        return bytes_of(data), files.named(place), FILE_RULE
    step = known.get(place)
    return (learned(step.event) if step is not None and step.event is not None else None), entry.text, FILE_RULE


def _configured(draft: Draft, files: Files, images: Images, lines: list[_Line], first: _Line) -> bool:
    """A changed configuration, run anew; False if it cannot be followed."""
    place = place_of(first.text)
    scripts = [p for p in files.paths() if p.endswith(".cfg") and p in files.was and files.changed(p)]
    opened = {place_of(line.text) for line in lines if line.kind == "file"}
    scripts = [p for p in scripts if p in opened]
    if not scripts:
        return True
    named = files.named(scripts[0])
    try:
        _rerun(draft, files, images, lines, first, place, named)
    except (UndeterminedError, ParseError) as error:
        for each in scripts:
            files.place(each)
        draft.lose_pcrs((4, 8, 9), named, f"the configuration is not followed: {error}")
        return False
    return True


def _rerun(
    draft: Draft, files: Files, images: Images, lines: list[_Line], first: _Line, place: str, named: str
) -> None:  # fmt: skip
    start = lines.index(first)
    while start + 1 < len(lines) and lines[start + 1].text == first.text and lines[start + 1].kind == "file":
        start += 1
    copies = start - lines.index(first) + 1
    rest = lines[start + 1 :]
    old, new = files.old(place), files.new(place)
    if old is None or new is None:
        raise UndeterminedError(f"{named} is not the file that GRUB begins with, and that is not given")
    for line in lines[start - copies + 1 : start + 1]:
        if not draft.explained(line.step, bytes_of(old), files.named(place), FILE_RULE):
            raise UndeterminedError("the log's configuration is not explained by the old one")
    prefix = first.text.rpartition("/")[0]
    answers, extras, _unset = _understood(draft, files, rest, prefix, old.decode("latin-1"))

    def ask(question: str, likely: bool) -> bool:
        if question not in answers:
            raise UndeterminedError(f"nothing tells the answer to: {_told(question)}")
        return answers[question]

    run = Run(prefix, _asked(files.new, ask), _reader(files.new))
    run.configuration(new.decode("latin-1"))
    entries: list[Logged] = []
    for entry in run.logged:
        entries.append(entry)
        entries += extras.get(entry.text, []) if entry.opens else []
    known = {place_of(line.text): line.step for line in lines if line.kind == "file"}
    for line in lines[start - copies + 1 : start + 1]:
        draft.change(line.step, bytes_of(new), files.named(place), FILE_RULE)
    _relay(draft, files, images, rest, entries, known, first.step, named)
    for each in files.paths():
        if each.endswith(".cfg"):
            files.place(each)


def _told(question: str) -> str:
    return question if len(question) < 100 else question[:97] + "..."


def _asked(of: Callable[[str], bytes | None], ask: Callable[[str, bool], bool]) -> Callable[[str, bool], bool]:
    """Whether a file is there is told by the files; all else by somebody else."""

    def answer(question: str, likely: bool) -> bool:
        kind, _, name = question.partition(" ")
        data = of(place_of(name)) if kind in ("-e", "-f", "-s", "search:") else None
        if data is not None:
            return bool(data) or kind != "-s"
        return ask(question, likely)

    return answer


def _reader(of: Callable[[str], bytes | None]) -> Callable[[str], str | None]:
    def read(name: str) -> str | None:
        data = of(place_of(name))
        return data.decode("latin-1") if data is not None else None

    return read


def _understood(
    draft: Draft, files: Files, lines: list[_Line], prefix: str, text: str
) -> tuple[dict[str, bool], dict[str, list[Logged]], set[str]]:
    """What the machine answered in the last boot, as the log tells it, and which files other commands opened.

    Answers are tried, the likely ones first, until the old configuration logs what the log has.
    """
    choices: list[bool] = []
    why = ""
    for _ in range(_MAX_RUNS):
        answers: dict[str, bool] = {}
        made: list[tuple[str, bool]] = []

        def ask(
            question: str, likely: bool, answers: dict[str, bool] = answers, made: list[tuple[str, bool]] = made,
            choices: tuple[bool, ...] = tuple(choices),
        ) -> bool:  # fmt: skip
            if question not in answers:
                if question.startswith("unset: "):
                    answers[question] = True
                else:
                    flipped = choices[len(made)] if len(made) < len(choices) else False
                    made.append((question, flipped))
                    answers[question] = likely != flipped
            return answers[question]

        run = Run(prefix, _asked(files.old, ask), _reader(files.old))
        problem = ""
        try:
            run.configuration(text)
        except UndeterminedError as error:
            problem = str(error)
        found, at = _matched(draft, files, lines, run.logged)
        if found is not None and not problem:
            return answers, found, run.unset
        why = problem or f"event {at} of the log is not what the old configuration does"
        choices = [flipped for _, flipped in made]
        while choices and choices[-1]:
            choices.pop()
        if not choices:
            break
        choices[-1] = True
    raise UndeterminedError(why)


def _matched(
    draft: Draft, files: Files, lines: list[_Line], logged: list[Logged]
) -> tuple[dict[str, list[Logged]] | None, int | str]:
    """The files that commands opened besides, by the command's text, if what a run logged is what the log has."""
    extras: dict[str, list[Logged]] = {}
    at = 0
    for number, entry in enumerate(logged):
        if at >= len(lines) or (lines[at].kind, lines[at].text) != (entry.kind, entry.text):
            step = lines[at].step if at < len(lines) else None
            return None, step.event.number if step is not None and step.event is not None else "?"
        line = lines[at]
        measured = bytes_of(entry.text.encode("latin-1")) if entry.kind != "file" else None
        data = files.old(place_of(entry.text)) if entry.kind == "file" else None
        measured = bytes_of(data) if data is not None else measured
        if measured is not None and not draft.explained(
            line.step, measured, line.step.place, TEXT_RULES.get(entry.kind, FILE_RULE)
        ):
            return None, line.step.event.number if line.step.event is not None else "?"
        at += 1
        following = logged[number + 1] if number + 1 < len(logged) else None
        opened = []
        while entry.opens and at < len(lines) and lines[at].kind == "file":
            if following is not None and (following.kind, following.text) == ("file", lines[at].text):
                break
            opened.append(Logged("file", lines[at].text))
            at += 1
        if entry.opens:
            extras.setdefault(entry.text, opened)
    if at < len(lines):
        step = lines[at].step
        return None, step.event.number if step.event is not None else "?"
    return extras, 0


def _relay(
    draft: Draft, files: Files, images: Images, rest: list[_Line], entries: list[Logged], known: dict[str, Step],
    behind: Step, named: str,
) -> None:  # fmt: skip
    """The events of the new run in the place of the old ones; what both have stays."""
    from difflib import SequenceMatcher

    old = [(line.kind, line.text) for line in rest]
    new = [(entry.kind, entry.text) for entry in entries]
    before_kernel = next((line for line in rest if line.kind == "cmdline"), None)
    last = behind
    for tag, i, j, k, l in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():  # noqa: E741
        steps = [line.step for line in rest[i:j]]
        for offset, entry in enumerate(entries[k:l]):
            measured, place, rule = _measured(files, entry, known)
            place = place or named
            if measured is None:
                raise UndeterminedError(f"the file {entry.text} is not given, and was not opened in the last boot")
            step = steps[offset] if offset < len(steps) else None
            register = behind.register.replace(index=9 if entry.kind == "file" else 8)
            if step is not None and (tag == "equal" or step.register == register):
                if tag != "equal":
                    draft.change(step, measured, place, rule, _data(entry))
                elif entry.kind == "file" and files.new(place_of(entry.text)) is not None:
                    draft.change(step, measured, place, rule)
                last = step
            else:
                if step is not None:
                    draft.remove(step, named, TEXT_RULES["command"])
                last = draft.add(draft.after(last), register, EV_IPL, _data(entry), measured, place, rule)
        for step in steps[max(0, l - k) :]:
            draft.remove(step, named, "no longer in the configuration")
    _moved_kernel(draft, files, images, before_kernel, entries, rest)


def _data(entry: Logged) -> bytes:
    prefix = {"command": _COMMAND, "cmdline": _CMDLINE}.get(entry.kind, b"")
    return prefix + entry.text.encode("latin-1") + b"\0"


def _moved_kernel(
    draft: Draft, files: Files, images: Images, before: _Line | None, entries: list[Logged], rest: list[_Line]
) -> None:  # fmt: skip
    """The kernel's images that shim logs, if the new configuration starts another file."""
    at = next((n for n, entry in enumerate(entries) if entry.kind == "cmdline"), None)
    old = rest[rest.index(before) - 1].text if before is not None else None
    new = entries[at - 1].text if at else None
    buffers = [
        s for s in images.steps if images.paths.get(id(s)) is None and s.is_of(4, EV_EFI_BOOT_SERVICES_APPLICATION)
    ]
    buffers = [s for s in buffers if before is not None and draft.index(s) < draft.index(before.step)]
    if old == new or not buffers:
        return
    place = place_of(new or "")
    data = files.new(place)
    if new is None or data is None or old is None:
        raise UndeterminedError("the new configuration starts another kernel, which is not given")
    for step in buffers:
        draft.change(step, image(data), files.named(place), IMAGE_RULE)
        images.places[id(step)] = place


def _kernel(draft: Draft, files: Files, before: _Facts) -> None:
    """What the kernel's EFI stub logs: its options, and the initrds once more."""
    lines = _lines(draft, new=True)
    after = _Facts(lines, draft)
    _buffers(draft, files, before, after)
    place = after.cmdline_step.place if after.cmdline_step is not None else ""
    if before.options is not None and before.cmdline is not None and before.cmdline != after.cmdline:
        if after.cmdline is None or not draft.explained(before.options, _options(before.cmdline), place, OPTIONS_RULE):
            draft.lose_pcrs((9,), place, "the kernel's load options are not GRUB's command line")
        else:
            draft.change(before.options, _options(after.cmdline), place, OPTIONS_RULE)
    changed = [line for line in after.initrds if line.step.kind] or [line.text for line in before.initrds] != [
        line.text for line in after.initrds
    ]
    if before.initrd is None or not changed:
        return
    place = after.initrds[0].step.place if after.initrds else place
    old, new = _joined(files.old, before.initrds, True), _joined(files.new, after.initrds, False)
    if old is None or not draft.explained(before.initrd, old, place, INITRD_RULE):
        draft.lose_pcrs((9,), place, "the kernel's initrd is not what GRUB opened")
    elif new is None:
        draft.lose_pcrs((9,), place, "an initrd of several is not given")
    else:
        draft.change(before.initrd, new, place, INITRD_RULE)


def _buffers(draft: Draft, files: Files, before: _Facts, after: _Facts) -> None:
    """A kernel that changes, and of which the image in shim's buffer is not explained, is not known in PCR 4."""
    if after.kernel is None or not after.kernel.step.kind:
        return
    from evlog.predicting.images import path_of

    place = place_of(after.kernel.text)
    for step in draft.find(4, EV_EFI_BOOT_SERVICES_APPLICATION):
        if path_of(step) is None and not step.place:
            reason = "the kernel's image is not explained by the old kernel"
            draft.lose(step.register, files.named(place), reason)


def _options(cmdline: str) -> Measured:
    """The load options as GRUB 2.12 sets them. Raises ParseError for text that is not UTF-8."""
    try:
        text = ("BOOT_IMAGE=" + cmdline).encode("latin-1").decode("utf-8")
    except UnicodeDecodeError as error:
        raise ParseError("a command line that is not UTF-8", offset=error.start, where="kernel_cmdline") from None
    return bytes_of(text.encode("utf-16-le"))


def _joined(of: Callable[[str], bytes | None], lines: list[_Line], old: bool) -> Measured | None:
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


def _upgraded(draft: Draft, files: Files, images: Images, lines: list[_Line], before: _Facts) -> bool:
    """A new GRUB: of another version other events, as far as the table of versions goes; False if it does not."""
    at = draft.index(lines[0].step)
    above = [s for s in images.steps if s.is_of(4, EV_EFI_BOOT_SERVICES_APPLICATION) and draft.index(s) < at]
    place = images.place_of(above[-1]) if above else None
    if place is None or not files.changed(place):
        return True
    named = files.named(place)
    old, new = _version(files.old(place)), _version(files.new(place))
    if old is not None and new is not None and old[1] and new[1] and old[0] == new[0]:
        return True
    if old != ("2.06", True) or new != ("2.12", True):
        draft.lose_pcrs(
            (4, 8, 9), named, "which events this version of GRUB logs is not known: 2.06 to 2.12 of Debian is"
        )
        return False
    return _to_212(draft, files, images, lines, before, named)


def _to_212(draft: Draft, files: Files, images: Images, lines: list[_Line], before: _Facts, named: str) -> bool:
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
    after = _Facts(_lines(draft, new=True), draft)
    last = after.initrds[-1].step if after.initrds else config
    assert after.cmdline is not None
    initrd = _joined(files.new, after.initrds, False)
    told = draft.add(
        draft.after(last), config.register, EV_EVENT_TAG, linux.OPTIONS, _options(after.cmdline), named, OPTIONS_RULE
    )
    if initrd is None:
        draft.lose_pcrs((9,), named, "an initrd of several is not given")
        return False
    draft.add(draft.after(told), config.register, EV_EVENT_TAG, linux.INITRD, initrd, named, INITRD_RULE)
    _buffers(draft, files, before, after)
    return False
