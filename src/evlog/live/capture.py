"""A machine's logs, register values, quotes and facts as one archive, for whoever verifies elsewhere.

The archive proves nothing by being one: quotes do, of registers, and what registers cover. See SECURITY.md.
"""

from __future__ import annotations

import os

from evlog._record import Record
from evlog.errors import EvlogError, SourceError, UsageError
from evlog.intake.captures import MOST_BYTES, SCHEMA
from evlog.intake.sources import LogSource, log_sources
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from evlog.live.gather import Gathered, Taken
    from evlog.model import Log
    from evlog.registers import Registers

    #: Members of an archive: bytes, and what the manifest says of them.
    Members = dict[str, tuple[bytes, dict[str, Any]]]

__all__ = ["LEAVE_OUT", "Captured", "capture"]

#: What may be left out.
LEAVE_OUT = ("ima", "quotes", "facts")
_TRIES, _PATIENCE = 3, 1.0  # rounds, and seconds after which no other begins
_RANDOM = 16  # bytes of a quote's nonce where nobody gave one


class Captured(Record):
    """A capture: ``data`` is the archive, ``manifest`` what stands first in it.

    ``quoted`` names the devices whose quote or report is in it, ``private`` the classes of private data, ``problems``
    what there is on the machine and could not be had, a sentence each.
    """

    data: bytes
    manifest: Mapping[str, Any]
    quoted: tuple[str, ...]
    private: tuple[str, ...]
    problems: tuple[str, ...]


def capture(
    *,
    root: str | os.PathLike[str] = "/",
    tcti: str | None = None,
    nonce: bytes | None = None,
    quote: bool = False,
    ak: int | None = None,
    redact: bool = False,
    without: Iterable[str] = (),
    logs: Iterable[tuple[str | Register | None, str]] = (),
) -> Captured:
    """Gather what proves the state of a machine.

    ``root`` is where its file system stands, ``tcti`` what tpm2-tools take for its TPM (else the kernel's are asked).
    With ``quote`` every TPM is asked to sign its registers, and a confidential guest's processor for a report, about
    ``nonce``, which the verifier chose: without one they are replayable. ``ak`` is the handle of a persistent key that
    the TPM signs with, which the verifier may know; else one is made for this. ``redact`` leaves out what tells whose
    machine it is, as far as nothing that was measured changes; ``without`` leaves out whole parts (`LEAVE_OUT`).
    ``logs`` are textual logs that nobody else knows of, each with the register that it extends, if it does not say.

    Nothing is extended, and nothing is written. What cannot be read is in the manifest, with the reason, and in
    ``problems``. Raises UsageError for a nonce that anybody can guess and an unknown part, SourceError where there is
    neither a log nor a register.
    """
    left_out = _left_out(without)
    _check_nonce(nonce)
    place = os.fspath(root)
    named = tuple(logs)
    sources = [*log_sources(place), *_given(named)]
    wanted = [each for each in sources if not each.problem and not (each.kind == "ima" and "ima" in left_out)]
    quoting = quote and "quotes" not in left_out
    if ak is not None and not quoting:
        raise UsageError("an attestation key is given, and no quote is asked for")
    found, tries = _rounds(place, tcti, wanted, (nonce or os.urandom(_RANDOM)) if quoting else None, ak)
    if not found.before and not found.logs:
        refused = "; ".join([str(each) for each in sources if each.refused] or found.problems)
        raise SourceError(f"this machine shows neither a log nor a register{': ' if refused else ''}{refused}")
    made = _Made(place, redact=redact)
    made.registers(found)
    made.quotes(found)
    for taken in found.logs:
        made.log(taken, dict(_registers_of(named)))
    if "facts" not in left_out:
        made.facts()
    manifest = _manifest(made, found, tries, sources, left_out, nonce)
    problems = [*(str(each) for each in sources if each.refused), *found.problems, *made.problems]
    from evlog.live.archive import archive
    from evlog.live.redaction import classes

    data = archive(manifest, made.members, int(made.now))
    return Captured(data, manifest, tuple(made.quoted), tuple(classes(made.kinds)), tuple(problems))


def _left_out(without: Iterable[str]) -> tuple[str, ...]:
    parts = tuple(dict.fromkeys(without))
    for part in parts:
        if part not in LEAVE_OUT:
            raise UsageError(f"nothing called {part!r} can be left out; there are {', '.join(LEAVE_OUT)}")
    return parts


def _check_nonce(nonce: bytes | None) -> None:
    """Raise UsageError for a nonce that no verifier takes, or no quote holds."""
    from evlog.evidence import Credentials

    Credentials(nonce=nonce)
    if nonce is not None and len(nonce) > 64:
        raise UsageError(f"a nonce of {len(nonce)} bytes, a quote takes 64")


