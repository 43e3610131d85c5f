"""Numbers of Windows boot events: their names, which hold text or a truth value, and what values mean.

Source: wbcl.h of the Windows SDK, as spelled by tools that read real logs; names without their ``SIPAEVENT_`` prefix.
"""

from __future__ import annotations

__all__ = ["BOOLEANS", "FLAGS", "IDS", "TEXTS", "VALUES"]

IDS: dict[int, str] = {
    # containers
    0x40010001: "TrustBoundary",
    0x40010002: "ELAMAggregation",
    0x40010003: "LoadedModuleAggregation",
    0xC0010004: "TrustPointAggregation",
    0x40010005: "KSRAggregation",
    0x40010006: "KSRSignedMeasurementAggregation",
    # information
    0x00020001: "Information",
    0x00020002: "BootCounter",
    0x00020003: "TransferControl",
    0x00020004: "ApplicationReturn",
    0x00020005: "BitlockerUnlock",
    0x00020006: "EventCounter",
    0x00020007: "CounterId",
    0x00020008: "MORBitNotCancelable",
    0x00020009: "ApplicationSVN",
    0x0002000A: "SVNChainStatus",
    0x0002000B: "MORBitAPIStatus",
    0x0002000C: "IDKGenerationStatus",
    # errors
    0x00030001: "FirmwareFailure",
    0x80030002: "TPMFailure",
    0x00030003: "InternalFailure",
    0x80030004: "KSRFailure",
    0x00030005: "Error5",
    # pre-OS parameters
    0x00040001: "BootDebugging",
    0x00040002: "BootRevocationList",
    # OS parameters
    0x00050001: "OSKernelDebug",
    0x00050002: "CodeIntegrity",
    0x00050003: "TestSigning",
    0x00050004: "DataExecutionPrevention",
    0x00050005: "SafeMode",
    0x00050006: "WinPE",
    0x00050007: "PhysicalAddressExtension",
    0x00050008: "OSDevice",
    0x00050009: "SystemRoot",
    0x0005000A: "HypervisorLaunchType",
    0x0005000B: "HypervisorPath",
    0x0005000C: "HypervisorIOMMUPolicy",
    0x0005000D: "HypervisorDebug",
    0x0005000E: "DriverLoadPolicy",
    0x0005000F: "SIPolicy",
    0x00050010: "HypervisorMMIONXPolicy",
    0x00050011: "HypervisorMSRFilterPolicy",
    0x00050012: "VSMLaunchType",
    0x00050013: "OSRevocationList",
    0x00050014: "SMTStatus",
    0x00050020: "VSMIDKInfo",
    0x00050021: "FlightSigning",
    0x00050022: "PagefileEncryptionEnabled",
    0x00050023: "VSMIDKSInfo",
    0x00050024: "HibernationDisabled",
    0x00050025: "DumpsDisabled",
    0x00050026: "DumpEncryptionEnabled",
    0x00050027: "DumpEncryptionKeyDigest",
    0x00050028: "LSAISOConfig",
    0x00050029: "SBCPInfo",
    0x00050030: "HypervisorBootDMAProtection",
    0x00050031: "SIPolicySigner",
    0x00050032: "SIPolicyUpdateSigner",
    0x00050033: "ReFSVersion",
    0x00050034: "ReFS2",
    0x00050035: "ReFS3",
    0x00050036: "ReFS4",
    0x00050037: "ReFS5",
    0x0005003A: "VSM1",
    0x0005003B: "VSM2",
    0x0005003C: "VSM3",
    0x0005003D: "VSM4",
    0x00050040: "VTL1DumpConfig",
    # authority
    0x00060001: "NoAuthority",
    0x00060002: "AuthorityPublicKey",
    # loaded modules
    0x00070001: "FilePath",
    0x00070002: "ImageSize",
    0x00070003: "HashAlgorithmId",
    0x00070004: "AuthenticodeHash",
    0x00070005: "AuthorityIssuer",
    0x00070006: "AuthoritySerial",
    0x00070007: "ImageBase",
    0x00070008: "AuthorityPublisher",
    0x00070009: "AuthoritySHA1Thumbprint",
    0x0007000A: "ImageValidated",
    0x0007000B: "ModuleSVN",
    0x0007000C: "ModulePluton",
    0x0007000D: "ModuleOriginalFilename",
    0x0007000E: "ModuleVersion",
    0x0007000F: "ModuleOEMName",
    # trust points
    0x80080001: "Quote",
    0x80080002: "QuoteSignature",
    0x80080003: "AIKId",
    0x80080004: "AIKPublicDigest",
    # early-launch anti-malware
    0x00090001: "ELAMKeyName",
    0x00090002: "ELAMConfiguration",
    0x00090003: "ELAMPolicy",
    0x00090004: "ELAMMeasured",
    # virtualization-based security
    0x000A0001: "VBSVSMRequired",
    0x000A0002: "VBSSecurebootRequired",
    0x000A0003: "VBSIOMMURequired",
    0x000A0004: "VBSMMIONXRequired",
    0x000A0005: "VBSMSRFilteringRequired",
    0x000A0006: "VBSMandatoryEnforcement",
    0x000A0007: "VBSHVCIPolicy",
    0x000A0008: "VBSMicrosoftBootChainRequired",
    0x000A0009: "VBSDumpUsesAMERoot",
    0x000A000A: "VBSVSMNoSecretsEnforced",
    # key set release and dynamic launch
    0x000B0001: "KSRSignature",
    0x000C0001: "DRTMStateAuth",
    0x000C0002: "DRTMSMMLevel",
    0x000C0003: "DRTMAMDSMMHash",
    0x000C0004: "DRTMAMDSMMSigner",
}

