"""Export: boots as reference values in the words of somebody else's verifier."""

from __future__ import annotations

from evlog._record import Record, import_module
from evlog.errors import ConversionError, UsageError
from evlog.references import CONSUMERS
from evlog.references.reference import NOT_MEASURED, Boot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from evlog.model import Finding, Loss

__all__ = ["Export", "export"]


class Export(Record):
    """What a consumer takes: ``files`` by their paths in a folder, or the one file of a consumer that takes a file.

    ``losses`` are what the boots say and the files do not. ``findings`` are what whoever uses them should know, such
    as that the consumer will refuse the very boot that they were made of.
    """

    to: str
    files: tuple[tuple[str, bytes], ...]
    losses: tuple[Loss, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def is_folder(self) -> bool:
        """Whether the consumer takes a folder of files, and not one file."""
        return any(path for path, _ in self.files)

    @property
    def data(self) -> bytes:
        """The one file. Raises UsageError for what is a folder of files."""
        if self.is_folder:
            raise UsageError(f"{self.to} is a folder of files, not one")
        return self.files[0][1]


def export(
    boots: Boot | Sequence[Boot], to: str, *, by: str | None = None, strict: bool = False, **choices: Any
) -> Export:
    """Boots (`evlog.boot_of`) as reference values for a consumer: pcrlock, corim, rvps or keylime.

    ``by`` is ``event`` (the default) or ``register``; ``strict`` refuses losses of what was measured. What else may be
    chosen the consumer's file says: ``beside`` of pcrlock, ``vendor`` and ``model`` of corim. Raises ConversionError
    for what is refused, where nothing would be left, or where what was written would say something else than the boots
    do; UsageError for a consumer that there is not, or one that has no place for what is asked for.
    """
    several = (boots,) if isinstance(boots, Boot) else tuple(boots)
    if to not in CONSUMERS:
        raise UsageError(f"no consumer {to!r}; there are {', '.join(CONSUMERS)}")
    if not several:
        raise UsageError("no boot to take reference values from")
    consumer: Any = import_module(f"evlog.references.{to}")
    if by is not None and by not in consumer.BY:
        raise UsageError(f"{to} has no reference values by {by}, only by {' and by '.join(consumer.BY)}")
    unknown = [name for name, value in choices.items() if value and name not in consumer.OPTIONS]
    if unknown:
        raise UsageError(f"{to} has no option {', '.join(unknown)}")
    if not any(len(boot) for boot in several):
        raise ConversionError("no event extends a register: there is nothing to take reference values from")
    given = {name: value for name, value in choices.items() if value}
    made: Export = consumer.write(several, **({"by": by} if by is not None else {}), **given)
    made = made.replace(losses=(*_of_boots(several), *made.losses))
    measured = [loss for loss in made.losses if not loss.reason.endswith(NOT_MEASURED)]
    if strict and measured:
        raise ConversionError(f"{len(measured)} losses, first {measured[0].field}: {measured[0].reason}")
    return made


def _of_boots(boots: Sequence[Boot]) -> Iterable[Loss]:
    """What no register covers, with the name of the boot where there are several."""
    for boot in boots:
        for loss in boot.losses:
            yield loss if len(boots) == 1 else loss.replace(reason=f"{boot.name}: {loss.reason}")
