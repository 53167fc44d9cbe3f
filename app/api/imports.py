"""Import a file of histories over HTTP; `vsm import` does the same from a shell."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field

from app.api.problems import documented
from app.api.session import KEYED, Db, UnitOfWork
from app.api.types import Answer, Name, TimeZone, zone
from app.api.types import Request as RequestModel
from app.connectors.reading import FileFormat, ReadOptions
from app.domain import errors
from app.store import transitions, value_streams

router = APIRouter(prefix="/api/v1", tags=["imports"], route_class=UnitOfWork)


class HowToRead(RequestModel):
    """How to read the file; what is unsaid is detected."""

    format: FileFormat | None = None
    check: bool = Field(False, description="only tell what would happen")
    stream: Name | None = Field(None, description="value stream; unsaid: the default one")
    file: Name = Field("import", description="name of the file, for messages")
    source: Name | None = Field(None, description="which tracker the keys belong to")
    tz: TimeZone = Field("UTC", description="zone of instants without an offset")
    delimiter: str | None = Field(None, min_length=1, max_length=1)
    date_format: Name | None = Field(None, description="`dmy`, `mdy` or a strptime pattern")
    map: list[str] = Field([], description="`status=stage`, repeatable")
    type: list[str] = Field([], description="`their type=ours`, repeatable")
    column: list[str] = Field([], description="`field=header`, repeatable")
    blocked_label: list[Name] = Field([], description="label that means blocked, repeatable")


class ImportResult(Answer):
    """What became of the file, or would."""

    file: str
    format: FileFormat
    detected_because: str | None
    check: bool = Field(description="true: nothing was written")
    items_read: int
    items_created: int
    items_updated: int
    items_unchanged: int
    transitions_created: int
    transitions_known: int = Field(description="imported before")
    blocks_created: int
    blocks_ended: int = Field(description="imported before, when they still lasted")
    first_at: datetime | None
    last_at: datetime | None
    entries_by_stage: dict[str, int]
    mapping: dict[str, str] = Field(description="which stage each status was taken for")
    columns: dict[str, str] = Field(description="which column was taken for which field")
    notes: list[str] = Field(description="assumptions worth checking")
    skipped: dict[str, int] = Field(description="rows left out, by reason")


@router.post(
    "/imports",
    summary="Import a file of histories",
    dependencies=KEYED,
    responses=documented(
        errors.InvalidImport,
        errors.InvalidValue,
        errors.UnknownStream,
        errors.TooLarge,
        errors.IdempotencyKeyReused,
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                media: {"schema": {"type": "string", "format": "binary"}}
                for media in ("application/octet-stream", "text/csv", "application/json")
            },
        }
    },
)
async def import_histories(
    how: Annotated[HowToRead, Query()], db: Db, request: Request
) -> ImportResult:
    """Import transitions (CSV, JSON Lines), stage dates (CSV) or Jira issues with changelog.

    All of the file is imported, or nothing of it. Importing it again changes nothing.
    """
    # what reads files is loaded where somebody imports one, and stays out of all other workers
    from app.usecases.import_files import File, import_files, stated_pairs  # noqa: PLC0415

    data = await request.body()
    stream = await value_streams.load_to_write(db, how.stream)
    options = ReadOptions(
        now=await transitions.clock(db),
        tz=zone(how.tz),
        delimiter=how.delimiter,
        date_format=how.date_format,
        columns=stated_pairs("column", how.column),
        mapping=stated_pairs("map", how.map),
        types=stated_pairs("type", how.type),
        source=how.source,
        blocked_labels=tuple(how.blocked_label),
    )
    file = File(how.file, data, how.format)
    reports = await import_files(db, stream, [file], options, check=how.check)
    return ImportResult.model_validate(reports[0])
