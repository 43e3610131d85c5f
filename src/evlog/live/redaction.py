"""What of a capture tells whose machine it is, and what of that can be left out.

A register covers digests, and a digest covers an event's bytes: what is hashed stays, or the log says something else
than was measured. What no digest covers can go: of a firmware log the paths under which images were loaded, which name
disks and network cards.

Spec: TCG PC Client Platform Firmware Profile 1.06, section 10.2.3 (UEFI_IMAGE_LOAD_EVENT); UEFI 2.10, section 10.3.3
(a vendor-defined hardware node).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from evlog.model import Log

__all__ = ["PRIVATE", "classes", "without_paths"]

#: What is private in a log or a file, by its kind.
PRIVATE: dict[str, tuple[str, ...]] = {
    "firmware": (
        "disk and partition GUIDs",
        "MAC and IP addresses of network boot entries",
        "names of boot entries",
        "SMBIOS serial numbers",
        "Secure Boot certificates",
        "the kernel's command line",
    ),
    "cc": ("disk and partition GUIDs", "Secure Boot certificates", "the kernel's command line"),
    "ima": ("paths of files, and with them users and software", "signatures of files"),
    "systemd": ("the machine's id and its root file system's, hashed", "the kernel's command line"),
    "agent": ("digests and names of containers",),
    "dstack": ("the application's and the instance's id",),
    "quote": ("the identity of the TPM or the processor",),
    "cmdline": ("the kernel's command line",),
    "boot": ("the boot's id, hashed",),
}
_FIXED = 32  # bytes of the structure before the path, on a 64-bit machine
_NODE, _END = 20, b"\x7f\xff\x04\x00"
_FORMATS = frozenset({"tcg1", "tcg2", "ccel"})


def classes(kinds: Iterable[str]) -> list[str]:
    """The classes of private data in what is of these kinds, each once."""
    return list(dict.fromkeys(each for kind in kinds for each in PRIVATE.get(kind, ())))


def without_paths(data: bytes, log: Log) -> tuple[bytes, tuple[int, ...]]:
    """A firmware log with other paths of the images that were loaded, as long, and the numbers of the events.

    Only where every digest of the event is of something else than its data.
    """
    from evlog.checking.check import check
    from evlog.contents.pcclient import PCClientEvent
    from evlog.decoders import Context, decode

    if log.format not in _FORMATS:
        return data, ()
    found = bytearray(data)
    changed = []
    context = Context.of(log)
    for event, checks in zip(log.events, check(log), strict=True):
        content, origin = event.content, event.origin
        if not isinstance(content, PCClientEvent) or origin is None or not event.digests:
            continue
        if any(each.verdict == "matches" and each.rule != "image" for each in checks):
            continue
        body = content.data
        decoded = decode(event, context)
        size = len(body) - _FIXED
        if decoded is None or decoded.kind != "image_load" or size < _NODE + len(_END):
            continue
        end = origin.span.offset + origin.span.length
        if data[end - len(body) : end] != body or int.from_bytes(body[24:32], "little") != size:
            continue
        node = size - len(_END)
        # A node of the vendor whose GUID is zeros, as long as the path was.
        path = b"\x01\x04" + node.to_bytes(2, "little") + bytes(node - 4) + _END
        if path != body[_FIXED:]:
            found[end - size : end] = path
            changed.append(event.number)
    return bytes(found), tuple(changed)
