"""The filters that every flow metric takes, in the same words."""

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import Depends, Query
from pydantic import Field

from app.api.session import Db
from app.api.types import Instant, Name, TimeZone, zone
from app.api.types import Request as RequestModel
from app.domain import errors
from app.domain.value_stream import Stage, ValueStream
from app.domain.work_item import WorkItemType
from app.domain.working_time import Clock
from app.usecases.scope import Question, Scope, resolve

GroupBy = Literal["type"]
"""What an answer can be given apart for."""


class WindowFilter(RequestModel):
    """Which time and which items are asked about, of any stream."""

    days: int | None = Field(None, ge=1, le=90, description="rolling window; unsaid: 7")
    start: Instant | None = Field(None, description="start of the window, included")
    end: Instant | None = Field(None, description="end of the window, excluded; unsaid: `as_of`")
    as_of: Instant | None = Field(None, description="as things stood then; unsaid: now")
    tz: TimeZone | None = Field(None, description="IANA zone; unsaid: the stream's own")
    type: list[WorkItemType] | None = Field(None, description="only these types; repeatable")
    exclude_types: list[WorkItemType] | None = Field(
        None, description="all but these types; repeatable"
    )
    clock: Clock = Field(
        Clock.ELAPSED, description="durations count all time, or the stream's working time"
    )

    def question(self) -> Question:
        """Return the filter as the use cases know it."""
        return Question(
            days=self.days,
            start=self.start,
            end=self.end,
            as_of=self.as_of,
            tz=zone(self.tz) if self.tz else None,
            types=self._types(),
            clock=self.clock,
        )

    def _types(self) -> list[WorkItemType] | None:
        """Return the types asked for, None when all are."""
        if self.type is None and self.exclude_types is None:
            return None
        excluded = self.exclude_types or []
        return [kind for kind in (self.type or list(WorkItemType)) if kind not in excluded]


class FlowFilter(WindowFilter):
    """Which part of the flow of one stream is asked about."""

    stream: Name | None = Field(None, description="value stream; unsaid: the default one")

    def question(self) -> Question:
        """Return the filter as the use cases know it."""
        return replace(super().question(), stream=self.stream)


class GroupFilter(FlowFilter):
    """Which part of the flow of one stream is asked about, and whether each type alone as well."""

    group_by: GroupBy | None = Field(None, description="also for each type of item alone")

    @property
    def by_type(self) -> bool:
        """Tell whether each type is asked for."""
        return self.group_by == "type"


async def _scope(asked: Annotated[FlowFilter, Query()], db: Db) -> Scope:
    return await resolve(db, asked.question())


Scoped = Annotated[Scope, Depends(_scope)]
"""The scope that a request's filter selects."""


def stage_named(stream: ValueStream, name: str | None) -> Stage | None:
    """Return the stage that narrows a listing; an unknown one is a wrong value."""
    if name is None:
        return None
    try:
        return stream.stage(name)
    except errors.UnknownStage as error:
        raise errors.InvalidValue("stage", error.detail) from error
