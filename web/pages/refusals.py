"""What a person sees of a refusal: what is wrong and the way out, in their own language."""

from __future__ import annotations

import re
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from cases import queries
from cases.access import CASE_ROLES
from cases.views import CASE_READ
from core.errors import OverlevError
from web.house import house_of
from web.i18n import Translate, marked
from web.pages import rows
from web.pages.going_on import stale
from web.pages.lacking import BEFORE_IT, TASK, Lack, lacking
from web.pages.rendering import page
from web.pages.sign_in import signed_out
from web.pages.visit import Visit, came_from, language_of, to_sign_in
from web.problems import URN, Problem, title_of
from web.session_cookie import session_in

_WAYS_OUT: Final[dict[str, str]] = {
    "fault": marked("Det er ingenting du har gjort galt. Prøv igjen om litt."),
    "busy": marked("Systemet er opptatt akkurat nå. Ingenting er endret: prøv igjen om litt."),
    "not_allowed": marked("Rollen din kan ikke gjøre dette. Spør den som eier oppgaven."),
    "not_your_task": marked("Oppgaven hører til en annen rolle, så den kan ikke føres av deg."),
    "not_found": marked("Siden finnes ikke, eller hører til en annen enhet. Sjekk adressen."),
    "case_not_found": marked("Saken finnes ikke, eller hører til en annen enhet."),
    "case_closed": marked("Saken er avsluttet, så ingenting nytt kan føres i den."),
    "case_changed": marked("Noen endret saken samtidig som deg. Se på den på nytt og gjenta."),
    "conflict": marked("Noen var før deg. Se på hvordan det står nå, og gjenta om det trengs."),
    "task_not_open": marked("Oppgaven er ført allerede, eller gjelder ikke lenger."),
    "bad_input": marked("Noe av det som ble sendt, kunne ikke leses. Gå tilbake og rett det."),
    "too_large": marked("Filen eller skjemaet er for stort."),
    "not_from_here": marked("Skjemaet kom ikke fra en side i Overlev. Ingenting er endret."),
    "method_not_allowed": marked("Adressen kan ikke brukes slik. Gå til en side i menyen."),
    "stale_form": marked(
        "Skjemaet hører til en annen pålogging enn din. Ingenting er endret, og ingenting vises."
    ),
    "invitation_gone": marked(
        "Den er brukt, eldre enn sju dager, eller gjelder ikke etter at passordet ble byttet. Be"
        " administratoren om en ny."
    ),
    "refused": marked("Dette lar seg ikke gjøre slik saken står nå. Ingenting er endret."),
}

