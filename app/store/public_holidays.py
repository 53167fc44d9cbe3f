"""Public holidays by country, from the `holidays` package: a table in code, nothing is fetched."""

from collections.abc import Iterable
from datetime import date

from app.domain.errors import InvalidValue


def public_holidays(country: str, subdivision: str | None, years: Iterable[int]) -> frozenset[date]:
    """Return the public holidays of a country (ISO 3166-1) or its subdivision (ISO 3166-2).

    Days in lieu of holidays that fall on a weekend are among them where the law gives them. Years
    from before a country's record begins have none. Raises InvalidValue for an unknown place.
    """
    import holidays  # noqa: PLC0415 - takes a second, and few streams need it

    known = holidays.list_supported_countries(include_aliases=False)
    if country not in known:
        raise InvalidValue(
            "holidays.country", f"expected an ISO 3166 code such as DE or US, got {country!r}"
        )
    if subdivision is not None and subdivision not in known[country]:
        expected = ", ".join(known[country]) or "none, since this country has none"
        raise InvalidValue("holidays.subdivision", f"expected {expected}, got {subdivision!r}")
    return frozenset(holidays.country_holidays(country, subdiv=subdivision, years=years))
