"""A unit's own way of doing it: what an overlay may say, what it may not, and what comes of it."""

from __future__ import annotations

import pickle
from datetime import date
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.calendar import Span, roll_back
from cases.checklist import NATIONAL_REQUIREMENT, Package
from cases.model import AppointmentKind, Role, Step, TaskClass
from cases.overlay import Overlay, apply, lineage, parent_of
from cases.overlay_reading import load_any, load_overlay
from cases.package import PackageError, national
from cases.plan import earliest
from cases.preview import Effect, Example, preview
from cases.strictness import Strictness, of_requirement, of_terms
from cases.terms import Anchor, Term, read_later, read_term
from core.clock import iso_local

DATA = Path(__file__).parent.parent / "data"
HEAD = 'key = "a-1"\nnumber = 1\nparent = "national-1"\n'
ROOM = (
    '[task.room_cleared]\nstep = "TIME_IN_HAND"\nowner = "officer"\nvisibility = "shared"\n'
    'class = "admin"\nrequired = false\nlabel = { nb = "Rom ryddet" }\ndue = ["R + 2 d"]\n'
)


def parents(key: str) -> Package | None:
    return national() if key == "national-1" else None


def overlay_of(body: str) -> Overlay:
    return load_overlay(HEAD + body, parents)[0]


def package_of(body: str) -> Package:
    return load_any(HEAD + body, parents)


def example() -> Package:
    return load_any(DATA / "overlay-a-1.toml", parents)


# --- what comes of it ----------------------------------------------------------------------------


def test_an_empty_overlay_is_the_national_package_under_another_name() -> None:
    package = package_of("")

    assert package.key == "national-1+a-1"
    assert package.tasks == national().tasks
    assert package.steps == national().steps
    assert package.required_appointments == NATIONAL_REQUIREMENT


def test_a_label_takes_the_place_of_the_national_one_in_every_language() -> None:
    rule = example().rule("talk_held")

    assert rule.labels.in_language("nb") == "Utslusingssamtale"
    assert rule.labels.in_language("en") == "Utslusingssamtale"
    assert example().step_labels(Step.TIME_IN_HAND).in_language("nn") == "Avtale i handa"
    assert national().rule("talk_held").labels.in_language("nb") == "Løslatelsessamtale holdt"


def test_what_an_overlay_does_not_name_stays_as_it_is() -> None:
    package = example()

    for rule in national().tasks:
        ours = package.rule(rule.code)
        assert (ours.step, ours.owner, ours.klass, ours.visibility, ours.required) == (
            rule.step,
            rule.owner,
            rule.klass,
            rule.visibility,
            rule.required,
        )
        if rule.code not in ("talk_held", "talk_booked"):
            assert (ours.terms, ours.labels, ours.before) == (rule.terms, rule.labels, rule.before)


def test_added_tasks_stand_last_in_their_step_and_say_who_added_them() -> None:
    codes = [rule.code for rule in example().tasks]

    assert codes.index("risk_reviewed") == codes.index("naloxone_training") + 1
    assert codes[-1] == "room_cleared"
    assert {rule.code: rule.added_by for rule in example().tasks if rule.added_by} == {
        "risk_reviewed": "a-1",
        "room_cleared": "a-1",
    }


def test_the_shared_ladder_changes_every_task_that_has_none_of_its_own() -> None:
    package = example()

    assert package.rule("card_printed").ladder.late == read_later("2 wd")
    assert package.rule("card_printed").ladder.lead == read_later("3 wd")
    assert package.rule("card_printed").ladder.lead_not_after == read_term("R - 3 wd")
    assert package.rule("room_cleared").ladder.late == read_later("2 wd")
    assert package.rule("intake_talk").ladder == national().rule("intake_talk").ladder
    held = package.rule("talk_held").ladder
    assert (held.late, held.late_to, held.lead) == (
        read_later("24 h"),
        Role.OFFICER,
        read_later("3 wd"),
    )


def test_the_usual_form_is_one_of_the_forms_of_the_task() -> None:
    assert example().rule("talk_held").usual_form == "group"
    assert national().rule("talk_held").usual_form is None


def test_other_kinds_of_appointment_can_be_required() -> None:
    required = example().required_appointments

    assert required[:2] == NATIONAL_REQUIREMENT
    assert required[2] == {AppointmentKind.PEER_OR_MENTOR, AppointmentKind.DENTIST}


