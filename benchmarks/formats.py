"""What each format costs to read, check and write in the library: section 4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from measure import EVLOG, bare, piece, pieces
from setting import Setting, Work

if TYPE_CHECKING:
    from collections.abc import Callable


def tcg2_check(setting: Setting) -> Work:
    rivals = {
        **pieces("check", setting.log("tcg2"), 1),
        **setting.floor(setting.events, "sha256:digests", "sha384:digests"),
        **bare("hashlib", "digests", setting.events, 60, "sha256", "sha384"),
    }
    return Work(rivals, setting.events)


def ima_check(setting: Setting) -> Work:
    log = setting.log("ima-sha1", setting.tenth)
    rivals = {
        **pieces("check", log, 1),
        **setting.peer("evmctl", "ima_measurement", "--pcrs", f"sha1,{setting.pcrs(log)}", log),
        # A template of 98 bytes is as many blocks as 60 bytes.
        **setting.floor(setting.tenth, "sha1:digests"),
    }
    return Work(rivals, setting.tenth)


def text_check(setting: Setting) -> Work:
    log = setting.log("text", setting.tenth)
    rivals = {**pieces("check", log, 1), **setting.floor(setting.tenth, "sha384:digests")}
    return Work(rivals, setting.tenth)


def ima_ascii(setting: Setting) -> Work:
    rivals = {
        **pieces("replay", setting.log("ima-ascii", setting.tenth), 1),
        "the binary list": piece("replay", setting.log("ima-sha1", setting.tenth), 1),
        **setting.floor(setting.tenth, "sha1:1"),
    }
    return Work(rivals, setting.tenth)


def scan(format: str) -> Callable[[Setting], Work]:
    """Reading a log of records with lengths: finding them."""

    def work(setting: Setting) -> Work:
        return Work(pieces("read", setting.log(format), 1), setting.events)

    return work


def reading(format: str, module: str) -> Callable[[Setting], Work]:
    def work(setting: Setting) -> Work:
        log = setting.converted(format, setting.tenth)
        rivals = {**pieces("read", log, 1), **bare(f"{module}.loads", "loads", module, log)}
        return Work(rivals, setting.tenth)

    return work


def replaying(format: str, module: str) -> Callable[[Setting], Work]:
    def work(setting: Setting) -> Work:
        log = setting.converted(format, setting.tenth)
        rivals = {
            **pieces("replay", log, 1),
            **bare(f"{module}.loads", "loads", module, log),
            **setting.floor(setting.tenth, "sha256:8", "sha384:8"),
        }
        return Work(rivals, setting.tenth)

    return work


def writing(format: str, module: str = "") -> Callable[[Setting], Work]:
    def work(setting: Setting) -> Work:
        log = setting.converted(format, setting.tenth)
        beside = bare(f"{module}.dumps", "dumps", module, log) if module else {}
        return Work({**pieces("wrote", log), **beside}, setting.tenth)

    return work


def sha1_lanes(setting: Setting) -> Work:
    """The accelerator's own kernel, with eight registers side by side; beside it, one register."""
    lanes, one = (setting.floor(setting.events, loop) for loop in ("sha1:8", "sha1:1"))
    named = {EVLOG: lanes, "one register": one}
    return Work({name: run for name, runs in named.items() for run in runs.values()}, setting.events)


WORKS: dict[str, Callable[[Setting], Work]] = {
    "tcg2-check": tcg2_check,
    "ima-check": ima_check,
    "text-check": text_check,
    "ima-ascii": ima_ascii,
    "tcg2-scan": scan("tcg2"),
    "tlv-scan": scan("cel"),
    "cbor-read": reading("cel-cbor", "cbor2"),
    "json-read": reading("cel-json", "json"),
    "cbor-replay": replaying("cel-cbor", "cbor2"),
    "json-replay": replaying("cel-json", "json"),
    "tlv-write": writing("cel-tlv"),
    "cbor-write": writing("cel-cbor", "cbor2"),
    "json-write": writing("cel-json", "json"),
    "sha1-lanes": sha1_lanes,
}
