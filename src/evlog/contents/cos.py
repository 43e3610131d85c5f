"""Google's Container-Optimized OS: what a Confidential Space launcher measures about the container it starts.

Source: go-tpm-tools ``cel/cos_tlv.go``. The content type 80 is Google's own choice, and there is no JSON name for it.
"""

from __future__ import annotations

from evlog.contents._tlv import split, tlv
from evlog.model import Content

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from evlog.algorithms import HashAlg
    from evlog.contents._celtype import CelType
    from evlog.model import Event

__all__ = ["COS_EVENTS", "CosEvent"]

CONTENT_TYPE = 80

MEMORY_MONITOR = 9

COS_EVENTS = {
    0: "ImageRef",
    1: "ImageDigest",
    2: "RestartPolicy",
    3: "ImageID",
    4: "Arg",
    5: "EnvVar",
    6: "OverrideArg",
    7: "OverrideEnv",
    8: "LaunchSeparator",
    9: "MemoryMonitor",
    10: "GpuCCMode",
    11: "GPUDeviceAttestationBinding",
}


class CosEvent(Content):
    """One launch event: its type and its bytes, which are UTF-8 text but for MemoryMonitor (one byte, 0 or 1).

    The digest covers the whole content TLV, so both are what was measured.
    """

    type: int
    data: bytes

    kind = "cos"

    @property
    def type_name(self) -> str:
        """The launcher's name of the type, or its number."""
        return COS_EVENTS.get(self.type, str(self.type))

    def candidates(self, event: Event, alg: HashAlg) -> Iterable[tuple[str, bytes]]:
        yield "content_tlv", tlv(CONTENT_TYPE, self.to_cel())

    @classmethod
    def cel_types(cls) -> Sequence[CelType]:
        from evlog.contents._celtype import CelType, Octets

        return (CelType(CONTENT_TYPE, "", Octets()),)

    def to_cel(self) -> bytes:
        return tlv(self.type, self.data)

    @classmethod
    def from_cel(cls, number: int, value: Any) -> CosEvent:
        items = split(value)
        if len(items) != 1:
            raise ValueError(f"a COS event is one TLV, not {len(items)}")
        return cls(*items[0])

    @property
    def summary(self) -> str:
        """The type, and the text, or hex if it is none."""
        try:
            text = self.data.decode()
        except UnicodeDecodeError:
            text = self.data.hex()
        return f"{self.type_name} {self.data.hex() if self.type == MEMORY_MONITOR else text}".rstrip()

    def to_json(self) -> dict[str, Any]:
        return {"type": self.type, "type_name": self.type_name, "data": self.data.hex()}

    @classmethod
    def from_json(cls, members: dict[str, Any]) -> CosEvent:
        return cls(int(members["type"]), bytes.fromhex(members["data"]))
