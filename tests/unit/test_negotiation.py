"""Which form of an answer an Accept header asks for."""

import pytest

from app.api.negotiation import CSV, HTML, JSON, csv_response, preferred

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/json", JSON),
        (BROWSER, HTML),
        ("text/html", HTML),
        ("TEXT/HTML", HTML),
        ("text/*", HTML),
        ("application/json, text/html", JSON),
        ("application/json;q=0.5, text/html", HTML),
        ("text/html;q=0, */*", JSON),
        ("image/png", JSON),
        ("text/html;q=nonsense", JSON),
    ],
)
def test_the_form_is_the_one_that_is_liked_best(accept: str, expected: str) -> None:
    assert preferred(accept, (JSON, HTML)) == expected


def test_a_csv_is_asked_for_by_its_media_type() -> None:
    assert preferred("text/csv", (JSON, CSV)) == CSV


def test_a_text_that_looks_like_a_formula_is_defused() -> None:
    answer = csv_response(["title", "n"], [{"title": "=HYPERLINK(1)", "n": -1}], "items")
    assert bytes(answer.body) == b"title,n\r\n'=HYPERLINK(1),-1\r\n"
