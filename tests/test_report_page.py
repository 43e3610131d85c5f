"""The page of `evlog report`: what is in the file, and what a browser makes of it."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import evlog
from evlog.decoders import Context
from evlog.decoders.layout import layout
from evlog.report.html.answer import Answer
from evlog.report.html.page import PLAIN, page
from tests import browser
from tests.command import run
from tests.conftest import ROOT, SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser import Browser

BOOT = SAMPLES / "tcg2" / "secure-boot.bin"
VALUES = SAMPLES / "tcg2" / "secure-boot.pcrs.json"
EVIL = "/x</script><script>document.title='owned'</script><img src=x onerror=document.title='owned'><!--\u202e"


def hostile() -> bytes:
    """An IMA list of one entry whose file has a name that would like to be HTML."""
    file = b"sha256:\0" + bytes(32)
    name = EVIL.encode() + b"\0"
    data = len(file).to_bytes(4, "little") + file + len(name).to_bytes(4, "little") + name
    return f"10 {hashlib.sha1(data).hexdigest()} ima-ng sha256:{bytes(32).hex()} {EVIL}\n".encode()


def ima_list(entries: int) -> bytes:
    """A binary IMA list of so many entries."""
    made = []
    for number in range(entries):
        file, name = b"sha256:\0" + hashlib.sha256(b"%d" % number).digest(), b"/usr/lib/file-%06d\0" % number
        data = b"".join(len(each).to_bytes(4, "little") + each for each in (file, name))
        head = (10).to_bytes(4, "little") + hashlib.sha1(data).digest() + (6).to_bytes(4, "little") + b"ima-ng"
        made.append(head + len(data).to_bytes(4, "little") + data)
    return b"".join(made)


def written(tmp_path: Path, *arguments: str | Path, code: int = 0) -> Path:
    """The page that the command makes."""
    made = tmp_path / "page.html"
    result = run("report", *map(str, arguments), "-o", str(made))
    assert result.code == code, result.err
    return made


def element(text: str, name: str) -> str:
    """What the last element of a name holds."""
    return text[text.rindex(f"<{name}>") + len(name) + 2 : text.rindex(f"</{name}>")]


def test_policy_and_size(tmp_path: Path) -> None:
    text = written(tmp_path, BOOT, "--registers", VALUES).read_text("utf-8")
    assert len(text) < 400_000
    policy = html.unescape(re.findall('Content-Security-Policy content="([^"]*)"', text)[0])
    for name in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(element(text, name).encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert not re.search(r"""(?:src|href)\s*=\s*["']?\s*(?!#)""", re.sub("<script.*?</script>", "", text, flags=re.S))


def test_all_is_there_without_a_script(tmp_path: Path) -> None:
    text = written(tmp_path, BOOT, "--registers", VALUES).read_text("utf-8")
    plain = re.sub("<script.*?</script>", "", text, flags=re.S)
    log = evlog.read(BOOT)
    assert len(re.findall("<tr id=event-", plain)) == len(log.events)
    assert "SecureBoot: on" in plain
    assert "grubx64.efi" in plain
    assert "the logs agree with values that are not authenticated" in plain
    for value in evlog.replay(log).rows:
        assert value.value is not None
        assert value.value.hex() in plain


def test_script_data_says_what_the_log_does(tmp_path: Path) -> None:
    text = written(tmp_path, BOOT).read_text("utf-8")
    model = json.loads(re.findall("<script type=application/json id=model>(.*?)</script>", text, re.S)[0])
    log = evlog.read(BOOT)
    assert [row[0] for row in model["rows"]] == [str(event.number) for event in log.events]
    details = "\n".join(re.findall("<script type=application/json class=details>(.*?)</script>", text, re.S))
    for event, line in zip(log.events, details.split("\n"), strict=True):
        told = json.loads(line)
        assert [each[1] for each in told["d"]] == [digest.value.hex() for digest in event.digests]
        assert base64.b64decode(told["b"]) == getattr(event.content, "data", None)


@pytest.mark.parametrize("log", [SAMPLES / "tcg2" / "ovmf.bin", SAMPLES / "tcg2" / "uki.bin", BOOT])
def test_fields_are_where_they_are(log: Path) -> None:
    read = evlog.read(log)
    context = Context.of(read)
    seen = 0
    for event in read.events:
        decoded, fields = layout(event, context)
        assert decoded == evlog.decode(event, context)
        data = getattr(event.content, "data", b"")
        for field in fields:
            assert 0 <= field.at < field.end <= len(data)
        for field in fields:
            if field.path == "variable_name":
                guid = data[field.at : field.end]
                assert evlog.decode(event, context).vendor.startswith(guid[3::-1].hex())  # type: ignore[union-attr]
                seen += 1
            if field.path == "unicode_name":
                assert data[field.at : field.end].decode("utf-16-le") == decoded.name  # type: ignore[union-attr]
    assert seen


