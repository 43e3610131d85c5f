"""The template data of IMA entries, taken apart: which fields a template has, and what is in them.

Source: Linux, security/integrity/ima/ima_template.c and ima_template_lib.c; Documentation/security/IMA-templates.rst;
the IMA event log format document of the linux-integrity project. Integers are in the byte order of the host that
wrote the list, but for the signature size of a signature header, which is big-endian. Templates of kernels that
attest containers: "ima: created new ima template ima-dep-cgn" and "ima-cgpath" (linux-integrity, December 2022), "ima:
Add a new ima template that includes namespace ID" (August 2020); none of them was merged.
"""

from __future__ import annotations

import struct

from evlog._record import Record, lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar, TypeAlias

    _Plan: TypeAlias = tuple[tuple[str, str, Callable[[bytes, str], Any]], ...]

__all__ = [
    "FIELDS",
    "LEGACY",
    "TEMPLATES",
    "TEXTS",
    "FileDigest",
    "ImaFields",
    "Signature",
    "decode",
    "described",
    "field_names",
    "join_fields",
    "split_fields",
]

#: The template whose data has no overall length and is not hashed as it stands.
LEGACY = "ima"

#: Fields of each template, in the order of the data. Any other name with ``|`` is the list of its own fields.
TEMPLATES: dict[str, tuple[str, ...]] = {
    LEGACY: ("d", "n"),
    "ima-ng": ("d-ng", "n-ng"),
    "ima-sig": ("d-ng", "n-ng", "sig"),
    "ima-ngv2": ("d-ngv2", "n-ng"),
    "ima-sigv2": ("d-ngv2", "n-ng", "sig"),
    "ima-buf": ("d-ng", "n-ng", "buf"),
    "ima-modsig": ("d-ng", "n-ng", "sig", "d-modsig", "modsig"),
    "evm-sig": (
        "d-ng", "n-ng", "evmsig", "xattrnames", "xattrlengths", "xattrvalues", "iuid", "igid", "imode",
    ),
    "ima-dep-cgn": ("dep", "cgn", "d-ng", "n-ng"),
    "ima-cgpath": ("dep", "cg-path", "d-ng", "n-ng"),
    "ima-ns": ("d-ng", "n-ng", "ns"),
}  # fmt: skip

#: Fields of patched kernels that are text with a NUL: who started the process, and its control group.
TEXTS = frozenset(("dep", "cgn", "cg-path"))

# Where the fields of a template go in `ImaFields`.
_DECODED = {
    **dict.fromkeys(("d", "d-ng", "d-ngv2"), "file_digest"),
    **dict.fromkeys(("n", "n-ng"), "name"),
    **dict.fromkeys(("xattrnames", "xattrlengths", "xattrvalues"), "extended"),
    "sig": "signature",
    "evmsig": "evm_signature",
    "d-modsig": "modsig_digest",
    "modsig": "modsig",
    "buf": "buffer",
    "iuid": "uid",
    "igid": "gid",
    "imode": "mode",
}

#: Every field that a template may name; ``ns`` is the number of a namespace.
FIELDS = frozenset((*_DECODED, *TEXTS, "ns"))

_ORDERS = {"little": "<", "big": ">"}
_LENGTHS = {sign: struct.Struct(sign + "I").unpack_from for sign in _ORDERS.values()}

# enum evm_ima_xattr_type; the types that a signature can have.
SIGNATURE_TYPES = {0x03: "EVM_IMA_XATTR_DIGSIG", 0x05: "EVM_XATTR_PORTABLE_DIGSIG", 0x06: "IMA_VERITY_DIGSIG"}
# enum hash_algo of include/uapi/linux/hash_info.h.
HASH_ALGORITHMS = (
    "md4", "md5", "sha1", "rmd160", "sha256", "sha384", "sha512", "sha224", "rmd128", "rmd256", "rmd320",
    "wp256", "wp384", "wp512", "tgr128", "tgr160", "tgr192", "sm3-256", "streebog256", "streebog512",
)  # fmt: skip


class FileDigest(Record):
    """What a ``d`` field says of a file: the hash algorithm by the kernel's name and the digest.

    ``algorithm`` is empty for the legacy field ``d``, whose digest is SHA-1 or MD5 and does not say which.
    ``type`` is ``ima`` or ``verity`` in the fields that have one: a hash of the file, or fs-verity's.
    """

    algorithm: str
    value: bytes
    type: str = ""