def test_an_overlay_of_an_overlay_stands_on_its_whole_key() -> None:
    body = (
        'key = "b-1"\nnumber = 1\nparent = "national-1+a-1"\n[task.room_cleared]\nremove = true\n'
    )

    package = load_any(body, {"national-1+a-1": example()}.get)

    assert package.key == "national-1+a-1+b-1"
    assert parent_of(package.key) == "national-1+a-1"
    assert lineage(package.key) == ("national-1+a-1+b-1", "national-1+a-1", "national-1")
    assert not package.has("room_cleared")
    assert package.rule("talk_held").terms == example().rule("talk_held").terms


def test_a_package_with_an_overlay_is_an_immutable_value_that_can_be_a_key() -> None:
    assert example() == example()
    assert hash(example()) == hash(example())
    assert pickle.loads(pickle.dumps(example())) == example()  # noqa: S301
    assert example() != national()


def test_an_overlay_is_applied_to_its_parent_only() -> None:
    overlay, _ = load_overlay(DATA / "overlay-a-1.toml", parents)

    with pytest.raises(ValueError, match="stands on national-1"):
        apply(example(), overlay)


def test_a_whole_package_is_loaded_by_the_same_door() -> None:
    text = (resources.files("cases") / "packages" / "national-1.toml").read_text("utf-8")

    assert load_any(text, parents) == national()


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "line", "reason", "says"),
    [
        ("[task.talk_held]\nremove = true\n", 5, "core_task", "cannot be removed"),
        ('[task.talk_held]\nstep = "TIME_IN_HAND"\n', 5, "core_task", "step of this task is"),
        ('[task.talk_held]\nclass = "admin"\n', 5, "core_task", "class of this task is"),
        ('[task.intake_talk]\nvisibility = "shared"\n', 5, "core_task", "visibility of this"),
        ('[task.talk_held]\nowner = "coordinator"\n', 5, "core_task", "owner of this task is"),
        ("[task.talk_held]\nrequired = false\n", 5, "core_task", "required of this task belongs"),
        ('[task.talk_held]\nforms = ["group"]\n', 5, "core_task", "forms of this task belongs"),
        ('[task.talk_held]\ndue = ["R - 5 d"]\n', 5, "reason_missing", "say why"),
        ("[task.talk_held]\ndue = []\n", 5, "bad_offset", "at least one term"),
        ('[task.talk_held]\ndue = ["R + 5 d"]\n', 5, "bad_offset", "due before R"),
        ('[task.intake_talk]\ndue = ["T0 + 1 d"]\n', 5, "bad_offset", "hours from T0"),
        ('[task.talk_held]\ndue = ["R - 9"]\n', 5, "bad_offset", "cannot read"),
        ('[task.talk_held]\nreason = "fordi"\n', 5, "unknown_key", "reason belongs to"),
        ('[task.talk_held]\ndue = ["R - 5 d"]\nreason = " "\n', 6, "bad_reason", "a line of"),
        ('[task.talk_held]\nusual_form = "letter"\n', 5, "unknown_value", "must be one of"),
        ('[task.card_printed]\nusual_form = "group"\n', 5, "unknown_value", "takes no form"),
        ('[task.talk_held]\nlabel = { en = "Talk" }\n', 5, "bad_label", "nb is required"),
        ('[task.talk_held]\nbefor = "R"\n', 5, "unknown_key", "befor is not a key"),
        ('[task.talk_held]\nladder = { late = "soon" }\n', 4, "bad_offset", "late"),
        ('[task.talk_held]\nladder = { late_to = "admin" }\n', 4, "unknown_value", "told nothing"),
        ('[ladder]\nlater = "1 wd"\n', 5, "unknown_key", "later is not a key"),
        ('[ladder]\nlead_not_after = "T0 + 3 d"\n', 5, "bad_offset", "a term of R"),
        ('[step.GATE]\nlabel = { nb = "Port" }\n', 4, "unknown_value", "a step must be one of"),
        ("[task.gate]\nremove = true\n", 5, "unknown_task", "no such task"),
        ('[task.gate]\nlabel = { nb = "Port" }\n', 4, "missing_key", "owner is missing"),
        (ROOM.replace('owner = "officer"', 'owner = "police"'), 6, "unknown_value", "owner must"),
        (ROOM.replace('"shared"', '"health"'), 7, "unknown_value", "of owner health"),
        ('[appointments]\nrequired = ["health"]\n', 5, "reason_missing", "lets go of"),
        ("[appointments]\nrequired = []\n", 5, "wrong_type", "at least one kind"),
        ('[appointments]\nrequired = ["GP", "POLICE"]\n', 5, "unknown_value", '"POLICE"'),
        ("[appointments]\nrequired = [[1]]\n", 5, "wrong_type", "a list of kinds"),
        ("[messages]\n", 4, "unknown_key", "messages is not a key"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_file_line_and_rule(
    body: str, line: int, reason: str, says: str
) -> None:
    with pytest.raises(PackageError) as refused:
        load_overlay(HEAD + body, parents, name="a-1.toml")

    assert str(refused.value).startswith(f"a-1.toml:{line}: ")
    assert says in str(refused.value)
    assert (refused.value.reason, refused.value.exit_code) == (reason, 2)


def test_the_file_that_deletes_a_core_task_is_refused_with_its_line() -> None:
    with pytest.raises(PackageError) as refused:
        load_any(DATA / "overlay-deletes-core.toml", parents)

    assert str(refused.value) == (
        "overlay-deletes-core.toml:8: task naloxone_training: a task of the national package cannot"
        " be removed: a case where it does not fit waives it with a reason"
    )


@pytest.mark.parametrize("parent", ["a-1", "a-2", "national-1+a-1", "national-1+a-7+b-1"])
def test_an_overlay_cannot_stand_on_itself_however_far_down(parent: str) -> None:
    head = HEAD.replace('parent = "national-1"', f'parent = "{parent}"')

    with pytest.raises(PackageError) as refused:
        load_overlay(head, parents, name="a-1.toml")

    assert (refused.value.reason, str(refused.value)[:11]) == ("parent_cycle", "a-1.toml:3:")


def test_an_overlay_cannot_call_itself_national() -> None:
    with pytest.raises(PackageError, match="cannot stand on"):
        load_overlay(HEAD.replace('"a-1"', '"national-1"'), parents)


def test_an_unknown_parent_is_refused() -> None:
    with pytest.raises(PackageError) as refused:
        load_overlay(HEAD.replace('"national-1"', '"national-7"'), parents, name="a-1.toml")

    assert (refused.value.reason, str(refused.value)[:11]) == ("unknown_parent", "a-1.toml:3:")


def test_a_key_that_no_column_could_hold_is_refused() -> None:
    long = HEAD.replace('"a-1"', f'"{"a" * 60}-1"')

    with pytest.raises(PackageError, match="longer than 64"):
        load_overlay(long, parents)


def test_what_is_copied_unchanged_from_the_national_file_does_no_harm() -> None:
    body = (
        '[task.talk_held]\nstep = "RELEASE_TALK"\nowner = "officer"\nvisibility = "shared"\n'
        'class = "before_release"\nlabel = { nb = "Utslusingssamtale" }\ndue = ["R - 7 d"]\n'
    )

    (change,) = overlay_of(body).changes

    assert change.strictness is Strictness.SAME


# --- stricter or looser --------------------------------------------------------------------------


def terms(*texts: str) -> tuple[Term, ...]:
    return tuple(read_term(text) for text in texts)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (["R - 7 d"], ["R - 10 d"], Strictness.STRICTER),
        (["R - 7 d"], ["R - 5 d"], Strictness.LOOSER),
        (["R - 5 wd"], ["R - 21 d"], Strictness.STRICTER),
        # A week before is the earlier one, but not across Easter.
        (["R - 5 wd"], ["R - 7 d"], Strictness.LOOSER),
        # The day before, rolled back, is the working day before.
        (["R - 1 wd"], ["R - 1 d"], Strictness.SAME),
        (["T0 + 7 d", "R - 1 wd"], ["T0 + 5 d", "R - 2 wd"], Strictness.STRICTER),
        (["T0 + 7 d", "R - 1 wd"], ["T0 + 5 d"], Strictness.LOOSER),
        (["T0 + 7 d", "R - 1 wd"], ["R - 1 wd", "T0 + 7 d"], Strictness.SAME),
        (["T0 + 7 d"], ["T0 + 7 d", "R - 1 wd"], Strictness.STRICTER),
        (["T0 + 7 d"], ["R - 200 d"], Strictness.LOOSER),
        (
            ["R - 56 d if R - T0 > 90 d", "R - 28 d if R - T0 <= 90 d"],
            ["R - 56 d"],
            Strictness.STRICTER,
        ),
        (
            ["R - 56 d"],
            ["R - 56 d if R - T0 > 300 d", "R - 28 d if R - T0 <= 300 d"],
            Strictness.LOOSER,
        ),
    ],
)  # fmt: skip
def test_stricter_or_looser_is_decided_by_the_terms_else_by_examples(
    before: list[str], after: list[str], found: Strictness
) -> None:
    assert of_terms(terms(*before), terms(*after), TaskClass.BEFORE_RELEASE) is found


