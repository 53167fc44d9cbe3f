"""Import the histories in files: all of them or none, and none twice."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from app.connectors.reading import FileFormat, ReadOptions, Skipped
from app.domain.errors import InvalidImport, InvalidValue
from app.domain.value_stream import ValueStream
from app.store import histories
from app.store.database import Connection, rehearsal
from app.usecases.ingest import MAX_PROBLEMS, merge
from app.usecases.stage_files import File, Progress, StagedFile, stage_files

__all__ = ["File", "ImportReport", "Progress", "import_files", "stated_pairs"]


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


async def import_files(
    connection: Connection,
    stream: ValueStream,
    files: Sequence[File],
    options: ReadOptions,
    *,
    check: bool = False,
    progress: Progress = lambda _what, _done, _total: None,
) -> list[ImportReport]:
    """Import files into the stream, or only tell what would happen.

    The check does everything and takes it back, so what it tells is what would happen. Raises
    InvalidImport, with the place of every problem in every file; nothing is imported then.
    """
    staged = await stage_files(connection, stream, files, options, progress)
    problems = [problem for each in staged for problem in each.reading.problems]
    problems = problems or [problem for each in staged for problem in each.wrong][:MAX_PROBLEMS]
    if problems:
        raise InvalidImport(problems)
    await histories.prepare(connection, stream)
    if check:
        async with rehearsal(connection):
            return await _merge(connection, stream, staged, check, progress)
    return await _merge(connection, stream, staged, check, progress)


def stated_pairs(name: str, texts: Sequence[str]) -> dict[str, str]:
    """Split `field=header` of `column` at its first `=`, and `word=ours` of others at the last.

    So a header, and a status, may contain one. Raises InvalidValue.
    """
    split = [text.partition("=") if name == "column" else text.rpartition("=") for text in texts]
    for text, (left, _, right) in zip(texts, split, strict=True):
        if not left.strip() or not right.strip():
            raise InvalidValue(name, f"expected `left=right`, got {text!r}")
    return {left.strip(): right.strip() for left, _, right in split}


async def _merge(
    connection: Connection,
    stream: ValueStream,
    staged: Sequence[StagedFile],
    check: bool,
    progress: Progress,
) -> list[ImportReport]:
    """Merge what was staged, file after file."""
    total, done = sum(each.items for each in staged), 0
    for each in staged:
        async for chunk in merge(connection, stream, each.begin, each.end):
            done += len(chunk.ids)
            # a million ids are not told by anybody
            each.ingested.merged += replace(chunk, ids=(), known=frozenset())
            progress("Checking" if check else "Importing", done, total)
    return [_report(each, check) for each in staged]


def _report(staged: StagedFile, check: bool) -> ImportReport:
    merged, reading = staged.ingested.merged, staged.reading
    return ImportReport(
        file=staged.file.name,
        format=staged.format,
        detected_because=staged.because,
        check=check,
        items_read=staged.items,
        items_created=merged.items_created,
        items_updated=merged.items_updated,
        items_unchanged=merged.items_unchanged,
        transitions_created=merged.transitions_created,
        transitions_known=merged.transitions_known,
        blocks_created=merged.blocks_created,
        blocks_ended=merged.blocks_ended,
        first_at=staged.ingested.first_at,
        last_at=staged.ingested.last_at,
        entries_by_stage=staged.ingested.by_stage,
        mapping=reading.mapping,
        columns=reading.columns,
        notes=reading.notes,
        skipped=dict(reading.skips),
        skipped_rows=reading.skipped,
    )
