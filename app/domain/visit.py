"""A visit: one uninterrupted stay of an item in a stage, as a half-open interval."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.value_stream import Stage


class Ending(StrEnum):
    """How a visit ended."""

    MOVED = "moved"
    CANCELLED = "cancelled"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Visit:
    """`[entered, exited)` in a stage; `exited` is None exactly while the visit is open."""

    stage: Stage
    entered: datetime
    exited: datetime | None
    ending: Ending
