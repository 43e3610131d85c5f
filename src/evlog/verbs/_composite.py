"""The register values behind a signed digest over them: what the logs lead to, if that gives the digest.

A TPM signs a digest of its PCRs, not their values. Where nobody states the values, those of the logs are tried; and
if the digest is another, each register in turn at an earlier point of its trail, because a log may have run on after
the quote.
"""

from __future__ import annotations

from evlog import hashing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evlog.algorithms import HashAlg
    from evlog.evidence import Composite
    from evlog.registers import Register

    Key = tuple[Register, HashAlg]

__all__ = ["solve"]


def solve(
    composite: Composite, values: Mapping[Key, bytes], earlier: Iterable[tuple[Key, bytes]]
) -> dict[Key, bytes] | None:
    """The values of the selected registers that give the digest, or None.

    ``values`` has one for each selected register; ``earlier`` are other values that one of them may have had.
    """
    chosen = {key: values[key] for key in composite.selection}
    if _gives(composite, chosen):
        return chosen
    for key, value in earlier:
        if key in chosen and _gives(composite, {**chosen, key: value}):
            return {**chosen, key: value}
    return None


def _gives(composite: Composite, chosen: Mapping[Key, bytes]) -> bool:
    joined = b"".join(chosen[key] for key in composite.selection)
    return hashing.digest(composite.alg, joined) == composite.digest
