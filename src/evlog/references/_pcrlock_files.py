"""The files of systemd-pcrlock: a variant of a component each, records of a PCR and its digests in JSON.

Source: systemd 257, src/pcrlock/pcrlock.c, and what its binary does.
"""

from __future__ import annotations

import json

from evlog._record import Record
from evlog.algorithms import SHA1, SHA256, SHA384, SHA512
from evlog.errors import ParseError
from evlog.model import Digest
from evlog.registers import LAST_PCR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from evlog.algorithms import HashAlg

__all__ = ["BANKS", "PcrlockRecord", "read", "written"]

#: The banks that pcrlock knows.
BANKS = (SHA1, SHA256, SHA384, SHA512)
_SUFFIX = ".pcrlock"


class PcrlockRecord(Record):
    """An event as pcrlock has it: the number of its PCR, and its digests."""

    pcr: int
    digests: tuple[Digest, ...]


def written(components: Mapping[str, list[tuple[str, tuple[PcrlockRecord, ...]]]]) -> Iterator[tuple[str, bytes]]:
    """The files of components that have variants by name, each with its path in the folder."""
    for name, variants in components.items():
        for variant, records in variants:
            path = f"{name}{_SUFFIX}" if len(variants) == 1 else f"{name}{_SUFFIX}.d/{variant}{_SUFFIX}"
            yield path, _json(records)


def _json(records: Iterable[PcrlockRecord]) -> bytes:
    """A variant, a line for each record. Digests of another size than their bank's make pcrlock abort."""
    rows = []
    for record in records:
        digests = [{"hashAlg": digest.alg.name, "digest": digest.value.hex()} for digest in record.digests]
        rows.append(json.dumps({"pcr": record.pcr, "digests": digests}))
    inner = ",\n".join(rows)
    return f'{{"records":[{inner and chr(10)}{inner}{inner and chr(10)}]}}\n'.encode()


def read(files: Mapping[str, bytes]) -> dict[str, list[tuple[PcrlockRecord, ...]]]:
    """Components by name, in the order in which pcrlock takes them, with their variants in that order.

    Paths are those in the folder; files that pcrlock would not look at are passed over. Raises ParseError for what
    pcrlock refuses, passes over in silence, or aborts at.
    """
    # Components go by the name of their file, with its suffix; the folder of its variants has another one.
    found: dict[str, list[tuple[PcrlockRecord, ...]]] = {}
    for path in sorted(files):
        folder, _, name = path.rpartition("/")
        if not name.endswith(_SUFFIX) or (folder and not folder.endswith(f"{_SUFFIX}.d")):
            continue
        component = folder.removesuffix(".d") if folder else name
        found.setdefault(component, []).append(_variant(path, files[path]))
    return {name.removesuffix(_SUFFIX): found[name] for name in sorted(found)}


def _variant(path: str, data: bytes) -> tuple[PcrlockRecord, ...]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ParseError("no JSON", where=path) from error
    records = document.get("records", []) if isinstance(document, dict) else None
    if not isinstance(records, list):
        raise ParseError("an object with an array of records was expected", where=path)
    return tuple(_read_record(record, f"{path}.records[{row}]") for row, record in enumerate(records))


def _read_record(record: object, where: str) -> PcrlockRecord:
    members = record if isinstance(record, dict) else {}
    pcr, digests = members.get("pcr"), members.get("digests")
    if type(pcr) is not int or not 0 <= pcr <= LAST_PCR:
        raise ParseError(f"a PCR from 0 to {LAST_PCR} was expected", where=f"{where}.pcr")
    if not isinstance(digests, list) or not digests:
        raise ParseError("an array of digests was expected", where=f"{where}.digests")
    found: dict[HashAlg, Digest] = {}
    for digest in digests:
        name, text = (digest.get("hashAlg"), digest.get("digest")) if isinstance(digest, dict) else (None, None)
        alg = next((alg for alg in BANKS if isinstance(name, str) and alg.name == name.lower()), None)
        if alg is None or alg in found:
            raise ParseError("one digest for each of sha1, sha256, sha384, sha512 was expected", where=where)
        try:
            value = bytes.fromhex(text) if isinstance(text, str) else b""
        except ValueError:
            value = b""
        if len(value) != alg.size:
            raise ParseError(f"a digest of {alg.size} bytes in hex was expected", where=where)
        found[alg] = Digest(alg, value)
    return PcrlockRecord(pcr, tuple(found.values()))
