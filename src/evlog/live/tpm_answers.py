"""What ways to speak to a TPM share: what each does, and the TPM's answers in words.

Source: TPM 2.0 Library, part 2, section 6.6 (response codes); TSS 2.0 overview, section 3.7 (those of the layers
below).
"""

from __future__ import annotations

from evlog.errors import NotDoneError, SourceError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Protocol

    #: Which PCRs of which banks, by TPM_ALG_ID.
    Selection = Mapping[int, Sequence[int]]

    class Backend(Protocol):
        """A way to speak to a TPM. Each function is one or more commands; errors are `failure`'s."""

        def banks(self) -> dict[int, tuple[int, ...]]:
            """The PCRs that are allocated, by the TPM_ALG_ID of their bank."""
            ...

        def read(self, selection: Selection) -> tuple[int | None, dict[tuple[int, int], bytes]]:
            """Values by bank and PCR, and the update counter if it was seen and stood still."""
            ...

        def extend(self, index: int, digests: Mapping[int, bytes]) -> None:
            """One TPM2_PCR_Extend."""
            ...

        def reset_count(self) -> int:
            """How often the TPM has started."""
            ...

        def quote(self, nonce: bytes, selection: Selection, key: int | None) -> tuple[bytes, bytes, bytes, bytes]:
            """TPMS_ATTEST, TPMT_SIGNATURE, and the PEM and TPM2B_PUBLIC of the key: a new one, or the handle's."""
            ...


__all__ = ["answer", "transport"]

#: Response codes in words (part 2, section 6.6), without what tells which handle or parameter it is about.
_WORDS = {
    0x084: "it has no such register, or takes no such value",
    0x085: "authorization of that hierarchy is needed",
    0x083: "it does not have that hash",
    0x120: "it is disabled",
    0x100: "it was not started",
    0x101: "it is in failure mode",
    0x902: "it has no room for another key: flush some (tpm2_flushcontext -t)",
    0x907: "not from here: that register is for another locality",
    0x921: "it is locked out",
    0x922: "it is busy",
}
#: Codes of the layers between here and the TPM have their number there.
_LAYERS = 0xFF0000


def answer(code: int, said: str) -> SourceError:
    """The error for a response code, with what the stack says of it for a code that has no words here.

    `NotDoneError` for a code of the TPM's: it answered, and did nothing. One of a layer in between leaves that open.
    """
    said = said.rpartition(":")[2].strip()
    if code & _LAYERS:
        return transport(said or f"{code:#x}")
    # A format-one code names a handle (bits 8 to 10), a parameter (bit 6) or a session (bit 11).
    words = _WORDS.get(code & 0x0BF if code & 0x080 else code, said or "it refused")
    return NotDoneError(f"the TPM says: {words} ({code:#x})")


def transport(what: str) -> SourceError:
    """The error where no answer of the TPM's came: nobody can tell what it has done."""
    return SourceError(f"no answer of the TPM: {what}")
