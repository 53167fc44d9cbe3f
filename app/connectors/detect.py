"""Which format a file has, told from its beginning, and why."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from app.connectors import columns, stage_columns, transitions_table
from app.connectors.json_text import JsonProblemError, parse
from app.connectors.reading import Reading
from app.connectors.stage_names import StageNames
from app.connectors.tables import decode, read_csv
from app.domain.value_stream import DEFAULT_STREAM, Stage, Zone

_SAMPLE = 1 << 20  # bytes of a table that are looked at


class FileFormat(StrEnum):
    """The formats that can be imported."""

    JIRA = "jira"
    CSV = "csv"
    JSONL = "jsonl"
    STAGE_DATES = "stage-dates"


class Detected(NamedTuple):
    """A format, and the sentence that explains the choice."""

    format: FileFormat
    because: str


def detect_format(
    data: bytes, file: str, stated_columns: Mapping[str, str] | None = None
) -> Detected:
    """Tell a file's format. One that is none of them is taken for a CSV, whose reader says why."""
    text = decode(data, file, Reading())
    if text is None:
        return Detected(FileFormat.CSV, "the file is not a text")
    start = text.lstrip()
    if start.startswith(("{", "[")):
        return _json(start)
    return _table(data[:_SAMPLE], file, stated_columns or {})


def _json(text: str) -> Detected:
    """Tell Jira's issues from lines of transitions by the keys of the first object."""
    if text.startswith("["):
        return Detected(FileFormat.JIRA, "the file is a JSON array, as of Jira issues")
    try:
        first = parse(text.split("\n", 1)[0])
    except JsonProblemError:
        return Detected(FileFormat.JIRA, "the file is one JSON document, as a Jira search result is")
    found = next(
        (key for key in ("issues", "fields", "changelog") if isinstance(first, dict) and key in first),
        None,
    )
    if found:
        return Detected(FileFormat.JIRA, f"the first JSON object has {found!r}, as Jira's have")
    return Detected(FileFormat.JSONL, "the first line is a JSON object that is no Jira issue")


def _table(data: bytes, file: str, stated: Mapping[str, str]) -> Detected:
    """Tell a row for each move from a row for each item by the columns."""
    if stated.keys() & {"to_stage", "timestamp"}:
        return Detected(FileFormat.CSV, "a column is stated for to_stage or timestamp")
    if stated.keys() & {"started", "finished"}:
        return Detected(FileFormat.STAGE_DATES, "a column is stated for started or finished")
    table = read_csv(data, file, None, Reading())
    if table is None:
        return Detected(FileFormat.CSV, "the file has no header of several columns")
    names = StageNames(DEFAULT_STREAM, {})
    meanings = [names.synonym(text) for text in table.header]
    stages = [meaning for meaning in meanings if isinstance(meaning, Stage)]
    dates, _ = columns.find(table.header, stage_columns.FIELDS, {})
    zones = {DEFAULT_STREAM.zone(stage) for stage in stages}
    if {"started", "finished"} <= dates.keys() or {Zone.DOING, Zone.DONE} <= zones:
        return Detected(FileFormat.STAGE_DATES, "the columns are the dates of stages")
    moves, _ = columns.find(table.header, transitions_table.FIELDS, {})
    if {"to_stage", "timestamp"} <= moves.keys():
        to_stage, at = (table.header[moves[name]] for name in ("to_stage", "timestamp"))
        return Detected(FileFormat.CSV, f"each row has a stage ({to_stage}) and a time ({at})")
    if dates.keys() & {"started", "finished"} or stages:
        return Detected(FileFormat.STAGE_DATES, "some columns are the dates of stages")
    return Detected(FileFormat.CSV, "no column says more")
