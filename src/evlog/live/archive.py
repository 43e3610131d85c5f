"""A capture's archive: ustar, plain files only, the manifest first, the same bytes for the same content.

Contract: schemas/evlog.capture.schema.json; what reads it is `evlog.intake.captures`, which has the names and limits.
"""

from __future__ import annotations

from evlog import hashing
from evlog.algorithms import SHA256
from evlog.errors import UsageError
from evlog.intake.captures import LONGEST_NAME, MANIFEST, MOST_BYTES, MOST_MEMBERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["archive"]

#: The folders of a capture in their order; within one, members stand as they were taken.
_ORDER = ("registers/before/", "registers/after/", "quotes/", "logs/", "facts/", "other/")


def archive(manifest: dict[str, Any], members: Mapping[str, tuple[bytes, dict[str, Any]]], when: int) -> bytes:
    """The archive of members, each with what its manifest says of it besides name, size and hash; adds them to it.

    Raises UsageError for more members or bytes than a reader takes.
    """
    import io
    import json
    import tarfile

    ordered = sorted(members, key=_place)
    size = sum(len(data) for data, _ in members.values())
    if len(members) > MOST_MEMBERS or size > MOST_BYTES:
        raise UsageError(f"{len(members)} members of {size} bytes, a capture has {MOST_MEMBERS} of {MOST_BYTES}")
    manifest["members"] = [
        {
            "name": name,
            "sha256": hashing.digest(SHA256, members[name][0]).hex(),
            "size": len(members[name][0]),
            **members[name][1],
        }
        for name in ordered
    ]
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        text = json.dumps(manifest, indent=1).encode() + b"\n"
        for name, data in ((MANIFEST, text), *((name, members[name][0]) for name in ordered)):
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(data), when, 0o600
            tar.addfile(info, io.BytesIO(data))
    return made.getvalue()


def _place(name: str) -> int:
    assert len(name) <= LONGEST_NAME
    return next(number for number, folder in enumerate(_ORDER) if name.startswith(folder))
