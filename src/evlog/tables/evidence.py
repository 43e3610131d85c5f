"""Evidence for the logs of a fleet: found by pattern, guarded, and held against the logs as a demand says.

Whoever fills a machine's folder chooses everything in it, evidence included. So what a verifier brings (keys, roots,
nonces, expected values) comes from outside the folders, and evidence in a folder is not followed through links.
"""

from __future__ import annotations

import os
from hashlib import sha256

from evlog._record import Record
from evlog.errors import EvlogError, ParseError, SourceError, UsageError
from evlog.evidence import Credentials
from evlog.model import Finding
from evlog.tables.patterns import checked, fill, is_pattern
from evlog.verifying.demand import NO_DEMAND, Demand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from evlog.evidence import Evidence
    from evlog.model import Log
    from evlog.tables.inputs import Input
    from evlog.verifying.verify import Verification

    Material = bytes | str

__all__ = ["NOT_JUDGED", "NO_EVIDENCE", "FleetEvidence", "Judged", "evidence_id"]

_ALSO = ("machine", "boot")
# Options that name a file which the machine hands in, and those that name what the verifier brings.
_HANDED_IN, _BROUGHT = ("registers", "quote", "signature", "pcrs"), ("key", "root")
_LARGEST = 1 << 24
_MOST_ENTRIES = 4096
_MOST_LINKS = 40  # as Linux follows
_NONCE_SIZE = 1 << 12
# Kinds whose registers stand behind a digest: of those the claims tell one piece of evidence from another.
_BY_CLAIMS = ("tpm-quote", "hcl-vtpm")
_FILE = "register-file"


class Judged(Record):
    """What the evidence of a boot says of its logs.

    ``ok``, ``word``, ``authenticated`` and ``kind`` are those of the `evlog.Verification`, and None where there was
    nothing to compare with; ``findings`` then say why. ``registers`` are (register, bank, replayed, stated, verdict,
    events). ``id`` tells signed evidence from another, and is None for values that nobody signs.
    """

    ok: bool | None = None
    word: str | None = None
    authenticated: bool | None = None
    kind: str | None = None
    registers: tuple[tuple[str, str, bytes | None, bytes | None, str, int], ...] = ()
    findings: tuple[Finding, ...] = ()
    id: bytes | None = None

    @staticmethod
    def of(result: Verification) -> Judged:
        """What is kept of a verification: not the logs."""
        rows = (
            (str(row.register), str(row.alg), row.replayed, row.expected, row.verdict, row.events)
            for row in result.registers
        )
        sentences = (
            Finding(
                "demand_not_met", "warning", f"{each.register}: {each.sentence}" if each.register else each.sentence
            )
            for each in result.shortfalls
        )
        return Judged(
            result.ok,
            result.word,
            result.ok and result.evidence.anchored,
            result.evidence.source,
            tuple(rows),
            (*result.findings, *sentences),
            evidence_id(result.evidence),
        )


