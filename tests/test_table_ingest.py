"""`evlog table`: what a lake holds after sources of every kind, after a second run, and after what went wrong."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

import evlog
from evlog.tables.rows import log_id
from tests import table_kills as kills
from tests.command import run
from tests.conftest import ROOT, SAMPLES
from tests.machines import BASE, content, fleet, log_of, rows
from tests.test_schemas import valid

if TYPE_CHECKING:
    from pathlib import Path

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")

LOGS = ("--only", "log.bin")


def table(folder: Path, *arguments: str) -> tuple[int, dict[str, object], str]:
    """Run ``evlog table`` in a folder; the exit code, the document and what was said."""
    ran = run("table", *arguments, "--json", folder=folder)
    return ran.code, valid("table", ran.out) if ran.out else {}, ran.err


def counts(document: dict[str, object]) -> tuple[object, ...]:
    return document["good"], document["odd"], document["known"]


def machines_of(lake: Path) -> list[str]:
    return sorted(str(row["machine"]) for row in rows(lake, "logs"))


def but(name: str, lake: Path) -> dict[str, list[str]]:
    """Everything in a lake but one column of ``logs`` and what hangs on it."""
    found = content(lake)
    found["logs"] = sorted(repr({k: v for k, v in row.items() if k != name}) for row in rows(lake, "logs"))
    return found


def test_a_second_run_adds_nothing(tmp_path: Path) -> None:
    fleet(tmp_path / "fleet", 5, values=True)
    arguments = ("fleet", "-o", "lake", *LOGS, "--registers", "{dir}/pcrs.json")
    code, document, said = table(tmp_path, *arguments)
    assert (code, counts(document)) == (0, (5, 0, 0))
    assert said.endswith("evlog: 5 good, 0 odd, 0 unreadable\n")
    before = content(tmp_path / "lake")
    code, document, said = table(tmp_path, *arguments)
    assert (code, counts(document)) == (0, (0, 0, 5))
    assert content(tmp_path / "lake") == before
    code, document, _ = table(tmp_path, *arguments, "--rehash")
    assert (code, counts(document)) == (0, (0, 0, 0))
    assert content(tmp_path / "lake") == before


def test_rows_stand_once_a_log_and_once_a_sighting(tmp_path: Path) -> None:
    fleet(tmp_path / "fleet", 3)
    for number in range(3, 6):
        shutil.copytree(tmp_path / "fleet" / "m0000", tmp_path / "fleet" / f"m{number:04d}")
    table(tmp_path, "fleet", "-o", "lake", *LOGS)
    lake = tmp_path / "lake"
    assert len(rows(lake, "logs")) == 6
    assert len(rows(lake, "events")) == 3 * 26
    assert len({row["body"] for row in rows(lake, "bodies")}) == len(rows(lake, "bodies"))
    assert len(rows(lake, "registers")) == 6 * len(evlog.replay(evlog.read(log_of(0))).rows)


def test_a_lake_grows(tmp_path: Path) -> None:
    fleet(tmp_path / "one", 2)
    fleet(tmp_path / "two", 3)
    table(tmp_path, "one", "-o", "lake", *LOGS, "--machine", "a-{dir}")
    table(tmp_path, "two", "-o", "lake", *LOGS, "--machine", "b-{dir}")
    lake = tmp_path / "lake"
    assert machines_of(lake) == ["a-m0000", "a-m0001", "b-m0000", "b-m0001", "b-m0002"]
    # Events of machines that were seen before stand there already.
    assert len(rows(lake, "events")) == 3 * 26
    assert len(list((lake / "_commits").iterdir())) == 2


def test_machine_and_boot_by_pattern(tmp_path: Path) -> None:
    home = tmp_path / "site" / "m1" / "boot-7"
    home.mkdir(parents=True)
    (home / "a.log.bin").write_bytes(BASE.read_bytes())
    table(tmp_path, "site", "-o", "lake", "--machine", "{1}", "--boot", "{2}/{stem}")
    (row,) = rows(tmp_path / "lake", "logs")
    assert (row["machine"], row["boot"]) == ("m1", "boot-7/a")
    code, _, said = table(tmp_path, "site", "-o", "lake", "--machine", "{host}")
    assert code == 2
    assert "nothing is called {host}" in said


def test_a_log_without_a_folder_is_called_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "m1.bin").write_bytes(log_of(1))
    (tmp_path / "m2.bin").write_bytes(log_of(2))
    table(tmp_path, "logs", "m2.bin", "-o", "lake")
    assert machines_of(tmp_path / "lake") == ["m1", "m2"]


def test_broken_input_never_ends_the_run(tmp_path: Path) -> None:
    home = fleet(tmp_path / "fleet", 3)
    (home / "m0000" / "log.bin").write_bytes(log_of(0)[:-9])
    (home / "m0001" / "junk.bin").write_bytes(b"no log at all" * 9)
    (home / "m0001" / "empty.bin").write_bytes(b"")
    (home / "gone.bin").symlink_to(tmp_path / "nowhere")
    code, document, said = table(tmp_path, "fleet", "-o", "lake", "--only", "*.bin")
    assert (code, counts(document)) == (1, (2, 3, 0))
    assert document["unreadable"] == [{"source": "fleet/gone.bin", "reason": "no such file or directory"}]
    assert "evlog: fleet/gone.bin: no such file or directory\n" in said
    lake = tmp_path / "lake"
    by_source = {str(row["source"]): row for row in rows(lake, "logs")}
    cut, junk = by_source["fleet/m0000/log.bin"], by_source["fleet/m0001/junk.bin"]
    assert (cut["format"], cut["failed"], cut["events"]) == ("tcg2", True, 25)
    assert (junk["format"], junk["failed"], junk["events"]) == (None, True, None)
    found = {(row["log"], row["severity"]) for row in rows(lake, "findings")}
    assert {(cut["log"], "error"), (junk["log"], "error")} <= found
    # What could not be read is tried again, and nothing else is.
    (home / "gone.bin").unlink()
    (home / "gone.bin").write_bytes(log_of(9))
    code, document, _ = table(tmp_path, "fleet", "-o", "lake", "--only", "*.bin")
    assert (code, counts(document)) == (0, (1, 0, 5))


def test_a_defect_costs_one_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet(tmp_path / "fleet", 3)
    from evlog.tables.events import Reader

    rows_of = Reader.rows

    def broken(self: Reader, log: evlog.Log) -> object:
        if log.name.endswith("m0001/log.bin"):
            raise ZeroDivisionError("a defect")
        return rows_of(self, log)

    monkeypatch.setattr(Reader, "rows", broken)
    code, document, said = table(tmp_path, "fleet", "-o", "lake", *LOGS)
    assert (code, counts(document)) == (1, (2, 0, 0))
    assert "internal error: ZeroDivisionError: a defect" in said
    assert machines_of(tmp_path / "lake") == ["m0000", "m0002"]


def test_a_process_that_dies_costs_one_log(tmp_path: Path) -> None:
    """As one does that is killed for its memory: the batch is done again, log by log."""
    fleet(tmp_path / "fleet", 6)
    script = kills.INGEST.format(batch=1 << 13, jobs=2).replace(
        "ingest._BATCH =",
        "from evlog.tables.reading import Reading\n"
        "read = Reading.read\n"
        "def dies(self, input):\n"
        "    import os\n"
        "    return os._exit(9) if 'm0003' in input.source else read(self, input)\n"
        "Reading.read = dies\n"
        "ingest._BATCH =",
    )
    (tmp_path / "ingest.py").write_text(script)
    ran = subprocess.run(
        [sys.executable, str(tmp_path / "ingest.py"), "fleet", "lake"],
        check=False, cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "good=5" in ran.stdout
    assert "the process that read it died" in ran.stdout
    lake = tmp_path / "lake"
    assert machines_of(lake) == [f"m{number:04d}" for number in range(6) if number != 3]
    assert len(rows(lake, "events")) == 5 * 26


def test_one_process_and_several_make_the_same_lake(tmp_path: Path) -> None:
    fleet(tmp_path / "fleet", 24)
    lakes = []
    for jobs in (1, 3):
        lakes.append(tmp_path / f"lake{jobs}")
        process = kills.ingest(tmp_path / "fleet", lakes[-1], batch=1 << 15, jobs=jobs)
        output, _ = process.communicate()
        assert process.returncode == 0, output
    assert content(lakes[0]) == content(lakes[1])
    assert kills.commits(lakes[1]) > 3


def test_a_run_that_was_killed_goes_on(tmp_path: Path) -> None:
    """Five times; `python -m tests.table_kills` does it as often as one likes."""
    assert kills.run(tmp_path, 5, 40, jobs=1, batch=1 << 15, seed=1)


def test_a_second_writer_is_told(tmp_path: Path) -> None:
    from evlog.tables.writer import Writer

    fleet(tmp_path / "fleet", 1)
    writer = Writer(str(tmp_path / "lake"))
    try:
        code, _, said = table(tmp_path, "fleet", "-o", "lake", *LOGS)
    finally:
        writer.close()
    assert (code, said) == (3, "evlog: lake: another process writes to it\n")


def test_orphans_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    fleet(tmp_path / "fleet", 2)
    table(tmp_path, "fleet", "-o", "lake", *LOGS)
    lake = tmp_path / "lake"
    orphan = lake / "logs" / "part-0-0.parquet"
    shutil.copy(next((lake / "logs").iterdir()), orphan)
    (lake / "events" / "part-1-0.parquet.tmp").write_bytes(b"half")
    assert len(rows(lake, "logs")) == 2
    table(tmp_path, "fleet", "-o", "lake", *LOGS)
    assert not orphan.exists()
    assert not list(lake.rglob("*.tmp"))


def test_compaction_changes_no_row(tmp_path: Path) -> None:
    home = fleet(tmp_path / "fleet", 6)
    for machine in sorted(home.iterdir()):
        table(tmp_path, str(machine), "-o", "lake", *LOGS, "--machine", machine.name)
    lake = tmp_path / "lake"
    before = content(lake)
    code, document, _ = table(tmp_path, "--compact", "lake")
    assert (code, document["files"]) == (
        0,
        {"logs": 1, "events": 1, "registers": 1, "findings": 1, "bodies": 1},
    )
    assert content(lake) == before
    assert len(list((lake / "_commits").iterdir())) == 1
    # Who holds the list may finish: the old parts stay for a while, and nothing is read again.
    assert len(list((lake / "logs").iterdir())) == 7
    code, document, _ = table(tmp_path, "fleet", "-o", "lake", *LOGS, "--machine", "{dir}")
    assert content(lake) == before


def test_old_parts_go_when_readers_had_their_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from evlog.tables import writer

    home = fleet(tmp_path / "fleet", 3)
    for machine in sorted(home.iterdir()):
        table(tmp_path, str(machine), "-o", "lake", *LOGS, "--machine", machine.name)
    table(tmp_path, "--compact", "lake")
    monkeypatch.setattr(writer, "_GRACE", -1)
    table(tmp_path, "fleet", "-o", "lake", *LOGS)
    assert len(list((tmp_path / "lake" / "logs").iterdir())) == 1


def test_a_part_that_lacks_the_newest_column_is_read(tmp_path: Path) -> None:
    """As an older evlog wrote it, of the same version: by name it is a column of nulls."""
    import pyarrow.parquet as pq

    from evlog.tables.lake import files
    from evlog.tables.schema import TABLES, arrow

    home = fleet(tmp_path / "fleet", 2)
    for machine in sorted(home.iterdir()):
        table(tmp_path, str(machine), "-o", "lake", *LOGS, "--machine", machine.name)
    lake = tmp_path / "lake"
    old = files(str(lake))["logs"][0]
    newest = TABLES["logs"].columns[-1].name
    shorter = pq.read_table(old).drop_columns([newest])
    pq.write_table(shorter, old)
    code, _document, _ = table(tmp_path, "fleet", "-o", "lake", *LOGS, "--machine", "{dir}", "--compact")
    assert code == 0
    (path,) = files(str(lake))["logs"]
    assert pq.read_schema(path).equals(arrow("logs"), check_metadata=True)
    assert [row[newest] for row in rows(lake, "logs")] == [None, None]


def test_files_are_of_the_promised_schema(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    from evlog.tables.lake import files
    from evlog.tables.schema import arrow

    home = fleet(tmp_path / "fleet", 2, values=True)
    (home / "m0000" / "junk.bin").write_bytes(b"nothing")
    table(tmp_path, "fleet", "-o", "lake", "--only", "*.bin", "--registers", "{dir}/pcrs.json")
    for name, paths in files(str(tmp_path / "lake")).items():
        assert len(paths) == 1
        assert pq.read_schema(paths[0]).equals(arrow(name), check_metadata=True)


def test_no_bodies_keeps_their_hashes_only(tmp_path: Path) -> None:
    fleet(tmp_path / "fleet", 1)
    table(tmp_path, "fleet", "-o", "lake", *LOGS, "--no-bodies")
    lake = tmp_path / "lake"
    assert not rows(lake, "bodies")
    assert all(row["body"] for row in rows(lake, "events"))
    packed = b"".join(path.read_bytes() for path in lake.rglob("*.parquet"))
    assert packed


def archive_of(folder: Path, path: Path) -> None:
    """The folder's files as the archive that the name says."""
    names = sorted(each for each in folder.rglob("*") if each.is_file())
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.write(name, str(name.relative_to(folder)))
        return
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz" if path.suffix == ".gz" else "w") as archive:
        for name in names:
            archive.add(name, str(name.relative_to(folder)))
    data = made.getvalue()
    if path.suffix == ".zst":
        import zstandard

        data = zstandard.compress(data)
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["fleet.tar", "fleet.tar.gz", "fleet.tar.zst", "fleet.zip"])
def test_an_archive_gives_the_rows_of_its_folder(name: str, tmp_path: Path) -> None:
    home = fleet(tmp_path / "fleet", 3, values=True)
    (home / "m0000" / "log.bin").write_bytes(log_of(0)[:-9])
    for path in home.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    evidence = ("--registers", "{dir}/pcrs.json")
    table(tmp_path, "fleet", "-o", "one", *LOGS, *evidence)
    archive_of(home, tmp_path / name)
    code, document, _ = table(tmp_path, name, "-o", "two", *LOGS, *evidence)
    assert (code, counts(document)) == (1, (2, 1, 0))
    if name.endswith(".zip"):
        assert machines_of(tmp_path / "two") == machines_of(tmp_path / "one")
        return  # whose times have no zone, and are part of a sighting
    assert but("source", tmp_path / "two") == but("source", tmp_path / "one")
    assert {str(row["source"]) for row in rows(tmp_path / "two", "logs")} == {
        f"{name}!m{number:04d}/log.bin" for number in range(3)
    }
    _, document, _ = table(tmp_path, name, "-o", "two", *LOGS, *evidence)
    assert counts(document) == (0, 0, 3)


