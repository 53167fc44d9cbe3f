"""What is tried again, how often, and what never is."""

import pytest

from app.domain.errors import DatabaseBusy, DatabaseUnavailable, OutcomeUnknown, UnknownItem
from app.store import retry
from app.store.retry import ATTEMPTS, repeated


class Work:
    """A unit of work that fails in these ways, one after the other, and then succeeds."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.runs = 0

    async def __call__(self) -> str:
        self.runs += 1
        if self.failures:
            raise self.failures.pop(0)
        return "done"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "PAUSE", 0)


async def test_what_failed_in_a_way_that_passes_is_done_in_the_end() -> None:
    work = Work(*[DatabaseUnavailable(passing=True)] * (ATTEMPTS - 1))
    assert await repeated(work) == "done"
    assert work.runs == ATTEMPTS


async def test_attempts_end_after_a_few() -> None:
    work = Work(*[DatabaseUnavailable(passing=True)] * (ATTEMPTS + 1))
    with pytest.raises(DatabaseUnavailable):
        await repeated(work)
    assert work.runs == ATTEMPTS


@pytest.mark.parametrize(
    "failure",
    [
        DatabaseUnavailable(),
        DatabaseBusy(),
        OutcomeUnknown(passing=True),
        UnknownItem(7),
        OSError(),
    ],
)
async def test_what_does_not_pass_and_what_may_be_done_already_is_tried_once(
    failure: Exception,
) -> None:
    work = Work(failure)
    with pytest.raises(type(failure)):
        await repeated(work)
    assert work.runs == 1


async def test_an_unknown_outcome_is_tried_again_where_the_second_run_finds_the_first() -> None:
    work = Work(OutcomeUnknown(passing=True))
    assert await repeated(work, finds_itself=lambda: True) == "done"
    assert work.runs == 2


async def test_a_commit_that_took_too_long_is_not_waited_for_again() -> None:
    work = Work(OutcomeUnknown())
    with pytest.raises(OutcomeUnknown):
        await repeated(work, finds_itself=lambda: True)
    assert work.runs == 1
