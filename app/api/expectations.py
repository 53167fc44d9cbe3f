"""What answers say of promises: the parameter that asks for one, and the answer's part."""

from fractions import Fraction

from pydantic import Field

from app.api.filters import GroupFilter
from app.api.types import Answer
from app.flow.expectation import Expectation
from app.flow.histogram import US_PER_HOUR


class PromiseFilter(GroupFilter):
    """Which part of the flow is asked about, and how sure a promise shall be."""

    p: float = Field(0.85, ge=0.01, le=0.999, description="share of items a promise is to hold for")

    @property
    def promise(self) -> Fraction:
        """The share exactly as it was written: 0.85 is 17/20."""
        return Fraction(str(self.p))


class ServiceLevelExpectation(Answer):
    """The promise that the share `p` of items finish within `hours`."""

    p: float
    hours: float | None = Field(description="null when fewer than `needed` items were finished")
    sample_size: int = Field(description="items finished in the 90 days it rests on")
    needed: int = Field(description="items that a promise at this `p` takes")

    @classmethod
    def of(cls, stated: Expectation) -> "ServiceLevelExpectation":
        """Render an expectation."""
        return cls(
            p=float(stated.p),
            hours=hours(stated.limit_us),
            sample_size=stated.sample_size,
            needed=stated.needed,
        )


def hours(microseconds: int | None) -> float | None:
    """Return a duration as the API tells it."""
    return None if microseconds is None else microseconds / US_PER_HOUR
