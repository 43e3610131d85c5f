"""Writing where somebody may have been before: links, pipes, modes, owners, kills."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from evlog.errors import SourceError, UsageError
from evlog.intake import outputs
from evlog.live.append import append
from tests.command import run
from tests.conftest import ROOT

LOG = ROOT / "samples/tcg2/ovmf.bin"


def convert(out: Path | str) -> subprocess.CompletedProcess[bytes]:
    """A conversion in a process of its own, which must come to an end."""
    words = [sys.executable, "-m", "evlog", "convert", str(LOG), "--to", "tcg2", "-o", str(out)]
    return subprocess.run(words, capture_output=True, timeout=30, check=False)


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_a_link_in_the_place_of_a_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even one whose name was told: what is there already is not opened."""
    precious, out = tmp_path / "precious", tmp_path / "out"
    precious.write_bytes(b"precious")
    monkeypatch.setattr(os, "urandom", bytes)
    (tmp_path / f".out.{'00' * 8}.new").symlink_to(precious)
    with pytest.raises(SourceError, match=r"out: file exists"):
        outputs.write_file(str(out), b"data")
    assert precious.read_bytes() == b"precious"
    assert (tmp_path / f".out.{'00' * 8}.new").is_symlink()
    assert not out.exists()


def test_temporaries_are_not_twice_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    real = os.open

    def open_(path: str, flags: int, mode: int = 0o777) -> int:
        opened.append((path, flags))
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", open_)
    for _ in range(2):
        outputs.write_file(str(tmp_path / "out"), b"data")
    (first, flags), (second, _) = opened
    assert first != second
    assert os.path.dirname(first) == str(tmp_path)
    assert flags & os.O_EXCL
    assert flags & os.O_NOFOLLOW


def test_a_link_of_the_user_s_stays(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "inner" / "two").symlink_to("../real")
    (tmp_path / "one").symlink_to("inner/two")
    outputs.write_file(str(tmp_path / "one"), b"new")
    assert (tmp_path / "one").is_symlink()
    assert (tmp_path / "inner" / "two").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(SourceError, match="too many levels"):
        outputs.write_file(str(tmp_path / "round"), b"new")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes links of others")
def test_a_link_of_somebody_else_s(tmp_path: Path) -> None:
    """In a folder as /tmp is. In one that only its owner writes to, whose links they are does not matter."""
    precious, link = tmp_path / "precious", tmp_path / "shared" / "out"
    precious.write_bytes(b"precious")
    link.parent.mkdir()
    link.symlink_to(precious)
    os.lchown(link, 12345, 12345)
    link.parent.chmod(0o1777)
    with pytest.raises(SourceError, match="somebody else"):
        outputs.write_file(str(link), b"data")
    assert precious.read_bytes() == b"precious"
    link.parent.chmod(0o755)
    outputs.write_file(str(link), b"data")
    assert precious.read_bytes() == b"data"


