"""Value stream files named on the command line."""

from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from app.cli.console import err, fail
from app.connectors import stream_file
from app.domain.errors import InvalidStreamFile
from app.domain.stream_definition import StreamDefinition


def read_files(files: Sequence[Path], console: Console = err) -> list[StreamDefinition]:
    """Return the streams of all files; with any mistake, list them all and end with status 1."""
    try:
        return stream_file.read_all({str(path): path.read_bytes() for path in files})
    except InvalidStreamFile as error:
        for problem in error.problems:
            console.print(escape(str(problem)), soft_wrap=True, highlight=False)
        count = len(error.problems)
        fail(f"{count} problem{'s'[: count > 1]} in value stream files")
        raise typer.Exit(1) from None
