"""EV_EVENT_TAG: events that carry their own number, alone or several in a row.

Spec: TCG PC Client Platform Firmware Profile 1.06, section 10.4.2.1 (TCG_PCClientTaggedEvent: u32 id, u32 size, data).
The numbers of Linux, systemd, the CoCo attestation agent and old BIOSes are theirs; those of Windows are in `sipa`.
Departure: early Linux stubs on confidential VMs logged the bare text without a tag.
"""

from __future__ import annotations

from evlog.decoders import Context, Cursor, Decoded, decodes
from evlog.decoders._text import ascii_text, is_text, plain_text, utf16
from evlog.decoders.sipa import SipaEvent, is_sipa, read_sipa

__all__ = ["TAGS", "TaggedEvent", "TaggedEvents", "TaggedText"]

#: Who writes a tag, and what it says.
TAGS: dict[int, str] = {
    0x8F3B22EC: "Linux initrd",
    0x8F3B22ED: "Linux load options",
    0xF5BC582A: "systemd-boot loader.conf",
    0x6C46F751: "systemd devicetree addon",
    0x49DFFE0F: "systemd initrd addon",
    0xDAC08E1A: "systemd microcode addon",
    0x13AED6DB: "systemd UKI profile",
    0xD5CB7CBC: "systemd SMBIOS type 1",
    0xE0D47BC8: "systemd SMBIOS type 2",
    0xC0B3BD23: "systemd SMBIOS type 11",
    0x4141454C: "AAEL",
    # Conventional BIOS 1.21, section 11.3.2.1
    0x00000001: "SMBIOS structure",
    0x00000002: "BIS certificate",
    0x00000003: "POST BIOS ROM strings",
    0x00000004: "ESCD",
    0x00000005: "CMOS",
    0x00000006: "NVRAM",
    0x00000007: "option ROM execute",
    0x00000008: "option ROM configuration",
    0x0000000A: "option ROM microcode update",
    0x0000000B: "S-CRTM version",
    0x0000000C: "S-CRTM contents",
    0x0000000D: "POST contents",
    0x0000000E: "table of devices",
}
# Tags whose data is UTF-16 text; others are shown as text where they are one, in ASCII or UTF-16.
_UTF16 = frozenset((0x6C46F751, 0x49DFFE0F, 0xDAC08E1A, 0x13AED6DB))


class TaggedEvent(Decoded):
    """One tagged event; ``text`` is its data where that is text, else None."""

    id: int
    name: str | None
    data: bytes
    text: str | None

    kind = "tagged_event"

    def describe(self) -> str:
        name = self.name or f"tag {self.id:#010x}"
        if self.text is not None:
            return f"{name}: {self.text}"
        return f"{name}: {len(self.data)} bytes"


class TaggedText(Decoded):
    """Text without a tag, as the Linux stub logged on confidential VMs before 6.8."""

    text: str

    kind = "untagged_text"

    def describe(self) -> str:
        return self.text


class TaggedEvents(Decoded):
    """The tagged events of a body, in order: `TaggedEvent`, or `SipaEvent` for the numbers of Windows."""

    events: tuple[TaggedEvent | SipaEvent, ...]

    kind = "tagged_events"

    def describe(self) -> str:
        return "; ".join(event.describe() for event in self.events)


@decodes()
def tagged(cursor: Cursor, context: Context) -> Decoded:
    """A body of tagged events; bare text where no tag fits."""
    data = cursor.peek(cursor.left)
    try:
        fork = cursor.fork()
        found = TaggedEvents(tuple(_events(fork)))
    except ValueError:
        # As text the first eight bytes would be a tag and a size beyond the body.
        if not is_text(data):
            raise
        cursor.rest()
        return TaggedText(ascii_text(data))
    cursor.rest()
    return found.events[0] if len(found.events) == 1 else found


def _events(cursor: Cursor) -> list[TaggedEvent | SipaEvent]:
    events: list[TaggedEvent | SipaEvent] = []
    while cursor.left or not events:
        where = f"events[{len(events)}]"
        tag = cursor.u32(f"{where}.id")
        body = cursor.sub(cursor.u32(f"{where}.size"), where)
        events.append(read_sipa(tag, body, 0) if is_sipa(tag) else _event(tag, body.rest()))
    return events


def _event(tag: int, data: bytes) -> TaggedEvent:
    text = plain_text(data) or None
    if tag in _UTF16 and len(data) % 2 == 0:
        text = utf16(data)
    elif tag == 0x4141454C and text is None:
        text = data.decode("utf-8", "replace")
    return TaggedEvent(tag, TAGS.get(tag), data, text)
