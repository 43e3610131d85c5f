"""What no format claims: the error says what it looks like, and what to try."""

from __future__ import annotations

import base64
import gzip
import json
import random
import shutil
import subprocess
import time

import pytest

import evlog
from evlog.errors import UnknownFormatError
from tests import made_evidence
from tests.conftest import SAMPLES, SLOWEST

LOG = (SAMPLES / "tcg2" / "ovmf.bin").read_bytes()
EVIDENCE = SAMPLES / "evidence"
TEXT = "text; if it is a textual log: --from text --dialect tsm-text"


def refused(data: bytes) -> str:
    with pytest.raises(UnknownFormatError) as error:
        evlog.read(data)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 240
    return error.value.message


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"measured something\nand more\n", TEXT),
        ("measured something, élan\r\nand more\r\n".encode("utf-16"), TEXT),
        (gzip.compress(b"some text"), f"gzip, and what is in it is {TEXT}"),
        (bytes(range(256)), "256 bytes that are no text"),
        (bytes(range(128, 228)).hex().encode(), "hex, and what is in it is 100 bytes that are no text"),
        (
            b'{"version": 1, "a\\u001b[3m": {"b": 2}}',
            "a JSON object with members version, a\\u001b[3m, b, in which no log",
        ),
        (b'[{"x": 1}]', "a JSON list with members x, in which no log was found"),
        ((EVIDENCE / "ovmf-ak.pem").read_bytes(), "a certificate or a key, or several"),
        ((EVIDENCE / "ovmf-quote.msg").read_bytes(), "it looks like a TPM quote: evlog verify takes it as --quote"),
        (
            json.dumps({"q": base64.b64encode((EVIDENCE / "ovmf-quote.msg").read_bytes()).decode()}).encode(),
            "it looks like a TPM quote (in JSON (base64) at /q): evlog verify takes it as --quote",
        ),
        (
            made_evidence.td_report(bytes(48), [bytes(48)] * 4),
            "it looks like an Intel TDREPORT, which nobody elsewhere",
        ),
        ((SAMPLES / "tcg2" / "ovmf.pcrs.json").read_bytes(), "evlog verify takes it as --registers"),
        (
            b"\n".join(b"%08x: %s" % (n * 16, b"00ff " * 8) for n in range(8)),
            "xxd, 128 bytes, and what is in it is 128 b",
        ),
    ],
    ids=range(13),
)
def test_what_it_looks_like(data: bytes, said: str) -> None:
    assert f"no known log format: {said}" in refused(data) or said in refused(data)


@pytest.mark.parametrize("command", [("hexdump",), ("od", "-x"), ("xxd", "-e")], ids=lambda words: words[0])
def test_bytes_that_a_dump_swaps_are_not_guessed(command: tuple[str, ...]) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    dump = subprocess.run(command, input=LOG, stdout=subprocess.PIPE, check=True).stdout
    said = refused(dump)
    assert "bytes are swapped, as hexdump prints them without -C: the other way round it is tcg2" in said
    assert "print it again with hexdump -C or xxd" in said


@pytest.mark.parametrize(
    "data",
    [
        random.Random(1).randbytes(1 << 20),
        random.Random(1).randbytes(1 << 19).hex().encode(),
        base64.b64encode(random.Random(1).randbytes(3 << 18)),
        b"[" * (1 << 20),
        b"x" * (1 << 20),
        b"word " * (1 << 18),
        b"".join(b"line %d of a file\n" % n for n in range(1 << 16)),
    ],
    ids=range(7),
)
def test_a_mebibyte_of_anything_takes_little(data: bytes) -> None:
    began = time.process_time()
    refused(data)
    assert time.process_time() - began < 2 * SLOWEST