# What the domain says in plain words, in English, and what a person at the desk reads.
_SAID: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r"^Confirmed appointments from .* are missing.* the deviation stays", marked(
            "Bekreftede avtaler mangler: minst én med helsetjenesten og én med NAV eller kommunen,"
            " i de første sju dagene etter løslatelsen. Uten dem kan oppgaven ikke føres som"
            " gjort, og avviket blir stående.")),
        (r"^Confirmed appointments from .* are missing", marked(
            "Bekreftede avtaler mangler: minst én med helsetjenesten og én med NAV eller kommunen,"
            " i de første sju dagene etter løslatelsen. Legg dem inn, eller sett oppgaven til"
            " side.")),
        (r"^No release date is known", marked("Løslatelsesdatoen er ikke kjent. Sett den først.")),
        (r"is before the release on", marked("Avtalen ligger før løslatelsen. Sjekk datoene.")),
        (r"waits, because the answer is not_now", marked(
            "Oppgaven venter fordi svaret er «ikke nå». Før et ja først.")),
        (r"no longer applies, because the answer is", marked(
            "Oppgaven gjelder ikke fordi svaret er nei. Før et ja først.")),
        (r"^Only somebody who accepted can withdraw", marked(
            "Bare den som har takket ja, kan trekke seg. Før «nei» i stedet.")),
        (r"^After the release only a withdrawal", marked(
            "Etter løslatelsen kan bare en tilbaketrekking føres.")),
        (r"was missed at the release", marked(
            "Oppgaven ble ikke gjort før løslatelsen. Den kan bare føres som gjort før den.")),
        (r"belongs to another role: choose somebody", marked(
            "Oppgaven hører til en annen rolle: velg en som har den.")),
        (r"nothing is put off past the day before", marked(
            "Løslates i dag eller i morgen, eller skulle vært løslatt: oppgaven blir stående på"
            " tavlen.")),
        (r"none of the columns of a roster was found|^no row with column names", marked(
            "Fant ingen rad med kolonnenavn. Er dette innsattlisten? Eksporter den på nytt, med"
            " kolonnenavnene i første rad.")),
        (r"protected by a password", marked(
            "Arbeidsboken er beskyttet med passord. Lagre den uten, og prøv igjen.")),
        (r"^this is an old Excel file", marked(
            "Dette er en gammel Excel-fil (.xls). Lagre den som .xlsx eller CSV.")),
        (r"^this is a PDF", marked(
            "Dette er en PDF. Eksporter innsattlisten som CSV eller Excel.")),
        (r"^the file is named \S+ but", marked(
            "Navnet på filen passer ikke til det som er i den. Lagre den på nytt som .xlsx eller"
            " CSV.")),
        (r"^the file is empty|^the workbook holds no rows", marked(
            "Filen er tom. Eksporter innsattlisten på nytt.")),
        (r"not a text file|UTF-8|neither CSV nor|^the file cannot be|holds XML", marked(
            "Filen kan ikke leses som en liste. Eksporter innsattlisten på nytt som CSV (UTF-8)"
            " eller Excel.")),
        (r"quotation mark that is not closed", marked(
            "En rad har et anførselstegn som ikke er lukket, eller en celle uten slutt. Rett raden,"
            " eller eksporter innsattlisten på nytt.")),
        (r"split it, one prison per file", marked(
            "Filen er for stor. Del den, ett fengsel i hver fil.")),
        (r"has too many parts|unpacks to far more", marked(
            "Arbeidsboken inneholder mye mer enn en innsattliste. Lagre listen alene som CSV.")),
        (r"has not been yet", marked("Tidspunktet er ikke kommet ennå. Oppgi når det skjedde.")),
        (r"is before the admission", marked("Tidspunktet er før innsettelsen. Sjekk begge.")),
        (r"^The answer is already", marked("Svaret er ført allerede.")),
        (r"^An appointment lies in the future", marked("En avtale ligger fram i tid.")),
        (r"consent to sharing .* only health staff", marked(
            "Uten samtykke til deling kan bare helsepersonell legge inn denne avtalen.")),
        (r"^The case is in .* already", marked("Saken er i den enheten allerede.")),
        (r"^The receiving unit accepts or rejects", marked(
            "Mottakeren godtar eller avslår, avsenderen trekker tilbake.")),
        (r"^The release is recorded already", marked("Løslatelsen er registrert allerede.")),
        (r"cannot be recorded, because the answer is", marked(
            "Noe på skjemaet kan ikke føres slik svaret er. Kryss av at personen takket ja, eller"
            " la det stå tomt.")),
        (r"sharing with health, health answers stay", marked(
            "Personen har ikke samtykket til å dele med helsetjenesten, så helsesvarene blir hos"
            " dere. Be om samtykke, og få det ført først.")),
        (r"holds no answer of this person", marked("Dere har ingen helsesvar i denne saken.")),
        (r"has these answers already", marked("Helsetjenesten der har svarene allerede.")),
        (r"^There is an account", marked("Brukernavnet er i bruk. Velg et annet.")),
        (r"^There is a unit .* already", marked("Koden er i bruk. Velg en annen.")),
        (r"^This is your own account", marked(
            "Dette er din egen bruker: en annen administrator må endre den.")),
        (r"^There is no account", marked("Det finnes ingen bruker med det navnet.")),
        (r"is used by cases since|^Overlays stand on|has been taken into use", marked(
            "Versjonen er i bruk og endres aldri mer. Gi teksten neste nummer.")),
        (r"give this one another name", marked(
            "Navnet på versjonen er i bruk et annet sted. Gi den et annet navn.")),
        (r"is so already on", marked("Slik er det allerede den dagen.")),
        (r"that stands in the way|already: it can end on a later day", marked(
            "Enheten endres allerede den dagen eller senere. Velg en annen dag.")),
        (r"still has the departments", marked(
            "Enheten har avdelinger. Flytt eller legg ned dem først.")),
        (r"open cases and .* transfers waiting", marked(
            "Enheten har åpne saker eller overføringer som venter. Flytt dem først, eller slå"
            " enheten sammen med en annen.")),
        (r"cannot be part of|cannot be merged into itself", marked(
            "En enhet kan ikke være del av seg selv.")),
        (r"what follows is", marked("Det steget kan ikke følge etter det enheten er på nå.")),
        (r"is recorded already", marked("Det er ført allerede.")),
        (r"is certified in .* already", marked("Personen er sertifisert her allerede.")),
        (r"is no certified distributor", marked("Personen var ikke sertifisert før den dagen.")),
        (r"^The unit .* (closed on|opens on|does not stand)", marked(
            "Enheten finnes ikke den dagen.")),
        (r"number of a registered person", marked(
            "Nummeret tilhører en registrert person. Oppgi et nøytralt nummer.")),
        (r"A certificate ends after", marked("Sertifikatet må slutte etter at det begynte.")),
        (r"its figures still grow", marked(
            "Tertialet er ikke slutt ennå, så tallene kan fortsatt vokse.")),
        (r"^No report of .* is expected", marked(
            "Det ventes ingen rapport fra enheten for dette tertialet: den var ikke med i"
            " prosjektet da det sluttet.")),
        (r"has not submitted", marked("Enheten har ikke sendt inn rapporten.")),
        (r"is accepted: a correction comes", marked(
            "Rapporten er godtatt. Rettelser kommer med i neste nasjonale revisjon av seg selv.")),
        (r"^No published figure of .* has changed", marked(
            "Ingen tall er endret siden forrige revisjon, så det er ingenting å fryse.")),
        (r"is not frozen yet", marked("Rapporten er ikke fryst ennå. Frys den først.")),
        (r"there is nothing to count", marked("Tertialet har ikke begynt.")),
        (r"(submitted|accepted|open) already", marked("Rapporten er ført videre allerede.")),
        (r"is not enough|not enough places", marked("Det er ikke nok plasser i gruppen.")),
    )
)  # fmt: skip


