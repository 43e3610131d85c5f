"""The kernel's measurement files: names and modes, one write of the right size, and an append that is stopped anywhere.

The kernel is one of our own making (`tests.kernel_files`), after what Linux's was seen to do.
"""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

import evlog
from evlog import tree
from evlog.errors import NotDoneError, SourceError, UsageError
from evlog.intake import outputs
from evlog.live import kernel, open_device, writer
from evlog.live.append import append
from evlog.live.tsm import Tsm
from evlog.registers import Register
from tests.command import run
from tests.kernel_files import SAMPLE, TDX, KernelFiles, device

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RTMR3 = Register("rtmr", 3)
SHA384 = evlog.SHA384
ZEROS = "00" * 48


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Locks and journals in the test's own folder."""
    monkeypatch.setenv("EVLOG_RUN", str(tmp_path / "run"))
    return tmp_path / "run"


def plain(folder: Path, attributes: dict[str, tuple[int, bool, int, str]] = TDX) -> Path:
    """The same folder in plain files, as somebody copied it with its modes."""
    folder.mkdir()
    for name, (mode, _, size, _) in attributes.items():
        (folder / name).write_bytes(bytes(size))
        (folder / name).chmod(mode)
    return folder


def leads_to(log: Path, register: Register = RTMR3, alg: evlog.HashAlg = SHA384) -> bytes:
    """Where a log leads, by its own statements."""
    return evlog.replay(evlog.read(log, register=register))[register, alg]


# Names, modes and values


def test_the_names_of_a_td(tmp_path: Path) -> None:
    found = {member.name: member for member in device(tmp_path, KernelFiles()).members()}
    assert {name: (str(m.register), m.kind, m.size, m.banks) for name, m in found.items()} == {
        **{f"rtmr{n}:sha384": (f"rtmr:{n}", "extensible", 48, (SHA384,)) for n in range(4)},
        "mrtd:sha384": ("ccmr:0", "static", 48, (SHA384,)),
        **{name: (f"mr:{name}", "static", 48, ()) for name in ("mrconfigid", "mrowner", "mrownerconfig")},
    }


def test_the_names_of_the_kernel_s_sample(tmp_path: Path) -> None:
    """What may not be written is not static for that: rtmr0 and report_digest move."""
    found = {member.name: member for member in device(tmp_path, KernelFiles(SAMPLE)).members()}
    assert {name: (m.kind, m.size, [str(alg) for alg in m.banks]) for name, m in found.items()} == {
        "static_mr:sha384": ("closed", 48, ["sha384"]),
        "config_mr": ("closed", 64, []),
        "rtmr0:sha256": ("closed", 32, ["sha256"]),
        "rtmr1:sha384": ("extensible", 48, ["sha384"]),
        "rtmr_crypto_agile:sha256": ("extensible", 32, ["sha256"]),
        "rtmr_crypto_agile:sha384": ("extensible", 48, ["sha384"]),
        "report_digest:sha512": ("closed", 64, ["sha512"]),
    }


@pytest.mark.parametrize("attributes", [TDX, SAMPLE], ids=["tdx", "sample"])
def test_plain_files_are_the_same_registers(tmp_path: Path, attributes: dict[str, tuple[int, bool, int, str]]) -> None:
    opened = open_device(plain(tmp_path / "measurements", attributes))
    assert isinstance(opened, Tsm)
    assert opened.members() == device(tmp_path, KernelFiles(attributes)).members()
    assert opened.read().values == device(tmp_path, KernelFiles(attributes)).read().values


def test_the_sample_as_evidence(tmp_path: Path) -> None:
    """Nothing of it is dropped, and nothing called static that nobody says is."""
    evidence = evlog.read_registers(plain(tmp_path / "measurements", SAMPLE))
    names = {str(register): str(alg) for register, alg in evidence.registers}
    assert names == {
        "mr:static_mr": "sha384",
        "rtmr:0": "sha256",
        "rtmr:1": "sha384",
        "mr:rtmr_crypto_agile": "sha384",
        "mr:report_digest": "sha512",
    }
    assert evidence.static == ()
    assert dict(evidence.claims) == {"config_mr": bytes(64)}
    td = evlog.read_registers(plain(tmp_path / "td"))
    assert [str(register) for register in td.static] == ["ccmr:0"]


