"""Documents that hold several logs: all are read, or one that was asked for, or none; never the first in silence."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from typing import TYPE_CHECKING

import pytest

import evlog
from evlog.errors import ParseError, UsageError
from tests import made
from tests.command import run
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

FIRMWARE = made.header("sha256") + made.event(4, 0x80000003, b"kernel", "sha256")
OTHER = made.header("sha256") + made.event(4, 0x80000003, b"another kernel", "sha256")
IMA = (SAMPLES / "ima-ascii" / "legacy.txt").read_bytes()


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


BOTH = {"evidence": {"mb~list": encoded(FIRMWARE), "quote": "00" * 64}, "ima/list": IMA.decode()}


def values(*words: str) -> dict[tuple[str, str], str]:
    ran = run("replay", "--json", *words)
    assert ran.code == 0, ran.err
    return {(row["register"], row["alg"]): row["value"] for row in json.loads(ran.out)["registers"]}


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "evidence.json"
    path.write_text(json.dumps(BOTH))
    return path


def test_logs_of_different_registers_are_one_machines(document: Path, tmp_path: Path) -> None:
    (tmp_path / "firmware").write_bytes(FIRMWARE)
    (tmp_path / "ima").write_bytes(IMA)
    found = values(str(document))
    assert found == values(str(tmp_path / "firmware"), str(tmp_path / "ima"))
    pcr4 = hashlib.sha256(bytes(32) + hashlib.sha256(b"kernel").digest()).hexdigest()
    assert found["pcr:4", "sha256"] == pcr4
    assert ("pcr:10", "sha1") in found


def test_one_log_is_never_the_first_of_several(document: Path) -> None:
    """What takes one log says which there are, by their paths (RFC 6901)."""
    with pytest.raises(ParseError, match=r"2 logs, /evidence/mb~0list \(tcg2\), /ima~1list \(ima-ascii\); say which"):
        evlog.read(document)
    ran = run("show", str(document))
    assert (ran.code, ran.out) == (3, "")
    assert "--member PATH" in ran.err


@pytest.mark.parametrize("member", ["/ima~1list", "ima~1list"])
def test_a_member_is_chosen(document: Path, member: str) -> None:
    assert evlog.read(document, member=member) == evlog.read(IMA)
    shown = json.loads(run("show", "--json", "--member", member, str(document)).out)
    assert shown["format"] == "ima-ascii"
    assert values("--member", "/evidence/mb~0list", str(document)).keys() == {("pcr:4", "sha256")}


def test_a_member_that_is_no_log(document: Path) -> None:
    with pytest.raises(UsageError, match=r"no log at /evidence/quote: there are 2 logs, /evidence/mb~0list"):
        evlog.read(document, member="/evidence/quote")
    with pytest.raises(UsageError, match="no log at /a"):
        evlog.read(FIRMWARE, member="/a")


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"old": encoded(FIRMWARE), "new": encoded(OTHER)}),
        json.dumps([FIRMWARE.hex(), [encoded(gzip.compress(OTHER))]]),
        json.dumps({"a": encoded(json.dumps([encoded(FIRMWARE), encoded(OTHER)]).encode())}),
        # Members of one name: a reader that keeps the last drops a log.
        f'{{"log": "{encoded(FIRMWARE)}", "log": "{encoded(OTHER)}"}}',
    ],
    ids=["members", "encodings", "document in a document", "one name twice"],
)
def test_two_logs_of_the_same_registers_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "evidence.json"
    path.write_text(text)
    for command in ("replay", "show"):
        ran = run(command, str(path))
        assert (ran.code, ran.out) == (3, ""), ran.err
        assert "holds 2 logs" in ran.err
    assert "more than one extends pcr:4" in run("replay", str(path)).err


def test_copies_of_a_log_are_one(document: Path) -> None:
    log = evlog.read(FIRMWARE)
    copies = {"a": encoded(FIRMWARE), "b": {"c": FIRMWARE.hex()}, "d": encoded(gzip.compress(FIRMWARE))}
    assert evlog.read(json.dumps(copies).encode()) == log
    assert evlog.read(json.dumps(copies).encode(), member="b/c") == log


def test_names_of_members_are_shown_and_do_nothing() -> None:
    names = ["\x1b[31m" + "a" * 200, "b" * 200]
    with pytest.raises(ParseError) as refused:
        evlog.read(json.dumps({names[0]: encoded(FIRMWARE), names[1]: encoded(OTHER)}).encode())
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 400
    many = [encoded(made.header("sha256") + made.event(4, 5, bytes([n]), "sha256")) for n in range(100)]
    with pytest.raises(ParseError, match=r"100 logs, /0 .* and 84 more; say which"):
        evlog.read(json.dumps(many).encode())


def test_verify_and_merge_take_all(document: Path, tmp_path: Path) -> None:
    merged = tmp_path / "merged"
    ran = run("merge", str(document), "--to", "cel-json", "-o", str(merged))
    # Two samples, not one machine's: the list's boot_aggregate says so.
    assert (ran.code, "gap on pcr:10" in ran.err) == (1, True)
    assert values(str(merged))["pcr:4", "sha256"] == values(str(document))["pcr:4", "sha256"]
    registers = tmp_path / "pcrs.json"
    registers.write_text(json.dumps({"pcr": {"sha256": {"4": values(str(document))["pcr:4", "sha256"]}}}))
    judged = json.loads(run("verify", str(document), "--registers", str(registers), "--json").out)
    assert "match" in [row["verdict"] for row in judged["registers"] if row["register"] == "pcr:4"]


def test_one_log_in_two_forms_is_one() -> None:
    cel = json.loads(evlog.write(evlog.convert(evlog.read(FIRMWARE), "cel-json").log))
    for document, format in (
        ({"a": encoded(FIRMWARE), "b": cel}, "tcg2"),
        ({"a": cel, "b": encoded(FIRMWARE)}, "cel-json"),
    ):
        log = evlog.read(json.dumps(document).encode())
        assert (log.format, [finding.code for finding in log.findings]) == (format, ["wrapped", "same_log"])
    # What one of them has besides is not lost.
    longer = FIRMWARE + made.event(5, 0x80000003, b"more", "sha256")
    assert len(evlog.read(json.dumps({"a": cel, "b": encoded(longer)}).encode()).events) == 3
    twice = FIRMWARE + made.event(4, 0x80000003, b"kernel", "sha256")
    with pytest.raises(ParseError, match="2 logs"):
        evlog.read(json.dumps({"a": cel, "b": encoded(twice)}).encode())


def systemd(*words: bytes) -> str:
    """Records of systemd-pcrextend on PCR 4, as it writes them: JSON behind a record separator."""
    made = ""
    for word in words:
        digest = {"hashAlg": "sha256", "digest": hashlib.sha256(word).hexdigest()}
        content = {"string": word.decode(), "eventType": "phase"}
        record = {"pcr": 4, "digests": [digest], "content_type": "systemd", "content": content}
        made += "\x1e" + json.dumps(record) + "\n"
    return made


def test_what_goes_on_with_firmwares_registers_stands_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "document"
    path.write_text(json.dumps({"os": systemd(b"enter-initrd", b"ready"), "firmware": encoded(FIRMWARE)}))
    value = bytes(32)
    for word in (b"kernel", b"enter-initrd", b"ready"):
        value = hashlib.sha256(value + hashlib.sha256(word).digest()).digest()
    assert values(str(path))["pcr:4", "sha256"] == value.hex()
    path.write_text(json.dumps({"a": systemd(b"enter-initrd"), "b": systemd(b"ready"), "c": encoded(FIRMWARE)}))
    ran = run("replay", str(path))
    assert (ran.code, "3 logs, /a (systemd), /b (systemd), /c (tcg2), and more than one extends pcr:4" in ran.err) == (
        3,
        True,
    )
