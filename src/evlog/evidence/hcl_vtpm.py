"""An Azure HCL report (HCLA) and, in a JSON document with it, a quote of the virtual TPM that it vouches for.

Spec: the layout as azure-cvm-tooling reads it (NV index 0x01400001), little-endian: a header of 32 bytes, the hardware
report (1184 bytes: SEV-SNP's, or a TDREPORT and zeros), and JSON data whose hash begins REPORT_DATA. That data names
the TPM's attestation key (HCLAkPub). The hardware report hangs on a VCEK certificate, a TDREPORT on the TD quote made
of it.
"""

from __future__ import annotations

from evlog.evidence import Credentials, Evidence, Material, _document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

ID = "hcl-vtpm"
TITLE = "Azure HCL report, and a quote of the TPM that it vouches for"
KINDS = (ID,)

_MAGIC = b"HCLA"


def claims(material: Material) -> bool:
    return material.head.startswith(_MAGIC) or _within(material) is not None


def _within(material: Material) -> tuple[bytes, Sequence[dict[str, Any]]] | None:
    """The report in a document, and the objects around it."""
    if _MAGIC in material.head:
        return None
    document = _document.document(material.data or b"")
    return _document.holder(document, lambda data: data.startswith(_MAGIC)) if document is not None else None


def read(material: Material, credentials: Credentials) -> Evidence:
    """What the report vouches for. Raises ParseError for bytes that are no report."""
    from evlog.evidence import _hcl
    from evlog.evidence._account import Account

    data, around = _within(material) or (material.data or b"", ())
    return _hcl.judged(data, around, Account(credentials), kind=ID, name=material.name)
