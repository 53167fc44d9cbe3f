"""Answers kept under the key that a client gave its write, in the transaction of the write."""

import json
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.domain.errors import IdempotencyKeyReused
from app.store.database import Connection
from app.store.tables import idempotency_keys

KEPT_FOR = timedelta(days=7)
"""How long a client may repeat a request and get the first answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the first request was answered with."""

    status: int
    headers: dict[str, str]
    body: bytes


async def claim(connection: Connection, key: str, fingerprint: str) -> Answer | None:
    """Claim the key for this transaction, or return the answer given under it before.

    A second request with the same key waits here until the first one's transaction ends. Raises
    IdempotencyKeyReused when the key belongs to another request.

    An earlier answer may be one that its own request never gave, because the wait for a standby was
    broken off: it is there, but only here. So its row is locked, which is something to commit: this
    transaction, too, waits until the standby has everything up to then.
    """
    claimed = await connection.execute(
        insert(idempotency_keys)
        .values(key=key, fingerprint=fingerprint)
        .on_conflict_do_nothing()
        .returning(idempotency_keys.c.key)
    )
    if claimed.one_or_none() is not None:
        return None
    kept = select(idempotency_keys).where(idempotency_keys.c.key == key).with_for_update()
    row = (await connection.execute(kept)).one_or_none()
    if row is None:  # it was forgotten just now, so it is free
        return await claim(connection, key, fingerprint)
    if row.fingerprint != fingerprint:
        raise IdempotencyKeyReused(
            "this Idempotency-Key was used with another method, path or body; use a new key for a "
            "new request"
        )
    return Answer(row.status, json.loads(row.headers), row.body.encode())


async def keep(connection: Connection, key: str, answer: Answer) -> None:
    """Keep the answer; it becomes visible together with the write."""
    await connection.execute(
        update(idempotency_keys)
        .where(idempotency_keys.c.key == key)
        .values(
            status=answer.status,
            headers=json.dumps(answer.headers),
            body=answer.body.decode(),
        )
    )


async def forget_old(connection: Connection) -> int:
    """Delete answers older than KEPT_FOR; returns how many."""
    old = idempotency_keys.c.created_at < func.now() - KEPT_FOR
    return (await connection.execute(delete(idempotency_keys).where(old))).rowcount
