"""Device paths: a chain of nodes from the host's bus to a file.

Spec: UEFI 2.10, section 10.3 (nodes) and 10.6 (text). The text is the long, parseable form with shortcuts.
Departures: a path that is damaged keeps the nodes that were read, with a note; the final end node may be missing, or
bytes may follow it that the path's length counts.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.cursor import guid_text
from evlog.decoders import Context, Cursor, Decoded
from evlog.decoders._device_nodes import END, END_ENTIRE, FILE_PATH, FIRMWARE_FILE, node_text
from evlog.decoders.guid import guid_name

__all__ = ["DeviceNode", "DevicePath"]


class DeviceNode(Record):
    """One node: type and sub-type, its text, and its payload after the header."""

    type: int
    subtype: int
    text: str
    data: bytes


class DevicePath(Decoded):
    """A device path. Instances are separated by a comma in ``text`` and by the end node in ``nodes``."""

    text: str
    nodes: tuple[DeviceNode, ...]
    notes: tuple[str, ...] = ()
    trailing: bytes = b""

    kind = "device_path"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> DevicePath:
        """Read nodes to the end of the path, or of the cursor. Never raises: what does not fit is ``trailing``."""
        nodes: list[DeviceNode] = []
        notes: list[str] = []
        parts: list[str] = []
        while cursor.left:
            header = cursor.peek(4)
            size = int.from_bytes(header[2:], "little")
            if len(header) < 4 or not 4 <= size <= cursor.left:
                needed = f"states {size} bytes" if len(header) == 4 else "needs 4 bytes"
                left = f"{cursor.left} left (at byte {cursor.offset:#x})"
                notes.append(f"node {len(nodes)} of the device path {needed}, {left}")
                break
            payload = cursor.take(size, "node")[4:]
            kind, subtype = header[0], header[1]
            if kind == END and subtype == END_ENTIRE:
                break
            text = node_text(kind, subtype, payload)
            nodes.append(DeviceNode(kind, subtype, text, payload))
            if parts and kind != END and parts[-1] != ",":
                parts.append("/")
            parts.append(text)
        else:
            if nodes:
                notes.append("the end node is missing")
        return cls("".join(parts), tuple(nodes), tuple(notes), cursor.rest() if notes else b"")

    @classmethod
    def whole(cls, cursor: Cursor, context: Context) -> DevicePath:
        """Read the one path that a structure says to have so many bytes: those after its end are ``trailing``."""
        path = cls.read(cursor, context)
        if not cursor.left:
            return path
        left = f"{cursor.left} bytes after the end of the device path"
        return path.replace(notes=(*path.notes, left), trailing=cursor.rest())

    @property
    def file(self) -> str:
        """The path of the file that the device path ends in, or an empty text."""
        names = [node.text for node in self.nodes if (node.type, node.subtype) == FILE_PATH]
        return "\\".join(names).replace("\\\\", "\\")

    def describe(self) -> str:
        """The file, or the name of the firmware's own file, or all of the path."""
        last = self.nodes[-1] if self.nodes else None
        if last is not None and (last.type, last.subtype) == FIRMWARE_FILE and len(last.data) == 16:
            return guid_name(guid_text(last.data)) or self.text
        return self.file or self.text or "empty device path"
