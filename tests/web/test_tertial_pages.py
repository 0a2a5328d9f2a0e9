"""The tertial on the pages: published figures, a unit's own, the life of a report."""

from __future__ import annotations

import re
from datetime import date

from cases import service
from cases.access import OPERATOR, Viewer
from cases.model import Case, Role
from cases.project import record_stage
from tests.people import at, make_case, make_person
from tests.web.conftest import Desk
from web.pages import drawing

PERIOD = "2026-T2"
EXPERIENCE = {
    "period": PERIOD,
    "unit": "A",
    "worked-codes": "naloxone",
    "hindered-codes": "staffing",
    "hindered-text": "Få på vakt i juli.",
}


def released_in_summer(desk: Desk, count: int = 7) -> list[Case]:
    """Participants of unit A who were released in the second tertial, and one in C."""
    with desk.db.write() as tx:
        made = [
            make_case(
                tx,
                person=make_person(tx, inmate_no=f"S{number}"),
                admitted="2026-06-01 06:00",
                opened="2026-06-01 08:00",
                release_on=date(2026, 7, 1),
                answer="accepted",
                done=("intake_talk", "brief_info") if number else ("intake_talk",),
                released="2026-07-01 10:00",
            )
            for number in range(count)
        ]
        make_case(tx, unit="C", admitted="2026-06-01 06:00", opened="2026-06-01 08:00")
    return made


def test_the_life_of_a_report_on_the_pages(on_sqlite: Desk) -> None:
    desk = on_sqlite
    cases = released_in_summer(desk)
    lead, owner = desk.of("lead"), desk.of("directorate")

    page = lead.get(f"/tertial/own?period={PERIOD}&unit=A")
    assert page.status == 200
    assert "Ikke sendt inn ennå" in page.text
    wrong = lead.send(
        "/tertial/own", {**EXPERIENCE, "hindered-text": "Kari, 15 08 88 12345, ventet lenge"}
    )
    assert wrong.status == 422
    assert "Skriv om arbeidet, ikke om en person" in wrong.text
    assert "15 08 88 12345, ventet lenge</textarea>" in wrong.text
    assert re.search(r'value="staffing" checked', wrong.text)
    sent = lead.send("/tertial/own", EXPERIENCE)
    assert sent.status == 200
    assert "Rapporten er sendt inn." in sent.text

    page = owner.get(f"/tertial?period={PERIOD}")
    assert "Få på vakt i juli." in page.text
    told = [*(case.ref for case in cases), *(f"S{number}" for number in range(7)), "Testesen"]
    assert not [each for each in told if f">{each}<" in page.text or f"/cases/{each}" in page.text]
    assert "/cases/" not in page.text
    accepted = owner.send("/tertial", {"do": "accept/A"})
    assert "Rapporten er godtatt." in accepted.text
    asked = owner.send("/tertial", {"do": "freeze"})
    assert "Fryse rapporten for 2026-T2?" in asked.text
    assert "Det kan ikke angres: rettelser kommer bare som en ny revisjon." in asked.text
    assert "Ikke fryst ennå" in asked.text
    frozen = owner.send("/tertial", {"do": "freeze", "sure": "freeze"})
    assert "Fryst, revisjon 1" in frozen.text
    asked = owner.send("/tertial", {"do": "revise"})
    assert "Fryse en ny revisjon av 2026-T2?" in asked.text
    again = owner.send("/tertial", {"do": "revise", "sure": "revise"})
    assert again.status == 409
    assert "Ingen tall er endret siden forrige revisjon" in again.text

    with desk.db.write() as tx:
        done = service.TaskDone("brief_info", at("2026-06-20 10:00"), "individual")
        service.complete_task(tx, OPERATOR, cases[0].ref, done, now=desk.now)
    revised = owner.send("/tertial", {"do": "revise", "sure": "revise"})
    assert "Fryst, revisjon 2" in revised.text
    assert "Endret fra revisjon 1 til 2" in revised.text
    first = owner.get(f"/tertial?period={PERIOD}&revision=1")
    assert "Fryst, revisjon 1" in first.text
    late = lead.send("/tertial/own", EXPERIENCE)
    assert late.status == 422
    assert "Rapporten er godtatt. Rettelser kommer" in late.text

    for form, begins in (("csv", "\ufeffperiod;"), ("json", "{"), ("xlsx", "PK")):
        taken = owner.get(f"/tertial/file?period={PERIOD}&revision=1&format={form}")
        assert taken.text.startswith(begins), form
        assert f"tertial-{PERIOD}-r1.{form}" in taken.headers["content-disposition"]


