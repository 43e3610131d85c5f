"""PE images: the Authenticode digest that firmware measures, sections as they are loaded, and the certificate table.

Spec: Microsoft, Windows Authenticode Portable Executable Signature Format, "Calculating the PE Image Hash"; TCG PC
Client Platform Firmware Profile 1.06, section 3.3.4.1. Source: edk2 SecurityPkg/Tcg/Tcg2Dxe/MeasureBootPeCoff.c, which
takes the sum of the raw sizes for an offset: behind a gap between sections some bytes are hashed twice.
"""

from __future__ import annotations

import struct

from evlog._record import Record
from evlog.errors import ParseError, TruncatedError

__all__ = ["PE", "Section", "padded_to_be_signed", "read"]

_PE32, _PE32_PLUS = 0x10B, 0x20B
_SECTION = struct.Struct("<8sIIII12xI")
_CERTIFICATE = struct.Struct("<IHH")
#: WIN_CERT_TYPE_PKCS_SIGNED_DATA
_PKCS7 = 2
# More signatures than this are read by nobody.
_MAX_SIGNATURES = 64


class Section(Record):
    """A row of the section table: its name, where its bytes are in the file, and how many are loaded."""

    name: str
    virtual_size: int
    raw_offset: int
    raw_size: int


class PE(Record):
    """An image: the runs of its bytes that are hashed, its sections in table order, and its certificate table."""

    data: bytes
    spans: tuple[tuple[int, int], ...]
    sections: tuple[Section, ...]
    certificates: tuple[int, int]

    def hashed(self) -> bytes:
        """The bytes that the Authenticode digest covers, in their order; at most twice the file."""
        return b"".join(self.data[start:end] for start, end in self.spans)

    def loaded(self, section: Section) -> bytes:
        """A section as it is in memory: VirtualSize bytes, with zeros where the file has fewer.

        Raises ParseError for one that is larger than the file by more than a page: nobody pads so much.
        """
        raw = self.data[section.raw_offset : section.raw_offset + min(section.raw_size, section.virtual_size)]
        missing = section.virtual_size - len(raw)
        if missing > 1 << 20:
            raise ParseError(f"{missing} bytes of a section are not in the file", offset=section.raw_offset)
        return raw + bytes(missing)

    def section(self, name: str) -> bytes | None:
        """The first section of this name, as loaded, or None."""
        for each in self.sections:
            if each.name == name:
                return self.loaded(each)
        return None

    def signatures(self) -> tuple[bytes, ...]:
        """The PKCS #7 signatures of the certificate table, in order. Raises ParseError for a damaged table."""
        at, size = self.certificates
        end = at + size
        found: list[bytes] = []
        while at + _CERTIFICATE.size <= end and len(found) < _MAX_SIGNATURES:
            length, _, kind = _CERTIFICATE.unpack_from(self.data, at)
            if not _CERTIFICATE.size <= length <= end - at:
                raise ParseError(f"a certificate of {length} bytes, {end - at} left", offset=at, where="certificates")
            if kind == _PKCS7:
                found.append(self.data[at + _CERTIFICATE.size : at + length])
            at += (length + 7) & ~7
        return tuple(found)


