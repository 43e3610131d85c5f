"""`evlog query`: questions about a made fleet whose truth is known, what a question may not do, formats of answers."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

import evlog
from tests import browser
from tests.command import Ran, run
from tests.conftest import ROOT, SAMPLES
from tests.test_schemas import valid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("duckdb", reason="the extra [tables] is not installed")
pq = pytest.importorskip("pyarrow.parquet", reason="the extra [tables] is not installed")
pa = pytest.importorskip("pyarrow")

#: Of the made fleet; EVLOG_FLEET=3000 by hand.
MACHINES = int(os.environ.get("EVLOG_FLEET", "150"))
EVIL = "=cmd|' \x1b[31m\u202e<script>document.title='owned'<"


class Fleet:
    """A lake of a made fleet, and the truth about it."""

    def __init__(self, lake: Path, truth: dict[str, Any]) -> None:
        self.lake, self.truth = lake, truth

    def rows(self, *question: str) -> list[list[Any]]:
        rows: list[list[Any]] = valid("query", asked(self.lake, *question, "--json").out)["rows"]
        return rows

    def __getitem__(self, name: str) -> list[Any]:
        found: list[Any] = self.truth[name]
        return found


def asked(lake: Path, *question: str, code: int = 0) -> Ran:
    ran = run("query", str(lake), *question)
    assert ran.code == code, ran.err
    return ran


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    folder = tmp_path_factory.mktemp("fleet")
    script = str(ROOT / "benchmarks" / "made_fleet.py")
    subprocess.run([sys.executable, script, str(folder / "logs"), str(MACHINES)], check=True)
    return Fleet(read(folder / "logs", folder / "lake"), json.loads((folder / "logs" / "truth.json").read_text()))


def read(logs: Path, lake: Path) -> Path:
    names = ("--only", "log.bin", "--machine", "{2}", "--boot", "{1}", "--registers", "{dir}/pcrs.json")
    ran = run("table", str(logs), *names, "-o", str(lake), "--jobs", "1")
    assert ran.code == 1, ran.err
    return lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of two machines, of which one has a name that would like to be more."""
    folder = tmp_path_factory.mktemp("small")
    for machine, log in ((EVIL, "secure-boot"), ("good", "ovmf")):
        (folder / "logs" / machine).mkdir(parents=True)
        shutil.copy(SAMPLES / "tcg2" / f"{log}.bin", folder / "logs" / machine / "log.bin")
    assert run("table", str(folder / "logs"), "-o", str(folder / "lake"), "--jobs", "1").code == 0
    return folder / "lake"


#: The questions of the page, in its order, with a value for each place that is to be filled.
PAGE = [
    shlex.split(line)[3:]
    for line in re.findall(r"(?<=^```sh\n)evlog query .*(?=\n```$)", (ROOT / "docs/verbs/query.md").read_text(), re.M)
]


def question(fleet: Fleet, number: int, **values: str) -> list[list[Any]]:
    words = PAGE[number - 1]
    for name, value in values.items():
        words = [word.replace(name, value) for word in words]
    return fleet.rows(*words)


# The fourteen questions


def test_fourteen_are_on_the_page() -> None:
    assert len(PAGE) == 14


def test_1_groups(fleet: Fleet) -> None:
    others = len(fleet["new_dbx"]) + len(fleet["lying_digest"])
    counts = [len(fleet["on"]) - others, len(fleet["new_dbx"]), len(fleet["off"]), len(fleet["lying_digest"])]
    assert [row[0] for row in question(fleet, 1)] == sorted(counts, reverse=True)
    assert {(row[1], row[2]) for row in question(fleet, 1)} == {("pcr:7", "sha256")}
    ran = asked(fleet.lake, *PAGE[0])
    assert f"pcr:7: {len(fleet['old'])} machines have no sha256: --bank asks for another" in ran.err
    sha1 = fleet.rows(*PAGE[0], "--bank", "sha1")
    assert sum(row[0] for row in sha1) == MACHINES


