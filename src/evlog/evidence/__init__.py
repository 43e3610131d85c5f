"""Where register values come from: one file for each source, and the only list of them.

A source is a module with these names and no others that matter:

``ID``, ``TITLE``                  the source's id and what it is, in a few words
``claims(material)``               whether the file or folder is of this kind; by content, never raises
``read(material, credentials)``    its `Evidence`; raises ParseError for bytes that cannot be what they claim to be

What a source states and what of it was authenticated are two things. `Evidence` keeps them apart, sentence by
sentence, and says whether the register values hang on a key that the caller gave. Nothing else is called verified.

Rules of the room:

1. A source gets bytes or a folder, and says what is stated there; it does not know a log or what was replayed.
2. A key that stands in the material checks a signature and anchors nothing; only the caller's credentials do.
3. A check that fails is a finding and a sentence; a check that is not made is named as such.
"""

from __future__ import annotations

from importlib import import_module

from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.errors import UnknownFormatError, UsageError
from evlog.model import Finding
from evlog.registers import Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Source(Protocol):
        """The shape of a source's module."""

        ID: str
        TITLE: str

        def claims(self, material: Material) -> bool: ...
        def read(self, material: Material, credentials: Credentials) -> Evidence: ...


__all__ = ["NO_CREDENTIALS", "SOURCES", "Composite", "Credentials", "Evidence", "Material", "identify", "source"]

#: Source ids in the order in which they are asked, and their modules.
SOURCES: dict[str, str] = {
    "tpm-quote": "tpm_quote",
    "tdx-quote": "tdx_quote",
    "tdx-report": "tdx_report",
    "snp-report": "snp_report",
    "cca-token": "cca_token",
    "nitro": "nitro",
    "pcr-values": "pcr_values",
    "register-file": "register_file",
    "pcrread": "pcrread",
    "tpm-sysfs": "tpm_sysfs",
    "register-tree": "register_tree",
}


class Material(Record):
    """What a source reads: the bytes of a file, or the path of a folder, whose ``data`` is None."""

    data: bytes | None
    name: str = ""

    @property
    def head(self) -> bytes:
        """The first bytes, none for a folder."""
        return self.data[:64] if self.data is not None else b""


class Credentials(Record):
    """What the caller trusts or expects, each as the bytes of a file: nothing in here comes from the evidence.

    ``key``        the public key or certificate that signed it: PEM, DER, TPM2B_PUBLIC or TPMT_PUBLIC
    ``signature``  the signature of a TPM quote: TPMT_SIGNATURE, or the bare signature
    ``pcrs``       the PCR values that a TPM quote is about, from any source
    ``nonce``      what the verifier asked for: a quote's qualifying data, the start of a report's REPORTDATA
    ``root``       the root certificate of the manufacturer, PEM or DER
    """

    key: bytes | None = None
    signature: bytes | None = None
    pcrs: Material | None = None
    nonce: bytes | None = None
    root: bytes | None = None


NO_CREDENTIALS = Credentials()


class Composite(Record):
    """A digest over the values of several registers, in this order: what a TPM signs in place of the values."""

    alg: HashAlg
    selection: tuple[tuple[Register, HashAlg], ...]
    digest: bytes


class Evidence(Record):
    """What a source says, and what of it is authentic.

    ``registers``      the values it states; ``static`` are those that no event ever extends
    ``authenticated``  what was checked and held, a sentence each
    ``read_only``      what was only read, or not checked by anything here, a sentence each
    ``anchored``       whether the register values are signed by a key, or under a root, that the caller gave
    ``composite``      a signed digest over register values that the source does not state one by one
    ``claims``         what else it states, by name: REPORTDATA, HOST_DATA, a nonce
    ``findings``       with severity error: a check failed, and the evidence proves nothing
    """

    source: str
    registers: Registers
    authenticated: tuple[str, ...] = ()
    read_only: tuple[str, ...] = ()
    anchored: bool = False
    static: tuple[Register, ...] = ()
    composite: Composite | None = None
    claims: tuple[tuple[str, bytes], ...] = ()
    platform: str | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether a check of the evidence itself failed."""
        return any(finding.severity == "error" for finding in self.findings)


def source(id: str) -> Source:
    """The module of a source. Raises UsageError for an unknown id."""
    module = SOURCES.get(id)
    if module is None:
        raise UsageError(f"unknown source of register values {id!r}; known are {', '.join(SOURCES)}")
    found: Source = import_module(f"evlog.evidence.{module}")
    return found


def identify(material: Material) -> Source:
    """The source that claims the material. Raises UnknownFormatError if there is none."""
    for id in SOURCES:
        found = source(id)
        if found.claims(material):
            return found
    what = "a folder" if material.data is None else f"{len(material.data)} bytes"
    name = f"{material.name}: " if material.name else ""
    raise UnknownFormatError(f"{name}no known source of register values ({what})", offset=0)
