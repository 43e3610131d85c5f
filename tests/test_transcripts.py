"""What each verb prints, at 80 columns: into a pipe, and on a terminal where that is another page.

The transcripts in tests/transcripts are written by ``pytest --update``, and are there to be read.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from evlog.cli import COMMANDS
from tests.command import run
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TRANSCRIPTS = ROOT / "tests" / "transcripts"
BOOT, PCRS = "samples/tcg2/secure-boot.bin", "samples/tcg2/secure-boot.pcrs.json"
TD, OVMF, TEXT = "samples/ccel/ovmf-tdx.bin", "samples/tcg2/ovmf.bin", "samples/text/tsm-text.log"

#: By verb, command lines that are run one after the other in a folder of their own.
PIPED = {
    "show": (
        ("show", BOOT, "--register", "0-5"),
        ("show", BOOT, "--event", "4,24"),
        ("show", BOOT, "--register", "23"),
        ("show", BOOT, "--event", "99", "--type", "IPL"),
    ),
    "replay": (
        ("replay", BOOT, "--bank", "sha256"),
        ("replay", BOOT, "--bank", "sha256", "--register", "7", "--drop", "4"),
    ),
    "verify": (
        ("verify", BOOT, "--registers", PCRS),
        ("verify", OVMF, "--registers", PCRS, "--register", "0,7", "-v"),
    ),
    "diff": (("diff", OVMF, BOOT), ("diff", BOOT, BOOT)),
    "report": (("report", BOOT, "--registers", PCRS, "-o", "page.html"),),
    "merge": (
        ("merge", "samples/tcg2/before-ima.bin", "samples/ima-binary/ng-violations.bin", "--to", "cel-tlv", "-o", "m"),
    ),
    "convert": (
        ("convert", BOOT, "--to", "tcg1", "-o", "boot.tcg1"),
        ("convert", OVMF, "--to", "cel-cbor", "-o", "boot.cbor"),
    ),
    "policy": (
        ("policy", "learn", OVMF, "-o", "policy.json"),
        ("policy", "check", "policy.json", OVMF, "--unverified"),
        ("policy", "check", "policy.json", BOOT, "--unverified"),
    ),
    "table": (
        ("table", OVMF, BOOT, "samples/bad/text.bin", "-o", "lake"),
        ("table", OVMF, BOOT, "-o", "lake"),
        ("table", "--compact", "lake", "--json"),
        ("table", OVMF),
    ),
    "predict": (("predict", OVMF, "--now", "gpt=samples/bad/text.bin"),),
    "export": (("export", TD, "--to", "rvps", "-o", "rvps.json"),),
    "query": (
        ("table", BOOT, OVMF, "--machine", "{stem}", "-o", "lake"),
        ("query", "lake", "groups", "--register", "7,9"),
        ("query", "lake", "outliers", "--register", "7"),
        ("query", "lake", "SELECT machine, events, failed FROM latest ORDER BY machine", "--format", "csv"),
        ("query", "lake", "COPY logs TO 'logs.csv'"),
        ("query", "lake", "groops"),
    ),
    "split": (("split", TD, "-o", "registers"), ("split", TEXT, "-o", "unnamed")),
    "capture": (
        ("capture", "-o", "m.tar", "--root", "samples", "--log", f"rtmr:3={TEXT}"),
        ("show", "m.tar", "--member", "logs/text/0-tsm-text.log"),
        ("capture", "-o", "m.tar", "--root", "samples", "--quote", "--log", TEXT),
        ("capture", "-o", "m.tar", "--nonce", "00"),
        ("capture", "-o", "m.tar", "--root", "samples/text"),
    ),
    "append": (
        ("split", TEXT, "--register", "rtmr:3", "-o", "t"),
        ("append", "t", "rtmr3", "example.org/app start 1.2"),
        ("append", "t", "rtmr3", "SYNC sha384/00"),
        ("append", "t", "rtmr3", "--json", "example.org/app stop"),
    ),
    "formats": (("formats",),),
    "usage": (
        ("shwo", BOOT),
        ("show",),
        ("show", BOOT, "--registre", "7"),
        ("show", BOOT, "--platform", "tdy"),
        ("append", "t"),
        ("help", "dance"),
    ),
}
#: What a slow machine shows meanwhile, and takes back.
BAR = re.compile(r"\r\x1b\[K(?:[^\r\n\x1b]*(?=\r\x1b\[K))?")
#: Verbs whose page on a terminal is another.
SEEN = {
    "show": ("show", BOOT, "--register", "7"),
    "verify": ("verify", BOOT, "--registers", PCRS),
    "diff": ("diff", OVMF, BOOT, "--register", "0,7"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the samples in it, where a command may write."""
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def compare(name: str, made: str, update: bool) -> None:
    """Hold a transcript against its file, or write it."""
    path = TRANSCRIPTS / f"{name}.txt"
    if update:
        path.parent.mkdir(exist_ok=True)
        path.write_text(made)
    assert path.exists(), "no transcript yet: run pytest --update and read it"
    assert made == path.read_text()


