"""The drawn map: well formed whatever the names, arrows apart and as thick as they are due."""

import re
from dataclasses import replace
from datetime import UTC
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api import map_words as words
from app.api.map_layout import MOST_LOOPS, layout
from app.api.map_mermaid import mermaid
from app.api.map_svg import svg
from app.domain.value_stream import DEFAULT_STREAM, Category, Stage, ValueStream
from app.domain.work_item import ItemHistory
from app.domain.working_time import Clock
from app.flow.calendar import Window
from app.flow.quality import ReworkLoop
from app.flow.times import item_times
from app.flow.value_stream_map import ValueStreamMap, value_stream_map
from tests.fixture_f1 import F1, F1_WEEK, HOUR_US, at, d1, d2, d3, d7, history
from tests.strategies import Population, populations, property_test, windows

SPACE = "{http://www.w3.org/2000/svg}"
LONG = ValueStream(
    key="long",
    name="Twelve stages",
    stages=(
        *(
            Stage(f"Step {n}", n, f"step-{n}", Category.ACTIVE if n % 2 else Category.WAIT)
            for n in range(1, 12)
        ),
        Stage("Live", 12, "live", Category.DONE),
    ),
)


def drawn(*told: ItemHistory, stream: ValueStream = DEFAULT_STREAM) -> ValueStreamMap:
    return value_stream_map([item_times(each, stream) for each in told], stream, F1_WEEK)


def sent_back(*pairs: tuple[str, str]) -> list[ItemHistory]:
    return [history((source, d1), (to, d2), ("Live", d3)) for source, to in pairs]


def parsed(found: ValueStreamMap, name: str = "A stream") -> ET.Element:
    return ET.fromstring(svg(found, name, UTC))  # noqa: S314 - our own


def texts(root: ET.Element) -> list[str]:
    return ["".join(each.itertext()) for each in root.iter(f"{SPACE}text")]


def test_the_drawing_of_the_week_shows_its_figures() -> None:
    shown = texts(parsed(drawn(*F1)))
    assert {"Development", "75 %", "36 h", "1 back", "1 item", "no waiting stage"} <= set(shown)
    assert shown[1] == "2025-03-03 00:00 to 2025-03-09 23:59 UTC, 4 items finished"


def test_the_drawing_says_in_words_what_it_shows() -> None:
    root = parsed(drawn(*F1), "Payments")
    told = root.findtext(f"{SPACE}desc", "")
    assert root.findtext(f"{SPACE}title") == "Value stream map: Payments"
    assert "Lead time 79.5 h." in told
    assert "Back from Testing to Development: 1." in told
    labels = root.attrib["aria-labelledby"].split()
    assert [each.attrib["id"] for each in root[:2]] == labels


def test_without_a_figure_there_is_a_dash() -> None:
    shown = texts(parsed(drawn()))
    assert shown.count(words.NOTHING) >= 12
    assert "nothing finished" in shown


