"""Every page in every state, by the roles that have it: axe, HTML, width and keyboard.

A page is looked at where it is used, with people in it, and in each state that shows something
else: empty, refused, asked, told. What no visit shows is found by the last test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import jinja2
import pyotp
import pytest
from playwright.sync_api import Page, Response
from pydantic import SecretStr

import web
from tests.web.chromium.looking import Looks
from tests.web.chromium.office import IN_A_BROWSER, Office, sign_in
from tests.web.chromium.scene import furnished
from tests.web.conftest import NOW
from web.vouching import BACK

pytestmark = IN_A_BROWSER

TEMPLATES: Final = Path(web.__file__).parent / "templates" / "pages"


@dataclass(slots=True)
class At:
    """Somebody at a page, with the things that addresses need."""

    office: Office
    page: Page
    named: dict[str, str]

    def go(self, path: str) -> Response:
        """Follow an address; `{name}` stands for a thing of the scene."""
        answer = self.page.goto(path.format(**self.named))
        assert answer is not None
        return answer

    def press(self, button: str, **typed: str) -> Response:
        """Fill in fields by their names, past the browser's own checks, and press a button."""
        self.page.evaluate("for (const form of document.forms) form.noValidate = true")
        main = self.page.locator("main")
        for name, value in typed.items():
            it = main.locator(f'[name="{name}"]').first
            if it.evaluate("it => it.tagName") == "SELECT":
                it.select_option(value)
            else:
                it.fill(value)
        with self.page.expect_navigation() as went:
            main.get_by_role("button", name=button, exact=True).first.click()
        answer = went.value
        assert answer is not None
        return answer


Way = Callable[[At], Response | None]


@dataclass(frozen=True, slots=True)
class Visit:
    """How a page gets into a state. Its keys are tried where a team sees it first."""

    template: str
    way: Way | str
    state: str = ""


def pressed(path: str, button: str, **typed: str) -> Way:
    """The state after a form was sent from a page."""

    def way(at: At) -> Response:
        at.go(path)
        return at.press(button, **typed)

    return way


def opened(path: str, *selectors: str) -> Way:
    """The state with something unfolded."""

    def way(at: At) -> None:
        at.go(path)
        for selector in selectors:
            at.page.locator(selector).first.click()

    return way


# --- ways that take more than an address ---------------------------------------------------------


def _told(at: At) -> None:
    at.go("/today")
    at.page.get_by_role("button", name="Ja: Over Prøvesen tar imot tilbudet").click()
    at.page.get_by_text("Tilbudet besvart for Over").wait_for()


def _missed(at: At) -> Response | None:
    at.go("/deviations?days=365")
    with at.page.expect_navigation() as went:
        at.page.get_by_role("link", name="Ble gjort likevel", exact=False).first.click()
    return went.value


def _called(at: At) -> None:
    at.go("/follow-up")
    at.page.get_by_label("Registrer kontakt med Ute Prøvesen").click()
    at.page.get_by_role("button", name="Nådd på telefon: Ute Prøvesen", exact=True).click()
    at.page.get_by_text("Kontakt etter løslatelse med Ute Prøvesen").wait_for()


def _undoing(at: At) -> Response:
    at.go("/naloxone")
    with at.page.expect_navigation() as went:
        at.page.get_by_role("button", name="Angre raden fra", exact=False).first.click()
    return went.value


def _called_at(at: At) -> Response:
    at.go("/cases/{out}")
    with at.page.expect_navigation() as went:
        at.page.get_by_role("link", name="Endre kontakten", exact=False).click()
    return went.value


def _taken(at: At) -> Response:
    """Somebody else did the task between the look and the press."""
    path = "/cases/{away}/tasks/brief_info"
    at.go(path)
    with at.office.at_the_desk("officer") as other:
        other.goto(path.format(**at.named))
        other.get_by_role("button", name="Før som gjort").click()
        other.get_by_text("er ført for Borte").wait_for()
    return at.press("Før som gjort")


def _not_vouched(at: At) -> Response:
    """An answer of an identity provider that this browser never asked."""
    state = at.office.desk.app.state
    house = state.house
    provider = {
        "oidc_issuer": "http://127.0.0.1:9",
        "oidc_client_id": "overlev",
        "oidc_client_secret": SecretStr("x"),
    }
    state.house = replace(house, settings=house.settings.model_copy(update=provider))
    try:
        return at.go(BACK)
    finally:
        state.house = house