def test_hostile_text_is_text(tmp_path: Path) -> None:
    path = tmp_path / "evil.txt"
    path.write_bytes(hostile())
    text = written(tmp_path, path).read_text("utf-8")
    assert "<img" not in text
    assert "owned'</script>" not in text
    assert "\u202e" not in text
    assert text.count("<script") == 3
    assert text.count("</script>") == 3


def test_differences_and_several_logs(tmp_path: Path) -> None:
    other = SAMPLES / "tcg2" / "ovmf.bin"
    text = written(tmp_path, BOOT, "--against", other, code=1).read_text("utf-8")
    assert "<section id=differences" in text
    firmware, ima = SAMPLES / "tcg2" / "before-ima.bin", SAMPLES / "ima-binary" / "ng-violations.bin"
    text = written(tmp_path, firmware, ima).read_text("utf-8")
    assert "<section id=handovers" in text
    assert "<tr id=event-0.0>" in text
    assert "<tr id=event-1.0>" in text


def test_registers_and_banks_are_kept(tmp_path: Path) -> None:
    text = written(tmp_path, BOOT, "--register", "7", "--bank", "sha256").read_text("utf-8")
    numbers = [event.number for event in evlog.read(BOOT).events if str(event.register) == "pcr:7"]
    assert [int(each) for each in re.findall(r"<tr id=event-(\d+)>", text)] == numbers
    assert "<th scope=col>sha256" in text
    assert "<th scope=col>sha1" not in text


def test_damage_is_told(tmp_path: Path) -> None:
    text = written(tmp_path, SAMPLES / "bad" / "cut-record.bin", code=1).read_text("utf-8")
    assert "truncated record" in text
    said = run("report", str(SAMPLES / "bad" / "cut-record.bin"), "-o", str(tmp_path / "again.html")).err
    assert re.search(r"cut-record\.bin: error: event \d+: truncated record", said)
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    assert run("report", str(empty), "-o", str(tmp_path / "none.html")).code == 3
    assert not (tmp_path / "none.html").exists()


#: What a person does to a field of the form.
ENTER = """
const it = document.getElementById(arguments[0]);
it.value = arguments[1];
it.dispatchEvent(new Event("input", {bubbles: true}));
"""
COUNT = "return document.getElementById('count').textContent"
SELECTED = "return document.querySelector('[aria-selected=true] .no').textContent"
NUMBERS = "return [...document.querySelectorAll('.row .no')].map(it => it.textContent)"
LIT = "return [...document.querySelectorAll('.bytes i.lit')].map(it => it.textContent)"
PRINT_RULES = "return [...document.styleSheets[0].cssRules].filter(it => it.media?.mediaText === 'print').length"
SERIOUS = """
if (!window.found) return null;
const serious = window.found.violations.filter(it => it.impact === "serious" || it.impact === "critical");
return serious.map(it => it.id + ": " + it.nodes[0].html + " " + it.nodes[0].failureSummary).concat("done");
"""

needs_browser = pytest.mark.skipif(
    browser.CHROME is None or browser.DRIVER is None, reason="needs chromium and chromedriver"
)


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with browser.Browser() as session:
        yield session


@needs_browser
def test_a_browser_finds_and_filters(chrome: Browser, tmp_path: Path) -> None:
    chrome.open(written(tmp_path, BOOT, "--registers", VALUES))
    assert chrome.console() == []
    assert chrome.run("return performance.getEntriesByType('resource').length") == 0
    assert chrome.run(COUNT) == "52 events"
    chrome.press("/", *"grubx64")
    chrome.until(f"{COUNT} === '1 of 52 events'")
    chrome.press("Enter")
    assert "grubx64.efi" in chrome.run("return document.getElementById('event').textContent")
    assert chrome.run("return location.hash") == f"#event-{chrome.run(SELECTED)}"
    chrome.press("/", "Escape")
    assert chrome.run(COUNT) == "52 events"
    events = evlog.read(BOOT).events
    chrome.run(ENTER, "register", "0")
    assert chrome.run(NUMBERS) == [str(event.number) for event in events if str(event.register) == "pcr:0"]
    chrome.run(ENTER, "register", "")
    chrome.run(ENTER, "query", events[30].digests[1].value.hex())
    assert chrome.run(NUMBERS) == ["30"]
    assert chrome.console() == []


