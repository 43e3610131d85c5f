"""What a source found out about its own evidence, sentence by sentence, while it reads it."""

from __future__ import annotations

from evlog.errors import ParseError
from evlog.evidence import Evidence, Weakness
from evlog.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

    from cryptography.x509 import Certificate

    from evlog.algorithms import HashAlg
    from evlog.evidence import Credentials
    from evlog.evidence._keys import Key
    from evlog.registers import Register, Registers

__all__ = ["Account"]


class Account:
    """Sentences in lists: what was checked and holds, what was only read, what fails, what fails and may be accepted.

    Besides it keeps the claims, and which of the caller's credentials there was a use for: one that there was none for
    must not pass for checked.
    """

    __slots__ = (
        "anchor",
        "authenticated",
        "claims",
        "credentials",
        "findings",
        "fresh",
        "identity",
        "plain",
        "read_only",
        "root_name",
        "unchecked",
        "used",
        "weaknesses",
    )

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials
        self.anchor: str | None = None
        self.authenticated: list[str] = []
        self.claims: list[tuple[str, bytes]] = []
        self.findings: list[Finding] = []
        self.fresh = False
        self.identity: list[tuple[str, str]] = []
        self.plain: list[tuple[str, str]] = []
        self.read_only: list[str] = []
        self.root_name = ""
        self.unchecked: list[str] = []
        self.used: list[str] = []
        self.weaknesses: list[Weakness] = []

    def holds(self, sentence: str) -> None:
        """Something was checked and is so."""
        self.authenticated.append(sentence)

    def reads(self, sentence: str) -> None:
        """Something was read, and nothing that was checked stands behind it."""
        self.read_only.append(sentence)

    def fails(self, code: str, sentence: str) -> None:
        """Something was checked and is not so: the evidence proves nothing."""
        self.findings.append(Finding(code, "error", sentence))

    def warns(self, code: str, sentence: str) -> None:
        """Something is odd and changes nothing."""
        self.findings.append(Finding(code, "warning", sentence))

    def weak(self, accept: str, sentence: str) -> None:
        """Something was checked and is not so, and may be accepted by name; it is told in any case."""
        self.weaknesses.append(Weakness(accept, sentence))
        self.reads(sentence)

    def uses(self, *names: str) -> None:
        """There was something to check with these credentials, whatever came of it."""
        self.used += names

    def skips(self, *words: str) -> None:
        """What is not checked here at all."""
        self.unchecked += words

    def claim(self, name: str, value: bytes) -> None:
        """What the evidence states besides its registers."""
        self.claims.append((name, value))

    def number(self, name: str, value: int, width: int) -> None:
        """A number of so many bytes."""
        self.claim(name, value.to_bytes(width, "big"))
        self.plain.append((name, str(value)))

    def text(self, name: str, value: str) -> None:
        """A text."""
        self.claim(name, value.encode())
        self.plain.append((name, value))

    def leads(self, presented: Sequence[Certificate], what: str, *, when: datetime | None = None) -> str | None:
        """Hold a chain, leaf first, to the given root: the SHA-256 of the root that it leads to, or None.

        Certificates are held to the caller's time, else to ``when``, else to now.
        """
        root = self.credentials.root
        if root is None:
            self.reads(f"whose {what} is: no root certificate was given")
            return None
        from evlog.evidence import _certificates

        self.uses("root")
        chain = _certificates.chain(presented, _certificates.certificates(root), self.time(when))
        if chain.problem:
            self.fails("chain_invalid", f"{what} does not lead to the given root: {chain.problem}")
            return None
        self.holds(f"{what} leads to the given root: {' <- '.join(reversed(chain.names))}")
        self.root_name = chain.names[-1]
        return _certificates.fingerprint(chain.path[-1])

    def time(self, when: datetime | None = None) -> datetime:
        """The time that certificates are held to."""
        from datetime import datetime, timezone

        return self.credentials.at or when or datetime.now(timezone.utc)

    def key(self) -> Key | None:
        """The caller's key, which a certificate has to be fit for and a TPM's public area has to allow; None for none.

        Whoever asks has a signature to check with it.
        """
        if self.credentials.key is None:
            return None
        from evlog.evidence import _certificates, _keys

        self.uses("key")
        try:
            key = _keys.load_key(self.credentials.key)
        except ParseError as error:
            raise type(error)(f"the given key: {error.message}", offset=error.offset, where=error.where) from error
        problem = key.problem
        if key.certificates:
            problem = _certificates.unfit(key.certificates[0], self.time())
        if problem:
            self.fails("key_unfit", f"the given key: {problem}")
        if key.trailing:
            self.warns("trailing_bytes", f"{key.trailing} bytes stand behind the public area of the given key")
        return key

    def nonce(self, stated: bytes, field: str, *, padded: bool = False) -> None:
        """Compare what the evidence states with the caller's nonce; where ``padded``, zeros may follow it.

        It is fresh only if it is anchored: to be asked last.
        """
        nonce = self.credentials.nonce
        shown, one = stated.hex() or "empty", "the given one" if field.endswith("nonce") else "the given nonce"
        if nonce is None:
            self.reads(f"{field} is {shown}: no nonce was given to compare it with, so the evidence may be an old one")
            return
        self.uses("nonce")
        if (nonce.ljust(len(stated), b"\0") if padded else nonce) != stated:
            self.fails("nonce_mismatch", f"{field} is {shown}, not {one}")
        elif self.anchor is not None:
            self.fresh = True
            self.holds(f"{field} is {one}")
        else:
            self.reads(f"{field} is {one}")

    def evidence(
        self,
        kind: str,
        registers: Registers,
        *,
        form: str,
        covered: tuple[tuple[Register, HashAlg], ...] | None = None,
        **members: Any,
    ) -> Evidence:
        """The evidence with everything that was noted. One failed check takes the anchor away.

        The signature covers every register that is stated, unless ``covered`` says which.
        """
        failed = any(finding.severity == "error" for finding in self.findings)
        anchor = None if failed else self.anchor
        if self.unchecked:
            self.reads(f"not checked here: {', '.join(self.unchecked)}")
        return Evidence(
            kind,
            registers,
            tuple(self.authenticated),
            tuple(self.read_only),
            anchor,
            form=form,
            claims=tuple(self.claims),
            covered=() if anchor is None else tuple(registers) if covered is None else covered,
            fresh=self.fresh and anchor is not None,
            identity=tuple(self.identity),
            root_name=self.root_name if anchor is not None else "",
            plain=tuple(self.plain),
            weaknesses=tuple(self.weaknesses),
            unchecked=tuple(self.unchecked),
            used=tuple(dict.fromkeys(self.used)),
            findings=tuple(self.findings),
            **members,
        )
