"""Mapping files: which stage, type and column the words of a source mean, in YAML or JSON."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import yaml

from app.connectors.file_texts import decode
from app.connectors.item_types import ItemTypes
from app.connectors.reading import Reading, ReadOptions, Tally
from app.connectors.texts import clean, shown
from app.domain.errors import FileProblem, Place

_LISTS = {
    "discard_resolutions": "a list of resolutions such as [Duplicate, Won't Do]",
    "blocked_labels": "a list of labels such as [blocked, waiting]",
}
_SECTIONS = ("stages", "types", "columns", *_LISTS)


@dataclass(slots=True)
class NameMapping:
    """What a mapping file states. With `problems`, nothing of it should be used."""

    stages: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    discard_resolutions: tuple[str, ...] | None = None
    blocked_labels: tuple[str, ...] | None = None
    problems: list[FileProblem] = field(default_factory=list)

    def under(self, options: ReadOptions) -> ReadOptions:
        """Return the options with what the file adds; what the options state wins."""
        resolutions = self.discard_resolutions
        return replace(
            options,
            mapping={**self.stages, **options.mapping},
            types={**self.types, **options.types},
            columns={**self.columns, **options.columns},
            discard_resolutions=options.discard_resolutions if resolutions is None else resolutions,
            blocked_labels=options.blocked_labels or self.blocked_labels or (),
        )


def parse_mapping(data: bytes, file: str) -> NameMapping:
    """Read `{stages: {word: stage}, types: …, columns: …}` and lists.

    The lists are `discard_resolutions` and `blocked_labels`. A flat `word: stage` mapping states
    stages alone. Every scalar is a text: `No` is a status.
    """
    reading = Reading()
    mapping = NameMapping(problems=reading.problems)
    text = decode(data, file, reading)
    root = None if text is None else _compose(text, file, reading)
    if isinstance(root, yaml.MappingNode):
        entries = list(_entries(root, file, reading))
        if any(key in _SECTIONS and not _is_text(value) for key, value in entries):
            _read_sections(entries, file, mapping, reading)
        else:
            mapping.stages = _texts(entries, file, reading)
    elif root is not None:
        reading.problem(_place(file, root), "expected a mapping of words to stages, got a list")
    ItemTypes(mapping.types, Tally()).check(file, reading)
    return mapping


def _compose(text: str, file: str, reading: Reading) -> yaml.Node | None:
    """Return the tree of nodes, which know their lines. JSON is YAML, but for tabs as indent."""
    if text.lstrip().startswith("{"):
        text = text.replace("\t", " ")
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
        reading.problem(place, "expected YAML or JSON, got a text that is neither from here on")
        return None
    except (yaml.YAMLError, ValueError, OverflowError):  # the last two: escapes beyond Unicode
        reading.problem(Place(file), "expected YAML or JSON, got characters that neither may hold")
        return None
    except RecursionError:
        reading.problem(Place(file), "expected a flat mapping, got brackets nested too deeply")
        return None
    if root is None or _is_text(root):
        reading.problem(Place(file, 1), "expected a mapping of words to stages, got no mapping")
        return None
    return root


def _read_sections(
    entries: list[tuple[str, yaml.Node]], file: str, mapping: NameMapping, reading: Reading
) -> None:
    for section, node in entries:
        if section not in _SECTIONS:
            expected = f"expected one of {', '.join(_SECTIONS)}"
            reading.problem(_place(file, node, section), f"{expected}, got {shown(section)}")
        elif section in _LISTS:
            setattr(mapping, section, _list(node, file, section, reading))
        elif isinstance(node, yaml.MappingNode):
            words = _texts(list(_entries(node, file, reading)), file, reading)
            setattr(mapping, section, words)
        elif not (isinstance(node, yaml.ScalarNode) and not node.value):
            message = "expected a mapping of words, got a list or a text"
            reading.problem(_place(file, node, section), message)


def _entries(
    node: yaml.MappingNode, file: str, reading: Reading
) -> Iterator[tuple[str, yaml.Node]]:
    """Yield keys with their nodes; a key that is no text, or stands twice, is a problem."""
    seen: set[str] = set()
    for key, value in node.value:
        word = _text(key)
        if not word:
            reading.problem(_place(file, key), "expected a word before the colon, got none")
        elif word in seen:
            reading.problem(
                _place(file, key, word), f"expected each word once, got {shown(word)} again"
            )
        else:
            seen.add(word)
            yield word, value


def _texts(entries: list[tuple[str, yaml.Node]], file: str, reading: Reading) -> dict[str, str]:
    words: dict[str, str] = {}
    for word, node in entries:
        if text := _text(node):
            words[word] = text
        else:
            message = "expected a text after the colon, got none"
            reading.problem(_place(file, node, word), message)
    return words


def _list(node: yaml.Node, file: str, section: str, reading: Reading) -> tuple[str, ...] | None:
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    texts = [text for item in items if (text := _text(item))]
    if not isinstance(node, yaml.SequenceNode) or len(texts) < len(items):
        message = f"expected {_LISTS[section]}, got something else"
        reading.problem(_place(file, node, section), message)
        return None
    return tuple(texts)


def _is_text(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode)


def _text(node: yaml.Node) -> str:
    """Return a scalar's text, '' for anything else."""
    if not isinstance(node, yaml.ScalarNode):
        return ""
    # JSON escapes a character beyond U+FFFF as two halves, which YAML leaves apart
    halves: bytes = node.value.encode("utf-16-le", "surrogatepass")
    return clean(halves.decode("utf-16-le", "replace"))


def _place(file: str, node: yaml.Node, name: str = "") -> Place:
    mark = node.start_mark
    return Place(file, mark.line + 1, mark.column + 1, name)
