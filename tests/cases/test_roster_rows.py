from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.model import Protection, ReleaseKind
from cases.roster_columns import RosterHeader
from cases.roster_file import read_roster
from cases.roster_rows import (
    Column,
    KeyState,
    RawRow,
    Remark,
    RosterRow,
    SeenKeys,
    header_remarks,
    typed_row,
    typed_rows,
    unit_index,
    unit_key,
)
from cases.roster_values import (
    KINDS,
    LANGUAGES,
    PROTECTIONS,
    DateFault,
    Moment,
    clean,
    language_of,
    latest_birth_year,
    read_moment,
)
from tests.cases.identity_numbers import first_number
from tests.cases.rosters import DIRTY, FIRST, IMPORTED_AT, SECOND, sample_units

OSLO = ZoneInfo("Europe/Oslo")
UNITS = sample_units()
NATIONAL_ID = "01918445222"  # synthetic: month + 80
BORN_1871 = first_number(7, 3, 71, 520)  # nobody living: a number that is not synthetic
GOOD = {"innsattnr": "102041", "enhet": "oslo", "innsatt": "31.08.2026 07:00"}


def judged(
    now: datetime = IMPORTED_AT, *, demo: bool = True, **cells: str
) -> tuple[RosterRow | None, str | None, list[str]]:
    """A good row with some cells replaced (spaces in names as `_`): row, refusal, warnings."""
    changed = {name.replace("_", " "): text for name, text in cells.items()}
    raw = RawRow(7, {name: text for name, text in (GOOD | changed).items() if text})
    row, rejected, warnings = typed_row(raw, units=UNITS, now=now, demo=demo)
    return (
        row,
        f"{rejected.column}: {rejected.reason}" if rejected else None,
        [f"{warning.column}: {warning.reason}" for warning in warnings],
    )


def taken(now: datetime = IMPORTED_AT, *, demo: bool = True, **cells: str) -> RosterRow:
    row, rejected, _warnings = judged(now, demo=demo, **cells)
    assert row is not None, rejected
    return row


# --- the sample rosters ------------------------------------------------------------------------


def test_every_remark_on_the_dirty_roster_is_the_expected_one() -> None:
    readings = list(typed_rows(read_roster(DIRTY), units=UNITS, now=IMPORTED_AT, demo=True))

    assert [(r.rejected.line, r.rejected.column, r.rejected.reason)
            for r in readings if r.rejected] == [
        (5, "innsatt", "date_impossible"),  # 31.02.2026
        (6, "enhet", "unknown_unit"),
        (43, "innsatt", "admission_missing"),
        (44, "innsattnr", "inmate_no_missing"),
        (45, "planlagt løslatelse", "release_before_admission"),  # 28.07.2025
    ]  # fmt: skip
    assert [(w.line, w.column, w.reason) for r in readings for w in r.warnings] == [
        (3, "mobil", "phone_not_usable"),  # 02800
        (7, "etternavn", "formula_like"),  # =HYPERLINK(…)
        (8, "fødselsnummer", "national_id_invalid"),  # 12345678901
        (10, "innsattnr", "repeated_row"),
        (11, "løslatelsesgrunnlag", "kind_assumed"),  # planned 1.9.26, no kind
        (19, "fødselsnummer", "leading_zero_restored"),
        (20, "fødselsnummer", "leading_zero_restored"),
        (27, "fødselsnummer", "leading_zero_restored"),
        (32, "fødselsnummer", "leading_zero_restored"),
        (41, "fødselsnummer", "leading_zero_restored"),
        (47, "fornavn", "control_character"),  # a tab in the name
        (48, "mobil", "phone_not_usable"),  # 4O123456: a letter
        (49, "språk", "unknown_language"),  # klingon
    ]
    assert len(readings) == 59  # line 46 is blank
    assert sum(r.row is not None for r in readings) == 53
    assert [r.raw.line for r in readings if r.repeated] == [10]


