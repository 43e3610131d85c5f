"""Honest pairs: logs, and register values that they lead to, as files or signed with keys made for the occasion."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import evlog
from evlog import SHA384, Evidence, HashAlg, Register
from tests import made_evidence as made
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from evlog.registers import Space

NONCE = b"evlog-nonce"


class Pair(NamedTuple):
    """A log and evidence of its registers; ``credentials`` are what a verifier has who trusts its signer."""

    name: str
    log: Path
    evidence: bytes
    credentials: dict[str, Any]

    def read(self, evidence: bytes | None = None) -> Evidence:
        """The evidence, or other bytes in its place."""
        return evlog.read_registers(self.evidence if evidence is None else evidence, **self.credentials)


@cache
def pairs() -> tuple[Pair, ...]:
    """Those of the samples, the signed ones last."""
    return (*_read_out(), *_signed())


def _read_out() -> Iterator[Pair]:
    for values in sorted(SAMPLES.rglob("*.pcrs.json")):
        log = next(path for path in values.parent.glob(values.name.removesuffix(".pcrs.json") + ".*") if path != values)
        yield Pair(values.name, log, values.read_bytes(), {})
    log = SAMPLES / "tcg2" / "ovmf.bin"
    yield Pair("ovmf-pcrread", log, (SAMPLES / "evidence" / "ovmf-pcrread.yaml").read_bytes(), {})


def _signed() -> Iterator[Pair]:
    folder, log = SAMPLES / "evidence", SAMPLES / "tcg2" / "ovmf.bin"
    given = {name: (folder / f"ovmf-{file}").read_bytes() for name, file in _QUOTED.items()}
    yield Pair("tpm-quote", log, (folder / "ovmf-quote.msg").read_bytes(), {**given, "nonce": NONCE})
    log = SAMPLES / "ccel" / "ovmf-tdx.bin"
    rtmrs = values_of(log, "ccmr", range(1, 5))
    quote = made.td_quote(made.td_body(b"\xaa" * 48, rtmrs, NONCE))
    yield Pair("tdx-quote", log, quote, {"kind": "tdx-quote", "root": made.pem_of(made.intel()[2]), "nonce": NONCE})
    token = made.cca_token(b"\xaa" * 64, [bytes(64)] * 4, NONCE)
    platform = made.ec_key("platform", "SECP384R1").public_key()
    yield Pair("cca-token", log, token, {"kind": "cca-token", "key": made.pem(platform), "nonce": NONCE})
    realm = made.virtcca_token(b"\xaa" * 32, [bytes(32)] * 4, NONCE)
    device = made.pem(made.rsa_key().public_key())
    yield Pair("virtcca-token", log, realm, {"kind": "cca-token", "key": device, "nonce": NONCE})
    log = SAMPLES / "tcg2" / "sha384-only.bin"
    document = made.nitro(dict(enumerate(values_of(log, "pcr", range(16)))), NONCE, member="nitrotpm_pcrs")
    yield Pair("nitro", log, document, {"kind": "nitro-tpm", "root": made.pem_of(made.aws()[2]), "nonce": NONCE})


_QUOTED = {"key": "ak.pem", "signature": "quote.sig", "pcrs": "quote.pcrs"}


def values_of(log: Path, space: Space, numbers: Iterable[int], alg: HashAlg = SHA384) -> list[bytes]:
    """What a log leads to, zeros for registers without events."""
    replayed = evlog.replay(evlog.read(log)).registers()
    return [replayed.values.get((Register(space, number), alg), bytes(alg.size)) for number in numbers]
