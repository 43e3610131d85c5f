"""Names of GUIDs that people meet in event logs: variable namespaces, tables, partition types, firmware files.

Sources: UEFI 2.10 (variables, signature types, device paths, configuration tables), UEFI PI 1.8, edk2, shim, systemd's
boot loader and its Discoverable Partitions Specification, and the owners that vendors give in signature databases.
A GUID is written as `evlog.decoders._cursor.guid_text` does: lower case, the first three fields as numbers.
"""

from __future__ import annotations

__all__ = ["GUIDS", "PARTITION_TYPES", "guid_name", "named_guid"]

GUIDS: dict[str, str] = {
    # Namespaces of variables, and owners of signatures.
    "8be4df61-93ca-11d2-aa0d-00e098032b8c": "EFI global variable",
    "d719b2cb-3d3a-4596-a3bc-dad00e67656f": "EFI image security database",
    "b9c2b4f4-bf5f-462d-8adf-c5c70ac35dad": "EFI device signature database",
    "605dab50-e046-4300-abb6-3dd810dd8b23": "shim",
    "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f": "systemd boot loader",
    "77fa9abd-0359-4d32-bd60-28f4e78f784b": "Microsoft",
    "6dc40ae4-2ee8-9c4c-a314-0fc7b2008710": "Canonical",
    "2a4dc6b7-41f5-45dd-b46f-2dd334c1cf65": "Lenovo configuration",
    "a2c1808f-0d4f-4cc9-a619-d1e641d39d49": "Lenovo security configuration",
    "ec87d643-eba4-4bb5-a1e5-3f3e36b20da9": "firmware setup",
    # Types of signatures.
    "c1c41626-504c-4092-aca9-41f936934328": "SHA-256",
    "826ca512-cf10-4ac9-b187-be01496631bd": "SHA-1",
    "0b6e5233-a65c-44c9-9407-d9ab83bfc8bd": "SHA-224",
    "ff3e5307-9fd0-48c9-85f1-8ad56c701e01": "SHA-384",
    "093e0fae-a6c4-4f50-9f1b-d41e2b89c19a": "SHA-512",
    "3c5766e8-269c-4e34-aa14-ed776e85b3b6": "RSA-2048",
    "e2b36190-879b-4a3d-ad8d-f2e7bba32784": "RSA-2048 with SHA-256",
    "67f8444f-8743-48f1-a328-1eaab8736080": "RSA-2048 with SHA-1",
    "a5c059a1-94e4-4aa7-87b5-ab155c2bf072": "X.509",
    "3bd2a492-96c0-4079-b420-fcf98ef103ed": "X.509 SHA-256",
    "7076876e-80c2-4ee6-aad2-28b349a6865b": "X.509 SHA-384",
    "446dbf63-2502-4cda-bcfa-2465d2b0fe9d": "X.509 SHA-512",
    "4aafd29d-68df-49ee-8aa9-347d375665a7": "PKCS #7",
    "452e8ced-dfff-4b8c-ae01-5118862e682c": "external management",
    # Configuration tables and hand-off blocks.
    "eb9d2d30-2d88-11d3-9a16-0090273fc14d": "ACPI 1.0",
    "8868e871-e4f1-11d3-bc22-0080c73c8881": "ACPI 2.0",
    "eb9d2d31-2d88-11d3-9a16-0090273fc14d": "SMBIOS",
    "f2fd1544-9794-4a2c-992e-e5bbcf20e394": "SMBIOS 3",
    "eb9d2d32-2d88-11d3-9a16-0090273fc14d": "SAL system table",
    "eb9d2d2f-2d88-11d3-9a16-0090273fc14d": "MPS table",
    "7739f24c-93d7-11d4-9a3a-0090273fc14d": "HOB list",
    "05ad34ba-6f02-4214-952e-4da0398e2bb9": "DXE services table",
    "b1b621d5-f19c-41a5-830b-d9152c69aae0": "device tree",
    "93bb96af-b9f2-4eb8-9462-e0ba74564236": "OVMF platform",
    "3fdda605-a76e-4f46-ad29-12f4531b3d08": "MP services protocol",
    # Vendors in device paths.
    "e0c14753-f9be-11d2-9a0c-0090273fc14d": "PC-ANSI terminal",
    "dfa66065-b419-11d3-9a2d-0090273fc14d": "VT100 terminal",
    "7baec70b-57e0-4c76-8e87-2f9e28088343": "VT100+ terminal",
    "ad15a0d6-8bec-4acf-a073-d01de77e2d88": "VT-UTF8 terminal",
    "37499a9d-542f-4c89-a026-35da142094e4": "UART flow control",
    "d487ddb4-008b-11d9-afdc-001083ffca4d": "SAS",
    "eba4e8d2-3858-41ec-a281-2647ba9660d0": "debug port",
    "5568e427-68fc-4f3d-ac74-ca555231cc68": "Linux initrd",
    "1428f772-b64a-441e-b8c3-9ebdd7f893c7": "QEMU kernel",
    "77ab535a-45fc-624b-5560-f7b281d1f96e": "virtual disk",
    "3d5abd30-4175-87ce-6d64-d2ade523c4bb": "virtual CD",
    "5cea02c9-4d07-69d3-269f-4496fbe096f9": "persistent virtual disk",
    "08018188-42cd-bb48-100f-5387d53ded3d": "persistent virtual CD",
    # Files in firmware volumes, and what firmware leaves in its own boot options.
    "7c04a583-9e3e-4f1c-ad65-e05268d0b4d1": "EFI shell",
    "c57ad6b7-0515-40a8-9d21-551652854e37": "EFI shell 1.0",
    "462caa21-7614-4503-836e-8ab6f4662331": "EDK II setup (UiApp)",
    "eec25bdc-67f2-4d95-b1d5-f81b2039d11d": "EDK II boot menu",
    "7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1": "OVMF DXE volume",
    "8108ac4e-9f11-4d59-850e-e21a522c59b2": "EDK II automatic boot option",
    "821aca26-29ea-4993-839f-597fc021708d": "Absolute Persistence agent",
    "126a762d-5758-4fca-8531-201a7f57f850": "Lenovo boot menu",
    "721c8b66-426c-4e86-8e99-3457c46ab0b9": "Lenovo setup",
    "3f7e615b-0d45-4f80-88dc-26b234958560": "Lenovo diagnostics",
    "a7d8d9a6-6ab0-4aeb-ad9d-163e59a7a380": "Lenovo diagnostic splash screen",
    "665d3f60-ad3e-4cad-8e26-db46eee9f1b5": "Lenovo rescue and recovery",
    "f46ee6f4-4785-43a3-923d-7f786c3c8479": "Lenovo startup interrupt menu",
    "82988420-7467-4490-9059-feb448dd1963": "Lenovo ME configuration",
    "bc7838d2-0f82-4d60-8316-c068ee79d25b": "Lenovo vendor message device",
}

