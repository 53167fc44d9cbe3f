"""What may be tried again later."""

from app.domain.errors.base import VsmError


class Unavailable(VsmError):
    """The service cannot answer now; try again."""

    type_name = "unavailable"


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached; try again."""

    type_name = "database-unavailable"

    def __init__(self, detail: str = "", *, passing: bool = False) -> None:
        super().__init__(detail)
        self.passing = passing
        """The same may succeed at once, such as on another connection."""


class DatabaseBusy(DatabaseUnavailable):
    """Every connection to the database is in use; try again."""

    type_name = "database-busy"


class OutcomeUnknown(DatabaseUnavailable):
    """The database was lost during the commit; what was asked for may be done, or not."""

    type_name = "outcome-unknown"


class SchemaOutdated(Unavailable):
    """The database's schema is not up to date; run `alembic upgrade head` or `vsm migrate`."""

    type_name = "schema-outdated"


class Overloaded(Unavailable):
    """More requests are waiting than the service takes on; try again in a moment."""

    type_name = "overloaded"


class ClockNotReady(Unavailable):
    """The stream's working clock does not reach so far yet; try again in a few minutes."""

    type_name = "clock-not-ready"


class TooManyWatchers(Unavailable):
    """As many clients watch for moves as one process serves; try again later."""

    type_name = "too-many-watchers"


class EmbeddedDatabaseError(Unavailable):
    """The embedded database cannot be used as it is."""

    type_name = "embedded-database"