@pytest.mark.parametrize("verb", PIPED)
def test_in_a_pipe(verb: str, folder: Path, update: bool) -> None:
    if verb == "table":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    said = []
    for words in PIPED[verb]:
        ran = run(*words, folder=folder)
        said.append(f"$ evlog {' '.join(f'{word!r}' if ' ' in word else word for word in words)}\n{ran.out}{ran.err}")
        if ran.code:
            said.append(f"[exit code {ran.code}]\n")
    compare(verb, "".join(said), update)


def test_each_verb_has_a_transcript() -> None:
    assert set(PIPED) == {*COMMANDS, "usage"}
    assert {path.stem for path in TRANSCRIPTS.iterdir()} == {*PIPED, *(f"{verb}-terminal" for verb in SEEN)}


def test_lines_that_are_wider_than_a_terminal_are_those_that_have_to_be() -> None:
    """Values, words that were measured, and what is to be copied are not cut; all else is wrapped or cut."""
    for path in TRANSCRIPTS.glob("*.txt"):
        for line in path.read_text().splitlines():
            if path.stem in ("show", "verify", "show-terminal", "diff-terminal", "verify-terminal"):
                assert len(line) <= 80 or line.startswith("$ ") or re.search(r"[0-9a-f]{64}|/HD\(|--accept", line), line


@pytest.mark.parametrize("verb", SEEN)
def test_on_a_terminal(verb: str, folder: Path, update: bool) -> None:
    written = seen(*SEEN[verb], folder=folder)
    assert "\x1b[" in written
    plain = re.sub(r"\x1b\[[0-9;]*m", "", written).replace("\r\n", "\n")
    assert "\x1b" not in plain
    compare(f"{verb}-terminal", "".join(f"{line.rstrip()}\n" for line in plain.splitlines()), update)


def seen(*words: str, folder: Path) -> str:
    """What a terminal gets."""
    main_end, other = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "evlog", *words],
        stdin=subprocess.DEVNULL,
        stdout=other,
        stderr=other,
        cwd=folder,
        env={**os.environ, "TERM": "xterm", "PYTHONPATH": str(ROOT / "src")},
    ):
        os.close(other)
        written = b""
        while True:
            try:
                part = os.read(main_end, 65536)
            except OSError:
                break
            if not part:
                break
            written += part
    os.close(main_end)
    return BAR.sub("", written.decode())


def test_a_bar_for_what_takes_long_and_for_nothing_else(folder: Path) -> None:
    """Drawn on stderr where that is a terminal, gone before anything else is printed, and at the end."""
    script = folder / "slow.py"
    script.write_text(
        "import sys, time\n"
        "from evlog.cli import _bar, main\n"
        "from evlog.comparing import diff\n"
        "_bar._AFTER, whole = 0.1 if float(sys.argv[1]) else 60, diff.diff\n"
        "def slow(*args, **options):\n"
        "    end = time.monotonic() + float(sys.argv[1])\n"
        "    while time.monotonic() < end:\n"
        "        pass\n"
        "    return whole(*args, **options)\n"
        "diff.diff = slow\n"
        f"sys.exit(main(['diff', {BOOT!r}, {BOOT!r}]))\n"
    )

    def drawn(seconds: str, term: str = "xterm") -> tuple[str, str]:
        main_end, other = pty.openpty()
        ran = subprocess.run(
            [sys.executable, str(script), seconds],
            stdout=subprocess.PIPE,
            stderr=other,
            cwd=folder,
            check=True,
            env={**os.environ, "TERM": term, "PYTHONPATH": str(ROOT / "src")},
        )
        os.close(other)
        try:
            told = os.read(main_end, 65536).decode()
        except OSError:
            told = ""
        os.close(main_end)
        return ran.stdout.decode(), told

    out, told = drawn("0.6")
    assert out.startswith("equal: pcr:0")
    assert re.search(r"\r\x1b\[Kcomparing . \d s", told)
    assert told.endswith("\r\x1b[K")
    assert drawn("0") == (out, "")
    assert drawn("0.6", "dumb") == (out, "")
    ran = subprocess.run(
        [sys.executable, str(script), "0.6"],
        capture_output=True,
        cwd=folder,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert (ran.stdout.decode(), ran.stderr) == (out, b"")
