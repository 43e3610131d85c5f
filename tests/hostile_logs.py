"""Logs in which somebody wrote what a terminal acts upon."""

from __future__ import annotations

import hashlib
import json
import struct

from tests import made

#: What somebody would like a terminal to do.
HOSTILE = [
    "\x1b[31mred\x1b]0;title\x07",
    "two\rlines\nof it",
    "\u202egnp.exe\u2066",
    "\x9b31m",
    "\x7f\u2028\u200b",
    "x" * 5000,
    "\nverified: 9 match\n",
]


def hostile_logs() -> dict[str, bytes]:
    """Logs in which somebody wrote what a terminal acts upon, wherever text can stand."""
    tcg2 = made.header("sha256")
    for text in HOSTILE:
        name = text.encode("utf-16-le", "surrogatepass")
        variable = bytes(16) + struct.pack("<QQ", len(name) // 2, 4) + name + b"\1\0\0\0"
        for kind, data in ((0xD, text.encode()), (0xD, name), (0x80000007, text.encode()), (0x80000001, variable)):
            tcg2 += made.event(8, kind, data, "sha256")
    ima = b""
    for text in HOSTILE:
        name = text.encode() + b"\0"
        data = struct.pack("<I", 40) + b"sha256:\0" + bytes(32) + struct.pack("<I", len(name)) + name
        ima += (
            struct.pack("<I20sI", 10, hashlib.sha1(data).digest(), 6) + b"ima-ng" + struct.pack("<I", len(data)) + data
        )
    document = {"pcr": 11, "digests": [{"hashAlg": "sha256", "digest": "00" * 32}], "content_type": "systemd"}
    systemd = b"".join(
        b"\x1e" + json.dumps({**document, "content": {"string": text, "eventType": text, text: text}}).encode() + b"\n"
        for text in HOSTILE
    )
    lines = b"SYNC sha256/" + b"00" * 32 + b"\n"
    lines += b"".join(f"{text} {text}\n".encode() for text in HOSTILE if "\n" not in text)
    return {"tcg2": tcg2, "ima-binary": ima, "systemd": systemd, "text": lines}
