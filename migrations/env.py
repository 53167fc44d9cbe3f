"""Run the migrations: one process at a time, never waiting long for a lock.

Two replicas that start together take turns by an advisory lock; the second finds nothing to do.
Lock and statement timeouts keep a migration from queueing behind a long transaction while every
reader queues behind the migration.
"""

import asyncio

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.settings import SettingError, Settings
from app.store.connecting import Connector
from app.store.tables import metadata

LOCK_WAIT_MS = 300_000
"""How long a replica waits for another one that is migrating."""
LOCK_TIMEOUT_MS = 5_000
STATEMENT_TIMEOUT_MS = 600_000


def run(connection: Connection) -> None:
    """Migrate over this connection, holding the migration lock."""
    # set_config with the session's scope: the lock must outlive the migration's transaction
    setting = text("SELECT set_config(:name, :value, false)")
    connection.execute(setting, {"name": "lock_timeout", "value": str(LOCK_WAIT_MS)})
    connection.execute(text("SELECT pg_advisory_lock(hashtext('vsm-service migrations'))"))
    connection.execute(setting, {"name": "lock_timeout", "value": str(LOCK_TIMEOUT_MS)})
    connection.execute(setting, {"name": "statement_timeout", "value": str(STATEMENT_TIMEOUT_MS)})
    connection.commit()
    context.configure(connection=connection, target_metadata=metadata, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()


async def run_online(url: str) -> None:
    """Open one connection for the migration; closing it releases the lock."""
    engine = create_async_engine(
        url,
        poolclass=NullPool,
        async_creator=Connector(url).connect,  # the primary, of several
    )
    try:
        connection = await engine.connect()
    except (DBAPIError, OSError) as error:
        place = engine.url.render_as_string(hide_password=True).partition("://")[2]
        reason = getattr(error, "orig", None) or error
        raise CommandError(f"cannot connect to PostgreSQL at {place}: {reason}") from None
    try:
        await connection.run_sync(run)
    finally:
        await connection.close()
        await engine.dispose()


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    try:
        server = context.config.attributes.get("url") or Settings.read().server_url()
    except SettingError as error:
        raise CommandError(str(error)) from None  # printed without a traceback
    asyncio.run(run_online(server))
