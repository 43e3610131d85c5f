"""CEL management: the version of the log, the end of firmware, timestamps, changes of the machine's state.

Spec: TCG Canonical Event Log Format 1.1, section 4.3.1 and Table 6. Departures accepted: several items in one record
(libcel); timestamps and state changes under 0x80 and 0x81 instead of 80 and 81 (eventlogs).
"""

from __future__ import annotations

from evlog.model import Content

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from evlog.contents._celtype import CelType

__all__ = ["CEL_TIMESTAMP", "CEL_VERSION", "FIRMWARE_END", "MANAGEMENT_TYPES", "STATES", "STATE_TRANS", "CelEvent"]

CEL_VERSION = 1
FIRMWARE_END = 2
CEL_TIMESTAMP = 80
STATE_TRANS = 81

MANAGEMENT_TYPES = {
    CEL_VERSION: "cel_version",
    FIRMWARE_END: "firmware_end",
    CEL_TIMESTAMP: "cel_timestamp",
    STATE_TRANS: "state_trans",
}
STATES = {0: "suspend", 1: "hibernate", 2: "kexec"}


class CelEvent(Content):
    """A record about the log itself: one item as the specification has it, or several.

    An item is (type, value): ``(CEL_VERSION, (major, minor))``, ``(FIRMWARE_END, None)``, ``(CEL_TIMESTAMP, number)``,
    ``(STATE_TRANS, state)``. The unit of timestamps is open: seconds in Table 6, milliseconds in section 4.4.3.
    What the digest of a measured item covers is not defined, so none is ever checked.
    """

    items: tuple[tuple[int, int | tuple[int, int] | None], ...]

    kind = "cel"

    @property
    def measured(self) -> bool:
        """The version and the end of firmware extend nothing."""
        return any(number not in (CEL_VERSION, FIRMWARE_END) for number, _ in self.items)

    @classmethod
    def cel_types(cls) -> Sequence[CelType]:
        from evlog.contents._celtype import CelType, Fields, Items, Uint

        version = Fields((("major", Uint(16)), ("minor", Uint(16))))
        shapes: dict[int, Any] = {CEL_VERSION: version, CEL_TIMESTAMP: Uint(64), STATE_TRANS: Uint(8, STATES)}
        choices = {number: (name, shapes.get(number)) for number, name in MANAGEMENT_TYPES.items()}
        return (CelType(4, "cel", Items(choices, {0x80: CEL_TIMESTAMP, 0x81: STATE_TRANS})),)

    def to_cel(self) -> tuple[tuple[int, Any], ...]:
        return self.items

    @classmethod
    def from_cel(cls, number: int, value: Any) -> CelEvent:
        return cls(value)

    @property
    def summary(self) -> str:
        return ", ".join(
            f"{MANAGEMENT_TYPES.get(number, number)}{_shown(number, value)}" for number, value in self.items
        )

    def to_json(self) -> dict[str, Any]:
        return {"items": [_item_json(number, value) for number, value in self.items]}

    @classmethod
    def from_json(cls, members: dict[str, Any]) -> CelEvent:
        return cls(tuple(_item(members) for members in members["items"]))


def _shown(number: int, value: int | tuple[int, int] | None) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return f" {value[0]}.{value[1]}"
    return f" {STATES.get(value, value)}" if number == STATE_TRANS else f" {value}"


def _item_json(number: int, value: int | tuple[int, int] | None) -> dict[str, Any]:
    members: dict[str, Any] = {"type": number, "name": MANAGEMENT_TYPES.get(number)}
    if isinstance(value, tuple):
        members["value"] = dict(zip(("major", "minor"), value, strict=True))
    elif value is not None:
        members["value"] = value
    return members


def _item(members: dict[str, Any]) -> tuple[int, int | tuple[int, int] | None]:
    value = members.get("value")
    if isinstance(value, dict):
        return members["type"], (int(value["major"]), int(value["minor"]))
    return members["type"], value
