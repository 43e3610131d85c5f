"""Readers that know nothing but a format's specification: a log's digests extended, as somebody else would do it.

Standard library only, nothing of evlog. Each yields (PCR, [(bank, digest)]) of what the log says was measured.
"""

from __future__ import annotations

import hashlib
import json
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Step = tuple[int, list[tuple[str, bytes]]]

ALGORITHMS = {4: "sha1", 11: "sha256", 12: "sha384", 13: "sha512"}
CEL, PCCLIENT, NO_ACTION = 4, 5, 3


def extended(steps: Iterable[Step]) -> dict[tuple[int, str], bytes]:
    """TPM2_PCR_Extend, from zeros: every register and bank that the steps extend."""
    values: dict[tuple[int, str], bytes] = {}
    for pcr, digests in steps:
        for bank, digest in digests:
            old = values.get((pcr, bank), bytes(len(digest)))
            values[pcr, bank] = hashlib.new(bank, old + digest).digest()
    return values


def tcg2(data: bytes) -> Iterator[Step]:
    """TCG PC Client Platform Firmware Profile 1.06, section 10.2: a header event, then TCG_PCR_EVENT2."""
    (length,) = struct.unpack_from("<I", data, 28)
    (count,) = struct.unpack_from("<I", data, 32 + 24)
    sizes = dict(struct.unpack_from("<HH", data, 32 + 28 + 4 * row) for row in range(count))
    at = 32 + length
    while at < len(data):
        pcr, kind, number = struct.unpack_from("<III", data, at)
        at += 12
        digests = []
        for _ in range(number):
            (algorithm,) = struct.unpack_from("<H", data, at)
            digests.append((ALGORITHMS[algorithm], data[at + 2 : at + 2 + sizes[algorithm]]))
            at += 2 + sizes[algorithm]
        at += 4 + int.from_bytes(data[at : at + 4], "little")
        if kind != NO_ACTION:
            yield pcr, digests


def cel_json(data: bytes) -> Iterator[Step]:
    """CEL 1.1, section 5.2: what is neither CEL management nor an EV_NO_ACTION extends its digests."""
    for record in json.loads(data):
        if record["content_type"] != "cel" and record["content"].get("event_type") not in (NO_ACTION, "EV_NO_ACTION"):
            yield record["pcr"], [(each["hashAlg"], bytes.fromhex(each["digest"])) for each in record["digests"]]


def cel_cbor(data: bytes) -> Iterator[Step]:
    """CEL 1.1, section 5.2, in CBOR: keys 1 pcr, 3 digests (0 hashAlg, 1 digest), 9 content type, 10 content."""
    for record in cbor(data, 0)[0]:
        if record[9] != CEL and not (record[9] == PCCLIENT and record[10][0] == NO_ACTION):
            yield record[1], [(ALGORITHMS[each[0]], each[1]) for each in record[3]]


def cbor(data: bytes, at: int) -> tuple[Any, int]:
    """One item of RFC 8949, of those kinds that a CEL is made of, and where it ends."""
    major, low = data[at] >> 5, data[at] & 31
    size = {24: 1, 25: 2, 26: 4, 27: 8}.get(low, 0)
    argument = int.from_bytes(data[at + 1 : at + 1 + size], "big") if size else low
    at += 1 + size
    if major == 0:
        return argument, at
    if major in (2, 3):
        value = data[at : at + argument]
        return value if major == 2 else value.decode(), at + argument
    assert major in (4, 5), f"major type {major}"
    items = []
    for _ in range(argument * (major - 3)):
        item, at = cbor(data, at)
        items.append(item)
    return (items if major == 4 else dict(zip(items[::2], items[1::2], strict=True))), at


def tlvs(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at + 1 : at + 5], "big")
        yield data[at], data[at + 5 : at + 5 + size]
        at += 5 + size


def cel_tlv(data: bytes) -> Iterator[Step]:
    """CEL 1.1, section 5.1: record number, index, digests and content of each record, one after the other."""
    fields = list(tlvs(data))
    for row in range(0, len(fields), 4):
        (index_type, index), (_, digests), (content_type, content) = fields[row + 1 : row + 4]
        silent = content_type == PCCLIENT and int.from_bytes(dict(tlvs(content))[0], "big") == NO_ACTION
        if index_type == 1 and content_type != CEL and not silent:
            yield int.from_bytes(index, "big"), [(ALGORITHMS[alg], digest) for alg, digest in tlvs(digests)]


def dstack(data: bytes) -> Iterator[Step]:
    """dstack, cc-eventlog: RTMR and digest, or what is hashed where there is none; EV_NO_ACTION extends nothing."""
    for event in json.loads(data):
        name, payload = event.get("event", ""), bytes.fromhex(event.get("event_payload", ""))
        covered = b"\1\0\0\x08:" + name.encode() + b":" + payload
        if event.get("version", 1) == 2:
            members = {"name": name, "payload": payload.hex(), "type": event["event_type"]}
            covered = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        digest = event.get("digest") or hashlib.sha384(covered).hexdigest()
        if event["event_type"] != NO_ACTION:
            yield event["imr"], [("sha384", bytes.fromhex(digest))]


def ima_binary(data: bytes, bank: str) -> Iterator[Step]:
    """Linux, ima_measurements_show(): PCR, digest, name, data; zeros stand for a violation, which extends ones."""
    at, size = 0, hashlib.new(bank).digest_size
    while at < len(data):
        pcr, digest, length = struct.unpack_from(f"<I{size}sI", data, at)
        at += 8 + size
        name = data[at : at + length]
        at += length + (20 if name == b"ima" else 0)
        at += 4 + int.from_bytes(data[at : at + 4], "little")
        yield pcr, [(bank, digest if any(digest) else b"\xff" * size)]


def ima_ascii(data: bytes, bank: str) -> Iterator[Step]:
    """Linux, ima_ascii_measurements_show(): a line is PCR, digest and more."""
    for line in data.split(b"\n")[:-1]:
        pcr, hexadecimal = line.split(b" ")[:2] if line[:1] != b" " else line[1:].split(b" ")[:2]
        digest = bytes.fromhex(hexadecimal.decode())
        yield int(pcr), [(bank, digest if any(digest) else b"\xff" * len(digest))]


READERS: dict[str, Callable[[bytes], Iterator[Step]]] = {
    "cel-json": cel_json,
    "cel-tlv": cel_tlv,
    "cel-cbor": cel_cbor,
}
LISTS: dict[str, Callable[[bytes, str], Iterator[Step]]] = {"ima-binary": ima_binary, "ima-ascii": ima_ascii}