def test_a_file_keeps_its_mode(tmp_path: Path) -> None:
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    out.write_bytes(b"old")
    for mode in (0o600, 0o640, 0o444, 0o777):
        out.chmod(mode)
        outputs.write_file(str(out), b"new")
        assert stat.S_IMODE(out.stat().st_mode) == mode
    before = os.umask(0o027)
    try:
        outputs.write_file(str(fresh), b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE(fresh.stat().st_mode) == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_keeps_its_owner(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_bytes(b"old")
    os.chown(out, 12345, 23456)
    out.chmod(0o4750)
    outputs.write_file(str(out), b"new")
    found = out.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (12345, 23456, 0o4750)


def test_what_was_another_s_does_not_run_with_our_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    out = tmp_path / "out"
    out.write_bytes(b"old")
    out.chmod(0o4755)
    monkeypatch.setattr(os, "fchown", refuse)
    outputs.write_file(str(out), b"new")
    assert stat.S_IMODE(out.stat().st_mode) == 0o755


def test_a_pipe_that_nobody_reads(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    ran = convert(tmp_path / "pipe")
    assert ran.returncode == 3
    assert ran.stderr == f"evlog: {tmp_path / 'pipe'}: a pipe that nobody reads\n".encode()
    assert names(tmp_path) == ["pipe"]


def test_a_pipe_with_a_reader(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    data = bytes(range(256)) * 4096  # more than a pipe holds
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    while True:
        try:
            outputs.write_file(str(tmp_path / "pipe"), data)
            break
        except SourceError:
            continue  # the reader has not come yet
    reader.join()
    assert got == [data]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_stdout_by_its_name(tmp_path: Path) -> None:
    """A link of the kernel's leads to an open file: nothing is put in its place."""
    if not os.path.exists("/dev/stdout"):
        pytest.skip("no /dev/stdout here")
    data = LOG.read_bytes()
    assert convert("/dev/stdout").stdout == data
    command = f"{sys.executable} -m evlog convert {LOG} --to tcg2 -o /dev/stdout > {tmp_path / 'out'}"
    assert subprocess.run(["sh", "-c", command], timeout=30, check=False).returncode == 0
    assert (tmp_path / "out").read_bytes() == data
    assert os.path.islink("/dev/stdout")
    assert convert("/dev/null").returncode == 0
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("there", ["folder", "absent/out", "file/out"])
def test_what_is_wrong_is_said_of_the_output(there: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    ran = run("convert", str(LOG), "--to", "tcg2", "-o", str(tmp_path / there))
    assert ran.code == 3
    said = {"folder": "is a directory", "absent/out": "no such file or directory", "file/out": "not a directory"}
    assert ran.err == f"evlog: {tmp_path / there}: {said[there]}\n"
    assert names(tmp_path) == ["file", "folder"]


def test_a_name_as_long_as_names_can_be(tmp_path: Path) -> None:
    out = tmp_path / ("x" * 255)
    outputs.write_file(str(out), b"data")
    assert out.read_bytes() == b"data"


# Folders


def test_a_folder_over_an_empty_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir(mode=0o750)
    outputs.write_folder(f"{out}/", {"a/b": b"data"})
    assert (out / "a" / "b").read_bytes() == b"data"
    assert stat.S_IMODE(out.stat().st_mode) == 0o750
    assert names(tmp_path) == ["out"]
    with pytest.raises(UsageError, match="no empty folder"):
        outputs.write_folder(str(out), {"a": b""})
    outputs.write_folder(str(tmp_path / "deep" / "er"), {"a": b"data"})
    assert (tmp_path / "deep" / "er" / "a").read_bytes() == b"data"


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_that_is_a_link(there: bool, tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    if there:
        real.mkdir()
    link.symlink_to("real")
    assert run("split", str(LOG), "-o", str(link)).code == 0
    assert link.is_symlink()
    assert (real / "pcr0" / "event_log").is_file()
    assert names(tmp_path) == ["link", "real"]


def test_nobody_else_is_in_a_folder_that_is_being_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []
    real = os.open

    def open_(path: str, flags: int, mode: int = 0o777) -> int:
        modes.append(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode))
        assert flags & os.O_EXCL
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", open_)
    outputs.write_folder(str(tmp_path / "out"), {"a": b"data"})
    assert modes == [0o700]


# Trees


def tree(folder: Path) -> Path:
    register = folder / "tree" / "rtmr3"
    register.mkdir(parents=True)
    (register / "digest").write_bytes(bytes(48))
    (register / "hash_algo").write_text("sha384")
    (folder / "precious").write_bytes(b"precious\n" + bytes(39))
    return register


def refused(register: Path) -> None:
    """An append says no, soon, and what is outside the tree stays as it was."""
    outside = register.parents[1] / "precious"
    before = outside.read_bytes()
    words = [sys.executable, "-m", "evlog", "append", str(register.parent), "rtmr3", "org.example one"]
    ran = subprocess.run(words, capture_output=True, timeout=30, check=False)
    assert ran.returncode in (1, 2, 3)
    assert ran.stderr.startswith(b"evlog: ")
    assert ran.stderr.count(b"\n") == 1
    assert outside.read_bytes() == before
    assert names(register.parents[1]) == ["precious", "tree"] or "rtmr9" in names(register.parents[1])


@pytest.mark.parametrize("name", ["event_log", "digest", ".journal"])
@pytest.mark.parametrize("what", ["link", "nowhere", "inside", "pipe", "folder", "device"])
def test_a_tree_with_traps(name: str, what: str, tmp_path: Path) -> None:
    register = tree(tmp_path)
    trap = register / name
    trap.unlink(missing_ok=True)
    if what == "pipe":
        os.mkfifo(trap)
    elif what == "folder":
        trap.mkdir()
    else:
        to = {"link": "../../precious", "nowhere": "../../absent", "inside": "hash_algo", "device": "/dev/zero"}[what]
        trap.symlink_to(to)
    refused(register)
    assert not (tmp_path / "absent").exists()
    assert (register / "hash_algo").read_bytes() == b"sha384"


def test_a_register_that_leads_out_of_its_tree(tmp_path: Path) -> None:
    register = tree(tmp_path)
    outside = tmp_path / "rtmr9"
    register.rename(outside)
    register.symlink_to("../rtmr9")
    refused(register)
    assert names(outside) == ["digest", "hash_algo"]
    (register.parent / "rtmr4").mkdir()
    (register.parent / "rtmr4" / "digest").write_bytes(bytes(48))
    (register.parent / "rtmr4" / "hash_algo").write_text("sha384")
    register.unlink()
    register.symlink_to("rtmr4")
    append(register.parent, "rtmr3", ["a"])


@pytest.mark.parametrize("name", [".digest.new", ".journal.new", ".digest.part", "digest.tmp"])
def test_links_where_temporaries_of_a_tree_might_be(name: str, tmp_path: Path) -> None:
    register = tree(tmp_path)
    (register / name).symlink_to("../../precious")
    append(register.parent, "rtmr3", ["a"])
    assert (tmp_path / "precious").read_bytes() == b"precious\n" + bytes(39)


def test_what_a_kill_left_is_cleared(tmp_path: Path) -> None:
    register = tree(tmp_path)
    left = [register / f".{name}.{'ab' * 8}.new" for name in ("digest", "journal")]
    left[0].symlink_to("../../precious")
    left[1].write_bytes(b"half")
    append(register.parent, "rtmr3", ["a"])
    assert names(register) == [".journal", "digest", "event_log", "hash_algo"]
    assert (tmp_path / "precious").exists()


def test_reading_a_tree_waits_for_nobody(tmp_path: Path) -> None:
    register = tree(tmp_path)
    (register / "event_log").write_bytes(b"a b c\n")
    os.mkfifo(register / ".journal")
    for path in (register.parent, register / "event_log"):
        words = [sys.executable, "-m", "evlog", "replay", str(path)]
        ran = subprocess.run(words, capture_output=True, timeout=30, check=False)
        assert ran.returncode == 3
        assert b"no plain file" in ran.stderr


def test_plain_files_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"data")
    (tmp_path / "link").symlink_to("file")
    assert outputs.read_plain(str(tmp_path / "file")) == b"data"
    with pytest.raises(OSError, match="A link"):
        outputs.read_plain(str(tmp_path / "link"))
