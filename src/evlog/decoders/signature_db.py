"""Signature databases: which certificates and hashes firmware and shim trust or revoke.

Spec: UEFI 2.10, section 32.4.1 (EFI_SIGNATURE_LIST, EFI_SIGNATURE_DATA); TCG PC Client Platform Firmware Profile 1.06,
section 3.3.4.8 (the authority that an image was verified with is logged as one EFI_SIGNATURE_DATA).
Departures: a damaged database keeps the lists that were read; some firmware measures one EFI_SIGNATURE_DATA as the
value of a database; old versions of shim log a certificate without its owner.
"""

from __future__ import annotations

import struct

from evlog._record import Record
from evlog.cursor import guid_text
from evlog.decoders import NO_CONTEXT, Context, Cursor, Decoded, Raw
from evlog.decoders.certificate import Certificate
from evlog.decoders.guid import guid_name
from evlog.errors import ParseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Signature", "SignatureDatabase", "SignatureHash", "SignatureList", "authority", "database", "entries"]

_X509 = "a5c059a1-94e4-4aa7-87b5-ab155c2bf072"
#: Signature types that are a hash: algorithm, size, whether EFI_TIME follows.
_HASHES = {
    "826ca512-cf10-4ac9-b187-be01496631bd": ("sha1", 20, False),
    "0b6e5233-a65c-44c9-9407-d9ab83bfc8bd": ("sha224", 28, False),
    "c1c41626-504c-4092-aca9-41f936934328": ("sha256", 32, False),
    "ff3e5307-9fd0-48c9-85f1-8ad56c701e01": ("sha384", 48, False),
    "093e0fae-a6c4-4f50-9f1b-d41e2b89c19a": ("sha512", 64, False),
    "3bd2a492-96c0-4079-b420-fcf98ef103ed": ("sha256", 32, True),
    "7076876e-80c2-4ee6-aad2-28b349a6865b": ("sha384", 48, True),
    "446dbf63-2502-4cda-bcfa-2465d2b0fe9d": ("sha512", 64, True),
}
#: Types of lists: these, and keys in RSA-2048 (also with SHA-256, with SHA-1), PKCS #7, external management.
_LIST_TYPES = frozenset(
    (
        _X509,
        *_HASHES,
        "3c5766e8-269c-4e34-aa14-ed776e85b3b6",
        "e2b36190-879b-4a3d-ad8d-f2e7bba32784",
        "67f8444f-8743-48f1-a328-1eaab8736080",
        "4aafd29d-68df-49ee-8aa9-347d375665a7",
        "452e8ced-dfff-4b8c-ae01-5118862e682c",
    )
)
_HASH_SIZES = {size: algorithm for algorithm, size, timed in _HASHES.values() if not timed}
_OWNER = 16
#: How certificates begin: a SEQUENCE with a length of one or two bytes.
_DER = (b"\x30\x81", b"\x30\x82")
_TIME = struct.Struct("<HBBBBBxIhBx")


class SignatureHash(Decoded):
    """The hash of an image, or, with the time from which on it is revoked, of a certificate's TBS part.

    A revocation time of None on a certificate's hash means that it never was valid.
    """

    algorithm: str
    digest: bytes
    of_certificate: bool = False
    revocation_time: str | None = None

    kind = "signature_hash"

    def describe(self) -> str:
        return f"{self.algorithm} {self.digest.hex()}"


class Signature(Decoded):
    """EFI_SIGNATURE_DATA: who put the signature there, and what it is. Old shim logs no owner."""

    owner: str | None
    owner_name: str | None
    value: Decoded

    kind = "signature"

    def describe(self) -> str:
        return self.value.describe()


class SignatureList(Record):
    """EFI_SIGNATURE_LIST: signatures of one type."""

    signature_type: str
    type_name: str | None
    header: bytes
    signatures: tuple[Signature, ...]


class SignatureDatabase(Decoded):
    """The lists of a variable such as db; ``notes`` say where damage ended them, ``trailing`` is what follows."""

    lists: tuple[SignatureList, ...]
    notes: tuple[str, ...] = ()
    trailing: bytes = b""

    kind = "signature_database"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> SignatureDatabase:
        """Read lists to the end of the cursor. Raises ParseError if there is not even one."""
        lists: list[SignatureList] = []
        while cursor.left:
            at = cursor.at
            try:
                lists.append(_list(cursor))
            except ParseError as error:
                if not lists:
                    raise
                cursor.at = at
                return cls(tuple(lists), (str(error),), cursor.rest())
        return cls(tuple(lists))

    def describe(self) -> str:
        names = [s.describe() for part in self.lists if part.signature_type == _X509 for s in part.signatures]
        others: dict[str, int] = {}
        for part in self.lists:
            if part.signature_type != _X509:
                name = part.type_name or part.signature_type
                others[name] = others.get(name, 0) + len(part.signatures)
        return ", ".join(names + [f"{count} {name}" for name, count in others.items()]) or "empty"


def _list(cursor: Cursor) -> SignatureList:
    signature_type, header, entries = _entries(cursor)
    signatures = tuple(_signature(entry, signature_type) for entry in entries)
    return SignatureList(signature_type, guid_name(signature_type), header, signatures)