def refused(request: Request, problem: Problem) -> Response:
    """The page of a refusal; `problem.told` holds what it says."""
    told = problem.told
    code = str(told["type"]).removeprefix(URN).replace("-", "_")
    typed: list[tuple[str, str]] | None = getattr(request.state, "typed", None)
    if typed is not None:
        owner, back = request.state.typed_by, came_from(request)
        if code != "stale_form":
            return signed_out(request, owner, typed, back)
        if (answer := stale(request, owner, typed, back)) is not None:
            return answer
    elif code == "not_signed_in":
        return to_sign_in(request)
    house = house_of(request)
    try:
        session = session_in(house, request)
    except Exception:  # noqa: BLE001 - a page about a fault must not fail by another one
        session = None
    visit = Visit(request, house, session, house.now(), language_of(request))
    lacks = _lacks(visit, code)
    answer = page(
        visit,
        "pages/refused.html",
        int(told["status"]),
        code=code,
        title=title_of(code, visit.language),
        explained=_filling(visit, code)
        or (visit.translate(BEFORE_IT) if lacks else "")
        or explained(visit.translate, code, str(told.get("detail") or "")),
        lacks=lacks,
        current=dict(told.get("current") or {}),
        fault=told.get("fault"),
        back=came_from(request),
    )
    if "retry_after" in told:
        answer.headers["Retry-After"] = str(told["retry_after"])
    return answer


_TICKED: Final = re.compile(rf"^(?:done|yesterday)/(\w+)/{TASK}$")


def _lacks(visit: Visit, code: str) -> list[Lack]:
    """What a button for confirmed appointments was refused for, empty for all other refusals."""
    form, session = getattr(visit.request.state, "form", None), visit.session
    said = form.get("do") if form is not None else None
    pressed = _TICKED.match(said) if isinstance(said, str) else None
    if code != "refused" or pressed is None or session is None:
        return []
    if session.viewer.role not in CASE_ROLES:
        return []
    try:
        with visit.house.db.read() as tx:
            case = queries.case_by_ref(tx, visit.viewer, pressed[1])
            found = lacking(tx, visit, case)
    except OverlevError:
        return []
    rows.log_look(visit, CASE_READ, [case.ref], unit=case.unit)
    return found


def _filling(visit: Visit, code: str) -> str:
    """What a busy demo says while its cases are made, empty for all else."""
    percent = visit.house.filling() if code == "busy" else None
    if percent is None:
        return ""
    return visit.translate(_FILLING, percent=percent)


_FILLING: Final = marked(
    "Demoen fylles: %(percent)s %% av et år med oppdiktede saker er laget. Ingenting er endret:"
    " prøv igjen når det er ferdig, om et minutt eller to."
)


def explained(translate: Translate, code: str, detail: str) -> str:
    """A refusal in the reader's words: the sentence for what was said, else for its kind."""
    for pattern, text in _SAID:
        if pattern.search(detail):
            return translate(text)
    return translate(_WAYS_OUT.get(code, _WAYS_OUT["refused"]))


def reason_of(translate: Translate, error: Any) -> str:
    """A refused error of the domain in the reader's words, for a form that is shown again."""
    return explained(translate, error.message_key.removeprefix("error."), error.detail)
