"""Read register values from wherever they are: a file, a folder of the kernel's, a quote or a report.

The only place that knows the registry of sources (`evlog.evidence`), and that settles which kind of evidence a key or a
root is for: the caller does, and nothing that the evidence says of itself.
"""

from __future__ import annotations

import os

from evlog._record import Record
from evlog.errors import ParseError, SourceError, UnknownFormatError, UsageError
from evlog.evidence import KINDS, NO_CREDENTIALS, SIGNED, SOURCES, Credentials, Evidence, Material, identify, source
from evlog.intake.files import CAPTURES, load, named
from evlog.model import Finding
from evlog.registers import Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from evlog.evidence import Source as Reader
    from evlog.evidence._key_file import KeyFile
    from evlog.intake.captures import Capture
    from evlog.intake.files import Source
    from evlog.intake.unwrap import Wrapped

__all__ = ["key_files", "may_be_signed", "read_registers"]

# A captured quote or report has kilobytes, a register file less.
_MAX_SIZE = 1 << 24
_FILE = "register-file"
# Characters of a value in SHA-512, in hex.
_LONGEST_VALUE = 2 + 128
#: Wrappings whose parts are files, and how large one beside a quote may be.
_ARCHIVES = ("tar", "zip")
_MAX_BESIDE = 1 << 16


class _Part(Record):
    """Material, who claims it, its path in the document that it is a part of, and other parts that say the like."""

    material: Material
    reader: Reader | None
    path: str = ""
    wrapping: str = ""
    others: tuple[_Part, ...] = ()


def read_registers(
    where: Source,
    *,
    kind: str | None = None,
    key: Source | None = None,
    signature: Source | None = None,
    pcrs: Source | None = None,
    nonce: bytes | None = None,
    root: Source | None = None,
    at: datetime | None = None,
    quote: bool = False,
    beside: bool = False,
    member: str | None = None,
) -> Evidence:
    """Register values and what of them is authentic.

    ``where`` is a path of a file or a folder, bytes, or a binary file; its content decides what it is. ``key``,
    ``signature``, ``pcrs`` and ``root`` are files too, and ``nonce`` is what the verifier asked for: see
    `evlog.evidence.Credentials`, also for ``kind`` and ``at``. Base64, hex and JSON around evidence are taken off.

    With a key or a root the kind of evidence is pinned, so that a key of one kind never vouches for another's bytes: by
    ``kind``, by a signature (a TPM quote), or by a root whose maker is known. Evidence of another kind fails
    (``kind_mismatch``), and so does evidence that has no use for something that was given (``credential_unused``). With
    ``quote`` a file or folder of values is refused; with ``beside`` ``where`` is a document or an archive that holds
    logs, and evidence is only what stands in it, beside them. Of a capture (`evlog.capture`) it is the quote in it with
    the values that were read, or these alone; ``member`` is the TPM that is meant, where it has two.

    Raises SourceError for what cannot be opened, ParseError for what it cannot be, UsageError for an unknown kind, a
    key or root whose kind nobody says, and a nonce that anybody can guess.
    """
    try:
        credentials = Credentials(
            key=_data(key),
            signature=_data(signature),
            pcrs=_material(pcrs) if pcrs is not None else None,
            nonce=nonce,
            root=_data(root),
            kind=kind,
            at=at,
        )
        return _read(_material(where, captures=True), credentials, quote=quote, beside=beside, member=member)
    except MemoryError:
        pass
    # Out here nothing is held any more of what there was too much of.
    raise SourceError(f"{named(where)}: not enough memory to read it")


def _read(
    material: Material, credentials: Credentials, *, quote: bool, beside: bool, member: str | None = None
) -> Evidence:
    pinned, by, notes = _pinned(credentials)
    capture = _capture(material)
    if capture is not None:
        part = _captured(capture, pinned, member)
    else:
        part = _beside(material, pinned) if beside else _identify(material, pinned)
    material, found = part.material, part.reader
    if found is None:
        raise UnknownFormatError("no known source of register values", offset=0)
    if pinned is None and found.ID in SIGNED:
        pinned, by = found.KINDS[0], "signature"
    if quote and _FILE in found.KINDS:
        name = f"{material.name}: " if material.name else ""
        raise UsageError(f"{name}neither a quote nor a report, but {KINDS[_FILE]} (--registers takes it)")
    if pinned is None and (credentials.key is not None or credentials.root is not None):
        given = " and a ".join(name for name in ("key", "root") if getattr(credentials, name) is not None)
        raise UsageError(
            f"a {given} without the kind of evidence that it is for: say the kind ({', '.join(KINDS)}), "
            "give the signature of a TPM quote, or a root whose maker is known"
        )
    if pinned is not None and pinned not in found.KINDS:
        evidence = found.read(material, NO_CREDENTIALS)
        message = f"the kind of evidence is {evidence.source}, not {pinned}, as {by} says"
        return _failed(evidence.replace(pinned=by, credentials=credentials), "kind_mismatch", message)
    evidence = found.read(material, credentials.replace(kind=pinned))
    if capture is not None:
        evidence = _of_capture(evidence, capture, part, credentials.replace(kind=pinned), member)
    elif part.others:
        evidence = _united(evidence, part.others)
    told = (*notes, *evidence.authenticated)
    return _held(evidence.replace(pinned=by, authenticated=told, credentials=credentials), credentials)