#: Types of GPT partitions.
PARTITION_TYPES: dict[str, str] = {
    "00000000-0000-0000-0000-000000000000": "unused",
    "c12a7328-f81f-11d2-ba4b-00a0c93ec93b": "EFI System",
    "21686148-6449-6e6f-744e-656564454649": "BIOS boot",
    "024dee41-33e7-11d3-9d69-0008c781f39f": "MBR partition scheme",
    "e3c9e316-0b5c-4db8-817d-f92df00215ae": "Microsoft reserved",
    "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7": "Microsoft basic data",
    "5808c8aa-7e8f-42e0-85d2-e1e90434cfb3": "Microsoft LDM metadata",
    "af9b60a0-1431-4f62-bc68-3311714a69ad": "Microsoft LDM data",
    "de94bba4-06d1-4d40-a16a-bfd50179d6ac": "Windows recovery environment",
    "e75caf8f-f680-4cee-afa3-b001e56efc2d": "Microsoft Storage Spaces",
    "0fc63daf-8483-4772-8e79-3d69d8477de4": "Linux filesystem",
    "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f": "Linux swap",
    "e6d6d379-f507-44c2-a23c-238f2a3df928": "Linux LVM",
    "a19d880f-05fc-4d3b-a006-743f0f84911e": "Linux RAID",
    "8da63339-0007-60c0-c436-083ac8230908": "Linux reserved",
    "bc13c2ff-59e6-4262-a352-b275fd6f7172": "Linux extended boot",
    "44479540-f297-41b2-9af7-d131d5f0458a": "Linux root (x86)",
    "4f68bce3-e8cd-4db1-96e7-fbcaf984b709": "Linux root (x86-64)",
    "69dad710-2ce4-4e3c-b16c-21a1d49abed3": "Linux root (ARM)",
    "b921b045-1df0-41c3-af44-4c6f280d3fae": "Linux root (ARM-64)",
    "2c7357ed-ebd2-46d9-aec1-23d437ec2bf5": "Linux root verity (x86-64)",
    "df3300ce-d69f-4c92-978c-9bfb0f38d820": "Linux root verity (ARM-64)",
    "8484680c-9521-48c6-9c11-b0720656f69e": "Linux /usr (x86-64)",
    "77ff5f63-e7b6-4633-acf4-1565b864c0e6": "Linux /usr verity (x86-64)",
    "933ac7e1-2eb4-4f13-b844-0e14e2aef915": "Linux home",
    "3b8f8425-20e0-4f3b-907f-1a25a76f98e8": "Linux server data",
    "fe3a2a5d-4f32-41a7-b725-accc3285a309": "ChromeOS kernel",
    "3cb8e202-3b7e-47dd-8a3c-7ff2a13cfcec": "ChromeOS root",
    "2e0a753d-9e48-43b0-8337-b15192cb1b5e": "ChromeOS reserved",
    "48465300-0000-11aa-aa11-00306543ecac": "Apple HFS/HFS+",
    "7c3457ef-0000-11aa-aa11-00306543ecac": "Apple APFS",
    "516e7cb6-6ecf-11d6-8ff8-00022d09712b": "FreeBSD UFS",
    "516e7cba-6ecf-11d6-8ff8-00022d09712b": "FreeBSD ZFS",
    "9d275380-40ad-11db-bf97-000c2911d1b8": "VMware diagnostic",
    "aa31e02a-400f-11db-9590-000c2911d1b8": "VMware VMFS",
}


def guid_name(guid: str) -> str | None:
    """The name of a GUID, or None."""
    return GUIDS.get(guid) or PARTITION_TYPES.get(guid)


def named_guid(guid: str) -> str:
    """The name of a GUID, or the GUID."""
    return guid_name(guid) or guid
