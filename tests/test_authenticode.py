"""PE images: the Authenticode digest against osslsigncode and against a plain reading of the specification."""

from __future__ import annotations

import hashlib
import random
import re
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from evlog.errors import ParseError
from evlog.predicting import pe
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

STORE = ROOT.parent / "shared" / "updates" / "store"
IMAGES = sorted(path for path in STORE.glob("*") if path.read_bytes()[:2] == b"MZ") if STORE.is_dir() else []


def an_image(
    sections: list[tuple[int, int, int]], *, plus: bool = True, directories: int = 16, size: int = 0, fill: int = 1
) -> bytes:
    """A PE with these sections, each (virtual size, raw size, offset), of at least ``size`` bytes.

    It is pseudo-random by ``fill``.
    """
    optional = (112 if plus else 96) + 8 * directories
    table = 0x40 + 24 + optional
    headers = (table + 40 * len(sections) + 511) & ~511
    end = max([headers, size, *(offset + raw for _, raw, offset in sections)])
    data = bytearray(random.Random(fill).randbytes(end))
    data[:headers] = bytes(headers)
    data[:2], data[0x3C:0x40] = b"MZ", struct.pack("<I", 0x40)
    machine = 0x8664 if plus else 0x14C
    data[0x40:0x58] = b"PE\0\0" + struct.pack("<HHIIIHH", machine, len(sections), 0, 0, 0, optional, 0x22)
    at = 0x58
    struct.pack_into("<H", data, at, 0x20B if plus else 0x10B)
    struct.pack_into("<IIII", data, at + 32, 512, 512, 0, 0)
    struct.pack_into("<II", data, at + 56, 0x100000, headers)
    struct.pack_into("<I", data, at + 64, 0xDEADBEEF)
    struct.pack_into("<H", data, at + 68, 10)
    struct.pack_into("<I", data, at + (108 if plus else 92), directories)
    for n, (virtual, raw, offset) in enumerate(sections):
        row = struct.pack("<8sIIIIIIHHI", b".s%d" % n, virtual, 0x1000 * (n + 1), raw, offset, 0, 0, 0, 0, 0x40000040)
        data[table + 40 * n : table + 40 * n + 40] = row
    return bytes(data)


def plainly(data: bytes, alg: str = "sha256") -> str:
    """Section by section, as Microsoft's document counts its steps; written for the test and nothing else."""
    header = struct.unpack_from("<I", data, 0x3C)[0] + 24
    plus = data[header : header + 2] == b"\x0b\x02"
    count = struct.unpack_from("<H", data, header - 18)[0]
    table = header + struct.unpack_from("<H", data, header - 4)[0]
    size_of_headers = struct.unpack_from("<I", data, header + 60)[0]
    directories = struct.unpack_from("<I", data, header + (108 if plus else 92))[0]
    entry = header + (144 if plus else 128)
    hashed = hashlib.new(alg)
    hashed.update(data[: header + 64])
    certificates = 0
    if directories > 4:
        hashed.update(data[header + 68 : entry])
        hashed.update(data[entry + 8 : size_of_headers])
        certificates = struct.unpack_from("<I", data, entry + 4)[0]
    else:
        hashed.update(data[header + 68 : size_of_headers])
    done = size_of_headers
    rows = [struct.unpack_from("<II", data, table + 40 * n + 16) for n in range(count)]
    for raw, offset in sorted((row for row in rows if row[0]), key=lambda row: row[1]):
        hashed.update(data[offset : offset + raw])
        done += raw
    if len(data) > done + certificates:
        hashed.update(data[done : len(data) - certificates])
    return hashed.hexdigest()


def ours(data: bytes, alg: str = "sha256") -> str:
    return hashlib.new(alg, pe.read(data).hashed()).hexdigest()


def test_two_hundred_images() -> None:
    draw = random.Random(20261129)
    for n in range(200):
        plus = draw.random() < 0.5
        rows, at = [], 1024
        for _ in range(draw.randint(0, 6)):
            raw = draw.choice((0, 1, 7, 512, 513, 4096))
            rows.append((draw.randint(0, 5000), raw, at))
            at += raw + draw.choice((0, 0, 0, 3, 512))
        if draw.random() < 0.3 and len(rows) > 1:  # an overlap, which is hashed twice
            virtual, raw, _ = rows[-1]
            rows[-1] = (virtual, raw, rows[0][2])
        draw.shuffle(rows)
        total = 1024 + sum(raw for _, raw, _ in rows)
        data = an_image(
            rows, plus=plus, directories=draw.choice((4, 5, 16)), size=total + draw.choice((0, 1, 8, 777)), fill=n
        )
        for alg in ("sha1", "sha384"):
            assert ours(data, alg) == plainly(data, alg), n


def test_what_is_not_hashed() -> None:
    data = an_image([(512, 512, 512), (512, 512, 2048)])
    whole = ours(data)
    changed = bytearray(data)
    struct.pack_into("<I", changed, 0x58 + 64, 1)  # the checksum
    changed[1100] ^= 1  # the gap between the sections
    assert ours(bytes(changed)) == whole
    # The count of bytes is taken for an offset: the end of the last section is hashed once more.
    assert pe.read(data).spans[-1] == (1536, 2560)


def test_a_certificate_table_is_left_out_whole() -> None:
    data = bytearray(an_image([(512, 512, 512)]))
    bare = ours(bytes(data))
    struct.pack_into("<II", data, 0x58 + 144, len(data), 16)
    signed = bytes(data) + struct.pack("<IHH", 16, 0x200, 2) + b"signatur"
    assert ours(signed) == bare
    assert pe.read(signed).signatures() == (b"signatur",)


