"""Moves that were made by mistake, and voided."""

from hypothesis import strategies as st

from tests.integration.stored import Stored
from tests.strategies import HORIZON, Population, instants


async def make_and_void(inside: Stored, population: Population, data: st.DataObject) -> None:
    """Move items somewhere at some time of their lives, then void that."""
    stages = st.sampled_from([stage.name for stage in population.stream.stages])
    mistakes = []
    for item_id, told in zip(inside.ids, population.histories, strict=True):
        when = data.draw(instants())
        if told.cancelled_at is None or when <= told.cancelled_at:
            mistakes.append((item_id, await inside.append(item_id, data.draw(stages), when)))
    for item_id, mistake in mistakes:
        await inside.void(item_id, mistake, HORIZON)
