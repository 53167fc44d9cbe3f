"""Histories of items that were never blocked, many by one statement: `sql/read_histories.sql`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import asyncpg

from app.domain.transition import ActorKind, RecordedTransition
from app.domain.value_stream import Category, Stage, ValueStream
from app.store.batches import BatchStatement


@dataclass(frozen=True, slots=True)
class ToldItem:
    """Of an item what its history is told with."""

    id: int
    title: str
    created_at: datetime
    cancelled_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class ToldHistory:
    """An item with its moves, oldest first, as of an instant.

    Of the stream it has what history is read by: the stages.
    """

    item: ToldItem
    stream: ValueStream
    moves: Sequence[RecordedTransition]
    as_of: datetime


class AskedHistory(NamedTuple):
    """Which item's history."""

    item_id: int
    keyed: None = None

    @property
    def turns(self) -> tuple[()]:
        """Readers wait for nobody."""
        return ()


def _parameters(asked: Sequence[AskedHistory]) -> Mapping[str, object]:
    return {"item_ids": [each.item_id for each in asked]}


def _results(
    asked: Sequence[AskedHistory], rows: Iterable[asyncpg.Record]
) -> list[ToldHistory | None]:
    found = {row["id"]: _told(row) for row in rows}
    return [found.get(each.item_id) for each in asked]


def _told(row: asyncpg.Record) -> ToldHistory:
    stream = _stream(row["value_stream_id"], row["stream_key"], row["stream_name"], row["stages"])
    names = ("id", "title", "created_at", "cancelled_at", "version")
    item = ToldItem(*[row[name] for name in names])
    return ToldHistory(item, stream, _moves(row), row["as_of"])


@lru_cache(maxsize=256)
def _stream(stream_id: int, key: str, name: str, stages: str) -> ValueStream:
    """Return the stream of this definition; the text is the key, so none is ever out of date."""
    return ValueStream(
        key=key,
        name=name,
        id=stream_id,
        stages=tuple(
            Stage(name, order, kind, Category(category), stage_id)
            for name, order, kind, category, stage_id in json.loads(stages)
        ),
    )


def _moves(row: asyncpg.Record) -> list[RecordedTransition]:
    item_id = row["id"]
    names = ("ids", "from_stages", "to_stages", "timestamps", "reasons", "actor_kinds", "events")
    columns = [row[name] or () for name in names]  # an item may have lost all of its moves
    return [
        # by position, which is faster: id, work_item_id, from_stage, to_stage, timestamp, …
        RecordedTransition(
            move_id, item_id, left, entered, at, reason, kind and ActorKind(kind), event
        )
        for move_id, left, entered, at, reason, kind, event in zip(*columns, strict=True)
    ]


HISTORIES = BatchStatement("read_histories", _parameters, _results, only_reads=True, lanes=1)
