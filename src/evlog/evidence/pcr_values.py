"""The binary PCR file of tpm2-tools (``tpm2_quote -o``, ``tpm2_pcrread -o`` with ``-F serialized``).

Layout (tpm2-tools, lib/pcr.c), little-endian: a TPML_PCR_SELECTION as it stands in memory (u32 count, then 16 slots
of 8 bytes: u16 hash, u8 sizeofSelect, 4 bytes of bitmap, 1 unused), then a u32 count of TPML_DIGEST, each as in
memory: u32 count, then 8 slots of u16 size and 64 bytes. Values follow the selection, lowest PCR first.
"""

from __future__ import annotations

from evlog.algorithms import HashAlg
from evlog.cursor import Cursor
from evlog.evidence import Credentials, Evidence, Material
from evlog.registers import Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ID = "pcr-values"
TITLE = "PCR values in the binary form of tpm2-tools"
KINDS = ("register-file",)

_SLOTS, _SLOT = 16, 8
_DIGESTS, _DIGEST = 8, 66
_LISTS_AT = 4 + _SLOTS * _SLOT
_LIST = 4 + _DIGESTS * _DIGEST


def claims(material: Material) -> bool:
    data = material.data
    if data is None or len(data) < _LISTS_AT + 4 + _LIST:
        return False
    count = int.from_bytes(data[_LISTS_AT : _LISTS_AT + 4], "little")
    return 1 <= int.from_bytes(data[:4], "little") <= _SLOTS and len(data) == _LISTS_AT + 4 + count * _LIST


def read(material: Material, credentials: Credentials) -> Evidence:
    """The values, all of them only read. Raises ParseError for counts and sizes that cannot be."""
    cursor = Cursor(material.data or b"", where="pcrs")
    selected = list(_selection(cursor))
    digests = list(_values(cursor))
    if len(selected) != len(digests):
        raise cursor.error(f"{len(digests)} values for {len(selected)} selected PCRs", "digests")
    values = {}
    for key, value in zip(selected, digests, strict=True):
        if len(value) != key[1].size:
            raise cursor.error(f"{key[1]} values have {key[1].size} bytes, this one {len(value)}", str(key[0]))
        values[key] = value
    return Evidence(
        KINDS[0], Registers(values, material.name), read_only=("the PCR values are those of a file",), form=ID
    )


def _selection(cursor: Cursor) -> Iterator[tuple[Register, HashAlg]]:
    count = cursor.number(4, "selection.count")
    slots = cursor.sub(_SLOTS * _SLOT, "selection")
    if count > _SLOTS:
        raise cursor.error(f"{count} banks, at most {_SLOTS}", "selection")
    for _ in range(count):
        alg = HashAlg.of(slots.number(2, "hash"))
        size = min(slots.number(1, "sizeofSelect"), 4)
        bits = int.from_bytes(slots.take(5, "pcrSelect")[:size], "little")
        yield from ((Register("pcr", index), alg) for index in range(8 * size) if bits >> index & 1)


def _values(cursor: Cursor) -> Iterator[bytes]:
    # The file's size was compared with this count.
    for number in range(cursor.number(4, "lists")):
        digests = cursor.sub(_LIST, f"lists[{number}]")
        count = digests.number(4, "count")
        if count > _DIGESTS:
            raise digests.error(f"{count} digests, at most {_DIGESTS}", "count")
        for _ in range(count):
            size = digests.number(2, "size")
            slot = digests.take(_DIGEST - 2, "buffer")
            if size > len(slot):
                raise digests.error(f"a digest of {size} bytes, at most {len(slot)}", "size")
            yield slot[:size]


def serialized(selection: Sequence[tuple[Register, HashAlg]], values: Registers) -> bytes:
    """The file of the values of a selection, in the order of a quote: bank by bank, lowest PCR first."""
    banks: dict[HashAlg, int] = {}
    for register, alg in selection:
        banks[alg] = banks.get(alg, 0) | 1 << register.number
    found = len(banks).to_bytes(4, "little")
    for alg, bits in banks.items():
        found += alg.id.to_bytes(2, "little") + bytes([3]) + bits.to_bytes(4, "little") + b"\0"
    found = found.ljust(_LISTS_AT, b"\0")
    digests = [values[key] for key in selection]
    lists = [digests[at : at + _DIGESTS] for at in range(0, len(digests), _DIGESTS)]
    found += len(lists).to_bytes(4, "little")
    for each in lists:
        slots = b"".join(len(value).to_bytes(2, "little") + value.ljust(_DIGEST - 2, b"\0") for value in each)
        found += len(each).to_bytes(4, "little") + slots.ljust(_DIGESTS * _DIGEST, b"\0")
    return found