def test_a_mode_that_a_copy_lost_makes_no_static_register_extensible() -> None:
    assert tree.flat_kind("mrtd", writable=True) == "static"
    assert tree.flat_kind("static_mr", writable=True) == "extensible"


def test_registers_are_read_until_they_stand_still(tmp_path: Path) -> None:
    files = KernelFiles()
    made = device(tmp_path, files)
    calls = 0

    def moving(what: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 7:  # in the second reading
            files.extend("rtmr0:sha384", bytes(48))

    files.before = moving
    assert made.read().values[Register("rtmr", 0), SHA384] == files.values["rtmr0:sha384"]
    files.before = lambda what: files.extend("rtmr0:sha384", bytes(48))
    with pytest.raises(SourceError, match="faster"):
        made.read()


def test_a_failed_refresh_fails_what_is_live_alone(tmp_path: Path) -> None:
    files = KernelFiles(SAMPLE)
    files.refresh_fails = True
    made = device(tmp_path, files)
    with pytest.raises(SourceError, match="input/output error"):
        made.read()
    assert len(made.read([Register("mr", "static_mr")])) == 1


def test_two_names_of_one_register(tmp_path: Path) -> None:
    files = KernelFiles(SAMPLE)
    made = device(tmp_path, files)
    assert made.aliases() == ()
    made.extend(Register("rtmr", 1), {SHA384: b"\1" * 48})
    assert made.aliases() == (("rtmr1:sha384", "rtmr_crypto_agile:sha384"),)
    log = tmp_path / "one.log"
    append(made, "rtmr1", ["a"], log=log)
    append(made, "rtmr_crypto_agile:sha384", ["b"], log=tmp_path / "two.log")
    append(made, "rtmr1", ["c"], log=log)
    assert log.read_text().count("SYNC") == 2
    assert leads_to(log, Register("rtmr", 1)) == files.values["rtmr1:sha384"]


def test_a_folder_of_registers_is_shown(tmp_path: Path) -> None:
    ran = run("show", str(plain(tmp_path / "measurements", SAMPLE)))
    assert ran.code == 0
    for name in ("static_mr", "rtmr:0", "rtmr:1", "rtmr_crypto_agile", "report_digest", "config_mr"):
        assert name in ran.out


# One write


def test_one_write_of_exactly_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Into a real file, which the kernel's is taken for: by os.write, once."""
    folder = plain(tmp_path / "measurements")
    monkeypatch.setattr(kernel, "in_kernel", lambda path: True)
    written: list[bytes] = []
    flags: list[int] = []
    real, real_open = os.write, os.open

    def write(handle: int, data: bytes) -> int:
        written.append(bytes(data))
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
        return real(handle, data)

    def opening(path: str, mode: int, *rest: int) -> int:
        flags.append(mode)
        return real_open(path, mode, *rest)

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(os, "open", opening)
    open_device(folder).extend(RTMR3, {SHA384: b"\2" * 48})
    assert written == [b"\2" * 48]
    (only,) = (mode for mode in flags if mode & os.O_ACCMODE != os.O_RDONLY)
    assert only & (os.O_APPEND | os.O_TRUNC | os.O_CREAT) == 0
    assert (folder / "rtmr3:sha384").read_bytes() == b"\2" * 48
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


@pytest.mark.parametrize("size", [0, 32, 47, 49, 96])
def test_no_other_size_is_written(tmp_path: Path, size: int) -> None:
    files = KernelFiles()
    with pytest.raises(UsageError):
        device(tmp_path, files).extend(RTMR3, {SHA384: bytes(size)})
    assert files.writes == []


@pytest.mark.parametrize("size", [0, 24, 47, 49])
def test_a_count_that_is_not_the_size_is_an_error_and_nothing_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    files = KernelFiles()
    real = files.write
    monkeypatch.setattr(files, "write", lambda path, data: (real(path, data), size)[1])
    with pytest.raises(SourceError, match=f"{size} bytes were taken of 48"):
        device(tmp_path, files).extend(RTMR3, {SHA384: bytes(48)})
    assert files.writes == [("rtmr3:sha384", 48)]


@pytest.mark.parametrize("name", ["mrtd:sha384", "mrtd", "ccmr:0"])
def test_what_takes_no_extension(tmp_path: Path, name: str) -> None:
    files = KernelFiles()
    with pytest.raises(UsageError, match=r"mrtd:sha384: this register takes no extension from here"):
        append(device(tmp_path, files), name, ["a"], log=tmp_path / "log")
    assert (files.writes, (tmp_path / "log").exists()) == ([], False)


def test_what_takes_no_extension_by_the_command(tmp_path: Path) -> None:
    folder = plain(tmp_path / "measurements", SAMPLE)
    for name in ("static_mr", "config_mr", "rtmr0", "report_digest"):
        ran = run("append", str(folder), name, "a", "--log", str(tmp_path / "log"))
        assert (ran.code, "takes no extension from here" in ran.err) == (2, True), ran.err
    ran = run("append", str(folder), "rtmr1", "a")
    assert (ran.code, "--log" in ran.err) == (2, True)
    ran = run("append", str(folder), "rtmr_crypto_agile", "a", "--log", str(tmp_path / "log"))
    assert (ran.code, "--hash" in ran.err) == (2, True)
    ran = run("append", str(folder), "rtmr_crypto_agile", "a", "--log", str(tmp_path / "log"), "--hash", "sha256")
    assert ran.code == 0
    assert (folder / "rtmr_crypto_agile:sha384").read_bytes() == bytes(48)
    assert leads_to(tmp_path / "log", alg=evlog.SHA256) == (folder / "rtmr_crypto_agile:sha256").read_bytes()


def test_it_is_the_file_system_that_is_asked(tmp_path: Path) -> None:
    assert kernel.in_kernel("/sys/kernel") == os.path.isdir("/sys/kernel")
    (tmp_path / "sys").mkdir()
    assert not kernel.in_kernel(str(tmp_path / "sys"))
    assert not kernel.in_kernel(str(tmp_path / "absent"))


# Append


def test_append_sync_and_a_foreign_extension(tmp_path: Path) -> None:
    files = KernelFiles()
    made = device(tmp_path, files)
    log = tmp_path / "rtmr3.log"
    assert append(made, "rtmr3", ["a", "# c", "b"], log=log).syncs == 1
    assert append(made, "rtmr:3", ["c"], log=log).syncs == 0
    assert log.read_text() == f"SYNC sha384/{ZEROS}\n\na\n# c\nb\n\nc\n"
    files.extend("rtmr3:sha384", bytes(48))
    moved = files.values["rtmr3:sha384"].hex()
    done = append(made, "rtmr3:sha384", ["d"], log=log)
    assert (done.lines, done.events, done.syncs, done.warnings) == (2, 2, 1, ())
    assert log.read_text().endswith(f"\nc\n\nSYNC sha384/{moved}\n\nd\n")
    assert leads_to(log) == files.values["rtmr3:sha384"] == done.value
    assert {size for _, size in files.writes} == {48}


def test_what_was_appended_verifies_with_the_folder(tmp_path: Path) -> None:
    folder = plain(tmp_path / "measurements")
    log = tmp_path / "rtmr3.log"
    append(folder, "rtmr3", ["a", "b"], log=log)
    assert run("verify", str(log), "--registers", str(folder), "--register", "rtmr:3", "--require", "rtmr:3").code == 0
    (folder / "rtmr3:sha384").write_bytes(b"\1" * 48)
    assert run("verify", str(log), "--registers", str(folder), "--register", "rtmr:3", "--require", "rtmr:3").code == 1


def test_another_log_of_the_register(tmp_path: Path) -> None:
    """The lock and the journal are the register's: the second log begins with where the register stands."""
    files = KernelFiles()
    made = device(tmp_path, files)
    for number, name in enumerate("abab"):
        assert append(made, "rtmr3", [f"line {number}"], log=tmp_path / name).syncs == 1
    assert leads_to(tmp_path / "b") == files.values["rtmr3:sha384"]


@pytest.mark.parametrize("foreign", [False, True])
def test_the_log_before_is_finished_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, foreign: bool) -> None:
    """Stopped before it got its line, and the next append is to another log: what is owed is the first one's."""
    files = KernelFiles()
    made = device(tmp_path, files)
    one, two = tmp_path / "one", tmp_path / "two"
    append(made, "rtmr3", ["a"], log=one)
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", stop_after(0, os.pwrite))
        with pytest.raises(KilledError):
            append(made, "rtmr3", ["b"], log=one)
    if foreign:
        files.extend("rtmr3:sha384", bytes(48))
    value = files.values["rtmr3:sha384"].hex()
    done = append(made, "rtmr3", ["c"], log=two)
    assert one.read_text() == f"SYNC sha384/{ZEROS}\n\na\n\n{'# in doubt: ' * foreign}b\n"
    assert two.read_text() == f"SYNC sha384/{value}\n\nc\n"
    assert len(done.warnings) == foreign
    assert leads_to(two) == files.values["rtmr3:sha384"]


