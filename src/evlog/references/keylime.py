"""keylime: a measured boot reference state of boot logs, or a runtime policy of IMA lists.

What there is decides: logs of firmware make the one, IMA lists the other, and both at once are two documents. Source
and rules of each are in `evlog.references._keylime_boot` and `evlog.references._keylime_ima`.
"""

from __future__ import annotations

import json

from evlog.contents.ima import ImaEvent
from evlog.contents.pcclient import PCClientEvent
from evlog.errors import ConversionError, ParseError, UsageError
from evlog.references.export import Export

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from evlog.model import Finding, Loss
    from evlog.references.reference import Boot

__all__ = ["BY", "ID", "OPTIONS", "TITLE", "read", "write"]

ID = "keylime"
TITLE = "measured boot reference state, or a runtime policy of IMA lists"
BY = ("event",)
OPTIONS = ()

#: Members that tell which of the two a document is.
_STATE, _POLICY = ("has_secureboot", "scrtm_and_bios"), ("digests", "ima", "excludes")


def write(boots: Sequence[Boot], *, by: str = "event") -> Export:
    """The document of some boots. Raises UsageError for boots of both kinds, ConversionError where it cannot be."""
    kinds = {type(reference.event.content) for boot in boots for reference in boot}
    losses: list[Loss] = []
    findings: list[Finding] = []
    if ImaEvent in kinds and PCClientEvent in kinds:
        raise UsageError("keylime takes a boot log and an IMA list in two documents: export them one by one")
    if ImaEvent in kinds:
        from evlog.references._keylime_ima import policy

        document = policy(boots, losses, findings)
    elif PCClientEvent in kinds:
        from evlog.references._keylime_boot import state

        document = state(boots, losses, findings)
    else:
        raise ConversionError("keylime has references for logs of firmware and for IMA lists only")
    data = (json.dumps(document, indent=1) + "\n").encode()
    if read(data) != document:
        raise ConversionError("the document that was written reads back as something else")
    return Export(ID, (("", data),), tuple(dict.fromkeys(losses)), tuple(dict.fromkeys(findings)))


def read(data: bytes) -> dict[str, Any]:
    """A reference state or a runtime policy. Raises ParseError for what is neither."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ParseError("no JSON") from error
    if not isinstance(document, dict) or not any(all(name in document for name in each) for each in (_STATE, _POLICY)):
        raise ParseError("neither a reference state nor a runtime policy of keylime")
    return document
