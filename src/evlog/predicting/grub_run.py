"""What GRUB logs while it runs a configuration: every command, every file it opens, the kernel's command line.

Source: GRUB 2.06 and 2.12, grub-core/commands/tpm.c, script/execute.c, normal/main.c, lib/cmdline.c. What hangs on the
machine (is there a file, does a command succeed) is asked of who runs it; what cannot be answered ends the run.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.predicting.grub_menu import Entry, chosen, entry_of
from evlog.predicting.grub_script import Case, Command, Function, Loop, parse
from evlog.predicting.grub_test import test
from evlog.predicting.grub_values import UndeterminedError, Values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Logged", "Run"]

_MAX_COMMANDS = 20_000
_MAX_TEXT = 1 << 24
#: Commands that open no file and succeed.
_HARMLESS = frozenset(
    (
        "authenticate",
        "boot",
        "clear",
        "echo",
        "export",
        "menuentry",
        "play",
        "save_env",
        "serial",
        "setparams",
        "sleep",
        "submenu",
        "terminal_input",
        "terminal_output",
        "true",
        "unset",
        "videoinfo",
    )
)
#: Commands that every GRUB has which reads a configuration: the others may be modules that are loaded first.
_BUILT_IN = frozenset(("export", "insmod", "menuentry", "set", "setparams", "submenu", "unset"))
#: Commands after which it goes on in a way that is not followed here.
_ENDS = frozenset(
    (
        "blscfg",
        "break",
        "chainloader",
        "continue",
        "efifwsetup",
        "eval",
        "exit",
        "extract_entries_configfile",
        "extract_entries_source",
        "halt",
        "legacy_configfile",
        "module",
        "multiboot",
        "multiboot2",
        "normal",
        "normal_exit",
        "read",
        "reboot",
        "regexp",
        "return",
        "shift",
        "xen_hypervisor",
    )
)
#: Variables that make GRUB open a file when they are set.
_OPENING = ("lang", "locale_dir", "secondary_locale_dir", "theme")


class Logged(Record):
    """Something that is logged: a ``command``, a ``file`` or a ``cmdline``, as text. ``opens`` is whether files may
    follow that a command opened."""

    kind: str
    text: str
    opens: bool = False


class _Booted(Exception):  # noqa: N818
    """The end: an entry was booted."""


class Run:
    """One run of the configuration ``name``: (DEVICE)/PATH.

    ``ask(question, likely)`` answers what the machine would; ``read(name)`` gives a file's text or None. ``devices``
    are where something that is searched may be found, the likely ones first.
    """

    def __init__(
        self, name: str, devices: Sequence[str], ask: Callable[[str, bool], bool], read: Callable[[str], str | None]
    ) -> None:
        self.name = name
        self.logged: list[Logged] = []
        self.commands: set[str] = set()
        #: Whether the menu waits for somebody to choose.
        self.waits = False
        self._values = Values(name.rpartition("/")[0], ask)
        self._devices = devices
        self._ask, self._read = ask, read
        self._functions: dict[str, tuple[object, ...]] = {}
        self._entries: list[Entry] = []
        self._count = self._size = self._depth = 0

    def configuration(self, text: str) -> None:
        """Run a configuration, then the entry that it chooses. Raises UndeterminedError or ParseError."""
        try:
            self._file(self.name, text)
            self._menu()
        except _Booted:
            pass

    def _file(self, name: str, text: str) -> None:
        """Run a file's commands, which know what file they are of."""
        before = [(each, self._values.value(each) if self._values.has(each) else "") for each in _OF_FILE]
        whole = name if name[:1] == "(" else f"({self._values.value('root')}){name}"
        self._values.set("config_file", whole)
        self._values.set("config_directory", whole.rpartition("/")[0])
        self._all(parse(text))
        for each, value in before:
            self._values.set(each, value)

    def _all(self, commands: tuple[object, ...]) -> None:
        self._depth += 1
        if self._depth > 100:
            raise UndeterminedError("functions that call each other without end")
        for each in commands:
            self._one(each)
        self._depth -= 1

    def _one(self, each: object) -> None:
        if isinstance(each, Function):
            self._functions[each.name] = each.body
        elif isinstance(each, Case):
            for condition, body in each.branches:
                self._all(condition)
                if self._values.status:
                    self._all(body)
                    return
            self._values.status = True
            self._all(each.otherwise)
        elif isinstance(each, Loop):
            self._loop(each)
        else:
            assert isinstance(each, Command)
            self._command(each)

    def _loop(self, each: Loop) -> None:
        if each.kind == "for":
            for value in [text for word in each.words for text in self._values.expand(word)]:
                self._values.set(each.variable, value)
                self._all(each.body)
            return
        while True:
            self._all(each.condition)
            if self._values.status == (each.kind == "until"):
                self._values.status = True
                return
            self._all(each.body)

    def _log(self, kind: str, text: str, opens: bool = False) -> None:
        self._size += len(text)
        if self._size > _MAX_TEXT:
            raise UndeterminedError("more than 16 MiB of commands")
        self.logged.append(Logged(kind, text, opens))

    def _command(self, each: Command) -> None:
        self._count += 1
        if self._count > _MAX_COMMANDS:
            raise UndeterminedError(f"more than {_MAX_COMMANDS} commands")
        words = [text for word in each.words for text in self._values.expand(word)]
        if not words:
            return
        block = [each.block] if each.block is not None else []
        text = " ".join([*words, *block])
        invert = words[0] == "!" and len(words) > 1
        name, arguments = (words[1], words[2:]) if invert else (words[0], words[1:])
        self._log("command", text, opens=self._opens(name, arguments))
        if name not in self._functions and name not in _BUILT_IN and "=" not in name:
            self.commands.add(name)
        self._values.status = True
        self._do(name, tuple(arguments), each.block, text)
        if invert:
            self._values.status = not self._values.status

    def _opens(self, name: str, arguments: Sequence[str]) -> bool:
        """Whether a command may open files of which nothing here knows the names."""
        if name in self._functions:
            return False
        if name == "set" or "=" in name:
            return any(each.partition("=")[0] in _OPENING for each in (arguments if name == "set" else (name,)))
        known = name in _HARMLESS or name in ("[", "test", "false", "search", "source", ".", "configfile")
        return not (known or name.startswith(("linux", "initrd", "search.")))

    def _do(self, name: str, arguments: tuple[str, ...], block: str | None, text: str) -> None:
        values = self._values
        if name in self._functions:
            before, values.arguments = values.arguments, arguments
            self._all(self._functions[name])
            values.arguments = before
        elif name in ("menuentry", "submenu"):
            self._entries.append(entry_of(name, arguments, block))
        elif name == "set" or "=" in name:
            for each in arguments if name == "set" else (name,):
                variable, equals, value = each.partition("=")
                if equals:
                    values.set(variable, value)
        elif name == "unset":
            for each in arguments:
                values.unset(each)
        elif name == "export":
            values.exported.update(arguments)
        elif name == "setparams":
            values.arguments = arguments
        elif name in ("[", "test"):
            values.status = test(arguments[:-1] if name == "[" else arguments, self._ask)
        elif name == "false":
            values.status = False
        elif name == "search" or name.startswith("search."):
            self._search(name, arguments)
        elif name in ("linux", "linuxefi"):
            self._kernel(arguments)
        elif name in ("initrd", "initrdefi"):
            if any(each.startswith("newc:") for each in arguments):
                raise UndeterminedError("newc: wraps an initrd, which is not followed")
            for each in arguments:
                self._log("file", each)
        elif name in ("source", ".", "configfile"):
            self._source(name, arguments)
        elif name == "boot":
            raise _Booted
        elif name == "fwsetup" and arguments == ("--is-supported",):
            values.status = self._ask(f"succeeds: {text}", True)
        elif name in _ENDS or name.startswith(("linux", "initrd", "fwsetup")):
            raise UndeterminedError(f"the command {name} is not followed")
        elif name == "load_env":
            self._environment(arguments)
        elif name not in _HARMLESS:
            self._other(arguments, text)

    def _other(self, arguments: tuple[str, ...], text: str) -> None:
        """A command that the machine alone knows: whether it succeeds, and what it sets a variable to."""
        self._values.status = self._ask(f"succeeds: {text}", True)
        for at, word in enumerate(arguments):
            if word.startswith("--set="):
                self._values.lose(word.partition("=")[2])
            elif word in ("--set", "-s") and at + 1 < len(arguments):
                self._values.lose(arguments[at + 1])

    def _environment(self, arguments: tuple[str, ...]) -> None:
        """The variables of an environment block, if it is given; else each that is read is asked for."""
        file = next((w.partition("=")[2] for w in arguments if w.startswith("--file=")), None)
        if "-f" in arguments[:-1] or "--file" in arguments[:-1]:
            file = arguments[[w in ("-f", "--file") for w in arguments].index(True) + 1]
        text = self._read(file if file is not None else f"{self._values.value('prefix')}/grubenv")
        self._values.environment = self._values.environment or text is None
        for line in (text or "").split("\n"):
            name, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                if "\\" in value:
                    raise UndeterminedError("an environment block with backslashes")
                self._values.set(name, value)

    def _search(self, name: str, arguments: tuple[str, ...]) -> None:
        kind, wanted, variable, hint = _searched(name, arguments)
        found = None
        devices = list(dict.fromkeys(device for device in (hint, *self._devices) if device in self._devices))
        for device in devices:
            if self._ask(f"search: {kind} {wanted} ({device})", device == devices[0]):
                found = device
                break
        self._values.status = found is not None
        if found is None:
            return
        if kind == "file":
            self._log("file", f"({found}){wanted}")
        if variable:
            self._values.guess(variable, found)

    def _kernel(self, arguments: tuple[str, ...]) -> None:
        if not arguments:
            raise UndeterminedError("linux without a kernel")
        self._log("file", arguments[0])
        self._log("cmdline", " ".join(_quoted(each) for each in arguments))

    def _source(self, name: str, arguments: tuple[str, ...]) -> None:
        file = arguments[0] if arguments else ""
        if not self._ask(f"-e {file}", True):
            self._values.status = False
            return
        self._log("file", file)
        text = self._read(file)
        if text is None:
            raise UndeterminedError(f"the file {file} is not given")
        if name != "configfile":
            self._file(file, text)
            return
        before, self._entries = self._entries, []
        self._values.enter()
        self._file(file, text)
        self._menu()
        self._values.leave()
        self._entries = before

    def _menu(self) -> None:
        """Boot the entry that ``default`` names."""
        if not self._entries:
            return
        above = ""
        wanted = self._values.value("default")
        self.waits = self.waits or not self._values.value("timeout").isdigit()
        while True:
            first, _, wanted = wanted.partition(">")
            entry = chosen(self._entries, first)
            identity = f"{above}>{entry.id}" if above else entry.id
            if entry.submenu:
                self._values.enter()
            self._values.set("chosen", identity)
            self._log("command", " ".join(("setparams", *entry.arguments)))
            self._values.arguments = entry.arguments
            self._entries = []
            self._all(parse(entry.block[1:-1]))
            if not entry.submenu:
                raise _Booted
            if not self._entries:
                raise UndeterminedError("a menu without entries")
            above = identity