def test_the_taken_rows_of_the_dirty_roster_hold_what_was_meant() -> None:
    readings = typed_rows(read_roster(DIRTY), units=UNITS, now=IMPORTED_AT, demo=True)
    rows = {r.raw.line: r.row for r in readings if r.row is not None}

    assert rows[7].last_name == '=HYPERLINK("http://x","y")'
    assert rows[8].national_id is None
    assert (rows[11].planned_on, rows[11].kind) == (date(2026, 9, 1), "full_term")
    assert rows[11].kind_assumed
    assert rows[4].phone == "+46701234567"
    assert rows[13].admitted_at == datetime(2026, 9, 1, 20, tzinfo=OSLO)  # 12 hours ahead: taken
    assert rows[19].national_id == NATIONAL_ID
    assert rows[47].first_name == "Nor man"
    assert rows[49].language == "nb"


@pytest.mark.parametrize(
    ("path", "now", "rows", "released"),
    [(FIRST, "2026-09-01T08:00+02:00", 120, 0), (SECOND, "2026-09-08T08:00+02:00", 121, 4)],
)
def test_every_row_of_the_clean_rosters_is_taken(
    path: Path, now: str, rows: int, released: int
) -> None:
    readings = list(
        typed_rows(
            read_roster(path), units=UNITS, now=datetime.fromisoformat(now), demo=True
        )
    )  # fmt: skip

    assert [r.rejected for r in readings if r.rejected] == []
    assert [w for r in readings for w in r.warnings] == []
    assert sum(r.row is not None for r in readings) == rows
    assert sum(r.row is not None and r.row.released is not None for r in readings) == released


def test_outside_demo_mode_every_identity_number_of_the_samples_is_of_the_wrong_mode() -> None:
    readings = list(typed_rows(read_roster(FIRST), units=UNITS, now=IMPORTED_AT, demo=False))
    numbered = sum("fødselsnummer" in r.raw.cells for r in readings)

    assert numbered > 30
    assert sum(
        w.reason == "national_id_wrong_mode" for r in readings for w in r.warnings
    ) == numbered  # fmt: skip
    assert all(r.row is not None and r.row.national_id is None for r in readings)


# --- dates -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("01.09.2026", Moment(date(2026, 9, 1))),
        ("1.9.26", Moment(date(2026, 9, 1))),
        ("1. 9. 2026", Moment(date(2026, 9, 1))),
        ("2026-09-01", Moment(date(2026, 9, 1))),
        ("０１.０９.２０２６", Moment(date(2026, 9, 1))),
        ("０１．０９．２０２６", Moment(date(2026, 9, 1))),
        ("01.09.2026 08:00", Moment(date(2026, 9, 1), time(8))),
        ("1.9.26 8.05", Moment(date(2026, 9, 1), time(8, 5))),
        ("01.09.2026 kl. 10.00", Moment(date(2026, 9, 1), time(10))),
        ("01.09.2026, KL 10:00", Moment(date(2026, 9, 1), time(10))),
        ("01.09.2026 00:00", Moment(date(2026, 9, 1), time(0))),
        ("2026-09-01T08:00", Moment(date(2026, 9, 1), time(8))),
        ("2026-09-01 08:00:30", Moment(date(2026, 9, 1), time(8, 0, 30))),
        ("2026-09-01T08:00:30.123", Moment(date(2026, 9, 1), time(8, 0, 30))),
        ("2026-09-01T22:30Z", Moment(date(2026, 9, 2), time(0, 30))),
        ("2026-01-01T08:00+02:00", Moment(date(2026, 1, 1), time(7))),
        ("29.02.2028", Moment(date(2028, 2, 29))),
        ("01.01.1900", Moment(date(1900, 1, 1))),
        ("31.12.2100", Moment(date(2100, 12, 31))),
        ("31.12.1899", DateFault.OUT_OF_REACH),
        ("01.01.2101", DateFault.OUT_OF_REACH),
        ("0001-01-01", DateFault.OUT_OF_REACH),
        ("9999-12-31", DateFault.OUT_OF_REACH),
        ("31.02.2026", DateFault.IMPOSSIBLE),
        ("29.02.2026", DateFault.IMPOSSIBLE),
        ("00.01.2026", DateFault.IMPOSSIBLE),
        ("01.13.2026", DateFault.IMPOSSIBLE),
        ("01.09.2026 24:00", DateFault.IMPOSSIBLE),
        ("01.09.2026 10", DateFault.IMPOSSIBLE),
        ("01.09.226", DateFault.IMPOSSIBLE),
        ("01/09/2026", DateFault.IMPOSSIBLE),
        ("09-01-2026", DateFault.IMPOSSIBLE),
        ("46266", DateFault.IMPOSSIBLE),
        ("i morgen", DateFault.IMPOSSIBLE),
        ("01.09.2026" + " " * 100 + "x", DateFault.IMPOSSIBLE),
    ],
)
def test_a_date_is_read_as_people_write_it(written: str, moment: Moment | DateFault) -> None:
    assert read_moment(written) == moment


