"""Bytes written in letters, without anything around them: hex and base64."""

from __future__ import annotations

import base64
import binascii
import re

from evlog.intake.places import SHORTEST, Layer, Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from evlog.intake.budget import Budget

__all__ = ["layers", "places"]

_HEX = frozenset(b"0123456789abcdefABCDEF \t\r\n")
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_= \t\r\n")
#: What people put around hex.
_AROUND = re.compile(rb"\s*(?:[hHxX]?[\"'])?(?:0[xX])?(?=[0-9A-Za-z+/])")


def places(data: bytes, budget: Budget) -> Iterator[Place]:
    """The bytes that a text of nothing but letters writes."""
    yield Place("", layers(data, budget))


def layers(text: bytes, budget: Budget) -> Iterator[Layer]:
    """The same, as layers of the text."""
    text = _bare(text)
    # The first bytes decide cheaply.
    head = text[:SHORTEST]
    if len(text) < SHORTEST:
        return
    if _HEX.issuperset(head) and not text.translate(None, bytes(_HEX)):
        budget.spend(len(text) // 2)
        try:
            yield Layer("hex", bytes.fromhex(text.decode("ascii")))
        except ValueError:
            pass
    elif _BASE64.issuperset(head) and not text.translate(None, bytes(_BASE64)):
        budget.spend(len(text) // 4 * 3)
        compact = text.translate(bytes.maketrans(b"-_", b"+/"), b" \t\r\n").rstrip(b"=")
        try:
            yield Layer("base64", base64.b64decode(compact + b"=" * (-len(compact) % 4), validate=True))
        except binascii.Error:
            pass


def _bare(text: bytes) -> bytes:
    """Without what people put around hex: ``0x``, quotes, ``h'...'``."""
    start = text[:16].lstrip()
    if start and start[:1] in b"0\"'hHxX" and start[:2] not in (b"00", b"01"):
        found = _AROUND.match(text, 0, 64)
        if found is not None and found.end() and _HEX.issuperset(text[found.end() : found.end() + SHORTEST - 4]):
            return text[found.end() :].rstrip().removesuffix(b";").rstrip(b"\"'")
    return text
