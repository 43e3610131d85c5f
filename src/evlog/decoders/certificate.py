"""X.509 certificates as signature databases hold them.

Spec: RFC 5280, section 4.1; names as in RFC 4514. Read here and not by cryptography, whose import takes longer than
decoding a whole log; a test holds the two equal. What is shown is what a person compares: nothing is verified.
"""

from __future__ import annotations

from evlog.algorithms import SHA256
from evlog.decoders import Context, Cursor, Decoded
from evlog.decoders._der import BIT_STRING, INTEGER, OID, SEQUENCE, SET, element, expect, oid_text
from evlog.hashing import digest

__all__ = ["Certificate"]


class Certificate(Decoded):
    """A certificate: names and validity as the issuer wrote them, and the SHA-256 of the whole DER encoding.

    ``serial`` is hexadecimal; times are ISO 8601 in UTC; ``key`` is rsa, ec, dsa, ed25519, ed448 or an OID,
    ``key_size`` its bits, ``curve`` the curve of an EC key.
    """

    subject: str
    issuer: str
    serial: str
    not_before: str
    not_after: str
    signature_algorithm: str
    key: str
    key_size: int | None
    curve: str | None
    sha256: str
    common_name: str
    trailing: bytes = b""

    kind = "certificate"
    _hidden = ("common_name",)

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> Certificate:
        """Read one certificate; what follows it is left. Raises ParseError."""
        start = cursor.at
        body = expect(cursor, SEQUENCE, "certificate")
        tbs = expect(body, SEQUENCE, "tbs_certificate")
        if tbs.peek(1) == b"\xa0":
            element(tbs, "version")
        serial = expect(tbs, INTEGER, "serial_number").rest()
        signature = oid_text(expect(expect(tbs, SEQUENCE, "signature"), OID, "algorithm").rest())
        issuer, _ = _name(expect(tbs, SEQUENCE, "issuer"))
        validity = expect(tbs, SEQUENCE, "validity")
        not_before, not_after = (_time(*element(validity, field)) for field in ("not_before", "not_after"))
        subject, common_name = _name(expect(tbs, SEQUENCE, "subject"))
        key, key_size, curve = _key(expect(tbs, SEQUENCE, "subject_public_key_info"))
        return cls(
            subject,
            issuer,
            _serial(serial),
            not_before,
            not_after,
            SIGNATURE_ALGORITHMS.get(signature, signature),
            key,
            key_size,
            curve,
            digest(SHA256, cursor.data[start : cursor.at]).hex(),
            common_name,
        )

    def describe(self) -> str:
        return self.common_name or self.subject or "certificate without a subject"


SIGNATURE_ALGORITHMS = {
    "1.2.840.113549.1.1.4": "rsa-md5",
    "1.2.840.113549.1.1.5": "rsa-sha1",
    "1.2.840.113549.1.1.10": "rsa-pss",
    "1.2.840.113549.1.1.11": "rsa-sha256",
    "1.2.840.113549.1.1.12": "rsa-sha384",
    "1.2.840.113549.1.1.13": "rsa-sha512",
    "1.2.840.10045.4.1": "ecdsa-sha1",
    "1.2.840.10045.4.3.2": "ecdsa-sha256",
    "1.2.840.10045.4.3.3": "ecdsa-sha384",
    "1.2.840.10045.4.3.4": "ecdsa-sha512",
    "1.3.101.112": "ed25519",
    "1.3.101.113": "ed448",
}

_CURVES = {
    "1.2.840.10045.3.1.7": ("secp256r1", 256),
    "1.3.132.0.34": ("secp384r1", 384),
    "1.3.132.0.35": ("secp521r1", 521),
    "1.3.132.0.10": ("secp256k1", 256),
    "1.3.36.3.3.2.8.1.1.7": ("brainpoolP256r1", 256),
    "1.3.36.3.3.2.8.1.1.11": ("brainpoolP384r1", 384),
    "1.3.36.3.3.2.8.1.1.13": ("brainpoolP512r1", 512),
}

