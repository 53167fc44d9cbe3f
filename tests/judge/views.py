"""The views of a window: by bucket, by age, as lines, as a law, as a promise."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.judge.items import Item, us
from tests.judge.numbers import DAY, HOUR, Span, percentile, ratio, times

ONE_DAY = timedelta(days=1)


def first_instant(day: date, tz: ZoneInfo) -> int:
    """Return the first instant whose local date is the day, found by looking at every minute."""
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=15)
    while at.astimezone(tz).date() < day:
        at += timedelta(minutes=15)
    return us(at)


def _days_of(size: str, day: date) -> tuple[date, date, str]:
    """Return the first day of a bucket, that of the next one, and its label."""
    if size == "day":
        return day, day + ONE_DAY, day.isoformat()
    if size == "week":
        monday = day - day.weekday() * ONE_DAY
        year, week, _ = monday.isocalendar()
        return monday, monday + 7 * ONE_DAY, f"{year}-W{week:02}"
    first = day.replace(day=1)
    return first, (first + 31 * ONE_DAY).replace(day=1), f"{first:%Y-%m}"


def buckets(span: Span, size: str, tz: ZoneInfo) -> Iterator[tuple[str, Span, bool]]:
    """Cut a window into local days, ISO weeks or months; tells which are only a piece."""
    at = span.start
    while at < span.end:
        local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).astimezone(tz)
        first, following, label = _days_of(size, local.date())
        begin, end = first_instant(first, tz), first_instant(following, tz)
        piece = Span(span.items, span.board, at, min(end, span.end), span.as_of)
        yield label, piece, (at, piece.end) != (begin, end)
        at = piece.end


SERIES = (
    *("throughput", "throughput_per_day", "started", "created", "discarded", "reopened"),
    *("recompleted", "wip", "wip_at_end", "cycle_time_avg", "cycle_time_p50", "cycle_time_p85"),
    *("cycle_time_p95", "lead_time_avg", "lead_time_p50", "lead_time_p85", "lead_time_p95"),
)


def series(span: Span, size: str, tz: ZoneInfo) -> list[dict[str, Any]]:
    """Return the points of `/metrics/series`."""
    found = []
    for label, piece, partial in buckets(span, size, tz):
        numbers = piece.numbers()
        found.append({"label": label, "partial": partial} | {k: numbers[k] for k in SERIES})
    return found


def lines(span: Span, size: str, tz: ZoneInfo) -> list[dict[str, Any]]:
    """Return the points of `/metrics/cumulative-flow`, counted from the beginning."""
    return [
        {"label": label, "partial": partial, **standing(span, piece.end), **ledger(piece)}
        for label, piece, partial in buckets(span, size, tz)
    ]


def standing(span: Span, end: int) -> dict[str, Any]:
    """Return lines and states just before an instant."""
    board = span.board
    stages = board.of_zone("todo", "doing")

    def mark(item: Item) -> float:
        entered = [board.order[v.stage] for v in item.stays if v.enter < end]
        return max(entered, default=-math.inf)

    def is_discarded(item: Item) -> bool:
        return item.discarded is not None and item.discarded < end

    lying = [item.stage_at(end - 1) for item in span.items]
    completed = sum(i.finished is not None and i.finished < end for i in span.items)
    discarded = sum(map(is_discarded, span.items))
    return {
        "lines": {
            k: sum(is_discarded(i) or mark(i) >= board.order[k] for i in span.items) for k in stages
        },
        "completed": completed,
        "discarded": discarded,
        "out": completed + discarded,
        "in_stage": {k: lying.count(k) for k in stages},
        "wip": sum(lying.count(k) for k in board.of_zone("doing")),
        "backflow_items": sum(
            at in stages and board.order[at] < mark(item)
            for at, item in zip(lying, span.items, strict=True)
        ),
    }


def ledger(piece: Span) -> dict[str, Any]:
    """Return who came and went in a bucket."""
    visits = [(i, n, v) for i in piece.items for n, v in enumerate(i.visits)]
    came = Counter(v.stage for _, _, v in visits if piece.has(v.enter))
    went = Counter(v.stage for _, _, v in visits if piece.has(v.leave))
    doing = [(i, n, v) for i, n, v in visits if i.zone(v) == "doing"]
    return {
        "arrivals": {k: came[k] for k in piece.board.order},
        "departures": {k: went[k] for k in piece.board.order},
        "entered_doing": sum(
            piece.has(v.enter) and (n == 0 or i.zone(i.visits[n - 1]) != "doing")
            for i, n, v in doing
        ),
        "left_doing": sum(
            piece.has(v.leave) and (v.to is None or i.board.zone(v.to) != "doing")
            for i, _, v in doing
        ),
    }


def little(span: Span) -> dict[str, Any]:
    """Return the terms of `/metrics/littles-law`."""

    def spent(item: Item, until: int) -> int:
        return item.in_doing(0, until)

    def residence(at: int) -> int:
        return sum(spent(i, at) for i in span.items if i.zone_at(at - 1) == "doing")

    exits = reentries = 0
    for item in span.items:
        for n, visit in enumerate(item.visits):
            if item.zone(visit) != "doing":
                continue
            before = item.zone(item.visits[n - 1]) if n else None
            if span.has(visit.enter) and before != "doing":
                reentries += spent(item, visit.enter)
            if span.has(visit.leave) and (visit.to is None or item.board.zone(visit.to) != "doing"):
                exits += spent(item, visit.leave)
    numbers = span.numbers()
    per_day, cycles = numbers["throughput_per_day"], span.cycles()
    average = sum(cycles) / DAY / len(cycles) if cycles else None
    predicted = None if average is None else per_day * average
    wip = numbers["wip"]
    return {
        "started": numbers["started"],
        "wip_at_end": numbers["wip_at_end"],
        "avg_wip": wip,
        "throughput_per_day": per_day,
        "avg_cycle_time_days": average,
        "predicted_wip": predicted,
        "gap": predicted / wip - 1 if predicted is not None and wip else None,
        "identity": {
            "wip": wip * (span.end - span.start) / HOUR,
            "exits": exits / HOUR,
            "reentries": reentries / HOUR,
            "at_start": residence(span.start) / HOUR,
            "at_end": residence(span.end) / HOUR,
        },
    }


def promised(sample: list[int]) -> dict[str, Any]:
    """Return what can be promised for 85 % of the items."""
    n = len(sample)
    rank = -(-85 * (n + 1) // 100)
    return {
        "p": 0.85,
        "hours": sorted(sample)[rank - 1] / HOUR if rank <= n else None,
        "sample_size": n,
        "needed": next(m for m in range(1, 100) if -(-85 * (m + 1) // 100) <= m),
    }


def before(span: Span, instant: int) -> list[int]:
    """Return the cycle times of the 90 days before an instant."""
    return Span(span.items, span.board, instant - 90 * DAY, instant, span.as_of).cycles()


def promise_kept(span: Span) -> dict[str, Any]:
    """Return what `/metrics/predictability` tells of the promise."""
    stated = promised(before(span, span.start))
    cycles = [each / HOUR for each in span.cycles()]
    within = None if stated["hours"] is None else sum(c <= stated["hours"] for c in cycles)
    low, high = (None, None) if within is None or not cycles else interval(within, len(cycles))
    p50, p85 = percentile(cycles, 0.5), percentile(cycles, 0.85)
    return {
        "expectation": stated,
        "sle_attainment": {
            "finished": len(cycles),
            "within": within,
            "share": None if within is None else ratio(within, len(cycles)),
            "low": low,
            "high": high,
        },
        "cycle_time_p50": p50,
        "cycle_time_p85": p85,
        "spread": p85 / p50 if p85 and p50 else None,
    }


def interval(hits: int, n: int) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of 95 %, by bisection of the binomial tails."""

    def tail(p: float, least: int) -> float:
        return sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(least, n + 1))

    def where(rises: Callable[[float], float]) -> float:
        low, high = 0.0, 1.0
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if rises(middle) < 0 else (low, middle)
        return (low + high) / 2

    low = where(lambda p: tail(p, hits) - 0.025) if hits else 0.0
    high = where(lambda p: 0.025 - (1 - tail(p, hits + 1))) if hits < n else 1.0
    return low, high


