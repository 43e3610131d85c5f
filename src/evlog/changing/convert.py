"""Convert a log to another format, name what is lost, and prove that no register changed.

The proof is not about our own intentions: the written bytes are read back as any reader would, replayed by the plain
rules of their format (`evlog.changing.naive`), and compared with the source's replay; and what was read back is held
against the source event by event (`evlog.changing.losses`).
"""

from __future__ import annotations

from evlog._paused import CollectorPaused
from evlog._record import Record
from evlog.changing import naive
from evlog.changing.encapsulate import encapsulable
from evlog.changing.lines import carried
from evlog.changing.loss_runs import LossRun, joined, parts_of
from evlog.changing.losses import of_container, untold
from evlog.errors import ConversionError, ParseError
from evlog.formats import writer
from evlog.model import Log, Loss
from evlog.options import Options
from evlog.replaying.naming import united
from evlog.replaying.replay import Replay, replay
from evlog.replaying.statements import has_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from typing_extensions import Unpack

    from evlog.algorithms import HashAlg
    from evlog.formats import Writer
    from evlog.options import Choices
    from evlog.registers import Register

    Written = tuple[bytes, Log, Sequence[Loss], Sequence[Loss]]

__all__ = ["Conversion", "convert"]

# Events that are kept: each has some 300 bytes.
_KEPT = 1 << 18
_FEW = 1 << 12


class Conversion(Record):
    """A converted log: its bytes, the log that they read as, and what the format could not carry.

    ``losses`` are a tuple, or behave as one if there are a great many.
    ``registers_preserved`` is False only if the caller allowed it: ``changed`` then says which registers differ.
    """

    source_format: str
    log: Log
    data: bytes
    losses: Sequence[Loss]
    registers_preserved: bool
    changed: tuple[str, ...] = ()


def convert(
    log: Log, to: str, *, strict: bool = False, allow_changed: bool = False, **choices: Unpack[Choices]
) -> Conversion:
    """The log in another format.

    Losses are what the log says and the result does not, the choices of its container among them that no other has;
    how a format spells a single record (integer widths, line ends) is its own affair. ``strict`` refuses any loss;
    ``allow_changed`` lets a conversion through that changes a register's value, or loses a register or a bank without
    a loss that names it, and so does ``encapsulate="tag"``, a request to measure anew.
    The other keyword arguments are those of `evlog.options.Options`. Raises ConversionError for a refusal, WriteError
    for what the format cannot hold.
    """
    choices["platform"] = choices.get("platform") or log.platform
    options = Options(name=log.name, **choices)
    target = writer(to)
    allow_changed |= options.encapsulate == "tag"
    with CollectorPaused():
        quick = _rewritten(log, to, target, options, allow_changed=allow_changed)
        data, back, told, losses = quick or _written(log, to, target, options, allow_changed=allow_changed)
    if strict and losses:
        raise ConversionError(f"{len(losses)} loss{'es' * (len(losses) != 1)}, first {_described(losses[0])}")
    # A log in its own format says what it said, by whatever rules it was read.
    plain = back.replace(header=None)
    after = replay(plain) if to == log.format else naive.told(plain, to)
    # What a header leaves open, its own format only says: as recorded, both have to be the same.
    source = log.replace(header=None)
    changed = _changed(replay(source), after, options.platform or back.platform, _Lost(log, told))
    if changed and not allow_changed:
        message = f"{to} would change {', '.join(changed[:3])}{' and more' * (len(changed) > 3)}"
        measured = {event.number for event in log.events if event.measured}
        because = next((loss for loss in losses if loss.event in measured), None)
        raise ConversionError(message if because is None else f"{message}: {_described(because)}")
    return Conversion(log.format, back, data, losses, not changed, changed)


def _rewritten(log: Log, to: str, target: Writer, options: Options, *, allow_changed: bool) -> Written | None:
    """What `_written` gives, without making events; None where that takes any."""
    rewrite = getattr(target, "rewrite", None)
    if rewrite is None:
        return None
    lines = carried(log, to, target, options, allow_changed=allow_changed) if _encapsulates(target, log) else None
    ready, told = (log, ()) if lines is None else (lines.log, lines.told)
    one = _said(ready)
    if one is None:
        return None
    asked = _as_told(options, ready, told)
    rewritten = rewrite(ready, options.replace(space=asked.space))
    if rewritten is None:
        return None
    data, added = rewritten
    back = _back(target, to, data, asked)
    back = back if back.platform is not None else back.replace(platform=options.platform)
    two = _said(back)
    if two is None or not two.counted or not one.says_the_same(two.after(added)):
        return None
    if lines is None:
        return data, back, (), tuple(of_container(log, to, back, options))
    untold = lines.untold(to, back, added, options)
    told = joined(lines.losses, lines.told)
    return None if untold is None else (data, back, told, joined(told, untold))


