"""Write the synthetic samples: logs with one peculiarity each that our virtual machines do not have.

The bytes come from the layouts of the specifications (TCG PC Client Platform Firmware Profile 1.06, section 10; UEFI
2.10, section 38), packed here with `struct` and never by evlog, so that evlog cannot agree with its own mistakes.
Run ``python samples/make.py`` to write them again; a test holds the files equal to what this makes.
"""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

from cryptography.hazmat.primitives import hashes

SHA1, SHA256, SHA384, SHA512, SM3_256, SHA3_256 = 0x0004, 0x000B, 0x000C, 0x000D, 0x0012, 0x0027
SIZES = {SHA1: 20, SHA256: 32, SHA384: 48, SHA512: 64, SM3_256: 32, SHA3_256: 32, 0x7F01: 24}

EV_NO_ACTION, EV_SEPARATOR, EV_ACTION, EV_S_CRTM_VERSION = 3, 4, 5, 8
EV_EFI_ACTION, EV_EFI_HCRTM_EVENT = 0x80000007, 0x80000010
EVTYPE_HASH_START, TB_MEASUREMENT, SLAUNCH, SLAUNCH_START, SLAUNCH_END = 0x402, 0x501, 0x502, 0x503, 0x504
GOOGLE_DRTM = 0x10000000
SEPARATOR = bytes(4)
VERSION = "sample 1.0\0".encode("utf-16-le")
EXIT = b"Exit Boot Services Invocation"


def digest(alg: int, data: bytes) -> bytes:
    """What the log records; an algorithm that nobody knows gets a digest that is no hash of anything."""
    names = {SHA1: "sha1", SHA256: "sha256", SHA384: "sha384", SHA512: "sha512", SHA3_256: "sha3_256"}
    if alg in names:
        return hashlib.new(names[alg], data).digest()
    if alg == SM3_256:
        sm3 = hashes.Hash(hashes.SM3())
        sm3.update(data)
        return sm3.finalize()
    return hashlib.sha512(data).digest()[: SIZES[alg]]


def event1(pcr: int, kind: int, data: bytes, value: bytes | None = None, order: str = "<") -> bytes:
    """TCG_PCClientPCREvent."""
    if value is None:
        value = bytes(20) if kind == EV_NO_ACTION else digest(SHA1, data)
    return struct.pack(f"{order}II20sI", pcr, kind, value, len(data)) + data


def event2(index: int, kind: int, data: bytes, algs: tuple[int, ...] = (SHA1, SHA256)) -> bytes:
    """TCG_PCR_EVENT2, or CC_EVENT."""
    digests = b"".join(
        struct.pack("<H", alg) + (bytes(SIZES[alg]) if kind == EV_NO_ACTION else digest(alg, data)) for alg in algs
    )
    return struct.pack("<III", index, kind, len(algs)) + digests + struct.pack("<I", len(data)) + data


def spec_id3(algs: tuple[int, ...] = (SHA1, SHA256), vendor: bytes = b"", uintn: int = 2, errata: int = 105) -> bytes:
    """The data of a Spec ID Event03."""
    table = b"".join(struct.pack("<HH", alg, SIZES[alg]) for alg in algs)
    head = struct.pack("<16sIBBBBI", b"Spec ID Event03", 0, 0, 2, errata, uintn, len(algs))
    return head + table + bytes([len(vendor)]) + vendor


def spec_id1(version: int, uintn: int = 0, vendor: bytes = b"") -> bytes:
    """The data of a Spec ID Event00 or Event02."""
    head = struct.pack("<16sIBBBB", b"Spec ID Event%02d" % version, 0, 2, 1, 2, uintn)
    return head + bytes([len(vendor)]) + vendor


def locality(number: int) -> bytes:
    """The data of a StartupLocality event."""
    return b"StartupLocality\0" + bytes([number])


def boot1(order: str = "<") -> bytes:
    """A few SHA-1 records of a boot."""
    return (
        event1(0, EV_S_CRTM_VERSION, VERSION, order=order)
        + b"".join(event1(pcr, EV_SEPARATOR, SEPARATOR, order=order) for pcr in range(8))
        + event1(5, EV_EFI_ACTION, EXIT, order=order)
    )


