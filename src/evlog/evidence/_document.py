"""JSON documents that hold evidence in pieces, each member in one of the spellings of bytes: furniture of two sources.

Bytes are written as hex, as base64 (also with the letters of URLs, and without padding), as PEM, or as an array of
numbers. What a member is follows from its bytes or from its name, never from its place alone.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

__all__ = ["base64url", "bytes_in", "document", "holder", "member"]

_MAX_DEPTH = 8
# No document of evidence has as many members.
_MAX_MEMBERS = 4096


def document(data: bytes) -> Any:
    """The JSON document, or None."""
    import json

    if data.lstrip()[:1] not in (b"{", b"["):
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def bytes_in(value: Any) -> bytes | None:
    """The bytes that a member writes, or None."""
    import base64
    import binascii

    if isinstance(value, list):
        whole = bool(value) and all(type(each) is int and 0 <= each <= 255 for each in value)
        return bytes(value) if whole else None
    if not isinstance(value, str) or not value:
        return None
    if "-----BEGIN" in value:
        return value.encode()
    text = "".join(value.split())
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        pass
    try:
        return base64.b64decode(
            text + "=" * (-len(text) % 4), altchars=b"-_" if {*"-_"} & {*text} else None, validate=True
        )
    except (ValueError, binascii.Error):
        return None


def base64url(value: Any) -> bytes:
    """The bytes of a member of a JSON Web Key (RFC 7517), none for anything else."""
    import base64
    import binascii

    if not isinstance(value, str):
        return b""
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return b""


def holder(found: Any, fits: Callable[[bytes], bool]) -> tuple[bytes, Sequence[dict[str, Any]]] | None:
    """The first member whose bytes fit, and the objects around it, the innermost first; None if there is none."""
    for data, around in _members(found, ()):
        if fits(data):
            return data, around
    return None


def _members(found: Any, around: tuple[dict[str, Any], ...]) -> Iterator[tuple[bytes, Sequence[dict[str, Any]]]]:
    """Every member that writes bytes."""
    left = _MAX_MEMBERS
    waiting: list[tuple[Any, tuple[dict[str, Any], ...]]] = [(found, around)]
    while waiting and left:
        left -= 1
        value, within = waiting.pop(0)
        data = bytes_in(value)
        if data is not None:
            yield data, within
        elif isinstance(value, (dict, list)) and len(within) < _MAX_DEPTH:
            inner = (value, *within) if isinstance(value, dict) else within
            waiting += [(each, inner) for each in (value.values() if isinstance(value, dict) else value)]


def member(around: Sequence[dict[str, Any]], names: Sequence[str]) -> Any:
    """A member of the innermost object that has one of these names, whatever its case, ``_`` and ``-``; else None."""
    for each in around:
        known = {key.lower().replace("_", "").replace("-", ""): value for key, value in each.items()}
        for name in names:
            if known.get(name) is not None:
                return known[name]
    return None