def _said(log: Log) -> Any:
    """What tells all that the events of a log say without making them: its packed columns, or a list's entries."""
    return log.packed or getattr(log.events, "entries", None)


def _encapsulates(target: Writer, log: Log) -> bool:
    """Whether lines have to become PC Client events."""
    return "text" not in getattr(target, "HOLDS", ()) and has_lines(log)


def _written(log: Log, to: str, target: Writer, options: Options, *, allow_changed: bool) -> Written:
    """The bytes in another format, what they read as, the losses that the rooms told, and all losses."""
    # Columns are what replay needs; events are asked for more than once, and of a long log made each time.
    made = log if len(log.events) > (_FEW if _is_silent(log) else _KEPT) else log.replace(events=tuple(log.events))
    ready = made
    before: Sequence[Loss] = ()
    if _encapsulates(target, log):
        ready, before = encapsulable(log, to, options, allow_changed=allow_changed)
    adapted, told = target.adapt(ready, options)
    told = joined(before, told)
    data = target.write(adapted, options)
    settle = getattr(target, "settle", None)
    asked = _as_told(options, adapted, told)
    back = _back(target, to, data, settle(adapted, asked) if settle is not None else asked)
    back = back if back.platform is not None else back.replace(platform=options.platform)
    return data, back, told, joined(told, untold(made, to, adapted, back, told, options))


def _back(target: Writer, to: str, data: bytes, options: Options) -> Log:
    try:
        return target.read(data, options)
    except ParseError as error:
        raise ConversionError(f"{to} cannot hold this log: what was written does not read back: {error}") from error


def _is_silent(log: Log) -> bool:
    """Whether the columns tell which events are not measured: these need not be made."""
    return log.columns is not None and log.columns.silent


def _described(loss: Loss) -> str:
    place = "the log" if loss.event is None else f"event {loss.event}"
    return f"{place}, {loss.field}: {loss.reason}"


def _as_told(options: Options, adapted: Log, losses: Sequence[Loss]) -> Options:
    """The options of any reader, told only what the losses say that the bytes do not: the register space."""
    space = None
    if any(loss.field == "register.space" for loss in _single(losses)):
        space = min({register.space for register in adapted.registers} - {"nv"})
    return options.replace(platform=None, space=space)


def _single(losses: Sequence[Loss]) -> Iterator[Loss]:
    """The losses but for those in runs, which are of contents."""
    return (loss for part in parts_of(losses) if not isinstance(part, LossRun) for loss in part)


class _Lost:
    """The banks that losses name: of single events, each on its register, or of the log as a whole."""

    def __init__(self, log: Log, losses: Sequence[Loss]) -> None:
        self._log = log
        self._fields = [(loss.event, loss.field) for loss in _single(losses) if loss.field.startswith("digests")]
        self._named: set[tuple[Register | None, str]] | None = None

    def names(self, register: Register, alg: HashAlg) -> bool:
        """Whether a loss names this bank of this register."""
        if self._named is None:
            registers = {event.number: event.register for event in self._log.events} if self._fields else {}
            self._named = {
                (registers.get(event) if event is not None else None, field) for event, field in self._fields
            }
        field = f"digests.{alg}"
        return (register, field) in self._named or (None, field) in self._named


def _changed(before: Replay, after: Replay, platform: str | None, lost: _Lost) -> tuple[str, ...]:
    """The registers and banks whose value the conversion changed, invented, or lost without a loss that names them."""
    old = {(united(row.register, platform), row.alg): row for row in before.rows}
    new = {(united(row.register, platform), row.alg): row for row in after.rows}
    differing = []
    for key in {**old, **new}:
        one, two = old.get(key), new.get(key)
        if (one and one.value) == (two and two.value):
            continue
        if one is None or two is not None or not lost.names(one.register, one.alg):
            differing.append(key)
    return tuple(f"{register} in {alg}" for register, alg in sorted(differing, key=_order))


def _order(key: tuple[Any, Any]) -> tuple[Any, int]:
    return key[0].sort_key, key[1].id