@needs_browser
def test_keys_places_and_themes(chrome: Browser, tmp_path: Path) -> None:
    made = written(tmp_path, BOOT)
    chrome.open(made, "#event-22")
    assert chrome.until("return document.querySelector('#event h3')?.textContent").startswith("22 ")
    chrome.run("document.getElementById('list').focus()")
    chrome.press("ArrowDown")
    assert chrome.run(SELECTED) == "23"
    chrome.press("End")
    assert chrome.run(SELECTED) == "51"
    assert chrome.run("return location.hash") == "#event-51"
    papers = []
    for _ in range(2):
        chrome.run("document.getElementById('theme').click()")
        papers.append(chrome.run("return getComputedStyle(document.body).backgroundColor"))
    assert len(set(papers)) == 2
    assert chrome.console() == []


@needs_browser
def test_fields_and_bytes_light_each_other(chrome: Browser, tmp_path: Path) -> None:
    chrome.open(written(tmp_path, BOOT), "#event-4")
    chrome.until("return document.querySelectorAll('.bytes i').length")
    chrome.run("document.querySelector(\".tree>div[data-at='52']\").scrollIntoView({block: 'center'})")
    chrome.point(".tree>div[data-at='52']")
    event = evlog.read(BOOT).events[4]
    data: bytes = getattr(event.content, "data")  # noqa: B009  # not every content has one
    assert chrome.until(LIT)[0] == data[52:53].hex()
    chrome.run("document.querySelector('.bytes').scrollIntoView({block: 'center'})")
    chrome.point(".bytes span i:nth-of-type(1)")
    said = chrome.until("return document.querySelector('.where').textContent.trim()")
    assert said == "variable_name: bytes 0 to 15"
    assert chrome.run("return [...document.querySelectorAll('.tree>div.lit')].map(it => it.dataset.at)") == ["0"]


@needs_browser
def test_hostile_text_is_inert_and_long_lists_are_light(chrome: Browser, tmp_path: Path) -> None:
    path = tmp_path / "evil.txt"
    path.write_bytes(hostile())
    chrome.open(written(tmp_path, path), "#event-0")
    assert "onerror" in chrome.until("return document.getElementById('event').textContent")
    assert chrome.run("return document.images.length") == 0
    assert chrome.run("return document.title") == "evil.txt · evlog"
    assert chrome.console() == []
    path.write_bytes(ima_list(3 * PLAIN))
    chrome.open(written(tmp_path, path))
    assert chrome.run("return document.querySelectorAll('.row').length") < 100
    chrome.run("document.getElementById('list').scrollTop = 1e9")
    chrome.until(f"return [...document.querySelectorAll('.row .no')].some(it => it.textContent === '{3 * PLAIN - 1}')")
    assert chrome.console() == []


@needs_browser
def test_it_prints(chrome: Browser, tmp_path: Path) -> None:
    chrome.open(written(tmp_path, BOOT))
    printed = chrome.printed()
    assert printed.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", printed)) > 1
    assert chrome.run(PRINT_RULES) == 1


@needs_browser
def test_axe_finds_nothing_serious(chrome: Browser, tmp_path: Path) -> None:
    axe = Path(os.environ.get("AXE_CORE", ROOT / ".ci-venv" / "node_modules" / "axe-core" / "axe.min.js"))
    if not axe.is_file():
        pytest.skip("axe-core is not here (npm install axe-core; AXE_CORE names its axe.min.js)")
    made = written(tmp_path, BOOT, "--registers", VALUES, "--against", SAMPLES / "tcg2" / "ovmf.bin", code=1)
    for theme in ("light", "dark"):
        chrome.open(made, "#event-22")
        chrome.run("document.documentElement.dataset.theme = arguments[0]", theme)
        chrome.run(axe.read_text("utf-8"))
        chrome.run("axe.run().then(found => { window.found = found; })")
        assert chrome.until(SERIOUS, 60) == ["done"]


def test_an_answer_may_be_nothing() -> None:
    text = "".join(page([evlog.read(BOOT)], Answer()))
    assert 'class="answer' not in text.partition("<main>")[2].partition("<section")[0]


def test_notebooks_show_tables() -> None:
    log = evlog.read(BOOT)
    verification = evlog.verify(log, evlog.read_registers(VALUES))
    difference = evlog.diff(log, evlog.read(SAMPLES / "tcg2" / "ovmf.bin"))
    for value in (log, evlog.replay(log), verification, difference):
        made = value._repr_html_()
        assert "<table>" in made
        assert "<script" not in made
        assert len(repr(value)) < 600
    evil = evlog.read(hostile())._repr_html_()
    assert "<img" not in evil
    assert "onerror" in evil
    assert not hasattr(log.events[0], "_repr_html_")
