"""The flow distribution: which kinds of work the throughput was made of."""

from fastapi import APIRouter, Request, Response
from pydantic import Field

from app.api.explained import Explained, explanation, links_to
from app.api.filters import Scoped
from app.api.negotiation import csv_documented, csv_response, wants_csv
from app.api.problems import documented
from app.api.session import Analysis, Db
from app.api.types import Answer
from app.domain import errors
from app.domain.work_item import WorkItemType
from app.flow.distribution import FLOW_ITEM_OF, FlowItem
from app.flow.distribution import FlowDistribution as Shares
from app.store.populations import Population
from app.usecases.divide_throughput import divide_throughput
from app.usecases.measure_groups import Groups, measure_groups
from app.usecases.scope import Scope

router = APIRouter(prefix="/api/v1/metrics", tags=["flow metrics"], route_class=Analysis)


class TypeShare(Answer):
    """The part of the throughput that items of one type make up."""

    type: WorkItemType
    flow_item: FlowItem
    throughput: int
    share: float | None = Field(description="null when nothing was finished")


class FlowItemShare(Answer):
    """The part of the throughput that one flow item makes up."""

    flow_item: FlowItem
    throughput: int
    share: float | None = Field(description="null when nothing was finished")


class FlowDistribution(Explained):
    """The throughput by kind of work; each list's shares add up to 1."""

    throughput: int
    types: list[TypeShare]
    flow_items: list[FlowItemShare]

    @classmethod
    def of(cls, scope: Scope, divided: Groups[Shares]) -> "FlowDistribution":
        """Render the distribution of a scope."""
        found = divided.whole
        return cls(
            **explanation(
                scope,
                sample_size=found.throughput,
                excluded=divided.left_out,
                links=links_to(scope, Population.THROUGHPUT),
            ),
            throughput=found.throughput,
            types=[
                TypeShare(
                    type=kind,
                    flow_item=FLOW_ITEM_OF[kind],
                    throughput=count,
                    share=found.share(count),
                )
                for kind, count in found.by_type.items()
            ],
            flow_items=[
                FlowItemShare(flow_item=item, throughput=count, share=found.share(count))
                for item, count in found.by_flow_item.items()
            ],
        )


@router.get(
    "/distribution",
    summary="Throughput by type and flow item",
    response_model=FlowDistribution,
    responses=csv_documented("the types as a table")
    | documented(errors.InvalidValue, errors.UnknownStream, errors.ClockNotReady),
)
async def flow_distribution(scope: Scoped, request: Request, db: Db) -> FlowDistribution | Response:
    """Which share of the throughput each type has, and each flow item of the Flow Framework.

    Features are features and bugs are defects. Whether a task or an epic pays off a debt or averts
    a risk is not told by its type: they are unclassified.
    """
    answer = FlowDistribution.of(scope, await measure_groups(db, scope, divide_throughput))
    if wants_csv(request):
        rows = [each.model_dump() for each in answer.types]
        return csv_response(list(TypeShare.model_fields), rows, "distribution")
    return answer
