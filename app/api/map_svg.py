"""The value stream map as a drawing (SVG), in the notation that lean people know.

Process boxes with their data boxes, triangles for what waits, striped arrows where work is pushed
on, arrows back above them, as thick as the moves are many, and the ladder of times beneath.

The drawing carries its own look: it stands alone, follows the reader's light or dark scheme, and
needs no style sheet, font or script.
"""

from collections.abc import Sequence
from datetime import tzinfo
from xml.etree import ElementTree as ET

from app.api import map_words as words
from app.api.map_layout import (
    GAP,
    HEAD,
    MARGIN,
    ROW,
    TOTALS_WIDTH,
    TRIANGLE_HALF,
    TRIANGLE_HEIGHT,
    Arrow,
    Column,
    Layout,
    layout,
)
from app.domain.value_stream import Category
from app.flow.value_stream_map import ValueStreamMap

_INK = "currentColor"
_WAIT, _PROCESS, _BACK = "#d29922", "#388bfd", "#d1453b"
_STYLE = """
.vsm-map { color-scheme: light dark }
@media (prefers-color-scheme: dark) {
  .vsm-map { color: #e6edf3 }
  .vsm-map .paper { fill: #0d1117 }
  .vsm-map .halo { stroke: #0d1117 }
}
"""
_NOTES = (
    "Times are means per finished item. A triangle is work that waits at the end of the period.",
    "Process time is time in active stages: an upper bound, as nobody sees whether they worked.",
    "%C&A: share of the work handed on that did not come back for rework, as the board shows it.",
)
_NOTE_LINE = 15


def svg(found: ValueStreamMap, name: str, tz: tzinfo) -> str:
    """Draw the map of the stream of this name; the period is written in the zone."""
    places = layout(found)
    notes = _notes(places)
    totals = _totals_rows(found)
    height = max(
        places.ladder_low + 46 + _NOTE_LINE * len(notes),
        places.bottom + 40 + ROW * len(totals),
    )
    root = _frame(found, name, tz, places, height)
    for arrow in places.arrows:
        _draw_back(root, places, arrow)
    for column in places.columns:
        group = _add(root, "g")
        _add(group, "title").text = words.clean(column.name)
        _draw_symbol(group, found, places, column)
    for arrow in places.arrows:
        _label_back(root, places, arrow)
    for column, following in zip(places.columns, places.columns[1:], strict=False):
        _draw_push(root, places, column.end, following.x)
    _draw_ladder(root, found, places)
    _draw_rows(root, places.delivered.x, places.bottom + 20, TOTALS_WIDTH, totals)
    for n, note in enumerate(notes):
        _write(root, note, MARGIN, places.ladder_low + 46 + n * _NOTE_LINE, size=11)
    return ET.tostring(root, encoding="unicode")


def _frame(
    found: ValueStreamMap, name: str, tz: tzinfo, places: Layout, height: float
) -> ET.Element:
    """Return the root with everything that does not depend on a stage."""
    title = f"Value stream map: {words.clean(name)}"
    root = ET.Element("svg", xmlns="http://www.w3.org/2000/svg")
    size = {"width": places.width, "height": height}
    _set(root, **size, viewBox=f"0 0 {places.width:g} {height:g}", color="#1f2328", role="img")
    root.set("class", "vsm-map")
    root.set("font-family", "system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif")
    root.set("aria-labelledby", "vsm-map-title vsm-map-description")
    _add(root, "title", id="vsm-map-title").text = title
    _add(root, "desc", id="vsm-map-description").text = words.summary(found, tz)
    _add(root, "style").text = _STYLE
    paper = _add(root, "rect", **size, fill="#ffffff")
    paper.set("class", "paper")
    columns = int((places.width - 2 * MARGIN) / 10)
    _write(root, words.fitted(title, columns, 1)[0], MARGIN, 34, size=18, weight="600")
    _write(root, words.period(found, tz), MARGIN, 55, size=12)
    return root


def _draw_symbol(group: ET.Element, found: ValueStreamMap, places: Layout, column: Column) -> None:
    if column.category is Category.ACTIVE:
        _draw_process(group, found, places, column)
    elif column.category is Category.WAIT:
        _draw_inventory(group, found, places, column)
    else:
        _draw_customer(group, places, column)


