"""What is in an input: logs, each with its own bytes, or why there are none."""

from __future__ import annotations

import os

from evlog._record import Record
from evlog.errors import EvlogError
from evlog.model import Finding
from evlog.options import Options
from evlog.tables.rows import log_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.intake.captures import Capture
    from evlog.model import Log
    from evlog.tables.inputs import Input

__all__ = ["FIRMWARE", "Read", "ReadLog", "Reading"]

#: Formats of firmware's logs, of which nothing but their bytes says what they are.
FIRMWARE = ("tcg2", "ccel", "tcg1")
_NO_LOG = "no_log"
# Inputs that are kept, for machines that have the same log.
_KEPT = 256


class ReadLog(Record):
    """A log with its id and its size; ``member`` is its place in a capture."""

    log: Log
    id: bytes
    size: int
    member: str = ""

    @property
    def wrapped(self) -> bool:
        """Whether it stood in something, which may hold evidence as well."""
        return bool(self.member) or any(finding.code == "wrapped" for finding in self.log.findings)


class Read(Record):
    """What an input is: its logs, or why it is none, with the id and the size of its bytes.

    ``boot`` and ``collected_at`` are those that a capture states.
    """

    logs: tuple[ReadLog, ...]
    finding: Finding | None = None
    id: bytes = b""
    size: int = 0
    boot: str | None = None
    collected_at: int | None = None

    def named(self, input: Input, log: ReadLog) -> Input:
        """The input as that of one of its logs: what the caller's patterns say of its boot goes before the capture."""
        if not log.member:
            return input
        return input.replace(
            source=f"{input.source}!{log.member}",
            boot=input.boot if input.boot is not None else self.boot,
            collected_at=input.collected_at if self.collected_at is None else self.collected_at,
        )


class Reading:
    """Reads inputs. ``format`` and ``choices`` are the caller's, as `evlog.read` takes them."""

    def __init__(self, format: str | None, choices: dict[str, Any]) -> None:
        self._format, self._choices = format, choices
        self._kept: dict[bytes, Read] = {}

    def read(self, input: Input) -> Read:
        """The logs in an input. Raises OSError for a file that cannot be read."""
        if input.path is not None and os.path.isdir(input.path):
            return self._tree(input.path)
        data = input.data
        if data is None:
            assert input.path is not None
            with open(input.path, "rb") as file:
                data = file.read()
        whole = log_id(data)
        found = self._kept.get(whole)
        if found is None:
            found = self._read(data, whole, input.source)
            # Of other formats a file's name says what they are.
            if found.logs and all(each.log.format in FIRMWARE and not each.wrapped for each in found.logs):
                if len(self._kept) >= _KEPT:
                    self._kept.clear()
                self._kept[whole] = found
        return found

    def _read(self, data: bytes, whole: bytes, name: str) -> Read:
        """The logs in some bytes, or why there are none."""
        from evlog.intake.captures import opened
        from evlog.intake.identify import read_all

        try:
            capture = opened(data, name)
            if capture is not None:
                return self._captured(capture)
            found = read_all(data, self._format, Options(name=name, **self._choices))
            logs = (ReadLog(log, log_id(own, log, whole if own is data else None), len(own)) for log, own in found)
            return Read(tuple(logs))
        except EvlogError as error:
            finding = Finding(_NO_LOG, "error", str(error), None, getattr(error, "offset", None))
            return Read((), finding, whole, len(data))

    def _captured(self, capture: Capture) -> Read:
        """The logs of a capture, with what its manifest states. Raises ParseError for one that is not as that says."""
        from datetime import datetime, timedelta, timezone

        from evlog.intake.captures import captured_logs, whole

        logs = captured_logs(whole(capture), Options(name=capture.name, **self._choices), self._format)
        found = []
        for log in logs:
            member = log.name.removeprefix(f"{capture.name}/")
            data = capture.members[member]
            found.append(ReadLog(log, log_id(data, log), len(data), member))
        boot, when = capture.manifest.get("boot"), str(capture.manifest.get("time", ""))
        try:
            stated = datetime.fromisoformat(when.replace("Z", "+00:00"))
            known = stated if stated.tzinfo is not None else stated.replace(tzinfo=timezone.utc)
            collected = (known - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1)
        except ValueError:
            return Read(tuple(found), boot=boot if isinstance(boot, str) else None)
        return Read(tuple(found), boot=boot if isinstance(boot, str) else None, collected_at=collected)

    def _tree(self, path: str) -> Read:
        """A tree of registers: one log, whose own bytes are those of all of it as a document."""
        from evlog.intake.read import read, write

        try:
            log = read(path, format=self._format, **self._choices)
            data = write(log, format="evlog-json")
        except EvlogError as error:
            return Read((), Finding(_NO_LOG, "error", str(error)), log_id(b""))
        return Read((ReadLog(log, log_id(data), len(data)),))
