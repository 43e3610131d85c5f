"""A TPM quote, alone in its file: signature, key and PCR values come from the caller."""

from __future__ import annotations

from evlog.evidence import Credentials, Evidence, Material, _document

ID = "tpm-quote"
TITLE = "TPM quote (TPMS_ATTEST)"
KINDS = (ID,)


def claims(material: Material) -> bool:
    return _document.is_quote(material.head)


def read(material: Material, credentials: Credentials) -> Evidence:
    """The quote, with PCR values if ``credentials.pcrs`` has them. Raises ParseError for bytes that are no quote."""
    from evlog.evidence import _tpm
    from evlog.evidence._account import Account

    return _tpm.judged(material.data or b"", Account(credentials), _tpm.NOTHING, kind=ID, form=ID)
