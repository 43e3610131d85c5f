"""CoRIM: a manifest of reference values, with a CoMID for each boot; unsigned, as signing is the work of COSE tools.

Spec: draft-ietf-rats-corim-11 (corim-map, concise-mid-tag, reference-triples, integrity-registers), RFC 8949 section
4.2.1 (deterministic encoding). By event, a measurement for each: its key is ``pcr:4/14`` (register, number of the
event), its name the event's type. By register, one measurement with all registers, and one for each of them (``pcr:4``)
for verifiers that do not read registers. Algorithms are numbers of the Named Information registry, which are not the
TPM's; SHA-1 and SM3 have none. The order of events has no place in a CoMID.

The environment is a class of vendor and model, which nothing in a log proves: they are given, or it is "unspecified".
"""

from __future__ import annotations

from hashlib import sha256

from evlog._record import Record
from evlog.algorithms import ALGORITHMS, HashAlg
from evlog.errors import ConversionError, ParseError
from evlog.evidence._cbor import Tag, array_of, bytes_of, loads, map_of
from evlog.model import Digest, Loss
from evlog.references.export import Export

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from evlog.references.reference import Boot, RegisterReferences
    from evlog.registers import Register

__all__ = ["BY", "ID", "OPTIONS", "TITLE", "Measurement", "read", "write"]

ID = "corim"
TITLE = "CoRIM with a CoMID for each boot"
BY = ("event", "register")
OPTIONS = ("vendor", "model")

#: Named Information hash registry (IANA), by TPM_ALG_ID.
_ALGORITHMS = {0x000B: 1, 0x000C: 7, 0x000D: 8, 0x0027: 10, 0x0028: 11, 0x0029: 12}
_TPM = {number: ALGORITHMS[alg] for alg, number in _ALGORITHMS.items()}
_UNSPECIFIED = "unspecified"
_CORIM, _COMID = 501, 506
# Keys of maps: corim-map, concise-mid-tag, class-map, measurement-values-map.
_ID, _TAGS = 0, 1
_TAG_IDENTITY, _TRIPLES = 1, 4
_CLASS, _VENDOR, _MODEL = 0, 1, 2
_DIGESTS, _NAME, _REGISTERS = 2, 11, 14


class Measurement(Record):
    """A measurement of a CoMID: its key and name, and either digests or digests of registers."""

    key: str | int | None
    digests: tuple[Digest, ...] = ()
    name: str | None = None
    registers: tuple[tuple[str | int, tuple[Digest, ...]], ...] = ()


def write(boots: Sequence[Boot], *, by: str = "event", vendor: str = "", model: str = "") -> Export:
    """A CoRIM of some boots; boots with the same measurements are one CoMID.

    Raises ConversionError if no digest is left that it has a number for.
    """
    from cbor2 import CBORTag, dumps

    losses: list[Loss] = []
    measured = []
    for boot in boots:
        told = _Told(boot, losses, len(boots) > 1)
        each = tuple(told.by_register() if by == "register" else told.by_event())
        if each:
            measured.append(each)
    measured = list(dict.fromkeys(measured))
    if not measured:
        raise ConversionError("CoRIM has no number for sha1 and sm3_256, and no event has another digest")
    if not vendor and not model:
        reason = f"no vendor and model were given: the environment's vendor is {_UNSPECIFIED!r}"
        losses.append(Loss(None, "environment", reason))
    environment = {_CLASS: {key: text for key, text in ((_VENDOR, vendor), (_MODEL, model)) if text}}
    if not environment[_CLASS]:
        environment = {_CLASS: {_VENDOR: _UNSPECIFIED}}
    if by == "event":
        losses.append(Loss(None, "order", "a CoMID has no place for the order of events"))
    tags = []
    for each in measured:
        triples = {0: [[environment, [_encoded(measurement) for measurement in each]]]}
        identity = {0: _identity(dumps(triples, canonical=True))}
        comid = dumps({_TAG_IDENTITY: identity, _TRIPLES: triples}, canonical=True)
        tags.append(CBORTag(_COMID, comid))
    data = dumps(CBORTag(_CORIM, {_ID: _identity(dumps(tags, canonical=True)), _TAGS: tags}), canonical=True)
    if [tuple(each) for each in read(data)] != measured:
        raise ConversionError("the CoRIM that was written reads back as something else")
    return Export(ID, (("", data),), tuple(dict.fromkeys(losses)))


def _identity(data: bytes) -> bytes:
    """A UUID of what is identified: version 8, of its SHA-256, so that the same boot gives the same bytes."""
    value = bytearray(sha256(data).digest()[:16])
    value[6], value[8] = value[6] & 0x0F | 0x80, value[8] & 0x3F | 0x80
    return bytes(value)


