"""One person from the roster to the end of follow-up, in a real browser, by five roles.

The whole way is gone twice, with a script and without. At its end the directorate sees one more
in its count, and no case.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from cases.sweep import sweep
from tests.databases import SqliteFiles
from tests.people import UNITS, at, make_case, make_person
from tests.web.chromium.office import IN_A_BROWSER, Office, opened

pytestmark = IN_A_BROWSER

NUMBER = "909090"
ROSTER = (
    "innsattnr;fornavn;etternavn;fødselsdato;enhet;innsatt;planlagt løslatelse;"
    "løslatelsesgrunnlag\n"
    f"{NUMBER};Kari;Prøvesen;01.02.1990;A;08.09.2026 08:00;08.10.2026;bekreftet\n"
)
OTHERS = 9
"""Participants released in the same tertial: enough for their count to be shown."""


@dataclass(slots=True)
class Way:
    """The way out, gone with or without a script."""

    office: Office
    script: bool
    case: str = ""

    @contextmanager
    def by(self, who: str) -> Iterator[Page]:
        """Somebody sits down at the list where their day begins."""
        with self.office.at_the_desk(who, script=self.script) as page:
            yield page

    def on(self, day: str) -> None:
        """Another day comes, and what happens by itself has happened."""
        self.office.desk.clock[0] = at(day)
        sweep(self.office.desk.db, now=at(day))

    def open(self, page: Page) -> None:
        """Find the person by number, as one does."""
        page.goto("/search")
        page.get_by_label("Innsattnummer eller navn").fill(NUMBER)
        page.locator("main").get_by_role("button", name="Finn").click()
        page.get_by_role("heading", name="Kari Prøvesen").wait_for()
        self.case = page.url.partition("?")[0]


@pytest.fixture
def fresh(browser: Browser, sqlite_files: SqliteFiles, tmp_path: Path) -> Iterator[Office]:
    """A house with those who were released that autumn, and nobody else."""
    url = sqlite_files.create(migrated=True, filled=UNITS)
    with opened(browser, url, tmp_path, at("2026-09-08 09:30")) as office:
        with office.desk.db.write() as tx:
            for number in range(OTHERS):
                make_case(
                    tx,
                    person=make_person(tx, inmate_no=f"S{number}"),
                    admitted="2026-08-01 06:00",
                    release_on=date(2026, 9, 7),
                    answer="accepted",
                    done=("intake_talk", "brief_info", "naloxone_training"),
                    released="2026-09-07 10:00",
                )
        yield office
    sqlite_files.drop(url)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_one_person_goes_the_whole_way_through_the_pages(fresh: Office, script: bool) -> None:
    way = Way(fresh, script)
    with way.by("coordinator") as page:
        taken_in(page)
        way.open(page)
    with way.by("nurse") as page:
        met(page)
    with way.by("officer") as page:
        informed(page)
    with way.by("coordinator") as page:
        page.goto(way.case)
        planned(page)
    way.on("2026-10-07 10:00")
    with way.by("officer") as page:
        page.goto(way.case)
        tick(page, "talk_held")
    with way.by("coordinator") as page:
        page.goto(way.case)
        printed(page)
    way.on("2026-10-08 10:00")
    with way.by("lead") as page:
        page.goto(way.case)
        let_go(page)
    with way.by("officer") as page:
        page.goto(way.case)
        choose(page, "handed_over", "Kort og spray")
    way.on("2026-10-12 15:00")
    with way.by("coordinator") as page:
        followed_up(page, way.case)
    way.on("2026-11-20 10:00")
    with way.by("lead") as page:
        page.goto(way.case)
        page.get_by_text("Saken er avsluttet: Fullført.").wait_for()
    way.on("2027-01-05 10:00")
    with way.by("directorate") as page:
        counted(page, way.case)


# --- what each does ------------------------------------------------------------------------------


def taken_in(page: Page) -> None:
    """The coordinator looks at the roster, and takes it in."""
    page.get_by_role("link", name="Import", exact=True).first.click()
    file = {"name": "liste.csv", "mimeType": "text/csv", "buffer": ROSTER.encode()}
    page.get_by_label("Fil (CSV eller Excel)").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Se gjennom filen").click()
    until(page, "Forhåndsvisning: ingenting er tatt inn ennå")
    page.get_by_role("button", name="Ta inn filen").click()
    until(page, "Importen er ferdig")


def until(page: Page, heading: str) -> None:
    """Wait for what is done beside the request; without a script, by the link for it."""
    for _ in range(100):
        if page.get_by_role("heading", name=heading).count():
            return
        again = page.get_by_role("link", name="Oppdater nå")
        if again.count():
            again.click()
        page.wait_for_timeout(100)
    raise AssertionError(page.locator("main").inner_text())


def met(page: Page) -> None:
    """The nurse, from her list of the day: the talk, the offer, the training."""
    page.goto("/today")
    row(page, "Innkomstsamtale holdt").locator("summary").click()
    row(page, "Innkomstsamtale holdt").get_by_role("button", name="I risiko for overdose").click()
    page.get_by_text("Innkomstsamtale holdt er ført for Kari").wait_for()
    page.get_by_role("link", name="Kari Prøvesen").first.click()
    page.get_by_role("button", name="Ja: Kari Prøvesen tar imot tilbudet").click()
    page.get_by_text("Tilbudet besvart for Kari Prøvesen: Takket ja").wait_for()
    tick(page, "naloxone_training")


def row(page: Page, label: str) -> Any:
    """The line of one task on the list of the day."""
    return page.locator("li.person", has_text="Kari").locator(".task", has_text=label)


def tick(page: Page, task: str) -> None:
    """The one button of a task on the page of the case."""
    page.locator(f"#task-{task}").get_by_role("button", name="Gjort:").click()
    page.locator(f"#task-{task}").get_by_text("Gjort", exact=True).wait_for()


def choose(page: Page, task: str, answer: str) -> None:
    """A task that is done with an answer."""
    page.locator(f"#task-{task} summary").click()
    page.locator(f"#task-{task}").get_by_role("button", name=answer).click()
    page.locator(f"#task-{task}").get_by_text("Gjort", exact=True).wait_for()


def informed(page: Page) -> None:
    """The officer gives the information, and never meets the health answer."""
    page.get_by_role("link", name="Søk").first.click()
    page.get_by_label("Innsattnummer eller navn").fill("Kari")
    page.locator("main").get_by_role("button", name="Finn").click()
    page.get_by_role("link", name="Kari Prøvesen").click()
    page.get_by_role("heading", name="Kari Prøvesen").wait_for()
    assert "I risiko for overdose" not in page.content()
    tick(page, "brief_info")


def planned(page: Page) -> None:
    """The coordinator asks for consent, books, and has the appointments confirmed."""
    for what, whom in (("sharing:health", "helsetjenesten"), ("sharing:nav", "NAV")):
        page.locator(f'button[value="{what}/given"]').click()
        page.get_by_text(f"Ja er ført: Dele avtaler med {whom}").wait_for()
    for kind, when in (("GP", "2026-10-09T10:00"), ("NAV", "2026-10-12T13:00")):
        page.get_by_role("link", name="Legg inn avtale").click()
        page.get_by_label("Type").select_option(kind)
        page.get_by_label("Tid").fill(when)
        page.get_by_label("Hos hvem").fill(f"{kind}-kontoret")
        page.get_by_label("Hvor", exact=True).fill("Torget 1")
        page.get_by_role("button", name="Legg inn").click()
        page.get_by_text(f"{kind}-kontoret").wait_for()
    tick(page, "requests_sent")
    for kind in ("GP", "NAV"):
        line = page.locator("li", has_text=f"{kind}-kontoret")
        line.get_by_role("link", name="Oppdater avtalen").click()
        page.get_by_role("button", name="Bekreftet", exact=True).click()
        page.locator("li", has_text=f"{kind}-kontoret").get_by_text("Bekreftet").wait_for()
    for task in ("talk_booked", "appointments_confirmed"):
        tick(page, task)


def printed(page: Page) -> None:
    """What stands on the card is read, the paper is made, and the task is done."""
    page.get_by_role("link", name="Skriv ut kort").click()
    page.get_by_text("GP-kontoret").wait_for()
    page.get_by_role("button", name="Skriv ut kortet").wait_for()
    form = page.locator("form[action$='/card.pdf']")
    chosen = form.get_by_label("Språk").input_value()
    paper = page.request.get(f"{form.get_attribute('action')}?language={chosen}")
    assert paper.headers["content-type"] == "application/pdf"
    assert paper.body().startswith(b"%PDF-")
    page.get_by_role("button", name="Ja, før det som gjort").click()
    page.locator("#task-card_printed").get_by_text("Gjort", exact=True).wait_for()


def let_go(page: Page) -> None:
    """The unit's lead registers the release: nothing is left undone."""
    page.get_by_role("link", name="Løslates nå").click()
    assert page.get_by_role("heading", name="Ikke gjort ennå").count() == 0
    page.get_by_label("Når").fill("2026-10-08T09:30")
    page.get_by_role("button", name="Registrer løslatelsen").click()
    page.get_by_text("Løslatelsen er registrert:").wait_for()
    page.locator("main").get_by_text("Oppfølging", exact=True).wait_for()


