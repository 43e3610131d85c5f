"""systemd-pcrlock: a folder of components, which are the events of a part of the boot in order.

Source: systemd 257, src/pcrlock/pcrlock.c, and what its binary does. A file is a variant of a component: a JSON object
with ``records``, of a PCR and its digests each. A record is matched by PCR and by the digest of one bank; a variant by
a subsequence of the whole log, found greedily; and the first variant that matches, by the order of names, takes it. So
the longest variant comes first, a run is not cut between equal records, and names are of one width.

Two layouts. *Alone* is for ``--components=DIR``: one component for each register, with all that is measured; as many
variants as the boots have. *Beside* leaves out what the components that systemd ships define (separators, actions),
and cuts each register's events where these stand, so that names come in the order of the boot.

What is written is read back, matched as pcrlock matches, and led to the values of the log's replay: it prints no error
for components that are in the wrong order, and predicts wrong values.
"""

from __future__ import annotations

from evlog import hashing
from evlog._record import Record
from evlog.algorithms import SHA256
from evlog.errors import ConversionError
from evlog.model import Digest, Finding, Loss
from evlog.references._pcrlock_files import BANKS, PcrlockRecord, read, written
from evlog.references.export import Export
from evlog.registers import LAST_PCR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from evlog.algorithms import HashAlg
    from evlog.references.reference import Boot, Reference, RegisterReferences
    from evlog.registers import Register

__all__ = ["BY", "ID", "OPTIONS", "TITLE", "PcrlockRecord", "read", "write"]

ID = "pcrlock"
TITLE = "components of systemd-pcrlock"
BY = ("event",)
OPTIONS = ("beside",)

#: Combinations of variants that `systemd-pcrlock predict` gets through in a second or two.
_MOST_PATHS = 100_000
#: Start values that pcrlock begins with itself.
_STARTS = ("zeros", "ones", "locality")


class _Part(Record):
    """Records of one boot that go into one component."""

    component: str
    records: tuple[PcrlockRecord, ...]


def write(boots: Sequence[Boot], *, by: str = "event", beside: bool = False) -> Export:
    """The components of some boots; with ``beside`` for a system that uses those of systemd, too.

    Registers that vary have a variant for each that was seen, in any combination; where these would be more than
    pcrlock can multiply out, the boots are variants as a whole. Raises ConversionError.
    """
    losses: list[Loss] = []
    findings: list[Finding] = []
    # A boot of which nothing is left would be a variant of each component that matches anything.
    told = [each for each in (_Told(boot, losses, len(boots) > 1) for boot in boots) if each.registers]
    if not told:
        raise ConversionError("pcrlock has PCR 0 to 23 only, in SHA-1 and SHA-2 banks: no event is left")
    parts = [_beside(each, losses) if beside else list(_alone(each)) for each in told]
    if not any(map(any, parts)):
        raise ConversionError("no event is left that the components of systemd do not define")
    components = _components(parts)
    paths = 1
    for variants in components.values():
        paths *= len(variants)
    if paths > _MOST_PATHS and not beside:
        components = {"300-evlog-boot": _variants([each.log for each in told])}
        message = f"{paths} combinations of variants are more than pcrlock can try: each boot is a variant as a whole"
        findings.append(Finding("pcrlock_whole_boots", "note", message))
    elif paths > _MOST_PATHS:
        raise ConversionError(f"{paths} combinations of variants are more than pcrlock can try: give fewer boots")
    files = dict(written(components))
    back = _Matcher(read(files))
    for each in told:
        wrong = _unproven(each, back, beside=beside)
        if wrong:
            reason = (
                f"pcrlock would not match all events, or predict another value, of PCR {', '.join(map(str, wrong))}"
            )
            raise ConversionError(f"{each.prefix}{reason}")
    return Export(ID, tuple(files.items()), tuple(dict.fromkeys(losses)), tuple(findings))


