"""Which instants can be right: aware, not long before there were computers, not in the future."""

from datetime import UTC, datetime, timedelta

from app.domain.errors import InvalidValue

FUTURE_TOLERANCE = timedelta(minutes=5)
"""How far a sender's clock may be ahead of ours."""

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""Older instants are the zero of somebody's clock, not the time of a move."""


def check_instant(field: str, instant: datetime, now: datetime) -> None:
    """Raise InvalidValue for an instant before 1970 or more than five minutes ahead of `now`."""
    if instant < EARLIEST:
        raise InvalidValue(field, f"expected an instant since 1970, got {instant.isoformat()}")
    if instant > now + FUTURE_TOLERANCE:
        raise InvalidValue(
            field,
            f"expected an instant at most 5 minutes ahead of {now.isoformat()}, "
            f"got {instant.isoformat()}",
        )
