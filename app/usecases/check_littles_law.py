"""Check Little's law on a scope."""

from app.domain.errors import InvalidValue
from app.domain.working_time import Clock
from app.flow.littles_law import LittlesLaw
from app.store import littles_law
from app.store.database import Connection
from app.usecases.scope import Scope


async def check_littles_law(connection: Connection, scope: Scope) -> LittlesLaw:
    """Return the terms of the law over the window, all from one snapshot.

    Raises InvalidValue for working time: WIP is there, and the law holds, through all time.
    """
    if scope.clock is Clock.WORKING:
        raise InvalidValue("clock", "Little's law holds in elapsed time alone; ask for `elapsed`")
    return await littles_law.littles_law(connection, scope.selection)
