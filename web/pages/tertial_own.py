"""A unit's own figures, nothing hidden: what they say, what can be learned, and the report sent in.

For the unit's staff; another unit's figures do not exist for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import Response

from core.clock import local_date
from core.errors import BadInput
from reports import lifecycle
from reports.experience import (
    LONGEST,
    QUESTIONS,
    cleaned,
    codes_of,
    experience_from,
    labels,
)
from reports.export import FORMATS
from reports.figures import Cells, Figure
from reports.learning import Stage
from reports.lifecycle import SUBMITTING
from reports.own_unit import LONGEST_WAIT, Learned, learned
from reports.publish import frozen_revisions
from reports.report import snapshot
from reports.submitted import Submitted, changed_since, submitted
from reports.tertial import Period
from reports.views import tertial_report
from web.i18n import marked
from web.pages import drawing, figures, rows
from web.pages.follow_up import FOLLOWING
from web.pages.forms import Errors, tried
from web.pages.rendering import page
from web.pages.tertial import as_file, named, period_asked, periods_offered
from web.pages.visit import Pages, Visit, Visited, address
from web.policy import CASE_WORKERS, allow

router: Final = Pages()

STAGES: Final = {
    "offered": marked("Fått tilbud"),
    "accepted": marked("Takket ja"),
    "trained": marked("Opplært i nalokson"),
    "talk": marked("Løslatelsessamtale"),
    "appointment": marked("Time i hånden"),
    "attended": marked("Møtt til første avtale"),
}
_SIGNALS: Final = {
    "above": marked("over grensen"),
    "below": marked("under grensen"),
    "run": marked("åtte på rad på samme side"),
}
_LENGTH: Final = marked("Teksten har %(count)s tegn. Det er plass til %(most)s.")


@router.get("/tertial/own")
@allow(CASE_WORKERS)
def own_page(visit: Visited) -> Response:
    """A unit's own figures."""
    return _page(visit, {})


@router.get("/tertial/own/file")
@allow(CASE_WORKERS)
def own_file(visit: Visited) -> Response:
    """The unit's figures to take away."""
    form = visit.asked("format", "csv")
    if form not in FORMATS:
        raise BadInput("unknown_code", "There is no such format.", "format")
    period, unit = period_asked(visit), visit.asked("unit")
    report = tertial_report(
        visit.house.db,
        visit.viewer,
        period,
        now=visit.now,
        threshold=visit.house.settings.small_number_threshold,
        view="unit",
        unit=unit,
    )
    return as_file(visit, report, form, f"tertial-{period}-{unit}")


@router.post("/tertial/own")
@allow(SUBMITTING)
def submit(visit: Visited) -> Response:
    """Send the unit's figures in as they are now, with what the unit has experienced.

    Whether to send them without a word of experience is asked first.
    """
    period, unit = period_asked(visit), visit.typed("unit")

    def verb(tx: Connection) -> str:
        told = experience_from(
            {
                question: {
                    "codes": visit.typed_all(f"{question}-codes"),
                    "text": visit.typed(f"{question}-text"),
                }
                for question in QUESTIONS
            }
        )
        here = {"period": str(period), "unit": unit}
        lifecycle.check_submit(tx, visit.viewer, period, unit, now=visit.now)
        if not told.told and visit.typed("sure") != "submit":
            return f"{address('/tertial/own', here | {'ask': 'submit'})}#ask"
        lifecycle.submit(tx, visit.viewer, period, unit, told, now=visit.now)
        return address("/tertial/own", here | {"said": "submitted"})

    answer = tried(visit, verb)
    if isinstance(answer, Response):
        return answer
    told = {_field(name): _worded(visit, name, text) for name, text in answer.items()}
    return _page(visit, told, status=422)


def _field(name: str) -> str:
    """The field that an error of the experience report is about."""
    return f"{name}-text" if name in QUESTIONS else name


def _worded(visit: Visit, name: str, text: str) -> str:
    """What is wrong with a field; of a text that is too long, by how much."""
    count = len(cleaned(visit.typed(f"{name}-text"))) if name in QUESTIONS else 0
    if count <= LONGEST:
        return text
    return visit.translate(_LENGTH, count=count, most=LONGEST)