def _given(logs: Iterable[tuple[str | Register | None, str]]) -> list[LogSource]:
    """The logs that the caller names: these have to be there."""
    found = []
    for number, (_, path) in enumerate(logs):
        if not os.path.isfile(path):
            raise SourceError(f"{path}: no file")
        name = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in os.path.basename(path))
        ascii_name = name.encode("ascii", "replace").decode().replace("?", "_").lstrip(".")[:100] or "log"
        found.append(LogSource("text", f"logs/text/{number}-{ascii_name}", os.path.abspath(path), path))
    return found


def _registers_of(logs: Iterable[tuple[str | Register | None, str]]) -> Iterable[tuple[str, str]]:
    """The register of each log whose caller says it, by the log's path."""
    for register, path in logs:
        if register is not None:
            known = register if isinstance(register, Register) else Register.parse(register)
            yield os.path.abspath(path), str(known)


def _rounds(
    root: str, tcti: str | None, sources: Sequence[LogSource], nonce: bytes | None, ak: int | None
) -> tuple[Gathered, int]:
    """The first round in which nothing moved, else the last that there was time for, and how many there were."""
    import time

    from evlog.live.gather import gather
    from evlog.live.machine import devices

    tpms = [each.member.split("/")[1] for each in sources if each.kind == "firmware"]
    shown = list(devices(root, tcti, tpms))
    began = time.monotonic()
    tries = 0
    while True:
        found = gather(sources, shown, nonce=nonce, ak=ak, report=root == "/")
        tries += 1
        if found.consistent or tries == _TRIES or time.monotonic() - began > _PATIENCE:
            break
    if nonce is not None:
        more = [f"no quote of {each.name}: {each.problem}" for each in shown if each.device is None and each.problem]
        if not (more or found.quotes or found.report or any(each.startswith("no ") for each in found.problems)):
            more = ["no quote: there is no TPM that could be asked (a machine elsewhere has one by its TCTI only)"]
        found = found.replace(problems=(*found.problems, *more))
    return found, tries


class _Made:
    """The members of an archive, while they are made, and what has to be said of them."""

    def __init__(self, root: str, *, redact: bool) -> None:
        import time

        self.root = root
        self.redact = redact
        self.now = time.time()
        self.members: Members = {}
        self.kinds: list[str] = []
        self.quoted: list[str] = []
        self.problems: list[str] = []
        self.redactions: list[dict[str, Any]] = []
        self.size = 0
        self._logs: list[bytes] = []

    def add(self, name: str, data: bytes, **said: Any) -> bool:
        """Add a member; not if that made the archive larger than a reader takes."""
        if self.size + len(data) > MOST_BYTES - (1 << 20):
            self.problems.append(f"{name}: {len(data)} bytes, for which a capture has no room")
            return False
        self.size += len(data)
        self.members[name] = data, said
        return True

    def registers(self, found: Gathered) -> None:
        """The values before and after."""
        import json

        for when, devices in (("before", found.before), ("after", found.after)):
            for name, values in devices.items():
                text = json.dumps(_table(values), indent=1).encode() + b"\n"
                self.add(f"registers/{when}/{name}.json", text, kind="registers", source=values.source)

    def quotes(self, found: Gathered) -> None:
        """What was signed, with what it is checked with."""
        from evlog.evidence.pcr_values import serialized

        for name, quote in found.quotes.items():
            banks = dict.fromkeys(str(alg) for _, alg in quote.selection)
            stem = f"quotes/{'-'.join((name, *banks))}"
            self.add(f"{stem}.msg", quote.message, kind="tpm-quote")
            self.add(f"{stem}.sig", quote.signature, kind="signature")
            self.add(f"{stem}.pcrs", serialized(quote.selection, quote.registers), kind="pcrs")
            self.add(f"quotes/{name}.ak.pub", quote.key_public, kind="key")
            self.quoted.append(name)
        if found.report is not None:
            for blob in ("outblob", "auxblob", "manifestblob"):
                data = getattr(found.report, blob)
                if data:
                    self.add(f"quotes/tsm.{blob}", data, kind="report", source=found.report.provider)
            self.quoted.append(found.report.provider)
        self.kinds += ["quote"] * bool(self.quoted)

    def log(self, taken: Taken, registers: Mapping[str, str]) -> None:
        """A log, under ``logs`` if evlog reads it, else as it is under ``other``."""
        source = taken.source
        reading = _reading(source, registers)
        log = _parsed(taken, reading)
        name, data = source.member, taken.data
        if log is None:
            name = f"other/{name.removeprefix('logs/')}"
            if data:
                self.problems.append(f"{source.path}: kept, but no known log: it is not read out of a capture")
        elif self.redact:
            from evlog.live.redaction import without_paths

            data, events = without_paths(data, log)
            if events:
                cost = "which file an image was loaded from is not told any more; registers and digests are the same"
                self.redactions.append(
                    {"member": name, "what": "paths of images", "events": list(events), "cost": cost}
                )
        said: dict[str, Any] = {
            "kind": source.kind,
            "source": source.path,
            "mode": f"{taken.mode:04o}",
            "read": [_utc(taken.began), _utc(taken.ended)],
        }
        if log is not None:
            said["format"] = log.format
            said["registers"] = sorted(map(str, log.extended))
        if reading:
            said["reading"] = reading
        if self.add(name, data, **said):
            self.kinds.append(source.kind)
            self._logs.append(taken.data)

    def facts(self) -> None:
        """What the machine says of its software, and its command line where a log has it anyway."""
        from evlog.live.facts import command_line, files

        for name, (data, path) in files(self.root).items():
            self.add(name, data, kind="facts", source=path)
        line = command_line(self.root)
        if not line:
            return
        if any(line in log or line.decode("latin-1").encode("utf-16-le") in log for log in self._logs):
            self.add("facts/cmdline", line + b"\n", kind="facts", source="/proc/cmdline")
            self.kinds.append("cmdline")
        else:
            cost = "nothing that was measured: no log has it"
            self.redactions.append({"member": "facts/cmdline", "what": "the kernel's command line", "cost": cost})


