"""A report as PDF: the forms' tertial sheet filled with the figures, charts and definitions.

Paper outlives the version that printed it. What was first printed of a frozen report can still be
made (`first=True`), so that such a paper is known again as genuine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from forms.document_pdf import document_pdf
from forms.tertial_sheet import Figure as Row
from forms.tertial_sheet import Figures, Picture, TertialSheet, document
from reports.charts import of_report
from reports.definitions import COUNTS, SHARES
from reports.export_csv import as_csv, as_text
from reports.figures import Cells, Report, Seal, percent
from reports.labels import NATION, name_of, over_and_under, state_of
from reports.publish import named_missing

LANGUAGE: Final = "nb"
_SAID_LATER: Final = frozenset(c for c in (*COUNTS, *SHARES) if "." in c) - {"I20.withdrawn"}
"""Parts that got words of their own after the first papers."""


def as_pdf(report: Report, *, first: bool = False) -> bytes:
    """The report on paper. The same report gives the same bytes.

    Units are told by the names that are kept with the report, and by their codes where none are.
    `first` prints it as the first papers were: their shares were rounded twice, and the parts of an
    indicator were told by their names alone.
    """
    seal, names = report.seal, report.names
    places = [
        *(((NATION, report.nation),) if report.nation else ()),
        *report.regions.items(),
        *((names.get(unit, unit), figures) for unit, figures in report.units.items()),
    ]
    scope = NATION if report.nation else ", ".join(names.get(unit, unit) for unit in report.units)
    codes = list(dict.fromkeys(code for _, figures in places for code in figures))
    sheet = TertialSheet(
        language=LANGUAGE,
        period=report.period,
        scope=scope,
        state=state_of(report),
        revision=report.revision or None,
        as_of=report.as_of,
        due_on=report.due_on,
        figures=tuple(Figures(place, _rows(figures, first=first)) for place, figures in places),
        charts=tuple(
            Picture(drawing.title, drawing.svg, drawing.says)
            for drawing in (of_report(report, first=first) if report.nation else ())
        ),
        definitions=tuple((code, _defined(code, first=first)) for code in codes),
        sha256=seal.sha256 if seal is not None else None,
        chain_heads=(seal.chain_heads,) if seal is not None and seal.chain_heads else (),
        csv_name=f"tertial-{report.period}.csv",
        csv=as_csv(report),
        notes=_notes(seal, names),
        hides=report.view != "unit",
    )
    return document_pdf(document(sheet))


def _rows(figures: Cells, *, first: bool) -> tuple[Row, ...]:
    rows = []
    for code, figure in figures.items():
        value, numerator, denominator, pending = as_text(code, figure)
        if figure.value is not None and figure.denominator is not None:
            twice = f"{100 * figure.value:.1f} %".replace(".", ",")
            value = twice if first else percent(figure)
        rows.append(Row(code, name_of(code), value, numerator, denominator, pending))
    return tuple(rows)


def _defined(code: str, *, first: bool) -> str:
    over, under = over_and_under(code)
    if first and code in _SAID_LATER:
        over, under = name_of(code).lower(), over_and_under(code.partition(".")[0])[1]
    return f"{name_of(code)}. Teller: {over}" + (f". Nevner: {under}" if under else "")


def _notes(seal: Seal | None, names: Mapping[str, str]) -> tuple[str, ...]:
    said = (
        "Personer med strengt fortrolig adresse (kode 6) er ikke med i noe tall.",
        "En person som er møtt i flere enheter, telles én gang i regionen og i landet.",
    )
    missing = [names.get(unit, unit) for unit in named_missing(seal)]
    return (
        *(said if seal is not None and seal.notes else ()),
        *((f"Uten rapport: {', '.join(missing)}.",) if missing else ()),
    )
