"""JSON documents that hold evidence in pieces, each member in one of the spellings of bytes: furniture of two sources.

Bytes are written as hex, as base64 (also with the letters of URLs, and without padding), as PEM, or as an array of
numbers. What a member is follows from its bytes or from its name, never from its place alone.
"""

from __future__ import annotations

from evlog._record import loads, lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    #: Where a member stands: the place of what is around it and its name or number there; () for the whole.
    Place = tuple[()] | tuple["Place", str | int]

__all__ = [
    "TPM_QUOTE",
    "base64url",
    "bytes_in",
    "document",
    "holder",
    "is_quote",
    "member",
    "pairs",
    "parsed",
    "path",
    "token",
]

#: How TPMS_ATTEST of a quote begins: TPM_GENERATED_VALUE and TPM_ST_ATTEST_QUOTE, big-endian.
TPM_QUOTE = b"\xff\x54\x43\x47\x80\x18"
_MAX_DEPTH = 8
# White space in front of a document, and characters of a member's name that a path shows.
_BLANKS, _NAME = 256, 64
#: What an object in base64 begins with whose first member is named at once: ``{"``.
_TOKEN = b"eyJ"
# No document of evidence has as many members.
_MAX_MEMBERS = 1 << 16
# Letters of a digest in hex: a document has hundreds, and no quote is so short.
_DIGESTS = frozenset({40, 64, 96, 128})


@lru_cache(maxsize=1)
def document(data: bytes) -> Any:
    """The JSON document, or None. Each source asks for it in turn; nobody may change it."""
    return parsed(data)


def parsed(data: bytes) -> Any:
    """The JSON object or array that the bytes are, or None."""
    if data[:_BLANKS].lstrip()[:1] not in (b"{", b"["):
        return None
    try:
        return loads(data, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        return None


class Doubled(dict[str, "Any"]):
    """An object of which members have one name: ``pairs`` are all of them, and the last of a name counts elsewhere."""

    pairs: list[tuple[str, Any]]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    doubled = Doubled(found)
    doubled.pairs = pairs
    return doubled


def pairs(found: dict[str, Any]) -> list[tuple[str, Any]]:
    """The members of an object, also those of one name."""
    return found.pairs if isinstance(found, Doubled) else list(found.items())


def token(data: bytes) -> bytes | None:
    """The claims of a JSON Web Token in its compact form (RFC 7519): of three parts the middle one; else None."""
    if data[:_BLANKS].lstrip()[:3] != _TOKEN:
        return None
    parts = data.split(b".")
    found = base64url(parts[1].decode("ascii", "replace")) if len(parts) == 3 else b""
    return found if found[:1] == b"{" else None


def path(place: Place) -> str:
    """A place as people read it: ``tpm.pcr07``, ``pcrs[3].sha256``."""
    parts: list[str] = []
    while place:
        place, name = place
        parts.append(f"[{name}]" if isinstance(name, int) else f".{name[:_NAME]}")
    return "".join(reversed(parts)).removeprefix(".")


def bytes_in(value: Any) -> bytes | None:
    """The bytes that a member writes, or None."""
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
        return _base64(text, url="-" in text or "_" in text)


def _base64(text: str, *, url: bool) -> bytes | None:
    """The bytes of base64, with or without padding."""
    import base64
    import binascii

    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_" if url else None, validate=True)
    except (ValueError, binascii.Error):
        return None


def base64url(value: Any) -> bytes:
    """The bytes of base64, in whichever letters and with or without padding; none for anything else."""
    return _base64(value, url=True) or b"" if isinstance(value, str) else b""


def is_quote(data: bytes) -> bool:
    """Whether the bytes begin as a TPM quote does, or the same behind its size."""
    return data.startswith(TPM_QUOTE) or data[2:8] == TPM_QUOTE


def holder(found: Any, fits: Callable[[bytes], bool]) -> tuple[bytes, Sequence[dict[str, Any]]] | None:
    """The first member whose bytes fit, and the objects around it, the innermost first; None if there is none."""
    for data, around in _members(found, ()):
        if fits(data):
            return data, around
    return None


def _members(found: Any, around: tuple[dict[str, Any], ...]) -> Iterator[tuple[bytes, Sequence[dict[str, Any]]]]:
    """Every member that writes bytes, but for digests."""
    # It grows while it is read, so that the outer members come first.
    waiting: list[tuple[Any, tuple[dict[str, Any], ...]]] = [(found, around)]
    for value, within in waiting:
        if len(waiting) > _MAX_MEMBERS:
            return
        data = None if _is_digest(value) else bytes_in(value)
        if data is not None:
            yield data, within
        elif isinstance(value, (dict, list)) and len(within) < _MAX_DEPTH:
            inner = (value, *within) if isinstance(value, dict) else within
            waiting += [(each, inner) for each in (value.values() if isinstance(value, dict) else value)]


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and len(value) in _DIGESTS and not value.strip("0123456789abcdefABCDEF")


def member(around: Sequence[dict[str, Any]], names: Sequence[str]) -> Any:
    """A member of the innermost object that has one of these names, whatever its case, ``_`` and ``-``; else None."""
    for each in around:
        known = {key.lower().replace("_", "").replace("-", ""): value for key, value in each.items()}
        for name in names:
            if known.get(name) is not None:
                return known[name]
    return None
