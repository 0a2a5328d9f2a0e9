"""Signatures of webhooks agree with the SDK's own signer and validator, for any form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from notifications.signature import SigningKeys, is_signed, sign

URL = "https://overlev.example/webhooks/twilio/inbound"
KEYS = SigningKeys("token", ("shared",))
FORMS = st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=12), max_size=6)


@given(FORMS, st.sampled_from(["HMAC_SHA1", "HMAC_SHA256"]))
def test_the_signature_is_the_sdks(form: dict[str, str], algorithm: str) -> None:
    assert sign("token", URL, list(form.items()), algorithm) == (
        RequestValidator("token").compute_signature(URL, form, algorithm)
    )


@given(FORMS)
def test_what_the_sdk_signs_is_believed(form: dict[str, str]) -> None:
    old = RequestValidator("token").compute_signature(URL, form)
    new = RequestValidator("shared").compute_signature(URL, form, "HMAC_SHA256")
    said = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"

    assert is_signed(URL, list(form.items()), signature=old, settings=None, keys=KEYS)
    assert is_signed(URL, list(form.items()), signature=new, settings=said, keys=KEYS)


def test_an_old_signature_by_a_shared_key_is_not_believed() -> None:
    signature = sign("shared", URL, [], "HMAC_SHA1")

    assert not is_signed(URL, [], signature=signature, settings=None, keys=KEYS)


@pytest.mark.parametrize("port", ["", ":443"])
def test_the_port_may_be_signed_or_not(port: str) -> None:
    signature = sign("token", f"https://overlev.example{port}/x", [], "HMAC_SHA1")

    for url in ("https://overlev.example/x", "https://overlev.example:443/x"):
        assert is_signed(url, [], signature=signature, settings=None, keys=KEYS)


@pytest.mark.parametrize("signature", [None, "", "æøå", "x" * 28])
def test_no_signature_is_none(signature: str | None) -> None:
    assert not is_signed(URL, [], signature=signature, settings=None, keys=KEYS)


def test_keys_are_not_shown() -> None:
    assert repr(KEYS) == "SigningKeys()"
