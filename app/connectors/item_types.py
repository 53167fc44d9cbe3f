"""Which type a work item has, from the word its source uses."""

from collections.abc import Mapping

from app.connectors.reading import Reading, Tally
from app.connectors.texts import normal, shown
from app.domain.errors import Place
from app.domain.work_item import WorkItemType

_WORDS = {
    WorkItemType.FEATURE: (
        *("Feature", "Story", "User Story", "New Feature", "Improvement", "Enhancement"),
        *("Requirement", "Product Backlog Item", "Change Request"),
    ),
    WorkItemType.BUG: ("Bug", "Defect", "Incident", "Problem", "Fault"),
    WorkItemType.EPIC: ("Epic", "Initiative"),
    WorkItemType.TASK: (
        *("Task", "Sub-task", "Technical Task", "Technical Debt", "Technical Story"),
        *("Technical", "Chore", "Spike", "Maintenance"),
    ),
}
_BY_WORD = {normal(word): kind for kind, words in _WORDS.items() for word in words}


class ItemTypes:
    """Finds types; a word nobody knows is a task, and told."""

    def __init__(self, stated: Mapping[str, str], tally: Tally) -> None:
        self._stated = {normal(word): value for word, value in stated.items()}
        self._raw = stated
        self._tally = tally

    def check(self, file: str, reading: Reading) -> bool:
        """Add a problem for each stated mapping to something that is no type; True if none."""
        wrong = [word for word, value in self._raw.items() if _type(value) is None]
        for word in wrong:
            reading.problem(
                Place(file, field=f"type {word}"),
                f"expected one of {', '.join(WorkItemType)}, got {shown(self._raw[word])}",
            )
        return not wrong

    def of(self, word: str, item: str) -> WorkItemType:
        """Return the type that the word means; `item` is named when something is assumed."""
        plain = normal(word)
        if plain in self._stated:
            return _type(self._stated[plain]) or WorkItemType.TASK
        found = _BY_WORD.get(plain)
        if found is None:
            what = (
                f"type {shown(word)} is not known and was" if plain else "items without type were"
            )
            self._tally.add(f"{what} taken as task", item)
        return found or WorkItemType.TASK


def _type(value: str) -> WorkItemType | None:
    try:
        return WorkItemType(value.strip().casefold())
    except ValueError:
        return None
