"""Every dashboard by the name of its file, and how it is written."""

import json
from pathlib import Path

from monitoring.flow import FLOW
from monitoring.grafana import Json
from monitoring.service import SERVICE

FOLDER = Path(__file__).parents[1] / "platform" / "apps" / "grafana" / "dashboards"
DASHBOARDS: dict[str, Json] = {"vsm-flow-metrics.json": FLOW, "vsm-service.json": SERVICE}


def as_text(dashboard: Json) -> str:
    """Return the JSON of a dashboard, as it is committed."""
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"
