"""Write the synthetic samples of what other tools print of a log, one peculiarity each.

The texts come from the tools' sources, made here with `json`, `base64` and format strings and never by evlog. Run
``python samples/make_reports.py`` to write them again; a test holds the files equal to what this makes. What
tpm2_eventlog prints is not made here: its samples are the tool's own output.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from pathlib import Path
from typing import Any

ALGORITHMS = {"sha1": 0x4, "sha256": 0xB, "sha384": 0xC, "sha512": 0xD}
SEPARATOR, ACTION, IPL, VARIABLE, NO_ACTION = 0x4, 0x80000007, 0xD, 0x80000001, 0x3
GLOBAL = bytes.fromhex("61dfe48bca93d211aa0d00e098032b8c")


def hashed(data: bytes, bank: str) -> str:
    return hashlib.new(bank, data).hexdigest()


def folded(digests: list[str], bank: str, start: int = 0) -> str:
    """What a register is after these digests; ``start`` is the last byte that it begins with."""
    size = hashlib.new(bank).digest_size
    value = bytes(size - 1) + bytes([start])
    for digest in digests:
        value = hashlib.new(bank, value + bytes.fromhex(digest)).digest()
    return value.hex()


def variable(name: str, value: bytes) -> bytes:
    return GLOBAL + struct.pack("<QQ", len(name), len(value)) + name.encode("utf-16-le") + value


#: The events of a TD: CC measurement register, type, data, what its digest is of.
TD = (
    (1, VARIABLE, variable("SecureBoot", b"\1"), None),
    (1, SEPARATOR, bytes(4), None),
    (2, 0x80000003, bytes(32), b"an image that is not in the log"),
    (2, ACTION, b"Exit Boot Services Returned with Success", None),
    (3, IPL, b"grub_cmd: set root=hd0\0", b"set root=hd0"),
)
NAMES = {
    VARIABLE: "EV_EFI_VARIABLE_DRIVER_CONFIG",
    SEPARATOR: "EV_SEPARATOR",
    0x80000003: "EV_EFI_BOOT_SERVICES_APPLICATION",
    ACTION: "EV_EFI_ACTION",
    IPL: "EV_IPL",
    NO_ACTION: "EV_NO_ACTION",
}


def td_digest(data: bytes, covered: bytes | None) -> str:
    return hashed(data if covered is None else covered, "sha384")


# systemd-pcrlock: a table of records, and one of registers.


def pcrlock(bank: str = "sha256") -> dict[str, Any]:
    """Records of a boot and of systemd, one with a type that has no name, one without a digest in the second bank."""
    banks = (bank, "sha384")
    firmware = [
        (0, "s-crtm-version", b"1.19", None),
        (7, "efi-variable-driver-config", variable("SecureBoot", b"\1"), "Variable: SecureBoot"),
        (4, "efi-action", b"Calling EFI Application from Boot Option", None),
        *((pcr, "separator", bytes(4), None) for pcr in range(8)),
        (14, 0x8000CAFE, b"what nobody has a name for", None),
        (15, "8000cafe", b"the same as other versions print it", None),
    ]
    rows = [
        {
            "pcr": pcr,
            "pcrname": f"name-{pcr}",
            "event": event,
            "match": True if event == "separator" else None,
            **{each: hashed(data, each) for each in banks},
            "phase": "F",
            "source": "binary_bios_measurements",
            "component": "500-separator" if event == "separator" else None,
            "description": description,
        }
        for pcr, event, data, description in firmware
    ]
    for event, word, component in (("phase", "enter-initrd", "750-enter-initrd"), ("machine-id", "x", None)):
        text = word if event == "phase" else "machine-id:0123"
        rows.append(
            {
                "pcr": 11,
                "pcrname": "kernel-boot",
                "event": event,
                "match": event == "phase",
                bank: hashed(text.encode(), bank),
                "sha384": hashed(text.encode(), "sha384") if event == "phase" else None,
                "phase": "U",
                "source": "tpm2-measure.log",
                "component": component,
                "description": f"String: {word}",
            }
        )
    pcrs = []
    for pcr in range(24):
        values: dict[str, object] = {}
        for kind in ("calculated", "observed"):
            for each in banks:
                told = [str(row[each]) for row in rows if row["pcr"] == pcr and row[each] is not None]
                values[f"{kind}{each.upper()}"] = folded(told, each)
        count = sum(row["pcr"] == pcr for row in rows)
        pcrs.append(
            {"pcr": pcr, "pcrname": f"name-{pcr}", "count": count or None, "hashMatchesEventLog": True, **values}
        )
    return {"log": rows, "pcrs": pcrs}


# Intel Trust Authority, CCNP and trustee: a TD's events.


def ita() -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = []
    for index in (1, 2, 3):
        events = []
        for register, event_type, data, covered in TD:
            if register == index:
                tags = {"tags": ["SecureBoot"]} if event_type == VARIABLE else {}
                told = {"type_id": f"{event_type:#x}", "type_name": NAMES[event_type], **tags}
                events.append({**told, "measurement": td_digest(data, covered)})
        groups.append({"rtmr": {"index": index, "bank": "SHA384"}, "rtmr_events": events})
    return groups


def record(register: int, event_type: int, digest: str, data: bytes) -> bytes:
    head = struct.pack("<IIIH", register, event_type, 1, ALGORITHMS["sha384"]) + bytes.fromhex(digest)
    return head + struct.pack("<I", len(data)) + data


def spec_id() -> bytes:
    told = b"Spec ID Event03\0" + struct.pack("<IBBBBIHHB", 0, 0, 2, 0, 2, 1, ALGORITHMS["sha384"], 48, 0)
    return struct.pack("<II20sI", 1, NO_ACTION, bytes(20), len(told)) + told


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def ccnp(*, header: bool = True) -> dict[str, Any]:
    """Go's JSON of the service. Without ``header`` the one that stands there is of a later EV_NO_ACTION event."""
    events = []
    for register, event_type, data, covered in TD:
        digest = td_digest(data, covered)
        whole = record(register, event_type, digest, data)
        events.append(
            {
                "Rtmr": register - 1,
                "Etype": event_type,
                "DigestCount": 1,
                "Digests": [f"[{' '.join(map(str, bytes.fromhex(digest)))}]"],
                "Data": b64(whole),
                "Event": b64(data),
                "Length": len(whole),
                "EventSize": len(data),
                "AlgorithmId": ALGORITHMS["sha384"],
            }
        )
    first = spec_id() if header else record(0, NO_ACTION, "00" * 48, b"SP800-155 Event\0")
    told = {"Address": 0, "Length": len(first), "HeaderData": b64(first), "Rtmr": 0 if header else 0xFFFFFFFF}
    return {"Header": {**told, "Etype": 3, "DigestCount": 0, "DigestSizes": {"12": 48}}, "EventLogs": events}


