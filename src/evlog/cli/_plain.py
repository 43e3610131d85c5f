"""A command line of plain options parsed without argparse, which costs 5 ms and more: a sixth of a replay.

`Plain` takes the same declarations as an ArgumentParser, so that a command declares its arguments once. Whatever is
not plain (an option that is shortened, or joined to its value; several flags; one that is missing) goes to argparse.
"""

from __future__ import annotations

from evlog._record import SimpleNamespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["Plain"]

#: What may be declared of an option that takes one value as it stands.
_VALUED = frozenset({"action", "choices", "default", "dest", "help", "metavar", "required"})


class Plain:
    """Stands in for an ArgumentParser while arguments are declared, or for an exclusive group ``within`` one."""

    def __init__(self, within: Plain | None = None) -> None:
        root = within or self
        self.defaults: dict[str, Any] = {} if within is None else root.defaults
        #: By option, the name that a flag sets.
        self.flags: dict[str, str] = {} if within is None else root.flags
        #: By option, the name that a value is for, how it is kept, and what it may be.
        self.valued: dict[str, tuple[str, str, Any]] = {} if within is None else root.valued
        self.exclusive: set[str] = set() if within is None else root.exclusive
        #: Sets of names of which one has to be given.
        self.required: list[set[str]] = [] if within is None else root.required
        self.positionals: list[tuple[str, str | None, Any]] = []
        self._names: set[str] = set()
        self.plain = True
        self._root = root

    def add_argument(self, *names: str, **declared: Any) -> None:
        """Note an argument's name and default."""
        if not names[0].startswith("-"):
            self.positionals.append((names[0], declared.get("nargs"), declared.get("choices")))
            self.plain &= not declared.keys() & {"type", "default"}
            return
        long = next((name for name in names if name.startswith("--")), names[0])
        name = declared.get("dest") or long.lstrip("-").replace("-", "_")
        absent = None
        action = declared.get("action", "store")
        if action == "store_true":
            absent = False
            self.flags.update(dict.fromkeys(names, name))
        elif declared.keys() <= _VALUED and (action == "store" or (action == "append" and not declared.get("default"))):
            self.valued.update(dict.fromkeys(names, (name, action, declared.get("choices"))))
        if self is not self._root:
            self.exclusive.add(name)
        self.defaults.setdefault(name, declared.get("default", absent))
        self._names.add(name)
        if declared.get("required", False):
            self.required.append({name})

    def add_argument_group(self, *_: object, **__: object) -> Plain:
        """Groups only matter for the help."""
        return self

    def add_mutually_exclusive_group(self, **declared: Any) -> Plain:
        """A group of which one may be given, or must."""
        group = Plain(self._root)
        if declared.get("required", False):
            self.required.append(group._names)
        return group

    def parse(self, arguments: Sequence[str]) -> SimpleNamespace | None:
        """The namespace that argparse would make, or None if argparse is needed to tell."""
        values: dict[str, Any] = {}
        flags, others, runs, last = [], [], 0, ""
        given = iter(arguments)
        for argument in given:
            if argument in self.flags:
                flags.append(self.flags[argument])
            elif argument in self.valued:
                name, action, choices = self.valued[argument]
                value = next(given, None)
                if (
                    value is None
                    or (value.startswith("-") and value != "-")
                    or (choices is not None and value not in choices)
                ):
                    return None
                if action == "append":
                    values.setdefault(name, []).append(value)
                else:
                    values[name] = value
            elif argument.startswith("-") and argument != "-":
                return None
            else:
                # argparse takes positionals that stand together.
                runs += last != "other"
                others.append(argument)
                last = "other"
                continue
            last = "option"
        # Two flags may exclude each other, as may other options of one group.
        if not self.plain or len(flags) > 1 or runs > 1 or len(self.exclusive & {*values, *flags}) > 1:
            return None
        if any(names.isdisjoint({*values, *flags}) for names in self.required):
            return None
        placed = self._placed(others)
        if placed is None:
            return None
        return SimpleNamespace(**{**self.defaults, **values, **dict.fromkeys(flags, True), **placed})

    def _placed(self, others: list[str]) -> dict[str, Any] | None:
        """What stands alone, by name: as many as there are names, or more where the last one takes several."""
        if len(others) < len(self.positionals):
            return None
        if not self.positionals:
            return None if others else {}
        *first, (last, several, _) = self.positionals
        if any(nargs is not None for _, nargs, _ in first) or several not in (None, "?", "+", "*"):
            return None
        if several in (None, "?") and len(others) > len(self.positionals):
            return None
        for value, (_, _, choices) in zip(others, self.positionals):  # noqa: B905  # the last one's may be several
            if choices is not None and value not in choices:
                return None
        placed: dict[str, Any] = {name: value for value, (name, _, _) in zip(others, first)}  # noqa: B905
        rest = others[len(first) :]
        return {**placed, last: rest if several in ("+", "*") else rest[0]}
