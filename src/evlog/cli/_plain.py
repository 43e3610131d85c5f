"""A command line without options, or with one flag, parsed without argparse, which costs 5 ms: a sixth of a replay.

`Plain` takes the same declarations as an ArgumentParser, so that a command declares its arguments once. Whatever is
not plain (another option on the line, a required option, a positional with a type) goes to argparse.
"""

from __future__ import annotations

from types import SimpleNamespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["Plain"]


class Plain:
    """Stands in for an ArgumentParser while a command declares its arguments."""

    def __init__(self) -> None:
        self.defaults: dict[str, Any] = {}
        #: By option, the name that a flag sets.
        self.flags: dict[str, str] = {}
        self.positionals: list[tuple[str, str | None]] = []
        self.plain = True

    def add_argument(self, *names: str, **declared: Any) -> None:
        """Note an argument's name and default."""
        if not names[0].startswith("-"):
            self.positionals.append((names[0], declared.get("nargs")))
            self.plain &= not declared.keys() & {"type", "choices", "default"}
            return
        long = next((name for name in names if name.startswith("--")), names[0])
        name = declared.get("dest") or long.lstrip("-").replace("-", "_")
        absent = None
        if declared.get("action") == "store_true":
            absent = False
            self.flags.update(dict.fromkeys(names, name))
        self.defaults.setdefault(name, declared.get("default", absent))
        self.plain &= not declared.get("required", False)

    def add_argument_group(self, *_: object, **__: object) -> Plain:
        """Groups only matter for the help."""
        return self

    def add_mutually_exclusive_group(self, **declared: Any) -> Plain:
        """A group of which one must be given is not plain."""
        self.plain &= not declared.get("required", False)
        return self

    def parse(self, arguments: Sequence[str]) -> SimpleNamespace | None:
        """The namespace that argparse would make, or None if argparse is needed to tell."""
        flags = [self.flags[argument] for argument in arguments if argument in self.flags]
        others = [argument for argument in arguments if argument not in self.flags]
        # Two flags may exclude each other.
        if not self.plain or len(flags) > 1 or any(other.startswith("-") and other != "-" for other in others):
            return None
        values = {**self.defaults, **dict.fromkeys(flags, True)}
        match self.positionals:
            case [(name, None)] if len(others) == 1:
                return SimpleNamespace(**values, **{name: others[0]})
            case [(name, "+")] if others:
                return SimpleNamespace(**values, **{name: others})
        return None
