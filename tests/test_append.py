"""The storage layer in user space: what it writes, and that no kill, no neighbour and no full disk breaks it."""

from __future__ import annotations

import hashlib
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import evlog
from evlog.errors import SourceError, UsageError
from evlog.intake import outputs
from evlog.intake.journal import JOURNAL
from evlog.live import kernel as _kernel
from evlog.live import tree as _tree
from evlog.live import writer as _writer
from evlog.live.append import append
from tests.command import run
from tests.conftest import SAMPLES
from tests.test_schemas import valid

if TYPE_CHECKING:
    from collections.abc import Callable

ZEROS = "00" * 48


def tree(folder: Path, alg: str = "sha384") -> Path:
    """A tree with one register."""
    register = folder / "rtmr3"
    register.mkdir()
    (register / "hash_algo").write_text(alg)
    (register / "digest").write_bytes(bytes(hashlib.new(alg).digest_size))
    return folder


def log(folder: Path) -> bytes:
    return (folder / "rtmr3" / "event_log").read_bytes()


def agrees(folder: Path) -> bool:
    """Whether the register has the value that its log leads to."""
    value = (folder / "rtmr3" / "digest").read_bytes()
    return [row.value for row in evlog.replay(evlog.read(folder)).rows] == [value] or not (log(folder) or any(value))


def off_log(folder: Path, data: bytes) -> str:
    """Extend the register behind the log's back."""
    digest = hashlib.sha384(data).digest()
    path = folder / "rtmr3" / "digest"
    path.write_bytes(hashlib.sha384(path.read_bytes() + digest).digest())
    return digest.hex()


def test_the_form_of_the_rfc(tmp_path: Path) -> None:
    """The log of the document's own example: SYNC, then each write after a blank line."""
    made = tree(tmp_path)
    append(made, "rtmr3", ["example.org/app load a", "example.org/app load b"])
    between = off_log(made, b"off-log measurement")
    moved = (made / "rtmr3" / "digest").read_bytes().hex()
    append(made, "rtmr3", [f"# said: {between}"])
    append(made, "rtmr3", ["example.org/app load c"])
    assert log(made).decode() == (
        f"SYNC sha384/{ZEROS}\n\nexample.org/app load a\nexample.org/app load b\n\n"
        f"SYNC sha384/{moved}\n\n# said: {between}\n\nexample.org/app load c\n"
    )
    assert agrees(made)
    assert [each.verdict for each in evlog.replay(evlog.read(made)).handovers] == ["continuous", "gap"]


def test_input_is_stripped_as_the_kernel_does(tmp_path: Path) -> None:
    made = tree(tmp_path)
    done = append(made, "rtmr3", [b" \t a \r\n\n\r b\xa0\n", b"", b"  # c  ", "\n\n"])
    assert (done.lines, done.events, done.syncs) == (4, 3, 1)
    assert log(made).split(b"\n\n", 1)[1] == b"a\nb\n# c\n"
    assert agrees(made)


@pytest.mark.parametrize("alg", ["sha256", "sha384", "sha512", "sm3"])
def test_every_hash(tmp_path: Path, alg: str) -> None:
    try:
        made = tree(tmp_path, alg)
    except ValueError:
        pytest.skip(f"no {alg} in this OpenSSL")
    append(made, "rtmr3", ["a"])
    assert log(made).startswith(b"SYNC " + alg.encode() + b"/00")
    assert agrees(made)


def test_nothing_to_say_is_nothing_written(tmp_path: Path) -> None:
    made = tree(tmp_path)
    done = append(made, "rtmr3", ["", " \n "])
    assert (done.lines, done.events, log(made)) == (0, 0, b"")


def test_a_log_of_somebody_else_s_goes_on_after_a_sync(tmp_path: Path) -> None:
    made = tree(tmp_path)
    (made / "rtmr3" / "event_log").write_bytes(b"# a torn line")
    append(made, "rtmr3", ["a"])
    assert log(made).startswith(b"# a torn line\n\nSYNC sha384/")
    assert agrees(made)