def _entries(cursor: Cursor) -> tuple[str, bytes, list[Cursor]]:
    """The type of a list, its header, and a cursor for each of its EFI_SIGNATURE_DATA. Raises ParseError."""
    start = cursor.at
    signature_type = cursor.guid("signature_type")
    list_size, header_size, size = (cursor.u32(f) for f in ("list_size", "header_size", "signature_size"))
    if not 28 + header_size <= list_size <= cursor.end - start:
        message = f"a signature list of {list_size} bytes, {cursor.end - start} left"
        raise cursor.error(message, "list_size", at=start)
    if size < _OWNER or (list_size - 28 - header_size) % size:
        message = f"signatures of {size} bytes in {list_size - 28 - header_size}"
        raise cursor.error(message, "signature_size", at=start)
    header = cursor.take(header_size, "signature_header")
    count = (list_size - 28 - header_size) // size
    return signature_type, header, [cursor.sub(size, f"signatures[{n}]") for n in range(count)]


def entries(cursor: Cursor) -> Iterator[tuple[str, bytes]]:
    """Owner and bytes of each signature in lists that go on to the end of the cursor. Raises ParseError."""
    while cursor.left:
        _, _, listed = _entries(cursor)
        for entry in listed:
            yield entry.guid("signature_owner"), entry.rest()


def _signature(cursor: Cursor, signature_type: str) -> Signature:
    owner = cursor.guid("signature_owner")
    return Signature(owner, guid_name(owner), _value(cursor, signature_type))


def _value(cursor: Cursor, signature_type: str) -> Decoded:
    known = _HASHES.get(signature_type)
    if known is not None:
        algorithm, size, timed = known
        if cursor.left == size + (16 if timed else 0):
            digest = cursor.take(size, "hash")
            return SignatureHash(algorithm, digest, timed, _time(cursor) if timed else None)
    if signature_type == _X509:
        return _certificate(cursor)
    name = guid_name(signature_type)
    return Raw(f"{name} signature" if name else f"unknown signature type {signature_type}", cursor.rest())


def _certificate(cursor: Cursor) -> Decoded:
    """A certificate with what follows it, or the bytes and why they are none."""
    fork = cursor.fork()
    try:
        certificate = Certificate.read(fork, NO_CONTEXT)
    except ParseError as error:
        return Raw(f"not a certificate: {error}", cursor.rest(), damaged=True)
    cursor.at = fork.at
    return certificate.replace(trailing=cursor.rest()) if cursor.left else certificate


def _time(cursor: Cursor) -> str | None:
    """EFI_TIME as ISO 8601; None if it is all zero."""
    if not cursor.peek(16).strip(b"\0"):
        cursor.take(16, "time_of_revocation")
        return None
    year, month, day, hour, minute, second, _, zone, _ = cursor.unpack(_TIME, "time_of_revocation")
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{_zone(zone)}"


def _zone(minutes: int) -> str:
    """EFI_TIME's zone, the minutes from local time to UTC, as ISO 8601; 2047 is none."""
    if minutes in (0, 2047):
        return "" if minutes else "Z"
    return f"{'-' if minutes > 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def database(cursor: Cursor, context: Context) -> Decoded:
    """The value of a database: lists, or the EFI_SIGNATURE_DATA of one certificate or SHA-256 hash. Raises ParseError.

    Lists come first, if their sizes add up; what begins with the type of a list is never a signature's owner.
    """
    fork = cursor.fork()
    try:
        lists = SignatureDatabase.read(fork, context)
    except ParseError:
        start = cursor.peek(_OWNER + 2)
        if len(start) < _OWNER or guid_text(start[:_OWNER]) in _LIST_TYPES:
            raise
        if cursor.left == _OWNER + 32:
            return _hash(cursor, "sha256")
        if start[_OWNER:] in _DER:
            return _signature(cursor, _X509)
        raise
    cursor.at = fork.at
    return lists


def _hash(cursor: Cursor, algorithm: str) -> Signature:
    """A signature that is a hash, which is all that is left behind its owner."""
    owner = cursor.guid("signature_owner")
    return Signature(owner, guid_name(owner), SignatureHash(algorithm, cursor.rest()))


def authority(cursor: Cursor, context: Context) -> Decoded:
    """What an image was verified with: lists, EFI_SIGNATURE_DATA, or a bare certificate. Raises ParseError."""
    fork = cursor.fork()
    try:
        database = SignatureDatabase.read(fork, context)
    except ParseError:
        pass
    else:
        if not database.notes:
            cursor.at = fork.at
            return database
    start = cursor.peek(_OWNER + 2)
    if start[_OWNER:] in _DER and start[:2] not in _DER:
        return _signature(cursor, _X509)
    algorithm = _HASH_SIZES.get(cursor.left - _OWNER)
    if algorithm is not None:
        return _hash(cursor, algorithm)
    if start[:2] in _DER:
        return Signature(None, None, _certificate(cursor))
    raise cursor.error(f"{cursor.left} bytes that are neither signature lists, a signature nor a certificate")
