"""Evidence made from the specifications, with keys made for the occasion: what no machine of ours can produce."""

from __future__ import annotations

import base64
import datetime
import hashlib
import struct
from functools import cache
from typing import TYPE_CHECKING, Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence

Key = ec.EllipticCurvePrivateKey
NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


@cache
def ec_key(name: str, curve: str = "SECP256R1") -> Key:
    """A key that stays the same within a run, by name."""
    return ec.generate_private_key(getattr(ec, curve)())


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def pem(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def private_pem(key: Key) -> bytes:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def point(key: Key, size: int = 32) -> bytes:
    """x and y."""
    numbers = key.public_key().public_numbers()
    return numbers.x.to_bytes(size, "big") + numbers.y.to_bytes(size, "big")


def raw_signature(key: Key, message: bytes, hash: hashes.HashAlgorithm, size: int = 32) -> bytes:
    """r and s."""
    r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(hash)))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def certificate(
    subject: str,
    key: Key,
    issuer: str,
    issuer_key: Key,
    *,
    ca: bool | None = False,
    path_length: int | None = None,
    signs: bool | None = None,
    start: datetime.datetime = NOW - DAY,
    end: datetime.datetime = NOW + DAY,
    usage: str | None = None,
    purposes: tuple[str, ...] = (),
    extensions: dict[str, bytes] | None = None,
    critical: bool = False,
) -> x509.Certificate:
    """A certificate; ``ca`` is None for one without BasicConstraints, ``signs`` for one without KeyUsage.

    ``usage`` names the one key usage that is allowed, ``extensions`` are bytes by identifier.
    """

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])

    builder = x509.CertificateBuilder(name(issuer), name(subject), key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(end)
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, path_length), critical=True)
    if signs is not None:
        allowed = x509.KeyUsage(True, False, False, False, False, signs, False, False, False)
        builder = builder.add_extension(allowed, critical=True)
    if usage is not None:
        names = [
            *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
            *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
        ]
        only = x509.KeyUsage(**{name: name == usage for name in names})
        builder = builder.add_extension(only, critical=True)
    if purposes:
        kinds = [x509.ObjectIdentifier(purpose) for purpose in purposes]
        builder = builder.add_extension(x509.ExtendedKeyUsage(kinds), critical=False)
    for oid, data in (extensions or {}).items():
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), data)
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer_key, hashes.SHA384())


def pem_of(*chain: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain)


def der_of(each: x509.Certificate) -> bytes:
    return each.public_bytes(serialization.Encoding.DER)


# TPM


def tpm_quote(
    values: list[bytes],
    *,
    nonce: bytes = b"the nonce",
    alg: int = 0x000B,
    digest: str = "sha256",
    pcrs: Sequence[int] | None = None,
) -> bytes:
    """TPMS_ATTEST over PCRs of one bank: PCR 0 and up, or ``pcrs`` in rising order."""
    bits = sum(1 << index for index in (range(len(values)) if pcrs is None else pcrs))
    return b"".join(
        (
            struct.pack(">IHH", 0xFF544347, 0x8018, 0),
            struct.pack(">H", len(nonce)),
            nonce,
            struct.pack(">QIIBQ", 1234, 5, 6, 1, 7),
            struct.pack(">IHB", 1, alg, 3),
            bits.to_bytes(3, "little"),
            struct.pack(">H", hashlib.new(digest).digest_size),
            hashlib.new(digest, b"".join(values)).digest(),
        )
    )


def ecdsa_signature(message: bytes, key: Key) -> bytes:
    """TPMT_SIGNATURE: ECDSA with SHA-256."""
    raw = raw_signature(key, message, hashes.SHA256())
    return struct.pack(">HHH", 0x0018, 0x000B, 32) + raw[:32] + struct.pack(">H", 32) + raw[32:]


def pss_signature(message: bytes) -> bytes:
    """TPMT_SIGNATURE: RSAPSS with SHA-256."""
    signed = rsa_key().sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    return struct.pack(">HHH", 0x0016, 0x000B, len(signed)) + signed


def tpm2b_public(
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey, *, attributes: int = 0x00050072, curve: int = 0x0003
) -> bytes:
    """TPM2B_PUBLIC: of a restricted signing key that its TPM does not let out, unless attributes say otherwise."""
    head = struct.pack(">HIH", 0x000B, attributes, 0)
    if isinstance(key, rsa.RSAPublicKey):
        modulus = key.public_numbers().n.to_bytes(256, "big")
        body = struct.pack(">H", 1) + head + struct.pack(">HHHHI", 0x0010, 0x0014, 0x000B, 2048, 0)
        body += struct.pack(">H", 256) + modulus
    else:
        numbers = key.public_numbers()
        body = struct.pack(">H", 0x23) + head + struct.pack(">HHHHH", 0x0010, 0x0018, 0x000B, curve, 0x0010)
        for number in (numbers.x, numbers.y):
            body += struct.pack(">H", 32) + number.to_bytes(32, "big")
    return struct.pack(">H", len(body)) + body


