"""What a roster would do is shown before it does it: who changes how, and what looks wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cases import roster_file, roster_xlsx
from cases.access import OPERATOR
from cases.roster import import_roster
from core.errors import Busy
from tests.people import at
from tests.web.browser import Browser, Page
from tests.web.conftest import Desk
from tests.web.test_story import upload, waited
from web.pages import imports
from web.pages.refusals import _WAYS_OUT, explained

_UNSAID = str(_WAYS_OUT["bad_input"])
HEAD = "innsattnr;fornavn;etternavn;enhet;innsatt;planlagt løslatelse;løslatelsesgrunnlag\n"
KARI = "909090;Kari;Prøvesen;A;08.09.2026 08:00;08.10.2026;bekreftet\n"
THREE = HEAD + KARI + "909091;Ola;Prøvesen;A;08.09.2026;;\n909092;Per;Prøvesen;A;08.09.2026;;\n"


@pytest.fixture
def coordinator(on_sqlite: Desk) -> Browser:
    on_sqlite.clock[0] = at("2026-09-08 09:30")
    return on_sqlite.of("coordinator")


def looked(browser: Browser, text: str, name: str = "liste.csv", made: str = "") -> Page:
    return waited(browser, upload(browser, text, name, made).url, "Forhåndsvisning")


def taken(browser: Browser, text: str, **fields: str) -> Page:
    page = looked(browser, text)
    browser.send(page.url, {"do": "take", **fields})
    return waited(browser, page.url, "Importen er ferdig")


def words(page: Page) -> str:
    """What is read on a page, with one space between words."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())


def test_who_changes_and_how_is_shown_before_anything_is_saved(coordinator: Browser) -> None:
    taken(coordinator, THREE)

    page = words(looked(coordinator, THREE.replace("08.10.2026", "15.10.2026")))

    assert "Kari Prøvesen 909090 Løslatelsesdato: tors. 8.10. (bekreftet)" in page
    assert "→ tors. 15.10. (bekreftet)" in page
    assert "Ola" not in page


def test_what_was_opened_leads_to_its_case_once_it_is_taken(on_sqlite: Desk) -> None:
    desk = on_sqlite
    desk.clock[0] = at("2026-09-08 09:30")
    hidden = HEAD.replace("\n", ";adressesperre\n") + KARI.replace("\n", ";\n")
    hidden += "909094;Mona;Prøvesen;A;08.09.2026;;;kode 6\n"
    page = looked(desk.of("coordinator"), hidden)
    assert "Kari Prøvesen" in page.text
    assert 'href="/cases/' not in page.text

    page = taken(desk.of("coordinator"), hidden)
    ((ref, name),) = re.findall(r'href="/cases/(\w+)">([^<]+)</a>', page.text)
    assert name == "Kari Prøvesen"
    assert desk.of("coordinator").get(f"/cases/{ref}").status == 200
    assert "Mona" in page.text, "the importer knows the file; the case is for those who are named"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("liste.csv", "\x89PNG\x00\x00\x00", "Eksporter innsattlisten på nytt som CSV (UTF-8)"),
        ("liste.csv", "%PDF-1.7\n", "Dette er en PDF."),
        ("liste.xlsx", HEAD + KARI, "Navnet på filen passer ikke til det som er i den."),
        ("liste.csv", "   \n", "Filen er tom."),
        ("liste.csv", "hei;der\n1;2\n", "Fant ingen rad med kolonnenavn."),
        ("liste.csv", HEAD + '909090;"Kari;A\n', "anførselstegn som ikke er lukket"),
    ],
)
def test_a_file_that_is_no_list_says_what_it_is_and_what_to_do(
    coordinator: Browser, name: str, content: str, said: str
) -> None:
    """Of all of them a coordinator read that "some of it could not be read"."""
    page = waited(coordinator, upload(coordinator, content, name).url, "Filen kan ikke leses")
    assert said in page.text