def _pinned(credentials: Credentials) -> tuple[str | None, str | None, tuple[str, ...]]:
    """The kind of evidence that the caller's credentials are for, what says so, and a sentence if that is a root."""
    if credentials.kind is not None:
        return credentials.kind, "kind", ()
    if credentials.signature is not None:
        return "tpm-quote", "signature", ()
    if credentials.root is None:
        return None, None, ()
    from evlog.evidence import _certificates, _makers

    makers = [
        _makers.ROOTS.get(_certificates.fingerprint(each)) for each in _certificates.certificates(credentials.root)
    ]
    known = list(dict.fromkeys(maker for maker in makers if maker is not None))
    if len({maker.kind for maker in known}) != 1:
        return None, None, ()
    names = ", ".join(maker.name for maker in known)
    return known[0].kind, "root", (f"the given root is {names} by its fingerprint, and its evidence a {known[0].kind}",)


def _held(evidence: Evidence, credentials: Credentials) -> Evidence:
    """The evidence, which fails if the caller gave what it has no use for.

    Else whoever chooses the evidence would choose whether it is checked, by handing in a kind that is not signed.
    """
    if evidence.failed:
        return evidence
    unused = [name for name in credentials.given if name not in evidence.used]
    if unused:
        message = f"given, and {KINDS[evidence.source]} has no use for it here: {', '.join(unused)}"
    elif (credentials.key is not None or credentials.root is not None) and not evidence.anchored:
        message = "a key or a root certificate was given, and it stands behind none of the register values"
    else:
        return evidence
    return _failed(evidence, "credential_unused", message)


def _failed(evidence: Evidence, code: str, message: str) -> Evidence:
    """The evidence with a failed check: it is anchored in nothing."""
    findings = (*evidence.findings, Finding(code, "error", message))
    return evidence.replace(findings=findings, anchor=None, covered=(), fresh=False, root_name="")


def _identify(material: Material, kind: str | None) -> _Part:
    """The source that claims the material, or what is wrapped in it.

    One of the kind that is wanted goes first, then one that somebody may have signed, then any.
    """
    found = [_Part(material, _claimed(material, None))]
    data = material.data
    if data is not None and not _signed(_claimed(material, kind)) and (found[0].reader is None or _may_wrap(data)):
        found += _unwrapped(data, material.name)
    chosen = _chosen(found, kind)
    if chosen is not None:
        return chosen
    if kind is not None and kind != _FILE:
        for id in SOURCES:
            if kind in source(id).KINDS:
                # It says what is wrong with the bytes.
                return _Part(material, source(id))
    return _Part(material, identify(material))


def _beside(material: Material, kind: str | None) -> _Part:
    """The source that claims a document with a log in it, or a part of one. Raises UnknownFormatError if none does."""
    data = material.data or b""
    whole = _Part(material, _claimed(material, None))
    # The size of a log is not that of so many values.
    found = [whole] if _is_document(data) or _signed(whole.reader) else []
    chosen = _chosen(found + _unwrapped(data, material.name, parts=True), kind)
    if chosen is None:
        raise UnknownFormatError("no register values stand beside the log", offset=0)
    return chosen


def _capture(material: Material) -> Capture | None:
    """The capture that the bytes are. Raises ParseError for one that is not as its manifest says."""
    if material.data is None:
        return None
    if material.data[:2] in CAPTURES:
        from evlog.intake.captures import opened, whole

        capture = opened(material.data, material.name)
        if capture is not None:
            return whole(capture)
    _held_small(material.data, material.name)
    return None


def _captured(capture: Capture, kind: str | None, member: str | None) -> _Part:
    """The quote or report of a capture, with others of its kind; else the values that were read."""
    from evlog.intake import captured

    parts = [_Part(material, _claimed(material, None)) for material in captured.quotes(capture, member)]
    values = captured.values_of(capture, member)
    if values is not None:
        parts.append(_Part(values, _claimed(values, None)))
    chosen = _chosen(parts, kind)
    if chosen is None or chosen.reader is None:
        raise captured.no_values(capture)
    reader = chosen.reader
    alike = (each for each in parts if each.reader is not None and each.reader.KINDS == reader.KINDS)
    return chosen.replace(others=tuple(each for each in alike if each.material != chosen.material))


def _of_capture(
    evidence: Evidence, capture: Capture, part: _Part, credentials: Credentials, member: str | None
) -> Evidence:
    """Evidence of a capture with what else of it stands there."""
    from evlog.intake import captured

    others = [each.reader.read(each.material, credentials) for each in part.others if each.reader is not None]
    return captured.beside_quote(captured.joined(evidence, others), capture, member)