class Signature(Record):
    """The signature of a file as its extended attribute held it: struct signature_v2_hdr and what follows it.

    The key's algorithm (RSA, ECDSA, SM2) is not stated: it follows from the key that ``key_id`` names.
    """

    type: int
    version: int
    hash_algorithm: int
    key_id: bytes
    signature: bytes

    @property
    def type_name(self) -> str:
        """The kernel's name of the attribute's type, or its number in hex."""
        return SIGNATURE_TYPES.get(self.type) or f"{self.type:#04x}"

    @property
    def hash_name(self) -> str:
        """The kernel's name of the hash algorithm, or its number in hex."""
        if self.hash_algorithm < len(HASH_ALGORITHMS):
            return HASH_ALGORITHMS[self.hash_algorithm]
        return f"{self.hash_algorithm:#04x}"


class ImaFields(Record):
    """The fields of an entry, decoded; None for those that the template does not have, or leaves empty.

    ``name`` is bytes, as file names are. ``extended`` are the attributes that EVM covers, by name. ``undecoded`` are
    the fields that nobody has described, those of patched kernels, and those that cannot be what they should: names
    and bytes as recorded.
    """

    file_digest: FileDigest | None = None
    name: bytes | None = None
    signature: Signature | None = None
    evm_signature: Signature | None = None
    modsig_digest: FileDigest | None = None
    modsig: bytes | None = None
    buffer: bytes | None = None
    extended: tuple[tuple[str, bytes], ...] | None = None
    uid: int | None = None
    gid: int | None = None
    mode: int | None = None
    undecoded: tuple[tuple[str, bytes], ...] = ()

    kind: ClassVar[str] = "ima_fields"


def field_names(template: str) -> tuple[str, ...] | None:
    """The fields that a template's data is made of, or None for a template that nobody has described."""
    known = TEMPLATES.get(template)
    if known is None and ("|" in template or template in FIELDS):
        return tuple(template.split("|"))
    return known


def described(template: str) -> bool:
    """Whether all fields of a template are known."""
    names = field_names(template)
    return names is not None and FIELDS.issuperset(names)


def split_fields(template: str, data: bytes) -> tuple[str, tuple[bytes, ...]] | None:
    """The byte order and the fields of some template data, or None if the lengths in it do not fill it exactly.

    A template that nobody has described is split by its lengths alone.
    """
    names = field_names(template)
    for byteorder, sign in _ORDERS.items():
        values = _split_legacy(data, sign) if template == LEGACY else _split(data, sign)
        if values is not None and (names is None or len(values) == len(names)):
            return byteorder, values
    return None


def _split(data: bytes, sign: str) -> tuple[bytes, ...] | None:
    unpack = _LENGTHS[sign]
    values = []
    position, end = 0, len(data)
    while position < end:
        if end - position < 4:
            return None
        start = position + 4
        position = start + unpack(data, position)[0]
        if position > end:
            return None
        values.append(data[start:position])
    return tuple(values)


def _split_legacy(data: bytes, sign: str) -> tuple[bytes, ...] | None:
    if len(data) < 24 or struct.unpack_from(sign + "I", data, 20)[0] != len(data) - 24:
        return None
    return data[:20], data[24:]


def join_fields(template: str, values: tuple[bytes, ...], byteorder: str = "little") -> bytes:
    """The template data of these fields: the inverse of `split_fields`."""
    length = struct.Struct(_ORDERS[byteorder] + "I").pack
    if template == LEGACY:
        digest, name = values
        return digest + length(len(name)) + name
    return b"".join(length(len(value)) + value for value in values)


def decode(template: str, data: bytes) -> ImaFields | None:
    """The fields of some template data, or None if it cannot be taken apart. Never raises."""
    found = split_fields(template, data)
    if found is None:
        return None
    plan = _plan(template)
    return _decode_any(template, *found) if plan is None else _decode_by(plan, *found)


def _decode_by(plan: _Plan, byteorder: str, values: tuple[bytes, ...]) -> ImaFields:
    """The fields of a template whose fields are decoded one by one."""
    known = {target: read(value, byteorder) for (_, target, read), value in zip(plan, values, strict=True)}
    odd = [
        (name, value) for (name, target, _), value in zip(plan, values, strict=True) if value and known[target] is None
    ]
    return ImaFields(**known, undecoded=tuple(odd)) if odd else ImaFields(**known)


