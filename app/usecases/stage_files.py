"""Read the files of an import, and stage what they tell; nothing else is written yet."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeAlias

from app.connectors import jira, stage_dates, transitions_table
from app.connectors.detect import detect_format
from app.connectors.file_texts import Content, content_bytes
from app.connectors.item_rows import ItemRows, Told
from app.connectors.reading import FileFormat, Reading, ReadOptions
from app.connectors.transitions_table import TransitionsTable
from app.domain.errors import FileProblem, Place
from app.domain.value_stream import ValueStream
from app.domain.work_item import ItemHistory
from app.store import staging, told_rows
from app.store.database import Connection
from app.usecases.ingest import CHUNK, MAX_PROBLEMS, Ingested, check

ROWS = 20_000
"""Rows that are read, or put in order, at once: what is in memory of a file of transitions."""

Progress = Callable[[str, int, int | None], None]
"""Called with what is being done, how far, and how far it goes, None if nobody knows."""

TABLES: dict[FileFormat, Callable[..., TransitionsTable]] = {
    FileFormat.CSV: transitions_table.open_csv,
    FileFormat.JSONL: transitions_table.open_jsonl,
}
"""Formats whose items are scattered over the file, which may be larger than the memory."""

READERS: dict[FileFormat, Callable[..., Reading]] = {
    FileFormat.JIRA: lambda content, *how: jira.read(content_bytes(content), *how),
    FileFormat.STAGE_DATES: stage_dates.read,
}
"""Formats that are read as a whole."""

Histories: TypeAlias = Sequence[ItemHistory]


@dataclass(frozen=True, slots=True)
class File:
    """A file to import; `format` None means: find out."""

    name: str
    data: Content
    format: FileFormat | None = None


@dataclass(slots=True)
class StagedFile:
    """A file that has been read: its histories have the positions from `begin` up to `end`.

    `wrong` are the problems of histories that were read well and still cannot be right.
    """

    file: File
    format: FileFormat
    because: str | None
    begin: int
    end: int
    reading: Reading = field(default_factory=Reading)
    ingested: Ingested = field(default_factory=Ingested)
    wrong: list[FileProblem] = field(default_factory=list)

    @property
    def items(self) -> int:
        """Return the number of histories."""
        return self.end - self.begin


async def stage_files(
    connection: Connection,
    stream: ValueStream,
    files: Sequence[File],
    options: ReadOptions,
    progress: Progress,
) -> list[StagedFile]:
    """Read files and stage their histories; problems are told in what is returned."""
    await staging.prepare(connection)
    await staging.clear(connection)
    staged: list[StagedFile] = []
    for file in files:
        # reading takes a core for a while; other requests go on meanwhile
        chosen, because = await asyncio.to_thread(_format, file, options)
        begin = staged[-1].end if staged else 0
        each = StagedFile(file, chosen, because, begin, begin)
        staging_one = _Staging(connection, stream, options, each, progress)
        if chosen in TABLES:
            await staging_one.rows(TABLES[chosen])
        else:
            await staging_one.whole(READERS[chosen])
        staged.append(each)
    return staged


def _format(file: File, options: ReadOptions) -> tuple[FileFormat, str | None]:
    """Return a file's format, and why it was taken for that, if nobody stated it."""
    if file.format is not None:
        return file.format, None
    return detect_format(file.data, file.name, options.columns)


class _Staging:
    """Stages one file."""

    def __init__(
        self,
        connection: Connection,
        stream: ValueStream,
        options: ReadOptions,
        staged: StagedFile,
        progress: Progress,
    ) -> None:
        self._connection = connection
        self._stream = stream
        self._options = options
        self._staged = staged
        self._progress = progress

    async def whole(self, reader: Callable[..., Reading]) -> None:
        """Read a file into memory, and stage its histories."""
        file = self._staged.file
        reading = await asyncio.to_thread(reader, file.data, file.name, self._stream, self._options)
        self._staged.reading = reading
        for first in range(0, len(reading.histories), CHUNK):
            await self._add(reading.histories[first : first + CHUNK])
        reading.histories = []

    async def rows(self, opener: Callable[..., TransitionsTable]) -> None:
        """Read a table row by row; the database puts its rows in order by item."""
        file = self._staged.file
        table = await asyncio.to_thread(opener, file.data, file.name, self._stream, self._options)
        await told_rows.prepare(self._connection)
        rows, count = table.rows(), 0
        while batch := await asyncio.to_thread(lambda: list(islice(rows, ROWS))):
            await told_rows.add(self._connection, batch)
            count += len(batch)
            self._progress(f"Reading {file.name}", batch[-1].line, table.lines)
        items = await self._settle(table.items(newest_first=False), count)
        if items is not None and items.run_backward:
            await staging.drop_from(self._connection, self._staged.begin)
            self._staged.end, self._staged.ingested = self._staged.begin, Ingested()
            items = await self._settle(table.items(newest_first=True), count)
        self._staged.reading = table.finish(items)

    async def _settle(self, items: ItemRows | None, count: int) -> ItemRows | None:
        """Stage the histories that the rows make, item by item."""
        if items is None:
            return None
        done = 0
        async for batch in told_rows.in_order(self._connection, ROWS):
            rows = map(Told._make, batch)
            await self._add(await asyncio.to_thread(items.feed, rows))
            done += len(batch)
            self._progress(f"Putting {self._staged.file.name} in order", done, count)
        await self._add(items.end())
        return items

    async def _add(self, told: Histories) -> None:
        """Check histories and stage them."""
        staged = self._staged
        if len(staged.wrong) < MAX_PROBLEMS:
            staged.wrong += [
                FileProblem(
                    # the file's lines are gone, so an item is named by its key
                    Place(staged.file.name, field=problem.field),
                    f"item {told[problem.index].key}: {problem.message}",
                )
                for problem in check(self._stream, told, self._options.now)
            ]
        staged.ingested.cover(self._stream, told)
        await staging.stage(self._connection, self._stream, told, staged.end)
        staged.end += len(told)
