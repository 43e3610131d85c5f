"""Signatures of SM2 with SM3: only their check, in numbers, since cryptography has no such key.

Spec: GB/T 32918.2-2016 (draft-shen-sm2-ecdsa, section 5), over the recommended curve of GB/T 32918.5. Nothing in here
is secret, so that nothing has to take the same time each time.
"""

from __future__ import annotations

from evlog import hashing
from evlog.algorithms import SM3_256

__all__ = ["computable", "holds"]

_P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
_A = _P - 3
_B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
_N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
_G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
_SIZE = 32

TYPE_CHECKING = False
if TYPE_CHECKING:
    #: x and y; None at infinity.
    Point = tuple[int, int] | None


def computable() -> bool:
    """Whether SM3 can be computed here."""
    return hashing.backend().computable(SM3_256)


def holds(key: tuple[int, int], signer: bytes, message: bytes, r: int, s: int) -> bool:
    """Whether a signature over the message is the key's, for the identifier of whoever signed.

    False for a key that is no point of the curve, and for numbers out of range. SM3 has to be `computable`.
    """
    x, y = key
    if not (0 <= x < _P and 0 <= y < _P and (y * y - x * x * x - _A * x - _B) % _P == 0):
        return False
    if not (0 < r < _N and 0 < s < _N) or (r + s) % _N == 0 or len(signer) >= 1 << 13:
        return False
    numbers = b"".join(number.to_bytes(_SIZE, "big") for number in (_A, _B, *_G, x, y))
    whose = hashing.digest(SM3_256, (8 * len(signer)).to_bytes(2, "big") + signer + numbers)
    e = int.from_bytes(hashing.digest(SM3_256, whose + message), "big")
    found = _sum(_times(s, _G), _times((r + s) % _N, key))
    return found is not None and (e + found[0]) % _N == r


def _times(factor: int, point: Point) -> Point:
    found: Point = None
    for bit in bin(factor)[2:]:
        found = _sum(found, found)
        if bit == "1":
            found = _sum(found, point)
    return found


def _sum(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return other if one is None else one
    if one[0] == other[0] and (one[1] + other[1]) % _P == 0:
        return None
    if one == other:
        slope = (3 * one[0] * one[0] + _A) * pow(2 * one[1], -1, _P)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, _P)
    x = (slope * slope - one[0] - other[0]) % _P
    return x, (slope * (one[0] - x) - one[1]) % _P
