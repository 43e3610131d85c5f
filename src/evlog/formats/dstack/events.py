"""An event of a dstack log from and into the object, or the line, that stands for it.

Source: Dstack-TEE/dstack, cc-eventlog/src/tdx.rs and runtime_events.rs.
"""

from __future__ import annotations

from evlog import hashing
from evlog._record import cache
from evlog.algorithms import SHA384
from evlog.contents.digest_only import DigestOnly
from evlog.contents.dstack import DstackEvent
from evlog.contents.event_types import DSTACK_RUNTIME
from evlog.contents.pcclient import PCClientEvent
from evlog.errors import ParseError
from evlog.formats.dstack.text import BLANK, Text
from evlog.model import Digest, Event
from evlog.registers import PLATFORMS, Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from evlog.model import Content

__all__ = [
    "FIRMWARE_MEMBERS",
    "LINE_MEMBERS",
    "MEMBERS",
    "event_of",
    "line_of",
    "one",
    "says",
    "spelled",
    "spelled_line",
]

#: Members of an event, and of a line of the guest's own log.
MEMBERS = ("imr", "event_type", "digest", "event", "event_payload", "version", "preimage")
FIRMWARE_MEMBERS = MEMBERS[:5]
LINE_MEMBERS = ("event", "payload", "version")
_TDX = PLATFORMS["tdx"]
_RTMR3 = _TDX.ccmr_of(Register("rtmr", 3))
_STATIC = Register("ccmr", 0)
_LAST = 0xFFFFFFFF


def event_of(members: Any) -> Event:
    """The event of an object. Raises ParseError, without a place."""
    imr, event_type = _number(members, "imr"), _number(members, "event_type")
    digest, payload, name = _hex(members, "digest"), _hex(members, "event_payload"), _text(members, "event")
    content: Content
    if event_type == DSTACK_RUNTIME and members.get("event") is None:
        content = PCClientEvent(event_type, payload)  # its name got lost on the way through another format
    elif event_type == DSTACK_RUNTIME:
        preimage = _hex(members, "preimage") if members.get("preimage") is not None else None
        content = DstackEvent(event_type, name, payload, _number(members, "version", 1), preimage)
        digest = digest or _computed(content)
    elif not payload and digest != hashing.digest(SHA384, b""):
        content = DigestOnly(event_type, name)
    elif name:
        content = DstackEvent(event_type, name, payload)
    else:
        content = PCClientEvent(event_type, payload)
    register = _STATIC if imr == _LAST else _TDX.ccmr_of(Register("rtmr", imr))
    return Event(0, register, (Digest(SHA384, digest),) if digest else (), content)


def line_of(members: Any) -> Event:
    """The event of a line of the guest's own log. Raises ParseError, without a place."""
    import base64
    import binascii

    name, text = _text(members, "event", required=True), _text(members, "payload", required=True)
    try:
        payload = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise ParseError("member payload is not base64") from None
    content = DstackEvent(DSTACK_RUNTIME, name, payload, _number(members, "version", 1))
    digest = _computed(content)
    return Event(0, _RTMR3, (Digest(SHA384, digest),) if digest else (), content)


def spelled(event: Event) -> str | None:
    """The event as dstack writes it; None for one that has no place in an array of them."""
    content, register = event.content, _TDX.native_of(event.register)
    if register is None or register.space != "rtmr" or [digest.alg.id for digest in event.digests][1:]:
        return None
    members: dict[str, Any] = {"imr": register.number}
    digest = event.digests[0].value.hex() if event.digests else ""
    if isinstance(content, DstackEvent):
        members |= {"event_type": content.event_type, "digest": digest, "event": content.name}
        members |= {"event_payload": content.payload.hex()}
        members |= {"version": content.version} if content.version != 1 else {}
        members |= {"preimage": content.preimage.hex()} if content.preimage is not None else {}
    elif isinstance(content, PCClientEvent):
        members |= {"event_type": content.event_type, "digest": digest}
        members |= {"event": ""} if content.event_type != DSTACK_RUNTIME else {}
        members |= {"event_payload": content.data.hex()}
    elif isinstance(content, DigestOnly):
        members |= {"event_type": content.event_type, "digest": digest}
        # The name of a runtime event would be taken for what was hashed.
        members |= {"event": content.text} if content.event_type != DSTACK_RUNTIME else {}
        members |= {"event_payload": ""}
    else:
        return None
    return _encoder()(members)


def spelled_line(event: Event) -> str | None:
    """The event as a line of the guest's own log, without the end; None for one that such lines do not have."""
    import base64

    content = event.content
    if not isinstance(content, DstackEvent) or not content.runtime:
        return None
    members = {"event": content.name, "payload": base64.b64encode(content.payload).decode()}
    return _encoder()({**members, "version": content.version} if content.version != 1 else members)


@cache
def _encoder() -> Callable[[dict[str, Any]], str]:
    from json import JSONEncoder

    return JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def one(text: str, make: Any = None) -> Event:
    """The event in a text of one, with the blanks and brackets around it. Raises ParseError."""
    plain = text.removeprefix("\ufeff").strip(BLANK).removeprefix("[").removesuffix("]").strip(BLANK)
    members, end = Text(plain).value(0)
    if end != len(plain):
        raise ParseError("more than one event", offset=end)
    event: Event = (make or event_of)(members)
    return event


def says(text: str | None, event: Event, make: Any) -> bool:
    """Whether a text is read as the event, wherever it stands."""
    try:
        return text is not None and bool(text.encode()) and one(text, make).replace(number=event.number) == event
    except (ParseError, UnicodeEncodeError):
        return False


def _computed(content: DstackEvent) -> bytes:
    """The digest of a runtime event by its rule; none where the rule is not known."""
    covered = content.measured_bytes
    return b"" if covered is None else hashing.digest(SHA384, covered)


def _number(members: Any, name: str, absent: int | None = None) -> int:
    if not isinstance(members, dict):
        raise ParseError("an event that is no JSON object")
    value = members.get(name)
    if value is None and absent is not None:
        return absent
    if type(value) is not int or not 0 <= value <= _LAST:
        raise ParseError(f"member {name} is {'no number of 32 bits' if name in members else 'missing'}")
    return value


def _text(members: Any, name: str, *, required: bool = False) -> str:
    if not isinstance(members, dict):
        raise ParseError("an event that is no JSON object")
    value = members.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        raise ParseError(f"member {name} is {'no text' if name in members else 'missing'}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ParseError(f"member {name} is no Unicode text: half of a surrogate pair") from None
    return value


def _hex(members: Any, name: str) -> bytes:
    text = _text(members, name)
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    # fromhex passes over blanks.
    if 2 * len(value) != len(text):
        raise ParseError(f"member {name} is not hex")
    return value
