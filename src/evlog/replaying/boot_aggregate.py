"""boot_aggregate: the first entry of an IMA list, whose digest binds the registers that firmware extended.

Source: Linux, security/integrity/ima/ima_crypto.c, ima_calc_boot_aggregate(). The hash of PCR 0 to 7 of the SHA-1
bank, or of PCR 0 to 9 of another (PCR 0 to 7 before Linux 5.8), as they stand when IMA starts. Without a TPM, or
without a bank that suits, the digest is zeros or that of registers of zeros.
"""

from __future__ import annotations

from evlog import hashing
from evlog._record import Record
from evlog.algorithms import SHA1, HashAlg
from evlog.contents.ima import ImaEvent
from evlog.errors import UsageError
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from evlog.contents._ima_fields import FileDigest
    from evlog.model import Log
    from evlog.registers import Registers

__all__ = ["BOOT_AGGREGATE", "BootAggregate", "boot_aggregate"]

BOOT_AGGREGATE = b"boot_aggregate"

# The last PCR of the ranges that kernels hash, in the order to try.
_LAST = (7, 9)


class BootAggregate(Record):
    """What the boot_aggregate entry of a list says of the registers that stood before it.

    ``verdict`` is one of

    ``match``         it is the hash of PCR 0 to ``last`` of ``bank``: firmware's log hands over to this list
    ``mismatch``      it is the hash of no bank's registers as given
    ``unknown``       it is the hash of nothing that is given, but not all of PCR 0 to 9 is
    ``no_bank``       it is zeros: the TPM had no bank that the kernel could hash
    ``no_registers``  it is the hash of zeros: there was no TPM, or nothing extended it

    ``algorithm`` is the hash algorithm by the kernel's name, ``value`` the digest that the entry holds.
    """

    event: int
    verdict: str
    algorithm: str
    value: bytes
    bank: HashAlg | None = None
    last: int | None = None

    @property
    def registers(self) -> tuple[Register, ...]:
        """The registers that the entry binds, where it matches."""
        return () if self.last is None else tuple(Register("pcr", index) for index in range(self.last + 1))


def boot_aggregate(log: Log, registers: Registers) -> BootAggregate | None:
    """Compare the boot_aggregate entry of an IMA list with register values; None if the list does not start with one.

    ``registers`` are those of a TPM, or of firmware's log: ``replay(firmware).registers()``. A PCR that a replay does
    not have was not extended and is zeros.
    """
    entry = _entry(log)
    if entry is None:
        return None
    number, digest = entry
    value, name = digest.value, digest.algorithm or SHA1.name
    if not any(value):
        return BootAggregate(number, "no_bank", name, value)
    algorithm = _algorithm(name)
    if algorithm is None:
        return BootAggregate(number, "unknown", name, value)
    lacking = not len(registers)
    for bank in dict.fromkeys(alg for _, alg in registers):
        for last, values, whole in _ranges(registers, bank):
            lacking |= not whole
            if hashing.digest(algorithm, values) == value:
                return BootAggregate(number, "match", name, value, bank, last)
    for last in _LAST:
        if hashing.digest(algorithm, bytes(algorithm.size * (last + 1))) == value:
            return BootAggregate(number, "no_registers", name, value)
    return BootAggregate(number, "unknown" if lacking else "mismatch", name, value)


def _entry(log: Log) -> tuple[int, FileDigest] | None:
    """The number of the entry and the digest in it."""
    first = next((event for event in log.events if isinstance(event.content, ImaEvent)), None)
    if first is None:
        return None
    assert isinstance(first.content, ImaEvent)
    decoded = first.content.decoded
    if decoded is None or decoded.name != BOOT_AGGREGATE or decoded.file_digest is None:
        return None
    return first.number, decoded.file_digest


def _algorithm(name: str) -> HashAlg | None:
    """The algorithm by the kernel's name, if it can be computed here."""
    try:
        algorithm = HashAlg.named(name)
    except UsageError:
        return None
    return algorithm if hashing.backend().computable(algorithm) else None


def _ranges(registers: Registers, bank: HashAlg) -> Iterator[tuple[int, bytes, bool]]:
    """The values of each range of PCRs, one after the other, and whether all of them were given."""
    for last in _LAST:
        values = [registers.get(Register("pcr", index), bank) for index in range(last + 1)]
        whole = None not in values or registers.source == "replay"
        yield last, b"".join(value or bytes(bank.size) for value in values), whole
