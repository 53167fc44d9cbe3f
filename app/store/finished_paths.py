"""The ways that finished items took: where their time went, and how often they were sent back."""

from collections import Counter
from collections.abc import Sequence

from app.domain.value_stream import Stage, ValueStream, Zone
from app.flow.quality import Quality, StageQuality, ranked_loops, unfinished
from app.flow.value_stream_map import Ladder, Rung
from app.store.parts import ItemPart, Parts, PathPart
from app.store.spans import Phase


def finished_paths(parts: Parts, stream: ValueStream) -> tuple[Ladder, Quality]:
    """Return what `flow.value_stream_map.ladder` and `flow.quality.quality` define."""
    finished = [each for each in parts.items if each.phase is Phase.INSIDE]
    return _ladder(parts, finished, stream), _quality(parts.paths, finished, stream)


def _ladder(parts: Parts, finished: Sequence[ItemPart], stream: ValueStream) -> Ladder:
    time_us: Counter[int] = Counter()
    for path in parts.paths:
        time_us[path.left_id] += path.left_us
    lead_us = sum(each.lead_us for each in finished)
    return Ladder(
        items=sum(each.finished_n for each in finished),
        lead_us=lead_us,
        cycle_us=sum(each.cycle_us for each in finished),
        unplaced_us=lead_us - time_us.total(),
        rungs=tuple(Rung(each, stream.zone(each), time_us[each.id]) for each in stream.stages),
    )


def _quality(
    paths: Sequence[PathPart], finished: Sequence[ItemPart], stream: ValueStream
) -> Quality:
    stages = {stage.id: stage for stage in stream.stages}
    forward: Counter[Stage] = Counter()
    returned: Counter[Stage] = Counter()
    rework: Counter[tuple[Stage, Stage]] = Counter()
    for path in paths:
        source, target = stages.get(path.left_id), stages[path.entered_id]
        if source is None:
            continue
        if source.order < target.order:
            forward[source] += path.n
        elif {stream.zone(source), stream.zone(target)} == {Zone.DOING}:
            rework[source, target] += path.n
            returned[target] += path.returned_n
    return Quality(
        items=sum(each.finished_n for each in finished),
        reworked_items=sum(path.first_rework_n for path in paths),
        rework_us=sum(path.rework_us for path in paths),
        cycle_us=sum(each.cycle_us for each in finished),
        stages=tuple(
            StageQuality(each, forward[each], returned[each]) for each in unfinished(stream)
        ),
        loops=ranked_loops(rework),
    )
