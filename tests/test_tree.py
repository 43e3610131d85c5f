"""Trees of registers, in the shapes that kernels have had or were to have, and the logs that are split into them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import evlog
from evlog import tree
from evlog.algorithms import SHA1, SHA256, SHA384, HashAlg
from evlog.contents.pcclient import PCClientEvent
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
    assert {(str(row.register), row.alg): row.status for row in evlog.replay(log).rows} == {
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
    (row,) = evlog.replay(evlog.read(tmp_path)).rows
    assert (row.alg, row.start) == (SHA384, ZEROS)
    assert evlog.replay(evlog.read(tmp_path / "rtmr3" / "event_log")).rows == (row,)


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
    for name in ("", "x" * 300, "ü" * 100):
        with pytest.raises(UsageError):
            tree.folder_name(Register("mr", name))


#: Names that are a path, a device or nothing on some system, or another register's folder.
ODD = [
    *(
        ".",
        "..",
        "a/b",
        "a\\..\\..\\b",
        "C:x",
        "a\nb",
        ".hidden",
        "a.",
        "a ",
        " a",
        "a:b",
        'a"b',
        "a<b>",
        "a|b",
        "a?b*",
        "a\0b",
    ),
    *(
        "CON",
        "con",
        "nul.txt",
        "COM1",
        "lpt9.log",
        "aux.",
        "\x7f",
        "\udcff",
        "e\u0301",
        "\u00e9",
        "\u017f",
        "\u212aernel",
    ),
    *(
        "pcr4",
        "PCR4",
        "Pcr4",
        "pcr4 ",
        "pcr[4]",
        "[7]",
        "rtmr3",
        "7",
        "0x7",
        "nv0x01c10103",
        "mrtd",
        "MRTD",
        "rim",
        "mrowner",
    ),
    *("user_data", "%41", "a%41", "%", "%%", "kernel", "Kernel", "KERNEL", "event_log", "digest"),
]
#: What Windows does not take, or takes for a device (Naming Files, Paths, and Namespaces).
NO_NAME = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?|.*[. ]|.*[\\/:*?\"<>|\0-\x1f].*", re.DOTALL)


def plain(name: str) -> str:
    """The name on a file system without case, and with composed letters."""
    return unicodedata.normalize("NFC", name).casefold()


def test_no_two_registers_share_a_folder() -> None:
    registers = [Register("mr", name) for name in ODD]
    registers += [Register.parse(text) for text in ("pcr:4", "ccmr:4", "rtmr:3", "rem:3", "nv:0x01c10103", "ccmr:0")]
    folders = [tree.folder_name(register) for register in registers]
    assert len(set(map(plain, folders))) == len(registers)
    assert [name for name in folders if NO_NAME.fullmatch(name) or name.startswith(".")] == []
    assert list(map(tree.register_named, folders)) == registers


@given(st.text(st.characters(), min_size=1, max_size=20) | st.sampled_from(ODD), st.sampled_from(ODD))
def test_a_folder_s_name_is_one_register_s(one: str, other: str) -> None:
    names = [tree.folder_name(Register("mr", name)) for name in (one, other)]
    assert [tree.register_named(name) for name in names] == [Register("mr", one), Register("mr", other)]
    assert (plain(names[0]) == plain(names[1])) == (one == other)
    assert not NO_NAME.fullmatch(names[0])


@given(st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=12))
def test_any_folder_is_some_register_s(name: str) -> None:
    """Whatever a folder is called, the register that it is taken for has a folder that is taken for the same."""
    register = tree.register_named(name)
    if register.index != "":
        assert tree.register_named(tree.folder_name(register)) == register


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
    assert evlog.replay(joined).rows == evlog.replay(whole).rows
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
    assert evlog.replay(log).rows == evlog.replay(whole).rows
    assert log.format == "tcg2"
    assert evlog.write(log)
    values = tree.values(str(tmp_path))
    assert len(values) == len(evlog.replay(whole))
    for row in evlog.replay(whole).rows:
        assert values.get(row.register, row.alg) == row.value


def starts(found: evlog.Split) -> list[evlog.Loss]:
    return [loss for loss in found.losses if loss.field == "start"]


@pytest.mark.parametrize("path", sorted((SAMPLES / "tcg2").glob("*.bin")) + sorted((SAMPLES / "text").glob("*")))
def test_parts_lead_where_the_whole_does(path: Path) -> None:
    log = evlog.read(path)
    found = evlog.split(log)
    for part in found.parts:
        for alg, value in part.values:
            # A launch that another part tells of resets this one's register.
            assert evlog.replay(part.log, beside=[log]).get(part.register, alg) == value
            alone = evlog.replay(part.log).get(part.register, alg) == value
            assert alone == (f"{part.register}" not in {loss.reason.split()[0] for loss in starts(found)})
    told = {(row.register, row.alg): row.value for row in evlog.replay(log).rows if row.value is not None}
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
    assert evlog.replay(parts["pcr:0"].log).rows == tuple(
        row for row in evlog.replay(whole).rows if str(row.register) == "pcr:0"
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


def test_a_part_has_one_header_and_nothing_of_what_follows_the_log() -> None:
    whole = made.header("sha1", "sha256") + made.event(0, 8, b"version", "sha1", "sha256")
    for more in (b"", made.event(4, 5, b"action", "sha1", "sha256")):
        log = evlog.read(whole + more + b"\xff" * 64)
        found = evlog.split(log)
        assert [loss.field for loss in found.losses] == ["padding"]
        for part in found.parts:
            assert part.data.startswith(made.header("sha1", "sha256"))
            assert part.data.count(b"Spec ID Event03") == 1
            assert not part.data.endswith(b"\xff")


def test_the_digest_of_a_folder_is_that_of_the_widest_bank() -> None:
    log = evlog.read(SAMPLES / "tcg2" / "ovmf.bin")
    files = evlog.split(log).tree()
    values = evlog.replay(log)
    assert files["pcr0/hash_algo"] == b"sha512"
    assert files["pcr0/digest"] == values[Register("pcr", 0), HashAlg.named("sha512")]
    assert files["pcr0/sha1/digest"] == values[Register("pcr", 0), SHA1]


def test_hostile_names_lead_nowhere(tmp_path: Path) -> None:
    log = evlog.read(f"mr:../../evil INIT sha384/{'00' * 48}\n".encode(), index="rtmr", dialect="nelr")
    assert {path.count("/") for path in evlog.split(log).tree()} == {1}
    assert {path.split("/")[0] for path in evlog.split(log).tree()} == {"%2E.%2F..%2Fevil"}


def test_a_split_tree_with_odd_names_reads_back(tmp_path: Path) -> None:
    """pcr:4 and mr:pcr4, and names that differ by their case or are a path elsewhere."""
    names = ["pcr:4", "mr:pcr4", "mr:kernel", "mr:Kernel", "mr:a\\..\\b", "mr:a ", "mr:a", "mr:con", "mr:mrowner"]
    events = [
        evlog.Event(
            number, Register.parse(name), (evlog.Digest(SHA256, bytes([number]) * 32),), PCClientEvent(13, b"x")
        )
        for number, name in enumerate(names)
    ]
    log = evlog.Log("evlog-json", tuple(events), algorithms=(SHA256,))
    (tmp_path / "log.json").write_bytes(evlog.write(log))
    for options in ([], ["--files"]):
        ran = run("split", str(tmp_path / "log.json"), "-o", str(tmp_path / f"out{len(options)}"), *options)
        assert ran.code == 0, ran.err
        assert len(set(map(plain, os.listdir(tmp_path / f"out{len(options)}")))) == len(names)
    back = evlog.read(tmp_path / "out0")
    assert {(str(event.register), event.digests) for event in back.events} == {
        (name, event.digests) for name, event in zip(names, events, strict=True)
    }
    assert back.platform is None
    assert {(row.register, row.value) for row in evlog.replay(back).rows} == {
        (row.register, row.value) for row in evlog.replay(log).rows
    }


def test_the_folder_says_which_register_a_log_is_of(tmp_path: Path) -> None:
    """What a caller keeps of a tree renames none of its registers, except one that has a name only."""
    for name in ("rtmr2", "rtmr3"):
        register(tmp_path / name, log=make_text.one("SYNC", "sha384", "a"))
    ran = run("replay", str(tmp_path), "--register", "rtmr:3", "--json")
    assert [row["register"] for row in json.loads(ran.out)["registers"]] == ["rtmr:3"]
    ran = run("replay", str(tmp_path / "rtmr2" / "event_log"), "--register", "rtmr:3", "--json")
    assert json.loads(ran.out)["registers"] == []
    register(tmp_path / "other" / "kernel", log=make_text.one("SYNC", "sha384", "a"))
    ran = run("replay", str(tmp_path / "other"), "--register", "rtmr:3", "--json")
    assert [row["register"] for row in json.loads(ran.out)["registers"]] == ["rtmr:3"]


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
