"""Charts as SVG for pages and paper: labelled, with a title and a description, without script.

Every chart also comes as the sentence that says the same (`Drawing.says`), for those who do not
see it. Hidden figures are left out and counted in the description. The same figures give the same
bytes. Importing this module loads the drawing engine, which is heavy: import it where it is used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import altair as alt
import vl_convert as vlc

from reports.figures import Figure, Report, percent
from reports.labels import name_of
from reports.learning import Chart, Stage, funnel, wilson

INK: Final = "#1a1a1a"
BLUE: Final = "#0b5c8a"
RED: Final = "#b3253c"
GREY: Final = "#6b7280"
FONT: Final = "Inter, sans-serif"
WIDTH: Final = 560
"""Pixels of a chart's plot; pages scale it."""

LEAST_DAYS: Final = 7
"""The axis of days reaches at least so far, so that early and late look alike everywhere."""

_SIGNAL: Final = {"above": "over grensen", "below": "under grensen", "run": "åtte på rad"}
_STAGES: Final = {
    "offered": "Fått tilbud",
    "accepted": "Takket ja",
    "trained": "Opplært i nalokson",
    "talk": "Løslatelsessamtale",
    "appointment": "Time i hånden",
    "attended": "Møtt til første avtale",
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart: its title, the SVG (UTF-8), and in words what it shows."""

    title: str
    svg: bytes
    says: str


def trend(code: str, told: Sequence[tuple[str, Figure]], place: str) -> Drawing:
    """An indicator over tertials, the oldest first."""
    rows = [
        {
            "tertial": period,
            "andel": figure.value,
            "tekst": ":" if figure.suppressed else percent(figure),
        }
        for period, figure in told
    ]
    title = f"{name_of(code)}: {place}"
    base = alt.Chart(_rows(rows)).encode(
        x=_along("tertial", "Tertial"),
        y=alt.Y("andel:Q", title="Andel", scale=alt.Scale(domain=[0, 1]), axis=_percents()),
    )
    drawn = base.mark_line(color=BLUE, point={"color": BLUE, "size": 60}) + base.mark_text(
        dy=-12, color=INK
    ).encode(text="tekst:N")
    says = "; ".join(f"{row['tertial']} {row['tekst']}" for row in rows) or "ingen tall"
    return _drawn(drawn.properties(width=WIDTH, height=240), title, _missing(says, told))


def units_against_nation(report: Report, code: str, *, first: bool = False) -> Drawing:
    """Each unit's share with the interval that its small number leaves open, and the nation's.

    `first` tells the nation's as the first papers did: a whole per cent.
    """
    shown = {unit: figures[code] for unit, figures in report.units.items()}
    rows = []
    for unit, figure in shown.items():
        if figure.value is not None and figure.numerator is not None and figure.denominator:
            low, high = wilson(figure.numerator, figure.denominator)
            rows.append(
                {"enhet": report.names.get(unit, unit), "andel": figure.value, "fra": low,
                 "til": high, "tekst": f"{figure.numerator} av {figure.denominator}"}
            )  # fmt: skip
    rows.sort(key=lambda row: (-float(row["andel"]), str(row["enhet"])))
    base = alt.Chart(_rows(rows)).encode(
        y=alt.Y("enhet:N", title="Enhet", sort=None),
    )
    share = alt.X("andel:Q", title="Andel", scale=alt.Scale(domain=[0, 1]), axis=_percents())
    drawn = (
        base.mark_rule(color=GREY, strokeWidth=2).encode(x=alt.X("fra:Q"), x2="til:Q")
        + base.mark_point(color=BLUE, filled=True, size=70).encode(x=share)
        + base.mark_text(align="left", dx=8, dy=-7, color=INK, fontSize=10).encode(
            x="andel:Q", text="tekst:N"
        )
    )
    nation = report.nation[code].value if report.nation else None
    if nation is not None:
        line = alt.Chart(_rows([{"landet": nation}]))
        drawn += line.mark_rule(color=RED, strokeDash=[5, 3]).encode(x="landet:Q")
    title = f"{name_of(code)}: enhetene mot landet"
    says = "; ".join(f"{row['enhet']} {row['tekst']}" for row in rows) or "ingen enhet vises"
    if nation is not None:
        told = _whole(nation) if first else percent(report.nation[code])
        says = f"Landet (stiplet) {told}. Strekene er 95 % intervaller. {says}"
    return _drawn(
        drawn.properties(width=WIDTH, height=max(80, 22 * len(rows))),
        title,
        _missing(says, [(report.names.get(unit, unit), f) for unit, f in shown.items()]),
    )


def funnel_chart(stages: Sequence[Stage], place: str) -> Drawing:
    """Where cases fall out, from the offer to the first appointment attended."""
    rows = [
        {"trinn": _STAGES[stage.name], "andel": stage.reached / stage.of,
         "tekst": f"{stage.reached} av {stage.of}"}
        for stage in stages
        if stage.reached is not None and stage.of
    ]  # fmt: skip
    base = alt.Chart(_rows(rows)).encode(
        y=alt.Y("trinn:N", title=None, sort=None),
        x=alt.X("andel:Q", title="Andel av dem det gjaldt", scale=alt.Scale(domain=[0, 1]),
                axis=_percents()),
    )  # fmt: skip
    drawn = base.mark_bar(color=BLUE) + base.mark_text(align="left", dx=5, color=INK).encode(
        text="tekst:N"
    )
    says = "; ".join(f"{row['trinn']} {row['tekst']}" for row in rows) or "ingen tall"
    hidden = [(stage.name, Figure(None, stage.reached, None)) for stage in stages]
    hidden = [(name, figure) for name, figure in hidden if figure.numerator is None]
    if hidden:
        says = f"{says}. Skjult: {len(hidden)}"
    return _drawn(drawn.properties(width=WIDTH, height=210), f"Trinn for trinn: {place}", says)


def days_chart(days: Mapping[int, int], without: int, place: str) -> Drawing:
    """Days from the release to the first appointment, of a unit's own released participants."""
    # Days on which nobody had one stand there too: a gap is part of the picture.
    last = max(*days, LEAST_DAYS) if days else LEAST_DAYS
    rows = [{"dager": day, "antall": days.get(day, 0)} for day in range(last + 1)]
    drawn = (
        alt.Chart(_rows(rows))
        .mark_bar(color=BLUE, size=0.8 * WIDTH / (last + 1))
        .encode(
            x=alt.X(
                "dager:Q",
                title="Dager fra løslatelse til første avtale",
                scale=alt.Scale(domain=[-0.5, last + 0.5], nice=False),
                axis=alt.Axis(tickMinStep=1, format="d", grid=False),
            ),
            y=alt.Y("antall:Q", title="Antall", axis=alt.Axis(tickMinStep=1)),
        )
    )
    says = "; ".join(f"dag {day}: {number}" for day, number in sorted(days.items()))
    return _drawn(
        drawn.properties(width=WIDTH, height=200),
        f"Dager til første avtale: {place}",
        f"{says or 'ingen avtaler'}; uten avtale: {without}",
    )


def control_chart(code: str, chart: Chart, place: str) -> Drawing:
    """A p-chart: each tertial with its limits; what chance does not explain is marked."""
    rows: list[dict[str, Any]] = [
        {"tertial": p.period, "andel": p.value, "fra": p.low, "til": p.high,
         "tegn": _SIGNAL.get(p.signal or "", "")}
        for p in chart.points
        if p.value is not None
    ]  # fmt: skip
    base = alt.Chart(_rows(rows)).encode(x=_along("tertial", "Tertial"))
    share = alt.Y("andel:Q", title="Andel", scale=alt.Scale(domain=[0, 1]), axis=_percents())
    drawn = (
        base.mark_line(color=GREY, strokeDash=[4, 3], interpolate="step").encode(y="fra:Q")
        + base.mark_line(color=GREY, strokeDash=[4, 3], interpolate="step").encode(y="til:Q")
        + base.mark_line(color=BLUE, point={"color": BLUE, "size": 60}).encode(y=share)
        + base.mark_text(dy=-14, color=RED, fontWeight="bold").encode(y="andel:Q", text="tegn:N")
    )
    if chart.centre is not None:
        centre = alt.Chart(_rows([{"midt": chart.centre}]))
        drawn += centre.mark_rule(color=INK).encode(y="midt:Q")
    signals = [f"{p.period} {_SIGNAL[p.signal]}" for p in chart.points if p.signal]
    says = (
        "; ".join(
            f"{p.period} {percent(Figure(p.value, p.numerator, p.denominator))}"
            for p in chart.points
            if p.value is not None
        )
        or "ingen tall"
    )
    verdict = (
        f"Ikke tilfeldig: {', '.join(signals)}"
        if signals
        else "Ingenting her er mer enn tilfeldig variasjon"
        if chart.enough
        else "For få tertialer til å si noe"
    )
    return _drawn(
        drawn.properties(width=WIDTH, height=240),
        f"{name_of(code)}, kontrolldiagram: {place}",
        f"{verdict}. Midtlinje {_whole(chart.centre)}. {says}",
    )


def of_report(report: Report, code: str = "I11", *, first: bool = False) -> list[Drawing]:
    """The charts that go with a published report; `first` as in `units_against_nation`."""
    place = "hele landet"
    units = units_against_nation(report, code, first=first)
    return [funnel_chart(funnel(report.nation), place), units]


def _rows(values: Sequence[Mapping[str, Any]]) -> Any:
    return alt.Data(values=values)  # type: ignore[no-untyped-call]


def _along(field: str, title: str) -> Any:
    return alt.X(f"{field}:O", title=title, sort=None, axis=alt.Axis(labelAngle=0))


def _percents() -> Any:
    return alt.Axis(format=".0%", values=[0, 0.2, 0.4, 0.6, 0.8, 1])


def _whole(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"


def _missing(says: str, told: Sequence[tuple[str, Figure]]) -> str:
    hidden = [name for name, figure in told if figure.suppressed]
    return f"{says}. Skjult (små tall): {', '.join(hidden)}" if hidden else says


def _drawn(chart: Any, title: str, says: str) -> Drawing:
    # Room at the right: a text beside the longest bar may run over the plot.
    styled = (
        chart.configure(
            font=FONT, background="white", padding={"left": 5, "top": 12, "right": 70, "bottom": 5}
        )
        .configure_axis(
            labelColor=INK, titleColor=INK, labelFontSize=12, titleFontSize=12, labelLimit=260
        )
        .configure_view(stroke=None)
    )
    svg = vlc.vegalite_to_svg(styled.to_dict())
    return Drawing(title, _described(svg, title, says).encode(), says)


def _described(svg: str, title: str, says: str) -> str:
    """Give the picture its name and description, and take away what only a script would read."""
    svg = re.sub(r'\s(?:aria-[a-z]+|role|tabindex)="[^"]*"', "", svg)
    said = f"<title>{escape(title)}</title><desc>{escape(says)}</desc>"
    opening = svg.index(">", svg.index("<svg")) + 1
    head = svg[: opening - 1] + ' role="img" aria-label="' + escape(title, quote=True) + '">'
    return head + said + svg[opening:]