def test_every_reason_for_which_a_file_is_refused_is_said_in_norwegian() -> None:
    source = [
        Path(roster_file.__file__).read_text("utf-8"),
        Path(roster_xlsx.__file__).read_text("utf-8"),
    ]
    said = {
        "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', raised)[1:])
        for text in source
        for raised in re.findall(r"raise BadInput\((.*?)\)(?: from|\n)", text, re.DOTALL)
    }
    assert len(said) > 10
    unsaid = {each for each in said if explained(str, "bad_input", each) == _UNSAID}
    # A path is given on the command line alone.
    assert {each for each in unsaid if "path" not in each} == set()


def test_a_new_name_is_shown_beside_the_old_one(coordinator: Browser) -> None:
    taken(coordinator, THREE)

    page = words(looked(coordinator, THREE.replace("Kari;Prøvesen", "Kari;Annensen")))

    assert "Navn: Kari Prøvesen → Kari Annensen" in page


def test_what_is_taken_is_told_as_taken_though_nobody_can_be_named_now(
    coordinator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object, **__: object) -> None:
        raise Busy("The database does not answer now.")

    taken(coordinator, THREE)
    page = looked(coordinator, THREE.replace("08.10.2026", "15.10.2026"))
    monkeypatch.setattr(imports, "changes", busy)

    coordinator.send(page.url, {"do": "take"})

    assert "Kari Prøvesen" in waited(coordinator, page.url, "Importen er ferdig").text


def test_a_change_of_somebody_elses_case_is_counted_and_not_named(
    on_sqlite: Desk, coordinator: Browser, tmp_path: Path
) -> None:
    theirs = HEAD + "919191;Fremmed;Navnesen;{};07.09.2026;{};\n"
    file = tmp_path / "roster.csv"
    file.write_text(theirs.format("C", ""), "utf-8")
    import_roster(on_sqlite.db, file, OPERATOR, now=on_sqlite.now, demo=True)

    page = words(looked(coordinator, theirs.format("A", "08.12.2026")))

    assert "1 til, som ikke vises her." in page
    assert "Fremmed" not in page


def test_a_fault_says_whose_row_it_is_and_what_was_not_understood(coordinator: Browser) -> None:
    wrong = "909093;Ny;Prøvesen;Finnes ikke fengsel;08.09.2026;;\n"
    foreign = "909094;Annen;Enhetsen;C;31.02.2026;;\n"

    page = looked(coordinator, HEAD + KARI + wrong + foreign)

    assert "909093 enhet Enheten er ukjent: «Finnes ikke fengsel»" in words(page)
    assert "909094" not in page.text
    assert "1 rader gjelder andre enheter." in words(page)
    rejects = coordinator.get(f"{page.url}/rejects").text
    assert len(rejects.splitlines()) == 2
    assert "Enheten er ikke din" not in rejects


def test_of_mended_rows_that_come_back_nobody_is_missing(coordinator: Browser) -> None:
    page = taken(coordinator, THREE + "909093;Ny;Prøvesen;Finnes ikke;08.09.2026;;\n")
    mended = coordinator.get(f"{page.url}/rejects").text.lstrip("\ufeff")

    page = looked(coordinator, mended.replace("Finnes ikke;", "A;"))

    assert re.search(r'name="part" value="yes" checked', page.text)
    assert "Mangler på listen" not in page.text
    assert "med merknad" not in page.text, "our own column is nothing to remark on"
    coordinator.send(page.url, {"do": "take", "part": "yes"})
    page = waited(coordinator, page.url, "Importen er ferdig")
    assert "Mangler på listen" not in page.text


