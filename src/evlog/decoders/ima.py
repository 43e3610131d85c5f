"""IMA entries: the fields of their template data.

Source: see `evlog.contents._ima_fields`, which takes the data apart. Measured buffers (``ima-buf``) are the kexec
command line, a key's certificate, or critical data such as the kernel's version; their event's name says which.
"""

from __future__ import annotations

from evlog.decoders import NO_CONTEXT, Cursor, Decoded, Raw
from evlog.decoders._text import plain_text
from evlog.decoders.certificate import Certificate
from evlog.errors import ParseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.contents._ima_fields import FileDigest, Signature
    from evlog.contents.ima import ImaEvent

__all__ = ["ImaAttribute", "ImaDigest", "ImaEntry", "ImaField", "ImaSignature", "read_content"]


class ImaDigest(Decoded):
    """The digest of a file: ``type`` ima or verity if the template says so, ``algorithm`` empty if it does not."""

    type: str
    algorithm: str
    digest: bytes

    kind = "ima_digest"

    def describe(self) -> str:
        return ":".join(filter(None, (self.type, self.algorithm, self.digest.hex())))


class ImaSignature(Decoded):
    """A signature as the extended attribute held it; ``key_id`` names the key, whose algorithm is not stated."""

    type: str
    version: int
    hash_algorithm: str
    key_id: bytes
    signature: bytes

    kind = "ima_signature"

    def describe(self) -> str:
        return f"signed with key {self.key_id.hex()}"


class ImaAttribute(Decoded):
    """An extended attribute that EVM covers."""

    name: str
    value: bytes

    kind = "ima_attribute"


class ImaField(Decoded):
    """A field that nobody has described, of a patched kernel, or that cannot be what it should; as recorded.

    ``text`` is the value without its NUL, where that can be read.
    """

    name: str
    value: bytes
    text: str | None

    kind = "ima_field"


class ImaEntry(Decoded):
    """The fields of a template; None for those that it does not have or leaves empty.

    ``name`` is the file's, or what was measured into ``buffer``, with what is not UTF-8 escaped. ``text`` and
    ``certificate`` are the buffer read so, where it can be. ``mark`` is ``violation`` for one, whose
    ``digest`` is None where it is zeros: they say nothing of the file.
    """

    template: str
    mark: str | None
    name: str | None
    digest: ImaDigest | None
    signature: ImaSignature | None
    evm_signature: ImaSignature | None
    modsig_digest: ImaDigest | None
    modsig: bytes | None
    buffer: bytes | None
    text: str | None
    certificate: Certificate | None
    attributes: tuple[ImaAttribute, ...] | None
    uid: int | None
    gid: int | None
    mode: int | None
    undecoded: tuple[ImaField, ...]

    kind = "ima_entry"

    def describe(self) -> str:
        name = f"{self.template} {self.name}" if self.name else self.template
        if self.mark:
            return f"{self.mark}: {name}"
        if self.buffer is not None:
            content = self.certificate.describe() if self.certificate else self.text
            return f"{name}: {content or f'{len(self.buffer)} bytes'}"
        digest = f" {self.digest.describe()}" if self.digest else ""
        signed = next((f", {s.describe()}" for s in (self.signature, self.evm_signature) if s), "")
        return f"{name}{digest}{signed}"


def read_content(content: ImaEvent, mark: str = "") -> Decoded:
    """The entry decoded; `Raw` with the reason for data that is not made of its template's fields. Never raises.

    ``mark`` is what the entry's digest says of it (`evlog.model.Content.mark`).
    """
    if content.missing and not content.data:
        return Raw(content.missing, b"")
    fields = content.decoded
    if fields is None:
        return Raw(f"no known fields in template {content.template}", content.data)
    buffer = fields.buffer
    return ImaEntry(
        content.template,
        mark or None,
        None if fields.name is None else fields.name.decode("utf-8", "backslashreplace"),
        None
        if mark and not any(fields.file_digest.value if fields.file_digest else b"")
        else _digest(fields.file_digest),
        _signature(fields.signature),
        _signature(fields.evm_signature),
        _digest(fields.modsig_digest),
        fields.modsig,
        buffer,
        plain_text(buffer) if buffer else None,
        _certificate(buffer) if buffer else None,
        None if fields.extended is None else tuple(ImaAttribute(*pair) for pair in fields.extended),
        fields.uid,
        fields.gid,
        fields.mode,
        tuple(ImaField(name, value, plain_text(value.removesuffix(b"\0"))) for name, value in fields.undecoded),
    )


def _digest(digest: FileDigest | None) -> ImaDigest | None:
    return None if digest is None else ImaDigest(digest.type, digest.algorithm, digest.value)


def _signature(found: Signature | None) -> ImaSignature | None:
    if found is None:
        return None
    return ImaSignature(found.type_name, found.version, found.hash_name, found.key_id, found.signature)


def _certificate(buffer: bytes) -> Certificate | None:
    if buffer[:1] != b"\x30":
        return None
    try:
        return Certificate.read(Cursor(buffer), NO_CONTEXT)
    except ParseError:
        return None
