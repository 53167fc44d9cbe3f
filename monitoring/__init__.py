"""Grafana dashboards as code. `python -m monitoring` writes their JSON to `platform/`."""
