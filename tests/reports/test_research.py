"""The research export: only who consented, nobody by name or date, never by one person alone."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from cases import service
from cases.access import OPERATOR, Viewer
from cases.model import Case, Protection, Role
from cases.tables import access_log, access_subject
from core.errors import BadInput, NotAllowed, NotFound, Refused
from reports.research import approve, export, forbid, permit, pseudonym, request
from tests.people import NURSE, at, make_case, make_person

NOW = at("2026-12-01 08:00")
KEY = bytes(range(32))
KARI = Viewer("kari", Role.DIRECTORATE)
OLA = Viewer("ola", Role.DIRECTORATE)
ADMIN = Viewer("admin", Role.ADMIN)


def consenting(tx: Connection, *, given: bool = True, **more: object) -> Case:
    case = make_case(
        tx, answer="accepted", done={"brief_info": "2026-09-10 10:00"},
        released="2026-10-01 10:00", **more,  # type: ignore[arg-type]
    )  # fmt: skip
    return service.record_consent(
        tx, OPERATOR, case.ref, "research", given=given, now=at("2026-10-01 11:00")
    )


@pytest.fixture
def permitted(tx: Connection) -> Connection:
    for person in (KARI, OLA):
        permit(tx, ADMIN, person.account, now=NOW)
    return tx


def exported(tx: Connection, key: bytes = KEY) -> dict[str, list[dict[str, str]]]:
    ref = request(tx, KARI, now=NOW)
    approve(tx, OLA, ref, now=NOW)
    made = export(tx, KARI, ref, key, now=NOW)
    with zipfile.ZipFile(io.BytesIO(made.content)) as archive:
        return {
            name: list(
                csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig")), delimiter=";")
            )
            for name in archive.namelist()
        }


def test_only_released_participants_who_consent_now_and_are_not_protected(
    permitted: Connection,
) -> None:
    tx = permitted
    mine = consenting(tx)
    consenting(tx, given=False)
    make_case(tx, answer="accepted", released="2026-10-01 10:00")
    hidden = make_person(tx, protection=Protection.STRICTLY_CONFIDENTIAL)
    consenting(tx, person=hidden)
    taken_back = consenting(tx)
    service.record_consent(
        tx, OPERATOR, taken_back.ref, "research", given=False, now=at("2026-11-01 11:00")
    )

    files = exported(tx)

    assert list(files) == ["cases.csv", "tasks.csv", "appointments.csv", "codebook.csv"]
    assert [row["person"] for row in files["cases.csv"]] == [pseudonym(KEY, mine.counted_as)]
    assert {row["task"] for row in files["tasks.csv"]} >= {"brief_info", "handed_over"}


def test_days_stand_for_dates_and_nothing_names_anybody(permitted: Connection) -> None:
    case = consenting(permitted)
    files = exported(permitted)

    one = files["cases.csv"][0]
    assert (one["admitted_day"], one["answer_day"], one["closed_day"]) == ("-30", "-30", "")
    told = next(row for row in files["tasks.csv"] if row["task"] == "brief_info")
    assert (told["state"], told["done_day"]) == ("done", "-21")
    everything = str(files)
    for secret in (case.ref, case.person, case.counted_as, "2026", "'A'", "Test", "T1"):
        assert secret not in everything, secret


def test_every_column_stands_in_the_code_book_or_says_itself(permitted: Connection) -> None:
    consenting(permitted)
    files = exported(permitted)
    explained = {row["variable"] for row in files["codebook.csv"]}
    for name, rows in files.items():
        if name != "codebook.csv" and rows:
            for column in rows[0]:
                assert column in explained or column.endswith("_day"), column


def test_the_same_key_gives_the_same_pseudonym_and_another_one_another(
    permitted: Connection,
) -> None:
    consenting(permitted)
    one, again = exported(permitted), exported(permitted)
    other = exported(permitted, bytes(32))
    assert one == again
    assert one["cases.csv"][0]["person"] != other["cases.csv"][0]["person"]


def test_two_persons_with_a_permission_stand_behind_an_export(permitted: Connection) -> None:
    tx = permitted
    for viewer in (NURSE, ADMIN, OPERATOR):
        with pytest.raises(NotAllowed):
            request(tx, viewer, now=NOW)
    with pytest.raises(NotAllowed):
        permit(tx, KARI, "nurse", now=NOW)
    ref = request(tx, KARI, now=NOW)
    with pytest.raises(Refused, match="Somebody else"):
        approve(tx, KARI, ref, now=NOW)
    with pytest.raises(Refused, match="not approved"):
        export(tx, KARI, ref, KEY, now=NOW)
    with pytest.raises(NotAllowed):
        approve(tx, NURSE, ref, now=NOW)
    approve(tx, OLA, ref, now=NOW)
    with pytest.raises(Refused, match="approved already"):
        approve(tx, OLA, ref, now=NOW)
    with pytest.raises(NotFound):
        export(tx, OLA, ref, KEY, now=NOW)
    with pytest.raises(BadInput):
        export(tx, KARI, ref, b"short", now=NOW)
    with pytest.raises(Refused, match="older than 7 days"):
        export(tx, KARI, ref, KEY, now=NOW + timedelta(days=7, seconds=1))
    export(tx, KARI, ref, KEY, now=NOW)
    with pytest.raises(Refused, match="used already"):
        export(tx, KARI, ref, KEY, now=NOW)
    with pytest.raises(NotFound):
        approve(tx, OLA, "nosuchref1", now=NOW)
    forbid(tx, ADMIN, "kari", now=NOW)
    with pytest.raises(NotAllowed):
        request(tx, KARI, now=NOW)


def test_each_person_can_be_told_of_the_export(permitted: Connection) -> None:
    case = consenting(permitted)
    exported(permitted)
    row = permitted.execute(
        select(access_log.c.verb, access_log.c.actor)
        .join(access_subject, access_subject.c.access_id == access_log.c.id)
        .where(access_subject.c.case_ref == case.ref)
        .order_by(access_log.c.id.desc())
    ).first()
    assert row is not None
    assert tuple(row) == ("research_exported", "kari")
