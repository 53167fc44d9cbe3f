"""What happened beside moves, for whoever watches just now."""

from sqlalchemy import BigInteger, Column, ForeignKey, Identity, Integer, Table, Text

from app.store.tables.schema import NOW, Instant, metadata

news = Table(
    "news",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("value_stream_id", Integer, ForeignKey("value_streams.id"), nullable=False),
    Column("work_item_id", BigInteger),  # no reference: removed items are told of, too
    Column("recorded_at", Instant, nullable=False, server_default=NOW),
)
