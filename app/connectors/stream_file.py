"""Value streams as code: from files to definitions, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.connectors.shape_checks import Checks
from app.connectors.stream_rules import StreamPart, check_streams
from app.connectors.stream_schema import FILE, VERSION
from app.connectors.stream_values import definition_of, values_of
from app.connectors.stream_yaml import dump
from app.connectors.yaml_nodes import Findings, compose
from app.domain.errors import InvalidStream, InvalidStreamFile
from app.domain.stream_definition import StreamDefinition


def read(data: bytes, file: str) -> list[StreamDefinition]:
    """Return the streams that a file describes, in YAML or JSON.

    Raises InvalidStreamFile with every mistake, each with line, column, field and remedy.
    """
    return read_all({file: data})


def read_all(files: Mapping[str, bytes]) -> list[StreamDefinition]:
    """Return the streams of several files, by name; no two of them may describe the same stream.

    Raises InvalidStreamFile with the mistakes of all files.
    """
    found = {name: Findings(name) for name in files}
    parts = [part for name, data in files.items() for part in _parts(data, found[name])]
    check_streams(parts)
    _refuse(found)
    definitions = [each for part in parts for each in _defined(part)]
    _refuse(found)
    return definitions


def plain(definitions: Sequence[StreamDefinition]) -> dict[str, Any]:
    """Return definitions as a file states them, in values that JSON knows; defaults are unsaid."""
    return {"version": VERSION, "value_streams": [values_of(each) for each in definitions]}


def write(definitions: Sequence[StreamDefinition]) -> str:
    """Return a YAML file from which `read` makes the same definitions."""
    return dump(plain(definitions))


def _parts(data: bytes, findings: Findings) -> list[StreamPart]:
    """Return the streams of a file that are mappings, with their places."""
    root = compose(data, findings)
    if root is None:
        return []
    checks = Checks(findings)
    values = checks.value(root, FILE) or {}
    return [
        StreamPart(checks, ("value_streams", index), stream)
        for index, stream in enumerate(values.get("value_streams", ()))
        if stream is not None
    ]


def _defined(part: StreamPart) -> list[StreamDefinition]:
    """Return the definition; none, with a problem, where the domain refuses it."""
    try:
        return [definition_of(part.values)]
    except InvalidStream as error:
        part.problem(("key",), error.detail)
        return []


def _refuse(found: Mapping[str, Findings]) -> None:
    """Raise InvalidStreamFile where there are problems, in the order of files and lines."""
    problems = [
        problem
        for findings in found.values()
        for problem in sorted(
            findings.problems, key=lambda each: (each.place.line, each.place.column)
        )
    ]
    if problems:
        raise InvalidStreamFile(problems)
