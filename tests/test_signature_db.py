"""Signature databases and certificates: against openssl and cryptography, on real certificates and made ones."""

from __future__ import annotations

import datetime
import re
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from evlog.decoders import NO_CONTEXT, Cursor, Raw
from evlog.decoders.certificate import Certificate
from evlog.decoders.efi_variable import EfiVariable
from evlog.decoders.signature_db import Signature, SignatureDatabase, SignatureHash, SignatureList, authority
from evlog.errors import ParseError
from tests.decoding import decoded_events, firmware_logs, guid

OWNER = "77fa9abd-0359-4d32-bd60-28f4e78f784b"
X509 = "a5c059a1-94e4-4aa7-87b5-ab155c2bf072"
SHA256 = "c1c41626-504c-4092-aca9-41f936934328"


def database(data: bytes) -> SignatureDatabase:
    return SignatureDatabase.read(Cursor(data), NO_CONTEXT)


def signature_list(kind: str, *signatures: bytes, header: bytes = b"") -> bytes:
    """EFI_SIGNATURE_LIST, each signature under the same owner."""
    size = 16 + len(signatures[0])
    body = header + b"".join(guid(OWNER) + signature for signature in signatures)
    return guid(kind) + struct.pack("<III", 28 + len(body), len(header), size) + body


def made(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey,
    name: x509.Name,
    serial: int = 0x1234,
) -> x509.Certificate:
    """A self-signed certificate."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(datetime.datetime(1999, 12, 31, 23, 59, 58))
        .not_valid_after(datetime.datetime(2055, 1, 2, 3, 4, 5))
    )
    plain = isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    return builder.sign(key, None if plain else hashes.SHA384())


NAME = x509.Name(
    [
        x509.NameAttribute(x509.NameOID.COUNTRY_NAME, "DE"),
        x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, 'Müller, "Söhne" + <Co>; \\ KG '),
        x509.NameAttribute(x509.NameOID.ORGANIZATIONAL_UNIT_NAME, "#1"),
        x509.NameAttribute(x509.NameOID.EMAIL_ADDRESS, "a@b.example"),
        x509.NameAttribute(x509.ObjectIdentifier("1.2.3.4.56789"), "own"),
        x509.NameAttribute(x509.NameOID.COMMON_NAME, " A name"),
    ]
)


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def read(data: bytes) -> Certificate:
    cursor = Cursor(data)
    found = Certificate.read(cursor, NO_CONTEXT)
    assert not cursor.left
    return found


def moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


# What RFC 4514 leaves to dotted decimal but OpenSSL names.
NAMES = {
    x509.NameOID.EMAIL_ADDRESS: "emailAddress",
    x509.NameOID.SERIAL_NUMBER: "serialNumber",
    x509.NameOID.STREET_ADDRESS: "street",
}


def assert_as_cryptography_reads_it(data: bytes) -> None:
    found, theirs = read(data), x509.load_der_x509_certificate(data)
    assert found.subject == theirs.subject.rfc4514_string(NAMES)
    assert found.issuer == theirs.issuer.rfc4514_string(NAMES)
    assert int(found.serial, 16) == theirs.serial_number
    assert moment(found.not_before) == theirs.not_valid_before_utc
    assert moment(found.not_after) == theirs.not_valid_after_utc
    assert found.sha256 == theirs.fingerprint(hashes.SHA256()).hex()
    key = theirs.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        assert (found.key, found.key_size, found.curve) == ("rsa", key.key_size, None)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        assert (found.key, found.key_size, found.curve) == ("ec", key.key_size, key.curve.name)
    else:
        kinds = {ed25519.Ed25519PublicKey: "ed25519", ed448.Ed448PublicKey: "ed448", dsa.DSAPublicKey: "dsa"}
        assert any(isinstance(key, kind) and found.key == name for kind, name in kinds.items())


def _certificates(value: object) -> Iterator[tuple[str, bytes]]:
    """The certificates in a variable: its name, and the DER encodings, found by their fingerprints' owner lists."""
    if not isinstance(value, EfiVariable):
        return
    content = value.value
    lists = content.lists if isinstance(content, SignatureDatabase) else ()
    signatures = [s for part in lists for s in part.signatures]
    signatures += [content] if isinstance(content, Signature) else []
    position = 0
    for signature in signatures:
        if isinstance(signature.value, Certificate):
            # The next DER SEQUENCE that cryptography takes for a certificate is this one.
            start = value.data.index(b"\x30\x82", position)
            size = 4 + int.from_bytes(value.data[start + 2 : start + 4], "big")
            position = start + size
            yield value.name, value.data[start : start + size]


def real_certificates(logs: Iterator[Path]) -> dict[bytes, str]:
    found: dict[bytes, str] = {}
    for log in logs:
        for _, value in decoded_events(log):
            for name, data in _certificates(value):
                found.setdefault(data, f"{log.parent.name}/{log.name} {name}")
    return found


