"""A command line without options, parsed without argparse, which costs 5 ms: a sixth of a replay.

`Plain` takes the same declarations as an ArgumentParser, so that a command declares its arguments once. Whatever is
not plain (an option on the line, a required option, a positional with a type) goes to argparse.
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
        absent = False if declared.get("action") == "store_true" else None
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
        if not self.plain or any(argument.startswith("-") and argument != "-" for argument in arguments):
            return None
        match self.positionals:
            case [(name, None)] if len(arguments) == 1:
                return SimpleNamespace(**self.defaults, **{name: arguments[0]})
            case [(name, "+")] if arguments:
                return SimpleNamespace(**self.defaults, **{name: list(arguments)})
        return None
