"""Things that there are not."""

from collections.abc import Sequence

from app.domain.errors.base import VsmError


class NotFound(VsmError):
    """There is no such thing."""

    type_name = "not-found"


class UnknownItem(NotFound):
    """There is no such work item."""

    type_name = "unknown-item"

    def __init__(self, item_id: int) -> None:
        super().__init__(f"no work item has the id {item_id}")


class UnknownTransition(NotFound):
    """There is no such transition."""

    type_name = "unknown-transition"

    def __init__(self, item_id: int, transition_id: int) -> None:
        super().__init__(f"work item {item_id} has no transition {transition_id}")


class UnknownBlock(NotFound):
    """There is no such block."""

    type_name = "unknown-block"

    def __init__(self, item_id: int, block_id: int) -> None:
        super().__init__(f"work item {item_id} has no block {block_id}")


class UnknownStage(NotFound):
    """There is no such stage."""

    type_name = "unknown-stage"

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"no stage is named {name!r}; the stages are: {', '.join(known)}")
        self.name = name


class UnknownStream(NotFound):
    """There is no such value stream."""

    type_name = "unknown-stream"

    def __init__(self, key: str) -> None:
        super().__init__(f"no value stream has the key {key!r}")
