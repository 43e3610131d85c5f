"""GRUB's script language, as far as a configuration has to be followed: words, quotes, blocks, if, for, functions.

Source: GRUB 2.06 and 2.12, grub-core/script/yylex.l, parser.y and execute.c; the manual, "Writing full configuration
files directly". Text is bytes as Latin-1, so that what stands in a block is kept byte for byte.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.errors import ParseError

__all__ = ["Case", "Command", "Function", "Loop", "Part", "Word", "parse"]

_BLANK = " \t"
_END = "\n;"
_KEYWORDS = frozenset(("then", "elif", "else", "fi", "do", "done", "}"))
# Nobody nests deeper, and each level is a call here.
_MAX_DEPTH = 60


class Part(Record):
    """A piece of a word: text, or the name of a variable; quoted ones make a word though they are empty."""

    text: str
    variable: bool = False
    quoted: bool = False


class Word(Record):
    """A word of several pieces."""

    parts: tuple[Part, ...]

    @property
    def plain(self) -> str | None:
        """The text of a word without quotes or variables, or None."""
        return self.parts[0].text if len(self.parts) == 1 and self.parts[0] in (Part(self.parts[0].text),) else None


class Command(Record):
    """Words, and the source of the block behind them, braces included."""

    words: tuple[Word, ...]
    block: str | None = None


class Case(Record):
    """``if``: conditions with what to do, in order, and what else."""

    branches: tuple[tuple[tuple[object, ...], tuple[object, ...]], ...]
    otherwise: tuple[object, ...]


class Loop(Record):
    """``for`` over words, or ``while`` and ``until``, of which ``kind`` tells."""

    kind: str
    variable: str
    words: tuple[Word, ...]
    condition: tuple[object, ...]
    body: tuple[object, ...]


class Function(Record):
    """A function: its name and body."""

    name: str
    body: tuple[object, ...]


def parse(text: str) -> tuple[object, ...]:
    """The commands of a script. Raises ParseError for what GRUB would not read either, or is too deep."""
    parser = _Parser(text)
    found = parser.commands(0)
    if parser.at < len(text):
        raise parser.error("a word that belongs to nothing")
    return found


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def error(self, message: str) -> ParseError:
        return ParseError(message, offset=self.at, where="grub.cfg")

    def commands(self, depth: int) -> tuple[object, ...]:
        """Commands up to a keyword that ends them, which is not read."""
        if depth > _MAX_DEPTH:
            raise self.error("blocks too deep")
        found: list[object] = []
        while True:
            self._skip(_BLANK + _END)
            if self.at >= len(self.text) or self._keyword() in _KEYWORDS:
                return tuple(found)
            found.append(self._command(depth))

    def _command(self, depth: int) -> object:
        keyword = self._keyword()
        if keyword == "if":
            return self._case(depth)
        if keyword in ("for", "while", "until"):
            return self._loop(keyword, depth)
        if keyword == "function":
            self.at += len(keyword)
            name = self._word_here().plain
            self._skip(_BLANK + "\n")
            start = self.at
            self.at += 1
            if name is None or self.text[start : start + 1] != "{":
                raise self.error("a function without name or body")
            body = self.commands(depth + 1)
            self._expect("}")
            return Function(name, body)
        words: list[Word] = []
        block = None
        while True:
            self._skip(_BLANK)
            here = self.text[self.at : self.at + 1]
            if not here or here in _END or (here == "}" and words):
                break
            if here == "{" and words:
                start = self.at
                self.at += 1
                self.commands(depth + 1)
                self._expect("}")
                block = self.text[start : self.at]
                break
            if here in "|&<>{":
                raise self.error(f"{here} is not read here")
            words.append(self._word())
        if not words:
            raise self.error("a command expected")
        return Command(tuple(words), block)

    def _case(self, depth: int) -> Case:
        branches = []
        otherwise: tuple[object, ...] = ()
        self._expect("if")
        while True:
            condition = self.commands(depth + 1)
            self._expect("then")
            branches.append((condition, self.commands(depth + 1)))
            keyword = self._keyword()
            self._expect(keyword)
            if keyword == "else":
                otherwise = self.commands(depth + 1)
                self._expect("fi")
            if keyword in ("else", "fi"):
                return Case(tuple(branches), otherwise)
            if keyword != "elif":
                raise self.error("fi expected")

    def _loop(self, kind: str, depth: int) -> Loop:
        self._expect(kind)
        variable = ""
        words: list[Word] = []
        condition: tuple[object, ...] = ()
        if kind == "for":
            variable = self._word_here().plain or ""
            if self._word_here().plain != "in":
                raise self.error("in expected")
            while True:
                self._skip(_BLANK)
                if self.at >= len(self.text) or self.text[self.at] in _END:
                    break
                words.append(self._word())
        else:
            condition = self.commands(depth + 1)
        self._skip(_BLANK + _END)
        self._expect("do")
        body = self.commands(depth + 1)
        self._expect("done")
        return Loop(kind, variable, tuple(words), condition, body)

    def _keyword(self) -> str:
        """The plain word that begins here, or an empty text."""
        end = self.at
        if self.text[end : end + 1] == "}":
            return "}"
        while end < len(self.text) and (self.text[end].isalnum() or self.text[end] == "_"):
            end += 1
        follows = self.text[end : end + 1]
        return self.text[self.at : end] if not follows or follows in _BLANK + _END + "}" else ""

    def _expect(self, keyword: str) -> None:
        self._skip(_BLANK + _END)
        if not keyword or not self.text.startswith(keyword, self.at):
            raise self.error(f"{keyword or 'a keyword'} expected")
        self.at += len(keyword)

    def _skip(self, what: str) -> None:
        """Blanks, continued lines and comments."""
        text = self.text
        while self.at < len(text):
            here = text[self.at]
            if here in what:
                self.at += 1
            elif text.startswith("\\\n", self.at):
                self.at += 2
            elif here == "#":
                end = text.find("\n", self.at)
                self.at = len(text) if end < 0 else end
            else:
                return

    def _word_here(self) -> Word:
        self._skip(_BLANK)
        return self._word()

    def _word(self) -> Word:
        parts: list[Part] = []
        text = self.text
        while self.at < len(text):
            here = text[self.at]
            if here in _BLANK + _END or here in "|&<>":
                break
            if here == "}" and not parts:
                break
            if here == "\\":
                if text[self.at + 1 : self.at + 2] != "\n":
                    parts.append(Part(text[self.at + 1 : self.at + 2], quoted=True))
                self.at += 2
            elif here == "'":
                end = text.find("'", self.at + 1)
                if end < 0:
                    raise self.error("a quote without its end")
                parts.append(Part(text[self.at + 1 : end], quoted=True))
                self.at = end + 1
            elif here == '"':
                self._double(parts)
            elif here == "$":
                parts.append(self._variable(False))
            else:
                end = self.at
                while end < len(text) and text[end] not in _BLANK + _END + "|&<>\\'\"$":
                    end += 1
                parts.append(Part(text[self.at : end]))
                self.at = end
        if not parts:
            raise self.error("a word expected")
        return Word(tuple(parts))

    def _double(self, parts: list[Part]) -> None:
        self.at += 1
        parts.append(Part("", quoted=True))
        text = self.text
        while text[self.at : self.at + 1] != '"':
            if self.at >= len(text):
                raise self.error("a quote without its end")
            here = text[self.at]
            if here == "$":
                parts.append(self._variable(True))
            elif here == "\\" and text[self.at + 1 : self.at + 2] in ("$", '"', "\\", "\n"):
                parts.append(Part(text[self.at + 1].replace("\n", ""), quoted=True))
                self.at += 2
            else:
                end = self.at + 1
                while end < len(text) and text[end] not in '$\\"':
                    end += 1
                parts.append(Part(text[self.at : end], quoted=True))
                self.at = end
        self.at += 1

    def _variable(self, quoted: bool) -> Part:
        text, start = self.text, self.at + 1
        if not quoted and text[start : start + 1] == '"':
            raise self.error("a text that is to be translated")
        if text[start : start + 1] == "{":
            end = text.find("}", start)
            if end < 0:
                raise self.error("a brace without its end")
            self.at = end + 1
            return Part(text[start + 1 : end], True, quoted)
        if text[start : start + 1] and text[start] in "@*#?0123456789":
            self.at = start + 1
            return Part(text[start], True, quoted)
        end = start
        while end < len(text) and ((text[end].isalnum() and text[end].isascii()) or text[end] == "_"):
            end += 1
        self.at = end
        return Part(text[start:end], True, quoted) if end > start else Part("$", False, quoted)
