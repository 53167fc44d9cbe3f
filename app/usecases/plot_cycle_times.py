"""Plot the cycle times of what was finished, and say how old the unfinished is."""

from dataclasses import replace
from fractions import Fraction

from app.flow.expectation import expectation, present_sample
from app.flow.scatterplot import Scatterplot
from app.store import aging, cycle_times
from app.store.database import Connection
from app.usecases.scope import Scope


async def plot_cycle_times(
    connection: Connection, scope: Scope, p: Fraction, limit: int
) -> Scatterplot:
    """Return the latest `limit` points of the scope, with what can be promised at its `as_of`."""
    selection = scope.selection
    finished = await cycle_times.finished(connection, selection, limit)
    promised = replace(selection, window=present_sample(selection.window.as_of))
    return Scatterplot(
        points=finished.points,
        cycle=finished.cycle,
        wip_ages_us=await aging.wip_ages_us(connection, selection),
        expectation=expectation(await cycle_times.cycles_us(connection, promised), p),
    )
