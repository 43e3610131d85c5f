"""References: what registers and events of a good boot are, as other verifiers take it.

Rules of the room:

1. One noun, `evlog.references.reference.Boot`, and one file for each consumer, with ``ID``, ``TITLE``, ``BY``,
   ``OPTIONS``, ``write`` and ``read``; consumers know nothing of each other.
2. Only what a register covers becomes a reference. What is left out, and what the consumer has no words for, is a
   `Loss`; nothing is guessed, and nothing that a log merely says is written as if it were proven.
3. What was written is read back and held against the boots before anybody gets it.
4. A consumer is tested against the program itself, not against its description.
"""

from __future__ import annotations

__all__ = ["CONSUMERS"]

#: Who takes reference values, and in what form; each is a module of this room.
CONSUMERS = {
    "pcrlock": "components of systemd-pcrlock: a folder",
    "corim": "CoRIM with a CoMID for each boot, unsigned (draft-ietf-rats-corim)",
    "rvps": "message for the reference value service of trustee",
    "keylime": "measured boot reference state, of IMA lists a runtime policy",
}
