"""An Arm CCA attestation token: the realm's measurements, signed by the realm's key, which the platform vouches for.

Spec: Arm Realm Management Monitor, section A7.2 (claims), as draft-ffm-rats-cca-token has them: CBOR tag 399 over a
map of two COSE_Sign1 messages. The platform token's challenge is the hash of the realm's public key; the platform
token is signed by the CCA platform attestation key, which the caller must know.
"""

from __future__ import annotations

from evlog import hashing
from evlog.algorithms import HashAlg
from evlog.errors import EvlogError, ParseError
from evlog.evidence import Credentials, Evidence, Material, _cbor
from evlog.evidence._account import Account
from evlog.registers import PLATFORMS, Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.evidence._cose import Sign1

ID = "cca-token"
TITLE = "Arm CCA attestation token"

_PLATFORM_TOKEN, _REALM_TOKEN = 44234, 44241
_CHALLENGE = 10
_HASH_ALG, _PUBLIC_KEY, _RIM, _REM, _KEY_HASH_ALG = 44236, 44237, 44238, 44239, 44240
_PERSONALIZATION = 44235
RIM = Register("ccmr", 0)
_COSE_X, _COSE_Y = -2, -3


def claims(material: Material) -> bool:
    # A map of two under tag 399, in later drafts 907; some issuers leave the tag out.
    heads = (b"\xd9\x01\x8f\xa2", b"\xd9\x03\x8b\xa2", b"\xa2\x19\xac\xca", b"\xa2\x19\xac\xd1")
    return material.head.startswith(heads)


def read(material: Material, credentials: Credentials) -> Evidence:
    """RIM and REM and what signs them. Raises ParseError for bytes that are no token."""
    from evlog.evidence import _cose

    outer = _cbor.loads(material.data or b"", "token")
    if isinstance(outer, _cbor.Tag):
        outer = outer.value
    tokens = {
        kind: _cose.sign1(_nested(_cbor.map_of(outer, "token").get(kind), name), name)
        for kind, name in ((_PLATFORM_TOKEN, "platform"), (_REALM_TOKEN, "realm"))
    }
    realm = _claims(tokens[_REALM_TOKEN], "realm")
    account = Account()
    anchored = _check(tokens[_PLATFORM_TOKEN], tokens[_REALM_TOKEN], realm, credentials, account)
    challenge = _cbor.bytes_of(realm.get(_CHALLENGE), "realm.challenge")
    account.nonce(challenge, credentials, signed=anchored, field="the challenge")
    return account.evidence(
        ID,
        _registers(realm),
        anchored=anchored,
        static=(RIM,),
        claims=(
            ("challenge", challenge),
            ("personalization", _cbor.bytes_of(realm.get(_PERSONALIZATION, b""), "realm.personalization")),
        ),
        platform="cca",
    )


def _nested(value: Any, where: str) -> Any:
    """A message may stand in the map as it is, or as bytes that hold it."""
    return _cbor.loads(value, where) if isinstance(value, bytes) else value


def _claims(message: Sign1, where: str) -> dict[Any, Any]:
    return _cbor.map_of(_cbor.loads(message.payload, where), where)


def _alg(claim: Any, where: str) -> HashAlg:
    if not isinstance(claim, str):
        raise ParseError("the name of a hash was expected", where=where)
    try:
        return HashAlg.named(claim)
    except EvlogError as error:
        raise ParseError(str(error), where=where) from error


def _registers(realm: dict[Any, Any]) -> Registers:
    alg = _alg(realm.get(_HASH_ALG), "realm.hash_algo")
    values = {(RIM, alg): _cbor.bytes_of(realm.get(_RIM), "realm.rim")}
    for index, value in enumerate(_cbor.array_of(realm.get(_REM), "realm.rem")):
        values[PLATFORMS["cca"].ccmr_of(Register("rem", index)), alg] = _cbor.bytes_of(value, f"realm.rem[{index}]")
    for (register, _), value in values.items():
        if len(value) != alg.size:
            raise ParseError(f"{alg} values have {alg.size} bytes, {register} {len(value)}", where="realm")
    return Registers(values, ID)


def _check(platform: Sign1, realm: Sign1, members: dict[Any, Any], credentials: Credentials, account: Account) -> bool:
    """The links from the realm's key upwards: whether the caller's key stands above the measurements."""
    stated = _cbor.bytes_of(members.get(_PUBLIC_KEY), "realm.public_key")
    if not realm.holds(_realm_key(stated)):
        account.fails("signature_invalid", "the realm token is not signed by the key that it states")
        return False
    account.holds("the realm token is signed by the realm's key, which it states itself (ECDSA)")
    alg = _alg(members.get(_KEY_HASH_ALG), "realm.public_key_hash_algo")
    if _claims(platform, "platform").get(_CHALLENGE) != hashing.digest(alg, stated):
        account.fails("platform_token_unbound", "the platform token does not name the realm's key")
        return False
    account.holds("the platform token names the realm's key")
    if credentials.key is None:
        account.reads("the platform token: no platform attestation key was given to check its signature")
        return False
    from evlog.evidence import _keys

    if not platform.holds(_keys.load_key(credentials.key)):
        account.fails("signature_invalid", "the platform token is not signed by the given key")
        return False
    account.holds("the platform token is signed by the given key")
    account.reads("the platform's security lifecycle and software components: not judged here")
    return True


def _realm_key(stated: bytes) -> Any:
    """The realm's key: an uncompressed P-384 point, or a COSE_Key, as earlier and later tokens have it."""
    from evlog.evidence import _keys

    if stated[:1] == b"\x04" and len(stated) == 97:
        return _keys.raw_ec_key("SECP384R1", stated[1:])
    key = _cbor.map_of(_cbor.loads(stated, "realm.public_key"), "realm.public_key")
    x, y = (_cbor.bytes_of(key.get(part), "realm.public_key") for part in (_COSE_X, _COSE_Y))
    if len(x) != 48 or len(y) != 48:
        raise ParseError("not a point of P-384", where="realm.public_key")
    return _keys.raw_ec_key("SECP384R1", x + y)
