"""The command as a user meets it: exit codes, streams, help."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from evlog.cli import COMMANDS
from samples import make
from tests.command import run
from tests.conftest import ROOT, SAMPLES
from tests.hostile_logs import hostile_logs

LOG = "samples/tcg2/ovmf.bin"
EVLOG = [sys.executable, "-m", "evlog"]


def process(*arguments: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The command as a process of its own."""
    return subprocess.run(
        [*EVLOG, *arguments],
        input=stdin,
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        timeout=60,
        check=False,
    )


def test_replay_prints_a_value_for_each_register() -> None:
    pcrs = json.loads((SAMPLES / "tcg2" / "ovmf.pcrs.json").read_text())
    ran = run("replay", LOG)
    assert (ran.code, ran.err) == (0, "")
    blocks = ran.out.split(":\n")
    assert len(blocks) == 5
    assert f"pcr:4  PCR[4]  {pcrs['sha256']['4']}\n" in ran.out


def test_replay_as_json() -> None:
    ran = run("replay", LOG, "--json")
    document = json.loads(ran.out)
    assert document["schema"] == "evlog.replay/1"
    first = document["registers"][0]
    assert first["register"] == "pcr:0"
    assert first["label"] == "PCR[0]"
    assert first["start_reason"] == "zeros"
    assert first["status"] == "complete"
    assert ran.out.count("\n") == 1


def test_unusual_starts_and_incomplete_banks_are_shown() -> None:
    assert "(start: locality)" in run("replay", "samples/tcg2/locality-3.bin").out
    assert "pcr:6  PCR[6]  incomplete" in run("replay", "samples/tcg2/fewer-digests.bin").out
    assert "RTMR[1]" in run("replay", "samples/ccel/ovmf-tdx.bin").out


def test_show() -> None:
    lines = run("show", "samples/tcg2/secure-boot.bin").out.splitlines()
    assert lines[0] == "tcg2: 52 events, sha1, sha256, sha384, sha512"
    assert [line.split()[0] for line in lines[1:53]] == [str(number) for number in range(52)]
    assert lines[53] == ""
    assert max(map(len, lines)) <= 80


def test_show_as_json() -> None:
    document = json.loads(run("show", LOG, "--json").out)
    assert document["schema"] == "evlog.log/1"
    assert (document["format"], len(document["events"])) == ("tcg2", 25)
    rows = [json.loads(line) for line in run("show", LOG, "--jsonl").out.splitlines()]
    assert rows == document["events"]
    assert rows[0]["content"]["event_type_name"] == "EV_NO_ACTION"
    assert rows[0]["measured"] is False


def test_formats() -> None:
    ran = run("formats")
    assert ran.out.startswith("tcg2 ")
    document = json.loads(run("formats", "--json").out)
    assert {"id": "tcg1", "title": "TCG SHA-1 event log (TPM 1.2)", "reads": True, "writes": True} in document[
        "formats"
    ]


def test_convert(tmp_path: Path) -> None:
    out = tmp_path / "log.json"
    ran = run("convert", LOG, "--to", "evlog-json", "-o", str(out))
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"evlog: wrote 25 events as evlog-json to {out} ({out.stat().st_size / 1000:.1f} KB)\n"
    back = tmp_path / "log.bin"
    ran = run("convert", str(out), "--to", "tcg2", "-o", str(back), "--json")
    assert json.loads(ran.out) == {
        "schema": "evlog.convert/1",
        "from": "tcg2",
        "to": "tcg2",
        "events": 25,
        "registers_preserved": True,
        "losses": [],
    }
    assert back.read_bytes() == (ROOT / LOG).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.bin", "log.json"]


def test_convert_to_stdout() -> None:
    ran = process("convert", LOG, "--to", "tcg2")
    assert ran.stdout == (ROOT / LOG).read_bytes()
    assert ran.returncode == 0


