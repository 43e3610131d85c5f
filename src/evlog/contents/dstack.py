"""Events of a dstack guest that have a name: those that its agent extends while it runs, and firmware's that it names.

Source: Dstack-TEE/dstack, cc-eventlog/src/runtime_events.rs (name, payload, both rules) and tdx.rs; RFC 8785 for the
canonical JSON of the second rule. Of a runtime event the digest covers name and payload; the name of a firmware event
is the agent's, and nothing covers it.
"""

from __future__ import annotations

from evlog.contents._printable import printable
from evlog.contents.event_types import DSTACK_RUNTIME, EV_NO_ACTION, event_type_name
from evlog.contents.pcclient import PCClientEvent
from evlog.model import Content

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from evlog.algorithms import HashAlg
    from evlog.model import Event
    from evlog.options import Options

__all__ = ["BOOT_NAMES", "DstackEvent"]

#: Names of the events that every dstack guest extends while it boots.
BOOT_NAMES = frozenset(
    (
        *("system-preparing", "app-id", "compose-hash", "instance-id", "boot-mr-done", "key-provider", "mr-kms"),
        *("os-image-hash", "rootfs-hash", "storage-fs", "system-ready"),
    )
)

#: Rules by the version of a runtime event: the word that a check says.
_RULES = {1: "dstack-v1", 2: "dstack-v2"}
# What RFC 8785 (section 3.2.2.2) escapes in a string, and how; every other character stands for itself.
_ESCAPES = {
    **{number: f"\\u{number:04x}" for number in range(0x20)},
    **{ord(character): f"\\{letter}" for character, letter in zip("\b\f\n\r\t", "bfnrt", strict=True)},
    ord('"'): '\\"',
    ord("\\"): "\\\\",
}


class DstackEvent(Content):
    """A name, a payload, and by which version of the rule they were hashed.

    ``event_type`` is that of a runtime event (0x08000001) or of the firmware's event that the agent names.
    ``preimage`` are the bytes that the agent says it hashed, None if it says nothing; they are a claim as long as they
    are not what the version makes.
    """

    event_type: int
    name: str
    payload: bytes
    version: int = 1
    preimage: bytes | None = None

    kind = "dstack"
    named_by_digest = "name and payload"

    @property
    def runtime(self) -> bool:
        """Whether it is a runtime event, whose digest covers its name."""
        return self.event_type == DSTACK_RUNTIME

    @property
    def event_type_name(self) -> str:
        """The name of the event type, or its number in hex."""
        return event_type_name(self.event_type)

    @property
    def measured(self) -> bool:
        return self.event_type != EV_NO_ACTION

    @property
    def measured_bytes(self) -> bytes | None:
        """What the digest of a runtime event is the hash of; None for a version that is not known, and for firmware's.

        Version 1: the type in four bytes, little-endian, the name and the payload, with colons between. Version 2:
        canonical JSON of name, payload in hex, and type.
        """
        if not self.runtime or self.version not in _RULES:
            return None
        if self.version == 1:
            return b":".join((self.event_type.to_bytes(4, "little"), self.name.encode(), self.payload))
        name = self.name.translate(_ESCAPES)
        return f'{{"name":"{name}","payload":"{self.payload.hex()}","type":{self.event_type}}}'.encode()

    def candidates(self, event: Event, alg: HashAlg) -> Iterable[tuple[str, bytes | None]]:
        if not self.runtime:
            yield from PCClientEvent(self.event_type, self.payload).candidates(event, alg)
            return
        covered = self.measured_bytes
        yield ("external", None) if covered is None else (_RULES[self.version], covered)

    def pcclient(self, options: Options) -> PCClientEvent:
        return PCClientEvent(self.event_type, self.payload)

    @property
    def left_behind(self) -> tuple[str, ...]:
        fields = ("name", "version", "preimage")
        return tuple(name for name in fields if getattr(self, name) != type(self)._defaults.get(name, ""))

    @property
    def text(self) -> str:
        """The payload as people may be shown it: text if it is printable, else hex."""
        try:
            text = self.payload.decode()
        except UnicodeDecodeError:
            return self.payload.hex()
        return text if text.isprintable() else self.payload.hex()

    @property
    def summary(self) -> str:
        return printable(": ".join(part for part in (self.name, self.text) if part))

    def to_json(self) -> dict[str, Any]:
        members = {
            "event_type": self.event_type,
            "event_type_name": self.event_type_name,
            "name": self.name,
            "payload": self.payload.hex(),
            "version": self.version,
        }
        members |= {"text": self.text} if self.text != members["payload"] else {}
        return members if self.preimage is None else {**members, "preimage": self.preimage.hex()}

    @classmethod
    def from_json(cls, members: dict[str, Any]) -> DstackEvent:
        event_type, name, version = members["event_type"], members["name"], members["version"]
        if type(event_type) is not int or not 0 <= event_type <= 0xFFFFFFFF:
            raise ValueError("event_type must be a number of 32 bits")
        if type(version) is not int or not 0 <= version <= 0xFFFFFFFF:
            raise ValueError("version must be a number of 32 bits")
        if type(name) is not str:
            raise TypeError("name must be a string")
        name.encode()  # half of a surrogate pair is no text, and cannot be hashed
        preimage = members.get("preimage")
        return cls(
            event_type,
            name,
            bytes.fromhex(members["payload"]),
            version,
            None if preimage is None else bytes.fromhex(preimage),
        )
