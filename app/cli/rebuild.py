"""`vsm rebuild`: make the roll-ups anew."""

import asyncio
from datetime import date
from typing import Annotated

import typer

from app.cli.console import err, out
from app.cli.database import database_url
from app.settings import Settings
from app.store import rollups, value_streams
from app.store.database import Database, open_database, transaction
from app.telemetry import BUCKET_HOURS
from app.usecases import rebuild as usecase


def rebuild(
    stream: Annotated[
        str | None, typer.Option(help="Only this value stream; unsaid: all of them.")
    ] = None,
) -> None:
    """Compute all roll-ups again from the raw events: days, weeks, months, and Prometheus' counts.

    Readers see the old figures until the new ones are complete. The service keeps them right by
    itself; this is for rows that were changed in the database by other hands.

    **Examples**

        vsm rebuild

        vsm rebuild --stream payments
    """
    with database_url(Settings.read()) as url:
        asyncio.run(_rebuild(url, stream))


async def _rebuild(url: str, key: str | None) -> None:
    database = open_database(url, pool_size=1, statement_timeout=3600)
    try:
        async with transaction(database) as connection:
            if key is None:
                ids = await rollups.stream_ids(connection)
            else:
                ids = [(await value_streams.load(connection, key)).id]
        for stream_id in ids:
            await _rebuild_stream(database, stream_id)
    finally:
        await database.dispose()


async def _rebuild_stream(database: Database, stream_id: int) -> None:
    """Rebuild one stream in one transaction, telling how far it has come."""
    async with transaction(database) as connection:
        name = (await value_streams.load_by_id(connection, stream_id)).name
        with err.status(f"{name} …") as status:

            def tell(until: date) -> None:
                status.update(f"{name}: rolled up until {until}")

            await usecase.rebuild(connection, stream_id, BUCKET_HOURS, tell)
    out.print(f"{name}: rolled up.")
