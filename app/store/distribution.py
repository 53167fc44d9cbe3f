"""What kind of work was finished."""

from app.domain.work_item import WorkItemType
from app.flow.distribution import FlowDistribution, counted
from app.store.database import Connection
from app.store.measurements import Selection
from app.store.queries import load_query

_FINISHED_BY_TYPE = load_query("finished_by_type")


async def distribution(connection: Connection, selection: Selection) -> FlowDistribution:
    """Return what `flow.distribution.distribution` defines, for the selected items."""
    rows = await _FINISHED_BY_TYPE.rows(connection, selection.parameters)
    return counted({WorkItemType(kind): items for kind, items in rows})
