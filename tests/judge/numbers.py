"""The numbers of a window: `/metrics`, its stages, and the map."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.judge.items import NOWHERE, Board, Item, Visit

HOUR = 3_600_000_000
DAY = 24 * HOUR


def percentile(sample: Sequence[float], p: float) -> float | None:
    """Interpolate between the values next to the rank `p(n - 1)`."""
    if not sample:
        return None
    ordered = sorted(sample)
    rank = p * (len(ordered) - 1)
    low, high = math.floor(rank), math.ceil(rank)
    return ordered[low] + (rank - low) * (ordered[high] - ordered[low])


def mean(sample: Sequence[float]) -> float | None:
    """Return the average, None of nothing."""
    return sum(sample) / len(sample) if sample else None


def ratio(part: float, whole: float) -> float | None:
    """Return a share, None of nothing."""
    return part / whole if whole else None


def times(name: str, sample: Sequence[int]) -> dict[str, Any]:
    """Return the figures about durations, in hours."""
    in_hours = [each / HOUR for each in sample]
    figures: dict[str, Any] = {f"{name}_avg": mean(in_hours)}
    for p in (50, 85, 95):
        figures[f"{name}_p{p}"] = percentile(in_hours, p / 100)
    return figures


class Span:
    """A window `[start, end)` with the items as of an instant."""

    def __init__(
        self, items: Sequence[Item], board: Board, start: int, end: int, as_of: int
    ) -> None:
        self.items, self.board = items, board
        self.start, self.end, self.as_of = start, end, as_of
        self.last = end - 1

    def has(self, instant: int | None) -> bool:
        """Tell whether something happened in the window."""
        return instant is not None and self.start <= instant < self.end

    @property
    def finished(self) -> list[Item]:
        """Items finished in the window."""
        return [item for item in self.items if self.has(item.finished)]

    def cycles(self) -> list[int]:
        """Their cycle times."""
        return [(i.finished or 0) - (i.started or 0) for i in self.finished]

    def leads(self) -> list[int]:
        """Their lead times."""
        return [(i.finished or 0) - i.created for i in self.finished]

    def crossed(self, left: str | None, entered: str | None) -> int:
        """Count moves between two zones, None for any other than the stated one."""
        return sum(
            self.has(v.leave)
            and i.zone(v) != i.board.zone(v.to or "")
            and (left is None or i.zone(v) == left)
            and (entered is None or i.board.zone(v.to or "") == entered)
            for i in self.items
            for v in i.moved()
        )

    def in_zone(self, zone: str, instant: int) -> int:
        """Count the items in a zone."""
        return sum(item.zone_at(instant) == zone for item in self.items)

    def entries_into_done(self) -> int:
        """Count first moves right into done as well."""
        return sum(
            self.has(v.enter) and i.zone(v) == "done"
            and (n == 0 or i.zone(i.visits[n - 1]) != "done")
            for i in self.items
            for n, v in enumerate(i.visits)
        )  # fmt: skip

    def numbers(self) -> dict[str, Any]:
        """Return the figures of the window as `/metrics` names them."""
        done, length = self.finished, self.end - self.start
        wip_us = sum(item.in_doing(self.start, self.end) for item in self.items)
        reopened = self.crossed("done", None)
        recompleted = self.entries_into_done() - len(done)
        parked = sum(self.cycles()) - sum(i.in_doing(i.started or 0, i.finished or 0) for i in done)
        return {
            "throughput": len(done),
            "throughput_per_day": len(done) / (length / DAY),
            "wip": wip_us / length,
            "wip_now": self.in_zone("doing", self.as_of),
            "wip_at_end": self.in_zone("doing", self.last),
            "open_items": sum(
                i.created <= self.last
                and (i.finished is None or i.finished > self.last)
                and (i.cancelled is None or i.cancelled > self.last)
                for i in self.items
            ),
            "backlog_items": self.in_zone("todo", self.last),
            **times("cycle_time", self.cycles()),
            "cycle_time_count": len(done),
            **times("lead_time", self.leads()),
            "lead_time_count": len(done),
            "parked_time_total": parked / HOUR,
            "started": sum(self.has(i.started) for i in self.items),
            "created": sum(self.has(i.created) for i in self.items),
            "reopened": reopened,
            "recompleted": recompleted,
            "net_completed": len(done) + recompleted - reopened,
            "decommits": self.crossed("doing", "todo"),
            "discarded": sum(self.has(i.discarded) for i in self.items),
            "discarded_started": sum(
                self.has(i.discarded) and i.started is not None for i in self.items
            ),
        }

    def quality(self) -> dict[str, Any]:
        """Return what is told of rework, of the items finished in the window."""
        told = [Rework(item) for item in self.finished]
        forward, returned = Counter[str](), Counter[str]()
        for each in told:
            forward += each.forward
            returned += each.returned
        n, moves = len(told), sum(each.moves for each in told)
        rework_us = sum(each.us for each in told)
        shares = {k: 1 - returned[k] / forward[k] for k in forward}
        return {
            "forward": forward,
            "returned": returned,
            "pct_ca": shares,
            "rolled_ca": math.prod(shares.values()) if shares else None,
            "first_time_through": ratio(sum(not each.moves for each in told), n),
            "rework_rate": ratio(sum(each.moves > 0 for each in told), n),
            "rework_moves": moves,
            "rework_us": rework_us,
            "rework_time_share": ratio(rework_us, sum(self.cycles())),
            "unattributed": sum(each.unattributed for each in told),
            "loops": sum((each.loops for each in told), Counter()),
        }

    def ladder(self) -> dict[str, int]:
        """Return the time of the finished items by stage, up to the finish."""
        spent: Counter[str] = Counter()
        for item in self.finished:
            for visit in item.visits:
                spent[visit.stage] += visit.within(item.created, item.finished or 0)
        return spent

    def efficiency(self) -> dict[str, Any]:
        """Return how much of the time was active: where no block is told, all in active stages."""
        active = [k for k in self.board.order if self.board.category[k] == "active"]
        cycle, lead = sum(self.cycles()), sum(self.leads())
        active_us = sum(
            v.within(i.started or 0, i.finished or 0)
            for i in self.finished
            for v in i.visits
            if v.stage in active
        )
        no_wait = all(self.board.category[k] == "active" for k in self.board.of_zone("doing"))
        tells = any(item.blocks for item in self.items)
        silent = no_wait and cycle == active_us and not tells
        blocked = [(v.stage, i.blocked_in(v)) for i in self.finished for v in i.visits]
        active_us -= sum(length for stage, length in blocked if stage in active)
        return {
            "flow_efficiency": None if silent or not cycle else active_us / cycle,
            "activity_ratio": ratio(active_us, lead),
            "blocked_time": sum(length for _, length in blocked) / HOUR if tells else None,
            "active_us": active_us,
        }

    def stage(self, name: str, quality: dict[str, Any]) -> dict[str, Any]:
        """Return the figures of a stage as `/metrics/stages` names them."""
        visits = [v for i in self.items for v in i.visits if v.stage == name]
        over = [v for v in visits if v.to is not None and self.has(v.leave)]
        is_done = self.board.zone(name) == "done"
        discarded = sum(
            v.cancelled and self.has(v.leave) and i.finished is None
            for i in self.items for v in i.visits if v.stage == name
        )  # fmt: skip
        occupied = sum(v.within(self.start, self.end) for v in visits)
        n = len(self.finished)
        return {
            "avg_wip": None if is_done else occupied / (self.end - self.start),
            "wip_at_end": None if is_done else sum(v.enter <= self.last < v.leave for v in visits),
            "arrivals": sum(self.has(v.enter) for v in visits),
            "departures": sum(self.has(v.leave) for v in visits),
            "discarded": discarded,
            "visits": len(over),
            **times("time", [v.leave - v.enter for v in over]),
            "instant_visits": sum(v.leave == v.enter for v in over),
            "item_time_avg": self.ladder()[name] / HOUR / n if n else None,
            "pct_ca": quality["pct_ca"].get(name),
            "forward_exits": quality["forward"][name],
            "returned": quality["returned"][name],
        }

    @property
    def excluded(self) -> dict[str, int]:
        """What is not in a sample of finished items."""
        return {
            "cancelled": sum(self.has(i.discarded) for i in self.items),
            "in_progress": self.in_zone("doing", self.last),
            "not_started": self.in_zone("todo", self.last),
        }


class Rework:
    """What was sent back of a finished item, up to its finish."""

    def __init__(self, item: Item) -> None:
        self.forward, self.returned = Counter[str](), Counter[str]()
        self.loops: Counter[tuple[str, str]] = Counter()
        self.moves = self.unattributed = self.us = 0
        board, handed_on, sent_back_from = item.board, set[str](), -1
        for visit in item.before_finish():
            self.us += self._again(item, visit, sent_back_from)
            stage, to = visit.stage, visit.to
            if stage == NOWHERE or to is None:
                continue
            left, entered = board.order[stage], board.order[to]
            if entered > sent_back_from:
                sent_back_from = -1  # it has passed where it was sent back
            rework = entered < left and board.zone(stage) == board.zone(to) == "doing"
            if entered > left:
                self.forward[stage] += 1
                handed_on.add(stage)
            if rework:
                self.moves += 1
                self.loops[stage, to] += 1
                sent_back_from = max(sent_back_from, left)
                if to in handed_on:
                    self.returned[to] += 1
                else:
                    self.unattributed += 1
            handed_on.discard(to)

    @staticmethod
    def _again(item: Item, visit: Visit, sent_back_from: int) -> int:
        if sent_back_from < 0 or item.zone(visit) != "doing":
            return 0
        if item.board.order[visit.stage] > sent_back_from:
            return 0
        return visit.leave - visit.enter
