"""Read register values from wherever they are: a file, a folder of the kernel's, a quote or a report.

The only verb that knows the registry of sources (`evlog.evidence`).
"""

from __future__ import annotations

import os

from evlog.errors import SourceError, UnknownFormatError
from evlog.evidence import Credentials, Evidence, Material, identify, source
from evlog.intake.files import load, named
from evlog.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.evidence import Source as Kind
    from evlog.intake.files import Source
    from evlog.intake.unwrap import Wrapped

__all__ = ["read_registers"]

# A captured quote or report has kilobytes, a register file less.
_MAX_SIZE = 1 << 24


def read_registers(
    where: Source,
    *,
    kind: str | None = None,
    key: Source | None = None,
    signature: Source | None = None,
    pcrs: Source | None = None,
    nonce: bytes | None = None,
    root: Source | None = None,
) -> Evidence:
    """Register values and what of them is authentic.

    ``where`` is a path of a file or a folder, bytes, or a binary file; its content decides what it is, unless ``kind``
    says (`evlog.evidence.SOURCES`). ``key``, ``signature``, ``pcrs`` and ``root`` are files too, and ``nonce`` is what
    the verifier asked for: see `evlog.evidence.Credentials`. Base64, hex and JSON around evidence are taken off.
    Evidence that a given key or root certificate does not stand behind fails, whatever else it shows.
    Raises SourceError for what cannot be opened, ParseError for what it cannot be, UsageError for an unknown kind.
    """
    try:
        credentials = Credentials(
            key=_data(key),
            signature=_data(signature),
            pcrs=_material(pcrs) if pcrs is not None else None,
            nonce=nonce,
            root=_data(root),
        )
        material = _material(where)
        if kind is not None:
            return _held(source(kind).read(material, credentials), credentials)
        material, found = _identify(material)
        return _held(found.read(material, credentials), credentials)
    except MemoryError:
        pass
    raise SourceError(f"{named(where)}: not enough memory to read it")


def _held(evidence: Evidence, credentials: Credentials) -> Evidence:
    """The evidence, which fails if the caller gave what it has to answer to, and it answers to nothing.

    Else whoever chooses the evidence would choose whether it is checked, by handing in a kind that is not signed.
    """
    if evidence.failed:
        return evidence
    if (credentials.key is not None or credentials.root is not None) and not evidence.anchored:
        message = "a key or a root certificate was given, and it stands behind none of the register values"
    elif credentials.nonce is not None and not evidence.claims:
        message = "a nonce was given, and the evidence states none"
    else:
        return evidence
    return evidence.replace(findings=(*evidence.findings, Finding("credential_unused", "error", message)))


def _identify(material: Material) -> tuple[Material, Kind]:
    """The source that claims the material, or what is wrapped in it."""
    try:
        return material, identify(material)
    except UnknownFormatError:
        if material.data is None:
            raise
        from evlog.intake.budget import Budget
        from evlog.intake.unwrap import unwrap

        def known(wrapped: Wrapped) -> tuple[Material, Kind] | None:
            inner = Material(wrapped.data, material.name)
            try:
                return inner, identify(inner)
            except UnknownFormatError:
                return None

        budget = Budget(_MAX_SIZE)
        budget.give(len(material.data))
        for _, found in unwrap(material.data, known, budget):
            return found
        raise


def _material(where: Source) -> Material:
    if isinstance(where, (str, os.PathLike)) and os.path.isdir(where):
        return Material(None, os.fspath(where))
    data, name = load(where)
    if len(data) > _MAX_SIZE:
        raise SourceError(f"{name or 'evidence'}: {len(data)} bytes, at most {_MAX_SIZE}")
    return Material(data, name)


def _data(where: Source | None) -> bytes | None:
    return _material(where).data if where is not None else None
