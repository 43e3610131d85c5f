"""Write the synthetic samples of dstack's event logs: one form or peculiarity each.

The events, and the digests of runtime events by both rules, come from dstack's sources (cc-eventlog) with `hashlib` and
`json`, never from evlog. Run ``python samples/make_dstack.py`` to write them again; a test holds the files equal to
what this makes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

RUNTIME = 0x08000001
GLOBAL = bytes.fromhex("61dfe48bca93d211aa0d00e098032b8c")
ACPI = b"ACPI DATA"
#: Of the names that every guest extends: app id and compose hash are made up, the events without a payload are not.
APP_ID = bytes(20)
COMPOSE = bytes(range(32))
PROVIDER = b'{"name":"kms","id":"00"}'


def h(data: bytes) -> str:
    """SHA-384 of some bytes, in hex."""
    return hashlib.sha384(data).hexdigest()


def first(name: str, payload: bytes) -> bytes:
    """What version 1 hashes."""
    return RUNTIME.to_bytes(4, "little") + b":" + name.encode() + b":" + payload


def second(name: str, payload: bytes) -> bytes:
    """What version 2 hashes: canonical JSON, of which `json` differs in nothing that these names have."""
    members = {"name": name, "payload": payload.hex(), "type": RUNTIME}
    return json.dumps(members, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def variable(name: str) -> bytes:
    """UEFI_VARIABLE_DATA of a variable that was never set."""
    return GLOBAL + len(name).to_bytes(8, "little") + bytes(8) + name.encode("utf-16-le")


def firmware(imr: int, kind: int, data: bytes, *, covered: bytes | None = None, name: str = "") -> dict[str, Any]:
    """An event of the firmware's; the digest covers the data, or something that is not in the log."""
    digest = h(data if covered is None else covered)
    return {"imr": imr, "event_type": kind, "digest": digest, "event": name, "event_payload": data.hex()}


def runtime(name: str, payload: bytes = b"", *, version: int = 1) -> dict[str, Any]:
    """An event of the agent's."""
    covered = (first if version == 1 else second)(name, payload)
    event = {"imr": 3, "event_type": RUNTIME, "digest": h(covered), "event": name, "event_payload": payload.hex()}
    return event if version == 1 else {**event, "version": version, "preimage": covered.hex()}


def boot(*, named: bool = False) -> list[dict[str, Any]]:
    """The boot of a guest: what OVMF, the kernel's stub and the agent extend. Older firmware's tables have names."""
    names = ("acpi-loader", "acpi-rsdp", "acpi-tables") if named else ("", "", "")
    return [
        firmware(0, 0x80000001, variable("SecureBoot")),
        firmware(0, 0x80000001, variable("PK")),
        firmware(0, 4, bytes(4)),
        *(firmware(0, 10, ACPI, covered=b"table %d" % at, name=name) for at, name in enumerate(names)),
        firmware(1, 0x80000003, b"", covered=b"") | {"digest": h(b"the kernel"), "event_payload": "00" * 32},
        firmware(1, 0x80000007, b"Calling EFI Application from Boot Option"),
        firmware(1, 4, bytes(4)),
        firmware(2, 6, bytes.fromhex("ec223b8f0d000000") + b"Linux initrd\0", covered=b"the initrd"),
        firmware(1, 0x80000007, b"Exit Boot Services Invocation"),
        runtime("system-preparing"),
        runtime("app-id", APP_ID),
        runtime("compose-hash", COMPOSE),
        runtime("instance-id", bytes(range(20, 40))),
        runtime("boot-mr-done"),
        runtime("key-provider", PROVIDER),
        runtime("storage-fs", b"zfs"),
        runtime("system-ready"),
    ]


