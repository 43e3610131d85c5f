"""Google's hosts: what Host COS measures into PCR 19 of the host's TPM before it runs guests.

Source: GoogleCloudPlatform/confidential-space, server/host/coscel. The register is one that a dynamic launch resets.
"""

from __future__ import annotations

from evlog.contents._cos import CosRecord

__all__ = ["COS_HOST_EVENTS", "CosHostEvent"]

CPU_PIID = 0

COS_HOST_EVENTS = {CPU_PIID: "CPUPIID", 1: "LaunchSeparator"}


class CosHostEvent(CosRecord):
    """One event of a host: the processor's PIID (16 bytes), or the separator without bytes that ends the log."""

    kind = "cos_host"
    content_type = 82
    names = COS_HOST_EVENTS
    octets = frozenset({CPU_PIID})
