"""Google's Container-Optimized OS: what a Confidential Space launcher measures about the container it starts.

Source: go-tpm-tools ``cel/cos_tlv.go``; GoogleCloudPlatform/confidential-space, server/coscel.
"""

from __future__ import annotations

from evlog.contents._cos import CosRecord

__all__ = ["COS_EVENTS", "CosEvent"]

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
    12: "ContainerSeparator",
}


class CosEvent(CosRecord):
    """One launch event: its type and its bytes, which are UTF-8 text but for MemoryMonitor (one byte, 0 or 1)."""

    kind = "cos"
    content_type = 80
    names = COS_EVENTS
    octets = frozenset({MEMORY_MONITOR})
