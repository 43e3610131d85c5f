"""What a source found out about its own evidence, sentence by sentence, while it reads it."""

from __future__ import annotations

from evlog.evidence import Evidence
from evlog.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.evidence import Credentials
    from evlog.registers import Registers

__all__ = ["Account"]


class Account:
    """Sentences in three lists: what was checked and holds, what was only read, what was checked and fails."""

    __slots__ = ("authenticated", "findings", "read_only")

    def __init__(self) -> None:
        self.authenticated: list[str] = []
        self.read_only: list[str] = []
        self.findings: list[Finding] = []

    def holds(self, sentence: str) -> None:
        """Something was checked and is so."""
        self.authenticated.append(sentence)

    def reads(self, sentence: str) -> None:
        """Something was read, and nothing that was checked stands behind it."""
        self.read_only.append(sentence)

    def fails(self, code: str, sentence: str) -> None:
        """Something was checked and is not so: the evidence proves nothing."""
        self.findings.append(Finding(code, "error", sentence))

    def nonce(self, report_data: bytes, credentials: Credentials, *, signed: bool, field: str = "REPORTDATA") -> None:
        """Compare a report's data with the verifier's nonce, which zeros may follow."""
        nonce = credentials.nonce
        if nonce is None:
            self.reads(f"{field}: no nonce was given to compare it with, so the report may be an old one")
        elif not nonce or nonce.ljust(len(report_data), b"\0") != report_data:
            self.fails("nonce_mismatch", f"{field} is not the given nonce")
        elif signed:
            self.holds(f"{field} is the given nonce")
        else:
            self.reads(f"{field} is the given nonce")

    def debug(self, debugged: bool, what: str) -> None:
        """Say of a guest that its host may debug it: whatever is signed, the host can have changed."""
        if debugged:
            self.reads(f"{what} may be debugged by its host, which can then change what it measures")

    def evidence(self, source: str, registers: Registers, *, anchored: bool, **members: Any) -> Evidence:
        """The evidence with everything that was noted. One failed check takes the anchor away."""
        return Evidence(
            source,
            registers,
            tuple(self.authenticated),
            tuple(self.read_only),
            anchored and not self.findings,
            findings=tuple(self.findings),
            **members,
        )
