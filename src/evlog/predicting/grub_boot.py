"""GRUB: its commands in PCR 8, the files that it opens in PCR 9, and what the kernel makes of both.

Source: GRUB 2.06 and 2.12 with Debian's patches, grub-core/commands/tpm.c, loader/efi/linux.c; Linux's EFI stub.
"""

from __future__ import annotations

from evlog.contents.event_types import EV_EFI_BOOT_SERVICES_APPLICATION, EV_IPL
from evlog.errors import ParseError
from evlog.predicting import grub_kernel, grub_versions
from evlog.predicting.grub_answers import rerun, understood
from evlog.predicting.grub_log import FILE_RULE, TEXT_RULES, Facts, data_of, lines_of, place_of
from evlog.predicting.grub_values import UndeterminedError
from evlog.predicting.images import RULE as IMAGE_RULE
from evlog.predicting.measured import bytes_of, image, learned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.predicting.draft import Draft, Step
    from evlog.predicting.files import Files
    from evlog.predicting.grub_log import Line
    from evlog.predicting.grub_run import Logged
    from evlog.predicting.images import Images
    from evlog.predicting.measured import Measured

__all__ = ["predict"]

_WAITS = "GRUB's menu waits for somebody to choose: the default entry is taken"


def predict(draft: Draft, files: Files, images: Images, secure: bool) -> None:
    """GRUB's files and commands, a new configuration, and a new GRUB."""
    lines = lines_of(draft)
    if not any(line.kind == "command" for line in lines):
        return
    before = Facts(lines, draft)
    configuration = next((line for line in lines if line.kind == "file" and line.text.endswith(".cfg")), None)
    if configuration is not None and not _configured(draft, files, images, secure, configuration):
        return
    _files(draft, files, before, secure)
    if grub_versions.predict(draft, files, images, lines, before):
        grub_kernel.predict(draft, files, before)


def _files(draft: Draft, files: Files, before: Facts, secure: bool) -> None:
    """Files that GRUB opens under the names that are given."""
    for line in lines_of(draft, new=True):
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
            # Whatever it was, it may have started another kernel, that somebody else signed.
            is_script = _is_script(place)
            is_kernel = before.kernel is not None and place_of(before.kernel.text) == place
            pcrs = (9, *((8,) if is_script else ()), *((4,) if is_script or is_kernel else ()))
            pcrs += (7,) if secure and (is_script or is_kernel) else ()
            draft.lose_pcrs(pcrs, named, f"event {number} is not explained by the old file")
            continue
        files.place(place)
        draft.change(line.step, bytes_of(new), named, FILE_RULE)


def _configured(draft: Draft, files: Files, images: Images, secure: bool, first: Line) -> bool:
    """A changed configuration, run anew; False if it cannot be followed."""
    lines = lines_of(draft)
    opened = {place_of(line.text) for line in lines if line.kind == "file"}
    scripts = [p for p in files.paths() if _is_script(p) and p in files.was and files.changed(p) and p in opened]
    if not scripts:
        return True
    named = files.named(scripts[0])
    try:
        _run_anew(draft, files, images, lines, first, named)
    except (UndeterminedError, ParseError) as error:
        for each in (*scripts, *opened):
            files.place(each)
        # It may start another kernel, or something else than a kernel.
        other = any(b"chainloader" in (files.new(each) or b"") for each in scripts)
        pcrs = (4, 8, 9, *((7,) if secure or other else ()), *((5, 11, 12, 13) if other else ()))
        draft.lose_pcrs(pcrs, named, f"the configuration is not followed: {error}")
        return False
    return True


def _is_script(place: str) -> bool:
    """Whether what stands in a file decides what GRUB does."""
    return place.endswith((".cfg", "/grubenv"))


def _run_anew(draft: Draft, files: Files, images: Images, lines: list[Line], first: Line, named: str) -> None:
    place = place_of(first.text)
    start = lines.index(first)
    copies = [first]
    while start + len(copies) < len(lines) and lines[start + len(copies)].text == first.text:
        copies.append(lines[start + len(copies)])
    rest = lines[start + len(copies) :]
    old, new = files.old(place), files.new(place)
    if old is None or new is None:
        raise UndeterminedError(f"{first.text} is the file that GRUB begins with, and it is not given")
    for line in copies:
        if not draft.explained(line.step, bytes_of(old), files.named(place), FILE_RULE):
            raise UndeterminedError("the log's configuration is not explained by the old one")
    answers = understood(draft, files, lines[:start], rest, first.text, old.decode("latin-1"))
    run, entries = rerun(answers, files, first.text, new.decode("latin-1"))
    for line in copies:
        draft.change(line.step, bytes_of(new), files.named(place), FILE_RULE)
    known = {place_of(line.text): line.step for line in lines if line.kind == "file"}
    _relay(draft, files, rest, entries, known, copies[-1].step, named)
    _moved_kernel(draft, files, images, rest, entries)
    if run.waits:
        draft.unproven.append(_WAITS)
    unseen = sorted(run.commands - answers.commands)
    if unseen:
        draft.unproven.append(f"GRUB has the command {', '.join(unseen)}, which it did not run in the last boot")
    for each in files.paths():
        if _is_script(each):
            files.place(each)


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


def _relay(
    draft: Draft, files: Files, rest: list[Line], entries: list[Logged], known: dict[str, Step], behind: Step,
    named: str,
) -> None:  # fmt: skip
    """The events of the new run in the place of the old ones; what both have stays."""
    from difflib import SequenceMatcher

    old = [(line.kind, line.text) for line in rest]
    new = [(entry.kind, entry.text) for entry in entries]
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
                    draft.change(step, measured, place, rule, data_of(entry.kind, entry.text))
                elif entry.kind == "file" and files.new(place_of(entry.text)) is not None:
                    draft.change(step, measured, place, rule)
                last = step
            else:
                if step is not None:
                    draft.remove(step, named, "no longer in the configuration")
                data = data_of(entry.kind, entry.text)
                last = draft.add(draft.after(last), register, EV_IPL, data, measured, place, rule)
        for step in steps[max(0, l - k) :]:
            draft.remove(step, named, "no longer in the configuration")


def _moved_kernel(draft: Draft, files: Files, images: Images, rest: list[Line], entries: list[Logged]) -> None:
    """The kernel's images that shim logs, if the new configuration starts another file."""
    before = next((line for line in rest if line.kind == "cmdline"), None)
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
