"""Records of systemd's measurement log: the string that was measured, and what systemd noted beside it.

Source: systemd, src/shared/tpm2-util.c and docs/TPM2_PCR_MEASUREMENTS.md; TCG Canonical Event Log 1.1 (content type
``systemd``, which has the string alone).
"""

from __future__ import annotations

from evlog.contents.opaque import Opaque
from evlog.model import Content

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from evlog.algorithms import HashAlg
    from evlog.contents._celtype import CelType
    from evlog.model import Event

__all__ = ["NOT_EXTENDED", "SystemdRecord"]

#: The rule for a bank that a record has no digest of: systemd extends the banks that it logs, and no others.
NOT_EXTENDED = "not-extended"

#: Event types of which the string may not be all that was hashed: a volume key and a credential are measured as an
#: HMAC under the secret, a login with the whole user record.
_MORE_THAN_THE_STRING = frozenset(("volume-key", "credentials", "login", "dm-verity", "keyslot", "nvpcr-init"))

# Event types in libcel's TLV of its own, content type 11.
_LIBCEL_TYPES = {0: "phase", 1: "filesystem", 2: "volume-key", 3: "machine-id"}

_MEMBERS = {
    "string": ("string", str),
    "bootId": ("boot_id", str),
    "timestamp": ("timestamp", int),
    "eventType": ("event_type", str),
    "nvIndexName": ("nv_index_name", str),
}


class SystemdRecord(Content):
    """The string that systemd measured, None if the record has none; and the members beside it.

    ``timestamp`` counts microseconds of CLOCK_BOOTTIME, ``boot_id`` is 32 hex digits. Only the string is covered by
    the digest, and of some event types not even that alone. ``other`` is a JSON object of members that are unknown or
    of another type than these; empty if there are none.
    """

    string: str | None
    boot_id: str | None = None
    timestamp: int | None = None
    event_type: str | None = None
    nv_index_name: str | None = None
    other: str = ""

    kind = "systemd"
    rules = (NOT_EXTENDED,)

    @property
    def summary(self) -> str:
        return ": ".join(part for part in (self.event_type, self.nv_index_name, self.string) if part is not None)

    @property
    def measured_bytes(self) -> bytes | None:
        """The bytes of the string, as they are hashed: UTF-8 without a NUL."""
        return None if self.string is None else self.string.encode("utf-8", "surrogatepass")

    def unrecorded(self, event: Event, alg: HashAlg, rule: str) -> bytes | None:
        return b"" if rule == NOT_EXTENDED and event.digests else None

    def candidates(self, event: Event, alg: HashAlg) -> Iterable[tuple[str, bytes | None]]:
        covered = self.measured_bytes
        if covered is not None:
            yield "string", covered
            if self.event_type in _MORE_THAN_THE_STRING:
                yield "external", None

    def to_members(self) -> dict[str, Any]:
        """systemd's own object, its members in systemd's order."""
        members = {name: getattr(self, field) for name, (field, _) in _MEMBERS.items()}
        known = {name: value for name, value in members.items() if value is not None}
        if not self.other:
            return known
        import json

        return {**known, **json.loads(self.other)}

    @classmethod
    def from_members(cls, members: dict[str, Any]) -> SystemdRecord:
        """The inverse of `to_members`. Takes any object."""
        fields: dict[str, Any] = {"string": None}
        other = {}
        for name, value in members.items():
            field, kind = _MEMBERS.get(name, ("", None))
            if kind is not None and type(value) is kind:
                fields[field] = value
            else:
                other[name] = value
        if other:
            import json

            fields["other"] = json.dumps(other, separators=(",", ":"))
        return cls(**fields)

    @classmethod
    def cel_types(cls) -> Sequence[CelType]:
        from evlog.contents._celtype import CelType, Fields, Octets, Text, Uint

        libcel = Fields((("eventType", Uint(8)), ("timestamp", Uint(64)), ("bootId", Octets()), ("string", Text())))
        return CelType(9, "systemd", Octets(members=True)), CelType(11, "", libcel)

    def to_cel(self) -> bytes:
        return self.measured_bytes or b""

    @classmethod
    def from_cel(cls, number: int, value: Any) -> Content:
        if number == 9:
            try:
                return cls(value.decode("utf-8", "surrogatepass"))
            except UnicodeDecodeError:
                # Another draft gave type 9 to containers.
                return Opaque(number, value)
        event_type, timestamp, boot_id, string = value
        if event_type not in _LIBCEL_TYPES or len(boot_id) != 16:
            raise ValueError("event type 0 to 3 and a boot id of 16 bytes are needed")
        return cls(string, boot_id.hex(), timestamp, _LIBCEL_TYPES[event_type])

    def to_json(self) -> dict[str, Any]:
        members = {field: getattr(self, field) for field in type(self)._fields}
        return {field: value for field, value in members.items() if value is not None and value != ""}

    @classmethod
    def from_json(cls, members: dict[str, Any]) -> SystemdRecord:
        fields = {field: members[field] for field in cls._fields if field in members}
        for field, value in fields.items():
            if type(value) is not (int if field == "timestamp" else str):
                raise TypeError(f"{field} is not a {'number' if field == 'timestamp' else 'text'}")
        return cls(**{"string": None, **fields})
