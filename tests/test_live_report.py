"""Reports by configfs-tsm: the kernel's rules in a provider of our own, and what may go wrong."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from evlog.errors import SourceError, UsageError
from evlog.live.report import ROOT, Items, report

if TYPE_CHECKING:
    from collections.abc import Callable

NONCE = bytes(range(1, 33))
ASKED = NONCE.ljust(64, b"\0")


class Provider(Items):
    """An item's attributes as drivers/virt/coco/guest/report.c has them: a commit for each close of inblob."""

    def __init__(self, provider: str = "tdx_guest", aux: bytes | None = None) -> None:
        self.provider, self.aux = provider, aux
        self.items: dict[str, dict[str, bytes | int]] = {}
        self.calls: list[str] = []
        self.fails: dict[str, int] = {}
        self.race: Callable[[dict[str, bytes | int]], None] | None = None
        self.dead: set[int] = set()

    def _may(self, what: str) -> None:
        self.calls.append(what)
        if what in self.fails:
            number = self.fails[what]
            raise OSError(number, os.strerror(number))

    def names(self, folder: str) -> list[str]:
        assert folder == ROOT
        self._may("names")
        return [path.rpartition("/")[2] for path in self.items]

    def make(self, path: str) -> None:
        self._may("make")
        if path in self.items:
            raise FileExistsError(errno.EEXIST, "exists")
        self.items[path] = {"generation": 0, "inblob": b""}

    def remove(self, path: str) -> None:
        self._may("remove")
        del self.items[path]

    def write(self, path: str, data: bytes) -> int:
        folder, _, name = path.rpartition("/")
        self._may(f"write {name}")
        item = self.items[folder]
        item["generation"] = int(item["generation"]) + 1
        item["inblob"] = data
        if len(data) > 64:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        return len(data)

    def read(self, path: str) -> bytes:
        folder, _, name = path.rpartition("/")
        self._may(f"read {name}")
        item = self.items[folder]
        if name == "provider":
            return self.provider.encode() + b"\n"
        if name == "generation":
            return b"%d\n" % int(item["generation"])
        if name == "outblob":
            if self.race is not None:
                self.race(item)
            return b"HEAD" * 10 + bytes(item["inblob"]) + b"TAIL" * 10000
        if name == "auxblob" and self.aux is not None:
            return self.aux
        raise FileNotFoundError(errno.ENOENT, "no such attribute", path)

    def alive(self, pid: int) -> bool:
        return pid not in self.dead


def test_a_report() -> None:
    provider = Provider("sev_guest", b"certificates")
    found = report(NONCE, items=provider)
    assert (found.provider, found.nonce, found.auxblob, found.manifestblob) == (
        "sev_guest",
        ASKED,
        b"certificates",
        b"",
    )
    assert len(found.outblob) > 40000
    assert ASKED in found.outblob
    assert provider.items == {}
    assert provider.calls[2:] == [
        *("read provider", "read generation", "write inblob", "read outblob"),
        *("read auxblob", "read manifestblob", "read generation", "remove"),
    ]


def test_the_item_has_a_name_of_its_own_and_dead_ones_go() -> None:
    provider = Provider()
    others: dict[str, dict[str, bytes | int]] = {
        f"{ROOT}/evlog-77-ab": {},
        f"{ROOT}/evlog-78-ab": {},
        f"{ROOT}/somebody": {},
        f"{ROOT}/evlog-x": {},
    }
    provider.items.update(others)
    provider.dead = {77}
    report(NONCE, items=provider)
    assert sorted(provider.items) == sorted(set(others) - {f"{ROOT}/evlog-77-ab"})


@pytest.mark.parametrize(
    ("call", "number", "said"),
    [
        ("names", errno.ENOENT, "no configfs-tsm here"),
        ("make", errno.ENXIO, "no provider of reports"),
        ("make", errno.EACCES, "root may ask"),
        ("read outblob", errno.EBUSY, "busy"),
        ("read outblob", errno.ETIMEDOUT, "no quoting service"),
        ("read outblob", errno.EIO, "no quoting service"),
        ("write inblob", errno.EINVAL, "invalid argument"),
    ],
)
def test_what_may_go_wrong_is_said(call: str, number: int, said: str) -> None:
    provider = Provider()
    provider.fails[call] = number
    with pytest.raises(SourceError, match=said):
        report(NONCE, items=provider)
    # Whatever it was, nothing is left behind.
    assert provider.items == {}


def test_somebody_else_asks_in_between() -> None:
    def commits(item: dict[str, bytes | int]) -> None:
        item["generation"] = int(item["generation"]) + 1

    def asks(item: dict[str, bytes | int]) -> None:
        item["inblob"] = bytes(64)

    for race, said in ((commits, "somebody else asked"), (asks, "not about what was asked")):
        provider = Provider()
        provider.race = race
        with pytest.raises(SourceError, match=said):
            report(NONCE, items=provider)
        assert provider.items == {}


def test_a_short_write_is_no_question() -> None:
    class Short(Provider):
        def write(self, path: str, data: bytes) -> int:
            return super().write(path, data[:32])

    with pytest.raises(SourceError, match="32 bytes were taken of 64"):
        report(NONCE, items=Short())


def test_a_nonce_that_does_not_fit() -> None:
    for nonce in (b"", bytes(65)):
        with pytest.raises(UsageError):
            report(nonce, items=Provider())
