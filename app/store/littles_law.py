"""The terms of Little's law, computed where the data is."""

from app.flow.littles_law import LittlesLaw
from app.store.database import Connection
from app.store.measurements import Selection
from app.store.queries import load_query

_LITTLES_LAW = load_query("littles_law")


async def littles_law(connection: Connection, selection: Selection) -> LittlesLaw:
    """Return what `flow.littles_law.littles_law` defines, for the selected items."""
    row = (await connection.execute(_LITTLES_LAW, selection.parameters)).one()
    return LittlesLaw(
        window_us=selection.window.length_us,
        throughput=row.throughput,
        cycle_sum_us=int(row.cycle_sum_us),
        cycle_p85=row.cycle_p85,
        discarded_started=row.discarded_started,
        wip_us=int(row.wip_us),
        wip_at_start=row.wip_at_start,
        wip_at_end=row.wip_at_end,
        entered=row.entered,
        left=row.left_doing,
        exited_us=int(row.exited_us),
        reentered_us=int(row.reentered_us),
        residence_at_start_us=int(row.residence_at_start_us),
        residence_at_end_us=int(row.residence_at_end_us),
    )
