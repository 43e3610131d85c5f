"""GRUB's ``test``, and ``[`` with it: and binds closer than or, as it is read from left to right.

Source: GRUB 2.06 and 2.12, grub-core/commands/test.c.
"""

from __future__ import annotations

from evlog.predicting.grub_values import UndeterminedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["test"]

_TEXTS = ("=", "==", "!=", "<", ">", "<=", ">=")
_NUMBERS = ("-eq", "-ne", "-lt", "-le", "-gt", "-ge")
_FILES = ("-d", "-e", "-f", "-s")


def test(words: Sequence[str], ask: Callable[[str, bool], bool]) -> bool:
    """Whether an expression holds; what files there are is asked. Raises UndeterminedError for one that is not read."""
    result, at = _terms(words, 0, ask)
    if at < len(words):
        raise UndeterminedError("a test that is not understood")
    return result


def _terms(words: Sequence[str], at: int, ask: Callable[[str, bool], bool]) -> tuple[bool, int]:
    either, both = False, True
    while at < len(words) and words[at] != ")":
        if words[at] == "-o":
            either, both = either or both, True
            at += 1
            continue
        if words[at] == "-a":
            at += 1
            continue
        value, at = _term(words, at, ask)
        both = both and value
    return (either or both) if words else False, at


def _term(words: Sequence[str], at: int, ask: Callable[[str, bool], bool]) -> tuple[bool, int]:
    word = words[at]
    following = words[at + 1] if at + 1 < len(words) else None
    if word == "!" and following is not None:
        value, at = _term(words, at + 1, ask)
        return not value, at
    if word == "(":
        value, at = _terms(words, at + 1, ask)
        return value, at + 1
    third = words[at + 2] if at + 2 < len(words) else None
    if third is not None and following in _TEXTS:
        return _of_texts(word, following, third), at + 3
    if third is not None and following in _NUMBERS:
        return _of_numbers(word, following, third), at + 3
    if following is not None and following[:1] == "-" and following[1:] in ("pgt", "plt", "nt", "ot"):
        raise UndeterminedError(f"the test {following} is not followed")
    if word in ("-n", "-z") and following is not None:
        return (following == "") == (word == "-z"), at + 2
    if word in _FILES and following is not None:
        return ask(f"{word} {following}", False), at + 2
    return word != "", at + 1


def _of_texts(one: str, operator: str, other: str) -> bool:
    if operator in ("=", "=="):
        return one == other
    if operator == "!=":
        return one != other
    return {"<": one < other, ">": one > other, "<=": one <= other, ">=": one >= other}[operator]


def _of_numbers(one: str, operator: str, other: str) -> bool:
    try:
        a, b = int(one), int(other)
    except ValueError:
        raise UndeterminedError("a number expected in a test") from None
    return {"-eq": a == b, "-ne": a != b, "-lt": a < b, "-le": a <= b, "-gt": a > b, "-ge": a >= b}[operator]