def trustee() -> list[dict[str, object]]:
    return [
        {
            "details": {"string": "words"} if event_type in (ACTION, IPL) else {},
            "digest_matches_event": covered is None,
            "digests": [{"alg": "SHA-384", "digest": td_digest(data, covered)}],
            "event": b64(data),
            "index": register,
            "type_name": NAMES[event_type],
        }
        for register, event_type, data, covered in TD
    ]


# coreboot: its own log, on stdout and on the console; logs in TCG's form.

OWN = ((2, "FMAP: FMAP"), (2, "CBFS: bootblock"), (2, "FMAP: COREBOOT CBFS: fallback/romstage"), (1, "GBB flags"))


def own(bank: str) -> list[str]:
    return [f" PCR-{pcr} {hashed(name.encode(), bank)} {bank.upper()} [{name}]" for pcr, name in OWN]


def console() -> str:
    """Two listings in one boot, the second longer; levels before lines, and others among them."""
    rows = own("sha256")
    lines = ["", "", "[NOTE ]  coreboot-4.22 romstage starting (log level: 7)..."]
    for part in (rows[:2], rows):
        lines += ["[INFO ]  coreboot TPM log measurements:", ""]
        for row in part:
            lines += [f"[INFO ] {row}", "[DEBUG]  something that another processor says"][: 2 if row == rows[1] else 1]
        lines += ["", "[DEBUG]  BS: BS_PRE_DEVICE run times (exec / console): 0 / 1 ms"]
    return "\n".join(lines) + "\n"


TCG = (
    (0, "S-CRTM version", b"coreboot-4.22\0", "coreboot-4.22"),
    (2, "Action", b"", None),
    (4, "Separator", b"\xff\xff\xff\xff", "ffffffff"),
    (2, "Event tag", b"\1\2\3", "\1"),
    (7, "Unknown (0x80000001 >= 19)", b"two\nlines", "two\nlines"),
    (0, "No action", b"note", "note"),
)


