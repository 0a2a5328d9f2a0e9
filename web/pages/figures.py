"""Figures of a report as their tables want them, written as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from reports.definitions import SHARES, TASKS_DONE, WAITING, codes_with, is_count
from reports.figures import Cells, Figure, percent
from reports.labels import name_of
from reports.tertial import Period
from web.i18n import Translate, marked
from web.pages import drawing
from web.pages.visit import Visit

HIDDEN: Final = ":"
NOTHING: Final = "–"

GROUPS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (marked("Tilbudet"), ("I1", "I2", "I3", "I4", "I20", "I20.withdrawn")),
    (marked("Innkomst"), ("I5",)),
    (marked("Før løslatelsen"), ("I6", "I7", "I10", "I13", "I13.planned")),
    (marked("Ut av porten"), ("I8", "I9", "I11", "I11b")),
    (marked("Etter løslatelsen"), ("I12", "I14", "I15")),
    (marked("Løslatelsene"), ("I16", "I17")),
    (marked("Frister"), ("I19",)),
    (
        marked("Enhetene"),
        ("I18", "I18.naloxone", "I18.distributor", "I18.in_time", "I18.experience"),
    ),
)
"""The indicators in the order of the way out; their parts stand apart."""

MAIN: Final = tuple(code for _, codes in GROUPS for code in codes)
COMPARED: Final = tuple(code for code in MAIN if code in SHARES and not code.startswith("I18"))
"""What places are compared by: shares of persons."""

USUAL: Final = "I11"

_MONTHS: Final = {
    1: marked("januar–april"),
    2: marked("mai–august"),
    3: marked("september–desember"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of a table. `share` is drawn as a bar; None for counts and what is hidden."""

    code: str
    name: str
    value: str
    numerator: str
    denominator: str
    pending: str
    share: float | None
    hidden: bool
    moved: Markup | None = None
    region: str = ""


def line(
    visit: Visit,
    code: str,
    name: str,
    figure: Figure,
    *,
    moved: Markup | None = None,
    region: str = "",
) -> Line:
    """A figure ready for its row."""
    pending = "" if figure.pending is None else str(figure.pending)
    if code in WAITING and figure.pending is None:
        pending = HIDDEN
    if figure.suppressed:
        hidden = HIDDEN if not is_count(code) else ""
        return Line(
            code, name, HIDDEN, hidden, hidden, pending, None, hidden=True, moved=moved,
            region=region,
        )  # fmt: skip
    share = figure.value if figure.denominator is not None else None
    return Line(
        code,
        name,
        value_of(visit, figure),
        str(figure.numerator) if figure.denominator is not None else "",
        str(figure.denominator) if figure.denominator is not None else "",
        pending,
        None if share is None else float(share),
        hidden=False,
        moved=moved,
        region=region,
    )


def value_of(visit: Visit, figure: Figure) -> str:
    """`66,7 %`, `12`, `:` for what is hidden, `–` for a share of nothing."""
    if figure.suppressed:
        return HIDDEN
    if figure.denominator is None:
        return str(figure.numerator)
    return percent(figure, point="." if visit.language == "en" else ",")


def numbers(visit: Visit, figure: Figure | None) -> str:
    """A figure in a cell of differences: `12/40`, `7`, `:`, or a dash where there was none."""
    if figure is None:
        return NOTHING
    if figure.suppressed or figure.denominator is None:
        return value_of(visit, figure)
    return f"{figure.numerator}/{figure.denominator}"


def grouped(
    visit: Visit,
    cells: Cells,
    series: Mapping[str, Mapping[str, Figure]],
    periods: Sequence[Period],
) -> list[tuple[str, list[Line]]]:
    """The main indicators of a place in their groups, with how they moved over the tertials."""
    return [
        (
            visit.translate(title),
            [
                line(
                    visit,
                    code,
                    name_of(code, visit.language),
                    cells[code],
                    moved=moved(visit, series.get(code, {}), periods),
                )
                for code in codes
                if code in cells
            ],
        )
        for title, codes in GROUPS
    ]


def parts(visit: Visit, cells: Cells) -> list[Line]:
    """What is not among the main indicators: parts of them, and tasks done."""
    rest = [code for code in codes_with(cells) if code in cells and code not in MAIN]
    return [line(visit, code, name_of(code, visit.language), cells[code]) for code in rest]


def moved(visit: Visit, told: Mapping[str, Figure], periods: Sequence[Period]) -> Markup | None:
    """How a figure moved, as a small drawing that says it in words; None for a single tertial."""
    if len(periods) < 2:
        return None
    figures = [told.get(str(each)) for each in periods]
    values = [
        None if figure is None or figure.suppressed or figure.value is None else float(figure.value)
        for figure in figures
    ]
    if sum(value is not None for value in values) < 2:
        return None
    says = ", ".join(
        f"{short(each)} {_spoken(visit, figure)}"
        for each, figure in zip(periods, figures, strict=True)
    )
    return drawing.spark(values, says)


def dots(visit: Visit, told: Mapping[str, Figure], periods: Iterable[Period]) -> list[drawing.Dot]:
    """A share over tertials as points of a chart."""
    found = []
    for each in periods:
        figure = told.get(str(each))
        if figure is None:
            found.append(drawing.Dot(short(each), None, ""))
        else:
            share = None if figure.suppressed or figure.value is None else float(figure.value)
            found.append(drawing.Dot(short(each), share, value_of(visit, figure)))
    return found


def says(visit: Visit, told: Mapping[str, Figure], periods: Iterable[Period]) -> str:
    """The same in words."""
    return "; ".join(f"{short(each)}: {_spoken(visit, told.get(str(each)))}" for each in periods)


def short(period: Period) -> str:
    """`T2 26`."""
    return f"T{period.number} {period.year % 100:02}"


def long(translate: Translate, period: Period) -> str:
    """`mai–august 2026`."""
    return f"{translate(_MONTHS[period.number])} {period.year}"


def told_as(visit: Visit, code: str) -> str:
    """The name of an indicator in the visitor's language."""
    return name_of(code, visit.language)


def is_task(code: str) -> bool:
    """Whether the code counts a task done."""
    return code.startswith(TASKS_DONE)


def _spoken(visit: Visit, figure: Figure | None) -> str:
    if figure is None:
        return visit.translate("ikke publisert")
    if figure.suppressed:
        return visit.translate("skjult")
    if figure.denominator:
        return f"{value_of(visit, figure)} ({figure.numerator}/{figure.denominator})"
    return value_of(visit, figure)
