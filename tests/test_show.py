"""`evlog show`: lines that fit, what they say, which events, and where colour goes."""

from __future__ import annotations

import json
import os
import pty
import random
import re
import subprocess
import sys
import unicodedata
import uuid
from pathlib import Path
from typing import Any

import pytest
import yaml

from evlog.checking import late
from evlog.cli import _common, _page, main
from evlog.contents.pcclient import PCClientEvent
from evlog.intake.read import read
from tests.conftest import SAMPLES
from tests.firmware_logs import firmware_logs
from tests.made import event, header, variable

_LOGS = dict(firmware_logs())
_IPL, _BOOT = 13, 0x80000002
_GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c").bytes_le
_LOG = (
    header("sha1", "sha256")
    + event(7, 0x80000001, variable("SecureBoot", b"\1", _GLOBAL), "sha1", "sha256")
    + event(1, _BOOT, variable("BootOrder", b"\1\0"), "sha1", "sha256", hashed=b"\1\0")
    + event(4, 0x80000003, bytes(32), "sha1", "sha256", hashed=b"an image")
    + event(8, _IPL, b"grub_cmd: echo \x1b[31mred\0", "sha1", "sha256", hashed=b"echo something else")
    + event(5, 0x80000007, b"Exit Boot Services Invocation", "sha1", "sha256")
)


@pytest.fixture
def log(tmp_path: Path) -> str:
    """The log above, in a file."""
    path = tmp_path / "log.bin"
    path.write_bytes(_LOG)
    return str(path)