class TestCertificates:
    @pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1(), ec.SECP256K1()])
    def test_ec_keys_and_every_escape_of_a_name(self, curve: ec.EllipticCurve) -> None:
        data = der(made(ec.generate_private_key(curve), NAME))
        assert_as_cryptography_reads_it(data)
        assert read(data).common_name == " A name"
        assert read(data).signature_algorithm == "ecdsa-sha384"

    def test_edwards_keys(self) -> None:
        assert_as_cryptography_reads_it(der(made(ed25519.Ed25519PrivateKey.generate(), NAME)))
        assert_as_cryptography_reads_it(der(made(ed448.Ed448PrivateKey.generate(), NAME)))

    def test_rsa_keys_and_large_serial_numbers(self) -> None:
        key = rsa.generate_private_key(65537, 2048)
        data = der(made(key, NAME, serial=(1 << 158) + 5))
        assert_as_cryptography_reads_it(data)
        assert read(data).signature_algorithm == "rsa-sha384"
        assert read(data).not_before == "1999-12-31T23:59:58Z"

    def test_every_cut_is_a_parse_error(self) -> None:
        data = der(made(ec.generate_private_key(ec.SECP256R1()), NAME))
        for size in range(len(data)):
            with pytest.raises(ParseError):
                Certificate.read(Cursor(data[:size]), NO_CONTEXT)

    @pytest.mark.filterwarnings("ignore:Attribute's length must be", "ignore:Parsed a serial number")
    def test_real_certificates_as_cryptography_reads_them(self, vm: Path, corpus: Path) -> None:
        found = real_certificates(firmware_logs(vm, corpus))
        assert len(found) > 60
        for data in found:
            assert_as_cryptography_reads_it(data)

    def test_real_certificates_as_openssl_prints_them(self, vm: Path) -> None:
        openssl = shutil.which("openssl")
        if openssl is None:
            pytest.skip("openssl is not installed")
        found = real_certificates(iter([vm / "d-secureboot-shim-grub" / "binary_bios_measurements"]))
        assert len(found) >= 5
        for data in found:
            ours = read(data)
            command = [openssl, "x509", "-inform", "DER", "-noout", "-subject", "-issuer", "-serial", "-dates", "-text"]
            command += ["-fingerprint", "-sha256", "-nameopt", "RFC2253,-esc_msb,utf8"]
            text = subprocess.run(command, input=data, capture_output=True, check=True).stdout.decode()
            theirs = dict(re.findall(r"^(\w[\w ]*?)\s*=\s*(.*)$", text, re.MULTILINE))
            assert ours.subject == theirs["subject"]
            assert ours.issuer == theirs["issuer"]
            assert ours.serial.upper().removeprefix("0") == theirs["serial"].removeprefix("0")
            assert ours.sha256 == theirs["sha256 Fingerprint"].replace(":", "").lower()
            for time, name in ((ours.not_before, "notBefore"), (ours.not_after, "notAfter")):
                assert moment(time) == datetime.datetime.strptime(theirs[name] + "+0000", "%b %d %H:%M:%S %Y GMT%z")
            size = re.search(r"Public-Key: \((\d+) bit\)", text)
            assert size is not None
            assert ours.key_size == int(size[1])
            assert ours.key == "rsa"
            algorithm = re.search(r"Signature Algorithm: (\w+)", text)
            assert algorithm is not None
            assert algorithm[1] == ours.signature_algorithm.removeprefix("rsa-") + "WithRSAEncryption"


