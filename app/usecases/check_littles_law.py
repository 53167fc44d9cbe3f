"""Check Little's law on a scope."""

from app.flow.littles_law import LittlesLaw
from app.store import littles_law
from app.store.database import Connection
from app.usecases.scope import Scope


async def check_littles_law(connection: Connection, scope: Scope) -> LittlesLaw:
    """Return the terms of the law over the window, all from one snapshot."""
    return await littles_law.littles_law(connection, scope.selection)
