"""Base64 between lines that name what it is, as PEM (RFC 7468) has it, and as ``certutil -encode`` writes any file."""

from __future__ import annotations

import base64
import binascii
import re

from evlog.intake.places import Layer, Place, printable, step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from evlog.intake.budget import Budget

__all__ = ["places"]

_BLOCK = re.compile(rb"-----BEGIN ([^\r\n-]{1,64})-----([^-]*)-----END [^\r\n-]{1,64}-----")
_HEADERS = re.compile(rb"\s*(?:[A-Za-z-]+: [^\n]*\n)+\s*\n")


def places(text: bytes, budget: Budget) -> Iterator[Place]:
    """What stands between such lines: the text, if there is one block, else each by its number, from 1."""
    found = list(_BLOCK.finditer(text)) if b"-----BEGIN " in text[:4096] else []
    for number, block in enumerate(found, 1):
        body = block[2][_headers(block[2]) :]
        budget.spend(len(body))
        try:
            data = base64.b64decode(body.translate(None, b" \t\r\n"), validate=True)
        except binascii.Error:
            continue
        name = printable(block[1].decode("latin-1"))
        layer = Layer(f"base64 between BEGIN {name} and END, {len(data)} bytes", data)
        yield Place(step(number) if len(found) > 1 else "", [layer], *block.span())


def _headers(body: bytes) -> int:
    found = _HEADERS.match(body)
    return found.end() if found is not None else 0