def test_2_outliers(fleet: Fleet) -> None:
    rows = question(fleet, 2)
    same = {*fleet["on"]} - {*fleet["new_dbx"], *fleet["lying_digest"]}
    assert {row[9] for row in rows} == {min(same)}
    said = asked(fleet.lake, *PAGE[1]).out
    assert (
        f"pcr:7: {len(fleet['new_dbx'])} machines, as {fleet['new_dbx'][0]}, beside the most, as {min(same)}\n" in said
    )
    assert "\n  ~    8 | 8    VARIABLE_CONFIG dbx: 1 SHA-256 became 2 SHA-256\n" in said
    told = {row[0]: row[8] for row in rows if row[4] in (*fleet["new_dbx"], *fleet["lying_digest"])}
    assert told == {
        len(fleet["new_dbx"]): "VARIABLE_CONFIG dbx: 1 SHA-256 became 2 SHA-256",
        len(fleet["lying_digest"]): "VARIABLE_AUTHORITY db: what was measured differs",
    }
    off = [row[8] for row in rows if row[4] in fleet["off"]]
    assert "VARIABLE_CONFIG SecureBoot: on became off" in off
    assert any(words.startswith("removed: VARIABLE_AUTHORITY MokListRT") for words in off)


def test_3_first_boot_with_another_dbx(fleet: Fleet) -> None:
    rows = question(fleet, 3)
    assert [row[0] for row in rows] == fleet["new_dbx"]
    assert {tuple(row[1:]) for row in rows} == {
        ("2026-11-17", "2026-11-17T08:00:00Z", fleet.truth["new_dbx_sha256"]),
    }


def test_4_who_ran_an_image(fleet: Fleet) -> None:
    rows = question(fleet, 4, DIGEST=fleet.truth["new_loader_sha256"])
    assert [row[0] for row in rows] == fleet["new_loader"]


def test_5_rare_events(fleet: Fleet) -> None:
    rows = question(fleet, 5)
    assert all(row[0] <= 2 for row in rows)
    # Each machine has a disk of its own.
    assert sorted(row[4] for row in rows if row[1] != "pcr:5") == fleet["rare_sha256"]
    assert {row[2] for row in rows if row[1] == "pcr:5"} == {"EV_EFI_GPT_EVENT"}
    assert len([row for row in rows if row[1] == "pcr:5"]) == len(fleet["on"])
    everything = fleet.rows("rare", "--most", str(2 * MACHINES), "--register", "8")
    assert len(everything) > len(fleet["rare_sha256"])


def test_6_who_lacks_the_end_of_the_boot(fleet: Fleet) -> None:
    assert [row[0] for row in question(fleet, 6)] == sorted(fleet["lost_exit"] + fleet["cut_cleanly"])


def test_7_who_does_not_match(fleet: Fleet) -> None:
    rows = question(fleet, 7)
    assert [row[0] for row in rows] == sorted(fleet["lying_digest"] + fleet["cut"] + fleet["cut_cleanly"])
    assert [row[2] for row in rows if row[0] in fleet["lying_digest"]] == ["pcr:7"] * len(fleet["lying_digest"])


def test_8_what_is_new(fleet: Fleet) -> None:
    rows = question(fleet, 8)
    counts = Counter({row[6]: row[2] for row in rows})
    lie = {row[6] for row in rows if row[4] == "EV_EFI_VARIABLE_AUTHORITY"}
    expected = {
        fleet.truth["new_dbx_sha256"]: len(fleet["new_dbx"]),
        fleet.truth["new_loader_sha256"]: len(fleet["new_loader"]),
        **dict.fromkeys(lie, 1),
    }
    assert {digest: count for digest, count in counts.items() if digest not in fleet["rare_sha256"]} == {
        **expected,
        **{digest: len(fleet["lying_digest"]) for digest in lie},
    }
    assert sorted(set(counts) & set(fleet["rare_sha256"])) == fleet["rare_sha256"]
    assert len(lie) == 1
    assert {row[0] for row in rows} == {"2026-11-17T08:00:00Z"}


def test_9_roll_out(fleet: Fleet) -> None:
    assert question(fleet, 9, DIGEST=fleet.truth["new_dbx_sha256"]) == [["2026-11-17", len(fleet["new_dbx"])]]
    old, both = question(fleet, 9, DIGEST=fleet.truth["old_dbx_sha256"])
    assert old == ["2026-11-10", len(fleet["on"])]
    assert both == ["2026-11-17", len(fleet["on"]) - len(fleet["new_dbx"])]


def test_10_without_sha256(fleet: Fleet) -> None:
    assert question(fleet, 10) == [[machine, ["sha1"]] for machine in fleet["old"]]


def test_11_wrong_digests(fleet: Fleet) -> None:
    lying = len(fleet["lying_digest"]) + len(fleet["lying_data"])
    assert question(fleet, 11) == [["EV_EFI_VARIABLE_AUTHORITY", lying]]