def test_losses_are_named_and_refused_if_strict(tmp_path: Path) -> None:
    out = tmp_path / "out.bin"
    ran = run("convert", LOG, "--to", "tcg1", "-o", str(out))
    assert ran.code == 0
    assert "evlog: lost: events 1-24 (24): digests.sha256: tcg1 has one SHA-1 digest\n" in ran.err
    out.unlink()
    ran = run("convert", LOG, "--to", "tcg1", "-o", str(out), "--strict")
    assert ran.code == 1
    assert "losses, first" in ran.err
    assert not out.exists()


def test_a_conversion_that_the_format_cannot_hold(tmp_path: Path) -> None:
    out = tmp_path / "out.bin"
    ran = run("convert", LOG, "--to", "ccel", "-o", str(out))
    assert ran.code == 1
    assert "register pcr:0 is not in the space ccmr" in ran.err
    assert not out.exists()


def test_padding_is_a_loss_where_it_cannot_be_kept(tmp_path: Path) -> None:
    ran = run("convert", "samples/tcg2/padding-then-bytes.bin", "--to", "tcg1", "-o", str(tmp_path / "o"))
    assert "evlog: lost: log: trailing: 30 bytes that were not read as events\n" in ran.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["replay"], "the following arguments are required: LOG"),
        (["replay", LOG, "--bogus"], "unrecognized arguments: --bogus"),
        (["replay", LOG, "--from", "tcg9"], "unknown format 'tcg9'; known are tcg2"),
        (["convert", LOG], "the following arguments are required: --to"),
        (["convert", LOG, "--to", "tcg9"], "unknown format 'tcg9'"),
        (["convert", LOG, "--to", "tcg2", "--json"], "--json needs -o FILE"),
        (["show", LOG, "--platform", "abacus"], "invalid choice: 'abacus'"),
        (["dance"], "no command 'dance'; there are show"),
        (["--bogus"], "usage: evlog"),
    ],
)
def test_usage_errors(arguments: list[str], sentence: str) -> None:
    ran = run(*arguments)
    assert ran.code == 2
    assert sentence in ran.err + ran.out


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("absent.bin", "absent.bin: no such file or directory"),
        ("samples/bad/empty.bin", "the input is empty"),
        ("samples/bad/text.bin", "no known log format"),
        ("samples/bad/all-ff.bin", "256 bytes of 0xff and nothing else: an empty log area"),
        ("samples/bad/acpi-ccel.bin", "an ACPI CCEL table: it only points to the log"),
    ],
)
@pytest.mark.parametrize("command", ["show", "replay"])
def test_unreadable_input(command: str, name: str, sentence: str) -> None:
    ran = run(command, name)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("evlog: ")
    assert ran.err.count("\n") == 1
    assert sentence in ran.err


def test_damage_shows_what_there_is_and_exits_with_1() -> None:
    ran = run("replay", "samples/bad/cut-record.bin")
    assert ran.code == 1
    assert "pcr:0" in ran.out
    assert "error: event 10: truncated record: 101 bytes needed, 96 present (at byte 0x303" in ran.err
    assert run("replay", "samples/bad/cut-record.bin", "--strict").code == 3


def test_warnings_do_not_change_the_exit_code_unless_strict() -> None:
    ran = run("replay", "samples/tcg2/padding-then-bytes.bin")
    assert ran.code == 0
    assert "warning: 30 bytes after the end of the log" in ran.err
    assert run("replay", "samples/tcg2/padding-then-bytes.bin", "--strict").code == 3


def test_stdin() -> None:
    data = (ROOT / LOG).read_bytes()
    assert process("replay", "-", stdin=data).stdout == process("replay", LOG).stdout
    empty = process("replay", "-")
    assert empty.returncode == 3
    assert empty.stderr == b"evlog: the input is empty (at byte 0x0)\n"


def test_a_closed_stdin() -> None:
    ran = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m evlog replay - <&-"], capture_output=True, cwd=ROOT, check=False
    )
    assert ran.returncode == 3
    assert b"Traceback" not in ran.stderr


