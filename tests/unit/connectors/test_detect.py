"""A file's format is told from its beginning, and the choice is explained."""

import pytest

from app.connectors.detect import detect_format
from app.connectors.reading import FileFormat


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"issues": []}', FileFormat.JIRA),
        ('[{"key": "A-1", "fields": {}}]', FileFormat.JIRA),
        ('{\n  "key": "A-1",\n  "fields": {}\n}', FileFormat.JIRA),
        ('{"key": "A-1", "fields": {}}\n{"key": "A-2", "fields": {}}', FileFormat.JIRA),
        ('{"key": "A-1", "to": "Done", "timestamp": 1}\n', FileFormat.JSONL),
        ("key,to,date\nA,Done,2025-01-01\n", FileFormat.CSV),
        ("ID;Status;Changed\nA;Done;2025-01-01\n", FileFormat.CSV),
        ("id,issue_id,field_name,original_to_value,created_date\n", FileFormat.CSV),
        ("Closed Date;Activated Date;ID\n", FileFormat.STAGE_DATES),
        ("ID,Name,State,Type,Started Date,Closed Date,Created Date\n", FileFormat.STAGE_DATES),
        ("ID,Link,Name,Backlog,Committed,Build,Test,Done,Type,Status\n", FileFormat.STAGE_DATES),
        ("ID,Name,State,Type,ClosedDate,CreatedDate\n", FileFormat.STAGE_DATES),
        ("FirstName,LastName\n", FileFormat.CSV),
        ("no table at all", FileFormat.CSV),
        ("", FileFormat.CSV),
    ],
)
def test_each_format_is_recognised(text: str, expected: FileFormat) -> None:
    detected = detect_format(text.encode(), "file")
    assert detected.format is expected
    assert detected.because


def test_stated_columns_tell_the_format() -> None:
    data = b"a,b,c\n1,2,3\n"
    assert detect_format(data, "f", {"timestamp": "c"}).format is FileFormat.CSV
    assert detect_format(data, "f", {"finished": "c"}).format is FileFormat.STAGE_DATES
