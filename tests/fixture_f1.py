"""Seven items in one week that go every way an item can go, with figures worked out by hand.

The days d1 to d8 are midnights in UTC; d1 is Monday 2025-03-03, and the week 2025-W10 is [d1, d8).
"""

from datetime import UTC, datetime, timedelta

from app.domain.transition import Transition
from app.domain.value_stream import DEFAULT_STREAM
from app.domain.work_item import ItemHistory, WorkItemType
from app.flow.calendar import Window

HOUR_US = 3_600_000_000


def at(day: int, hour: int = 0) -> datetime:
    """Day 1 is the Monday on which the week of the fixture begins."""
    return datetime(2025, 3, 3, tzinfo=UTC) + timedelta(days=day - 1, hours=hour)


def history(
    *moves: tuple[str, datetime],
    title: str = "item",
    kind: WorkItemType = WorkItemType.FEATURE,
    created: datetime | None = None,
    cancelled: datetime | None = None,
) -> ItemHistory:
    """Write an item as its moves; without `created` it is created by the first one listed."""
    return ItemHistory(
        title=title,
        type=kind,
        created_at=moves[0][1] if created is None else created,
        transitions=tuple(Transition(stage, timestamp) for stage, timestamp in moves),
        cancelled_at=cancelled,
    )


d1, d2, d3, d4, d5, d6, d7, d8 = (at(day) for day in range(1, 9))

FORWARD = history(
    ("Backlog", d1),
    ("Analysis", d2),
    ("Development", d3),
    ("Testing", d5),
    ("Deployment", at(5, 12)),
    ("Production", d6),
    title="A: forward",
)
SKIP_AND_REWORK = history(
    ("Backlog", at(1, 12)),
    ("Development", at(2, 12)),
    ("Testing", d4),
    ("Development", at(4, 12)),
    ("Testing", d6),
    ("Production", at(7, 12)),
    title="B: skips Analysis, is sent back by Testing",
)
LATE_ENTRY = history(
    ("Testing", d3),
    ("Production", d4),
    title="C: enters at Testing",
    kind=WorkItemType.BUG,
)
REOPENED = history(
    ("Backlog", d1),
    ("Development", at(1, 6)),
    ("Production", at(2, 6)),
    ("Testing", at(5, 6)),
    ("Production", at(6, 6)),
    title="D: finished, reopened, finished again",
    kind=WorkItemType.BUG,
)
CANCELLED = history(
    ("Backlog", d2),
    ("Analysis", d3),
    cancelled=d5,
    title="E: cancelled in Analysis",
    kind=WorkItemType.TASK,
)
NEVER_STARTED = history(
    ("Backlog", d2),
    title="G: never started",
    kind=WorkItemType.EPIC,
)
PARKED = history(
    ("Backlog", d3),
    ("Analysis", d4),
    ("Development", d5),
    ("Backlog", d6),
    ("Development", d7),
    title="H: parked for a day, still open",
    kind=WorkItemType.TASK,
)

F1 = (FORWARD, SKIP_AND_REWORK, LATE_ENTRY, REOPENED, CANCELLED, NEVER_STARTED, PARKED)
F1_STREAM = DEFAULT_STREAM
F1_WEEK = Window(start=d1, end=d8, as_of=d8)
