"""What each reason of a roster's row means, in words, and what to do about it."""

from __future__ import annotations

from typing import Final

SAID: Final = {
    # Rows that are not taken.
    "inmate_no_missing": "no inmate number: fill it in",
    "inmate_no_unusable": "letters, digits, - and / only, 32 at most: correct the inmate number",
    "date_impossible": "there is no such date: write it like 30.11.2026 or 2026-11-30",
    "date_out_of_reach": "dates are from 1900 to 2100: correct the year",
    "born_in_future": "born after today: correct the date of birth",
    "unit_missing": "no unit: fill it in",
    "unknown_unit": "no such unit, by code, name or alias: see `overlev unit list`",
    "admission_missing": "no date of admission: fill it in",
    "admitted_in_future": "admitted more than a day from now: correct it, or import then",
    "release_before_admission": "released before the admission: correct one of the dates",
    "unknown_kind": "not a basis of release that is known: correct the word or leave it empty",
    "released_in_future": "released after now: correct it, or leave it to the planned date",
    "unknown_protection": "not an address protection that is known: correct it, never guess",
    "more_cells_than_columns": "more cells than the heading has: look for a stray separator",
    "same_key_differs": "the same imprisonment stands twice and differs: keep the right row",
    "already_in_prison": "in prison here since another day: correct the admission",
    "overlaps_earlier_case": "overlaps an earlier imprisonment: correct the admission",
    "unit_not_yours": "the unit is not one of yours: leave it to its own staff",
    # Rows that are taken, with something about them.
    "control_character": "characters that cannot be seen are left out",
    "formula_like": "looks like a formula: taken as text",
    "name_shortened": "the name is cut to 300 characters",
    "national_id_invalid": "wrong check digit: taken without the number",
    "national_id_wrong_mode": "real here where numbers are made up, or the reverse: left out",
    "leading_zero_restored": "a zero that a spreadsheet took is put back",
    "unknown_category": "not a category that is known: left out",
    "kind_assumed": "no basis of release given: taken as full term",
    "unknown_language": "not a language that is known: Norwegian bokmål",
    "phone_not_usable": "no number that SMS can go to: left out",
    "repeated_row": "the same row twice: taken once",
    "unknown_column": "not a column that is known: not read",
    "released_without_case": "released, and never here before: nothing to do",
}
"""By reason code; complete, a test looks."""
