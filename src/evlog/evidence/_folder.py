"""Reading the small files of a folder that states register values: furniture of three sources."""

from __future__ import annotations

import os

from evlog.errors import SourceError

#: No attribute of a register is longer; a link to something else may be.
_MAX_VALUE = 1 << 16


def entries(path: str) -> list[str]:
    """The names in a folder, sorted; none if it is no folder or cannot be listed."""
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def value(*parts: str) -> bytes:
    """The bytes of a small file. Raises SourceError for one that cannot be read."""
    path = os.path.join(*parts)
    try:
        with open(path, "rb") as file:
            return file.read(_MAX_VALUE)
    except OSError as error:
        raise SourceError(f"{path}: {(error.strerror or str(error)).lower()}") from error


def text(*parts: str) -> str:
    """A small file as text, without the white space around it."""
    return value(*parts).decode("utf-8", "replace").strip()