def test_a_binary_log_is_left_as_it_is(tmp_path: Path) -> None:
    registers = str(tmp_path / "registers")
    assert run("split", str(SAMPLES / "tcg2" / "secure-boot.bin"), "-o", registers)[0] == 0
    folder = Path(registers) / "pcr4"
    before = [(folder / name).read_bytes() for name in ("event_log", "digest")]
    with pytest.raises(UsageError, match="a binary log"):
        append(registers, "pcr4", ["a"])
    assert [(folder / name).read_bytes() for name in ("event_log", "digest")] == before
    with pytest.raises(UsageError, match="there are pcr0, pcr1, "):
        append(registers, "pcr44", ["a"])


def test_a_long_write_is_several_changes(tmp_path: Path) -> None:
    made = tree(tmp_path)
    lines = [f"example.org/app line {number} {'x' * 100}" for number in range(2000)]
    append(made, "rtmr3", lines)
    assert log(made).decode().split("\n\n", 1)[1] == "".join(f"{line}\n" for line in lines)
    assert agrees(made)
    assert (made / "rtmr3" / JOURNAL).stat().st_size < 70_000


def test_names_of_registers(tmp_path: Path) -> None:
    made = tree(tmp_path)
    append(made, "rtmr:3", ["a"])
    assert agrees(made)
    for name in ("rtmr2", "", ".", "..", "../x", "rtmr3/../rtmr3"):
        with pytest.raises(UsageError):
            append(made, name, ["a"])


def test_what_is_no_register(tmp_path: Path) -> None:
    (tmp_path / "rtmr3").mkdir()
    with pytest.raises(UsageError, match="no register"):
        append(tmp_path, "rtmr3", ["a"])
    (tmp_path / "rtmr3" / "hash_algo").write_text("sha384")
    (tmp_path / "rtmr3" / "digest").write_bytes(b"short")
    with pytest.raises(UsageError):
        append(tmp_path, "rtmr3", ["a"])


# A disk that is full, a tree that is read-only