def read(data: bytes) -> PE:
    """Read an image. Raises ParseError, with the offset, for what firmware would not measure."""
    pe = _u32(data, 0x3C, "e_lfanew") if data[:2] == b"MZ" else 0
    if data[pe : pe + 4] != b"PE\0\0":
        raise ParseError("no PE image: PE and two NULs expected", offset=min(pe, len(data)), where="signature")
    count, symbols, symbol_count, optional_size = (
        _u16(data, pe + 6, "NumberOfSections"),
        _u32(data, pe + 12, "PointerToSymbolTable"),
        _u32(data, pe + 16, "NumberOfSymbols"),
        _u16(data, pe + 20, "SizeOfOptionalHeader"),
    )
    optional = pe + 24
    magic = _u16(data, optional, "Magic")
    if magic not in (_PE32, _PE32_PLUS):
        raise ParseError(f"magic {magic:#x}, 0x10b or 0x20b expected", offset=optional, where="optional header")
    directories = optional + (92 if magic == _PE32 else 108)
    headers = _u32(data, optional + 60, "SizeOfHeaders")
    number = _u32(data, directories, "NumberOfRvaAndSizes")
    checksum = optional + 64
    table = optional + optional_size
    if table + 40 * count > len(data):
        raise TruncatedError(
            f"{count} sections of 40 bytes, {max(0, len(data) - table)} left", offset=table, where="section table"
        )
    if not table + 40 * count <= headers <= len(data):
        raise ParseError(
            f"SizeOfHeaders is {headers}, {table + 40 * count} to {len(data)} expected", offset=optional + 60
        )
    entry = directories + 4 + 4 * 8
    if number > 4:
        if entry + 8 > headers:
            raise ParseError(
                "the certificate table's entry is behind the headers", offset=entry, where="data directory"
            )
        at, size = _u32(data, entry, "certificates"), _u32(data, entry + 4, "certificates")
        spans = [(0, checksum), (checksum + 4, entry), (entry + 8, headers)]
    else:
        at, size = 0, 0
        spans = [(0, checksum), (checksum + 4, headers)]
    if size and not at <= len(data) - size:
        raise ParseError(f"{size} bytes of certificates at {at}, the file has {len(data)}", offset=entry)
    sections = tuple(_sections(data, table, count, symbols + 18 * symbol_count if symbols else 0))
    total = headers
    for section in sorted((each for each in sections if each.raw_size), key=lambda each: each.raw_offset):
        if section.raw_offset > len(data) - section.raw_size:
            message = f"a section of {section.raw_size} bytes at {section.raw_offset}, the file has {len(data)}"
            raise TruncatedError(message, offset=table, where="section table")
        spans.append((section.raw_offset, section.raw_offset + section.raw_size))
        total += section.raw_size
    if total + size > len(data):
        # Overlapping sections may add up to anything: what firmware refuses is not hashed here either.
        message = f"headers, sections and certificates are {total + size} bytes, the file has {len(data)}"
        raise ParseError(message, offset=table, where="section table")
    if len(data) > total + size:
        spans.append((total, len(data) - size))
    return PE(data, tuple(spans), sections, (at, size))


def padded_to_be_signed(data: bytes) -> bytes:
    """The file as a signer fills it before it appends its table: zeros to a multiple of 8, which are hashed."""
    return data + bytes(-len(data) % 8)


def _sections(data: bytes, table: int, count: int, strings: int) -> list[Section]:
    found = []
    for at in range(table, table + 40 * count, 40):
        name, virtual, _, raw, offset, _ = _SECTION.unpack_from(data, at)
        found.append(Section(_name(data, name.rstrip(b"\0"), strings), virtual, offset if raw else 0, raw))
    return found


def _name(data: bytes, name: bytes, strings: int) -> str:
    """A section's name, which may stand in the string table: ``/4``."""
    if strings and name[:1] == b"/" and name[1:].isdigit():
        at = strings + int(name[1:])
        long = data[at : at + 256].partition(b"\0")[0]
        return long.decode("latin-1")
    return name.decode("latin-1")


def _u16(data: bytes, at: int, field: str) -> int:
    return int.from_bytes(_take(data, at, 2, field), "little")


def _u32(data: bytes, at: int, field: str) -> int:
    return int.from_bytes(_take(data, at, 4, field), "little")


def _take(data: bytes, at: int, size: int, field: str) -> bytes:
    if at + size > len(data):
        message = f"{size} bytes expected, {max(0, len(data) - at)} left"
        raise TruncatedError(message, offset=min(at, len(data)), where=field)
    return data[at : at + size]
