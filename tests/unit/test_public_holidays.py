"""Public holidays are those of the place."""

from datetime import date

import pytest

from app.domain.errors import InvalidValue
from app.store.public_holidays import public_holidays


def test_a_subdivision_has_the_countrys_holidays_and_its_own() -> None:
    germany = public_holidays("DE", None, [2025])
    bavaria = public_holidays("DE", "BY", [2025])
    assert date(2025, 10, 3) in germany
    assert germany < bavaria
    assert date(2025, 1, 6) in bavaria - germany


def test_a_holiday_on_a_weekend_is_made_up_for_where_the_law_says_so() -> None:
    assert date(2026, 7, 3) in public_holidays("US", None, [2026])  # 4 July is a Saturday


def test_only_the_years_asked_for_are_told() -> None:
    assert {day.year for day in public_holidays("FR", None, [2024, 2026])} == {2024, 2026}


@pytest.mark.parametrize(
    ("country", "subdivision", "field", "expected"),
    [
        ("Germany", None, "holidays.country", "an ISO 3166 code"),
        ("de", None, "holidays.country", "an ISO 3166 code"),
        ("DE", "XX", "holidays.subdivision", "BY, HB"),
        ("JP", "13", "holidays.subdivision", "none"),
    ],
)
def test_an_unknown_place_is_refused_with_what_was_expected(
    country: str, subdivision: str | None, field: str, expected: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        public_holidays(country, subdivision, [2025])
    assert refused.value.field == field
    assert expected in refused.value.message
