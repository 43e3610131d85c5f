"""Whatever stands in a file, in its name or in the command line: what is printed of it is text, on its own line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from evlog.cli import COMMANDS
from evlog.cli._parser import command_parser
from samples import make_text
from tests.command import Ran, run
from tests.conftest import ROOT
from tests.hostile_logs import HOSTILE, hostile_logs
from tests.made import event, header

LOG = str(ROOT / "samples/tcg2/ovmf.bin")
#: A name that a file can have: it rings, turns red, turns round, and says that all is well.
NAME = "x\nverified: 9 match\r\x1b[31m\x07\x9b1m\u202egnp.\u2066\x7f\u2028\u200b\udcff"
CEL = {"recnum": 0, "pcr": 11, "digests": [{"hashAlg": "sha256", "digest": "00" * 32}], "content_type": "systemd"}


def clean(ran: Ran) -> None:
    """Nothing that a terminal acts upon, and no line that somebody else began."""
    printed = ran.out + ran.err
    assert {c for c in printed if c != "\n" and not c.isprintable()} == set()
    assert not [line for line in printed.split("\n") if line.startswith(("verified:", "verified "))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Logs, evidence and trees with such names and such contents."""
    log = Path(LOG).read_bytes()
    (tmp_path / NAME).write_bytes(log)
    (tmp_path / f"cut{NAME}").write_bytes(log[:-3])
    (tmp_path / f"no{NAME}").write_bytes(b"no log at all")
    (tmp_path / f"dir{NAME}").mkdir()
    (tmp_path / f"dir{NAME}" / NAME).write_bytes(log)
    (tmp_path / f"rtmr{NAME}").write_bytes(make_text.one("SYNC", "sha384", "a b c"))
    for name in (NAME, f"pcr4{NAME}", "rtmr3"):
        register = tmp_path / f"tree{NAME}" / name
        register.mkdir(parents=True)
        (register / "hash_algo").write_text("sha384")
        (register / "digest").write_bytes(bytes(48))
        (register / "event_log").write_bytes(make_text.one("SYNC", "sha384", "a b c"))
    (tmp_path / f"bad{NAME}" / "rtmr3").mkdir(parents=True)
    (tmp_path / f"bad{NAME}" / "rtmr3" / "hash_algo").write_text(NAME.encode("utf-8", "replace").decode())
    (tmp_path / f"bad{NAME}" / "rtmr3" / "digest").write_bytes(b"")
    (tmp_path / f"regs{NAME}").write_text(json.dumps({"pcr": {"sha256": {"0": "00" * 32}}}))
    (tmp_path / f"keys{NAME}").write_text(json.dumps({"mr": {"sha256": dict.fromkeys(HOSTILE, "00" * 32)}}))
    (tmp_path / f"text{NAME}").write_text("sha256:\n" + "".join(f"  {text} : 0x{'00' * 32}\n" for text in HOSTILE))
    return tmp_path


def command_lines(folder: Path) -> list[list[str]]:
    here = str(folder)
    at = {word: os.path.join(here, f"{word}{NAME}") for word in ("", "cut", "no", "dir", "rtmr", "tree", "bad", "regs")}
    keys, text, absent = (os.path.join(here, f"{word}{NAME}") for word in ("keys", "text", "absent"))
    lines: list[list[str]] = []
    for log in (at[""], at["cut"], at["no"], at["dir"], at["rtmr"], at["tree"], at["bad"], absent):
        lines += [["show", log], ["show", log, "--tree"], ["show", log, "--json"], ["show", log, "--jsonl"]]
        lines += [["show", log, "--format", "tpm2-yaml"], ["replay", log], ["replay", log, at[""]]]
        lines += [
            ["replay", log, "--json"],
            ["replay", "--each", log],
            ["diff", log, LOG],
            ["diff", LOG, log, "--json"],
        ]
        lines += [["merge", log, at[""], "--to", "cel-json", "-o", os.path.join(here, "merged")]]
        lines += [["convert", log, "--to", "cel-json", "-o", os.path.join(here, f"out{NAME}")]]
        lines += [["convert", log, "--to", "cel-json", "-o", os.path.join(here, NAME, NAME)]]
        lines += [["split", log, "-o", os.path.join(here, f"parts{NAME}"), "--json"]]
        lines += [["append", log, NAME, "a line"], ["append", log, "rtmr3", NAME.replace("\udcff", "")]]
        for evidence in (at["regs"], keys, text, at["no"], at["tree"], absent):
            lines += [["verify", log, at[""], "--registers", evidence], ["verify", log, "--quote", evidence, "--json"]]
            lines += [["verify", log, "--registers", evidence, "--events"]]
        lines += [["verify", log, "--quote", at["regs"], "--key", at["no"], "--signature", absent]]
    return lines