def _expired(at: At) -> Response:
    at.go("/cases/{bare}/tasks/brief_info")
    at.office.desk.later(timedelta(hours=2))
    return at.press("Før som gjort")


def _going_on(at: At) -> Response:
    """Signed in again at the page that the visit before has led to."""
    answer = sign_in(at.page, "nurse", here=True)
    at.office.desk.clock[0] = NOW
    return answer


def _codes(at: At) -> Response:
    at.go("/me/second-step")
    at.named["secret"] = str(at.page.locator("main input[name=secret]").get_attribute("value"))
    code = pyotp.TOTP(at.named["secret"]).at(at.office.desk.now)
    return at.press("Slå på", code=code)


def _code_asked(at: At) -> Response:
    at.page.context.clear_cookies()
    return sign_in(at.page, "nurse")


def _imported(text: str, until: str, then: str = "", day: str = "2026-09-07") -> Way:
    def way(at: At) -> Response | None:
        at.go("/import")
        file = {"name": f"liste-{day}.csv", "mimeType": "text/csv", "buffer": text.encode()}
        at.page.locator("#f-file").set_input_files(file)  # type: ignore[arg-type]
        at.press("Se gjennom filen")
        at.page.get_by_role("heading", name=until).wait_for()
        if then:
            at.press(then)
            at.page.get_by_role("heading", name="Importen er ferdig").wait_for()
        return at.page.reload()

    return way


ROSTER: Final = (
    "innsattnr;fornavn;etternavn;enhet;innsatt;planlagt løslatelse\n"
    "7070;Ny;Prøvesen;A;08.09.2026 08:00;08.10.2026\n;Uten;Nummer;A;08.09.2026;\n"
    "7071;Annen;Enhet;C;08.09.2026;\n"
)

MOVED: Final = (
    ROSTER.replace("08.10.2026", "15.10.2026") + "7072;Gammel;Liste;A;01.05.2026;18.06.2026\n"
)


STRANGE: Final = ROSTER.replace("løslatelse\n", "løslatelse;Celle\n")


def _older_list(at: At) -> Response:
    """Older than the one that the visit before took in, and not said that it is to be taken."""
    _imported(MOVED, "Forhåndsvisning", day="2026-09-01")(at)
    return at.press("Ta inn filen")


def _asked(at: At) -> Response:
    at.go("/overdue?span=month")
    at.page.get_by_label("Velg alle på siden").click()
    return at.press("Gjort")


def _many(at: At) -> Response:
    at.go("/overdue?span=month&step=OVERDOSE_INFO")
    at.page.get_by_label("Velg alle på siden").click()
    at.press("Frafall", why="absent")
    if "Ja, frafall dem" in at.page.content():
        return at.press("Ja, frafall dem")
    answer = at.page.reload()
    assert answer is not None
    return answer


def _put_off(at: At) -> Response:
    at.go("/overdue?span=month")
    # Not somebody who leaves today or tomorrow: of them nothing is put off.
    row = at.page.locator(".person:has(summary[aria-label^=Utsett])").first
    row.locator("input[name=pick]").check()
    at.press("Utsett 7 dager")
    return at.go("/overdue?span=month&snoozed=only")


def _whether_to_reject(at: At) -> None:
    at.go("/transfers")
    at.page.get_by_role("button", name="Avslå").first.click()
    at.page.get_by_role("link", name="Ikke avslå").wait_for()


def _tried(at: At) -> None:
    at.go("/admin/texts")
    at.page.get_by_label("Tekst", exact=True).fill("Hei fra fengselet, ring {phone}")
    at.page.get_by_text("Den sier for mye").wait_for()


def _faulty(at: At) -> Response:
    at.go("/admin/packages/edit?unit=A")
    return at.press("Se hva den gjør", text='key = "a-2"\nnumber = 2\nparent = "nowhere"\n')


def _member(at: At) -> None:
    at.go("/admin/people?text=elsewhere")
    at.page.locator("tbody a").first.click()
    at.page.get_by_role("heading", name="Elsewhere").wait_for()


def _moved(at: At) -> Response:
    at.go("/training")
    at.page.get_by_role("button", name="Øv på", exact=False).first.click()
    at.page.get_by_text("Øvingsdag:").wait_for()
    return at.go("/training")


def _invited(at: At) -> Response:
    _member(at)
    return at.press("Lag en invitasjon")


# --- who looks at what ---------------------------------------------------------------------------

