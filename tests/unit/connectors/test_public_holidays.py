"""Countries and subdivisions of a value stream file are those whose holidays are known."""

import subprocess
import sys

import pytest
from holidays import country_holidays
from holidays.registry import COUNTRIES

from app.connectors.public_holidays import unknown_country, unknown_subdivision


def test_every_country_of_the_library_is_known_by_its_two_letters() -> None:
    assert [names[1] for names in COUNTRIES.values() if unknown_country(names[1])] == []


@pytest.mark.parametrize(
    ("country", "meant"), [("de", "DE"), ("DEU", "DE"), ("United States", "US"), ("UK", "GB")]
)
def test_other_names_of_a_country_lead_to_its_code(country: str, meant: str) -> None:
    message = unknown_country(country)
    assert message is not None
    assert message.endswith(f"did you mean '{meant}'?")


@pytest.mark.parametrize("country", ["DE", "US", "GB", "NO", "AU"])
def test_every_subdivision_of_a_country_is_known(country: str) -> None:
    known = country_holidays(country).subdivisions
    assert known
    assert [each for each in known if unknown_subdivision(country, each)] == []


def test_a_subdivision_by_name_leads_to_its_code() -> None:
    message = unknown_subdivision("GB", "Scotland")
    assert message == "expected one of ENG, NIR, SCT, WLS, got 'Scotland': did you mean 'SCT'?"


def test_the_library_is_imported_only_by_who_names_a_country() -> None:
    code = (
        "import sys, app.cli.commands, app.connectors.stream_file; "
        "sys.exit('holidays' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
