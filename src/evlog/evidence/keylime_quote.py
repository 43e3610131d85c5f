"""A TPM quote as keylime's agents answer with it: quote, signature and PCR values in one text of a JSON document.

Source: keylime, tpm/tpm_main.py and rust-keylime, tpm.rs: ``r`` and then, in base64 with colons between, TPMS_ATTEST,
TPMT_SIGNATURE, and the PCRs in the binary form of tpm2-tools. The key of the agent is not beside it: keylime's
registrar has that.
"""

from __future__ import annotations

from evlog.errors import ParseError
from evlog.evidence import Credentials, Evidence, Material, _document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ID = "keylime-quote"
TITLE = "TPM quote as a keylime agent answers with it"
KINDS = ("tpm-quote",)

_PARTS = 3
_MAX_DEPTH = 4


def claims(material: Material) -> bool:
    return _pieces(_document.document(material.data or b"")) is not None


def read(material: Material, credentials: Credentials) -> Evidence:
    """The quote with what stands beside it. Raises ParseError for pieces that cannot be read."""
    from evlog.evidence import _tpm
    from evlog.evidence._account import Account

    pieces = _pieces(_document.document(material.data or b""))
    if pieces is None:
        raise ParseError("no quote of keylime's in the document", offset=0)
    quote, signature, pcrs = pieces
    beside = _tpm.Beside(signature=signature or None, pcrs=Material(pcrs, material.name) if pcrs else None)
    return _tpm.judged(quote, Account(credentials), beside, kind=KINDS[0], form=ID)


def _pieces(found: Any) -> tuple[bytes, bytes, bytes] | None:
    """Quote, signature and values of the member ``quote``, also below ``results``; None if there is none."""
    for _ in range(_MAX_DEPTH):
        if not isinstance(found, dict):
            return None
        text = found.get("quote")
        if isinstance(text, str) and text[:1] == "r" and text.count(":") == _PARTS - 1:
            quote, signature, pcrs = map(_document.base64url, text[1:].split(":"))
            return (quote, signature, pcrs) if _document.is_quote(quote) else None
        found = next((found[name] for name in ("results", "quote") if isinstance(found.get(name), dict)), None)
    return None
