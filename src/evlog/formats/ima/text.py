"""IMA template data as text and back: the fields of a line of the ascii list.

Source: Linux, security/integrity/ima/ima_template_lib.c, the functions that show a field. The text leaves out the
byte order of the lengths, and the NUL after a name; so there may be several readings of a line, and the template
digest says which is right. Of a template that nobody has described, digests and names are told by their looks.
"""

from __future__ import annotations

from evlog.contents._ima_fields import LEGACY, TEXTS, field_names, join_fields, split_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TextError", "readings", "text_of"]

_HEX = frozenset(("d", "sig", "evmsig", "modsig", "buf", "xattrvalues", "xattrlengths", "ns"))
_DIGESTS = frozenset(("d-ng", "d-ngv2", "d-modsig"))
_NAMES = frozenset(("n", "n-ng"))
_INTEGERS = {"iuid": 4, "igid": 4, "imode": 2}


class TextError(Exception):
    """A field that its text cannot be, or template data that has no text."""


def text_of(template: str, data: bytes) -> bytes:
    """The fields as the kernel prints them, between single blanks. Raises TextError for data that has no text."""
    found = split_fields(template, data)
    if found is None:
        raise TextError(f"the data is not made of the fields of template {template}")
    byteorder, values = found
    names = field_names(template) or ("",) * len(values)
    return b" ".join(_field_text(name, value, byteorder) for name, value in zip(names, values, strict=True))


def readings(template: str, text: bytes, orders: tuple[str, ...]) -> Iterator[bytes]:
    """The template data that the fields' text may stand for, in each of the byte orders; names with a NUL first.

    Raises TextError if there is none.
    """
    names = field_names(template)
    parts = text.split(b" ")
    if names is None:
        names = ("",) * len(parts)
    parts = _fit(names, parts, template)
    for order in orders:
        for ending in (b"\0", b""):
            if template == LEGACY and ending:
                continue
            values = tuple(_field(name, part, order, ending) for name, part in zip(names, parts, strict=True))
            yield join_fields(template, values, order)


def _fit(names: tuple[str, ...], parts: list[bytes], template: str) -> list[bytes]:
    """A part for each field: a name with blanks in it has taken more, blanks stripped from the end have left less."""
    surplus = len(parts) - len(names)
    if surplus < 0:
        return parts + [b""] * -surplus
    if surplus:
        at = next((at for at, name in enumerate(names) if name in _NAMES), None)
        if at is None:
            raise TextError(f"{len(parts)} fields, template {template} has {len(names)}")
        parts[at : at + surplus + 1] = [b" ".join(parts[at : at + surplus + 1])]
    return parts


def _field(name: str, text: bytes, byteorder: str, ending: bytes) -> bytes:
    """A field's bytes from its text; a field that nobody has described is told by its looks."""
    if name in _DIGESTS:
        return _digest(text)
    if name in _HEX:
        return _unhex(text)
    if name in _NAMES or name in TEXTS:
        return text + ending
    if name == "xattrnames":
        return text + b"\0" if text else b""
    if name in _INTEGERS:
        return _integer(text, _INTEGERS[name], byteorder)
    try:
        return _digest(text)
    except TextError:
        return text + ending


def _digest(text: bytes) -> bytes:
    """``sha256:6e34...`` or ``verity:sha256:6e34...``; no text for no field."""
    if not text:
        return b""
    algorithm, colon, digest = text.rpartition(b":")
    if not colon or not algorithm:
        raise TextError("a digest without its algorithm")
    return algorithm + b":\0" + _unhex(digest)


def _unhex(text: bytes) -> bytes:
    try:
        value = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        raise TextError("a field that is not hex") from None
    if len(text) != 2 * len(value):
        raise TextError("hex with blanks in it")
    return value


def _integer(text: bytes, size: int, byteorder: str) -> bytes:
    if not text:
        return b""
    if not text.isdigit() or len(text) > 10 or int(text) >> 8 * size:
        raise TextError(f"a number that {size} bytes cannot hold")
    return int(text).to_bytes(size, byteorder)  # type: ignore[arg-type]


def _digest_text(value: bytes) -> bytes:
    algorithm, colon, digest = value.partition(b":\0")
    if not value:
        return b""
    if not colon:
        raise TextError("a digest without its algorithm")
    return algorithm + b":" + digest.hex().encode()


def _field_text(name: str, value: bytes, byteorder: str) -> bytes:
    if name in _DIGESTS:
        return _digest_text(value)
    if name in _HEX:
        return value.hex().encode()
    if name in _NAMES or name in TEXTS or name == "xattrnames":
        return value.removesuffix(b"\0")
    if name in _INTEGERS:
        return str(int.from_bytes(value, byteorder)).encode() if value else b""  # type: ignore[arg-type]
    if b":\0" in value[:32]:
        return _digest_text(value)
    if value.endswith(b"\0"):
        return value[:-1]
    raise TextError("a field that nobody has described")