def test_a_file_with_far_fewer_people_than_the_unit_asks_whether_it_is_a_part(
    coordinator: Browser,
) -> None:
    taken(coordinator, THREE)

    page = looked(coordinator, HEAD + KARI)

    assert "Filen har langt færre personer enn enheten" in page.text
    assert "Mangler på listen" in page.text
    assert "checked" not in page.text
    assert "Mangler på listen" in taken(coordinator, HEAD + KARI).text
    assert "Mangler på listen" not in taken(coordinator, HEAD + KARI, part="yes").text


def test_releases_planned_long_ago_ask_whether_the_list_is_new_enough(
    coordinator: Browser,
) -> None:
    old = "909095;Gammel;Listesen;A;01.05.2026;18.06.2026;bekreftet\n"

    assert "1 av dem skulle vært løslatt for mer enn en uke siden, den første for 82 dager" in (
        looked(coordinator, HEAD + KARI + old).text
    )
    assert "skulle vært løslatt" not in looked(coordinator, HEAD + KARI).text


OLDER = "Denne listen er eldre enn en som alt er tatt inn."


def test_a_file_that_was_taken_in_before_another_is_asked_about_before_it_goes_back(
    on_sqlite: Desk, coordinator: Browser
) -> None:
    taken(coordinator, THREE)
    assert OLDER not in looked(coordinator, THREE).text
    on_sqlite.clock[0] = at("2026-09-08 09:40")
    taken(coordinator, THREE.replace("08.10.2026", "15.10.2026"))

    page = looked(coordinator, THREE)

    assert "Akkurat denne filen ble tatt inn tirs. 8.9. kl. 09.30, og en annen liste etter den" in (
        page.text
    )
    assert page.text.index(OLDER) < page.text.index("Nye saker")
    asked = coordinator.send(page.url, {"do": "take"})
    assert asked.status == 422
    assert "Si at den skal tas inn likevel." in asked.text
    assert "Ta inn filen" in asked.text
    coordinator.send(page.url, {"do": "take", "older": "yes"})
    assert 'Oppdatert</dt><dd class="number">1' in (
        waited(coordinator, page.url, "Importen er ferdig").text
    )


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        ({"name": "liste 2026-09-08.csv"}, {"name": "liste 07.09.2026.csv"}),
        ({"made": "1788847200000"}, {"made": "1788760800000"}),
    ],
)
def test_a_list_of_an_earlier_day_than_the_last_one_is_asked_about(
    coordinator: Browser, newer: dict[str, str], older: dict[str, str]
) -> None:
    page = looked(coordinator, THREE, **newer)
    coordinator.send(page.url, {"do": "take"})
    waited(coordinator, page.url, "Importen er ferdig")
    other = THREE.replace("08.10.2026", "01.10.2026")

    assert "Den er fra man. 7.9. mens en fra tirs. 8.9. ble tatt inn tirs. 8.9. kl. 09.30." in (
        words(looked(coordinator, other, **older))
    )
    assert OLDER not in looked(coordinator, other, **newer).text
    assert OLDER not in looked(coordinator, THREE, **older).text, "it changes nothing"


def test_before_anything_is_taken_the_remarks_are_of_what_will_be(coordinator: Browser) -> None:
    strange = HEAD.replace("\n", ";Celle\n") + KARI.replace("\n", ";12\n")

    page = looked(coordinator, strange)

    assert "Tas inn med merknad" in page.text
    assert "Tatt inn" not in page.text
    coordinator.send(page.url, {"do": "take"})
    page = waited(coordinator, page.url, "Importen er ferdig")
    assert "Tatt inn med merknad" in page.text


def test_a_file_is_taken_in_once_though_two_windows_ask_at_the_same_moment(
    coordinator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = looked(coordinator, THREE)
    started: list[str] = []
    monkeypatch.setattr(imports, "_start", lambda _, kept, **__: started.append(kept.number))
    # Neither sees yet what the other has said.
    monkeypatch.setattr(imports.Kept, "tell", lambda *_: None)

    for _ in range(2):
        answer = coordinator.send(page.url, {"do": "take"})
        assert answer.status == 200

    assert len(started) == 1
