"""Dynamic launches: the registers that one resets, the events that tell of one, and the markers that extend nothing.

Sources: TCG PC Client Platform TPM Profile 1.05, section 4.6.2 (PCR 17 to 22); the Linux Secure Launch series
(arch/x86/boot/compressed/sl_main.c logs and arch/x86/kernel/slmodule.c extends), Xen's, and tboot.
"""

from __future__ import annotations

from evlog.algorithms import SHA1
from evlog.contents.event_types import EV_NO_ACTION, LAUNCH_MARKERS, is_launch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.model import Event
    from evlog.registers import Register

__all__ = ["LAUNCH_PCRS", "MARKED_PCRS", "extends", "has_marker_digests", "is_reset", "tells_of_launch"]

#: PCRs that a dynamic launch resets together to zeros, and that are ones before.
LAUNCH_PCRS = range(17, 23)
#: PCRs of the code and of the data of what was launched: where markers can be.
MARKED_PCRS = (17, 18)


def is_reset(register: Register) -> bool:
    """Whether a dynamic launch resets the register."""
    return register.space == "pcr" and register.index in LAUNCH_PCRS


def tells_of_launch(event_type: int, register: Register) -> bool:
    """Whether an event of this type on this register says that there was a dynamic launch."""
    return is_reset(register) and is_launch(event_type)


def extends(event_type: int | None, event: Event) -> bool:
    """Whether an event of this type extends its register: a marker with a marker's digests does not."""
    if event_type in LAUNCH_MARKERS:
        return not has_marker_digests(event)
    return event_type != EV_NO_ACTION


def has_marker_digests(event: Event) -> bool:
    """Whether the event is where a marker can be, with its digests: of no bytes in each bank, or zeros with TPM 1.2.

    Whoever edits a log can give any event a marker's type: elsewhere, and with another digest, it is extended.
    A bank that cannot be computed here says nothing, and one at least can. The loader that logs them skips the hash
    where there is only SHA-1.
    """
    register, digests = event.register, event.digests
    if register.space != "pcr" or register.index not in MARKED_PCRS:
        return False
    if len(digests) == 1 and digests[0].alg == SHA1 and digests[0].value == bytes(SHA1.size):
        return True
    from evlog import hashing

    known = [digest for digest in digests if hashing.backend().computable(digest.alg)]
    return bool(known) and all(digest.value == hashing.digest(digest.alg, b"") for digest in known)