OF: Final[dict[str, tuple[Visit, ...]]] = {
    "": (
        Visit("sign_in", "/sign-in"),
        Visit("sign_in", pressed("/sign-in", "Logg inn", username="nobody", password="x"), "wrong"),
        Visit("sign_in_provider", _not_vouched, "not proved"),
        Visit("invitation", "/invitation/{invited}"),
        Visit(
            "invitation",
            pressed("/invitation/{invited}", "Lagre og logg inn", password="kort", again="k"),
            "wrong",
        ),
        Visit("refused", "/invitation/used", "expired link"),
        Visit("help", "/help"),
        Visit("accessibility", "/accessibility"),
        Visit("status", "/status"),
    ),
    "nurse": (
        Visit("today", "/today"),
        Visit("today", opened("/today", ".person .choose > summary"), "choosing"),
        Visit("today", _told, "told"),
        Visit("search", "/search"),
        Visit("search", pressed("/search", "Finn", text="Prøvesen"), "found"),
        Visit("search", pressed("/search", "Finn", text="Ingensteds"), "not found"),
        Visit("case", "/cases/{full}"),
        Visit("case", opened("/cases/{full}", "main header .choose > summary"), "choosing"),
        Visit("case", "/cases/{closed}", "closed"),
        Visit("case", "/cases/{out}", "released"),
        Visit("case", "/cases/{later}", "not now"),
        Visit("task", "/cases/{full}/tasks/intake_talk"),
        Visit("task", "/cases/{bare}/tasks/offer_answered", "offer"),
        Visit("task", "/cases/{full}/tasks/brief_info", "done"),
        Visit("task", "/cases/{due}/tasks/intake_talk", "an answer to correct"),
        Visit("task", pressed("/cases/{due}/tasks/intake_talk", "Rett svaret"), "no answer chosen"),
        Visit("task", _taken, "taken"),
        Visit("task", "/cases/{later}/tasks/naloxone_training", "waits"),
        Visit("task", pressed("/cases/{bare}/tasks/brief_info", "Sett oppgaven til side"), "wrong"),
        Visit("card", "/cases/{full}/card"),
        Visit("card", "/cases/{bare}/card", "empty"),
        Visit("unplanned", "/cases/{bare}/unplanned"),
        Visit(
            "unplanned",
            pressed("/cases/{bare}/unplanned", "Registrer løslatelsen", at=""),
            "wrong",
        ),
        Visit("sessions", "/sessions"),
        Visit("sessions", pressed("/sessions", "Planlegg", at="", capacity="0"), "wrong"),
        Visit(
            "sessions",
            pressed("/sessions", "Planlegg", at="2026-09-01T10:00"),
            "asked whether it was held",
        ),
        Visit("session", "/sessions/{session}"),
        Visit("session", pressed("/sessions/{session}", "Sett på listen"), "nobody chosen"),
        Visit("follow_up", "/follow-up"),
        Visit("follow_up", _called, "called"),
        Visit("case", "/cases/{out}", "called"),
        Visit("contact", "/cases/{out}/contact"),
        Visit("phone", "/cases/{out}/phone", "none known"),
        Visit(
            "contact",
            pressed("/cases/{out}/contact", "Registrer kontakten", at="2026-09-01T10:00"),
            "wrong",
        ),
        Visit("appointment", _called_at, "contact"),
        Visit("naloxone", "/naloxone"),
        Visit("naloxone", pressed("/naloxone", "Registrer raden", count="0"), "wrong"),
        Visit("naloxone", _undoing, "asked whether to undo"),
        Visit("me", "/me"),
        Visit("me", pressed("/me", "Bytt passord", old="x", password="y", again="z"), "wrong"),
        Visit("refused", "/cases/aaaaaaaaaa", "unknown case"),
        Visit("sign_in", _expired, "ran out"),
        Visit("go_on", _going_on),
        Visit("second_step", "/me/second-step"),
        Visit("second_step", pressed("/me/second-step", "Slå på", code="1"), "wrong"),
        Visit("recovery_codes", _codes),
        Visit("sign_in_code", _code_asked),
        Visit("sign_in_code", lambda at: at.press("Logg inn", code="000000"), "wrong"),
    ),
    "coordinator": (
        Visit("overdue", "/overdue?span=month"),
        Visit("overdue", pressed("/overdue?span=month", "Gjort"), "nothing chosen"),
        Visit("overdue", "/overdue?step=RELEASE_TALK&owner=health", "nothing found"),
        Visit("at_once", _asked),
        Visit("overdue", _many, "many settled"),
        Visit("overdue", _put_off, "those put off"),
        Visit("transfers", "/transfers", "answered"),
        Visit("transfer", "/cases/{full}/transfer"),
        Visit("transfer", pressed("/cases/{full}/transfer", "Vis hva mottakeren får se"), "wrong"),
        Visit(
            "transfer",
            pressed("/cases/{full}/transfer", "Vis hva mottakeren får se", unit="C"),
            "shown",
        ),
        Visit("case", "/cases/{taken}", "given away"),
        Visit("import", "/import"),
        Visit("import", pressed("/import", "Se gjennom filen"), "wrong"),
        Visit("import_job", _imported("a;b\n1;2\n", "Filen kan ikke leses"), "unreadable"),
        Visit("import_job", _imported(ROSTER, "Forhåndsvisning")),
        Visit("import_job", _imported(ROSTER, "Forhåndsvisning", "Ta inn filen"), "taken"),
        Visit("import_job", _imported(MOVED, "Forhåndsvisning"), "changes"),
        Visit("import_job", _imported(STRANGE, "Tas inn med merknad"), "remarks"),
        Visit("import_job", _older_list, "older"),
        Visit("messages", "/messages"),
        Visit("workload", "/workload"),
        Visit("overdue", "/overdue?span=fortnight&whose=nobody&snoozed=1", "given to nobody"),
        Visit("release_date", "/cases/{full}/release-date"),
        Visit(
            "release_date",
            pressed("/cases/{full}/release-date", "Vis hva som flyttes", on="2026-12-01"),
            "moved",
        ),
        Visit(
            "release_date",
            pressed("/cases/{full}/release-date", "Vis hva som flyttes", on=""),
            "wrong",
        ),
        Visit("appointment_new", "/cases/{bare}/appointments/new"),
        Visit("appointment_new", pressed("/cases/{bare}/appointments/new", "Legg inn"), "wrong"),
        Visit("appointment", "/cases/{full}/appointments/{number}"),
        Visit(
            "appointment",
            pressed("/cases/{full}/appointments/{number}", "Flytt avtalen", at="2026-09-01T10:00"),
            "wrong",
        ),
        Visit(
            "appointment",
            pressed("/cases/{full}/appointments/{number}", "Rett", right_phone=""),
            "not put right",
        ),
        Visit("task", "/cases/{due}/tasks/appointments_confirmed", "lacking"),
        Visit("case", "/cases/{due}", "lacking"),
        Visit("follow_up", "/follow-up"),
        Visit("release", "/cases/{bare}/release"),
        Visit("release", pressed("/cases/{bare}/release", "Registrer løslatelsen"), "wrong"),
        Visit("release", "/cases/{away}/release", "a spray taken back"),
        Visit("close", "/cases/{bare}/close"),
        Visit("close", pressed("/cases/{bare}/close", "Avslutt saken"), "wrong"),
        Visit("absence", "/cases/{away}/absence"),
        Visit("absence", pressed("/cases/{away}/absence", "Lagre"), "wrong"),
    ),
    "officer": (
        Visit("task", "/cases/{full}/tasks/handed_over", "with a lot"),
        Visit(
            "task", pressed("/cases/{full}/tasks/handed_over", "Før som gjort", lot="L1"), "wrong"
        ),
    ),
    "elsewhere": (
        Visit("overdue", "/overdue", "empty"),
        Visit("transfers", "/transfers", "to us"),
        Visit("transfers", _whether_to_reject, "whether to reject"),
        Visit("sessions", "/sessions", "empty"),
        Visit("naloxone", "/naloxone", "empty"),
        Visit("messages", "/messages", "empty"),
        Visit("follow_up", "/follow-up", "empty"),
    ),
    "outsider": (Visit("today", "/today", "empty"),),
    "lead": (
        Visit("deviations", "/deviations?days=365"),
        Visit("task", _missed, "missed"),
        Visit("rebase", "/rebase?unit=A"),
        Visit("rebase", lambda at: at.press("Flytt sakene"), "done"),
        Visit("tertial_own", "/tertial/own?period=2026-T2"),
        Visit(
            "tertial_own",
            pressed(
                "/tertial/own?period=2026-T2",
                "Send inn",
                **{"worked-text": "Kari, 15 08 88 12345, ventet"},
            ),
            "wrong",
        ),
        Visit("tertial_own", pressed("/tertial/own?period=2026-T2", "Send inn"), "asked"),
        Visit("tertial_own", lambda at: at.press("Ja, send inn uten"), "submitted"),
    ),
    "directorate": (
        Visit("start", "/start"),
        Visit("tertial", "/tertial?period=2026-T2"),
        Visit("tertial", "/tertial?period=2027-T1", "not begun"),
        Visit(
            "tertial",
            pressed("/tertial?period=2026-T2", "Frys rapporten uten dem som mangler"),
            "asked whether to freeze",
        ),
        Visit(
            "tertial",
            pressed("/tertial?period=2026-T2&ask=freeze", "Ja, frys rapporten"),
            "frozen",
        ),
        Visit("tertial_definitions", "/tertial/definitions"),
        Visit("refused", "/today", "not allowed"),
    ),
    "admin": (
        Visit("admin_units", "/admin/units"),
        Visit("admin_units", "/admin/units?text=nowhere", "empty"),
        Visit("admin_unit", "/admin/units/A"),
        Visit("admin_unit_new", "/admin/units/new"),
        Visit("admin_unit_new", pressed("/admin/units/new", "Legg inn enheten"), "wrong"),
        Visit("admin_people", "/admin/people"),
        Visit("admin_people", "/admin/people?text=nobody", "empty"),
        Visit("admin_person", _member),
        Visit("admin_person", _invited, "invited"),
        Visit("admin_person_new", "/admin/people/new"),
        Visit("admin_person_new", pressed("/admin/people/new", "Lag brukeren"), "wrong"),
        Visit("admin_packages", "/admin/packages"),
        Visit("admin_package", "/admin/packages/edit?unit=A"),
        Visit("admin_package", _faulty, "faulty"),
        Visit("admin_texts", "/admin/texts"),
        Visit("admin_texts", _tried, "tried"),
        Visit("admin_settings", "/admin/settings"),
        Visit("admin_health", "/admin/health"),
        Visit("training", "/training"),
        Visit("training", pressed("/training", "Øv på denne dagen", other="tull"), "wrong"),
        Visit("training", _moved, "moved"),
        Visit("training", lambda at: at.press("Tilbake til i dag"), "back"),
    ),
}


