"""What every flow metric says about itself: which time, which items, by which definitions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from pydantic import Field

from app.api.types import Answer
from app.domain.value_stream import Stage
from app.domain.work_item import WorkItemType
from app.domain.working_time import Clock
from app.flow.calendar import Window
from app.store.populations import Population
from app.usecases.scope import Scope

LEFT_OUT = {
    "cancelled": Population.DISCARDED,
    "in_progress": Population.WIP_AT_END,
    "not_started": Population.BACKLOG,
}
"""Why items are not in a sample of finished ones, and which population lists them."""


class Definitions(Answer):
    """What the words mean here."""

    cycle_time_start: str = "commitment"
    lead_time_start: str = "created"
    start_stage: str = Field(description="an item is started when it first reaches this stage")
    finish: str = "first_done"
    percentile: str = "cont"
    clock: Clock = Field(description="durations count all time, or the stream's working time")
    window: str = "[start,end)"


class Explained(Answer):
    """A flow metric with what it rests on."""

    period_start: datetime
    period_end: datetime = Field(description="excluded")
    timezone: str
    as_of: datetime
    partial: bool = Field(description="more was asked for than had happened by `as_of`")
    before_first_data: bool = Field(description="the window begins before the first item")
    last_event_at: datetime | None = Field(description="the newest move in the stream")
    definitions_version: int
    definitions: Definitions
    sample_size: int = Field(description="items that the durations are about")
    excluded: dict[str, int] = Field(
        description="items left out of the sample, by reason; `links` has each as `excluded:reason`"
    )
    low_confidence: list[str] = Field(description="percentiles that so few items cannot support")
    links: dict[str, str] = Field(description="exactly the items behind each number")


def explanation(
    scope: Scope,
    *,
    sample_size: int = 0,
    excluded: Mapping[str, int] | None = None,
    low_confidence: list[str] | None = None,
    links: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Return the fields of Explained for a scope; the links to what is excluded come by themselves.

    `excluded` has the reasons of LEFT_OUT.
    """
    window, stream = scope.window, scope.stream
    left_out = excluded or {}
    return {
        "period_start": window.start,
        "period_end": window.end,
        "timezone": str(scope.tz),
        "as_of": window.as_of,
        "partial": window.partial,
        "before_first_data": scope.before_first_data,
        "last_event_at": scope.extent.last_event_at,
        "definitions_version": stream.definitions_version,
        "definitions": Definitions(start_stage=stream.start_stage.name, clock=scope.clock),
        "sample_size": sample_size,
        "excluded": dict(left_out),
        "low_confidence": low_confidence or [],
        "links": (links or {})
        | {f"excluded:{reason}": items_link(scope, LEFT_OUT[reason]) for reason in left_out},
    }


def items_link(scope: Scope, population: Population, **more: str) -> str:
    """Return where exactly the items of a population of this scope are listed."""
    others = f"&{urlencode(more)}" if more else ""
    return f"/api/v1/work-items?population={population}&{_scope_text(scope)}{others}"


def scope_link(path: str, scope: Scope) -> str:
    """Return where something else is told about just this scope."""
    return f"/api/v1/{path}?{_scope_text(scope)}"


def _scope_text(scope: Scope) -> str:
    """Write the scope as parameters."""
    types = None if scope.types is None else tuple(scope.types)
    return _scope_parameters(scope.stream.key, scope.window, types)


@lru_cache(maxsize=32)  # an answer has dozens of links, all about one scope
def _scope_parameters(
    stream_key: str, window: Window, types: tuple[WorkItemType, ...] | None
) -> str:
    return urlencode(
        [
            ("stream", stream_key),
            ("start", instant_text(window.start)),
            ("end", instant_text(window.end)),
            ("as_of", instant_text(window.as_of)),
            *_type_parameters(types),
        ]
    )


def _type_parameters(types: Sequence[WorkItemType] | None) -> list[tuple[str, str]]:
    """Return the filter that selects these types; none at all is all but every one."""
    if types is None:
        return []
    if not types:
        return [("exclude_types", str(kind)) for kind in WorkItemType]
    return [("type", str(kind)) for kind in types]


def broken_rules_link(scope: Scope) -> dict[str, str]:
    """Return where the rules broken in this scope are listed, under the name of the number."""
    return {"broken_rules": scope_link("broken-rules", scope)}


def links_to(scope: Scope, *populations: Population) -> dict[str, str]:
    """Return a link for each population, under its name."""
    return {str(each): items_link(scope, each) for each in populations}


def links_to_stages(
    scope: Scope, *populations: Population, stages: Iterable[Stage] | None = None
) -> dict[str, str]:
    """Return a link for each population of each stage, such as `in_stage:Testing`."""
    return {
        f"{each}:{stage.name}": items_link(scope, each, stage=stage.name)
        for stage in (scope.stream.stages if stages is None else stages)
        for each in populations
    }


def instant_text(instant: datetime) -> str:
    """Write an instant as a parameter."""
    return instant.isoformat().replace("+00:00", "Z")