def test_the_log_before_cannot_be_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = KernelFiles()
    made = device(tmp_path, files)
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", stop_after(0, os.pwrite))
        with pytest.raises(KilledError):
            append(made, "rtmr3", ["a"], log=tmp_path / "one")
    (tmp_path / "one").unlink()
    (tmp_path / "one").symlink_to(tmp_path / "victim")
    done = append(made, "rtmr3", ["b"], log=tmp_path / "two")
    assert ["cannot be finished" in warning for warning in done.warnings] == [True]
    assert not (tmp_path / "victim").exists()
    assert leads_to(tmp_path / "two") == files.values["rtmr3:sha384"]


def test_another_boot_is_another_register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = KernelFiles()
    log = tmp_path / "log"
    append(device(tmp_path, files), "rtmr3", ["a"], log=log)
    files.values["rtmr3:sha384"] = bytes(48)
    monkeypatch.setattr(kernel, "boot_id", lambda: "another")
    append(device(tmp_path, files), "rtmr3", ["b"], log=log)
    assert log.read_text() == f"SYNC sha384/{ZEROS}\n\na\n\nSYNC sha384/{ZEROS}\n\nb\n"
    assert leads_to(log) == files.values["rtmr3:sha384"]


@pytest.mark.parametrize("kept", [0, 1])
def test_a_line_of_the_last_boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    """Stopped before the log: the register of then cannot be asked, even if the new one has the same value."""
    files = KernelFiles()
    log = tmp_path / "log"
    made = device(tmp_path, files)
    append(made, "rtmr3", ["first"], log=log)
    before, old = log.read_bytes(), files.values["rtmr3:sha384"]
    with monkeypatch.context() as stopped:
        stopped.setattr(os, "pwrite", stop_after(kept, os.pwrite))
        with pytest.raises(KilledError):
            append(made, "rtmr3", ["second"], log=log)
    files.values["rtmr3:sha384"] = old
    monkeypatch.setattr(kernel, "boot_id", lambda: "another")
    done = append(made, "rtmr3", ["third"], log=log)
    said = b"second" if kept else b"# in doubt: second"
    assert log.read_bytes() == before + b"\n%b\n\nSYNC sha384/%b\n\nthird\n" % (said, old.hex().encode())
    assert len(done.warnings) == 1 - kept


