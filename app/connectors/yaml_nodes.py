"""YAML from people: bytes to nodes that know their places, and what is wrong with its writing.

Nodes are only composed, never constructed: no tag can make anything but a text of its value.
"""

from dataclasses import dataclass, field
from typing import Any, TypeGuard

import yaml

from app.connectors.texts import clean, shown
from app.domain.errors import FileProblem, Place

MAX_BYTES = 128 * 1024
MAX_VALUES = 20_000
"""Most values in a file, those that aliases repeat counted each time."""

MAX_BRACKETS = 20
"""Most brackets within brackets."""

_ENDLESS = MAX_VALUES + 1
_TYPES = {
    "bool": "true or false",
    "int": "a number",
    "float": "a number",
    "timestamp": "a date",
}
"""What YAML takes unquoted texts for."""
_REMEDIES = (
    (
        "character '\\t'",
        "expected blanks, got a tab: YAML knows no tabs at the beginning of a line",
    ),
    (
        "mapping values are not allowed",
        "expected no second colon here: quote a text with a colon, or indent the line right",
    ),
    (
        "single document",
        "expected one document, got another one: write all streams below one value_streams",
    ),
    (
        "undefined alias",
        "expected an anchor (&name) before this alias: put a text that begins with * in quotes",
    ),
    (
        "while scanning a quoted scalar",
        "expected a closing quote for the text that begins here",
    ),
    (
        "unknown escape character",
        "expected another letter after the backslash: a text in single quotes needs no escapes",
    ),
    (
        "while parsing a flow",
        "expected a comma between values, or a closing bracket: see the bracket opened before",
    ),
    (
        "expected <block end>",
        "expected the indentation of the lines before, and a dash before each entry of a list",
    ),
    ("too many brackets", "expected a few levels of values, got brackets nested too deeply"),
    ("could not find expected ':'", "expected a colon and a blank after the field's name"),
    (
        "cannot start any token",
        "expected a text that begins with a letter or digit: put any other text in quotes",
    ),
    ("duplicate anchor", "expected each anchor once, got this one again: rename it"),
)


class _Loader(yaml.SafeLoader):
    """Gives up where brackets are nested deeply: each costs the scanner time at every token."""

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:  # noqa: N803 - PyYAML's name
        """Scan an opening bracket."""
        if self.flow_level >= MAX_BRACKETS:
            raise yaml.scanner.ScannerError(None, None, "too many brackets", self.get_mark())
        super().fetch_flow_collection_start(TokenClass)


@dataclass(slots=True)
class Findings:
    """What is wrong in one file."""

    file: str
    problems: list[FileProblem] = field(default_factory=list)

    def add(self, mark: yaml.Mark | None, message: str, name: str = "") -> None:
        """Add a problem at a mark of the parser, or about the file as a whole."""
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        self.problems.append(FileProblem(Place(self.file, line, column, name), message))

    def add_at(self, text: str, position: int, message: str) -> None:
        """Add a problem at a character of the text."""
        before = text[:position]
        column = position - (before.rfind("\n") + 1) + 1
        place = Place(self.file, before.count("\n") + 1, column)
        self.problems.append(FileProblem(place, message))


def compose(data: bytes, findings: Findings) -> yaml.Node | None:
    """Return the root of the one document in the file; None, with a problem, where none can be."""
    text = _decode(data, findings)
    if text is None:
        return None
    if text.lstrip().startswith("{"):
        text = text.replace("\t", " ")  # JSON may indent with tabs, and its texts hold none
    try:
        root = yaml.compose(text, Loader=_Loader)
        if root is None:
            findings.add_at(
                "", 0, "expected value streams, got an empty file: begin with `version: 1`"
            )
        elif _count(root, {}) > MAX_VALUES:
            message = f"expected at most {MAX_VALUES:,} values, got more, counting those of aliases"
            findings.add(root.start_mark, message)
            return None
    except yaml.MarkedYAMLError as error:
        _add_syntax(error, findings)
    except yaml.reader.ReaderError as error:
        code = f"U+{ord(text[error.position]):04X}"
        message = f"expected characters that can be seen, got {code}: take it out"
        findings.add_at(text, error.position, message)
    except (ValueError, OverflowError):  # an escape beyond Unicode, which PyYAML does not place
        findings.add(None, "expected YAML, got an escape such as \\UFFFFFFFF that is no character")
    except RecursionError:
        findings.add(None, "expected a few levels of values, got dashes nested too deeply")
    else:
        return root
    return None


def _decode(data: bytes, findings: Findings) -> str | None:
    if len(data) > MAX_BYTES:
        size = f"{len(data) / 1024:,.0f}"
        findings.add(None, f"expected at most {MAX_BYTES // 1024} KiB, got {size}: split the file")
        return None
    is_wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return data.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-16" if is_wide else "utf-8-sig", "replace")
        findings.add_at(before, len(before), "expected UTF-8, got other bytes: save it as UTF-8")
        return None


def _add_syntax(error: yaml.MarkedYAMLError, findings: Findings) -> None:
    said = f"{error.context or ''} {error.problem or ''}"
    mark = error.problem_mark or error.context_mark
    if "while scanning a quoted scalar" in said:
        mark = error.context_mark or mark  # where it begins: it ends wherever another quote is
    for words, message in _REMEDIES:
        if words in said:
            findings.add(mark, message)
            return
    findings.add(mark, f"expected YAML, got something else from here on: {clean(said)[:200]}")


def _count(node: yaml.Node, counted: dict[int, int]) -> int:
    """Count values as often as aliases repeat them; what contains itself has no end."""
    known = counted.get(id(node))
    if known is not None:
        return known
    counted[id(node)] = _ENDLESS
    total = 1
    if isinstance(node, yaml.MappingNode):
        total += sum(_count(each, counted) for pair in node.value for each in pair)
    elif isinstance(node, yaml.SequenceNode):
        total += sum(_count(each, counted) for each in node.value)
    counted[id(node)] = min(total, _ENDLESS)
    return counted[id(node)]


def is_plain(node: yaml.Node) -> TypeGuard[yaml.ScalarNode]:
    """Tell whether a scalar stands without quotes, so that YAML decides about its type."""
    return isinstance(node, yaml.ScalarNode) and node.style is None


def kind_of(node: yaml.Node) -> str:
    """Return what YAML takes a node for: `str`, `bool`, `int`, `map`, … or its tag as written."""
    kind = str(node.tag).removeprefix("tag:yaml.org,2002:")
    return "str" if kind in {"value", "merge"} else kind  # `=` and `<<` mean nothing here


def text_of(node: yaml.ScalarNode) -> str:
    """Return a scalar's text; the halves as which JSON writes a character are joined."""
    halves: bytes = node.value.encode("utf-16-le", "surrogatepass")
    return halves.decode("utf-16-le", "replace")


def told(node: yaml.Node) -> str:
    """Quote a node for a message."""
    kind = kind_of(node)
    if kind == "null":
        return "nothing: write a value, or take the field out"
    if kind not in {*_TYPES, "str", "map", "seq"}:
        return f"the tag {shown(node.tag)}: take the tag out"
    if isinstance(node, yaml.ScalarNode):
        return shown(text_of(node))
    return "a mapping" if isinstance(node, yaml.MappingNode) else "a list"


def told_for_text(node: yaml.Node) -> str:
    """Quote what stands where a text was expected, with the remedy for what YAML mistakes."""
    kind = _TYPES.get(kind_of(node))
    return f"{told(node)}, which YAML takes for {kind}: put it in quotes" if kind else told(node)
