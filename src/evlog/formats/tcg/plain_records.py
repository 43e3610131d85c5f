"""Records written by `struct`: the fast twin of the declarations in `evlog.wire.tcg`, of what these take without demur.

What they would refuse, or a value that no field has room for, is None here, and theirs to name. They import construct,
which costs more than writing a boot log.
"""

from __future__ import annotations

import struct

from evlog.formats.tcg.first_record import RECORD1_SHAPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["record1", "record2"]

_SHA1 = 20
_MOST = 64  # digests of a record, as the declaration has it
_HEAD, _ALGORITHM, _SIZE = struct.Struct("<III"), struct.Struct("<H"), struct.Struct("<I")


def record1(register: int, event_type: int, digest: bytes, data: bytes) -> bytes | None:
    """A little-endian TCG_PCR_EVENT."""
    if len(digest) != _SHA1:
        return None
    try:
        return RECORD1_SHAPES["little"].pack(register, event_type, digest, len(data)) + data
    except struct.error:
        return None


def record2(
    register: int, event_type: int, digests: Sequence[tuple[int, bytes]], data: bytes, sizes: Mapping[int, int]
) -> bytes | None:
    """A TCG_PCR_EVENT2 with these digests, by TPM_ALG_ID, which have these ``sizes``."""
    if len(digests) > _MOST:
        return None
    try:
        parts = [_HEAD.pack(register, event_type, len(digests))]
        for alg, value in digests:
            if sizes.get(alg) != len(value):
                return None
            parts += _ALGORITHM.pack(alg), value
        return b"".join((*parts, _SIZE.pack(len(data)), data))
    except struct.error:
        return None
