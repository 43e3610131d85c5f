"""What the native module gives evlog. Buffers are `bytes` or anything with the buffer protocol."""

from array import array
from collections.abc import Sequence

from typing_extensions import Buffer

API: int
#: A bank: its algorithm, the distance of its digest in each layout or None, and the values of its registers.
Bank = tuple[int, Sequence[int | None], Sequence[bytes]]
#: buffer, offsets, registers, layout of each row, whether zeros are violations, the registers in order, the banks.
Job = tuple[Buffer, array[int], array[int], bytearray | None, bool, Sequence[int], Sequence[Bank]]
#: What is covered of a body: bytes at its start, bytes left out after these, bytes that the rest is filled up to.
Part = tuple[int, int, int]
#: Bodies behind names: whether the length of a name is big-endian, what is covered usually, and behind some names.
Named = tuple[bool, Part, Sequence[tuple[bytes, Part]]]
#: The distance of the body, or of its name's length; algorithm and distance of each digest.
Shape = tuple[int, Sequence[tuple[int, int]], Named | None]
__version__: str

def algorithms() -> list[int]: ...
def kernels() -> dict[str, str]: ...
def self_test() -> bool: ...
def digests(alg: int, parts: Sequence[Buffer]) -> list[bytes]: ...
def fold(alg: int, value: bytes, digests: Sequence[Buffer]) -> bytes: ...
def fold_many(jobs: Sequence[Job], /) -> list[list[tuple[list[bytes], list[bool]]]]: ...
def fold_spans(
    alg: int,
    value: bytes,
    buffer: Buffer,
    starts: array[int],
    stops: array[int],
    registers: array[int],
    first: int,
    end: int,
    /,
) -> bytes: ...
def of_body(
    buffer: Buffer,
    offsets: array[int],
    end: int,
    layout_of: bytearray | None,
    shapes: Sequence[Shape],
    /,
) -> bytes: ...
def words(
    buffer: Buffer,
    offsets: array[int],
    layout_of: bytearray | None,
    distances: Sequence[int],
    big_endian: bool,
    numbers: array[int],
    /,
) -> None: ...
def tally(registers: array[int]) -> dict[int, int]: ...
def counted(numbers: array[int], registers: array[int], /) -> bool: ...
def find(data: Buffer, wanted: bytes, start: int, stop: int, /) -> int: ...
def tcg2_run(
    data: Buffer,
    start: int,
    algorithms: Sequence[tuple[int, int]],
    fixed: int,
    followed: tuple[int, int],
    offsets: array[int],
    registers: array[int],
    notable: list[int],
    /,
) -> int: ...
def tcg1_run(
    data: Buffer,
    start: int,
    big_endian: bool,
    followed: tuple[int, int],
    offsets: array[int],
    registers: array[int],
    notable: list[int],
    /,
) -> int: ...
def ima_run(
    data: Buffer,
    start: int,
    digest: int,
    big_endian: bool,
    templates: Sequence[tuple[bytes, int]],
    limits: tuple[int, int],
    offsets: array[int],
    registers: array[int],
    /,
) -> int: ...
def ima_text_run(
    data: Buffer,
    start: int,
    name: bytes,
    digest: int,
    limits: tuple[int, int],
    offsets: array[int],
    registers: array[int],
    /,
) -> int: ...
def ima_text_digests(
    data: Buffer,
    offsets: array[int],
    first: int,
    end: int,
    name: bytes,
    digest: int,
    /,
) -> list[bytes | None]: ...
def cel_run(
    data: Buffer,
    start: int,
    heads: Sequence[tuple[int, bytes]],
    recnum: tuple[int, int],
    index: tuple[int, int],
    digests: Sequence[tuple[int, int]],
    fixed: int,
    offsets: array[int],
    indices: array[int],
    recnums: array[int],
    silent: list[int],
    notable: list[int],
    unread: list[int],
    types: set[int],
    /,
) -> int: ...
def cbor_run(
    data: Buffer,
    start: int,
    constants: Sequence[tuple[int, bytes]],
    numbers: Sequence[tuple[int, int, int, int]],
    inline: int,
    fixed: int,
    registers: int,
    odd: Sequence[int],
    offsets: array[int],
    recnums: array[int],
    indices: array[int],
    silent: list[int],
    notable: list[int],
    /,
) -> int: ...
def text_run(
    data: Buffer,
    comments: bool,
    edges: bytes,
    register: int,
    keywords: Sequence[bytes],
    offsets: array[int],
    stops: array[int],
    registers: array[int],
    likely: list[int],
    /,
) -> bool: ...
def read_file(descriptor: int) -> bytes | None: ...