def _draw_process(group: ET.Element, found: ValueStreamMap, places: Layout, column: Column) -> None:
    """Draw a box with the stage's name, and the data box beneath it."""
    assert column.rung is not None and column.times is not None  # noqa: S101, PT018 - as placed
    box = {"x": column.x, "y": places.top, "width": column.width, "height": HEAD}
    _add(group, "rect", **box, fill=_PROCESS, fill_opacity=0.16, stroke=_INK, stroke_width=1.5)
    _write_name(group, column.name, column.centre, places.top + HEAD / 2 + 5, columns=19)
    stage, visit = column.rung.stage, column.times.visit_time
    rows = [
        ("Process time", words.duration(found, column.rung.process_us)),
        ("%C&A", words.complete_and_accurate(found, stage)),
        ("In process", f"{column.times.at_end or 0:,}{_limit(stage.wip_limit)}"),
        ("Visits", f"{visit.count:,}"),
        ("Median visit", words.median_visit(found, visit)),
    ]
    _draw_rows(group, column.x, places.top + HEAD, column.width, rows)


def _draw_inventory(
    group: ET.Element, found: ValueStreamMap, places: Layout, column: Column
) -> None:
    """Draw a triangle with the number of items that wait in it."""
    centre, top = column.centre, places.top
    left, right, base = centre - TRIANGLE_HALF, centre + TRIANGLE_HALF, top + TRIANGLE_HEIGHT
    points = f"{centre:g},{top:g} {right:g},{base:g} {left:g},{base:g}"
    triangle: dict[str, str | float] = {
        "fill": _WAIT,
        "fill_opacity": 0.28,
        "stroke_linejoin": "round",
    }
    _add(group, "polygon", points=points, **triangle, stroke=_INK, stroke_width=1.5)
    _write(group, "I", centre, top + 46, size=18, weight="600", anchor="middle")
    waiting = found.presence.unplaced_at_end
    if column.times is not None:
        waiting = column.times.at_end or 0
    limit = _limit(column.rung.stage.wip_limit) if column.rung else ""
    count = f"{words.items(waiting)}{limit}"
    _write(group, count, centre, top + 74, weight="600", anchor="middle")
    _write_name(group, column.name, centre, top + 102, columns=15)


def _draw_customer(group: ET.Element, places: Layout, column: Column) -> None:
    """Draw the outline of a factory: whoever gets what is done."""
    left, right, top, base = column.x, column.end, places.top, places.top + HEAD + 18
    tooth = column.width / 3
    roof = "".join(
        f" L {left + n * tooth:g} {top:g} L {left + (n + 1) * tooth:g} {top + 18:g}"
        for n in range(3)
    )
    outline = f"M {left:g} {base:g}{roof} L {right:g} {base:g} Z"
    _add(group, "path", d=outline, fill=_INK, fill_opacity=0.06, stroke=_INK, stroke_width=1.5)
    _write_name(group, column.name, column.centre, top + 45, columns=16)


def _draw_push(root: ET.Element, places: Layout, left: float, right: float) -> None:
    """Draw a striped arrow: work is pushed to the next stage, whether or not that is ready."""
    y, head = places.top + HEAD / 2, right - 16
    shaft = {"x": left + 6, "y": y - 5, "width": head - left - 6, "height": 10}
    _add(root, "rect", **shaft, fill="none", stroke=_INK)
    for n in range(3):
        x = left + 9 + n * (head - left - 6) / 3
        _add(root, "rect", x=x, y=y - 5, width=4, height=10, fill=_INK)
    points = f"{head:g},{y - 10:g} {right - 4:g},{y:g} {head:g},{y + 10:g}"
    _add(root, "polygon", points=points, fill=_INK)


def _draw_back(root: ET.Element, places: Layout, arrow: Arrow) -> None:
    """Draw a rework arrow."""
    start, end, y = arrow.x_from, arrow.x_to, places.lane_y(arrow.lane)
    loop, r, top, tip = arrow.loop, 8, arrow.y_to, 7 + arrow.thickness
    group = _add(root, "g")
    moves = f"{loop.moves:,} moves" if loop.moves > 1 else "1 move"
    told = f"{moves} back from {loop.from_stage.name} to {loop.to_stage.name}"
    _add(group, "title").text = words.clean(told)
    course = (
        f"M {start:g} {arrow.y_from:g} V {y + r:g} Q {start:g} {y:g} {start - r:g} {y:g} "
        f"H {end + r:g} Q {end:g} {y:g} {end:g} {y + r:g} V {top - tip:g}"
    )
    line: dict[str, str | float] = {
        "fill": "none",
        "stroke": _BACK,
        "stroke_width": round(arrow.thickness, 1),
    }
    _add(group, "path", d=course, **line)
    half = 4 + arrow.thickness / 2
    points = f"{end - half:g},{top - tip:g} {end + half:g},{top - tip:g} {end:g},{top - 1:g}"
    _add(group, "polygon", points=points, fill=_BACK)


