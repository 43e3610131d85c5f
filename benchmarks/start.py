"""Start-up: what people wait for on a boot log: section 6. As many times tpm2_eventlog on the same log."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from goals import FLOOR
from made import SECURE_BOOT
from measure import command, commands
from setting import Setting, Work

if TYPE_CHECKING:
    from collections.abc import Callable

_VALUES = SECURE_BOOT.with_suffix(".pcrs.json")


def work_of(*words: object) -> Callable[[Setting], Work]:
    def work(setting: Setting) -> Work:
        rivals = {
            **commands(*words),
            **setting.peer("tpm2_eventlog", SECURE_BOOT),
            FLOOR: command([sys.executable, "-c", ""]),
        }
        return Work(rivals)

    return work


WORKS: dict[str, Callable[[Setting], Work]] = {
    "start-replay": work_of("replay", SECURE_BOOT),
    "start-verify": work_of("verify", SECURE_BOOT, "--registers", _VALUES),
    "start-diff": work_of("diff", SECURE_BOOT, SECURE_BOOT),
    "start-convert": work_of("convert", SECURE_BOOT, "--to", "cel-tlv", "-o", "/dev/null"),
    "start-show": work_of("show", SECURE_BOOT),
    "start-show-json": work_of("show", "--json", SECURE_BOOT),
}
