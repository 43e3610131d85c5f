"""An AMD SEV-SNP attestation report, checked against a VCEK or VLEK certificate.

Spec: AMD SEV-SNP firmware ABI, table 23 (ATTESTATION_REPORT): 0x2A0 bytes that are signed, then the signature, r and
s of 72 bytes each, little-endian; AMD VCEK certificate and KDS interface specification, table 8 (extensions). The
launch MEASUREMENT is fixed at start; nothing ever extends it.
"""

from __future__ import annotations

from evlog.algorithms import SHA384
from evlog.cursor import Cursor
from evlog.evidence import Credentials, Evidence, Material
from evlog.evidence._account import Account
from evlog.registers import Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from evlog.evidence._keys import Key

ID = "snp-report"
TITLE = "AMD SEV-SNP attestation report"
KINDS = (ID,)

MEASUREMENT = Register("mr", "MEASUREMENT")
SIZE, _SIGNED = 1184, 0x2A0
_VERSIONS = range(2, 8)
_ECDSA_P384_SHA384 = 1
_ALGORITHM = slice(0x34, 0x38)
REPORT_DATA, _MEASUREMENT = slice(0x50, 0x90), slice(0x90, 0xC0)
_POLICY, _VMPL, _FLAGS, _REPORTED_TCB, _CHIP_ID = (
    slice(0x08, 0x10),
    slice(0x30, 0x34),
    slice(0x48, 0x4C),
    slice(0x180, 0x188),
    slice(0x1A0, 0x1E0),
)
# Bits of the guest's policy.
_MIGRATE, _DEBUG = 18, 19
_CLAIMS = {
    "report_data": REPORT_DATA,
    "host_data": slice(0xC0, 0xE0),
    "policy": _POLICY,
    "family_id": slice(0x10, 0x20),
    "image_id": slice(0x20, 0x30),
    "platform_info": slice(0x40, 0x48),
    "id_key_digest": slice(0xE0, 0x110),
    "author_key_digest": slice(0x110, 0x140),
    "report_id": slice(0x140, 0x160),
    "current_tcb": slice(0x38, 0x40),
    "reported_tcb": _REPORTED_TCB,
    "committed_tcb": slice(0x1E0, 0x1E8),
    "launch_tcb": slice(0x1F0, 0x1F8),
}
_COMPONENT = 72
_VLEK = 1
_EXTENSION = "1.3.6.1.4.1.3704.1"
_HWID, _FMC = f"{_EXTENSION}.4", f"{_EXTENSION}.3.9"
# The bytes of a TCB version by the number of their extension; Turin has FMC and moves the others.
_TCB = {1: 0, 2: 1, 3: 6, 8: 7}
_TCB_TURIN = {9: 0, 1: 1, 2: 2, 3: 3, 8: 7}


def claims(material: Material) -> bool:
    data = material.data
    if data is None or len(data) != SIZE:
        return False
    version, algorithm = int.from_bytes(data[:4], "little"), int.from_bytes(data[_ALGORITHM], "little")
    return version in _VERSIONS and algorithm == _ECDSA_P384_SHA384


def read(material: Material, credentials: Credentials) -> Evidence:
    """The launch measurement and what signs it. Raises ParseError for another size."""
    account = Account(credentials)
    data = Cursor(material.data or b"", where="report").take(SIZE, "report")
    check(data, None, account)
    describe(data, account)
    account.nonce(data[REPORT_DATA], "REPORTDATA", padded=True)
    return account.evidence(ID, registers(data), form=ID, static=(MEASUREMENT,), platform="snp")


def registers(data: bytes) -> Registers:
    """The launch measurement."""
    return Registers({(MEASUREMENT, SHA384): data[_MEASUREMENT]}, ID)


def vmpl(data: bytes) -> int:
    """The privilege level that asked for the report."""
    return int.from_bytes(data[_VMPL], "little")


def describe(data: bytes, account: Account) -> None:
    """Claims of a report, and what of it takes trust away or ought to be known."""
    for name, place in _CLAIMS.items():
        account.claim(name, data[place])
    policy = int.from_bytes(data[_POLICY], "little")
    account.number("guest_svn", int.from_bytes(data[4:8], "little"), 4)
    account.number("vmpl", vmpl(data), 4)
    if any(data[_CHIP_ID]):
        account.identity.append(("CHIP_ID", data[_CHIP_ID].hex()))
    if policy >> _DEBUG & 1:
        account.weak("debug", "the guest may be debugged by its host, which can then change what it measures")
    if policy >> _MIGRATE & 1:
        account.reads("the guest may be moved to another machine by a migration agent")
    if vmpl(data):
        account.reads(f"the report was asked for at VMPL {vmpl(data)}, not 0")


