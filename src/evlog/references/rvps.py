"""RVPS: a message for the reference value provider service of trustee (Confidential Containers).

Source: trustee, rvps/src/lib.rs and extractors/sample (message and provenance), and the names that
attestation-service's default policy for CPUs asks for: ``rtmr_1`` and ``rtmr_2`` of TDX (``rtmr_N`` counts as the
hardware does; it does not ask for the others, a policy of one's own may), ``tpm_pcr11`` of a TPM (and
``snp_pcr11``, ``tdx_pcr11`` of Azure's virtual ones, of which no log tells that it is one), lists of lower-case hex;
``tdvfkernel`` and ``tdvfkernelparams``, plain text, are digests of the events of a kernel that QEMU loaded directly.

The message's ``payload`` is the values in base64; ``values`` beside it are the same for people, and the service passes
over them. A name that the service has is overwritten: give all good boots at once. ``mr_td`` is in no log.
"""

from __future__ import annotations

import base64
import json

from evlog.algorithms import SHA256, SHA384
from evlog.contents.event_types import EV_EFI_BOOT_SERVICES_APPLICATION, EV_EVENT_TAG
from evlog.decoders import decode
from evlog.decoders.image_load import ImageLoad
from evlog.decoders.tagged import TaggedEvents
from evlog.errors import ConversionError, ParseError
from evlog.model import Finding, Loss
from evlog.references.export import Export
from evlog.registers import PLATFORMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evlog.references.reference import Boot, Reference, RegisterReferences

__all__ = ["BY", "ID", "OPTIONS", "TITLE", "read", "write"]

ID = "rvps"
TITLE = "message for the reference value service of trustee"
BY = ("event", "register")
OPTIONS = ()

_VERSION = "0.1.0"
_TDX = PLATFORMS["tdx"]
#: Names of the default policy for registers: bank, and what the register is called in the hardware's count or as a PCR.
_REGISTERS = {
    **{("rtmr", index): (f"rtmr_{index}", SHA384) for index in range(4)},
    ("pcr", 11): ("tpm_pcr11", SHA256),
}
#: Claims that no rule of the default policy asks for, under the names that a policy of one's own would use.
_NOT_ASKED = ("rtmr_0", "rtmr_3")
#: The node of a device path that QEMU's kernel has, and the text of the event of its command line.
_KERNEL = (4, 4, "kernel")
_LOAD_OPTIONS = "LOADED_IMAGE::LoadOptions"


def write(boots: Sequence[Boot], *, by: str = "event") -> Export:
    """The message of some boots: of each register the values that were seen, each once.

    By event it also has the events that the default policy asks for, where all boots agree. Raises ConversionError if
    no register and no event of the boots has a name there.
    """
    losses: list[Loss] = []
    values: dict[str, list[str]] = {}
    single: dict[str, list[str]] = {}
    for boot in boots:
        prefix = f"{boot.name}: " if len(boots) > 1 else ""
        for each in boot.registers:
            name, value = _named(each, boot)
            if name is None or value is None:
                reason = f"{prefix}trustee's default policy asks for no value of {each.register}"
                if name is not None:
                    reason = f"{prefix}{each.register} has not the bank that trustee's default policy asks for"
                losses.append(Loss(None, "register", reason))
            elif value.hex() not in values.setdefault(name, []):
                values[name].append(value.hex())
        for name, reference in _events(boot) if by == "event" else ():
            digest = reference.digest(SHA384)
            if digest is not None and digest.hex() not in single.setdefault(name, []):
                single[name].append(digest.hex())
    findings = [
        Finding("rvps_not_asked", "note", f"trustee's default policy does not ask for {name}")
        for name in _NOT_ASKED
        if name in values
    ]
    told: dict[str, list[str] | str] = dict(sorted(values.items()))
    for name, seen in sorted(single.items()):
        if len(seen) == 1:
            told[name] = seen[0]
        else:
            reason = f"trustee's default policy takes one value, the boots have {len(seen)}: it is left out"
            losses.append(Loss(None, name, reason))
    if not told:
        raise ConversionError("trustee's default policy knows RTMRs and PCR 11 only: nothing is left")
    payload = base64.b64encode(json.dumps(told).encode()).decode()
    document = {"version": _VERSION, "type": "sample", "payload": payload, "values": told}
    data = (json.dumps(document, indent=1) + "\n").encode()
    if read(data) != told:
        raise ConversionError("the message that was written reads back as something else")
    return Export(ID, (("", data),), tuple(dict.fromkeys(losses)), tuple(findings))


def _named(each: RegisterReferences, boot: Boot) -> tuple[str | None, bytes | None]:
    """The name and the value of a register, as the default policy asks for it."""
    register = each.register
    if register.space == "ccmr" and boot.platform in (None, "tdx"):
        register = _TDX.native_of(register) or register
    name, alg = _REGISTERS.get((register.space, register.index), (None, None))  # type: ignore[arg-type]
    return name, each.value(alg) if alg is not None else None


def _events(boot: Boot) -> Iterator[tuple[str, Reference]]:
    """The first events of a direct boot that the default policy looks at: the kernel, and its command line."""
    missing = {"tdvfkernel", "tdvfkernelparams"}
    for each in boot.registers:
        if each.register.space not in ("ccmr", "rtmr"):
            continue
        for reference in each.events:
            name = _event_name(reference)
            if name in missing:
                missing.discard(name)
                yield name, reference


def _event_name(reference: Reference) -> str:
    """The name by which the policy asks for an event: an image whose path has the file "kernel", its load options."""
    event_type = getattr(reference.event.content, "event_type", None)
    if event_type == EV_EFI_BOOT_SERVICES_APPLICATION:
        image = decode(reference.event)
        nodes = image.device_path.nodes if isinstance(image, ImageLoad) else ()
        return "tdvfkernel" if any((node.type, node.subtype, node.text) == _KERNEL for node in nodes) else ""
    if event_type == EV_EVENT_TAG:
        tagged = decode(reference.event)
        events = tagged.events if isinstance(tagged, TaggedEvents) else (tagged,)
        return "tdvfkernelparams" if any(getattr(each, "text", None) == _LOAD_OPTIONS for each in events) else ""
    return ""


def read(data: bytes) -> dict[str, list[str] | str]:
    """The values of a message by their names. Raises ParseError for what the service refuses."""
    try:
        message = json.loads(data)
        if not isinstance(message, dict) or message.get("version", _VERSION) != _VERSION:
            raise ParseError(f"a message of version {_VERSION} was expected")
        if message.get("type") != "sample" or not isinstance(message.get("payload"), str):
            raise ParseError("a payload of type sample was expected")
        values = json.loads(base64.b64decode(message["payload"], validate=True))
    except (ValueError, RecursionError) as error:
        if isinstance(error, ParseError):
            raise
        raise ParseError("no message of JSON, with JSON in base64") from error
    if not isinstance(values, dict):
        raise ParseError("an object of values by name was expected", where="payload")
    return values
