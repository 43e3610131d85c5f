"""GRUB's menu: its entries, and which of them is booted if nobody chooses another.

Source: GRUB 2.06 and 2.12, grub-core/commands/menuentry.c and normal/menu.c (get_entry_number, run_menu).
"""

from __future__ import annotations

from evlog._record import Record
from evlog.predicting.grub_values import UndeterminedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Entry", "chosen", "entry_of"]

#: Options of menuentry and submenu that have a value.
_VALUED = ("--class", "--users", "--hotkey", "--source", "--id")


class Entry(Record):
    """An entry: title, identity, arguments of its block, and the block's source with its braces."""

    title: str
    id: str
    arguments: tuple[str, ...]
    block: str
    submenu: bool


def entry_of(name: str, arguments: Sequence[str], block: str | None) -> Entry:
    """The entry that ``menuentry`` or ``submenu`` makes. Raises UndeterminedError for one without block or title."""
    if block is None:
        raise UndeterminedError(f"{name} without a block")
    rest, plain, label = list(arguments), [], ""
    while rest:
        word = rest.pop(0)
        option, equals, value = word.partition("=")
        if option in _VALUED:
            value = value if equals else (rest.pop(0) if rest else "")
            label = value if option == "--id" else label
        elif word != "--unrestricted":
            plain.append(word)
    if not plain:
        raise UndeterminedError(f"{name} without a title")
    return Entry(plain[0], label or plain[0], tuple(plain), block, name == "submenu")


def chosen(entries: Sequence[Entry], wanted: str) -> Entry:
    """The entry of this number, identity or title, or the first."""
    if wanted.isdigit():
        return entries[int(wanted)] if int(wanted) < len(entries) else entries[0]
    return next((each for each in entries if wanted and wanted in (each.id, each.title)), entries[0])
