"""Structural checks of a PC Client log: what must stand where, whoever wrote the firmware.

Source: TCG PC Client Platform Firmware Profile 1.06, sections 3.3.4 (PCR usage), 8.2 (separators, the end of the
pre-OS phase), 10.4.5 (EV_NO_ACTION). A log is not refused for any of this.
"""

from __future__ import annotations

from evlog import hashing
from evlog._record import lru_cache
from evlog.checking.facts import finding
from evlog.columns import rows_of
from evlog.contents import separator, spec_id, startup_locality
from evlog.contents.event_types import (
    EV_ACTION,
    EV_COMPACT_HASH,
    EV_EFI_ACTION,
    EV_EFI_BOOT_SERVICES_APPLICATION,
    EV_EFI_BOOT_SERVICES_DRIVER,
    EV_EFI_EVENT_BASE,
    EV_EFI_GPT_EVENT,
    EV_EFI_GPT_EVENT2,
    EV_EFI_HANDOFF_TABLES,
    EV_EFI_HANDOFF_TABLES2,
    EV_EFI_RUNTIME_SERVICES_DRIVER,
    EV_EFI_SPDM_DEVICE_AUTHORITY,
    EV_EFI_SPDM_DEVICE_POLICY,
    EV_EFI_VARIABLE_AUTHORITY,
    EV_EFI_VARIABLE_BOOT,
    EV_EFI_VARIABLE_BOOT2,
    EV_EFI_VARIABLE_DRIVER_CONFIG,
    EV_EVENT_TAG,
    EV_IPL,
    EV_IPL_PARTITION_DATA,
    EV_OMIT_BOOT_DEVICE_EVENTS,
    EV_PLATFORM_CONFIG_FLAGS,
    EV_SEPARATOR,
    GOOGLE_DRTM,
    SLAUNCH_END,
    SLAUNCH_START,
)
from evlog.contents.launch import has_marker_digests, tells_of_launch
from evlog.model import Finding
from evlog.registers import LAST_PCR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from evlog.algorithms import HashAlg
    from evlog.checking.facts import Facts
    from evlog.checking.row import Row

__all__ = ["findings", "seen_in"]

_VALUES = (bytes(4), b"\xff" * 4, b"WBCL")
_CONSTANTS = (b"", bytes(4), b"\xff" * 4, b"\1\0\0\0")
_NUMBER = 8  # bytes that a number in place of a digest may have
_TRUST_POINT = (0xC0010004).to_bytes(4, "little")
#: EV_NO_ACTION events that belong to PCR 0, by their signature.
_OF_PCR0 = (spec_id.ANY, startup_locality.SIGNATURE, b"SP800-155 Event", b"H-CRTM CompMeas")
#: What may extend a PCR after its separator: what happens while the boot manager and the loader run.
_AFTER_SEPARATOR = {
    # Boot options and tables, which much firmware measures late.
    1: (
        EV_PLATFORM_CONFIG_FLAGS,
        EV_EFI_VARIABLE_DRIVER_CONFIG,
        EV_EFI_VARIABLE_BOOT,
        EV_EFI_VARIABLE_BOOT2,
        EV_EFI_HANDOFF_TABLES,
        EV_EFI_HANDOFF_TABLES2,
    ),
    2: (EV_EFI_BOOT_SERVICES_DRIVER, EV_EFI_RUNTIME_SERVICES_DRIVER),
    4: (
        EV_ACTION,
        EV_COMPACT_HASH,
        EV_IPL,
        EV_OMIT_BOOT_DEVICE_EVENTS,
        EV_EFI_BOOT_SERVICES_APPLICATION,
        EV_EFI_BOOT_SERVICES_DRIVER,
        EV_EFI_RUNTIME_SERVICES_DRIVER,
        EV_EFI_ACTION,
    ),
    5: (
        EV_ACTION,
        EV_EVENT_TAG,
        EV_IPL,
        EV_IPL_PARTITION_DATA,
        EV_EFI_GPT_EVENT,
        EV_EFI_GPT_EVENT2,
        EV_EFI_ACTION,
    ),
    # What an image was verified by.
    7: (EV_EFI_VARIABLE_AUTHORITY, EV_EFI_SPDM_DEVICE_POLICY, EV_EFI_SPDM_DEVICE_AUTHORITY),
}


def findings(facts: Facts) -> Iterator[Finding]:
    """All structural findings."""
    for rule in _RULES:
        yield from rule(facts)