@pytest.fixture(scope="module")
def shown() -> Iterator[list[str]]:
    """The templates of pages, in the order in which they were asked for."""
    names: list[str] = []
    found = jinja2.Environment.get_template

    def watched(self: jinja2.Environment, name: Any, *more: Any, **rest: Any) -> jinja2.Template:
        if isinstance(name, str) and name.startswith("pages/"):
            names.append(name.removeprefix("pages/").removesuffix(".html"))
        return found(self, name, *more, **rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jinja2.Environment, "get_template", watched)
        yield names


@pytest.fixture(scope="module")
def scene(office: Office) -> dict[str, str]:
    return furnished(office)


@pytest.mark.parametrize(
    "team",
    [
        ("", "nurse", "outsider"),
        ("officer", "coordinator", "elsewhere"),
        ("lead", "directorate", "admin"),
    ],
    ids=" ".join,
)
def test_nothing_is_wrong_with_any_page_in_any_state(
    office: Office, scene: dict[str, str], shown: list[str], team: tuple[str, ...]
) -> None:
    looks, seen = Looks(), set[str]()
    office.desk.clock[0] = NOW
    for who in team:
        looks.framed.clear()
        with office.at_the_desk(who) as page:
            at = At(office, page, scene)
            for visit in OF[who]:
                name = f"{visit.template} {visit.state}".strip()
                answer = at.go(visit.way) if isinstance(visit.way, str) else visit.way(at)
                assert visit.template in shown[-2:], f"{name} shows {shown[-1]}: {page.url}"
                html = answer.text() if answer is not None else None
                looks.at(page, name, html=html, known=visit.template in seen)
                seen.add(visit.template)
    found = looks.judged()
    assert not found, "\n".join(map(str, found))


def test_every_page_there_is_has_its_visits() -> None:
    there = {each.stem for each in TEMPLATES.glob("*.html")}
    assert {visit.template for visits in OF.values() for visit in visits} == there


def test_zooming_by_a_persons_own_letters_breaks_no_page(
    office: Office, scene: dict[str, str]
) -> None:
    """Letters twice as large, as set in the browser, and nothing runs out sideways."""
    office.desk.clock[0] = NOW
    with office.at_the_desk("officer") as page:
        for path in ("/today", "/cases/{full}", "/cases/{full}/unplanned"):
            page.goto(path.format(**scene))
            page.evaluate("document.documentElement.style.fontSize = '200%'")
            assert page.evaluate(
                "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
            ), path
