"""Random national tables, made case by case, so that everything adds up as in real ones."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from reports.definitions import CORE_TASKS, NOT_STATED, TALK_CLASSES
from reports.figures import Report
from reports.relations import Layout
from reports.tally import Tally
from reports.tertial import Period, Question
from tests.people import at

REGIONS = ("Nord", "Vest", "Sør", "Sørvest", "Øst")
PERIOD = Period(2026, 2)
AS_OF = at("2026-10-01 08:00")


@dataclass(frozen=True)
class Stay:
    """What one case adds: admitted and answered, released and followed, or both."""

    unit: str
    answer: str | None
    reason: str
    ever: bool
    talk: str
    released: bool
    accepted: bool
    done: frozenset[str]
    notice: str
    meeting: str
    tasks: frozenset[str]


@dataclass
class Nation:
    """Units, each in its region, and their cases; `more` and `change` are what arrives later."""

    chance: random.Random
    units: dict[str, str]
    stays: list[Stay] = field(default_factory=list)

    @classmethod
    def of(cls, seed: int, *, units: int = 34, size: float = 20) -> Nation:
        """A random nation; `size` is about how many cases a unit has."""
        chance = random.Random(seed)
        names = {f"u{number:02d}": REGIONS[number % 5] for number in range(units)}
        nation = cls(chance, names)
        for unit in names:
            for _ in range(int(chance.lognormvariate(0, 0.8) * size)):
                nation.stays.append(nation.stay(unit))
        return nation

    def later(self) -> None:
        """A correction after the freeze: some cases arrive, some turn out otherwise, one goes."""
        chance = self.chance
        for _ in range(chance.randint(1, 4)):
            self.stays.append(self.stay(chance.choice(list(self.units))))
        for _ in range(chance.randint(1, 4)):
            at_ = chance.randrange(len(self.stays))
            self.stays[at_] = self.stay(self.stays[at_].unit)
        del self.stays[chance.randrange(len(self.stays))]

    def stay(self, unit: str) -> Stay:
        chance = self.chance
        answer = chance.choices([None, "accepted", "declined", "withdrawn"], [2, 12, 4, 1])[0]
        accepted = chance.random() < 0.6
        done = frozenset(
            name
            for name, odds in (
                ("I6", 9), ("I7", 8), ("I8", 7), ("I10", 8), ("I11", 6), ("I11b", 5), ("I13", 6),
            )
            if accepted and chance.random() * 10 < odds
        )  # fmt: skip
        if not {"I6", "I7", "I10"} <= done:
            done -= {"I13"}
        if "I11" not in done:
            done -= {"I11b"}
        return Stay(
            unit,
            answer,
            chance.choice(["no_need", "no_trust", "no_time", "other", NOT_STATED]),
            answer in ("accepted", "withdrawn") or (answer is not None and chance.random() < 0.1),
            chance.choices(TALK_CLASSES, [6, 2, 1, 1, 1])[0],
            chance.random() < 0.8,
            accepted,
            done,
            chance.choices(["planned", "unplanned", "unknown"], [7, 2, 1])[0],
            chance.choices(["none", "attended", "no_show", "unknown", "pending"], [3, 5, 2, 1, 1])[
                0
            ],
            frozenset(code for code in CORE_TASKS if chance.random() < 0.7),
        )

    def layout(self) -> Layout:
        groups = [
            ((region,), tuple(u for u, r in self.units.items() if r == region))
            for region in REGIONS
        ]
        return Layout(
            (*groups, (("Annet",), ())), {u: frozenset({r}) for u, r in self.units.items()}
        )

    def report(self) -> Report:
        tally = Tally(self.units)
        for each in self.stays:
            _admission(tally, each, self.units[each.unit])
            if each.released:
                _release(tally, each, self.units[each.unit])
        return tally.report(Question(PERIOD, AS_OF))


def _admission(tally: Tally, each: Stay, region: str) -> None:
    def add(code: str, counts: bool, among: bool = True) -> None:
        tally.add(code, each.unit, region, int(counts and among), int(among))

    answered = each.answer is not None
    add("I3", answered)
    add("I4", each.answer == "accepted", answered)
    add("I20", each.answer == "declined", answered)
    for reason in ("no_need", "no_trust", "no_time", "other", NOT_STATED):
        add(f"I20.{reason}", each.answer == "declined" and each.reason == reason, answered)
    add("I20.withdrawn", each.answer == "withdrawn", each.ever)
    add("I5", each.talk == "le_24h")
    for part in TALK_CLASSES:
        add(f"I5.{part}", each.talk == part)
    add("I19", each.talk == "gt_7d")
    add("I19.INTAKE_TALK", each.talk == "gt_7d")
    for code in each.tasks:
        tally.add(code, each.unit, region, 1)
    if each.answer == "accepted":
        for code in ("I1", "I2"):
            for level, place in (("unit", each.unit), ("region", region), ("nation", "")):
                tally.add_at(code, level, place, 1)


def _release(tally: Tally, each: Stay, region: str) -> None:
    def add(code: str, counts: bool, among: bool = True, *, pending: bool = False) -> None:
        now = among and not pending
        tally.add(
            code, each.unit, region, int(counts and now), int(now), pending=int(among and pending)
        )

    add("I16", each.notice == "unplanned")
    add("I16.notice_unknown", each.notice == "unknown")
    add("I17", each.talk == "d2_3")
    for code in ("I6", "I7", "I8", "I10", "I11", "I11b", "I13"):
        add(code, code in each.done, each.accepted)
    for form in ("group", "individual"):
        add(f"I10.{form}", "I10" in each.done and (form == "group") == (each.reason < "no_tm"),
            each.accepted)  # fmt: skip
    add("I13.planned", "I13" in each.done, each.accepted and each.notice != "unplanned")
    met = each.accepted and each.meeting != "none"
    waits = each.meeting == "pending"
    add("I12", each.talk == "le_24h", met, pending=waits)
    add("I14", each.meeting == "attended", met and each.meeting != "unknown", pending=waits)
    add("I14.unknown", each.meeting == "unknown", met, pending=waits)
    add("I15", each.meeting == "attended", met and each.talk != "gt_7d", pending=waits)
    if "I8" in each.done:
        for code, counts in (("I9", 1), ("I9.first", int(each.answer != "accepted"))):
            tally.add(code, each.unit, region, counts)
        tally.add("I9.refill", each.unit, region, int(each.answer == "accepted"))
