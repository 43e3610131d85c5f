"""Registers, their names on each platform, and tables of their values.

Sources: TCG PC Client PFP (PCR), UEFI 2.10 section 38 (CC measurement registers and their PCR mapping), Intel TDX
module (MRTD, RTMR), Arm RMM (RIM, REM), Hygon CSV as the CoCo attestation agent maps it, systemd (NvPCR).
"""

from __future__ import annotations

from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "LAST_CCMR",
    "PCR_TO_CCMR",
    "PLATFORMS",
    "SPACES",
    "UNKNOWN_REGISTER",
    "Platform",
    "Register",
    "Registers",
    "Space",
]

#: Register spaces. ``ccmr`` counts as a CCEL does (0 is the build-time register), ``rtmr`` and ``rem`` as the hardware.
SPACES = ("pcr", "ccmr", "rtmr", "rem", "nv", "mr")
Space = str


class Register(Record):
    """What a log extends: ``pcr:7``, ``ccmr:3``, ``nv:0x01c40200``, ``mr:name``.

    ``index`` is an integer in every space but ``mr``, where it is the register's name.
    """

    space: Space
    index: int | str

    def __hash__(self) -> int:
        # A key of every table; few have the same index in two spaces.
        return hash(self.index)

    def __str__(self) -> str:
        if self.space == "nv" and isinstance(self.index, int):
            return f"nv:{self.index:#010x}"
        return f"{self.space}:{self.index}"

    @property
    def sort_key(self) -> tuple[int, int, str]:
        """Order for people: by space, then number, then name."""
        number, name = (self.index, "") if isinstance(self.index, int) else (0, self.index)
        return SPACES.index(self.space), number, name

    @property
    def number(self) -> int:
        """The index as a number; raises UsageError for a register known only by name."""
        if isinstance(self.index, int):
            return self.index
        raise UsageError(f"register {self} has no number: say which register it is (--register)")

    @property
    def replayable(self) -> bool:
        """Whether events extend it: not MRTD or RIM (CC MR 0), not an index beyond 23 such as 0xFFFFFFFF."""
        if self.space in ("pcr", "ccmr"):
            return (0 if self.space == "pcr" else 1) <= self.number <= 23
        return True

    @staticmethod
    def parse(text: str) -> Register:
        """Read ``pcr:7``, ``nv:0x01c40200``, ``mr:name``; also ``rtmr3``, ``PCR[7]`` and a bare number (a PCR).

        Raises UsageError for anything else.
        """
        plain = text.strip()
        space, colon, rest = plain.partition(":")
        if not colon:
            letters = plain.rstrip("[]0123456789")
            space, rest = letters or "pcr", plain[len(letters) :].strip("[]")
        space = space.lower()
        if space == "mr" and rest and rest.isprintable():
            return Register("mr", rest)
        try:
            index = int(rest, 0) if rest[:2].lower() == "0x" else int(rest)
        except ValueError:
            index = -1
        if space not in SPACES or not 0 <= index <= 0xFFFFFFFF:
            raise UsageError(f"not a register: {text!r} (write pcr:7, ccmr:4, rtmr:3 or mr:NAME)")
        return Register(space, index)

    def label(self, platform: str | None = None) -> str:
        """The name a person knows it by: ``PCR[7]``, ``RTMR[2]`` for ``ccmr:3`` on TDX, ``CCMR[3]`` elsewhere."""
        if self.space == "ccmr" and isinstance(self.index, int):
            known = PLATFORMS.get(platform or "")
            if known is not None and known.ccmr:
                return known.ccmr.get(self.index, f"CCMR[{self.index}]")
        if self.space == "mr":
            return str(self.index)
        if self.space == "nv" and isinstance(self.index, int):
            return f"NV[{self.index:#010x}]"
        return f"{self.space.upper()}[{self.index}]"


#: The register of a per-register textual log until somebody says which one it is.
UNKNOWN_REGISTER = Register("mr", "unknown")


class Platform(Record):
    """What a kind of machine calls its registers.

    ``ccmr`` maps the index in a CCEL to the name; ``static`` are the indices that no log event extends;
    ``native`` is the space that the hardware counts in, whose index is the CC MR index less ``offset``; "pcr" where
    the platform has no CC measurement registers.
    """

    id: str
    title: str
    ccmr: Mapping[int, str]
    static: tuple[int, ...] = (0,)
    native: Space = "pcr"
    offset: int = 0

    @staticmethod
    def counting(space: Space, platform: str | None = None) -> Platform:
        """The platform of this id; where there is none, the one that counts registers so: Arm CCA for rem, else TDX."""
        return PLATFORMS.get(platform or "") or PLATFORMS["cca" if space == "rem" else "tdx"]

    def ccmr_of(self, register: Register) -> Register:
        """The CC measurement register that one of the hardware is: ``rtmr:2`` of TDX is ``ccmr:3``. Others stay."""
        if self.native == "pcr" or register.space not in ("rtmr", "rem"):
            return register
        return Register("ccmr", register.number + self.offset)

    def native_of(self, register: Register) -> Register | None:
        """The inverse: ``ccmr:3`` of TDX is ``rtmr:2``. None for one that the hardware does not count, such as MRTD."""
        if register.space != "ccmr":
            return register
        ordinal = register.number - self.offset
        return None if self.native == "pcr" or ordinal < 0 else Register(self.native, ordinal)


PLATFORMS: dict[str, Platform] = {
    platform.id: platform
    for platform in (
        Platform("tpm", "TPM", {}, ()),
        Platform(
            "tdx",
            "Intel TDX",
            {0: "MRTD", 1: "RTMR[0]", 2: "RTMR[1]", 3: "RTMR[2]", 4: "RTMR[3]"},
            native="rtmr",
            offset=1,
        ),
        Platform(
            "cca",
            "Arm CCA",
            {0: "RIM", 1: "REM[0]", 2: "REM[1]", 3: "REM[2]", 4: "REM[3]"},
            native="rem",
            offset=1,
        ),
        Platform("snp", "AMD SEV-SNP", {}, ()),
        # The attestation agent passes the CC MR index to the hardware unchanged.
        Platform("csv", "Hygon CSV", {index: f"RTMR[{index}]" for index in range(5)}, native="rtmr"),
        Platform("nitro", "AWS Nitro Enclaves", {}, ()),
    )
}

#: The last CC measurement register that events extend, on every platform that has them.
LAST_CCMR = 4

#: PCR index to CC MR index (UEFI 2.10 section 38.4.1); PCRs above 15 have none.
PCR_TO_CCMR: dict[int, int] = {
    0: 0, 1: 1, 7: 1, 2: 2, 3: 2, 4: 2, 5: 2, 6: 2, **dict.fromkeys(range(8, 16), 3),
}  # fmt: skip


class Registers(Record):
    """Register values: a table by register and bank, and where it came from, which is not compared."""

    values: Mapping[tuple[Register, HashAlg], bytes]
    source: str = ""

    _uncompared = ("source",)

    def __getitem__(self, key: tuple[Register, HashAlg]) -> bytes:
        return self.values[key]

    def __contains__(self, key: object) -> bool:
        return key in self.values

    def __iter__(self) -> Iterator[tuple[Register, HashAlg]]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def get(self, register: Register, alg: HashAlg) -> bytes | None:
        """The value of a register in a bank, or None."""
        return self.values.get((register, alg))

    def __hash__(self) -> int:
        return hash(frozenset(self.values.items()))
