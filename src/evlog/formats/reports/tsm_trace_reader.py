"""The reader of `evlog.formats.reports.tsm_trace`, imported when there is something to read."""

from __future__ import annotations

import re

from evlog import hashing
from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.contents.digest_only import DigestOnly
from evlog.errors import ParseError, UsageError
from evlog.formats.reports.account import Account, digest_of
from evlog.registers import Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.model import Digest, Log

    Key = tuple[Register, HashAlg]

__all__ = ["is_trace", "log_of"]

_LINE = re.compile(
    rb"(?m)^(.*?)\s(\d{1,12}(?:\.\d{1,9})?): (?:tsm_mr:)?tsm_mr_(read|write|refresh): "
    rb"\[([^\]\n]{1,64})\] ([^\s]*)[ \t\r]*$"
)
_NEEDLE = b"tsm_mr_"
_TRIES = 16
_LONGEST = 1024  # bytes of a line that a tracepoint makes
_ENTRIES = re.compile(rb"#\s*entries-in-buffer/entries-written:\s*(\d+)/(\d+)")
_LOST = re.compile(rb"LOST (\d+) EVENTS")
#: The task and its number, before the number of the processor. Its name may be anything.
_TASK = re.compile(rb"\s*(.*\S)\s+\[\d{3,}\]")
_RTMR = re.compile(r"rtmr(\d{1,3})")
_NO_HASH = "data"


class _Line(Record):
    """One line: when, what happened to which register in which bank, and the value."""

    time: float
    operation: str
    register: Register
    digest: Digest
    told: str
    start: int
    end: int


def is_trace(data: bytes) -> bool:
    """Whether a line of one of the tracepoints is among the lines of a text."""
    at = data.find(_NEEDLE)
    for _ in range(_TRIES):
        if at < 0:
            break
        start = data.rfind(b"\n", max(0, at - _LONGEST), at) + 1
        line = data[start : data.find(b"\n", at, at + _LONGEST) % (len(data) + 1)]
        if _LINE.fullmatch(line):
            # What has zeros in it is an archive of texts, or a memory, and not one text.
            return b"\0" not in data
        at = data.find(_NEEDLE, at + 1)
    return False


def log_of(data: bytes, account: Account) -> Log:
    """Read a trace; see `evlog.read`. Raises ParseError if nothing was extended in it."""
    lines = _lines(account, data)
    if lines != sorted(lines, key=lambda line: line.time):
        account.note("trace_order", "warning", "lines that are not in the order of their times: put in it")
        lines.sort(key=lambda line: line.time)
    _lost(account, data)
    start: dict[Key, bytes] = {}
    running: dict[Key, bytes] = {}
    counts: dict[Key, int] = {}
    for line in lines:
        key = line.register, line.digest.alg
        if line.operation == "write":
            running[key] = _extended(key, running.get(key, bytes(key[1].size)), line.digest.value)
            counts[key] = counts.get(key, 0) + 1
            account.add(line.register, (line.digest,), DigestOnly(None, line.told), line.start, line.end)
        elif key not in counts and key not in start:
            start[key] = running[key] = line.digest.value
        elif running[key] != line.digest.value:
            # What stands after it is not what the events lead to: no register whose events are told may seem proven.
            message = (
                f"{line.register} in {key[1]} was extended elsewhere before this value was read: no line tells of it"
            )
            account.note("extended_elsewhere", "error" if key in counts else "warning", message, None, line.start)
            running[key] = line.digest.value
    for register, alg in counts.keys() - start.keys():
        message = f"{register} in {alg} was not read before its first extension: nothing tells where it stood"
        account.note("unanchored", "warning", message)
    log = account.log("the kernel's tracepoints", "what was extended while nobody traced")
    # A register that stands where it is reset to has been extended by nobody, whoever says so.
    stated = {key: value for key, value in start.items() if key in counts and any(value)}
    return log.replace(start=Registers(stated, log.name)) if stated else log


def _extended(key: Key, value: bytes, digest: bytes) -> bytes:
    backend = hashing.backend()
    return backend.fold(key[1], value, [digest]) if backend.computable(key[1]) else value


def _lines(account: Account, data: bytes) -> list[_Line]:
    """The lines of the tracepoints, in the order of the text. Those that cannot be are findings."""
    found = []
    named = data.count(b": " + _NEEDLE) + data.count(b": tsm_mr:" + _NEEDLE)
    met = 0
    for match in _LINE.finditer(data):
        met += 1
        operation = match[3].decode("ascii")
        if operation == "refresh":
            continue
        name, _, value = match[5].decode("ascii", "replace").partition(":")
        register = _register(match[4].decode("utf-8", "backslashreplace"))
        try:
            digest = digest_of(_hash_of(name, value), value)
            if digest.alg != HashAlg.of(digest.alg.id):
                raise ValueError("a value of a size that its hash does not have")
        except ValueError as error:
            severity = "error" if operation == "write" else "warning"
            account.note("bad_digest", severity, str(error), None, match.start())
            continue
        task = _TASK.match(match[1])
        told = task[1].decode("utf-8", "backslashreplace") if task is not None else ""
        when = match[2].decode("ascii")
        text = f"{told} at {when}" if told else f"at {when}"
        found.append(_Line(float(when), operation, register, digest, text, match.start(), match.end()))
    if met < named:
        message = f"{named - met} lines of the tracepoints that are cut or damaged"
        account.note("bad_record", "error", message, None, 0)
    return found


def _hash_of(name: str, value: str) -> str:
    """The hash of a register, by its size if the register is known without one."""
    alg = HashAlg.of_size(len(value) // 2) if name == _NO_HASH else None
    return name if alg is None else alg.name


def _register(name: str) -> Register:
    found = _RTMR.fullmatch(name)
    if found is not None:
        return Register("rtmr", int(found[1]))
    try:
        return Register.parse(f"mr:{name}")
    except UsageError:
        raise ParseError("a register without a name that can be", offset=0) from None


def _lost(account: Account, data: bytes) -> None:
    """What the kernel says that it had to drop."""
    written = _ENTRIES.search(data[:4096])
    if written is not None and len(written[2]) < 20 and int(written[1]) < int(written[2]):
        message = "the trace's buffer was too small: what was traced first is lost"
        account.note("log_incomplete", "error", message, None, written.start())
    for match in _LOST.finditer(data):
        account.note("log_incomplete", "error", "events of the trace are lost here", None, match.start())
