"""keylime's measured boot reference state, as its create_mb_refstate makes it of a log.

Source: keylime 7.14.3, policy/create_mb_policy.py, which reads the document of tpm2_eventlog; and what its example
policy (mba/elchecking/example.py) refuses, which can be told beforehand. Only SHA-256 is used. What the state takes
out of event data (keys, whether Secure Boot is on, the command line) the digests have to prove.
"""

from __future__ import annotations

import json
import re
from collections import Counter

from evlog.algorithms import SHA256
from evlog.contents.digest_only import DigestOnly
from evlog.contents.event_types import (
    EV_CPU_MICROCODE,
    EV_EFI_ACTION,
    EV_EFI_BOOT_SERVICES_APPLICATION,
    EV_EFI_BOOT_SERVICES_DRIVER,
    EV_EFI_GPT_EVENT,
    EV_EFI_HANDOFF_TABLES,
    EV_EFI_HANDOFF_TABLES2,
    EV_EFI_PLATFORM_FIRMWARE_BLOB,
    EV_EFI_PLATFORM_FIRMWARE_BLOB2,
    EV_EFI_VARIABLE_AUTHORITY,
    EV_EFI_VARIABLE_BOOT,
    EV_EFI_VARIABLE_DRIVER_CONFIG,
    EV_IPL,
    EV_NO_ACTION,
    EV_PLATFORM_CONFIG_FLAGS,
    EV_S_CRTM_VERSION,
    EV_SEPARATOR,
    EVENT_TYPES,
)
from evlog.contents.pcclient import PCClientEvent
from evlog.cursor import Cursor, guid_text
from evlog.decoders import decode
from evlog.decoders.efi_variable import EfiVariable
from evlog.decoders.image_load import ImageLoad
from evlog.decoders.signature_db import entries
from evlog.errors import ConversionError, ParseError
from evlog.model import Finding, Loss

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from evlog.references.reference import Boot, Reference

__all__ = ["state"]

_KEYS = ("pk", "kek", "db", "dbx")
_COMMAND_LINE = "kernel_cmdline: "
_FIELDS = {
    True: ("shim_authcode_sha256", "grub_authcode_sha256", "kernel_authcode_sha256"),
    False: ("shim_authcode_sha256", "grub_authcode_sha256"),
}
#: Nodes of a device path: a firmware volume, and a file in one.
_VOLUME, _FILE = (4, 7), (4, 6)


def state(boots: Sequence[Boot], losses: list[Loss], findings: list[Finding]) -> dict[str, Any]:
    """The reference state of some boots: one of each of the values that it has lists for.

    Keys that are forbidden (dbx) are those that all boots have. Raises ConversionError for boots of which some have
    Secure Boot, for a log without SHA-256, and for event data that no digest proves.
    """
    states = []
    for boot in boots:
        prefix = f"{boot.name}: " if len(boots) > 1 else ""
        events = []
        for reference in boot:
            content = reference.event.content
            if isinstance(content, PCClientEvent):
                events.append(_Told(reference))
            elif isinstance(content, DigestOnly):
                raise ConversionError(f"{prefix}event {reference.number} is without its data, which keylime goes by")
            else:
                reason = f"{prefix}keylime has no place for a {content.kind} record in a reference state"
                losses.append(Loss(reference.number, "content", reason))
        found = _state(events, prefix, losses)
        states.append(found)
        for message in _refused(boot, events, found):
            findings.append(Finding("keylime_example_policy", "warning", f"{prefix}keylime's example policy {message}"))
    return _joined(states)


