"""Data quality: what in the recorded history looks unlike how work goes."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from app.api.explained import Explained, explanation, scope_link
from app.api.filters import FlowFilter
from app.api.found_items import FoundItem
from app.api.negotiation import csv_documented, csv_response, wants_csv
from app.api.problems import documented
from app.api.session import Analysis, Db
from app.api.types import Answer
from app.domain import errors
from app.flow.data_quality import FULL_LOSS_SHARE, RULES, Counted, Finding, score
from app.usecases.check_data import DataCheck, check_data
from app.usecases.scope import Scope, resolve

router = APIRouter(prefix="/api/v1", tags=["flow metrics"], route_class=Analysis)

DEFAULT_LIMIT = 10

_FORMULA = (
    f"100 - sum over the rules of weight * min(1, share / {FULL_LOSS_SHARE}): a rule takes away its"
    " whole weight when a fifth of what it looks at is found; the weights add up to 100"
)


class DataQualityFilter(FlowFilter):
    """As for every flow metric, and how many items to name."""

    limit: int = Field(DEFAULT_LIMIT, ge=0, le=100, description="name so many items per finding")


async def _asked(asked: Annotated[DataQualityFilter, Query()], db: Db) -> tuple[Scope, int]:
    return await resolve(db, asked.question()), asked.limit


class FindingAnswer(Answer):
    """What one rule found."""

    rule: str
    explanation: str = Field(description="what is looked for, and why it matters")
    counted: Counted = Field(description="what `count` and `population` count")
    among: str = Field(description="what the population is")
    population: int
    count: int
    share: float | None = Field(description="count / population; null when there is none")
    weight: int
    points_lost: float = Field(description="what it takes away from the score")
    items_total: int = Field(description="items concerned, also those not named")
    items: list[FoundItem] = Field(description="the first of them by id, at most `limit`")
    notes: list[str] = Field(description="what is found that is no item, in words")

    @classmethod
    def of(cls, finding: Finding, titles: dict[int, str]) -> "FindingAnswer":
        """Render a finding."""
        rule = finding.rule
        return cls(
            rule=rule.name,
            explanation=rule.explanation,
            counted=rule.counted,
            among=rule.among,
            population=finding.population,
            count=finding.count,
            share=finding.share,
            weight=rule.weight,
            points_lost=finding.points_lost,
            items_total=finding.items_total,
            items=[FoundItem(id=item, title=titles[item]) for item in finding.items],
            notes=list(finding.notes),
        )


class DataQuality(Explained):
    """How far the history of a window can be trusted, and every reason for doubt."""

    score: float | None = Field(description="0 to 100; null when there was nothing to look at")
    formula: str = _FORMULA
    sample_size: int = Field(description="moves in the window")
    findings: list[FindingAnswer] = Field(description="one for each rule, worst first")

    @classmethod
    def of(cls, scope: Scope, check: DataCheck) -> "DataQuality":
        """Render what was found in a scope."""
        moves = next(each for each in check.findings if each.rule.name == "self_transitions")
        worst_first = sorted(check.findings, key=lambda each: -each.points_lost)
        return cls(
            **explanation(scope, sample_size=moves.population, links=_links(scope)),
            score=score(check.findings),
            findings=[FindingAnswer.of(each, check.titles) for each in worst_first],
        )


def _links(scope: Scope) -> dict[str, str]:
    """Return where all items that a rule found are listed, for the rules that find any."""
    rules = [rule.name for rule in RULES if rule.counted is not Counted.SOURCES]
    return {name: scope_link(f"data-quality/{name}", scope) for name in rules}


_COLUMNS = [name for name in FindingAnswer.model_fields if name != "items"]


def _row(finding: FindingAnswer) -> dict[str, Any]:
    ids = " ".join(str(item.id) for item in finding.items)
    return finding.model_dump() | {"notes": "; ".join(finding.notes), "item_ids": ids}


@router.get(
    "/data-quality",
    summary="How far the recorded history can be trusted",
    response_model=DataQuality,
    responses=documented(errors.InvalidValue, errors.UnknownStream, errors.ClockNotReady)
    | csv_documented("a row for each rule"),
)
async def data_quality(
    asked: Annotated[tuple[Scope, int], Depends(_asked)], db: Db, request: Request
) -> DataQuality | Response:
    """Look for what can be, but mostly is not, how work goes: jumps, ties, silence, idle items.

    Rules about moves look at the window, rules about states at its end. A finding is a question,
    not a verdict, and nothing found is left out of any metric.
    """
    scope, limit = asked
    answer = DataQuality.of(scope, await check_data(db, scope, first=limit))
    if wants_csv(request):
        rows = [_row(finding) for finding in answer.findings]
        return csv_response([*_COLUMNS, "item_ids"], rows, "data-quality")
    return answer