def test_a_closed_stdout() -> None:
    ran = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m evlog replay {LOG} >&-"], capture_output=True, cwd=ROOT, check=False
    )
    assert (ran.returncode, ran.stderr) == (3, b"evlog: stdout is closed\n")


@pytest.mark.parametrize("command", ["show", "replay", "convert --to evlog-json"])
def test_a_reader_that_goes_away(command: str) -> None:
    ran = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m evlog {command} samples/tcg2/secure-boot.bin | head -c 1"],
        capture_output=True,
        cwd=ROOT,
        check=False,
    )
    assert ran.stderr == b""


def test_a_full_disk() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    for command in (["show", LOG], ["convert", LOG, "--to", "tcg2"]):
        with Path("/dev/full").open("wb") as full:
            ran = subprocess.run(
                [*EVLOG, *command], stdout=full, stderr=subprocess.PIPE, cwd=ROOT, timeout=60, check=False
            )
        assert ran.returncode == 3
        assert ran.stderr.startswith(b"evlog: ")
        assert b"Traceback" not in ran.stderr


def test_output_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    ran = run("convert", LOG, "--to", "tcg2", "-o", str(tmp_path / "no" / "where"))
    assert ran.code == 3
    assert "no such file or directory" in ran.err


def test_no_terminal_needs_colour() -> None:
    plain = process("show", LOG, NO_COLOR="1").stdout
    assert b"\x1b" not in plain
    assert process("show", LOG).stdout == plain
    assert process("show", LOG, TERM="dumb").stdout == plain


def test_a_terminal_that_knows_only_ascii(tmp_path: Path) -> None:
    document = make.document().replace(b"mr:runtime", "mr:r\u00fcntime".encode())
    (tmp_path / "log.json").write_bytes(document)
    ran = process("show", str(tmp_path / "log.json"), PYTHONIOENCODING="ascii")
    assert ran.returncode == 0
    assert b"mr:r\\xfcntime" in ran.stdout


