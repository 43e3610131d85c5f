"""The verdict on one register in one bank."""

from __future__ import annotations

from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["RegisterVerdict", "told"]

#: Causes under which a value that matches does not prove all that was logged: each may be accepted by its name.
_CLAIMS = frozenset({"gap", "unanchored", "stated_start", "violations"})
#: Verdicts that may be accepted by their name.
_OPEN = frozenset({"incomplete", "not_logged", "not_reported"})
# A register that stands where it started although the platform always extends it: nothing was measured.
_NEVER_IDLE = frozenset({Register("pcr", 0), Register("pcr", 17)})


class RegisterVerdict(Record):
    """The verdict on a register in one bank.

    ``replayed`` is what the logs lead to and ``expected`` what the evidence states, None where they do not say.
    ``cause`` is the stable code of ``explanation``. ``proven`` of the ``events`` are covered by the register's value.
    ``demanded`` tells whether `Verification.ok` hangs on it.
    """

    register: Register
    alg: HashAlg
    verdict: str
    replayed: bytes | None = None
    expected: bytes | None = None
    explanation: str | None = None
    cause: str | None = None
    events: int = 0
    proven: int = 0
    demanded: bool = False

    @property
    def whole(self) -> bool:
        """Whether the value proves everything that the logs have on the register, from the platform's own start value.

        An IMA list that is ahead counts as far as the register goes: its last entries are claimed.
        """
        if self.verdict != "match" or self.cause in _CLAIMS:
            return False
        if not self.events:
            return self.register not in _NEVER_IDLE
        return self.proven == self.events or self.cause == "ahead"

    @property
    def shortfall(self) -> str:
        """The name (`evlog.verifying.demand.ACCEPTABLE`) of what keeps it from being whole; "" if it has none."""
        if self.verdict == "match" and not self.whole:
            if self.cause in _CLAIMS:
                return str(self.cause)
            return "incomplete" if self.events else "not_logged"
        return self.verdict if self.verdict in _OPEN else ""


def told(cells: Iterable[RegisterVerdict]) -> list[RegisterVerdict]:
    """Of the banks of one register those whose explanations a person is told.

    A bank that was not looked into has nothing to add to what is said of another one.
    """
    rows = [row for row in cells if row.explanation]
    return [row for row in rows if row.cause != "not_explained"] or rows