@pytest.mark.parametrize(
    ("written", "year"),
    [("1.1.08", 2008), ("1.1.11", 2011), ("1.1.12", 1912), ("1.1.26", 1926), ("1.1.99", 1999)],
)
def test_a_birth_year_of_two_digits_is_that_of_somebody_old_enough_for_prison(
    written: str, year: int
) -> None:
    assert latest_birth_year(IMPORTED_AT) == 2011
    assert taken(fødselsdato=written).born_on == date(year, 1, 1)


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)), st.times())
def test_every_date_and_time_in_reach_is_read_back(day: date, clock: time) -> None:
    clock = clock.replace(microsecond=0)

    assert read_moment(f"{day:%d.%m}.{day.year} {clock:%H:%M:%S}") == Moment(day, clock)
    assert read_moment(f"{day.isoformat()}T{clock.isoformat()}") == Moment(day, clock)
    assert read_moment(f"{day.day}.{day.month}.{day.year}") == Moment(day)


@given(st.text(max_size=30) | st.from_regex(r"[0-9. :TZkl+\-]{1,25}", fullmatch=True))
def test_any_text_is_a_date_in_reach_or_a_fault(written: str) -> None:
    read = read_moment(written)

    assert isinstance(read, DateFault) or 1900 <= read.on.year <= 2101


# --- admission and release ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "instant", "has_clock"),
    [
        ("31.08.2026", datetime(2026, 8, 31, 10, tzinfo=UTC), False),
        ("31.08.2026 23:30", datetime(2026, 8, 31, 21, 30, tzinfo=UTC), True),
        # 2026-03-29 02:30 does not exist: forward by the gap; 2025-10-26 02:30 is the first of two.
        ("29.03.2026 02:30", datetime(2026, 3, 29, 1, 30, tzinfo=UTC), True),
        ("26.10.2025 02:30", datetime(2025, 10, 26, 0, 30, tzinfo=UTC), True),
        ("31.12.2025 23:30", datetime(2025, 12, 31, 22, 30, tzinfo=UTC), True),
    ],
)
def test_an_admission_is_a_norwegian_local_time(
    written: str, instant: datetime, has_clock: bool
) -> None:
    row = taken(innsatt=written)

    assert row.admitted_at == instant
    assert row.admitted_at.tzinfo is UTC
    assert row.admitted_has_clock is has_clock
    assert row.key == ("102041", read_moment(written).on)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("written", "refused"),
    [
        ("02.09.2026 08:00", None),
        ("02.09.2026 08:01", "innsatt: admitted_in_future"),
        ("02.09.2026", "innsatt: admitted_in_future"),  # means 12:00
        ("01.09.2026", None),
        ("", "innsatt: admission_missing"),
        ("31.02.2026", "innsatt: date_impossible"),
        ("31.12.1899", "innsatt: date_out_of_reach"),
    ],
)
def test_an_admission_is_taken_up_to_24_hours_ahead(written: str, refused: str | None) -> None:
    assert judged(innsatt=written)[1] == refused


@pytest.mark.parametrize("zone", [UTC, OSLO])
def test_24_hours_ahead_are_elapsed_hours_also_across_a_daylight_saving_night(
    zone: tzinfo,
) -> None:
    now = datetime(2026, 10, 24, 10, tzinfo=UTC).astimezone(zone)  # 12:00, the night has 25 hours

    assert judged(now, innsatt="25.10.2026 11:00")[1] is None
    assert judged(now, innsatt="25.10.2026 11:01")[1] == "innsatt: admitted_in_future"


