"""Live: registers of the machine that this runs on, read and extended where they are.

Rules of the room:

1. A device has one interface (`Device`), whatever it is: a TPM, the kernel's flat measurement files, a tree of folders.
   One file for each; what speaks to a TPM is behind it, in files of its own.
2. What was extended stays extended. So an extension is asked for once: after an error that leaves open whether it
   happened, the register is read, and nothing is sent again.
3. A value that was read is what the device said at that moment, and nothing signs it; a quote is what it signed.
4. Nothing is written to a machine but extensions that the caller asked for, and files that the caller named or that
   are evlog's own, which nobody else may write to.
"""

from __future__ import annotations

import os

from evlog.live.device import KINDS, Device, Member, Quote

__all__ = ["KINDS", "Device", "Member", "Quote", "open_device"]


def open_device(target: str | os.PathLike[str], root: str = "/") -> Device:
    """A device by what people write: ``tpm:`` with a TCTI behind it, a ``measurements`` folder, a tree of registers.

    ``tpm:`` alone is the machine's TPM: what TPM2TOOLS_TCTI or TPM2_TCTI name, else the first ``/dev/tpmrmN``.
    ``root`` is where the machine's file system stands, for that. Nothing is extended, and a TPM is not asked before
    one of the device's functions is called. Raises UsageError for what is none of these.
    """
    text = os.fspath(target)
    if text.startswith("tpm:"):
        from evlog.live.tpm import Tpm

        return Tpm(text.removeprefix("tpm:"), root)
    from evlog.tree import is_flat

    if is_flat(text):
        from evlog.live.tsm import Tsm

        return Tsm(text)
    from evlog.live.tree import Tree

    return Tree(text)
