"""Text that somebody else wrote, as people may be shown it: names of files and registers, what an event says."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str) -> str:
    """The text on one line, with what a terminal would act upon escaped.

    Among that are control characters, those that turn the direction of writing or have no width, line ends beyond
    ASCII's, blanks that are no blank, and bytes of a file's name that are no text.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
