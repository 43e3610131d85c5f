"""What boot loaders measure as EV_IPL: GRUB's commands and files, shim's MOK variables, systemd-boot and -stub.

The type says nothing of the body; producers differ by prefix, encoding and register (spec: none but their sources).
GRUB and shim sometimes count a byte too many: what follows the NUL is kept as ``trailing``.
"""

from __future__ import annotations

from evlog import hashing
from evlog._record import lru_cache
from evlog.decoders import Context, Cursor, Decoded, NotKnownError, decodes
from evlog.decoders._text import is_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.algorithms import HashAlg
    from evlog.model import Digest, Event

__all__ = ["BootLoaderText", "GrubCommand", "IplText", "MokVariable", "StubSection"]

# What GRUB writes before the text: since 2.06 with a colon; before, with a blank and another word for the kernel's.
_GRUB = {
    b"grub_cmd: ": "grub_cmd",
    b"kernel_cmdline: ": "kernel_cmdline",
    b"module_cmdline: ": "module_cmdline",
    b"grub_cmd ": "grub_cmd",
    b"grub_kernel_cmdline ": "kernel_cmdline",
    b"grub_module_cmdline ": "module_cmdline",
}


#: Characters of a section's name in a PE file.
_SECTION = 8
# Bytes whose hash is kept.
_SHORT = 16


class GrubCommand(Decoded):
    """A line that GRUB ran or handed over: ``verb`` is grub_cmd, kernel_cmdline or module_cmdline."""

    verb: str
    text: str
    trailing: bytes = b""

    kind = "grub_command"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> GrubCommand:
        body, trailing = _until_nul(cursor)
        prefix = max((known for known in _GRUB if body.startswith(known)), key=len, default=None)
        if prefix is None:
            raise cursor.error("no GRUB command", at=0)
        return cls(_GRUB[prefix], body[len(prefix) :].decode("utf-8", "replace"), trailing)

    def describe(self) -> str:
        return f"{self.verb}: {self.text}"


for _prefix in _GRUB:
    decodes(prefix=_prefix)(GrubCommand)


class IplText(Decoded):
    """A name in ASCII or UTF-8: a file that GRUB loaded, or what a loader calls the thing that it measured."""

    text: str
    trailing: bytes = b""

    kind = "ipl_text"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> IplText:
        body, trailing = _until_nul(cursor)
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            text = ""
        if not text.isprintable() or not text:
            raise cursor.error("no text", at=0, kind=NotKnownError)
        return cls(text, trailing)

    def describe(self) -> str:
        return self.text


class MokVariable(IplText):
    """The name of a MOK variable whose value shim measured."""

    kind = "mok_variable"


for _name in (b"MokList", b"MokListX", b"MokListTrusted", b"MokSBState", b"MokDBState"):
    decodes(prefix=_name + b"\0", registers=("pcr:14", "pcr:7", "ccmr:3", "ccmr:1"))(MokVariable)


class StubSection(Decoded):
    """A section of a unified kernel image: systemd-stub measures its name, then its content, with the same event data.

    ``part`` is ``name`` where the digests are of the name, ``content`` for the event that directly follows such a one;
    None where no log is known. ``empty`` is whether the digests of a content are of no bytes.
    """

    section: str
    part: str | None = None
    empty: bool = False

    kind = "uki_section"

    def placed(self, event: Event, context: Context) -> Decoded:
        """Which of the two events it is. One that is neither is a text like any other, whoever measured it."""
        if _is_name(event):
            return self.replace(part="name")
        if not context.events or not _computable(event):
            return self
        before = context.before(event)
        alike = before is not None and (before.register, before.content) == (event.register, event.content)
        if before is None or not alike or not _is_name(before):
            return BootLoaderText(self.section)
        return self.replace(part="content", empty=_are_of(event, b""))

    def describe(self) -> str:
        part = "" if self.part is None else f", {self.part}" if not self.empty else ", no content"
        return f"UKI section {self.section}{part}"


def _computable(event: Event) -> list[Digest]:
    backend = hashing.backend()
    return [digest for digest in event.digests if backend.computable(digest.alg)]


def _is_name(event: Event) -> bool:
    """Whether what is measured is the name that the data is, as systemd-stub measures it."""
    digests = _computable(event)
    for rule, covered, *_ in event.content.candidates(event, digests[0].alg) if digests else ():
        if rule == "utf8_name" and covered is not None:
            return _are_of(event, covered)
    return False


def _are_of(event: Event, covered: bytes) -> bool:
    """Whether the digests of an event, all that can be computed, are of these bytes."""
    digest_of = _hash if len(covered) <= _SHORT else hashing.digest
    return all(digest.value == digest_of(digest.alg, covered) for digest in _computable(event))


@lru_cache(1 << 8)
def _hash(alg: HashAlg, covered: bytes) -> bytes:
    """The hash of the name of a section, or of nothing: the same in each log."""
    return hashing.digest(alg, covered)


class BootLoaderText(Decoded):
    """Text in UTF-16: the command line that systemd-boot or -stub hands over, or what it measured besides.

    ``terminated`` is False where the last byte of the NUL is missing, as old systemd-boot logs it.
    """

    text: str
    terminated: bool = True

    kind = "boot_loader_text"

    def describe(self) -> str:
        return self.text


@decodes()
def ipl(cursor: Cursor, context: Context) -> Decoded:
    """Any EV_IPL without a known prefix: UTF-16 text, plain text, or code, which nobody decodes."""
    data = cursor.peek(cursor.left)
    text = None if is_text(data) else _utf16_text(data)
    if text is not None:
        cursor.rest()
        terminated = len(data) % 2 == 0 and data.endswith(b"\0\0")
        if terminated and len(text) <= _SECTION and text.startswith(".") and text[1:].isalnum():
            return StubSection(text)
        return BootLoaderText(text, terminated)
    return IplText.read(cursor, context)


def _utf16_text(data: bytes) -> str | None:
    """The text, if the bytes are mostly Latin letters in UTF-16 with nothing after the NUL; else None."""
    even = data + b"\0" if len(data) % 2 else data
    if len(even) < 4 or even[1::2].count(0) * 2 < len(even) // 2 or even[0] == 0:
        return None
    text, _, rest = even.decode("utf-16-le", "replace").partition("\0")
    if rest.strip("\0") or not text.isprintable() or "\ufffd" in text:
        return None
    return text


def _until_nul(cursor: Cursor) -> tuple[bytes, bytes]:
    """The bytes before the first NUL, and what follows the NUL."""
    body, _, trailing = cursor.rest().partition(b"\0")
    return body, trailing
