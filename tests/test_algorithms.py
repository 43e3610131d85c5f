"""Hash algorithms: the registry, and what is not in it."""

from __future__ import annotations

import hashlib

import pytest

from evlog import SHA1, SHA256, SHA384, SHA512, SM3_256, HashAlg, hashing
from evlog.algorithms import ALGORITHMS
from evlog.errors import UsageError

#: TCG Algorithm Registry 1.34, table 3.
REGISTRY = {
    0x0004: ("sha1", 20),
    0x000B: ("sha256", 32),
    0x000C: ("sha384", 48),
    0x000D: ("sha512", 64),
    0x0012: ("sm3_256", 32),
    0x0027: ("sha3_256", 32),
    0x0028: ("sha3_384", 48),
    0x0029: ("sha3_512", 64),
}


def test_the_registry() -> None:
    assert {id: (alg.name, alg.size) for id, alg in ALGORITHMS.items()} == REGISTRY


@pytest.mark.parametrize("alg", ALGORITHMS.values(), ids=str)
def test_hashlib_agrees_on_the_sizes(alg: HashAlg) -> None:
    if alg.name in hashlib.algorithms_available:
        assert hashlib.new(alg.name).digest_size == alg.size
    assert len(hashing.digest(alg, b"")) == alg.size


def test_sm3() -> None:
    """GB/T 32905-2016, appendix A.1: the hash of "abc"."""
    expected = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert hashing.digest(SM3_256, b"abc").hex() == expected
    folded = hashing.backend().fold(SM3_256, bytes(32), [bytes(32), bytes(32)])
    by_hand = hashing.digest(SM3_256, hashing.digest(SM3_256, bytes(64)) + bytes(32))
    assert folded == by_hand


@pytest.mark.parametrize(
    ("name", "alg"),
    [
        ("sha256", SHA256),
        ("SHA-256", SHA256),
        ("sha_256", SHA256),
        ("TPM2_ALG_SHA384", SHA384),
        ("tpm_alg_sha512", SHA512),
        ("sha", SHA1),
        ("SM3", SM3_256),
        ("0x000B", SHA256),
        ("0x7f01", HashAlg(0x7F01, "0x7f01", 0)),
    ],
)
def test_names(name: str, alg: HashAlg) -> None:
    assert HashAlg.named(name) == alg
    assert HashAlg.named(str(alg)) == alg


@pytest.mark.parametrize("name", ["", "md5", "0x", "0xyz", "sha2567", "256"])
def test_unknown_names(name: str) -> None:
    with pytest.raises(UsageError, match="unknown hash algorithm"):
        HashAlg.named(name)


def test_an_unknown_id_keeps_its_number_and_takes_a_size() -> None:
    alg = HashAlg.of(0x7F01, 24)
    assert (str(alg), alg.size, alg.known) == ("0x7f01", 24, False)
    assert not hashing.backend().computable(alg)
    with pytest.raises(UsageError, match="0x7f01 digests of 24 bytes cannot be computed"):
        hashing.digest(alg, b"")


def test_a_known_id_with_another_size_is_not_the_same_algorithm() -> None:
    odd = HashAlg.of(0x000B, 20)
    assert odd != SHA256
    assert HashAlg.of(0x000B) == HashAlg.of(0x000B, 32) == SHA256
    assert not hashing.backend().computable(odd)


def test_sizes() -> None:
    assert [HashAlg.of_size(size) for size in (20, 32, 48, 64, 33)] == [SHA1, SHA256, SHA384, SHA512, None]
