"""The schemas of what evlog prints and reads, and the grammars of textual logs: the files themselves, by id or name.

Rules of the room:

1. It holds no schema: the files are in ``schemas/`` of the source, and beside this one where evlog is installed.
2. A JSON document's ``schema``, such as ``evlog.replay/1``, is the id of the file's ``$id``, ``urn:evlog:replay:1``.
3. Nothing of the toolkit needs a schema to do its work: they are for those who read what it writes.
"""

from __future__ import annotations

from evlog.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["names", "schema"]

_SUFFIX = ".schema.json"
_KINDS = (".json", ".abnf", ".cddl")


def names() -> tuple[str, ...]:
    """What `schema` knows: ids such as ``evlog.replay/1``, and names of files that have none."""
    return tuple(sorted(map(_name_of, _files())))


def schema(name: str) -> bytes:
    """A schema or grammar, by its id (``evlog.replay/1``), URN (``urn:evlog:replay:1``) or file's name.

    Raises UsageError for one that is not known.
    """
    wanted = name
    if name.startswith("urn:evlog:"):
        wanted = f"evlog.{name.removeprefix('urn:evlog:').replace(':', '/')}"
    for path in _files():
        if wanted in (_name_of(path), path.name):
            return path.read_bytes()
    raise UsageError(f"no schema {name!r}; there are {', '.join(names())}")


def _files() -> list[Path]:
    from pathlib import Path

    here = Path(__file__).parent
    # In a checkout the files are where people look for them.
    folder = here if any(here.glob(f"*{_SUFFIX}")) else here.parents[2] / "schemas"
    return [path for path in folder.iterdir() if path.suffix in _KINDS]


def _name_of(path: Path) -> str:
    name = path.name.removesuffix(_SUFFIX)
    return f"{name}/1" if name.startswith("evlog.") and name != path.name else name
