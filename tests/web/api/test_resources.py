"""The rest of the interface as a prison's own system would use it, from roster to release."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from cases import people, service
from cases import roster as rosters
from cases.access import OPERATOR
from cases.model import Role
from cases.service import Admission
from cases.vault import Identity
from tests.cases.desk import make_case, make_many, oslo
from tests.web.office import COORDINATOR, MADE, NURSE, OFFICER, OUTSIDER, UNIT_LEAD, Office

HEADER = "innsattnr;fornavn;etternavn;enhet;innsatt;planlagt løslatelse;løslatelsesgrunnlag\n"


def test_a_list_is_read_page_by_page_and_nobody_is_left_out_or_shown_twice(office: Office) -> None:
    make_many(office.desk, 7)
    for number in range(5):
        make_case(office.desk, unit="b", now=oslo(f"2026-09-0{number + 2} 08:00"), release_on=None)
    make_case(office.desk, unit="c")
    whole = office.get("/cases").json()

    for path, all_of_it in (
        ("/cases", [each["ref"] for each in whole["cases"]]),
        ("/overdue", [each["ref"] for each in whole["cases"] if each["overdue"]]),
        (
            "/cases?due_before=2026-09-05T00:00",
            [e["ref"] for e in whole["cases"] if (e["next_due_at"] or "9") < "2026-09-05"],
        ),
    ):
        met: list[str] = []
        more = f"{path}{'&' if '?' in path else '?'}limit=2"
        page = office.get(more).json()
        met += [each["ref"] for each in page["cases"]]
        while page["next"] is not None:
            page = office.get(f"{more}&cursor={page['next']}").json()
            met += [each["ref"] for each in page["cases"]]
        assert met == all_of_it, path
    assert len(whole["cases"]) == 12
    assert whole["next"] is None
    assert {e["unit"] for e in office.get("/cases?unit=b&phase=in_prison").json()["cases"]} == {"b"}
    assert office.get("/cases?unit=c").json()["cases"] == []


def test_somebody_is_found_by_parts_of_a_name_or_by_number_in_the_own_units_alone(
    office: Office,
) -> None:
    def person(number: str, first: str, last: str) -> str:
        def admit(tx: Connection) -> str:
            who = people.register(
                tx,
                people.NewPerson(Identity(number, first, last)),
                now=MADE,
            )
            admission = Admission(who.ref, who.counted_as, "a", oslo("2026-09-01 06:00"))
            return service.admit(tx, OPERATOR, admission, now=oslo("2026-09-01 08:00")).ref

        return office.desk.do(admit)

    ref = person("880001", "André Åsmund", "Øvre-Li")
    person("880002", "Anders", "Li")

    def found(by: tuple[object, ...] = COORDINATOR, **whom: str) -> list[str]:
        return [each["ref"] for each in office.post("/cases/search", whom, by=by).json()["cases"]]

    assert found(name="andre åsm") == found(name="øvre li") == found(name="LI Andre") == [ref]
    assert found(inmate_no=" 880 001 ") == [ref]
    assert len(found(name="li")) == 2
    # Also from a keyboard without å and ø; but an å that was typed is meant.
    assert found(name="asmund") == found(name="aasmund") == found(name="ovre") == [ref]
    assert found(name="ånders") == []
    assert found(name="andre", by=OUTSIDER) == found(inmate_no="880001", by=OUTSIDER) == []
    (hit,) = office.post("/cases/search", {"inmate_no": "880001"}).json()["cases"]
    assert hit["name"] == "André Åsmund Øvre-Li"


def test_a_roster_is_taken_in_over_http_and_a_repeat_is_told_the_same(office: Office) -> None:
    roster = (HEADER + "990001;Kari;Test;a;2026-09-01;2026-12-28;bekreftet\n").encode()
    bad = b"PK\x03\x04 no workbook"

    def send(content: bytes, key: str | None = None, **more: Any) -> Any:
        files = {"file": ("roster.csv", content, "text/csv")}
        answer = office.ask("POST", "/imports", files=files, key=key, **more)
        return answer.json() if answer.status_code == 200 else answer.status_code

    dry = send(roster, params={"dry_run": "true"})
    first = send(roster, key="monday")
    again = send(roster, key="monday")

    assert isinstance(first, dict)
    assert (first["rows"], first["created"], first["rejected"]) == (1, 1, [])
    assert dry == {**first, "missing_from_roster": dry["missing_from_roster"]}
    assert again == first
    assert send(roster) == {**first, "created": 0, "unchanged": 1}
    assert send(roster + b"\n", key="monday") == 422
    assert send(bad) == 422
    assert send(roster, by=OFFICER) == 403
    assert not list(Path("/tmp").glob("roster*"))  # noqa: S108 - nothing was left on the disk


def test_an_older_list_and_a_part_of_a_list_are_told_over_http(office: Office) -> None:
    def row(number: int, planned: str) -> str:
        return f"{number};Kari;Test;a;2026-09-01;{planned};bekreftet\n"

    def send(name: str, rows: str, **params: str) -> Any:
        files = {"file": (name, (HEADER + rows).encode(), "text/csv")}
        answer = office.ask("POST", "/imports", files=files, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    newer, older = "roster-2026-09-02.csv", "roster-2026-09-01.csv"
    both = row(990011, "2026-12-28") + row(990012, "2026-12-28")
    first = send(newer, both)
    looked = send(older, row(990011, "2026-12-01"), dry_run="true")
    mended = send("mended.csv", row(990012, "2026-12-29"), part="true")
    again = send(newer, both)

    assert first["older"] is None
    # The day of the newer list is told, and nothing was taken in by looking.
    assert (looked["older"]["own_on"], looked["older"]["newer_on"]) == ("2026-09-01", "2026-09-02")
    assert looked["updated"] == 1
    assert "990012" in looked["missing_from_roster"]
    # Some mended rows are no whole roster: nobody is missing from them.
    assert (mended["updated"], mended["missing_from_roster"], mended["older"]) == (1, [], None)
    # These very bytes were taken in before the mended rows.
    assert again["updated"] == 1
    assert (again["older"]["own_on"], again["older"]["newer_on"]) == (None, None)
    assert again["older"]["same_at"] is not None


def test_two_imports_at_once_under_one_key_are_one(office: Office) -> None:
    roster = (HEADER + "990021;Kari;Test;a;2026-09-01;2026-12-28;bekreftet\n").encode()
    taken, both_asked = [], threading.Event()
    take_in = rosters.import_roster

    def slowly(*given: Any, **named: Any) -> Any:
        taken.append(1)
        both_asked.wait(5)
        return take_in(*given, **named)

    def send(_: int) -> Any:
        files = {"file": ("roster.csv", roster, "text/csv")}
        return office.ask("POST", "/imports", files=files, key="at-once").json()

    office.token(*COORDINATOR)
    with ThreadPoolExecutor(2) as people, pytest.MonkeyPatch.context() as patched:
        patched.setattr(rosters, "import_roster", slowly)
        asked = [people.submit(send, number) for number in range(2)]
        time.sleep(0.3)
        both_asked.set()
        first, second = (each.result(20) for each in asked)

    assert (len(taken), first["created"]) == (1, 1)
    assert second == first


def test_a_stay_from_the_offer_to_the_release(office: Office) -> None:
    ref = make_case(office.desk).ref
    case = f"/cases/{ref}"

    answered = office.post(f"{case}/participation", {"answer": "accepted"}, by=NURSE)
    refused = office.post(f"{case}/participation", {"answer": "accepted"}, by=OFFICER)
    consent = office.post(
        f"{case}/consents", {"purpose": "sharing", "to": "health", "given": True}, by=NURSE
    )
    nobody = office.post(f"{case}/consents", {"purpose": "sharing", "given": True}, by=NURSE)
    dated = office.post(f"{case}/release-dates", {"on": "2026-09-20", "kind": "confirmed"})
    booked = office.post(
        f"{case}/appointments",
        {
            "kind": "GP",
            "starts_at": "2026-09-21T10:00",
            "with": "Fastlegen",
            "place": "Gata 1",
            "status": "confirmed",
        },
    )
    appointment = booked.json()["appointment"]["id"]
    moved = office.ask("PATCH", f"/appointments/{appointment}", {"starts_at": "2026-09-22T10:00"})
    spray = office.post(f"{case}/naloxone", {"kind": "to_property", "lot": "L1"}, by=NURSE)
    office.clock.now = oslo("2026-09-20 12:00")
    released = office.post(
        f"{case}/release",
        {"unplanned": "court", "short_form": {"risk_talk": True, "card": True, "spray": True}},
        by=OFFICER,
    )
    twice = office.post(f"{case}/release", {}, by=OFFICER)

    assert (answered.status_code, answered.json()["participation"]) == (200, "accepted")
    assert refused.status_code == 403
    assert (consent.status_code, nobody.json()["field"]) == (200, "to")
    assert dated.json()["release"]["on"] == "2026-09-20"
    assert booked.status_code == 201
    assert (moved.status_code, moved.json()["appointment"]["moved_from"]) == (200, appointment)
    assert (spray.status_code, spray.json()["stock"]) == (201, -1)
    assert (released.status_code, released.json()["phase"]) == (200, "follow_up")
    assert (twice.status_code, twice.json()["type"]) == (409, "urn:overlev:problem:conflict")
    told = office.get(f"{case}/messages", by=NURSE)
    assert told.status_code == 200
    # An officer has no page of messages either.
    assert office.get(f"{case}/messages", by=OFFICER).status_code == 403
    states = {t["task"]: t["state"] for s in office.get(case).json()["steps"] for t in s["tasks"]}
    assert (states["talk_held"], states["naloxone_training"]) == ("done", "waived")


def test_whoever_looked_at_another_version_changes_nothing_of_the_case(office: Office) -> None:
    ref = make_case(office.desk, release_on=None).ref
    case = f"/cases/{ref}"
    booking = {"kind": "GP", "with": "Legen", "place": "Gata 1", "status": "confirmed"}
    booking["starts_at"] = "2026-09-21T10:00"
    booked = office.post(f"{case}/appointments", booking, by=NURSE).json()
    office.clock.now = oslo("2026-09-21 12:00")
    appointment = f"/appointments/{booked['appointment']['id']}"
    attended = office.ask("PATCH", appointment, {"status": "attended"}, by=NURSE).json()
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("PATCH", appointment, {"status": "no_show"}),
        ("PATCH", appointment, {"starts_at": "2026-09-30T10:00"}),
        ("POST", f"{case}/appointments", booking | {"starts_at": "2026-09-30T10:00"}),
        ("POST", f"{case}/consents", {"purpose": "sms", "given": True}),
        ("POST", f"{case}/participation", {"answer": "declined"}),
        ("POST", f"{case}/release-dates", {"on": "2026-12-20", "kind": "confirmed"}),
        ("POST", f"{case}/release", {}),
        ("POST", f"{case}/transfers", {"unit": "b"}),
        ("POST", f"{case}/close", {"reason": "died"}),
    ]
    for method, path, body in asked:
        by = OFFICER if path.endswith(("/release", "/release-dates")) else NURSE
        by = UNIT_LEAD if path.endswith(("/transfers", "/close")) else by
        stale = office.ask(method, path, body | {"version": booked["version"]}, by=by)
        told = stale.json()
        assert (stale.status_code, told["type"]) == (409, "urn:overlev:problem:stale-version"), path
        assert told["current"] == {"version": attended["version"]}, path
    assert office.desk.case(ref).version == attended["version"]

    method, path, body = asked[0]
    taken = office.ask(method, path, body | {"version": attended["version"]}, by=NURSE)
    assert (taken.status_code, taken.json()["appointment"]["status"]) == (200, "no_show")


def test_a_transfer_is_seen_and_answered_by_the_other_unit(office: Office) -> None:
    ref = make_case(office.desk).ref
    office.post(f"/cases/{ref}/transfers", {"unit": "b"}, by=UNIT_LEAD)
    receiver = (Role.COORDINATOR, "b")

    (waiting,) = office.get("/transfers", by=receiver).json()["transfers"]
    hidden = office.get(f"/cases/{ref}", by=receiver)
    accepted = office.post(f"/transfers/{waiting['id']}/accept", by=receiver)
    again = office.post(f"/transfers/{waiting['id']}/accept", by=receiver)
    odd = office.post(f"/transfers/{waiting['id']}/perhaps", by=receiver)

    assert (waiting["from"], waiting["to"], waiting["ref"]) == ("a", "b", ref)
    assert hidden.status_code == 404
    assert (accepted.status_code, accepted.json()["transfer"]["state"]) == (200, "accepted")
    assert (again.status_code, again.json()["current"]["state"]) == (409, "accepted")
    assert odd.status_code == 422
    assert office.get(f"/cases/{ref}", by=receiver).json()["unit"] == "b"


def test_a_session_is_planned_and_its_list_completes_the_task_for_all_or_nobody(
    office: Office,
) -> None:
    first, second = make_many(office.desk, 2, release_on=date(2026, 12, 28))
    planned = office.post(
        "/sessions",
        {
            "unit": "a",
            "task": "talk_held",
            "starts_at": "2026-09-10T09:00",
            "cases": [first.ref, second.ref],
        },
    ).json()
    stale = office.post(
        f"/sessions/{planned['id']}/attendance", {"present": [first.ref], "version": 1}
    )
    stranger = office.post(f"/sessions/{planned['id']}/attendance", {"present": ["aaaaaaaaaa"]})

    held = office.post(
        f"/sessions/{planned['id']}/attendance",
        {"present": [first.ref], "version": planned["version"]},
    )

    assert stale.json()["type"] == "urn:overlev:problem:stale-version"
    assert stranger.status_code == 404
    assert (held.status_code, held.json()["completed"]) == (200, [first.ref])
    assert [office.desk.case(c.ref).task("talk_held").state for c in (first, second)] == [  # type: ignore[union-attr]
        "done",
        "open",
    ]
    listed = office.get("/sessions", params={"unit": "a", "first": "2026-09-01T00:00"}).json()
    assert [each["state"] for each in listed["sessions"]] == ["held"]
    assert office.get(f"/sessions/{planned['id']}", by=OUTSIDER).status_code == 404


def test_a_unit_reads_its_own_figures_and_no_other_units(office: Office) -> None:
    make_case(office.desk)
    own = office.get("/tertials/2026-T3", params={"view": "unit", "unit": "a"})
    theirs = office.get("/tertials/2026-T3", params={"view": "unit", "unit": "c"})
    counted = office.get(
        "/tertials/2026-T3", params={"view": "unit", "unit": "a"}, by=(Role.DIRECTORATE,)
    )

    assert own.status_code == 200
    assert list(own.json()["units"]) == ["a"]
    assert own.json()["nation"] == {}
    assert theirs.status_code == 404
    assert counted.status_code == 403
