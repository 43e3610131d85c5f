"""A hook of mkdocs: what leads out of the documents to the source's files is a name there, and no link."""

from __future__ import annotations

import re
from typing import Any


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """The page's text with such links as names."""
    depth = page.file.src_uri.count("/") + 1
    outside = re.compile(rf"\[([^\]]+)\]\((?:\.\./){{{depth}}}([^)]+)\)")
    return outside.sub(lambda link: f"{link[1]} (`{link[2]}` in the source)", markdown)