def _columns(line: str) -> int:
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def _show(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["show", *arguments]) in (0, 1)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("name", _LOGS)
def test_a_line_an_event_that_fits(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = _show(capsys, str(_LOGS[name]))
    numbers = [line[:4].strip() for line in lines[1 : lines.index("") if "" in lines else None]]
    assert numbers == [str(number) for number in range(len(read(_LOGS[name]).events))]
    assert max(map(_columns, lines)) <= 80
    assert all(line.isprintable() for line in lines)


def test_what_the_lines_say(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = _show(capsys, log)
    assert lines[0] == "tcg2: 6 events, sha1, sha256"
    assert lines[2].split() == ["1", "✓", "pcr:7", "VARIABLE_CONFIG", "SecureBoot:", "on"]
    assert lines[4].split()[:4] == ["3", "·", "pcr:4", "BOOT_APPLICATION"]
    assert lines[5].split()[:4] == ["4", "✗", "pcr:8", "IPL"]
    assert all(line.isprintable() for line in lines)


def test_summary_of_registers(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = _show(capsys, log)
    rows = {line.split()[0]: line.split()[-5:-1] for line in lines if line.startswith("pcr:")}
    assert rows["pcr:8"] == ["1", "-", "1", "-"]
    assert rows["pcr:4"] == ["1", "-", "-", "1"]
    assert list(rows) == ["pcr:0", "pcr:1", "pcr:4", "pcr:5", "pcr:7", "pcr:8"]


def test_findings_come_last_with_warnings_before_notes(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = _show(capsys, log)
    found = [line.split(":")[0] for line in lines if line.startswith(("warning:", "note:"))]
    assert found == ["warning", "note"]
    assert "event 4: the digests are not of the event's data" in "\n".join(lines)


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        (("--register", "pcr:7"), [1]),
        (("--register", "7", "--register", "PCR[8]"), [1, 4]),
        (("--register", "pcr:7,pcr:8"), [1, 4]),
        (("--type", "ipl"), [4]),
        (("--type", "EV_EFI_VARIABLE"), [1, 2]),
        (("--type", "VARIABLE_CONFIG"), [1]),
        (("--type", "0x80000002"), [2]),
        (("--check", "mismatch"), [4]),
        (("--check", "matches", "--register", "1"), [2]),
        (("--check", "not_checkable"), [3]),
        (("--register", "pcr:20"), []),
    ],
)
def test_filters(arguments: tuple[str, ...], numbers: list[int], log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert [json.loads(line)["number"] for line in _show(capsys, log, "--jsonl", *arguments)] == numbers
    lines = _show(capsys, log, *arguments)
    end = lines.index("") if "" in lines else len(lines)
    assert [int(line[:4]) for line in lines[1:end] if line[:4].strip().isdigit()] == numbers


def test_types_and_verdicts_that_are_absent(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", log, "--type", "nothing", "--check", "mismatch"]) == 0
    assert capsys.readouterr().err == "evlog: no event of nothing, mismatch\n"
    assert main(["show", log, "--type", "ipl"]) == 0
    assert capsys.readouterr().err == ""


def test_register_by_its_label(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "CCEL"
    path.write_bytes(header("sha384", register=1) + event(3, 5, b"text", "sha384"))
    assert main(["show", str(path), "--register", "RTMR[2]"]) == 0
    assert "ccmr:3 RTMR[2]" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [("--check", "wrong"), ("--register", "nothing"), ("--format", "xml")])
def test_usage(arguments: tuple[str, ...], log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", log, *arguments]) == 2
    assert capsys.readouterr().out == ""


def test_json_has_what_is_decoded_and_checked(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = _show(capsys, log, "--json")
    document = json.loads(line)
    variable_event = document["events"][1]
    assert variable_event["decoded"]["kind"] == "efi_variable"
    assert variable_event["checks"] == [
        {"alg": alg, "verdict": "matches", "rule": "data"} for alg in ("sha1", "sha256")
    ]
    assert document["events"][0]["checks"] == []
    assert document["events"][4]["checks"][0] == {"alg": "sha1", "verdict": "mismatch", "rule": None}
    assert {finding["code"] for finding in document["findings"]} == {"digest_mismatch", "separator_missing"}


def test_json_reads_back_as_the_log(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = _show(capsys, log, "--json")
    assert read(line.encode()) == read(log)


def test_warnings_change_the_exit_code_only_if_strict(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", log]) == 0
    assert main(["show", log, "--strict"]) == 1


def test_tree_tells_everything(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = "\n".join(_show(capsys, log, "--tree"))
    record = read(log).events[1]
    assert record.origin is not None
    assert f"pcr:7  EV_EFI_VARIABLE_DRIVER_CONFIG  at {record.origin.span.offset:#x}" in text
    for digest in record.digests:
        assert digest.value.hex() in text
    assert "name: SecureBoot" in text
    assert "mismatch" in text
    assert "\x1b" not in text


def test_document_of_tpm2_eventlog(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", log, "--format", "tpm2-yaml", "--eventlog-version", "2"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("---\nversion: 2\nevents:\n- EventNum: 0\n")
    assert "Enabled: 'Yes'" in out


# Where it prints.


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from evlog.cli import main; main(); print('rich' in sys.modules, file=sys.stderr)"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )


def test_pipe_gets_plain_text_without_rich(log: str) -> None:
    ran = _run("show", log)
    assert "\x1b" not in ran.stdout
    assert ran.stderr.strip() == "False"


@pytest.mark.parametrize(
    ("options", "environment", "coloured"),
    [
        ((), {"FORCE_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (("--color", "always"), {}, True),
        (("--color", "always"), {"NO_COLOR": "1", "TERM": "dumb"}, True),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
        (("--color=auto",), {}, False),
    ],
)
def test_colour_in_a_pipe_on_request(
    log: str, options: tuple[str, ...], environment: dict[str, str], coloured: bool
) -> None:
    """So that `less -R` has it."""
    clean = {"NO_COLOR": "", "FORCE_COLOR": "", **environment}
    ran = _run("show", log, *options, **clean)
    assert ("\x1b[" in ran.stdout) == coloured
    plain = _run("show", log, NO_COLOR="1").stdout
    assert re.sub(r"\x1b\[[0-9;]*m", "", ran.stdout) == plain


def test_ascii_is_enough(log: str) -> None:
    ran = _run("show", log, PYTHONIOENCODING="ascii")
    assert ran.stdout.isascii()
    assert "   1 + pcr:7" in ran.stdout
    assert max(map(len, ran.stdout.splitlines())) <= 80


def _on_terminal(log: str, **environment: str) -> str:
    """What `evlog show` writes to a terminal."""
    main_end, other = pty.openpty()
    code = "from evlog.cli import main; raise SystemExit(main())"
    plain = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TERM")}
    with subprocess.Popen(
        [sys.executable, "-c", code, "show", log],
        stdin=subprocess.DEVNULL,
        stdout=other,
        env={**plain, "TERM": "xterm", **environment},
    ) as process:
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
    assert process.returncode == 0
    return written.decode()


def test_terminal_gets_colour(log: str) -> None:
    written = _on_terminal(log)
    assert "\x1b[32m✓" in written
    assert "\x1b[1;31m✗" in written
    assert "\x1b[31mred" not in written


def test_no_colour_if_nobody_wants_it(log: str) -> None:
    assert "\x1b" not in _on_terminal(log, NO_COLOR="1")
    assert "\x1b" not in _on_terminal(log, TERM="dumb")


def test_entries_of_ima_are_decoded_too(vm: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(vm / "e2-ima-sig-5k" / "ima-binary_runtime_measurements")
    assert "ima ima-sig boot_aggregate" in _show(capsys, path)[1]
    row = json.loads(_show(capsys, path, "--jsonl")[0])
    assert (row["decoded"]["kind"], row["decoded"]["name"]) == ("ima_entry", "boot_aggregate")
    assert row["checks"] == [{"alg": "sha1", "verdict": "matches", "rule": "hash"}]


def test_damaged_logs_are_shown_checked_and_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    chance = random.Random(6)
    path = tmp_path / "log.bin"
    for number in range(60):
        damaged = bytearray(_LOG)
        for _ in range(chance.choice((1, 3, 10))):
            damaged[chance.randrange(len(_LOG))] = chance.choice((0, 0xFF, 0x0A, 0x22, chance.randrange(256)))
        path.write_bytes(damaged)
        for arguments in ((), ("--tree",), ("--json",), ("--format", "tpm2-yaml", "--eventlog-version", "2")):
            assert main(["show", str(path), *arguments]) in (0, 1, 3), number
            out = capsys.readouterr().out
            if "--format" in arguments:
                yaml.safe_load(out)
            else:
                assert all(line.isprintable() for line in out.splitlines())


def test_an_event_by_its_number_with_its_bytes(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    events = read(log).events
    assert main(["show", log, "--event", "1", "--event", "3-4"]) == 0
    out = capsys.readouterr().out
    heads = [line.split()[0] for line in out.splitlines() if re.match(r" +\d+ pcr:", line)]
    assert heads == ["1", "3", "4"]
    data = Path(log).read_bytes()
    dumps = re.findall(r"     data  \d+ bytes?, at (0x[0-9a-f]+)\n((?:       [0-9a-f]{4}  .*\n)*)", out)
    assert len(dumps) == 3
    for (at, rows), number in zip(dumps, (1, 3, 4), strict=True):
        content = events[number].content
        assert isinstance(content, PCClientEvent)
        dumped = b"".join(bytes.fromhex(row[13:62]) for row in rows.splitlines())
        assert dumped == content.data == data[int(at, 16) :][: len(dumped)]


@pytest.mark.parametrize("text", ["", "x", "3-", "-3", "4-3", "1234567890", "1,,2"])
def test_no_number_of_an_event(log: str, text: str) -> None:
    assert main(["show", log, f"--event={text}"]) == 2


def test_a_number_beyond_the_log(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", log, "--event", "99,200-999999999", "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["events"] == []
    assert told.err == "evlog: no event 99, 200-999999999\n"


def test_what_extends_nothing_is_no_event_of_a_register(capsys: pytest.CaptureFixture[str]) -> None:
    lines = _show(capsys, "samples/tcg2/nv-index.bin")
    (row,) = (line.split() for line in lines if line.startswith("nv:0x01c40200"))
    assert row == ["nv:0x01c40200", "-", "-", "-", "-", "not", "extended"]


def test_the_marks_are_told_once(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = _show(capsys, log)
    assert lines.count("digests: ✓ of the event's data, · of what is not in the log, ✗ of neither") == 1


def test_addresses_are_hexadecimal_and_no_name_stands_twice(capsys: pytest.CaptureFixture[str]) -> None:
    lines = _show(capsys, "samples/tcg2/secure-boot.bin", "--event", "24")
    assert "       image location in memory: 0x2ce1a018" in lines
    assert "       device path:" in lines
    assert "           0: PciRoot(0x0)" in lines


@pytest.mark.parametrize("form", [[], ["--tree"], ["--json"], ["--jsonl"], ["--jsonl", "--register", "pcr:7"]], ids=str)
@pytest.mark.parametrize(
    "sample", ["tcg2/secure-boot", "tcg2/locality-3", "tcg2/nv-index", "ccel/ovmf-tdx", "ima-binary/ng-violations"]
)
def test_checks_that_come_with_the_events_change_nothing(
    sample: str, form: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of a long log do."""
    words = ["show", str(SAMPLES / f"{sample}.bin"), *form]
    code, told = main(words), capsys.readouterr()
    monkeypatch.setattr(late, "_WINDOW", 2)
    assert (main(words), capsys.readouterr()) == (code, told)


def test_the_first_events_of_a_long_log_need_no_other_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    path.write_bytes(header("sha256") + event(1, _IPL, b"x" * 80, "sha256") * 10_000)

    def full(*_: object) -> None:
        raise BrokenPipeError

    checked: list[int] = []
    verdicts: Any = vars(late)["Verdicts"]

    def noted(columns: Any, events: Any) -> Any:
        checked.append(len(columns))
        return verdicts(columns, events)

    monkeypatch.setattr(late, "Verdicts", noted)
    monkeypatch.setattr(late, "check", lambda _: pytest.fail("all events are looked at"))
    for form in ([], ["--jsonl"]):
        with monkeypatch.context() as patch:
            patch.setattr(_page if not form else _common, "print", full, raising=False)
            patch.setattr(_common, "abandon", lambda _: None)
            assert main(["show", str(path), *form]) == 0
    assert capsys.readouterr().out.count("\n") <= 1
    assert checked == [4096] * len(checked)
