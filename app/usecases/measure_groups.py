"""Measure all items of a scope, those of each type apart, and count what is in neither."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.domain.work_item import WorkItemType
from app.store.database import Connection
from app.store.left_out import left_out
from app.usecases.scope import Scope

Measure = TypeVar("Measure")


@dataclass(frozen=True, slots=True)
class Groups(Generic[Measure]):
    """What was found about all items, about those of each type if asked for, and the rest.

    `left_out` counts by reason the items that a sample of finished ones does not hold.
    """

    whole: Measure
    by_type: Mapping[WorkItemType, Measure]
    left_out: Mapping[str, int]


async def measure_groups(
    connection: Connection,
    scope: Scope,
    measure: Callable[[Connection, Scope], Awaitable[Measure]],
    *,
    by_type: bool = False,
) -> Groups[Measure]:
    """Measure a scope, and with `by_type` each of its types as if it had been asked for alone."""
    whole = await measure(connection, scope)
    kinds = scope.of_each_type() if by_type else {}
    return Groups(
        whole=whole,
        by_type={kind: await measure(connection, alone) for kind, alone in kinds.items()},
        left_out=await left_out(connection, scope.selection),
    )