@pytest.mark.parametrize(
    ("planned", "refused"),
    [
        ("31.08.2026", None),  # the day of admission
        ("30.08.2026", "planlagt løslatelse: release_before_admission"),
        ("31.13.2026", "planlagt løslatelse: date_impossible"),
        ("01.01.2101", "planlagt løslatelse: date_out_of_reach"),
    ],
)
def test_a_planned_release_is_not_before_the_admission(planned: str, refused: str | None) -> None:
    assert judged(planlagt_løslatelse=planned, løslatelsesgrunnlag="bekreftet")[1] == refused


EARLY = datetime.fromisoformat("2026-09-01T08:00+02:00")
LATE = datetime.fromisoformat("2026-09-01T16:00+02:00")


@pytest.mark.parametrize(
    ("now", "admitted", "released", "expected"),
    [
        (LATE, "31.08.2026", "01.09.2026", "2026-09-01T12:00+02:00"),
        (EARLY, "31.08.2026", "01.09.2026", "2026-09-01T08:00+02:00"),  # the import comes earlier
        (EARLY, "20.08.2026", "31.08.2026 09:15", "2026-08-31T09:15+02:00"),
        (EARLY, "31.08.2026", "02.09.2026", "løslatt: released_in_future"),
        (EARLY, "31.08.2026", "01.09.2026 08:01", "løslatt: released_in_future"),
        (EARLY, "31.08.2026", "30.08.2026", "løslatt: release_before_admission"),
        # Both on one day: stated times decide; an assumed noon gives way, but not into the future.
        (LATE, "01.09.2026 14:00", "01.09.2026 13:00", "løslatt: release_before_admission"),
        (LATE, "01.09.2026 14:00", "01.09.2026", "2026-09-01T14:00+02:00"),
        (LATE, "01.09.2026", "01.09.2026 09:00", "2026-09-01T12:00+02:00"),
        (EARLY, "01.09.2026", "01.09.2026", "løslatt: release_before_admission"),
        (EARLY, "01.09.2026 14:00", "01.09.2026", "løslatt: release_before_admission"),
        (EARLY, "31.08.2026", "32.08.2026", "løslatt: date_impossible"),
    ],
)
def test_a_release_happened_between_the_admission_and_the_import(
    now: datetime, admitted: str, released: str, expected: str
) -> None:
    row, refused, _warnings = judged(now, innsatt=admitted, løslatt=released)

    if row is None:
        assert refused == expected
    else:
        assert row.released_at == datetime.fromisoformat(expected)
        assert row.released == read_moment(released)


@given(
    st.datetimes(datetime(2026, 8, 20), datetime(2026, 9, 5)),  # noqa: DTZ001
    st.booleans(),
    st.datetimes(datetime(2026, 8, 20), datetime(2026, 9, 5)),  # noqa: DTZ001
    st.booleans(),
    st.datetimes(datetime(2026, 8, 20), datetime(2026, 9, 5), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_a_release_that_is_taken_is_never_before_the_admission_nor_after_now(
    admitted: datetime,
    admitted_clock: bool,
    released: datetime,
    released_clock: bool,
    now: datetime,
) -> None:
    row = judged(
        now,
        innsatt=f"{admitted:%d.%m.%Y %H:%M}" if admitted_clock else f"{admitted:%d.%m.%Y}",
        løslatt=f"{released:%d.%m.%Y %H:%M}" if released_clock else f"{released:%d.%m.%Y}",
    )[0]

    if row is not None:
        assert row.released_at is not None
        assert row.admitted_at <= row.released_at <= now
        assert row.admitted_at <= now + timedelta(hours=24)


# --- the other cells ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("102041", "102041"),
        (" 102 041 ", "102041"),
        ("１０２０４１", "102041"),
        ("2026/0041-B", "2026/0041-B"),
        ("0012", "0012"),
        ("Å12", "Å12"),
    ],
)
def test_an_inmate_number_is_text_without_spaces(written: str, read: str) -> None:
    assert taken(innsattnr=written).inmate_no == read


