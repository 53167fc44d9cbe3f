"""Which state of the data a connection sees."""

from app.store.database import Connection

_STATE = "SELECT pg_is_in_recovery()::text || ':' || pg_current_snapshot()::text"


async def state_of_data(connection: Connection) -> str:
    """Return a name of what the connection's next transaction will see, the same for the same data.

    PostgreSQL's snapshot names the transactions that it sees, and every transaction that writes
    anything is one of them. So where two names are equal, nothing has been written in between, in
    any database of the server; where they differ, something may have been. Asked past the
    transaction, whose own snapshot is still to be taken.
    """
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    found: str = await driver.fetchval(_STATE)  # type: ignore[union-attr]
    return found
