"""Every example in the guide of imports is read without a problem."""

import re
from pathlib import Path

import pytest

from app.connectors import jira, stage_dates, transitions_table
from app.connectors.detect import detect_format
from app.connectors.item_types import ItemTypes
from app.connectors.mapping_file import parse_mapping
from app.connectors.reading import FileFormat, Reading, ReadOptions, Tally
from app.connectors.stage_names import StageNames
from app.domain.value_stream import DEFAULT_STREAM

GUIDE = Path(__file__).parents[3] / "docs" / "imports.md"
EXAMPLES = re.findall(
    r"^```(\w+ [\w-]+)\n(.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL
)
READERS = {
    "csv transitions": (transitions_table.read_csv, FileFormat.CSV),
    "jsonl transitions": (transitions_table.read_jsonl, FileFormat.JSONL),
    "csv stage-dates": (stage_dates.read, FileFormat.STAGE_DATES),
    "json jira": (jira.read, FileFormat.JIRA),
}


def test_the_guide_has_an_example_of_every_format() -> None:
    assert {kind for kind, _ in EXAMPLES} == {*READERS, "yaml mapping"}


@pytest.mark.parametrize(("kind", "text"), [each for each in EXAMPLES if each[0] in READERS])
def test_its_files_are_detected_and_read(kind: str, text: str, options: ReadOptions) -> None:
    reader, expected = READERS[kind]
    assert detect_format(text.encode(), "example").format is expected
    reading = reader(text.encode(), "example", DEFAULT_STREAM, options)
    assert reading.problems == []
    assert reading.histories


@pytest.mark.parametrize("text", [text for kind, text in EXAMPLES if kind == "yaml mapping"])
def test_its_mappings_are_read_and_right(text: str) -> None:
    mapping = parse_mapping(text.encode(), "example")
    assert mapping.problems == []
    reading = Reading()
    assert StageNames(DEFAULT_STREAM, mapping.stages).check("example", reading)
    assert ItemTypes(mapping.types, Tally()).check("example", reading)
