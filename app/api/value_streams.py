"""Value streams: which there are, what each is made of, and all side by side."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field

from app.api.explained import Definitions, explanation, items_link
from app.api.filters import WindowFilter
from app.api.flow import LINKS, FlowNumbers, left_out_of_summary, numbers
from app.api.negotiation import csv_documented, csv_response, wants_csv
from app.api.problems import documented
from app.api.session import Db, UnitOfWork
from app.api.types import Answer, Name
from app.api.work_items import WhichStream
from app.domain import errors
from app.domain.value_stream import Category, MovePolicy, Stage, ValueStream, WipPolicy, Zone
from app.domain.working_time import to_plain
from app.flow.summary import FlowSummary
from app.store import value_streams
from app.usecases.measure_streams import StreamsMeasured, measure_streams
from app.usecases.scope import Scope

router = APIRouter(prefix="/api/v1", tags=["value streams"], route_class=UnitOfWork)


class StageOut(Answer):
    """One stage of a value stream."""

    id: int
    name: str
    order: int
    type: str
    category: Category
    zone: Zone
    wip_limit: int | None
    wip_policy: WipPolicy = Field(description="what happens to a move that breaks the limit")
    description: str

    @classmethod
    def of(cls, stream: ValueStream, stage: Stage) -> "StageOut":
        """Render a stage."""
        fields = {name: getattr(stage, name) for name in cls.model_fields if name != "zone"}
        return cls(**fields, zone=stream.zone(stage))


class AllowedMoves(Answer):
    """Where items may go from one stage."""

    from_stage: str
    to_stages: list[str]


class MoveRulesOut(Answer):
    """Which moves the team wants to make."""

    policy: MovePolicy
    allowed: list[AllowedMoves] = Field(description="empty where every move is allowed")
    backward_reason: MovePolicy = Field(description="of a backward move without a reason")


class ServiceLevelOut(Answer):
    """So many percent of the items finish within so many hours."""

    percent: int
    hours: float


class ValueStreamHead(Answer):
    """A value stream, by its key."""

    key: str
    name: str
    description: str
    is_default: bool
    time_zone: str
    definitions_version: int = Field(description="grows when history gets another meaning")
    stages: int = Field(description="how many")
    links: dict[str, str]


class ValueStreamOut(Answer):
    """A value stream with everything that its team has agreed on."""

    key: str
    name: str
    description: str
    is_default: bool
    time_zone: str
    definitions_version: int
    stages: list[StageOut]
    moves: MoveRulesOut
    service_level_expectation: ServiceLevelOut | None
    working_time: dict[str, Any] | None = Field(description="as in a stream file; null: none")

    @classmethod
    def of(cls, stream: ValueStream) -> "ValueStreamOut":
        """Render a stream."""
        level = stream.service_level
        return cls(
            **_head(stream),
            stages=[StageOut.of(stream, stage) for stage in stream.stages],
            moves=_moves(stream),
            service_level_expectation=None
            if level is None
            else ServiceLevelOut(percent=level.percent, hours=level.hours),
            working_time=None if stream.calendar is None else to_plain(stream.calendar),
        )


class AcrossFilter(WindowFilter):
    """Which part of the flow is asked about, of which streams."""

    key: list[Name] | None = Field(None, description="only these streams; repeatable")


class StreamNumbers(FlowNumbers):
    """The numbers of one stream, and where the items behind them are listed."""

    stream: str
    name: str
    last_event_at: datetime | None = Field(description="the newest move in the stream")
    excluded: dict[str, int] = Field(description="items left out of the sample, by reason")
    links: dict[str, str]


class StreamsAnswer(Answer):
    """The same numbers for each stream, and for the items of all of them together."""

    period_start: datetime
    period_end: datetime = Field(description="excluded")
    as_of: datetime
    partial: bool
    definitions: dict[str, str]
    sample_size: int = Field(description="items that the durations of `total` are about")
    excluded: dict[str, int] = Field(description="items left out of the sample, by reason")
    low_confidence: list[str]
    last_event_at: datetime | None = Field(description="the newest move in any of the streams")
    links: dict[str, str] = Field(
        description="the items behind the numbers, stream by stream: `throughput:platform`"
    )
    streams: list[StreamNumbers]
    total: FlowNumbers

    @classmethod
    def of(cls, found: StreamsMeasured) -> "StreamsAnswer":
        """Render what was measured."""
        window = found.streams[0][0].window
        rows = [_numbers(scope, summary) for scope, summary in found.streams]
        return cls(
            period_start=window.start,
            period_end=window.end,
            as_of=window.as_of,
            partial=window.partial,
            definitions={
                **Definitions(
                    start_stage="the first active one of each stream",
                    clock=found.streams[0][0].clock,
                ).model_dump(),
                "total": "counts, WIP and states add up over the streams; averages and percentiles "
                "of times are those of all items together, never means of the streams' own",
            },
            sample_size=found.total.cycle.count,
            excluded=left_out_of_summary(found.total),
            low_confidence=found.total.low_confidence,
            last_event_at=max(
                (each.last_event_at for each in rows if each.last_event_at), default=None
            ),
            links={
                f"{name}:{row.stream}": link for row in rows for name, link in row.links.items()
            },
            streams=rows,
            total=FlowNumbers(**numbers(found.total)),
        )


def _numbers(scope: Scope, summary: FlowSummary) -> StreamNumbers:
    """Render the numbers of one stream."""
    links = {name: items_link(scope, population) for name, population in LINKS.items()}
    explained = explanation(scope, excluded=left_out_of_summary(summary), links=links)
    return StreamNumbers(
        stream=scope.stream.key,
        name=scope.stream.name,
        **{name: explained[name] for name in ("last_event_at", "excluded", "links")},
        **numbers(summary),
    )


def _head(stream: ValueStream) -> dict[str, Any]:
    return {
        "key": stream.key,
        "name": stream.name,
        "description": stream.description,
        "is_default": stream.is_default,
        "time_zone": str(stream.zone_info),
        "definitions_version": stream.definitions_version,
    }


def _moves(stream: ValueStream) -> MoveRulesOut:
    rules, names = stream.moves, [stage.name for stage in stream.stages]
    targets = {
        name: [target for target in names if (name, target) in rules.allowed] for name in names
    }
    return MoveRulesOut(
        policy=rules.policy,
        allowed=[
            AllowedMoves(from_stage=name, to_stages=found)
            for name, found in targets.items()
            if found
        ],
        backward_reason=rules.backward_reason,
    )


@router.get("/stages", summary="List the stages", responses=documented(errors.UnknownStream))
async def list_stages(which: Annotated[WhichStream, Query()], db: Db) -> list[StageOut]:
    """Return the stages of the stream (unsaid: the default one), in order."""
    stream = await value_streams.load(db, which.stream)
    return [StageOut.of(stream, stage) for stage in stream.stages]


@router.get("/value-streams", summary="List the value streams", responses=documented())
async def list_streams(db: Db) -> list[ValueStreamHead]:
    """Return all value streams, the default one first."""
    found = [await value_streams.load(db, key) for key in await value_streams.keys(db)]
    return [
        ValueStreamHead(
            **_head(stream),
            stages=len(stream.stages),
            links={
                "self": f"/api/v1/value-streams/{stream.key}",
                "metrics": f"/api/v1/value-streams/{stream.key}/metrics",
                "value_stream_map": f"/api/v1/value-streams/{stream.key}/value-stream-map",
                "work_items": f"/api/v1/value-streams/{stream.key}/work-items",
            },
        )
        for stream in found
    ]


async def _measured(asked: Annotated[AcrossFilter, Query()], db: Db) -> StreamsMeasured:
    return await measure_streams(db, asked.question(), asked.key)


@router.get(
    "/value-streams/metrics",
    summary="Flow metrics of all value streams",
    response_model=StreamsAnswer,
    responses={
        **csv_documented("one row per stream, and one for all together"),
        **documented(errors.InvalidValue, errors.UnknownStream),
    },
)
async def across_streams(
    found: Annotated[StreamsMeasured, Depends(_measured)], request: Request
) -> StreamsAnswer | Response:
    """Give the core numbers of each value stream side by side, and of all items together."""
    answer = StreamsAnswer.of(found)
    if not wants_csv(request):
        return answer
    rows = [each.model_dump() for each in answer.streams]
    rows.append({"stream": "", "name": "", **answer.total.model_dump()})
    return csv_response(["stream", "name", *FlowNumbers.model_fields], rows, "value-streams")


@router.get(
    "/value-streams/{key}",
    summary="Read a value stream",
    responses=documented(errors.UnknownStream),
)
async def read_stream(
    key: Annotated[Name, Path(description="the value stream's key")], db: Db
) -> ValueStreamOut:
    """Return a value stream with its stages, rules, expectation and working time."""
    return ValueStreamOut.of(await value_streams.load(db, key))
