"""A page of one table: what a question about a fleet was answered with. All rows are there without a script."""

from __future__ import annotations

from evlog.report.html.escape import text
from evlog.report.html.tables import table
from evlog.report.html.template import file, filled, policy, section

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["sheet"]

_FILES = ("sheet.html", "page.css", "sheet.js")
_FIND = (
    "<form id=find hidden role=search><label>Find <input type=search id=query placeholder=text "
    'aria-keyshortcuts="/" autocomplete=off spellcheck=false></label><output id=count></output></form>'
)


def sheet(
    title: str, about: Sequence[str], heads: Sequence[str], rows: Iterable[Sequence[object]], note: str = ""
) -> Iterator[str]:
    """The page in pieces. Cells are numbers, text and bytes; ``about`` are lines below the title, ``note`` one below
    the table.
    """
    html, style, script = (file(name) for name in _FILES)
    body = table(heads, ([_cell(each) for each in row] for row in rows))
    end = f"<p>{text(note)}</p>" if note else ""
    places = {
        "title": text(title),
        "policy": policy(style, script),
        "style": style,
        "script": script,
        "about": "".join(f"<li>{text(line)}" for line in about),
        "rows": section("answer", "Answer", (_FIND + body if body else "<p>no row</p>") + end),
    }
    yield filled(html, places)


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return f'<code class=value title="{value.hex()}">{value.hex()}</code>'
    return value if isinstance(value, int) and not isinstance(value, bool) else text(value)
