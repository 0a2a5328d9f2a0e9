"""One's own page: where one is signed in, the password, the second step."""

from __future__ import annotations

import io
from typing import Final

import segno
from starlette.responses import Response

from cases import signing_in, web_sessions
from cases.signing_in import Known, TooManyAttempts
from core.errors import BadInput, OverlevError
from web.pages.forms import Errors, worded
from web.pages.refusals import reason_of
from web.pages.rendering import page
from web.pages.sign_in import code_asked, signed_in_answer
from web.pages.visit import Pages, Visit, Visited, to
from web.policy import EVERYBODY, allow, public

router: Final = Pages()


@router.get("/me")
@allow(EVERYBODY)
def me_page(visit: Visited) -> Response:
    """Where this account is signed in, and what can be changed."""
    return _page(visit, {})


@router.post("/me/sessions")
@allow(EVERYBODY)
def end(visit: Visited) -> Response:
    """End one session, or all others."""
    me, now = visit.signed_in, visit.house.real_clock()
    digest = visit.typed("digest")
    if digest == "others":
        visit.house.db.transact(
            lambda tx: web_sessions.end_others(tx, me.account_id, but=me.digest, now=now)
        )
    else:
        visit.house.db.transact(
            lambda tx: web_sessions.end_session(tx, me.account_id, digest, now=now)
        )
    return to("/me", {"said": "ended"})


@router.post("/me/password")
@allow(EVERYBODY)
def password(visit: Visited) -> Response:
    """A new password, for whoever knows the old one; every other session ends."""
    me, house = visit.signed_in, visit.house
    now = house.real_clock()
    new, again = str(visit.form.get("password") or ""), str(visit.form.get("again") or "")
    try:
        signing_in.check_new_password(new, again, username=me.username)
        signing_in.check_password(
            house.db, me.username, str(visit.form.get("old") or ""), place=visit.place, now=now
        )
    except BadInput as wrong:
        return _page(visit, {wrong.field or "": worded(visit, wrong)}, status=422)
    except OverlevError as refused:
        return _page(visit, {"old": reason_of(visit.translate, refused)}, status=422)
    hashed = signing_in.hash_of_password(new)
    house.db.transact(
        lambda tx: signing_in.set_password(
            tx, me.account_id, hashed, keep_session=me.digest, now=now
        )
    )
    return to("/me", {"said": "password"})


@router.get("/me/second-step")
@allow(EVERYBODY)
def second_step_page(visit: Visited) -> Response:
    """A new secret as a picture and as text."""
    return _second_step(visit, signing_in.new_totp_secret(), {})


@router.post("/me/second-step")
@allow(EVERYBODY)
def second_step(visit: Visited) -> Response:
    """Turn it on, proved by a code; the recovery codes are shown this once, other sessions end."""
    me, now = visit.signed_in, visit.house.real_clock()
    secret = visit.typed("secret")
    with visit.house.db.read() as tx:
        replaced = signing_in.has_second_step(tx, me.account_id)
    try:
        codes = signing_in.replace_second_step(
            visit.house.db,
            Known(me.account_id, me.viewer.account, me.username, replaced),
            secret,
            visit.typed("code"),
            old=visit.typed("old"),
            place=visit.place,
            now=now,
            also=lambda tx: web_sessions.end_others(tx, me.account_id, but=me.digest, now=now),
        )
    except TooManyAttempts as refused:
        errors = {"old": reason_of(visit.translate, refused)}
        return _second_step(visit, secret, errors, status=429)
    except BadInput as wrong:
        errors = {wrong.field or "code": worded(visit, wrong)}
        return _second_step(visit, secret, errors, status=422)
    return page(visit, "pages/recovery_codes.html", codes=codes)


@router.get("/invitation/{token}")
@public()
def invitation_page(visit: Visited, token: str) -> Response:
    """Somebody's first sign-in: choose a password."""
    if not visit.house.settings.local_sign_in:
        return to("/sign-in")
    with visit.house.db.read() as tx:
        known = signing_in.invited(tx, token, now=visit.house.real_clock())
    return _invitation(visit, token, known.username, {})


@router.post("/invitation/{token}")
@public()
def accept(visit: Visited, token: str) -> Response:
    """Set it, and be signed in; where the account has a second step, its code is asked for."""
    house = visit.house
    now = house.real_clock()
    if not house.settings.local_sign_in:
        return to("/sign-in")
    with house.db.read() as tx:
        known = signing_in.invited(tx, token, now=now)
    new, again = str(visit.form.get("password") or ""), str(visit.form.get("again") or "")
    try:
        signing_in.check_new_password(new, again, username=known.username)
    except BadInput as wrong:
        errors = {wrong.field or "": worded(visit, wrong)}
        return _invitation(visit, token, known.username, errors, status=422)
    hashed = signing_in.hash_of_password(new)
    accepted = house.db.transact(
        lambda tx: signing_in.accept_invitation(tx, token, hashed, now=now)
    )
    if accepted.second_step:
        return code_asked(visit, accepted)
    return signed_in_answer(visit, accepted, next_page="/me/second-step")


def _invitation(
    visit: Visit, token: str, username: str, errors: Errors, *, status: int = 200
) -> Response:
    return page(
        visit,
        "pages/invitation.html",
        status,
        token=token,
        username=username,
        values={},
        errors=errors,
    )


def _second_step(visit: Visit, secret: str, errors: Errors, *, status: int = 200) -> Response:
    way = signing_in.totp_address(secret, visit.signed_in.username)
    with visit.house.db.read() as tx:
        replaced = signing_in.has_second_step(tx, visit.signed_in.account_id)
    drawn = io.BytesIO()
    # Without a size of its own it is as wide as there is room for.
    segno.make_qr(way, error="m").save(
        drawn, kind="svg", xmldecl=False, svgns=True, border=2, omitsize=True, light="#fff"
    )
    return page(
        visit,
        "pages/second_step.html",
        status,
        secret=secret,
        spaced=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        picture=drawn.getvalue().decode(),
        replaced=replaced,
        values={},
        errors=errors,
    )


def _page(visit: Visit, errors: Errors, *, status: int = 200) -> Response:
    me, now = visit.signed_in, visit.house.real_clock()

    with visit.house.db.read() as tx:
        places = web_sessions.sessions_of(tx, me.account_id, now=now)
        second = signing_in.has_second_step(tx, me.account_id)
    return page(
        visit,
        "pages/me.html",
        status,
        errors=errors,
        values={},
        said=visit.told("said"),
        places=places,
        second=second,
    )