class TestLists:
    def test_hashes_with_their_owner(self) -> None:
        data = signature_list(SHA256, b"\x01" * 32, b"\x02" * 32)
        signatures = tuple(Signature(OWNER, "Microsoft", SignatureHash("sha256", bytes([n]) * 32)) for n in (1, 2))
        assert database(data) == SignatureDatabase((SignatureList(SHA256, "SHA-256", b"", signatures),))
        assert database(data).summary == "2 SHA-256"

    @pytest.mark.parametrize(
        ("kind", "algorithm", "size"),
        [
            ("826ca512-cf10-4ac9-b187-be01496631bd", "sha1", 20),
            ("0b6e5233-a65c-44c9-9407-d9ab83bfc8bd", "sha224", 28),
            ("ff3e5307-9fd0-48c9-85f1-8ad56c701e01", "sha384", 48),
            ("093e0fae-a6c4-4f50-9f1b-d41e2b89c19a", "sha512", 64),
        ],
    )
    def test_each_kind_of_hash(self, kind: str, algorithm: str, size: int) -> None:
        (found,) = database(signature_list(kind, bytes(range(size)))).lists[0].signatures
        assert found.value == SignatureHash(algorithm, bytes(range(size)))

    @pytest.mark.parametrize(
        ("kind", "algorithm", "size"),
        [
            ("3bd2a492-96c0-4079-b420-fcf98ef103ed", "sha256", 32),
            ("7076876e-80c2-4ee6-aad2-28b349a6865b", "sha384", 48),
            ("446dbf63-2502-4cda-bcfa-2465d2b0fe9d", "sha512", 64),
        ],
    )
    @pytest.mark.parametrize(
        ("zone", "shown"),
        [(0, "2023-02-01T04:05:06Z"), (2047, "2023-02-01T04:05:06"), (-90, "2023-02-01T04:05:06+01:30")],
    )
    def test_hashes_of_certificates_have_a_time(
        self, kind: str, algorithm: str, size: int, zone: int, shown: str
    ) -> None:
        time = struct.pack("<HBBBBBBIhBB", 2023, 2, 1, 4, 5, 6, 0, 7, zone, 0, 0)
        (found,) = database(signature_list(kind, bytes(size) + time)).lists[0].signatures
        assert found.value == SignatureHash(algorithm, bytes(size), True, shown)
        (always,) = database(signature_list(kind, bytes(size + 16))).lists[0].signatures
        assert always.value == SignatureHash(algorithm, bytes(size), True, None)

    def test_other_kinds_stay_raw_with_their_name(self) -> None:
        (found,) = database(signature_list("4aafd29d-68df-49ee-8aa9-347d375665a7", b"pkcs7")).lists[0].signatures
        assert found.value == Raw("PKCS #7 signature", b"pkcs7")
        (unknown,) = database(signature_list("11111111-0000-0000-0000-000000000000", b"?")).lists[0].signatures
        assert unknown.value == Raw("unknown signature type 11111111-0000-0000-0000-000000000000", b"?")

    def test_what_is_no_certificate_stays_raw_with_the_reason(self) -> None:
        (found,) = database(signature_list(X509, b"\x30\x03\x02\x01\x05")).lists[0].signatures
        assert isinstance(found.value, Raw)
        assert found.value.reason.startswith("not a certificate: tag 0x30 expected, 0x02 found (at byte 0x2e")

    def test_a_header_and_bytes_after_a_certificate_are_kept(self) -> None:
        certificate = der(made(ed25519.Ed25519PrivateKey.generate(), NAME))
        (part,) = database(signature_list(X509, certificate + b"\0\0", header=b"head")).lists
        assert part.header == b"head"
        assert isinstance(part.signatures[0].value, Certificate)
        assert part.signatures[0].value.trailing == b"\0\0"

    def test_an_empty_database_has_no_lists(self) -> None:
        assert database(b"") == SignatureDatabase(())

    GOOD = signature_list(SHA256, bytes(32))

    @pytest.mark.parametrize(
        ("sizes", "note"),
        [
            ((1 << 31, 0, 48), "a signature list of 2147483648 bytes, 76 left (at byte 0x4c, in list_size)"),
            ((27, 0, 48), "a signature list of 27 bytes, 76 left (at byte 0x4c, in list_size)"),
            ((76, 0, 15), "signatures of 15 bytes in 48 (at byte 0x4c, in signature_size)"),
            ((76, 0, 0), "signatures of 0 bytes in 48 (at byte 0x4c, in signature_size)"),
            ((76, 0xFFFFFFFF, 48), "a signature list of 76 bytes, 76 left (at byte 0x4c, in list_size)"),
        ],
    )
    def test_damage_keeps_the_lists_before_it(self, sizes: tuple[int, int, int], note: str) -> None:
        bad = guid(SHA256) + struct.pack("<III", *sizes) + bytes(48)
        found = database(self.GOOD + bad)
        assert (len(found.lists), found.notes, found.trailing) == (1, (note,), bad)
        with pytest.raises(ParseError):
            database(bad)

    def test_real_variables_read_alike_from_the_log_and_from_efivarfs(self, vm: Path) -> None:
        home = vm / "d-secureboot-shim-grub"
        seen = 0
        for _, value in decoded_events(home / "binary_bios_measurements"):
            if isinstance(value, EfiVariable) and isinstance(value.value, SignatureDatabase):
                file = home / "efivars" / f"{value.name}-{value.vendor}"
                # efivarfs puts four bytes of attributes before the value
                if file.exists() and file.read_bytes()[4:] == value.data:
                    assert database(file.read_bytes()[4:]).lists == value.value.lists
                    seen += 1
        assert seen >= 3


class TestAuthorities:
    CERTIFICATE = der(made(ed25519.Ed25519PrivateKey.generate(), NAME))

    def read(self, data: bytes) -> object:
        return authority(Cursor(data), NO_CONTEXT)

    def test_a_certificate_with_its_owner(self) -> None:
        assert self.read(guid(OWNER) + self.CERTIFICATE) == Signature(OWNER, "Microsoft", read(self.CERTIFICATE))

    def test_the_bare_certificate_of_old_shim(self) -> None:
        assert self.read(self.CERTIFICATE) == Signature(None, None, read(self.CERTIFICATE))

    @pytest.mark.parametrize(
        ("size", "algorithm"), [(36, "sha1"), (44, "sha224"), (48, "sha256"), (64, "sha384"), (80, "sha512")]
    )
    def test_a_hash_by_its_size(self, size: int, algorithm: str) -> None:
        found = self.read(guid(OWNER) + bytes(range(size - 16)))
        assert found == Signature(OWNER, "Microsoft", SignatureHash(algorithm, bytes(range(size - 16))))

    def test_signature_lists(self) -> None:
        data = signature_list(SHA256, bytes(32))
        assert self.read(data) == database(data)

    def test_anything_else_is_an_error(self) -> None:
        with pytest.raises(ParseError, match="neither signature lists, a signature nor a certificate"):
            self.read(b"neither")
