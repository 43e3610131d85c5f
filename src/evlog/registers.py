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
    from collections.abc import Iterable, Iterator, Mapping

__all__ = [
    "CC_SPACES",
    "LAST_CCMR",
    "LAST_PCR",
    "NO_REGISTER",
    "PCR0",
    "PCR_TO_CCMR",
    "PLATFORMS",
    "RESETTABLE_PCRS",
    "SPACES",
    "UNKNOWN_REGISTER",
    "Platform",
    "Register",
    "RegisterSet",
    "Registers",
    "Space",
]

#: Register spaces. ``ccmr`` counts as a CCEL does (0 is the build-time register), ``rtmr`` and ``rem`` as the hardware.
SPACES = ("pcr", "ccmr", "rtmr", "rem", "nv", "mr")
#: Those of the measurement registers of confidential guests.
CC_SPACES = ("ccmr", "rtmr", "rem")
Space = str

#: The last PCR that the TPM of a PC has (TCG PC Client Platform TPM Profile 1.05, section 4.6).
LAST_PCR = 23

#: Registers of which there is one object each.
_USUAL: dict[tuple[Space, int], Register] = {}


class Register(Record):
    """What a log extends: ``pcr:7``, ``ccmr:3``, ``nv:0x01c40200``, ``mr:name``.

    ``index`` is an integer in every space but ``mr``, where it is the register's name.
    """

    space: Space
    index: int | str

    def __new__(cls, space: Space, index: int | str) -> Register:
        # The usual ones are one object each: tables find what is the same object without comparing.
        if type(index) is not int or not 0 <= index <= LAST_PCR or space not in SPACES:
            return object.__new__(cls)
        known = _USUAL.get((space, index))
        return known if known is not None else _USUAL.setdefault((space, index), object.__new__(cls))

    def __eq__(self, other: object) -> bool:
        if type(other) is not Register:
            return NotImplemented
        return self is other or (self.index == other.index and self.space == other.space)

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
            return (0 if self.space == "pcr" else 1) <= self.number <= LAST_PCR
        return True

    @property
    def purpose(self) -> str:
        """What a PCR is for, in a word of systemd-analyze's (`PCR_NAMES`); "" of any other register."""
        return PCR_NAMES.get(self.index, "") if self.space == "pcr" and isinstance(self.index, int) else ""

    @staticmethod
    def parse(text: str) -> Register:
        """Read ``pcr:7``, ``nv:0x01c40200``, ``mr:name``; also ``rtmr3``, ``PCR[7]``, ``mrtd``, and ``7`` (a PCR).

        Raises UsageError for anything else. `RegisterSet.parse` reads several.
        """
        first, last = _read(text)
        if first != last:
            raise UsageError(f"one register was expected, not {text!r}")
        return first

    def names(self, platform: str | None = None) -> tuple[Register, ...]:
        """The register as events may name it on a platform: itself, and by the count of the CCEL or of the hardware."""
        known = PLATFORMS.get(platform or "")
        if known is None or self.space == "pcr":
            return (self,)
        return tuple(dict.fromkeys((self, known.ccmr_of(self), known.native_of(self) or self)))

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


#: The index, PCR -1, of records that are on no register: informative ones, as a rule, such as those of Windows.
NO_REGISTER = 0xFFFFFFFF

#: Where the S-CRTM is measured, and the only PCR that may start at a locality.
PCR0 = Register("pcr", 0)

#: PCRs that anybody may reset while the machine runs: for tests and for applications.
RESETTABLE_PCRS = frozenset((16, 23))

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

#: What PCRs are for, as systemd-analyze calls them (UAPI group, Linux TPM PCR Registry).
PCR_NAMES: dict[int, str] = {
    **dict(enumerate((
        "platform-code", "platform-config", "external-code", "external-config", "boot-loader-code",
        "boot-loader-config", "host-platform", "secure-boot-policy",
    ))),
    9: "kernel-initrd", 10: "ima", 11: "kernel-boot", 12: "kernel-config", 13: "sysexts", 14: "shim-policy",
    15: "system-identity", 16: "debug", 23: "application-support",
}  # fmt: skip

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