@pytest.mark.parametrize("written", ["=1+1", "-102041", "10;41", "102041!", "9" * 33, "<b>", "🙂"])
def test_an_unusable_inmate_number_refuses_the_row(written: str) -> None:
    assert judged(innsattnr=written)[1] == "innsattnr: inmate_no_unusable"


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("oslo", "oslo"),
        ("OSLO FENGSEL", "oslo"),
        ("Bodø fengsel", "bodo"),
        ("Bodo  fengsel", "bodo"),
        ("Trøgstad fengsel", "trogstad"),
        ("Indre Østfold fengsel, avd. Eidsberg", "eidsberg"),
        ("Skien fengsel", "skien"),
    ],
)
def test_a_unit_is_found_by_code_name_or_alias(written: str, code: str) -> None:
    row = taken(enhet=written)

    assert (row.unit, row.unit_text) == (code, written)


def test_a_unit_that_is_missing_or_unknown_refuses_the_row() -> None:
    assert judged(enhet="")[1] == "enhet: unit_missing"
    assert judged(enhet="Finnes ikke fengsel")[1] == "enhet: unknown_unit"


def test_a_name_that_two_units_share_finds_neither_but_a_code_always_finds_its_own() -> None:
    index = unit_index([
        ("a", "a"), ("Nordre", "a"), ("b", "b"), ("Nordre", "b"), ("a", "b"), ("Søndre", "b"),
    ])  # fmt: skip

    assert index.get(unit_key("nordre")) is None
    assert (index[unit_key("A")], index[unit_key("sondre")]) == ("a", "b")


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("bekreftet", "confirmed"),
        ("Prøveløslatelse", "parole"),
        ("hjemmesoning", "home_detention"),
        ("to tredjedeler", "two_thirds"),
        ("2/3", "two_thirds"),
        ("full tid", "full_term"),
        ("two_thirds", "two_thirds"),
    ],
)
def test_the_kind_of_a_planned_release_is_read(written: str, code: str) -> None:
    row, _refused, warnings = judged(
        planlagt_løslatelse="01.12.2026", løslatelsesgrunnlag=written
    )  # fmt: skip

    assert row is not None
    assert (row.kind, row.kind_assumed, warnings) == (code, False, [])


def test_an_unknown_kind_refuses_the_row_and_a_missing_one_is_full_term() -> None:
    assert judged(løslatelsesgrunnlag="kanskje")[1] == "løslatelsesgrunnlag: unknown_kind"
    row, _refused, warnings = judged(planlagt_løslatelse="01.12.2026")
    assert row is not None
    assert (row.kind, row.kind_assumed) == ("full_term", True)
    assert warnings == ["løslatelsesgrunnlag: kind_assumed"]


def test_without_a_planned_date_nothing_is_assumed() -> None:
    row, _refused, warnings = judged()

    assert row is not None
    assert (row.planned_on, row.kind, row.kind_assumed, warnings) == (None, None, False, [])


@pytest.mark.parametrize(
    ("written", "grade"),
    [
        ("UGRADERT", Protection.UNGRADED),
        ("Fortrolig", Protection.CONFIDENTIAL),
        ("kode 7", Protection.CONFIDENTIAL),
        ("STRENGT_FORTROLIG", Protection.STRICTLY_CONFIDENTIAL),
        ("Strengt fortrolig (kode 6)", Protection.STRICTLY_CONFIDENTIAL),
        ("strengt fortrolig utland", Protection.STRICTLY_CONFIDENTIAL_ABROAD),
    ],
)
def test_address_protection_is_read(written: str, grade: Protection) -> None:
    assert taken(adressesperre=written).protection == grade


@pytest.mark.parametrize("written", ["ja", "kode 5", "hemmelig", "-"])
def test_unknown_address_protection_refuses_the_row(written: str) -> None:
    assert judged(adressesperre=written)[1] == "adressesperre: unknown_protection"


