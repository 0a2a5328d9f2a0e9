"""After a transfer both health services read where the answer is, and who may hand it on."""

from __future__ import annotations

from datetime import date, timedelta

from cases import service, transfers
from cases.access import OPERATOR
from tests.people import make_case
from tests.web.conftest import Desk

STAYED = "Svaret fulgte ikke med overføringen."


def moved(desk: Desk) -> str:
    """Somebody asked in A who is in C by now."""
    nurse = desk.of("nurse")
    with desk.db.write() as tx:
        ref = make_case(tx, admitted="2026-09-07 12:00", release_on=date(2026, 12, 1)).ref
    nurse.get("/today")
    done = nurse.send("/act", {"do": f"done/{ref}/intake_talk/at_risk", "next": "/today"})
    assert done.status == 200
    with desk.db.write() as tx:
        case = transfers.propose_transfer(tx, OPERATOR, ref, "C", now=desk.now)
        transfers.answer_transfer(tx, OPERATOR, case.transfers[-1].id, "accept", now=desk.now)
    desk.later(timedelta(minutes=5))
    return ref


def test_the_answer_that_stayed_behind_is_handed_on_from_the_case(desk: Desk) -> None:
    ref = moved(desk)
    path = f"/cases/{ref}"
    nurse, receiver = desk.of("nurse"), desk.of("outsider")

    text = receiver.get(path).text
    assert STAYED in text
    assert "når personen har samtykket" in text
    assert 'href="#consents"' in text
    assert STAYED not in desk.of("elsewhere").get(path).text
    assert "Helsesvarene ble hos dere" not in desk.of("officer").get(path).text
    assert f'action="{path}/answers"' in nurse.get(path).text

    refused = nurse.send(f"{path}/answers", {})
    assert refused.status == 409
    assert "Personen har ikke samtykket" in refused.text

    with desk.db.write() as tx:
        service.record_consent(
            tx, OPERATOR, ref, "sharing", given=True, receiver="health", now=desk.now
        )
    assert "Be dem om det" in receiver.get(path).text
    nurse.get(path)
    told = nurse.send(f"{path}/answers", {})
    assert "Helsesvarene er gitt videre" in told.text
    assert f'action="{path}/answers"' not in told.text
    text = receiver.get(path).text
    assert STAYED not in text
    assert "Vis svaret" in text


def test_after_14_days_the_receiver_is_told_to_ask_anew(on_sqlite: Desk) -> None:
    ref = moved(on_sqlite)
    on_sqlite.later(timedelta(days=15))
    on_sqlite.signed.clear()
    text = on_sqlite.of("outsider").get(f"/cases/{ref}").text
    assert STAYED in text
    assert "kartlegg på nytt" in text
    assert on_sqlite.of("nurse").get(f"/cases/{ref}").status == 404
