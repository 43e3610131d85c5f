"""What systemd-pcrlock says of a log, by its rule and nothing of evlog: standard library only.

Source: systemd 257, src/pcrlock/pcrlock.c (event_log_match_component_variant and the prediction). Two records are equal
if PCR and digest of the primary bank are. A variant matches a subsequence of the log, greedily from its start; the
first variant of a component that matches owns its records. A PCR is predicted if all of its records are owned and no
component of it is missing, from what the components say; a policy then holds the TPM's value against the prediction.
"""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from tests.plain_readers import extended, tcg2

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.plain_readers import Step

_SUFFIX = ".pcrlock"


class Told(NamedTuple):
    """What is said of each PCR that log or components have."""

    matched: dict[int, bool]
    missing: set[int]
    #: Whether the value that the log leads to is predicted, in each bank.
    predicted: dict[int, bool]

    @property
    def accepted(self) -> bool:
        return all(self.matched.values()) and not self.missing and all(self.predicted.values())


def told(files: Mapping[str, bytes], data: bytes) -> Told:
    """What components, by the path of each file, say of a TCG2 log."""
    log = list(tcg2(data))
    banks = {bank for _, digests in log for bank, _ in digests}
    primary = "sha256" if "sha256" in banks else max(banks, key=("sha1", "sha384", "sha512").index)
    wanted = [(pcr, dict(digests).get(primary)) for pcr, digests in log]
    components = read(files)
    owned: set[int] = set()
    missing: set[int] = set()
    for variants in components.values():
        found = (rows(variant, wanted, primary) for variant in variants)
        taken = next((each for each in found if each is not None), None)
        if taken is None:
            missing.update(pcr for variant in variants for pcr, _ in variant)
        else:
            owned.update(taken)
    values = extended(log)
    pcrs = {pcr for pcr, _ in log}
    matched = {pcr: all(row in owned for row, (own, _) in enumerate(log) if own == pcr) for pcr in pcrs}
    return Told(matched, missing, {pcr: _predicted(pcr, values, components) for pcr in pcrs})


def read(files: Mapping[str, bytes]) -> dict[str, list[list[Step]]]:
    """The variants of each component in the order of their names."""
    names: dict[str, list[str]] = {}
    for path in sorted(files):
        names.setdefault(path.split("/")[0].removesuffix(".d"), []).append(path)
    return {
        name: [
            [
                (each["pcr"], [(one["hashAlg"], bytes.fromhex(one["digest"])) for one in each["digests"]])
                for each in json.loads(files[path])["records"]
            ]
            for path in names[name]
        ]
        for name in sorted(names)
    }


def rows(variant: list[Step], log: list[tuple[int, bytes | None]], primary: str) -> list[int] | None:
    """The rows of the log that a variant matches, or None."""
    found: list[int] = []
    row = 0
    for pcr, digests in variant:
        key = pcr, dict(digests).get(primary)
        while row < len(log) and log[row] != key:
            row += 1
        if row == len(log):
            return None
        found.append(row)
        row += 1
    return found


def _predicted(pcr: int, values: dict[tuple[int, str], bytes], components: dict[str, list[list[Step]]]) -> bool:
    own = [variants for variants in components.values() if any(step[0] == pcr for each in variants for step in each)]
    paths = list(_values(pcr, own))
    return all(
        any(path.get((pcr, bank)) == value for path in paths)
        for (own_pcr, bank), value in values.items()
        if own_pcr == pcr
    )


def _values(pcr: int, own: list[list[list[Step]]]) -> Iterator[dict[tuple[int, str], bytes]]:
    for path in product(*own):
        yield extended(step for variant in path for step in variant if step[0] == pcr)