class _Told:
    """What of a boot can be told: the registers that pcrlock has, with the banks that it has."""

    def __init__(self, boot: Boot, losses: list[Loss], several: bool) -> None:
        self.registers: dict[int, RegisterReferences] = {}
        #: The components of systemd that match the boot, with the records of it that they match.
        self.shipped: list[tuple[str, list[PcrlockRecord]]] = []
        self.prefix = f"{boot.name}: " if several else ""
        for each in boot.registers:
            register = each.register
            if register.space != "pcr" or register.number > LAST_PCR:
                reason = f"pcrlock has PCR 0 to {LAST_PCR} only: {len(each.events)} events on {register} are left out"
                losses.append(self.loss("register", reason))
                continue
            for alg in each.banks:
                if alg not in BANKS:
                    losses.append(self.loss(f"digests.{alg}", "pcrlock has no such bank"))
            if not self.banks(each):
                reason = f"pcrlock has none of its banks: {len(each.events)} events on {register} are left out"
                losses.append(self.loss("register", reason))
                continue
            if each.start_reason not in _STARTS:
                reason = f"pcrlock does not know that {register} starts otherwise ({each.start_reason})"
                losses.append(self.loss("start", f"{reason}: it predicts another value, or none"))
            self.registers[register.number] = each
        #: All records in the order of the boot, with those of registers that are left out later.
        self.whole = tuple(_record(each) for each in boot if self._has(each.register))

    def _has(self, register: Register) -> bool:
        return register.space == "pcr" and register.index in self.registers

    @property
    def log(self) -> tuple[PcrlockRecord, ...]:
        """The records of the registers that are told, in the order of the boot."""
        return tuple(record for record in self.whole if record.pcr in self.registers)

    def of(self, pcr: int) -> tuple[PcrlockRecord, ...]:
        """The records of a register."""
        return tuple(record for record in self.whole if record.pcr == pcr)

    def loss(self, field: str, reason: str) -> Loss:
        return Loss(None, field, self.prefix + reason)

    @staticmethod
    def banks(each: RegisterReferences) -> list[HashAlg]:
        return [alg for alg in each.banks if alg in BANKS]


def _record(reference: Reference) -> PcrlockRecord:
    return PcrlockRecord(
        reference.register.number, tuple(digest for digest in reference.digests if digest.alg in BANKS)
    )


def _alone(told: _Told) -> Iterator[_Part]:
    """A component for each register."""
    for pcr in sorted(told.registers):
        yield _Part(f"3{pcr:02}-evlog-pcr{pcr}", told.of(pcr))


def _of(*texts: bytes) -> tuple[tuple[Digest, ...], ...]:
    return tuple(tuple(Digest(alg, hashing.digest(alg, text)) for alg in BANKS) for text in texts)


#: Components of systemd that match records of any log, by name: the PCRs, and what is hashed; alternatives if several.
_SHIPPED: dict[str, tuple[tuple[int, ...], tuple[tuple[bytes, ...], ...]]] = {
    "350-action-efi-application": ((4,), ((b"Calling EFI Application from Boot Option",),)),
    "400-secureboot-separator": ((7,), ((bytes(4),), (b"\xff" * 4,))),
    "500-separator": (tuple(range(7)), ((bytes(4),), (b"\xff" * 4,))),
    "700-action-efi-exit-boot-services": (
        (5,),
        ((b"Exit Boot Services Invocation", b"Exit Boot Services Returned with Success"), ()),
    ),
    **{
        f"{number}-{word}": ((11,), ((word.encode(),),))
        for number, word in (
            (750, "enter-initrd"), (800, "leave-initrd"), (850, "sysinit"), (900, "ready"), (950, "shutdown"),
            (990, "final"),
        )
    },
}  # fmt: skip
#: What comes behind a component of systemd has a name behind its name; nothing may come behind these.
_BEHIND = {"": "2", "350": "4", "400": "6", "500": "6", "700": "7"}
_LAST_NAME = 760


def _shipped(told: _Told) -> list[tuple[str, list[PcrlockRecord]]]:
    """The components of systemd that match the boot, each as the records of it that do; not those that do not."""
    found = []
    for name, (pcrs, alternatives) in _SHIPPED.items():
        for texts in alternatives:
            records = [PcrlockRecord(pcr, digests) for pcr in pcrs for digests in _of(*texts)]
            # Of several PCRs in one component those that the boot does not tell of cannot be asked for.
            if not records or _found(_keys(records, told), _keys(told.whole, told)) is not None:
                found.append((name, [_in_banks(record, told) for record in records]))
                break
    return found


