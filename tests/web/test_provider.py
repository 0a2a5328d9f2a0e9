"""Signing in through an identity provider: a real one on loopback, and one that lies."""

from __future__ import annotations

import base64
import hmac
import json
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from sqlalchemy import select, update

from cases import provided, signing_in, web_sessions
from cases.tables import access_log, account, membership, web_session
from core.clock import system_now
from core.settings import Settings, group_rules
from tests.databases import Databases
from tests.installation import installation
from tests.people import UNITS
from tests.web.application import application
from tests.web.browser import ADDRESS, Browser, Page
from tests.web.conftest import NOW, PASSWORD, Desk, furnish
from web.house import House
from web.provider import KEYS_ANEW, KNOWN_FOR, TURN, Provider
from web.vouching import BACK, NotVouched

with warnings.catch_warnings():
    # The stand-in is written for the names that its library is leaving.
    warnings.simplefilter("ignore")
    import oidc_provider_mock
    from oidc_provider_mock import User

# The provider on loopback is written for what its library calls by other names today.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ISSUER = "http://127.0.0.1:9"
GROUPS = "nurses-a=health:A; nurses-c=health:C; kdi=directorate; ghosts=health:nowhere"
CLIENT, SECRET = "overlev", "a-secret-of-the-client"


def settings_of(issuer: str, folder: Path, **more: Any) -> Settings:
    return Settings(
        data=folder,
        public_url=ADDRESS,
        oidc_issuer=issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret=SECRET,
        oidc_groups=GROUPS,
        oidc_name="Fylket",
        **more,
    )


def with_settings(desk: Desk, settings: Settings) -> Desk:
    clock = desk.clock
    house = House(desk.db, lambda: clock[0], settings, real_clock=lambda: clock[0])
    return replace(desk, app=application(house), signed={})


@pytest.fixture
def house(sqlite_files: Databases, tmp_path: Path) -> Iterator[Desk]:
    url = sqlite_files.create(migrated=True, filled=UNITS)
    with installation(url, tmp_path) as db:
        yield furnish(db, folder=tmp_path)
    sqlite_files.drop(url)


# --- a real provider on loopback -----------------------------------------------------------------


@pytest.fixture(scope="module")
def real() -> Iterator[str]:
    """A provider that knows four people; the address it calls itself by."""
    people = [
        User(sub=subject, claims=claims)
        for subject, claims in (
            ("anna-1", {"preferred_username": "anna", "name": "Anna P", "groups": ["nurses-a"]}),
            ("nurse-9", {"preferred_username": "nurse", "groups": ["nurses-c", "kdi"]}),
            ("nobody-3", {"preferred_username": "per", "groups": ["kitchen"]}),
            ("kari-4", {"preferred_username": "../kari@x", "name": "K", "groups": "kdi"}),
        )
    ]
    with oidc_provider_mock.run_server_in_thread(user_claims=people) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
def real_desk(house: Desk, real: str, tmp_path: Path) -> Desk:
    # The provider's tokens are of today, the house's clock stands in September.
    house.clock[0] = system_now()
    return with_settings(house, settings_of(real, tmp_path))


def through(browser: Browser, subject: str, *, next_page: str = "/") -> Page:
    """The whole way: our link, the provider's own form, and back."""
    away = browser.get(f"/sign-in/provider?next={next_page}", follow=False)
    assert away.status == 303
    answer = httpx.post(away.headers["location"], data={"sub": subject})
    assert answer.status_code == 302
    return browser.get(answer.headers["location"].removeprefix(ADDRESS))


def test_a_nurse_whom_the_provider_knows_is_at_home_and_signs_out(real_desk: Desk) -> None:
    browser = real_desk.browser()
    assert "Logg inn hos Fylket" in browser.get("/sign-in?next=/workload").text

    page = through(browser, "anna-1")

    assert (page.status, page.url) == (200, "/today")
    assert "Anna P" in page.text
    with real_desk.db.read() as tx:
        row = tx.execute(select(account).where(account.c.username == "anna")).one()
        assert row.password_hash is None
        assert "anna-1" not in str(tuple(row))
        verbs = list(tx.execute(select(access_log.c.verb)).scalars())
    assert {"user_added", "signed_in"} <= set(verbs)
    browser.get("/today")
    out = browser.send("/sign-out")
    assert "end_session" in out.text or "Logg ut hos Fylket" in out.text
    assert browser.get("/today").url.startswith("/sign-in")


