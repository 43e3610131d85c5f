"""Entries of a Linux IMA measurement list: a template's name and its data.

Source: Linux, security/integrity/ima; TCG Canonical Event Log (content type ``ima_template``). The template digest is
the hash of the template data, but for the legacy template ``ima``, where the digest and the name padded to 256 bytes
are hashed.
"""

from __future__ import annotations

from evlog.algorithms import SHA1
from evlog.contents._ima_fields import LEGACY, ImaFields, decode, field_names, split_fields
from evlog.model import Content, Finding
from evlog.registers import CC_SPACES, LAST_CCMR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from evlog.algorithms import HashAlg
    from evlog.contents._celtype import CelType
    from evlog.model import Event

__all__ = ["COVERED", "HASH", "ZERO_PAD", "ImaEvent", "extensions_of", "is_violation", "violations_found"]

#: The rules for a bank that the list has no digest for. The kernel follows one or the other bank by bank: it hashes
#: with those algorithms that it could load when IMA started, and pads the SHA-1 digest for the others.
HASH, ZERO_PAD = "hash", "zero-pad"

_NAMED = 3  # events that a finding names before it counts
_NAME_SIZE = 256
_FIRST = (0x00, 0xFF)
_PADDED_SIZE = 20 + _NAME_SIZE
#: What `ImaEvent.hashed` is of the bytes behind a template's name in a binary list (see `evlog.columns.Named`): all
#: but their length, and of the legacy template all but that of the file's name, which is padded.
COVERED = (0, 4, 0), ((LEGACY.encode(), (20, 4, _NAME_SIZE)),)


def is_violation(recorded: bytes) -> bool:
    """Whether a recorded template digest marks a violation: zeros in a list; all 0xFF, as extended, in some CELs.

    A file that was written while it was measured, say. The entry's data is then covered by nothing.
    """
    # By its first byte most often none.
    return bool(recorded) and recorded[0] in _FIRST and recorded in _marks(len(recorded))


def _marks(size: int) -> tuple[bytes, bytes]:
    """The digests that mark a violation."""
    return bytes(size), b"\xff" * size


def violations_found(numbers: Sequence[int], offset: int | None = None) -> Finding:
    """The finding of a log that has violations: the events of these numbers, the first of them at ``offset``."""
    more = f" and {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else ""
    named = f"{len(numbers)} violations (events {', '.join(map(str, numbers[:_NAMED]))}{more})"
    said = "a violation" if len(numbers) == 1 else named
    message = f"{said}: ones were extended, whatever is recorded, and nothing proves what is said of the file"
    return Finding("ima_violation", "note", message, numbers[0], offset)


def extensions_of(alg: HashAlg, recorded: Sequence[bytes], extended: Sequence[bytes | None]) -> Sequence[bytes | None]:
    """`ImaEvent.extension` and `ImaEvent.unrecorded` for many entries of one list.

    ``extended`` is what they would extend were none of them a violation: their digests, or by a rule.
    """
    marks = [mark for mark in _marks(len(recorded[0])) if mark in recorded] if recorded else []
    if not marks:
        return extended
    # `index` runs as fast as hashing does not: most rows of most lists are no violations.
    changed, ones = list(extended), b"\xff" * alg.size
    for mark in marks:
        row = -1
        try:
            while True:
                row = recorded.index(mark, row + 1)
                changed[row] = ones
        except ValueError:
            pass
    return changed


