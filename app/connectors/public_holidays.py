"""Countries and their subdivisions whose public holidays are known."""

from app.connectors.texts import normal, shown


def unknown_country(country: str) -> str | None:
    """Tell what is expected instead of this country; None for one that is known."""
    # the library is large: only who names a country waits for it
    from holidays.registry import COUNTRIES  # noqa: PLC0415

    codes = {names[1] for names in COUNTRIES.values()}
    if country in codes:
        return None
    others = {normal(other): names[1] for names in COUNTRIES.values() for other in names}
    return "expected an ISO 3166 code of two capital letters such as DE" + _got(country, others)


def unknown_subdivision(country: str, subdivision: str) -> str | None:
    """Tell what is expected instead of this subdivision; None for one that the country has."""
    from holidays import country_holidays  # noqa: PLC0415 - as above

    known = country_holidays(country)
    if subdivision in known.subdivisions:
        return None
    if not known.subdivisions:
        return f"expected no subdivision: none is known in {country}, take the line out"
    others = {normal(code): code for code in known.subdivisions}
    others |= {normal(name): code for name, code in known.subdivisions_aliases.items()}
    return f"expected one of {', '.join(known.subdivisions)}" + _got(subdivision, others)


def _got(word: str, others: dict[str, str]) -> str:
    """Quote what came, with the code that was meant, where that is plain."""
    meant = others.get(normal(word))
    return f", got {shown(word)}" + (f": did you mean {shown(meant)}?" if meant else "")
