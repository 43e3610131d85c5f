"""Write the samples of the Canonical Event Log: a firmware log of ours in each encoding, and one peculiarity each.

The bytes come from TCG's Canonical Event Log Format 1.1, section 5, packed here with `struct` and a CBOR encoder of
twenty lines, never by evlog, so that evlog cannot agree with its own mistakes. COS events are laid out as go-tpm-tools
lays them out, IMA_TLV as the Trusted Business Card does, type 11 as libcel does.
Run ``python samples/make_cel.py`` to write them again; a test holds the files equal to what this makes.
"""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ALGS = {"sha1": 4, "sha256": 11, "sha384": 12, "sha512": 13}
NAMES = {number: name for name, number in ALGS.items()}
EVENT_TYPES = {
    0x00000003: "EV_NO_ACTION",
    0x00000004: "EV_SEPARATOR",
    0x00000006: "EV_EVENT_TAG",
    0x00000008: "EV_S_CRTM_VERSION",
    0x0000000D: "EV_IPL",
    0x80000001: "EV_EFI_VARIABLE_DRIVER_CONFIG",
    0x80000002: "EV_EFI_VARIABLE_BOOT",
    0x80000003: "EV_EFI_BOOT_SERVICES_APPLICATION",
    0x80000006: "EV_EFI_GPT_EVENT",
    0x80000007: "EV_EFI_ACTION",
    0x80000008: "EV_EFI_PLATFORM_FIRMWARE_BLOB",
    0x80000009: "EV_EFI_HANDOFF_TABLES",
    0x800000E0: "EV_EFI_VARIABLE_AUTHORITY",
}

#: A record: number, key of the index, index, digests as (algorithm, value), content type, content.
Record = tuple[int, str, int, list[tuple[int, bytes]], int, Any]


def digests(data: bytes, *names: str) -> list[tuple[int, bytes]]:
    """The digests of some bytes."""
    return [(ALGS[name], hashlib.new(name, data).digest()) for name in names]


# The three encodings.


def tlv(number: int, value: bytes) -> bytes:
    """Type, length, value."""
    return struct.pack(">BI", number, len(value)) + value


