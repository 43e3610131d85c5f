"""Where a live Linux machine keeps its logs and its register values.

Sources: Linux, Documentation/ABI (securityfs, sysfs-class-tpm, sysfs-devices-virtual-misc-tdx_guest); systemd,
systemd-pcrphase.service; Confidential Containers, attestation agent.
"""

from __future__ import annotations

import os

__all__ = ["LOGS", "REGISTERS", "live_logs", "live_registers"]

#: Logs in the order in which a boot writes them; alternatives of one log stand in one row.
LOGS: tuple[tuple[str, ...], ...] = (
    ("/sys/kernel/security/tpm0/binary_bios_measurements",),
    ("/sys/firmware/acpi/tables/data/CCEL",),
    ("/run/log/systemd/tpm2-measure.log",),
    ("/run/log/systemd/cc-measure.log",),
    (
        "/sys/kernel/security/ima/binary_runtime_measurements_sha256",
        "/sys/kernel/security/ima/binary_runtime_measurements",
    ),
    ("/run/attestation-agent/eventlog",),
)

#: Folders of register values; the first that exists is asked.
REGISTERS: tuple[str, ...] = (
    "/sys/devices/virtual/misc/tdx_guest/measurements",
    "/sys/class/tpm/tpm0",
)


def live_logs(root: str = "/") -> list[str]:
    """The logs that this machine has, in the order of a boot. ``root`` is where its file system stands."""
    found = []
    for alternatives in LOGS:
        paths = (os.path.join(root, path.lstrip("/")) for path in alternatives)
        found += [path for path in paths if os.path.exists(path)][:1]
    return found


def live_registers(root: str = "/") -> str | None:
    """The folder where this machine shows its register values, or None."""
    paths = (os.path.join(root, path.lstrip("/")) for path in REGISTERS)
    return next((path for path in paths if os.path.isdir(path)), None)