def followed_up(page: Page, case: str) -> None:
    """The coordinator sees the days, and writes what came of the appointments."""
    page.get_by_role("link", name="Oppfølging", exact=True).first.click()
    out = page.locator("li.card", has_text="Kari Prøvesen")
    assert "Dag 4" in out.inner_text()
    for kind, came in (("GP", "Møtte"), ("NAV", "Møtte ikke")):
        page.goto(case)
        line = page.locator("li", has_text=f"{kind}-kontoret")
        line.get_by_role("link", name="Oppdater avtalen").click()
        page.get_by_role("button", name=came, exact=True).click()
        page.locator("li", has_text=f"{kind}-kontoret").get_by_text(came, exact=True).wait_for()


def counted(page: Page, case: str) -> None:
    """The directorate: one more than the others in the count, and not a case anywhere."""
    page.goto("/tertial?period=2026-T3&indicator=I6")
    nation = page.locator("section[aria-labelledby=by-region] tbody tr", has_text="Hele landet")
    assert [each.strip() for each in nation.locator("td.num").all_inner_texts()][1:3] == [
        str(OTHERS + 1),
        str(OTHERS + 1),
    ]
    assert "/cases/" not in page.content()
    assert "Kari" not in page.content()
    for path in (case, "/today", "/search", "/follow-up"):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 403, path
        assert "Kari" not in page.content()
