"""Policies over a lake: learned from a group of its logs, held against all of them, and what a lake cannot show."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.command import run
from tests.conftest import ROOT, SAMPLES
from tests.test_schemas import validator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.command import Ran

pytest.importorskip("duckdb", reason="the extra [tables] is not installed")
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet", reason="the extra [tables] is not installed")

EVIDENCE = SAMPLES / "evidence"
OVMF = SAMPLES / "tcg2" / "ovmf.bin"
NONCE = b"evlog-nonce".hex()
KEY = ("--key", str(EVIDENCE / "ovmf-ak.pem"))
QUOTE = ("--quote", "{dir}/quote", "--signature", "{dir}/sig", "--pcrs", "{dir}/pcrs")
#: The sample's quote is of PCR 10 too, of which there is no log.
IGNORING = ("--register", "0-9,11-23")
REQUIRE = ("--require", "0-7,9")
MACHINES = 60


def lines(ran: Ran) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in ran.out.splitlines()]
    for each in found:
        validator("policy-sighting").validate(each)
    return found


def learned(lake: Path, *arguments: str, policy: str = "policy.json") -> dict[str, Any]:
    path = lake.parent / policy
    ran = run("policy", "learn", str(lake), "-o", str(path), *arguments)
    assert ran.code == 0, ran.err
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def checked(lake: Path, *arguments: str, policy: str = "policy.json") -> Ran:
    return run("policy", "check", str(lake.parent / policy), str(lake), *arguments)


# A made fleet, of which everything is known


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet")
    script = str(ROOT / "benchmarks" / "made_fleet.py")
    subprocess.run([sys.executable, script, str(folder / "logs"), str(MACHINES)], check=True)
    names = ("--only", "log.bin", "--machine", "{2}", "--boot", "{1}", "--registers", "{dir}/pcrs.json")
    assert run("table", str(folder / "logs"), *names, "-o", str(folder / "lake"), "--jobs", "1").code == 1
    return folder / "lake"


def test_every_planted_difference_and_no_other_is_found(fleet: Path) -> None:
    truth = json.loads((fleet.parent / "logs" / "truth.json").read_text())
    policy = learned(fleet, "--where", "boot = '2026-11-10' AND format <> 'tcg1'")
    assert {boot["standing"] for boot in policy["boots"]} == {"read"}
    assert "m00000/2026-11-10" in {boot["name"] for boot in policy["boots"]}
    ran = checked(fleet, "--unverified")
    planted = ("lost_exit", "rare", "lying_digest", "lying_data", "cut", "cut_cleanly", "new_loader", "new_dbx")
    found = lines(ran)
    assert len(found) == 2 * MACHINES
    odd = {(each["machine"], each["boot"]) for each in found if not each["ok"]}
    expected = {(machine, "2026-11-17") for name in planted for machine in truth[name]}
    assert odd - {(each["machine"], each["boot"]) for each in found if each["machine"] in truth["old"]} == expected
    cut = [each for each in found if each["machine"] in truth["cut"] and each["boot"] == "2026-11-17"]
    assert {each["unjudged"] for each in cut} == {"part of it could not be read"}
    assert all(each["failed"] and not each["counts"]["kept"] for each in cut)
    loader = next(each for each in found if each["machine"] in truth["new_loader"] and not each["ok"])
    assert [(row["verdict"], row["register"]) for row in loader["rules"]] == [("broken", "pcr:4")]
    good = sum(each["ok"] for each in found)
    assert (ran.code, ran.err) == (1, f"evlog: {good} ok, {len(found) - good} not ok, 0 unreadable\n")


def test_the_policy_is_the_one_of_the_files(fleet: Path) -> None:
    where = "boot = '2026-11-10' AND machine IN ('m00000', 'm00009', 'm00010')"
    from_lake = learned(fleet, "--where", where, policy="three.json")
    logs = [str(fleet.parent / "logs" / "2026-11-10" / name / "log.bin") for name in ("m00000", "m00009", "m00010")]
    files = fleet.parent / "files.json"
    assert run("policy", "learn", *logs, "-o", str(files)).code == 0
    names = dict(zip(logs, ("m00000", "m00009", "m00010"), strict=True))
    text = files.read_text()
    for path, name in names.items():
        text = text.replace(json.dumps(path), json.dumps(f"{name}/2026-11-10"))
    assert from_lake["registers"] == json.loads(text)["registers"]


def test_values_that_nobody_signed_keep_nothing(fleet: Path) -> None:
    learned(fleet, "--where", "machine = 'm00001' AND boot = '2026-11-10'", policy="one.json")
    ran = checked(fleet, "--where", "machine = 'm00001'", policy="one.json")
    found = lines(ran)
    assert (ran.code, [each["ok"] for each in found]) == (1, [False, False])
    assert [each["counts"]["kept"] for each in found] == [0, 0]
    assert {each["word"] for each in found} == {"read"}


def test_a_group_is_chosen_by_a_register_value(fleet: Path) -> None:
    ran = run("query", str(fleet), "groups", "--register", "pcr:7", "--bank", "sha256", "--json")
    value = json.loads(ran.out)["rows"][0][3]
    sql = f"SELECT DISTINCT log FROM registers JOIN logs USING (sighting) WHERE replayed = from_hex('{value}')"
    logs = json.loads(run("query", str(fleet), f"{sql} AND verdict = 'ok'", "--json").out)["rows"]
    policy = learned(fleet, "--group", f"pcr:7={value}", "--where", "verdict = 'ok'", policy="group.json")
    assert len(policy["boots"]) == len(logs) > 1


def test_who_differs_or_is_cut_is_no_witness(fleet: Path) -> None:
    truth = json.loads((fleet.parent / "logs" / "truth.json").read_text())
    for name, said in (("lying_digest", "differs from its evidence"), ("cut", "could not be read")):
        ran = run("policy", "learn", str(fleet), "-o", "-", "--where", f"machine = '{truth[name][0]}'")
        assert ran.code != 0
        assert said in ran.err
        assert "no witness" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--where", "machine"),
        ("--where", "machine IN (SELECT content FROM read_text('/etc/passwd'))"),
        ("--where", "false"),
        ("--group", "pcr:7"),
        ("--group", "pcr:7=xyz"),
        ("--key", "key"),
        ("--from", "tcg2"),
    ],
)
def test_what_makes_no_sense(arguments: tuple[str, ...], fleet: Path) -> None:
    assert run("policy", "learn", str(fleet), "-o", "-", *arguments).code == 2


def test_only_a_lake_has_groups(fleet: Path) -> None:
    assert run("policy", "learn", str(OVMF), "-o", "-", "--where", "true").code == 2
    assert run("policy", "learn", str(OVMF), str(fleet), "-o", "-").code == 2


# Signed evidence


def signed(folder: Path, *names: str) -> Path:
    for name in names:
        home = folder / "logs" / name
        home.mkdir(parents=True)
        shutil.copy(OVMF, home / "log.bin")
        for file, of in (("quote", "msg"), ("sig", "sig"), ("pcrs", "pcrs")):
            shutil.copy(EVIDENCE / f"ovmf-quote.{of}", home / file)
    return folder / "logs"


def table(logs: Path, *arguments: str) -> Path:
    lake = logs.parent / "lake"
    ran = run("table", str(logs), "-o", str(lake), "--only", "log.bin", "--jobs", "1", *arguments)
    assert ran.code in (0, 1), ran.err
    return lake


@pytest.fixture(scope="module")
def verified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    logs = signed(tmp_path_factory.mktemp("signed"), "m1")
    return table(logs, *QUOTE, *KEY, "--nonce", NONCE, *REQUIRE)


def test_a_verified_log_keeps_its_policy(verified: Path) -> None:
    policy = learned(verified, *IGNORING)
    assert [(boot["name"], boot["standing"]) for boot in policy["boots"]] == [("m1", "verified")]
    ran = checked(verified)
    (line,) = lines(ran)
    assert (ran.code, ran.err) == (0, "evlog: 1 ok, 0 not ok, 0 unreadable\n")
    assert (line["ok"], line["exit"], line["word"], line["authenticated"]) == (True, 0, "verified", True)
    assert line["counts"]["unproven"] == 0 < line["counts"]["kept"]


def test_a_register_that_the_evidence_moved_is_missed(verified: Path) -> None:
    """PCR 10 stands in the quote, and the policy does not ignore it: events of it are in no log."""
    learned(verified, policy="all.json")
    (line,) = lines(checked(verified, policy="all.json"))
    assert not line["ok"]


def test_another_boot_s_policy_is_not_kept(verified: Path) -> None:
    other = verified.parent / "other.json"
    assert run("policy", "learn", str(SAMPLES / "tcg2" / "secure-boot.bin"), "-o", str(other)).code == 0
    (line,) = lines(checked(verified, policy="other.json"))
    assert not line["ok"]
    assert line["counts"]["broken"]


def test_without_a_key_it_is_read_and_keeps_nothing(tmp_path: Path) -> None:
    lake = table(signed(tmp_path, "m1"), *QUOTE, *REQUIRE)
    policy = learned(lake, *IGNORING)
    assert [boot["standing"] for boot in policy["boots"]] == ["read"]
    (line,) = lines(checked(lake))
    assert (line["ok"], line["counts"]["kept"], line["authenticated"]) == (False, 0, False)


def test_what_was_accepted_the_lake_does_not_tell(tmp_path: Path) -> None:
    lake = table(signed(tmp_path, "m1"), *QUOTE, *KEY, "--nonce", NONCE, "--accept", "not_logged:pcr:10")
    policy = learned(lake, *IGNORING)
    assert [boot["standing"] for boot in policy["boots"]] == ["read"]
    (line,) = lines(checked(lake))
    assert (line["ok"], line["word"], line["counts"]["kept"]) == (False, "accepted", 0)


def test_one_quote_of_two_machines_keeps_nothing(tmp_path: Path) -> None:
    lake = table(signed(tmp_path, "m1", "m2"), *QUOTE, *KEY, "--nonce", NONCE, *REQUIRE)
    ran = run("policy", "learn", str(OVMF), "-o", str(tmp_path / "policy.json"), *IGNORING)
    assert ran.code == 0
    assert [(each["ok"], each["counts"]["kept"]) for each in lines(checked(lake))] == [(False, 0)] * 2


def test_without_bodies_nothing_is_kept_nor_learned(tmp_path: Path) -> None:
    lake = table(signed(tmp_path, "m1"), *QUOTE, *KEY, "--nonce", NONCE, *REQUIRE, "--no-bodies")
    assert run("policy", "learn", str(OVMF), "-o", str(tmp_path / "policy.json"), *IGNORING).code == 0
    for more in ((), ("--unverified",)):
        (line,) = lines(checked(lake, *more))
        assert (line["ok"], line["counts"]["kept"], line["complete"]) == (False, 0, False)
        assert "--no-bodies" in line["unjudged"]
    assert "no witness" in run("policy", "learn", str(lake), "-o", "-").err


# What a row that is not as it was cannot keep


def _without_first_event(table: Any) -> Any:
    return table.slice(1)


def _without_last_event(table: Any) -> Any:
    return table.slice(0, table.num_rows - 1)


def _other(name: str, change: Callable[[list[Any]], list[Any]]) -> Callable[[Any], Any]:
    def changed(table: Any) -> Any:
        at = table.schema.get_field_index(name)
        values = pa.array(change(table.column(name).to_pylist()), table.schema.field(name).type)
        return table.set_column(at, table.schema.field(name), values)

    return changed


def _flip(values: list[Any]) -> list[Any]:
    """The first that is not null and not all the same byte, with a bit turned."""
    at = next(at for at, value in enumerate(values) if value is not None and len(set(value)) > 4)
    return [*values[:at], bytes([values[at][0] ^ 1]) + values[at][1:], *values[at + 1 :]]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("events", _without_first_event),
        ("events", _without_last_event),
        ("events", lambda table: pa.concat_tables([table, table.slice(3, 1)])),
        ("events", _other("sha256", _flip)),
        ("events", _other("register", lambda values: ["pcr:23", *values[1:-1], "pcr:8"])),
        ("bodies", _without_first_event),
        ("bodies", _other("data", _flip)),
        ("registers", _other("replayed", _flip)),
        ("registers", _other("stated", _flip)),
        ("registers", _other("replayed", lambda values: [None] * len(values))),
        ("logs", _other("authenticated", lambda values: [None] * len(values))),
        ("logs", _other("word", lambda values: [None] * len(values))),
        ("logs", _other("verdict", lambda values: ["differs"] * len(values))),
        ("logs", _other("evidence_id", lambda values: [None] * len(values))),
        ("logs", _other("failed", lambda values: [None] * len(values))),
        ("logs", _other("events", lambda values: [value + 1 for value in values])),
        ("logs", lambda table: pa.concat_tables([table, table])),
    ],
)
def test_rows_that_do_not_fit_keep_nothing(
    name: str, change: Callable[[Any], Any], verified: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    shutil.copytree(verified, lake)
    learned(lake, *IGNORING)
    ran = checked(lake)
    assert [each["ok"] for each in lines(ran)] == [True], ran.out
    (part,) = (lake / name).glob("*.parquet")
    pq.write_table(change(pq.read_table(part)), part)
    (line,) = lines(checked(lake))
    assert (line["ok"], line["exit"]) == (False, 1)


def test_lists_and_what_is_no_log_keep_nothing(tmp_path: Path) -> None:
    """A list's rows are not its entries, and no log is none: a line of each says so, and the others are judged."""
    home = signed(tmp_path, "m1") / "m1"
    shutil.copy(SAMPLES / "ima-ascii" / "legacy.txt", home / "list")
    (home / "junk").write_bytes(b"\xffno log of anything\0" * 9)
    lake = tmp_path / "lake"
    names = ("--only", "l[io]*", "--only", "junk")
    run("table", str(tmp_path / "logs"), "-o", str(lake), *names, "--jobs", "1")
    learned(lake, "--where", "role = 'firmware'", *IGNORING)
    ran = checked(lake, "--unverified")
    told = {
        each["source"].rpartition("/")[2]: (each["ok"], each["exit"], bool(each["unjudged"])) for each in lines(ran)
    }
    assert told == {"log.bin": (True, 0, False), "list": (False, 1, True), "junk": (False, 3, True)}
    assert ran.code == 3