def _in_banks(record: PcrlockRecord, told: _Told) -> PcrlockRecord:
    banks = _Told.banks(told.registers[record.pcr])
    return record.replace(digests=tuple(digest for digest in record.digests if digest.alg in banks))


def _beside(told: _Told, losses: list[Loss]) -> list[_Part]:
    """Components for what those of systemd do not define, with names that put them where they belong."""
    told.shipped = _shipped(told)
    names = {name for name, _ in told.shipped}
    for name, (pcrs, _) in _SHIPPED.items():
        if name not in names and int(name[:3]) < _LAST_NAME and not told.registers.keys().isdisjoint(pcrs):
            where = f"PCR {pcrs[0]}" if len(pcrs) == 1 else f"PCR {pcrs[0]} to {pcrs[-1]}"
            reason = f"the log does not have all that systemd's {name} expects: pcrlock leaves {where} out"
            losses.append(told.loss("components", reason))
    parts: dict[int, list[_Part]] = {}
    for pcr in sorted(told.registers):
        own = [(name, [record for record in records if record.pcr == pcr]) for name, records in told.shipped]
        cut = _cut(pcr, told.of(pcr), [(name, records) for name, records in own if records], told)
        if cut is None:
            _leave_out(pcr, told, losses)
        else:
            parts[pcr] = cut
    while True:
        components = {part.component: [part.records] for each in parts.values() for part in each}
        wrong = _unproven(told, _Matcher(components), beside=True)
        if not wrong:
            break
        for pcr in wrong:
            _leave_out(pcr, told, losses)
            del parts[pcr]
    return [part for each in parts.values() for part in each]


def _leave_out(pcr: int, told: _Told, losses: list[Loss]) -> None:
    reason = f"the events on pcr:{pcr} are not in the order of systemd's components: they are left out"
    losses.append(told.loss("components", reason))
    del told.registers[pcr]


def _cut(
    pcr: int, records: tuple[PcrlockRecord, ...], shipped: list[tuple[str, list[PcrlockRecord]]], told: _Told
) -> list[_Part] | None:
    """A register's records in the pieces between those of systemd's components; None if that cannot be."""
    keys = _keys(records, told)
    taken: dict[int, str] = {}
    for name, theirs in shipped:
        for row in _found(_keys(theirs, told), keys) or ():
            taken[row] = name
    early = not {name[:3] for name in taken.values()}.isdisjoint(("350", "400", "500"))
    prefix = "2" if early else "6"
    pieces: dict[str, list[PcrlockRecord]] = {}
    for row, record in enumerate(records):
        if row in taken:
            prefix = _BEHIND.get(taken[row][:3], "")
        elif not prefix:
            return None
        else:
            pieces.setdefault(f"{prefix}{pcr:02}-evlog-pcr{pcr}", []).append(record)
    components = [*shipped, *pieces.items()]
    order = [record for _, piece in sorted(components) for record in piece]
    owned = {row for _, piece in components for row in _found(_keys(piece, told), keys) or ()}
    if _keys(order, told) != keys or len(owned) < len(records):
        return None
    return [_Part(name, tuple(piece)) for name, piece in pieces.items()]


def _keys(records: Iterable[PcrlockRecord], told: _Told) -> list[tuple[int, bytes]]:
    """What pcrlock compares of records."""
    primary = _primary(told)
    return [_key(record, primary) for record in records]


def _key(record: PcrlockRecord, primary: HashAlg) -> tuple[int, bytes]:
    """What pcrlock compares of a record: the PCR and the digest of one bank."""
    return record.pcr, next((digest.value for digest in record.digests if digest.alg == primary), b"")


def _primary(told: _Told) -> HashAlg:
    """The bank that pcrlock compares: SHA-256 if the log has it, else the one with the highest number."""
    banks = {alg for each in told.registers.values() for alg in _Told.banks(each)}
    return SHA256 if SHA256 in banks else max(banks, key=lambda alg: alg.id, default=SHA256)


def _found(wanted: Sequence[tuple[int, bytes]], log: Sequence[tuple[int, bytes]]) -> list[int] | None:
    """The rows of a log that a variant matches, greedily from the start; None if it does not."""
    rows: list[int] = []
    if len(wanted) > len(log):
        return None
    for row, key in enumerate(log):
        if len(rows) == len(wanted):
            break
        if key == wanted[len(rows)]:
            rows.append(row)
    return rows if len(rows) == len(wanted) else None


