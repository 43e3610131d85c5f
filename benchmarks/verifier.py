"""What a verifier pays for one boot log, in a loop of one process: section 2."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from goals import FLOOR
from measure import EVLOG, asked, commands, piece, pieces
from setting import Setting, Work

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from measure import Rivals

#: Banks that go-eventlog verifies.
THEIRS = ("sha1", "sha256", "sha384")


class Facts(NamedTuple):
    """Of the boot log: how many events, its banks, those of them that the peers verify."""

    events: int
    banks: tuple[str, ...]
    theirs: tuple[str, ...]


@cache
def _facts(log: Path) -> Facts:
    said = asked("facts", log)
    banks = tuple(said["banks"])
    return Facts(said["events"], banks, tuple(bank for bank in banks if bank in THEIRS))


def _values(setting: Setting) -> Path:
    """The register values in the banks that the peers verify."""
    return setting.values(setting.boot, *_facts(setting.boot).theirs)


def _times(setting: Setting, each: float) -> int:
    """How often a work of so many seconds is done in a turn."""
    return max(2, round(setting.turn / each))


def _extends(setting: Setting) -> Rivals:
    facts = _facts(setting.boot)
    return setting.floor(facts.events, *(f"{bank}:8" for bank in facts.banks))


def _peers(setting: Setting, mode: str) -> Rivals:
    return setting.peer_loop("go-eventlog", setting.boot, mode, _values(setting), times=_times(setting, 4e-4))


def _verify(setting: Setting, wrong: str, each: float, *explain: object) -> Rivals:
    return pieces("verify", setting.boot, _times(setting, each), wrong, *explain)


def read(setting: Setting) -> Work:
    log, times = setting.boot, _times(setting, 2e-4)
    rivals = {
        **pieces("read", log, times),
        **setting.peer_loop("go-eventlog", log, "parse", times=times),
        **setting.peer_loop("go-attestation", log, "parse", times=times),
        **setting.peer_loop("eventlog-rs", log, "parse", times=times),
    }
    return Work(rivals)


def replay(setting: Setting) -> Work:
    log, times = setting.boot, _times(setting, 4e-4)
    rivals = {
        **pieces("replay", log, times),
        **_peers(setting, "verify"),
        **setting.peer_loop("go-attestation", log, "verify", _values(setting), times=times),
        **setting.peer_loop("eventlog-rs", log, "verify", times=times),
        **_extends(setting),
    }
    return Work(rivals)


def match(setting: Setting) -> Work:
    log, times = setting.boot, _times(setting, 6e-4)
    rivals = {
        **_verify(setting, "none", 6e-4),
        **_peers(setting, "verify"),
        **setting.peer_loop("go-attestation", log, "verify", _values(setting), times=times),
        "read and replay": piece("replay", log, times),
        **_extends(setting),
    }
    return Work(rivals)


def _mismatch(setting: Setting, wrong: str, *explain: object) -> Work:
    rivals = {**_verify(setting, wrong, 3e-2 if explain else 2e-3, *explain)}
    return Work({**rivals, "match": piece("verify", setting.boot, _times(setting, 6e-4), "none")})


def one_wrong(setting: Setting) -> Work:
    return _mismatch(setting, "one")


def all_wrong(setting: Setting) -> Work:
    return _mismatch(setting, "all")


def explained(setting: Setting) -> Work:
    return _mismatch(setting, "all", 20_000)


def long_wrong(setting: Setting) -> Work:
    """A log of 32,000 events of which nothing leads to the values."""
    log = setting.log("tcg2", min(32_000, setting.events))
    return Work({**pieces("verify", log, 1, "all"), "match": piece("verify", log, 1, "none")})


def wrong_folder(setting: Setting) -> Work:
    """A folder of logs of which none leads to what the file says, beside one of which all do."""
    logs = max(setting.logs // 4, 4)
    home = setting.folder / "same-logs"
    home.mkdir(exist_ok=True)
    for number in range(logs):
        (home / f"{number:05}.bin").write_bytes(setting.boot.read_bytes())
    rows = [line.split() for line in setting.values(setting.boot, *_facts(setting.boot).banks).read_text().splitlines()]
    good, bad = setting.folder / "good.json", setting.folder / "bad.json"
    for path, change in ((good, 0), (bad, 1)):
        banks: dict[str, dict[str, str]] = {}
        for bank, index, value in rows:
            banks.setdefault(bank, {})[index] = value[:-1] + f"{int(value[-1], 16) ^ change:x}"
        path.write_text(json.dumps({"pcr": banks}))
    right = commands("verify", "--each", home, "--registers", good, python=False)
    rivals = {
        **commands("verify", "--each", home, "--registers", bad, code=1, python=False),
        "match": right[EVLOG],
    }
    return Work(rivals, logs, started=(EVLOG, "match"))


def check(setting: Setting) -> Work:
    rivals = {
        **pieces("check", setting.boot, _times(setting, 2e-3)),
        **_peers(setting, "state"),
        FLOOR: piece("bodies", setting.boot, _times(setting, 5e-4)),
    }
    return Work(rivals, _facts(setting.boot).events)


def decode(setting: Setting) -> Work:
    log = setting.boot
    rivals = {
        **pieces("decode", log, _times(setting, 3e-3)),
        **setting.peer_loop("tcglog-parser", log, "parse", times=_times(setting, 4e-4)),
    }
    return Work(rivals, _facts(setting.boot).events)


WORKS: dict[str, Callable[[Setting], Work]] = {
    "boot-read": read,
    "boot-replay": replay,
    "boot-verify": match,
    "boot-one-wrong": one_wrong,
    "boot-all-wrong": all_wrong,
    "boot-explained": explained,
    "long-wrong": long_wrong,
    "boot-wrong-folder": wrong_folder,
    "boot-check": check,
    "boot-decode": decode,
}
