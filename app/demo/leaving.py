"""How imprisonments end in a demo's year, and what is done at the gate and in the weeks after."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Final

from app.demo.agenda import at_work
from app.demo.answers import Answers
from app.demo.dates import UNPLANNED, WayOut
from app.demo.meetings import Meetings
from app.demo.rosters import Rosters
from app.demo.shelf import Shelf
from app.demo.stories import Story
from app.demo.world import Life, World, minutes
from cases import release, service, short_form
from cases.model import Participation, Phase, Role, TaskState
from cases.service import TaskDone
from cases.short_form import ShortForm, suggested_call
from core.clock import local

_TO: Final = {WayOut.HOME_DETENTION: "home_detention", WayOut.DEPORTED: "deported"}
_CLOSED: Final = frozenset({WayOut.DIED, WayOut.TRANSFERRED_OUT, WayOut.IN_ERROR})
FORGOTTEN: Final = 0.04
"""The share of the releases not typed in at the gate that lie for days."""


class Leaving:
    """Releases, closings, and the follow-up."""

    def __init__(
        self, world: World, *, rosters: Rosters, answers: Answers, meetings: Meetings, shelf: Shelf
    ) -> None:
        self._world = world
        self._rosters = rosters
        self._answers = answers
        self._meetings = meetings
        self._shelf = shelf

    def expect(self, life: Life, now: datetime) -> None:
        """Put the end of an imprisonment on the agenda, and what the person will do."""
        stay = life.stay
        at = max(stay.leaves_at, now)
        self._world.agenda.add(at, partial(self._leave, life))
        if stay.story is Story.DIED_INSIDE:
            kit_at = stay.leaves_at - timedelta(days=3)
            self._world.agenda.add(kit_at, partial(self._shelf.into_property, life))
        if stay.withdraws_at is not None:
            self._world.agenda.add(stay.withdraws_at, partial(self._answers.withdraw, life))
        if stay.dies_at is not None:
            self._world.agenda.add(stay.dies_at, partial(self._die, life))

    # --- the gate ----------------------------------------------------------------------------

    def _leave(self, life: Life, now: datetime) -> None:
        if not life.in_books:
            return
        life.gone_at = now
        way, chance = life.stay.way_out, life.chance
        if way in _CLOSED:
            later = at_work(now + minutes(chance, 30, 600), chance, office=True)
            self._world.agenda.add(later, partial(self._close, life, way.value, now))
        elif way in UNPLANNED:
            self._leave_unplanned(life, now)
        elif life.stay.recorded_at_the_gate:
            self._release(life, now, now)
        else:
            self._leave_unrecorded(life, now)

    def _leave_unrecorded(self, life: Life, now: datetime) -> None:
        """Nobody types it in at the gate: the office does later, or the roster says it."""
        chance = life.chance
        if life.stay.story is Story.FORGOTTEN or chance.random() < FORGOTTEN:
            later = at_work(now + timedelta(days=chance.uniform(6, 12)), chance, office=True)
            self._world.agenda.add(later, partial(self._release, life, now))
        elif chance.random() < 0.5:
            self._in_roster(life, now)
        else:
            later = at_work(now + timedelta(hours=chance.uniform(1, 30)), chance, office=True)
            self._world.agenda.add(later, partial(self._release, life, now))

    def _in_roster(self, life: Life, now: datetime) -> None:
        self._rosters.say(life, now, released=f"{local(now):%d.%m.%Y %H:%M}")

    def _release(self, life: Life, released_at: datetime, now: datetime) -> None:
        if not life.in_books:
            return
        role = Role.OFFICER if released_at == now else Role.COORDINATOR
        case = release.release(
            self._world.tx,
            self._world.viewer(life.unit, role),
            life.there.ref,
            now=now,
            released_at=released_at,
            to=_TO.get(life.stay.way_out, "liberty"),
        )
        self._world.follow(life, case, now)

    def _leave_unplanned(self, life: Life, now: datetime) -> None:
        """From court, with hours' notice: mostly with the short form, sometimes just gone."""
        chance = life.chance
        drawn = chance.random()
        later = now + minutes(chance, 20, 240)
        if life.stay.careful or drawn < 0.58:
            self._world.agenda.add(later, partial(self._short_form, life, now))
        elif drawn < 0.82:
            self._world.agenda.add(later, partial(self._release_unplanned, life, now))
        else:
            self._in_roster(life, now)

    def _release_unplanned(self, life: Life, released_at: datetime, now: datetime) -> None:
        if not life.in_books:
            return
        case = release.release(
            self._world.tx,
            self._world.viewer(life.unit, Role.OFFICER),
            life.there.ref,
            now=now,
            released_at=released_at,
            unplanned=life.stay.way_out.value,
        )
        self._world.follow(life, case, now)

    def _short_form(self, life: Life, released_at: datetime, now: datetime) -> None:
        if not life.in_books:
            return
        chance, habits = life.chance, self._world.habits_of(life)
        answer = life.there.participation
        asked = answer in (Participation.NOT_ASKED, Participation.NOT_NOW)
        careful = life.stay.careful
        agrees = answer is Participation.ACCEPTED or (asked and (careful or chance.random() < 0.6))
        form = ShortForm(accepted=False if asked and not agrees else None)
        if agrees:
            spray = habits.naloxone and (careful or chance.random() < 0.7)
            call = suggested_call(released_at)
            form = ShortForm(
                risk_talk=careful or chance.random() < 0.9,
                signs_and_113=careful or chance.random() < 0.9,
                spray=spray,
                short_training=spray,
                card=careful or chance.random() < 0.85,
                call_booked_at=call if call > now and chance.random() < 0.8 else None,
                sharing={"health": True, "nav": chance.random() < 0.7} if asked else {},
                accepted=True if asked else None,
            )
        case = short_form.release_unplanned(
            self._world.tx,
            self._world.viewer(life.unit, Role.HEALTH),
            life.there.ref,
            life.stay.way_out.value,
            form,
            now=now,
            released_at=released_at,
        )
        life.kit = life.kit and not form.spray
        self._world.follow(life, case, now)

    def _close(self, life: Life, reason: str, closed_at: datetime, now: datetime) -> None:
        if not life.goes_on(now):
            return
        case = release.close(
            self._world.tx,
            self._world.viewer(life.unit, Role.COORDINATOR),
            life.there.ref,
            reason,
            now=now,
            closed_at=closed_at,
        )
        self._world.follow(life, case, now)

    def _die(self, life: Life, now: datetime) -> None:
        if life.there.phase is Phase.FOLLOW_UP and life.goes_on(now):
            later = at_work(now + timedelta(hours=life.chance.uniform(3, 60)), life.chance,
                            office=True)  # fmt: skip
            self._world.agenda.add(later, partial(self._close, life, "died", now))

    # --- after it ----------------------------------------------------------------------------

    def watch(self, life: Life, now: datetime) -> None:
        """See that somebody is out, and put the follow-up on the agenda."""
        if life.in_books or life.followed:
            return
        life.followed = True
        if life.there.phase is not Phase.FOLLOW_UP:
            self._shelf.back(life, now)
            return
        self._meetings.after_release(life, now)
        chance, careful = life.chance, life.stay.careful
        if life.is_open("handed_over"):
            diligence = self._world.habits_of(life).diligence
            if careful or chance.random() < diligence + 0.4 * (1 - diligence):
                # Given at the gate; typed in there and then, or by the office a little later.
                quick = careful or chance.random() < diligence
                days = chance.uniform(0.002, 0.05) if quick else chance.uniform(0.5, 6)
                at = at_work(now + timedelta(days=days), chance, office=False)
                self._world.agenda.add(at, partial(self._hand_over, life))
        if life.stay.story is Story.REFILL or chance.random() < 0.05:
            at = at_work(now + timedelta(days=chance.uniform(5, 20)), chance, office=True)
            self._world.agenda.add(at, partial(self._shelf.refill, life))

    def _hand_over(self, life: Life, now: datetime) -> None:
        if not life.goes_on(now) or life.task("handed_over").state is not TaskState.OPEN:
            return
        released_at = life.there.released_at or now
        card = life.is_done("card_printed")
        if not card and not life.kit:
            return
        answer = "card_and_spray" if card and life.kit else "card_only" if card else "spray_only"
        case = service.complete_task(
            self._world.tx,
            self._world.viewer(life.unit, Role.OFFICER),
            life.there.ref,
            TaskDone("handed_over", min(released_at + timedelta(minutes=2), now), answer=answer),
            now=now,
        )
        life.kit = False
        self._world.follow(life, case, now)
