"""evlog: read, replay, check, convert, merge and verify the event logs of measured machines.

>>> import evlog
>>> log = evlog.read("binary_bios_measurements")
>>> evlog.replay(log)[evlog.Register.parse("pcr:0"), evlog.SHA256]

Everything below is public; modules that these names come from are not promised. Names are imported when first used,
because the command's start-up is what most people wait for.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.algorithms import SHA1, SHA256, SHA384, SHA512, SM3_256, HashAlg
    from evlog.contents.cel import CelEvent
    from evlog.contents.cos import CosEvent
    from evlog.contents.ima import ImaEvent
    from evlog.contents.ima_tlv import ImaTlv
    from evlog.contents.opaque import Opaque
    from evlog.contents.pcclient import PCClientEvent
    from evlog.contents.systemd import SystemdRecord
    from evlog.contents.text import TextLine
    from evlog.decoders import Context, Decoded, decode
    from evlog.errors import (
        ConversionError,
        EvlogError,
        ParseError,
        SourceError,
        TruncatedError,
        UnknownFormatError,
        UsageError,
        WriteError,
    )
    from evlog.evidence import Credentials, Evidence
    from evlog.formats import FORMATS, Detection, detect
    from evlog.model import (
        Content,
        Digest,
        Event,
        Finding,
        Header,
        Log,
        Loss,
        Origin,
        Padding,
        Span,
    )
    from evlog.options import Options
    from evlog.registers import PLATFORMS, Platform, Register, Registers
    from evlog.verbs._pcclient_policy import Policy
    from evlog.verbs.anchors import Anchor
    from evlog.verbs.append import Appended, append
    from evlog.verbs.bank_rules import BankRule, bank_rules, rules_by_bank
    from evlog.verbs.boot_aggregate import BootAggregate, boot_aggregate
    from evlog.verbs.check import Checks, check
    from evlog.verbs.convert import Conversion, convert
    from evlog.verbs.diff import Change, Difference, RegisterDifference, diff
    from evlog.verbs.digest_check import DigestCheck
    from evlog.verbs.edit import Edit, drop, edit, insert, replace
    from evlog.verbs.find_prefix import Prefix, find_prefix
    from evlog.verbs.merge import Handover, Merged, merge
    from evlog.verbs.reading import read, write
    from evlog.verbs.registers import read_registers
    from evlog.verbs.replay import RegisterValue, Replay, replay, replay_each
    from evlog.verbs.split import Part, Split, split
    from evlog.verbs.verify import RegisterVerdict, Verification, Verified, verify

__version__ = "0.1.0"

_HOMES = {
    "algorithms": ("SHA1", "SHA256", "SHA384", "SHA512", "SM3_256", "HashAlg"),
    "contents.cel": ("CelEvent",),
    "contents.cos": ("CosEvent",),
    "contents.ima": ("ImaEvent",),
    "contents.ima_tlv": ("ImaTlv",),
    "contents.opaque": ("Opaque",),
    "contents.pcclient": ("PCClientEvent",),
    "contents.systemd": ("SystemdRecord",),
    "contents.text": ("TextLine",),
    "decoders": ("Context", "Decoded", "decode"),
    "errors": (
        "ConversionError",
        "EvlogError",
        "ParseError",
        "SourceError",
        "TruncatedError",
        "UnknownFormatError",
        "UsageError",
        "WriteError",
    ),
    "evidence": ("Credentials", "Evidence"),
    "formats": ("FORMATS", "Detection", "detect"),
    "model": (
        "Content",
        "Digest",
        "Event",
        "Finding",
        "Header",
        "Log",
        "Loss",
        "Origin",
        "Padding",
        "Span",
    ),
    "options": ("Options",),
    "registers": ("PLATFORMS", "Platform", "Register", "Registers"),
    "verbs.anchors": ("Anchor",),
    "verbs.append": ("Appended", "append"),
    "verbs.bank_rules": ("BankRule", "bank_rules", "rules_by_bank"),
    "verbs.boot_aggregate": ("BootAggregate", "boot_aggregate"),
    "verbs._pcclient_policy": ("Policy",),
    "verbs.check": ("Checks", "check"),
    "verbs.digest_check": ("DigestCheck",),
    "verbs.convert": ("Conversion", "convert"),
    "verbs.find_prefix": ("Prefix", "find_prefix"),
    "verbs.diff": ("Change", "Difference", "RegisterDifference", "diff"),
    "verbs.edit": ("Edit", "drop", "edit", "insert", "replace"),
    "verbs.merge": ("Handover", "Merged", "merge"),
    "verbs.reading": ("read", "write"),
    "verbs.registers": ("read_registers",),
    "verbs.replay": ("RegisterValue", "Replay", "replay", "replay_each"),
    "verbs.split": ("Part", "Split", "split"),
    "verbs.verify": ("RegisterVerdict", "Verification", "Verified", "verify"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

# Spelled out for type checkers; a test holds it equal to the table above.
__all__ = [
    "Anchor",
    "Appended",
    "BankRule",
    "BootAggregate",
    "CelEvent",
    "Change",
    "Checks",
    "Content",
    "Context",
    "Conversion",
    "ConversionError",
    "CosEvent",
    "Credentials",
    "Decoded",
    "Detection",
    "Difference",
    "Digest",
    "DigestCheck",
    "Edit",
    "Event",
    "Evidence",
    "EvlogError",
    "FORMATS",
    "Finding",
    "Handover",
    "HashAlg",
    "Header",
    "ImaEvent",
    "ImaTlv",
    "Log",
    "Loss",
    "Merged",
    "Opaque",
    "Options",
    "Origin",
    "PCClientEvent",
    "PLATFORMS",
    "Padding",
    "ParseError",
    "Part",
    "Platform",
    "Policy",
    "Prefix",
    "Register",
    "RegisterDifference",
    "RegisterValue",
    "RegisterVerdict",
    "Registers",
    "Replay",
    "SHA1",
    "SHA256",
    "SHA384",
    "SHA512",
    "SM3_256",
    "SourceError",
    "Span",
    "Split",
    "SystemdRecord",
    "TextLine",
    "TruncatedError",
    "UnknownFormatError",
    "UsageError",
    "Verification",
    "Verified",
    "WriteError",
    "__version__",
    "append",
    "bank_rules",
    "boot_aggregate",
    "check",
    "convert",
    "decode",
    "detect",
    "diff",
    "drop",
    "edit",
    "find_prefix",
    "insert",
    "merge",
    "read",
    "read_registers",
    "replace",
    "replay",
    "replay_each",
    "rules_by_bank",
    "split",
    "verify",
    "write",
]


def __getattr__(name: str) -> object:
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module 'evlog' has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(f"evlog.{module}"), name)
    return found


def __dir__() -> list[str]:
    return __all__
