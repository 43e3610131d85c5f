"""GRUB's variables, and the words that a script's words become.

Source: GRUB 2.06 and 2.12, grub-core/script/execute.c (grub_script_env_get, grub_script_arglist_to_argv) and script/
argv.c (grub_script_argv_split_append); normal/main.c for what is set before a configuration is read.
"""

from __future__ import annotations

from evlog.errors import EvlogError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from evlog.predicting.grub_script import Word

__all__ = ["UndeterminedError", "Values"]

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
_BLANK = " \t\n\r\v\f"
#: What GRUB or a module of it may set or know; another variable has only what a configuration gives it.
_OWN = frozenset(
    (
        "?", "biosnum", "check_appended_signatures", "check_signatures", "chosen", "cmdpath", "color_highlight",
        "color_normal", "config_directory", "config_file", "debug", "default", "fallback", "gfxmode", "gfxpayload",
        "gfxterm_font", "icondir", "lang", "locale_dir", "lockdown", "menu_color_highlight", "menu_color_normal",
        "pager", "prefix", "root", "secondary_locale_dir", "shim_lock", "superusers", "theme", "timeout",
        "timeout_style", "tpm_fail_fatal",
    )
)  # fmt: skip
_OWN_PREFIXES = ("net_", "pxe_", "grub_", "feature_", "smbios", "appleloader")


class UndeterminedError(EvlogError):
    """The configuration goes on in a way that neither it nor the log tells."""


class Values:
    """Variables and positional arguments. ``ask(question, likely)`` confirms what is only likely to be so.

    Where GRUB was started from, and where it found what it searched, is likely until the log shows it.
    """

    def __init__(self, prefix: str, ask: Callable[[str, bool], bool]) -> None:
        self.arguments: tuple[str, ...] = ()
        self.status = True
        self._ask = ask
        self._values = {"grub_platform": "efi", "grub_cpu": "x86_64"}
        self._values.update((f"feature_{name}", "y") for name in _FEATURES)
        #: Whether an environment block was read of which nobody told the variables.
        self.environment = False
        self._guessed: set[str] = set()
        #: Set by a command to something that only the machine knows.
        self._lost: set[str] = set()
        #: What a menu within a menu, or another configuration, still knows.
        self.exported = {*self._values, "prefix", "cmdpath", "root", "chosen", "config_file", "config_directory"}
        self._outside: list[tuple[dict[str, str], set[str], set[str]]] = []
        self.guess("prefix", prefix)
        self.guess("cmdpath", prefix)
        self.guess("root", prefix[1:].partition(")")[0])

    def set(self, name: str, value: str) -> None:
        self._values[name] = value
        self._guessed.discard(name)
        self._lost.discard(name)

    def guess(self, name: str, value: str) -> None:
        """A value that is likely."""
        self.set(name, value)
        self._guessed.add(name)

    def unset(self, name: str) -> None:
        self.set(name, "")

    def lose(self, name: str) -> None:
        """Some command sets it, and nobody knows to what."""
        self._values.pop(name, None)
        self._lost.add(name)

    def enter(self) -> None:
        """Into a context of its own, which knows what is exported."""
        self._outside.append((self._values, self._guessed, self._lost))
        self._values = {name: value for name, value in self._values.items() if name in self.exported}
        self._guessed, self._lost = set(self._guessed), set(self._lost)

    def leave(self) -> None:
        """Out of it, back to what was known before."""
        self._values, self._guessed, self._lost = self._outside.pop()

    def has(self, name: str) -> bool:
        return name in self._values

    def value(self, name: str) -> str:
        """The value, empty if nothing set it. Raises UndeterminedError."""
        if name in self._lost:
            raise UndeterminedError(f"the variable {name} is set by a command to what the machine tells")
        if name not in self._values:
            if self.environment or name in _OWN or name.startswith(_OWN_PREFIXES):
                self._ask(f"unset: {name}", True)
            return ""
        value = self._values[name]
        if name in self._guessed and not self._ask(f"{name}={value}", True):
            raise UndeterminedError(f"the variable {name} is not {value}, and nothing tells what it is")
        return value

    def expand(self, word: Word) -> list[str]:
        """The words that a word becomes: none for an empty variable without quotes."""
        made: list[str | None] = [None]
        for part in word.parts:
            if not part.variable:
                if not part.quoted and any(c in part.text for c in "*?") and part.text[:1] in "/(":
                    raise UndeterminedError("a pattern of file names")
                if part.quoted or part.text:
                    made[-1] = (made[-1] or "") + part.text
                continue
            for number, value in enumerate(self._words(part.text, part.quoted)):
                if number:
                    made.append(None)
                made[-1] = (made[-1] or "") + value
        return [each for each in made if each is not None]

    def _words(self, name: str, quoted: bool) -> list[str]:
        """What a variable stands for: several words for the arguments, and for blanks without quotes."""
        if name == "*" and quoted:
            return [" ".join(self.arguments)]
        if name and name in "@*":
            values = list(self.arguments)
        elif name.isdigit():
            number = int(name) - 1
            values = [self.arguments[number]] if 0 <= number < len(self.arguments) else []
        elif name == "#":
            values = [str(len(self.arguments))]
        elif name == "?":
            values = ["0" if self.status else "1"]
        else:
            values = [self.value(name)]
        if quoted:
            return values
        found: list[str] = []
        for value in values:
            if value[:1] and value[0] in _BLANK:
                raise UndeterminedError(f"the variable {name} begins with a blank, and is not quoted")
            found += value.split()
        return found
