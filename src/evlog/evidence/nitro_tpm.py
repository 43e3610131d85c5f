"""An AWS Nitro attestation document of a NitroTPM: the SHA-384 bank of an instance's TPM, PCR 0 to 23."""

from __future__ import annotations

from evlog.evidence import Credentials, Evidence, Material, _nitro

ID = "nitro-tpm"
TITLE = "AWS Nitro attestation document of a NitroTPM"
KINDS = (ID,)


def claims(material: Material) -> bool:
    return _nitro.states(material, _nitro.TPM)


def read(material: Material, credentials: Credentials) -> Evidence:
    """The PCRs and what signs them. Raises ParseError for bytes that are no document."""
    document = _nitro.opened(material.data or b"")
    registers = _nitro.registers(document, _nitro.TPM, ID)
    return _nitro.check(document, credentials).evidence(ID, registers, form=ID, platform="tpm")
