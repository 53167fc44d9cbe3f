"""A value stream: the ordered stages that work passes through from idea to production."""

import re
from dataclasses import dataclass
from datetime import UTC, tzinfo
from enum import StrEnum
from functools import cached_property

from app.domain.errors import InvalidStream, UnknownStage
from app.domain.working_time import WorkingCalendar

_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")

RESERVED_KEYS = frozenset({"apply", "export", "metrics", "plan"})
"""Words that stand where a stream's key does in the paths of the API."""


class Category(StrEnum):
    """What a stage does to the work in it."""

    WAIT = "wait"
    ACTIVE = "active"
    DONE = "done"


class Zone(StrEnum):
    """Where a stage lies in the flow: before the start, in process, or past the finish."""

    TODO = "todo"
    DOING = "doing"
    DONE = "done"


class WipPolicy(StrEnum):
    """What happens when a move would break a stage's WIP limit."""

    OBSERVE = "observe"
    WARN = "warn"
    ENFORCE = "enforce"


class MovePolicy(StrEnum):
    """What happens when a move breaks a rule about moves."""

    OPEN = "open"
    WARN = "warn"
    ENFORCE = "enforce"


@dataclass(frozen=True, slots=True)
class MoveRules:
    """Which moves a team wants to make.

    `allowed` has pairs of stage names, left and entered; it is empty where `policy` is open.
    `backward_reason` tells what happens to a backward move without a reason.
    """

    policy: MovePolicy = MovePolicy.OPEN
    allowed: frozenset[tuple[str, str]] = frozenset()
    backward_reason: MovePolicy = MovePolicy.OPEN


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """What a team promises: so many percent of its items finish within so many hours."""

    percent: int
    hours: float


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a value stream. `order` is unique in its stream and gives the direction."""

    name: str
    order: int
    type: str
    category: Category
    id: int = 0
    wip_limit: int | None = None
    wip_policy: WipPolicy = WipPolicy.OBSERVE
    description: str = ""


@dataclass(frozen=True)
class ValueStream:
    """Stages in order, with the rules that every flow metric rests on.

    Raises InvalidStream when the key is no word for a path or a reserved one, when names or orders
    repeat, when no stage is done, when none is active, or when a done stage lies before another
    stage.
    """

    key: str
    name: str
    stages: tuple[Stage, ...]
    id: int = 0
    zone_info: tzinfo = UTC
    definitions_version: int = 1
    description: str = ""
    is_default: bool = False
    moves: MoveRules = MoveRules()
    service_level: ServiceLevel | None = None
    calendar: WorkingCalendar | None = None

    def __post_init__(self) -> None:
        """Refuse a stream that could not be addressed, or whose metrics could not be defined."""
        if not _KEY.fullmatch(self.key):
            raise InvalidStream(
                f"stream {self.key!r}: a key has up to 63 small letters, digits and hyphens, and "
                "does not begin with a hyphen"
            )
        if self.key in RESERVED_KEYS:
            reserved = ", ".join(sorted(RESERVED_KEYS))
            raise InvalidStream(f"stream {self.key!r}: these keys are reserved: {reserved}")
        names = [stage.name.casefold() for stage in self.stages]
        orders = [stage.order for stage in self.stages]
        if len(set(names)) < len(names):
            raise InvalidStream(f"stream {self.key!r}: two stages share one name")
        if orders != sorted(set(orders)):
            raise InvalidStream(f"stream {self.key!r}: stage orders must be unique and ascending")
        categories = [stage.category for stage in self.stages]
        if Category.DONE not in categories or Category.ACTIVE not in categories:
            raise InvalidStream(f"stream {self.key!r}: at least one active and one done stage")
        if Category.DONE in categories[: -categories.count(Category.DONE)]:
            raise InvalidStream(f"stream {self.key!r}: done stages come after all others")

    @cached_property
    def start_stage(self) -> Stage:
        """The stage from which an item counts as started: the first active one."""
        return next(stage for stage in self.stages if stage.category is Category.ACTIVE)

    @cached_property
    def start_order(self) -> int:
        """The order of the start stage."""
        return self.start_stage.order

    @cached_property
    def _by_name(self) -> dict[str, Stage]:
        return {stage.name.casefold(): stage for stage in self.stages}

    @property
    def first_stage(self) -> Stage:
        """The stage that a new item enters."""
        return self.stages[0]

    def stage(self, name: str) -> Stage:
        """Return the stage of this name, whatever its case; raises UnknownStage."""
        found = self._by_name.get(name.strip().casefold())
        if found is None:
            raise UnknownStage(name, [stage.name for stage in self.stages])
        return found

    def stage_by_id(self, stage_id: int | None) -> Stage | None:
        """Return the stage that a stored row refers to, None for no stage."""
        return next((stage for stage in self.stages if stage.id == stage_id), None)

    def zone(self, stage: Stage) -> Zone:
        """Tell whether work in this stage is not yet started, in process, or done."""
        if stage.category is Category.DONE:
            return Zone.DONE
        return Zone.TODO if stage.order < self.start_order else Zone.DOING


DEFAULT_STREAM = ValueStream(
    key="default",
    name="Default value stream",
    is_default=True,
    stages=(
        Stage("Backlog", 1, "backlog", Category.WAIT),
        Stage("Analysis", 2, "analysis", Category.ACTIVE),
        Stage("Development", 3, "development", Category.ACTIVE),
        Stage("Testing", 4, "testing", Category.ACTIVE),
        Stage("Deployment", 5, "deployment", Category.ACTIVE),
        Stage("Production", 6, "production", Category.DONE),
    ),
)
"""The six stages that a new installation starts with."""