def seen_in(row: Row) -> tuple[bool, ...]:
    """What is asked of each event by itself."""
    return _is_constant(row), _is_of_firmware(row)


def _digests(facts: Facts) -> Iterator[Finding]:
    """Digests that are not of their event, or say nothing of it."""
    wrong: list[Row] = []
    torn: list[Row] = []
    constant: list[Row] = []
    for row in facts.doubtful():
        verdicts = [check.verdict for check in row.checks]
        matches = "matches" in verdicts
        if "mismatch" in verdicts:
            (torn if matches else wrong).append(row)
        if not matches and row.type != EV_SEPARATOR and _is_constant(row):
            constant.append(row)
    yield from finding("digest_mismatch", "warning", "the digests are not of the event's data", wrong)
    yield from finding("banks_disagree", "warning", "one digest is of the event's data, another is not", torn)
    message = "the digest is of nothing, of a separator's value, or a number: it says nothing of what was measured"
    yield from finding("constant_digest", "note", message, constant)


def _is_constant(row: Row) -> bool:
    if not row.measured:
        return False
    for alg, value in row.digests:
        if len(value) > _NUMBER and not (value[-1] or any(value[_NUMBER:])):
            return True
        if value in _constants(alg):
            return True
    return False


@lru_cache(64)
def _constants(alg: HashAlg) -> frozenset[bytes]:
    """The digests of what says nothing; none under an algorithm that cannot be computed here."""
    backend = hashing.backend()
    return frozenset(backend.digests(alg, _CONSTANTS) if backend.computable(alg) else ())


def _lists(facts: Facts) -> Iterator[Finding]:
    """Digest lists that differ from what the header declares."""
    first = facts.row(0)
    header = spec_id.spec_id_in(first.type, first.data)
    if header is None or header.version != 3:
        return
    declared = [alg.id for alg in header.algorithms]
    others: list[Row] = []
    unordered: list[Row] = []
    for row in facts.unlike(declared):
        same = sorted(alg.id for alg, _ in row.digests) == sorted(declared)
        (unordered if same else others).append(row)
    yield from finding("digest_list", "warning", "the digests are not those that the header declares", others)
    yield from finding("digest_order", "note", "digests in another order than in the header", unordered)


def _separators(facts: Facts) -> Iterator[Finding]:
    """One separator on each of PCR 0 to 7, with a value that says that all is well."""
    separators = facts.separators
    missing = [] if _is_of_a_host(facts) or not facts.whole else [pcr for pcr in range(8) if pcr not in separators]
    uefi = (
        row
        for row in facts.of_type(*(kind for kind in facts.kinds if kind >= EV_EFI_EVENT_BASE))
        if row.pcr is not None
    )
    if missing and separators:
        message = f"no separator on PCR {_list(missing)}: the log is not complete"
        yield Finding("separator_missing", "warning", message)
    elif missing and any(uefi):
        yield Finding("separator_missing", "note", "no separators: the log ends before the firmware's work was done")
    for pcr, rows in sorted(separators.items()):
        repeated = rows if len(rows) > 1 else ()
        yield from finding("separator_repeated", "warning", f"more than one separator on PCR {pcr}", repeated)
    failed, odd = [], []
    for row in facts.of_type(EV_SEPARATOR):
        if separator.value_of(row.data) == separator.ERROR or row.has_rule("separator_error"):
            failed.append(row)
        elif row.data not in _VALUES and not row.matches:
            odd.append(row)
    yield from finding("separator_error", "warning", "the separator says that the firmware met an error", failed)
    yield from finding("separator_value", "warning", "a separator of an unknown value", odd)


def _is_of_a_host(facts: Facts) -> bool:
    """Whether the log is of one of Google's hosts, which have a dynamic launch and nothing of a PC's firmware."""
    if not any(tells_of_launch(row.type, row.register) for row in facts.of_type(GOOGLE_DRTM)):
        return False
    return not any(1 <= pcr <= 7 for pcr in set(facts.pcrs))


def _list(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))


