"""Pages of a list whose rows have ascending ids, newest first: each begins before an id."""

import re
from typing import Any, TypeVar

from fastapi import Request, Response

from app.domain import errors

T = TypeVar("T")


def before_id(cursor: str | None) -> int | None:
    """Return where a listing continues; raises InvalidValue for what was no cursor of ours."""
    if cursor is None:
        return None
    match = re.fullmatch(r"before-(\d{1,18})", cursor)
    if match is None:
        raise errors.InvalidValue("cursor", "expected a value of `next_cursor`, unchanged")
    return int(match[1])


def cursor_before(row_id: int) -> str:
    """Return the cursor of the page that follows this row."""
    return f"before-{row_id}"


def page(
    request: Request,
    response: Response,
    answer: T,
    table: Response | None,
    cursor: str | None,
    **fixed: Any,
) -> T | Response:
    """Return a page, as a table where one was made, with a link to the next one, if any."""
    if cursor:
        link_next(request, response if table is None else table, cursor, **fixed)
    return answer if table is None else table


def link_next(request: Request, response: Response, cursor: str, **fixed: Any) -> None:
    """Tell where the next page is; `fixed` states what the request left open."""
    following = request.url.include_query_params(cursor=cursor, **fixed)
    response.headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
