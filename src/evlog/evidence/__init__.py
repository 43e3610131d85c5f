"""Where register values come from: one file for each source, and the only list of them.

Rules of the room:

1. A source gets bytes or a folder, and says what is stated there; it does not know a log or what was replayed.
2. A key or a root is used by the source whose kind the caller pinned, and by no other (`Credentials`). What stands in
   the material itself, a key or a certificate, may check a signature and never anchors.
3. A check that fails is a finding (the evidence proves nothing) or a `Weakness` (it may be accepted by name), never
   silence; what is not checked is in ``unchecked``.

A source is a module with these names and no others that matter:

``ID``, ``TITLE``                  the source's id and what it is, in a few words
``KINDS``                          the kinds of evidence (`KINDS` below) that it reads
``claims(material)``               whether the file or folder is of this kind; by content, never raises
``read(material, credentials)``    its `Evidence`; raises ParseError for bytes that cannot be what they claim to be

What a source states and what of it was authenticated are two things. `Evidence` keeps them apart, sentence by
sentence, and says whether the register values hang on a key that the caller gave. Nothing else is called verified.
"""

from __future__ import annotations

from evlog._record import Record, import_module
from evlog.algorithms import SHA1, SHA256, SHA384, SHA512, HashAlg
from evlog.errors import UnknownFormatError, UsageError
from evlog.model import Finding
from evlog.registers import Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Protocol

    class Source(Protocol):
        """The shape of a source's module."""

        ID: str
        TITLE: str
        KINDS: tuple[str, ...]

        def claims(self, material: Material) -> bool: ...
        def read(self, material: Material, credentials: Credentials) -> Evidence: ...


__all__ = [
    "KINDS",
    "NO_CREDENTIALS",
    "SIGNED",
    "SOURCES",
    "Composite",
    "Credentials",
    "Evidence",
    "Material",
    "Weakness",
    "identify",
    "source",
]

#: Source ids in the order in which they are asked, and their modules.
SOURCES: dict[str, str] = {
    "tpm-quote": "tpm_quote",
    "pcr-values": "pcr_values",
    "hcl-vtpm": "hcl_vtpm",
    "tpm-attestation": "tpm_attestation",
    "tpm-printed": "tpm_printed",
    "keylime-quote": "keylime_quote",
    "tpm-document": "tpm_document",
    "tdx-quote": "tdx_quote",
    "tdx-report": "tdx_report",
    "snp-report": "snp_report",
    "cca-token": "cca_token",
    "csv-report": "csv_report",
    "nitro-enclave": "nitro_enclave",
    "nitro-tpm": "nitro_tpm",
    "register-file": "register_file",
    "pcrlock": "pcrlock",
    "claims-json": "claims_json",
    "named-value": "named_value",
    "pcr-table": "pcr_table",
    "pcr-lines": "pcr_lines",
    "pcr-bare": "pcr_bare",
    "pcrread": "pcrread",
    "tpm-sysfs": "tpm_sysfs",
    "register-tree": "register_tree",
}

#: What the sources of each shape of material are; no other is asked, or imported.
_SHAPES: dict[str, frozenset[str]] = {
    "folder": frozenset({"tpm-sysfs", "register-tree"}),
    "text": frozenset(
        {
            *("hcl-vtpm", "csv-report", "cca-token", "tpm-attestation", "tpm-printed", "keylime-quote"),
            *("tpm-document", "register-file", "pcrlock", "claims-json", "named-value", "pcr-table"),
            *("pcr-lines", "pcr-bare", "pcrread"),
        }
    ),
    "binary": frozenset(
        {
            *("tpm-quote", "tpm-attestation", "hcl-vtpm", "tdx-quote", "tdx-report", "snp-report", "cca-token"),
            *("csv-report", "nitro-enclave", "nitro-tpm", "pcr-values", "pcr-bare", "named-value"),
        }
    ),
}

#: Kinds of evidence, the words of ``Credentials.kind`` and ``Evidence.source``, and what each is.
KINDS: dict[str, str] = {
    "tpm-quote": "a TPM quote",
    "tdx-quote": "an Intel TD quote",
    "tdx-report": "an Intel TDREPORT, which nobody elsewhere can check",
    "snp-report": "an AMD SEV-SNP report",
    "cca-token": "an Arm CCA token",
    "nitro-enclave": "an AWS Nitro attestation document of an enclave",
    "nitro-tpm": "an AWS Nitro attestation document of a NitroTPM",
    "hcl-vtpm": "an Azure HCL report and a quote of the TPM that it vouches for",
    "csv-report": "a Hygon CSV report",
    "register-file": "a file or a folder of register values, which nobody signs",
}

#: Sources whose material states a signature of a TPM quote, which pins the kind as a signature given beside it does.
SIGNED = frozenset({"keylime-quote", "tpm-document", "tpm-attestation", "tpm-printed"})

