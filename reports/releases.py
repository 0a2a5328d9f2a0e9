"""I6, I7, I8, I10, I13, I16 and I17: how people were released, counted in the database."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, func, not_, select

from cases.model import Form, HandedOver
from cases.tables import case_, task
from core.listed import one_of
from reports.counting import FROM_ON, IN_ERROR, TO_ON, Counted, Counting, among, done, how_many
from reports.tertial import before_closed_days

_INFORMED, _TRAINED, _TALKED, _SPRAY, _LEFT_OUT = 1, 2, 4, 32, 64
_FORMS: Final = {Form.GROUP: 8, Form.INDIVIDUAL: 16}
"""What the tasks of a released person say, as one number: so they are read once, in one go."""


def _found() -> ColumnElement[int]:
    """The number of a case: of every core task what it gave; `_LEFT_OUT` for each one missing."""
    before_release = and_(done(task), task.c.done_at <= case_.c.released_at)
    sprays = (HandedOver.CARD_AND_SPRAY.value, HandedOver.SPRAY_ONLY.value)
    form = case(*((task.c.form == form.value, bit) for form, bit in _FORMS.items()), else_=0)
    gave = case(
        (
            task.c.code == "handed_over",
            case((and_(task.c.state == "done", among(task.c.answer, sprays)), _SPRAY), else_=0),
        ),
        (not_(before_release), 0),
        (task.c.code == "brief_info", _INFORMED),
        (task.c.code == "naloxone_training", _TRAINED),
        (task.c.code == "talk_held", _TALKED + form),
        else_=0,
    )
    left_out = and_(task.c.required, task.c.klass == "before_release", not_(before_release))
    return (
        select(func.coalesce(func.sum(gave + case((left_out, _LEFT_OUT), else_=0)), 0))
        .where(task.c.case_id == case_.c.id)
        .correlate(case_)
        .scalar_subquery()
    )


def _releases_statement() -> Any:
    accepted = case_.c.accepted_at_release
    released = (
        select(
            case_.c.released_unit.label("unit"),
            case_.c.released_on,
            case_.c.release_notice.label("notice"),
            accepted.label("accepted"),
            # Tasks are only looked at where the person took part at the release.
            case((accepted, _found()), else_=_LEFT_OUT).label("found"),
        )
        .where(
            case_.c.released_on >= FROM_ON,
            case_.c.released_on < TO_ON,
            case_.c.destination == "liberty",
            case_.c.id.not_in(IN_ERROR),
        )
        .cte("released")
        .prefix_with("MATERIALIZED")
    )
    each = released.c
    planned = and_(each.accepted, each.notice != "unplanned")
    whole = each.found < _LEFT_OUT

    def has(bit: int) -> ColumnElement[bool]:
        return each.found.op("&")(bit) != 0

    return select(
        each.unit,
        func.count().label("released"),
        how_many(each.accepted, "accepted"),
        how_many(has(_INFORMED), "informed"),
        how_many(has(_TRAINED), "trained"),
        how_many(has(_TALKED), "talked"),
        how_many(has(_SPRAY), "spray"),
        *(how_many(has(bit), form.value) for form, bit in _FORMS.items()),
        how_many(whole, "whole"),
        how_many(planned, "planned"),
        how_many(and_(planned, whole), "planned_whole"),
        how_many(each.notice == "unplanned", "unplanned"),
        how_many(each.notice == "unknown", "notice_unknown"),
        how_many(one_of(each.released_on, "before_closed"), "before_closed_day"),
    ).group_by(each.unit)


_RELEASES: Final = Counted(_releases_statement())


def releases(counting: Counting) -> None:
    """Add I6–I8, I10, I13, I16 and I17, for the unit that released."""
    add = counting.tally.add
    closed_days = before_closed_days(counting.question.period)
    for from_on, to_on in counting.eras():
        binds = {"from_on": from_on, "to_on": to_on, "before_closed": closed_days}
        for row in _RELEASES.rows(counting.tx, binds):
            where = row["unit"], counting.regions.region_on(row["unit"], from_on)
            add("I6", *where, row["informed"], row["accepted"])
            add("I7", *where, row["trained"], row["accepted"])
            add("I8", *where, row["spray"], row["accepted"])
            add("I10", *where, row["talked"], row["accepted"])
            for form in Form:
                add(f"I10.{form}", *where, row[form], row["accepted"])
            add("I13", *where, row["whole"], row["accepted"])
            add("I13.planned", *where, row["planned_whole"], row["planned"])
            add("I16", *where, row["unplanned"], row["released"])
            add("I16.notice_unknown", *where, row["notice_unknown"], row["released"])
            add("I17", *where, row["before_closed_day"], row["released"])
