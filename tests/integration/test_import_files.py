"""Files of moves that go through the database, row by row, bring what reading them whole brings."""

import random
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from app.connectors.reading import ReadOptions
from app.connectors.transitions_table import read_csv
from app.domain.errors import InvalidImport
from app.store import histories, value_streams
from app.store.database import Connection, rehearsal
from app.usecases import stage_files
from app.usecases.import_files import File, import_files
from tests.strategies import BASE, HORIZON

OPTIONS = ReadOptions(now=HORIZON)
WORDS = ("Backlog", "Analysis", "Development", "Testing", "Production", "Cancelled", "Parked")
MAPPED = ReadOptions(now=HORIZON, mapping={"Parked": "ignore"})
TOLD = """
    SELECT i.external_key, i.title, i.type, i.created_at, i.cancelled_at, i.cancel_reason,
           i.effective_created_at, i.started_at, i.finished_at, i.current_stage_id,
           i.current_stage_since, i.version, t.to_stage_id, t.from_stage_id, t.from_stage_since,
           t.timestamp, t.source_event_id, t.reason
    FROM work_items i LEFT JOIN stage_transitions t ON t.work_item_id = i.id
    ORDER BY i.id, t.id
"""


def made_up(seed: int, *, newest_first: bool) -> bytes:
    """Write rows of some items, scattered, many of them at the same instant as another one."""
    chance = random.Random(seed)
    rows = [
        (
            hour,
            (
                f"K-{chance.randrange(9)},{chance.choice(['', 'one', 'two'])},"
                f"{chance.choice(['', 'bug', 'Gadget'])},{chance.choice(WORDS)},"
                f"{BASE + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ},{chance.choice(['', 'why'])}"
            ),
        )
        for hour in (chance.randrange(20) for _ in range(80))
    ]
    rows.sort(key=lambda row: row[0], reverse=newest_first)
    lines = ["key,title,type,to,date,reason", *(row for _, row in rows)]
    return "\n".join(lines).encode()


async def everything(connection: Connection) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await connection.execute(text(TOLD))]


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("seed", range(5))
async def test_rows_put_in_order_by_the_database_give_what_rows_in_memory_give(
    scratch: Connection,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    seed: int,
    *,
    newest_first: bool,
) -> None:
    monkeypatch.setattr(stage_files, "ROWS", 7)  # an item's rows come in several batches
    data = made_up(seed, newest_first=newest_first)
    stream = await value_streams.load(scratch)
    reading = read_csv(data, "moves.csv", stream, MAPPED)
    async with rehearsal(scratch):
        await histories.prepare(scratch, stream)
        merged = await histories.merge(scratch, stream, reading.histories)
        whole = await everything(scratch)
    path = tmp_path / "moves.csv"
    path.write_bytes(data)
    steps: list[str] = []
    [report] = await import_files(
        scratch,
        stream,
        [File("moves.csv", lambda: path.open("rb"))],
        MAPPED,
        progress=lambda step, done, total: steps.append(f"{step} {done} {total}"),
    )
    assert await everything(scratch) == whole
    assert (report.items_created, report.transitions_created) == (
        merged.items_created,
        merged.transitions_created,
    )
    assert (report.notes, report.mapping) == (reading.notes, reading.mapping)
    assert (report.skipped, report.skipped_rows) == (dict(reading.skips), reading.skipped)
    assert steps[-1] == f"Importing {merged.items_created} {merged.items_created}"


async def test_a_problem_that_shows_late_leaves_not_even_a_number_used(scratch: Connection) -> None:
    """Two creations of one item are seen when its rows are together, before anything is written."""
    rows = "key,created,to,date\nA,2025-01-01,Backlog,2025-01-02\nB,,Backlog,2025-01-02\n"
    rows += "A,2025-01-03,Testing,2025-01-04\n"
    number = text("SELECT last_value, is_called FROM work_items_id_seq")
    before = (await scratch.execute(number)).one()
    stream = await value_streams.load(scratch)
    with pytest.raises(InvalidImport, match=r"moves.csv:4:2 \(created\)"):
        await import_files(scratch, stream, [File("moves.csv", rows.encode())], OPTIONS)
    assert (await scratch.execute(number)).one() == before
    assert await everything(scratch) == []