def stripped(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the agent sends of a log: no data of firmware's events but named ones, no digests of its own."""
    kept = []
    for event in events:
        own = event["event_type"] == RUNTIME
        lost = {"digest": ""} if own else {} if event["event"] else {"event_payload": ""}
        kept.append({**event, **lost})
    return kept


def compact(value: Any) -> bytes:
    """JSON as serde writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def indented(value: Any, *, sort: bool = False, end: str = "") -> bytes:
    return (json.dumps(value, indent=1, sort_keys=sort) + end).encode()


def lines(*rows: dict[str, Any], end: str = "\n") -> bytes:
    return b"\n".join(map(compact, rows)) + end.encode()


def line(name: str, payload: bytes = b"", **more: Any) -> dict[str, Any]:
    """A line of the guest's own log."""
    return {"event": name, "payload": base64.b64encode(payload).decode(), **more}


def spellings() -> list[dict[str, Any]]:
    """Members that are absent or unknown, hex in capitals, an explicit version, an EV_NO_ACTION, data of no bytes."""
    upper = firmware(0, 4, bytes(4))
    bare = {"imr": 3, "event_type": RUNTIME, "event": "system-preparing"}
    return [
        {**upper, "digest": upper["digest"].upper(), "event_payload": "0" * 8, "vendor": {"a": [1, 2]}},
        {"imr": 0, "event_type": 3, "event_payload": h(b"")[:16]},
        {"imr": 0, "event_type": 0x80000007, "digest": h(b""), "event": "", "event_payload": ""},
        bare,
        {**runtime("app-id", APP_ID), "version": 1, "preimage": None},
        {key: value for key, value in runtime("without its name", b"x").items() if key != "event"},
    ]


def changed() -> list[dict[str, Any]]:
    """Of each event something else than what was hashed: the payload, the name, the rule, the data."""
    return [
        {**runtime("app-id", APP_ID), "event_payload": "11" * 20},
        {**runtime("compose-hash", COMPOSE), "event": "instance-id"},
        {**runtime("storage-fs", b"zfs"), "event": ""},
        {**runtime("system-ready"), "version": 2},
        {**firmware(0, 0x80000001, variable("PK")), "event_payload": variable("KEK").hex()},
        firmware(0, 4, bytes(4)),
    ]


def second_rule() -> list[dict[str, Any]]:
    """The upstream test's event, and names that canonical JSON escapes, or does not."""
    return [
        runtime("compose-hash", bytes.fromhex("abcd"), version=2),
        runtime('a "name"\\\t\x01\x7f', b"\xff", version=2),
        runtime("größe \u2028 \U0001f980", "grün".encode(), version=2),
        {key: value for key, value in runtime("no-preimage", version=2).items() if key != "preimage"},
        {**runtime("no-digest", b"x", version=2), "digest": ""},
    ]


def samples() -> dict[str, bytes]:
    """The bytes of every sample by its path in samples/."""
    whole = boot()
    short = {**runtime("app-id", APP_ID), "digest": h(first("app-id", APP_ID))[:64]}
    other = {**runtime("app-id", APP_ID, version=2), "preimage": b"what somebody says".hex()}
    return {
        "dstack/boot.json": compact(whole),
        "dstack/stripped.json": indented(stripped(boot(named=True))),
        "dstack/sorted.json": indented(whole, sort=True, end="\n"),
        "dstack/spellings.json": b"\xef\xbb\xbf" + indented(spellings(), end="\r\n"),
        "dstack/changed.json": compact(changed()),
        "dstack/version-2.json": compact(second_rule()),
        "dstack/runtime.jsonl": lines(line("system-preparing"), line("app-id", APP_ID), line("storage-fs", b"zfs")),
        "dstack/runtime-version-2.jsonl": lines(
            line("system-preparing"), line("compose-hash", b"\xab\xcd", version=2), end=""
        ),
        "bad/dstack-cut.json": compact(whole)[:-300],
        "bad/dstack-unended.json": compact(whole[:2])[:-1],
        "bad/dstack-after.json": compact(whole[:2]) + b"\n[]",
        "bad/dstack-not-hex.json": compact([*whole[:2], {**whole[2], "digest": "no hex"}, *whole[3:]]),
        "bad/dstack-no-index.json": compact([whole[0], {"event_type": 4, "digest": ""}]),
        "bad/dstack-member-twice.json": compact(whole[:1])[:-1] + b',{"imr":0,"imr":1,"event_type":4}]',
        "bad/dstack-number-of-5000.json": compact(whole[:1])[:-1] + b',{"imr":' + b"1" * 5000 + b',"event_type":4}]',
        "bad/dstack-nested.json": compact(whole[:1])[:-1] + b"," + b"[" * 20_000,
        "bad/dstack-half-surrogate.json": compact(whole[:1])[:-1]
        + b',{"imr":3,"event_type":134217729,"event":"\\ud800"}]',
        "bad/dstack-short-digest.json": compact([runtime("system-preparing"), short]),
        "bad/dstack-version-3.json": compact(
            [{**runtime("app-id"), "version": 3}, {**runtime("app-id"), "version": 3, "digest": ""}]
        ),
        "bad/dstack-preimage.json": compact([other]),
        "bad/dstack-no-digest.json": compact([whole[0], {**whole[2], "digest": ""}]),
        "bad/dstack-cut.jsonl": lines(line("system-preparing"), line("app-id", APP_ID))[:-8],
        "bad/dstack-not-base64.jsonl": lines(line("system-preparing"), {"event": "app-id", "payload": "no base64"}),
    }


if __name__ == "__main__":
    for name, data in samples().items():
        path = Path(__file__).parent / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