def test_12_findings(fleet: Fleet) -> None:
    rows = {row[0]: (row[1], row[2]) for row in question(fleet, 12)}
    assert rows["truncated_record"] == ("error", len(fleet["cut"]))
    assert rows["digest_mismatch"] == ("warning", len(fleet["lying_digest"]) + len(fleet["lying_data"]))


def test_13_secure_boot_off(fleet: Fleet) -> None:
    assert [row[:2] for row in question(fleet, 13)] == [["00", len(fleet["off"])], ["01", len(fleet["on"])]]


def test_14_the_dbx_of_a_machine(fleet: Fleet) -> None:
    assert question(fleet, 14, MACHINE=fleet["new_dbx"][0]) == [[fleet.truth["new_dbx_data"]]]


# The other names


def test_outliers_tell_of_events_that_are_missing_or_added(fleet: Fleet) -> None:
    added = [row for row in fleet.rows("outliers", "--register", "pcr:8") if row[5] == "added"]
    # Two machines may have the same one.
    assert sum(row[0] for row in added) == len(fleet["rare"])
    assert len(added) == len(fleet["rare_sha256"])
    assert {row[4] for row in added} <= {*fleet["rare"]}
    assert all(row[8].startswith("added: IPL grub_cmd: insmod odd") for row in added)
    # Each machine has a disk of its own, and so is a group.
    lost = fleet.rows("outliers", "--register", "pcr:5", "--groups", str(MACHINES))
    exits = {row[4] for row in lost if row[5] == "removed" and "Exit Boot Services Returned" in row[8]}
    assert exits == {*fleet["lost_exit"], *fleet["cut_cleanly"], *fleet["cut"]}
    assert {row[4] for row in lost if row[5] == "damaged"} == set(fleet["cut"])
    some = fleet.rows("outliers", "--register", "pcr:5", "--groups", "2")
    (more,) = [row for row in some if row[5] == "more"]
    assert more[0] == len({row[3] for row in lost}) - 2


def test_outliers_tell_of_order(tmp_path: Path) -> None:
    log = evlog.read(SAMPLES / "tcg2" / "secure-boot.bin")
    events = list(log.events)
    first, second = (at for at, event in enumerate(events) if str(event.register) == "pcr:14" and at < 28)
    events[first], events[second] = events[second], events[first]
    swapped = evlog.write(log.replace(events=tuple(event.replace(number=at) for at, event in enumerate(events))))
    for n, data in enumerate((evlog.write(log), evlog.write(log), swapped)):
        (tmp_path / "logs" / f"m{n}").mkdir(parents=True)
        (tmp_path / "logs" / f"m{n}" / "log.bin").write_bytes(data)
    for more in ((), ("--no-bodies",)):
        made = tmp_path / f"lake{len(more)}"
        assert run("table", str(tmp_path / "logs"), "-o", str(made), "--jobs", "1", *more).code == 0
        rows = valid("query", asked(made, "outliers", "--json").out)["rows"]
        assert {(row[1], row[4]) for row in rows} == {("pcr:14", "m2")}
        assert sorted(row[5] for row in rows) == ["added", "removed"]
        assert all("MokList" in row[8] for row in rows)


def test_timeline_of_values(fleet: Fleet) -> None:
    rows = fleet.rows("timeline", "--register", "pcr:4")
    first, second = "2026-11-10T08:00:00Z", "2026-11-17T08:00:00Z"
    assert [row[:3] for row in rows if row[0] == second] == [[second, second, len(fleet["new_loader"])]]
    # Who took the new boot loader had the old one.
    assert [first, second, len(fleet["on"])] in [row[:3] for row in rows]
    assert fleet.rows("timeline", "--register", "pcr:4", "--since", "2026-11-17T08:00:01Z") == []


def test_unverified(fleet: Fleet) -> None:
    rows = fleet.rows("unverified")
    assert [row[0] for row in rows] == sorted(fleet["lying_digest"] + fleet["cut"] + fleet["cut_cleanly"])
    assert {row[3] for row in rows} == {"differs"}
    every = fleet.rows("unverified", "--authenticated")
    assert Counter(row[3] for row in every) == {"differs": len(rows), "not authenticated": MACHINES - len(rows)}


