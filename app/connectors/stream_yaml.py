"""YAML as people would write a value stream file: indented lists, short values on one line."""

from collections.abc import Mapping
from typing import Any

import yaml
from yaml.representer import SafeRepresenter

from app.connectors.stream_schema import SCHEMA_COMMENT
from app.domain.working_time import WEEKDAYS

_ON_ONE_LINE = frozenset(
    {"holidays", "days_off", "service_level_expectation", "replaces", "to", *WEEKDAYS}
)
"""Fields whose values stand in brackets."""
_ONE_LINE_EACH = frozenset({"allow"})
"""Fields with a list, each entry of which stands in brackets."""
_WIDTH = 96


class _Dumper(yaml.SafeDumper):
    """Indents lists below their field."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent also where PyYAML would not."""
        del indentless
        super().increase_indent(flow, indentless=False)


def dump(values: Mapping[str, Any]) -> str:
    """Write the plain values of a file as YAML, below the comment that names the schema."""
    root = SafeRepresenter(sort_keys=False).represent_data(dict(values))
    _arrange(root, on_one_line=False)
    text = yaml.serialize(root, Dumper=_Dumper, allow_unicode=True, width=_WIDTH)
    return f"{SCHEMA_COMMENT}\n{text}"


def _arrange(node: yaml.Node, *, on_one_line: bool) -> None:
    """Decide about the brackets of a node and all below it."""
    if isinstance(node, yaml.CollectionNode):
        node.flow_style = on_one_line
    if isinstance(node, yaml.SequenceNode):
        for each in node.value:
            _arrange(each, on_one_line=on_one_line)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value in _ONE_LINE_EACH:
                value.flow_style = False
                for each in value.value:
                    _arrange(each, on_one_line=True)
            else:
                _arrange(value, on_one_line=on_one_line or key.value in _ON_ONE_LINE)
            if key.value == "days_off":
                for day in value.value:
                    day.tag = "tag:yaml.org,2002:timestamp"  # a date needs no quotes
