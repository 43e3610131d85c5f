"""What the machine answered in the last boot: is there a file, does a command succeed, where is what was searched.

The old configuration is run with answers that are likely, and with others, until it logs what the log has, in every
bank. What was never asked in it nobody can answer for the new one.
"""

from __future__ import annotations

import re

from evlog._record import Record
from evlog.predicting.grub_log import FILE_RULE, TEXT_RULES, place_of
from evlog.predicting.grub_run import Logged, Run
from evlog.predicting.grub_values import UndeterminedError
from evlog.predicting.measured import bytes_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from evlog.predicting.draft import Draft
    from evlog.predicting.files import Files
    from evlog.predicting.grub_log import Line

__all__ = ["Answers", "rerun", "understood"]

_MAX_RUNS = 512
_DEVICE = re.compile(r"\(([a-z][^()\s]*)\)")
#: What GRUB reads first of what it can load when a command is run that it has not.
_LOADABLE = "command.lst"
_SEARCHED = "search: file "


class Answers(Record):
    """Of the last run: answers by question, and the files that commands opened besides, command by command."""

    devices: tuple[str, ...]
    given: dict[str, bool]
    opened: tuple[tuple[str, tuple[Logged, ...]], ...]
    commands: frozenset[str]
    loadable: bool


def understood(draft: Draft, files: Files, before: list[Line], lines: list[Line], name: str, text: str) -> Answers:
    """The answers by which a configuration, run under its name, logs these lines. Raises UndeterminedError.

    ``before`` are the lines up to the configuration.
    """
    own = name[1:].partition(")")[0]
    named = [device for line in (*before, *lines) for device in _DEVICE.findall(line.text)]
    devices = tuple(dict.fromkeys((own, *named)))[:8]
    choices: list[bool] = []
    for _ in range(_MAX_RUNS):
        attempt = _Attempt(choices)
        run = Run(name, devices, _asked(files.old, attempt.ask, devices), _reader(files.old))
        attempt.logged = run.logged
        problem = ""
        try:
            run.configuration(text)
        except UndeterminedError as error:
            problem = str(error)
        opened, read, at = _matched(draft, files, lines, run.logged)
        if opened is not None and not problem:
            loadable = any(line.text.endswith(_LOADABLE) for line in before)
            return Answers(devices, attempt.given, opened, frozenset(run.commands), loadable)
        if opened is None:
            problem = f"event {at} of the log is not what the old configuration does"
            # What was asked behind that changes nothing of it.
            attempt.made = [each for each in attempt.made if each[1] <= read]
        choices = [flipped for flipped, _ in attempt.made]
        while choices and choices[-1]:
            choices.pop()
        if not choices:
            break
        choices[-1] = True
    raise UndeterminedError(problem)


def rerun(answers: Answers, files: Files, name: str, text: str) -> tuple[Run, list[Logged]]:
    """A new configuration, and all that is logged with what commands open besides. Raises UndeterminedError."""

    def ask(question: str, likely: bool) -> bool:
        if question not in answers.given:
            told = question if len(question) < 100 else question[:97] + "..."
            raise UndeterminedError(f"nothing tells the answer to: {told}")
        return answers.given[question]

    run = Run(name, answers.devices, _asked(files.new, ask, answers.devices), _reader(files.new))
    run.configuration(text)
    unseen = sorted(run.commands - answers.commands)
    if unseen and answers.loadable:
        raise UndeterminedError(f"whether GRUB has to load the command {unseen[0]} is not known")
    openers = [entry.text for entry in run.logged if entry.opens]
    before = [text for text, _ in answers.opened]
    last = max((n for n, (_, files_) in enumerate(answers.opened) if files_), default=-1) + 1
    if openers[:last] != before[:last] or not set(openers) <= set(before):
        # A module that is loaded once is not loaded again, and what it needs hangs on what is there already.
        other = next((text for n, text in enumerate(openers) if n >= len(before) or text != before[n]), "")
        raise UndeterminedError(f"in this order nobody knows which files are opened by: {other[:80]}")
    entries: list[Logged] = []
    number = 0
    for entry in run.logged:
        entries.append(entry)
        if entry.opens:
            entries += answers.opened[number][1] if number < last else ()
            number += 1
    return run, entries


class _Attempt:
    """One try of answers: the first are given, the others are what is likely."""

    def __init__(self, choices: list[bool]) -> None:
        self.given: dict[str, bool] = {}
        #: Whether each answer is another than the likely one, and how much was logged before it.
        self.made: list[tuple[bool, int]] = []
        self.logged: list[Logged] = []
        self._choices = choices

    def ask(self, question: str, likely: bool) -> bool:
        if question not in self.given:
            if question.startswith("unset: "):
                self.given[question] = True
            else:
                number = len(self.made)
                flipped = self._choices[number] if number < len(self._choices) else False
                self.made.append((flipped, len(self.logged)))
                self.given[question] = likely != flipped
        return self.given[question]


def _asked(
    of: Callable[[str], bytes | None], ask: Callable[[str, bool], bool], devices: tuple[str, ...]
) -> Callable[[str, bool], bool]:
    """Whether a file is there is told by the files; all else by somebody else."""

    def answer(question: str, likely: bool) -> bool:
        kind, _, name = question.partition(" ")
        if kind in ("-e", "-f", "-s"):
            data = of(place_of(name))
            if data is not None:
                return bool(data) or kind != "-s"
        elif question.startswith(_SEARCHED) and len(devices) == 1:
            name = question.removeprefix(_SEARCHED).rpartition(" (")[0]
            return of(place_of(name)) is not None or ask(question, likely)
        return ask(question, likely)

    return answer


def _reader(of: Callable[[str], bytes | None]) -> Callable[[str], str | None]:
    def read(name: str) -> str | None:
        data = of(place_of(name))
        return data.decode("latin-1") if data is not None else None

    return read


def _matched(
    draft: Draft, files: Files, lines: list[Line], logged: list[Logged]
) -> tuple[tuple[tuple[str, tuple[Logged, ...]], ...] | None, int, int | str]:
    """The files that commands opened besides, if what a run logged is what the log has.

    Else None, how many entries are as in the log, and the number of the event that is not.
    """
    found: list[tuple[str, tuple[Logged, ...]]] = []
    at = 0
    for number, entry in enumerate(logged):
        line = lines[at] if at < len(lines) else None
        if line is None or (line.kind, line.text) != (entry.kind, entry.text) or not _is_of(draft, files, line):
            return None, number, _number(line)
        at += 1
        following = logged[number + 1] if number + 1 < len(logged) else None
        opened = []
        while entry.opens and at < len(lines) and lines[at].kind == "file":
            if following is not None and (following.kind, following.text) == ("file", lines[at].text):
                break
            opened.append(Logged("file", lines[at].text))
            at += 1
        if entry.opens:
            found.append((entry.text, tuple(opened)))
    if at < len(lines):
        return None, len(logged), _number(lines[at])
    return tuple(found), len(logged), 0


def _number(line: Line | None) -> int | str:
    return line.step.event.number if line is not None and line.step.event is not None else "?"


def _is_of(draft: Draft, files: Files, line: Line) -> bool:
    """Whether an event's digests are of what it says; of a file that is not given, whatever they are."""
    data = files.old(place_of(line.text)) if line.kind == "file" else line.text.encode("latin-1")
    rule = TEXT_RULES.get(line.kind, FILE_RULE)
    return data is None or draft.explained(line.step, bytes_of(data), line.step.place, rule)