def _page(visit: Visit, errors: Errors, *, status: int = 200) -> Response:
    viewer, now = visit.viewer, visit.now
    period = period_asked(visit)
    indicator = visit.asked("indicator", "I13")
    indicator = indicator if indicator in figures.COMPARED else "I13"
    with snapshot(visit.house.db) as tx:
        units = rows.unit_names(tx, viewer, local_date(now))
        asked = visit.typed("unit") or visit.asked("unit") or next(iter(units), "")
        offered = periods_offered(tx, visit, period)
        common: dict[str, Any] = {
            "units": units,
            "unit": asked,
            "period": period,
            "long": figures.long(visit.translate, period),
            "periods": named(visit, offered),
            "errors": errors,
            "said": visit.told("said"),
            "values": {"period": str(period), "unit": asked, "indicator": indicator},
        }
        if period.first_at > now:
            return page(visit, "pages/tertial_own.html", status, learned=None, **common)
        found = learned(tx, viewer, period, asked, now=now, indicator=indicator)
        part = lifecycle.part_of(tx, period, asked)
        sent = submitted(tx, period, asked)
        frozen = bool(frozen_revisions(tx, period))
        expected = lifecycle.expected(tx, period, asked, now=now)
        before = lifecycle.experiences(tx, viewer, period).get(asked, {})
    ended = period.next_at <= now
    may_submit = viewer.role in SUBMITTING and ended and expected and part.state != "accepted"
    own = found.reports[str(period)]
    back = [Period.parse(each) for each in found.reports if _has_something(found.reports[each])]
    back = back if period in back else [*back, period]
    series = _series(found.reports)
    name = figures.told_as(visit, indicator)
    return page(
        visit,
        "pages/tertial_own.html",
        status,
        learned=found,
        groups=figures.grouped(visit, own, series, back),
        parts=figures.parts(visit, own),
        indicators=[(code, figures.told_as(visit, code)) for code in figures.COMPARED],
        name=name,
        funnel=_funnel(visit, found.funnel),
        control=_control(visit, found, back, name),
        verdict=_verdict(visit, found),
        over_time=[
            (str(each), figures.line(visit, indicator, name, series[indicator][str(each)]))
            for each in back
        ],
        days=_days(visit, found),
        hints=_hints(visit, own, asked),
        part=part,
        ended=ended,
        changed=_changed(visit, sent, own),
        replaces=may_submit and part.state == "submitted" and not frozen,
        left_out=_left_out(visit, own, found.without_appointment),
        expected=expected or part.state != "open",
        may_submit=may_submit,
        asks=may_submit and visit.asked("ask") == "submit",
        told_before=bool(before),
        late=local_date(now) > period.due_on,
        questions=_questions(visit, before),
        bar=drawing.bar,
        to_file=lambda form: address(
            "/tertial/own/file", {"period": str(period), "unit": asked, "format": form}
        ),
        **common,
    )


def _changed(visit: Visit, sent: Submitted | None, own: Cells) -> list[tuple[str, str, str]]:
    """What is other now than was sent in: the indicator, what was sent in, and what it is now."""
    if sent is None:
        return []
    return [
        (
            figures.told_as(visit, each.code),
            figures.numbers(visit, each.sent),
            figures.numbers(visit, each.now),
        )
        for each in changed_since(sent, own)
    ]


def _left_out(visit: Visit, own: Cells, without: int) -> dict[str, str]:
    """Who is not in an indicator, by its code: those whom its denominator leaves out."""
    _ = visit.translate
    found = {}
    if without:
        found["I12"] = _(
            "%(count)s av %(all)s løslatte deltakere hadde ingen bekreftet avtale og er ikke med.",
            count=without,
            all=own["I11"].denominator,
        )
    if unknown := own["I14.unknown"].numerator:
        found["I14"] = _("%(count)s med ukjent utfall er ikke med.", count=unknown)
    return found


def _series(reports: Mapping[str, Cells]) -> dict[str, dict[str, Figure]]:
    """Indicator → tertial → figure."""
    found: dict[str, dict[str, Figure]] = {}
    for period, cells in reports.items():
        for code, figure in cells.items():
            found.setdefault(code, {})[period] = figure
    return found


def _has_something(cells: Cells) -> bool:
    """Whether anybody was admitted, took part or was released."""
    told = (cells[code] for code in ("I1", "I3", "I16"))
    return any(each.denominator or each.numerator for each in told)


