"""Evidence of a fleet: what authenticates, what whoever fills a machine's folder cannot do, and what is said of it."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.command import run
from tests.conftest import SAMPLES
from tests.machines import BASE, content, log_of, rows, values_of

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("pyarrow", reason="pyarrow is not installed")

EVIDENCE = SAMPLES / "evidence"
#: What the quote of the sample was asked for.
NONCE = b"evlog-nonce".hex()
#: IMA's register, of which the sample has no log.
ACCEPT = ("--accept", "not_logged:pcr:10")
QUOTE = ("--quote", "{dir}/quote", "--signature", "{dir}/sig", "--pcrs", "{dir}/pcrs")
REQUIRE = ("--require", "0-7,9")


def machine(folder: Path, name: str) -> Path:
    """A machine's folder with a log and a quote that fits."""
    home = folder / name
    home.mkdir(parents=True)
    shutil.copy(BASE, home / "log.bin")
    shutil.copy(EVIDENCE / "ovmf-quote.msg", home / "quote")
    shutil.copy(EVIDENCE / "ovmf-quote.sig", home / "sig")
    shutil.copy(EVIDENCE / "ovmf-quote.pcrs", home / "pcrs")
    return home


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder of keys and nonces of machines, which is the verifier's."""
    folder = tmp_path / "keys"
    folder.mkdir()
    for name in ("m1", "m2", "m3"):
        shutil.copy(EVIDENCE / "ovmf-ak.pem", folder / f"{name}.pem")
        (folder / f"{name}.nonce").write_text(NONCE + "\n")
    return folder


def table(folder: Path, *arguments: str) -> tuple[int, str]:
    ran = run("table", *arguments, "-o", "lake", "--only", "log.bin", folder=folder)
    return ran.code, ran.err


def verdicts(folder: Path) -> dict[str, tuple[object, ...]]:
    return {
        str(row["machine"]): (row["verdict"], row["authenticated"], row["word"], row["evidence"])
        for row in rows(folder / "lake", "logs")
    }


def findings(folder: Path) -> dict[str, list[str]]:
    """The codes of findings about sightings, by machine."""
    names = {row["sighting"]: str(row["machine"]) for row in rows(folder / "lake", "logs")}
    found: dict[str, list[str]] = {}
    for row in rows(folder / "lake", "findings"):
        if row["sighting"] is not None:
            found.setdefault(names[row["sighting"]], []).append(str(row["code"]))
    return found


def sentences(folder: Path) -> str:
    return "\n".join(str(row["message"]) for row in rows(folder / "lake", "findings") if row["sighting"] is not None)


def test_a_quote_under_a_key_and_a_nonce_of_its_machine(tmp_path: Path, keys: Path) -> None:
    machine(tmp_path / "fleet", "m1")
    key = ("--key", f"{keys}/{{machine}}.pem")
    code, said = table(tmp_path, "fleet", *QUOTE, *key, "--nonce", f"@{keys}/{{machine}}.nonce", *REQUIRE)
    assert (code, said) == (0, "evlog: 1 good, 0 odd, 0 unreadable\n")
    assert verdicts(tmp_path) == {"m1": ("ok", True, "verified", "tpm-quote")}


def test_without_a_nonce_it_is_replayable(tmp_path: Path, keys: Path) -> None:
    machine(tmp_path / "fleet", "m1")
    code, _ = table(tmp_path, "fleet", *QUOTE, "--key", f"{keys}/m1.pem", *REQUIRE)
    assert code == 0
    assert verdicts(tmp_path) == {"m1": ("ok", True, "replayable", "tpm-quote")}


def test_another_nonce_is_none(tmp_path: Path, keys: Path) -> None:
    machine(tmp_path / "fleet", "m1")
    (keys / "m1.nonce").write_text(b"another-nonce".hex())
    code, _ = table(
        tmp_path, "fleet", *QUOTE, "--key", f"{keys}/m1.pem", "--nonce", f"@{keys}/{{machine}}.nonce", *REQUIRE
    )
    assert code == 1
    assert verdicts(tmp_path)["m1"] == ("differs", False, "no", "tpm-quote")
    assert "nonce_mismatch" in findings(tmp_path)["m1"]


def test_what_is_demanded_and_not_met_is_said(tmp_path: Path, keys: Path) -> None:
    machine(tmp_path / "fleet", "m1")
    code, _ = table(tmp_path, "fleet", *QUOTE, "--key", f"{keys}/m1.pem", "--require", "0-10")
    assert code == 1
    assert verdicts(tmp_path)["m1"][0] == "differs"
    assert "pcr:10: the register was extended, and no log has an event of it" in sentences(tmp_path)
    code, _ = table(tmp_path, "fleet", *QUOTE, "--key", f"{keys}/m1.pem", *ACCEPT, "--rehash")


def test_one_quote_under_two_names_verifies_neither(tmp_path: Path, keys: Path) -> None:
    machine(tmp_path / "fleet", "m1")
    machine(tmp_path / "fleet", "m2")
    code, _ = table(tmp_path, "fleet", *QUOTE, "--key", f"{keys}/{{machine}}.pem", *REQUIRE)
    assert code == 1
    shared = ("differs", False, "shared", "tpm-quote")
    assert verdicts(tmp_path) == {"m1": shared, "m2": shared}
    assert findings(tmp_path) == {"m1": ["quote_shared"], "m2": ["quote_shared"]}


