"""Command lines that are parsed without argparse mean what argparse takes them for."""

from __future__ import annotations

from importlib import import_module

import pytest

from evlog.cli import COMMANDS
from evlog.cli._parser import command_parser
from evlog.cli._plain import Plain

LINES = [["LOG"], ["LOG", "LOG2"], ["-"], ["--json", "LOG"], ["LOG", "--json"], ["LOG", "--strict"], ["LOG", "--tree"]]
LINES += [
    ["LOG", "--space", "pcr"],
    ["--register", "7", "LOG", "--register", "0-2"],
    ["LOG", "--bank", "sha256", "--json"],
]
LINES += [
    ["LOG", "--registers", "F"],
    ["--registers", "F", "LOG"],
    ["LOG", "--quote", "Q", "--key", "K", "--nonce", "00"],
]
LINES += [["LOG", "--space", "x"], ["LOG", "--space"], ["LOG", "--register", "-7"], ["LOG", "--registers", "F", "LOG2"]]
LINES += [
    ["LOG", "--registers", "F", "--quote", "Q"],
    ["LOG", "--registers", "F", "--live"],
    ["LOG", "-o", "F", "--to", "tcg2"],
]
LINES += [
    ["A", "B"],
    ["A", "B", "--json"],
    ["A", "B", "C"],
    ["learn", "LOG", "-o", "F"],
    ["check", "LOG", "LOG2", "--policy", "F"],
    ["LOG", "--to", "cel-tlv"],
    ["--to", "cel-tlv", "-o", "F", "LOG"],
    ["LOG", "-o", "F"],
    ["LOG", "-o", "-", "--to", "cel-tlv"],
    ["LOG", "LOG2", "-o", "F", "--to", "rvps"],
    ["-o", "LAKE", "FOLDER"],
]
NOT_PLAIN = [[], ["--json"], ["--json", "--strict", "LOG"], ["--js", "LOG"], ["--", "LOG"], ["LOG", "--space=pcr"]]


@pytest.mark.parametrize("line", [*LINES, *NOT_PLAIN], ids=" ".join)
@pytest.mark.parametrize("name", COMMANDS)
def test_the_same_as_argparse(name: str, line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    command = import_module(f"evlog.cli.{name}")
    plain = Plain()
    command.arguments(plain)
    args = plain.parse(line)
    if line in NOT_PLAIN and not (name == "formats" and line in ([], ["--json"])):
        assert args is None
    if args is not None:
        assert vars(args) == vars(command_parser(name, command).parse_args(line))


def test_what_people_type_is_plain() -> None:
    for name, line in (
        ("replay", ["a", "b", "--json"]),
        ("show", ["a"]),
        ("show", ["--jsonl", "a"]),
        ("verify", ["a", "--registers", "b"]),
        ("diff", ["a", "b"]),
        ("convert", ["a", "--to", "cel-tlv", "-o", "b"]),
        ("convert", ["a", "--to", "cel-tlv"]),
        ("merge", ["a", "b", "--to", "cel-cbor", "-o", "c"]),
        ("split", ["a", "-o", "b"]),
        ("report", ["a", "-o", "b"]),
        ("export", ["a", "--to", "rvps", "-o", "b"]),
        ("policy", ["learn", "a", "b", "-o", "c"]),
        ("policy", ["check", "a", "b", "--quote", "c"]),
        ("formats", []),
    ):
        plain = Plain()
        import_module(f"evlog.cli.{name}").arguments(plain)
        assert plain.parse(line) is not None