#: Events whose data is UTF-16 text.
TEXTS = frozenset(
    (
        0x00050009, 0x0005000B, 0x00070001, 0x00070005, 0x00070008, 0x0007000D, 0x0007000F, 0x00090001, 0x80080003,
    )
)  # fmt: skip

#: Events whose data is a truth value, of one byte or four.
BOOLEANS = frozenset(
    (
        0x00020008, 0x00040001, 0x00050001, 0x00050002, 0x00050003, 0x00050005, 0x00050006, 0x0005000D, 0x00050021,
        0x00050022, 0x00050024, 0x00050025, 0x00050026, 0x00050030, 0x0007000A, 0x000A0001, 0x000A0002, 0x000A0003,
        0x000A0004, 0x000A0005, 0x000A0006, 0x000A0008, 0x000A0009, 0x000A000A,
    )
)  # fmt: skip

#: What the values of an event mean.
VALUES: dict[int, dict[int, str]] = {
    0x00020003: {0: "none", 1: "osloader", 2: "resume", 3: "msutility", 4: "nosigcheck", 5: "hypervisor"},
    0x00050004: {0: "opt-in", 1: "opt-out", 2: "always off", 3: "always on"},
    0x00050008: {
        0x00010001: "disk",
        0x00010002: "removable disk",
        0x00010003: "cdrom",
        0x00010004: "partition",
        0x00010005: "file",
        0x00010006: "ramdisk",
        0x00010007: "vhd",
        0x00020000: "serial port",
        0x00030000: "udp",
        0x00040000: "vmbus",
        0x00050000: "composite",
        0x00060000: "cimfs",
    },
    0x0005000E: {1: "default"},
    0x00050014: {0: "disabled", 1: "enabled", 2: "disabled in software"},
    # CALG_* of wincrypt.h: the class "hash" and the algorithm's low byte
    0x00070003: {
        0x8001: "md2", 0x8002: "md4", 0x8003: "md5", 0x8004: "sha1",
        0x800C: "sha256", 0x800D: "sha384", 0x800E: "sha512",
    },
}  # fmt: skip

#: What the bits of an event mean.
FLAGS: dict[int, dict[int, str]] = {
    0x00020005: {
        0x01: "cached", 0x02: "media", 0x04: "tpm", 0x10: "pin", 0x20: "external", 0x40: "recovery",
        0x80: "passphrase", 0x100: "nbp", 0x200: "auk_osfveinfo",
    },
}  # fmt: skip
