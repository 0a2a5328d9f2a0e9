"""What everybody in a demo's year works with: the open transaction, the agenda, staff and lives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final

from sqlalchemy import Connection

from app.demo.agenda import Agenda
from app.demo.habits import Habits
from app.demo.stays import Stay
from cases import accounts
from cases.access import Viewer
from cases.model import Case, Participation, Phase, Role, Task, TaskState
from cases.standing import follow_up_ends_at
from cases.wanted import wanted


@dataclass(slots=True)
class Life:
    """One imprisonment while it is played.

    `case` is the case as last seen (None: not opened yet; kept when closed, without what nobody
    asks for any more). `planned` are the tasks, with their due times, that somebody has taken on;
    `typing` those that were done and are typed in later. From `gone_at` on the person is out,
    whatever the books say. `kit`: a spray lies in the property.
    """

    stay: Stay
    chance: Random
    cells: dict[str, str]
    case: Case | None = None
    asked: int = 0
    move: int = 0
    transfer: str | None = None
    release_seen: object = None
    planned: set[tuple[str, datetime]] = field(default_factory=set)
    typing: set[str] = field(default_factory=set)
    gone_at: datetime | None = None
    kit: bool = False
    followed: bool = False

    @property
    def there(self) -> Case:
        """The case of somebody who is in the books."""
        if self.case is None:  # acts are put on the agenda when the case has been opened
            raise AssertionError
        return self.case

    @property
    def unit(self) -> str:
        """The unit that owns the case."""
        return self.there.unit

    @property
    def in_books(self) -> bool:
        """Whether the case is still one of somebody in prison."""
        return self.case is not None and self.case.phase is Phase.IN_PRISON

    @property
    def inside(self) -> bool:
        """Whether the person is still in prison, so that something can be done."""
        return self.in_books and self.gone_at is None

    @property
    def accepted(self) -> bool:
        """Whether the person takes part now."""
        return self.there.participation is Participation.ACCEPTED

    def goes_on(self, now: datetime) -> bool:
        """Whether the case is open: it closes by itself at the end of the follow-up."""
        case = self.there
        if case.phase is Phase.CLOSED:
            return False
        return case.released_at is None or now < follow_up_ends_at(case.released_at)

    def task(self, code: str) -> Task:
        """A task as last seen."""
        for task in self.there.tasks:
            if task.code == code:
                return task
        raise KeyError(code)

    def is_open(self, code: str) -> bool:
        """Whether a task waits to be done."""
        return self.task(code).state is TaskState.OPEN

    def is_done(self, code: str) -> bool:
        """Whether a task was done."""
        return self.task(code).state is TaskState.DONE


class World:
    """The open transaction `tx` and everything in it, up to and with the instant `until`."""

    def __init__(
        self, tx: Connection, habits: dict[str, Habits], *, seed: int, until: datetime
    ) -> None:
        self.tx: Final = tx
        self.habits: Final = habits
        self.seed: Final = seed
        self.until: Final = until
        self.agenda: Final = Agenda(until)
        self.lives: Final[list[Life]] = []
        self.refused: Final[Counter[str]] = Counter()
        """What the verbs refused, by verb and error: nothing, if the year was thought through."""
        self.wake_at: datetime | None = None
        """When the sweep is needed next, or earlier."""
        self.send_at: Final[set[datetime]] = set()
        self.followers: Final[list[Callable[[Life, datetime], None]]] = []
        """Told of every change of a case, with the life and the moment."""
        self._viewers: Final[dict[tuple[str, Role], Viewer]] = {}

    def viewer(self, unit: str, role: Role) -> Viewer:
        """The member of staff of a unit in a role."""
        found = self._viewers.get((unit, role))
        if found is None:
            name = username(unit, role)
            found = accounts.viewer_of(self.tx, name, now=self.until)
            self._viewers[unit, role] = found
        return found

    def habits_of(self, life: Life) -> Habits:
        """How the unit works that owns the case."""
        return self.habits[life.unit]

    def follow(self, life: Life, case: Case, now: datetime) -> None:
        """Take note of a case as a verb left it, and of what is to be done about it."""
        life.case = case
        for at in (case.wake_at, *(task.wake_at for task in case.tasks)):
            if at is not None and (self.wake_at is None or at < self.wake_at):
                self.wake_at = at
        if case.phase is Phase.FOLLOW_UP:
            self.send_at.update(message.send_at for message in wanted(case))
        for tell in self.followers:
            tell(life, now)


def username(unit: str, role: Role) -> str:
    """What the demo's account of a unit and a role is called."""
    return f"{role.value.replace('_', '-')}.{unit}"


def minutes(chance: Random, least: int, most: int) -> timedelta:
    """Some minutes."""
    return timedelta(minutes=chance.randint(least, most))
