"""Where a live Linux machine keeps its logs and its register values.

Sources: Linux, Documentation/ABI (securityfs, sysfs-class-tpm, sysfs-devices-virtual-misc-tdx_guest, ima_policy);
systemd, systemd-pcrphase.service; Confidential Containers, attestation agent; dstack, guest agent; ACON.
"""

from __future__ import annotations

import errno
import glob
import os

from evlog._record import Record
from evlog.errors import SourceError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["LogSource", "RegisterSource", "chosen_device", "live_logs", "log_sources", "register_sources"]

#: Banks of IMA's lists, the one first that most verifiers ask for; "" is the list without a bank in its name.
_IMA_BANKS = ("_sha256", "_sha384", "_sha512", "_sm3-256", "", "_sha1")
#: The short name is a link to the long one, where there is a link.
_IMA = ("/sys/kernel/security/ima", "/sys/kernel/security/integrity/ima")
_SYSTEMD = "SYSTEMD_MEASURE_LOG_USERSPACE"
_ROOT = "root may read it"


class LogSource(Record):
    """A place of a log, and whether there is one.

    ``kind`` is firmware, cc, ima, systemd, agent, dstack, acon or tree; ``member`` is its name in a capture; ``path``
    is its name on the machine, and ``file`` what to open. ``problem`` is "" where it can be read, else the name of the
    error (ENOENT: there is none; EACCES: nobody may read it but root).
    """

    kind: str
    member: str
    path: str
    file: str
    problem: str = ""

    @property
    def refused(self) -> bool:
        """Whether there is a log that cannot be read."""
        return self.problem not in ("", "ENOENT", "ENOTDIR")

    def __str__(self) -> str:
        hint = f"; {_ROOT}" if self.problem in ("EACCES", "EPERM") else ""
        return f"{self.file}: {_said(self.problem)}{hint}"


class RegisterSource(Record):
    """A folder in which the kernel shows the registers of one device, such as ``tpm0`` or ``tdx_guest``."""

    name: str
    path: str
    file: str


def _said(problem: str) -> str:
    number = getattr(errno, problem, None)
    return os.strerror(number).lower() if isinstance(number, int) else problem


def _below(root: str, path: str) -> str:
    return os.path.join(root, path.lstrip("/"))


def _each(root: str, pattern: str) -> list[str]:
    """The paths on the machine that a pattern fits, in their order; tpm2 before tpm10."""
    start = len(root.rstrip("/")) if root != "/" else 0
    found = (path[start:] for path in glob.glob(_below(glob.escape(root), pattern)))
    return sorted(found, key=lambda path: (len(path), path))


def _problem(file: str) -> str:
    """The name of the error that a file gives who opens it, "" for none."""
    try:
        os.close(os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)))
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "EIO")
    return "EISDIR" if os.path.isdir(file) else ""


def log_sources(root: str = "/") -> tuple[LogSource, ...]:
    """Every place of a log, in the order of a boot, with what there is; ``root`` is where its file system stands.

    Of alternatives of one log (IMA's banks) it is the first that can be read.
    """
    return tuple(each if each.kind == "tree" else each.replace(problem=_problem(each.file)) for each in _places(root))


def _places(root: str) -> Iterator[LogSource]:
    def place(kind: str, member: str, path: str) -> LogSource:
        return LogSource(kind, f"logs/{member}", path, _below(root, path))

    security = "/sys/kernel/security"
    logs = _each(root, f"{security}/tpm[0-9]*/binary_bios_measurements")
    for path in logs or [f"{security}/tpm0/binary_bios_measurements"]:
        yield place("firmware", "/".join(path.split("/")[-2:]), path)
    yield place("cc", "acpi/CCEL", "/sys/firmware/acpi/tables/data/CCEL")
    systemd = os.environ.get(_SYSTEMD, "") if root == "/" else ""
    for path in (systemd or "/run/log/systemd/tpm2-measure.log", "/run/log/systemd/cc-measure.log"):
        yield place("systemd", f"systemd/{os.path.basename(path)}", path)
    # What was staged was the head of the list.
    for rest in ("_staged", ""):
        paths = [f"{folder}/binary_runtime_measurements{bank}{rest}" for folder in _IMA for bank in _IMA_BANKS]
        best = next((path for path in paths if not _problem(_below(root, path))), None)
        best = best or next((path for path in paths if _problem(_below(root, path)) != "ENOENT"), paths[4])
        if not rest or not _problem(_below(root, best)):
            yield place("ima", f"ima/{os.path.basename(best)}", best)
    yield place("agent", "attestation-agent/eventlog", "/run/attestation-agent/eventlog")
    yield place("dstack", "dstack/runtime_events.log", "/run/log/dstack/runtime_events.log")
    for path in _each(root, "/run/rtmr/*.log") or ["/run/rtmr/rtmr3.log"]:
        yield place("acon", f"rtmr/{os.path.basename(path)}", path)
    for path in _each(root, "/sys/kernel/tsm/*/*/event_log"):
        yield place("tree", f"tsm/{'/'.join(path.split('/')[-3:])}", path).replace(problem=_problem(_below(root, path)))


def live_logs(root: str = "/", device: str | None = None) -> list[str]:
    """The logs that this machine has, in the order of a boot; of several TPMs those of one.

    Raises SourceError for one that is there and cannot be read, with what would help; UsageError as `chosen_device`.
    """
    found = [each for each in log_sources(root) if each.problem not in ("ENOENT", "ENOTDIR")]
    refused = [str(each) for each in found if each.refused]
    if refused:
        raise SourceError("; ".join(refused))
    tpms = [each.member.split("/")[1] for each in found if each.kind == "firmware"]
    own = chosen_device(tpms, device)
    return [each.file for each in found if each.kind != "firmware" or each.member.split("/")[1] == own]


def register_sources(root: str = "/") -> tuple[RegisterSource, ...]:
    """The folders where this machine shows its register values: of each TPM, and of each measurement device."""
    found = [
        RegisterSource(os.path.basename(path), path, _below(root, path))
        for path in _each(root, "/sys/class/tpm/tpm[0-9]*")
        if os.path.isdir(_below(root, path))
    ]
    seen = set()
    for pattern in ("/sys/class/misc/*/measurements", "/sys/devices/virtual/misc/*/measurements"):
        for path in _each(root, pattern):
            real = os.path.realpath(_below(root, path))
            if real not in seen and os.path.isdir(real):
                seen.add(real)
                found.append(RegisterSource(path.split("/")[-2], path, _below(root, path)))
    for path in _each(root, "/sys/kernel/tsm/*"):
        if os.path.isdir(_below(root, path)):
            found.append(RegisterSource(f"tsm-{os.path.basename(path)}", path, _below(root, path)))
    return tuple(found)


def chosen_device(names: Sequence[str], device: str | None) -> str | None:
    """The TPM that is meant, of those of these names: their registers are called alike. None if there is none.

    Raises UsageError where there are several and ``device`` is none of them.
    """
    tpms = list(dict.fromkeys(name for name in names if name.startswith("tpm")))
    if device in tpms:
        return device
    if len(tpms) > 1:
        from evlog.errors import UsageError

        said = ", ".join(tpms)
        raise UsageError(
            f"there are {len(tpms)} TPMs ({said}), whose registers are called alike: say which (--member {tpms[-1]})"
        )
    return tpms[0] if tpms else None
