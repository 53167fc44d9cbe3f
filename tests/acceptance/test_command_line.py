"""The commands, as a user types them: each in a process of its own."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from app.store.embedded import is_running
from tests.acceptance.helpers import describe

VSM = Path(sys.executable).with_name("vsm")
ISSUES = {
    "issues": [
        {
            "key": "SHOP-1",
            "fields": {
                "summary": "Pay by invoice",
                "issuetype": {"name": "Story"},
                "status": {"name": "Done"},
                "created": "2025-03-03T09:00:00.000+0000",
            },
            "changelog": {
                "histories": [
                    {
                        "id": "2",
                        "created": "2025-03-07T09:00:00.000+0000",
                        "items": [
                            {"field": "status", "fromString": "In Progress", "toString": "Done"}
                        ],
                    },
                    {
                        "id": "1",
                        "created": "2025-03-05T09:00:00.000+0000",
                        "items": [
                            {"field": "status", "fromString": "To Do", "toString": "In Progress"}
                        ],
                    },
                ]
            },
        }
    ]
}


@pytest.fixture
def environ(database_url: str) -> dict[str, str]:
    """The environment of a command that works on this test's database."""
    url = make_url(database_url)
    return os.environ | {
        "DATABASE_HOST": str(url.query.get("host") or url.host),
        "DATABASE_PORT": str(url.query.get("port") or url.port),
        "DATABASE_NAME": str(url.database),
        "DATABASE_USER": str(url.username),
        "DATABASE_PASSWORD": url.password or "not-asked-for",
        "COLUMNS": "120",
    }


