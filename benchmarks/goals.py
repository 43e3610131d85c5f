"""Every figure that is measured, and what it shall be: one table.

A figure is of a work (`long.py`, `verifier.py`, `verbs.py`, `formats.py`, `many.py`, `start.py`), for each event, log
or line of it. A goal is a number of seconds or bytes, or so many times another rival of the same work: its floor, the
fastest peer, or what is named. Seconds are those of the virtual machine of README.md; multiples hold anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

US, NS, MB = 1e-6, 1e-9, 1e6
#: Names of two columns that a goal may be a multiple of.
FLOOR, PEER = "floor", "fastest peer"


class At(NamedTuple):
    """At most so many seconds, or bytes."""

    most: float

    def limit(self, values: Mapping[str, float]) -> float | None:
        return self.most


class Times(NamedTuple):
    """At most so many times what another one takes; unknown where that was not measured."""

    most: float
    of: str

    def limit(self, values: Mapping[str, float]) -> float | None:
        return self.most * values[self.of] if self.of in values else None


class Figure(NamedTuple):
    """A figure: its section, the work, what is done in words, what it is for each of, the goal, and what is counted.

    ``measure`` is "cpu", "system" (the processor's time in the kernel), "wall" or "memory" (beyond the log and what is
    written). ``of`` is another rival than evlog's command. ``floor`` says what the floor is.
    """

    section: int
    work: str
    text: str
    per: str = ""
    goal: At | Times | None = None
    measure: str = "cpu"
    floor: str = ""
    of: str = "evlog"

    @property
    def name(self) -> str:
        more = "" if self.of == "evlog" else ", loop"
        return self.work + more + ("" if self.measure in ("cpu", "wall") else f", {self.measure}")


SECTIONS = {
    1: "Long logs, read and replayed",
    2: "One boot log in a verifier's loop",
    3: "Every verb on a long log",
    4: "Formats: reading, checking, writing",
    5: "Many logs",
    6: "Start-up",
}
_EXTENDS = "its extends alone, in the best kernel"
_LINES = "its digests and extends alone, in the best kernel"
_MOVED = "the bytes read and written"
_HASHES = "its digests alone"

FIGURES = (
    Figure(1, "tcg2", "TCG2, two banks: the whole process", "event", Times(2.4, FLOOR), floor=_EXTENDS),
    Figure(1, "tcg2", "the same: memory", goal=At(30 * MB), measure="memory"),
    Figure(1, "tcg2-tenfold", "ten times as many events", "event", Times(2.9, FLOOR), floor=_EXTENDS),
    Figure(1, "tcg2-tenfold", "the same: memory", goal=At(70 * MB), measure="memory"),
    Figure(1, "ima", "IMA binary, SHA-1, one chain", "entry", Times(1.6, FLOOR), floor=_EXTENDS),
    Figure(1, "ima-sha256", "IMA binary, SHA-256, one chain", "entry", Times(1.6, FLOOR), floor=_EXTENDS),
    Figure(1, "ima-command", "IMA binary: the command", "entry"),
    Figure(1, "ima-command", "the same: time in the kernel", "entry", measure="system"),
    Figure(1, "ima-command", "the same: memory", measure="memory"),
    Figure(1, "ima-violations", "IMA binary, a violation in a hundred", "entry", floor=_EXTENDS),
    Figure(1, "ima-two-banks", "IMA binary, and SHA-384 by its templates", "entry", floor=_EXTENDS),
    Figure(1, "ima-prefix", "IMA binary, a prefix that is not there", "entry", floor=_EXTENDS),
    Figure(1, "cel", "CEL-TLV, two banks", "event", floor=_EXTENDS),
    Figure(1, "text", "textual, SHA-384", "line", Times(1.7, FLOOR), floor=_LINES),
    Figure(1, "text-sha256", "textual, SHA-256", "line", Times(2.5, "hashlib"), floor=_LINES),
    Figure(1, "text-sha512", "textual, SHA-512", "line", Times(2.5, "hashlib"), floor=_LINES),
    Figure(1, "text-nelr", "textual, comments", "line", Times(2.5, "hashlib"), floor=_LINES),
    Figure(1, "text-blank", "textual, blank lines between", "line", Times(2.5, "hashlib"), floor=_LINES),
    Figure(1, "text-aael", "textual, AAEL", "line", Times(2.5, "hashlib"), floor=_LINES),
    Figure(1, "append", "append, a line of many", "line", At(4.1 * US), floor=_LINES),
    Figure(1, "append-one", "append, a line by itself: wall time", "line", measure="wall", floor="three fsyncs"),
    Figure(2, "boot-read", "read", "log"),
    Figure(2, "boot-replay", "read and replay", "log", floor=_EXTENDS),
    Figure(2, "boot-verify", "read and verify, all match", "log", Times(1.0, "go-eventlog"), floor=_EXTENDS),
    Figure(2, "boot-one-wrong", "one register wrong", "log", Times(3, "match")),
    Figure(2, "boot-all-wrong", "all wrong", "log", Times(3, "match")),
    Figure(2, "boot-explained", "all wrong, explained by 20,000 hashes", "log"),
    Figure(2, "long-wrong", "all wrong, of 32,000 events", "log", Times(3, "match")),
    Figure(2, "boot-wrong-folder", "a folder of which all are wrong: the command", "log", Times(3, "match")),
    Figure(2, "boot-check", "check of all digests", "event", At(10 * US), floor=_HASHES),
    Figure(2, "boot-decode", "decode of all bodies", "event", At(10 * US)),
    Figure(3, "show-head", "show, and head -5"),
    Figure(3, "show-head", "the same: memory", goal=At(40 * MB), measure="memory"),
    Figure(3, "show-jsonl-head", "show --jsonl, and head -5"),
    Figure(3, "show-jsonl-head", "the same: memory", goal=At(40 * MB), measure="memory"),
    Figure(3, "show", "show", "event"),
    Figure(3, "show", "the same: memory", measure="memory"),
    Figure(3, "show-jsonl", "show --jsonl", "event"),
    Figure(3, "show-jsonl", "the same: memory", goal=At(40 * MB), measure="memory"),
    Figure(3, "show-json", "show --json", "event"),
    Figure(3, "show-json", "the same: memory", measure="memory"),
    Figure(3, "diff", "diff of equal logs", "event", Times(5, FLOOR), floor="the bytes compared"),
    Figure(3, "diff", "the same: memory", measure="memory"),
    Figure(3, "tcg2-to-tlv", "TCG2 to CEL-TLV", "event", At(2 * US), floor=_MOVED),
    Figure(3, "tcg2-to-tlv", "the same: memory", goal=At(60 * MB), measure="memory"),
    Figure(3, "tlv-to-tcg2", "CEL-TLV to TCG2", "event", At(2 * US), floor=_MOVED),
    Figure(3, "tlv-to-tcg2", "the same: memory", goal=At(60 * MB), measure="memory"),
    Figure(3, "tcg2-to-cbor", "TCG2 to CEL-CBOR", "event", Times(2, "cbor2.dumps"), floor=_MOVED),
    Figure(3, "tcg2-to-cbor", "the same: memory", measure="memory"),
    Figure(3, "tcg2-to-json", "TCG2 to CEL-JSON", "event", Times(2, "json.dumps"), floor=_MOVED),
    Figure(3, "tcg2-to-json", "the same: memory", measure="memory"),
    Figure(3, "tcg2-to-evlog-json", "TCG2 to evlog-json", "event", Times(2, "json.dumps"), floor=_MOVED),
    Figure(3, "tcg2-to-evlog-json", "the same: memory", measure="memory"),
    Figure(3, "cbor-to-tcg2", "CEL-CBOR to TCG2", "event", floor=_MOVED),
    Figure(3, "cbor-to-tcg2", "the same: memory", measure="memory"),
    Figure(3, "json-to-tcg2", "CEL-JSON to TCG2", "event", floor=_MOVED),
    Figure(3, "json-to-tcg2", "the same: memory", measure="memory"),
    Figure(3, "evlog-json-to-tcg2", "evlog-json to TCG2", "event", floor=_MOVED),
    Figure(3, "evlog-json-to-tcg2", "the same: memory", measure="memory"),
    Figure(3, "ima-to-ascii", "IMA binary to ascii", "entry", floor=_MOVED),
    Figure(3, "ima-to-ascii", "the same: memory", measure="memory"),
    Figure(3, "split", "split, a file each", "event"),
    Figure(3, "split", "the same: memory", goal=At(60 * MB), measure="memory"),
    Figure(3, "merge", "merge of TCG2 and a hundred times as much IMA", "entry"),
    Figure(3, "merge", "the same: memory", goal=At(60 * MB), measure="memory"),
    Figure(3, "blank-show", "blank lines: show", "line"),
    Figure(3, "blank-show", "the same: memory", measure="memory"),
    Figure(3, "blank-diff", "blank lines: diff", "line", Times(5, FLOOR), floor="the bytes compared"),
    Figure(3, "blank-diff", "the same: memory", measure="memory"),
    Figure(3, "blank-merge", "blank lines: merge", "line"),
    Figure(3, "blank-merge", "the same: memory", goal=At(60 * MB), measure="memory"),
    Figure(3, "blank-to-tlv", "blank lines: to CEL-TLV", "line"),
    Figure(3, "letters-show", "lines of a letter: show", "line"),
    Figure(3, "letters-merge", "lines of a letter: merge", "line"),
    Figure(3, "letters-merge", "the same: memory", goal=At(60 * MB), measure="memory"),
    Figure(3, "letters-to-tlv", "lines of a letter: to CEL-TLV", "line"),
    Figure(4, "tcg2-check", "check of TCG2, two banks", "event", floor=_HASHES),
    Figure(4, "ima-check", "check of IMA templates", "entry", At(1.5 * US), floor=_HASHES),
    Figure(4, "text-check", "check of a textual log", "line", floor=_HASHES),
    Figure(4, "ima-ascii", "IMA ascii, read and replayed", "line", Times(2, "the binary list"), floor=_EXTENDS),
    Figure(4, "tcg2-scan", "TCG2 read", "event", At(33 * NS)),
    Figure(4, "tlv-scan", "CEL-TLV read", "event", At(60 * NS)),
    Figure(4, "cbor-read", "CEL-CBOR read", "event", Times(1.5, "cbor2.loads")),
    Figure(4, "json-read", "CEL-JSON read", "event", Times(1.5, "json.loads")),
    Figure(4, "cbor-replay", "CEL-CBOR read and replayed", "event", floor=_EXTENDS),
    Figure(4, "json-replay", "CEL-JSON read and replayed", "event", floor=_EXTENDS),
    Figure(4, "tlv-write", "CEL-TLV written from events", "event"),
    Figure(4, "cbor-write", "CEL-CBOR written from events", "event", Times(2, "cbor2.dumps")),
    Figure(4, "json-write", "CEL-JSON written from events", "event", Times(2, "json.dumps")),
    Figure(4, "sha1-lanes", "an extend of SHA-1, eight registers side by side", "extend", At(30 * NS)),
    Figure(5, "many", "30 KB, two banks: the command", "log", At(150 * US), floor=_EXTENDS),
    Figure(5, "many", "the same: a loop in the library", "log", floor=_EXTENDS, of="loop"),
    Figure(5, "booted", "21 KB, four banks: the command", "log", floor=_EXTENDS),
    Figure(5, "booted", "the same: a loop in the library", "log", floor=_EXTENDS, of="loop"),
    Figure(6, "start-replay", "replay", goal=Times(3, "tpm2_eventlog"), floor="Python with nothing to do"),
    Figure(6, "start-verify", "verify", goal=Times(3, "tpm2_eventlog"), floor="Python with nothing to do"),
    Figure(6, "start-diff", "diff", goal=Times(3, "tpm2_eventlog"), floor="Python with nothing to do"),
    Figure(6, "start-convert", "convert", goal=Times(3, "tpm2_eventlog"), floor="Python with nothing to do"),
    Figure(6, "start-show", "show", goal=Times(3, "tpm2_eventlog"), floor="Python with nothing to do"),
    Figure(6, "start-show-json", "show --json", goal=Times(3, "tpm2_eventlog"), floor="Python with nothing to do"),
)
