"""Count the items of a population, which are those that its link lists."""

from app.store import populations, work_items
from app.store.database import Connection
from app.store.populations import Population
from app.usecases.scope import Scope


async def count_items(connection: Connection, scope: Scope, population: Population) -> int:
    """Return how many items of the scope belong to a population that needs no stage."""
    query = work_items.ItemQuery(
        stream_id=scope.stream.id,
        types=scope.types,
        population=populations.condition(population, scope.stream, scope.window),
    )
    return await work_items.count(connection, query)
