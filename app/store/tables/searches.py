"""What was found odd in each closed local day and closed hour, for data quality."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from app.store.tables.schema import Instant, metadata

_PIECE = ("value_stream_id", "starts", "ends")

kept_searches = Table(
    "kept_searches",
    metadata,
    Column("value_stream_id", Integer, ForeignKey("value_streams.id"), primary_key=True),
    Column("starts", Instant, primary_key=True),
    Column("ends", Instant, primary_key=True),
)
"""The pieces that were searched. A trigger takes those out whose parts are kept anew."""


def _found_table(name: str, *columns: Column[Any]) -> Table:
    """Return a table of what was found in pieces; it goes with them."""
    return Table(
        name,
        metadata,
        Column("value_stream_id", Integer, nullable=False),
        Column("starts", Instant, nullable=False),
        Column("ends", Instant, nullable=False),
        Column("type", Text, nullable=False),
        *columns,
        ForeignKeyConstraint(
            _PIECE, [f"kept_searches.{name}" for name in _PIECE], ondelete="CASCADE"
        ),
        Index(f"{name}_piece_idx", *_PIECE),
    )


kept_oddities = _found_table(
    "kept_oddities",
    Column("rule", Text, nullable=False),
    Column("stage_id", Integer, nullable=False),
    Column("at", Instant),
    Column("population", BigInteger, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("items", LargeBinary),
)
"""As `store/sql/part_oddities.sql` computes it."""

kept_sources = _found_table(
    "kept_sources",
    Column("source", Text),
    Column("moves", BigInteger, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("longest_pause_us", BigInteger, nullable=False),
)
"""As `store/sql/part_sources.sql` computes it."""