class FleetEvidence(Record):
    """Where the evidence of a log is, as patterns, and what is demanded of it.

    ``registers`` or ``quote``, ``signature``, ``pcrs`` are files, of which those under ``{dir}`` lie beside the log.
    ``key`` and ``root`` are files elsewhere. ``nonce`` is hex, and ``expect`` names with values; ``@FILE`` is the first
    line of a file elsewhere. ``demand`` is what else is demanded. ``homes`` are the folders of the sources.
    """

    registers: str | None = None
    quote: str | None = None
    signature: str | None = None
    pcrs: str | None = None
    key: str | None = None
    root: str | None = None
    nonce: str | None = None
    expect: tuple[tuple[str, str], ...] = ()
    kind: str | None = None
    at: datetime | None = None
    platform: str | None = None
    demand: Demand = NO_DEMAND
    homes: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise UsageError for what makes no sense of any log."""
        if self.registers is not None and self.quote is not None:
            raise UsageError("--registers and --quote: one of them is the evidence")
        for name in (*_HANDED_IN, *_BROUGHT, "nonce"):
            checked(getattr(self, name), also=_ALSO)
        for _, value in self.expect:
            checked(value, also=_ALSO)
        for name in _BROUGHT:
            path = getattr(self, name)
            if path is not None and "{dir}" in path:
                raise UsageError(f"--{name}: a file in the folders of the logs anchors nothing: {{machine}} names one")
            if path is not None and not is_pattern(path):
                self._brought(name, path)
        nonce, _ = self._lines({}, probe=True)
        Credentials(nonce=nonce, kind=self.kind, at=self.at)

    @property
    def given(self) -> bool:
        """Whether some evidence is named: else only a document that holds logs and evidence has any."""
        return self.registers is not None or self.quote is not None

    @property
    def names(self) -> tuple[str, ...]:
        """Patterns of the names of files beside logs that are evidence, and no logs."""
        import re

        found = (getattr(self, name) for name in _HANDED_IN)
        beside = (each.rpartition("/")[2] for each in found if each is not None and each.startswith("{dir}/"))
        return tuple(re.sub(r"\{[^}]*\}", "*", each) for each in beside)

    def judge(self, logs: Sequence[Log], inputs: Sequence[Input]) -> Judged:
        """The logs of one boot against their evidence; what cannot be read of it is a finding."""
        from evlog.verifying.verify import verify

        try:
            evidence, demand = self._evidence(inputs)
            if evidence is None:
                return Judged(findings=self._missing())
            result = verify(tuple(logs), evidence, demand, platform=self.platform)
        except EvlogError as error:
            return Judged(findings=(Finding("evidence_unreadable", "warning", f"the evidence: {error}"),))
        return Judged.of(result)

    def key_of(self, inputs: Sequence[Input]) -> tuple[object, ...] | None:
        """What the verdict depends on besides the logs, where it is cheap to tell: two boots with the same are alike.

        None where it is not: then each boot is judged for itself.
        """
        if self.quote is not None or self.nonce is not None or self.key is not None or self.root is not None:
            return None
        if any("@" in value or is_pattern(value) for _, value in self.expect):
            return None
        if self.registers is None:
            return ()
        try:
            material = self._handed_in("registers", inputs[0], _fields(inputs[0]))
        except EvlogError:
            return None
        return (sha256(material).digest(),) if isinstance(material, bytes) else None

    # Finding it

    def _evidence(self, inputs: Sequence[Input]) -> tuple[Evidence | None, Demand]:
        from evlog.intake.registers import read_registers

        first = inputs[0]
        fields = _fields(first)
        which = "registers" if self.registers is not None else "quote" if self.quote is not None else None
        where = self._handed_in(which, first, fields) if which is not None else _document(inputs)
        if where is None:
            return None, self.demand
        brought = {name: self._brought_for(name, fields) for name in _BROUGHT}
        nonce, expect = self._lines(fields)
        return read_registers(
            where,
            kind=self.kind,
            key=brought["key"],
            signature=self._handed_in("signature", first, fields),
            pcrs=self._handed_in("pcrs", first, fields),
            nonce=nonce,
            root=brought["root"],
            at=self.at,
            quote=which == "quote",
            beside=which is None,
        ), self.demand.replace(expect=(*self.demand.expect, *expect))

    def _missing(self) -> tuple[Finding, ...]:
        if not self.given:
            return ()
        return (Finding("evidence_missing", "warning", "there is no evidence where it was looked for"),)

    def _handed_in(self, name: str, input: Input, fields: Mapping[str, str | None]) -> Material | None:
        """A file that the machine hands in, as bytes, or a folder by its path; None if there is none."""
        pattern = getattr(self, name)
        if pattern is None:
            return None
        if input.data is not None and pattern.startswith("{dir}/"):
            inside = fill(pattern.removeprefix("{dir}/"), fields)
            path = f"{input.folder}/{inside}".removeprefix("/") if inside is not None else ""
            return input.beside.get(path) if input.beside is not None else None
        there = fill(pattern, {**fields, "dir": input.folder})
        if there is None or not os.path.lexists(there):
            return None
        _same_folder(there, (*((input.folder,) if input.folder else ()), *self.homes))
        return there if os.path.isdir(there) else _content(there, _LARGEST)

    def _brought_for(self, name: str, fields: Mapping[str, str | None]) -> bytes | None:
        pattern = getattr(self, name)
        if pattern is None:
            return None
        path = fill(pattern, fields)
        if path is None:
            raise UsageError(f"--{name}: nothing tells which one")
        return self._brought(name, path)

    def _brought(self, name: str, path: str) -> bytes:
        """A file of the verifier's. Raises UsageError for one that lies in the folders of the logs."""
        for station in stations(path):
            if any(_is_within(station, os.path.realpath(home)) for home in self.homes):
                raise UsageError(
                    f"--{name}: a file in the folders of the logs proves nothing: it must come from elsewhere"
                )
        return _content(path, _LARGEST)

    def _lines(
        self, fields: Mapping[str, str | None], *, probe: bool = False
    ) -> tuple[bytes | None, tuple[tuple[str, str], ...]]:
        """The nonce and the expected values of a log; ``probe`` looks only at those that are the same for all."""
        nonce = None
        if self.nonce is not None and not (probe and is_pattern(self.nonce)):
            text = self._line("nonce", self.nonce, fields)
            try:
                nonce = bytes.fromhex(text)
            except ValueError:
                raise UsageError("--nonce: hex was expected") from None
        expect = [
            (name, self._line("expect", value, fields))
            for name, value in self.expect
            if not (probe and is_pattern(value))
        ]
        return nonce, tuple(expect)

    def _line(self, name: str, text: str, fields: Mapping[str, str | None]) -> str:
        value = fill(text, fields)
        if value is None:
            raise UsageError(f"--{name}: nothing tells which one")
        if not value.startswith("@"):
            return value
        line = self._brought(name, value[1:])[:_NONCE_SIZE].partition(b"\n")[0]
        return line.decode("utf-8", "replace").strip()


