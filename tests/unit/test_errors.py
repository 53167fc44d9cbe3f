"""The tree of errors is as drawn, complete, and every error has one status and one name."""

import re

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from app.api import problems
from app.api.problems import documented, status_of
from app.domain import errors
from app.domain.errors import (
    BatchProblem,
    FileProblem,
    InvalidBatch,
    InvalidImport,
    InvalidStreamFile,
    InvalidValue,
    Place,
    UnknownStage,
    UnknownTransition,
    VsmError,
)
from app.store.embedded import EmbeddedDatabaseError

Edge = tuple[str, str]
"""A kind of error, and one below it."""


def edges(parent: type[VsmError]) -> set[Edge]:
    found: set[Edge] = set()
    for child in parent.__subclasses__():
        if child.__module__.startswith(errors.__name__):
            found |= {(parent.__name__, child.__name__)} | edges(child)
    return found


def drawn() -> set[Edge]:
    """Read the tree from the docstring: each name hangs from the last one that stands less deep."""
    above: list[str] = []
    found = set()
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^ {4}([│├└─ ]*)([A-Z]\w+)", line)
        if match:
            depth = len(match[1]) // 4
            above[depth:] = [match[2]]
            if depth:
                found.add((above[depth - 1], match[2]))
    return found


def every_error() -> list[type[VsmError]]:
    assert EmbeddedDatabaseError.__module__.startswith("app.")  # its import puts it into the tree
    known: list[type[VsmError]] = [VsmError, *problems.all_problems()]
    return [kind for kind in known if kind.__module__.startswith("app.")]


def test_the_tree_is_as_drawn() -> None:
    assert drawn() == edges(VsmError)


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_an_error_is_titled_by_one_sentence_of_its_own(kind: type[VsmError]) -> None:
    assert "__doc__" in vars(kind)
    assert re.fullmatch(r"[A-Z].+\.", kind.title())


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_an_error_has_a_name_of_its_own_that_fits_a_url(kind: type[VsmError]) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", vars(kind)["type_name"])


def test_no_two_errors_share_a_name() -> None:
    names = [kind.type_name for kind in every_error()]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_an_error_has_a_status_of_the_4xx_or_5xx(kind: type[VsmError]) -> None:
    assert 400 <= status_of(kind) <= 599


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.InvalidBatch, 422),
        (errors.UnknownStage, 404),
        (errors.ItemCancelled, 409),
        (errors.PreconditionFailed, 412),
        (errors.IdempotencyKeyReused, 422),
        (errors.TooLarge, 413),
        (errors.DatabaseUnavailable, 503),
        (problems.InvalidRequest, 422),
        (problems.NoSuchPath, 404),
        (problems.MethodNotAllowed, 405),
        (problems.InternalError, 500),
        (EmbeddedDatabaseError, 503),
    ],
)
def test_the_nearest_parent_in_the_table_gives_the_status(
    kind: type[VsmError], status: int
) -> None:
    assert status_of(kind) == status


def test_an_error_without_details_says_its_title() -> None:
    error = errors.DatabaseUnavailable()
    assert error.detail == str(error) == "The database cannot be reached; try again."


def test_details_say_what_came_and_what_was_expected() -> None:
    assert InvalidValue("days", "expected at least 1, got 0").detail == (
        "days: expected at least 1, got 0"
    )
    assert UnknownStage("Devel", ["Backlog", "Development"]).detail == (
        "no stage is named 'Devel'; the stages are: Backlog, Development"
    )
    assert UnknownTransition(7, 9).detail == "work item 7 has no transition 9"


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (Place("a.csv"), "a.csv"),
        (Place("a.csv", line=3), "a.csv:3"),
        (Place("a.csv", line=3, column=2), "a.csv:3:2"),
        (Place("a.csv", line=3, column=2, field="to_stage"), "a.csv:3:2 (to_stage)"),
    ],
)
def test_a_place_in_a_file_reads_as_compilers_write_it(place: Place, text: str) -> None:
    assert str(place) == text
    assert str(FileProblem(place, "expected a stage")) == f"{text}: expected a stage"


def test_an_invalid_file_tells_how_many_problems_and_keeps_all() -> None:
    one = FileProblem(Place("a.csv", 2), "expected a stage")
    two = FileProblem(Place("a.csv", 5), "expected an instant")
    assert InvalidImport([one]).detail == "1 problem in the file; first: a.csv:2: expected a stage"
    assert InvalidImport([one, two]).detail.startswith("2 problems in the file; first: a.csv:2")
    assert InvalidImport([one, two]).problems == (one, two)
    assert InvalidStreamFile([one, two]).detail == InvalidImport([one, two]).detail
    assert InvalidStreamFile([one, two]).problems == (one, two)


def test_an_invalid_batch_tells_the_first_problem_and_keeps_all() -> None:
    faults = [BatchProblem(3, "title", "is empty"), BatchProblem(8, "type", "is unknown")]
    assert InvalidBatch(faults).detail == "item 3, title: is empty"
    assert InvalidBatch(faults).problems == tuple(faults)


async def test_an_invalid_value_stream_file_is_answered_with_every_place() -> None:
    found = [
        FileProblem(Place("s.yaml", 2, 5, "version"), "expected 1"),
        FileProblem(Place("s.yaml"), "expected at most 128 KiB"),
    ]
    app = FastAPI()
    problems.install(app, [])

    @app.get("/")
    async def refuse() -> None:
        raise InvalidStreamFile(found)

    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        answer = await client.get("/")
    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/invalid-stream-file"
    assert answer.json()["errors"] == [
        {
            "file": "s.yaml",
            "line": 2,
            "column": 5,
            "field": "version",
            "message": "expected 1",
        },
        {"file": "s.yaml", "field": "", "message": "expected at most 128 KiB"},
    ]


def test_every_documented_route_may_be_malformed_and_its_database_away() -> None:
    assert list(documented()) == [422, 503]


def test_documented_errors_of_one_status_share_its_response_in_the_order_given() -> None:
    answers = documented(errors.UnknownItem, errors.UnknownStage, errors.ItemCancelled)
    assert list(answers) == [404, 409, 422, 503]
    assert answers[404]["description"] == "There is no such work item. There is no such stage."
    content = answers[404]["content"]["application/problem+json"]
    assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert content["examples"]["unknown-stage"]["value"] == {
        "type": "/problems/unknown-stage",
        "title": "There is no such stage.",
        "status": 404,
        "detail": "There is no such stage.",
    }


def test_the_documents_schemas_are_those_that_routes_refer_to() -> None:
    assert set(problems.schemas()) == {"Problem", "FieldProblem"}
