"""The YAML document that tpm2_eventlog prints of a log, for keylime and scripts that read it.

Reference: tpm2-tools 5.4 as Debian 12 ships it (built without libefivar). Bodies are bug for bug
(`evlog.report._tpm2_bodies`), so is the mapping without list markers that it prints for the events of a SHA-1 log.
What differs: every string is one that all YAML parsers read alike, and a log that the tool gives up on is printed to
its end. Its register values are wrong where a register has EV_NO_ACTION events, which it extends, or does not start
from zeros (startup locality, dynamic launch); a comment above such a value states the right one.
"""

from __future__ import annotations

from evlog import hashing
from evlog.algorithms import HashAlg
from evlog.contents.pcclient import PCClientEvent, event_type_name
from evlog.contents.spec_id import fields_of, spec_id_of
from evlog.errors import UsageError
from evlog.model import Finding
from evlog.replaying.replay import replay
from evlog.report import _yaml
from evlog.report._tpm2_bodies import TYPE_NAMES, body

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from evlog.model import Event, Log

__all__ = ["findings", "lines"]

#: Banks in the order of the document; it has no others.
_BANKS = ("sha1", "sha256", "sha384", "sha512", "sm3_256")
_LAST_PCR = 31


def lines(log: Log, version: int = 1) -> Iterator[str]:
    """The document, line by line. ``version`` 1 is what the tool prints unless asked, 2 what keylime asks for.

    Raises UsageError for a log of anything but PC Client events.
    """
    sha1_only = all(len(event.digests) == 1 for event in log.events) and not any(map(_is_header, log.events[:1]))
    yield "---"
    yield f"version: {version}"
    yield "events:"
    for event in log.events:
        content = event.content
        if not isinstance(content, PCClientEvent):
            raise UsageError(f"tpm2-yaml has PC Client events only, event {event.number} is of kind {content.kind}")
        if event.number == 0 and _is_header(event):
            yield from _header(event, content)
            continue
        if not sha1_only:
            yield f"- EventNum: {event.number}"
        yield from _event(event, content, version)
    yield from _registers(log)


def findings(log: Log, document: Iterable[str]) -> Iterator[Finding]:
    """What a reader of the document should know."""
    if any(line.startswith("    #") for line in document):
        message = "register values that tpm2_eventlog gets wrong are in the document, with comments that correct them"
        yield Finding("tool_values", "warning", message)
    if log.events and not _is_header(log.events[0]):
        message = "the events are one mapping, as tpm2_eventlog prints a SHA-1 log: a parser keeps the last event only"
        yield Finding("tool_mapping", "warning", message)


def _is_header(event: Event) -> bool:
    found = spec_id_of(event.content)
    return found is not None and found.agile


def _header(event: Event, content: PCClientEvent) -> Iterator[str]:
    found = fields_of(content.data)
    assert found is not None
    yield "- EventNum: 0"
    yield f"  PCRIndex: {event.register.index}"
    yield "  EventType: EV_NO_ACTION"
    # A header that was read from another container than TCG's may have none.
    yield f'  Digest: "{event.digests[0].value.hex() if event.digests else ""}"'
    yield f"  EventSize: {len(content.data)}"
    yield "  SpecID:"
    yield f"  - Signature: {_yaml.plain(_yaml.decoded(found.signature.split(bytes(1))[0]))}"
    yield f"    platformClass: {found.platform_class}"
    yield f"    specVersionMinor: {found.spec_version_minor}"
    yield f"    specVersionMajor: {found.spec_version_major}"
    yield f"    specErrata: {found.spec_errata}"
    yield f"    uintnSize: {found.uintn_size}"
    yield f"    numberOfAlgorithms: {found.count}"
    yield "    Algorithms:"
    for number, (alg, size) in enumerate(found.algorithms):
        yield f"    - Algorithm[{number}]:"
        yield f"      algorithmId: {_yaml.plain(HashAlg.of(alg).name)}"
        yield f"      digestSize: {size}"
    yield f"    vendorInfoSize: {found.vendor_info_size}"
    if found.vendor_info_size:
        yield f'    vendorInfo: "{found.vendor_info.hex()}"'


def _event(event: Event, content: PCClientEvent, version: int) -> Iterator[str]:
    known = content.event_type in TYPE_NAMES
    index = event.register.number
    yield f"  PCRIndex: {index - (1 << 32) if index >> 31 else index}"
    yield f"  EventType: {event_type_name(content.event_type) if known else 'Unknown event type'}"
    yield f"  DigestCount: {len(event.digests)}"
    yield "  Digests:"
    for digest in event.digests:
        yield f"  - AlgorithmId: {_yaml.plain(str(digest.alg))}"
        yield f'    Digest: "{digest.value.hex()}"'
    yield f"  EventSize: {len(content.data)}"
    if content.data:
        yield from body(content.event_type, content.data, version)


def _registers(log: Log) -> Iterator[str]:
    """The tool's values, each with a comment that states the replayed one where the two differ."""
    values = _tool_values(log)
    replayed = {(str(row.alg), row.register.index): row for row in replay(log).rows}
    yield "pcrs:"
    for bank in _BANKS:
        rows = sorted((index, value) for (alg, index), value in values.items() if alg == bank)
        if rows:
            yield f"  {bank}:"
        for index, value in rows:
            row = replayed.get((bank, index))
            if row is None:
                yield f"    # {index}: no event extends it"
            elif row.value is None:
                yield f"    # {index}: not all of its events have a {bank} digest"
            elif row.value != value:
                yield f"    # {index}: the log replays to 0x{row.value.hex()}"
            yield f"    {index:<2} : 0x{value.hex()}"


def _tool_values(log: Log) -> dict[tuple[str, int], bytes]:
    """By bank and index: from zeros, and extended by EV_NO_ACTION events, too."""
    digests: dict[tuple[HashAlg, int], list[bytes]] = {}
    for event in log.events:
        index = event.register.number
        if index > _LAST_PCR or (event.number == 0 and _is_header(event)):
            continue
        for digest in event.digests:
            digests.setdefault((digest.alg, index), []).append(digest.value)
    backend = hashing.backend()
    return {
        (alg.name, index): backend.fold(alg, bytes(alg.size), extended)
        for (alg, index), extended in digests.items()
        if alg.name in _BANKS and backend.computable(alg)
    }