def _label_back(root: ET.Element, places: Layout, arrow: Arrow) -> None:
    """Write the number of moves above an arrow, on a halo that covers other arrows' lines."""
    x, y = (arrow.x_from + arrow.x_to) / 2, places.lane_y(arrow.lane) - arrow.thickness / 2 - 4
    text = _write(root, f"{arrow.loop.moves:,} back", x, y, size=11, anchor="middle")
    _set(text, stroke="#ffffff", stroke_width=4, paint_order="stroke", stroke_linejoin="round")
    text.set("class", "halo")


def _draw_ladder(root: ET.Element, found: ValueStreamMap, places: Layout) -> None:
    """Draw the ladder: waiting on the upper level, process time on the lower one."""
    course, levels = "", {Category.WAIT: places.ladder_high, Category.ACTIVE: places.ladder_low}
    for column in places.columns:
        if column.category is Category.DONE:
            break
        y = levels[column.category]
        course += f"{' V' if course else f'M {MARGIN}'} {y:g} H {column.end + GAP / 2:g}"
        total_us = column.rung.time_us if column.rung else found.ladder.unplaced_us
        below = 16 if column.category is Category.ACTIVE else -7
        _write(root, words.duration(found, total_us), column.centre, y + below, anchor="middle")
    _add(root, "path", d=course, fill="none", stroke=_INK, stroke_width=1.5)


def _draw_rows(
    parent: ET.Element, x: float, y: float, width: float, rows: Sequence[tuple[str, str]]
) -> None:
    """Draw a box of named figures."""
    height = ROW * len(rows) + 8
    _add(parent, "rect", x=x, y=y, width=width, height=height, fill="none", stroke=_INK)
    for n, (name, figure) in enumerate(rows, start=1):
        _write(parent, name, x + 8, y + ROW * n - 1, size=12)
        _write(parent, figure, x + width - 8, y + ROW * n - 1, weight="600", anchor="end", size=12)


def _totals_rows(found: ValueStreamMap) -> list[tuple[str, str]]:
    ladder, quality = found.ladder, found.quality
    return [
        ("Lead time", words.duration(found, ladder.lead_us)),
        ("Process time", words.duration(found, ladder.process_us)),
        ("Waiting", words.duration(found, ladder.wait_us)),
        ("Activity ratio", words.share(ladder.activity_ratio)),
        ("Flow efficiency", words.efficiency(found)),
        ("Rolled %C&A", words.share(quality.rolled_complete_and_accurate)),
        ("First time through", words.share(quality.first_time_through)),
        ("Items with rework", words.share(quality.rework_rate)),
    ]


def _notes(places: Layout) -> list[str]:
    """Return the lines beneath the ladder: what the figures are, and what they cannot tell."""
    texts = list(_NOTES)
    if places.loops_left_out:
        texts.append(f"{places.loops_left_out} less travelled ways back are not drawn.")
    columns = int((places.delivered.x - 2 * MARGIN) / 5.6)
    return [line for text in texts for line in words.fitted(text, columns, 9)]


def _limit(wip_limit: int | None) -> str:
    return "" if wip_limit is None else f", limit {wip_limit:,}"


def _write_name(parent: ET.Element, name: str, x: float, y: float, *, columns: int) -> None:
    """Write a stage's name on one line or on two around a height."""
    lines = words.fitted(name, columns, 2)
    for n, line in enumerate(lines):
        place = y + 16 * n - 8 * (len(lines) - 1)
        _write(parent, line, x, place, weight="600", anchor="middle")


def _write(
    parent: ET.Element,
    text: str,
    x: float,
    y: float,
    *,
    size: int = 13,
    weight: str = "400",
    anchor: str = "start",
) -> ET.Element:
    place: dict[str, str | float] = {
        "x": x,
        "y": y,
        "font_size": size,
        "font_weight": weight,
        "text_anchor": anchor,
    }
    written = _add(parent, "text", **place, fill=_INK)
    written.text = words.clean(text)
    return written


def _add(parent: ET.Element, tag: str, **attributes: str | float) -> ET.Element:
    return _set(ET.SubElement(parent, tag), **attributes)


def _set(element: ET.Element, **attributes: str | float) -> ET.Element:
    """Set attributes; `_` in a name stands for `-`, numbers get one decimal at most."""
    for name, value in attributes.items():
        text = value if isinstance(value, str) else f"{round(value, 2):g}"
        element.set(name.replace("_", "-"), text)
    return element
