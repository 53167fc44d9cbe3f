"""Answers kept under the key that a client gave its write, in the transaction of the write."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

import asyncpg
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


D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class Keyed(Generic[D]):
    """The key that a write came with, and how what came of it is answered."""

    key: str
    fingerprint: str
    answer: Callable[[D], Answer]


class KeysTaken(Exception):
    """Others have taken these keys meanwhile; nothing can be kept."""

    def __init__(self, keys: frozenset[str]) -> None:
        super().__init__(keys)
        self.keys = keys


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


_KEEP_NEW = """
    INSERT INTO idempotency_keys (key, fingerprint, status, headers, body)
    SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::text[], $5::text[])
    ON CONFLICT (key) DO NOTHING
    RETURNING key
"""


async def keep_new(connection: asyncpg.Connection, kept: Sequence[tuple[Keyed[D], Answer]]) -> None:
    """Keep the answers of writes that are about to be committed together.

    Raises KeysTaken when another write has one of the keys; the caller then has to roll back.
    """
    kept = sorted(kept, key=lambda each: each[0].key)  # whoever waits, waits in one order
    rows = await connection.fetch(
        _KEEP_NEW,
        [keyed.key for keyed, _ in kept],
        [keyed.fingerprint for keyed, _ in kept],
        [answer.status for _, answer in kept],
        [json.dumps(answer.headers) for _, answer in kept],
        [answer.body.decode() for _, answer in kept],
    )
    taken = {keyed.key for keyed, _ in kept} - {row["key"] for row in rows}
    if taken:
        raise KeysTaken(frozenset(taken))


async def forget_old(connection: Connection) -> int:
    """Delete answers older than KEPT_FOR; returns how many."""
    old = idempotency_keys.c.created_at < func.now() - KEPT_FOR
    return (await connection.execute(delete(idempotency_keys).where(old))).rowcount