_LEAST_NONCE, _ALL_PCRS = 8, 24
_CONTROL = frozenset(range(0x20)) - frozenset(b"\t\n\r\f")


class Material(Record):
    """What a source reads: the bytes of a file, or the path of a folder, whose ``data`` is None."""

    data: bytes | None
    name: str = ""

    @property
    def head(self) -> bytes:
        """The first bytes, none for a folder."""
        return self.data[:64] if self.data is not None else b""

    @property
    def shape(self) -> str:
        """``folder``, ``binary`` or ``text``: that has no control characters, and a quote begins with some."""
        if self.data is None:
            return "folder"
        return "binary" if _CONTROL.intersection(self.head) else "text"


class Credentials(Record):
    """What the caller trusts or expects, each as the bytes of a file: nothing in here comes from the evidence.

    ``key``        the public key or certificate that signed it: PEM, DER, TPM2B_PUBLIC or TPMT_PUBLIC
    ``signature``  the signature of a TPM quote: TPMT_SIGNATURE, or the bare signature
    ``pcrs``       the PCR values that a TPM quote is about, from any source
    ``nonce``      what the verifier asked for: a quote's qualifying data, the start of a report's REPORTDATA
    ``root``       the root certificate of the manufacturer, PEM or DER
    ``kind``       the kind of evidence (`KINDS`) that key and root are for; None: not pinned
    ``at``         the time that certificates are held to, with its time zone; None: now

    Raises UsageError for a kind that does not exist, a time without a zone, and a nonce that anybody can guess: shorter
    than 8 bytes, or nothing but zeros.
    """

    key: bytes | None = None
    signature: bytes | None = None
    pcrs: Material | None = None
    nonce: bytes | None = None
    root: bytes | None = None
    kind: str | None = None
    at: datetime | None = None

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in KINDS:
            raise UsageError(f"unknown kind of evidence {self.kind!r}; known are {', '.join(KINDS)}")
        if self.at is not None and self.at.tzinfo is None:
            raise UsageError("at: a time with its time zone was expected")
        if self.nonce is not None and (len(self.nonce) < _LEAST_NONCE or not any(self.nonce)):
            what = f"{len(self.nonce)} bytes" if any(self.nonce) else "nothing but zeros"
            raise UsageError(f"a nonce of {what} proves nothing: at least {_LEAST_NONCE} bytes that nobody can guess")

    @property
    def given(self) -> tuple[str, ...]:
        """The names of what was given to be checked or compared, in the order of the fields."""
        names = ("key", "signature", "pcrs", "nonce", "root")
        return tuple(name for name in names if getattr(self, name) is not None)


NO_CREDENTIALS = Credentials()


class Composite(Record):
    """A digest over the values of several registers, in this order: what a TPM signs in place of the values."""

    alg: HashAlg
    selection: tuple[tuple[Register, HashAlg], ...]
    digest: bytes


class Weakness(Record):
    """A check that was made and does not hold, and that a verifier may accept by name: else it fails the evidence.

    ``accept`` is the name: ``debug`` (somebody can change the machine from outside, or nobody says that he cannot) or
    ``qe`` (the enclave that signs TD quotes is not the manufacturer's). ``sentence`` says what was found.
    """

    accept: str
    sentence: str


