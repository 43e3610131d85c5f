"""What a device with registers is, and what it has: the shapes that the room's files share."""

from __future__ import annotations

from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.registers import Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["KINDS", "Device", "Member", "Quote"]

#: What a register takes from here, by ``Member.kind``.
KINDS: dict[str, str] = {
    "static": "no event extends it",
    "resettable": "it is extended from here, and anybody may set it back",
    "extensible": "it is extended from here",
    "closed": "it takes no extension from here",
}


class Device:
    """What has registers.

    ``id`` is what kind of device it is (``tpm``, ``tsm``, ``tree``), ``name`` what a person calls it, and ``identity``
    what tells it from every other one on this machine, whichever way it was opened.
    """

    id: str
    name: str
    identity: str

    def members(self) -> tuple[Member, ...]:
        """The registers, in order. Raises SourceError for a device that does not answer."""
        raise NotImplementedError

    def read(self, only: Iterable[Register] | None = None) -> Registers:
        """The values in all banks, of all registers or of some: such as stood there at one moment, if possible."""
        raise NotImplementedError

    def extend(self, register: Register, digests: Mapping[HashAlg, bytes]) -> None:
        """Extend once.

        Raises UsageError for what cannot be meant (nothing was sent then), `NotDoneError` when the device refused, and
        SourceError when nobody can tell whether it happened: read the register.
        """
        raise NotImplementedError

    def boot(self) -> str:
        """What is another text once the registers have started anew."""
        raise NotImplementedError


class Member(Record):
    """A register of a device.

    ``name`` is what the device calls it (``16``, ``rtmr3:sha384``), ``banks`` are the hashes in which it is extended
    (none: its value is no digest), ``kind`` one of `KINDS`, ``size`` the bytes of its value in the first bank.
    """

    register: Register
    name: str
    banks: tuple[HashAlg, ...]
    kind: str
    size: int


class Quote(Record):
    """What a TPM signed, by a key that was made for this and is gone, or one that it keeps.

    ``message`` is a TPMS_ATTEST, ``signature`` a TPMT_SIGNATURE, ``selection`` the registers and banks in the order in
    which their values are digested, ``registers`` those values. The attestation key's public part is ``key_pem`` (PEM)
    and ``key_public`` (TPM2B_PUBLIC): it vouches for nothing until somebody says whose it is.
    """

    message: bytes
    signature: bytes
    nonce: bytes
    selection: tuple[tuple[Register, HashAlg], ...]
    registers: Registers
    key_pem: bytes
    key_public: bytes

    @property
    def pcrs(self) -> bytes:
        """The quoted values one after the other, as ``tpm2_pcrread -o`` writes them and ``--pcrs`` takes them."""
        return b"".join(self.registers[key] for key in self.selection)
