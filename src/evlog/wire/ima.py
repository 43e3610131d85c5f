"""Entries of the binary IMA list, declared: the reference for the fast scanner and for the writer.

Source: Linux, security/integrity/ima/ima_fs.c, ima_measurements_show(). Integers are in the byte order of the host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from construct import (
    Bytes,
    Const,
    ExprValidator,
    IfThenElse,
    Int32ub,
    Int32ul,
    Rebuild,
    Struct,
    len_,
    this,
)

from evlog import wire

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MAX_NAME", "MAX_PCR", "entries", "entry"]

#: Bounds beside the fields that they bound: the longest name that the kernel restores, and the widest ``pcr=`` that a
#: policy can ask for. A name is printable and has no blank, or the ascii list could not show it.
MAX_NAME, MAX_PCR = 255, 63
LEGACY = b"ima"


def printable(name: bytes) -> bool:
    """Whether a template name can be one."""
    return 0 < len(name) <= MAX_NAME and all(0x21 <= byte <= 0x7E for byte in name)


def entry(digest_size: int, byteorder: str = "little", *, sized: bool = False) -> Any:
    """An entry of a list whose template digests have this size: of one bank, that is.

    ``sized`` is whether the digest has its length before it, as some patched kernels write it.

    The legacy template's data has no overall length: a SHA-1 digest, then the length of a name, then the name.
    """
    integer: Any = Int32ul if byteorder == "little" else Int32ub
    legacy = Struct(
        "file_digest" / Bytes(20),
        "name_length" / Rebuild(integer, len_(this.name)),
        "name" / Bytes(this.name_length),
    )
    lengthy = Struct(
        "data_length" / Rebuild(integer, len_(this.data)),
        "data" / Bytes(this.data_length),
    )
    name = ExprValidator(Bytes(this.template_name_length), lambda value, _: printable(value))
    return Struct(
        "pcr_index" / wire.Bounded(integer, MAX_PCR, "PCR index"),
        *(("digest_length" / Const(digest_size, integer),) if sized else ()),
        "template_digest" / Bytes(digest_size),
        "template_name_length"
        / Rebuild(wire.Bounded(integer, MAX_NAME, "template name length"), len_(this.template_name)),
        "template_name" / name * f"template name: printable, at most {MAX_NAME} bytes",
        "template_data" / IfThenElse(this.template_name == LEGACY, legacy, lengthy),
    )


def entries(
    data: bytes, digest_size: int, byteorder: str = "little", *, sized: bool = False
) -> Iterator[tuple[int, Any]]:
    """Offset and content of each entry: the slow, plain twin of the scanner. Raises ParseError where entries end."""
    declaration = entry(digest_size, byteorder, sized=sized)
    position = 0
    number = 0
    while position < len(data):
        record = wire.parse(declaration, data, position, where=f"events[{number}]")
        yield position, record
        position += len(declaration.build(record))
        number += 1