def test_nor_does_it_in_a_later_run(tmp_path: Path, keys: Path) -> None:
    """What was verified when it was read is verified no more, and a third machine is not either."""
    arguments = (*QUOTE, "--key", f"{keys}/{{machine}}.pem", "--nonce", f"@{keys}/{{machine}}.nonce", *REQUIRE)
    for name in ("m1", "m2", "m3"):
        machine(tmp_path / name, name)
        code, _ = table(tmp_path, name, *arguments)
        assert code == int(name != "m1")
        if name == "m1":
            assert verdicts(tmp_path)["m1"] == ("ok", True, "verified", "tpm-quote")
    shared = ("differs", False, "shared", "tpm-quote")
    assert verdicts(tmp_path) == {"m1": shared, "m2": shared, "m3": shared}
    assert findings(tmp_path) == {key: ["quote_shared"] for key in ("m1", "m2", "m3")}
    before = content(tmp_path / "lake")
    assert table(tmp_path, "m1", "m2", "m3", *arguments)[0] == 0
    assert content(tmp_path / "lake") == before


def test_a_quote_in_another_spelling_is_the_same_quote(tmp_path: Path, keys: Path) -> None:
    """What is signed tells one from another, not the bytes of the file."""
    import base64

    machine(tmp_path / "fleet", "m1")
    home = machine(tmp_path / "fleet", "m2")
    (home / "quote").write_bytes(base64.encodebytes((home / "quote").read_bytes()) + b"\n\n")
    code, _ = table(tmp_path, "fleet", *QUOTE, "--key", f"{keys}/{{machine}}.pem", *REQUIRE)
    assert code == 1
    assert findings(tmp_path) == {"m1": ["quote_shared"], "m2": ["quote_shared"]}


def test_a_machine_may_show_its_quote_twice(tmp_path: Path, keys: Path) -> None:
    home = machine(tmp_path / "fleet", "m1")
    table(tmp_path, "fleet", *QUOTE, "--key", f"{keys}/m1.pem", *REQUIRE)
    (home / "log.bin").write_bytes(BASE.read_bytes() + bytes(8))
    table(tmp_path, "fleet", *QUOTE, "--key", f"{keys}/m1.pem", *REQUIRE)
    assert len(rows(tmp_path / "lake", "logs")) == 2
    assert not findings(tmp_path)


def test_values_that_nobody_signs_may_be_alike(tmp_path: Path) -> None:
    for name in ("m1", "m2"):
        home = tmp_path / "fleet" / name
        home.mkdir(parents=True)
        (home / "log.bin").write_bytes(log_of(1))
        (home / "pcrs.json").write_text(values_of(log_of(1)))
    code, _ = table(tmp_path, "fleet", "--registers", "{dir}/pcrs.json")
    assert code == 0
    ok = ("ok", False, "read", "register-file")
    assert verdicts(tmp_path) == {"m1": ok, "m2": ok}


@pytest.mark.parametrize("path", ["fleet/ak.pem", "fleet/m1/ak.pem", "link.pem"])
def test_a_key_in_the_folders_anchors_nothing(path: str, tmp_path: Path) -> None:
    home = machine(tmp_path / "fleet", "m1")
    for place in (home, tmp_path / "fleet"):
        shutil.copy(EVIDENCE / "ovmf-ak.pem", place / "ak.pem")
    (tmp_path / "link.pem").symlink_to(home / "ak.pem")
    code, said = table(tmp_path, "fleet", *QUOTE, "--key", path)
    assert code == 2
    assert "a file in the folders of the logs proves nothing: it must come from elsewhere" in said
    assert not list(tmp_path.glob("lake/logs/*"))


def test_nor_does_one_that_a_pattern_leads_to(tmp_path: Path, keys: Path) -> None:
    home = machine(tmp_path / "fleet", "m1")
    shutil.copy(EVIDENCE / "ovmf-ak.pem", home / "ak.pem")
    (keys / "m1.pem").unlink()
    (keys / "m1.pem").symlink_to(home / "ak.pem")
    code, _ = table(tmp_path, "fleet", *QUOTE, "--key", f"{keys}/{{machine}}.pem")
    assert code == 1
    assert verdicts(tmp_path)["m1"] == (None, None, None, None)
    assert findings(tmp_path) == {"m1": ["evidence_unreadable"]}
    assert "it must come from elsewhere" in sentences(tmp_path)


def test_a_nonce_in_the_folders_is_not_the_verifiers(tmp_path: Path, keys: Path) -> None:
    home = machine(tmp_path / "fleet", "m1")
    (home / "nonce").write_text(NONCE)
    nonce = f"@{tmp_path}/fleet/{{machine}}/nonce"
    code, _ = table(tmp_path, "fleet", *QUOTE, "--key", f"{keys}/m1.pem", "--nonce", nonce)
    assert code == 1
    assert verdicts(tmp_path)["m1"][2] is None
    assert "it must come from elsewhere" in sentences(tmp_path)


