"""Figures as people read them on a drawn map, and texts that fit into its boxes."""

import re
import textwrap
import unicodedata
from datetime import tzinfo

from app.domain.value_stream import Stage
from app.domain.working_time import Clock
from app.flow.calendar import US_PER_DAY, US_PER_SECOND
from app.flow.stage_times import US_PER_HOUR
from app.flow.summary import DurationSummary
from app.flow.value_stream_map import NoEfficiency, ValueStreamMap

NOTHING = "\N{EN DASH}"
"""What stands where there is no figure."""

_UNITS = (
    (20 * US_PER_DAY, US_PER_DAY, "d"),
    (3 * US_PER_HOUR, US_PER_HOUR, "h"),
    (0, 60 * US_PER_SECOND, "min"),
)
"""From which mean lead time on a map is in which unit."""

_UNWRITABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_NO_EFFICIENCY = {
    NoEfficiency.NOTHING_FINISHED: "nothing finished",
    NoEfficiency.NO_CYCLE_TIME: "no time passed",
    NoEfficiency.NO_WAIT_SIGNAL: "no waiting stage",
}


def duration(found: ValueStreamMap, total_us: int) -> str:
    """Write the mean per finished item of a sum, such as 13.5 h.

    All durations of a map are in one unit, the one that suits its lead time, so that they add up.
    """
    count = found.ladder.items
    return _in_unit(found, total_us / count) if count else NOTHING


def median_visit(found: ValueStreamMap, visit: DurationSummary) -> str:
    """Write how long half of the visits to a stage lasted at most."""
    return NOTHING if visit.p50 is None else _in_unit(found, visit.p50 * US_PER_SECOND)


def share(value: float | None) -> str:
    """Write a share as a percentage; one that is not quite all is never shown as 100 %."""
    if value is None:
        return NOTHING
    percent = round(value * 100)
    return "> 99 %" if percent == 100 and value < 1 else f"{percent} %"  # noqa: PLR2004 - a whole


def efficiency(found: ValueStreamMap) -> str:
    """Write the flow efficiency, or why there is none."""
    reason = found.ladder.no_efficiency
    return _NO_EFFICIENCY[reason] if reason else share(found.ladder.flow_efficiency)


def items(count: int) -> str:
    """Write a number of items."""
    return f"{count:,} item" if count == 1 else f"{count:,} items"


def clean(text: str) -> str:
    """Return a text without the characters that XML cannot carry, on one line."""
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def fitted(text: str, columns: int, lines: int) -> list[str]:
    """Break a text into at most so many lines of so many columns; what is left becomes an ellipsis.

    East Asian characters are two columns wide.
    """
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    width = max(4, columns - columns * wide // (2 * max(1, len(text))))
    broken = textwrap.wrap(clean(text), width) or [NOTHING]
    if len(broken) > lines:
        broken = [*broken[: lines - 1], broken[lines - 1][: width - 1] + "\N{HORIZONTAL ELLIPSIS}"]
    return broken


def period(found: ValueStreamMap, tz: tzinfo) -> str:
    """Write from when to when, in a zone, and what the times rest on."""
    first = found.window.start.astimezone(tz)
    last = found.window.last.astimezone(tz)
    finished = f"{items(found.ladder.items)} finished"
    by_clock = ", in working time" if found.clock is Clock.WORKING else ""
    return f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} {tz}, {finished}{by_clock}"


def summary(found: ValueStreamMap, tz: tzinfo) -> str:
    """Tell the map in sentences, for those who do not see it."""
    ladder, quality = found.ladder, found.quality
    sentences = [
        f"{period(found, tz)}.",
        f"Lead time {duration(found, ladder.lead_us)}.",
        f"Process time {duration(found, ladder.process_us)}.",
        f"Waiting {duration(found, ladder.wait_us)}.",
        f"Rolled complete and accurate {share(quality.rolled_complete_and_accurate)}.",
    ]
    sentences += [
        f"{clean(rung.stage.name)}: {duration(found, rung.time_us)}, {items(times.at_end or 0)}."
        for rung, times in zip(ladder.rungs, found.presence.stages, strict=True)
        if times.at_end is not None
    ]
    sentences += [
        f"Back from {clean(loop.from_stage.name)} to {clean(loop.to_stage.name)}: {loop.moves}."
        for loop in quality.loops
    ]
    return " ".join(sentences)


def complete_and_accurate(found: ValueStreamMap, stage: Stage) -> str:
    """Write a stage's %C&A."""
    known = {each.stage: each.complete_and_accurate for each in found.quality.stages}
    return share(known.get(stage))


def _in_unit(found: ValueStreamMap, value_us: float) -> str:
    lead_us = found.ladder.lead_us / max(1, found.ladder.items) or 3 * US_PER_HOUR
    # nobody's working day has 24 hours: working time is never told in days
    units = _UNITS[1:] if found.clock is Clock.WORKING else _UNITS
    unit_us, unit = next((us, name) for least, us, name in units if lead_us >= least)
    figure = value_us / unit_us
    if 0 < figure < 0.05:  # noqa: PLR2004 - it would be rounded to nothing
        return f"< 0.1 {unit}"
    return f"{figure:,.1f}".removesuffix(".0") + f" {unit}"
