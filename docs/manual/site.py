"""A hook of mkdocs: what leads out of the documents to the source's files is a name there, and no link."""

from __future__ import annotations

import re
from typing import Any

_OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+(?!(?:verify|command|library|cookbook|glossary|formats|findings|speed|images)\b)([^)]+)\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page's text with such links as names."""
    return _OUTSIDE.sub(lambda link: f"{link[1]} (`{link[2]}` in the source)", markdown)
