"""Check whether what was promised at the start of a window was kept in it."""

from dataclasses import replace
from fractions import Fraction

from app.flow.expectation import Predictability, expectation, predictability, sample_window
from app.store import cycle_times
from app.store.database import Connection
from app.usecases.scope import Scope


async def check_predictability(connection: Connection, scope: Scope, p: Fraction) -> Predictability:
    """State an expectation from before the window, and hold it against the window."""
    selection = scope.selection
    before = sample_window(selection.window.start, selection.window.as_of)
    known = await cycle_times.cycles_us(connection, replace(selection, window=before))
    happened = await cycle_times.cycles_us(connection, selection)
    return predictability(expectation(known, p), happened)
