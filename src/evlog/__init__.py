"""evlog: read, replay, check, convert, merge and verify the event logs of measured machines.

Rules of the room:

1. The nouns and what all rooms use stand here, one file each; they are values, without input or output.
2. What reads, computes or prints is in a room of its own. Nothing here imports one, but by this list, when asked.
3. This file is the list and no logic; what it lists is what docs/library.md promises.

>>> import evlog
>>> log = evlog.read("binary_bios_measurements")
>>> evlog.replay(log)[evlog.Register.parse("pcr:0"), evlog.SHA256]

Everything in ``__all__`` is public; modules that these names come from are not promised. Names are imported when first
used, because the command's start-up is what most people wait for: here stands where each is, and in ``__init__.pyi``
the same for type checkers (SPEC 1, lazy loading). A test holds the two equal.
"""

from __future__ import annotations

from evlog._record import offer as _offer

__version__ = "0.1.0"

# Public names, and the modules below evlog that they are in.
_HOME = {
    "Acceptance": "verifying.demand",
    "Anchor": "replaying.statements",
    "Appended": "live.append",
    "BankRule": "replaying.bank_rules",
    "Boot": "references.reference",
    "BootPolicy": "policy.rules",
    "BootAggregate": "replaying.boot_aggregate",
    "Capture": "intake.captures",
    "Captured": "live.capture",
    "CelEvent": "contents.cel",
    "Change": "comparing.diff",
    "Checks": "checking.check",
    "Content": "model",
    "Context": "decoders",
    "Convention": "checking.conventions",
    "Conversion": "changing.convert",
    "ConversionError": "errors",
    "CosEvent": "contents.cos",
    "CosHostEvent": "contents.cos_host",
    "Credentials": "evidence",
    "Decoded": "decoders",
    "Demand": "verifying.demand",
    "Detection": "formats",
    "Device": "live.device",
    "Difference": "comparing.diff",
    "Digest": "model",
    "DigestCheck": "checking.digest_check",
    "DigestOnly": "contents.digest_only",
    "DstackEvent": "contents.dstack",
    "Edit": "changing.edit",
    "Event": "model",
    "Evidence": "evidence",
    "EvlogError": "errors",
    "Export": "references.export",
    "FORMATS": "formats",
    "Finding": "model",
    "FleetEvidence": "tables.evidence",
    "FleetNames": "tables.inputs",
    "GoodBoot": "policy.learn",
    "Handover": "merging.merge",
    "HashAlg": "algorithms",
    "Header": "model",
    "ImaEvent": "contents.ima",
    "ImaTlv": "contents.ima_tlv",
    "Ingested": "tables.ingest",
    "Learned": "policy.learn",
    "Log": "model",
    "Loss": "model",
    "Merged": "merging.merge",
    "NotDoneError": "errors",
    "Opaque": "contents.opaque",
    "Options": "options",
    "Origin": "model",
    "PCClientEvent": "contents.pcclient",
    "PLATFORMS": "registers",
    "Padding": "model",
    "ParseError": "errors",
    "Part": "changing.split",
    "Platform": "registers",
    "PolicyCheck": "policy.verdicts",
    "Prefix": "replaying.find_prefix",
    "Quote": "live.device",
    "Reference": "references.reference",
    "Register": "registers",
    "RegisterDifference": "comparing.diff",
    "RegisterReferences": "references.reference",
    "RegisterSet": "registers",
    "RegisterValue": "replaying.replay",
    "RegisterVerdict": "verifying.verify",
    "Registers": "registers",
    "PredictedEvent": "predicting.predict",
    "PredictedRegister": "predicting.predict",
    "Prediction": "predicting.predict",
    "Replay": "replaying.replay",
    "RuleVerdict": "policy.verdicts",
    "SHA1": "algorithms",
    "SHA256": "algorithms",
    "SHA384": "algorithms",
    "SHA512": "algorithms",
    "SM3_256": "algorithms",
    "Shortfall": "verifying.judgement",
    "SourceError": "errors",
    "Span": "model",
    "Split": "changing.split",
    "Statement": "replaying.statements",
    "SystemdRecord": "contents.systemd",
    "Tables": "tables.stream",
    "TextLine": "contents.text",
    "TruncatedError": "errors",
    "UnknownFormatError": "errors",
    "UsageError": "errors",
    "Verification": "verifying.verify",
    "Verified": "verifying.verify",
    "WriteError": "errors",
    "append": "live.append",
    "bank_rules": "replaying.bank_rules",
    "boot_aggregate": "replaying.boot_aggregate",
    "boot_of": "references.reference",
    "capture": "live.capture",
    "check": "checking.check",
    "check_policy": "policy.check",
    "convert": "changing.convert",
    "decode": "decoders",
    "describe": "decoders.describe",
    "detect": "formats",
    "diff": "comparing.diff",
    "drop": "changing.edit",
    "edit": "changing.edit",
    "export": "references.export",
    "export_policy": "policy.export",
    "find_prefix": "replaying.find_prefix",
    "ingest": "tables.ingest",
    "insert": "changing.edit",
    "learn": "policy.learn",
    "merge": "merging.merge",
    "open_device": "live",
    "predict": "predicting.predict",
    "read": "intake.read",
    "read_capture": "intake.captures",
    "read_policy": "policy.document",
    "read_registers": "intake.registers",
    "replace": "changing.edit",
    "replay": "replaying.replay",
    "replay_each": "replaying.replay",
    "rules_by_bank": "replaying.bank_rules",
    "split": "changing.split",
    "table": "tables.stream",
    "verify": "verifying.verify",
    "write": "intake.read",
    "write_policy": "policy.document",
}
# What a value does by courtesy of a room above it: class, attribute, module and function.
_COURTESIES = {
    ("Log", "_repr_html_"): ("evlog.report.html.notebook", "log"),
    ("Replay", "_repr_html_"): ("evlog.report.html.notebook", "replay"),
    ("Verification", "_repr_html_"): ("evlog.report.html.notebook", "verification"),
    ("Difference", "_repr_html_"): ("evlog.report.html.notebook", "difference"),
    ("Log", "__arrow_c_stream__"): ("evlog.tables.stream", "log_stream"),
    ("Log", "__arrow_c_schema__"): ("evlog.tables.stream", "log_schema"),
    ("Log", "to_json"): ("evlog.formats.evlog_json", "document"),
    ("Replay", "to_json"): ("evlog.report.documents.replay", "document"),
    ("Verification", "to_json"): ("evlog.report.documents.verification", "document"),
    ("Difference", "to_json"): ("evlog.report.documents.difference", "document"),
}
# Names that changed: the old one works for a while, with a warning.
_RENAMED = {"Policy": "Convention"}

__all__ = ["__version__", *_HOME]  # noqa: PLE0604

_offer(_COURTESIES)


def __getattr__(name: str) -> object:
    if name in _RENAMED:
        from warnings import warn

        warn(f"evlog.{name} is called evlog.{_RENAMED[name]}", DeprecationWarning, stacklevel=2)
        return globals().get(_RENAMED[name]) or __getattr__(_RENAMED[name])
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module 'evlog' has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(f"evlog.{module}"), name)
    return found


def __dir__() -> list[str]:
    return __all__