def aging(span: Span) -> dict[str, Any]:
    """Return what `/metrics/aging` tells of work in process, and of what was finished."""
    stated_from = sorted(before(span, span.as_of + 1))
    stated = promised(stated_from)
    items: list[dict[str, Any]] = []
    for item in span.items:
        if item.zone_at(span.as_of) != "doing":
            continue
        visit = next(v for v in item.visits if v.enter <= span.as_of < v.leave)
        age = span.as_of - (item.started or 0)
        older = [c for c in stated_from if c > age]
        chance = None
        if stated["hours"] is not None and len(older) >= 5:
            chance = sum(c / HOUR <= stated["hours"] for c in older) / len(older)
        items.append({
            "id": item.id, "type": item.type, "stage": visit.stage, "age": age / HOUR,
            "time_in_stage": (span.as_of - visit.enter) / HOUR, "on_time_probability": chance,
        })  # fmt: skip
    p85 = percentile([c / HOUR for c in span.cycles()], 0.85)
    return {
        "expectation": stated,
        "items": sorted(items, key=lambda each: each["id"]),
        "wip": len(items),
        "oldest_age": max((each["age"] for each in items), default=None),
        "wip_older_than_p85": None if p85 is None else sum(i["age"] > p85 for i in items),
        "pace": [{"stage": k, **pace(span, k)} for k in span.board.of_zone("doing")],
    }


def pace(span: Span, stage: str) -> dict[str, Any]:
    """Return how old finished items were when they had left all stages up to one."""
    order, ages = span.board.order, []
    for item in span.finished:
        left = [
            v.leave for v in item.stays
            if v.to is not None and v.leave <= (item.finished or 0)
            and order[v.stage] <= order[stage]
        ]  # fmt: skip
        ages.append(max([0, *(at - (item.started or 0) for at in left)]))
    found = times("age", ages)
    return {name: found[f"age_{name}"] for name in ("p50", "p85", "p95")}