def test_the_same_person_is_the_same_account_and_a_name_takes_nobody_elses(
    real_desk: Desk,
) -> None:
    first, again = real_desk.browser(), real_desk.browser()

    through(first, "nurse-9")
    through(again, "nurse-9")

    with real_desk.db.read() as tx:
        names = list(
            tx.execute(
                select(account.c.username).where(account.c.username.like("nurse%"))
            ).scalars()
        )
        ours = tx.execute(select(account).where(account.c.username == "nurse")).one()
    assert len(names) == 2, "the local nurse and the provider's"
    assert ours.oidc_subject is None, "the local account is not taken over"
    # Two groups, two roles: the rule that comes first counts.
    assert first.get("/today").url == "/today"
    assert first.get("/today").status == 200


def test_without_a_group_nobody_comes_in_and_no_account_is_made(real_desk: Desk) -> None:
    page = through(real_desk.browser(), "nobody-3")

    assert page.status == 403
    assert "har ingen rolle i Overlev" in page.text
    with real_desk.db.read() as tx:
        assert tx.execute(select(account).where(account.c.username == "per")).first() is None


def test_whoever_lost_the_group_loses_role_and_session_and_a_shut_account_stays_shut(
    real_desk: Desk, tmp_path: Path, real: str
) -> None:
    browser = real_desk.browser()
    assert through(browser, "kari-4").url == "/tertial"
    fewer = settings_of(real, tmp_path).model_copy(update={"oidc_groups": "nurses-a=health:A"})

    assert through(with_settings(real_desk, fewer).browser(), "kari-4").status == 403
    assert browser.get("/tertial").url.startswith("/sign-in"), "the older session has ended"

    assert through(real_desk.browser(), "kari-4").url == "/tertial", "the role came back"
    with real_desk.db.write() as tx:
        kari = account.c.oidc_subject.is_not(None)
        tx.execute(update(account).where(kari).values(disabled_at=NOW))
    assert "stengt" in through(real_desk.browser(), "kari-4").text


def test_an_answer_counts_once_and_only_in_the_browser_that_asked(real_desk: Desk) -> None:
    mine, other = real_desk.browser(), real_desk.browser()
    away = mine.get("/sign-in/provider", follow=False)
    answer = httpx.post(away.headers["location"], data={"sub": "anna-1"})
    back = answer.headers["location"].removeprefix(ADDRESS)

    assert other.get(back).status == 403, "another browser has begun nothing"
    assert mine.get(back).url == "/today"
    assert mine.get(back).status == 403, "a second time nothing is under way"
    assert real_desk.browser().get("/today").url.startswith("/sign-in")


def test_nobody_is_led_out_of_the_house_after_the_way_through_the_provider(
    real_desk: Desk,
) -> None:
    page = through(real_desk.browser(), "anna-1", next_page="//elsewhere.example/x")

    assert page.url == "/today"


def test_whoever_breaks_off_there_is_told_so(real_desk: Desk) -> None:
    browser = real_desk.browser()
    away = browser.get("/sign-in/provider", follow=False)
    answer = httpx.post(away.headers["location"], data={"action": "deny"})
    state = parse_qs(urlsplit(away.headers["location"]).query)["state"][0]
    error = parse_qs(urlsplit(answer.headers["location"]).query)["error"][0]

    page = browser.get(f"{BACK}?error={error}&state={state}")

    assert page.status == 403
    assert "ble avbrutt" in page.text


def test_where_passwords_are_shut_only_the_provider_lets_people_in(
    house: Desk, real: str, tmp_path: Path
) -> None:
    house.clock[0] = system_now()
    desk = with_settings(house, settings_of(real, tmp_path, local_sign_in=False))
    with desk.db.write() as tx:
        token = signing_in.invite(tx, "officer", now=desk.now)
    browser = desk.browser()
    shown = browser.get("/sign-in").text
    assert "Logg inn hos Fylket" in shown
    assert 'type="password"' not in shown
    refused = browser.post("/sign-in", {"username": "nurse", "password": PASSWORD})
    assert refused.status == 403
    assert browser.get("/today").url.startswith("/sign-in")
    assert browser.get(f"/invitation/{token}").url == "/sign-in"
    new = {"password": "a new long password", "again": "a new long password"}
    assert browser.post(f"/invitation/{token}", new).url == "/sign-in"
    assert through(browser, "anna-1").url == "/today"