def test_clock_hours_are_compared_as_numbers() -> None:
    day = terms("T0 + 24 h")

    assert of_terms(day, terms("T0 + 12 h"), TaskClass.CLINICAL) is Strictness.STRICTER
    assert of_terms(day, terms("T0 + 36 h"), TaskClass.CLINICAL) is Strictness.LOOSER


_TERMS = st.lists(
    st.builds(
        Term,
        st.sampled_from([Anchor.R]),
        st.integers(-60, -1),
        st.sampled_from([Span.DAYS, Span.WORKING_DAYS]),
    )
    | st.builds(Term, st.just(Anchor.T0), st.integers(0, 60), st.just(Span.DAYS)),
    min_size=1,
    max_size=2,
).map(tuple)


@given(_TERMS, _TERMS, st.dates(date(2026, 1, 1), date(2027, 12, 31)), st.integers(0, 180))
def test_what_is_called_stricter_is_never_due_later(
    before: tuple[Term, ...], after: tuple[Term, ...], t0: date, days: int
) -> None:
    found = of_terms(before, after, TaskClass.BEFORE_RELEASE)
    release_on = date.fromordinal(t0.toordinal() + days) if days else None
    was, _ = earliest(before, t0, release_on, t0)
    becomes, _ = earliest(after, t0, release_on, t0)

    if found is not Strictness.LOOSER and was is not None:
        assert becomes is not None
        assert roll_back(becomes) <= roll_back(was)
    if found is Strictness.SAME and becomes is not None:
        assert was is not None
        assert roll_back(becomes) == roll_back(was)


