"""A short tour at the first sign-in: a few lines above the first list of a role, never a wall.

How far somebody has come stands with their account (`tour_step`), so it is never shown twice, on
whatever machine; from the help page it may be taken again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from cases import accounts
from cases.model import Role
from web.i18n import marked
from web.pages.menu import home_of
from web.pages.visit import Pages, Visit, Visited, local_path, to
from web.policy import EVERYBODY, allow

router: Final = Pages()


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop of the tour; both texts are translated where they are shown."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """The stop that is shown now, as number `at` of `of`."""

    stop: Stop
    at: int
    of: int

    @property
    def last(self) -> bool:
        """Whether nothing comes after it."""
        return self.at == self.of


_LIST: Final = Stop(
    marked("Her er dagen din"),
    marked(
        "Listen viser dem du har noe å gjøre for: først det som er over fristen, så i dag og i"
        " morgen. Ved siden av står nye innsettelser og gruppene som møtes."
    ),
)
_TWO_PRESSES: Final = Stop(
    marked("To trykk, så er det ført"),
    marked(
        "«Gjort» fører oppgaven nå, «I går» med samme klokkeslett i går. «Nei» og «Ikke nå» er"
        " svar like gode som ja. Under «Mer» står andre tidspunkt, gruppe og frafall."
    ),
)
_UNDO: Final = Stop(
    marked("Alt kan angres"),
    marked(
        "Rett etterpå står «Angre» øverst på siden, senere står det ved oppgaven hos personen."
        " Historikken viser begge deler, så ingenting blir borte."
    ),
)
_HEALTH_ONLY: Final = Stop(
    marked("Hvem ser hva"),
    marked(
        "Helsesvar ser bare helsetjenesten som eier dem, aldri betjenter, koordinator eller"
        " direktorat. Andre enheters saker finnes ikke for deg, og hvert oppslag føres."
    ),
)
_SHARED_ONLY: Final = Stop(
    marked("Hvem ser hva"),
    marked(
        "Du ser oppgavene dere har felles, men aldri helsesvar. Andre enheters saker finnes ikke"
        " for deg, og hvert oppslag føres."
    ),
)
_BOARD: Final = Stop(
    marked("Her er alt som er over fristen"),
    marked(
        "Velg steg og tidsrom, sorter, og lagre valget med et navn: det står der når du kommer"
        " tilbake."
    ),
)
_MANY_ROWS: Final = Stop(
    marked("En rad eller ti om gangen"),
    marked(
        "Hver rad har «Gjort» når rollen din kan føre den, og utsettelse i 7 eller 30 dager. Kryss"
        " av én eller flere for å føre dem, gi dem til noen eller sette dem til side med grunn."
    ),
)
_WAY_OUT: Final = Stop(
    marked("Avtaler, dato og uventet løslatelse"),
    marked(
        "De ligger på personens side. En ny dato viser hva den flytter før du lagrer, og en uventet"
        " løslatelse er én kort side."
    ),
)
_DEVIATIONS: Final = Stop(
    marked("Her er det som glapp"),
    marked(
        "Det som ikke ble gjort før løslatelsen, det som er meldt videre til deg, og det som er"
        " ført sent. Er noe gjort, men ikke ført, kan det føres i ettertid."
    ),
)
_WHO_HAS_WHAT: Final = Stop(
    marked("Hvem som har hva"),
    marked(
        "Under «Frister» står alt som er over fristen i enheten, én eller flere rader om gangen kan"
        " gis til noen eller settes til side med grunn. «Arbeidsmengde» viser hvor mye hver har."
    ),
)
_REPORT: Final = Stop(
    marked("Tallene er enhetens egne"),
    marked(
        "Under «Tall» kontrollerer du tallene for tertialet og sender dem inn. Når en rapport skal"
        " leveres, står det øverst her."
    ),
)
_FIGURES: Final = Stop(
    marked("Tallene for landet, regionene og enhetene"),
    marked(
        "Velg tertial og indikator. «Hva tallene betyr» ligger ett trykk unna, og alt kan lastes"
        " ned som CSV, Excel og PDF."
    ),
)
_COLON: Final = Stop(
    marked("Kolon er ikke null"),
    marked(
        "«:» står der et tall er skjult fordi det er så lite at noen kunne kjennes igjen. Du ser"
        " aldri en sak eller et navn her."
    ),
)
_FROZEN: Final = Stop(
    marked("Fryst er fryst"),
    marked(
        "En rapport som er fryst, endres ikke mer. Rettelser kommer som en ny revisjon, og"
        " forskjellen vises."
    ),
)
_HOUSE: Final = Stop(
    marked("Her styres huset"),
    marked(
        "Enheter og hvordan de endrer seg, folk og roller, pakker og meldingstekster. Du ser ingen"
        " saker."
    ),
)
_TRIED_FIRST: Final = Stop(
    marked("Alt vises før det gjelder"),
    marked(
        "En endret pakke vises på en eksempelsak, og en meldingstekst prøves mot reglene for det"
        " den kan røpe. Først da lagrer du."
    ),
)
_SOUND: Final = Stop(
    marked("Står det bra til?"),
    marked("«Drift» sier hva som er galt med anlegget, og hva du gjør med det."),
)

STOPS: Final[dict[Role, tuple[Stop, ...]]] = {
    Role.HEALTH: (_LIST, _TWO_PRESSES, _UNDO, _HEALTH_ONLY),
    Role.OFFICER: (_LIST, _TWO_PRESSES, _UNDO, _SHARED_ONLY),
    Role.COORDINATOR: (_BOARD, _MANY_ROWS, _WAY_OUT, _SHARED_ONLY),
    Role.UNIT_LEAD: (_DEVIATIONS, _WHO_HAS_WHAT, _REPORT, _SHARED_ONLY),
    Role.HEALTH_LEAD: (_DEVIATIONS, _WHO_HAS_WHAT, _REPORT, _HEALTH_ONLY),
    Role.DIRECTORATE: (_FIGURES, _COLON, _FROZEN),
    Role.ADMIN: (_HOUSE, _TRIED_FIRST, _SOUND),
}


def tour_of(visit: Visit) -> Shown | None:
    """What the tour shows on this page: only on the first one of the role, until it is over."""
    session = visit.session
    if session is None or visit.request.url.path != home_of(session.viewer.role):
        return None
    stops = STOPS.get(session.viewer.role, ())
    if session.tour_step >= len(stops):
        return None
    return Shown(stops[session.tour_step], session.tour_step + 1, len(stops))


@router.post("/tour")
@allow(EVERYBODY)
def go(visit: Visited) -> Response:
    """One stop on, one back, to the end, or to the beginning again."""
    me = visit.signed_in
    last = len(STOPS.get(me.viewer.role, ()))
    asked = visit.typed("go")
    at = {"on": me.tour_step + 1, "back": me.tour_step - 1, "again": 0}.get(asked, last)
    step = min(max(at, 0), last)
    visit.house.db.transact(lambda tx: accounts.keep_tour_step(tx, me.account_id, step))
    return to(local_path(visit.typed("next", home_of(me.viewer.role))))
