"""The frame of a page: its files put together, and the policy that lets nothing out and nothing else run."""

from __future__ import annotations

import re
from functools import cache

__all__ = ["file", "filled", "policy", "section"]

_PLACE = re.compile(r"\{\{(\w+)\}\}")


@cache
def file(name: str) -> str:
    """A file of the page as it is: HTML, style, script."""
    from importlib.resources import files

    return files("evlog.report.html").joinpath(name).read_text("utf-8")


def filled(template: str, places: dict[str, str]) -> str:
    """The template with each ``{{place}}`` filled by HTML."""
    return _PLACE.sub(lambda found: places[found[1]], template)


def policy(*run: str) -> str:
    """A Content-Security-Policy that lets the page's own style and script be, by their hashes, and nothing else."""
    from base64 import b64encode
    from hashlib import sha256

    style, script = (f"'sha256-{b64encode(sha256(each.encode()).digest()).decode()}'" for each in run)
    return f"default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'"


def section(id: str, title: str, body: str) -> str:
    """A section of the page with a heading; nothing if there is no body."""
    return f"<section id={id} aria-labelledby={id}-title><h2 id={id}-title>{title}</h2>{body}</section>" if body else ""