_KEYS = {"1.2.840.10040.4.1": "dsa", "1.3.101.112": "ed25519", "1.3.101.113": "ed448"}
_RSA, _EC = "1.2.840.113549.1.1.1", "1.2.840.10045.2.1"
_KEY_SIZES = {"ed25519": 256, "ed448": 456}

#: Attribute types by the names that RFC 4514 gives them, and further names that OpenSSL uses.
_ATTRIBUTES = {
    "2.5.4.3": "CN",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.6": "C",
    "2.5.4.9": "street",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
    "1.2.840.113549.1.9.1": "emailAddress",
    "2.5.4.5": "serialNumber",
    "2.5.4.12": "title",
}
_COMMON_NAME = "2.5.4.3"

#: String types by tag; T61String is Latin-1 in practice.
_CODECS = {0x0C: "utf-8", 0x12: "ascii", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1C: "utf-32-be",
           0x1E: "utf-16-be"}  # fmt: skip


def _name(cursor: Cursor) -> tuple[str, str]:
    """A Name as RFC 4514 writes it, the last component first, and its last common name."""
    components: list[str] = []
    common_name = ""
    while cursor.left:
        attributes: list[str] = []
        component = expect(cursor, SET, "rdn")
        while component.left:
            attribute = expect(component, SEQUENCE, "attribute")
            kind = oid_text(expect(attribute, OID, "type").rest())
            tag, content = element(attribute, "value")
            data = content.rest()
            codec = _CODECS.get(tag)
            text = data.decode(codec, "replace") if codec else f"#{data.hex()}"
            if kind == _COMMON_NAME:
                common_name = text
            attributes.append(f"{_ATTRIBUTES.get(kind, kind)}={_escape(text) if codec else text}")
        components.append("+".join(attributes))
    return ",".join(reversed(components)), common_name


def _escape(text: str) -> str:
    """The escapes of RFC 4514, section 2.4."""
    escaped = "".join(f"\\{c}" if c in '\\"+,;<>' else c for c in text).replace("\0", "\\00")
    if escaped[:1] in ("#", " "):
        escaped = f"\\{escaped}"
    if escaped.endswith(" ") and len(text) > 1:
        escaped = f"{escaped[:-1]}\\ "
    return escaped


def _time(tag: int, cursor: Cursor) -> str:
    """UTCTime or GeneralizedTime as ISO 8601; another spelling than DER's stays as it is."""
    text = cursor.rest().decode("ascii", "replace")
    digits = text.removesuffix("Z")
    if tag == 0x17 and len(digits) == 12:
        # RFC 5280, section 4.1.2.5.1: years from 50 on are of the last century.
        digits = ("19" if digits[:2] >= "50" else "20") + digits
    if len(digits) != 14 or not digits.isdecimal() or not text.endswith("Z"):
        return text
    year, month, day, hour, minute, second = digits[:4], *(digits[at : at + 2] for at in range(4, 14, 2))
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}Z"


def _serial(data: bytes) -> str:
    """A serial number in hexadecimal, with the sign that it should not have."""
    number = int.from_bytes(data, "big", signed=True)
    return f"{'-' if number < 0 else ''}{abs(number):02x}"


def _key(cursor: Cursor) -> tuple[str, int | None, str | None]:
    """The kind of a public key, its size in bits and its curve."""
    algorithm = expect(cursor, SEQUENCE, "algorithm")
    kind = oid_text(expect(algorithm, OID, "algorithm").rest())
    if kind == _EC:
        tag, parameters = element(algorithm, "parameters")
        curve = oid_text(parameters.rest()) if tag == OID else "explicit"
        name, size = _CURVES.get(curve, (curve, None))
        return "ec", size, name
    if kind == _RSA:
        key = expect(cursor, BIT_STRING, "subject_public_key")
        key.u8("unused_bits")
        modulus = expect(expect(key, SEQUENCE, "rsa_public_key"), INTEGER, "modulus")
        return "rsa", int.from_bytes(modulus.rest(), "big").bit_length(), None
    name = _KEYS.get(kind, kind)
    return name, _KEY_SIZES.get(name), None
