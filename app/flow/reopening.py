"""How often what was finished comes back: the reopen rate, by the week of the finish.

A bad week is known as such only later, when its work has come back. So this is counted by when
items were **finished**, not by when they were reopened, and each item is followed for as long.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.flow.buckets import Bucket
from app.flow.times import ItemTimes

DEFAULT_FOLLOW_UP = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class FinishWeek:
    """The items first finished in a bucket, and how many of them came back within the follow-up.

    `immature` tells that not all of them have been followed for the whole time yet: the rate can
    still rise.
    """

    bucket: Bucket
    finished: int
    reopened: int
    immature: bool

    @property
    def rate(self) -> float | None:
        """Reopened / finished; None when nothing was finished."""
        return self.reopened / self.finished if self.finished else None


@dataclass(frozen=True, slots=True)
class ReopenRate:
    """The finish weeks of a window, in order."""

    follow_up: timedelta
    weeks: tuple[FinishWeek, ...]

    @property
    def finished(self) -> int:
        """Items finished in the weeks that are mature."""
        return sum(week.finished for week in self.weeks if not week.immature)

    @property
    def reopened(self) -> int:
        """Those of them that came back."""
        return sum(week.reopened for week in self.weeks if not week.immature)

    @property
    def rate(self) -> float | None:
        """Sum over sum, of the mature weeks alone; None when nothing was finished in them."""
        return self.reopened / self.finished if self.finished else None


def reopen_rate(
    items: Iterable[ItemTimes], buckets: Sequence[Bucket], follow_up: timedelta
) -> ReopenRate:
    """Count, for each bucket, what was finished there and what of it came back in time.

    An item counts as reopened when it first left zone done **within** the follow-up, which is the
    half-open time `[finished, finished + follow_up)`. In the example week one of four items comes
    back after three days: 25 % for any follow-up longer than that.
    """
    known = tuple(items)
    weeks = []
    for bucket in buckets:
        cohort = [item for item in known if item.finished in bucket.window]
        reopened = [item for item in cohort if came_back(item, follow_up)]
        weeks.append(finish_week(bucket, len(cohort), len(reopened), follow_up))
    return ReopenRate(follow_up, tuple(weeks))


def came_back(item: ItemTimes, follow_up: timedelta) -> bool:
    """Tell whether a finished item first left zone done within the follow-up."""
    if item.finished is None or not item.reopened_at:
        return False
    return item.reopened_at[0] < item.finished + follow_up


def finish_week(bucket: Bucket, finished: int, reopened: int, follow_up: timedelta) -> FinishWeek:
    """Put a bucket's counts together, and tell whether they can still change."""
    immature = bucket.end + follow_up > bucket.window.as_of
    return FinishWeek(bucket, finished, reopened, immature)