# Intel TDX


def td_body(mrtd: bytes, rtmrs: list[bytes], report_data: bytes) -> bytes:
    body = bytearray(584)
    body[136:184] = mrtd
    body[184:232] = b"\x11" * 48
    for index, value in enumerate(rtmrs):
        body[328 + 48 * index : 376 + 48 * index] = value
    body[520:584] = report_data.ljust(64, b"\0")
    return bytes(body)


@cache
def intel() -> tuple[x509.Certificate, x509.Certificate, x509.Certificate]:
    """PCK certificate, the CA that issued it, and the root."""
    root = certificate("Root CA", ec_key("root"), "Root CA", ec_key("root"), ca=True, path_length=1)
    middle = certificate("Platform CA", ec_key("middle"), "Root CA", ec_key("root"), ca=True, path_length=0)
    return certificate("PCK", ec_key("pck"), "Platform CA", ec_key("middle")), middle, root


def td_quote(
    body: bytes,
    *,
    version: int = 4,
    chain: bytes | None = None,
    rest: bytes = bytes(32),
    mrsigner: bytes = bytes(32),
    attributes: bytes = bytes(16),
    prodid: int = 0,
) -> bytes:
    """A TD quote, version 4 or 5, every link of it genuine but for the root and the quoting enclave.

    ``rest`` ends the QE's report data.
    """
    header = struct.pack("<HHI", version, 2, 0x81).ljust(48, b"\x07")
    message = header + (struct.pack("<HI", 2, len(body)) if version == 5 else b"") + body
    key = point(ec_key("attestation"))
    auth = b"authentication data"
    report = bytearray(384)
    report[48:64], report[128:160] = attributes, mrsigner
    report[256:258] = struct.pack("<H", prodid)
    report[320:384] = hashlib.sha256(key + auth).digest() + rest
    pck = pem_of(*intel()) if chain is None else chain
    certification = b"".join(
        (
            bytes(report),
            raw_signature(ec_key("pck"), bytes(report), hashes.SHA256()),
            struct.pack("<H", len(auth)) + auth,
            struct.pack("<HI", 5, len(pck)) + pck,
        )
    )
    signature = raw_signature(ec_key("attestation"), message, hashes.SHA256())
    signed = signature + key + struct.pack("<HI", 6, len(certification)) + certification
    return message + struct.pack("<I", len(signed)) + signed


def td_report(mrtd: bytes, rtmrs: list[bytes], report_data: bytes = b"") -> bytes:
    report = bytearray(1024)
    report[0] = 0x81
    report[128:192] = report_data.ljust(64, b"\0")
    report[528:576] = mrtd
    for index, value in enumerate(rtmrs):
        report[720 + 48 * index : 768 + 48 * index] = value
    report[32:80] = hashlib.sha384(report[256:495]).digest()
    report[80:128] = hashlib.sha384(report[512:1024]).digest()
    return bytes(report)


# AMD SEV-SNP


@cache
def amd() -> tuple[x509.Certificate, x509.Certificate, x509.Certificate]:
    """VCEK certificate, ASK and ARK."""
    ark, ask, vcek = (ec_key(name, "SECP384R1") for name in ("ark", "ask", "vcek"))
    root = certificate("ARK", ark, "ARK", ark, ca=True)
    return certificate("VCEK", vcek, "SEV", ask), certificate("SEV", ask, "ARK", ark, ca=True), root


def snp_report(
    measurement: bytes,
    report_data: bytes = b"",
    host_data: bytes = b"",
    *,
    policy: int = 0,
    vmpl: int = 0,
    flags: int = 0,
    tcb: bytes = bytes(8),
    chip: bytes = bytes(64),
) -> bytes:
    report = bytearray(1184)
    report[0:4] = struct.pack("<I", 2)
    report[0x08:0x10] = struct.pack("<Q", policy)
    report[0x30:0x34], report[0x48:0x4C] = struct.pack("<I", vmpl), struct.pack("<I", flags)
    report[0x180:0x188], report[0x1A0:0x1E0] = tcb, chip
    report[0x34:0x38] = struct.pack("<I", 1)
    report[0x50:0x90] = report_data.ljust(64, b"\0")
    report[0x90:0xC0] = measurement
    report[0xC0:0xE0] = host_data.ljust(32, b"\0")
    raw = raw_signature(ec_key("vcek", "SECP384R1"), bytes(report[:0x2A0]), hashes.SHA384(), 48)
    report[0x2A0 : 0x2A0 + 72] = raw[:48][::-1].ljust(72, b"\0")
    report[0x2E8 : 0x2E8 + 72] = raw[48:][::-1].ljust(72, b"\0")
    return bytes(report)