def boot2(algs: tuple[int, ...] = (SHA1, SHA256)) -> bytes:
    """A few crypto-agile records of a boot."""
    return (
        event2(0, EV_S_CRTM_VERSION, VERSION, algs)
        + b"".join(event2(pcr, EV_SEPARATOR, SEPARATOR, algs) for pcr in range(8))
        + event2(5, EV_EFI_ACTION, EXIT, algs)
    )


def agile(*records: bytes, algs: tuple[int, ...] = (SHA1, SHA256), index: int = 0, **header: object) -> bytes:
    """A crypto-agile log: the header, then the records."""
    return event1(index, EV_NO_ACTION, spec_id3(algs, **header)) + b"".join(records)  # type: ignore[arg-type]


def secure_launch(start: bytes | None = None, end: bytes | None = None) -> bytes:
    """Records of a launch as Linux logs it: markers have the hash of nothing, and extend nothing."""
    return (
        event2(17, EVTYPE_HASH_START, b"hash start")
        + (event2(17, SLAUNCH_START, b"") if start is None else start)
        + event2(18, SLAUNCH, b"Measured boot parameters")
        + event2(17, SLAUNCH, b"Measured Kernel initrd")
        + (event2(17, SLAUNCH_END, b"") if end is None else end)
    )


def td_boot(alg: int = SHA384) -> bytes:
    """A few records of a confidential VM's boot, on measurement registers."""
    algs = (alg,)
    return (
        event2(1, 0x80000001, b"SecureBoot, as a variable would be", algs)
        + event2(1, EV_SEPARATOR, SEPARATOR, algs)
        + event2(2, EV_SEPARATOR, SEPARATOR, algs)
        + event2(3, 0x0000000D, b"kernel_cmdline: quiet\0", algs)
        + event2(2, EV_EFI_ACTION, EXIT, algs)
    )


def document() -> bytes:
    """A log as evlog's own JSON, with what no other format can hold together."""
    return (
        json.dumps(
            {
                "schema": "evlog.log/1",
                "format": "tcg2",
                "platform": "tpm",
                "algorithms": ["sha256", "0x7f01"],
                "digest_sizes": {"0x7f01": 24},
                "header": {"format": "sample", "options": {"name": "text", "count": 7, "raw": {"hex": "00ff"}}},
                "padding": {"fill": 255, "length": 16},
                "trailing": "c0ffee",
                "start": [{"register": "pcr:16", "alg": "sha256", "value": "11" * 32}],
                "events": [
                    {
                        "number": 0,
                        "offset": 4096,
                        "length": 120,
                        "register": "pcr:16",
                        "label": "PCR[16]",
                        "recnum": 3,
                        "measured": True,
                        "digests": [{"alg": "sha256", "digest": "22" * 32}, {"alg": "0x7f01", "digest": "33" * 24}],
                        "content": {
                            "kind": "pcclient",
                            "event_type": 5,
                            "event_type_name": "EV_ACTION",
                            "data": "6120746573740a",
                        },
                        "origin": {"log": "elsewhere", "format": "tcg2"},
                        "wire": "as found",
                    },
                    {
                        "number": 1,
                        "offset": None,
                        "length": None,
                        "register": "mr:runtime",
                        "label": "runtime",
                        "recnum": None,
                        "measured": True,
                        "digests": [],
                        "content": {"kind": "opaque", "type": "vendor", "data": "00"},
                    },
                    {
                        "number": 2,
                        "offset": None,
                        "length": None,
                        "register": "nv:0x01c40200",
                        "label": "NV[0x01c40200]",
                        "recnum": None,
                        "measured": True,
                        "digests": [{"alg": "sha256", "digest": "44" * 32}],
                        "content": {"kind": "opaque", "type": 200, "data": ""},
                    },
                ],
                "findings": [
                    {"code": "sample", "severity": "note", "event": 1, "offset": 4216, "message": "a note of before"}
                ],
            },
            indent=1,
        ).encode()
        + b"\n"
    )


