"""The value stream map as a Mermaid flowchart: text that a README or a wiki page draws."""

import re
from datetime import tzinfo

from app.api.map_words import (
    clean,
    complete_and_accurate,
    duration,
    efficiency,
    items,
    period,
    share,
    summary,
)
from app.domain.value_stream import Category
from app.flow.value_stream_map import ValueStreamMap

_SPECIAL = re.compile(r"[^\w .,:()/+*=?!'-]")
_WIDEST = 8
"""Stroke width of a rework arrow with one move per finished item, or more, in pixels."""


def mermaid(found: ValueStreamMap, name: str, tz: tzinfo) -> str:
    """Draw the map: waiting stages as trapezoids, active ones as boxes, rework as dotted arrows."""
    names = {rung.stage: f"s{n}" for n, rung in enumerate(found.ladder.rungs)}
    lines = [
        "flowchart LR",
        f"    accTitle: Value stream map of {_text(name)}",
        f"    accDescr: {_text(summary(found, tz))}",
        *_nodes(found),
        f"    {' ==> '.join(names.values())}",
    ]
    first = len(names) - 1  # links are numbered in the order they are drawn
    for n, loop in enumerate(found.quality.loops, start=first):
        source, target = names[loop.from_stage], names[loop.to_stage]
        width = 1 + round((_WIDEST - 1) * min(1, loop.moves / found.ladder.items))
        lines += [
            f'    {source} -. "{loop.moves} back" .-> {target}',
            f"    linkStyle {n} stroke-width:{width}px",
        ]
    return "\n".join([*lines, f'    total["{_totals(found, name, tz)}"]', ""])


def _nodes(found: ValueStreamMap) -> list[str]:
    nodes = []
    columns = zip(found.ladder.rungs, found.presence.stages, strict=True)
    for n, (rung, times) in enumerate(columns):
        name, time = _text(rung.stage.name), duration(found, rung.time_us)
        here = items(times.at_end or 0)
        if rung.stage.category is Category.WAIT:
            nodes.append(f'    s{n}[/"{name}<br/>{here}<br/>wait {time}"\\]')
        elif rung.stage.category is Category.ACTIVE:
            quality = _text(f"C&A {complete_and_accurate(found, rung.stage)}")
            nodes.append(f'    s{n}["{name}<br/>process {time}<br/>{quality}<br/>{here}"]')
        else:
            nodes.append(f'    s{n}(["{name}"])')
    return nodes


def _totals(found: ValueStreamMap, name: str, tz: tzinfo) -> str:
    ladder, quality = found.ladder, found.quality
    rows = [
        name,
        period(found, tz),
        f"lead time {duration(found, ladder.lead_us)}",
        f"process time {duration(found, ladder.process_us)} (upper bound)",
        f"waiting {duration(found, ladder.wait_us)}",
        f"activity ratio {share(ladder.activity_ratio)}",
        f"flow efficiency {efficiency(found)}",
        f"rolled C&A {share(quality.rolled_complete_and_accurate)}",
        f"first time through {share(quality.first_time_through)}",
    ]
    return "<br/>".join(map(_text, rows))


def _text(text: str) -> str:
    """Write every character that Mermaid or HTML could take for its own as an entity."""
    return _SPECIAL.sub(lambda found: f"#{ord(found[0])};", clean(text))
