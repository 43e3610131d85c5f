"""Following a machine: events as logs grow, cut anywhere, and registers that move without one."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import evlog
from evlog import hashing
from evlog.intake.machine import read_machine
from evlog.intake.sources import log_sources
from evlog.live.capture import capture
from evlog.live.follow import Follower, Moved, Seen
from evlog.live.growing import Growing
from tests.command import run
from tests.conftest import ROOT, SAMPLES
from tests.fake_machine import put, show, tpm

if TYPE_CHECKING:
    from pathlib import Path

LIST = SAMPLES / "ima-binary" / "sha256.bin"
SHA1_LIST = SAMPLES / "ima-binary" / "ng-violations.bin"
IMA = "sys/kernel/security/ima/binary_runtime_measurements_sha256"
PCR10 = evlog.Register("pcr", 10)
SYSTEMD = SAMPLES / "systemd" / "tpm2-measure.log"


def ends(path: Path) -> list[int]:
    """Where each record of a log ends."""
    origins = [event.origin for event in evlog.read(path).events]
    return [each.span.offset + each.span.length for each in origins if each is not None]


def values(path: Path) -> list[bytes]:
    """PCR 10 after each entry of the list, in SHA-256."""
    found = [bytes(32)]
    for event in evlog.read(path).events:
        digest = event.extension(evlog.SHA256)
        assert digest
        found.append(hashing.backend().fold(evlog.SHA256, found[-1], [digest]))
    return found


def add(path: Path, data: bytes) -> None:
    with open(path, "ab") as file:
        file.write(data)


def test_a_list_that_grows_byte_by_byte(tmp_path: Path) -> None:
    data, places = LIST.read_bytes(), ends(LIST)
    start = places[1]
    path = put(tmp_path, "list", data[:start])
    log = Growing(str(path))
    seen = list(log.more())
    assert len(seen) == 2
    for at in range(start, places[6]):
        add(path, data[at : at + 1])
        new = log.more()
        assert len(new) == (at + 1 in places)
        seen += new
    log.close()
    whole = evlog.read(LIST).events[:7]
    assert [(each.number, each.digests, each.content) for each in seen] == [
        (each.number, each.digests, each.content) for each in whole
    ]


def test_records_of_text_are_told_when_they_are_whole(tmp_path: Path) -> None:
    data = SYSTEMD.read_bytes()
    path = put(tmp_path, "tpm2-measure.log", data[:10])
    log = Growing(str(path))
    assert log.more() == ()
    seen: list[evlog.Event] = []
    for at in range(10, len(data), 7):
        add(path, data[at : at + 7])
        seen += log.more()
    log.close()
    assert [each.content for each in seen] == [each.content for each in evlog.read(SYSTEMD).events]


def follower(root: Path) -> Follower:
    return Follower(lambda: log_sources(str(root)), lambda: read_machine(str(root)).registers)


def test_events_and_registers_that_move_without_one(tmp_path: Path) -> None:
    tpm(tmp_path)
    data, places, steps = LIST.read_bytes(), ends(LIST), values(LIST)
    path = put(tmp_path, IMA, data[: places[0]])
    show(tmp_path, PCR10, evlog.SHA256, steps[1])
    follow = follower(tmp_path)
    assert list(follow.look()) == []
    # As the kernel does it: the entry, then the register.
    add(path, data[places[0] : places[1]])
    (seen,) = follow.look()
    assert isinstance(seen, Seen)
    assert seen.event.number == 1
    show(tmp_path, PCR10, evlog.SHA256, steps[2])
    assert list(follow.look()) == []
    # As user space may do it: the register, then the record.
    show(tmp_path, PCR10, evlog.SHA256, steps[3])
    assert list(follow.look()) == []
    add(path, data[places[1] : places[2]])
    assert [type(each) for each in follow.look()] == [Seen]
    assert list(follow.look()) == []
    # And somebody whom no log knows.
    show(tmp_path, PCR10, evlog.SHA256, b"\x11" * 32)
    assert list(follow.look()) == []
    assert list(follow.look()) == [Moved(PCR10, evlog.SHA256, steps[3], b"\x11" * 32)]
    assert list(follow.look()) == []
    follow.close()


def test_a_bank_that_the_list_has_no_digests_of(tmp_path: Path) -> None:
    """Nobody says by which rule it was extended, so that no move of it is called another's; the list's own bank is."""
    tpm(tmp_path)
    data, places = SHA1_LIST.read_bytes(), ends(SHA1_LIST)
    path = put(tmp_path, "sys/kernel/security/ima/binary_runtime_measurements", data[: places[1]])
    first = evlog.read(SHA1_LIST).events
    value = bytes(20)
    for event in first[:3]:
        digest = event.extension(evlog.SHA1)
        assert digest
        before, value = value, hashing.backend().fold(evlog.SHA1, value, [digest])
    show(tmp_path, PCR10, evlog.SHA1, before)
    follow = follower(tmp_path)
    add(path, data[places[1] : places[2]])
    show(tmp_path, PCR10, evlog.SHA1, value)
    show(tmp_path, PCR10, evlog.SHA256, b"\x22" * 32)
    assert [type(each) for each in follow.look()] == [Seen]
    assert list(follow.look()) == []
    show(tmp_path, PCR10, evlog.SHA1, b"\x33" * 20)
    assert list(follow.look()) == []
    assert [each.alg for each in follow.look() if isinstance(each, Moved)] == [evlog.SHA1]
    follow.close()


def test_a_log_that_appears_later(tmp_path: Path) -> None:
    tpm(tmp_path)
    follow = follower(tmp_path)
    put(tmp_path, "run/log/systemd/tpm2-measure.log", SYSTEMD.read_bytes())
    assert len(list(follow.look())) == len(evlog.read(SYSTEMD).events)
    follow.close()


# What a shell runs in the background ignores SIGINT, and so does what that starts.
_HEEDED = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from evlog.cli import main; sys.exit(main())"
)


def test_the_command_follows_until_it_is_interrupted(tmp_path: Path) -> None:
    import signal
    import subprocess
    import sys

    tpm(tmp_path)
    data, places = LIST.read_bytes(), ends(LIST)
    path = put(tmp_path, IMA, data[: places[1]])
    with subprocess.Popen(
        [sys.executable, "-c", _HEEDED, "show", "--live", "--follow", "--sysroot", str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    ) as ran:  # fmt: skip
        assert ran.stdout is not None
        assert ran.stderr is not None
        said = [ran.stderr.readline(), ran.stderr.readline()]
        assert any("2 events so far" in line for line in said)
        add(path, data[places[1] : places[2]])
        line = ran.stdout.readline()
        ran.send_signal(signal.SIGINT)
        try:
            code = ran.wait(30)
        finally:
            ran.kill()
    assert code == 0
    assert line.startswith("binary_runtime_measurements_sha256    2 pcr:10")


def test_options_that_do_not_go_with_it(tmp_path: Path) -> None:
    assert run("show", "--follow", str(LIST)).code == 2
    assert run("show", "--live", str(LIST)).code == 2
    assert run("show", "--live", "--follow", "--json", "--sysroot", str(tmp_path)).code == 2
    assert run("show", "--live", "--follow", "--sysroot", str(tmp_path)).code == 3
    assert run("show").code == 2


def test_a_list_that_grows_while_it_is_captured(tmp_path: Path) -> None:
    """The kernel puts an entry on the list and extends then: what was read first has a prefix that leads to it."""
    root = tmp_path / "root"
    tpm(root)
    data, places, steps = LIST.read_bytes(), ends(LIST), values(LIST)
    # The same entry again and again is an entry each time.
    entry = data[places[0] : places[1]]
    digest = evlog.read(LIST).events[1].extension(evlog.SHA256)
    assert digest
    path = put(root, IMA, data[: places[0]])
    show(root, PCR10, evlog.SHA256, steps[1])
    for alg in ("sha1", "sha384", "sha512"):
        (root / f"sys/class/tpm/tpm0/pcr-{alg}/10").unlink()
    done = threading.Event()

    def measure() -> None:
        value = steps[1]
        while not done.is_set():
            add(path, entry)
            value = hashing.backend().fold(evlog.SHA256, value, [digest])
            # In one write: sysfs shows no half of a value.
            with open(root / "sys/class/tpm/tpm0/pcr-sha256/10", "r+b") as file:
                os.pwrite(file.fileno(), value.hex().encode(), 0)
            time.sleep(0.0005)

    measuring = threading.Thread(target=measure)
    measuring.start()
    try:
        found = [capture(root=root) for _ in range(5)]
    finally:
        done.set()
        measuring.join()
    for number, each in enumerate(found):
        archive = tmp_path / f"{number}.tar"
        archive.write_bytes(each.data)
        ran = run("verify", str(archive), "--require", "pcr:0-7,10")
        assert ran.code == 0, ran.out
    assert not all(each.manifest["consistency"]["equal"] for each in found)