class _Told:
    """The measurements of one boot."""

    def __init__(self, boot: Boot, losses: list[Loss], several: bool) -> None:
        self.boot, self.losses = boot, losses
        prefix = f"{boot.name}: " if several else ""
        self._registers: dict[Register, RegisterReferences] = {}
        for each in boot.registers:
            for alg in each.banks:
                if alg.id not in _ALGORITHMS:
                    losses.append(Loss(None, f"digests.{alg}", f"{prefix}CoRIM has no number for {alg}"))
            if any(alg.id in _ALGORITHMS for alg in each.banks):
                self._registers[each.register] = each
            else:
                reason = f"{prefix}no bank of {each.register} has a number in CoRIM: it is left out"
                losses.append(Loss(None, "register", reason))

    def by_event(self) -> Iterator[Measurement]:
        for reference in self.boot:
            if reference.register in self._registers:
                # A number is an event's own in one log only.
                number = reference.number if len(self.boot.logs) == 1 else reference.place
                key = f"{reference.register}/{number}"
                yield Measurement(key, _digests(reference.digests), reference.description.type)

    def by_register(self) -> Iterator[Measurement]:
        values = [(register, _digests(each.values)) for register, each in self._registers.items()]
        if values:
            yield Measurement(
                None, registers=tuple(sorted(((_key(register), found) for register, found in values), key=_order))
            )
        for register, digests in values:
            yield Measurement(str(register), digests)


def _key(register: Register) -> str | int:
    """A PCR goes by its number, anything else by its name."""
    return register.number if register.space == "pcr" else str(register)


def _order(register: tuple[str | int, Any]) -> tuple[bool, int, str]:
    """The order of keys in a deterministic map: numbers, then texts by length."""
    key = register[0]
    return (False, key, "") if isinstance(key, int) else (True, len(key.encode()), key)


def _digests(digests: Sequence[Digest]) -> tuple[Digest, ...]:
    return tuple(digest for digest in digests if digest.alg.id in _ALGORITHMS)


def _encoded(measurement: Measurement) -> dict[int, Any]:
    def listed(digests: Sequence[Digest]) -> list[list[int | bytes]]:
        return [[_ALGORITHMS[digest.alg.id], digest.value] for digest in digests]

    values: dict[int, Any] = {}
    if measurement.digests:
        values[_DIGESTS] = listed(measurement.digests)
    if measurement.name is not None:
        values[_NAME] = measurement.name
    if measurement.registers:
        values[_REGISTERS] = {key: listed(digests) for key, digests in measurement.registers}
    return {1: values} if measurement.key is None else {0: measurement.key, 1: values}


def read(data: bytes) -> list[list[Measurement]]:
    """The measurements of an unsigned CoRIM, of each CoMID in it: those that this room writes.

    Raises ParseError for bytes that are none, and for a digest that has not its algorithm's size.
    """
    corim = map_of(_untag(loads(data, ID), _CORIM, ID), ID)
    found = []
    for row, tag in enumerate(array_of(corim.get(_TAGS), f"{ID}.tags")):
        where = f"{ID}.tags[{row}]"
        comid = map_of(loads(bytes_of(_untag(tag, _COMID, where), where), where), where)
        triples = map_of(comid.get(_TRIPLES), f"{where}.triples")
        measurements = []
        for triple in array_of(triples.get(0), f"{where}.reference-triples"):
            _, listed = array_of(triple, where) if isinstance(triple, list) and len(triple) == 2 else (None, None)
            measurements += [_measurement(each, where) for each in array_of(listed, f"{where}.measurements")]
        found.append(measurements)
    return found


def _untag(value: Any, number: int, where: str) -> Any:
    if not isinstance(value, Tag) or value.number != number:
        raise ParseError(f"the CBOR tag {number} was expected", where=where)
    return value.value


def _measurement(value: Any, where: str) -> Measurement:
    members = map_of(value, where)
    values = map_of(members.get(1), f"{where}.mval")
    key, name = members.get(0), values.get(_NAME)
    if not isinstance(key, (str, int, type(None))) or not isinstance(name, (str, type(None))):
        raise ParseError("a key and a name in text were expected", where=where)
    registers = map_of(values.get(_REGISTERS, {}), f"{where}.integrity-registers")
    return Measurement(
        key,
        _read_digests(values.get(_DIGESTS, []), where),
        name,
        tuple((register, _read_digests(digests, where)) for register, digests in registers.items()),
    )


def _read_digests(value: Any, where: str) -> tuple[Digest, ...]:
    digests = []
    for each in array_of(value, f"{where}.digests"):
        number, digest = array_of(each, where) if isinstance(each, list) and len(each) == 2 else (None, None)
        alg: HashAlg | None = _TPM.get(number) if type(number) is int else None
        if alg is None or len(bytes_of(digest, where)) != alg.size:
            raise ParseError("an algorithm of the registry and a digest of its size were expected", where=where)
        digests.append(Digest(alg, bytes_of(digest, where)))
    return tuple(digests)