class KilledError(BaseException):
    """A kill: nothing of ours runs after it but what gives locks back, which the system would."""


def stop_after(count: int, real: Callable[[int, bytes, int], int]) -> Callable[[int, bytes, int], int]:
    """A pwrite that writes so many bytes, and is killed."""

    def pwrite(handle: int, data: bytes, position: int) -> int:
        real(handle, bytes(data)[:count], position)
        raise KilledError

    return pwrite


@pytest.mark.parametrize("error", [errno.EIO, errno.EINTR, errno.ETIMEDOUT])
@pytest.mark.parametrize("happened", [False, True])
@pytest.mark.parametrize("foreign", [False, True])
def test_an_extension_that_fails(tmp_path: Path, error: int, happened: bool, foreign: bool) -> None:
    """The register is read, and tells: no error is believed to say that nothing happened, and nothing sent twice."""
    files = KernelFiles()
    made = device(tmp_path, files)
    log = tmp_path / "log"
    append(made, "rtmr3", ["first"], log=log)
    before = log.read_bytes()

    def fail(what: str = "write") -> None:
        if what == "write" and len(files.writes) == 3:
            if foreign:
                files.extend("rtmr3:sha384", bytes(48))
            raise OSError(error, os.strerror(error))

    if happened:
        files.after = fail  # type: ignore[method-assign]
    else:
        files.before = fail
    if foreign:
        done = append(made, "rtmr3", ["second"], log=log)
        assert log.read_bytes() == before + b"\n# in doubt: second\n"
        assert "in doubt" in done.warnings[0]
    elif happened:
        assert append(made, "rtmr3", ["second"], log=log).syncs == 0
        assert log.read_bytes() == before + b"\nsecond\n"
    else:
        with pytest.raises(SourceError, match=os.strerror(error).lower()):
            append(made, "rtmr3", ["second"], log=log)
        assert log.read_bytes() == before
    assert [size for _, size in files.writes] == [48] * 3
    assert append(made, "rtmr3", ["third"], log=log).syncs == int(foreign)
    assert leads_to(log) == files.values["rtmr3:sha384"]