# COSE


def sign1(payload: bytes, key: Key, *, tag: bool = True, algorithm: Any = -35) -> Any:
    protected = cbor2.dumps({1: algorithm})
    signed = cbor2.dumps(["Signature1", protected, b"", payload])
    parts = [protected, {}, payload, raw_signature(key, signed, hashes.SHA384(), 48)]
    return cbor2.CBORTag(18, parts) if tag else parts


def cca_token(
    rim: bytes,
    rems: list[bytes],
    challenge: bytes = b"",
    *,
    cose_key: bool = False,
    named: bytes | None = None,
    platform: dict[int, Any] | None = None,
) -> bytes:
    """A token of a realm with SHA-512 measurements; ``named`` is the key that the platform token is about."""
    realm_key, platform_key = ec_key("realm", "SECP384R1"), ec_key("platform", "SECP384R1")
    public = b"\x04" + point(realm_key, 48)
    if cose_key:
        public = cbor2.dumps({1: 2, -1: 2, -2: public[1:49], -3: public[49:]})
    realm = {
        10: challenge.ljust(64, b"\0"),
        44235: bytes(64),
        44236: "sha-512",
        44237: public,
        44238: rim,
        44239: rems,
        44240: "sha-256",
    }
    about = public if named is None else named
    stated = {10: hashlib.sha256(about).digest(), 2395: 0x3003, 256: b"\x01" * 33, **(platform or {})}
    tokens = {
        44234: cbor2.dumps(sign1(cbor2.dumps(stated), platform_key)),
        44241: cbor2.dumps(sign1(cbor2.dumps(realm), realm_key)),
    }
    return cbor2.dumps(cbor2.CBORTag(399, tokens))


@cache
def aws() -> tuple[x509.Certificate, x509.Certificate, x509.Certificate]:
    """The enclave's certificate, which lived for three hours last year, the CA that issued it, and the root."""
    root, middle, leaf = (ec_key(name, "SECP384R1") for name in ("aws root", "aws middle", "enclave"))
    then = NOW - 365 * DAY
    short = {"start": then - DAY / 24, "end": then + DAY / 12}
    return (
        certificate("enclave", leaf, "aws middle", middle, start=short["start"], end=short["end"]),
        certificate("aws middle", middle, "aws root", root, ca=True, start=then - DAY, end=then + DAY),
        certificate("aws root", root, "aws root", root, ca=True, start=then - 400 * DAY, end=NOW + 400 * DAY),
    )


def nitro(pcrs: dict[int, bytes], nonce: bytes | None = None, *, member: str = "pcrs", algorithm: Any = -35) -> bytes:
    leaf, middle, root = aws()
    document = {
        "module_id": "i-0123456789abcdef0-enc0123456789abcdef",
        "digest": "SHA384",
        "timestamp": int((NOW - 365 * DAY).timestamp() * 1000),
        member: pcrs,
        "certificate": der_of(leaf),
        "cabundle": [der_of(root), der_of(middle)],
        "public_key": None,
        "user_data": None,
        "nonce": nonce,
    }
    return cbor2.dumps(sign1(cbor2.dumps(document), ec_key("enclave", "SECP384R1"), tag=False, algorithm=algorithm))


# Azure


def hcl_report(hardware: bytes, runtime: bytes, *, kind: int) -> bytes:
    """HCLA: a hardware report (2: SEV-SNP, 4: TDREPORT) and the runtime data it vouches for, hashed with SHA-256."""
    head = b"HCLA" + struct.pack("<4I", 2, 1236 + len(runtime), 2, 0) + bytes(12)
    middle = struct.pack("<5I", 20 + len(runtime), 1, kind, 1, len(runtime))
    return head + hardware.ljust(1184, b"\0") + middle + runtime


def jwk(key: rsa.RSAPublicKey, name: str = "HCLAkPub") -> dict[str, str]:
    numbers = key.public_numbers()
    parts = {"e": numbers.e.to_bytes(3, "big"), "n": numbers.n.to_bytes(256, "big")}
    written = {part: base64.urlsafe_b64encode(value).decode().rstrip("=") for part, value in parts.items()}
    return {"kid": name, "kty": "RSA", **written}


# Hygon CSV


def sm2_signature(secret: int, signer: bytes, message: bytes) -> bytes:
    """r and s in 72 bytes each, little-endian: GB/T 32918.2, section 6.1, with a number that is no secret."""
    from evlog.evidence import _sm2

    x, y = sm2_point(secret)
    fixed = b"".join(number.to_bytes(32, "big") for number in (_sm2._A, _sm2._B, *_sm2._G, x, y))
    whose = hashlib.new("sm3", struct.pack(">H", 8 * len(signer)) + signer + fixed).digest()
    e = int.from_bytes(hashlib.new("sm3", whose + message).digest(), "big")
    k = 0x1234567890ABCDEF
    r = (e + sm2_point(k)[0]) % _sm2._N
    s = pow(1 + secret, -1, _sm2._N) * (k - r * secret) % _sm2._N
    return r.to_bytes(72, "little") + s.to_bytes(72, "little")