class Evidence(Record):
    """What a source says, and what of it is authentic.

    ``source``         the kind of evidence (`KINDS`); ``form`` which source read it (`SOURCES`)
    ``registers``      the values it states; ``static`` are those that no event ever extends (MRTD, RIM, MEASUREMENT)
    ``authenticated``  what was checked and held, a sentence each
    ``read_only``      what was only read, or not checked by anything here, a sentence each
    ``anchor``         how the register values hang on what the caller gave: ``key`` (it signed them, itself or through
                       keys that it vouches for), ``root`` (a certificate out of the evidence, which leads to the given
                       root, did: some machine of that make), or None
    ``covered``        the registers and banks that this signature stands behind, also those of ``composite``; none
                       without an anchor. What ``registers`` states besides is only read
    ``fresh``          whether the caller's nonce stands in the data that the anchored signature covers
    ``image``          which of ``static`` say what runs, where some say other things (Nitro: the instance); none: all
    ``composite``      a signed digest over register values that the source does not state one by one
    ``identity``       which machine it is, as (name, hex or text): AK name, CHIP_ID, PPID, module_id, instance id
    ``root_name``      the name of the given root, where the values lead to it
    ``claims``         what else it states, by name: report_data, host_data, nonce, resetCount, attributes. All are
                       bytes: numbers big-endian in the width of their field, text in UTF-8
    ``plain``          those claims that are numbers (in decimal) or text, as a person writes them
    ``weaknesses``     checks that fail and may be accepted by name
    ``unchecked``      what is not checked here, in few words each: TCB level, revocation
    ``used``           which of `Credentials.given` the source had a use for
    ``pinned``         what settled the kind: ``kind``, ``signature``, ``root``, or None if nothing had to
    ``credentials``    what it was read with; not compared
    ``findings``       with severity error: a check failed, and the evidence proves nothing
    """

    source: str
    registers: Registers
    authenticated: tuple[str, ...] = ()
    read_only: tuple[str, ...] = ()
    anchor: str | None = None
    static: tuple[Register, ...] = ()
    composite: Composite | None = None
    claims: tuple[tuple[str, bytes], ...] = ()
    platform: str | None = None
    findings: tuple[Finding, ...] = ()
    form: str = ""
    covered: tuple[tuple[Register, HashAlg], ...] = ()
    fresh: bool = False
    identity: tuple[tuple[str, str], ...] = ()
    root_name: str = ""
    plain: tuple[tuple[str, str], ...] = ()
    weaknesses: tuple[Weakness, ...] = ()
    unchecked: tuple[str, ...] = ()
    used: tuple[str, ...] = ()
    pinned: str | None = None
    credentials: Credentials = NO_CREDENTIALS
    image: tuple[Register, ...] = ()

    _uncompared = ("credentials",)

    @property
    def anchored(self) -> bool:
        """Whether the register values are signed by a key, or under a root, that the caller gave."""
        return self.anchor is not None

    @property
    def firmware(self) -> tuple[Register, ...]:
        """The static registers that tell who wrote the logs."""
        return self.image or self.static

    @property
    def failed(self) -> bool:
        """Whether a check of the evidence itself failed. Weaknesses are not counted: see `Weakness`."""
        return any(finding.severity == "error" for finding in self.findings)

    def states(self, name: str, value: str) -> bool | None:
        """Whether the claim or static register of a name has a value; None if the evidence states none of that name.

        ``name`` is a claim's, an identity's, or a static register's (``mrtd``, ``pcr:0``, ``measurement``), without
        regard to case, ``_``, ``-`` and brackets. ``value`` is hex of all its bytes; of a number or a text also what a
        person writes (`plain`): ``resetCount`` of ``5`` or ``00000005``. Raises nothing: no hex is another value.
        """
        wanted, text = _bare(name), value.strip()
        digits = text.lower().removeprefix("0x")
        found: list[bool] = []
        for each, data in self.claims:
            if _bare(each) == wanted:
                found.append(data.hex() == digits)
        found += [said == text for each, said in self.plain if _bare(each) == wanted]
        found += [said in (text, digits) for each, said in self.identity if _bare(each) == wanted]
        for (register, _), data in self.registers.values.items():
            if register in self.static and (wanted in _names(register, self.platform) or register == _named(name)):
                found.append(data.hex() == digits)
        return any(found) if found else None


def _bare(name: str) -> str:
    """A name without what people write differently."""
    return "".join(letter for letter in name.lower() if letter not in "_-[]: ")


def _named(name: str) -> Register | None:
    """The register that people call so: ``mrtd`` also where nobody says which platform it is."""
    try:
        return Register.parse(name)
    except UsageError:
        return None


def _names(register: Register, platform: str | None) -> tuple[str, ...]:
    """What a static register may be called: ``pcr:0``, its label on the platform, a name."""
    return _bare(str(register)), _bare(register.label(platform))


def source(id: str) -> Source:
    """The module of a source. Raises UsageError for an unknown id."""
    module = SOURCES.get(id)
    if module is None:
        raise UsageError(f"unknown source of register values {id!r}; known are {', '.join(SOURCES)}")
    found: Source = import_module(f"evlog.evidence.{module}")
    return found


def identify(material: Material, kind: str | None = None) -> Source:
    """The source that claims the material, of those that read ``kind``. Raises UnknownFormatError if there is none."""
    shape = _SHAPES[material.shape]
    for id in SOURCES:
        if id not in shape:
            continue
        found = source(id)
        if (kind is None or kind in found.KINDS) and found.claims(material):
            return found
    what = "a folder" if material.data is None else f"{len(material.data)} bytes"
    name = f"{material.name}: " if material.name else ""
    raise UnknownFormatError(f"{name}no known source of register values ({what}){_hint(material)}", offset=0)


def _hint(material: Material) -> str:
    """What to try with bytes that may be values of which nothing says whose they are."""
    size = len(material.data or b"")
    banks = [str(alg) for alg in (SHA1, SHA256, SHA384, SHA512) if size and not size % alg.size]
    if material.shape != "binary" or not banks or size > _ALL_PCRS * SHA512.size:
        return ""
    return (
        f"; if they are values of some PCRs in {' or '.join(banks)}, the quote that selects them says of which "
        "(--quote FILE --pcrs VALUES), or all 24 of a bank"
    )
