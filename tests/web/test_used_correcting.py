"""A wrong phone number of an appointment is put right without calling the appointment off."""

from __future__ import annotations

from datetime import date, timedelta

from cases import appointments, queries, release, vault
from cases.access import OPERATOR
from cases.appointments import Booking
from tests.people import at, make_case
from tests.web.conftest import Desk

WRONG = Booking("OTHER", at("2026-10-02 10:00"), "Kari Vik", "Torget 1", "22 33 44 55", "confirmed")


def booked(desk: Desk) -> tuple[str, str]:
    """The page of a confirmed appointment, and that of its case."""
    with desk.db.write() as tx:
        ref = make_case(tx, release_on=date(2026, 10, 1), answer="accepted").ref
        (made,) = appointments.book(tx, OPERATOR, ref, WRONG, now=desk.now).appointments
    return f"/cases/{ref}/appointments/{made.id}", f"/cases/{ref}"


def test_a_wrong_number_is_put_right_and_the_rest_stays(on_sqlite: Desk) -> None:
    desk = on_sqlite
    path, case = booked(desk)
    coordinator = desk.of("coordinator")
    assert 'value="22 33 44 55"' in coordinator.get(path).text
    typed = {"right_with": "Kari Vik", "right_place": "Torget 1"}
    phone = {"right_phone": "22 33 44 55"}
    refused = coordinator.send(path, typed | phone | {"do": "correct"})
    assert refused.status == 422
    assert 'id="e-right_phone">Ingenting er endret' in refused.text
    refused = coordinator.send(path, typed | phone | {"do": "correct", "right_with": ""})
    assert refused.status == 422
    assert 'id="e-right_with">Skriv noe her' in refused.text

    done = coordinator.send(path, typed | {"do": "correct", "right_phone": "22 33 44 66"})

    assert done.url == case
    said = "Opplysningene er rettet: Annen avtale for Test Person, fre. 2.10. kl. 10.00: bekreftet."
    assert said in done.text
    with desk.db.read() as tx:
        both = queries.case_by_ref(tx, OPERATOR, case.rpartition("/")[2]).appointments
    assert {(each.status.value, each.starts_at) for each in both} == {
        ("moved", WRONG.starts_at),
        ("confirmed", WRONG.starts_at),
    }
    shown = done.text.split("Avtaler</h2>")[1].split("</section>")[0]
    assert "22 33 44 66" in shown


def test_a_number_that_should_not_be_there_is_taken_away(on_sqlite: Desk) -> None:
    path, case = booked(on_sqlite)
    coordinator = on_sqlite.of("coordinator")
    coordinator.get(path)
    typed = {"right_with": "Kari Vik", "right_place": "Torget 1", "right_phone": " "}

    done = coordinator.send(path, typed | {"do": "correct"})

    assert "Opplysningene er rettet" in done.text
    with on_sqlite.db.read() as tx:
        stands = queries.case_by_ref(tx, OPERATOR, case.rpartition("/")[2])
        new = next(each for each in stands.appointments if each.status.value == "confirmed")
        details = vault.unseal(tx, stands.person, vault.DETAILS, new.details)
    assert details == {"with": "Kari Vik", "place": "Torget 1", "phone": None}


def test_what_is_too_long_is_told_where_it_was_typed(on_sqlite: Desk) -> None:
    path, _ = booked(on_sqlite)
    coordinator = on_sqlite.of("coordinator")
    coordinator.get(path)
    typed = {"right_with": "x" * 201, "right_place": "Torget 1", "right_phone": "22 33 44 55"}

    refused = coordinator.send(path, typed | {"do": "correct"})

    assert refused.status == 422
    assert 'id="e-right_with">Det er for langt.' in refused.text
    assert 'id="e-with"' not in refused.text


def test_in_a_closed_case_nothing_is_offered_that_would_be_refused(on_sqlite: Desk) -> None:
    path, case = booked(on_sqlite)
    with on_sqlite.db.write() as tx:
        release.close(tx, OPERATOR, case.rpartition("/")[2], "died", now=on_sqlite.now)

    text = on_sqlite.of("coordinator").get(path).text

    assert "Rett opplysningene" not in text
    assert 'value="move"' not in text


def test_after_the_release_the_figures_would_lose_it(on_sqlite: Desk) -> None:
    desk = on_sqlite
    path, case = booked(desk)
    coordinator = desk.of("coordinator")
    coordinator.get(path)
    hidden = coordinator.get(path).hidden(path)
    with desk.db.write() as tx:
        release.release(tx, OPERATOR, case.rpartition("/")[2], now=desk.now)
    desk.later(timedelta(minutes=5))

    assert "Rett opplysningene" not in coordinator.get(path).text
    typed = {"do": "correct", "right_with": "Ola", "right_place": "Torget 1", "right_phone": ""}
    assert coordinator.post(path, hidden | typed).status == 422


def test_what_may_not_be_read_cannot_be_put_right(on_sqlite: Desk) -> None:
    desk = on_sqlite
    path, _ = booked(desk)
    assert desk.of("elsewhere").get(path).status == 404
    assert desk.of("officer").get(path).status == 403