@pytest.mark.parametrize("error", [errno.EACCES, errno.EINVAL, errno.EFBIG])
def test_a_refusal_while_others_extend_is_no_doubt(tmp_path: Path, error: int) -> None:
    files = KernelFiles()
    made = device(tmp_path, files)
    log = tmp_path / "log"
    append(made, "rtmr3", ["first"], log=log)
    before = log.read_bytes()

    def refuse(what: str) -> None:
        if what == "write":
            files.extend("rtmr3:sha384", bytes(48))
            raise OSError(error, os.strerror(error))

    files.before = refuse
    with pytest.raises(SourceError) as raised:
        append(made, "rtmr3", ["second"], log=log)
    assert isinstance(raised.value, NotDoneError)
    files.before = lambda what: None
    assert append(made, "rtmr3", ["third"], log=log).syncs == 1
    assert log.read_bytes().startswith(before + b"\nSYNC ")
    assert leads_to(log) == files.values["rtmr3:sha384"]


def test_a_full_disk_after_the_extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The register was extended: the journal has the line, and the next append puts it where it belongs."""
    files = KernelFiles()
    made = device(tmp_path, files)
    log = tmp_path / "log"
    append(made, "rtmr3", ["first"], log=log)

    def full(handle: int, data: bytes, position: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        with pytest.raises(SourceError, match="no space left"):
            append(made, "rtmr3", ["second"], log=log)
    assert append(made, "rtmr3", ["third"], log=log).syncs == 0
    assert log.read_text() == f"SYNC sha384/{ZEROS}\n\nfirst\n\nsecond\n\nthird\n"
    assert leads_to(log) == files.values["rtmr3:sha384"]


@pytest.mark.parametrize("writes", [3, 4], ids=["until the line", "never"])
def test_others_that_do_not_rest(tmp_path: Path, writes: int) -> None:
    """SYNC states what is an old value by then: three of them are tried, and it is said. The line leads nowhere then,
    whether or not it is the last that was extended."""
    files = KernelFiles()

    def moving(what: str) -> None:
        if what == "write" and len(files.writes) <= writes:
            files.extend("rtmr3:sha384", bytes(48))

    files.before = moving
    log = tmp_path / "log"
    done = append(device(tmp_path, files), "rtmr3", ["a"], log=log)
    assert (done.syncs, len(done.warnings)) == (3, 1)
    assert "others extend" in done.warnings[0]
    files.before = lambda what: None
    assert append(device(tmp_path, files), "rtmr3", ["b"], log=log).syncs == 1
    assert leads_to(log) == files.values["rtmr3:sha384"]


@pytest.mark.parametrize("call", range(16))
def test_moved_between_any_two_calls(tmp_path: Path, call: int) -> None:
    """Also between the reading of a value and its statement, or the next reading: what is stated is compared."""
    files = KernelFiles()
    made = device(tmp_path, files)
    log = tmp_path / "log"
    append(made, "rtmr3", ["first"], log=log)
    files.extend("rtmr3:sha384", b"\5" * 48)
    calls = 0

    def moving(what: str) -> None:
        nonlocal calls
        calls += 1
        if calls == call + 1:
            files.extend("rtmr3:sha384", b"\6" * 48)

    files.before = moving
    append(made, "rtmr3", ["second"], log=log)
    files.before = lambda what: None
    append(made, "rtmr3", ["third"], log=log)
    assert leads_to(log) == files.values["rtmr3:sha384"]
    lines = log.read_text().splitlines()
    assert [lines.count(line) for line in ("first", "second", "third")] == [1, 1, 1]
    assert calls > call


def test_other_writers_wait(tmp_path: Path) -> None:
    files = KernelFiles()
    log = tmp_path / "log"

    def write(name: str) -> None:
        for number in range(25):
            append(device(tmp_path, files), "rtmr3", [f"{name} line {number}"], log=log)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [line for line in log.read_text().splitlines() if line]
    assert [sum(line.startswith(name) for line in lines) for name in "abcd"] == [25] * 4
    assert log.read_text().count("SYNC") == 1
    assert leads_to(log) == files.values["rtmr3:sha384"]


# Stopped anywhere, with a foreign extension anywhere

STEPS = ("read", "journal", "extend", "read back", "log", "rest of log", "sync")


class Stage:
    """An append of one line, whose steps are counted: before each something may happen."""

    def __init__(self, files: KernelFiles, stop: int, foreign: int, patched: pytest.MonkeyPatch) -> None:
        self.files, self.stop, self.foreign = files, stop, foreign
        self.done = -1
        self.told: list[str] = []
        real_replace, real_pwrite, real_fsync = outputs.replace, os.pwrite, os.fsync

        def replace(path: str, data: bytes, *, lasting: bool = False, mode: int = 0o666) -> None:
            self.step("journal")
            with pytest.MonkeyPatch.context() as inner:
                inner.setattr(os, "fsync", real_fsync)
                real_replace(path, data, lasting=lasting, mode=mode)

        def pwrite(handle: int, data: bytes, position: int) -> int:
            self.step("rest of log" if self.told[-1] == "log" else "log")
            return (
                real_pwrite(handle, bytes(data)[: max(1, len(data) // 2)], position)
                if self.told[-1] == "log"
                else (real_pwrite(handle, data, position))
            )

        def fsync(handle: int) -> None:
            self.step("sync")
            real_fsync(handle)

        patched.setattr(writer, "replace", replace)
        patched.setattr(os, "pwrite", pwrite)
        patched.setattr(os, "fsync", fsync)
        files.before = lambda what: self.step("extend" if what == "write" else self._reading())

    def _reading(self) -> str:
        return "read back" if self.told[-1:] in (["extend"], ["read back"]) else "read"

    def step(self, name: str) -> None:
        # A value is read twice, and before anything else happens: one step.
        if self.told[-1:] != [name]:
            self.told.append(name)
            if STEPS.index(name) == self.foreign:
                self.files.extend("rtmr3:sha384", b"\7" * 48)
            if STEPS.index(name) == self.stop:
                raise KilledError


@pytest.mark.parametrize("stop", range(len(STEPS)), ids=[f"stopped before {name}" for name in STEPS])
@pytest.mark.parametrize("foreign", range(len(STEPS) + 1), ids=[f"foreign before {name}" for name in (*STEPS, "end")])
def test_stopped_anywhere_and_moved_by_others_anywhere(tmp_path: Path, stop: int, foreign: int) -> None:
    """The log leads to the register; what was extended is in it, or in doubt in it; what was not is not in it."""
    files, log, before = stopped(tmp_path, stop, foreign)
    ours = hashlib.sha384(b"second").digest()
    happened = ours in [digest for _, digest in files.extended[before:]]
    # Moved before it was read, there is a SYNC to be stopped in.
    assert happened == (stop > STEPS.index("extend") and foreign != STEPS.index("read"))
    done = append(device(tmp_path, files), "rtmr3", ["third"], log=log)
    lines = log.read_text().splitlines()
    assert leads_to(log) == files.values["rtmr3:sha384"]
    assert (lines.count("first"), lines.count("third")) == (1, 1)
    doubtful = lines.count("# in doubt: second")
    assert lines.count("second") <= happened <= lines.count("second") + doubtful
    # Never in doubt without a foreign extension after the value before was read, nor once the log had some of it.
    assert doubtful <= (stop > STEPS.index("journal") and foreign > STEPS.index("read"))
    assert doubtful == 0 or stop <= STEPS.index("log")
    assert len(done.warnings) == doubtful
    # A foreign extension is stated, never passed over.
    assert sum(line.startswith("SYNC") for line in lines) == 2


@pytest.mark.parametrize("stop", range(len(STEPS)), ids=[f"stopped before {name}" for name in STEPS])
@pytest.mark.parametrize("foreign", range(1, len(STEPS) + 1), ids=[f"foreign before {name}" for name in STEPS])
def test_stopped_anywhere_in_a_sync(tmp_path: Path, stop: int, foreign: int) -> None:
    """A statement that is in doubt is no line of the user's: another one takes its place."""
    files, log, _ = stopped(tmp_path, stop, foreign, due=True)
    done = append(device(tmp_path, files), "rtmr3", ["third"], log=log)
    assert leads_to(log) == files.values["rtmr3:sha384"]
    lines = log.read_text().splitlines()
    assert (lines.count("first"), lines.count("second"), lines.count("third")) == (1, 0, 1)
    assert not [line for line in lines if "doubt" in line]
    assert done.warnings == ()


