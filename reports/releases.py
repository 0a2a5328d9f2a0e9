"""I6, I7, I8, I10, I13, I16 and I17: how people were released, counted in the database."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Date, FromClause, and_, bindparam, exists, func, select

from cases.model import Form, HandedOver
from cases.tables import case_, task
from reports.counting import FROM_ON, IN_ERROR, TO_ON, Counting, done, how_many
from reports.tertial import before_closed_days


def _releases_statement() -> Any:
    informed, trained, talk, handed = (
        task.alias(name) for name in ("informed", "trained", "talk", "handed")
    )

    def before_release(one: FromClause) -> ColumnElement[bool]:
        return and_(done(one), one.c.done_at <= case_.c.released_at)

    def held(one: FromClause, code: str) -> ColumnElement[bool]:
        return and_(one.c.case_id == case_.c.id, one.c.code == code, before_release(one))

    sprays = (HandedOver.CARD_AND_SPRAY.value, HandedOver.SPRAY_ONLY.value)
    with_spray = and_(
        handed.c.case_id == case_.c.id,
        handed.c.code == "handed_over",
        handed.c.state == "done",
        handed.c.answer.in_(sprays),
    )
    left_out = (
        exists()
        .where(
            task.c.case_id == case_.c.id,
            task.c.required,
            task.c.klass == "before_release",
            ~before_release(task),
        )
        .correlate(case_)
    )
    accepted = case_.c.accepted_at_release
    released = (
        select(
            case_.c.released_unit.label("unit"),
            case_.c.released_on,
            case_.c.release_notice.label("notice"),
            accepted.label("accepted"),
            informed.c.code.is_not(None).label("informed"),
            trained.c.code.is_not(None).label("trained"),
            talk.c.code.is_not(None).label("talked"),
            talk.c.form,
            handed.c.code.is_not(None).label("spray"),
            and_(accepted, ~left_out).label("whole"),
        )
        # Tasks are only looked at where the person took part at the release.
        .outerjoin(informed, and_(accepted, held(informed, "brief_info")))
        .outerjoin(trained, and_(accepted, held(trained, "naloxone_training")))
        .outerjoin(talk, and_(accepted, held(talk, "talk_held")))
        .outerjoin(handed, and_(accepted, with_spray))
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
    before_closed = bindparam("before_closed", type_=Date, expanding=True)
    return select(
        each.unit,
        func.count().label("released"),
        how_many(each.accepted, "accepted"),
        *(how_many(each[name], name) for name in ("informed", "trained", "talked", "spray")),
        *(how_many(each.form == form.value, form.value) for form in Form),
        how_many(each.whole, "whole"),
        how_many(planned, "planned"),
        how_many(and_(planned, each.whole), "planned_whole"),
        how_many(each.notice == "unplanned", "unplanned"),
        how_many(each.notice == "unknown", "notice_unknown"),
        how_many(each.released_on.in_(before_closed), "before_closed_day"),
    ).group_by(each.unit)


_RELEASES: Final = _releases_statement()


def releases(counting: Counting) -> None:
    """Add I6–I8, I10, I13, I16 and I17, for the unit that released."""
    add = counting.tally.add
    closed_days = before_closed_days(counting.question.period)
    for from_on, to_on in counting.eras():
        binds = {"from_on": from_on, "to_on": to_on, "before_closed": closed_days}
        for row in counting.tx.execute(_RELEASES, binds).mappings():
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
