"""Every example in the guide of value streams is right, and its reference is that of the code."""

import re
from pathlib import Path
from textwrap import indent

import pytest

from app.connectors import stream_file
from app.connectors.stream_schema import SCHEMA_COMMENT, reference
from app.connectors.yaml_nodes import MAX_BYTES
from app.domain.stream_definition import StreamDefinition

GUIDE = (Path(__file__).parents[3] / "docs" / "value-streams.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```(yaml[^\n]*)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
HEAD = "version: 1\nvalue_streams:\n  - key: example\n    name: Example\n"
STAGES = "stages: [{name: Doing, category: active}, {name: Done, category: done}]\n"


def read(text: str) -> StreamDefinition:
    (found,) = stream_file.read(text.encode(), "example.yaml")
    return found


def part(text: str) -> StreamDefinition:
    """Read an example of some fields of a stream."""
    stages = "" if "stages:" in text else STAGES
    return read(HEAD + indent(text + stages, "    "))


def test_the_guide_has_whole_files_and_parts() -> None:
    assert {kind for kind, _ in EXAMPLES} == {"yaml file", "yaml part"}


@pytest.mark.parametrize("text", [text for kind, text in EXAMPLES if kind == "yaml file"])
def test_its_files_are_right_and_name_the_schema(text: str) -> None:
    assert text.startswith(SCHEMA_COMMENT)
    assert read(text).stream.start_stage.name == "Design"


@pytest.mark.parametrize("text", [text for kind, text in EXAMPLES if kind == "yaml part"])
def test_its_parts_are_right(text: str) -> None:
    assert part(text).stream.stages


def test_what_it_tells_of_replaced_stages_is_in_the_definition() -> None:
    (text,) = [text for _, text in EXAMPLES if "replaces" in text]
    assert part(text).replaces == {"Build": ("Development", "Analysis")}


def test_its_reference_is_printed_from_the_schema() -> None:
    _, _, after = GUIDE.partition("<!-- reference begins -->\n\n")
    printed, _, _ = after.partition("\n<!-- reference ends -->")
    assert printed == reference(), "paste what `vsm streams schema --reference` prints"


def test_the_size_it_tells_is_that_of_the_code() -> None:
    assert f"at most {MAX_BYTES // 1024} KiB" in GUIDE
