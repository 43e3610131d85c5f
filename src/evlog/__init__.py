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
    from evlog.changing.append import Appended, append
    from evlog.changing.convert import Conversion, convert
    from evlog.changing.edit import Edit, drop, edit, insert, replace
    from evlog.changing.split import Part, Split, split
    from evlog.checking.check import Checks, check
    from evlog.checking.conventions import Policy
    from evlog.checking.digest_check import DigestCheck
    from evlog.comparing.diff import Change, Difference, RegisterDifference, diff
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
    from evlog.intake.read import read, write
    from evlog.intake.registers import read_registers
    from evlog.merging.merge import Handover, Merged, merge
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
    from evlog.replaying.bank_rules import BankRule, bank_rules, rules_by_bank
    from evlog.replaying.boot_aggregate import BootAggregate, boot_aggregate
    from evlog.replaying.find_prefix import Prefix, find_prefix
    from evlog.replaying.replay import RegisterValue, Replay, replay, replay_each
    from evlog.replaying.statements import Anchor, Statement
    from evlog.verifying.verify import RegisterVerdict, Verification, Verified, verify

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
    "replaying.statements": ("Anchor", "Statement"),
    "changing.append": ("Appended", "append"),
    "replaying.bank_rules": ("BankRule", "bank_rules", "rules_by_bank"),
    "replaying.boot_aggregate": ("BootAggregate", "boot_aggregate"),
    "checking.conventions": ("Policy",),
    "checking.check": ("Checks", "check"),
    "checking.digest_check": ("DigestCheck",),
    "changing.convert": ("Conversion", "convert"),
    "replaying.find_prefix": ("Prefix", "find_prefix"),
    "comparing.diff": ("Change", "Difference", "RegisterDifference", "diff"),
    "changing.edit": ("Edit", "drop", "edit", "insert", "replace"),
    "merging.merge": ("Handover", "Merged", "merge"),
    "intake.read": ("read", "write"),
    "intake.registers": ("read_registers",),
    "replaying.replay": ("RegisterValue", "Replay", "replay", "replay_each"),
    "changing.split": ("Part", "Split", "split"),
    "verifying.verify": ("RegisterVerdict", "Verification", "Verified", "verify"),
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
    "Statement",
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
