"""What a backend does, and what the native module gives to one: the shapes that the choice and the backends share.

Nothing in here runs. `Native` is what accel/evlog_accel.pyi declares, as far as evlog calls it: type checkers hold the
one against the other where evlog-accel is installed.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any, Protocol, TypeAlias

    from evlog.algorithms import HashAlg
    from evlog.columns import Columns

    #: Where each row's bytes start and stop: see `Columns.spans`.
    Spans: TypeAlias = tuple[array[int], array[int]]
    #: The rows of a log, the banks to extend, and the values, by bank and register index, that they stand at.
    Job: TypeAlias = tuple[Columns, Sequence[HashAlg], dict[HashAlg, dict[int, bytes]]]

    class Backend(Protocol):
        """What a backend does. Values and digests are bytes of the algorithm's size."""

        NAME: str
        #: The native module, whose scanners the rooms use; None in the backend that is not native.
        native: Native | None

        def prepare(self, size: int) -> None:
            """An input of so many bytes is to come: what pays off for a large one only is loaded for it."""
            ...

        def computable(self, alg: HashAlg) -> bool:
            """Whether this backend can hash with the algorithm."""
            ...

        def digests(self, alg: HashAlg, parts: Iterable[bytes]) -> list[bytes]:
            """The hash of each part."""
            ...

        def fold(self, alg: HashAlg, value: bytes, digests: Iterable[bytes]) -> bytes:
            """A register's value after extending it with each digest: value = H(value || digest)."""
            ...

        def trace(self, alg: HashAlg, value: bytes, digests: Iterable[bytes]) -> list[bytes]:
            """The values on the way of `fold`: the one after each of the digests."""
            ...

        def fold_many(self, jobs: Sequence[Job]) -> list[dict[HashAlg, set[int]]]:
            """For each job, extend its values with the recorded digests of all rows of its columns.

            Returns for each the registers of each bank that some row lacked a digest for.
            """
            ...

        def fold_spans(
            self,
            columns: Columns,
            spans: tuple[array[int], array[int]],
            alg: HashAlg,
            value: bytes,
            first: int,
            end: int,
        ) -> bytes:
            """The value of the only register there is after the rows from ``first`` to ``end``.

            Each row that extends it does so with the hash of the bytes that it spans.
            """
            ...

        def tally(self, registers: array[int]) -> Mapping[int, int]:
            """How many rows extend each register, of those that any does."""
            ...

        def of_body(self, columns: Columns) -> bytes:
            """For each row, 1 if it has digests and all of them are hashes of its body, else 0.

            0 too where the name that a body stands behind is longer than the record (`evlog.columns.Named`).
            """
            ...

        def words(self, columns: Columns, distances: Sequence[int], byteorder: str) -> array[int]:
            """For each row, the number in the four bytes at a distance from its start, which is given by layout.

            Where less is left of the buffer, the number in what is left.
            """
            ...

    class Native(Protocol):
        """The native module. Buffers are bytes or anything with the buffer protocol; its own stub says the rest."""

        API: int
        __version__: str

        def algorithms(self) -> list[int]: ...
        def self_test(self) -> bool: ...
        def digests(self, alg: int, parts: Sequence[bytes]) -> list[bytes]: ...
        def fold(self, alg: int, value: bytes, digests: Sequence[bytes]) -> bytes: ...
        def fold_many(self, jobs: Sequence[Any], /) -> list[list[tuple[list[bytes], list[bool]]]]: ...
        def fold_spans(
            self,
            alg: int,
            value: bytes,
            buffer: bytes,
            starts: array[int],
            stops: array[int],
            registers: array[int],
            first: int,
            end: int,
            /,
        ) -> bytes: ...
        def of_body(
            self,
            buffer: bytes,
            offsets: array[int],
            end: int,
            layout_of: bytearray | None,
            shapes: Sequence[Any],
            /,
        ) -> bytes: ...
        def words(
            self,
            buffer: bytes,
            offsets: array[int],
            layout_of: bytearray | None,
            distances: Sequence[int],
            big_endian: bool,
            numbers: array[int],
            /,
        ) -> None: ...
        def tally(self, registers: array[int]) -> dict[int, int]: ...
        def counted(self, numbers: array[int], registers: array[int], /) -> bool: ...
        def find(self, data: bytes, wanted: bytes, start: int, stop: int, /) -> int: ...
        def tcg2_run(
            self,
            data: bytes,
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
            self,
            data: bytes,
            start: int,
            big_endian: bool,
            followed: tuple[int, int],
            offsets: array[int],
            registers: array[int],
            notable: list[int],
            /,
        ) -> int: ...
        def ima_run(
            self,
            data: bytes,
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
            self,
            data: bytes,
            start: int,
            name: bytes,
            digest: int,
            limits: tuple[int, int],
            offsets: array[int],
            registers: array[int],
            /,
        ) -> int: ...
        def ima_text_digests(
            self,
            data: bytes,
            offsets: array[int],
            first: int,
            end: int,
            name: bytes,
            digest: int,
            /,
        ) -> list[bytes | None]: ...
        def cel_run(
            self,
            data: bytes,
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
            self,
            data: bytes,
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
            self,
            data: bytes,
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
        def read_file(self, descriptor: int) -> bytes | None: ...
