"""Bytes written in letters, without anything around them: hex and base64."""

from __future__ import annotations

import base64
import binascii

from evlog.intake.places import SHORTEST, Layer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from evlog.intake.budget import Budget

__all__ = ["layers"]

_HEX = frozenset(b"0123456789abcdefABCDEF \t\r\n")
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_= \t\r\n")


def layers(text: bytes, budget: Budget) -> Iterator[Layer]:
    """The bytes that a text of nothing but letters writes, if there are as many as a record has."""
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
