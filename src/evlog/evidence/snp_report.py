"""An AMD SEV-SNP attestation report, checked against a VCEK or VLEK certificate.

Spec: AMD SEV-SNP firmware ABI, table 23 (ATTESTATION_REPORT): 0x2A0 bytes that are signed, then the signature, r and
s of 72 bytes each, little-endian. The launch MEASUREMENT is fixed at start; nothing ever extends it.
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

ID = "snp-report"
TITLE = "AMD SEV-SNP attestation report"

MEASUREMENT = Register("mr", "MEASUREMENT")
_SIZE, _SIGNED = 1184, 0x2A0
_VERSIONS = range(2, 8)
_ECDSA_P384_SHA384 = 1
_ALGORITHM = slice(0x34, 0x38)
_REPORT_DATA, _MEASUREMENT, _HOST_DATA = slice(0x50, 0x90), slice(0x90, 0xC0), slice(0xC0, 0xE0)
_POLICY, _DEBUG = slice(0x08, 0x10), 19
_COMPONENT = 72


def claims(material: Material) -> bool:
    data = material.data
    if data is None or len(data) != _SIZE:
        return False
    version, algorithm = int.from_bytes(data[:4], "little"), int.from_bytes(data[_ALGORITHM], "little")
    return version in _VERSIONS and algorithm == _ECDSA_P384_SHA384


def read(material: Material, credentials: Credentials) -> Evidence:
    """The launch measurement and what signs it. Raises ParseError for another size."""
    data = Cursor(material.data or b"", where="report").take(_SIZE, "report")
    account = Account()
    signed = _check(data, credentials, account)
    account.nonce(data[_REPORT_DATA], credentials, signed=signed)
    account.debug(bool(int.from_bytes(data[_POLICY], "little") >> _DEBUG & 1), "the guest")
    return account.evidence(
        ID,
        Registers({(MEASUREMENT, SHA384): data[_MEASUREMENT]}, ID),
        anchored=signed,
        static=(MEASUREMENT,),
        claims=(("report_data", data[_REPORT_DATA]), ("host_data", data[_HOST_DATA])),
        platform="snp",
    )


def _check(data: bytes, credentials: Credentials, account: Account) -> bool:
    """Whether the given key signed the report; a root must stand above it if one is given."""
    if credentials.key is None:
        account.reads("the report: no VCEK or VLEK certificate was given to check its signature")
        return False
    from evlog.evidence import _keys

    r = int.from_bytes(data[_SIGNED : _SIGNED + _COMPONENT], "little")
    s = int.from_bytes(data[_SIGNED + _COMPONENT : _SIGNED + 2 * _COMPONENT], "little")
    if not _keys.ecdsa_holds(_keys.load_key(credentials.key), r, s, data[:_SIGNED], "sha384"):
        account.fails("signature_invalid", "the report is not signed by the given key")
        return False
    account.holds("the report is signed by the given key (ECDSA P-384)")
    if credentials.root is None:
        account.reads("that the key is AMD's: no root certificate was given")
    else:
        _check_root(_keys.certificates(credentials.key), credentials.root, account)
    account.reads("TCB versions and revocation: not judged here")
    return True


def _check_root(presented: tuple[Certificate, ...], root: bytes, account: Account) -> None:
    from datetime import datetime, timezone

    from evlog.evidence import _keys

    # AMD publishes ASK and ARK in one file: the last is the root, what stands before it belongs to the path.
    trusted = _keys.certificates(root)
    chain = _keys.chain((*presented, *trusted[:-1]), trusted[-1], datetime.now(timezone.utc))
    if chain.problem:
        account.fails("chain_invalid", f"the key's certificate does not lead to the given root: {chain.problem}")
    else:
        account.holds(f"the key's certificate leads to the given root: {' <- '.join(reversed(chain.names))}")