def test_a_name_is_a_parameter(fleet: Fleet) -> None:
    assert fleet.rows("groups", "--register", "mr:x' OR 1=1 --") == []
    assert fleet.rows("SELECT $x AS x", "--param", "x=' OR 1=1 --") == [["' OR 1=1 --"]]
    assert "no time" in asked(fleet.lake, "timeline", "--since", "2026' OR 1=1", code=2).err


# What a question may not do

REFUSED = {
    "COPY (SELECT 1) TO 'x.parquet'": "COPY",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO 'x.parquet'": "EXPLAIN",
    "SELECT 1; SELECT 2": "SELECT, SELECT",
    "SELECT 1; COPY (SELECT 1) TO 'x.parquet'": "SELECT, COPY",
    "INSTALL httpfs": "LOAD",
    "ATTACH 'x.db'": "ATTACH",
    "SET threads = 1": "SET",
    "PRAGMA version": "PRAGMA|Only SELECT",  # which DuckDB 1 takes for a SELECT
    "CALL pragma_version()": "CALL",
    "DROP TABLE logs": "DROP",
    "CREATE TABLE x AS SELECT 1": "CREATE",
    "INSERT INTO no_logs SELECT * FROM logs": "INSERT",
    "EXPORT DATABASE 'x'": "EXPORT",
    "": "nothing",
    " ; ": "nothing",
    "SELECT * FROM read_text('/etc/passwd')": "read_text",
    "SELECT 1 WHERE EXISTS (FROM read_csv('/etc/passwd'))": "read_csv",
    "SELECT * FROM glob('/etc/*')": "glob",
    "SELECT * FROM enable_profiling(save_location := 'x')": "enable_profiling",
    "FROM query('SELECT 1')": "query",
    "WITH x AS (FROM sniff_csv('/etc/passwd')) FROM x": "sniff_csv",
    "SELECT * FROM '/etc/passwd'": "does not exist",
    "SELECT * FROM 'x.parquet'": "Cannot access file",
    "SELECT nosuch FROM logs": "nosuch",
    "SELECT $absent": "absent",
    "groops": "no question 'groops'; there are groups, outliers, timeline, rare, unverified",
}


@pytest.mark.parametrize("sql", REFUSED)
def test_refused(sql: str, lake: Path, tmp_path: Path) -> None:
    before = sorted(path for path in lake.parent.rglob("*"))
    ran = run("query", str(lake), sql, folder=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert re.search(REFUSED[sql], ran.err)
    assert ran.err.count("\n") == 1
    assert "root:" not in ran.err
    assert sorted(path for path in lake.parent.rglob("*")) == before
    assert list(tmp_path.iterdir()) == []


def test_writing_is_refused_however_it_is_put(lake: Path) -> None:
    ran = asked(lake, "WITH x AS (INSERT INTO no_logs SELECT * FROM logs RETURNING *) SELECT * FROM x", code=2)
    assert re.search("read-only|CTE needs a SELECT", ran.err)


def test_even_what_is_not_judged_is_held(lake: Path, tmp_path: Path) -> None:
    """What stands behind the judgement of statements: no files but the lake's, no writing, no settings."""
    from evlog.tables.reader import Reader

    (tmp_path / "secret.csv").write_text("a\n1\n")
    part = next(lake.rglob("logs/*.parquet"))
    with Reader(str(lake)) as reader:
        for sql in (
            f"SELECT * FROM read_csv('{tmp_path}/secret.csv')",
            f"SELECT * FROM read_csv('{part.parent}/../../secret.csv')",
            f"ATTACH '{tmp_path}/x.db'",
            f"COPY (SELECT 1) TO '{tmp_path}/x.csv'",
            f"COPY (SELECT 1) TO '{part.parent}/evil.parquet'",
            "CREATE TABLE x AS SELECT 1",
            "SET memory_limit = '2GB'",
            "SET enable_external_access = true",
        ):
            with pytest.raises(evlog.UsageError):
                reader.rows(sql)
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]
    assert not list(lake.rglob("evil*"))


@pytest.mark.parametrize("sql", ["FROM logs", "WITH x AS (SELECT 1 AS a) FROM x", "VALUES (1)", "DESCRIBE events"])
def test_other_ways_to_say_select(sql: str, lake: Path) -> None:
    assert asked(lake, sql).out


