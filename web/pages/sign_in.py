"""Signing in and out: password, code, and going on with what was typed when a session ran out."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cases import signing_in, web_sessions
from cases.accounts import viewer_of
from cases.signing_in import Known, TooManyAttempts, WrongPassword
from core.errors import NotFound
from web.house import house_of
from web.pages.going_on import MOST_KEPT, Pairs, go_on, kept_for, seal_form
from web.pages.menu import home_of
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited, language_of, local_path
from web.policy import public
from web.session_cookie import cookie_name, set_token, take_token
from web.vouching import provider_of

router: Final = Pages()


@router.get("/sign-in")
@public()
def sign_in_page(visit: Visited) -> Response:
    """The form."""
    if visit.session is not None:
        return RedirectResponse(home_of(visit.session.viewer.role), 303)
    return _form(visit, next_page=local_path(visit.asked("next", "/")))


@router.post("/sign-in")
@public(body_limit=2 * MOST_KEPT)
def sign_in(visit: Visited) -> Response:
    """Look at the password; then the code, where the account has one."""
    house = visit.house
    next_page, kept = local_path(visit.typed("next", "/")), visit.typed("kept")
    now = house.real_clock()
    if not house.settings.local_sign_in:
        return _form(visit, next_page=next_page, kept=kept, status=403)
    try:
        if ticket := visit.typed("ticket"):
            known = signing_in.check_code(
                house.db, ticket, visit.typed("code"), place=visit.place, now=now
            )
        else:
            name, password = visit.typed("username"), str(visit.form.get("password") or "")
            known = signing_in.check_password(house.db, name, password, place=visit.place, now=now)
            if known.second_step:
                return code_asked(visit, known, next_page=next_page, kept=kept)
    except (WrongPassword, TooManyAttempts) as refused:
        again = visit.typed("ticket")
        if again and isinstance(refused, WrongPassword):
            return _code_form(visit, again, next_page=next_page, kept=kept, refused=refused)
        return _form(visit, next_page=next_page, kept=kept, refused=refused)
    return signed_in_answer(visit, known, next_page=next_page, kept=kept)


def signed_in_answer(
    visit: Visit, known: Known, *, next_page: str = "/", kept: str = ""
) -> Response:
    """A session for somebody who proved who they are, and where they wanted to go."""
    house = visit.house
    now = house.real_clock()

    def enter(tx: Connection) -> tuple[str, str, str]:
        viewer = viewer_of(tx, known.username, now=now)
        if visit.session is not None:
            before = visit.session
            with suppress(web_sessions.SessionGone):  # ended from elsewhere in this moment
                web_sessions.end_session(tx, before.account_id, before.digest, now=now)
        token = web_sessions.open_session(tx, known.id, place=_browser(visit.request), now=now)
        signing_in.note_signed_in(tx, known, viewer.role.value, now=now)
        return token, home_of(viewer.role), viewer.account

    try:
        token, home, account = house.db.transact(enter)
    except NotFound:
        # The account has a password, but no role that is valid today.
        return _form(visit, next_page=next_page, refused=WrongPassword("No role today."))
    answer: Response
    if (form := kept_for(house, kept, account)) is not None:
        visit.request.cookies[cookie_name(house)] = token
        answer = go_on(visit.request, form.path, form.pairs)
    else:
        # What another account had begun is neither shown nor led to.
        home = home if kept or next_page == "/" else next_page
        answer = RedirectResponse(home, 303)
    set_token(house, answer, token)
    return answer


@router.post("/sign-out")
@public()
def sign_out(visit: Visited) -> Response:
    """End this session."""
    session = visit.session
    if session is not None:
        now = visit.house.real_clock()

        def leave(tx: Connection) -> None:
            if visit.typed("everywhere"):
                web_sessions.end_others(tx, session.account_id, now=now)
            else:
                web_sessions.end_session(tx, session.account_id, session.digest, now=now)

        visit.house.db.transact(leave)
    answer = RedirectResponse("/sign-in?out=1", 303)
    take_token(visit.house, answer)
    return answer


def signed_out(request: Request, owner: str, pairs: Pairs, back: str) -> Response:
    """The session ran out in the middle of a form: sign in, and go on with what was typed.

    `owner` is the mark of whose form it is; `back` is where it stood.
    """
    house = house_of(request)
    visit = Visit(request, house, None, house.now(), language_of(request))
    kept = seal_form(house, owner, request.url.path, pairs)
    return _form(visit, next_page=back, kept=kept, ran_out=True, status=401)


def code_asked(visit: Visit, known: Known, *, next_page: str = "/", kept: str = "") -> Response:
    """The form for the code of somebody whose password is right."""
    now = visit.house.real_clock()
    with visit.house.db.read() as tx:
        ticket = signing_in.ticket_for(tx, known, now=now)
    return _code_form(visit, ticket, next_page=next_page, kept=kept)


def _form(
    visit: Visit,
    *,
    next_page: str,
    kept: str = "",
    refused: WrongPassword | TooManyAttempts | None = None,
    ran_out: bool = False,
    status: int = 200,
) -> Response:
    provider = provider_of(visit.house.settings)
    return page(
        visit,
        "pages/sign_in.html",
        refused.status if refused is not None else status,
        next_page=next_page,
        kept=kept,
        username=visit.typed("username"),
        refused=refused,
        wait_until=_full_minute(refused.until) if isinstance(refused, TooManyAttempts) else None,
        ran_out=ran_out,
        out=bool(visit.asked("out")),
        by_password=visit.house.settings.local_sign_in,
        provider=visit.house.settings.oidc_name if provider is not None else "",
        way_off=provider.way_off() if provider is not None and visit.asked("out") else None,
        filling=(filling := visit.house.filling()),
        # The cases are made in one transaction, and SQLite has one writer: nobody gets in.
        shut=filling is not None and visit.house.db.is_sqlite,
    )


def _full_minute(at: datetime) -> datetime:
    """The minute by whose beginning an instant has passed: pages show no seconds."""
    return at if at == at.replace(second=0, microsecond=0) else at + timedelta(minutes=1)


def _code_form(
    visit: Visit,
    ticket: str,
    *,
    next_page: str,
    kept: str = "",
    refused: WrongPassword | None = None,
) -> Response:
    return page(
        visit,
        "pages/sign_in_code.html",
        200 if refused is None else refused.status,
        ticket=ticket,
        next_page=next_page,
        kept=kept,
        refused=refused,
    )


_BROWSERS: Final = (
    ("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS: Final = (
    ("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"),
    ("Mac OS", "macOS"), ("Linux", "Linux"),
)  # fmt: skip


def _browser(request: Request) -> str:
    """What the person will know it by: `Chrome, Windows`."""
    agent = request.headers.get("user-agent", "")
    browser = next((name for sign, name in _BROWSERS if sign in agent), "")
    system = next((name for sign, name in _SYSTEMS if sign in agent), "")
    return ", ".join(each for each in (browser, system) if each)
