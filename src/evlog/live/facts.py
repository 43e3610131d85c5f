"""What a machine says of its software besides its logs: facts that no register covers, and nothing of whose it is.

Source: os-release(5); Linux, Documentation/ABI (sysfs-class-dmi, securityfs lockdown), Documentation/filesystems
(efivarfs: four bytes of attributes, then the variable's value).

Serial numbers, UUIDs, asset tags, host names and machine ids are not asked for.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["command_line", "facts", "files", "small"]

_OS = ("ID", "VERSION_ID", "BUILD_ID", "VARIANT_ID")
_DMI = ("bios_vendor", "bios_version", "bios_date", "sys_vendor", "product_name")
_GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"  # EFI_GLOBAL_VARIABLE
_MOST = 1 << 16
_TABLE = "/sys/firmware/acpi/tables/CCEL"


def small(root: str, path: str) -> bytes | None:
    """The bytes of a small file of the machine, None where it cannot be read."""
    try:
        with open(os.path.join(root, path.lstrip("/")), "rb") as file:
            return file.read(_MOST)
    except OSError:
        return None


def _text(root: str, path: str) -> str | None:
    data = small(root, path)
    return data.decode("utf-8", "replace").strip() if data is not None else None


def facts(root: str = "/") -> dict[str, Any]:
    """What a manifest says of the machine; None for what it does not say."""
    return {
        "kernel": _kernel(root),
        "os": _os(root),
        "firmware": {name: _text(root, f"/sys/class/dmi/id/{name}") for name in _DMI},
        "secure_boot": {name: _variable(root, name) for name in ("SecureBoot", "SetupMode")},
        "lockdown": _lockdown(root),
    }


def files(root: str = "/") -> dict[str, tuple[bytes, str]]:
    """Files of facts by their name in a capture, with where they were: the lines of os-release, and the CCEL table."""
    found = {}
    lines = "".join(f"{name}={value}\n" for name, value in _os(root).items() if value is not None)
    if lines:
        found["facts/os-release"] = lines.encode(), "/etc/os-release"
    table = small(root, _TABLE)
    if table:
        found["facts/acpi-CCEL-table"] = table, _TABLE
    return found


def command_line(root: str = "/") -> bytes | None:
    """The kernel's command line, without the end of its line."""
    data = small(root, "/proc/cmdline")
    return data.rstrip(b"\n") if data is not None else None


def _kernel(root: str) -> dict[str, str | None]:
    release, version, machine = (_text(root, f"/proc/sys/kernel/{name}") for name in ("osrelease", "version", "arch"))
    if root == "/" and hasattr(os, "uname"):
        here = os.uname()
        release, version, machine = release or here.release, version or here.version, machine or here.machine
    return {"release": release, "version": version, "machine": machine}


def _os(root: str) -> dict[str, str | None]:
    """os-release, of which the rest is links and names."""
    text = _text(root, "/etc/os-release") or _text(root, "/usr/lib/os-release") or ""
    found = dict(line.partition("=")[::2] for line in text.splitlines() if "=" in line)
    return {name: found[name].strip().strip("\"'") if name in found else None for name in _OS}


def _variable(root: str, name: str) -> int | None:
    """A boolean variable of UEFI."""
    data = small(root, f"/sys/firmware/efi/efivars/{name}-{_GLOBAL}")
    return data[4] if data is not None and len(data) == 5 else None


def _lockdown(root: str) -> str | None:
    """The level in brackets: ``none [integrity] confidentiality``."""
    text = _text(root, "/sys/kernel/security/lockdown") or ""
    _, bracket, rest = text.partition("[")
    return rest.partition("]")[0] if bracket else None
