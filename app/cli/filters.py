"""The filters of the commands that measure: the same words, and the same rules, as in the API."""

from typing import Annotated

import typer

from app.domain.working_time import Clock

Days = Annotated[int | None, typer.Option(help="Rolling window, 1 to 90; unsaid: 7.")]
Start = Annotated[str | None, typer.Option(help="Start, included: 2026-01-31T00:00:00Z.")]
End = Annotated[str | None, typer.Option(help="End, excluded.")]
AsOf = Annotated[str | None, typer.Option(help="As things stood then.")]
Zone = Annotated[str | None, typer.Option("--tz", help="IANA zone; unsaid: the stream's.")]
Types = Annotated[list[str] | None, typer.Option("--type", help="Only this type; repeatable.")]
NotTypes = Annotated[
    list[str] | None, typer.Option("--exclude-type", help="All but this type; repeatable.")
]
Stream = Annotated[str | None, typer.Option(help="Value stream; unsaid: the default one.")]
ByClock = Annotated[
    Clock | None, typer.Option("--clock", help="Durations in all time, or in working time.")
]
GroupedBy = Annotated[str | None, typer.Option("--group-by", help="`type`: each type apart.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the API's answer.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]