def test_who_freezes_without_some_is_told_who_they_are_and_that_it_is_for_good(
    on_sqlite: Desk,
) -> None:
    owner = on_sqlite.of("directorate")
    page = owner.get(f"/tertial?period={PERIOD}")
    assert "Frys rapporten uten dem som mangler" in page.text
    assert "når telleren, nevneren eller forskjellen mellom dem er fra 1 til 4" in page.text
    asked = owner.send("/tertial", {"do": "freeze"})
    question = asked.text.split('id="ask"')[1].split("</form>")[0]
    named = question.split("</strong> ")[2].split(".</p>")[0].split(", ")
    rows = asked.text.split('id="reported"')[1].split("</table>")[0]
    told = re.findall(r'<th scope="row">([^<]+)</th>', rows)
    assert named == told == sorted(told)
    assert f"{len(told)} av {len(told)} enheter har ikke rapportert" in question
    assert "Ikke frys" in question
    # A look at the question changes nothing, and who may not freeze is not asked.
    assert "Ikke fryst ennå" in owner.get(f"/tertial?period={PERIOD}&ask=freeze").text
    assert 'id="ask"' not in on_sqlite.of("lead").get(f"/tertial?period={PERIOD}&ask=freeze").text


def test_who_sends_in_without_a_word_of_experience_is_asked_first(on_sqlite: Desk) -> None:
    lead, own = on_sqlite.of("lead"), f"/tertial/own?period={PERIOD}&unit=A"
    here = {"period": PERIOD, "unit": "A"}
    lead.get(own)

    asked = lead.send("/tertial/own", here)

    assert "Sende inn uten erfaringsrapport?" in asked.text
    assert "Tallene til A fengsel for mai–august 2026 sendes inn som de står nå" in asked.text
    assert "Det som ble fortalt sist" not in asked.text
    assert "Ikke sendt inn ennå" in lead.get(own).text
    sent = lead.send("/tertial/own", {**here, "sure": "submit"})
    assert "Rapporten er sendt inn." in sent.text
    # Who may not submit is not asked.
    assert 'id="ask"' not in on_sqlite.of("nurse").get(f"{own}&ask=submit").text
    told = lead.send("/tertial/own", EXPERIENCE)
    assert "Rapporten er sendt inn." in told.text
    assert "Det som ble fortalt sist, blir stående." in lead.send("/tertial/own", here).text


def test_figures_that_changed_after_they_were_sent_in_are_told_with_what_was_sent(
    on_sqlite: Desk,
) -> None:
    desk, lead = on_sqlite, on_sqlite.of("lead")
    cases, own = released_in_summer(desk), f"/tertial/own?period={PERIOD}&unit=A"
    lead.get(own)
    lead.send("/tertial/own", EXPERIENCE)
    assert "Tallene er endret" not in lead.get(own).text
    taken = lead.get(f"/tertial/own/file?period={PERIOD}&unit=A&format=csv")
    assert ";submitted;" in taken.text

    with desk.db.write() as tx:
        done = service.TaskDone("brief_info", at("2026-06-20 10:00"), "individual")
        service.complete_task(tx, OPERATOR, cases[0].ref, done, now=desk.now)

    told = lead.get(own).text.split('id="changed"')[1].split("</div>")[0]
    assert "Tallene er endret etter innsending" in told
    assert "6/7 var sendt inn, 7/7 nå" in told
    assert "I18" not in told
    assert "Sendes rapporten inn på nytt, erstatter" in told
    officer = desk.of("officer").get(own).text.split('id="changed"')[1].split("</div>")[0]
    assert "erstatter" not in officer
    taken = lead.get(f"/tertial/own/file?period={PERIOD}&unit=A&format=csv")
    assert ";submitted;" not in taken.text
    lead.get(own)
    lead.send("/tertial/own", EXPERIENCE)
    assert "Tallene er endret" not in lead.get(own).text


def test_who_is_left_out_of_an_indicator_is_said_beside_it(on_sqlite: Desk) -> None:
    released_in_summer(on_sqlite, 2)
    page = on_sqlite.of("nurse").get(f"/tertial/own?period={PERIOD}&unit=A")
    row = page.text.split('definitions#I12"')[1].split("</tr>")[0]
    assert "2 av 2 løslatte deltakere hadde ingen bekreftet avtale og er ikke med." in row
    assert "ukjent utfall er ikke med" not in page.text


def test_a_text_that_is_too_long_is_refused_with_its_length_and_not_cut(on_sqlite: Desk) -> None:
    lead = on_sqlite.of("lead")
    page = lead.get(f"/tertial/own?period={PERIOD}&unit=A")
    assert "maxlength" not in page.text.split('id="f-worked-text"')[1].split(">")[0]
    # The form stands below all the figures: a link at the top leads to it.
    assert page.text.index('href="#submit"') < page.text.index('id="submit"')
    nurse = on_sqlite.of("nurse").get(f"/tertial/own?period={PERIOD}&unit=A")
    assert 'href="#submit"' not in nurse.text

    refused = lead.send("/tertial/own", {**EXPERIENCE, "worked-text": "å" * 431})

    assert refused.status == 422
    assert "Teksten har 431 tegn. Det er plass til 400." in refused.text
    assert "å" * 431 in refused.text


