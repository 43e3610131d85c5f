"""An AWS Nitro attestation document of an enclave: PCR 0 to 15 are locked at its start, and what they measure is in no
log.

Spec: AWS Nitro Enclaves, "Cryptographic attestation": PCR 0 to 2 measure the image, 3 and 4 the instance, 8 the signing
certificate; they are zeros in an enclave that was started in debug mode.
"""

from __future__ import annotations

from evlog.evidence import Credentials, Evidence, Material, _nitro
from evlog.registers import Register

ID = "nitro-enclave"
TITLE = "AWS Nitro attestation document of an enclave"
KINDS = (ID,)

_LOCKED = 16
_IMAGE = range(3)
#: The whole image, or who signed it. PCR 1 and 2 are parts of it.
_WHOLE = (Register("pcr", 0), Register("pcr", 8))


def claims(material: Material) -> bool:
    return _nitro.states(material, _nitro.ENCLAVE)


def read(material: Material, credentials: Credentials) -> Evidence:
    """The PCRs and what signs them. Raises ParseError for bytes that are no document."""
    document = _nitro.opened(material.data or b"")
    registers = _nitro.registers(document, _nitro.ENCLAVE, ID)
    account = _nitro.check(document, credentials)
    image = [value for (register, _), value in registers.values.items() if register.number in _IMAGE]
    if image and not any(map(any, image)):
        account.weak("debug", "the enclave runs in debug mode: the registers of its image are zeros")
    static = tuple(register for register, _ in registers if register.number < _LOCKED)
    return account.evidence(ID, registers, form=ID, static=static, image=_WHOLE, platform="nitro")
