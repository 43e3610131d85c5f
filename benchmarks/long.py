"""Long logs, read and replayed; and lines appended: section 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from goals import FLOOR
from measure import EVLOG, bare, commands, piece, pieces
from setting import STARTED, Setting, Work

if TYPE_CHECKING:
    from collections.abc import Callable

TWO = ("sha256", "sha384")


def tcg2(setting: Setting) -> Work:
    log = setting.log("tcg2")
    values = setting.values(log, *TWO)
    rivals = {
        **commands("replay", log),
        **setting.peer("eventlog-rs", log, 1, "verify"),
        **setting.peer("tcglog-parser", log, 1, "parse"),
        **setting.peer("go-eventlog", log, 1, "verify", values),
        **setting.peer("go-attestation", log, 1, "verify", values),
        **setting.peer("tpm2_eventlog", log),
        **bare("hashlib", "extends", setting.events, *TWO),
        **setting.floor(setting.events, "sha256:8", "sha384:8"),
    }
    return Work(rivals, setting.events, (log,))


def tcg2_tenfold(setting: Setting) -> Work:
    events = 10 * setting.events
    log = setting.log("tcg2", events)
    rivals = {**commands("replay", log, python=False), **setting.floor(events, "sha256:8", "sha384:8")}
    return Work(rivals, events, (log,))


def ima(setting: Setting) -> Work:
    log = setting.log("ima-sha1")
    rivals = {
        **pieces("replay", log, 1),
        **setting.peer("evmctl", "ima_measurement", "--pcrs", f"sha1,{setting.pcrs(log)}", log),
        **bare("hashlib", "extends", setting.events, "sha1"),
        **setting.floor(setting.events, "sha1:1"),
    }
    return Work(rivals, setting.events)


def ima_sha256(setting: Setting) -> Work:
    rivals = {**pieces("replay", setting.log("ima"), 1), **setting.floor(setting.events, "sha256:1")}
    return Work(rivals, setting.events)


def ima_command(setting: Setting) -> Work:
    log = setting.log("ima-sha1")
    return Work(commands("replay", log), setting.events, (log,), started=STARTED)


def ima_violations(setting: Setting) -> Work:
    rivals = {**pieces("replay", setting.log("ima-violations"), 1), **setting.floor(setting.events, "sha1:1")}
    return Work(rivals, setting.events)


def ima_two_banks(setting: Setting) -> Work:
    rivals = {**pieces("two_banks", setting.log("ima-sha1")), **setting.floor(setting.events, "sha1:1", "sha384:1")}
    return Work(rivals, setting.events)


def ima_prefix(setting: Setting) -> Work:
    rivals = {**pieces("find_prefix", setting.log("ima")), **setting.floor(setting.events, "sha256:1")}
    return Work(rivals, setting.events)


def cel(setting: Setting) -> Work:
    rivals = {**pieces("replay", setting.log("cel"), 1), **setting.floor(setting.events, "sha256:8", "sha384:8")}
    return Work(rivals, setting.events)


def text_of(format: str, bank: str) -> Callable[[Setting], Work]:
    """A textual log of a dialect and a bank."""

    def work(setting: Setting) -> Work:
        log = setting.log(format)
        rivals = {
            **pieces("replay", log, 1),
            **bare("hashlib", "lines", log, bank),
            **setting.floor(setting.events, f"{bank}:1", f"{bank}:digests"),
        }
        return Work(rivals, setting.events)

    return work


def append(setting: Setting) -> Work:
    rivals = {
        EVLOG: piece("append", setting.tenth),
        **setting.floor(setting.tenth, "sha384:1", "sha384:digests"),
    }
    return Work(rivals, setting.tenth)


def append_one(setting: Setting) -> Work:
    return Work({EVLOG: piece("append", 1, 20), **bare(FLOOR, "fsyncs", 3)})


WORKS: dict[str, Callable[[Setting], Work]] = {
    "tcg2": tcg2,
    "tcg2-tenfold": tcg2_tenfold,
    "ima": ima,
    "ima-sha256": ima_sha256,
    "ima-command": ima_command,
    "ima-violations": ima_violations,
    "ima-two-banks": ima_two_banks,
    "ima-prefix": ima_prefix,
    "cel": cel,
    "text": text_of("text", "sha384"),
    "text-sha256": text_of("text-sha256", "sha256"),
    "text-sha512": text_of("text-sha512", "sha512"),
    "text-nelr": text_of("text-sha384", "sha384"),
    "text-blank": text_of("text-blank", "sha384"),
    "text-aael": text_of("text-aael", "sha384"),
    "append": append,
    "append-one": append_one,
}