def test_a_unit_that_came_after_the_tertial_is_told_that_no_report_is_expected(
    on_sqlite: Desk,
) -> None:
    desk, lead = on_sqlite, on_sqlite.of("lead")
    with desk.db.write() as tx:
        admin = Viewer("admin", Role.ADMIN)
        record_stage(tx, admin, "A", "withdrawn", on=date(2026, 8, 30), now=desk.now)
        record_stage(tx, admin, "A", "contract_signed", on=date(2026, 9, 8), now=desk.now)

    page = lead.get(f"/tertial/own?period={PERIOD}&unit=A")

    assert "Ingen rapport ventes" in page.text
    assert "den var ikke med i prosjektet da det sluttet" in page.text
    assert "Ikke sendt inn ennå" not in page.text
    assert 'id="submit"' not in page.text
    assert "Rapporten sendes inn av enhetens" not in page.text
    running = lead.get("/tertial/own?period=2026-T3&unit=A")
    assert "Løpende tall" in running.text


def test_own_figures_are_the_units_alone(on_sqlite: Desk) -> None:
    desk = on_sqlite
    released_in_summer(desk, 2)
    own = f"/tertial/own?period={PERIOD}&unit=A"
    assert {who: desk.of(who).get(own).status for who in ("nurse", "officer", "coordinator")} == {
        "nurse": 200,
        "officer": 200,
        "coordinator": 200,
    }
    assert {who: desk.of(who).get(own).status for who in ("outsider", "elsewhere")} == {
        "outsider": 404,
        "elsewhere": 404,
    }
    files = f"/tertial/own/file?period={PERIOD}&unit=A&format=csv"
    refused = {who: desk.of(who).get(files).status for who in ("outsider", "directorate", "admin")}
    assert refused == {"outsider": 404, "directorate": 403, "admin": 403}
    # Two released: theirs to see, and hidden in what everybody sees.
    assert re.search(r"2026-T2;[^\n]*;unit;A;I6;0,5000;1;2;", desk.of("nurse").get(files).text)
    assert '<td class="num strong">50,0 %</td>' in desk.of("nurse").get(own).text
    page = desk.of("nurse").get(f"/tertial?period={PERIOD}&indicator=I6")
    row = page.text.split('id="by-unit"')[1].split("</table>")[0]
    assert "skjult" in row
    assert "0,5" not in row
    assert desk.of("nurse").get("/tertial/own?period=2026-T4").status == 422
    coming = desk.of("nurse").get("/tertial/own?period=2027-T1")
    assert "Dette tertialet har ikke begynt." in coming.text


def test_what_to_look_at_first_says_what_its_lists_hold(on_sqlite: Desk) -> None:
    with on_sqlite.db.write() as tx:
        for number in range(3):
            make_case(
                tx,
                person=make_person(tx, inmate_no=f"S{number}"),
                admitted="2026-06-01 06:00",
                opened="2026-06-01 08:00",
                # Who is out stands in the figure, and not in a list of today.
                released=None if number else "2026-07-01 10:00",
            )
    page = on_sqlite.of("nurse").get(f"/tertial/own?period={PERIOD}&unit=A").text
    hints = page.split("Se på dette først")[1].split("</div>")[0]
    assert re.search(
        r'<li>Innkomstsamtaler som ikke er ført: 3 · <a [^>]*step=INTAKE_TALK">'
        r"innkomstsamtaler som står over fristen i dag</a>",
        hints,
    )
    assert not re.search(r">[^<]*: \d+</a>", hints)
    assert "Listene viser det som er åpent i dag" in hints


def test_only_the_national_owner_acts_on_a_report(on_sqlite: Desk) -> None:
    for who in ("lead", "admin", "nurse"):
        browser = on_sqlite.of(who)
        hidden = browser.get("/me").hidden("/choices")
        refused = browser.post(
            "/tertial", {"csrf": hidden["csrf"], "period": PERIOD, "do": "freeze"}
        )
        assert refused.status == 403, who


def test_a_day_on_which_nobody_had_an_appointment_keeps_its_place() -> None:
    drawn = str(drawing.columns([2, 0, 0, 1], "Dager", "dag 0: 2; dag 3: 1", below="Dager"))

    assert re.findall(r'class="tick"[^>]*>(\d+)<', drawn) == ["0", "1", "2", "3"]
    assert drawn.count('class="fill"') == 2
    assert 'role="img" aria-label="Dager. dag 0: 2; dag 3: 1"' in drawn


def test_a_gap_in_a_trend_stays_a_gap() -> None:
    dots = [
        drawing.Dot("T1 26", 0.5, "50 %"),
        drawing.Dot("T2 26", None, ":"),
        drawing.Dot("T3 26", 0.6, "60 %"),
        drawing.Dot("T1 27", 0.7, "70 %"),
    ]
    drawn = str(drawing.over_time(dots, "<Time> i hånden", "…"))

    (line,) = re.findall(r'<polyline class="line" points="([^"]*)"', drawn)
    assert len(line.split()) == 2
    assert "&lt;Time&gt;" in drawn
