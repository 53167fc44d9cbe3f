"""Import the histories in files: all of them or none, and none twice."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.connectors import jira, stage_dates, transitions_table
from app.connectors.detect import FileFormat, detect_format
from app.connectors.reading import Reading, ReadOptions, Skipped
from app.domain.errors import FileProblem, InvalidBatch, InvalidImport, InvalidValue, Place
from app.domain.value_stream import ValueStream
from app.store.database import Connection, rehearsal
from app.usecases.ingest import Ingested, ingest

Progress = Callable[[int, int], None]
"""Called with the number of items done and the number of all."""

Reader = Callable[[bytes, str, ValueStream, ReadOptions], Reading]

READERS: dict[FileFormat, Reader] = {
    FileFormat.JIRA: jira.read,
    FileFormat.CSV: transitions_table.read_csv,
    FileFormat.JSONL: transitions_table.read_jsonl,
    FileFormat.STAGE_DATES: stage_dates.read,
}
"""Every format that can be imported."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of a file, or with `check`, what would become of it."""

    file: str
    format: FileFormat
    detected_because: str | None
    check: bool
    items_read: int
    items_created: int
    items_updated: int
    items_unchanged: int
    transitions_created: int
    transitions_known: int
    blocks_created: int
    blocks_ended: int
    first_at: datetime | None
    last_at: datetime | None
    entries_by_stage: dict[str, int] = field(default_factory=dict)
    mapping: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    skipped_rows: list[Skipped] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class File:
    """A file to import; `format` None means: find out."""

    name: str
    data: bytes
    format: FileFormat | None = None


async def import_files(
    connection: Connection,
    stream: ValueStream,
    files: Sequence[File],
    options: ReadOptions,
    *,
    check: bool = False,
    progress: Progress = lambda _done, _total: None,
) -> list[ImportReport]:
    """Import files into the stream, or only tell what would happen.

    The check does everything and takes it back, so what it tells is what would happen. Raises
    InvalidImport, with the place of every problem in every file; nothing is imported then.
    """
    # reading takes a core for a while; other requests go on meanwhile
    readings = [await asyncio.to_thread(_read, file, stream, options) for file in files]
    problems = [problem for each in readings for problem in each.reading.problems]
    if problems:
        raise InvalidImport(problems)
    if check:
        async with rehearsal(connection):
            return await _ingest(connection, stream, readings, options, check, progress)
    return await _ingest(connection, stream, readings, options, check, progress)


def stated_pairs(name: str, texts: Sequence[str]) -> dict[str, str]:
    """Split `field=header` of `column` at its first `=`, and `word=ours` of others at the last.

    So a header, and a status, may contain one. Raises InvalidValue.
    """
    split = [text.partition("=") if name == "column" else text.rpartition("=") for text in texts]
    for text, (left, _, right) in zip(texts, split, strict=True):
        if not left.strip() or not right.strip():
            raise InvalidValue(name, f"expected `left=right`, got {text!r}")
    return {left.strip(): right.strip() for left, _, right in split}


@dataclass(frozen=True, slots=True)
class _Read:
    """A file that has been read."""

    file: File
    format: FileFormat
    because: str | None
    reading: Reading


def _read(file: File, stream: ValueStream, options: ReadOptions) -> _Read:
    chosen, because = file.format, None
    if chosen is None:
        chosen, because = detect_format(file.data, file.name, options.columns)
    return _Read(file, chosen, because, READERS[chosen](file.data, file.name, stream, options))


async def _ingest(
    connection: Connection,
    stream: ValueStream,
    readings: Sequence[_Read],
    options: ReadOptions,
    check: bool,
    progress: Progress,
) -> list[ImportReport]:
    """Merge what was read, file after file."""
    total = sum(len(each.reading.histories) for each in readings)
    done = 0

    def advance(items: int) -> None:
        nonlocal done
        done += items
        progress(done, total)

    reports = []
    for each in readings:
        histories = each.reading.histories
        try:
            ingested = await ingest(
                connection, stream, histories, now=options.now, progress=advance
            )
        except InvalidBatch as error:
            raise InvalidImport(_placed(each, error)) from error
        reports.append(_report(each, ingested, check))
    return reports


def _report(read: _Read, ingested: Ingested, check: bool) -> ImportReport:
    merged, reading = ingested.merged, read.reading
    return ImportReport(
        file=read.file.name,
        format=read.format,
        detected_because=read.because,
        check=check,
        items_read=len(reading.histories),
        items_created=merged.items_created,
        items_updated=merged.items_updated,
        items_unchanged=merged.items_unchanged,
        transitions_created=merged.transitions_created,
        transitions_known=merged.transitions_known,
        blocks_created=merged.blocks_created,
        blocks_ended=merged.blocks_ended,
        first_at=ingested.first_at,
        last_at=ingested.last_at,
        entries_by_stage=ingested.by_stage,
        mapping=reading.mapping,
        columns=reading.columns,
        notes=reading.notes,
        skipped=dict(Counter(row.reason for row in reading.skipped)),
        skipped_rows=reading.skipped,
    )


def _placed(read: _Read, error: InvalidBatch) -> Sequence[FileProblem]:
    """Name the items that the rules refused by their keys, since the file's lines are gone."""
    return [
        FileProblem(
            Place(read.file.name, field=problem.field),
            f"item {read.reading.histories[problem.index].key}: {problem.message}",
        )
        for problem in error.problems
    ]
