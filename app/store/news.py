"""What happened beside moves and creations: noted by those rare writes, for whoever watches.

Moves are not noted: the log tells them, and their path stays as short as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select

from app.domain.news import NewsKind
from app.store.database import Connection
from app.store.tables import news, value_streams, work_items

KEPT_FOR = timedelta(hours=1)
"""Who watches reads them within a second; nobody else does."""


@dataclass(frozen=True, slots=True)
class News:
    """One thing that happened; about a stream as a whole there is no item."""

    id: int
    kind: NewsKind
    value_stream: str
    work_item_id: int | None
    title: str | None
    recorded_at: datetime


async def note(
    connection: Connection, kind: NewsKind, stream_id: int, item_id: int | None = None
) -> None:
    """Note what happened, in the transaction in which it did."""
    await connection.execute(
        insert(news).values(kind=kind, value_stream_id=stream_id, work_item_id=item_id)
    )


async def newest_id(connection: Connection) -> int:
    """Return the id of the newest news, 0 without any."""
    return int(await connection.scalar(select(func.max(news.c.id))) or 0)


async def after(connection: Connection, news_id: int, limit: int) -> Sequence[News]:
    """Return what was numbered later, oldest first."""
    query = (
        select(
            news.c.id,
            news.c.kind,
            value_streams.c.key,
            news.c.work_item_id,
            work_items.c.title,
            news.c.recorded_at,
        )
        .join_from(news, value_streams, value_streams.c.id == news.c.value_stream_id)
        .outerjoin(work_items, work_items.c.id == news.c.work_item_id)
        .where(news.c.id > news_id)
        .order_by(news.c.id)
        .limit(limit)
    )
    return [
        News(id_, NewsKind(kind), *rest) for id_, kind, *rest in await connection.execute(query)
    ]


async def forget_old(connection: Connection) -> int:
    """Delete what is older than KEPT_FOR; returns how many."""
    old = news.c.recorded_at < func.now() - KEPT_FOR
    return (await connection.execute(delete(news).where(old))).rowcount
