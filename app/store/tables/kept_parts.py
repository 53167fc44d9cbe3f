"""What flowed on each closed local day and in each closed hour, by type, in parts that add up.

Stage 0 stands for no stage: an item that was created has not been anywhere yet, one that was
cancelled is nowhere any more.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from app.store.tables.schema import Instant, metadata


def _kept_table(
    name: str,
    key: tuple[Column[int] | Column[str], ...],
    *counts: str,
    packed: tuple[str, ...] = (),
) -> Table:
    """Return a table of sums, and of packed durations, per stream, piece of time and key."""
    return Table(
        name,
        metadata,
        Column("value_stream_id", Integer, ForeignKey("value_streams.id"), primary_key=True),
        Column("starts", Instant, primary_key=True),
        Column("ends", Instant, primary_key=True),
        *key,
        *(Column(count, BigInteger, nullable=False) for count in counts),
        *(Column(durations, LargeBinary) for durations in packed),
    )


def _type() -> Column[str]:
    return Column("type", Text, primary_key=True)


def _from_stage_to_stage() -> tuple[Column[int], Column[int]]:
    return (
        Column("left_id", Integer, primary_key=True, autoincrement=False),
        Column("entered_id", Integer, primary_key=True, autoincrement=False),
    )


kept_items = _kept_table(
    "kept_items",
    (_type(),),
    "created_n",
    "created_until_end_us",
    "late_n",
    "started_n",
    "finished_n",
    "cycle_us",
    "lead_us",
    packed=("cycles", "leads"),
)
"""As `store/sql/part_items.sql` computes it."""

kept_moves = _kept_table(
    "kept_moves",
    (_type(), *_from_stage_to_stage()),
    "n",
    "until_end_us",
    "visit_us",
    "instant_n",
    "mismatch_n",
    "discarded_n",
    "discarded_started_n",
    packed=("visits",),
)
"""As `store/sql/part_moves.sql` computes it."""

kept_paths = _kept_table(
    "kept_paths",
    (_type(), *_from_stage_to_stage()),
    "n",
    "left_us",
    "rework_us",
    "returned_n",
    "first_rework_n",
)
"""As `store/sql/part_paths.sql` computes it."""

kept_passes = _kept_table(
    "kept_passes",
    (_type(), Column("stage_id", Integer, primary_key=True, autoincrement=False)),
    "n",
    "us",
    packed=("passes",),
)
"""As `store/sql/part_passes.sql` computes it."""

kept_steps = _kept_table(
    "kept_steps",
    (
        _type(),
        *_from_stage_to_stage(),
        Column("mark", Integer, primary_key=True, autoincrement=False),
    ),
    "n",
    "discarded_n",
)
"""As `store/sql/part_steps.sql` computes it."""

kept_crossings = _kept_table(
    "kept_crossings", (_type(),), "entered_n", "left_n", "reentered_us", "exited_us"
)
"""As `store/sql/part_crossings.sql` computes it."""

kept_levels = _kept_table(
    "kept_levels",
    (_type(), Column("stage_id", Integer, primary_key=True, autoincrement=False)),
    "step",
    packed=("levels", "spent"),
)
"""As `store/sql/part_levels.sql` computes it; type '' stands for all types together."""
