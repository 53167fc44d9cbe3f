"""Which format a file has, told from its beginning, and why."""

from collections.abc import Mapping
from typing import NamedTuple

from app.connectors import columns, stage_columns, transitions_table
from app.connectors.file_texts import Content, Text, text_of
from app.connectors.json_text import JsonProblemError, parse
from app.connectors.reading import FileFormat, Reading
from app.connectors.stage_names import StageNames
from app.connectors.tables import read_csv
from app.domain.value_stream import DEFAULT_STREAM, Stage, Zone

_TELLING = {
    FileFormat.CSV: {"to_stage", "timestamp"},
    FileFormat.STAGE_DATES: {"started", "finished"},
}


class Detected(NamedTuple):
    """A format, and the sentence that explains the choice."""

    format: FileFormat
    because: str


def detect_format(
    content: Content, file: str, stated_columns: Mapping[str, str] | None = None
) -> Detected:
    """Tell a file's format. One that is none of them is taken for a CSV, whose reader says why."""
    text = text_of(content, file, Reading())
    if text is None:
        return Detected(FileFormat.CSV, "the file is not a text")
    if text.sample.lstrip().startswith(("{", "[")):
        return _json(text)
    return _table(content, file, stated_columns or {})


def _json(text: Text) -> Detected:
    """Tell Jira's issues from lines of transitions by the keys of the first object."""
    line = next(line for line in text.lines(newline="\n") if line.strip())
    if line.lstrip().startswith("["):
        return Detected(FileFormat.JIRA, "the file is a JSON array, as of Jira issues")
    try:
        first = parse(line)
    except JsonProblemError:
        return Detected(
            FileFormat.JIRA, "the file is one JSON document, as a Jira search result is"
        )
    found = next(
        (
            key
            for key in ("issues", "fields", "changelog")
            if isinstance(first, dict) and key in first
        ),
        None,
    )
    if found:
        return Detected(FileFormat.JIRA, f"the first JSON object has {found!r}, as Jira's have")
    return Detected(FileFormat.JSONL, "the first line is a JSON object that is no Jira issue")


def _table(content: Content, file: str, stated: Mapping[str, str]) -> Detected:
    """Tell a row for each move from a row for each item by the columns."""
    for format_, names in _TELLING.items():
        for name in names & stated.keys():
            return Detected(format_, f"a column is stated for {name}")
    table = read_csv(content, file, None, Reading())
    if table is None:
        return Detected(FileFormat.CSV, "the file has no header of several columns")
    return _by_header(table.header)


def _by_header(header: list[str]) -> Detected:
    names = StageNames(DEFAULT_STREAM, {})
    meanings = [names.synonym(text) for text in header]
    zones = {DEFAULT_STREAM.zone(each) for each in meanings if isinstance(each, Stage)}
    dates = columns.find(header, stage_columns.FIELDS, {})[0].keys()
    if {"started", "finished"} <= dates or {Zone.DOING, Zone.DONE} <= zones:
        return Detected(FileFormat.STAGE_DATES, "the columns are the dates of stages")
    moves, _ = transitions_table.find_columns(header, {})
    if {"to_stage", "timestamp"} <= moves.keys():
        to_stage, at = (header[moves[name]] for name in ("to_stage", "timestamp"))
        return Detected(FileFormat.CSV, f"each row has a stage ({to_stage}) and a time ({at})")
    if dates & {"started", "finished"} or zones:
        return Detected(FileFormat.STAGE_DATES, "some columns are the dates of stages")
    return Detected(FileFormat.CSV, "no column tells more")