def test_a_requirement_is_stricter_when_it_lets_nothing_go() -> None:
    gp, nav = frozenset({AppointmentKind.GP}), frozenset({AppointmentKind.NAV})
    peer = frozenset({AppointmentKind.PEER_OR_MENTOR})
    health, welfare = NATIONAL_REQUIREMENT

    assert of_requirement(NATIONAL_REQUIREMENT, (welfare, health)) is Strictness.SAME
    assert of_requirement(NATIONAL_REQUIREMENT, (gp, nav)) is Strictness.STRICTER
    assert of_requirement(NATIONAL_REQUIREMENT, (health, welfare, peer)) is Strictness.STRICTER
    assert of_requirement(NATIONAL_REQUIREMENT, (health, welfare | peer)) is Strictness.LOOSER
    assert of_requirement(NATIONAL_REQUIREMENT, (health, peer)) is Strictness.LOOSER


def test_what_was_asked_for_may_be_let_go_with_a_reason() -> None:
    overlay = overlay_of(
        '[appointments]\nrequired = ["health", "PROBATION"]\nreason = "Friomsorgen følger opp"\n'
    )

    assert overlay.required == (NATIONAL_REQUIREMENT[0], frozenset({AppointmentKind.PROBATION}))
    assert overlay.required_reason == "Friomsorgen følger opp"


# --- the preview ---------------------------------------------------------------------------------


def test_the_preview_shows_three_known_cases_before_and_after() -> None:
    short, four_months, two_years = preview(national(), example(), on=date(2026, 9, 1))

    assert [each.example for each in (short, four_months, two_years)] == list(Example)
    assert four_months.release_on == date(2026, 12, 28)
    assert {
        line.task: (
            line.before and iso_local(line.before)[:16],
            line.after and iso_local(line.after)[:16],
            line.effect,
        )
        for line in four_months.changed
    } == {
        "talk_held": ("2026-12-21T15:00", "2026-12-18T15:00", Effect.EARLIER),
        "talk_booked": ("2026-11-30T15:00", "2026-12-07T15:00", Effect.LATER),
        "risk_reviewed": (None, "2026-09-22T15:00", Effect.ADDED),
        "room_cleared": (None, "2026-12-30T15:00", Effect.ADDED),
    }
    # On a release known two days before, every R term is known too late: half of what is left.
    assert {line.task for line in short.changed} == {"risk_reviewed", "room_cleared"}


def test_the_preview_of_nothing_changed_is_all_the_same() -> None:
    for each in preview(national(), package_of(""), on=date(2026, 9, 1)):
        assert each.changed == ()
        assert len(each.lines) == len(national().tasks)


def test_the_preview_shows_what_is_removed() -> None:
    (first, *_) = preview(example(), national(), on=date(2026, 9, 1))

    gone = {line.task for line in first.lines if line.effect is Effect.REMOVED}
    assert gone == {"risk_reviewed", "room_cleared"}