def vsm(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [VSM, *arguments], env=environ, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_jira_export_is_checked_imported_and_measured(
    environ: dict[str, str], tmp_path: Path
) -> None:
    export = tmp_path / "search-result.json"
    export.write_text(json.dumps(ISSUES))
    checked = vsm(environ, "import", "jira", str(export), "--check")
    assert (checked.returncode, "Would import" in checked.stdout) == (0, True), checked.stderr
    first, second = (
        json.loads(vsm(environ, "import", "jira", str(export), "--json").stdout)[0]
        for _ in range(2)
    )
    assert (first["items_created"], first["transitions_created"]) == (1, 3)
    assert (second["items_unchanged"], second["transitions_created"]) == (1, 0)
    measured = vsm(
        environ,
        *("metrics", "--json", "--start", "2025-03-03T00:00:00Z", "--end", "2025-03-10T00:00:00Z"),
    )
    found = json.loads(measured.stdout)
    assert (found["throughput"], found["cycle_time_avg"], found["lead_time_avg"]) == (1, 48, 96)


def test_a_file_with_a_mistake_is_refused_with_its_place(
    environ: dict[str, str], tmp_path: Path
) -> None:
    moves = tmp_path / "moves.csv"
    moves.write_text("key,title,to_stage,timestamp\nA-1,Pay,Backlog,yesterday\n")
    refused = vsm(environ, "import", "csv", str(moves))
    assert refused.returncode == 1
    assert f"{moves}:2:4" in refused.stderr
    assert "nothing was imported" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert json.loads(vsm(environ, "items", "--json").stdout)["items"] == []


def test_the_demo_gives_every_view_something_to_show(environ: dict[str, str]) -> None:
    assert "items with" in vsm(environ, "demo", "--days", "120").stdout
    assert "cycle time" in vsm(environ, "metrics", "--days", "90").stdout
    assert "Testing" in vsm(environ, "map", "--days", "90").stdout
    assert vsm(environ, "map", "--svg").stdout.startswith("<svg")
    assert "in stage" in vsm(environ, "aging").stdout
    assert vsm(environ, "items", "--csv").stdout.startswith("id,title,type")
    assert "made-up items removed" in vsm(environ, "demo", "--remove").stdout
    assert json.loads(vsm(environ, "items", "--json").stdout)["items"] == []


def test_a_number_of_a_command_leads_to_its_items_in_another(environ: dict[str, str]) -> None:
    vsm(environ, "demo", "--days", "60")
    window = ("--days", "30", "--exclude-type", "bug")
    measured = json.loads(vsm(environ, "metrics", *window, "--json").stdout)
    behind = ("items", "--population", "throughput", "--limit", "500", "--json")
    listed = json.loads(vsm(environ, *behind, *window).stdout)["items"]
    assert len(listed) == measured["throughput"] > 0
    assert not any(item["type"] == "bug" for item in listed)
    last = ("--start", measured["period_start"], "--end", measured["period_end"])
    aged = json.loads(vsm(environ, "aging", *last, "--tz", "Asia/Tokyo", "--json").stdout)
    assert (aged["timezone"], aged["period_start"]) == ("Asia/Tokyo", measured["period_start"])
    assert "default" in vsm(environ, "streams", "list").stdout


def test_a_wrong_option_is_refused_in_the_words_of_the_api(environ: dict[str, str]) -> None:
    refused = vsm(environ, "metrics", "--days", "91")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "days: Input should be less than or equal to 90" in refused.stderr


def test_a_command_measures_by_the_clock_that_it_is_told(environ: dict[str, str]) -> None:
    asked = vsm(environ, "metrics", "--clock", "elapsed", "--json")
    assert json.loads(asked.stdout)["definitions"]["clock"] == "elapsed"
    for command in ("metrics", "map", "aging"):
        refused = vsm(environ, command, "--clock", "working")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "has no working time" in refused.stderr


async def test_working_time_is_shown_in_hours_and_named(
    environ: dict[str, str], database_url: str
) -> None:
    await asyncio.to_thread(vsm, environ, "demo", "--days", "120")
    await describe(database_url)
    for command in ("metrics", "map", "aging"):
        asked = (command, "--days", "90", "--clock")
        working = (await asyncio.to_thread(vsm, environ, *asked, "working")).stdout
        elapsed = (await asyncio.to_thread(vsm, environ, *asked, "elapsed")).stdout
        assert "Durations are working time." in working
        assert re.search(r"\d d\b", elapsed)
        assert re.search(r"\d h\b", working)
        assert not re.search(r"\d d\b", working)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder for an embedded database, which root's database user can reach, too."""
    with tempfile.TemporaryDirectory(prefix="vsm-serve-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "data"


class Service:
    """`vsm serve` on a free port, with an embedded database."""

    def __init__(self, data_dir: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        environ = {k: v for k, v in os.environ.items() if not k.startswith("DATABASE_")}
        environ |= {"VSM_DATA_DIR": str(data_dir), "PORT": str(self.port)}
        self.process = subprocess.Popen(
            [VSM, "serve"], env=environ, stderr=subprocess.PIPE, text=True
        )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the service ended by itself"
            try:
                self.call("/ready")
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise TimeoutError("the service did not become ready")

    def call(self, path: str, body: dict[str, str] | None = None) -> dict[str, object]:
        """Send a request and return its answer."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            json.dumps(body).encode() if body else None,
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            found: dict[str, object] = json.load(answer)
            return found

    def end(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(30)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_service_stops_its_database_and_keeps_its_data(
    data_dir: Path, number: signal.Signals
) -> None:
    service = Service(data_dir)
    service.call("/api/v1/work-items", {"title": "Pay", "type": "bug"})
    assert service.end(number) == 0
    assert not is_running(data_dir)
    again = Service(data_dir)
    assert again.call("/api/v1/work-items/1")["title"] == "Pay"
    assert again.end(signal.SIGTERM) == 0


def test_what_a_killed_service_leaves_is_taken_over_by_the_next(data_dir: Path) -> None:
    killed = Service(data_dir)
    killed.call("/api/v1/work-items", {"title": "Pay", "type": "bug"})
    killed.end(signal.SIGKILL)
    assert is_running(data_dir)
    following = Service(data_dir)
    assert following.call("/api/v1/work-items/1")["title"] == "Pay"
    assert following.end(signal.SIGTERM) == 0
    assert not is_running(data_dir)


def test_a_taken_port_is_told_before_anything_is_started(data_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        environ = os.environ | {
            "VSM_DATA_DIR": str(data_dir),
            "PORT": str(taken.getsockname()[1]),
        }
        refused = vsm(environ, "serve")
    assert refused.returncode == 1
    assert "Choose another port" in refused.stderr
    assert not data_dir.exists()


def test_data_are_deleted_only_when_nobody_uses_them(data_dir: Path) -> None:
    environ = os.environ | {"VSM_DATA_DIR": str(data_dir)}
    assert vsm(environ, "data", "path").stdout.strip() == str(data_dir)
    service = Service(data_dir)
    refused = vsm(environ, "data", "reset", "--yes")
    assert (refused.returncode, "in use" in refused.stderr) == (1, True)
    service.end(signal.SIGTERM)
    assert vsm(environ, "data", "reset", "--yes").returncode == 0


def test_value_stream_files_are_validated_without_a_database(tmp_path: Path) -> None:
    environ = os.environ | {"COLUMNS": "80"}
    config = Path(__file__).parents[2] / "config"
    right = vsm(environ, "streams", "validate", str(config / "eight-stages.yaml"))
    assert right.returncode == 0, right.stderr
    assert right.stdout.startswith("platform: 8 stages from Backlog to Production, work starts at")

    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("version: 1\nvalue_streams:\n  - key: Shop\n    nam: Shop\n    stages: []\n")
    refused = vsm(environ, "streams", "validate", str(wrong))
    assert refused.returncode == 1
    assert [line.split(": ")[0] for line in refused.stdout.splitlines()] == [
        f"{wrong}:3:5 (value_streams[0].name)",
        f"{wrong}:3:10 (value_streams[0].key)",
        f"{wrong}:4:5 (value_streams[0].nam)",
        f"{wrong}:5:13 (value_streams[0].stages)",
    ]
    assert "4 problems in value stream files" in refused.stderr


def test_the_schema_of_value_stream_files_is_printed() -> None:
    printed = vsm(dict(os.environ), "streams", "schema")
    assert json.loads(printed.stdout)["title"] == "Value streams"
    fields = vsm(dict(os.environ), "streams", "schema", "--reference")
    assert "| `wip_limit` |" in fields.stdout
