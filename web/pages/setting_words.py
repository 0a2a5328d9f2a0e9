"""What each setting does, in the words of the page that shows them.

The README and the start have it in English (`core.settings`).
"""

from __future__ import annotations

from typing import Final

from web.i18n import marked

MEANINGS: Final[dict[str, str]] = {
    "data": marked("mappe for databaser, nøkler og logger"),
    "database_url": marked(
        "databasen for sakene, SQLite eller Postgres; ellers `overlev.db` i datamappen"
    ),
    "keys_url": marked(
        "nøkkellageret, atskilt fra databasen for sakene; ellers `keys.db` i datamappen"
    ),
    "secret_key": marked(
        "det alle nøkler avledes av, minst 32 tegn (flere skilles med komma, den nyeste "
        "først); uten den ligger nøklene i `secrets.json` i datamappen"
    ),
    "public_url": marked("adressen folk bruker, https unntatt på denne maskinen"),
    "web_processes": marked(
        "nettprosesser som `up` starter, omtrent 110 MB hver; ellers 2 fra fire kjerner og "
        "opp, og 1 under det"
    ),
    "small_number_threshold": marked(
        "antall under dette skjules i tabeller som publiseres, minst 3"
    ),
    "backup_dir": marked(
        "hvor kalenderens sikkerhetskopier legges, helst en annen disk; ellers `backups` i "
        "datamappen"
    ),
    "metrics_token": marked(
        "nøkkelen som `/metrics` spør etter; uten den får bare denne maskinen svar der"
    ),
    "debug": marked("1 viser hvor en feil hos oss oppsto: steder i koden, ingen verdier"),
    "contact_phone": marked(
        "det nøytrale nummeret som meldinger til personer nevner når enheten ikke har et "
        "eget; aldri et fengsels"
    ),
    "twilio_account_sid": marked("SMS-konto hos Twilio; uten den vises meldinger, og sendes ikke"),
    "twilio_auth_token": marked("hemmeligheten til SMS-kontoen"),
    "twilio_sender": marked(
        "avsenderen av meldinger: et nummer, en meldingstjeneste (MG…) eller et navn"
    ),
    "twilio_api_base": marked("adressen til SMS-leverandøren; en annen til tester"),
    "twilio_region": marked(
        "Twilio-regionen som dataene ligger i, som `ie1`; krever kanten (edge) også"
    ),
    "twilio_edge": marked("Twilio-kanten (edge) til regionen, som `dublin`"),
    "twilio_webhook_secret": marked(
        "hemmeligheter (SharedKey) som Twilio signerer meldinger til oss med, skilt med "
        "komma; uten dem kjennes bare kontoens egen"
    ),
    "sms_timeout": marked("sekunder ett kall til leverandøren kan ta"),
    "sms_list_lag": marked("sekunder før leverandøren viser en melding den har tatt imot"),
    "sms_lease": marked("sekunder en arbeider holder en melding; mer enn de to over til sammen"),
    "sms_look_after": marked("sekunder mellom oppslag av en melding ingen vet hvordan gikk"),
    "sms_per_second": marked("kall i sekundet til leverandøren på det meste, for hver arbeider"),
    "sms_at_once": marked("kall til leverandøren på en gang, for hver arbeider"),
    "smtp_host": marked("e-posttjener for oversikter til ansatte; uten den sendes ingen e-post"),
    "smtp_port": marked("porten til e-posttjeneren"),
    "smtp_user": marked("navnet å logge inn med der, om den spør"),
    "smtp_password": marked("passordet til e-posttjeneren"),
    "smtp_from": marked("adressen e-post kommer fra"),
    "smtp_security": marked("`starttls`, `tls` eller `none` (bare på denne maskinen)"),
    "oidc_issuer": marked("identitetsleverandøren som ansatte logger inn gjennom (OpenID Connect)"),
    "oidc_client_id": marked("hva Overlev heter der"),
    "oidc_client_secret": marked("hemmeligheten til Overlev der"),
    "oidc_name": marked("hva knappen kaller leverandøren"),
    "oidc_scope": marked("hva det spørres om der"),
    "oidc_groups_claim": marked("hvor ID-tokenet har gruppene til en person"),
    "oidc_groups": marked(
        "hvilken gruppe som har hvilken rolle og hvilke enheter, den første som passer "
        "gjelder: `GRUPPE=rolle:enhet,enhet; GRUPPE=rolle`"
    ),
    "oidc_acr": marked(
        "måter å ha vist hvem en er på (`acr`) som er gode nok, skilt med mellomrom; tom: det"
        " leverandøren godtar"
    ),
    "local_sign_in": marked(
        "om passord slipper inn ved siden av leverandøren; `true` igjen og omstart er veien "
        "inn når leverandøren er borte"
    ),
}
"""By field of `core.settings.Settings`; complete, a test looks."""

OR_A_FILE: Final = marked("(eller `%(name)s`)")
"""Of a secret: it may stand in a file that is named so."""
