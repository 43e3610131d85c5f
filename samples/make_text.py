"""Write the synthetic samples of textual logs: one dialect or peculiarity each.

The lines, and the values in INIT and SYNC, come from the formats' documents with `hashlib`, never from evlog.
Run ``python samples/make_text.py`` to write them again; a test holds the files equal to what this makes.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

COCO = "github.com/confidential-containers PullImage"
IMAGE = '{"digest":"sha256:' + "0c" * 32 + '","image":"alpine"}'


def h(data: bytes, alg: str = "sha384") -> bytes:
    """The hash of some bytes."""
    return hashlib.new(alg, data).digest()


class Register:
    """A measurement register, extended as the hardware does it."""

    def __init__(self, alg: str = "sha384", start: bytes | None = None) -> None:
        self.alg = alg
        self.value = start if start is not None else bytes(hashlib.new(alg).digest_size)

    def extend(self, digest: bytes) -> bytes:
        """Extend by a digest; returns it."""
        self.value = h(self.value + digest, self.alg)
        return digest

    def line(self, text: str) -> str:
        """Extend by a line; returns it."""
        self.extend(h(text.encode(), self.alg))
        return text

    def stated(self, word: str) -> str:
        """An INIT or SYNC line with the value that stands."""
        return self.line(f"{word} {self.alg}/{self.value.hex()}")


def text(*lines: str, end: str = "\n") -> bytes:
    """Lines with their ends, also the last."""
    return "".join(line + end for line in lines).encode()


def nelr() -> bytes:
    mr = Register()
    return text(
        "# written before the workload",
        "",
        mr.stated("INIT"),
        "",
        mr.line(f"{COCO} {IMAGE}"),
        "# blanks at the ends count, and a line of one letter more is another",
        mr.line("  example.org/app start id=1  "),
        mr.line("example.org/app grüßt voilà"),
        mr.line("\t# no comment: it does not begin with #"),
    )


def stored(*, explained: bool = True, forged: bool = False) -> bytes:
    """A log as the RFC's kernel stores it, with extensions that it did not see."""
    mr = Register(start=h(b"what firmware left behind"))
    lines = [mr.stated("SYNC"), "", mr.line("example.org/app load a"), mr.line("example.org/app load b"), ""]
    for what in (b"an extension outside the log", b"a second one"):
        digest = mr.extend(h(what))
        if explained:
            lines.append(f"# .EXTEND {digest.hex()}")
    lines += ["", mr.stated("SYNC"), "", mr.line("example.org/app load c")]
    if forged:
        lines += ["", mr.line(f"SYNC sha384/{'5a' * 48}"), mr.line("example.org/app load d")]
    return text(*lines)


def one(word: str, alg: str, *records: str, end: str = "\n", last: str = "\n") -> bytes:
    """A log that starts at zeros."""
    mr = Register(alg)
    lines = [mr.stated(word), *(mr.line(record) for record in records)]
    return text(*lines, end=end)[: -len(end)] + last.encode()


def aggregated() -> bytes:
    three, two = Register(), Register()
    return text(
        "3 " + three.stated("INIT"),
        "2 " + two.stated("INIT"),
        "3 " + three.line("example.org/b one"),
        "3 # a comment of register 3",
        "2 " + two.line("example.org/a one"),
        "3 " + three.line("example.org/b two"),
    )


def agent_entry(index: int, line: bytes) -> bytes:
    """An EV_EVENT_TAG record as the attestation agent writes it."""
    data = struct.pack("<4sI", b"LEAA", len(line)) + line
    return struct.pack("<IIIH", index, 6, 1, 0x000C) + h(data) + struct.pack("<I", len(data)) + data


def samples() -> dict[str, bytes]:
    """Every sample by its path in this folder."""
    start, stop = "example.org/app start id=1 mode=strict", "example.org/app stop id=1"
    workloads = (f"example.org/app start id={number}" for number in range(1, 6))
    entries = b"".join(agent_entry(4, line.encode()) for line in (f"{COCO} {IMAGE}", *workloads))
    short = struct.pack("<II20sI", 0, 3, b"", 37) + bytes(24) + struct.pack("<IHHHHB", 2, 0x0C, 48, 0x12, 32, 0)
    return {
        "text/nelr.log": nelr(),
        "text/tsm-text.log": stored(),
        "text/tsm-text-gap.log": stored(explained=False),
        "text/tsm-text-forged-sync.log": stored(forged=True),
        "text/tsm-text-sha256.log": one("SYNC", "sha256", start),
        "text/extend-only.log": text(*(f"# .EXTEND {h(name).hex()} {name.decode()}" for name in (b"one", b"two"))),
        "text/aael-text.log": one("INIT", "sha384", f"{COCO} {IMAGE}", start, last=""),
        "text/aael-text-sha256-in-sha384.log": text(f"INIT sha256/{'00' * 48}", start),
        "text/aael-text-98-digits.log": text(f"INIT sha384/{'00' * 49}", "domain event operation"),
        "text/aael-spec.log": text(f"INIT/sha384 {'00' * 48}", start, stop),
        "text/acon.log": one("INIT", "sha384", f"github.com/intel/ACON AddManifest sha384/{'ab' * 48}"),
        "text/crlf.log": one("INIT", "sha256", start, stop, end="\r\n", last="\r\n"),
        "text/global.log": aggregated(),
        "ccel/agent-entries.bin": entries,
        "ccel/agent-short-header.bin": short + entries + b"\xff" * 8,
        "bad/text-unknown-hash.log": text(f"INIT whirlpool/{'00' * 64}", start),
    }


def main() -> None:
    """Write the files beside this script."""
    here = Path(__file__).resolve().parent
    for name, data in samples().items():
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_bytes(data)


if __name__ == "__main__":
    main()