def _components(parts: Sequence[Sequence[_Part]]) -> dict[str, list[tuple[str, tuple[PcrlockRecord, ...]]]]:
    """The components by name, each with its variants by name."""
    names = sorted({part.component for boot in parts for part in boot})
    by_name = [{part.component: part.records for part in boot} for boot in parts]
    return {name: _variants([boot.get(name, ()) for boot in by_name]) for name in names}


def _variants(boots: Sequence[tuple[PcrlockRecord, ...]]) -> list[tuple[str, tuple[PcrlockRecord, ...]]]:
    """What differs among the boots, the longest first: pcrlock takes the first that matches, and leaves the rest."""
    first: dict[tuple[PcrlockRecord, ...], int] = {}
    for number, records in enumerate(boots, 1):
        first.setdefault(records, number)
    ordered = sorted(first.items(), key=lambda item: (-len(item[0]), item[1]))
    width = max(3, len(str(len(ordered))))
    return [
        (f"{place:0{width}}-{f'boot-{number}' if records else 'absent'}", records)
        for place, (records, number) in enumerate(ordered, 1)
    ]


class _Matcher:
    """Finds the variants of components in logs as pcrlock does; it is asked for many boots and many variants."""

    def __init__(self, components: Mapping[str, Sequence[Sequence[PcrlockRecord]]]) -> None:
        self._components = components
        self._keyed: dict[HashAlg, list[tuple[str, list[_Variant]]]] = {}

    def variants(self, primary: HashAlg) -> list[tuple[str, list[_Variant]]]:
        """The components by name, with what is compared of each variant."""
        if primary not in self._keyed:
            self._keyed[primary] = [
                (name, [_Variant(records, primary) for records in variants])
                for name, variants in self._components.items()
            ]
        return self._keyed[primary]


class _Variant:
    """A variant, what is compared of it, and its PCR if it has but one, in whose events alone it is looked for."""

    def __init__(self, records: Sequence[PcrlockRecord], primary: HashAlg) -> None:
        self.records = records
        self.keys = [_key(record, primary) for record in records]
        pcrs = {record.pcr for record in records}
        self.pcr = pcrs.pop() if len(pcrs) == 1 else None


def _unproven(told: _Told, components: _Matcher, *, beside: bool) -> list[int]:
    """The PCRs of a boot with events that pcrlock would not match, or of which it would predict another value."""
    primary = _primary(told)
    log = told.log
    keys = [_key(record, primary) for record in log]
    rows_of: dict[int | None, list[int]] = {None: list(range(len(log)))}
    for row, record in enumerate(log):
        rows_of.setdefault(record.pcr, []).append(row)
    keys_of = {pcr: [keys[row] for row in rows] for pcr, rows in rows_of.items()}
    shipped = []
    if beside:
        kept = (
            (name, [record for record in records if record.pcr in told.registers]) for name, records in told.shipped
        )
        shipped = [(name, [_Variant(records, primary)]) for name, records in kept]
    taken: dict[str, Sequence[PcrlockRecord]] = {}
    owned: set[int] = set()
    for name, variants in (*components.variants(primary), *shipped):
        for variant in variants:
            found = _found(variant.keys, keys_of.get(variant.pcr, ()))
            if found is not None:
                rows = rows_of.get(variant.pcr, ())
                taken[name] = variant.records
                owned.update(rows[row] for row in found)
                break
    wrong = {record.pcr for row, record in enumerate(log) if row not in owned}
    runs: dict[int, list[PcrlockRecord]] = {pcr: [] for pcr in told.registers}
    for name in sorted(taken):
        for record in taken[name]:
            if record.pcr in runs:
                runs[record.pcr].append(record)
    backend = hashing.backend()
    for pcr, each in told.registers.items():
        for start in each.starts:
            if start.alg in BANKS:
                values = [digest.value for record in runs[pcr] for digest in record.digests if digest.alg == start.alg]
                if backend.fold(start.alg, start.value, values) != each.value(start.alg):
                    wrong.add(pcr)
    return sorted(wrong)
