"""Mail to staff, the second path of a digest: plain text, one recipient, nothing about a person."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import make_msgid
from typing import Literal, Protocol

_TIMEOUT = 10.0


class Mailer(Protocol):
    """Something that can send a mail. May take seconds; no transaction is open meanwhile."""

    def send(self, to: str, subject: str, body: str) -> bool:
        """Whether the mail server took it. Raises nothing."""


@dataclass(frozen=True, slots=True)
class SmtpMailer:
    """A mail server. `security` as in the settings."""

    host: str
    port: int
    sender: str
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def send(self, to: str, subject: str, body: str) -> bool:
        """See `Mailer`."""
        mail = EmailMessage()
        try:
            mail["From"], mail["To"], mail["Subject"] = self.sender, to, subject
        except ValueError:  # a line break in an address
            return False
        mail["Message-ID"] = make_msgid(domain=self.sender.rpartition("@")[2] or None)
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(body)
        try:
            with self._connected() as server:
                if self.user is not None and self.password is not None:
                    server.login(self.user, self.password)
                server.send_message(mail)
        except (OSError, smtplib.SMTPException):
            return False
        return True

    def _connected(self) -> smtplib.SMTP:
        if self.security == "tls":
            return smtplib.SMTP_SSL(
                self.host, self.port, timeout=_TIMEOUT, context=ssl.create_default_context()
            )
        server = smtplib.SMTP(self.host, self.port, timeout=_TIMEOUT)
        if self.security == "starttls":
            server.starttls(context=ssl.create_default_context())
        return server