@pytest.fixture
def heeded() -> Iterator[None]:
    """SIGINT heeded, which a process ignores that a shell runs in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeded")
def test_ctrl_c_stops_a_question(lake: Path) -> None:
    from evlog.tables.reader import Reader

    question = "SELECT count(*) FROM range(100000000000) a, range(1000) b"
    for ask in (question, "SELECT range FROM range(1000000000000)"):
        later = threading.Timer(0.5, signal.raise_signal, (signal.SIGINT,))
        with Reader(str(lake), timeout=60) as reader:
            later.start()
            with pytest.raises(KeyboardInterrupt):
                for _ in reader.ask(ask).batches:
                    pass


def test_time_and_memory(lake: Path) -> None:
    slow = "SELECT count(*) FROM range(1000000000000)"
    assert "took longer than 0.2 seconds" in asked(lake, slow, "--timeout", "0.2", code=2).err
    streamed = asked(lake, "SELECT range FROM range(1000000000000)", "--timeout", "0.3", "--format", "csv", code=2)
    assert "took longer" in streamed.err
    assert asked(lake, "SELECT 1", "--memory", "200MB", "--threads", "1", "--timeout", "60").code == 0
    for words in (("--memory", "lots"), ("--timeout", "0"), ("--threads", "-1"), ("--memory", "1GB'; SELECT 1")):
        assert run("query", str(lake), "SELECT 1", *words).code == 2


# Which lakes it reads


def test_what_is_no_lake(tmp_path: Path) -> None:
    assert "no lake of evlog table" in asked(tmp_path, "groups", code=3).err


def rewritten(lake: Path, tmp_path: Path, change: Any) -> Path:
    """A copy of a lake with each part of ``logs`` changed."""
    copy = tmp_path / "copy"
    shutil.copytree(lake, copy)
    for part in copy.glob("logs/*.parquet"):
        pq.write_table(change(pq.read_table(part)), part)
    return copy


def test_a_newer_major_is_refused(lake: Path, tmp_path: Path) -> None:
    newer = rewritten(lake, tmp_path, lambda t: t.replace_schema_metadata({"evlog.schema": "evlog.table.logs/2"}))
    ran = asked(newer, "SELECT 1", code=2)
    assert "evlog.table.logs/2, and this evlog reads evlog.table.logs/1" in ran.err


def test_what_evlog_did_not_write_is_refused(lake: Path, tmp_path: Path) -> None:
    foreign = rewritten(lake, tmp_path, lambda t: t.replace_schema_metadata({}))
    assert "no table of evlog" in asked(foreign, "SELECT 1", code=3).err


def test_what_an_older_part_lacks_is_null(lake: Path, tmp_path: Path) -> None:
    last = pq.read_table(next(lake.glob("logs/*.parquet"))).schema.names[-1]
    older = rewritten(lake, tmp_path, lambda table: table.drop_columns([last]))
    rows = valid("query", asked(older, f"SELECT DISTINCT {last} FROM logs", "--json").out)["rows"]
    assert rows == [[None]]


def test_a_lake_may_be_called_anything(lake: Path, tmp_path: Path) -> None:
    odd = tmp_path / "o'dd [ab]*? {x} day=2026"
    shutil.copytree(lake, odd)
    assert len(valid("query", asked(odd, "SELECT * FROM latest", "--json").out)["rows"]) == 2


# Formats

NAMES = "SELECT machine, log, events, collected_at, banks, failed FROM logs ORDER BY events DESC"


def test_formats_agree(lake: Path, tmp_path: Path) -> None:
    document = valid("query", asked(lake, NAMES, "--json").out)
    names = [column["name"] for column in document["columns"]]
    assert names == ["machine", "log", "events", "collected_at", "banks", "failed"]
    assert document["rows"][0][0] == EVIL
    rows = [dict(zip(names, row, strict=True)) for row in document["rows"]]
    assert [json.loads(line) for line in asked(lake, NAMES, "--format", "jsonl").out.splitlines()] == rows
    for format in ("parquet", "arrow"):
        made = tmp_path / format
        assert asked(lake, NAMES, "--format", format, "-o", str(made)).out == ""
        table = pq.read_table(made) if format == "parquet" else pa.ipc.open_stream(made.read_bytes()).read_all()
        assert table.column("log").to_pylist() == [bytes.fromhex(row["log"]) for row in rows]
        assert table.column("banks").to_pylist() == [row["banks"] for row in rows]


def test_a_file_is_written_as_it_is_named(lake: Path, tmp_path: Path) -> None:
    asked(lake, NAMES, "-o", str(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").read_text() == asked(lake, NAMES, "--format", "csv").out
    asked(lake, NAMES, "-o", str(tmp_path / "a.json"))
    valid("query", (tmp_path / "a.json").read_text())


def test_csv_can_neither_run_nor_paint(lake: Path) -> None:
    ran = asked(lake, NAMES.replace("machine,", 'machine, -1 AS n, "format" AS "@f",', 1), "--format", "csv")
    head, evil, good = csv.reader(io.StringIO(ran.out))
    assert head[2] == "'@f"
    assert evil[0] == "'=cmd|' \\x1b[31m\\u202e<script>document.title='owned'<"
    assert good[:3] == ["good", "-1", "tcg2"]
    assert "2 cells that a spreadsheet may take for a formula" in ran.err


@pytest.mark.parametrize("format", ["table", "json", "jsonl", "csv"])
def test_nothing_reaches_the_terminal(format: str, lake: Path) -> None:
    ran = asked(lake, NAMES, "--format", format)
    assert "cmd|" in ran.out
    assert not re.search("[\x1b\u202e]", ran.out + ran.err)


def test_a_page(lake: Path, tmp_path: Path) -> None:
    made = tmp_path / "page.html"
    ran = asked(lake, "SELECT machine, log FROM logs ORDER BY events DESC", "--html", str(made))
    assert ran.err == f"evlog: 2 rows on a page: {made}\n"
    text = made.read_text("utf-8")
    assert "default-src 'none'; style-src 'sha256-" in text
    assert "<script>document" not in text
    assert "&lt;script&gt;document" in text
    assert not re.search("[\x1b\u202e]", text)
    assert not re.search(r"""(?:src|href)\s*=""", text)


@pytest.mark.skipif(browser.CHROME is None or browser.DRIVER is None, reason="needs chromium and chromedriver")
def test_a_browser_filters_the_page(lake: Path, tmp_path: Path) -> None:
    made = tmp_path / "page.html"
    asked(lake, "SELECT machine, events FROM logs ORDER BY events DESC", "--html", str(made))
    with browser.Browser() as chrome:
        chrome.open(made)
        assert chrome.run("return document.title") == "A question in SQL · evlog"
        assert chrome.run("return document.getElementById('count').textContent") == "2 of 2 rows"
        chrome.run(
            "const it = document.getElementById('query'); it.value = 'good'; it.dispatchEvent(new Event('input'))"
        )
        assert chrome.run("return document.getElementById('count').textContent") == "1 of 2 rows"
        shown = "return [...document.querySelectorAll('tbody tr:not([hidden])')].map(it => it.cells[0].innerText)"
        assert chrome.run(shown) == ["good"]
        assert chrome.console() == []


def test_whole_digests(lake: Path) -> None:
    digest = evlog.replay(evlog.read(SAMPLES / "tcg2" / "ovmf.bin"))["pcr:0", "sha256"].hex()
    words = ("groups", "--register", "0")
    assert f"{digest[:27]}…" in asked(lake, *words).out
    assert digest in asked(lake, *words, "-v").out


def test_fail_if_any(lake: Path) -> None:
    assert asked(lake, "SELECT 1", "--fail-if-any", code=1).out
    assert asked(lake, "SELECT 1 WHERE false", "--fail-if-any").err == "evlog: no row\n"


def test_what_makes_no_sense(lake: Path, tmp_path: Path) -> None:
    for words in (
        ("SELECT 1", "--register", "7"),
        ("groups", "--param", "a=b"),
        ("groups", "--most", "3"),
        ("SELECT 1", "--param", "a"),
        ("SELECT 1", "--json", "--format", "csv"),
        ("SELECT 1", "--html", "x.html", "--json"),
        ("SELECT 1", "-o", "x"),
        ("SELECT 1 AS a, 2 AS a", "--format", "jsonl"),
    ):
        ran = run("query", str(lake), *words, folder=tmp_path)
        assert (ran.code, ran.out) == (2, ""), words
    assert list(tmp_path.iterdir()) == []


def test_the_answer_is_there_whole_or_not_at_all(lake: Path, tmp_path: Path) -> None:
    made = tmp_path / "a.csv"
    asked(lake, "SELECT CASE WHEN range < 9000 THEN 1 ELSE error('late') END FROM range(10000)", "--format", "csv",
          "-o", str(made), code=2)  # fmt: skip
    assert list(tmp_path.iterdir()) == []
