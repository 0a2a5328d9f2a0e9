"""What the help page says of each kind of page, and which of it belongs to where somebody was."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from web.i18n import marked


@dataclass(frozen=True, slots=True)
class Section:
    """One section: its anchor, heading and lines, and the paths of the pages that it is about."""

    anchor: str
    heading: str
    lines: tuple[str, ...]
    about: re.Pattern[str]


def _section(anchor: str, heading: str, about: str, *lines: str) -> Section:
    return Section(anchor, heading, lines, re.compile(about))


SECTIONS: Final = (
    _section(
        "lists",
        marked("I dag og frister"),
        r"^/(today|overdue|workload|search)",
        marked(
            "«Gjort» fører oppgaven nå. «I går» fører den med samme klokkeslett i går. «Mer» gir"
            " andre tidspunkt, gruppe, frafall og angring."
        ),
        marked(
            "Med tastaturet: pil ned og pil opp går fra person til person på listene, Tab går"
            " videre hos den samme."
        ),
        marked("«Ikke nå» og «Nei» er svar like gode som ja. Ingenting blir rødt av dem."),
        marked(
            "«Utsett» tar en rad av tavlen i 7 eller 30 dager. Fristen og varslene står som før."
        ),
    ),
    _section(
        "case",
        marked("En sak"),
        r"^/cases/\w+(/(tasks|absence|close)\b|$)",
        marked("Alt kan angres, med en grunn. Historikken viser begge deler."),
        marked("Helsesvar ser bare helsetjenesten som eier dem."),
        marked(
            "Samtykker gis og trekkes med ett trykk. Uten samtykke til deling ser andre enn"
            " helsepersonell bare tidspunktet for avtaler som røper noe."
        ),
    ),
    _section(
        "appointments",
        marked("Avtaler og kort"),
        r"^/cases/\w+/(appointments|card)\b",
        marked(
            "«Avtaler bekreftet» krever minst én avtale med helsetjenesten og én med NAV eller"
            " kommunen, bekreftet, i de første sju dagene etter løslatelsen. Enheten kan kreve"
            " andre. Siden sier hva som mangler."
        ),
        marked("Endres en avtale etter at kortet er skrevet ut, sier saken fra: skriv ut et nytt."),
    ),
    _section(
        "release",
        marked("Løslatelse"),
        r"^/cases/\w+/(release|unplanned|release-date)\b",
        marked(
            "Flyttes datoen, flyttes fristene etter den. Siden viser hva som flyttes, før du"
            " lagrer."
        ),
        marked(
            "«Uventet løslatelse» er ett kort skjema: det dere rakk, og grunnen. Resten settes til"
            " side."
        ),
        marked("En løslatelse som ble ført feil, tas tilbake på saken, med en grunn."),
    ),
    _section(
        "follow-up",
        marked("Oppfølging"),
        r"^/(follow-up|cases/\w+/contact\b)",
        marked(
            "Den som har takket ja, følges i 42 dager. Den første uken står rødt."
            " Kontakt foreslås på dag 1, 3, 7, 14, 28 og 42."
        ),
        marked(
            "Raden viser oppgavene som står åpne, og avtaler som har vært: trykk «Møtte» eller"
            " «Møtte ikke»."
        ),
        marked(
            "«Registrer kontakt» sier at du ringte eller møtte personen, og om du nådde fram. En"
            " kontakt som skal være senere, legges inn som en avtale."
        ),
    ),
    _section(
        "sessions",
        marked("Grupper"),
        r"^/sessions",
        marked(
            "Planlegg gruppen, sett folk på listen, og før oppmøtet etterpå: oppgaven blir gjort"
            " for alle som var der, med gruppens tidspunkt."
        ),
        marked("Én person kan rettes etterpå, uten at de andre endres."),
    ),
    _section(
        "naloxone",
        marked("Nalokson"),
        r"^/naloxone",
        marked(
            "Regnskapet slettes aldri i: en rad som er feil, angres, og begge står. Beholdningen"
            " er summen."
        ),
        marked("En spray som gis i hånden ved løslatelsen, føres fra oppgaven på saken."),
    ),
    _section(
        "transfers",
        marked("Overføringer"),
        r"^/(transfers|cases/\w+/transfer\b)",
        marked(
            "Saken er hos avsenderen til mottakeren godtar. Avsenderen leser sin egen tid av den i"
            " 14 dager etterpå."
        ),
        marked("Svar som helsetjenesten eier, følger ikke med av seg selv."),
    ),
    _section(
        "import",
        marked("Import"),
        r"^/import",
        marked(
            "Filen vises først som den ville blitt tatt inn. Ingenting lagres før du trykker «Ta"
            " inn filen»."
        ),
        marked(
            "Rader som ikke kan leses, kommer i en egen fil med grunnen: rett dem, og ta dem inn"
            " igjen. Samme fil to ganger endrer ingenting."
        ),
    ),
    _section(
        "messages",
        marked("Meldinger"),
        r"^/messages",
        marked(
            "Påminninger sendes bare til den som har samtykket, og sier aldri hva avtalen gjelder."
            " Hver melding sier hvorfor den ble sendt eller ikke."
        ),
    ),
    _section(
        "figures",
        marked("Tall og avvik"),
        r"^/(tertial|deviations|rebase)",
        marked(
            "Tallene regnes fra det som er ført. Et tertial som er fryst, endres ikke: rettelser"
            " kommer i neste revisjon."
        ),
        marked("Tall fra 1 til 4 skjules med «:» i det direktoratene ser. 0 vises."),
    ),
    _section(
        "me",
        marked("Pålogging"),
        r"^/(me|sign-in|invitation)\b",
        marked(
            "På «Min side» står hvor du er pålogget, og der kan du logge ut andre steder, bytte"
            " passord og sette opp engangskode."
        ),
    ),
)


def section_about(path: str) -> Section | None:
    """The section of the page at a path, None where none is about it."""
    return next((each for each in SECTIONS if each.about.search(path)), None)


def help_about(path: str) -> str:
    """Where the help page tells of the page at a path: its own section, where there is one."""
    section = section_about(path)
    return f"/help#{section.anchor}" if section is not None else "/help"
