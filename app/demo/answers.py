"""The answer to the offer, in a demo's year: asked, asked again, taken back; and the consents."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Final

from app.demo.agenda import at_work
from app.demo.world import Life, World, minutes
from cases import service
from cases.model import Participation, Role

_REASONS: Final = ("no_need", "no_need", "no_trust", "no_time", "other", None, None)
_CONSENTS: Final = (
    ("sms", None, 0.72),
    ("sharing", "health", 0.85),
    ("sharing", "nav", 0.82),
    ("sharing", "municipality", 0.7),
    ("research", None, 0.35),
)
"""Purpose, receiver, and how many agree."""


class Answers:
    """The health service asking, and people answering."""

    def __init__(self, world: World) -> None:
        self._world = world

    def ask(self, life: Life, now: datetime) -> None:
        """Ask; the person says what comes next among the wishes."""
        if not life.inside:
            return
        wishes = life.stay.wishes
        wish = wishes[min(life.asked, len(wishes) - 1)]
        life.asked += 1
        if wish == life.there.participation and wish != Participation.NOT_NOW:
            return
        reason = life.chance.choice(_REASONS) if wish == Participation.DECLINED else None
        self._record(life, wish, reason, now)
        more = life.asked < len(wishes)
        if wish == Participation.NOT_NOW:
            self._again(life, now, days=14 + life.chance.uniform(-0.5, 3))
        elif wish == Participation.DECLINED and more:
            self._again(life, now, days=life.chance.uniform(4, 50))

    def _again(self, life: Life, now: datetime, *, days: float) -> None:
        at = at_work(now + timedelta(days=days), life.chance, office=False)
        self._world.agenda.add(at, partial(self.ask, life))

    def withdraw(self, life: Life, now: datetime) -> None:
        """Somebody who takes part no longer wants to."""
        if life.goes_on(now) and life.accepted:
            reason = life.chance.choice(_REASONS)
            self._record(life, Participation.WITHDRAWN, reason, now)

    def _record(self, life: Life, status: str, reason: str | None, now: datetime) -> None:
        chance = life.chance
        viewer = self._world.viewer(life.unit, Role.HEALTH)
        case = service.answer_offer(
            self._world.tx, viewer, life.there.ref, status, now=now, reason=reason
        )
        first = status == Participation.ACCEPTED and not case.consents
        self._world.follow(life, case, now)
        if first:
            self._world.agenda.add(now + minutes(chance, 2, 20), partial(self._consents, life))
        if not life.stay.careful and chance.random() < 0.006:
            at = now + minutes(chance, 5, 600)
            self._world.agenda.add(at, partial(self._undo, life))

    def _undo(self, life: Life, now: datetime) -> None:
        """The answer was another person's; the right one is asked soon after."""
        if not life.inside or not life.is_done("offer_answered"):
            return
        viewer = self._world.viewer(life.unit, Role.HEALTH_LEAD)
        case = service.undo_task(
            self._world.tx, viewer, life.there.ref, "offer_answered", "wrong_person", now=now
        )
        life.asked = max(life.asked - 1, 0)
        life.planned = {taken for taken in life.planned if taken[0] != "offer_answered"}
        self._world.follow(life, case, now)

    def _consents(self, life: Life, now: datetime) -> None:
        chance = life.chance
        for purpose, receiver, share in _CONSENTS:
            agrees = chance.random() < share or life.stay.careful
            if agrees and (purpose != "sms" or life.stay.person.phone):
                self._consent(life, purpose, receiver, now, given=True)
        if chance.random() < 0.03:
            at = now + timedelta(days=chance.uniform(1, 90))
            self._world.agenda.add(at, partial(self._take_back, life))

    def _take_back(self, life: Life, now: datetime) -> None:
        if life.there.consents and life.goes_on(now):
            self._consent(life, "sms", None, now, given=False)

    def _consent(
        self, life: Life, purpose: str, receiver: str | None, now: datetime, *, given: bool
    ) -> None:
        viewer = self._world.viewer(life.unit, Role.HEALTH)
        if not life.inside and given:
            return
        case = service.record_consent(
            self._world.tx,
            viewer,
            life.there.ref,
            purpose,
            given=given,
            now=now,
            receiver=receiver,
            how=life.chance.choice(("oral", "written")),
        )
        self._world.follow(life, case, now)
