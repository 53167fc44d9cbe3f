"""In which form a client wants an answer: content negotiation by the Accept header (RFC 9110)."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from fastapi import Request, Response

JSON = "application/json"
CSV = "text/csv"
HTML = "text/html"

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def preferred(accept: str, offered: Sequence[str]) -> str:
    """Return the offered media type that the header likes best; the first when it likes none.

    Of equally liked types the one named most exactly wins, then the one offered first: a program
    that accepts `*/*` gets the first.
    """
    ranges = [_media_range(part) for part in accept.split(",") if part.strip()]
    ranked = [(_weight(ranges, media), -place, media) for place, media in enumerate(offered)]
    best = max(ranked, key=lambda entry: entry[:2])
    return best[2] if best[0] > (0.0, 0) else offered[0]


def _media_range(part: str) -> tuple[str, float]:
    """Split one element of the header into media range and weight."""
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    weights = [parameter[2:] for parameter in parameters if parameter.startswith("q=")]
    try:
        return name, min(1.0, max(0.0, float(weights[0]))) if weights else 1.0
    except ValueError:
        return name, 0.0


def _weight(ranges: Sequence[tuple[str, float]], media: str) -> tuple[float, int]:
    """Return the weight of a media type and how exactly it was named; the most exact decides."""
    matching = [
        (exactness, weight)
        for name, weight in ranges
        for exactness, pattern in enumerate(("*/*", f"{media.split('/', maxsplit=1)[0]}/*", media))
        if name == pattern
    ]
    if not matching:
        return 0.0, 0
    exactness, weight = max(matching)
    return (weight, exactness) if weight else (0.0, 0)


def negotiated(request: Request, offered: Sequence[str]) -> str:
    """Return the form that a client likes best; its answer says that it depends on that."""
    request.state.varies_by_accept = True
    return preferred(request.headers.get("accept", ""), offered)


def wants_csv(request: Request) -> bool:
    """Tell whether the client asks for CSV rather than JSON."""
    return negotiated(request, (JSON, CSV)) == CSV


def csv_response(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], name: str) -> Response:
    """Render rows as CSV with a header, CRLF ends and quotes where needed (RFC 4180).

    Null is an empty cell, instants are RFC 3339. A text that a spreadsheet would take for a formula
    is preceded by an apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    headers = {"Content-Disposition": f'inline; filename="{name}.csv"'}
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def grouped_csv(
    columns: Sequence[str],
    answer: Any,
    rows_of: Callable[[Any], Iterable[Mapping[str, Any]]],
    name: str,
) -> Response:
    """Render the rows of an answer, or where it has `groups` theirs, with their `type` in front."""
    if answer.groups is None:
        return csv_response(columns, rows_of(answer), name)
    typed = [{"type": group.type, **row} for group in answer.groups for row in rows_of(group)]
    return csv_response(["type", *columns], typed, name)


def csv_documented(description: str = "the same as a table") -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI response of a route that answers CSV, too."""
    return {200: {"description": description, "content": {CSV: {"schema": {"type": "string"}}}}}


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