def test_the_words_of_the_roster_lead_to_codes_of_the_domain() -> None:
    assert set(KINDS.values()) == {kind.value for kind in ReleaseKind}
    assert set(PROTECTIONS.values()) == {grade.value for grade in Protection}
    assert "" not in LANGUAGES


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("nb", "nb"),
        ("Norsk", "nb"),
        ("no", "nb"),
        ("nynorsk", "nn"),
        ("Polsk", "pl"),
        ("PL", "pl"),
        ("nb-NO", "nb"),
        ("en_GB", "en"),
        ("nordsamisk", "se"),
        ("bosnisk", "bs"),
        ("dari", "fa"),
        ("klingon", None),
        ("xx", None),
        ("xx-NO", None),
    ],
)
def test_a_language_is_a_code_or_a_norwegian_name(written: str, code: str | None) -> None:
    row, _refused, warnings = judged(språk=written)

    assert language_of(written) == code
    assert row is not None
    assert row.language == (code or "nb")
    assert warnings == ([] if code else ["språk: unknown_language"])


@pytest.mark.parametrize(
    ("written", "demo", "number", "warning"),
    [
        (NATIONAL_ID, True, NATIONAL_ID, None),
        ("019184 45222", True, NATIONAL_ID, None),
        (NATIONAL_ID, False, None, "national_id_wrong_mode"),
        ("1918445222", True, NATIONAL_ID, "leading_zero_restored"),
        ("1918445222", False, None, "national_id_wrong_mode"),
        ("1918445223", True, None, "national_id_invalid"),
        ("12345678901", True, None, "national_id_invalid"),
        ("ukjent", False, None, "national_id_invalid"),
        (BORN_1871, True, None, "national_id_wrong_mode"),
        (BORN_1871, False, BORN_1871, None),
        (BORN_1871[1:], False, BORN_1871, "leading_zero_restored"),
    ],
)
def test_an_identity_number_is_taken_in_its_own_mode_only(
    written: str, demo: bool, number: str | None, warning: str | None
) -> None:
    row, _refused, warnings = judged(demo=demo, fødselsnummer=written)

    assert row is not None
    assert row.national_id == number
    assert warnings == ([f"fødselsnummer: {warning}"] if warning else [])


def test_a_phone_that_cannot_take_sms_is_dropped_with_a_warning() -> None:
    row, _refused, warnings = judged(mobil="02800")

    assert row is not None
    assert row.phone is None
    assert warnings == ["mobil: phone_not_usable"]
    assert taken(mobil="406 12 345").phone == "+4740612345"


def test_an_unknown_category_is_left_out_with_a_warning() -> None:
    assert [taken(kategori=text).category for text in ("dom", "Varetekt", "BOT")] == [
        "dom", "varetekt", "bot",
    ]  # fmt: skip
    row, _refused, warnings = judged(kategori="utlevering")
    assert row is not None
    assert row.category is None
    assert warnings == ["kategori: unknown_category"]


@pytest.mark.parametrize(
    ("written", "read", "warnings"),
    [
        ("Nor\tman", "Nor man", ["fornavn: control_character"]),
        ("Nor\r\nman", "Nor man", ["fornavn: control_character"]),
        ("Nor\x00man", "Nor man", ["fornavn: control_character"]),
        ("Nor\u202eman", "Nor man", ["fornavn: control_character"]),
        ("Nor\ud800man", "Nor man", ["fornavn: control_character"]),
        ("Nor\u00a0man", "Nor man", []),
        ("\ufeffNorman", "Norman", []),
        ("A\u030ase", "Åse", []),
        ("علی\u200cرضا", "علی\u200cرضا", []),
        ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0", ["fornavn: formula_like"]),
        ("@SUM(A1)", "@SUM(A1)", ["fornavn: formula_like"]),
        ("+Kari", "+Kari", ["fornavn: formula_like"]),
        ("\t=1+1", "=1+1", ["fornavn: control_character", "fornavn: formula_like"]),
        ("-", "-", []),
        ("x" * 301, "x" * 300, ["fornavn: name_shortened"]),
    ],
)
def test_a_name_is_kept_as_text(written: str, read: str, warnings: list[str]) -> None:
    row, _refused, told = judged(fornavn=written)

    assert row is not None
    assert (row.first_name, told) == (read, warnings)


def test_a_control_character_in_any_other_cell_is_a_space_too() -> None:
    row, _refused, warnings = judged(innsatt="31.08.2026\t07:00", enhet="Oslo\x0bfengsel")

    assert row is not None
    assert row.admitted_at == datetime(2026, 8, 31, 7, tzinfo=OSLO)
    assert warnings == ["enhet: control_character", "innsatt: control_character"]


