"""Convert a log to another format, name what is lost, and prove that no register changed.

The proof is not about our own intentions: the written bytes are read back as any reader would, replayed, and compared
with the source's replay in every bank that both have.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.changing.encapsulate import encapsulable
from evlog.errors import ConversionError, ParseError
from evlog.formats import room
from evlog.model import Log, Loss
from evlog.options import Options
from evlog.replaying.naming import united
from evlog.replaying.replay import Replay, replay
from evlog.replaying.statements import has_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

__all__ = ["Conversion", "convert"]


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

    Losses are what the log says and the result does not; how a container spells it (byte order, integer widths,
    line ends) is the format's own affair. ``strict`` refuses any loss; ``allow_changed`` lets a conversion through
    that changes a register's value, and so does ``encapsulate="tag"``, a request to measure anew.
    The other keyword arguments are those of `evlog.options.Options`. Raises ConversionError for a refusal, WriteError
    for what the format cannot hold.
    """
    options = Options(name=log.name, platform=choices.pop("platform", None) or log.platform, **choices)
    target = room(to)
    allow_changed |= options.encapsulate == "tag"
    before: list[Loss] = []
    ready = log
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
        raise ConversionError(f"{to} cannot hold this log: what was written does not read back: {error}") from error
    if back.platform is None:
        back = back.replace(platform=options.platform)
    losses = (*told, *_container_losses(log, back, to, told))
    if strict and losses:
        raise ConversionError(f"{len(losses)} losses, first {_described(losses[0])}")
    changed = _changed(replay(log), replay(back), back, options.platform or back.platform)
    if changed and not allow_changed:
        message = f"{to} would change {', '.join(changed[:3])}{' and more' * (len(changed) > 3)}"
        because = next((loss for loss in losses if loss.event is not None and log.events[loss.event].measured), None)
        raise ConversionError(message if because is None else f"{message}: {_described(because)}")
    return Conversion(log.format, back, data, losses, not changed, changed)


def _described(loss: Loss) -> str:
    place = "the log" if loss.event is None else f"event {loss.event}"
    return f"{place}, {loss.field}: {loss.reason}"


def _container_losses(log: Log, back: Log, to: str, told: Sequence[Loss]) -> Iterator[Loss]:
    """What the log holds besides events and the result does not, as far as the room has not told."""
    named = {loss.field for loss in told if loss.event is None}
    if log.padding is not None and back.padding != log.padding and "padding" not in named:
        reason = f"{log.padding.length} bytes of {log.padding.fill:#04x} after the last record"
        yield Loss(None, "padding", reason)
    if log.trailing and back.trailing != log.trailing and "trailing" not in named:
        yield Loss(None, "trailing", f"{len(log.trailing)} bytes that were not read as events")
    if log.start is not None and back.start != log.start and "start" not in named:
        yield Loss(None, "start", f"{to} does not state register values before the first event")


def _as_told(options: Options, adapted: Log, losses: Sequence[Loss]) -> Options:
    """The options of any reader, told only what the losses say that the bytes do not: the register space."""
    space = None
    if any(loss.field == "register.space" for loss in losses):
        space = min({event.register.space for event in adapted.events} - {"nv"})
    return options.replace(platform=None, space=space)


def _changed(before: Replay, after: Replay, back: Log, platform: str | None) -> tuple[str, ...]:
    """The registers and banks whose value the conversion changed, or invented; banks that it lost are losses."""
    banks = {alg.id for alg in back.algorithms}
    old = {(united(v.register, platform), v.alg): v.value for v in before if v.alg.id in banks}
    new = {(united(v.register, platform), v.alg): v.value for v in after}
    if old or not len(before):
        differing = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    else:
        differing = [(v.register, v.alg) for v in before if v.value is not None]
    return tuple(f"{register} in {alg}" for register, alg in sorted(differing, key=_order))


def _order(key: tuple[Any, Any]) -> tuple[Any, int]:
    return key[0].sort_key, key[1].id