def test_the_drawing_needs_nothing_from_elsewhere() -> None:
    drawing = svg(drawn(*F1), "A stream", UTC).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|href|url\(|@import|<script|onload", drawing)
    assert "prefers-color-scheme: dark" in drawing


def test_the_busier_way_back_is_the_thicker_arrow() -> None:
    told = sent_back(*[("Step 3", "Step 1")] * 3, ("Step 9", "Step 7"))
    arrows = {each.loop.moves: each for each in layout(drawn(*told, stream=LONG)).arrows}
    assert arrows[3].thickness > arrows[1].thickness
    assert arrows[3].lane == arrows[1].lane == 0


def test_arrows_that_would_cross_lie_in_different_lanes() -> None:
    pairs = [("Step 9", "Step 1"), ("Step 7", "Step 3"), ("Step 7", "Step 5"), ("Step 9", "Step 5")]
    places = layout(drawn(*sent_back(*pairs), stream=LONG))
    for one, other in combinations(places.arrows, 2):
        apart = one.x_from < other.x_to or other.x_from < one.x_to
        assert apart or one.lane != other.lane
    widest = max(places.arrows, key=lambda arrow: arrow.x_from - arrow.x_to)
    assert widest.lane == max(arrow.lane for arrow in places.arrows)


def test_the_rarest_ways_back_are_left_out_and_told_about() -> None:
    names = [stage.name for stage in LONG.stages[:-1] if stage.category is Category.ACTIVE]
    pairs = [(source, to) for to, source in combinations(names, 2)]
    often = [*pairs, pairs[-1]]
    found = drawn(*sent_back(*often), stream=LONG)
    places = layout(found)
    assert len(places.arrows) == MOST_LOOPS
    assert places.loops_left_out == len(pairs) - MOST_LOOPS
    assert max(each.loop.moves for each in places.arrows) == 2
    assert f"{places.loops_left_out} less travelled ways back are not drawn." in texts(
        parsed(found)
    )


def test_what_waits_for_a_stage_is_drawn_only_when_there_is_any() -> None:
    assert "In no stage yet" in texts(parsed(drawn(history(created=d7))))
    assert "In no stage yet" not in texts(parsed(drawn(*F1)))


def test_a_limit_stands_beside_what_it_limits() -> None:
    stages = tuple(replace(each, wip_limit=5) for each in DEFAULT_STREAM.stages)
    shown = texts(parsed(drawn(*F1, stream=replace(DEFAULT_STREAM, stages=stages))))
    assert {"1, limit 5", "1 item, limit 5"} <= set(shown)


@pytest.mark.parametrize(
    ("hours", "shown"),
    [(0.5, "30 min"), (2, "120 min"), (79.5, "79.5 h"), (24 * 20, "20 d"), (24 * 31, "31 d")],
)
def test_durations_are_in_the_unit_that_suits_the_lead_time(hours: float, shown: str) -> None:
    told = history(("Analysis", d1), ("Production", at(1)), created=at(1))
    found = drawn(told)
    scaled = replace(found, ladder=replace(found.ladder, lead_us=round(hours * 3_600_000_000)))
    assert words.duration(scaled, scaled.ladder.lead_us) == shown


def test_working_time_is_never_shown_in_days_and_named() -> None:
    week = drawn(*F1)
    long = replace(week.ladder, items=1, lead_us=40 * 24 * HOUR_US)
    working = replace(week, ladder=long, clock=Clock.WORKING)
    assert words.duration(working, long.lead_us) == "960 h"
    assert words.duration(replace(working, clock=Clock.ELAPSED), long.lead_us) == "40 d"
    assert words.period(working, UTC).endswith("in working time")


def test_a_duration_that_rounds_to_nothing_is_not_nothing() -> None:
    found = drawn(*F1)
    assert words.duration(found, 1) == "< 0.1 h"
    assert words.duration(found, 0) == "0 h"


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "–"), (0, "0 %"), (0.754, "75 %"), (0.999, "> 99 %"), (1, "100 %")]
)
def test_only_all_is_100_percent(value: float | None, shown: str) -> None:
    assert words.share(value) == shown


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Development", ["Development"]),
        ("Ready for development", ["Ready for", "development"]),
        ("Approval by the board of changes", ["Approval by", "the board o…"]),
        ("要求と分析の待ち行列を管理する", ["要求と分析の", "待ち行列を…"]),
        (" ", ["–"]),
        ("a\x01b", ["a\N{REPLACEMENT CHARACTER}b"]),
    ],
)
def test_a_name_is_broken_to_fit(text: str, lines: list[str]) -> None:
    assert words.fitted(text, 12, 2) == lines


def test_the_diagram_of_the_week_shows_its_figures() -> None:
    lines = mermaid(drawn(*F1), "A stream", UTC).splitlines()
    assert lines[0] == "flowchart LR"
    assert '    s2["Development<br/>process 36 h<br/>C#38;A 75 #37;<br/>1 item"]' in lines
    assert "    s0 ==> s1 ==> s2 ==> s3 ==> s4 ==> s5" in lines
    assert '    s3 -. "1 back" .-> s2' in lines
    assert "    linkStyle 5 stroke-width:3px" in lines


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@property_test
@given(populations(), windows(), st.lists(NAMES, min_size=8, max_size=8))
def test_any_names_and_histories_make_a_well_formed_drawing(
    population: Population, window: Window, names: list[str]
) -> None:
    items = [item_times(told, population.stream) for told in population.histories]
    found = renamed(value_stream_map(items, population.stream, window), names)
    root = parsed(found, names[-1])
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for text in root.iter(f"{SPACE}text"):
        assert 0 <= float(text.attrib["x"]) <= width
        assert 0 <= float(text.attrib["y"]) <= height
    for box in root.iter(f"{SPACE}rect"):
        left = float(box.attrib.get("x", 0))
        assert 0 <= left <= left + float(box.attrib["width"]) <= width


@property_test
@given(populations(), windows(), st.lists(NAMES, min_size=8, max_size=8))
def test_any_names_and_histories_make_a_diagram_of_as_many_lines_as_parts(
    population: Population, window: Window, names: list[str]
) -> None:
    items = [item_times(told, population.stream) for told in population.histories]
    found = renamed(value_stream_map(items, population.stream, window), names)
    lines = mermaid(found, names[-1], UTC).split("\n")
    assert len(lines) == 6 + len(found.ladder.rungs) + 2 * len(found.quality.loops)
    assert all(line.count('"') in {0, 2} for line in lines)


def renamed(found: ValueStreamMap, names: list[str]) -> ValueStreamMap:
    """Give the stages other names, in order."""
    stages = [rung.stage for rung in found.ladder.rungs]
    new = {old: replace(old, name=name) for old, name in zip(stages, names, strict=False)}
    rungs = tuple(replace(each, stage=new[each.stage]) for each in found.ladder.rungs)
    times = tuple(replace(each, stage=new[each.stage]) for each in found.presence.stages)
    exits = tuple(replace(each, stage=new[each.stage]) for each in found.quality.stages)
    loops = tuple(
        ReworkLoop(new[each.from_stage], new[each.to_stage], each.moves)
        for each in found.quality.loops
    )
    return replace(
        found,
        ladder=replace(found.ladder, rungs=rungs),
        presence=replace(found.presence, stages=times),
        quality=replace(found.quality, stages=exits, loops=loops),
    )