def _funnel(visit: Visit, stages: tuple[Stage, ...]) -> list[tuple[str, Stage, float | None]]:
    return [
        (
            visit.translate(STAGES[stage.name]),
            stage,
            stage.reached / stage.of if stage.of and stage.reached is not None else None,
        )
        for stage in stages
    ]


def _control(visit: Visit, found: Learned, back: list[Period], name: str) -> Any:
    """The indicator over the tertials, with the limits of what chance explains."""
    points = {each.period: each for each in found.control.points}
    enough = found.control.enough
    told = dict(found.over_time)
    dots = [
        drawing.Dot(
            figures.short(each),
            points[str(each)].value,
            "" if points[str(each)].value is None else figures.value_of(visit, told[str(each)]),
            points[str(each)].low if enough else None,
            points[str(each)].high if enough else None,
            points[str(each)].signal is not None,
        )
        for each in back
    ]
    says = figures.says(visit, told, back)
    return drawing.over_time(dots, name, says, centre=found.control.centre if enough else None)


def _verdict(visit: Visit, found: Learned) -> str:
    """Whether there is a change that chance does not explain, in words."""
    _ = visit.translate
    if not found.control.enough:
        return _("For få tertialer til å skille endring fra tilfeldighet: fem trengs.")
    signals = [
        f"{point.period} {_(_SIGNALS[point.signal])}"
        for point in found.control.points
        if point.signal is not None
    ]
    if signals:
        return _("Mer enn tilfeldig: %(which)s.", which=", ".join(signals))
    return _("Ingenting her er mer enn tilfeldig variasjon.")


def _days(visit: Visit, found: Learned) -> Any:
    """Days from release to the first appointment; every day has its place, also those without."""
    if not found.first_days:
        return None
    _ = visit.translate
    through = range(max(found.first_days) + 1)
    numbers = [found.first_days.get(day, 0) for day in through]
    says = "; ".join(
        _("dag %(day)s: %(count)s", day=day, count=count) for day, count in found.first_days.items()
    )
    below = _("Dager fra løslatelse til første avtale")
    if max(found.first_days) == LONGEST_WAIT:
        below = _("Dager fra løslatelse til første avtale (%(most)s: eller mer)", most=LONGEST_WAIT)
    return drawing.columns(numbers, _("Dager til første avtale"), says, below=below)


def _hints(visit: Visit, own: Cells, unit: str) -> list[tuple[str, str, str]]:
    """What is worth a look before the figures are sent in; beside it a list of today and its name.

    The lists hold what is open today, the figures what stood when the period ended: a link says
    what it leads to, and never that it leads to those that were counted.
    """
    _ = visit.translate
    found = []
    if count := own["I14.unknown"].numerator:
        text = _("Første avtaler uten kjent utfall: %(count)s", count=count)
        follows = visit.viewer.role in FOLLOWING
        found.append((text, _("de som er ute nå"), "/follow-up" if follows else ""))
    if count := own["I19"].numerator:
        text = _("Oppgaver over fristen da perioden sluttet: %(count)s", count=count)
        found.append(
            (text, _("det som står over fristen i dag"), address("/overdue", {"unit": unit}))
        )
    if count := own["I16.notice_unknown"].numerator:
        text = _("Løslatelser som bare er kjent fra innsattlisten: %(count)s", count=count)
        found.append((text, "", ""))
    if count := own["I5.not_held"].numerator:
        text = _("Innkomstsamtaler som ikke er ført: %(count)s", count=count)
        late = address("/overdue", {"unit": unit, "step": "INTAKE_TALK"})
        found.append((text, _("innkomstsamtaler som står over fristen i dag"), late))
    return found


def _questions(visit: Visit, before: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The form of the experience report, filled in with what was typed or told last."""
    said = labels(visit.language)
    typed = visit.request.method == "POST"
    found = []
    for question in QUESTIONS:
        answer = before.get(question, {})
        codes = visit.typed_all(f"{question}-codes") if typed else answer.get("codes", ())
        text = visit.typed(f"{question}-text") if typed else answer.get("text", "")
        found.append(
            {
                "name": question,
                "label": said[question]["label"],
                "options": [
                    (code, said[question][code], code in codes) for code in codes_of(question)
                ],
                "text": text,
            }
        )
    return found