def samples() -> dict[str, bytes]:
    """Every synthetic sample by its path in this folder."""
    sha256, sha384 = (SHA256,), (SHA384,)
    # What some kernels make of the markers: EV_NO_ACTION with the digests that were there.
    handled = event2(17, SLAUNCH_END, b"").replace(struct.pack("<I", SLAUNCH_END), struct.pack("<I", EV_NO_ACTION), 1)
    odd = (SHA256, 0x7F01)
    trust_point = b"\x04\x00\x01\xc0" + struct.pack("<I", 8) + b"a quote."
    coreboot_locality = locality(3).ljust(50, b"\0")
    good = agile(boot2())
    return {
        "tcg1/launch-markers.bin": boot1()
        + event1(17, SLAUNCH_START, b"", bytes(20))
        + event1(17, SLAUNCH, b"Measured Kernel initrd")
        + event1(17, SLAUNCH_END, b"", bytes(20)),
        "tcg1/event00.bin": event1(0, EV_NO_ACTION, spec_id1(0)) + boot1(),
        "tcg1/event02-uintn1-vendor.bin": event1(0, EV_NO_ACTION, spec_id1(2, 1, b"vendor")) + boot1(),
        "tcg1/no-header.bin": boot1(),
        "tcg1/locality-first.bin": event1(0, EV_NO_ACTION, locality(3)) + boot1(),
        "tcg1/big-endian.bin": boot1(">"),
        "tcg1/zero-padding.bin": event1(0, EV_NO_ACTION, spec_id1(2, 2)) + boot1() + bytes(96),
        "tcg2/uintn1.bin": agile(boot2(), uintn=1),
        "tcg2/sha3.bin": agile(boot2((SHA256, SHA3_256)), algs=(SHA256, SHA3_256)),
        "tcg2/unknown-algorithm.bin": agile(boot2(odd), algs=odd),
        "tcg2/undeclared-algorithm.bin": agile(boot2(), event2(5, EV_ACTION, b"more", (SHA1, SHA256, SHA384))),
        "tcg2/permuted-digests.bin": agile(
            boot2((SHA256, SHA1)), event2(4, EV_ACTION, b"a"), event2(4, EV_ACTION, b"b", (SHA256, SHA1))
        ),
        "tcg2/fewer-digests.bin": agile(boot2(), event2(6, EV_ACTION, b"one bank only", (SHA256,))),
        "tcg2/no-digests.bin": agile(boot2(), event2(6, EV_ACTION, b"no bank at all", ())) + bytes(64),
        "tcg2/ff-padding.bin": good + b"\xff" * 300,
        "tcg2/zero-padding.bin": good + bytes(300),
        "tcg2/padding-then-bytes.bin": good + b"\xff" * 40 + b"left over from an earlier boot",
        "tcg2/vendor-info-cut.bin": event1(0, EV_NO_ACTION, spec_id3(vendor=b"0123456789")[:-4]) + boot2(),
        "tcg2/locality-0.bin": agile(event2(0, EV_NO_ACTION, locality(0)), boot2()),
        "tcg2/locality-3.bin": agile(event2(0, EV_NO_ACTION, locality(3)), boot2()),
        "tcg2/locality-padded.bin": agile(event2(0, EV_NO_ACTION, coreboot_locality), boot2()),
        "tcg2/h-crtm.bin": agile(
            event2(0, EV_NO_ACTION, locality(4)), event2(0, EV_EFI_HCRTM_EVENT, b"HCRTM"), boot2()
        ),
        "tcg2/dynamic-launch.bin": agile(
            boot2(),
            event2(17, EVTYPE_HASH_START, b"hash start"),
            event2(18, 0x404, b"mle"),
            event2(23, EV_ACTION, b"x"),
        ),
        "tcg2/launch-markers.bin": agile(secure_launch()) + bytes(100),
        "tcg2/launch-markers-cut.bin": agile(secure_launch(end=b"")),
        "tcg2/launch-markers-handled.bin": agile(secure_launch(handled, handled)),
        "tcg2/launch-policy-only.bin": agile(event2(19, TB_MEASUREMENT, b""), event2(20, EV_ACTION, b"a policy")),
        "tcg2/google-host.bin": agile(
            event2(0, EV_EFI_HCRTM_EVENT, b"HCRTM", sha256),
            event2(17, GOOGLE_DRTM, b"DRTM", sha256),
            event2(21, EV_ACTION, b"the host's kernel", sha256),
            *(event2(pcr, EV_SEPARATOR, SEPARATOR, sha256) for pcr in (0, 17, 21)),
            algs=sha256,
        ),
        "tcg2/pcr17-without-launch.bin": agile(boot2(), event2(17, EV_ACTION, b"an application")),
        "tcg2/trust-point.bin": agile(boot2(), event2(0xFFFFFFFF, EV_NO_ACTION, trust_point), event2(11, 12, b"\x01")),
        "tcg2/nv-index.bin": agile(boot2(), event2(0x01C40200, EV_NO_ACTION, b"NvIndexInstance\0" + bytes(8))),
        "tcg2/sha384-only.bin": agile(boot2(sha384), algs=sha384),
        "ccel/ovmf-tdx.bin": agile(td_boot(), algs=sha384, index=1) + b"\xff" * 200,
        "ccel/td-shim.bin": agile(td_boot(), algs=sha384, vendor=b"td-shim\0") + bytes(200),
        "ccel/index-0-header.bin": agile(td_boot(), algs=sha384),
        "ccel/csv-sm3.bin": agile(td_boot(SM3_256), algs=(SM3_256,)),
        "ccel/zero-signature.bin": event1(1, EV_NO_ACTION, bytes(16) + spec_id3(sha384)[16:]) + td_boot(),
        "ccel/mrtd-event.bin": agile(event2(0, EV_ACTION, b"into MRTD", sha384), td_boot(), algs=sha384, index=1),
        "evlog-json/everything.json": document(),
        "bad/empty.bin": b"",
        "bad/all-zero.bin": bytes(256),
        "bad/all-ff.bin": b"\xff" * 256,
        "bad/text.bin": b"this is not a log\n" * 8,
        "bad/acpi-ccel.bin": struct.pack("<4sIBB26sBBHQQ", b"CCEL", 56, 1, 0, b"", 2, 0, 0, 0x10000, 0x7FFF0000),
        "bad/cut-record.bin": good[:-5],
        "bad/cut-digest.bin": agile(boot2()[:30]),
        "bad/digest-bomb.bin": agile(boot2(), struct.pack("<III", 0, 5, 0xFFFFFFFF), b"\x04\0"),
        "bad/digests-65.bin": agile(boot2(), event2(0, EV_ACTION, b"many", (SHA1,) * 65)),
        "bad/event-bomb.bin": agile(boot2(), event2(0, EV_ACTION, b"")[:-4], b"\xff\xff\xff\xff", b"short"),
        "bad/algorithm-without-size.bin": agile(boot2(), event2(4, EV_ACTION, b"?", (0x7F01,))),
        "bad/wrong-digest-size.bin": event1(
            0, EV_NO_ACTION, spec_id3((SHA256,)).replace(b"\x0b\0\x20\0", b"\x0b\0\x14\0")
        )
        + struct.pack("<IIIH20sI", 0, EV_ACTION, 1, SHA256, b"\x11" * 20, 4)
        + b"data",
        "bad/no-algorithms.bin": agile(algs=()),
        "bad/tcg1-cut.bin": (event1(0, EV_NO_ACTION, spec_id1(0)) + boot1())[:-7],
        "bad/tcg1-event-bomb.bin": event1(0, EV_NO_ACTION, spec_id1(0)) + struct.pack("<II20sI", 0, 5, b"", 0xFFFFFFF0),
        "bad/evlog-json-padding-bomb.json": document().replace(b'"length": 16', b'"length": 1099511627776'),
        "bad/evlog-json-no-events.json": b'{"schema": "evlog.log/1", "format": "tcg2", "algorithms": []}\n',
        "bad/evlog-json-cut.json": document()[:900],
        "bad/gzip-cut.bin": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
    }


def main() -> None:
    """Write the files beside this script."""
    here = Path(__file__).resolve().parent
    for name, data in samples().items():
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_bytes(data)


if __name__ == "__main__":
    main()
