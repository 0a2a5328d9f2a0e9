"""The refusals of Overlev: one line that says what is wrong and what to do about it.

An error serves three readers: the class and its docstring the developer, `status` the browser
and `message_key` the user (the text in the message catalogue). `exit_code` is what the command
line answers with: 1 domain refusal, 2 bad input, 3 partly done, 4 not allowed, 70 a fault of ours.
The domain's own refusals subclass these where the rules stand.

`detail` may be shown to the person who asked and may be logged, so it never holds a name, a
number or anything else about a person: references, codes, dates and field names only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

EXIT_REFUSED: Final = 1
EXIT_BAD_INPUT: Final = 2
EXIT_PARTLY_DONE: Final = 3
EXIT_NOT_ALLOWED: Final = 4
EXIT_FAULT: Final = 70


class OverlevError(Exception):
    """Everything Overlev refuses or fails at knowingly; unsubclassed it is a fault of ours."""

    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = EXIT_FAULT
    message_key: ClassVar[str] = "error.fault"

    def __init__(self, detail: str) -> None:
        # One line is a promise of the command line; a line break in a value must not break it.
        self.detail: str = " ".join(detail.split())
        super().__init__(self.detail)

    def __str__(self) -> str:
        return self.detail

    @property
    def for_operators(self) -> str:
        """What the command line and the log say: it may tell where the installation's parts are."""
        return self.detail


class Refused(OverlevError):
    """A rule of the domain says no; nothing was changed."""

    status = 409
    exit_code = EXIT_REFUSED
    message_key = "error.refused"


class NotFound(Refused):
    """Unknown, or another unit's: the two are never told apart."""

    status = 404
    message_key = "error.not_found"


class Conflict(Refused):
    """Somebody else was first. `current` is the value as it stands now, ready to be shown.

    `yours` is what was asked for, where an edge sets the two side by side.
    """

    message_key = "error.conflict"

    def __init__(self, detail: str, current: Mapping[str, object] | None = None) -> None:
        super().__init__(detail)
        self.current: Mapping[str, object] = dict(current or {})
        self.yours: Mapping[str, object] = {}


class BadInput(OverlevError):
    """What was sent cannot be read or is impossible.

    `reason` is a stable code for programs, `field` the name of the field at fault, if one is.
    """

    status = 422
    exit_code = EXIT_BAD_INPUT
    message_key = "error.bad_input"

    def __init__(self, reason: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        # A refusal may come out of a child process: it must survive pickling.
        self.args = (reason, self.detail, field)
        self.reason: str = reason
        self.field: str | None = field


class UnsafeSettings(OverlevError):
    """The settings or the data folder contradict themselves or are unsafe: nothing is started."""

    exit_code = EXIT_BAD_INPUT
    message_key = "error.unsafe_settings"


class NotSignedIn(OverlevError):
    """Nobody is signed in, or with something that is not good any more."""

    status = 401
    exit_code = EXIT_NOT_ALLOWED
    message_key = "error.not_signed_in"


class NotAllowed(OverlevError):
    """The right unit, but the wrong role."""

    status = 403
    exit_code = EXIT_NOT_ALLOWED
    message_key = "error.not_allowed"


class Busy(OverlevError):
    """The database did not answer in time; try again after `retry_after` seconds.

    `told` says more to whoever runs Overlev (which server, and why), and never leaves the machine.
    """

    status = 503
    exit_code = EXIT_REFUSED
    message_key = "error.busy"

    def __init__(
        self,
        detail: str = "the database is busy: nothing was changed, try again in a moment",
        *,
        retry_after: int = 2,
        told: str = "",
    ) -> None:
        super().__init__(detail)
        self.retry_after: int = retry_after
        self.told: str = told

    @property
    def for_operators(self) -> str:
        return self.told or self.detail
