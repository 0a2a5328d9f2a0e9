"""What codes are called on the pages. Labels of steps and tasks are the package's own data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from cases.checklist import Package
from cases.model import Step, Task
from web.i18n import Translate, marked

WORDS: Final[dict[str, dict[str, str]]] = {
    "role": {
        "health": marked("Helsepersonell"),
        "health_lead": marked("Helseleder"),
        "officer": marked("Betjent"),
        "coordinator": marked("Koordinator"),
        "unit_lead": marked("Enhetsleder"),
        "directorate": marked("Direktorat"),
        "admin": marked("Administrator"),
        "operator": marked("Driftsansvarlig"),
    },
    "owner": {
        "health": marked("Helse"),
        "officer": marked("Betjent"),
        "coordinator": marked("Koordinator"),
        "any": marked("Hvem som helst"),
    },
    "phase": {
        "in_prison": marked("I fengsel"),
        "follow_up": marked("Oppfølging"),
        "closed": marked("Avsluttet"),
    },
    "participation": {
        "not_asked": marked("Ikke spurt ennå"),
        "accepted": marked("Takket ja"),
        "declined": marked("Takket nei"),
        "not_now": marked("Ikke nå"),
        "withdrawn": marked("Trukket seg"),
    },
    "participation_reason": {
        "no_need": marked("Ser ikke behov"),
        "no_trust": marked("Mangler tillit"),
        "no_time": marked("Har ikke tid"),
        "other": marked("Annet"),
    },
    "state": {
        "open": marked("Åpen"),
        "overdue": marked("Over fristen"),
        "done": marked("Gjort"),
        "waived": marked("Frafalt"),
        "missed": marked("Ikke gjort før løslatelsen"),
        "cancelled": marked("Gjelder ikke lenger"),
        "prepared": marked("Venter"),
        "partly": marked("Delvis gjort"),
    },
    "form": {"group": marked("I gruppe"), "individual": marked("Individuelt")},
    "answer": {
        "at_risk": marked("I risiko for overdose"),
        "not_at_risk": marked("Ikke i risiko"),
        "unknown": marked("Vet ikke"),
        "card_and_spray": marked("Kort og spray"),
        "card_only": marked("Bare kort"),
        "spray_only": marked("Bare spray"),
    },
    "waive": {
        "done_elsewhere": marked("Gjort et annet sted"),
        "not_relevant": marked("Ikke aktuelt"),
        "absent": marked("Ikke til stede"),
        "too_short_notice": marked("For kort varsel"),
        "refused_this_task": marked("Ønsket ikke dette"),
    },
    "undo": {
        "wrong_person": marked("Feil person"),
        "wrong_task": marked("Feil oppgave"),
        "not_done": marked("Ikke gjort likevel"),
        "wrong_answer": marked("Feil svar ført"),
    },
    "undo_release": {
        "wrong_person": marked("Feil person"),
        "not_released": marked("Ikke løslatt likevel"),
        "wrong_details": marked("Feil tidspunkt eller opplysninger"),
    },
    "release_kind": {
        "confirmed": marked("Bekreftet"),
        "parole": marked("Prøveløslatelse"),
        "home_detention": marked("Hjemmesoning"),
        "two_thirds": marked("To tredjedeler"),
        "full_term": marked("Full tid"),
    },
    "destination": {
        "liberty": marked("Frihet"),
        "home_detention": marked("Hjemmesoning"),
        "deported": marked("Uttransportert"),
    },
    "unplanned": {
        "court": marked("Løslatt fra retten"),
        "fine_paid": marked("Bot betalt"),
        "appeal": marked("Anke"),
        "other": marked("Annet"),
    },
    "close_reason": {
        "completed": marked("Fullført"),
        "declined": marked("Takket nei"),
        "withdrawn": marked("Trukket seg"),
        "not_participating": marked("Deltok ikke"),
        "transferred_out": marked("Overført ut av ordningen"),
        "deported": marked("Uttransportert"),
        "died": marked("Død"),
        "reimprisoned": marked("Fengslet på nytt"),
        "registered_in_error": marked("Registrert ved en feil"),
    },
    "kind": {
        "GP": marked("Fastlege"),
        "OAT": marked("LAR"),
        "SPECIALIST_ADDICTION": marked("TSB eller DPS"),
        "MUNICIPAL_ADDICTION": marked("Kommunal rustjeneste"),
        "NAV": marked("NAV"),
        "HOUSING": marked("Bolig"),
        "DENTIST": marked("Tannlege"),
        "PROBATION": marked("Friomsorgskontor"),
        "PEER_OR_MENTOR": marked("Likeperson eller mentor"),
        "NALOXONE_OUTLET": marked("Utdelingssted for nalokson"),
        "OTHER": marked("Annen avtale"),
    },
    "status": {
        "requested": marked("Bedt om"),
        "confirmed": marked("Bekreftet"),
        "attended": marked("Møtte"),
        "no_show": marked("Møtte ikke"),
        "cancelled": marked("Avlyst"),
        "moved": marked("Flyttet"),
        "unknown": marked("Vet ikke"),
    },
    "contact": {
        "attended": marked("Nådd"),
        "no_show": marked("Ikke nådd"),
        "cancelled": marked("Angret"),
    },
    "how": {
        "phone": marked("på telefon"),
        "visit": marked("ved et møte"),
    },
    "undo_contact": {
        "wrong_person": marked("Feil person"),
        "not_done": marked("Ingen kontakt likevel"),
        "wrong_details": marked("Feil tidspunkt eller opplysninger"),
    },
    "consent": {
        "sms": marked("Påminning på SMS"),
        "research": marked("Forskning"),
        "sharing:health": marked("Dele avtaler med helsetjenesten"),
        "sharing:nav": marked("Dele avtaler med NAV"),
        "sharing:municipality": marked("Dele avtaler med kommunen"),
    },
    "consent_to": {
        "sms": marked("SMS"),
        "research": marked("forskning"),
        "sharing:health": marked("deling"),
        "sharing:nav": marked("deling"),
        "sharing:municipality": marked("deling"),
    },
    "warning": {
        "first_appointment_late": marked("Første avtale er mer enn tre dager etter løslatelsen."),
        "oat_appointment_late": marked("LAR-avtalen er mer enn én dag etter løslatelsen."),
        "closed_days_after_release": marked(
            "Løslatelse på fredag eller før helligdag: avtal kontakt samme dag, eller ring dagen"
            " etter."
        ),
        "appointment_outside_window": marked(
            "En bekreftet avtale ligger utenfor de første sju dagene etter løslatelsen."
        ),
    },
    "transfer": {
        "proposed": marked("Foreslått"),
        "accepted": marked("Godtatt"),
        "rejected": marked("Avslått"),
        "revoked": marked("Trukket tilbake"),
    },
    "absence": {
        "leave": marked("Permisjon"),
        "treatment_12": marked("Behandling etter § 12"),
        "halfway_house": marked("Overgangsbolig"),
    },
    "rung": {
        "before": marked("Påminning"),
        "due": marked("Fristen er nå"),
        "late": marked("Over fristen"),
        "lead": marked("Meldt til leder"),
        "offer_again": marked("Spør om tilbudet igjen"),
        "missed": marked("Ikke gjort før løslatelsen"),
        "release_not_recorded": marked("Løslatelse ikke registrert"),
        "transfer_waiting": marked("Overføring venter på svar"),
        "transfer_declined": marked("Overføringen ble avslått"),
        "phone_invalid": marked("Telefonnummer virker ikke"),
        "outcome_asked": marked("Hvordan gikk avtalen?"),
        "offer_info_again": marked("Gi informasjonen igjen før fraværet"),
        "unit_without_staff": marked("Ingen i enheten kan ta imot"),
    },
    "message": {
        "wanted": marked("Skal sendes"),
        "sending": marked("Sendes nå"),
        "accepted": marked("Sendt"),
        "refused": marked("Avvist"),
        "unknown": marked("Usikkert om den er sendt"),
        "needs_person": marked("Må avgjøres av en person"),
        "cancelled": marked("Ikke lenger aktuell"),
        "expired": marked("For sent å sende"),
        "none": marked("Sendes ikke"),
        "shown": marked("Vist, ikke sendt"),
        "to_show": marked("Skal vises, sendes ikke"),
    },
    "session": {
        "planned": marked("Planlagt"),
        "held": marked("Holdt"),
        "cancelled": marked("Avlyst"),
    },
    "naloxone": {
        "received": marked("Mottatt"),
        "to_property": marked("Lagt i effekter"),
        "handed_over": marked("Gitt i hånden"),
        "refill": marked("Ny spray"),
        "returned": marked("Levert tilbake"),
        "lost": marked("Mistet"),
        "expired": marked("Utløpt"),
    },
    "refill": {
        "used": marked("Brukt"),
        "lost": marked("Mistet"),
        "expired": marked("Utløpt"),
        "confiscated": marked("Beslaglagt"),
        "other": marked("Annet"),
    },
    "flaw": {
        "stock_negative": marked("Beholdningen er under null"),
        "unaccounted": marked("Spray i effekter etter løslatelsen, uten forklaring"),
        "lot_unknown": marked("Lot-nummer mangler"),
        "lot_expired": marked("Utløpt da den ble gitt"),
        "distributor_unknown": marked("Utdeler mangler"),
        "distributor_uncertified": marked("Utdeler uten sertifikat den dagen"),
        "reason_missing": marked("Grunn mangler"),
        "given_twice": marked("Gitt to ganger"),
    },
    "message_reason": {
        "no_consent": marked("Personen har ikke samtykket til SMS."),
        "no_number": marked("Ingen kjent mobil kan ta imot SMS."),
        "opted_out": marked("Mottakeren har bedt om å slippe meldinger."),
        "protected": marked("Adressesperren tillater ikke SMS."),
        "not_released": marked("Personen er ikke løslatt ennå."),
        "deported": marked("Personen er uttransportert."),
        "died": marked("Personen er død."),
        "reimprisoned": marked("Personen er fengslet på nytt."),
        "withdrawn": marked("Personen har trukket seg."),
        "closed": marked("Saken er avsluttet."),
        "not_confirmed": marked("Avtalen er ikke bekreftet."),
        "appointment_cancelled": marked("Avtalen er avlyst."),
        "moved": marked("Avtalen er flyttet."),
        "appointment_over": marked("Avtalen har vært."),
        "no_appointment": marked("Avtalen finnes ikke."),
        "booked_too_late": marked("Avtalen kom for sent til at det var tid til å minne om den."),
        "outside_hours": marked("To timer før avtalen er før kl. 8 eller etter kl. 20."),
        "after_follow_up": marked("Den ville gått etter siste dag i oppfølgingen."),
        "replaced": marked("En annen påminning om samme avtale tok plassen."),
        "too_late": marked("Den kom ikke av sted innen tre timer, eller før avtalen."),
        "taken": marked("Levert til SMS-tjenesten."),
        "shown_only": marked("Ingen SMS-tjeneste var satt."),
        "refused": marked("SMS-tjenesten avviste den: den ble ikke sendt."),
        "no_answer": marked("SMS-tjenesten svarte ikke tydelig."),
        "worker_stopped": marked("Sendingen ble avbrutt: ingen vet ennå om den gikk."),
        "may_have_been_sent": marked("Ingen vet om den gikk: spør personen, eller ring."),
        "found_at_provider": marked("Ingen svarte, men SMS-tjenesten har den: den er tatt imot."),
        "told_by_provider": marked("SMS-tjenesten har meldt fra om den: den er tatt imot."),
        "a_person_says_it_went": marked("En person har funnet ut at den gikk."),
        "bad_number": marked("Nummeret kan ikke ta imot SMS: spør om et annet."),
        "number_gone": marked("Nummeret er ikke lenger i bruk: spør om et annet."),
        "wrong_number": marked("Den som har nummeret, svarte at det er feil: spør om et annet."),
        "country_not_allowed": marked("SMS-kontoen kan ikke sende til det landet."),
        "text_refused": marked("SMS-tjenesten avviste teksten: den ble ikke sendt."),
        "gave_up": marked("SMS-tjenesten utsatte den gang på gang: den ble ikke sendt."),
        "look_up_failed": marked(
            "Den kan ha gått, men SMS-tjenesten kunne ikke spørres: spør personen."
        ),
        "traces_differ": marked("Den kan ha gått, men sporene er uklare: spør personen."),
        "a_person_dropped_it": marked("En person har bestemt at den ikke sendes."),
        "not_delivered": marked("Den nådde ikke telefonen: si fra på en annen måte."),
        "a_person_saw_it": marked("Den nådde ikke fram, og noen har sett det."),
        "no_answers": marked("SMS-tjenesten har ikke svart flere ganger på rad."),
        "too_fast": marked("SMS-tjenesten ber oss komme igjen senere."),
        "no_connection": marked("SMS-tjenesten kan ikke nås."),
        "credentials_refused": marked(
            "SMS-tjenesten avviser kontoen vår: en administrator må se på den."
        ),
        "sender_refused": marked(
            "SMS-tjenesten avviser avsenderen vår: en administrator må se på den."
        ),
        "unfit_text": marked("Teksten kunne ikke lages: en administrator må rette den."),
    },
    "roster": {
        "inmate_no_missing": marked("Innsattnummer mangler"),
        "inmate_no_unusable": marked("Innsattnummeret kan ikke brukes"),
        "date_impossible": marked("Datoen finnes ikke"),
        "date_out_of_reach": marked("Datoen er for langt unna"),
        "born_in_future": marked("Fødselsdatoen ligger fram i tid"),
        "unit_missing": marked("Enhet mangler"),
        "unknown_unit": marked("Enheten er ukjent"),
        "admission_missing": marked("Innsettelsesdato mangler"),
        "admitted_in_future": marked("Innsettelsen ligger fram i tid"),
        "release_before_admission": marked("Løslatelse før innsettelse"),
        "unknown_kind": marked("Ukjent grunnlag for løslatelse"),
        "released_in_future": marked("Løslatelsen ligger fram i tid"),
        "unknown_protection": marked("Ukjent adressesperre"),
        "more_cells_than_columns": marked("Flere celler enn kolonner"),
        "same_key_differs": marked("Samme person står to ganger, med ulike opplysninger"),
        "control_character": marked("Skjulte tegn er fjernet"),
        "formula_like": marked("Ligner en formel, tatt inn som tekst"),
        "name_shortened": marked("Navnet er forkortet"),
        "national_id_invalid": marked("Fødselsnummeret er ugyldig og er utelatt"),
        "national_id_wrong_mode": marked("Fødselsnummeret hører ikke til her og er utelatt"),
        "leading_zero_restored": marked("En null foran er satt tilbake"),
        "unknown_category": marked("Ukjent kategori"),
        "kind_assumed": marked("Uten grunnlag: regnet som full tid"),
        "unknown_language": marked("Ukjent språk: bokmål brukes"),
        "phone_not_usable": marked("Telefonen kan ikke ta imot SMS og er utelatt"),
        "repeated_row": marked("Samme rad står to ganger"),
        "unknown_column": marked("Ukjent kolonne, ikke lest"),
        "already_in_prison": marked("Er innsatt allerede, med en annen innsettelse"),
        "overlaps_earlier_case": marked("Overlapper en tidligere sak"),
        "released_without_case": marked("Løslatt uten tidligere sak: hoppet over"),
        "unit_not_yours": marked("Enheten er ikke din"),
    },
    "stage": {
        "interested": marked("Interessert"),
        "contract_signed": marked("Avtale inngått"),
        "active": marked("Aktiv"),
        "paused": marked("På pause"),
        "withdrawn": marked("Trukket seg"),
    },
    "unit_kind": {
        "prison": marked("Fengsel"),
        "department": marked("Avdeling"),
        "halfway_house": marked("Overgangsbolig"),
        "probation_office": marked("Friomsorgskontor"),
    },
    "effect": {
        "same": marked("Uendret"),
        "earlier": marked("Tidligere"),
        "later": marked("Senere"),
        "added": marked("Ny"),
        "removed": marked("Borte"),
    },
    "example": {
        "short_remand": marked("Kort varetekt, åtte dager"),
        "four_months": marked("Dom på fire måneder"),
        "two_years": marked("Dom på to år"),
    },
    "package_fault": {
        "not_toml": marked("Linjen kan ikke leses"),
        "duplicate": marked("Står to ganger"),
        "missing_key": marked("Noe mangler"),
        "unknown_key": marked("Ordet er ikke kjent her"),
        "wrong_type": marked("Verdien er av feil slag"),
        "unknown_value": marked("Verdien er ikke kjent"),
        "bad_offset": marked("Fristen kan ikke leses"),
        "bad_key": marked("Navnet på versjonen er ikke riktig"),
        "bad_reason": marked("Begrunnelsen kan ikke brukes"),
        "reason_missing": marked("En løsere regel trenger en begrunnelse"),
        "core_task": marked("Oppgaven hører til den nasjonale pakken"),
        "unknown_task": marked("Oppgaven finnes ikke"),
        "unknown_parent": marked("Pakken den bygger på, finnes ikke"),
        "parent_cycle": marked("Pakken kan ikke bygge på seg selv"),
    },
    "lint": {
        "prison": marked("røper fengsel"),
        "drugs": marked("røper rus"),
        "treatment": marked("røper behandling"),
        "mental_health": marked("røper psykisk helse"),
        "office": marked("røper et offentlig kontor"),
        "diagnosis": marked("røper en diagnose"),
        "kind": marked("røper hva avtalen gjelder"),
        "address": marked("røper en adresse"),
        "name": marked("røper et navn"),
        "hidden": marked("skjult tegn"),
    },
    "language": {
        "nb": marked("Bokmål"),
        "nn": marked("Nynorsk"),
        "en": marked("Engelsk"),
        "se": marked("Nordsamisk"),
        "pl": marked("Polsk"),
        "lt": marked("Litauisk"),
        "ro": marked("Rumensk"),
        "ar": marked("Arabisk"),
        "so": marked("Somali"),
        "ru": marked("Russisk"),
    },
    "loop": {
        "sweep": marked("Frister og varsler"),
        "deliver": marked("Sending av meldinger"),
        "show": marked("Visning i Prefect"),
        "prefect": marked("Prefect"),
    },
    "report": {
        "open": marked("Ikke sendt inn"),
        "submitted": marked("Sendt inn"),
        "accepted": marked("Godtatt"),
        "frozen": marked("Fryst"),
    },
    "verb": {
        "case_opened": marked("Sak åpnet"),
        "roster_updated": marked("Endret fra innsattlisten"),
        "task_completed": marked("Oppgave gjort"),
        "task_waived": marked("Oppgave frafalt"),
        "task_undone": marked("Angret"),
        "answer_corrected": marked("Svaret rettet"),
        "answered": marked("Svar på tilbudet"),
        "consent_recorded": marked("Samtykke registrert"),
        "release_date_set": marked("Løslatelsesdato satt"),
        "released": marked("Løslatt"),
        "release_undone": marked("Løslatelse tatt tilbake"),
        "closed": marked("Sak avsluttet"),
        "transfer_proposed": marked("Overføring foreslått"),
        "transfer_answered": marked("Overføring besvart"),
        "appointment_booked": marked("Avtale lagt inn"),
        "appointment_outcome": marked("Avtale oppdatert"),
        "appointment_moved": marked("Avtale flyttet"),
        "contact_recorded": marked("Kontakt etter løslatelse"),
        "contact_undone": marked("Kontakt etter løslatelse angret"),
        "person_changed": marked("Opplysninger endret"),
        "person_merged": marked("Personer slått sammen"),
        "person_unmerged": marked("Sammenslåing angret"),
        "unit_merged": marked("Enhet slått sammen"),
        "short_form": marked("Kortskjema ved uventet løslatelse"),
        "absence_recorded": marked("Fravær registrert"),
        "informed_again": marked("Informert på nytt"),
        "rebased": marked("Flyttet til ny pakkeversjon"),
        "advanced": marked("Ført videre av systemet"),
    },
}


def in_language(translate: Translate) -> Callable[[str, str | None], str]:
    """The function `word(table, code)` of a language; an unknown code stands for itself."""

    def word(table: str, code: str | None) -> str:
        if code is None:
            return ""
        text = WORDS[table].get(code)
        return translate(text) if text is not None else code

    return word


def label_of(package: Package, code: str, language: str) -> str:
    """What a task is called in a case's own package."""
    return package.rule(code).labels.in_language(language) if package.has(code) else code


def step_label(package: Package, step: str, language: str) -> str:
    """What a step is called in a case's own package."""
    return package.step_labels(Step(step)).in_language(language)


def in_order(package: Package, tasks: Iterable[Task]) -> list[Task]:
    """Tasks in the order in which people do them: that of the package; what it has not, last."""
    order = {rule.code: at for at, rule in enumerate(package.tasks)}
    return sorted(tasks, key=lambda task: (order.get(task.code, len(order)), task.code))
