"""evlog predict as a command: what it prints and writes, what is kept, and the files of both boots."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import evlog
from tests.boots import UPDATES, paired
from tests.command import run
from tests.conftest import SAMPLES
from tests.test_cli import process
from tests.test_predict import a_disk
from tests.test_predict_grub import MACHINES
from tests.test_schemas import valid

if TYPE_CHECKING:
    from pathlib import Path

GPT = UPDATES / "p09-gpt"
GRUB = str(SAMPLES / "tcg2" / "grub-206.bin")


def test_the_command(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(a_disk(1))
    result = run("predict", str(SAMPLES / "tcg2" / "ovmf.bin"), "--now", f"gpt={disk}", "--json")
    document = valid("predict", result.out)
    assert result.code == 1
    assert document["unknown"][0]["place"] == "gpt"
    assert all(row["after"] is None for row in document["registers"] if row["register"] == "pcr:5")
    both = run("predict", str(SAMPLES / "tcg2" / "ovmf.bin"), "--also", f"gpt={disk}", "--also", f"/x={disk}", "--json")
    assert [each["places"] for each in valid("predict", both.out)["variants"]] == [["gpt"], ["/x"], ["gpt", "/x"]]
    assert run("predict", str(SAMPLES / "tcg2" / "ovmf.bin")).code == 2
    assert run("predict", str(SAMPLES / "tcg2" / "ovmf.bin"), "--now", f"nowhere={disk}").code == 2
    refused = run("predict", str(SAMPLES / "tcg2" / "ovmf.bin"), "--now", f"gpt={disk}", "-o", str(tmp_path / "next"))
    assert refused.code == 1
    assert not (tmp_path / "next").exists()


@paired
def test_the_predicted_log_is_written_and_replays(tmp_path: Path) -> None:
    update = json.loads((GPT / "update.json").read_text())
    place = {key: UPDATES / "store" / update[key]["gpt"].partition(":")[2] for key in ("now", "was")}
    made = tmp_path / "next"
    log = str(GPT / "before" / "binary_bios_measurements")
    result = run("predict", log, "--now", f"gpt={place['now']}", "--was", f"gpt={place['was']}", "-o", str(made))
    assert result.code == 0, result.err
    measured = json.loads((GPT / "after" / "pcrs.json").read_text())
    for row in evlog.replay(evlog.read(made)).rows:
        assert row.value is not None
        assert row.value.hex() == measured[row.alg.name][str(row.register.index)]


@pytest.fixture
def files(tmp_path: Path) -> tuple[list[str], list[str]]:
    """The options that name the configurations of samples/tcg2/grub-206 before and after its update."""
    was, now = MACHINES["206"]
    given: tuple[list[str], list[str]] = ([], [])
    for n, (option, some) in enumerate((("--was", was), ("--now", now))):
        for place, data in some.items():
            path = tmp_path / f"{n}{place.replace('/', '_')}"
            path.write_bytes(data)
            given[n].extend((option, f"{place}={path}"))
    return given


@pytest.mark.parametrize("to", ["pcrlock", "corim", "keylime"])
def test_references_of_the_next_boot(to: str, files: tuple[list[str], list[str]], tmp_path: Path) -> None:
    """They are those that the log of the updated machine leads to."""
    out = tmp_path / "out"
    was, now = files
    result = run("predict", GRUB, *was, *now, "--to", to, "-o", str(out), "--json")
    assert result.code == 0, result.err
    valid("predict", result.out)
    updated = SAMPLES / "tcg2" / "grub-206-updated.bin"
    boots = [evlog.boot_of(evlog.read(updated))]
    expected = evlog.export(boots, to)
    if to == "pcrlock":
        assert {p.name: p.read_bytes() for p in out.iterdir()} == dict(expected.files)
    elif to != "corim":  # which names the log that it is of
        assert out.read_bytes() == expected.data
    assert out.exists()


def test_variants_of_updates_that_may_come(files: tuple[list[str], list[str]], tmp_path: Path) -> None:
    was, now = files
    also = ["--also" if word == "--now" else word for word in now]
    result = run("predict", GRUB, *was, *also, "--to", "pcrlock", "-o", str(tmp_path / "out"), "--register", "8")
    assert result.code == 0, result.err
    # Nothing, either file, or both: four values of PCR 8, of which the boot that was is one.
    names = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.pcrlock"))
    assert len(names) == 4
    assert all(name.startswith("308-evlog-pcr8.pcrlock.d/") for name in names)
    assert result.out.count("with /EFI/debian/") == 3


def test_no_references_of_what_is_not_known(files: tuple[list[str], list[str]], tmp_path: Path) -> None:
    was, now = files
    out = tmp_path / "out"
    part = [word for word in was if "more.cfg" not in word][:2]
    refused = run("predict", GRUB, *part, *now, "--to", "corim", "-o", str(out))
    assert refused.code == 1
    assert "pcr:4, pcr:8, pcr:9 cannot be known" in refused.err
    assert not out.exists()
    left = run("predict", GRUB, *part, *now, "--to", "corim", "-o", str(out), "--register", "0-3,5-7")
    assert left.code == 0, left.err
    assert out.stat().st_size
    # trustee has no word for any of this machine's registers.
    refused = run("predict", GRUB, *was, *now, "--to", "rvps", "-o", str(tmp_path / "message"))
    assert refused.code == 1
    assert "nothing is left" in refused.err


def test_what_is_kept_is_judged_and_nothing_else(files: tuple[list[str], list[str]], tmp_path: Path) -> None:
    was, now = files
    whole = json.loads(run("predict", GRUB, *was, *now, "--json").out)
    kept = json.loads(run("predict", GRUB, *was, *now, "--json", "--register", "8", "--bank", "sha256").out)
    assert kept["registers"] == [r for r in whole["registers"] if (r["register"], r["alg"]) == ("pcr:8", "sha256")]
    assert kept["events"] == [each for each in whole["events"] if each["register"] == "pcr:8"]
    part = run("predict", GRUB, *now, "--register", "0-3", "-o", str(tmp_path / "part"))
    assert part.code == 0
    assert {str(e.register) for e in evlog.read(tmp_path / "part").events if e.digests} == {
        f"pcr:{n}" for n in range(4)
    }


def test_a_partition_and_stdin(files: tuple[list[str], list[str]], tmp_path: Path) -> None:
    _, now = MACHINES["206"]
    esp = tmp_path / "esp"
    for place, data in (*now.items(), ("/EFI/other/unknown.ttf", b"font")):
        (esp / place[1:]).parent.mkdir(parents=True, exist_ok=True)
        (esp / place[1:]).write_bytes(data)
    was, named = files
    straight = run("predict", GRUB, *was, *named, "--json")
    with open(GRUB, "rb") as log:
        result = process("predict", "-", *was, "--esp", str(esp), "--json", stdin=log.read())
    assert result.returncode == 0, result.stderr
    document, other = json.loads(result.stdout), json.loads(straight.out)
    assert document["registers"] == other["registers"]
    assert any("behind no event" in each for each in document["unproven"])
    (esp / "EFI/debian/more.cfg").unlink()
    assert run("predict", GRUB, *was, "--esp", str(esp)).code == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", "pcrlock"), "needs -o FOLDER"),
        (("--to", "pcrlock", "-o", "-"), "a folder"),
        (("--to", "csv", "-o", "x"), "no consumer"),
        (("-o", "-", "--json"), "--json needs -o FILE"),
        (("--also", "gpt=DISK"), "one of them"),
        (("--also", "/x=DISK", "-o", "x"), "-o takes one"),
        (("--ram", "1X"), "--ram"),
        (("--register", "pcr:99x"), "pcr:99x"),
    ],
)
def test_options_that_make_no_sense(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(a_disk(1))
    words = tuple(word.replace("DISK", str(disk)) for word in words)
    result = run("predict", GRUB, "--now", f"gpt={disk}", *words)
    assert result.code == 2
    assert said in result.err
