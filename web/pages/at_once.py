"""Many rows of the board at once: each by itself, what was refused with its reason, all undone.

What came of it is told by a receipt (`web.pages.receipts`) and shown as the rows stand by now: a
task counts as settled that stands settled by the viewer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qsl

from sqlalchemy import Connection

from cases import desk, people, queries, service
from cases.access import may_complete
from cases.model import Case, TaskState, UndoReason
from cases.registry import package_named
from cases.service import TaskDone
from core.errors import BadInput, OverlevError
from web.i18n import marked
from web.pages.acts import OFFER, usual_form
from web.pages.lacking import TASK, lacking, said_of
from web.pages.receipts import TOLD
from web.pages.refusals import explained
from web.pages.visit import Visit, address
from web.pages.words import label_of

UNASKED: Final = 5
"""As many rows as somebody can be trusted to have looked at one by one."""

SETTLING: Final = ("done", "waive")
LEAVES_SOON: Final = "leaves_soon"
_SNOOZES: Final = {"snooze-7": 7, "snooze-30": 30}
_SAID: Final = ("done", "waive", "assign", "snooze-7", "snooze-30", "wake", "undo")
NAMED: Final = 5
"""As many persons as a receipt names before it counts the rest."""


Pick = tuple[str, str]
"""A case's reference and the code of a task."""


@dataclass(frozen=True, slots=True)
class Line:
    """One of the rows, as a receipt or a question names it; `why` it was or would be refused."""

    key: str
    ref: str
    name: str
    label: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Came:
    """What came of many at once. `settled` can be undone."""

    do: str
    settled: tuple[Line, ...]
    refused: tuple[Line, ...]
    to: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Whom it was about, each once, as the rows name them; a few of many."""
        return tuple(dict.fromkeys(line.name for line in self.settled))[:NAMED]

    @property
    def unnamed(self) -> int:
        """How many more persons it was about."""
        return len({line.ref for line in self.settled}) - len(self.names)


BACK: Final = "-"
"""Chosen in place of a colleague: the tasks are nobody's in particular again."""


def picked(values: list[str]) -> list[Pick]:
    """The rows that are ticked, each once."""
    pairs = (value.partition("/")[::2] for value in dict.fromkeys(values))
    return [(ref, code) for ref, code in pairs if ref and code]


def asks_first(do: str, picks: list[Pick], *, sure: bool) -> bool:
    """Whether to ask before so much is settled."""
    return do in SETTLING and len(picks) > UNASKED and not sure


def carry_out(tx: Connection, visit: Visit, do: str, picks: list[Pick]) -> list[tuple[str, str]]:
    """Do it. Returns what to tell as pairs of an address: `ok` rows and `no` rows."""
    said = do.partition("/")[0]
    if said not in _SAID:
        raise BadInput("unknown_code", "This button is not known here.", "do")
    told = [("many", said)]
    if said == "assign":
        to = visit.typed("to")
        to = "" if to == BACK else to
        desk.assign(tx, visit.viewer, picks, to or None, now=visit.now)
        return [*told, ("to", to), *_keys("ok", picks)]
    if said in _SNOOZES:
        put = desk.snooze(tx, visit.viewer, picks, _SNOOZES[said], now=visit.now)
        left = [f"{ref}/{code}/{LEAVES_SOON}" for ref, code in picks if (ref, code) not in put]
        return [*told, *_keys("ok", put), *(("no", each) for each in left)]
    if said == "wake":
        desk.wake(tx, visit.viewer, picks, now=visit.now)
        return [*told, *_keys("ok", picks)]
    if said == "waive" and not visit.typed("why"):
        raise BadInput("no_reason", "Choose why it is waived.", "why")
    for ref, code in picks:
        try:
            with tx.begin_nested():
                _settle(tx, visit, do, (ref, code))
            told.append(("ok", f"{ref}/{code}"))
        except OverlevError as refusal:
            kind = refusal.message_key.removeprefix("error.")
            told.append(("no", f"{ref}/{code}/{kind}"))
    return told


def _keys(name: str, picks: list[Pick]) -> list[tuple[str, str]]:
    return [(name, f"{ref}/{code}") for ref, code in picks]


