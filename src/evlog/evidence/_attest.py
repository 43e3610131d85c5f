"""TPMS_ATTEST of a quote, made again from its fields as a tool printed them: furniture of one source.

Spec: TPM 2.0 part 2, sections 10.12.8 (TPMS_ATTEST), 10.11.1 (TPMS_CLOCK_INFO), 10.6.2 (TPML_PCR_SELECTION); all of
it big-endian. What a tool left out or wrote otherwise makes other bytes, which the signature is not over: nothing is
taken for signed that was not.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.errors import ParseError
from evlog.evidence._document import TPM_QUOTE

__all__ = ["Printed"]


class Printed(Record):
    """The fields of a quote. ``selections`` are (TPM_ALG_ID, bitmap as it stands), in their order."""

    signer: bytes
    extra_data: bytes
    clock: int
    reset_count: int
    restart_count: int
    safe: int
    firmware_version: bytes
    selections: tuple[tuple[int, bytes], ...]
    pcr_digest: bytes

    def message(self) -> bytes:
        """The bytes. Raises ParseError for a number that does not fit its field."""
        try:
            banks = [
                alg.to_bytes(2, "big") + len(bits).to_bytes(1, "big") + bits for alg, bits in self.selections
            ]  # fmt: skip
            return b"".join(
                (
                    TPM_QUOTE,
                    _sized(self.signer),
                    _sized(self.extra_data),
                    self.clock.to_bytes(8, "big"),
                    self.reset_count.to_bytes(4, "big"),
                    self.restart_count.to_bytes(4, "big"),
                    self.safe.to_bytes(1, "big"),
                    self.firmware_version,
                    len(banks).to_bytes(4, "big"),
                    *banks,
                    _sized(self.pcr_digest),
                )
            )
        except OverflowError:
            raise ParseError("a number that does not fit its field", offset=0, where="quote") from None


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data
