"""The tables as SQLAlchemy sees them. The migrations make them; a test proves both equal.

The transition log (`stage_transitions`) is the truth. The columns of `work_items` under "facts"
are derived from it in the transaction of each write, so that reading never replays a history.
"""

from app.store.tables.kept_parts import (
    kept_crossings,
    kept_items,
    kept_levels,
    kept_moves,
    kept_passes,
    kept_paths,
    kept_steps,
)
from app.store.tables.log import (
    idempotency_keys,
    stage_transitions,
    stage_zones,
    stages,
    value_streams,
    work_items,
)
from app.store.tables.news import news
from app.store.tables.rollups import (
    daily_counts,
    flow_metrics,
    recent_measures,
    recent_quantiles,
    rollup_invalidations,
    rollup_state,
    total_counts,
)
from app.store.tables.schema import metadata
from app.store.tables.searches import kept_oddities, kept_searches, kept_sources
from app.store.tables.streams import (
    allowed_moves,
    broken_rules,
    item_blocks,
    stage_limits,
    stream_versions,
    working_spans,
)

__all__ = [
    "allowed_moves",
    "broken_rules",
    "daily_counts",
    "flow_metrics",
    "idempotency_keys",
    "item_blocks",
    "kept_crossings",
    "kept_items",
    "kept_levels",
    "kept_moves",
    "kept_oddities",
    "kept_passes",
    "kept_paths",
    "kept_searches",
    "kept_sources",
    "kept_steps",
    "metadata",
    "news",
    "recent_measures",
    "recent_quantiles",
    "rollup_invalidations",
    "rollup_state",
    "stage_limits",
    "stage_transitions",
    "stage_zones",
    "stages",
    "stream_versions",
    "total_counts",
    "value_streams",
    "work_items",
    "working_spans",
]