def _full(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Every write of that kind ends half-way with ENOSPC."""

    def pwrite(handle: int, data: bytes, position: int) -> int:
        real(handle, bytes(data)[: len(data) // 2], position)
        raise OSError(28, "No space left on device")

    def replace(path: str, data: bytes, *, lasting: bool = False, mode: int = 0o666) -> None:
        if path.endswith(name):
            raise OSError(28, "No space left on device", path)
        whole(path, data, lasting=lasting, mode=mode)

    real, whole = os.pwrite, outputs.replace
    if name == "event_log":
        monkeypatch.setattr(os, "pwrite", pwrite)
    else:
        monkeypatch.setattr(_writer, "replace", replace)
        monkeypatch.setattr(_tree, "replace", replace)


@pytest.mark.parametrize("name", ["event_log", "digest", JOURNAL])
@pytest.mark.parametrize("lines", [0, 1])
def test_a_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, lines: int) -> None:
    made = tree(tmp_path)
    append(made, "rtmr3", ["before"] * lines)
    before = log(made), (made / "rtmr3" / "digest").read_bytes()
    with monkeypatch.context() as full:
        _full(full, name)
        with pytest.raises(SourceError, match="no space left"):
            append(made, "rtmr3", ["lost"])
    assert (log(made), (made / "rtmr3" / "digest").read_bytes()) == before
    append(made, "rtmr3", ["after"])
    assert agrees(made)
    assert b"lost" not in log(made)
    assert log(made).count(b"SYNC") == 1


def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    made = tree(tmp_path)
    append(made, "rtmr3", ["before"])
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(log(made)) + 3000},) * 2);"
        "from evlog.cli import main; sys.exit(main(['append', sys.argv[1], 'rtmr3', 'x' * 2500, 'y' * 2500]))"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(made)], capture_output=True, text=True, check=False)
    assert ran.returncode == 3
    assert "too large" in ran.stderr
    assert agrees(made)
    append(made, "rtmr3", ["after"])
    assert agrees(made)
    assert resource.RLIMIT_FSIZE >= 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_tree_as_a_user(tmp_path: Path) -> None:
    made = tree(tmp_path)
    append(made, "rtmr3", ["before"])
    before = log(made)
    (made / "rtmr3").chmod(0o555)
    with pytest.raises(SourceError):
        append(made, "rtmr3", ["a"])
    (made / "rtmr3").chmod(0o755)
    assert log(made) == before


def test_a_read_only_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tree(tmp_path)
    append(made, "rtmr3", ["before"])
    before, real = log(made), os.open

    def read_only(path: str, flags: int, mode: int = 0o777) -> int:
        if flags & (os.O_RDWR | os.O_WRONLY):
            raise OSError(30, "Read-only file system", path)
        return real(path, flags, mode)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", read_only)
        with pytest.raises(SourceError, match="read-only"):
            append(made, "rtmr3", ["a"])
    assert log(made) == before
    assert agrees(made)


# The kernel's own registers


class Kernel:
    """A register as the kernel's file system has it: what is written to its digest is extended."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = str(folder / "rtmr3" / "digest")
        self.fail_after: int | None = None
        real_open, real_write = os.open, os.write
        handles = set()

        def opened(path: str, flags: int, mode: int = 0o777) -> int:
            handle = real_open(path, flags, mode)
            if os.path.realpath(path) == self.path and flags & os.O_WRONLY:
                handles.add(handle)
            return handle

        def write(handle: int, data: bytes) -> int:
            if handle not in handles:
                return real_write(handle, data)
            handles.discard(handle)
            if self.fail_after == 0:
                raise OSError(5, "Input/output error")
            if self.fail_after is not None:
                self.fail_after -= 1
            value = Path(self.path).read_bytes()
            Path(self.path).write_bytes(hashlib.sha384(value + data).digest())
            return len(data)

        monkeypatch.setattr(os, "open", opened)
        monkeypatch.setattr(os, "write", write)
        monkeypatch.setattr(_kernel, "in_kernel", lambda path: True)


def test_a_register_of_the_kernel_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tree(tmp_path)
    kernel = Kernel(made, monkeypatch)
    append(made, "rtmr3", ["a", "# c", "b"])
    assert agrees(made)
    assert log(made).decode() == f"SYNC sha384/{ZEROS}\n\na\n# c\nb\n"
    kernel.fail_after = 0
    with pytest.raises(SourceError):
        append(made, "rtmr3", ["c"])
    kernel.fail_after = None
    append(made, "rtmr3", ["d"])
    assert agrees(made)
    assert b"c\n\nd" not in log(made)
    assert log(made).count(b"SYNC") == 1


def test_a_kernel_that_fails_between_two_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It extends by one digest at a time: what it was told of is in the log, line by line."""
    made = tree(tmp_path)
    kernel = Kernel(made, monkeypatch)
    append(made, "rtmr3", ["first"])
    kernel.fail_after = 1
    with pytest.raises(SourceError):
        append(made, "rtmr3", ["a", "b"])
    kernel.fail_after = None
    append(made, "rtmr3", ["c"])
    assert agrees(made)
    assert log(made).decode() == f"SYNC sha384/{ZEROS}\n\nfirst\n\na\n\nc\n"


def test_a_kernel_that_stores_lines_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tree(tmp_path)
    Kernel(made, monkeypatch)
    (made / "rtmr3" / "append_event").write_bytes(b"")
    append(made, "rtmr3", [" a ", "b"])
    assert (made / "rtmr3" / "append_event").read_bytes() == b"a\nb\n"
    assert log(made) == b""


# Kills


def at_every_step(made: Path, act: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> int:
    """Stop an append before each of its system calls in turn, as a kill would; returns how many there were."""

    class Killed(BaseException):
        pass

    count = 0
    for stop in range(1000):
        calls = 0

        def watched(name: str, stop: int = stop) -> Callable[..., object]:
            real = getattr(os, name)

            def call(*args: object) -> object:
                nonlocal calls
                calls += 1
                if calls > stop:
                    raise Killed
                return real(*args)

            return call

        with monkeypatch.context() as patched:
            for name in ("replace", "pwrite", "fsync", "ftruncate", "fchmod"):
                patched.setattr(os, name, watched(name))
            try:
                act()
            except Killed:
                count += 1
            else:
                return count
        assert agrees(made)
    raise AssertionError("it never ends")


def test_a_stop_before_each_system_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tree(tmp_path)
    assert at_every_step(made, lambda: append(made, "rtmr3", ["a", "b"]), monkeypatch) >= 5
    assert at_every_step(made, lambda: append(made, "rtmr3", ["c"]), monkeypatch) >= 5
    append(made, "rtmr3", ["d"])
    assert agrees(made)
    assert log(made).count(b"SYNC") == 1


@pytest.mark.parametrize("kept", [0, 1])
def test_a_reader_takes_no_line_that_may_not_have_happened(tmp_path: Path, kept: int) -> None:
    """A journal was written, the kill came, and others moved the register: only a log that has a part tells more."""
    made = tree(tmp_path)
    append(made, "rtmr3", ["before"])
    before, old = log(made), (made / "rtmr3" / "digest").read_bytes()
    line = b"never or half\n"
    new = hashlib.sha384(old + hashlib.sha384(line[:-1]).digest()).digest()
    journal = f"evlog-append/1 {len(before)} {old.hex()} {new.hex()} 1 {len(line)}\n".encode() + line
    (made / "rtmr3" / JOURNAL).write_bytes(journal)
    (made / "rtmr3" / "event_log").write_bytes(before + line[:kept])
    off_log(made, b"somebody else's")
    expected = before + line if kept else before
    assert evlog.write(evlog.read(made / "rtmr3" / "event_log")) == expected


def test_a_line_that_may_not_have_happened_is_a_comment(tmp_path: Path) -> None:
    """Others moved the register after the journal was written: the line is not lost, and not told as measured."""
    made = tree(tmp_path)
    append(made, "rtmr3", ["before"])
    before, old = log(made), (made / "rtmr3" / "digest").read_bytes()
    data = b"\nperhaps\n# said\n"
    new = hashlib.sha384(old + hashlib.sha384(b"perhaps").digest()).digest()
    journal = f"evlog-append/1 {len(before)} {old.hex()} {new.hex()} 1 {len(data)}\n".encode() + data
    (made / "rtmr3" / JOURNAL).write_bytes(journal)
    off_log(made, b"somebody else's")
    moved = (made / "rtmr3" / "digest").read_bytes().hex().encode()
    done = append(made, "rtmr3", ["after"])
    assert log(made) == before + b"\n# in doubt: perhaps\n# said\n\nSYNC sha384/%b\n\nafter\n" % moved
    assert len(done.warnings) == 1
    assert agrees(made)


#: Appends lines with a number each, and says on stdout how many are safe. One line in five writes is long.
WRITER = """
import os, sys
from evlog.live.append import append
tree, name, first = sys.argv[1], sys.argv[2], int(sys.argv[3])
for number in range(first, first + 100000):
    lines = [f"{name} write {number} {'x' * (number % 5 * 3000)}"]
    if number % 3 == 0:
        lines.append(f"# {name} comment {number}")
    append(tree, "rtmr3", lines)
    os.write(1, b"%d\\n" % number)
"""


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """500 kills: afterwards register and log agree or a SYNC makes them, and no acknowledged line is missing."""
    made = tree(tmp_path)
    rng = random.Random(20261124)
    kills, first = 0, 0
    safe: list[int] = []
    while kills < 500:
        # A fork of a process that has imported everything: what is killed is the append, not Python's start.
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.dup2(writer, 1)
            sys.argv = ["writer", str(made), "k", str(first)]
            try:
                exec(WRITER, {})
            finally:
                os._exit(1)
        os.close(writer)
        # Into the first append, its recovery of the one before, or some later one.
        head = os.read(reader, 1) if kills % 2 else b""
        time.sleep(rng.random() * 0.015)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with open(reader, "rb") as said:
            done = [int(number) for number in (head + said.read()).split(b"\n")[:-1]]
        safe += done
        # The next one may be in the log too, without having been acknowledged.
        first = max([first - 2, *done]) + 2
        kills += 1
        if kills % 50 == 0:
            assert agrees(made)
    append(made, "rtmr3", ["the end"])
    assert agrees(made)
    stored = {line.split()[2] for line in log(made).splitlines() if line.startswith(b"k write ")}
    assert {b"%d" % number for number in safe} <= stored
    # Every second child was let live until it had said so once.
    assert len(safe) >= 250
    for line in log(made).splitlines():
        if line.startswith(b"k write "):
            number = int(line.split()[2])
            assert line == b"k write %d %b" % (number, b"x" * (number % 5 * 3000)) or not number % 5


def test_eight_writers(tmp_path: Path) -> None:
    """10,000 lines by 8 processes: all there, each whole, in their writer's order, one SYNC."""
    made = tree(tmp_path)
    children = []
    for name in range(8):
        child = os.fork()
        if not child:
            try:
                for write in range(125):
                    append(made, "rtmr3", [f"w{name} line {write * 10 + number}" for number in range(10)])
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 8
    lines = log(made).decode().splitlines()
    for name in range(8):
        own = [line for line in lines if line.startswith(f"w{name} ")]
        assert own == [f"w{name} line {number}" for number in range(1250)]
    assert sum(line.startswith("SYNC") for line in lines) == 1
    assert agrees(made)


def transferred() -> int:
    """Bytes that this process has read and written so far, by its system calls."""
    counters = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counters["rchar"]) + int(counters["wchar"])


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="this system counts no reads and writes")
def test_cost_does_not_grow_with_the_log(tmp_path: Path) -> None:
    """Appending moves as many bytes to and from a log of 100,000 lines as to and from an empty one."""
    (tmp_path / "long").mkdir()
    (tmp_path / "empty").mkdir()
    long, empty = tree(tmp_path / "long"), tree(tmp_path / "empty")
    append(long, "rtmr3", [f"example.org/app line {number}" for number in range(100_000)])
    append(empty, "rtmr3", ["example.org/app line 0"])
    moved = []
    for made in (long, empty):
        before = transferred()
        append(made, "rtmr3", ["example.org/app one more"])
        moved.append(transferred() - before)
    # The end of the log is looked at; the log has millions of bytes.
    assert abs(moved[0] - moved[1]) < 1 << 14
    assert agrees(long)


