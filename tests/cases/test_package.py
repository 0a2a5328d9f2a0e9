"""The national package as data, and what the loader refuses."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import FrozenInstanceError
from importlib import resources
from pathlib import Path

import pytest

from cases.model import Owner, Role, Step, TaskClass, Visibility
from cases.package import CORE_TASKS, PackageError, load_package, national

TEXT = (resources.files("cases") / "packages" / "national-1.toml").read_text(encoding="utf-8")


def line_of(text: str, start: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), start=1) if line.startswith(start))


def refusal(old: str, new: str, *, count: int = 1) -> tuple[PackageError, str]:
    """What the loader says about the national package with one passage replaced."""
    assert old in TEXT
    changed = TEXT.replace(old, new, count)
    with pytest.raises(PackageError) as refused:
        load_package(changed, name="national-1.toml")
    return refused.value, changed


def test_the_national_package_is_the_table_of_the_domain() -> None:
    H, O, C, A = Owner.HEALTH, Owner.OFFICER, Owner.COORDINATOR, Owner.ANY  # noqa: E741
    intake, info, talk, hand = Step
    table = [
        (intake, "intake_talk", H, "health", TaskClass.CLINICAL),
        (intake, "offer_answered", H, "shared", TaskClass.ADMIN),
        (info, "brief_info", A, "shared", TaskClass.BEFORE_RELEASE),
        (info, "naloxone_training", H, "shared", TaskClass.BEFORE_RELEASE),
        (talk, "talk_booked", C, "shared", TaskClass.BEFORE_RELEASE),
        (talk, "talk_held", O, "shared", TaskClass.BEFORE_RELEASE),
        (hand, "requests_sent", C, "shared", TaskClass.BEFORE_RELEASE),
        (hand, "appointments_confirmed", C, "shared", TaskClass.BEFORE_RELEASE),
        (hand, "card_printed", C, "shared", TaskClass.BEFORE_RELEASE),
        (hand, "handed_over", O, "shared", TaskClass.ADMIN),
    ]

    package = national()

    assert (package.key, package.number) == ("national-1", 1)
    assert [(r.step, r.code, r.owner, r.visibility, r.klass) for r in package.tasks] == table
    assert all(rule.required for rule in package.tasks)


def test_answers_and_forms_are_allowed_where_the_domain_names_them() -> None:
    package = national()

    assert {r.code: r.answers for r in package.tasks if r.answers} == {
        "intake_talk": ("at_risk", "not_at_risk", "unknown"),
        "handed_over": ("card_and_spray", "card_only", "spray_only"),
    }
    assert {r.code for r in package.tasks if r.forms} == {
        "intake_talk",
        "brief_info",
        "naloxone_training",
        "talk_held",
    }
    assert {r.code for r in package.tasks if r.open_on_not_now} == {"brief_info"}


def test_notices_go_to_the_owner_and_those_about_tasks_of_anybody_to_the_coordinator() -> None:
    told = {rule.code: (rule.owner_role, rule.owner_lead) for rule in national().tasks}

    assert told["intake_talk"] == (Role.HEALTH, Role.HEALTH_LEAD)
    assert told["brief_info"] == (Role.COORDINATOR, Role.UNIT_LEAD)
    assert told["talk_held"] == (Role.OFFICER, Role.UNIT_LEAD)
    assert told["card_printed"] == (Role.COORDINATOR, Role.UNIT_LEAD)


def test_every_label_exists_in_three_languages_and_bokmal_stands_in_for_the_others() -> None:
    package = national()

    assert package.step_labels(Step.TIME_IN_HAND).in_language("nb") == "Time i hånden"
    assert package.rule("talk_held").labels.in_language("nn") == "Lauslatingssamtale halden"
    assert package.rule("talk_held").labels.in_language("se") == "Løslatelsessamtale holdt"
    for labels in [r.labels for r in package.tasks] + [s.labels for s in package.steps]:
        assert [language for language, _ in labels.texts] == ["nb", "nn", "en"]
    texts = Counter(text for rule in package.tasks for _, text in rule.labels.texts)
    assert max(texts.values()) <= 2, "two tasks of the same name cannot be told apart"


def test_a_package_is_an_immutable_value_that_can_be_a_key() -> None:
    package = national()

    with pytest.raises(FrozenInstanceError):
        package.number = 2  # type: ignore[misc]
    assert load_package(TEXT) == package
    assert hash(load_package(TEXT)) == hash(package)
    assert pickle.loads(pickle.dumps(package)) == package  # noqa: S301
    assert national() is package


def test_a_package_is_read_from_a_file_too(tmp_path: Path) -> None:
    file = tmp_path / "national-1.toml"
    file.write_text(TEXT, encoding="utf-8")

    assert load_package(file) == national()


def test_a_unit_may_add_a_task() -> None:
    added = TEXT + (
        '\n[task.room_cleared]\nstep = "TIME_IN_HAND"\nowner = "officer"\nvisibility = "shared"\n'
        'class = "admin"\nrequired = false\nlabel = { nb = "Rom ryddet" }\ndue = ["R + 2 d"]\n'
    )

    rule = load_package(added).rule("room_cleared")

    assert (rule.before, rule.required, rule.owner) == (None, False, Owner.OFFICER)
    assert rule.labels.in_language("en") == "Rom ryddet"


def test_a_wrong_owner_is_refused_with_file_line_and_the_owners_there_are() -> None:
    error, text = refusal('owner = "officer"', 'owner = "police"')

    line = line_of(text, 'owner = "police"')
    assert str(error) == (
        f"national-1.toml:{line}: task talk_held: owner must be one of"
        ' health, officer, coordinator, any, not "police"'
    )
    assert (error.reason, error.field, error.status, error.exit_code) == (
        "unknown_value",
        "owner",
        422,
        2,
    )


@pytest.mark.parametrize(
    ("old", "new", "reason", "says"),
    [
        ('before = "T0 + 18 h"', 'befor = "T0 + 18 h"', "unknown_key", "befor is not a key"),
        ('before = "T0 + 18 h"', 'before = "T0 + 18"', "bad_offset", 'cannot read "T0 + 18"'),
        ('before = "R"', 'before = "R - 56 d if R - T0 > 90 d"', "bad_offset", "before"),
        ('due = ["T0 + 24 h"]', 'due = ["T0 + 2 d"]', "bad_offset", "counts in hours from T0"),
        ('due = ["T0 + 24 h"]', 'due = ["R - 24 h"]', "bad_offset", "counts in hours from T0"),
        ('due = ["T0 + 3 wd"]', 'due = ["T0 + 3 weeks"]', "bad_offset", 'read "T0 + 3 weeks"'),
        ('due = ["T0 + 3 wd"]', 'due = ["T0 + 12345 d"]', "bad_offset", "12345"),
        ('due = ["T0 + 3 wd"]', 'due = ["T0 + ３ wd"]', "bad_offset", "cannot read"),
        ('due = ["T0 + 3 wd"]', 'due = ["T0 + 3 h"]', "bad_offset", "counts in days"),
        ('due = ["T0 + 3 wd"]', "due = []", "bad_offset", "at least one term"),
        ('due = ["T0 + 3 wd"]', "due = [3]", "wrong_type", "list of texts"),
        ('due = ["T0 + 3 wd"]', 'due = "T0 + 3 wd"', "wrong_type", "due must be a list"),
        ('due = ["R - 7 d"]', 'due = ["R + 7 d"]', "bad_offset", "due before R"),
        ('due = ["R - 7 d"]', 'due = ["R - 0 d"]', "bad_offset", "due before R"),
        (
            'due = ["T0 + 7 d", "R - 1 wd"]',
            'due = ["T0 + 7 d if R - T0 > 9 d"]',
            "bad_offset",
            "only a term of R",
        ),
        (', "R - 28 d if R - T0 <= 90 d"', "", "bad_offset", "go together"),
        ('class = "clinical"', 'class = "admin"', "core_task", "class of this core task"),
        ('visibility = "health"', 'visibility = "shared"', "core_task", "visibility of this core"),
        ('step = "RELEASE_TALK"', 'step = "TIME_IN_HAND"', "core_task", "step of this core"),
        ('step = "RELEASE_TALK"', 'step = "release"', "unknown_value", "step must be one of"),
        ('step = "RELEASE_TALK"\n', "", "missing_key", "step is missing"),
        ('{ nb = "Tilbudet besvart", ', "{ ", "bad_label", "nb is required"),
        ('nb = "Tilbudet besvart"', 'nb = "  "', "bad_label", "nb must be a line of text"),
        ('nb = "Tilbudet besvart"', 'nb = "a\\u0000b"', "bad_label", "must be a line of text"),
        ('nn = "Tilbodet svart på"', '"nn-NO" = "x"', "bad_label", "no language code"),
        ('forms = ["group", "individual"]', 'forms = ["alone"]', "unknown_value", "forms must"),
        (
            'forms = ["group", "individual"]',
            'forms = ["group", "group"]',
            "unknown_value",
            "twice",
        ),
        ("open_on_not_now = true", "open_on_not_now = 1", "wrong_type", "true or false"),
        ("number = 1", "number = true", "wrong_type", "number must be a whole number"),
        ("number = 1", "number = 2", "bad_key", "must end with the number"),
        ("number = 1", "number = 1\nname = 1", "unknown_key", "name is not a key"),
        ('late = "24 h"', 'late = "soon"', "bad_offset", 'cannot read "soon"'),
        ('late = "24 h"', 'early = "24 h"', "unknown_key", "early is not a key"),
        ('late_to = "coordinator"', 'late_to = "admin"', "unknown_value", "told nothing"),
        ('lead_not_after = "R - 3 wd"', 'lead_not_after = "T0 + 3 d"', "bad_offset", "of R"),
        ('lead_not_after = "R - 3 wd"', 'lead_not_after = "R - 3 h"', "bad_offset", "in days"),
        ("[task.talk_booked]", "[task.Talk-booked]", "bad_key", "small letters"),
        ("[step.RELEASE_TALK]", "[step.TALK]", "unknown_value", "a step must be one of"),
        ("[task.intake_talk]", "[task]\nx = 1\n[task.intake_talk]", "wrong_type", "be a table"),
        ('key = "national-1"', 'key = "national-1', "not_toml", "is not TOML"),
    ],
)
def test_a_mistake_is_refused_with_its_line_and_rule(
    old: str, new: str, reason: str, says: str
) -> None:
    error, text = refusal(old, new)

    assert error.reason == reason
    assert says in str(error)
    name, line, _ = str(error).split(":", 2)
    assert name == "national-1.toml"
    if reason != "not_toml":
        lines = text.splitlines()
        changed_on = TEXT[: TEXT.index(old)].count("\n") + 1
        headers = [n for n, each in enumerate(lines, start=1) if each.startswith("[")]
        first = max((n for n in headers if n <= changed_on), default=1)
        beyond = min((n for n in headers if n > changed_on + 1), default=len(lines) + 1)
        assert first <= int(line) < beyond, "the line named lies in another table"


@pytest.mark.parametrize("code", CORE_TASKS)
def test_no_core_task_can_be_left_out(code: str) -> None:
    start = TEXT.index(f"[task.{code}]")
    end = TEXT.find("\n[", start)
    without = TEXT[:start] + (TEXT[end + 1 :] if end > 0 else "")

    with pytest.raises(PackageError, match=f"task {code} is missing") as refused:
        load_package(without)
    assert refused.value.reason == "missing_core_task"


def test_a_step_without_label_is_refused() -> None:
    start = TEXT.index("[step.TIME_IN_HAND]")
    end = TEXT.index("\n[", start)

    with pytest.raises(PackageError, match="step TIME_IN_HAND is missing"):
        load_package(TEXT[:start] + TEXT[end + 1 :])


def test_a_task_declared_twice_is_refused_at_the_second() -> None:
    twice = TEXT + '\n[task.talk_held]\nstep = "RELEASE_TALK"\n'

    with pytest.raises(PackageError) as refused:
        load_package(twice, name="unit.toml")

    last = len(twice.splitlines()) - 1
    assert str(refused.value) == f"unit.toml:{last}: task talk_held: declared twice"


def test_a_file_that_is_no_text_is_refused_and_so_is_a_missing_one(tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(PackageError, match=r"broken\.toml: cannot be read"):
        load_package(file)
    with pytest.raises(PackageError, match=r"none\.toml: cannot be read"):
        load_package(tmp_path / "none.toml")


def test_a_refusal_survives_the_way_out_of_a_child_process() -> None:
    error, _ = refusal('owner = "officer"', 'owner = "police"')

    back = pickle.loads(pickle.dumps(error))  # noqa: S301

    assert (type(back), str(back), back.reason) == (PackageError, str(error), error.reason)


def test_a_task_that_is_not_in_the_package_is_a_key_error() -> None:
    assert not national().has("room_cleared")
    with pytest.raises(KeyError):
        national().rule("room_cleared")


def test_only_the_intake_talk_is_hidden_from_correctional_roles() -> None:
    assert [r.code for r in national().tasks if r.visibility is Visibility.HEALTH] == [
        "intake_talk"
    ]