def _reading(source: LogSource, registers: Mapping[str, str]) -> dict[str, str]:
    """What the bytes of a log do not tell of how it is read."""
    if source.kind == "text" and source.path in registers:
        return {"register": registers[source.path]}
    if source.kind == "tree":
        from evlog.tree import member_of_log

        member = member_of_log(source.file)
        if member is not None:
            return {"register": str(member.register), **({"hash": str(member.alg)} if member.alg else {})}
    return {}


def _parsed(taken: Taken, reading: Mapping[str, str]) -> Log | None:
    """The log that the bytes are; None if evlog does not know it."""
    from evlog.intake.read import read

    register = reading.get("register")
    try:
        return read(
            taken.data,
            register=Register.parse(register) if register is not None else None,
            hash=reading.get("hash"),
        )
    except EvlogError:
        return None


def _table(values: Registers) -> dict[str, dict[str, dict[str, str]]]:
    """Values as a register file has them."""
    table: dict[str, dict[str, dict[str, str]]] = {}
    for (register, alg), value in values.values.items():
        table.setdefault(register.space, {}).setdefault(str(alg), {})[str(register.index)] = value.hex()
    return table


def _utc(seconds: float) -> str:
    from datetime import datetime, timezone

    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _manifest(
    made: _Made,
    found: Gathered,
    tries: int,
    sources: Sequence[LogSource],
    left_out: Sequence[str],
    nonce: bytes | None,
) -> dict[str, Any]:
    """What stands first; ``members`` is added when they are put in order."""
    import evlog
    from evlog.live.facts import facts, small

    manifest: dict[str, Any] = {
        "schema": SCHEMA,
        "tool": {"name": "evlog", "version": evlog.__version__},
        "time": _utc(made.now),
        "nonce": nonce.hex() if nonce is not None else None,
        "replayable": nonce is None,
        "without": list(left_out),
        "redacted": made.redact,
    }
    boot = (small(made.root, "/proc/sys/kernel/random/boot_id") or b"").strip()
    if boot and not made.redact:
        from evlog import hashing
        from evlog.algorithms import SHA256

        # The same of one boot, and nobody learns the id by which other programs know it.
        manifest["boot"] = hashing.digest(SHA256, b"evlog.capture/1 boot " + boot).hex()
        made.kinds.append("boot")
    if "facts" not in left_out:
        manifest.update(facts(made.root))
    manifest["sources"] = [
        {"kind": each.kind, "path": each.path, "state": _state(each), "error": each.problem or None} for each in sources
    ]
    manifest["consistency"] = {"tries": tries, "equal": found.consistent, "registers": _compared(found)}
    manifest["problems"] = [*found.problems, *made.problems]
    manifest["redactions"] = made.redactions
    return manifest


def _state(source: LogSource) -> str:
    if not source.problem:
        return "found"
    return "refused" if source.refused else "absent"


def _compared(found: Gathered) -> list[dict[str, Any]]:
    """Each register before and after."""
    rows = []
    for name, values in found.before.items():
        after = found.after.get(name)
        for (register, alg), value in values.values.items():
            then = after.get(register, alg) if after is not None else None
            rows.append(
                {
                    "device": name,
                    "register": str(register),
                    "alg": str(alg),
                    "before": value.hex(),
                    "after": then.hex() if then is not None else None,
                    "equal": then == value,
                }
            )
    return rows
