"""The table that `run.py` prints: figures made of what works spent, as text or as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from goals import FIGURES, FLOOR, PEER, At, Figure
from measure import EVLOG, PYTHON, size_of
from peers import LIBRARIES, PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from measure import Spent
    from setting import Setting, Work

#: What is not known.
NONE = "-"
PEERS = (*LIBRARIES, *PROGRAMS)


class Row(NamedTuple):
    """A figure, and what each rival takes of it, in seconds or bytes for each unit."""

    figure: Figure
    values: dict[str, float]

    @property
    def own(self) -> float | None:
        return self.values.get(self.figure.of)

    @property
    def peer(self) -> str:
        """The fastest peer; nothing if there is none."""
        return min((name for name in PEERS if name in self.values), key=self.values.__getitem__, default="")

    @property
    def limit(self) -> float | None:
        """What the goal comes to in this run; None if there is none, or what it is a multiple of was not measured."""
        known = {**self.values, **({PEER: self.values[self.peer]} if self.peer else {})}
        return self.figure.goal.limit(known) if self.figure.goal else None


def rows_of(name: str, work: Work, spent: Mapping[str, Spent], setting: Setting) -> list[Row]:
    """The rows of a work."""
    return [
        Row(figure, {rival: _value(figure, rival, work, each, setting) for rival, each in spent.items()})
        for figure in FIGURES
        if figure.work == name
    ]


def _value(figure: Figure, rival: str, work: Work, spent: Spent, setting: Setting) -> float:
    if figure.measure == "memory":
        return float(max(spent.peak - size_of(*work.paths), 0))
    took: float = getattr(spent, figure.measure)
    begun: float = getattr(setting.start(rival), figure.measure) if rival in work.started else 0
    return max(took - begun, 0) / (work.units if figure.per else 1)


def amount(value: float | None, figure: Figure) -> str:
    """Seconds or bytes, as people write them."""
    if value is None:
        return NONE
    if figure.measure == "memory":
        return f"{value / 1e6:.0f} MB"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}" if value < 1000 * size else f"{value / size:.0f} {unit}"
    return f"{value / 1e-9:.3g} ns"


def ratio(value: float | None, beside: float | None) -> str:
    """How many times; a dash where either is not known."""
    if value is None or not beside:
        return NONE
    return f"{value / beside:.2f}" if value < 10 * beside else f"{value / beside:.0f}"


def goal(row: Row) -> str:
    """A goal in words."""
    wanted = row.figure.goal
    if wanted is None:
        return NONE
    if isinstance(wanted, At):
        return amount(wanted.most, row.figure)
    return f"{wanted.most:g} x {wanted.of}"


class Style(NamedTuple):
    """How the parts of the table are printed."""

    head: Callable[[str], str]
    section: Callable[[str], str]
    row: Callable[[Row], str]


def _cells(row: Row) -> list[str]:
    figure, peer, floor = row.figure, row.peer, row.values.get(FLOOR)
    has_memory = figure.measure == "memory"
    theirs = row.values[peer] if peer else None
    beside = f"{amount(theirs, figure)} {peer}" if peer else NONE
    return [
        what(figure),
        NONE if has_memory else amount(floor, figure),
        beside,
        amount(row.own, figure),
        amount(row.values.get(PYTHON) if figure.of == EVLOG else None, figure),
        NONE if has_memory else ratio(row.own, floor),
        ratio(row.own, theirs),
        goal(row),
        ratio(row.own, row.limit),
    ]


_COLUMNS = ("figure", "floor", "fastest peer", "evlog", "Python", "of floor", "of peer", "goal", "of goal")


def _pipes(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(row: Row) -> str:
    """The figure with its ratios, and every other rival below."""
    figure = row.figure
    theirs = row.values[row.peer] if row.peer else None
    has_memory = figure.measure == "memory"
    told = {
        "of its floor": NONE if has_memory else ratio(row.own, row.values.get(FLOOR)),
        "of the fastest peer": ratio(row.own, theirs),
        f"of its goal ({goal(row)})": ratio(row.own, row.limit),
    }
    ratios = ", ".join(f"{value} {what}" for what, value in told.items() if value != NONE)
    lines = [f"  {figure.name}: {what(figure)}", f"    {amount(row.own, figure):>10}   {ratios}".rstrip()]
    for name, value in row.values.items():
        if name != figure.of and (value or not has_memory):
            more = f" ({figure.floor})" if name == FLOOR and figure.floor else ""
            lines.append(f"      {amount(value, figure):>10}   {name}{more}")
    return "\n".join(lines)


def what(figure: Figure) -> str:
    """A figure in words."""
    return f"{figure.text}, {figure.per}" if figure.per else figure.text


MARKDOWN = Style(
    head=lambda _: "\n".join((_pipes(_COLUMNS), _pipes(["---", *["--:"] * 6, "---", "--:"]))),
    section=lambda title: _pipes([f"**{title}**", *[""] * 8]),
    row=lambda row: _pipes(_cells(row)),
)
TEXT = Style(head=str, section=str, row=_text)
