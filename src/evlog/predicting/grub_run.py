"""What GRUB logs while it runs a configuration: every command, every file it opens, the kernel's command line.

Source: GRUB 2.06 and 2.12, grub-core/commands/tpm.c, script/execute.c, normal/menu.c, lib/cmdline.c. What hangs on the
machine (is there a file, does a command succeed) is asked of who runs it; what cannot be answered ends the run.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.errors import EvlogError
from evlog.predicting.grub_script import Case, Command, Function, Loop, Word, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Logged", "Run", "UndeterminedError"]

_MAX_COMMANDS = 20_000
_MAX_TEXT = 1 << 24
#: Commands that open no file and succeed.
HARMLESS = frozenset(
    (
        "authenticate",
        "boot",
        "clear",
        "echo",
        "export",
        "load_env",
        "menuentry",
        "play",
        "save_env",
        "serial",
        "set",
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
        "fwsetup",
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
#: What normal mode sets.
_FEATURES = (
    "200_final",
    "all_video_module",
    "chainloader_bpb",
    "default_font_path",
    "menuentry_id",
    "menuentry_options",
    "nativedisk_cmd",
    "ntldr",
    "platform_search_hint",
    "timeout_style",
)


class UndeterminedError(EvlogError):
    """The configuration goes on in a way that neither it nor the log tells."""


class Logged(Record):
    """Something that is logged: a ``command``, a ``file`` or a ``cmdline``, as text. ``opens`` is whether files may
    follow that a command opened."""

    kind: str
    text: str
    opens: bool = False


class _Entry(Record):
    title: str
    id: str
    arguments: tuple[str, ...]
    block: str
    submenu: bool


class _Booted(Exception):  # noqa: N818
    """The end: an entry was booted."""


class Run:
    """One run of a configuration in a directory of a device: ``prefix`` is (DEVICE)/PATH.

    ``ask(question, likely)`` answers what the machine would; ``read(name)`` gives a file's text or None. Variables that
    were read though nothing had set them are in ``unset``.
    """

    def __init__(self, prefix: str, ask: Callable[[str, bool], bool], read: Callable[[str], str | None]) -> None:
        device = prefix[1:].partition(")")[0]
        self.variables = {
            "prefix": prefix,
            "root": device,
            "cmdpath": prefix,
            "grub_platform": "efi",
            "grub_cpu": "x86_64",
        }
        self.variables.update((f"feature_{name}", "y") for name in _FEATURES)
        self.device = device
        self.logged: list[Logged] = []
        self.unset: set[str] = set()
        self.initrds: tuple[str, ...] = ()
        self._ask, self._read = ask, read
        self._functions: dict[str, tuple[object, ...]] = {}
        self._entries: list[_Entry] = []
        self._arguments: tuple[str, ...] = ()
        self._status = True
        self._commands = 0
        self._size = 0
        self._depth = 0

    def configuration(self, text: str) -> None:
        """Run a configuration, then the entry that it chooses. Raises UndeterminedError or ParseError."""
        try:
            self._all(parse(text))
            self._menu()
        except _Booted:
            pass

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
                if self._status:
                    self._all(body)
                    return
            self._status = True
            self._all(each.otherwise)
        elif isinstance(each, Loop):
            self._loop(each)
        else:
            assert isinstance(each, Command)
            self._command(each)

    def _loop(self, each: Loop) -> None:
        if each.kind == "for":
            for value in [text for word in each.words for text in self._expand(word)]:
                self.variables[each.variable] = value
                self._all(each.body)
            return
        while True:
            self._all(each.condition)
            if self._status == (each.kind == "until"):
                self._status = True
                return
            self._all(each.body)

    def _log(self, kind: str, text: str, opens: bool = False) -> None:
        self._size += len(text)
        if self._size > _MAX_TEXT:
            raise UndeterminedError("more than 16 MiB of commands")
        self.logged.append(Logged(kind, text, opens))

    def _command(self, each: Command) -> None:
        self._commands += 1
        if self._commands > _MAX_COMMANDS:
            raise UndeterminedError(f"more than {_MAX_COMMANDS} commands")
        words = [text for word in each.words for text in self._expand(word)]
        if not words:
            return
        block = [each.block] if each.block is not None else []
        text = " ".join([*words, *block])
        invert = words[0] == "!" and len(words) > 1
        name, arguments = (words[1], words[2:]) if invert else (words[0], words[1:])
        known = name in self._functions or name in HARMLESS or name in ("[", "test", "false", "search") or "=" in name
        known = known or name.startswith(("linux", "initrd", "search.")) or name in ("source", ".", "configfile")
        self._log("command", text, opens=not known)
        self._status = True
        self._do(name, tuple(arguments), each.block, text)
        if invert:
            self._status = not self._status

    def _do(self, name: str, arguments: tuple[str, ...], block: str | None, text: str) -> None:
        if name in self._functions:
            before, self._arguments = self._arguments, arguments
            self._all(self._functions[name])
            self._arguments = before
        elif name in ("menuentry", "submenu"):
            self._entry(name, arguments, block)
        elif name == "set":
            for each in arguments:
                self._assign(each)
        elif name == "unset":
            for each in arguments:
                self.variables[each] = ""
        elif name == "setparams":
            self._arguments = arguments
        elif name in ("[", "test"):
            self._status = self._test(list(arguments[:-1] if name == "[" else arguments), text)
        elif name == "false":
            self._status = False
        elif name == "search" or name.startswith("search."):
            self._search(name, arguments, text)
        elif name in ("linux", "linuxefi"):
            self._kernel(arguments)
        elif name in ("initrd", "initrdefi"):
            self.initrds = tuple(each.rpartition(":")[2] if each.startswith("newc:") else each for each in arguments)
            if any(each.startswith("newc:") for each in arguments):
                raise UndeterminedError("newc: wraps an initrd, which is not followed")
            for each in self.initrds:
                self._log("file", each)
        elif name in ("source", ".", "configfile"):
            self._source(name, arguments)
        elif name == "boot":
            raise _Booted
        elif name in _ENDS or name.startswith(("linux", "initrd")):
            raise UndeterminedError(f"the command {name} is not followed")
        elif "=" in name:
            self._assign(name)
        elif name not in HARMLESS:
            self._status = self._ask(f"succeeds: {text}", True)

    def _assign(self, text: str) -> None:
        name, equals, value = text.partition("=")
        if equals:
            self.variables[name] = value

    def _expand(self, word: Word) -> list[str]:
        """The words that a word becomes: none for an empty variable without quotes."""
        if len(word.parts) == 1 and word.parts[0].variable and word.parts[0].text in "@*" and word.parts[0].text:
            return list(self._arguments)
        made, some = "", False
        for part in word.parts:
            if not part.variable:
                if not part.quoted and any(c in part.text for c in "*?") and part.text[:1] in "/(":
                    raise UndeterminedError("a pattern of file names")
                made += part.text
                some = some or part.quoted or bool(part.text)
                continue
            value = self._value(part.text)
            if not part.quoted and any(c in " \t\n" for c in value):
                raise UndeterminedError(f"the variable {part.text} has blanks, and is not quoted")
            made += value
            some = some or part.quoted or bool(value)
        return [made] if some else []

    def _value(self, name: str) -> str:
        if name.isdigit():
            number = int(name) - 1
            return self._arguments[number] if 0 <= number < len(self._arguments) else ""
        if name == "#":
            return str(len(self._arguments))
        if name == "?":
            return "0" if self._status else "1"
        if name not in self.variables:
            self.unset.add(name)
            self._ask(f"unset: {name}", True)
        return self.variables.get(name, "")

    def _test(self, words: list[str], text: str) -> bool:
        """An expression of ``test``: and binds closer than or, as GRUB reads them from left to right."""
        result, at = self._terms(words, 0, text)
        if at < len(words):
            raise UndeterminedError("a test that is not understood")
        return result

    def _terms(self, words: list[str], at: int, text: str) -> tuple[bool, int]:
        either, both = False, True
        while at < len(words) and words[at] != ")":
            if words[at] == "-o":
                either, both = either or both, True
                at += 1
                continue
            if words[at] == "-a":
                at += 1
                continue
            value, at = self._term(words, at, text)
            both = both and value
        return (either or both) if words else False, at

    def _term(self, words: list[str], at: int, text: str) -> tuple[bool, int]:
        word = words[at]
        following = words[at + 1] if at + 1 < len(words) else None
        if word == "!" and following is not None:
            value, at = self._term(words, at + 1, text)
            return not value, at
        if word == "(":
            value, at = self._terms(words, at + 1, text)
            return value, at + 1
        third = words[at + 2] if at + 2 < len(words) else None
        if third is not None and following in ("=", "==", "!=", "<", ">", "<=", ">="):
            compared = {
                "=": word == third,
                "==": word == third,
                "!=": word != third,
                "<": word < third,
                ">": word > third,
            }
            return compared.get(following, word <= third if following == "<=" else word >= third), at + 3
        if third is not None and following in ("-eq", "-ne", "-lt", "-le", "-gt", "-ge"):
            try:
                a, b = int(word), int(third)
            except ValueError:
                raise UndeterminedError("a number expected in a test") from None
            found = {"-eq": a == b, "-ne": a != b, "-lt": a < b, "-le": a <= b, "-gt": a > b, "-ge": a >= b}
            return found[following], at + 3
        if word in ("-n", "-z") and following is not None:
            return (following == "") == (word == "-z"), at + 2
        if word in ("-d", "-e", "-f", "-s") and following is not None:
            return self._ask(f"{word} {following}", False), at + 2
        return word != "", at + 1

    def _search(self, name: str, arguments: tuple[str, ...], text: str) -> None:
        kind = name.partition(".")[2] or ""
        variable, wanted, rest = "", "", list(arguments)
        if kind:
            wanted, variable = (rest[0] if rest else ""), (rest[1] if len(rest) > 1 else "root")
        while rest and not kind:
            word = rest.pop(0)
            if word in ("-f", "--file", "-u", "--fs-uuid", "-l", "--label"):
                kind = {"-f": "file", "-u": "fs_uuid", "-l": "label"}.get(word, word[2:].replace("-", "_"))
                continue
        rest = list(arguments) if not wanted else []
        while rest:
            word = rest.pop(0)
            if word in ("-s", "--set") or word.startswith("--set="):
                variable = word.partition("=")[2] or "root"
                if word in ("-s", "--set") and rest and not rest[0].startswith("-") and len(rest) > 1:
                    variable = rest.pop(0)
            elif word.startswith("--hint") and "=" not in word and rest:
                rest.pop(0)
            elif not word.startswith("-"):
                wanted = word
        if kind == "file" or not kind:
            self._ask(f"search: {wanted}", True)
            self._log("file", f"({self.device}){wanted}")
        else:
            self._ask(f"search: {text}", True)
        if variable:
            self.variables[variable] = self.device

    def _kernel(self, arguments: tuple[str, ...]) -> None:
        if not arguments:
            raise UndeterminedError("linux without a kernel")
        self._log("file", arguments[0])
        self._log("cmdline", " ".join(_quoted(each) for each in arguments))

    def _source(self, name: str, arguments: tuple[str, ...]) -> None:
        file = arguments[0] if arguments else ""
        if not self._ask(f"-e {file}", True):
            self._status = False
            return
        self._log("file", file)
        text = self._read(file)
        if text is None:
            raise UndeterminedError(f"the file {file} is not given")
        if name == "configfile":
            self._entries = []
        self._all(parse(text))
        if name == "configfile":
            self._menu()

    def _entry(self, name: str, arguments: tuple[str, ...], block: str | None) -> None:
        if block is None:
            raise UndeterminedError(f"{name} without a block")
        rest, plain, label = list(arguments), [], ""
        while rest:
            word = rest.pop(0)
            option, equals, value = word.partition("=")
            if option in ("--class", "--users", "--hotkey", "--source", "--id"):
                value = value if equals else (rest.pop(0) if rest else "")
                label = value if option == "--id" else label
            elif word != "--unrestricted":
                plain.append(word)
        if not plain:
            raise UndeterminedError(f"{name} without a title")
        self._entries.append(_Entry(plain[0], label or plain[0], tuple(plain), block, name == "submenu"))

    def _menu(self) -> None:
        """Boot the entry that ``default`` names."""
        if not self._entries:
            return
        above = ""
        wanted = self.variables.get("default", "")
        if "default" not in self.variables:
            self.unset.add("default")
            self._ask("unset: default", True)
        while True:
            first, _, wanted = wanted.partition(">")
            entry = self._chosen(first)
            identity = f"{above}>{entry.id}" if above else entry.id
            self.variables["chosen"] = identity
            self._log("command", " ".join(("setparams", *entry.arguments)))
            self._arguments = entry.arguments
            self._entries = []
            self._all(parse(entry.block[1:-1]))
            if not entry.submenu:
                raise _Booted
            if not self._entries:
                raise UndeterminedError("a menu without entries")
            above = identity

    def _chosen(self, wanted: str) -> _Entry:
        if wanted.isdigit() and int(wanted) < len(self._entries):
            return self._entries[int(wanted)]
        return next((each for each in self._entries if wanted and wanted in (each.id, each.title)), self._entries[0])


def _quoted(word: str) -> str:
    """A word of the kernel's command line: with quotes if there is a blank in it, quotes and backslashes escaped."""
    made = "".join("\\" + c if c in "\\\"'" else c for c in word)
    return f'"{made}"' if " " in word else made