def tcg(kind: str, *banks: str) -> str:
    lines = [f"{kind} log:", "\tSpecification: 2.00", "\tPlatform class: PC Client"]
    for number, (pcr, name, data, shown) in enumerate(TCG, 1):
        lines += [f"{kind} log entry {number}:", f"\tPCR: {pcr}", f"\tEvent type: {name}"]
        if kind == "TCPA":
            lines.append(f"\tDigest: {hashed(data, 'sha1')}")
        else:
            lines += ["\tDigests:", *(f"\t\t {bank.upper()}: {hashed(data, bank)}" for bank in banks)]
        lines.append("\tEvent data not provided" if shown is None else f"\tEvent data: {shown}")
    return "\n".join(lines) + "\n"


# The kernel's tracepoints.


def trace(*, perf: bool = False, forgotten: bool = False) -> str:
    """Registers that are read before they are extended and after; one that another road extends (its alias)."""
    point = "tsm_mr:tsm_mr_" if perf else "tsm_mr_"
    values = {"rtmr1": bytes(48).hex(), "rtmr2": hashed(b"before", "sha384")}
    lines = []
    if not perf:
        lines = ["# tracer: nop", "#", "# entries-in-buffer/entries-written: 12/12   #P:2", "#"]
        lines += [
            "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION",
            "#              | |         |   |||||     |         |",
        ]
    seconds = 6.0

    def line(operation: str, name: str, value: str) -> None:
        nonlocal seconds
        seconds += 0.25
        lines.append(f"    my agent [x]-148     [000] .l...  {seconds:.6f}: {point}{operation}: [{name}] {value}")

    for name, value in values.items():
        line("read", name, f"sha384:{value}")
    line("refresh", "rtmr1", "succeeded:0")
    for name, data in (("rtmr1", b"one"), ("rtmr2", b"two"), ("rtmr1", b"three")):
        digest = hashed(data, "sha384")
        values[name] = hashed(bytes.fromhex(values[name] + digest), "sha384")
        line("write", name, f"sha384:{digest}")
    for name, value in values.items():
        line("read", name, f"sha384:{value}")
    line("read", "mrtd", f"sha384:{hashed(b'td', 'sha384')}")
    line("read", "rtmr_crypto_agile", f"sha384:{bytes(48).hex()}")
    line("read", "rtmr_crypto_agile", f"sha384:{values['rtmr1']}")
    line("write", "report", f"sha256:{hashed(b'four', 'sha256')}")
    if forgotten:
        line("read", "rtmr1", f"sha384:{hashed(b'elsewhere', 'sha384')}")
    return "\n".join(lines) + "\n"


def text(document: object, indent: int | None = None) -> bytes:
    return json.dumps(document, indent=indent).encode() + b"\n"


def samples() -> dict[str, bytes]:
    """The files by their path under samples/."""
    whole = text(pcrlock())
    return {
        "pcrlock-json/two-banks.json": text(pcrlock(), 1),
        "ita-json/rtmrs.json": text(ita()),
        "ccnp-json/records.json": text(ccnp()),
        "ccnp-json/members.json": text(ccnp(header=False)),
        "trustee-json/list.json": text(trustee()),
        "trustee-json/claims.json": text({"uefi_event_logs": trustee()}, 2),
        "cbmem-text/own.txt": "\n".join(["coreboot TPM log:", "", *own("sha1")]).encode() + b"\n",
        "cbmem-text/console.txt": console().encode(),
        "cbmem-text/tcpa.txt": tcg("TCPA").encode(),
        "cbmem-text/tpm2.txt": tcg("TPM2", "sha1", "sha256").encode(),
        "tsm-trace/trace.txt": trace().encode(),
        "tsm-trace/perf-script.txt": trace(perf=True).encode(),
        "bad/tpm2-yaml-no-register.yaml": b"version: 1\nevents:\n- EventNum: 0\n  EventType: EV_SEPARATOR\n",
        "bad/pcrlock-cut.json": whole[:1500],
        "bad/pcrlock-no-rows.json": text({**pcrlock(), "log": []}),
        "bad/ita-index-5.json": text([*ita(), {"rtmr": {"index": 5, "bank": "SHA384"}, "rtmr_events": []}]),
        "bad/ccnp-register.json": text(ccnp()).replace(b'"Rtmr": 2, "Etype": 13', b'"Rtmr": 7, "Etype": 13'),
        "bad/trustee-no-hex.json": text(trustee()).replace(b'"digest": "', b'"digest": "x', 1),
        "bad/cbmem-damaged.txt": ("\n".join(["coreboot TPM log:", "", *own("sha1")])[:-30] + "\n").encode(),
        "bad/tsm-trace-lost.txt": trace(forgotten=True).replace("12/12", "12/40").encode(),
    }


if __name__ == "__main__":
    for name, data in samples().items():
        (Path(__file__).parent / name).write_bytes(data)