def _joined(states: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One state: of each list what any of the states has, but of forbidden keys those that all have."""
    if len(states) == 1:
        return states[0]
    if len({each["has_secureboot"] for each in states}) > 1:
        raise ConversionError("some of the boots have Secure Boot and some do not: no reference state is of both")
    joined: dict[str, Any] = {}
    for name, value in {name: value for each in reversed(states) for name, value in each.items()}.items():
        if not isinstance(value, list):
            joined[name] = value
            continue
        lists = [{json.dumps(member): member for member in each.get(name, ())} for each in states]
        members = {key: member for each in lists for key, member in each.items()}
        if name == "dbx":
            members = {key: member for key, member in members.items() if all(key in each for each in lists)}
        joined[name] = list(members.values())
    return joined


class _Told:
    """An event as keylime sees it: its type, its PCR, its SHA-256, and the text of an EV_IPL."""

    def __init__(self, reference: Reference) -> None:
        content = reference.event.content
        assert isinstance(content, PCClientEvent)
        self.reference = reference
        self.type, self.data = content.event_type, content.data
        self.pcr = reference.register.index if reference.register.space == "pcr" else None

    @property
    def text(self) -> str:
        """What the string of an EV_IPL is, as tpm2_eventlog prints it and keylime reads it."""
        return self.data.removesuffix(b"\0").decode("utf-8", "replace")

    @property
    def digest(self) -> str:
        value = self.reference.digest(SHA256)
        if value is None:
            raise ConversionError(f"event {self.reference.number} has no sha256 digest, which is the one keylime uses")
        return f"0x{value.hex()}"

    @property
    def variable(self) -> EfiVariable | None:
        decoded = decode(self.reference.event)
        return decoded if isinstance(decoded, EfiVariable) else None

    def demand_proof(self, what: str) -> None:
        """Raise ConversionError if the event's data is not what was measured."""
        if not self.reference.proven:
            reason = "its digests are not the hash of its data, so that nothing in it can become a reference"
            raise ConversionError(f"event {self.reference.number} ({what}): {reason}")


def _state(events: Sequence[_Told], prefix: str, losses: list[Loss]) -> dict[str, Any]:
    found: dict[str, Any] = {"has_secureboot": _secure_boot(events)}
    versions = [event for event in events if event.type == EV_S_CRTM_VERSION]
    blobs = [event for event in events if event.type in (EV_EFI_PLATFORM_FIRMWARE_BLOB, EV_EFI_PLATFORM_FIRMWARE_BLOB2)]
    firmware: dict[str, Any] = {"scrtm": _digest(versions[0])} if versions else {}
    if not versions:
        losses.append(Loss(None, "scrtm", f"{prefix}the log has no EV_S_CRTM_VERSION, without which keylime refuses"))
    found["scrtm_and_bios"] = [{**firmware, "platform_firmware": [_digest(event) for event in blobs]}]
    found.update({name: [] for name in _KEYS})
    for name, event, variable in _variables(events, EV_EFI_VARIABLE_DRIVER_CONFIG):
        if name in _KEYS and variable.data:
            event.demand_proof(variable.name)
            found[name] = _keys(event, variable)
    found["vendor_db"] = []
    for name, event, variable in _variables(events, EV_EFI_VARIABLE_AUTHORITY):
        if name == "vendor_db":
            event.demand_proof(variable.name)
            found["vendor_db"] += _authorities(variable.data)
    ipl = [event for event in events if event.type == EV_IPL]
    found["mokdig"] = [_digest(event) for event in ipl if event.text == "MokList"]
    found["mokxdig"] = [_digest(event) for event in ipl if event.text == "MokListX"]
    kernel = _kernel(events, ipl, found["has_secureboot"], prefix, losses)
    return {**found, "kernels": [kernel]} if kernel else found


def _digest(event: _Told) -> dict[str, str]:
    return {"sha256": event.digest}


def _variables(events: Iterable[_Told], event_type: int) -> Iterator[tuple[str, _Told, EfiVariable]]:
    for event in events:
        variable = event.variable if event.type == event_type else None
        if variable is not None:
            yield variable.name.lower(), event, variable


def _secure_boot(events: Sequence[_Told]) -> bool:
    for _, event, variable in _variables(events, EV_EFI_VARIABLE_DRIVER_CONFIG):
        if variable.name == "SecureBoot" and len(variable.data) <= 1:
            event.demand_proof(variable.name)
            return any(variable.data)
    return False


def _keys(event: _Told, variable: EfiVariable) -> list[dict[str, str]]:
    try:
        listed = list(entries(Cursor(variable.data)))
    except ParseError as error:
        reason = f"event {event.reference.number} ({variable.name}) has no signature lists that keylime could read"
        raise ConversionError(f"{reason}: {error}") from error
    return [{"SignatureOwner": owner, "SignatureData": f"0x{data.hex()}"} for owner, data in listed]


def _authorities(data: bytes) -> list[dict[str, str]]:
    """Owners and certificates in a row, as keylime finds them: a certificate has to begin within 100 bytes."""
    found: list[dict[str, str]] = []
    at = 0
    while at + 16 < len(data):
        start = data.find(b"\x30\x82", at + 16, min(at + 16 + 101, len(data)))
        end = start + 4 + int.from_bytes(data[start + 2 : start + 4], "big")
        if start < 0 or start + 4 > len(data) or end > len(data):
            break
        found.append(
            {"SignatureOwner": guid_text(data[at : at + 16]), "SignatureData": f"0x{data[at + 16 : end].hex()}"}
        )
        at = end
    return found


def _of_firmware(event: _Told) -> bool:
    """Whether an image is a file of a firmware volume, such as a boot menu, which keylime passes over."""
    decoded = decode(event.reference.event)
    nodes = decoded.device_path.nodes if isinstance(decoded, ImageLoad) else ()
    return [(node.type, node.subtype) for node in nodes[:2]] == [_VOLUME, _FILE]


def _kernel(
    events: Sequence[_Told], ipl: Sequence[_Told], secure: bool, prefix: str, losses: list[Loss]
) -> dict[str, str]:
    images = [event for event in events if event.type == EV_EFI_BOOT_SERVICES_APPLICATION and not _of_firmware(event)]
    fields = _FIELDS[secure]
    if len(images) not in ((3, 4) if secure else (2,)):
        wanted = "3 or 4 (shim, GRUB, Linux)" if secure else "2 (shim, GRUB)"
        reason = f"keylime wants {wanted} applications in its place, the log has {len(images)}: no machine will pass"
        losses.append(Loss(None, "kernels", prefix + reason))
        return {}
    kernel = {name: event.digest for name, event in zip(fields, images, strict=False)}
    kernel = dict(sorted(kernel.items()))

    def first(name: str, pcr: int, *words: str) -> _Told | None:
        for event in ipl:
            if event.pcr == pcr and any(word in event.text for word in words):
                return event
        losses.append(
            Loss(None, f"kernels.{name}", f"{prefix}no EV_IPL in PCR {pcr} tells of it: no machine will pass")
        )
        return None

    initrd = first("initrd_plain_sha256", 9, "initrd", "initramfs")
    if initrd is not None:
        kernel["initrd_plain_sha256"] = initrd.digest
    plain = None if secure else first("vmlinuz_plain_sha256", 9, "vmlinuz")
    if plain is not None:
        kernel["vmlinuz_plain_sha256"] = plain.digest
    line = first("kernel_cmdline", 8, "kernel_cmdline")
    if line is not None:
        line.demand_proof("kernel command line")
        kernel["kernel_cmdline"] = re.escape(line.text[len(_COMMAND_LINE) :])
    return kernel


#: What the example policy has a rule for: PCR and type. Whatever else a log has is refused.
_RULES = frozenset((
    (0, EV_NO_ACTION), (0, EV_S_CRTM_VERSION), (0, EV_EFI_PLATFORM_FIRMWARE_BLOB),
    (0, EV_EFI_PLATFORM_FIRMWARE_BLOB2), (1, EV_CPU_MICROCODE), (1, EV_EFI_HANDOFF_TABLES),
    (1, EV_EFI_HANDOFF_TABLES2), (1, EV_PLATFORM_CONFIG_FLAGS), (1, EV_EFI_VARIABLE_BOOT), (1, EV_EFI_ACTION),
    (2, EV_EFI_BOOT_SERVICES_DRIVER), (4, EV_EFI_BOOT_SERVICES_APPLICATION), (4, EV_EFI_ACTION), (5, EV_EFI_ACTION),
    (5, EV_EFI_GPT_EVENT), (7, EV_EFI_VARIABLE_DRIVER_CONFIG), (7, EV_EFI_VARIABLE_AUTHORITY), (8, EV_IPL),
    (9, EV_IPL), (14, EV_IPL), *((pcr, EV_SEPARATOR) for pcr in range(8)),
))  # fmt: skip
#: How often it takes some of them.
_ONCE = {
    (0, EV_NO_ACTION): 1, (1, EV_CPU_MICROCODE): 1, (1, EV_EFI_HANDOFF_TABLES): 1, (1, EV_EFI_HANDOFF_TABLES2): 1,
    (1, EV_PLATFORM_CONFIG_FLAGS): 4, (5, EV_EFI_GPT_EVENT): 1,
}  # fmt: skip
#: The variables that it has a rule for, and how it knows the strings of EV_IPL.
_CONFIG = ("SecureBoot", "PK", "KEK", "db", "dbx", "vendor_db")
_AUTHORITY = ("db", "vendor_db", "SbatLevel", "Shim", "MokListTrusted", "MokListRT")
_MOK = ("MokList", "MokListX", "MokListTrusted")
_IGNORED, _VMLINUZ, _INITRD = ("/loader/entries", "/grub"), ("/vmlinuz",), ("/initrd", "/initramfs")


def _refused(boot: Boot, events: Sequence[_Told], found: dict[str, Any]) -> Iterator[str]:
    """Why keylime's example policy would refuse the very log, as far as that can be told beforehand."""
    counts: Counter[tuple[int, int]] = Counter()
    for log in boot.logs:
        for each in log.events:
            if isinstance(each.content, PCClientEvent):
                pcr = each.register.number if each.register.space == "pcr" else -1
                counts[pcr, each.content.event_type] += 1
    for (pcr, event_type), count in counts.items():
        name = EVENT_TYPES.get(event_type, f"{event_type:#010x}")
        if (pcr, event_type) not in _RULES:
            yield f"has no rule for {name} in PCR {pcr}"
        elif count > _ONCE.get((pcr, event_type), count):
            yield f"takes {name} in PCR {pcr} {_ONCE[pcr, event_type]} times, the log has {count}"
    names: Counter[tuple[int, str]] = Counter()
    for event in events:
        if event.type in (EV_EFI_VARIABLE_DRIVER_CONFIG, EV_EFI_VARIABLE_AUTHORITY) and event.variable is not None:
            names[event.type, event.variable.name] += 1
    for (event_type, name), count in names.items():
        known = _CONFIG if event_type == EV_EFI_VARIABLE_DRIVER_CONFIG else _AUTHORITY
        if name not in known:
            yield f"has no rule for the variable {name} as {EVENT_TYPES[event_type]}"
        elif count > 1 and name not in ("SecureBoot", "MokListTrusted"):
            yield f"takes {name} as {EVENT_TYPES[event_type]} once, the log has {count}"
    texts = {pcr: [event.text for event in events if event.type == EV_IPL and event.pcr == pcr] for pcr in (8, 9, 14)}
    lines = sum(text.startswith(_COMMAND_LINE) for text in texts[8])
    if lines != 1:
        yield f"wants one kernel command line in PCR 8, the log has {lines}"
    if any(not text.startswith(("grub_cmd: ", _COMMAND_LINE)) for text in texts[8]):
        yield "has no rule for other text than commands of GRUB in PCR 8"
    files = Counter(_file(text) for text in texts[9])
    for kind in ("vmlinuz", "initrd"):
        if files[kind] != 1:
            yield f"wants one {kind} in PCR 9, the log has {files[kind]}"
    if files["other"]:
        yield f"has no rule for {files['other']} of the EV_IPL in PCR 9"
    if any(text not in _MOK for text in texts[14]):
        yield "has no rule for other EV_IPL than of the MOK lists in PCR 14"
    if "kernels" not in found:
        yield "cannot be made of a reference state without kernels"


def _file(text: str) -> str:
    for kind, words in (("ignored", _IGNORED), ("vmlinuz", _VMLINUZ), ("initrd", _INITRD)):
        if any(word in text for word in words):
            return kind
    return "other"
