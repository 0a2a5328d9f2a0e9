"""What delivering needs from the cases: whether a message may still go, and where to.

Messages know no case; here the two meet, for the command line and the loops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, TextIO

from sqlalchemy import Connection

from cases import contacts, digests, people, phones, queries, vault
from cases.access import SYSTEM
from cases.installation import Installation
from cases.wanted import still_wanted
from core.crypto import new_ref
from core.errors import NotFound, UnsafeSettings
from core.settings import Settings
from notifications import retention
from notifications.delivery import Ask, DeliverResult, deliver
from notifications.mail import SmtpMailer
from notifications.message import Claimed
from notifications.reasons import Reason
from notifications.sender import ConsoleSender, Sender
from notifications.signature import SigningKeys
from notifications.timing import Timing

NATIONAL_CONTACT: Final = "22 00 00 00"
"""The neutral number where neither the unit nor the settings name one (DOMAIN section 6)."""


def deliver_due(
    house: Installation, sender: Sender, *, go_on: Callable[[], bool] = lambda: True
) -> DeliverResult:
    """Send what is due: messages of the outbox, then the digests of staff.

    `go_on` may end it between batches. The result counts messages to persons.
    """
    outside = sender.threaded
    done = deliver(
        house.db,
        sender,
        ask=ask_of(house.settings),
        clock=house.clock,
        owner=f"worker-{new_ref()}",
        timing=timing_of(house.settings),
        at_once=house.settings.sms_at_once if outside else 1,
        rate=house.settings.sms_per_second if outside else None,
        go_on=go_on,
    )
    digests.send_due(
        house.db,
        sender,
        mailer_of(house.settings),
        clock=house.clock,
        url=house.settings.public_url or "",
    )
    return done


def forget_texts(house: Installation, sender: Sender) -> int:
    """Erase texts at the provider and here, and numbers whose time is over; how many in all."""
    now = house.now()
    return (
        retention.erase_at_provider(house.db, sender, clock=house.clock)
        + retention.forget_bodies(house.db, now=now)
        + house.db.transact(lambda tx: phones.forget_outlived(tx, now=now))
    )


def mailer_of(settings: Settings) -> SmtpMailer | None:
    """The mail server of the settings, None where there is none."""
    if settings.smtp_host is None or settings.smtp_from is None:
        return None
    password = settings.smtp_password
    return SmtpMailer(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_from,
        settings.smtp_security,
        settings.smtp_user,
        password.get_secret_value() if password is not None else None,
    )


def sender_of(house: Installation, stream: TextIO) -> Sender:
    """What carries messages here: Twilio if it is set, else `stream` shows what would be sent.

    Call it once, at the start. Raises `UnsafeSettings`.
    """
    settings = house.settings
    timing_of(settings)
    if settings.twilio_account_sid is None:
        return ConsoleSender(stream)
    refuse_without_callbacks(settings, demo=house.folder.demo)
    # The SDK takes its time to load, and many a command sends nothing.
    from notifications.twilio_sender import TwilioAccount, TwilioSender  # noqa: PLC0415

    token = settings.twilio_auth_token
    return TwilioSender(
        TwilioAccount(
            sid=settings.twilio_account_sid,
            token=token.get_secret_value() if token is not None else "",
            sender=settings.twilio_sender or "",
            public_url=settings.public_url,
            api_base=settings.twilio_api_base,
            region=settings.twilio_region,
            edge=settings.twilio_edge,
            timeout=settings.sms_timeout,
            at_once=settings.sms_at_once,
        )
    )


def refuse_without_callbacks(settings: Settings, *, demo: bool) -> None:
    """Raise `UnsafeSettings` where messages would be sent of which nobody hears any more."""
    if settings.twilio_account_sid is None or demo:
        return
    if not (settings.public_url or "").startswith("https://"):
        raise UnsafeSettings(
            "OVERLEV_PUBLIC_URL must be an https address when SMS are sent: the provider's"
            " callbacks go there"
        )


def timing_of(settings: Settings) -> Timing:
    """The periods of delivery. Raises `UnsafeSettings` if they contradict each other."""
    try:
        return Timing(
            timeout=timedelta(seconds=settings.sms_timeout),
            list_lag=timedelta(seconds=settings.sms_list_lag),
            lease=timedelta(seconds=settings.sms_lease),
            look_after=timedelta(seconds=settings.sms_look_after),
        )
    except ValueError as wrong:
        raise UnsafeSettings(str(wrong)) from None


def signing_keys(settings: Settings) -> SigningKeys | None:
    """What webhooks may be signed with; None where no provider is set."""
    token, shared = settings.twilio_auth_token, settings.twilio_webhook_secret
    if token is None:
        return None
    secrets = shared.get_secret_value().split(",") if shared is not None else []
    return SigningKeys(
        token.get_secret_value(), tuple(each.strip() for each in secrets if each.strip())
    )


def ask_of(settings: Settings) -> Ask:
    """What delivery asks of the cases, in this installation."""
    return replace(ASK, contact_phone=lambda tx, subject: contact_phone(tx, subject, settings))


def may_send(tx: Connection, message: Claimed) -> str | None:
    """None, or the `Reason` why nothing may be sent after all: the case is asked once more."""
    try:
        case = queries.case_by_ref(tx, SYSTEM, message.subject)
    except NotFound:
        return Reason.CLOSED
    return still_wanted(case, message.about)


def digest_of(tx: Connection, number: str) -> str:
    """The keyed hash of a number (E.164), as persons' numbers are kept under."""
    return vault.digest(tx, "phone", number)


def contact_phone(tx: Connection, subject: str, settings: Settings | None = None) -> str:
    """The neutral number to name to a person: the unit's, if one is checked, else the national."""
    of_unit = contacts.number_for_case(tx, subject)
    if of_unit is not None:
        return of_unit
    return settings.contact_phone if settings is not None else NATIONAL_CONTACT


def number_failed(tx: Connection, digest: str, reason: Reason, now: datetime) -> None:
    """A number is no use for good: its persons' coordinators hear of it."""
    phones.failed(tx, digest, reason, now)


ASK: Final = Ask(
    may_send=may_send,
    number_for=people.number_for,
    contact_phone=contact_phone,
    digest_of=digest_of,
    number_failed=number_failed,
)
"""What delivery asks of the cases, without the settings of an installation."""