def _decode_any(template: str, byteorder: str, values: tuple[bytes, ...]) -> ImaFields | None:
    """The same of any template."""
    names = field_names(template)
    if names is None:
        return None
    raw = dict(zip(names, values, strict=True))
    known = ImaFields(
        file_digest=_file_digest(raw),
        name=_name(raw),
        signature=_signature(raw.get("sig", b"")),
        evm_signature=_signature(raw.get("evmsig", b"")),
        modsig_digest=_named_digest(raw.get("d-modsig", b"")),
        modsig=raw.get("modsig") or None,
        buffer=raw.get("buf"),
        extended=_extended(raw, byteorder),
        uid=_integer(raw.get("iuid", b""), 4, byteorder),
        gid=_integer(raw.get("igid", b""), 4, byteorder),
        mode=_integer(raw.get("imode", b""), 2, byteorder),
    )
    undecoded = tuple(
        (name, value)
        for name, value in zip(names, values, strict=True)
        if value and (name not in _DECODED or getattr(known, _DECODED[name]) is None)
    )
    return known.replace(undecoded=undecoded) if undecoded else known


@lru_cache(64)
def _plan(template: str) -> _Plan | None:
    """Name, place in `ImaFields` and reader of each field of a template; None if some field is not read by itself."""
    names = field_names(template) or ("",)
    targets = {_DECODED.get(name) for name in names}
    if len(targets) < len(names) or not _READERS.keys() >= set(names):
        return None
    return tuple((name, _DECODED[name], _READERS[name]) for name in names)


def _file_digest(raw: dict[str, bytes]) -> FileDigest | None:
    for field in ("d-ng", "d-ngv2"):
        if field in raw:
            return _named_digest(raw[field])
    return FileDigest("", raw["d"]) if "d" in raw else None


def _named_digest(value: bytes) -> FileDigest | None:
    """``sha256:``, NUL, digest; or with a type before it: ``verity:sha256:``, NUL, digest."""
    prefix, colon, digest = value.partition(b":\0")
    if not colon or not prefix.isascii():
        return None
    type, _, algorithm = prefix.decode("ascii").rpartition(":")
    return FileDigest(algorithm, digest, type)


def _name(raw: dict[str, bytes]) -> bytes | None:
    name = raw.get("n-ng", raw.get("n"))
    return name.removesuffix(b"\0") if name is not None else None


def _signature(value: bytes) -> Signature | None:
    if len(value) < 9:
        return None
    type, version, algorithm, key_id, size = struct.unpack_from(">BBB4sH", value)
    if type not in SIGNATURE_TYPES or size != len(value) - 9:
        return None
    return Signature(type, version, algorithm, key_id, value[9:])


def _extended(raw: dict[str, bytes], byteorder: str) -> tuple[tuple[str, bytes], ...] | None:
    """The values of the extended attributes, cut from one another by their lengths."""
    names = raw.get("xattrnames", b"").removesuffix(b"\0")
    lengths, values = raw.get("xattrlengths", b""), raw.get("xattrvalues", b"")
    if not names or len(lengths) % 4:
        return None
    sizes = struct.unpack(f"{_ORDERS[byteorder]}{len(lengths) // 4}I", lengths)
    split = names.split(b"|")
    if len(split) != len(sizes) or sum(sizes) != len(values):
        return None
    extended = []
    position = 0
    for name, size in zip(split, sizes, strict=True):
        extended.append((name.decode("utf-8", "backslashreplace"), values[position : position + size]))
        position += size
    return tuple(extended)


def _integer(value: bytes, size: int, byteorder: str) -> int | None:
    return int.from_bytes(value, byteorder) if len(value) == size else None  # type: ignore[arg-type]


#: Readers of fields that tell by themselves what they are.
_READERS: dict[str, Callable[[bytes, str], Any]] = {
    "d": lambda value, _: FileDigest("", value),
    **dict.fromkeys(("d-ng", "d-ngv2", "d-modsig"), lambda value, _: _named_digest(value)),
    **dict.fromkeys(("n", "n-ng"), lambda value, _: value.removesuffix(b"\0")),
    **dict.fromkeys(("sig", "evmsig"), lambda value, _: _signature(value)),
    "modsig": lambda value, _: value or None,
    "buf": lambda value, _: value,
    **dict.fromkeys(("iuid", "igid"), lambda value, byteorder: _integer(value, 4, byteorder)),
    "imode": lambda value, byteorder: _integer(value, 2, byteorder),
}
