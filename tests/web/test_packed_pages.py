"""Pages travel compressed where no other site had them made, and what they prove is masked."""

from __future__ import annotations

import re

from starlette.requests import Request

from tests.web.conftest import Desk
from web.pages.rendering import may_be_packed
from web.session_cookie import MARK, csrf_of, masked, unmasked

CSRF = re.compile(r'name="csrf" value="([^"]*)"')


def asked(**headers: str) -> Request:
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": sent})


def test_a_page_is_packed_for_our_own_pages_and_for_an_address_that_was_typed() -> None:
    for said in ("same-origin", "none"):
        assert may_be_packed(asked(sec_fetch_site=said, accept_encoding="gzip, br"))


def test_a_page_that_another_site_had_made_travels_whole() -> None:
    for said in ("cross-site", "same-site", ""):
        assert not may_be_packed(asked(sec_fetch_site=said, accept_encoding="gzip, br"))
    assert not may_be_packed(asked(accept_encoding="gzip, br"))


def test_a_page_travels_whole_to_whoever_cannot_unpack_it() -> None:
    assert not may_be_packed(asked(sec_fetch_site="same-origin"))


def test_a_packed_page_says_the_same_and_what_it_depends_on(on_sqlite: Desk) -> None:
    whole, packing = on_sqlite.browser(), on_sqlite.browser()
    packing.headers |= {"sec-fetch-site": "same-origin", "accept-encoding": "gzip"}

    plain, packed = whole.get("/sign-in"), packing.get("/sign-in")

    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    assert CSRF.sub("", packed.text) == CSRF.sub("", plain.text)
    for name in ("Cookie", "Accept-Encoding", "Sec-Fetch-Site"):
        assert name in packed.headers["vary"]


def test_the_proof_of_a_form_is_written_anew_in_every_page_and_each_counts(on_sqlite: Desk) -> None:
    browser = on_sqlite.of("nurse")

    first, second = browser.get("/me").hidden("/choices"), browser.get("/me").hidden("/choices")

    assert first["csrf"] != second["csrf"]
    assert first["csrf"][:MARK] == second["csrf"][:MARK]
    for hidden in (first, second):
        assert browser.post("/choices", hidden | {"language": "en"}).status == 200
        assert browser.post("/choices", hidden | {"language": "nb"}).status == 200
    bare = unmasked(first["csrf"])
    assert 'id="page"' in browser.get("/me").text
    assert browser.post("/choices", first | {"csrf": bare}, follow=False).status != 303


def test_masking_is_undone_and_what_is_no_proof_is_none() -> None:
    proof = csrf_of("a session's token", "staff000001")

    assert unmasked(masked(proof)) == proof
    for wrong in ("", "x", proof, "æ" * 80, "0" * 79, "z" * 80):
        assert unmasked(wrong) != proof