def test_a_refused_row_has_one_remark_for_its_first_bad_column_and_no_warning() -> None:
    row, refused, warnings = judged(
        fornavn="=1+1", enhet="ukjent", innsatt="", løslatt="x", adressesperre="x"
    )

    assert (row, refused, warnings) == (None, "enhet: unknown_unit", [])


def test_a_row_with_more_cells_than_columns_is_refused() -> None:
    raw = RawRow(3, dict(GOOD), spilled=True)
    remark = Remark(3, "innsattnr", "more_cells_than_columns")

    assert typed_row(raw, units=UNITS, now=IMPORTED_AT, demo=True) == (None, remark, [])


@given(st.dictionaries(st.sampled_from([column.value for column in Column]), st.text(max_size=40)))
def test_any_cells_give_a_row_or_one_remark(cells: dict[str, str]) -> None:
    for raw in (RawRow(2, cells), RawRow(2, GOOD | cells)):
        row, rejected, warnings = typed_row(raw, units=UNITS, now=IMPORTED_AT, demo=True)

        assert (row is None) is (rejected is not None)
        assert rejected is None or warnings == []
        if row is not None:
            assert clean(row.first_name) == (row.first_name, False)
            row.first_name.encode()


def test_people_do_not_show_in_logs_and_tracebacks() -> None:
    row = taken(fornavn="Kari", fødselsnummer=NATIONAL_ID, mobil="40612345")

    for secret in ("Kari", NATIONAL_ID, "40612345", "102041"):
        assert secret not in repr(row)
        assert secret not in repr(RawRow(2, {"fornavn": secret}))


# --- the file as a whole -----------------------------------------------------------------------


def states(*rows: dict[str, str]) -> list[str]:
    raw = (RawRow(line, GOOD | cells) for line, cells in enumerate(rows, start=2))
    readings = typed_rows(raw, units=UNITS, now=IMPORTED_AT, demo=True)
    return [
        "taken" if r.row else "repeated" if r.repeated else r.rejected.reason if r.rejected else ""
        for r in readings
    ]


def test_a_row_said_again_is_repeated_and_one_that_differs_is_refused() -> None:
    assert states({}, {}) == ["taken", "repeated"]
    assert states({}, {"fornavn": "Kari"}, {}) == ["taken", "same_key_differs", "repeated"]
    assert states({}, {"innsatt": "31.08.2026 08:00"}) == ["taken", "same_key_differs"]
    assert states({}, {"innsatt": "30.08.2026"}) == ["taken", "taken"]
    assert states({}, {"innsattnr": "102042"}) == ["taken", "taken"]


def test_the_same_said_in_other_writing_is_the_same() -> None:
    assert states(
        {"mobil": "40612345", "fornavn": "Kari"},
        {"mobil": "+47 406 12 345", "innsatt": "2026-08-31T07:00", "enhet": "Oslo fengsel",
         "fornavn": "Kari\t"},
    ) == ["taken", "repeated"]  # fmt: skip


def test_a_refused_row_takes_no_key() -> None:
    assert states({"enhet": "ukjent"}, {}, {"enhet": "ukjent"}) == [
        "unknown_unit", "taken", "unknown_unit",
    ]  # fmt: skip


def test_seen_keys_hold_no_person_data() -> None:
    seen = SeenKeys()

    assert seen.meet(taken(fornavn="Kari")) is KeyState.NEW
    assert [len(part) for pair in seen._seen.items() for part in pair] == [16, 16]


def test_columns_that_are_not_read_give_one_warning_at_the_header() -> None:
    header = RosterHeader(1, ("innsattnr", "", "", ""), ("Celle", "Merknad"), 5)

    assert header_remarks(header) == [Remark(1, "Celle, Merknad", "unknown_column")]
    assert header_remarks(RosterHeader(1, ("innsattnr", ""), (), 5)) == []
    own = header_remarks(header, own={"Celle"})
    assert own == [Remark(1, "Merknad", "unknown_column")], "of our own nobody is told"
