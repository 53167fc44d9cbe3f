"""Value streams as code: plan and apply a file, export what is in force, see what was applied."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from app.api.flow import FlowMetrics
from app.api.negotiation import JSON, negotiated
from app.api.problems import InvalidRequest, documented
from app.api.session import KEYED, Db, UnitOfWork
from app.api.types import Answer, Instant, Name
from app.api.types import Request as RequestModel
from app.domain import errors
from app.domain.stream_changes import Change, ChangeKind
from app.domain.stream_definition import StreamDefinition
from app.store import configuration
from app.usecases import configure, plan_streams
from app.usecases.configure import Applied, AppliedStream
from app.usecases.export_streams import export
from app.usecases.plan_streams import Measured, Plan, PlannedStream

router = APIRouter(prefix="/api/v1/value-streams", tags=["value streams"], route_class=UnitOfWork)

YAML = "application/yaml"
READABLE = (YAML, "text/yaml", "application/x-yaml", "text/x-yaml", JSON)
"""What a body may be called; JSON is YAML, too."""

_REFUSALS = (
    errors.InvalidStreamFile,
    errors.InvalidStream,
    errors.InvalidValue,
    errors.StageInUse,
    errors.IdempotencyKeyReused,
)
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            YAML: {"schema": {"type": "string"}},
            JSON: {"schema": {"type": "object"}},
        },
    }
}


class HowToApply(RequestModel):
    """From when on new WIP limits count, and what the file is called."""

    effective_from: Instant | None = Field(
        None, description="new WIP limits count from here on; unsaid: now. Never in the future"
    )
    file: Name = Field("value-streams.yaml", description="name of the file, for messages")


class WhichStreams(RequestModel):
    """Which value streams."""

    key: list[Name] = Field([], description="only these, repeatable; unsaid: all")


class ChangeOut(Answer):
    """One difference between a stream in force and its definition."""

    kind: ChangeKind
    stage: str | None = Field(description="the stage's name after the change")
    before: Any
    after: Any
    text: str = Field(description="the same in words")

    @classmethod
    def of(cls, change: Change) -> "ChangeOut":
        """Render a change."""
        return cls(
            kind=change.kind,
            stage=change.stage,
            before=change.before,
            after=change.after,
            text=str(change),
        )


class AppliedStreamOut(Answer):
    """What was changed in one stream."""

    key: str
    created: bool
    definitions_version: int = Field(description="grows when the past is read in another way")
    changes: list[ChangeOut]

    @classmethod
    def of(cls, applied: AppliedStream) -> "AppliedStreamOut":
        """Render what was applied to a stream."""
        return cls(
            key=applied.stream.key,
            created=applied.created,
            definitions_version=applied.stream.definitions_version,
            changes=[ChangeOut.of(change) for change in applied.changes],
        )


class AppliedOut(Answer):
    """What was changed; `changed` is false when all was so already."""

    changed: bool
    streams: list[AppliedStreamOut]

    @classmethod
    def of(cls, applied: Applied) -> "AppliedOut":
        """Render what was applied."""
        streams = [AppliedStreamOut.of(each) for each in applied.streams]
        return cls(changed=applied.changed, streams=streams)


class PlannedStreamOut(AppliedStreamOut):
    """What would be changed in one stream, and last quarter's metrics as they are and would be."""

    before: FlowMetrics | None = Field(description="null for a new stream, and for no changes")
    after: FlowMetrics | None

    @classmethod
    def planned(cls, planned: PlannedStream) -> "PlannedStreamOut":
        """Render the plan of a stream."""
        return cls(
            **dict(AppliedStreamOut.of(planned.applied)),
            before=_metrics(planned.before),
            after=_metrics(planned.after),
        )


class PlanOut(Answer):
    """What applying the same file would change."""

    changed: bool
    streams: list[PlannedStreamOut]

    @classmethod
    def of(cls, plan: Plan) -> "PlanOut":
        """Render a plan."""
        streams = [PlannedStreamOut.planned(each) for each in plan.streams]
        return cls(changed=plan.changed, streams=streams)