def test_archives_in_a_folder_are_folders(tmp_path: Path) -> None:
    home = fleet(tmp_path / "fleet", 2)
    (tmp_path / "all").mkdir()
    archive_of(home, tmp_path / "all" / "site.tar")
    table(tmp_path, "all", "-o", "lake", *LOGS)
    assert machines_of(tmp_path / "lake") == ["site/m0000", "site/m0001"]


def test_damaged_archives_are_told(tmp_path: Path) -> None:
    home = fleet(tmp_path / "fleet", 4)
    archive_of(home, tmp_path / "cut.tar")
    whole = (tmp_path / "cut.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "no.zip").write_bytes(b"PK\3\4 nothing")
    (tmp_path / "no.tar.zst").write_bytes(b"\x28\xb5\x2f\xfd nothing")
    code, document, _ = table(tmp_path, "cut.tar", "no.zip", "no.tar.zst", "-o", "lake", *LOGS)
    assert code == 1
    assert document["good"]
    assert [each["source"] for each in document["unreadable"]] == ["cut.tar", "no.zip", "no.tar.zst"]  # type: ignore[attr-defined]


def test_a_lake_among_the_logs_is_no_source(tmp_path: Path) -> None:
    fleet(tmp_path / "fleet", 2)
    for known in (0, 2):
        code, document, _ = table(tmp_path / "fleet", ".", "-o", "lake")
        assert (code, counts(document)) == (0, (2 - known, 0, known))


def test_names_in_archives_lead_nowhere(tmp_path: Path) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name in ("../../etc/m1/log.bin", "/m2/log.bin", "m3\\log.bin"):
            data = log_of(1)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("m4/log.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    (tmp_path / "a.tar").write_bytes(made.getvalue())
    table(tmp_path, "a.tar", "-o", "lake", *LOGS)
    assert machines_of(tmp_path / "lake") == ["etc/m1", "m2", "m3"]


def test_a_parquet_file_of_logs(tmp_path: Path) -> None:
    import datetime

    import pyarrow.parquet as pq

    when = datetime.datetime(2026, 11, 17, 10, 30, 0, 5, tzinfo=datetime.timezone.utc)
    given = pa.table(
        {
            "path": ["a/m1/log.bin", "a/m2/log.bin", "a/m3/junk.bin"],
            "content": [log_of(1), log_of(2), b"nothing"],
            "machine": ["one", None, "three"],
            "boot": ["b1", "b2", None],
            "collected_at": pa.array([when, when, None], pa.timestamp("us", tz="UTC")),
        }
    )
    pq.write_table(given, tmp_path / "logs.parquet")
    code, document, _ = table(tmp_path, "logs.parquet", "-o", "lake", "--only", "*")
    assert (code, counts(document)) == (1, (2, 1, 0))
    found = {row["machine"]: row for row in rows(tmp_path / "lake", "logs")}
    assert set(found) == {"one", "a/m2", "three"}
    assert (found["one"]["boot"], found["one"]["collected_at"]) == ("b1", when)
    assert found["one"]["day"] == when.date()
    assert found["a/m2"]["source"] == "logs.parquet!a/m2/log.bin"
    pq.write_table(given.drop_columns(["content"]), tmp_path / "none.parquet")
    _, document, _ = table(tmp_path, "none.parquet", "-o", "lake")
    assert document["unreadable"] == [
        {"source": "none.parquet", "reason": "a Parquet file without the columns path and content"}
    ]


def test_a_document_with_logs_and_values(tmp_path: Path) -> None:
    """Evidence that stands beside the log in a document is held against it, where no other is given."""
    import base64

    from tests.machines import values_of

    data = log_of(3)
    document = {"eventlog": base64.b64encode(data).decode(), "pcrs": json.loads(values_of(data))}
    (tmp_path / "m1.json").write_text(json.dumps(document))
    other = {"eventlog": base64.b64encode(log_of(4)).decode(), "pcrs": json.loads(values_of(data))}
    (tmp_path / "m2.json").write_text(json.dumps(other))
    code, counted, _ = table(tmp_path, "m1.json", "m2.json", "-o", "lake")
    assert (code, counts(counted)) == (1, (1, 1, 0))
    found = {row["machine"]: row for row in rows(tmp_path / "lake", "logs")}
    assert [(found[name]["format"], found[name]["verdict"]) for name in ("m1", "m2")] == [
        ("tcg2", "ok"),
        ("tcg2", "differs"),
    ]


def test_logs_of_one_boot_are_judged_together(vm: Path, tmp_path: Path) -> None:
    """Of firmware and IMA, as a kernel shows them: alone either leaves registers that nothing logs."""
    home = tmp_path / "fleet" / "m1"
    home.mkdir(parents=True)
    source = vm / "d-secureboot-shim-grub"
    for name in ("binary_bios_measurements", "ima-binary_runtime_measurements", "pcrs.json"):
        shutil.copy(source / name, home / name)
    code, document, _ = table(
        tmp_path, "fleet", "-o", "lake", "--only", "*measurements", "--registers", "{dir}/pcrs.json"
    )
    assert (code, counts(document)) == (0, (2, 0, 0))
    lake = tmp_path / "lake"
    roles = {row["sighting"]: row["role"] for row in rows(lake, "logs")}
    assert sorted(map(str, roles.values())) == ["firmware", "ima"]
    by_role = {(roles[row["sighting"]], row["register"]) for row in rows(lake, "registers")}
    assert ("ima", "pcr:10") in by_role
    assert ("firmware", "pcr:10") not in by_role
    assert ("firmware", "pcr:7") in by_role
    verdicts = {row["register_verdict"] for row in rows(lake, "registers") if row["bank"] == "sha256"}
    assert verdicts == {"match"}


def test_a_tree_of_registers_is_one_log(tmp_path: Path) -> None:
    ran = run("split", str(SAMPLES / "tcg2" / "ovmf.bin"), "-o", str(tmp_path / "m1"))
    assert ran.code == 0, ran.err
    code, document, said = table(tmp_path, "m1", "-o", "lake")
    assert (code, counts(document)) == (0, (1, 0, 0)), said
    (row,) = rows(tmp_path / "lake", "logs")
    assert row["machine"] == "m1"


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    name = "m\x1b[2J\n=cmd|' /C'!A0\udcff"
    home = tmp_path / "fleet" / name
    home.mkdir(parents=True)
    (home / "log.bin").write_bytes(log_of(1))
    (home / "junk.bin").write_bytes(b"junk")
    code, document, said = table(tmp_path, "fleet", "-o", "lake", "--only", "*.bin")
    assert (code, counts(document)) == (1, (1, 1, 0))
    assert "\x1b" not in said
    (machine,) = {row["machine"] for row in rows(tmp_path / "lake", "logs")}
    assert machine == "m\x1b[2J\n=cmd|' /C'!A0\\udcff"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("fleet",), "-o LAKE is needed"),
        (("-o", "lake"), "no SOURCE to read"),
        (("-", "-o", "lake"), "stdin is none"),
        (("fleet", "-o", "lake", "--jobs", "0"), "a number of processes was expected"),
        (("fleet", "-o", "lake", "--key", "{dir}/ak.pem"), "anchors nothing"),
        (("fleet", "-o", "lake", "--registers", "{host}/pcrs"), "nothing is called {host}"),
        (("fleet", "-o", "lake", "--registers", "a", "--nonce", "00"), "a nonce of"),
    ],
)
def test_usage(arguments: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    fleet(tmp_path / "fleet", 1)
    code, _, said = table(tmp_path, *arguments)
    assert code == 2
    assert sentence in said


def test_what_is_no_lake_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    fleet(tmp_path / "fleet", 1)
    for arguments in (("fleet", "-o", "file"), ("--compact", "fleet"), ("nowhere", "-o", "lake")):
        code, _, said = table(tmp_path, *arguments)
        assert code == 3
        assert said.startswith("evlog: ")
    assert not (tmp_path / "lake").exists()


def _commit(part: str, time: str = "0") -> str:
    parts = f'{{"logs": ["logs/{part}.parquet"]}}'
    return (
        f'{{"schema": "evlog.lake/1", "batch": "a", "inputs": [], "parts": {parts}, "replaces": [], "dropped": [], '
        f'"time": {time}}}'
    )


@pytest.mark.parametrize(
    "damage",
    [
        *("{}", "not json", '{"schema": "evlog.lake/1", "parts": {"logs": ["../x.parquet"]}}'),
        *(
            _commit("a", "1e400"),
            _commit("a", "1" * 6000),
            _commit(r"a\u0000"),
            _commit(r"\ud800"),
            _commit(r"a\u001b[2J"),
        ),
    ],
)
def test_commits_of_others_are_refused(damage: str, tmp_path: Path) -> None:
    (tmp_path / "lake" / "_commits").mkdir(parents=True)
    (tmp_path / "lake" / "_commits" / "a.json").write_text(damage)
    fleet(tmp_path / "fleet", 1)
    code, _, said = table(tmp_path, "fleet", "-o", "lake", *LOGS)
    assert code == 3
    assert "not a commit of evlog table" in said


def test_a_newer_lake_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lake" / "_commits").mkdir(parents=True)
    (tmp_path / "lake" / "_commits" / "a.json").write_text('{"schema": "evlog.lake/2"}')
    fleet(tmp_path / "fleet", 1)
    code, _, said = table(tmp_path, "fleet", "-o", "lake", *LOGS)
    assert code == 2
    assert "evlog.lake/2, and this evlog reads evlog.lake/1" in said


def test_memory_does_not_grow_with_the_fleet(tmp_path: Path) -> None:
    """A batch is held, not the fleet: three times the logs take no more than a batch's worth more."""
    resource = pytest.importorskip("resource", reason="this system does not say what a process held")
    assert resource
    script = (
        "import resource, sys\n"
        "from evlog.tables import ingest\n"
        "from evlog.tables.inputs import FleetNames\n"
        "ingest._BATCH = 1 << 19\n"
        "ingest.ingest(sys.argv[2], [sys.argv[1]], FleetNames(only=('log.bin',)), jobs=1)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    peaks = []
    for count in (100, 400):
        fleet(tmp_path / f"fleet{count}", count)
        ran = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / f"fleet{count}"), str(tmp_path / f"lake{count}")],
            capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )  # fmt: skip
        peaks.append(int(ran.stdout) * (1 if sys.platform == "darwin" else 1024))
    assert peaks[1] - peaks[0] < 16 << 20


