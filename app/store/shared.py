"""What shares statements in this process, each kind with connections of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.domain.transition import Moved
from app.store.batches import Batches, Connect
from app.store.plain_histories import HISTORIES, AskedHistory, ToldHistory
from app.store.plain_items import ITEMS, Entered, PlainItem
from app.store.plain_moves import MOVES, PlainMove
from app.store.watching import Ran

CONNECTIONS = MOVES.lanes + ITEMS.lanes + HISTORIES.lanes
"""How many connections a process may hold for these, beside its pool."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Where rows are handed in, by kind."""

    moves: Batches[PlainMove, Moved]
    items: Batches[PlainItem, Entered]
    histories: Batches[AskedHistory, ToldHistory]


@asynccontextmanager
async def open_shared(connect: Connect, ran: Ran = lambda _: None) -> AsyncIterator[Shared]:
    """Take rows on for the block's time; connects on first use, calls `ran` for each batch."""
    shared = Shared(
        moves=Batches(connect, MOVES, ran=ran),
        items=Batches(connect, ITEMS, ran=ran),
        histories=Batches(connect, HISTORIES, ran=ran),
    )
    yield shared
    for batches in (shared.moves, shared.items, shared.histories):
        await batches.close()