@pytest.mark.parametrize("name", ["\x1b[2J", "\u202etxt", "a\nb", "\ud800"])
def test_names_cannot_speak_to_the_terminal(name: str, tmp_path: Path) -> None:
    text = make.document().decode().replace('"mr:runtime"', json.dumps(f"mr:{name}"))
    (tmp_path / "log.json").write_text(text)
    ran = run("show", str(tmp_path / "log.json"))
    assert ran.code == 3
    assert ran.out == ""
    assert "\x1b" not in ran.err


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_80_columns(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    ran = run(*filter(None, [command]), "--help")
    assert ran.code == 0
    assert f"usage: evlog {command}".strip() in ran.out
    assert max(len(line) for line in ran.out.splitlines()) <= 80
    if command:
        assert "\n\n" in ran.out


def test_without_a_command() -> None:
    ran = run()
    assert ran.code == 0
    assert all(f"\n  {command} " in ran.out for command in COMMANDS)


def test_version() -> None:
    import evlog

    assert run("--version").out.startswith(f"evlog {evlog.__version__} (")


def test_backends_are_forced_by_name() -> None:
    assert b"(python backend)" in process("--version", EVLOG_BACKEND="python").stdout
    ran = process("replay", LOG, EVLOG_BACKEND="abacus")
    assert ran.returncode == 2
    assert ran.stderr.startswith(b"evlog: EVLOG_BACKEND is 'abacus'; known are python, accel")


PLAIN = [["one"], ["-"], ["one", "two"], [""], ["a b"]]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("arguments", PLAIN, ids=str)
def test_a_plain_command_line_is_what_argparse_makes_of_it(command: str, arguments: list[str]) -> None:
    from importlib import import_module

    from evlog.cli._parser import command_parser
    from evlog.cli._plain import Plain

    module = import_module(f"evlog.cli.{command}")
    plain = Plain()
    module.arguments(plain)
    made = plain.parse(arguments)
    if made is not None:
        assert vars(made) == vars(command_parser(command, module).parse_args(arguments))


def test_options_before_a_command() -> None:
    assert run("-v").out == run("--version").out
    ran = run("--json", "show", LOG)
    assert (ran.code, ran.out) == (2, "")
    assert "unrecognized arguments: --json" in ran.err


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_of_the_help_are_command_lines(command: str) -> None:
    from importlib import import_module

    from evlog.cli._parser import command_parser

    module = import_module(f"evlog.cli.{command}")
    parser = command_parser(command, module)
    for line in module.EXAMPLES:
        words = shlex.split(line, comments=True)
        start = words.index("evlog")
        end = next((at for at, word in enumerate(words) if word in "|>" and at > start), len(words))
        assert words[start + 1] == command
        parser.parse_args(words[start + 2 : end])


@pytest.mark.parametrize("number", range(4))
def test_what_is_wrong_is_said_with_the_name_of_the_file(number: int, tmp_path: Path) -> None:
    bad = tmp_path / "bad.bin"
    bad.write_bytes(b"")
    command = (
        ["replay", LOG, str(bad)],
        ["diff", LOG, str(bad)],
        ["merge", LOG, str(bad), "--to", "cel-json"],
        ["verify", LOG, "--registers", str(bad)],
    )[number]
    ran = run(*command)
    assert ran.code == 3
    assert ran.err.startswith(f"evlog: {bad}: ")


def test_stdin_is_one_log() -> None:
    ran = process("diff", "-", "-", stdin=(ROOT / LOG).read_bytes())
    assert ran.returncode == 2
    assert b"more than once" in ran.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_a_stderr_that_takes_nothing_changes_nothing(redirection: str, unbuffered: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    cases = (("show", 3, "absent.bin"), ("replay", 1, "samples/bad/cut-record.bin"), ("show", 2, ""), ("bogus", 2, ""))
    for command, code, name in cases:
        ran = subprocess.run(
            ["sh", "-c", f"{sys.executable} -m evlog {command} {name} {redirection}"],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            check=False,
        )
        assert ran.returncode == code
        assert b"evlog:" not in ran.stdout


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["show", "--help"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_for_words(words: list[str], unbuffered: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with Path("/dev/full").open("wb") as full:
        environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
        ran = subprocess.run([*EVLOG, *words], stdout=full, stderr=subprocess.PIPE, env=environment, check=False)
    assert (ran.returncode, ran.stderr) == (3, b"evlog: stdout: no space left on device\n")


def test_append_without_lines(tmp_path: Path) -> None:
    assert "required: TARGET, REGISTER\n" in run("append").err
    ran = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m evlog append {tmp_path} rtmr3 <&-"],
        capture_output=True,
        cwd=ROOT,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (3, b"evlog: stdin is closed\n")


@pytest.mark.parametrize(
    "options",
    [
        ["--json", "--jsonl"],
        ["--json", "--tree"],
        ["--json", "--format", "tpm2-yaml"],
        ["--eventlog-version", "2"],
        ["--format", "tpm2-yaml", "--type", "IPL"],
    ],
)
def test_options_of_show_that_exclude_each_other(options: list[str]) -> None:
    """One of them would be passed over in silence, or stdout hold two documents."""
    ran = run("show", LOG, *options)
    assert (ran.code, ran.out) == (2, "")


def test_several_registers_are_kept() -> None:
    both = json.loads(run("replay", LOG, "--register", "pcr:7", "--register", "pcr:4", "--json").out)
    assert {row["register"] for row in both["registers"]} == {"pcr:4", "pcr:7"}
    assert json.loads(run("replay", LOG, "--register", "pcr:7,pcr:4", "--json").out) == both


def test_the_width_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    for columns, widest in (("60", 80), ("120", 120)):
        monkeypatch.setenv("COLUMNS", columns)
        lines = run("show", "samples/tcg2/secure-boot.bin").out.splitlines()
        assert widest - 10 < max(map(len, lines)) <= widest


def test_an_output_that_is_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    assert run("convert", LOG, "--to", "tcg2", "-o", str(link)).code == 0
    assert link.is_symlink()
    assert target.read_bytes() == (ROOT / LOG).read_bytes()


@pytest.mark.parametrize("command", ["convert", "split"])
def test_nothing_is_left_of_an_interrupted_output(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    monkeypatch.setattr(os, "rename", interrupt)
    options = ["--to", "tcg2"] if command == "convert" else []
    assert run(command, LOG, *options, "-o", str(tmp_path / "out")).code == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", ["tcg2", "ima-binary", "systemd", "text"])
@pytest.mark.parametrize("command", ["show", "show --tree", "diff", "replay", "convert --to cel-json -o out"])
def test_a_log_cannot_speak_to_the_terminal(format: str, command: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(hostile_logs()[format])
    (tmp_path / "other").write_bytes((ROOT / LOG).read_bytes())
    words = command.split()
    logs = ["log", "other"] if words[0] == "diff" else ["log", "--from", format]
    ran = run(*words, *logs, folder=tmp_path)
    assert ran.code in (0, 1), ran.err
    assert {c for c in ran.out + ran.err if c != "\n" and not c.isprintable()} == set()
    if words[0] == "show":
        assert max(map(len, ran.out.splitlines())) < 600


def test_usage_errors_are_two_lines_with_what_may_have_been_meant() -> None:
    for words, meant in (
        (["show", LOG, "--registr", "7"], "did you mean --register?"),
        (["show", LOG, "--platfrom=tdx"], "did you mean --platform?"),
        (["show", LOG, "--space", "ccrm"], "did you mean ccmr?"),
        (["verfy", LOG], "did you mean verify?"),
        (["help", "verfy"], "did you mean verify?"),
        (["replay"], "for example: evlog replay LOG"),
        (["replay", LOG, "--zzzzz"], "'evlog replay --help' tells more"),
    ):
        ran = run(*words)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 2), ran.err
        assert meant in ran.err.splitlines()[1]


def test_help_of_a_command() -> None:
    assert run("help").out == run("--help").out
    for command in COMMANDS:
        assert run("help", command) == run(command, "--help")


def test_options_may_stand_between_logs() -> None:
    logs = ["samples/tcg2/before-ima.bin", "samples/ima-binary/ng-violations.bin"]
    apart = run("replay", logs[0], "--bank", "sha256", logs[1])
    assert apart.code == 0
    assert apart == run("replay", *logs, "--bank", "sha256")
    assert run("show", logs[0], "--tree", logs[1]).err.startswith(f"evlog show: unrecognized arguments: {logs[1]}\n")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 KB"),
        (999_949, "999.9 KB"),
        (999_950, "1.0 MB"),
        (2**40, "1.1 TB"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    from evlog.cli._common import sized

    assert sized(size) == text


def test_events_are_named_by_their_ranges() -> None:
    from evlog.cli._common import events_named

    assert events_named([3]) == "event 3"
    assert events_named([3, 3]) == "event 3"
    assert events_named([1, 4, 2, 9]) == "events 1-2, 4, 9 (4)"
    assert events_named(range(0, 40, 2)) == "events 0, 2, 4, 6, 8, 10, 12, 14, ... (20)"


def test_losses_of_a_field_are_one_line(tmp_path: Path) -> None:
    ran = run("convert", "samples/tcg2/secure-boot.bin", "--to", "tcg1", "-o", str(tmp_path / "o"))
    lost = [line for line in ran.err.splitlines() if line.startswith("evlog: lost:")]
    assert lost[1:] == [
        f"evlog: lost: events 1-51 (51): digests.{alg}: tcg1 has one SHA-1 digest"
        for alg in ("sha256", "sha384", "sha512")
    ]
    assert len(lost) == 4


def test_a_log_without_a_name_is_said_when_it_is_split(tmp_path: Path) -> None:
    ran = run("split", "samples/text/tsm-text.log", "-o", str(tmp_path / "t"))
    assert "evlog: the log names no register, and is in 'unknown': --register says which it is\n" in ran.err
    named = run("split", "samples/text/tsm-text.log", "--register", "rtmr:3", "-o", str(tmp_path / "u"))
    assert "names no register" not in named.err