def test_a_capture_is_one_machine(tmp_path: Path) -> None:
    """With the boot and the time that it states, and the evidence that is in it."""
    from evlog.live.capture import capture
    from tests.fake_machine import put, tpm

    root = tmp_path / "root"
    tpm(root)
    put(root, "proc/sys/kernel/random/boot_id", b"11111111-2222-3333-4444-555555555555\n")
    (tmp_path / "captures").mkdir()
    data = capture(root=root).data
    import zstandard

    (tmp_path / "captures" / "m1.tar").write_bytes(data)
    (tmp_path / "captures" / "m2.capture").write_bytes(data)
    (tmp_path / "captures" / "m3.tar.zst").write_bytes(zstandard.compress(data))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        file = archive.extractfile("manifest.json")
        assert file is not None
        manifest = json.load(file)
    _, document, _ = table(tmp_path, "captures", "-o", "lake")
    assert document["unreadable"] == []
    found = rows(tmp_path / "lake", "logs")
    assert {str(row["machine"]) for row in found} == {"m1", "m2", "m3"}
    assert {row["boot"] for row in found} == {manifest["boot"]}
    assert {row["evidence"] for row in found} == {"register-file"}
    assert all(f"{row['collected_at']:%Y-%m-%dT%H:%M:%S}" == manifest["time"][:19] for row in found)
    assert "captures/m1.tar!logs/tpm0/binary_bios_measurements" in {row["source"] for row in found}


