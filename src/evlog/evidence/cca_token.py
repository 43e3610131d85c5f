"""An Arm CCA attestation token: the realm's measurements, signed by the realm's key, which the platform vouches for.

Spec: Arm Realm Management Monitor, section A7.2 (claims), as draft-ffm-rats-cca-token has them: CBOR tag 399 over a
map of two COSE_Sign1 messages. The platform token's challenge is the hash of the realm's public key; the platform
token is signed by the CCA platform attestation key, which the caller must know. Arm virtCCA has the realm's token
only, its claims wrapped twice, and signed by the key that it carries, of which there is a device certificate beside it
(``vcca_token`` and ``dev_cert`` of a JSON document): it counts for a caller who knows the key, or the certificate's
root. A realm's token out of its wrapping is read in the same way.
"""

from __future__ import annotations

from evlog import hashing
from evlog.algorithms import HashAlg
from evlog.errors import EvlogError, ParseError
from evlog.evidence import Credentials, Evidence, Material, _cbor, _document
from evlog.evidence._account import Account
from evlog.registers import PLATFORMS, Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.evidence._cose import Sign1

ID = "cca-token"
TITLE = "Arm CCA attestation token"
KINDS = (ID,)

_PLATFORM_TOKEN, _REALM_TOKEN = 44234, 44241
_CHALLENGE = 10
_HASH_ALG, _PUBLIC_KEY, _RIM, _REM, _KEY_HASH_ALG = 44236, 44237, 44238, 44239, 44240
_PERSONALIZATION = 44235
_INSTANCE, _LIFECYCLE, _IMPLEMENTATION, _CONFIGURATION = 256, 2395, 2396, 2401
# The range of lifecycle states that is called "secured".
_SECURED = range(0x3000, 0x3100)
RIM = Register("ccmr", 0)
_COSE_X, _COSE_Y = -2, -3


# A map of two under tag 399, in later drafts 907, or of the realm's token alone; some issuers leave the tag out.
_TAGS = (b"\xd9\x01\x8f", b"\xd9\x03\x8b", b"")
_MAPS = (b"\xa2\x19\xac\xca", b"\xa2\x19\xac\xd1", b"\xa1\x19\xac\xd1")
_HEADS = (b"\xd9\x01\x8f\xa2", b"\xd9\x03\x8b\xa2", *(tag + each for tag in _TAGS for each in _MAPS))
# COSE_Sign1 with an algorithm of two bytes; the claim of the initial measurement as a key.
_SIGN1, _RIM_KEY = b"\xd2\x84\x44\xa1\x01\x38", b"\x19\xac\xce"
_DEVICE = ("devcert", "devcertificate", "devicecert", "devicecertificate")


def claims(material: Material) -> bool:
    if material.shape == "binary":
        return _is_token(material.data or b"")
    document = _document.document(material.data or b"")
    return document is not None and _document.holder(document, _is_token) is not None


def _is_token(data: bytes) -> bool:
    return data.startswith(_HEADS) or (data.startswith(_SIGN1) and _RIM_KEY in data)


def read(material: Material, credentials: Credentials) -> Evidence:
    """RIM and REM and what signs them. Raises ParseError for bytes that are no token."""
    from evlog.evidence import _cose

    data, device = material.data or b"", None
    held = _document.holder(_document.document(data), _is_token)
    if held is not None:
        data, device = held[0], _document.bytes_in(_document.member(held[1], _DEVICE))
    outer = _cbor.loads(data, "token")
    if data.startswith(_SIGN1):
        outer = {_REALM_TOKEN: outer}
    if isinstance(outer, _cbor.Tag):
        outer = outer.value
    tokens = _cbor.map_of(outer, "token")
    signed = _cose.sign1(_nested(tokens.get(_REALM_TOKEN), "realm"), "realm")
    realm = _claims(signed, "realm")
    account = Account(credentials)
    if tokens.get(_PLATFORM_TOKEN) is None:
        _check_alone(signed, realm, device, account)
    else:
        platform = _cose.sign1(_nested(tokens[_PLATFORM_TOKEN], "platform"), "platform")
        _check(platform, signed, realm, account)
    challenge = _cbor.bytes_of(realm.get(_CHALLENGE), "realm.challenge")
    account.claim("challenge", challenge)
    account.claim("personalization", _cbor.bytes_of(realm.get(_PERSONALIZATION, b""), "realm.personalization"))
    account.nonce(challenge, "the challenge", padded=True)
    return account.evidence(ID, _registers(realm), form=ID, static=(RIM,), platform="cca")


def _nested(value: Any, where: str) -> Any:
    """A message may stand in the map as it is, or as bytes that hold it."""
    return _cbor.loads(value, where) if isinstance(value, bytes) else value


