"""What a notebook shows of a value: the tables of the page, with a style of their own and no script."""

from __future__ import annotations

from itertools import islice

from evlog.report.html import tables
from evlog.report.html.escape import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.comparing.diff import Difference
    from evlog.model import Log
    from evlog.replaying.replay import Replay
    from evlog.verifying.verify import Verification

__all__ = ["difference", "log", "replay", "verification"]

#: Events of a log that a notebook shows.
_SOME = 100
_TONES = {"verified": "good", "replayable": "odd", "accepted": "odd", "read": "odd", "no": "bad"}
_STYLE = (
    "<style>.evlog td,.evlog th{text-align:left;vertical-align:top}.evlog .value{display:inline-block;max-width:17ch;"
    "overflow:hidden;text-overflow:ellipsis;white-space:nowrap;vertical-align:bottom}.evlog b.good{color:#17663a}"
    ".evlog b.bad{color:#a8201a}.evlog b.odd{color:#7d4e00}.evlog td.n{text-align:right}</style>"
)


def log(shown: Log) -> str:
    """What the log is, and its first events."""
    from evlog.decoders import Context, decode
    from evlog.decoders.describe import short_type, summary

    context = Context.of(shown)
    rows = (
        [
            event.number,
            tables.title_of(event.register, shown.platform),
            short_type(event),
            text(summary(event, decode(event, context))),
        ]
        for event in islice(shown.events, _SOME)
    )
    table = tables.table(("event", "register", "type", "what it says"), rows)
    left = len(shown.events) - _SOME
    more = f"<p>and {left} more events</p>" if left > 0 else ""
    return _framed(f"<p>{tables.about(shown)}</p>{table}{more}")


def replay(shown: Replay) -> str:
    """The registers and their values."""
    return _framed(tables.replayed(shown, None))


def verification(shown: Verification) -> str:
    """What it comes to, the registers, and what stands behind their values."""
    answer = f"<p><b class={_TONES[shown.word]}>{'ok' if shown.ok else 'not verified'}</b> {shown.word}</p>"
    return _framed(answer + tables.verified(shown) + tables.evidence(shown.evidence))


def difference(shown: Difference) -> str:
    """What differs."""
    return _framed(tables.difference(shown))


def _framed(body: str) -> str:
    return f"{_STYLE}<div class=evlog>{body}</div>"
