"""Data quality: how far the recorded history can be trusted, rule by rule and as one score.

Each rule finds what can be, but mostly is not, how work really goes. A finding is a question to
whoever knows the source, not a verdict, and nothing found is ever left out of a metric.

The score is `100 - sum of weight * min(1, share / 0.2)`, over the rules: a rule takes away its
whole weight when a fifth of what it looks at is found, and proportionally less below. The weights
add up to 100. None when there was nothing to look at.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.flow.calendar import US_PER_DAY, Window, elapsed_us

FULL_LOSS_SHARE = 0.2
JUMP = 3
BATCH = 5
IDLE_DEFAULT_US = 30 * US_PER_DAY
IDLE_PERCENTILE = 0.95
IDLE_MIN_VISITS = 20
SILENCE_FACTOR = 2
SILENCE_MIN_US = US_PER_DAY
SILENCE_MIN_MOVES = 20
SILENCE_MIN_WINDOW_US = 7 * US_PER_DAY


class Counted(StrEnum):
    """What a rule counts."""

    MOVES = "moves"
    ITEMS = "items"
    SOURCES = "sources"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is looked for, among what, why it matters, and how much it weighs in the score."""

    name: str
    counted: Counted
    among: str
    explanation: str
    weight: int


RULES = (
    Rule(
        "silent_sources",
        Counted.SOURCES,
        "sources with moves in the window or with open items",
        f"No move for more than {SILENCE_FACTOR} times the source's longest pause in the window"
        f" (and more than a day; it takes {SILENCE_MIN_MOVES} moves to know its pauses), or none"
        " in a window of a week or more although items of the source are open."
        " Numbers go stale unnoticed: is it still connected?",
        15,
    ),
    Rule(
        "from_mismatch",
        Counted.MOVES,
        "moves whose sender named the stage left",
        "The sender named another stage as the one left than the moves before it tell: moves are"
        " missing, or came in the wrong order. The derived stage is used.",
        10,
    ),
    Rule(
        "teleports",
        Counted.MOVES,
        "moves from one stage to another",
        f"The item went {JUMP} or more stages ahead in one move, past {JUMP - 1} or more: the"
        " skipped stages have no time of it. Was the board updated afterwards?",
        10,
    ),
    Rule(
        "instant_visits",
        Counted.MOVES,
        "moves from one stage to another",
        "The stage was left at the very instant at which it was entered: somebody clicked through,"
        " or an import knew no times. Such visits count, with 0 hours.",
        10,
    ),
    Rule(
        "batch_moves",
        Counted.MOVES,
        "moves into stages that are not done",
        f"{BATCH} or more moves into one stage at the same instant: the board was tidied, and the"
        " times tell when, not when the work was done. A release may deliver many items at once,"
        " so moves into done are not looked at.",
        10,
    ),
    Rule(
        "self_transitions",
        Counted.MOVES,
        "moves in the window",
        "The item was moved to the stage it was in: a repeated delivery, or an edit that was taken"
        " for a move. It counts nowhere.",
        5,
    ),
    Rule(
        "ignored_future",
        Counted.MOVES,
        "moves in the window, and those found",
        "Recorded by `as_of` but dated after it: a clock is ahead. Ignored until its time comes.",
        5,
    ),
    Rule(
        "items_without_transition",
        Counted.ITEMS,
        "items created in the window",
        "The item has never been in a stage, so it waits for ever: was it imported without its"
        " history?",
        10,
    ),
    Rule(
        "created_after_first_transition",
        Counted.ITEMS,
        "items created in the window",
        "The source says that the item was created after its first move. The move is believed, so"
        " lead times are right, but the two came from different clocks.",
        5,
    ),
    Rule(
        "completed_without_start",
        Counted.ITEMS,
        "items finished in the window",
        "Started and finished at the same instant: its cycle time is 0, and pulls percentiles"
        " down. Work that nobody moved until it was done?",
        10,
    ),
    Rule(
        "long_idle",
        Counted.ITEMS,
        "items in process at the window's end",
        "In its stage for longer than 95 % of the stays in doing that ended in the window (of"
        f" fewer than {IDLE_MIN_VISITS} stays: longer than 30 days): stuck, or forgotten and no"
        " longer true. It counts as WIP meanwhile.",
        10,
    ),
)


def idle_rank(stays: int) -> int:
    """Return which of so many stays in doing, from 0, is the longest that is usual.

    As PostgreSQL's `percentile_disc` has it.
    """
    return math.ceil(IDLE_PERCENTILE * stays) - 1


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found: `count` of a `population`, in `items_total` items; `items` names some.

    `items` are their ids, lowest first; `notes` tell what is no item.
    """

    rule: Rule
    population: int
    count: int = 0
    items_total: int = 0
    items: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def share(self) -> float | None:
        """The part of the population that was found; None where there is none."""
        return self.count / self.population if self.population else None

    @property
    def points_lost(self) -> float:
        """What the finding takes away from the score."""
        return self.rule.weight * min(1.0, (self.share or 0.0) / FULL_LOSS_SHARE)


def score(findings: Iterable[Finding]) -> float | None:
    """Return 100 less the points lost; None when no rule had anything to look at."""
    known = tuple(findings)
    if not any(finding.population for finding in known):
        return None
    return max(0.0, 100.0 - sum(finding.points_lost for finding in known))


def rule(name: str) -> Rule:
    """Return the rule of this name."""
    return next(each for each in RULES if each.name == name)


@dataclass(frozen=True, slots=True)
class SourceActivity:
    """The moves in a window of the items of one source; None is this service itself."""

    source: str | None
    moves: int
    last_at: datetime | None
    longest_pause_us: int
    open_items: int

    def is_silent(self, window: Window) -> bool:
        """Tell whether nothing has come at the window's end for longer than is usual.

        The longest pause stands for what is usual, so that nights and weekends are no silence.
        """
        if self.last_at is None:
            return self.open_items > 0 and window.length_us >= SILENCE_MIN_WINDOW_US
        silence = elapsed_us(self.last_at, window.end)
        usual = max(SILENCE_FACTOR * self.longest_pause_us, SILENCE_MIN_US)
        return self.moves >= SILENCE_MIN_MOVES and silence > usual


def silent_sources(sources: Iterable[SourceActivity], window: Window) -> Finding:
    """Return which sources are silent, as notes."""
    known = tuple(sources)
    silent = [each for each in known if each.is_silent(window)]
    return Finding(
        rule("silent_sources"),
        population=len(known),
        count=len(silent),
        notes=tuple(sorted(map(_note, silent))),
    )


def _note(activity: SourceActivity) -> str:
    name = activity.source or "this service"
    if activity.last_at is None:
        return f"{name}: no move in the window, {activity.open_items} open items"
    longest = activity.longest_pause_us / 3.6e9
    return f"{name}: last move {activity.last_at.isoformat()}, longest pause {longest:.1f} h"