def _claims(message: Sign1, where: str) -> dict[Any, Any]:
    payload = _cbor.loads(message.payload, where)
    if isinstance(payload, bytes):
        payload = _cbor.loads(payload, where)
    return _cbor.map_of(payload, where)


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


def _check(platform: Sign1, realm: Sign1, members: dict[Any, Any], account: Account) -> None:
    """The links from the realm's key upwards: whether the caller's key stands above the measurements."""
    stated = _cbor.bytes_of(members.get(_PUBLIC_KEY), "realm.public_key")
    if not realm.holds(_realm_key(stated)):
        account.fails("signature_invalid", "the realm token is not signed by the key that it states")
        return
    account.holds("the realm token is signed by the realm's key, which it states itself (ECDSA)")
    alg = _alg(members.get(_KEY_HASH_ALG), "realm.public_key_hash_algo")
    vouched = _claims(platform, "platform")
    if vouched.get(_CHALLENGE) != hashing.digest(alg, stated):
        account.fails("platform_token_unbound", "the platform token does not name the realm's key")
        return
    account.holds("the platform token names the realm's key")
    _describe(vouched, account)
    key = account.key()
    if key is None:
        account.reads("the platform token: no platform attestation key was given to check its signature")
        return
    if not platform.holds(key.public):
        account.fails("signature_invalid", "the platform token is not signed by the given key")
        return
    account.holds("the platform token is signed by the given key")
    account.anchor = "key"
    if key.certificates and account.credentials.root is not None:
        account.leads(key.certificates, "the key's certificate")
    account.skips("the platform's software components", "revocation")


def _check_alone(realm: Sign1, members: dict[Any, Any], device: bytes | None, account: Account) -> None:
    """A token without a platform's: whose key it is, the caller knows, or a root of the device's certificate."""
    stated = _cbor.bytes_of(members.get(_PUBLIC_KEY), "realm.public_key")
    if not realm.holds(_own_key(stated)):
        account.fails("signature_invalid", "the realm token is not signed by the key that it carries")
        return
    account.holds("the realm token is whole: it is signed by the key that it carries")
    key = account.key()
    if key is not None:
        if not realm.holds(key.public):
            account.fails("signature_invalid", "the realm token is not signed by the given key")
            return
        account.holds("the realm token is signed by the given key")
        account.anchor = "key"
        if key.certificates and account.credentials.root is not None:
            account.leads(key.certificates, "the key's certificate")
    elif not _device(realm, device, account):
        account.reads("whose key that is: there is no platform token, and nothing that was given vouches for it")
        return
    account.skips("the platform: there is no token of it", "revocation")


def _device(realm: Sign1, device: bytes | None, account: Account) -> bool:
    """Whether the certificate beside the token is of its key, and leads to the caller's root."""
    from evlog.evidence import _certificates

    if device is None:
        return False
    try:
        found = _certificates.certificates(device)
        public = _certificates.key_of(found[0])
    except (ParseError, IndexError):
        account.reads("the device certificate beside it cannot be read")
        return False
    if not realm.holds(public):
        account.reads("the device certificate beside it is of another key than the token's")
        return False
    account.reads(f"the device certificate beside it is of that key: {_certificates.common_name(found[0])}")
    if account.leads(found, "the device certificate") is None:
        return False
    account.anchor = "root"
    account.identity.append(("device certificate", _certificates.fingerprint(found[0])))
    return True


def _own_key(stated: bytes) -> Any:
    """The key that a token states: as a SubjectPublicKeyInfo (virtCCA), or as tokens with a platform's have it."""
    from evlog.evidence import _keys

    return _keys.load_key(stated).public if stated[:1] == b"\x30" else _realm_key(stated)


def _describe(platform: dict[Any, Any], account: Account) -> None:
    """What the platform states of itself."""
    for name, number in (("instance_id", _INSTANCE), ("implementation_id", _IMPLEMENTATION)):
        value = platform.get(number)
        if isinstance(value, bytes):
            account.claim(name, value)
            if number == _INSTANCE:
                account.identity.append((name, value.hex()))
    configuration, lifecycle = platform.get(_CONFIGURATION), platform.get(_LIFECYCLE)
    if isinstance(configuration, bytes):
        account.claim("platform_config", configuration)
    if isinstance(lifecycle, int) and 0 <= lifecycle <= 0xFFFF:
        account.number("lifecycle", lifecycle, 2)
    if lifecycle not in _SECURED:
        state = f"{lifecycle:#06x}" if isinstance(lifecycle, int) else "not stated"
        account.weak("debug", f"the platform is not secured: its lifecycle is {state}, secured is 0x3000 to 0x30ff")


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
