"""Correct what a work item is called and what kind of work it is."""

from app.domain.news import NewsKind
from app.domain.work_item import WorkItem, WorkItemType
from app.store import invalidations, news, transitions, value_streams, work_items
from app.store.database import Connection
from app.usecases.move import Expectation, check_expectation


async def edit(
    connection: Connection,
    item_id: int,
    expected: Expectation,
    *,
    title: str | None = None,
    type: WorkItemType | None = None,  # noqa: A002 - the term of the field
) -> WorkItem:
    """Set the title, the type, or both. Raises UnknownItem, PreconditionFailed."""
    item = await work_items.lock(connection, item_id)
    stream = await value_streams.load_by_id(connection, item.stream_id)
    check_expectation(item, stream, expected)
    changes = {
        name: value
        for name, value in (("title", title), ("type", type))
        if value is not None and value != getattr(item, name)
    }
    if not changes:
        return item
    now = await transitions.clock(connection)
    if "type" in changes:  # an item counts under the type it has now, in the past as well
        await invalidations.invalidate(connection, item.stream_id, item.facts.created_at, now)
    await news.note(connection, NewsKind.ITEM_EDITED, item.stream_id, item_id)
    return await work_items.change(connection, item, now, **changes)
