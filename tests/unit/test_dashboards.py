"""The dashboards are what the code makes of them, and hold what was promised."""

import json
import re
from collections.abc import Iterator

import pytest
import yaml

from app.telemetry import SERIES
from app.telemetry.flow_series import HISTOGRAMS
from app.telemetry.process import PROCESS
from monitoring.dashboards import DASHBOARDS, FOLDER, as_text
from monitoring.grafana import COLUMNS, Json

PROMISED = {
    "WIP by stage",
    "Throughput",
    "Cycle time per stage",
    "Lead time trend",
    "Bottleneck",
    "Oldest item per stage",
}
EXPORTED = {
    "vsm_build_info",
    *(f"{each.name}_total" if each.kind == "counter" else each.name for each in SERIES),
    *(each.name for each in HISTOGRAMS),
    *(
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in PROCESS.collect()
    ),
}


def panels(dashboard: Json) -> Iterator[Json]:
    return (each for each in dashboard["panels"] if each["type"] != "row")


@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_committed_json_is_that_of_the_code(name: str) -> None:
    is_current = (FOLDER / name).read_text(encoding="utf-8") == as_text(DASHBOARDS[name])
    assert is_current, "run `make dashboards`"


def test_the_flow_dashboard_has_the_panels_that_were_promised() -> None:
    titles = {panel["title"] for panel in panels(DASHBOARDS["vsm-flow-metrics.json"])}
    assert titles >= PROMISED


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_ask_the_chosen_data_source_for_series_that_are_exported(name: str) -> None:
    dashboard = DASHBOARDS[name]
    variables = {each["name"]: each for each in dashboard["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    for panel in panels(dashboard):
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["description"]
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"
            asked = set(re.findall(r"\$(\w+)", target["expr"])) - {"__rate_interval"}
            assert asked <= variables.keys()
            series = re.findall(r"\bvsm_\w+", target["expr"])
            assert {re.sub("_(bucket|sum|count)$", "", each) for each in series} <= EXPORTED


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_have_ids_of_their_own_and_do_not_overlap(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    ids = [panel["id"] for panel in DASHBOARDS[name]["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in DASHBOARDS[name]["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= COLUMNS
        area = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert taken.isdisjoint(area), panel["title"]
        taken |= area


def test_every_dashboard_is_provisioned_under_the_label_that_grafana_looks_for() -> None:
    folder = FOLDER.parent
    made = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    assert made["generatorOptions"]["labels"]["grafana_dashboard"] == "1"
    [config_map] = made["configMapGenerator"]
    assert config_map["files"] == [f"dashboards/{name}" for name in DASHBOARDS]
    for file in config_map["files"]:
        json.loads((folder / file).read_text(encoding="utf-8"))
