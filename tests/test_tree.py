"""Trees of registers, in the shapes that kernels have had or were to have, and the logs that are split into them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

import evlog
from evlog import tree
from evlog.algorithms import SHA256, SHA384
from evlog.errors import ParseError, SourceError, UsageError
from evlog.registers import Register
from samples import make_text
from tests import made
from tests.command import run
from tests.conftest import SAMPLES
from tests.test_schemas import valid

ZEROS = bytes(48)
#: Some records of a crypto-agile log, without its header.
BOOT = made.event(0, 8, b"version", "sha256") + made.event(4, 5, b"Calling EFI Application", "sha256")


def register(folder: Path, alg: str = "sha384", log: bytes | None = b"", value: bytes | None = None) -> Path:
    folder.mkdir(parents=True)
    (folder / "hash_algo").write_text(alg)
    (folder / "digest").write_bytes(bytes(hashlib.new(alg).digest_size) if value is None else value)
    if log is not None:
        (folder / "event_log").write_bytes(log)
    return folder


def test_a_tree_is_one_log(tmp_path: Path) -> None:
    two, three = (make_text.one("SYNC", alg, f"example.org/{alg} start") for alg in ("sha256", "sha384"))
    register(tmp_path / "rtmr2", "sha256", two)
    register(tmp_path / "rtmr3", "sha384", three)
    log = evlog.read(tmp_path)
    assert [str(event.register) for event in log.events] == ["rtmr:2"] * 2 + ["rtmr:3"] * 2
    assert {(str(row.register), row.alg): row.status for row in evlog.replay(log)} == {
        ("rtmr:2", SHA256): "complete",
        ("rtmr:3", SHA384): "complete",
    }
    for name, data in (("rtmr2", two), ("rtmr3", three)):
        own = evlog.read(tmp_path / name / "event_log")
        assert str(own.events[0].register) == f"{name[:-1]}:{name[-1]}"
        assert evlog.write(own) == data
        assert evlog.read(tmp_path / name).events == own.events


def test_the_register_s_hash_is_its_folder_s(tmp_path: Path) -> None:
    data = f"INIT sha256/{'00' * 32}\na b c\n".encode()
    register(tmp_path / "rtmr3", "sha384", data)
    (row,) = evlog.replay(evlog.read(tmp_path))
    assert (row.alg, row.start) == (SHA384, ZEROS)
    assert evlog.replay(evlog.read(tmp_path / "rtmr3" / "event_log")).values == (row,)


def test_a_file_of_that_name_alone_knows_nothing(tmp_path: Path) -> None:
    (tmp_path / "event_log").write_bytes(make_text.nelr())
    log = evlog.read(tmp_path / "event_log")
    assert {str(event.register) for event in log.events} == {"mr:unknown"}
    assert str(evlog.read(tmp_path / "event_log", register=Register("pcr", 14)).events[0].register) == "pcr:14"


def test_the_sample_of_the_rfc(tmp_path: Path) -> None:
    """A provider with registers of two hashes, one of them crypto-agile, and static ones as flat files."""
    provider = tmp_path / "tsm" / "measurement-example"
    register(provider / "rtmr0", "sha256")
    register(provider / "rtmr1", "sha384")
    (provider / "rtmr1" / "append_event").write_bytes(b"")
    (provider / "static_mr").write_bytes(hashlib.sha384(b"static").digest())
    (provider / "config_mr").write_bytes(hashlib.sha512(b"config").digest())
    (provider / "user_data").write_bytes(bytes(64))
    (provider / "full_report").write_bytes(bytes(1024))
    found = {member.name: member for member in tree.members(str(tmp_path))}
    assert set(found) == {"rtmr0", "rtmr1", "static_mr", "config_mr"}
    assert found["rtmr0"].register == Register("rtmr", 0)
    assert found["static_mr"].static
    assert not found["rtmr1"].static
    values = tree.values(str(tmp_path))
    assert values.get(Register("mr", "static_mr"), SHA384) == hashlib.sha384(b"static").digest()
    assert values.get(Register("rtmr", 0), SHA256) == bytes(32)


@pytest.mark.parametrize("flat", [True, False])
def test_static_registers_are_files_or_folders(tmp_path: Path, flat: bool) -> None:
    register(tmp_path / "rtmr3", log=make_text.one("SYNC", "sha384", "a"))
    value = hashlib.sha384(b"TD").digest()
    if flat:
        (tmp_path / "mrtd").write_bytes(value)
    else:
        register(tmp_path / "mrtd", log=None, value=value)
    (mrtd,) = [member for member in tree.members(str(tmp_path)) if member.static]
    assert (mrtd.register, mrtd.value) == (Register("ccmr", 0), value)
    log = evlog.read(tmp_path)
    assert log.platform == "tdx"
    assert len(log.events) == 2


def test_what_linux_has(tmp_path: Path) -> None:
    """tsm-mr of Linux 6.16: flat files, their hash in the name."""
    for name in ("mrtd:sha384", "rtmr0:sha384", "rtmr_crypto_agile:sha256", "rtmr_crypto_agile:sha384"):
        (tmp_path / name).write_bytes(bytes(HASHES[name.rpartition(":")[2]]))
    (tmp_path / "mrconfigid").write_bytes(bytes(48))
    values = tree.values(str(tmp_path))
    assert {(str(key[0]), str(key[1])) for key in values} == {
        ("ccmr:0", "sha384"),
        ("rtmr:0", "sha384"),
        ("mr:rtmr_crypto_agile", "sha256"),
        ("mr:rtmr_crypto_agile", "sha384"),
    }
    assert not evlog.read(tmp_path).events


HASHES = {"sha256": 32, "sha384": 48}


def test_one_folder_for_each_hash(tmp_path: Path) -> None:
    for alg, size in HASHES.items():
        (tmp_path / "rtmr1" / alg).mkdir(parents=True)
        (tmp_path / "rtmr1" / alg / "digest").write_bytes(bytes(size))
    (tmp_path / "rtmr1" / "event_log").write_bytes(b"")
    assert {str(member.alg) for member in tree.members(str(tmp_path)) if member.value} == set(HASHES)


def test_what_configfs_was_to_have(tmp_path: Path) -> None:
    folder = register(tmp_path / "rtmrs" / "kernel")
    (folder / "index").write_text("2\n")
    (folder / "tcg_map").write_text("8-15\n")
    (member,) = tree.members(str(tmp_path))
    assert member.register == Register("rtmr", 2)


def test_a_captured_digest_may_be_text(tmp_path: Path) -> None:
    register(tmp_path / "rem0", "sha512", value=("ab" * 64 + "\n").encode())
    (member,) = tree.members(str(tmp_path))
    assert member.value == b"\xab" * 64
    assert member.register == Register("rem", 0)


def test_no_tree(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no tree of registers"):
        evlog.read(tmp_path)
    (tmp_path / "README").write_bytes(bytes(48))
    with pytest.raises(SourceError):
        evlog.read(tmp_path)
    (tmp_path / "loop").symlink_to(tmp_path)
    with pytest.raises(SourceError):
        evlog.read(tmp_path)


def test_names() -> None:
    for text in ("pcr:14", "ccmr:3", "rtmr:2", "rem:0", "nv:0x01c10103", "mr:launch"):
        own = Register.parse(text)
        assert tree.register_named(tree.folder_name(own)) == own
    for name in ("", ".", "..", "a/b", "a\nb", ".hidden", "x" * 300):
        with pytest.raises(UsageError):
            tree.folder_name(Register("mr", name))


# Splitting


def test_the_global_log_and_its_parts_are_inverse(tmp_path: Path) -> None:
    data = make_text.aggregated()
    whole = evlog.read(data, index="rtmr")
    parts = evlog.split(whole).tree()
    assert parts["rtmr3/event_log"].decode().splitlines()[1:] == [
        "example.org/b one",
        "# a comment of register 3",
        "example.org/b two",
    ]
    for path, content in parts.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    joined = evlog.read(tmp_path)
    assert evlog.replay(joined).values == evlog.replay(whole).values
    concatenated = evlog.write(joined)
    assert sorted(concatenated.splitlines()) == sorted(data.splitlines())
    again = evlog.split(evlog.read(concatenated, index="rtmr")).tree()
    assert again == parts


def test_a_split_tree_agrees_with_itself(tmp_path: Path) -> None:
    for path, content in evlog.split(evlog.read(SAMPLES / "tcg2/secure-boot.bin")).tree().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    log = evlog.read(tmp_path)
    whole = evlog.read(SAMPLES / "tcg2/secure-boot.bin")
    assert evlog.replay(log).values == evlog.replay(whole).values
    assert log.format == "tcg2"
    assert evlog.write(log)
    values = tree.values(str(tmp_path))
    assert len(values) == len(evlog.replay(whole))
    for row in evlog.replay(whole):
        assert values.get(row.register, row.alg) == row.value


@pytest.mark.parametrize("path", sorted((SAMPLES / "tcg2").glob("*.bin")) + sorted((SAMPLES / "text").glob("*")))
def test_parts_lead_where_the_whole_does(path: Path) -> None:
    log = evlog.read(path)
    found = evlog.split(log)
    for part in found.parts:
        for alg, value in part.values:
            assert evlog.replay(part.log).get(part.register, alg) == value
    told = {(row.register, row.alg): row.value for row in evlog.replay(log) if row.value is not None}
    assert {(part.register, alg): value for part in found.parts for alg, value in part.values} == told
    events = sum(len(part.log.events) for part in found.parts)
    headers = len(found.parts) - 1 if path.parent.name == "tcg2" else 0
    assert events - headers >= len(log.events) - (path.parent.name == "tcg2")


def test_what_belongs_to_no_register_is_a_loss() -> None:
    found = evlog.split(evlog.read(SAMPLES / "tcg2" / "padding-then-bytes.bin"))
    assert {loss.field: loss.event for loss in found.losses} == {"padding": None, "trailing": None}


@pytest.mark.parametrize(
    "log",
    [SAMPLES / "tcg1/locality-first.bin", made.event(0, 3, b"SP800-155 Event\0" + bytes(20), "sha256") * 2 + BOOT],
    ids=["TCG 1.2", "crypto-agile"],
)
def test_an_event_in_place_of_the_header_is_its_register_s(log: Path | bytes) -> None:
    """Only a Spec ID event is of every register; a StartupLocality is a record of PCR 0."""
    whole = evlog.read(log)
    first = whole.events[0].content
    parts = {str(part.register): part for part in evlog.split(whole).parts}
    holders = [name for name, part in parts.items() if any(event.content == first for event in part.log.events)]
    assert (whole.events[0].measured, holders) == (False, ["pcr:0"])
    # Parts of a crypto-agile log begin with a header of their own, whatever the log does.
    contents = [event.content.to_json() for part in parts.values() for event in part.log.events]
    told = [each for each in contents if not each["data"].startswith(b"Spec ID Event03".hex())]
    assert sorted(map(repr, told)) == sorted(repr(event.content.to_json()) for event in whole.events)
    assert evlog.replay(parts["pcr:0"].log).values == tuple(
        row for row in evlog.replay(whole) if str(row.register) == "pcr:0"
    )


def test_a_register_s_log_that_begins_without_a_header_is_read_whole(tmp_path: Path) -> None:
    log = made.sha1_event(4, 3, b"NvIndexInstance\0") + made.sha1_event(4, 5, b"Calling EFI Application")
    register(tmp_path / "pcr0", "sha1", made.sha1_event(0, 8, b"version"))
    register(tmp_path / "pcr4", "sha1", log)
    assert [(str(event.register), event.measured) for event in evlog.read(tmp_path).events] == [
        ("pcr:0", True),
        ("pcr:4", False),
        ("pcr:4", True),
    ]


def test_hostile_names_make_no_files(tmp_path: Path) -> None:
    log = evlog.read(f"mr:../../evil INIT sha384/{'00' * 48}\n".encode(), index="rtmr", dialect="nelr")
    with pytest.raises(UsageError):
        evlog.split(log).tree()


def test_the_command(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(make_text.aggregated())
    out = tmp_path / "out"
    ran = run("split", str(tmp_path / "log"), "--index", "rtmr", "-o", str(out), "--json")
    assert ran.code == 0
    document = valid("split", ran.out)
    assert [(row["register"], row["events"]) for row in document["registers"]] == [("rtmr:2", 2), ("rtmr:3", 4)]
    assert sorted(os.listdir(out)) == ["rtmr2", "rtmr3"]
    assert (out / "rtmr3" / "hash_algo").read_bytes() == b"sha384"
    again = run("split", str(tmp_path / "log"), "--index", "rtmr", "-o", str(out))
    assert (again.code, "no empty folder" in again.err) == (2, True)
    assert run("split", str(SAMPLES / "tcg2/ovmf.bin"), "-o", str(tmp_path / "files"), "--files").code == 0
    assert "pcr0.tcg2" in os.listdir(tmp_path / "files")
    assert run("verify", str(out), "--registers", str(out)).code == 0
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


def test_strict_reading_of_a_tree(tmp_path: Path) -> None:
    register(tmp_path / "rtmr3", log=b"SYNC sha384/00\n")
    with pytest.raises(ParseError):
        evlog.read(tmp_path, strict=True)
