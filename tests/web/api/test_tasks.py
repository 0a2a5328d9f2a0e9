"""Tasks over HTTP: done, waived, taken back; versions, and two people at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.cases.desk import make_case
from tests.web.office import COORDINATOR, NURSE, OFFICER, OUTSIDER, UNIT_LEAD, Office


def test_a_task_is_completed_and_stands_in_the_case(office: Office) -> None:
    case = make_case(office.desk)

    done = office.post(
        f"/cases/{case.ref}/tasks/talk_held",
        {"outcome": "done", "done_at": "2026-09-09T14:00+02:00", "form": "group"},
        by=OFFICER,
    )

    assert done.status_code == 200, done.text
    assert done.json()["task"]["state"] == "done"
    assert done.json()["version"] == case.version + 1
    seen = office.get(f"/cases/{case.ref}").json()
    task = next(t for s in seen["steps"] for t in s["tasks"] if t["task"] == "talk_held")
    assert (task["state"], task["form"], task["done_at"]) == (
        "done",
        "group",
        "2026-09-09T14:00:00+02:00",
    )
    assert seen["version"] == done.json()["version"]


def test_a_task_is_waived_with_a_reason_and_not_without(office: Office) -> None:
    case = make_case(office.desk)
    path = f"/cases/{case.ref}/tasks/talk_held"

    without = office.post(path, {"outcome": "waived"}, by=UNIT_LEAD)
    unknown = office.post(path, {"outcome": "waived", "reason": "tired"}, by=UNIT_LEAD)
    waived = office.post(path, {"outcome": "waived", "reason": "absent"}, by=UNIT_LEAD)

    assert (without.status_code, without.json()["reason"]) == (422, "missing")
    assert (unknown.status_code, unknown.json()["field"]) == (422, "reason")
    assert unknown.json()["reason"] == "unknown_code"
    assert "tired" not in unknown.text
    assert (waived.status_code, waived.json()["task"]["state"]) == (200, "waived")


def test_a_completion_is_taken_back_with_a_reason(office: Office) -> None:
    case = make_case(office.desk)
    path = f"/cases/{case.ref}/tasks/talk_held"
    office.post(path, {"outcome": "done"}, by=OFFICER)

    undone = office.ask("DELETE", path, {"reason": "wrong_person"}, by=OFFICER)

    assert (undone.status_code, undone.json()["task"]["state"]) == (200, "open")
    assert office.ask("DELETE", path, {"reason": "wrong_person"}, by=OFFICER).status_code == 409


def test_the_wrong_role_in_the_right_unit_is_refused_and_another_unit_finds_nothing(
    office: Office,
) -> None:
    case = make_case(office.desk)
    path = f"/cases/{case.ref}/tasks/intake_talk"

    wrong_role = office.post(path, {"outcome": "done"}, by=OFFICER)
    outsider = office.post(path, {"outcome": "done"}, by=OUTSIDER)
    nothing = office.post("/cases/aaaaaaaaaa/tasks/intake_talk", {"outcome": "done"}, by=OUTSIDER)
    odd = office.post("/cases/x%00y/tasks/intake_talk", {"outcome": "done"}, by=OUTSIDER)

    assert wrong_role.status_code == 403
    assert wrong_role.json()["type"] == "urn:overlev:problem:not-your-task"
    assert outsider.status_code == 404
    assert outsider.content == nothing.content == odd.content


def test_a_health_answer_is_taken_and_told_to_nobody_else(office: Office) -> None:
    case = make_case(office.desk)

    done = office.post(
        f"/cases/{case.ref}/tasks/intake_talk", {"outcome": "done", "answer": "at_risk"}, by=NURSE
    )

    assert done.status_code == 200
    assert "at_risk" not in done.text
    assert "at_risk" in office.get(f"/cases/{case.ref}", by=NURSE).text
    for other in (OFFICER, COORDINATOR, UNIT_LEAD):
        assert "at_risk" not in office.get(f"/cases/{case.ref}", by=other).text


def test_a_stale_version_gets_the_task_as_it_is_now_beside_what_was_asked(office: Office) -> None:
    case = make_case(office.desk)
    path = f"/cases/{case.ref}/tasks/talk_held"
    first = {"outcome": "done", "form": "group", "version": case.version}
    office.post(path, first, by=OFFICER)

    second = office.post(
        path, {"outcome": "waived", "reason": "absent", "version": case.version}, by=UNIT_LEAD
    )

    told = second.json()
    assert (second.status_code, told["type"]) == (409, "urn:overlev:problem:stale-version")
    assert told["current"]["state"] == "done"
    assert told["current"]["version"] == case.version + 1
    assert told["yours"]["outcome"] == "waived"
    assert told["yours"]["version"] == case.version


def test_of_two_people_at_one_task_one_is_told_what_the_other_did(office: Office) -> None:
    for _ in range(5):
        case = make_case(office.desk)
        path = f"/cases/{case.ref}/tasks/talk_held"
        asked = ((OFFICER, "group"), (UNIT_LEAD, "individual"))
        for who, _ in asked:
            office.token(*who)

        with ThreadPoolExecutor(2) as pool:
            asking = [
                pool.submit(office.post, path, {"outcome": "done", "form": form}, by=who)
                for who, form in asked
            ]
            answers = [each.result() for each in asking]

        assert sorted(each.status_code for each in answers) == [200, 409]
        (won,) = (each.json() for each in answers if each.status_code == 200)
        (lost,) = (each.json() for each in answers if each.status_code == 409)
        assert lost["type"] == "urn:overlev:problem:task-not-open"
        assert lost["current"]["form"] == won["task"]["form"]
        assert lost["yours"]["form"] != won["task"]["form"]
        assert lost["current"]["version"] == won["version"]
