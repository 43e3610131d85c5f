"""Hash algorithms by their TPM_ALG_ID: an open set.

Source: TCG Algorithm Registry; spelling of the names as in the TCG PC Client and CEL specifications.
An unknown id keeps its number and takes its size from the log's header, so that its digests can be carried.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.errors import UsageError

__all__ = ["ALGORITHMS", "SHA1", "SHA256", "SHA384", "SHA512", "SM3_256", "HashAlg"]


class HashAlg(Record):
    """A hash algorithm: TPM_ALG_ID, name, digest size in bytes (0 if nobody said)."""

    id: int
    name: str
    size: int

    def __eq__(self, other: object) -> bool:
        if type(other) is not HashAlg:
            return NotImplemented
        return self is other or (self.id == other.id and self.size == other.size and self.name == other.name)

    def __hash__(self) -> int:
        # Banks are keys of everything: hashing all fields takes longer than extending a register.
        return self.id

    def __str__(self) -> str:
        return self.name

    @property
    def known(self) -> bool:
        """Whether evlog knows the algorithm; a digest of another can be carried, not computed."""
        return self.id in ALGORITHMS

    @staticmethod
    def of(id: int, size: int = 0) -> HashAlg:
        """The algorithm with this TPM_ALG_ID; an unknown one gets ``size`` and the name ``0xNNNN``.

        For a known id with another ``size`` than its own, the given size stands: a log's header delimits records.
        """
        known = ALGORITHMS.get(id)
        if known is None:
            return HashAlg(id, f"0x{id:04x}", size)
        return known if size in (0, known.size) else HashAlg(id, known.name, size)

    @staticmethod
    def named(name: str) -> HashAlg:
        """The algorithm by name, in any spelling met in logs: ``sha256``, ``SHA-256``, ``TPM2_ALG_SHA256``, ``0x000B``.

        Raises UsageError for a name that is none of these.
        """
        plain = name.strip().lower()
        for prefix in ("tpm2_alg_", "tpm_alg_"):
            plain = plain.removeprefix(prefix)
        if plain.startswith("0x"):
            try:
                return HashAlg.of(int(plain, 16))
            except ValueError:
                pass
        found = _BY_NAME.get(plain.replace("-", "_"))
        if found is None:
            raise UsageError(f"unknown hash algorithm {name!r}")
        return found

    @staticmethod
    def of_size(size: int) -> HashAlg | None:
        """The SHA-1 or SHA-2 algorithm with this digest size, for formats that tell banks apart only by length."""
        return _BY_SIZE.get(size)


SHA1 = HashAlg(0x0004, "sha1", 20)
SHA256 = HashAlg(0x000B, "sha256", 32)
SHA384 = HashAlg(0x000C, "sha384", 48)
SHA512 = HashAlg(0x000D, "sha512", 64)
SM3_256 = HashAlg(0x0012, "sm3_256", 32)

ALGORITHMS: dict[int, HashAlg] = {
    alg.id: alg
    for alg in (
        SHA1,
        SHA256,
        SHA384,
        SHA512,
        SM3_256,
        HashAlg(0x0027, "sha3_256", 32),
        HashAlg(0x0028, "sha3_384", 48),
        HashAlg(0x0029, "sha3_512", 64),
    )
}

_BY_NAME = {alg.name: alg for alg in ALGORITHMS.values()}
_BY_NAME |= {
    "sha": SHA1,
    "sha_1": SHA1,
    "sha_256": SHA256,
    "sha_384": SHA384,
    "sha_512": SHA512,
    "sm3": SM3_256,
}
_BY_SIZE = {alg.size: alg for alg in (SHA1, SHA256, SHA384, SHA512)}
