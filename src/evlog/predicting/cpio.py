"""The archives that systemd-stub makes: newc, as boot/cpio.c of systemd writes it.

Source: systemd src/boot/cpio.c (pack_cpio_one, pack_cpio_dir, pack_cpio_prefix, pack_cpio_trailer), 252 to 257.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["archive"]

_FILE, _FOLDER = 0o100000, 0o040000
_UPPER = 0o555
_TRAILER = (
    b"070701" + b"00000000" * 4 + b"00000001" + b"00000000" * 6 + b"0000000B" + b"00000000" + b"TRAILER!!!\0\0\0\0"
)


def archive(folder: str, folder_mode: int, files: Iterable[tuple[str, bytes]], file_mode: int) -> bytes:
    """A folder, with those above it, and the files in it, in their order."""
    made: list[bytes] = []
    parts = folder.split("/")
    for depth in range(1, len(parts) + 1):
        mode = folder_mode if depth == len(parts) else _UPPER
        made.append(_entry(len(made) + 1, "/".join(parts[:depth]), _FOLDER | mode, b""))
    for name, data in files:
        made.append(_entry(len(made) + 1, f"{folder}/{name}", _FILE | file_mode, data))
    return b"".join(made) + _TRAILER


def _entry(inode: int, path: str, mode: int, data: bytes) -> bytes:
    name = path.encode() + b"\0"
    numbers = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
    head = b"070701" + b"".join(b"%08x" % number for number in numbers) + name
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