def stopped(folder: Path, stop: int, foreign: int, *, due: bool = False) -> tuple[KernelFiles, Path, int]:
    """An append that was stopped before a step, and a foreign extension before another, or before what comes next."""
    files, log = KernelFiles(), folder / "log"
    append(device(folder, files), "rtmr3", ["first"], log=log)
    if due:
        files.extend("rtmr3:sha384", b"\5" * 48)
    before = len(files.extended)
    with pytest.MonkeyPatch.context() as patched:
        Stage(files, stop, foreign, patched)
        with pytest.raises(KilledError):
            append(device(folder, files), "rtmr3", ["second"], log=log)
    files.before = lambda what: None
    if foreign > stop:
        files.extend("rtmr3:sha384", b"\7" * 48)
    return files, log, before


# Where locks and journals are


def test_the_folder_is_nobody_else_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = device(tmp_path, KernelFiles())
    append(made, "rtmr3", ["a"], log=tmp_path / "log")
    run_folder = tmp_path / "run"
    assert run_folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in run_folder.iterdir()} == {0o600}
    run_folder.chmod(0o777)
    with pytest.raises(SourceError, match="nobody else"):
        append(made, "rtmr3", ["b"], log=tmp_path / "log")
    (tmp_path / "link").symlink_to(tmp_path / "run")
    monkeypatch.setenv("EVLOG_RUN", str(tmp_path / "link"))
    with pytest.raises(SourceError, match="a folder of one's own"):
        append(made, "rtmr3", ["b"], log=tmp_path / "log")


def test_a_lock_is_not_taken_through_a_link(tmp_path: Path) -> None:
    made = device(tmp_path, KernelFiles())
    append(made, "rtmr3", ["a"], log=tmp_path / "log")
    for lock in (tmp_path / "run").glob("*.lock"):
        lock.unlink()
        lock.symlink_to(tmp_path / "victim")
    with pytest.raises(SourceError, match="a link"):
        append(made, "rtmr3", ["b"], log=tmp_path / "log")
    assert not (tmp_path / "victim").exists()


def test_a_log_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "victim")
    with pytest.raises(SourceError, match="a link"):
        append(device(tmp_path, KernelFiles()), "rtmr3", ["b"], log=tmp_path / "log")
    assert not (tmp_path / "victim").exists()
