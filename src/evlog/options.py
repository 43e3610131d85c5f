"""What a caller can settle that the bytes of a log do not."""

from __future__ import annotations

from evlog._record import Record
from evlog.registers import Register, Space

__all__ = ["NO_OPTIONS", "Options"]


class Options(Record):
    """Choices for readers and writers; None leaves a choice to the room. A room ignores what does not concern it.

    ``name``      the log's name: a path, for messages, origins and, as the last resort, detection
    ``platform``  tpm, tdx, cca, snp, csv or nitro: what registers are called
    ``space``     pcr, ccmr, rtmr or rem: what a log's register numbers count
    ``register``  the register of a log that does not name it
    ``dialect``   the dialect of a textual log
    ``index``     what the index prefix of a global textual log means: pcr, ccmr, rtmr, rem (or pcr-hashed and so on)
    ``hash``      the hash of a textual log's lines, where the log does not state it
    ``mr_hash``   the hash of a textual log's register, where it is not that of the lines
    ``mr_key``    how CEL-CBOR and CEL-JSON spell a CC measurement register
    ``profile``   integer widths of CEL-TLV: u32, minimal or google
    ``encapsulate``  how text lines stand in TCG records: action (EV_ACTION) or tag (EV_EVENT_TAG, changes digests)
    ``digests_only``  write events that have no text form as ``# .EXTEND`` lines
    ``sticky``    whether the log's file has the sticky bit, by which systemd marks a log that may lack records
    ``ima_register``  the register that an IMA list extended, whatever its column says
    ``member``    the path of the log in a document that holds several: a JSON pointer
    ``strict``    refuse what the specification refuses instead of reading it with a finding
    """

    name: str = ""
    platform: str | None = None
    space: Space | None = None
    register: Register | None = None
    dialect: str | None = None
    index: str | None = None
    hash: str | None = None
    mr_hash: str | None = None
    mr_key: str | None = None
    profile: str | None = None
    encapsulate: str | None = None
    digests_only: bool = False
    sticky: bool = False
    ima_register: Register | None = None
    member: str | None = None
    strict: bool = False


NO_OPTIONS = Options()
