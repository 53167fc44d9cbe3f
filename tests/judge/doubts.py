"""What is odd, what came back, and where work is held up."""

from collections import Counter
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from tests.judge.items import Item
from tests.judge.numbers import DAY, HOUR, Span, ratio
from tests.judge.views import buckets

Finding = tuple[int, int, set[int]]
"""What was looked at, how much was found, and in which items."""


def findings(span: Span) -> dict[str, Finding]:
    """Return what the rules find that need nothing but histories."""
    order = list(span.board.of_zone("todo", "doing", "done"))
    told = [
        (item, at, left, entered)
        for item in span.items
        for (_, left), (at, entered) in pairwise([(0, ""), *item.told])
        if span.has(at)
    ]
    real = [move for move in told if move[2] != move[3]]
    changes = [move for move in real if move[2]]
    open_ones = [move for move in real if span.board.zone(move[3]) != "done"]
    together = Counter((at, entered) for _, at, _, entered in open_ones)
    created = [item for item in span.items if span.has(item.created)]
    done = span.finished
    return {
        "self_transitions": _of(told, [move for move in told if move[2] == move[3]]),
        "teleports": _of(
            changes, [m for m in changes if order.index(m[3]) - order.index(m[2]) >= 3]
        ),
        "instant_visits": _of(changes, _instant(span)),
        "batch_moves": _of(open_ones, [m for m in open_ones if together[m[1], m[3]] >= 5]),
        "items_without_transition": _of_items(created, [i for i in created if not i.told]),
        "created_after_first_transition": _of_items(
            created, [i for i in created if i.said_created > i.created]
        ),
        "completed_without_start": _of_items(done, [i for i in done if i.finished == i.started]),
        "long_idle": _idle(span),
    }


def _of(among: list[Any], found: list[Any]) -> Finding:
    return len(among), len(found), {move[0].id for move in found}


def _of_items(among: list[Item], found: list[Item]) -> Finding:
    return len(among), len(found), {item.id for item in found}


def _instant(span: Span) -> list[Any]:
    """Return the moves that ended a visit of no length."""
    return [
        (item, entered.enter)
        for item in span.items
        for left, entered in pairwise(item.stays)
        if span.has(entered.enter) and left.enter == entered.enter
    ]


def _idle(span: Span) -> Finding:
    stays = sorted(
        v.leave - v.enter
        for item in span.items
        for v in item.moved()
        if item.zone(v) == "doing" and span.has(v.leave)
    )
    limit = 30 * DAY if len(stays) < 20 else stays[-(-95 * len(stays) // 100) - 1]
    standing = [item for item in span.items if item.zone_at(span.last) == "doing"]
    idle = [
        item
        for item in standing
        if any(v.enter <= span.last < v.leave and span.end - v.enter > limit for v in item.visits)
    ]
    return _of_items(standing, idle)


def reopened(span: Span, tz: ZoneInfo) -> list[dict[str, Any]]:
    """Return the weeks of `/metrics/reopen-rate`, followed for 30 days."""
    found = []
    for label, week, partial in buckets(span, "week", tz):
        back = 0
        for item in week.finished:
            out = [
                v.leave
                for v in item.moved()
                if item.zone(v) == "done" and span.board.zone(v.to or "") != "done"
            ]
            back += bool(out) and min(out) < (item.finished or 0) + 30 * DAY
        finished = len(week.finished)
        found.append({
            "label": label, "partial": partial, "finished": finished, "reopened": back,
            "rate": ratio(back, finished), "immature": week.end + 30 * DAY > span.as_of,
        })  # fmt: skip
    return found


def evidence(span: Span, observed_from: int, stage: str) -> dict[str, Any]:
    """Return what is counted of a stage in doing: times, what lies there, and what does not."""
    doing = span.board.of_zone("doing")
    spent = {
        k: sum(
            v.within(i.created, i.finished or 0)
            for i in span.finished
            for v in i.visits
            if v.stage == k
        )
        for k in doing
    }
    n = len(span.finished)
    following = doing[doing.index(stage) + 1 :][:1]
    return {
        "time_avg": spent[stage] / HOUR / n if n else None,
        "time_share": ratio(spent[stage], sum(spent.values())),
        "wip_at_end": sum(i.stage_at(span.last) == stage for i in span.items),
        "next_stage": following[0] if following else None,
        "next_stage_empty": _empty(span, observed_from, following[0]) if following else None,
    }


def _empty(span: Span, start: int, stage: str) -> float:
    """Return the share of the time in which nothing lies in a stage."""
    stays = [v for i in span.items for v in i.visits if v.stage == stage]
    edges = {start, span.end, *(at for v in stays for at in (v.enter, v.leave))}
    inside = sorted(at for at in edges if start <= at <= span.end)
    free = sum(
        end - begin
        for begin, end in pairwise(inside)
        if not any(v.enter <= begin < v.leave for v in stays)
    )
    return free / (span.end - start)