def _chosen(found: list[_Part], kind: str | None) -> _Part | None:
    """The one of the wanted kind, else one that somebody may have signed, else all that nobody signs."""
    ranked = [each.replace(reader=_claimed(each.material, kind)) for each in found] if kind is not None else []
    ranked += [each for each in found if _signed(each.reader)]
    for each in ranked:
        if each.reader is not None:
            return each
    plain: list[_Part] = []
    for each in found:
        # What is in a part that was claimed as a whole is not claimed once more.
        if each.reader is not None and not any(each.path.startswith(f"{known.path}/") for known in plain):
            plain.append(each)
    if not plain or not plain[0].path:
        return plain[0] if plain else None
    return plain[0].replace(others=tuple(plain[1:]))


def _united(evidence: Evidence, others: Sequence[_Part]) -> Evidence:
    """The values with those that stand elsewhere in the document. Raises ParseError for two values of one register."""
    values = dict(evidence.registers.values)
    for part in others:
        if part.reader is None:
            continue
        for (register, alg), value in part.reader.read(part.material, NO_CREDENTIALS).registers.values.items():
            if values.setdefault((register, alg), value) != value:
                raise ParseError(
                    f"two values of {register} in {alg} in one document, the second at {part.path}", offset=0
                )
    return evidence.replace(registers=Registers(values, evidence.registers.source))


def _unwrapped(data: bytes, name: str, *, parts: bool = False) -> list[_Part]:
    """Whatever the bytes wrap, and who claims it. What somebody may have signed is not looked into.

    ``parts`` leaves out what is no part of them, but the whole in another spelling.
    """
    from evlog.intake.budget import Budget
    from evlog.intake.unwrap import unwrap

    found = []

    def known(wrapped: Wrapped) -> Reader | None:
        if parts and not wrapped.path and not _is_document(wrapped.data):
            return None
        inner = Material(wrapped.data, name)
        reader = _claimed(inner, None)
        found.append(_Part(inner, reader, wrapped.path, wrapping=wrapped.wrapping[-1]))
        return reader if _signed(reader) else None

    budget = Budget(_MAX_SIZE)
    budget.give(len(data))
    for _ in unwrap(data, known, budget):
        pass
    return [*_quotes(found), *found]


def _quotes(found: Sequence[_Part]) -> Iterator[_Part]:
    """TPM quotes that are files of an archive, with what lies beside them, as the document that others make of it.

    A signature, the values and the key are known by their names there, and by their names here.
    """
    from evlog.evidence._document import is_quote

    for part in found:
        data = part.material.data or b""
        if part.path and part.wrapping in _ARCHIVES and is_quote(data):
            import json

            folder = part.path.rpartition("/")[0]
            beside = [
                each
                for each in found
                if each.path.rpartition("/")[0] == folder
                and each.wrapping in _ARCHIVES
                and len(each.material.data or b"") <= _MAX_BESIDE
            ]
            members = {name: (each.material.data or b"").hex() for each in beside for name in _as_member(each.path)}
            material = Material(json.dumps({**members, "quote": data.hex()}).encode(), part.material.name)
            yield _Part(material, _claimed(material, None), part.path)


def _as_member(path: str) -> tuple[str, str]:
    """What a document calls what an archive calls ``ak.pub`` or ``quote.sig``."""
    name = path.rpartition("/")[2]
    whole = name.replace(".", "")
    return name.partition(".")[0], f"{whole}s" if whole.endswith("pcr") else whole


def _may_wrap(data: bytes) -> bool:
    """Whether something longer than a register's value may be written there: nobody unwraps a table of values."""
    return not _is_document(data) or max(map(len, data.split(b'"'))) > _LONGEST_VALUE


def _is_document(data: bytes) -> bool:
    return data.lstrip()[:1] in (b"{", b"[")


def _signed(reader: Reader | None) -> bool:
    return reader is not None and _FILE not in reader.KINDS


def _claimed(material: Material, kind: str | None) -> Reader | None:
    try:
        return identify(material, kind)
    except UnknownFormatError:
        return None


def key_files(where: Source) -> tuple[KeyFile, ...]:
    """The keys, certificates or the signature that a file is; none if it is something else. Raises SourceError."""
    from evlog.evidence._key_file import told

    return told(_data(where) or b"")


def may_be_signed(data: bytes) -> bool:
    """Whether the bytes themselves are evidence of a kind that somebody may have signed."""
    return _signed(_claimed(Material(data), None))


def _material(where: Source, *, captures: bool = False) -> Material:
    if isinstance(where, (str, os.PathLike)) and os.path.isdir(where):
        return Material(None, os.fspath(where))
    data, name = load(where)
    if not (captures and data[:2] in CAPTURES):
        _held_small(data, name)
    return Material(data, name)


def _held_small(data: bytes, name: str) -> None:
    """Raise SourceError for more than evidence has that is no capture."""
    if len(data) > _MAX_SIZE:
        raise SourceError(f"{name or 'evidence'}: {len(data)} bytes, at most {_MAX_SIZE}")


def _data(where: Source | None) -> bytes | None:
    return _material(where).data if where is not None else None
