"""What was answered, held against what brute force computes."""

import math
from typing import Any

from tests.judge.numbers import Span


def agree(answered: Any, expected: Any, where: str = "") -> None:
    """Compare all that is expected with what was answered: counts exactly, quotients to 1e-9."""
    if isinstance(expected, dict):
        for name, value in expected.items():
            agree(answered[name], value, f"{where}.{name}")
    elif isinstance(expected, list):
        assert len(answered) == len(expected), where
        for number, pair in enumerate(zip(answered, expected, strict=True)):
            agree(*pair, f"{where}[{number}]")
    elif isinstance(expected, float) and isinstance(answered, (int, float)):
        assert math.isclose(answered, expected, rel_tol=1e-9, abs_tol=1e-9), (
            where,
            answered,
            expected,
        )
    else:
        assert answered == expected, (where, answered, expected)


def expected_metrics(span: Span) -> dict[str, Any]:
    """Return what `/metrics` has to say, without links and the frame."""
    quality, efficiency = span.quality(), span.efficiency()
    return span.numbers() | {
        "flow_efficiency": efficiency["flow_efficiency"],
        "activity_ratio": efficiency["activity_ratio"],
        "blocked_time": efficiency["blocked_time"],
        "first_time_through": quality["first_time_through"],
        "rework_rate": quality["rework_rate"],
        "rework_time_share": quality["rework_time_share"],
        "rolled_ca": quality["rolled_ca"],
        "stages": [
            {"name": name, "zone": span.board.zone(name), **span.stage(name, quality)}
            for name in span.board.of_zone("todo", "doing", "done")
        ],
    }


def of_type(span: Span, kind: str) -> Span:
    """Return the same for the items of one type."""
    items = [item for item in span.items if item.type == kind]
    return Span(items, span.board, span.start, span.end, span.as_of)
