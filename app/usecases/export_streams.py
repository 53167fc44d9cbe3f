"""Write down what is in force, as definitions that change nothing when they are applied."""

from collections.abc import Sequence
from dataclasses import replace

from app.domain.stream_definition import StreamDefinition
from app.domain.value_stream import ValueStream
from app.store import value_streams
from app.store.database import Connection


async def export(connection: Connection, keys: Sequence[str] = ()) -> list[StreamDefinition]:
    """Return the definitions of these streams, or of all, the default one first.

    Raises UnknownStream.
    """
    chosen = keys or await value_streams.keys(connection)
    return [definition_of(await value_streams.load(connection, key)) for key in chosen]


def definition_of(stream: ValueStream) -> StreamDefinition:
    """Return what describes a stream in force: all of it but what the database numbers."""
    stages = tuple(
        replace(stage, id=0, order=place) for place, stage in enumerate(stream.stages, start=1)
    )
    return StreamDefinition(replace(stream, id=0, definitions_version=1, stages=stages))