def _phases(facts: Facts) -> Iterator[Finding]:
    """Nothing above PCR 7 before the separators, nothing of the firmware's after them."""
    separators = facts.separators
    if len(separators) < 8:
        return
    firsts = {pcr: rows[0].number for pcr, rows in separators.items()}
    begin, end = min(firsts[pcr] for pcr in range(7)), max(firsts.values())
    early, late, between = [], [], []
    for place, (pcr, event_type) in enumerate(zip(facts.pcrs, facts.types, strict=True)):
        if pcr > 15 or event_type == EV_SEPARATOR:
            continue
        number = facts.number(place)
        if pcr >= 8:
            if number < end:
                early.append(facts.row(place))
        elif begin < number < end and pcr != 7:
            between.append(facts.row(place))
        elif number > firsts[pcr] and event_type not in _AFTER_SEPARATOR.get(pcr, ()):
            late.append(facts.row(place))
    yield from finding("early_os_register", "warning", "an extension above PCR 7 before the separators", early)
    yield from finding("event_between_separators", "note", "an event between the separators", between)
    yield from finding("event_after_separator", "warning", "an event of this type after the PCR's separator", late)


def _localities(facts: Facts) -> Iterator[Finding]:
    """StartupLocality: once, on PCR 0, before it is extended, and a locality that can start a TPM."""
    rows = [row for row in facts.no_actions if startup_locality.is_startup_locality(row.type, row.data)]
    begun = next((facts.number(place) for place in rows_of(facts.pcrs, 0)), None)
    late = [row for row in rows if begun is not None and row.number > begun]
    odd = [row for row in rows if startup_locality.locality_of(row.type, row.data) is None]
    yield from finding("locality_late", "warning", "StartupLocality after PCR 0 was extended", late)
    yield from finding("locality_value", "warning", "StartupLocality is not 0, 3 or 4: it does not count", odd)
    yield from finding("locality_repeated", "warning", "more than one StartupLocality", rows if len(rows) > 1 else ())


def _no_actions(facts: Facts) -> Iterator[Finding]:
    """EV_NO_ACTION: digests of zeros, and the classic ones on PCR 0.

    Some kernels make EV_NO_ACTION of a launch's markers once they have extended what is between them.
    """
    loud, misplaced = [], []
    for row in facts.no_actions:
        told = row.data[:4] == _TRUST_POINT or has_marker_digests(row.event)
        if any(any(value) for _, value in row.digests) and not told:
            loud.append(row)
        if row.pcr and row.data.startswith(_OF_PCR0):
            misplaced.append(row)
    yield from finding("no_action_digest", "warning", "EV_NO_ACTION with a digest, which is not extended", loud)
    yield from finding(
        "no_action_register", "warning", "an EV_NO_ACTION of PCR 0 that names another register", misplaced
    )


def _launch(facts: Facts) -> Iterator[Finding]:
    """What is logged between a launch's markers is extended only if both are there: else the machine is reset."""
    markers = [row for row in facts.of_type(SLAUNCH_START, SLAUNCH_END) if not row.measured]
    if markers and markers[-1].type == SLAUNCH_START:
        message = "no SLAUNCH_END after SLAUNCH_START: the log is cut, or the launch was given up"
        yield from finding("launch_end_missing", "warning", message, markers[-1:])


def _registers(facts: Facts) -> Iterator[Finding]:
    """Extensions of PCRs that a TPM does not have."""
    beyond = [row for row in facts.loose if row.measured and row.pcr is not None and row.pcr > LAST_PCR]
    yield from finding("register_range", "warning", f"an extension of a PCR above {LAST_PCR}", beyond)


def _variables(facts: Facts) -> Iterator[Finding]:
    """A Secure Boot variable that is measured twice: which one holds?"""
    seen: set[bytes] = set()
    again = []
    for row in facts.of_type(EV_EFI_VARIABLE_DRIVER_CONFIG):
        if row.pcr != 7 or len(row.data) < 32:
            continue
        name = row.data[:16] + row.data[32 : 32 + 2 * int.from_bytes(row.data[16:24], "little")]
        if name in seen:
            again.append(row)
        seen.add(name)
    yield from finding("variable_repeated", "warning", "a Secure Boot variable that was measured before", again)


def _images(facts: Facts) -> Iterator[Finding]:
    """Boot applications that came with the firmware: setup programs, and persistent agents of vendors."""
    inside = [row for row in facts.of_type(EV_EFI_BOOT_SERVICES_APPLICATION) if _is_of_firmware(row)]
    yield from finding("image_from_firmware", "note", "a boot application from a firmware volume", inside)


def _is_of_firmware(row: Row) -> bool:
    return row.data[32:34] in (b"\4\6", b"\4\7")


_RULES = (
    _digests,
    _lists,
    _separators,
    _phases,
    _localities,
    _no_actions,
    _launch,
    _registers,
    _variables,
    _images,
)