class ImaEvent(Content):
    """An IMA entry: the template's name, and the template data as recorded.

    The template name is NOT covered by the digest, the data is. ``missing`` is empty, or says why ``data`` is not
    known to be what the kernel recorded: an ascii list does not hold it, and a violation's digest proves nothing.
    """

    template: str
    data: bytes
    missing: str = ""

    kind = "ima"
    rules = (HASH, ZERO_PAD)
    logged_first = True
    remarks = ("missing",)

    @property
    def hashed(self) -> bytes:
        """The bytes that the template digest is the hash of."""
        if self.template != LEGACY or self.padded:
            return self.data
        return self.data[:20] + self.data[24:].ljust(_NAME_SIZE, b"\0")

    @property
    def padded(self) -> bool:
        """Whether a legacy entry's data has no length and a padded name, as tpm2-tss writes it into a CEL."""
        return len(self.data) == _PADDED_SIZE and split_fields(LEGACY, self.data) is None

    @property
    def fields(self) -> tuple[tuple[str, bytes], ...] | None:
        """The template's fields by name, as recorded; None for an unknown template, or data that is not made so."""
        names = field_names(self.template)
        found = split_fields(self.template, self.data) if names else None
        return tuple(zip(names, found[1], strict=True)) if names and found else None

    @property
    def decoded(self) -> ImaFields | None:
        """The template's fields decoded; None where `fields` is."""
        return decode(self.template, self.data)

    @property
    def name(self) -> bytes | None:
        """The file's name, or the event's for a measured buffer, without its NUL; None if the data does not tell."""
        decoded = self.decoded
        return decoded.name if decoded else None

    @property
    def summary(self) -> str:
        name = self.name
        what = f"{len(self.data)} bytes" if name is None else name.decode(errors="backslashreplace")
        return f"{self.template} {what}"

    def extends(self, event: Event) -> bool:
        """Whether it extends its register: no measurement register of a confidential guest has a number above 4.

        The kernel of Arm's virtCCA leaves PCR 10 in the column of boot_aggregate, and extends no register with it.
        """
        register = event.register
        return register.space not in CC_SPACES or register.number <= LAST_CCMR

    def mark(self, event: Event) -> str:
        """A violation is one by its digest: see `is_violation`."""
        for digest in event.digests:
            if is_violation(digest.value):
                return "violation"
        return ""

    def extension(self, alg: HashAlg, recorded: bytes | None) -> bytes | None:
        """The recorded digest; for a violation 0xFF throughout."""
        if recorded is not None and is_violation(recorded):
            return b"\xff" * alg.size
        return recorded

    def unrecorded(self, event: Event, alg: HashAlg, rule: str) -> bytes | None:
        if rule not in self.rules:
            return None
        if any(is_violation(digest.value) for digest in event.digests):
            return b"\xff" * alg.size
        if rule == ZERO_PAD:
            sha1 = event.digest(SHA1) or self._digest(SHA1)
            return sha1 and sha1.ljust(alg.size, b"\0")
        return self._digest(alg)

    def _digest(self, alg: HashAlg) -> bytes | None:
        from evlog import hashing

        if self.missing or not hashing.backend().computable(alg):
            return None
        return hashing.digest(alg, self.hashed)

    def candidates(self, event: Event, alg: HashAlg) -> Iterable[tuple[str, bytes | None] | tuple[str, bytes, HashAlg]]:
        recorded = event.digest(alg)
        if (recorded is not None and is_violation(recorded)) or (self.missing and not self.data):
            return
        yield HASH, self.hashed
        if alg != SHA1:
            yield ZERO_PAD, self.hashed, SHA1

    @classmethod
    def cel_types(cls) -> Sequence[CelType]:
        from evlog.contents._celtype import CelType, Fields, Octets, Text

        # tpm2-tss up to 4.0 called the data template_value.
        aliases = {"template_value": "template_data"}
        fields = Fields((("template_name", Text()), ("template_data", Octets())), aliases)
        return (CelType(7, "ima_template", fields),)

    def to_cel(self) -> tuple[str, bytes]:
        return self.template, self.data

    @classmethod
    def from_cel(cls, number: int, value: Any) -> ImaEvent:
        return cls(*value)

    def to_json(self) -> dict[str, Any]:
        members: dict[str, Any] = {"template": self.template, "data": self.data.hex()}
        if self.missing:
            members["missing"] = self.missing
        return members

    @classmethod
    def from_json(cls, members: dict[str, Any]) -> ImaEvent:
        template, missing = members["template"], members.get("missing", "")
        if not isinstance(template, str) or not isinstance(missing, str):
            raise TypeError("template and missing are strings")
        return cls(template, bytes.fromhex(members["data"]), missing)
