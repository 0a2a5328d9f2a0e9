"""Transfers, leaves and dates in a demo's year, and the naming of users for people under kode 6."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Final

from app.demo.agenda import at_work
from app.demo.dates import Category, Known
from app.demo.rosters import Rosters
from app.demo.stories import Story
from app.demo.world import Life, World, minutes, username
from cases import leave, protection, release, transfers
from cases.accounts import UNIT_ROLES
from cases.consents import consent_in_force
from cases.model import ConsentPurpose, Phase, Receiver, Role, TaskState
from core.clock import local_date

_ABSENCES: Final = {
    Story.LEAVE: "leave",
    Story.TREATMENT: "treatment_12",
    Story.HALFWAY: "halfway_house",
}


class Moving:
    """Between units, and out for a while."""

    def __init__(self, world: World, rosters: Rosters) -> None:
        self._world = world
        self._rosters = rosters

    def expect(self, life: Life, now: datetime) -> None:
        """Put on the agenda what is decided beforehand about somebody who has come in."""
        agenda, stay = self._world.agenda, life.stay
        if stay.person.hidden:
            self._name_users(life, now)
        for known in stay.dates:
            act = self._set_date if known.by_staff else self._date_in_roster
            if known.by_staff or known.at > now:
                at = max(known.at, now + minutes(life.chance, 30, 300))
                agenda.add(at, partial(act, life, known))
        for move in stay.moves:
            if move.at > now:
                agenda.add(move.at, partial(self._propose, life))
        self._expect_absence(life, now)

    # --- dates -------------------------------------------------------------------------------

    def _date_in_roster(self, life: Life, known: Known, now: datetime) -> None:
        del known
        if life.inside:
            self._rosters.say(life, now)

    def _set_date(self, life: Life, known: Known, now: datetime) -> None:
        if not life.inside:
            return
        case = release.set_release_date(
            self._world.tx,
            self._world.viewer(life.unit, Role.COORDINATOR),
            life.there.ref,
            known.on,
            kind=known.kind.value,
            now=now,
        )
        self._world.follow(life, case, now)

    # --- transfers ---------------------------------------------------------------------------

    def _propose(self, life: Life, now: datetime) -> None:
        if not life.inside or life.move >= len(life.stay.moves):
            return
        move = life.stay.moves[life.move]
        if life.there.open_transfer is not None or move.to_unit == life.unit:
            return
        life.move += 1
        if move.by_roster:
            self._rosters.say(life, now, unit=move.to_unit)
            return
        role = Role.UNIT_LEAD if life.stay.person.hidden else Role.COORDINATOR
        case = transfers.propose_transfer(
            self._world.tx,
            self._world.viewer(life.unit, role),
            life.there.ref,
            move.to_unit,
            now=now,
        )
        self._world.follow(life, case, now)

    def watch(self, life: Life, now: datetime) -> None:
        """See a new proposal, and put the answer on the agenda."""
        waiting = life.there.open_transfer
        if waiting is None or waiting.id == life.transfer or life.move == 0:
            return
        life.transfer = waiting.id
        move = life.stay.moves[life.move - 1]
        if move.answer is not None:
            at = now + move.after
            if life.stay.story is None:
                at = at_work(at, life.chance, office=True)
            self._world.agenda.add(at, partial(self._answer, life, waiting.id, move.answer))

    def _answer(self, life: Life, number: str, answer: str, now: datetime) -> None:
        waiting = life.there.open_transfer
        if not life.inside or waiting is None or waiting.id != number:
            return
        there = waiting.from_unit if answer == "revoke" else waiting.to_unit
        role = Role.UNIT_LEAD if life.stay.person.hidden else Role.COORDINATOR
        case = transfers.answer_transfer(
            self._world.tx, self._world.viewer(there, role), number, answer, now=now
        )
        before = life.unit
        self._world.follow(life, case, now)
        if answer != "accept":
            life.cells["enhet"] = before
            return
        life.cells["enhet"] = case.unit
        if life.stay.person.hidden:
            self._name_users(life, now)
        if life.chance.random() < 0.4:
            at = at_work(now + timedelta(days=life.chance.uniform(0.5, 6)), life.chance,
                         office=False)  # fmt: skip
            self._world.agenda.add(at, partial(self._hand_on, life, before))

    def _hand_on(self, life: Life, from_unit: str, now: datetime) -> None:
        """The sending health service hands its answers on, where the person agreed."""
        case = life.there
        sender = self._world.viewer(from_unit, Role.HEALTH)
        receiver = self._world.viewer(case.unit, Role.HEALTH)
        agreed = consent_in_force(case, ConsentPurpose.SHARING, Receiver.HEALTH) is not None
        talk = life.task("intake_talk")
        if (
            agreed
            and not life.stay.person.hidden
            and case.phase is not Phase.CLOSED
            and case.unit != from_unit
            and talk.state is TaskState.DONE
            and talk.done_unit == from_unit
            and sender.controllers.isdisjoint(receiver.controllers)
        ):
            transfers.share_health_answers(self._world.tx, sender, case.ref, now=now)

    def _name_users(self, life: Life, now: datetime) -> None:
        """The lead names the unit's staff for somebody under kode 6, before anything."""
        lead = self._world.viewer(life.unit, Role.UNIT_LEAD)
        named = {each.account for each in protection.named(self._world.tx, lead, life.there.ref)}
        for role in UNIT_ROLES:
            if self._world.viewer(life.unit, role).account not in named:
                protection.grant(
                    self._world.tx, lead, life.there.ref, username(life.unit, role), now=now
                )

    # --- out for a while ---------------------------------------------------------------------

    def _expect_absence(self, life: Life, now: datetime) -> None:
        stay, chance = life.stay, life.chance
        kind = _ABSENCES.get(stay.story) if stay.story is not None else None
        inside = stay.leaves_at - now
        if kind is None:
            if (
                stay.story is not None
                or stay.category is not Category.SENTENCE
                or inside < timedelta(days=100)
                or chance.random() > 0.2
            ):
                return
            kind = chance.choice(("leave",) * 7 + ("treatment_12", "halfway_house"))
            at = now + inside * chance.uniform(0.4, 0.7)
        else:
            at = self._world.until - timedelta(days=12)
        at = at_work(at, chance, office=True)
        self._world.agenda.add(at, partial(self._record_absence, life, kind))

    def _record_absence(self, life: Life, kind: str, now: datetime) -> None:
        if not life.inside:
            return
        chance = life.chance
        from_on = local_date(now) + timedelta(days=chance.randint(3, 20))
        to_on = from_on + timedelta(days=chance.randint(1, 4)) if kind == "leave" else None
        case = leave.record_leave(
            self._world.tx,
            self._world.viewer(life.unit, Role.OFFICER),
            life.there.ref,
            kind,
            from_on=from_on,
            to_on=to_on,
            now=now,
        )
        self._world.follow(life, case, now)
        seq = case.absences[-1].seq
        careful = life.stay.careful
        if not careful and chance.random() < 0.1:
            at = at_work(now + timedelta(days=chance.uniform(0.2, 2)), chance, office=True)
            self._world.agenda.add(at, partial(self._cancel_absence, life, seq))
        elif careful or chance.random() < self._world.habits_of(life).diligence:
            at = at_work(now + timedelta(days=chance.uniform(0.2, 2.5)), chance, office=True)
            self._world.agenda.add(at, partial(self._inform_again, life, seq))

    def _cancel_absence(self, life: Life, seq: int, now: datetime) -> None:
        if life.inside:
            viewer = self._world.viewer(life.unit, Role.OFFICER)
            case = leave.cancel_leave(self._world.tx, viewer, life.there.ref, seq, now=now)
            self._world.follow(life, case, now)

    def _inform_again(self, life: Life, seq: int, now: datetime) -> None:
        if life.inside:
            viewer = self._world.viewer(life.unit, Role.OFFICER)
            case = leave.inform_again(self._world.tx, viewer, life.there.ref, seq, now=now)
            self._world.follow(life, case, now)
