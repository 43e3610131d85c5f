"""COSE_Sign1 (RFC 9052, section 4.2), as Nitro documents and Arm CCA tokens are wrapped."""

from __future__ import annotations

from evlog._record import Record
from evlog.errors import ParseError
from evlog.evidence import _cbor, _keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Sign1", "sign1"]

_TAG = 18
# COSE algorithm: hash and size of r and s (RFC 9053, section 2.1).
_ALGORITHMS = {-7: ("sha256", 32), -35: ("sha384", 48), -36: ("sha512", 66)}
# PS256 (RFC 8230, section 2).
_PS256 = -37
_HEADER_ALG, _HEADER_CRITICAL = 1, 2


class Sign1(Record):
    """A signed message: the protected header as it stands, the payload, the signature."""

    protected: bytes
    payload: bytes
    signature: bytes

    def holds(self, key: Any) -> bool:
        """Whether the signature is the key's, by the algorithm that the protected header names."""
        header = _cbor.loads(self.protected, "cose.protected") if self.protected else {}
        parameters = _cbor.map_of(header, "cose.protected")
        algorithm = parameters.get(_HEADER_ALG)
        # What has to be understood is not (RFC 9052, section 3.1).
        if _HEADER_CRITICAL in parameters:
            return False
        if algorithm == _PS256:
            return _keys.rsa_holds(key, self.signature, self._signed(), "sha256", pss=True)
        if not isinstance(algorithm, int) or algorithm not in _ALGORITHMS:
            return False
        alg, size = _ALGORITHMS[algorithm]
        if len(self.signature) != 2 * size:
            return False
        r, s = self.signature[:size], self.signature[size:]
        return _keys.ecdsa_holds(key, int.from_bytes(r, "big"), int.from_bytes(s, "big"), self._signed(), alg)

    def _signed(self) -> bytes:
        """The Sig_structure: ["Signature1", protected, external data (none), payload]."""
        return b"\x84\x6aSignature1" + _bstr(self.protected) + b"\x40" + _bstr(self.payload)


def sign1(value: Any, where: str) -> Sign1:
    """The message in a decoded item, tagged or not. Raises ParseError for anything else."""
    if isinstance(value, _cbor.Tag):
        if value.number != _TAG:
            raise ParseError(f"tag {value.number}, not COSE_Sign1", where=where)
        value = value.value
    parts = _cbor.array_of(value, where)
    if len(parts) != 4:
        raise ParseError(f"{len(parts)} members, COSE_Sign1 has 4", where=where)
    return Sign1(*(_cbor.bytes_of(parts[place], where) for place in (0, 2, 3)))


def _bstr(data: bytes) -> bytes:
    """A CBOR byte string in its shortest form."""
    size = len(data)
    if size < 24:
        return bytes((0x40 | size,)) + data
    width = 0 if size < 1 << 8 else 1 if size < 1 << 16 else 2
    return bytes((0x58 + width,)) + size.to_bytes(1 << width, "big") + data
