"""Measure several value streams side by side, and all of them together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.flow.summary import FlowSummary, added_up
from app.store import measurements, value_streams
from app.store.database import Connection
from app.store.flow_summary import durations_of, summary_of
from app.store.parts import gather
from app.usecases.scope import Question, Scope, scope_at


@dataclass(frozen=True, slots=True)
class StreamsMeasured:
    """Each stream's scope with its numbers, and the numbers of all items together."""

    streams: Sequence[tuple[Scope, FlowSummary]]
    total: FlowSummary


async def measure_streams(
    connection: Connection, question: Question, keys: Sequence[str] | None
) -> StreamsMeasured:
    """Measure the streams of these keys, or all. The question names none.

    All from one snapshot, as of one instant. Raises InvalidValue, UnknownStream.
    """
    now = await measurements.begin_analysis(connection)
    wanted = await value_streams.keys(connection) if keys is None else list(dict.fromkeys(keys))
    scopes = [await scope_at(connection, replace(question, stream=key), now) for key in wanted]
    parts = [await gather(connection, scope.selection) for scope in scopes]
    summaries = [summary_of(each) for each in parts]
    return StreamsMeasured(
        streams=list(zip(scopes, summaries, strict=True)),
        total=added_up(summaries, *durations_of(parts)),
    )