def least(number: int) -> bytes:
    """A number in as few bytes as hold it."""
    return number.to_bytes(max((number.bit_length() + 7) // 8, 1), "big")


def content_tlv(kind: int, content: Any, width: int) -> bytes:
    """The value of a content TLV."""
    if kind == 5:
        return tlv(0, content[0].to_bytes(width, "big") if width > 1 else least(content[0])) + tlv(1, content[1])
    if kind == 7:
        return tlv(0, content[0].encode()) + tlv(1, content[1])
    if kind == 4:
        return b"".join(tlv(number, _item(number, value)) for number, value in content)
    return bytes(content)


def _item(number: int, value: Any) -> bytes:
    if value is None:
        return b""
    if number == 1:
        return tlv(0, least(value[0])) + tlv(1, least(value[1]))
    return least(value)


def record_tlv(record: Record, widths: tuple[int, int, int] = (4, 4, 4), *, swapped: bool = False) -> bytes:
    """A record as CEL-TLV; a width of 1 is the least."""
    number, key, index, values, kind, content = record
    recnum, place = (
        value.to_bytes(width, "big") if width > 1 else least(value)
        for value, width in zip((number, index), widths, strict=False)
    )
    body = content_tlv(kind, content, widths[2])
    if swapped:
        first = 5 + struct.unpack_from(">BI", body)[1]
        body = body[first:] + body[:first]
    return (
        tlv(0, recnum)
        + tlv({"pcr": 1, "nv_index": 2, "ccmr": 108}[key], place)
        + tlv(3, b"".join(tlv(alg, value) for alg, value in values))
        + tlv(kind, body)
    )


def cbor(value: Any) -> bytes:
    """Deterministic CBOR (RFC 8949, section 4.2.1) of what a record holds."""
    if isinstance(value, int):
        return _head(0, value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(map(cbor, value))
    pairs = sorted((cbor(key), cbor(each)) for key, each in value.items())
    return _head(5, len(pairs)) + b"".join(key + each for key, each in pairs)


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    for info, form in ((24, ">B"), (25, ">H"), (26, ">I"), (27, ">Q")):
        if number < 1 << 8 * struct.calcsize(form):
            return bytes([major << 5 | info]) + struct.pack(form, number)
    raise ValueError(number)


def record_map(record: Record) -> dict[int, Any]:
    """A record as CEL-CBOR has it."""
    number, key, index, values, kind, content = record
    if kind in (5, 7):
        content = {0: content[0], 1: content[1]}
    elif kind == 4:
        ((item, value),) = content
        value = {0: value[0], 1: value[1]} if item == 1 else value
        content = {0: item} if value is None else {0: item, 1: value}
    return {
        0: number,
        {"pcr": 1, "nv_index": 2, "ccmr": 108}[key]: index,
        3: [{0: alg, 1: value} for alg, value in values],
        9: kind,
        10: content,
    }


def record_object(record: Record) -> dict[str, Any]:
    """A record as CEL-JSON has it."""
    number, key, index, values, kind, content = record
    names: dict[int, Any] = {4: "cel", 5: "pcclient_std", 7: "ima_template", 8: "ima_tlv", 9: "systemd"}
    if kind == 5:
        content = {"event_type": EVENT_TYPES.get(content[0], content[0]), "event_data": content[1].hex()}
    elif kind == 7:
        content = {"template_name": content[0], "template_data": content[1].hex()}
    elif kind == 4:
        ((item, value),) = content
        name = {1: "cel_version", 2: "firmware_end", 80: "cel_timestamp", 81: "state_trans"}[item]
        content = {"type": name}
        if item == 1:
            content["data"] = {"major": value[0], "minor": value[1]}
        elif item != 2:
            content["data"] = ("suspend", "hibernate", "kexec")[value] if item == 81 else value
    else:
        content = content.hex()
    return {
        "recnum": number,
        key: index,
        "digests": [{"hashAlg": NAMES[alg], "digest": value.hex()} for alg, value in values],
        "content_type": names.get(kind, kind),
        "content": content,
    }


def compact(value: Any) -> bytes:
    """JSON without blanks."""
    return json.dumps(value, separators=(",", ":")).encode()


def lines(records: list[Record]) -> bytes:
    """An array with a line for each record."""
    return b"[\n" + b",\n".join(compact(record_object(each)) for each in records) + b"\n]\n"


# The logs.


def of_tcg2(data: bytes) -> list[Record]:
    """The records of a crypto-agile log whose digests are of known algorithms, its header among them."""
    sizes = {number: hashlib.new(name).digest_size for number, name in NAMES.items()}
    counts: dict[int, int] = {}
    records: list[Record] = []
    position = 0
    while position < len(data) and data[position : position + 8] != b"\xff" * 8:
        index, kind = struct.unpack_from("<II", data, position)
        position += 8
        if not records:
            values = [(4, data[position : position + 20])]
            position += 20
        else:
            (count,) = struct.unpack_from("<I", data, position)
            position += 4
            values = []
            for _ in range(count):
                (alg,) = struct.unpack_from("<H", data, position)
                values.append((alg, data[position + 2 : position + 2 + sizes[alg]]))
                position += 2 + sizes[alg]
        (size,) = struct.unpack_from("<I", data, position)
        body = data[position + 4 : position + 4 + size]
        position += 4 + size
        records.append((counts.get(index, 0), "pcr", index, values, 5, (kind, body)))
        counts[index] = counts.get(index, 0) + 1
    return records


def cos() -> list[Record]:
    """A launch as Confidential Space logs it: every type of event, numbered across registers, on CC MR 4."""
    payloads = (
        b"example.net/registry/app:1.0",
        b"sha256:" + hashlib.sha256(b"image").hexdigest().encode(),
        b"OnFailure",
        b"sha256:" + hashlib.sha256(b"id").hexdigest().encode(),
        b"--verbose",
        "GREETING=grüß dich".encode(),
        b"--quiet",
        b"GREETING=hello",
        b"",
        b"\x01",
        b"ON",
        b"no binding",
    )
    records: list[Record] = []
    for number, payload in enumerate(payloads):
        body = tlv(number, payload)
        records.append((number, "ccmr", 4, digests(tlv(80, body), "sha384"), 80, body))
    return records


def cos_host() -> list[Record]:
    """What a host of Google's measures before it runs guests: the processor's PIID, and the end of the launch."""
    bodies = (tlv(0, bytes(range(0xA0, 0xB0))), tlv(1, b""))
    return [(number, "pcr", 19, digests(tlv(82, body), "sha256"), 82, body) for number, body in enumerate(bodies)]


def management() -> list[Record]:
    """What a log says of itself: two records that are not measured, two that are."""
    stamp = tlv(4, tlv(80, least(1700000000)))
    kexec = tlv(4, tlv(81, least(2)))
    return [
        (0, "pcr", 0, [], 4, [(1, (1, 1))]),
        (1, "pcr", 0, [], 4, [(2, None)]),
        (2, "pcr", 0, digests(stamp, "sha256"), 4, [(80, 1700000000)]),
        (3, "pcr", 0, digests(kexec, "sha256"), 4, [(81, 2)]),
    ]


def ima(mark: bytes = b"\xff") -> list[Record]:
    """Two entries of an IMA list and a violation between them, in two banks.

    The violation's digests are of the byte ``mark``: ones were extended; zeros are in lists, and copied by other tools.
    """
    file_digest = hashlib.sha256(b"contents of a file").digest()
    data = _field(b"sha256:\0" + file_digest) + _field(b"/usr/bin/example\0")
    other = _field(b"sha256:\0" + file_digest) + _field(b"/usr/bin/other\0")
    violation = [(4, mark * 20), (11, mark * 32)]
    return [
        (0, "pcr", 10, digests(data, "sha1", "sha256"), 7, ("ima-ng", data)),
        (1, "pcr", 10, violation, 7, ("ima-ng", _field(b"sha256:\0" + bytes(32)) + _field(b"/var/log/open\0"))),
        (2, "pcr", 10, digests(other, "sha1", "sha256"), 7, ("ima-ng", other)),
    ]


def _field(value: bytes) -> bytes:
    return struct.pack("<I", len(value)) + value


def ima_tlv() -> list[Record]:
    """Two files measured as IMA_TLV, whose digests cover the content TLV."""
    records: list[Record] = []
    for number, path in enumerate((b"/data/one", b"/data/two")):
        body = tlv(0, path) + tlv(1, hashlib.sha256(path).digest()) + tlv(5, b"0644")
        records.append((number, "pcr", 10, digests(tlv(8, body), "sha256"), 8, body))
    return records


def together(*logs: list[Record]) -> list[Record]:
    """The records of several logs in one, numbered anew."""
    counts: dict[tuple[str, int], int] = {}
    records: list[Record] = []
    for _, key, index, *rest in (record for log in logs for record in log):
        number = counts.get((key, index), 0)
        counts[key, index] = number + 1
        records.append((number, key, index, *rest))
    return records


def systemd(key: str = "pcr", index: int = 11) -> list[Record]:
    """Two phases of a boot."""
    words = (b"enter-initrd", b"leave-initrd")
    return [(number, key, index, digests(word, "sha256"), 9, word) for number, word in enumerate(words)]


def separators(count: int = 3) -> list[Record]:
    """A separator on each of the first PCRs."""
    return [(0, "pcr", index, digests(bytes(4), "sha1", "sha256"), 5, (4, bytes(4))) for index in range(count)]


def samples() -> dict[str, bytes]:
    """Every sample by its path in this folder."""
    boot = of_tcg2((HERE / "tcg2" / "ovmf.bin").read_bytes())
    guest = of_tcg2((HERE / "ccel" / "ovmf-tdx.bin").read_bytes())
    return {**_tlv(boot, guest), **_cbor(boot, guest), **_json(boot, guest), **_bad()}


def _tlv(boot: list[Record], guest: list[Record]) -> dict[str, bytes]:
    libcel = tlv(0, b"\0") + tlv(1, least(4061113)) + tlv(2, bytes(range(16))) + tlv(3, b"enter-initrd")
    several = [(2, None), (0x80, 1234567890), (0x81, 2)]
    container = b"\xff\xfe measured by another draft"
    one, two, three = separators()
    return {
        "cel-tlv/ovmf.tlv": b"".join(map(record_tlv, boot)),
        "cel-tlv/minimal.tlv": b"".join(record_tlv(each, (1, 1, 1)) for each in boot[:12]),
        "cel-tlv/google-widths.tlv": b"".join(record_tlv(each, (8, 1, 4)) for each in boot[:12]),
        "cel-tlv/ovmf-tdx.tlv": b"".join(record_tlv((n, "ccmr", *rest)) for n, _, *rest in guest),
        "cel-tlv/ovmf-tdx-as-pcrs.tlv": b"".join(map(record_tlv, guest)),
        "cel-tlv/cos.tlv": b"".join(record_tlv(each, (8, 1, 4)) for each in cos()),
        "cel-tlv/cos-host.tlv": b"".join(record_tlv(each, (8, 1, 4)) for each in cos_host()),
        "cel-tlv/management.tlv": b"".join(record_tlv(each, (1, 1, 1)) for each in management()),
        "cel-tlv/management-list.tlv": record_tlv((0, "pcr", 0, digests(b"", "sha256"), 4, several)),
        "cel-tlv/ima.tlv": b"".join(map(record_tlv, ima())),
        "cel-tlv/ima-tlv.tlv": b"".join(map(record_tlv, ima_tlv())),
        "cel-tlv/systemd.tlv": b"".join(map(record_tlv, systemd())),
        "cel-tlv/systemd-libcel.tlv": record_tlv((0, "pcr", 11, digests(b"enter-initrd", "sha256"), 11, libcel)),
        "cel-tlv/systemd-not-text.tlv": record_tlv((0, "pcr", 11, digests(container, "sha256"), 9, container)),
        "cel-tlv/nv-index.tlv": b"".join(map(record_tlv, systemd("nv_index", 0x01D10200))),
        "cel-tlv/mixed-indices.tlv": b"".join(map(record_tlv, separators() + systemd("nv_index", 0x01D10200))),
        "cel-tlv/swapped-fields.tlv": record_tlv(one) + record_tlv(two, swapped=True) + record_tlv(three),
        "cel-tlv/odd-widths.tlv": record_tlv(one, (3, 2, 4)) + record_tlv(two, (8, 4, 8)) + record_tlv(three),
        "cel-tlv/unknown-type.tlv": record_tlv((0, "pcr", 9, digests(b"a", "sha256"), 222, b"nobody knows")),
        "cel-tlv/global-numbers.tlv": b"".join(
            record_tlv((number, *each[1:])) for number, each in enumerate(separators(), 1)
        ),
    }


def _cbor(boot: list[Record], guest: list[Record]) -> dict[str, bytes]:
    named = {
        "recnum": 0,
        "pcr": 0,
        "digests": [{"hashAlg": "sha256", "digest": hashlib.sha256(bytes(4)).digest()}],
        "content_type": 5,
        "content": {"event_type": "EV_SEPARATOR", "event_data": bytes(4)},
    }
    one, two, three = (record_map(each) for each in separators())
    event = {0: 0, 1: 0, 3: [{0: 11, 1: hashlib.sha256(b"event").digest()}], 9: 200, 10: {0: 0, 1: b"event"}}
    backwards = b"\xa5" + b"".join(cbor(key) + cbor(two[key]) for key in (10, 9, 3, 1, 0))
    wide = cbor(three).replace(b"\xa5\x00\x00\x01\x02", b"\xa5\x00\x18\x00\x01\x19\x00\x02", 1)
    return {
        "cel-cbor/ovmf.cbor": cbor([record_map(each) for each in boot]),
        "cel-cbor/ovmf-tdx.cbor": cbor([record_map(each) for each in guest]),
        "cel-cbor/sequence.cbor": cbor(one) + cbor(two) + cbor(three),
        "cel-cbor/record.cbor": cbor(one),
        "cel-cbor/indefinite.cbor": b"\x9f" + cbor(one) + cbor(two) + b"\xff",
        "cel-cbor/not-deterministic.cbor": b"\x83" + cbor(one) + backwards + wide,
        "cel-cbor/names.cbor": cbor([named]),
        "cel-cbor/self-described.cbor": b"\xd9\xd9\xf7" + cbor([one]),
        "cel-cbor/encoded.cbor": b"\xd8\x18" + cbor(cbor([one, two])),
        "cel-cbor/encoded-records.cbor": b"\x82" + cbor(one) + b"\xd8\x18" + cbor(cbor(two)),
        "cel-cbor/cos-host.cbor": cbor([record_map(each) for each in cos_host()]),
        "cel-cbor/cos.cbor": cbor([record_map((n, "ccmr", *rest)) for n, _, *rest in cos()]),
        "cel-cbor/unknown-type.cbor": cbor([event]),
        "cel-cbor/management.cbor": cbor([record_map(each) for each in management()]),
        "cel-cbor/ima.cbor": cbor([record_map(each) for each in together(ima(), ima_tlv(), systemd())]),
    }


def _json(boot: list[Record], guest: list[Record]) -> dict[str, bytes]:
    first = [record_object(each) for each in separators()]
    spelled = [dict(each, recnum=number) for number, each in enumerate(first, 1)]
    spelled[0]["content"] = {"event_type": "ev_separator", "event_data": "00000000"}
    spelled[0]["content_type"] = 5
    spelled[1]["content"] = {"event_type": "4", "event_data": "00000000"}
    spelled[1]["digests"] = [{"hashAlg": "SHA-256", "digest": hashlib.sha256(bytes(4)).hexdigest().upper()}]
    spelled[2]["digests"] = [{"hashAlg": 11, "digest": hashlib.sha256(bytes(4)).hexdigest()}]
    spelled[2]["content"] = {"event_type": 4, "event_data": "00000000"}
    word = {"string": "os-separator", "bootId": bytes(range(16)).hex(), "timestamp": 1515761, "eventType": "phase"}
    value = {"hashAlg": "sha256", "digest": hashlib.sha256(b"os-separator").hexdigest()}
    phases = [
        {"recnum": 0, "pcr": 11, "digests": [value], "content_type": "systemd", "content": word},
        {
            "recnum": 0,
            "pcr": 15,
            "digests": [value],
            "content_type": "systemd",
            "content": b"os-separator".hex(),
        },
    ]
    extended = {"hashAlg": "sha384", "digest": hashlib.sha384(b"os-separator").hexdigest()}
    guest_rtmr = {"recnum": 0, "rtmr": 2, "digests": [extended], "content_type": "systemd", "content": word}
    tss2 = {"recnum": 0, "pcr": 16, "digests": [value], "content_type": "tss2", "content": {"data": "00", "event": [1]}}
    untyped = {"recnum": 1, "pcr": 16, "digests": [value]}
    older = {"recnum": 2, "pcr": 16, "digests": [value], "type": "ima_template", "sub_event": {}}
    older["sub_event"] = {"template_name": "ima-ng", "template_value": _field(b"sha1:\0" + bytes(20)).hex()}
    host = [
        {
            "recnum": number,
            key: index,
            "digests": [{"hashAlg": "sha256", "digest": values[0][1].hex()}],
            "content_type": kind,
            "content": content.hex(),
        }
        for number, key, index, values, kind, content in cos_host()
    ]
    return {
        "cel-json/ovmf.json": lines(boot),
        "cel-json/cos-host.json": b"[\n" + b",\n".join(map(compact, host)) + b"\n]\n",
        "cel-json/ovmf-tdx.json": lines(guest),
        "cel-json/sequence.json": b"".join(b"\x1e" + compact(each) + b"\n" for each in first),
        "cel-json/lines.json": b"".join(compact(each) + b"\n" for each in first),
        "cel-json/record.json": compact(first[0]),
        "cel-json/spellings.json": json.dumps(spelled, indent=2).encode(),
        "cel-json/systemd.json": b"[\n" + b",\n".join(map(compact, phases)) + b"\n]\n",
        "cel-json/rtmr.json": compact([guest_rtmr]),
        "cel-json/not-defined.json": compact([tss2, untyped, older]),
        "cel-json/trailing-comma.json": b"[" + compact(first[0])[:-1] + b", },\n// the end\n]",
        "cel-json/management.json": lines(management()),
        "cel-json/ima.json": lines(together(ima(), ima_tlv())),
    }


def _bad() -> dict[str, bytes]:
    one = separators(1)[0]
    good = record_tlv(one)
    object_ = compact(record_object(one))
    map_ = cbor(record_map(one))
    little = struct.pack("<BII", 0, 4, 0) + struct.pack("<BII", 1, 4, 10) + struct.pack("<BI", 2, 0)
    extra = tlv(1, tlv(0, b"\1") + tlv(1, b"\0") + b"\0")
    bomb = tlv(0, b"\0") + tlv(1, b"\0") + tlv(3, tlv(11, b"") * 65536) + tlv(5, b"")
    nested = b'[{"recnum":0,"pcr":0,"digests":[],"content_type":"x","content":' + b"[" * 20000
    return {
        "bad/cel-cut.tlv": good + good[:-3],
        "bad/cel-little-endian.tlv": little,
        "bad/cel-integer-of-9.tlv": good + tlv(0, bytes(9)) + good[9:],
        "bad/cel-length-4g.tlv": good + tlv(0, b"\0") + tlv(1, b"\0") + b"\x03\xff\xff\xff\xff",
        "bad/cel-digest-bomb.tlv": good + bomb,
        "bad/cel-extra-byte.tlv": tlv(0, b"\0") + tlv(1, b"\0") + tlv(3, b"") + tlv(4, extra),
        "bad/cel-key-twice.cbor": b"\x82" + map_ + b"\xa6\x00\x01" + map_[1:],
        "bad/cel-cut.cbor": cbor([record_map(one)] * 2)[:-9],
        "bad/cel-nested.cbor": b"\x82" + map_ + b"\x81" * 100000,
        "bad/cel-length-4g.cbor": b"\x82" + map_ + b"\xa5\x00\x01\x01\x00\x03\x9a\xff\xff\xff\xff",
        "bad/cel-two-registers.cbor": b"\x82" + map_ + cbor({**record_map(one), 2: 0x01D10200}),
        "bad/cel-key-twice.json": b"[" + object_ + b',{"recnum":1,"recnum":2' + object_[11:] + b"]",
        "bad/cel-cut.json": lines([one, one])[:-40],
        "bad/cel-nested.json": nested,
        "bad/cel-no-digests.json": compact([{**record_object(one), "digests": []}]),
        "bad/cel-no-hex.json": compact(
            [record_object(one), {**record_object(one), "digests": [{"hashAlg": "sha256", "digest": "0x00"}]}]
        ),
        "bad/cel-event-type.json": compact(
            [{**record_object(one), "content": {"event_type": "Unknown event type", "event_data": ""}}]
        ),
    }


if __name__ == "__main__":
    for name, data in samples().items():
        path = HERE / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