def test_a_machine_whose_name_leads_elsewhere_has_no_key(tmp_path: Path, keys: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = pa.table({"path": ["log.bin"], "content": [BASE.read_bytes()], "machine": ["../fleet/evil"]})
    pq.write_table(made, tmp_path / "logs.parquet")
    shutil.copy(EVIDENCE / "ovmf-quote.msg", tmp_path / "quote")
    code, _ = table(tmp_path, "logs.parquet", "--quote", f"{tmp_path}/quote", "--key", f"{keys}/{{machine}}.pem")
    assert code == 1
    assert "no name of a file" in sentences(tmp_path)


@pytest.mark.parametrize("what", ["file", "folder", "log"])
def test_links_out_of_a_folder_are_not_followed(what: str, tmp_path: Path) -> None:
    """A machine cannot hand in the values, or the log, of its neighbour."""
    good, bad = tmp_path / "fleet" / "m1", tmp_path / "fleet" / "m2"
    good.mkdir(parents=True)
    bad.mkdir()
    (good / "log.bin").write_bytes(log_of(1))
    (good / "values").mkdir()
    (good / "values" / "pcrs.json").write_text(values_of(log_of(1)))
    outside = tmp_path / "log.bin"
    outside.write_bytes(log_of(1))
    if what == "log":
        (bad / "log.bin").symlink_to(outside)
        shutil.copytree(good / "values", bad / "values")
    else:
        (bad / "log.bin").write_bytes(log_of(1))
        if what == "folder":
            (bad / "values").symlink_to(good / "values")
        else:
            (bad / "values").mkdir()
            (bad / "values" / "pcrs.json").symlink_to(good / "values" / "pcrs.json")
    code, said = table(tmp_path, "fleet", "--registers", "{dir}/values/pcrs.json")
    assert code == 1
    assert verdicts(tmp_path)["m1"][0] == "ok"
    if what == "log":
        assert "a link that leads out of its folder, which is not followed" in said
        assert "m2" not in verdicts(tmp_path)
    else:
        assert verdicts(tmp_path)["m2"] == (None, None, None, None)
        assert findings(tmp_path) == {"m2": ["evidence_unreadable"]}
        assert "a link that leads out of its folder" in sentences(tmp_path)


def test_evidence_that_is_missing_is_odd(tmp_path: Path) -> None:
    home = tmp_path / "fleet" / "m1"
    home.mkdir(parents=True)
    (home / "log.bin").write_bytes(log_of(1))
    code, said = table(tmp_path, "fleet", "--registers", "{dir}/pcrs.json")
    assert (code, said) == (1, "evlog: 0 good, 1 odd, 0 unreadable\n")
    assert findings(tmp_path) == {"m1": ["evidence_missing"]}


def test_expected_values_by_machine(tmp_path: Path, keys: Path) -> None:
    """A claim of the quote, as a file of the verifier's says it for each machine."""
    for name, value in (("m1", "2"), ("m2", "3")):
        machine(tmp_path / name, name)
        (keys / f"{name}.resets").write_text(value)
        table(
            tmp_path,
            name,
            *QUOTE,
            "--key",
            f"{keys}/{{machine}}.pem",
            *REQUIRE,
            "--expect",
            f"resetCount=@{keys}/{{machine}}.resets",
        )
        if name == "m1":
            assert verdicts(tmp_path)["m1"][0] == "ok"
    assert verdicts(tmp_path)["m2"][0] == "differs"


def test_a_quote_in_an_archive(tmp_path: Path, keys: Path) -> None:
    machine(tmp_path / "fleet", "m1")
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        archive.add(tmp_path / "fleet" / "m1", "m1")
    (tmp_path / "fleet.tar").write_bytes(made.getvalue())
    code, _ = table(tmp_path, "fleet.tar", *QUOTE, "--key", f"{keys}/{{machine}}.pem", *REQUIRE)
    assert code == 0
    assert verdicts(tmp_path) == {"m1": ("ok", True, "replayable", "tpm-quote")}


def test_a_forged_log_differs_in_its_register(tmp_path: Path) -> None:
    home = tmp_path / "fleet" / "m1"
    home.mkdir(parents=True)
    (home / "log.bin").write_bytes(log_of(2))
    (home / "pcrs.json").write_text(values_of(log_of(1)))
    code, _ = table(tmp_path, "fleet", "--registers", "{dir}/pcrs.json")
    assert code == 1
    wrong = {
        row["register"]
        for row in rows(tmp_path / "lake", "registers")
        if row["bank"] == "sha256" and row["register_verdict"] == "mismatch"
    }
    assert wrong == {"pcr:9"}
    (row,) = (
        row for row in rows(tmp_path / "lake", "registers") if (row["register"], row["bank"]) == ("pcr:9", "sha256")
    )
    stated = json.loads((home / "pcrs.json").read_text())["pcr"]["sha256"]["9"]
    assert row["stated"] == bytes.fromhex(stated)
    assert row["stated"] != row["replayed"]
