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
from evlog.changing.losses import untold
from evlog.errors import ConversionError, ParseError
from evlog.formats import writer
from evlog.model import Log, Loss
from evlog.options import Options
from evlog.replaying.naming import united
from evlog.replaying.replay import Replay, replay
from evlog.replaying.statements import has_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from evlog.algorithms import HashAlg
    from evlog.registers import Register

__all__ = ["Conversion", "convert"]

# Events that are kept: each has some 300 bytes.
_KEPT = 1 << 18


class Conversion(Record):
    """A converted log: its bytes, the log that they read as, and what the format could not carry.

    ``registers_preserved`` is False only if the caller allowed it: ``changed`` then says which registers differ.
    """

    source_format: str
    log: Log
    data: bytes
    losses: tuple[Loss, ...]
    registers_preserved: bool
    changed: tuple[str, ...] = ()


def convert(log: Log, to: str, *, strict: bool = False, allow_changed: bool = False, **choices: Any) -> Conversion:
    """The log in another format.

    Losses are what the log says and the result does not, the choices of its container among them that no other has;
    how a format spells a single record (integer widths, line ends) is its own affair. ``strict`` refuses any loss;
    ``allow_changed`` lets a conversion through that changes a register's value, or loses a register or a bank without
    a loss that names it, and so does ``encapsulate="tag"``, a request to measure anew.
    The other keyword arguments are those of `evlog.options.Options`. Raises ConversionError for a refusal, WriteError
    for what the format cannot hold.
    """
    options = Options(name=log.name, platform=choices.pop("platform", None) or log.platform, **choices)
    target = writer(to)
    allow_changed |= options.encapsulate == "tag"
    before: list[Loss] = []
    with CollectorPaused():
        # Columns are what replay needs; events are asked for more than once, and of a long log made each time.
        made = log.replace(events=tuple(log.events)) if len(log.events) <= _KEPT else log
        ready = made
        if "text" not in getattr(target, "HOLDS", ()) and has_lines(log):
            ready, before = encapsulable(log, to, options, allow_changed=allow_changed)
        adapted, told = target.adapt(ready, options)
        told = (*before, *told)
        data = target.write(adapted, options)
        settle = getattr(target, "settle", None)
        asked = _as_told(options, adapted, told)
        try:
            back = target.read(data, settle(adapted, asked) if settle is not None else asked)
        except ParseError as error:
            message = f"{to} cannot hold this log: what was written does not read back: {error}"
            raise ConversionError(message) from error
        if back.platform is None:
            back = back.replace(platform=options.platform)
        losses = (*told, *untold(made, to, adapted, back, told, options))
    if strict and losses:
        raise ConversionError(f"{len(losses)} losses, first {_described(losses[0])}")
    # A log in its own format says what it said, by whatever rules it was read.
    plain = back.replace(header=None)
    after = replay(plain) if to == log.format else naive.told(plain, to)
    # What a header leaves open, its own format only says: as recorded, both have to be the same.
    source = (log if log.columns is not None else made).replace(header=None)
    changed = _changed(replay(source), after, options.platform or back.platform, _Lost(made, told))
    if changed and not allow_changed:
        message = f"{to} would change {', '.join(changed[:3])}{' and more' * (len(changed) > 3)}"
        measured = {event.number for event in made.events if event.measured}
        because = next((loss for loss in losses if loss.event in measured), None)
        raise ConversionError(message if because is None else f"{message}: {_described(because)}")
    return Conversion(log.format, back, data, losses, not changed, changed)


def _described(loss: Loss) -> str:
    place = "the log" if loss.event is None else f"event {loss.event}"
    return f"{place}, {loss.field}: {loss.reason}"


def _as_told(options: Options, adapted: Log, losses: Sequence[Loss]) -> Options:
    """The options of any reader, told only what the losses say that the bytes do not: the register space."""
    space = None
    if any(loss.field == "register.space" for loss in losses):
        space = min({event.register.space for event in adapted.events} - {"nv"})
    return options.replace(platform=None, space=space)


class _Lost:
    """The banks that losses name: of single events, each on its register, or of the log as a whole."""

    def __init__(self, log: Log, losses: Iterable[Loss]) -> None:
        self._log = log
        self._fields = [(loss.event, loss.field) for loss in losses if loss.field.startswith("digests")]
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
    old = {(united(row.register, platform), row.alg): row for row in before}
    new = {(united(row.register, platform), row.alg): row for row in after}
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
