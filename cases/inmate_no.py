"""PURE: inmate numbers (innsattnr), unique nationwide."""

from __future__ import annotations


def normal_inmate_no(text: str) -> str:
    """The one written form in which inmate numbers are compared: no spaces, capitals."""
    return "".join(text.split()).upper()