def test_the_same_lines_of_two_registers_are_two_logs(tmp_path: Path) -> None:
    """Lines that do not say which register they extend: the capture does, and neither log is taken for the other."""
    from evlog.live.capture import capture
    from tests.fake_machine import tpm

    root = tmp_path / "root"
    tpm(root)
    (tmp_path / "captures").mkdir()
    lines = {register: tmp_path / f"{register[4:]}.log" for register in ("pcr:16", "pcr:23")}
    for line in lines.values():
        line.write_bytes(b"SYNC sha256/" + b"0" * 64 + b"\n\nexample.org/app one\n")
    logs = [(register, str(line)) for register, line in lines.items()]
    (tmp_path / "captures" / "m.tar").write_bytes(capture(root=root, logs=logs).data)
    _, document, _ = table(tmp_path, "captures", "-o", "lake")
    assert document["unreadable"] == []
    text = [row for row in rows(tmp_path / "lake", "logs") if row["format"] == "text"]
    assert len({row["log"] for row in text}) == len(text) == 2
    extended = {row["register"] for row in rows(tmp_path / "lake", "events") if row["log"] in {x["log"] for x in text}}
    assert extended == {"pcr:16", "pcr:23"}
    # As the library makes rows of them, too.
    given = [evlog.read(line, register=evlog.Register.parse(name)) for name in lines]
    one, other = (log_id(line.read_bytes(), log) for log in given)
    assert one != other