def check(data: bytes, presented: bytes | None, account: Account) -> None:
    """What signed the report: the caller's key, else a certificate in the evidence, which only a root makes good."""
    from evlog.evidence import _keys

    key, whose, anchor = account.key(), "the given key", "key"
    if key is None and presented is not None:
        key, whose, anchor = _keys.load_key(presented), "the certificate in the evidence", "root"
    if key is None or (anchor == "root" and not key.certificates):
        account.reads("the report: no VCEK or VLEK certificate was given to check its signature")
        return
    if not _signed_by(data, key):
        account.fails("signature_invalid", f"the report is not signed by {whose}")
        return
    account.holds(f"the report is signed by {whose} (ECDSA P-384)")
    account.skips("TCB level", "revocation")
    if not key.certificates:
        account.reads("that the key is AMD's, and of this chip: no certificate was given")
    elif not _endorsed(data, key.certificates, account) and anchor == "root":
        return
    account.anchor = anchor


def _signed_by(data: bytes, key: Key) -> bool:
    """Whether a key signed the report."""
    from evlog.evidence import _keys

    r = int.from_bytes(data[_SIGNED : _SIGNED + _COMPONENT], "little")
    s = int.from_bytes(data[_SIGNED + _COMPONENT : _SIGNED + 2 * _COMPONENT], "little")
    return _keys.ecdsa_holds(key.public, r, s, data[:_SIGNED], "sha384")


def _endorsed(data: bytes, presented: tuple[Certificate, ...], account: Account) -> bool:
    """Whether a certificate, leaf first, is of this chip and TCB and leads to the given root."""
    from evlog.evidence import _makers

    root = account.leads(presented, "the key's certificate")
    known = root is not None and root in _makers.ROOTS
    return _check_chip(data, presented[0], account, strict=known) and root is not None


def _check_chip(data: bytes, leaf: Certificate, account: Account, *, strict: bool) -> bool:
    """The certificate's chip and TCB version against the report's. AMD's own certificates always state them."""
    from evlog.evidence import _certificates

    tcb = _tcb(leaf)
    hwid = _octets(_certificates.extension(leaf, _HWID))
    vlek = int.from_bytes(data[_FLAGS], "little") >> 2 & 7 == _VLEK
    name = "VLEK" if vlek else "VCEK"
    if not tcb or (hwid is None and not vlek):
        if strict:
            account.fails(
                "vcek_unfit", f"the certificate is no {name}: it states no {'TCB version' if vlek else 'chip'}"
            )
            return False
        account.skips("that the certificate is of this chip")
        return True
    reported = data[_REPORTED_TCB]
    if any(reported[place] != svn for place, svn in tcb.items()):
        account.fails("vcek_tcb", f"the {name}'s TCB version is not the report's")
        return False
    if vlek and hwid is not None:
        account.fails("vcek_chip", "the report is signed with a VLEK, as it says, and the certificate is of one chip")
        return False
    chip = data[_CHIP_ID]
    if hwid is not None and any(chip) and hwid.ljust(len(chip), b"\0") != chip:
        account.fails("vcek_chip", "the VCEK is of another chip than the report")
        return False
    if hwid is not None and not any(chip):
        account.identity.append(("CHIP_ID", hwid.hex()))
    account.holds(f"the certificate is a {name} of the report's TCB version{'' if vlek else ' and chip'}")
    return True


def _tcb(leaf: Certificate) -> dict[int, int]:
    """The bytes of a TCB version that the certificate states, by their place."""
    from evlog.evidence import _certificates, _der

    places = _TCB if _certificates.extension(leaf, _FMC) is None else _TCB_TURIN
    found: dict[int, int] = {}
    for number, place in places.items():
        value = _certificates.extension(leaf, f"{_EXTENSION}.3.{number}")
        if value is None:
            return {}
        for tag, content in _der.elements(value, "tcb"):
            if tag == _der.INTEGER:
                found[place] = _der.number(content)
    return found if len(found) == len(places) else {}


def _octets(value: bytes | None) -> bytes | None:
    """The octets of hwID, which stand bare or in an OCTET STRING."""
    if value is None or len(value) not in (10, 66):
        return value
    return value[2:] if value[:1] == b"\x04" and value[1] == len(value) - 2 else value