class RegisterSet(Record):
    """Registers as people name them, on a command line or in a demand: a test that any register passes or not.

    ``ranges`` are spaces with a first and a last number, ``named`` the registers known by name. ``alone`` is the one
    that was given by itself, if only one was: it is what a log extends that names none. Nothing is made of a range.
    """

    ranges: tuple[tuple[Space, int, int], ...] = ()
    named: tuple[str, ...] = ()
    alone: Register | None = None

    @staticmethod
    def parse(*texts: str) -> RegisterSet:
        """Read registers and ranges of them, with commas between: ``0-7,11``, ``pcr:0-7``, ``RTMR[2]``, ``mr:NAME``.

        A comma in a name is written ``\\,``. Raises UsageError for what is no register, or a range from the end.
        """
        ranges: list[tuple[Space, int, int]] = []
        named: list[str] = []
        alone: list[Register] = []
        for text in texts:
            # No register's name has a NUL in it.
            parts = [part.replace("\0", ",") for part in text.replace("\\,", "\0").split(",")]
            for part in parts:
                first, last = _read(part)
                if first.space == "mr":
                    named.append(str(first.index))
                else:
                    ranges.append((first.space, first.number, last.number))
            if len(parts) == 1 and first == last:
                alone.append(first)
        return RegisterSet(tuple(ranges), tuple(named), alone[0] if len(alone) == 1 else None)

    def holds(self, register: Register, platform: str | None = None) -> bool:
        """Whether the register is among them, by any of its names on the platform."""
        return any(_among(name, self.ranges, self.named) for name in register.names(platform))

    def each(self, most: int = 1024) -> tuple[Register, ...]:
        """The registers one by one. Raises UsageError for more than ``most``."""
        if sum(last - first + 1 for _, first, last in self.ranges) > most:
            raise UsageError(f"{self} are more than {most} registers")
        numbered = [Register(space, index) for space, first, last in self.ranges for index in range(first, last + 1)]
        return tuple(dict.fromkeys([*numbered, *(Register("mr", name) for name in self.named)]))

    @staticmethod
    def of(registers: Iterable[Register]) -> RegisterSet:
        """A set of just these; `str` writes neighbours as a range."""
        ranges: list[tuple[Space, int, int]] = []
        named: list[str] = []
        for each in sorted(set(registers), key=lambda register: register.sort_key):
            if isinstance(each.index, str):
                named.append(each.index)
            elif ranges and ranges[-1][0] == each.space and ranges[-1][2] == each.index - 1:
                ranges[-1] = (each.space, ranges[-1][1], each.index)
            else:
                ranges.append((each.space, each.index, each.index))
        return RegisterSet(tuple(ranges), tuple(named))

    def absent(self, registers: Iterable[Register], platform: str | None = None) -> list[str]:
        """What was asked for that none of the registers is."""
        there = [name for register in registers for name in register.names(platform)]
        ranges = [each for each in self.ranges if not any(_among(name, (each,), ()) for name in there)]
        named = [name for name in self.named if Register("mr", name) not in there]
        return [*map(_range_text, ranges), *(f"mr:{name}" for name in named)]

    def __str__(self) -> str:
        named = (f"mr:{name}".replace(",", "\\,") for name in self.named)
        return ",".join((*map(_range_text, self.ranges), *named))


def _among(register: Register, ranges: Iterable[tuple[Space, int, int]], named: tuple[str, ...]) -> bool:
    index = register.index
    if isinstance(index, str):
        return index in named
    return any(space == register.space and first <= index <= last for space, first, last in ranges)


def _range_text(numbers: tuple[Space, int, int]) -> str:
    space, first, last = numbers
    return str(Register(space, first)) + (f"-{last:#x}" if space == "nv" else f"-{last}") * (first != last)


# Registers that have no number for people: the ones that no event extends.
_STATIC = {
    label.lower(): Register("ccmr", index)
    for platform in PLATFORMS.values()
    for index, label in platform.ccmr.items()
    if "[" not in label
}


def _read(text: str) -> tuple[Register, Register]:
    """The first and the last register that a text names: the one grammar of registers."""
    plain = text.strip()
    if plain[:3].lower() == "mr:":
        # A name may end with a blank, and is another one then.
        plain = text.lstrip()
    static = _STATIC.get(plain.lower())
    if static is not None:
        return static, static
    space, colon, rest = plain.partition(":")
    if not colon:
        space, bracket, rest = plain.partition("[")
        if bracket:
            rest = rest[:-1] if rest[-1:] == "]" else ""
        else:
            space = plain.rstrip("-0123456789")
            rest = plain[len(space) :]
    space = space.lower() or "pcr"
    if space == "mr":
        if rest and rest.isprintable():
            return Register("mr", rest), Register("mr", rest)
    elif space in SPACES:
        start, dash, end = rest.partition("-")
        first, last = _index(start), _index(end if dash else start)
        if 0 <= first <= last:
            return Register(space, first), Register(space, last)
    raise UsageError(f"not a register: {text!r} (write pcr:7, 0-7, ccmr:4, rtmr:3 or mr:NAME)")


def _index(text: str) -> int:
    """The number of a register, decimal or with 0x; -1 for anything else."""
    digits, base = (text[2:], 16) if text[:2].lower() == "0x" else (text, 10)
    if not (0 < len(digits) <= 10 and digits.isascii() and digits.isalnum()):
        return -1
    try:
        index = int(digits, base)
    except ValueError:
        return -1
    return index if index <= 0xFFFFFFFF else -1
