"""Which items stand behind a number: one condition per population, for the list and the count."""

from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import BindParameter, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import DateTime, Integer, Interval

from app.domain.value_stream import Stage, ValueStream, Zone
from app.flow.calendar import Window
from app.flow.reopening import DEFAULT_FOLLOW_UP

Condition = TextClause
"""What an item must fulfil to belong to a population."""


class Population(StrEnum):
    """The items behind one number of a scope. Those of states are at the window's end."""

    THROUGHPUT = "throughput"
    STARTED = "started"
    CREATED = "created"
    DISCARDED = "discarded"
    REOPENED = "reopened"
    RECOMPLETED = "recompleted"
    DECOMMITTED = "decommitted"
    WIP_NOW = "wip_now"
    WIP_AT_END = "wip_at_end"
    BLOCKED_NOW = "blocked_now"
    OPEN = "open_items"
    BACKLOG = "backlog_items"
    IN_STAGE = "in_stage"
    LEFT_STAGE = "left_stage"
    ENTERED_STAGE = "entered_stage"
    CAME_BACK = "came_back"


AS_OF_NOW = (Population.WIP_NOW, Population.BLOCKED_NOW)
"""Populations of a state at `as_of`, not at the window's end."""

OF_ONE_STAGE = (Population.IN_STAGE, Population.LEFT_STAGE, Population.ENTERED_STAGE)
"""Populations that need a stage."""

_IN_WINDOW = "work_items.{column} >= :starts AND work_items.{column} < :ends"

_MOVED = """EXISTS (
    SELECT FROM stage_transitions t
    WHERE t.work_item_id = work_items.id AND t.voided_at IS NULL
      AND t.timestamp >= :starts AND t.timestamp < :ends
      AND t.from_stage_id IS DISTINCT FROM t.to_stage_id AND {condition})"""

# A later entry into done is one that an earlier entry precedes.
_ENTERED_DONE_AGAIN = """t.to_stage_id = ANY (:done)
      AND NOT coalesce(t.from_stage_id = ANY (:done), false)
      AND EXISTS (
          SELECT FROM stage_transitions first
          WHERE first.work_item_id = work_items.id AND first.voided_at IS NULL
            AND first.to_stage_id = ANY (:done)
            AND (first.timestamp, first.id) < (t.timestamp, t.id))"""

# The first exit from done lies within the follow-up, or no exit does.
_LEFT_DONE_SOON = """EXISTS (
    SELECT FROM stage_transitions t
    WHERE t.work_item_id = work_items.id AND t.voided_at IS NULL
      AND t.from_stage_id = ANY (:done) AND NOT t.to_stage_id = ANY (:done)
      AND t.timestamp < work_items.finished_at + :follow_up AND t.timestamp <= :as_of)"""

# Most items have not moved since, so that their present stage is the answer.
_STAGE_THEN = """CASE WHEN work_items.last_transition_at < :until THEN work_items.current_stage_id
    ELSE (SELECT t.to_stage_id FROM stage_transitions t
          WHERE t.work_item_id = work_items.id AND t.voided_at IS NULL AND t.timestamp < :until
          ORDER BY t.timestamp DESC, t.id DESC LIMIT 1) END"""

_CREATED_THEN = "work_items.effective_created_at < :until"
_LIVE_THEN = "(work_items.cancelled_at IS NULL OR work_items.cancelled_at >= :until)"
_UNFINISHED_THEN = "(work_items.finished_at IS NULL OR work_items.finished_at >= :until)"

_IN_PROCESS_THEN = f"{_LIVE_THEN} AND {_STAGE_THEN} = ANY (:doing)"

# Few items are blocked: their blocks are where to begin.
_BLOCKED_NOW = """work_items.id IN (
    SELECT b.work_item_id FROM item_blocks b
    WHERE b.value_stream_id = :stream_id AND b.voided_at IS NULL
      AND b.started_at <= :as_of AND (b.ended_at IS NULL OR b.ended_at > :as_of))"""

_CONDITIONS = {
    Population.THROUGHPUT: _IN_WINDOW.format(column="finished_at"),
    Population.STARTED: _IN_WINDOW.format(column="started_at"),
    Population.CREATED: _IN_WINDOW.format(column="effective_created_at"),
    Population.DISCARDED: _IN_WINDOW.format(column="cancelled_at")
    + " AND work_items.finished_at IS NULL",
    Population.REOPENED: _MOVED.format(
        condition="t.from_stage_id = ANY (:done) AND NOT t.to_stage_id = ANY (:done)"
    ),
    Population.RECOMPLETED: _MOVED.format(condition=_ENTERED_DONE_AGAIN),
    Population.DECOMMITTED: _MOVED.format(
        condition="t.from_stage_id = ANY (:doing) AND t.to_stage_id = ANY (:todo)"
    ),
    Population.WIP_NOW: _IN_PROCESS_THEN,
    Population.WIP_AT_END: _IN_PROCESS_THEN,
    Population.BLOCKED_NOW: f"{_BLOCKED_NOW} AND {_IN_PROCESS_THEN}",
    Population.OPEN: f"{_CREATED_THEN} AND {_LIVE_THEN} AND {_UNFINISHED_THEN}",
    Population.BACKLOG: f"{_CREATED_THEN} AND {_LIVE_THEN}"
    # 0 stands for no stage: a stream may have no stage in todo, and NULL = ANY ('{}') is false
    f" AND coalesce({_STAGE_THEN}, 0) = ANY (array_append(:todo, 0))",
    # what lies in done is delivered; giving it up afterwards does not take it out
    Population.IN_STAGE: f"({_LIVE_THEN} OR :stage = ANY (:done)) AND {_STAGE_THEN} = :stage",
    Population.LEFT_STAGE: _MOVED.format(condition="t.from_stage_id = :stage"),
    Population.CAME_BACK: _IN_WINDOW.format(column="finished_at") + f" AND {_LEFT_DONE_SOON}",
    Population.ENTERED_STAGE: _MOVED.format(condition="t.to_stage_id = :stage"),
}

_INSTANT = DateTime(timezone=True)


def condition(
    population: Population,
    stream: ValueStream,
    window: Window,
    stage: Stage | None = None,
    follow_up: timedelta = DEFAULT_FOLLOW_UP,
) -> Condition:
    """Return what an item of `work_items` must fulfil to belong to the population.

    The stream and the types are not part of it; they narrow every population alike.
    """
    now = population in AS_OF_NOW
    zones = {
        zone.value: [each.id for each in stream.stages if stream.zone(each) is zone]
        for zone in Zone
    }
    parameters: dict[str, BindParameter[Any]] = {
        "starts": bindparam("starts", window.start, _INSTANT),
        "ends": bindparam("ends", window.end, _INSTANT),
        "until": bindparam(
            "until",
            window.as_of + timedelta(microseconds=1) if now else window.end,
            _INSTANT,
        ),
        "stage": bindparam("stage", stage.id if stage else None, Integer),
        "stream_id": bindparam("stream_id", stream.id, Integer),
        "follow_up": bindparam("follow_up", follow_up, Interval),
        "as_of": bindparam("as_of", window.as_of, _INSTANT),
        **{name: bindparam(name, ids, ARRAY(Integer)) for name, ids in zones.items()},
    }
    sql = _CONDITIONS[population]
    used = [bound for name, bound in parameters.items() if f":{name}" in sql]
    return text(f"({sql})").bindparams(*used)