def test_names_of_files(folder: Path) -> None:
    for line in command_lines(folder):
        clean(run(*line, folder=folder))


@pytest.mark.parametrize("command", COMMANDS)
def test_words_of_the_command_line(command: str, folder: Path) -> None:
    """Every option of every command, given something hostile."""
    module = import_module(f"evlog.cli.{command}")
    required = {"convert": ["--to", "cel-json"], "merge": ["--to", "cel-json"], "split": ["-o", "parts"]}
    required["verify"] = ["--registers", str(folder / f"regs{NAME}")]
    for action in command_parser(command, module)._actions:
        given = [LOG] if command != "append" else [str(folder / f"tree{NAME}"), "rtmr3", "line"]
        given += [LOG] if command == "diff" else []
        given += required.get(command, [])
        for value in (NAME, f"mr:{NAME}", f"0={NAME}", f"sha256,{NAME}", f"0=pcr:1={NAME}"):
            for option in action.option_strings[-1:] or [""]:
                words = [value] if not option else [option] if action.nargs == 0 else [f"{option}={value}"]
                clean(run(command, *given, *words, folder=folder))


def test_words_before_a_command() -> None:
    for words in ([NAME], [f"--{NAME}"], ["--json", NAME], [f"-{NAME}", "show"]):
        clean(run(*words))


@pytest.mark.parametrize("format", ["tcg2", "ima-binary", "systemd", "text"])
def test_contents(format: str, folder: Path) -> None:
    log, other = str(folder / f"c{NAME}"), str(folder / f"regs{NAME}")
    Path(log).write_bytes(hostile_logs()[format])
    for words in (
        ["show", "--register", "0-23"],
        ["show", "--tree", "--bank", "sha256"],
        ["replay", "--strict"],
        ["convert", "--to", "text", "--digests-only", "-o", "out"],
        ["convert", "--to", "tcg2", "-o", "out"],
        ["merge", LOG, "--to", "cel-json", "-o", "merged"],
        ["split", "-o", "parts"],
        ["verify", "--registers", other, "--events"],
    ):
        said = [] if words[0] == "merge" else ["--from", format]
        clean(run(*words, log, *said, folder=folder))
    clean(run("diff", log, LOG, folder=folder))