def _settle(tx: Connection, visit: Visit, do: str, pick: Pick) -> None:
    ref, code = pick
    said, _, why = do.partition("/")
    if said == "waive":
        service.waive_task(tx, visit.viewer, ref, code, visit.typed("why"), now=visit.now)
    elif said == "undo":
        reason = why or UndoReason.NOT_DONE.value
        service.undo_task(tx, visit.viewer, ref, code, reason, now=visit.now)
    else:
        form = usual_form(tx, visit.viewer, ref, code)
        done = TaskDone(code, None, form, None)
        service.complete_task(tx, visit.viewer, ref, done, now=visit.now)


def lines_of(tx: Connection, visit: Visit, picks: list[Pick]) -> dict[Pick, Line]:
    """The rows with their names, and why one can only be refused, before it is tried.

    Those of cases that the viewer does not see are left out.
    """
    do = visit.typed("do")
    return {
        pick: replace(line, why=_stands_against(tx, visit, do, line, case))
        for pick, (line, case) in _found(tx, visit, picks).items()
    }


def _stands_against(tx: Connection, visit: Visit, do: str, line: Line, case: Case) -> str:
    """What this role or this way of settling a row cannot get around, empty for nothing."""
    task = case.task(line.key.partition("/")[2])
    if task is not None and not may_complete(visit.viewer, task):
        return explained(visit.translate, "not_your_task", "")
    if task is not None and task.code == OFFER:
        return visit.translate(_ANSWERED)
    if task is not None and task.code == TASK and do == "done":
        return said_of(lacking(tx, visit, case))
    return ""


def _found(tx: Connection, visit: Visit, picks: list[Pick]) -> dict[Pick, tuple[Line, Case]]:
    cases = queries.cases_by_refs(tx, visit.viewer, dict.fromkeys(ref for ref, _ in picks))
    known = people.identities_of(tx, [case.person for case in cases.values()])
    found = {}
    for ref, code in picks:
        case = cases.get(ref)
        if case is None or case.task(code) is None:
            continue
        identity = known.get(case.person)
        label = label_of(package_named(tx, case.package), code, visit.language)
        name = identity.name if identity is not None else ref
        found[ref, code] = (Line(f"{ref}/{code}", ref, name, label), case)
    return found


def came(tx: Connection, visit: Visit) -> Came | None:
    """What the receipt tells of, as far as it is still so; None where it tells of nothing."""
    do = visit.told("many")
    ok, no = picked(visit.told_all("ok")), visit.told_all("no")
    if do not in _SAID or len(ok) + len(no) > desk.MOST_AT_ONCE:
        return None
    refusals: dict[Pick, str] = {}
    for ref, rest in picked(no):
        code, _, kind = rest.partition("/")
        refusals[ref, code] = kind
    found = _found(tx, visit, [*ok, *refusals])
    settled = [found[pick] for pick in ok if pick in found]
    return Came(
        do,
        tuple(line for line, case in settled if _bears_out(visit, do, line, case)),
        tuple(
            Line(line.key, line.ref, line.name, line.label, _why(tx, visit, kind, line, case))
            for pick, kind in refusals.items()
            if pick in found
            for line, case in [found[pick]]
        ),
        visit.told("to"),
    )


def _bears_out(visit: Visit, do: str, line: Line, case: Case) -> bool:
    task = case.task(line.key.partition("/")[2])
    if task is None:
        return False
    if do not in SETTLING:
        return task.state is TaskState.OPEN
    state = TaskState.WAIVED if do == "waive" else TaskState.DONE
    return task.state is state and task.done_by == visit.viewer.account


_ANSWERED: Final = marked("Oppgaven føres med et svar: før den for seg.")


def _why(tx: Connection, visit: Visit, kind: str, line: Line, case: Case) -> str:
    if kind == LEAVES_SOON:
        return explained(visit.translate, kind, desk.LeavesSoon.SAID)
    task = case.task(line.key.partition("/")[2])
    if task is not None and not may_complete(visit.viewer, task):
        return explained(visit.translate, "not_your_task", "")
    if task is not None and task.state is TaskState.OPEN:
        if task.code == TASK and (lacks := lacking(tx, visit, case)):
            return said_of(lacks)
        if task.code != TASK and kind in ("bad_input", "refused"):
            return visit.translate(_ANSWERED)
    return explained(visit.translate, kind, "")


def told_in(path: str, told: list[tuple[str, str]]) -> str:
    """A page's address with what came of it."""
    base, _, query = path.partition("?")
    kept = [pair for pair in parse_qsl(query) if pair[0] not in TOLD]
    return address(base, [*kept, *told])
