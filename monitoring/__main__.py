"""Write every dashboard's JSON to where it is provisioned from."""

from monitoring.dashboards import DASHBOARDS, FOLDER, as_text

for name, dashboard in DASHBOARDS.items():
    (FOLDER / name).write_text(as_text(dashboard), encoding="utf-8")