@pytest.mark.parametrize("text", HOSTILE)
def test_members_of_documents(text: str, folder: Path) -> None:
    """Names of members, of algorithms, of registers and of types, in every document that is read."""
    documents = {
        "cel": [{**CEL, "content": {"string": text, "eventType": text, text: text}, text: text}],
        "algorithm": [{**CEL, "digests": [{"hashAlg": text, "digest": "00" * 32}], "content": {"string": "a"}}],
        "type": [{**CEL, "content_type": text, "content": {text: text}}],
        "register": [{**CEL, "pcr": text, "content": {}}, {**CEL, "rtmr": text, "content": {}}],
        "nv": [{**{k: v for k, v in CEL.items() if k != "pcr"}, "nv_index": text, "content": {}}],
        "log": {"schema": "evlog.log/1", "format": text, "platform": text, "algorithms": [text], "events": []},
        "names": {
            "schema": "evlog.log/1",
            "format": "text",
            "platform": None,
            "algorithms": ["sha256"],
            "events": [
                {
                    "number": 0,
                    "register": f"mr:{text}",
                    "digests": [],
                    "content": {"kind": text},
                    "origin": {"log": text, "format": text},
                }
            ],
            "findings": [{"code": text, "severity": text, "message": text}],
        },
        "said": {
            "schema": "evlog.log/1",
            "format": "tcg2",
            "platform": None,
            "algorithms": ["sha256"],
            "events": [],
            "findings": [{"code": "x", "severity": "error", "event": None, "offset": None, "message": text}],
        },
        "regs": {"pcr": {text: {"0": "00" * 32}}},
        "replay": {"schema": "evlog.replay/1", "registers": [{"register": text, "alg": text, "value": text}]},
    }
    for name, document in documents.items():
        path = str(folder / name)
        Path(path).write_text(json.dumps(document))
        for words in (["show"], ["show", "--tree"], ["replay"], ["diff", LOG], ["verify", "--registers", path]):
            clean(run(*words, path, folder=folder))
        clean(run("verify", LOG, "--registers", path, folder=folder))
        clean(run("verify", LOG, "--quote", path, folder=folder))


def on_a_terminal(*words: str, both: bool = True, folder: Path = ROOT) -> str:
    """What a terminal is sent, without the colours that are evlog's own."""
    pty = pytest.importorskip("pty")
    terminal, end = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "evlog", *words],
        stdout=end if both else subprocess.DEVNULL,
        stderr=end,
        cwd=folder,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    ) as running:
        os.close(end)
        shown = b""
        try:
            while piece := os.read(terminal, 1 << 16):
                shown += piece
        except OSError:
            pass
        os.close(terminal)
        running.wait(timeout=60)
    return re.sub(r"\x1b\[[0-9;]*m", "", shown.decode("utf-8", "replace")).replace("\r\n", "\n")


@pytest.mark.parametrize("format", ["tcg2", "text"])
def test_a_terminal(format: str, folder: Path) -> None:
    log = str(folder / f"c{NAME}")
    # Red is evlog's own colour too: it must not be told from somebody else's.
    Path(log).write_bytes(hostile_logs()[format].replace(b"\x1b[31m", b"\x1b[2J\x1b"))
    name = log.replace("\x1b[31m", "\x1b[2J")
    os.rename(log, name)
    for words in (["show"], ["show", "--tree"], ["diff", LOG], ["replay"], ["verify", "--registers", LOG]):
        # Without what a slow machine shows meanwhile, and takes back.
        shown = re.sub(r"\r\x1b\[K(?:[^\r\n\x1b]*(?=\r\x1b\[K))?", "", on_a_terminal(*words, name))
        assert {c for c in shown if c != "\n" and not c.isprintable()} == set()
        assert "\nverified:" not in shown


def test_a_bar(tmp_path: Path) -> None:
    """What stands above the bar's own motions is no part of a name."""
    for number in range(40):
        host = tmp_path / f"{number}{NAME}"
        host.mkdir()
        (host / "log").write_bytes(header("sha256") + event(1, 5, b"a", "sha256"))
    shown = on_a_terminal("replay", str(tmp_path), both=False)
    assert "40/40" in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown
    assert "verified" not in shown


def test_binary_does_not_go_to_a_terminal() -> None:
    assert "stdout is a terminal" in on_a_terminal("convert", LOG, "--to", "tcg2")
    assert '"hashAlg"' in on_a_terminal("convert", LOG, "--to", "cel-json")


def test_json_is_ascii(folder: Path) -> None:
    for words in (["replay"], ["show"], ["verify", "--registers", str(folder / f"regs{NAME}")]):
        ran = run(*words, str(folder / f"tree{NAME}"), "--json", folder=folder)
        assert ran.out.isascii()
        clean(ran)
