"""A value stream as a team describes it, before it has become what the service works by."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.value_stream import ValueStream


@dataclass(frozen=True, slots=True)
class StreamDefinition:
    """What a file says of one stream; its stages carry no ids yet.

    `replaces` names, for a stage, the stages that it takes over. Where no stage of that name exists
    yet, the first that does is renamed; every other one is merged into it, with all its history.
    Names that do not exist (any more) say nothing, so that a file can be applied again and again.
    """

    stream: ValueStream
    replaces: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