_OF_FILE = ("config_file", "config_directory")


def _searched(name: str, arguments: tuple[str, ...]) -> tuple[str, str, str, str]:
    """What is searched, by which name, the variable that tells where it is, and a device that is hinted at."""
    if name != "search":
        given = (*arguments, "", "", "")
        return name.partition(".")[2], given[0], given[1] or "root", given[2]
    kind, wanted, variable, hint = "file", "", "", ""
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word in ("-f", "--file", "-u", "--fs-uuid", "-l", "--label"):
            kind = {"-f": "file", "-u": "fs_uuid", "-l": "label"}.get(word, word[2:].replace("-", "_"))
        elif word in ("-s", "--set") or word.startswith("--set="):
            variable = word.partition("=")[2] or "root"
            if word in ("-s", "--set") and rest and not rest[0].startswith("-") and len(rest) > 1:
                variable = rest.pop(0)
        elif word.startswith("--hint"):
            option, equals, value = word.partition("=")
            value = value if equals else (rest.pop(0) if rest else "")
            hint = value.rstrip(",+") if option in ("--hint", "--hint-efi") else hint
        elif not word.startswith("-"):
            wanted = word
    return kind, wanted, variable, hint


def _quoted(word: str) -> str:
    """A word of the kernel's command line: with quotes if there is a blank in it, quotes and backslashes escaped."""
    made = "".join("\\" + c if c in "\\\"'" else c for c in word)
    return f'"{made}"' if " " in word else made