NO_EVIDENCE = FleetEvidence()
NOT_JUDGED = Judged()


def evidence_id(evidence: Evidence) -> bytes | None:
    """What tells a piece of signed evidence from another, however it is spelled; None for what nobody signs.

    Of what is signed, nothing may be left out that makes two of them differ, and nothing be taken in that whoever
    hands it in can change at will.
    """
    if evidence.source == _FILE:
        return None
    told = [evidence.source, *(f"{name}={value.hex()}" for name, value in sorted(evidence.claims))]
    if evidence.composite is not None:
        told.append(evidence.composite.digest.hex())
    if evidence.source not in _BY_CLAIMS:
        values = evidence.registers.values.items()
        told += sorted(f"{register}/{alg}={value.hex()}" for (register, alg), value in values)
    return sha256("\0".join(told).encode()).digest()


def stations(path: str) -> list[str]:
    """Where a path leads, link by link: whoever writes to one of these places chooses the file."""
    found = []
    for _ in range(_MOST_LINKS):
        path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        found.append(path)
        if not os.path.islink(path):
            break
        path = os.path.join(os.path.dirname(path), os.readlink(path))
    return [*found, os.path.realpath(path)]


def _fields(input: Input) -> dict[str, str | None]:
    """What the patterns of evidence may use. Raises UsageError for a name that would lead elsewhere."""
    fields: dict[str, str | None] = {**input.place.fields(), "machine": input.machine, "boot": input.boot}
    for value in (input.machine, input.boot):
        if value is not None and (value.startswith(("/", "~", "@")) or "\0" in value or ".." in value.split("/")):
            raise UsageError("the machine's or the boot's name is no name of a file: nothing is looked up by it")
    return fields


def _document(inputs: Sequence[Input]) -> Material | None:
    """A document of evidence that holds the logs as well, where one holds all of them."""
    first = inputs[0]
    if any(each.identity != first.identity for each in inputs):
        return None
    return first.data if first.data is not None else first.path


def _same_folder(path: str, folders: Sequence[str]) -> None:
    """Raise SourceError for a link, or a folder with links, that leads out of the first folder that the path is in."""
    place = os.path.abspath(path)
    home = next((each for each in folders if _is_within(place, os.path.abspath(each))), None)
    if home is None:
        return
    entries = [place]
    if os.path.isdir(place):
        for folder, inner, files in os.walk(place):
            entries += (os.path.join(folder, name) for name in (*inner, *files))
            if len(entries) > _MOST_ENTRIES:
                raise SourceError(f"{path}: more than {_MOST_ENTRIES} entries")
    if not all(_is_within(os.path.realpath(entry), os.path.realpath(home)) for entry in entries):
        raise SourceError(f"{path}: a link that leads out of its folder, which is not followed")


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _content(path: str, most: int) -> bytes:
    try:
        if not os.path.isfile(path):
            raise SourceError(f"{path}: no file")
        with open(path, "rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise SourceError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    if len(data) > most:
        raise ParseError(f"{path}: more than {most} bytes")
    return data