def test_the_command(tmp_path: Path) -> None:
    made = tree(tmp_path)
    ran = run("append", str(made), "rtmr3", "a line", "# a comment", "--json")
    assert ran.code == 0
    done = valid("append", ran.out)
    assert (done["register"], done["lines"], done["events"], done["syncs"]) == ("rtmr3", 3, 2, 1)
    fed = subprocess.run(
        [sys.executable, "-m", "evlog", "append", str(made), "rtmr3"],
        input=b"from stdin\n\n# and more\nwithout an end",
        capture_output=True,
        check=False,
    )
    assert (fed.returncode, fed.stdout, fed.stderr) == (0, b"", b"")
    assert log(made).endswith(b"from stdin\n# and more\nwithout an end\n") or b"from stdin" in log(made)
    assert agrees(made)
    absent = run("append", str(made), "rtmr9", "x")
    assert absent.code == 2
    assert "there are rtmr3" in absent.err
    assert run("append", str(tmp_path / "absent"), "rtmr3", "x").code == 2


@pytest.mark.parametrize("line", ["SYNC sha384/00", "INIT sha384/00", "# .EXTEND 00", "  SYNC", "a\nSYNC sha256/ff"])
def test_a_line_that_looks_like_a_statement_is_refused(tmp_path: Path, line: str) -> None:
    """Whoever reads the log would take it for one: the log and the register would part."""
    made = tree(tmp_path)
    append(made, "rtmr3", ["first"])
    before = log(made)
    with pytest.raises(UsageError, match="looks like a statement"):
        append(made, "rtmr3", [line])
    ran = run("append", str(made), "rtmr3", line)
    assert (ran.code, "--raw" in ran.err, log(made)) == (2, True, before)
    assert run("append", str(made), "rtmr3", line, "--raw").code == 0
    assert line.strip().splitlines()[-1].encode() in log(made)


@pytest.mark.parametrize(
    "line", ["SYNCHRONISED a b", "INITIAL", "a SYNC sha384/00", "#SYNC sha384/00", "# .EXTENDED 00"]
)
def test_a_line_that_only_begins_so_is_appended(tmp_path: Path, line: str) -> None:
    made = tree(tmp_path)
    assert append(made, "rtmr3", [line]).lines == 2
    assert line.encode() in log(made)


def test_options_of_append_may_stand_anywhere(tmp_path: Path) -> None:
    made = tree(tmp_path)
    for words in (["--json", "rtmr3", "a b c"], ["rtmr3", "--json", "a b c"], ["rtmr3", "a b c", "--json"]):
        ran = run("append", str(made), *words)
        assert (ran.code, valid("append", ran.out)["register"]) == (0, "rtmr3"), ran.err
    assert log(made).count(b"a b c") == 3