def sm2_point(secret: int) -> tuple[int, int]:
    from evlog.evidence import _sm2

    found = _sm2._times(secret, _sm2._G)
    assert found is not None
    return found


_CSV_KEYS = {"HRK": (0x1111, 0), "HSK": (0x2222, 0x13), "CEK": (0x3333, 0x1004), "PEK": (0x4444, 0x1002)}


def csv_key(name: str, size: int = 72) -> bytes:
    return b"".join(number.to_bytes(size, "little") for number in sm2_point(_CSV_KEYS[name][0]))


def csv_certificate(name: str, issuer: str) -> bytes:
    """A certificate of a CSV key (CEK, PEK; 2084 bytes) or of Hygon's (HRK, HSK; 832 bytes)."""
    usage = _CSV_KEYS[name][1]
    if name in ("HRK", "HSK"):
        body = struct.pack("<I16s16sI24xI", 1, name.encode(), issuer.encode(), usage, 3) + csv_key(name)
        body += struct.pack("<H254s108x", len(name), name.encode())
        return (body + sm2_signature(_CSV_KEYS[issuer][0], issuer.encode(), body)).ljust(832, b"\0")
    body = struct.pack("<IBBHIII", 1, 1, 4, 0, usage, 4, 3) + csv_key(name)
    body += struct.pack("<H254s16x608x", len(name), name.encode())
    slot = struct.pack("<II", _CSV_KEYS[issuer][1], 4) + sm2_signature(_CSV_KEYS[issuer][0], issuer.encode(), body)
    return body + slot.ljust(520, b"\0") + bytes(520)


def csv_report(
    measure: bytes,
    report_data: bytes = b"",
    *,
    rtmrs: Sequence[bytes] | None = None,
    policy: int = 0x9,
    anonce: int = 0x7ED79335,
    signer: str = "PEK",
    chain: bool = False,
) -> bytes:
    """A page with a report: of version 2 with RTMR[1] to RTMR[4], else of version 1, masked with ``anonce``."""
    head = bytes(64) + report_data.ljust(64, b"\0") + b"mnonce".ljust(16, b"\0") + measure + struct.pack("<I", policy)
    usage = struct.pack("<II", 0x1002, 4)
    mask = bytes(4) if rtmrs is not None else struct.pack("<I", anonce)

    def masked(data: bytes) -> bytes:
        return bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))

    if rtmrs is None:
        signed = masked(head)
        told = signed + masked(usage) + mask
    else:
        signed = told = head + usage + struct.pack("<IH14x", 1234, 1) + b"".join((measure, *rtmrs)) + bytes(656)
    signature = sm2_signature(_CSV_KEYS[signer][0], b"PEK", signed)
    trailer = masked(csv_certificate("PEK", "CEK")) + masked(b"SERIAL0001".ljust(64, b"\0")) + bytes(64)
    page = (told + signature + trailer).ljust(4096, b"\0")
    return page + (csv_certificate("HSK", "HRK") + csv_certificate("CEK", "HSK") if chain else b"")


# Arm virtCCA


def virtcca_token(
    rim: bytes, rems: list[bytes], challenge: bytes = b"", *, twice: bool = True, wrapped: bool = True
) -> bytes:
    """A token of a realm's part alone, signed (PS256) by the RSA key that it carries; claims in one bstr or two."""
    der = serialization.PublicFormat.SubjectPublicKeyInfo
    claims = {
        10: challenge.ljust(64, b"\0"),
        44235: bytes(64),
        44236: "sha-256",
        44237: rsa_key().public_key().public_bytes(serialization.Encoding.DER, der),
        44238: rim,
        44239: rems,
        44240: "sha-256",
    }
    payload = cbor2.dumps(cbor2.dumps(claims)) if twice else cbor2.dumps(claims)
    protected = cbor2.dumps({1: -37})
    signed = cbor2.dumps(["Signature1", protected, b"", payload])
    signature = rsa_key().sign(signed, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    message = cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature]))
    return cbor2.dumps(cbor2.CBORTag(399, {44241: message})) if wrapped else message


@cache
def device() -> tuple[x509.Certificate, x509.Certificate]:
    """The certificate of the key above, and the root that issued it."""
    root = ec_key("device root")
    leaf: Any = rsa_key()
    return certificate("device", leaf, "device root", root), certificate(
        "device root", root, "device root", root, ca=True
    )
