"""Why a Postgres server is away, for whoever runs Overlev: which server, for what, and the way out.

The libraries' own words name it too, but in whichever language the server speaks, on several lines,
and may repeat what was asked. So they are only searched for what they tell.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import URL

_SOON: Final = "try again in a moment"
_REASONS: Final = {
    "authentication failed": "the server refuses the user {user} or the password: check them",
    "no password supplied": "the server wants a password of {user}: name it in the address",
    "role ": "the server knows no user {user}: check the name, or make the user",
    "too many": f"the server has no connection free: {_SOON}, or raise max_connections",
    "connection slots": f"the server has no connection free: {_SOON}, or raise max_connections",
    "pg_hba.conf": "the server does not let {user} in from here: see its pg_hba.conf",
    "starting up": f"the server is starting: {_SOON}",
    "shutting down": f"the server is stopping: {_SOON}",
    "terminating connection": f"the server is stopping: {_SOON}",
    "does not exist": "the server has no such database: make it, or check the name",
    "permission denied": "the user {user} may make no tables there: make {user} its owner",
    "resolve host": "no such host: check its name",
    "translate host name": "no such host: check its name",
    "connection refused": "nobody answers there: start the server, or check host and port",
    "no such file": "nobody answers there: start the server, or check its folder",
    "timeout expired": "nobody answers there: start the server, or check host, port and firewall",
    "timed out": "nobody answers there: start the server, or check host, port and firewall",
    "unreachable": "nobody answers there: start the server, or check host, port and firewall",
    "certificate": "the server cannot be trusted: check its certificate and sslrootcert",
    "read-only transaction": "it only reads for now, as a standby does: name the one that writes",
}
"""What the words tell, the first that fits: a user that does not exist is no database."""

_UNKNOWN: Final = f"the server does not answer: {_SOON}, and see its log if that does not help"


def why_away(url: URL, setting: str, words: str) -> str:
    """One line without secrets; `words` are those of the library, `setting` names the address."""
    says = _reason(words) or _UNKNOWN
    user = f"'{url.username}'" if url.username else "that the address names"
    return f"{setting}, {url.database} at {_place(url)}: {says.format(user=user)}"


def is_known(words: str) -> bool:
    """Whether the words tell the reason."""
    return _reason(words) is not None


def _reason(words: str) -> str | None:
    words = words.lower()
    return next((says for sign, says in _REASONS.items() if sign in words), None)


def _place(url: URL) -> str:
    named = url.host or url.query.get("host") or "this machine"
    host = named if isinstance(named, str) else ", ".join(named)
    return f"{host}:{url.port}" if url.port else host