def test_zeros_before_a_signature_are_hashed() -> None:
    data = an_image([(512, 512, 512)], size=1027)
    filled = pe.padded_to_be_signed(data)
    assert len(filled) == 1032
    assert ours(filled) != ours(data)
    assert pe.padded_to_be_signed(filled) == filled


def test_a_section_as_it_is_loaded() -> None:
    image = pe.read(an_image([(600, 512, 512), (100, 512, 1024)]))
    assert image.loaded(image.sections[0]) == image.data[512:1024] + bytes(88)
    assert image.loaded(image.sections[1]) == image.data[1024:1124]


@pytest.mark.parametrize(
    ("at", "value", "offset"),
    [
        (0x3C, 0xFFFFFFF0, None),  # the header behind the end
        (0x58 + 60, 0xFFFFFFFF, 0x58 + 60),  # SizeOfHeaders
        (0x58 + 148, 0xFFFFFFFF, 0x58 + 144),  # the certificate table's size
        (0x58 + 240 + 16, 0xFFFFFFFF, 0x58 + 240),  # a section's size
        (0x58 + 240 + 20, 0xFFFFFFFF, 0x58 + 240),  # and its place
    ],
)
def test_damage_has_an_offset(at: int, value: int, offset: int | None) -> None:
    data = bytearray(an_image([(512, 512, 512)]))
    struct.pack_into("<I", data, at, value)
    with pytest.raises(ParseError) as caught:
        pe.read(bytes(data))
    assert caught.value.offset is not None
    assert offset is None or caught.value.offset == offset


def test_cut_and_flipped() -> None:
    data = an_image([(512, 512, 512)])
    for size in range(0, len(data), 7):
        with pytest.raises(ParseError):
            pe.read(data[:size])
    for at in range(512):
        damaged = bytearray(data)
        damaged[at] ^= 0xFF
        try:
            pe.read(bytes(damaged)).hashed()
        except ParseError as error:
            assert error.offset is not None


def test_sections_that_add_up_to_more_than_the_file_are_refused() -> None:
    with pytest.raises(ParseError, match="headers, sections and certificates"):
        pe.read(an_image([(1, 4096, 4096)] * 100))


needs_osslsigncode = pytest.mark.skipif(shutil.which("osslsigncode") is None, reason="osslsigncode is not installed")


def told(path: Path) -> str:
    """The digest that osslsigncode computes of a signed image."""
    ran = subprocess.run(["osslsigncode", "verify", "-in", path], capture_output=True, text=True, check=False)
    found: set[str] = {
        each.lower() for each in re.findall(r"Calculated message digest\s*:\s*([0-9A-Fa-f]{64})", ran.stdout)
    }
    assert len(found) == 1, ran.stdout
    return found.pop()


def with_one_signature(data: bytes) -> bytes:
    """An image with the first signature of its table: osslsigncode does not read two."""
    at, _ = pe.read(data).certificates
    entry = struct.unpack_from("<I", data, 0x3C)[0] + 24 + 144
    size = (int.from_bytes(data[at : at + 4], "little") + 7) & ~7
    return data[: entry + 4] + size.to_bytes(4, "little") + data[entry + 8 : at + size]


@pytest.mark.skipif(not IMAGES, reason="no images of distributions beside the project")
@needs_osslsigncode
def test_distributions_images_as_osslsigncode_reads_them(tmp_path: Path) -> None:
    """Shim, GRUB and kernels of Debian, and images that were signed for these boots."""
    compared = 0
    for path in IMAGES:
        data = path.read_bytes()
        count = len(pe.read(data).signatures())
        if not count:
            continue
        (tmp_path / "image").write_bytes(data if count == 1 else with_one_signature(data))
        assert told(tmp_path / "image") == ours(data), path.name
        compared += 1
    assert compared >= 8


@needs_osslsigncode
@pytest.mark.skipif(shutil.which("sbsign") is None, reason="sbsign is not installed")
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_what_sbsign_signs_and_osslsigncode_reads(tmp_path: Path) -> None:
    """Sections in any order, of any size, with bytes behind them; sbsign fills the file before it signs."""
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test"]
    subprocess.run([*words, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    draw = random.Random(17)
    for n in range(20):
        rows, at = [], 1024
        for _ in range(draw.randint(1, 5)):
            raw = draw.choice((0, 1, 7, 512, 513, 4096))
            rows.append((draw.randint(1, 5000), raw, at))
            at += raw
        draw.shuffle(rows)
        data = bytearray(an_image(rows, plus=draw.random() < 0.5, size=at + draw.choice((0, 1, 8, 777)), fill=n))
        struct.pack_into("<I", data, 0x58 + 60, 1024)  # SizeOfHeaders, up to the sections
        (tmp_path / "plain").write_bytes(data)
        sign: list[str | Path] = [
            "sbsign",
            "--key",
            key,
            "--cert",
            certificate,
            "--output",
            tmp_path / "signed",
            tmp_path / "plain",
        ]
        subprocess.run(sign, check=True, capture_output=True)
        signed = (tmp_path / "signed").read_bytes()
        assert len(pe.read(signed).signatures()) == 1
        assert ours(signed) == told(tmp_path / "signed"), n
        assert ours(signed) == ours(pe.padded_to_be_signed(bytes(data))), n
