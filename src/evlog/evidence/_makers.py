"""What manufacturers publish of themselves and evidence is held against: the only place with such constants.

Roots are known by the SHA-256 of the certificate: Intel SGX Root CA (PCS), AMD ARK of Milan, Genoa and Turin (KDS), AWS
Nitro Enclaves Root-G1 (its fingerprint is in the documentation). AWS's root is that of NitroTPM documents too, so that
it pins enclaves only, as its name says.
"""

from __future__ import annotations

from evlog._record import Record

__all__ = ["INTEL", "ROOTS", "TD_QE", "Enclave", "Maker"]


class Maker(Record):
    """Whose root it is, and the kind of evidence that it makes."""

    name: str
    kind: str


INTEL = Maker("Intel SGX Root CA", "tdx-quote")

ROOTS: dict[str, Maker] = {
    "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3": INTEL,
    "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd": Maker("AMD ARK-Milan", "snp-report"),
    "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1": Maker("AMD ARK-Genoa", "snp-report"),
    "1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a": Maker("AMD ARK-Turin", "snp-report"),
    "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b": Maker("AWS Nitro Root-G1", "nitro-enclave"),
}


class Enclave(Record):
    """Who an enclave is, as its signer's published identity says: ``attributes`` hold under ``mask``."""

    mrsigner: bytes
    isvprodid: int
    attributes: bytes
    mask: bytes


#: Intel's quoting enclave for TDs (PCS, ``/tdx/certification/v4/qe/identity``). The mask leaves MODE64BIT and XFRM
#: free, and holds DEBUG at zero.
TD_QE = Enclave(
    bytes.fromhex("dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5"),
    2,
    bytes.fromhex("11000000000000000000000000000000"),
    bytes.fromhex("fbffffffffffffff0000000000000000"),
)