def test_where_no_provider_is_set_there_is_no_way_to_one(on_sqlite: Desk) -> None:
    browser = on_sqlite.browser()

    assert browser.get("/sign-in/provider").status == 404
    assert browser.get(BACK).status == 404
    assert "/sign-in/provider" not in browser.get("/sign-in").text


# --- one that lies -------------------------------------------------------------------------------

KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
OTHER = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
Change = Callable[[dict[str, Any]], None]


class Liar:
    """A provider in memory, whose answers a test may change."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "one"}
        self.key: Any = KEY
        self.keys = [KEY]
        self.about: dict[str, Any] = {}
        self.asked: list[httpx.Request] = []
        self.token: str | None = None
        self.down = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.down:
            raise httpx.ConnectError("nobody there")
        if request.url.path == "/.well-known/openid-configuration":
            return httpx.Response(
                200,
                json={
                    "issuer": ISSUER,
                    "authorization_endpoint": f"{ISSUER}/authorize",
                    "token_endpoint": f"{ISSUER}/token",
                    "jwks_uri": f"{ISSUER}/keys",
                }
                | self.about,
            )
        if request.url.path == "/keys":
            return httpx.Response(200, json=KeySet(list(self.keys)).as_dict(private=False))
        token = self.token or jwt.encode(
            self.header, self.claims, self.key, algorithms=["RS256", "HS256"]
        )
        return httpx.Response(200, json={"id_token": token, "access_token": "x", "token_type": "B"})


@pytest.fixture
def liar() -> Liar:
    return Liar()


@pytest.fixture
def lied_to(house: Desk, liar: Liar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    made: dict[Settings, Provider] = {}

    def provider_of(settings: Settings) -> Provider:
        if settings not in made:
            made[settings] = Provider(settings, httpx.Client(transport=httpx.MockTransport(liar)))
        return made[settings]

    for module in ("web.pages.sign_in", "web.pages.sign_in_provider"):
        monkeypatch.setattr(f"{module}.provider_of", provider_of)
    return with_settings(house, settings_of(ISSUER, tmp_path))


def asked_for(browser: Browser) -> dict[str, str]:
    away = browser.get("/sign-in/provider", follow=False)
    assert away.status == 303, away.text
    return {
        name: each[0] for name, each in parse_qs(urlsplit(away.headers["location"]).query).items()
    }


def answered(desk: Desk, liar: Liar, change: Change = lambda claims: None, **more: str) -> Page:
    browser = desk.browser()
    asked = asked_for(browser)
    now = int(desk.now.timestamp())
    liar.claims = {
        "iss": ISSUER, "aud": CLIENT, "sub": "s-1", "iat": now, "exp": now + 300,
        "nonce": asked["nonce"], "groups": ["nurses-a"], "preferred_username": "siri",
    }  # fmt: skip
    change(liar.claims)
    query = {"code": "c0de", "state": asked["state"]} | more
    return browser.get(f"{BACK}?{httpx.QueryParams(query)}")


def test_the_code_is_asked_for_with_a_proof_that_only_we_can_give(
    lied_to: Desk, liar: Liar
) -> None:
    browser = lied_to.browser()
    asked = asked_for(browser)
    page = answered(lied_to, liar)

    assert page.url == "/today"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == ADDRESS + BACK
    sent = parse_qs(liar.asked[-1].content.decode())
    challenges = {asked["code_challenge"]}
    assert create_s256_code_challenge(sent["code_verifier"][0]) not in challenges, "one each time"
    assert "client_secret" not in sent
    assert liar.asked[-1].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda c: c.update(aud="another"), id="for another client"),
        pytest.param(lambda c: c.update(aud=[CLIENT, "another"]), id="for two, by nobody"),
        pytest.param(lambda c: c.update(iss="http://evil.example"), id="of another issuer"),
        pytest.param(lambda c: c.update(nonce="another"), id="of another sign-in"),
        pytest.param(lambda c: c.pop("nonce"), id="of no sign-in"),
        pytest.param(lambda c: c.update(exp=c["iat"] - 120), id="too old"),
        pytest.param(lambda c: c.pop("exp"), id="good for ever"),
        pytest.param(lambda c: c.update(iat=c["iat"] + 3600), id="of the future"),
        pytest.param(lambda c: c.update(sub=""), id="of nobody"),
        pytest.param(lambda c: c.update(sub=7), id="of a number"),
        pytest.param(lambda c: c.update(at_hash="AAAA"), id="with another access token"),
    ],
)  # fmt: skip
def test_a_token_that_is_not_for_this_sign_in_lets_nobody_in(
    lied_to: Desk, liar: Liar, change: Change
) -> None:
    page = answered(lied_to, liar, change)

    assert page.status == 403
    assert "kunne ikke godtas" in page.text
    with lied_to.db.read() as tx:
        assert tx.execute(select(web_session)).first() is None
        assert tx.execute(select(account).where(account.c.username == "siri")).first() is None


def test_a_token_signed_by_another_key_by_the_public_one_or_by_none_lets_nobody_in(
    lied_to: Desk, liar: Liar
) -> None:
    liar.key = OTHER
    assert answered(lied_to, liar).status == 403

    browser = lied_to.browser()
    asked = asked_for(browser)
    liar.token = by_the_public_key(liar.claims | {"nonce": asked["nonce"]})
    assert browser.get(f"{BACK}?code=c&state={asked['state']}").status == 403

    liar.token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzLTEifQ."
    assert answered(lied_to, liar).status == 403
    liar.token = "not a token"
    assert answered(lied_to, liar).status == 403


def by_the_public_key(claims: dict[str, Any]) -> str:
    """A token "signed" with what everybody may know: the public key, taken for a shared secret."""
    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "HS256", "kid": "one"}, claims)
    )
    seal = hmac.digest(KEY.as_pem(private=False), head + b"." + body, "sha256")
    return b".".join((head, body, base64.urlsafe_b64encode(seal).rstrip(b"="))).decode()


def test_a_new_key_is_fetched_but_not_at_every_wrong_token(lied_to: Desk, liar: Liar) -> None:
    assert answered(lied_to, liar).url == "/today"
    new = RSAKey.generate_key(2048, {"kid": "two", "use": "sig", "alg": "RS256"})
    liar.key, liar.keys, liar.header = new, [KEY, new], {"alg": "RS256", "kid": "two"}

    assert answered(lied_to, liar).status == 403, "keys were fetched a moment ago"
    lied_to.later(KEYS_ANEW)
    assert answered(lied_to, liar).url == "/today"


def test_another_issuers_answer_and_another_state_let_nobody_in(lied_to: Desk, liar: Liar) -> None:
    assert answered(lied_to, liar, iss="http://evil.example").status == 403
    assert answered(lied_to, liar, state="another").status == 403
    assert answered(lied_to, liar, state="ånother").status == 403
    assert answered(lied_to, liar, code="").status == 403
    assert answered(lied_to, liar, iss=ISSUER).url == "/today"


def test_a_sign_in_that_took_too_long_begins_anew(lied_to: Desk, liar: Liar) -> None:
    browser = lied_to.browser()
    asked = asked_for(browser)
    lied_to.later(timedelta(minutes=11))

    assert browser.get(f"{BACK}?code=c&state={asked['state']}").status == 403


@pytest.mark.parametrize(
    "groups", [None, 7, {"nurses-a": 1}, ["x"] * 1_001 + ["nurses-a"], [["nurses-a"]]]
)
def test_groups_that_are_no_list_of_names_are_no_groups(
    lied_to: Desk, liar: Liar, groups: object
) -> None:
    page = answered(lied_to, liar, lambda claims: claims.update(groups=groups))

    assert page.status == 403
    assert "har ingen rolle" in page.text


def test_a_rule_that_names_a_unit_that_is_not_there_gives_nothing(
    lied_to: Desk, liar: Liar
) -> None:
    page = answered(lied_to, liar, lambda claims: claims.update(groups=["ghosts"]))

    assert page.status == 403
    with lied_to.db.read() as tx:
        rules = rules_of(lied_to)
        assert provided.check_rules(tx, rules) == ["ghosts: There is no unit 'nowhere'."]


def rules_of(desk: Desk) -> Any:
    return group_rules(desk.app.state.house.settings.oidc_groups)


def test_a_weaker_way_of_proving_who_one_is_is_not_enough(
    lied_to: Desk, liar: Liar, tmp_path: Path
) -> None:
    strong = with_settings(lied_to, settings_of(ISSUER, tmp_path, oidc_acr="gold Level4"))

    assert asked_for(strong.browser())["acr_values"] == "gold Level4"
    assert answered(strong, liar).status == 403
    assert answered(strong, liar, lambda c: c.update(acr="Level3")).status == 403
    assert answered(strong, liar, lambda c: c.update(acr="Level4")).url == "/today"


def test_a_provider_that_is_away_shuts_nobody_out_who_has_a_password(
    lied_to: Desk, liar: Liar
) -> None:
    liar.down = True

    page = lied_to.browser().get("/sign-in/provider")

    assert page.status == 503
    assert "Får ikke svar" in page.text
    assert lied_to.browser().sign_in("nurse", PASSWORD).url == "/today"


def test_a_provider_that_did_not_answer_is_not_asked_again_at_once(
    lied_to: Desk, liar: Liar
) -> None:
    liar.down = True

    statuses = [lied_to.browser().get("/sign-in/provider").status for _ in range(3)]

    assert statuses == [503] * 3
    assert len(liar.asked) == 1


def test_what_the_provider_said_an_hour_ago_holds_while_it_is_silent(
    lied_to: Desk, liar: Liar
) -> None:
    assert answered(lied_to, liar).url == "/today"
    lied_to.later(2 * KNOWN_FOR)
    liar.down = True

    assert lied_to.browser().get("/sign-in/provider", follow=False).status == 303


def test_nobody_stands_in_line_behind_a_provider_that_is_silent(tmp_path: Path) -> None:
    silent, asked = Event(), Barrier(2)

    def hangs(request: httpx.Request) -> httpx.Response:
        asked.wait(10)
        silent.wait(10)
        raise httpx.ReadTimeout("nothing came", request=request)

    client = httpx.Client(transport=httpx.MockTransport(hangs))
    provider = Provider(settings_of(ISSUER, tmp_path), client)

    def press() -> None:
        with pytest.raises(NotVouched):
            provider.way_out("/", now=NOW)

    first = Thread(target=press)
    first.start()
    asked.wait(10)
    began = time.monotonic()
    press()
    press()
    took = time.monotonic() - began
    silent.set()
    first.join()

    assert took < 4 * TURN


@pytest.mark.parametrize(
    "about",
    [
        {"issuer": "http://evil.example"},
        {"authorization_endpoint": "http://evil.example/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "http://evil.example/keys"},
        {"x": "y" * 600_000},
    ],
)
def test_a_provider_that_points_elsewhere_or_says_too_much_is_not_followed(
    lied_to: Desk, liar: Liar, about: dict[str, Any]
) -> None:
    liar.about = about

    assert lied_to.browser().get("/sign-in/provider", follow=False).status == 503


def test_a_provider_that_drips_is_not_waited_for(
    lied_to: Desk, liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert liar is not None
    monkeypatch.setattr("web.provider.LONGEST", -1.0)

    assert lied_to.browser().get("/sign-in/provider", follow=False).status == 503


def test_nothing_of_the_token_is_logged(
    lied_to: Desk, liar: Liar, caplog: pytest.LogCaptureFixture
) -> None:
    answered(lied_to, liar, lambda claims: claims.update(sub="geheim-1", nonce="no"))

    assert "not_proved" in caplog.text
    assert "geheim-1" not in caplog.text
    assert "c0de" not in caplog.text


def test_another_role_there_is_another_role_here_from_the_next_sign_in(
    lied_to: Desk, liar: Liar
) -> None:
    answered(lied_to, liar)
    page = answered(lied_to, liar, lambda claims: claims.update(groups=["kdi"]))

    assert page.url == "/tertial"
    with lied_to.db.read() as tx:
        siri = select(account.c.id).where(account.c.username == "siri").scalar_subquery()
        rows = tx.execute(select(membership).where(membership.c.account_id == siri)).all()
        assert [(row.role, row.unit) for row in rows] == [("directorate", None)]
        open_ones = web_sessions.sessions_of(tx, rows[0].account_id, now=lied_to.now)
    assert len(open_ones) == 1, "the session with the former role has ended"
