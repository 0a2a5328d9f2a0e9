"""The tertial as it is published: nation, regions and units, small numbers hidden. Never a case.

Everybody who signs in may look; the national owner (the directorates) also sees who has reported,
accepts, freezes and revises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from cases import organisation
from cases.model import Unit
from core.clock import local_date
from core.errors import BadInput, Conflict, Refused
from reports import lifecycle, trend
from reports.apart import pdf_apart
from reports.definitions import as_defined, codes_with
from reports.experience import labels
from reports.explain import Explained, explained
from reports.export import FORMATS, MEDIA_TYPES, exported
from reports.figures import Figure, Report
from reports.labels import over_and_under
from reports.periods import periods_with_cases
from reports.publish import frozen_revisions, named_missing
from reports.regions import REGIONS
from reports.report import snapshot
from reports.tertial import Period
from reports.views import names_in, tertial_report
from reports.waiting import standing
from web.pages import drawing, figures
from web.pages.forms import Errors, tried
from web.pages.refusals import reason_of
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited, address, to, whole
from web.policy import EVERYBODY, allow

MOST_DIFFERENCES: Final = 200
CHOICES: Final = 9
"""How many tertials are offered, three years."""

router: Final = Pages()


@router.get("/tertial")
@allow(EVERYBODY)
def tertial_page(visit: Visited) -> Response:
    """The published figures of a tertial."""
    return _page(visit, {})


@router.get("/tertial/file")
@allow(EVERYBODY)
def file(visit: Visited) -> Response:
    """The same figures to take away, as CSV, Excel, PDF or JSON."""
    form = visit.asked("format", "csv")
    if form not in FORMATS:
        raise BadInput("unknown_code", "There is no such format.", "format")
    report = _report(visit, period_asked(visit))
    return as_file(visit, report, form, f"tertial-{report.period}")


@router.get("/tertial/definitions")
@allow(EVERYBODY)
def definitions(visit: Visited) -> Response:
    """What every indicator counts, and of what."""
    every = [
        (code, figures.told_as(visit, code), *over_and_under(code, visit.language))
        for code in as_defined(codes_with(()))
    ]
    return page(visit, "pages/tertial_definitions.html", every=every)


@router.post("/tertial")
@allow(lifecycle.OWNING)
def act(visit: Visited) -> Response:
    """Accept what a unit has submitted, freeze the national report, or revise it.

    Whether to freeze is asked first, with all that is missing: what is frozen is never undone.
    """
    period = period_asked(visit)
    do, _, unit = visit.typed("do").partition("/")
    here = address("/tertial", {"period": str(period), "said": do})
    if do == "accept":

        def verb(tx: Connection) -> str:
            lifecycle.accept(tx, visit.viewer, period, unit, now=visit.now)
            return f"{here}#reported"

        answer = tried(visit, verb)
        return answer if isinstance(answer, Response) else _page(visit, answer, status=409)
    if do not in ("freeze", "revise"):
        raise BadInput("unknown_code", "This button is not known here.", "do")
    if visit.typed("sure") != do:
        asked = address("/tertial", {"period": str(period), "ask": do})
        return RedirectResponse(f"{asked}#reported", 303)
    act_on = lifecycle.freeze if do == "freeze" else lifecycle.revise
    threshold = visit.house.settings.small_number_threshold
    try:
        act_on(visit.house.db, visit.viewer, period, now=visit.now, threshold=threshold)
    except Conflict:
        # A double click: the report is frozen, and that is what was asked for.
        return to("/tertial", {"period": str(period)})
    except Refused as why:
        return _page(visit, {"": reason_of(visit.translate, why)}, status=409)
    return to("/tertial", {"period": str(period), "said": do})


def as_file(visit: Visit, report: Report, form: str, name: str) -> Response:
    """A report as a download; its name says the tertial and the revision."""
    revision = f"-r{report.revision}" if report.revision else ""
    if form == "pdf":
        body = pdf_apart(report)
    else:
        body = exported(report, form, names_in(visit.house.db, report))
    return Response(
        body,
        media_type=MEDIA_TYPES[form],
        headers={
            "Content-Disposition": f'attachment; filename="{name}{revision}.{form}"',
            "Cache-Control": "no-store",
        },
    )


def period_asked(visit: Visit) -> Period:
    """The tertial of the address or the form; else the one that ended last."""
    asked = visit.typed("period") or visit.asked("period")
    if asked:
        return Period.parse(asked)
    return Period.of(Period.of(local_date(visit.now)).first_on - timedelta(days=1))


def periods_offered(tx: Connection, visit: Visit, period: Period) -> list[Period]:
    """The tertials that can be chosen, the newest first."""
    today = Period.of(local_date(visit.now))
    found = periods_with_cases(tx, today, back=CHOICES)
    return sorted({*found, period}, reverse=True)


def named(visit: Visit, periods: Sequence[Period]) -> list[tuple[str, str]]:
    """Tertials as choices."""
    return [(str(each), f"{each} ({figures.long(visit.translate, each)})") for each in periods]


def _report(visit: Visit, period: Period) -> Report:
    revision = visit.asked("revision")
    return tertial_report(
        visit.house.db,
        visit.viewer,
        period,
        now=visit.now,
        threshold=visit.house.settings.small_number_threshold,
        revision=whole(revision),
    )


def _page(visit: Visit, errors: Errors, *, status: int = 200) -> Response:
    house, viewer, now = visit.house, visit.viewer, visit.now
    period = period_asked(visit)
    indicator = visit.asked("indicator", figures.USUAL)
    indicator = indicator if indicator in figures.COMPARED else figures.USUAL
    region = visit.asked("region")
    region = region if region in REGIONS else ""
    owns = viewer.role in lifecycle.OWNING
    with snapshot(house.db) as tx:
        offered = periods_offered(tx, visit, period)
        back = periods_with_cases(tx, period, back=trend.BACK)
    if period.first_at > now:
        return page(
            visit,
            "pages/tertial.html",
            status,
            report=None,
            values={"period": str(period)},
            periods=named(visit, offered),
            period=period,
            long=figures.long(visit.translate, period),
            errors=errors,
        )
    report = _report(visit, period)
    threshold = house.settings.small_number_threshold
    series = trend.published_series(house.db, back, indicator, now=now, threshold=threshold)
    with snapshot(house.db) as tx:
        there = {each.code: each for each in organisation.units(tx, period.last_on)}
        revisions = frozen_revisions(tx, period)
        told = standing(tx, viewer, period, now=now) if owns else []
        told.sort(key=lambda part: _name(there, part.unit))
        experiences = lifecycle.experiences(tx, viewer, period) if owns else {}
        differs = _differs(tx, visit, period, report, revisions)
    nation = series.get(("nation", "", indicator), {})
    name = figures.told_as(visit, indicator)
    return page(
        visit,
        "pages/tertial.html",
        status,
        report=report,
        period=period,
        long=figures.long(visit.translate, period),
        periods=named(visit, offered),
        values={
            "period": str(period),
            "indicator": indicator,
            "region": region,
            "revision": str(report.revision or ""),
        },
        indicators=[(code, figures.told_as(visit, code)) for code in figures.COMPARED],
        name=name,
        groups=figures.grouped(visit, report.nation, _of_nation(series), back),
        parts=figures.parts(visit, report.nation),
        nation=figures.line(
            visit, indicator, visit.translate("Hele landet"), report.nation[indicator]
        ),
        regions=_places(visit, "region", report.regions, {}, series, indicator, back),
        units=[
            each
            for each in _places(visit, "unit", report.units, there, series, indicator, back)
            if region in ("", each.region)
        ],
        mark=_share(report.nation[indicator]),
        chart=drawing.over_time(
            figures.dots(visit, nation, back), name, figures.says(visit, nation, back)
        ),
        over_time=[
            (str(each), figures.line(visit, indicator, name, nation[str(each)]))
            for each in back
            if str(each) in nation
        ],
        unpublished=[str(each) for each in back if str(each) not in nation],
        revisions=revisions,
        missing=[_name(there, code) for code in named_missing(report.seal)],
        owns=owns,
        ended=period.next_at <= now,
        told=told,
        waiting=[part.unit for part in told if part.state == "open"],
        to_accept=[part.unit for part in told if part.state == "submitted"],
        names={code: each.name for code, each in there.items()},
        experiences=_experiences(visit, experiences),
        differs=differs,
        bar=drawing.bar,
        told_as=lambda code: figures.told_as(visit, code),
        short=lambda figure: figures.numbers(visit, figure),
        ask=visit.asked("ask"),
        said=visit.told("said"),
        errors=errors,
        all_regions=REGIONS,
        to_file=lambda form: address(
            "/tertial/file",
            {"period": str(period), "revision": report.revision or "", "format": form},
        ),
    )


def _of_nation(series: trend.Series) -> Mapping[str, Mapping[str, Figure]]:
    return {code: told for (level, _, code), told in series.items() if level == "nation"}


def _places(  # noqa: PLR0917 - a table's level, its places, and what stands beside them
    visit: Visit,
    level: str,
    places: Mapping[str, Mapping[str, Figure]],
    there: Mapping[str, Unit],
    series: trend.Series,
    indicator: str,
    back: Sequence[Period],
) -> list[figures.Line]:
    """One indicator of every place, by name; a place says where it lies."""
    found = [
        figures.line(
            visit,
            place,
            _name(there, place) if level == "unit" else place,
            cells[indicator],
            moved=figures.moved(visit, series.get((level, place, indicator), {}), back),
            region=there[place].region if place in there else "",
        )
        for place, cells in places.items()
    ]
    return found if level == "region" else sorted(found, key=lambda each: each.name)


def _name(there: Mapping[str, Unit], code: str) -> str:
    return there[code].name if code in there else code


def _share(figure: Figure) -> float | None:
    return None if figure.suppressed or figure.value is None else float(figure.value)


def _experiences(
    visit: Visit, told: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[tuple[str, list[str], str]]]:
    """What each unit told, in words: question, answers, text."""
    said = labels(visit.language)
    return {
        unit: [
            (
                said[question]["label"],
                [said[question].get(code, code) for code in answer["codes"]],
                answer["text"],
            )
            for question, answer in body.items()
            if answer["codes"] or answer["text"]
        ]
        for unit, body in told.items()
    }


def _differs(
    tx: Connection, visit: Visit, period: Period, report: Report, revisions: Sequence[int]
) -> Explained | None:
    """What a frozen revision changed against the one before it."""
    if report.revision < 2 or report.revision - 1 not in revisions:
        return None
    return explained(
        tx,
        visit.viewer,
        period,
        report.revision - 1,
        report.revision,
        threshold=visit.house.settings.small_number_threshold,
    )
