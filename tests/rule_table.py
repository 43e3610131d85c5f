"""What the digests of firmware logs cover, by event type: ``python -m tests.rule_table`` prints it.

An event counts once for each different outcome among its digests, which is once unless banks disagree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from evlog.checking.digest_check import check_event
from evlog.contents.pcclient import PCClientEvent
from evlog.intake.read import read
from tests.firmware_logs import firmware_logs

Table = dict[str, Counter[str]]


def rule_table(logs: Iterable[Path]) -> Table:
    """Outcomes by the name of the event type: a rule, ``mismatch`` or ``not_checkable``."""
    table: Table = {}
    for path in logs:
        for event in read(path).events:
            if isinstance(event.content, PCClientEvent):
                outcomes = {check.rule or check.verdict for check in check_event(event)}
                table.setdefault(event.content.event_type_name, Counter()).update(outcomes)
    return table


def main() -> None:
    """Print the table over all logs that are here."""
    for name, outcomes in sorted(rule_table(path for _, path in firmware_logs()).items()):
        print(f"{name:34}", ", ".join(f"{outcome} {count}" for outcome, count in outcomes.most_common()))


if __name__ == "__main__":
    main()
