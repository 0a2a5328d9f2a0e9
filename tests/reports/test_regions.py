"""Which region a unit lies in on a day."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cases import organisation
from reports.regions import REGIONS, Regions, Version

OCTOBER = date(2026, 10, 15)


def test_the_version_in_force_gives_the_region() -> None:
    regions = Regions(["A"], [Version("A", None, "Vest"), Version("A", OCTOBER, "Sør")])

    assert regions.region_on("A", OCTOBER - timedelta(days=1)) == "Vest"
    assert regions.region_on("A", OCTOBER) == "Sør"
    assert regions.moved() == ["A"]


def test_before_its_first_version_a_unit_lies_where_it_began() -> None:
    regions = Regions(["A"], [Version("A", OCTOBER, "Sør")])

    assert regions.region_on("A", date(1900, 1, 1)) == "Sør"
    assert regions.moved() == []


def test_a_unit_without_a_version_lies_elsewhere() -> None:
    assert Regions(["A"], []).region_on("A", OCTOBER) == "Annet"


def test_the_regions_are_those_a_unit_can_have() -> None:
    assert REGIONS == organisation.REGIONS


DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))


@given(
    versions=st.lists(
        st.builds(
            Version,
            st.sampled_from("AB"),
            st.one_of(st.none(), DAYS),
            st.sampled_from(REGIONS),
        ),
        max_size=6,
    ),
    first_on=DAYS,
    length=st.integers(1, 200),
)
def test_within_an_era_no_unit_changes_region(
    versions: list[Version], first_on: date, length: int
) -> None:
    regions = Regions("AB", versions)
    next_on = first_on + timedelta(days=length)

    eras = regions.eras(first_on, next_on)

    assert eras[0][0] == first_on
    assert eras[-1][1] == next_on
    for (_, end), (start, _) in pairwise(eras):
        assert end == start
    for start, end in eras:
        for unit in "AB":
            days = [start + timedelta(days=n) for n in range((end - start).days)]
            assert len({regions.region_on(unit, day) for day in days}) == 1