class VersionOut(Answer):
    """A definition that was applied."""

    definitions_version: int
    applied_at: datetime
    effective_from: datetime = Field(description="from when on its new WIP limits count")
    changes: list[ChangeOut]
    definition: dict[str, Any] = Field(description="all of the stream, as in a file")


def _metrics(measured: Measured | None) -> FlowMetrics | None:
    return None if measured is None else FlowMetrics.of(measured.scope, measured.measurement)


async def _definitions(request: Request, file: str) -> list[StreamDefinition]:
    """Read the body; raises InvalidRequest for a content type that is neither YAML nor JSON."""
    stated = request.headers.get("content-type", YAML).partition(";")[0].strip().lower()
    if stated not in READABLE:
        message = f"expected the content type {YAML} or {JSON}, got {stated}"
        raise InvalidRequest([{"field": "Content-Type", "message": message}])
    from app.connectors import stream_file  # noqa: PLC0415 - a worker rarely needs it

    return stream_file.read(await request.body(), file)


@router.post(
    "/plan",
    summary="Tell what a file would change",
    dependencies=KEYED,
    responses=documented(*_REFUSALS),
    openapi_extra=_BODY,
)
async def plan_definitions(
    how: Annotated[HowToApply, Query()], db: Db, request: Request
) -> PlanOut:
    """Tell how the streams would change, and what last quarter's metrics would become.

    Nothing is changed: the file is applied, measured, and taken back.
    """
    definitions = await _definitions(request, how.file)
    plan = await plan_streams.plan(db, definitions, effective_from=how.effective_from)
    return PlanOut.of(plan)


@router.post(
    "/apply",
    summary="Put a file in force",
    dependencies=KEYED,
    responses=documented(*_REFUSALS),
    openapi_extra=_BODY,
)
async def apply_definitions(
    how: Annotated[HowToApply, Query()], db: Db, request: Request
) -> AppliedOut:
    """Make streams what the file says, all of it or nothing; other streams stay as they are.

    Applying a file again changes nothing. A stage that items or moves refer to can be left out
    only when another one replaces it.
    """
    definitions = await _definitions(request, how.file)
    applied = await configure.apply(db, definitions, effective_from=how.effective_from)
    return AppliedOut.of(applied)


@router.get(
    "/export",
    summary="Write down what is in force",
    response_class=Response,
    responses={
        200: {
            "description": "A file that changes nothing when it is applied; JSON when asked for.",
            "content": {
                YAML: {"schema": {"type": "object"}},
                JSON: {"schema": {"type": "object"}},
            },
        },
        **documented(errors.UnknownStream),
    },
)
async def export_definitions(
    which: Annotated[WhichStreams, Query()], db: Db, request: Request
) -> Response:
    """Return streams as a file, to begin with or to keep; applying it changes nothing."""
    from app.connectors import stream_file  # noqa: PLC0415

    definitions = await export(db, which.key)
    if negotiated(request, (YAML, JSON)) == JSON:
        content, media = json.dumps(stream_file.plain(definitions), ensure_ascii=False), JSON
    else:
        content, media = stream_file.write(definitions), YAML
    return Response(content, media_type=media)


@router.get(
    "/schema.json", summary="The JSON Schema of a value stream file", responses=documented()
)
async def file_schema() -> dict[str, Any]:
    """Return the schema that editors complete and check value stream files with."""
    from app.connectors import stream_schema  # noqa: PLC0415

    return stream_schema.schema()


@router.get(
    "/{key}/versions",
    summary="List what was applied to a stream",
    responses=documented(errors.UnknownStream),
)
async def list_versions(key: Name, db: Db) -> list[VersionOut]:
    """Return every definition that was applied, newest first, with what it changed."""
    return [
        VersionOut(
            definitions_version=row.definitions_version,
            applied_at=row.applied_at,
            effective_from=row.effective_from,
            changes=_changes(row.changes),
            definition=row.definition,
        )
        for row in await configuration.versions(db, key)
    ]


def _changes(kept: Sequence[dict[str, Any]]) -> list[ChangeOut]:
    changes = (Change(**{**each, "kind": ChangeKind(each["kind"])}) for each in kept)
    return [ChangeOut.of(change) for change in changes]
