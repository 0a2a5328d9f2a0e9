"""The discretion lint: it finds what tells, in every form, and leaves ordinary words alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.lint import Rule, faults

UNIT = "Ila fengsel og forvaringsanstalt"
PERSON = "Ola Bo Nordmann-Hansen"


def rules(text: str, names: tuple[str, ...] = ()) -> set[Rule]:
    return {fault.rule for fault in faults(text, names)}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Avtale ved Oslo fengsel", Rule.PRISON),
        ("kvinnefengselet", Rule.PRISON),
        ("Fengsling", Rule.PRISON),
        ("etter prøveløslatelsen", Rule.PRISON),
        ("etter lauslatinga", Rule.PRISON),
        ("Kriminalomsorgen minner om", Rule.PRISON),
        ("friomsorgskontoret", Rule.PRISON),
        ("since you left prison", Rule.PRISON),
        ("after your release", Rule.PRISON),
        ("inmates", Rule.PRISON),
        ("Unngå overdose", Rule.DRUGS),
        ("OVERDOSEN", Rule.DRUGS),
        ("nalokson", Rule.DRUGS),
        ("Naloxone", Rule.DRUGS),
        ("naloksonspray", Rule.DRUGS),
        ("ta med sprayen", Rule.DRUGS),
        ("rus", Rule.DRUGS),
        ("Rusen", Rule.DRUGS),
        ("rusmiddel", Rule.DRUGS),
        ("rusomsorgen", Rule.DRUGS),
        ("rus- og avhengighet", Rule.DRUGS),
        ("drugs", Rule.DRUGS),
        ("heroin", Rule.DRUGS),
        ("LAR", Rule.TREATMENT),
        ("time hos LAR.", Rule.TREATMENT),
        ("LAR-konsulent", Rule.TREATMENT),
        ("lar-konsulent", Rule.TREATMENT),
        ("L.A.R.", Rule.TREATMENT),
        ("OAT clinic", Rule.TREATMENT),
        ("legemiddelassistert", Rule.TREATMENT),
        ("metadon", Rule.TREATMENT),
        ("TSB", Rule.TREATMENT),
        ("ved dps", Rule.TREATMENT),
        ("mental health", Rule.KIND),
        ("mental helse", Rule.MENTAL_HEALTH),
        ("mental illness", Rule.MENTAL_HEALTH),
        ("psykisk helse", Rule.MENTAL_HEALTH),
        ("psykiateren", Rule.MENTAL_HEALTH),
        ("psychologist", Rule.MENTAL_HEALTH),
        ("NAV Grünerløkka", Rule.OFFICE),
        ("Nav-kontoret", Rule.OFFICE),
        ("hos nav.", Rule.OFFICE),
        ("navkontoret", Rule.OFFICE),
        ("kommunen", Rule.OFFICE),
        ("diagnosen din", Rule.DIAGNOSIS),
        ("hepatitt C", Rule.DIAGNOSIS),
        ("HIV", Rule.DIAGNOSIS),
        ("legetime", Rule.KIND),
        ("fastlegen", Rule.KIND),
        ("your doctor's", Rule.KIND),
        ("tannlege", Rule.KIND),
        ("Møt i Storgata", Rule.ADDRESS),
        ("Storgata 12", Rule.ADDRESS),
        ("Kirkeveien 166 B", Rule.ADDRESS),
        ("Karl Johans gate 5", Rule.ADDRESS),
        ("Akersgt. 2", Rule.ADDRESS),
        ("Youngs plass 1", Rule.ADDRESS),
        ("Grønlandsleiret 39.", Rule.ADDRESS),
        ("12 Hill Street", Rule.ADDRESS),
        ("0188 Oslo", Rule.ADDRESS),
    ],
)
def test_what_tells_is_found(text: str, rule: Rule) -> None:
    assert rule in rules(text)
    assert rule in rules(f"Påminning: {text}")


@pytest.mark.parametrize(
    "text",
    [
        "Russland er stort og rusk er rusk",
        "rust, ruse og rusle",
        "Det lar seg gjøre",
        "oat milk",
        "navnet ditt, navigere, navle",
        "Ring 22 00 00 00. Se kortet ditt.",
        "Ring +47 22 00 00 00. Svar STOPP",
        "Ring 815 00 000. Svar",
        "Ring 2200 0000. Svar",
        "ons. 25.11. kl. 10.00",
        "Onsdag 25. november kl. 10.00",
        "Wednesday 25 November at 10:00",
        "Du er underveis",
        "druga wizyta, od jutra",  # Polish: the second visit, from tomorrow
        "for sted og tid",
        "legge",
        "First line\nsecond line",
    ],
)
def test_ordinary_words_are_left_alone(text: str) -> None:
    assert faults(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "løs\u00adlatelse",
        "fengs\u200bel",
        "fe\u2060ngsel",
        "ｆｅｎｇｓｅｌ",
        "lo\u0338slatelse".replace("o\u0338", "ø"),
        "diagnosen".upper(),
    ],
)
def test_a_hidden_word_is_read_as_the_eye_reads_it(text: str) -> None:
    assert rules(text) & {Rule.PRISON, Rule.DIAGNOSIS}


@pytest.mark.parametrize("text", ["av\u00adtale", "av\u200btale", "avtale\x00", "avtale\r"])
def test_invisible_and_control_characters_are_faults_themselves(text: str) -> None:
    assert rules(text) == {Rule.HIDDEN}


@pytest.mark.parametrize(
    "text",
    [
        "Møt på Ila",
        "Ilas vakt",
        "ila  FENGSEL og forvaringsanstalt",
        "Hei Ola,",
        "Nordmanns kort",
        "hei nordmann",
        "Bo venter",
        "Hansen",
    ],
)
def test_names_the_caller_knows_are_found_whole_and_in_parts(text: str) -> None:
    assert Rule.NAME in rules(text, (UNIT, PERSON))


@pytest.mark.parametrize("text", ["Kom og hent", "bo her", "olav", "Ilar", "Molas"])
def test_small_words_and_longer_words_are_no_names(text: str) -> None:
    assert Rule.NAME not in rules(text, (UNIT, PERSON))


def test_a_name_of_one_word_is_found_in_any_writing_and_an_empty_one_nowhere() -> None:
    assert rules("time i bergen", ("Bergen",)) == {Rule.NAME}
    assert rules("time", ("", " - ")) == set()


def test_a_fault_tells_what_and_where() -> None:
    (fault,) = faults("Du har time hos LAR i dag")

    assert (fault.rule, fault.found, fault.at) == (Rule.TREATMENT, "LAR", 16)


@given(before=st.text(max_size=30), after=st.text(max_size=30))
def test_a_planted_word_is_found_in_any_surroundings(before: str, after: str) -> None:
    assert Rule.PRISON in rules(f"{before} fengsel {after}")
