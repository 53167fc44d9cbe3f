"""`vsm demo`: a year of plausible history."""

import asyncio
from typing import Annotated

import typer

from app.cli.console import out
from app.cli.database import database_url
from app.settings import Settings
from app.store.database import open_database, transaction
from app.store.histories import Merged
from app.usecases.fill_demo import fill_demo
from app.usecases.remove_demo import remove_demo


def demo(
    days: Annotated[int, typer.Option(help="How far back it begins.", min=7, max=3650)] = 365,
    items_per_week: Annotated[float, typer.Option(help="Arrivals.", min=0.1, max=10000)] = 12,
    seed: Annotated[int, typer.Option(help="Another seed, another history.")] = 1,
    stream: Annotated[str | None, typer.Option(help="Value stream; unsaid: the default.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take all of it away again.")] = False,
) -> None:
    """Fill a value stream with made-up items, so that every number has something to show.

    The items have the source `demo` and keys DEMO-1, DEMO-2, …; running it again adds nothing
    but what has happened since.

    **Examples**

        vsm demo

        vsm demo --days 90 --items-per-week 30 --seed 7

        vsm demo --remove
    """
    with database_url(Settings.read()) as url:
        if remove:
            removed = asyncio.run(_remove(url, stream))
            out.print(f"{removed:,} made-up items removed, with all of their moves.")
            return
        merged = asyncio.run(_fill(url, days, items_per_week, seed, stream))
    out.print(
        f"{merged.items_created:,} items with {merged.transitions_created:,} moves added, "
        f"{merged.items_unchanged:,} items were there already."
    )


async def _remove(url: str, stream: str | None) -> int:
    database = open_database(url, pool_size=1, statement_timeout=3600)
    try:
        async with transaction(database) as connection:
            return await remove_demo(connection, stream)
    finally:
        await database.dispose()


async def _fill(
    url: str, days: int, items_per_week: float, seed: int, stream: str | None
) -> Merged:
    database = open_database(url, pool_size=1, statement_timeout=3600)
    try:
        async with transaction(database) as connection:
            return await fill_demo(
                connection,
                stream_key=stream,
                days=days,
                items_per_week=items_per_week,
                seed=seed,
            )
    finally:
        await database.dispose()
