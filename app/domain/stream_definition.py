"""A value stream as a team describes it, before it has become what the service works by."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.errors import InvalidStream
from app.domain.value_stream import ValueStream


@dataclass(frozen=True, slots=True)
class StreamDefinition:
    """What a file says of one stream; its stages carry no ids yet.

    `replaces` names, for a stage, the stages that it takes over. Where no stage of that name exists
    yet, the first that does is renamed; every other one is merged into it, with all its history.
    Names that do not exist (any more) say nothing, so that a file can be applied again and again.

    Raises InvalidStream when a stage is both kept and taken over, or taken over twice, and
    UnknownStage when there is none that could take over.
    """

    stream: ValueStream
    replaces: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what could be read in two ways."""
        kept = {stage.name.casefold() for stage in self.stream.stages}
        taken: set[str] = set()
        for name, replaced in self.replaces.items():
            successor = self.stream.stage(name).name
            for each in replaced:
                old = each.strip().casefold()
                if old in kept or old in taken:
                    why = "is a stage itself" if old in kept else "is replaced by another one, too"
                    raise InvalidStream(
                        f"stream {self.stream.key!r}: stage {successor!r} replaces {each!r}, "
                        f"which {why}"
                    )
                taken.add(old)
