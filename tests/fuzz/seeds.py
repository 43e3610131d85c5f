"""Where fuzzing starts: the samples, each target's inputs of them, cut to 64 KiB."""

from __future__ import annotations

import base64
import gzip
import random
from typing import TYPE_CHECKING

from evlog.evidence import KINDS
from tests import made_evidence as made
from tests.conftest import SAMPLES
from tests.fuzz.honest import NONCE, pairs
from tests.fuzz.inputs import CHOICES, LARGEST, joined
from tests.logs import BAD_LOGS, SAMPLE_LOGS

if TYPE_CHECKING:
    from collections.abc import Iterator

_NONE = bytes(CHOICES)
_CREDENTIALS = ("key", "signature", "pcrs", "root", "nonce")


def seeds(target: str) -> list[bytes]:
    """The first inputs of a target, the same ones each time."""
    made_for = {"merge": _two, "diff": _two, "registers": _evidence, "verify_log": _logs_of_pairs}
    made_for["verify_evidence"] = _evidence_of_pairs
    return [seed[: CHOICES + LARGEST] for seed in made_for.get(target, _one)()]


def _logs() -> list[bytes]:
    found = [path.read_bytes()[:LARGEST] for path in [path for _, path in SAMPLE_LOGS] + BAD_LOGS]
    small = (SAMPLES / "tcg2" / "locality-3.bin").read_bytes()
    return [*found, gzip.compress(small, mtime=0), base64.b64encode(small), small.hex().encode()]


def _one() -> Iterator[bytes]:
    chosen = random.Random(1)
    for data in _logs():
        yield joined(_NONE, [data])
        yield joined(chosen.randbytes(CHOICES), [data])


def _two() -> Iterator[bytes]:
    """Each log beside itself, and beside one of its own kind or of another."""
    logs = [data for data in _logs() if len(data) < LARGEST // 2]
    for index, data in enumerate(logs):
        yield joined(_NONE, [data, data])
        yield joined(_NONE, [data, logs[index - 1]])
        yield joined(_NONE, [data, logs[(index * 7 + 3) % len(logs)]])


def _evidence() -> Iterator[bytes]:
    for pair in pairs():
        parts = [pair.evidence, *(pair.credentials.get(name, b"") for name in _CREDENTIALS)]
        absent = bytes(0 if name in pair.credentials else 2 for name in _CREDENTIALS)
        yield joined(b"\0" + absent, parts)
        yield joined(b"\0" + b"\2" * len(_CREDENTIALS), parts)
    key = made.ec_key("attestation key")
    message = made.tpm_quote([bytes([number]) * 32 for number in range(8)], nonce=NONCE)
    values = b"".join(bytes([number]) * 32 for number in range(8))
    signature = made.ecdsa_signature(message, key)
    for public in (made.pem(key.public_key()), made.tpm2b_public(key.public_key())):
        yield joined(b"\0\0\0\0\2\0", [message, public, signature, values, b"", NONCE])
    report = made.snp_report(b"\xaa" * 48, NONCE)
    yield joined(b"\0\2\2\2\0\0", [report, b"", b"", b"", made.pem_of(*made.amd()), NONCE])
    yield joined(b"\0\0\2\2\0\0", [report, made.der_of(made.amd()[0]), b"", b"", made.pem_of(*made.amd()), NONCE])
    yield joined(b"\0\2\2\2\2\2", [made.td_report(b"\xaa" * 48, [bytes(48)] * 4), b"", b"", b"", b"", b""])
    chosen = random.Random(2)
    for number in range(len(KINDS)):
        for each in (pairs()[0].evidence, b"pcr-0: " + b"0" * 40 + b"\n", b"{}", b"0 sha256 " + b"0" * 64 + b"\n"):
            yield joined(bytes([3 + number]) + chosen.randbytes(5), [each, b"", b"", b"", b"", b""])


def _logs_of_pairs() -> Iterator[bytes]:
    """Each pair's own log first; the pair is the tenth choice."""
    for number, pair in enumerate(pairs()):
        yield joined(bytes(9) + bytes([number]), [pair.log.read_bytes()])
    for number, data in enumerate(_logs()):
        yield joined(bytes(9) + bytes([number % len(pairs())]), [data])


def _evidence_of_pairs() -> Iterator[bytes]:
    for number, pair in enumerate(pairs()):
        yield joined(bytes([number]), [pair.evidence])
        yield joined(bytes([number]), [pairs()[number - 1].evidence])
