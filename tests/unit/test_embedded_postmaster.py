"""What the embedded database takes from a server's own file, and what it does not believe."""

import os
import socket
from pathlib import Path

import pytest

from app.store.embedded import default_data_dir, is_running
from app.store.embedded.server import Postmaster, read_postmaster

WRITTEN = "4685\n{data}\n1795327393\n5432\n{socket}\n\n  2171541        13\nready   \n"


def written(data_dir: Path, text: str) -> None:
    (data_dir / "pg18").mkdir()
    (data_dir / "pg18" / "postmaster.pid").write_text(text)


def test_a_complete_file_names_the_process_the_socket_and_the_state(tmp_path: Path) -> None:
    written(tmp_path, WRITTEN.format(data=tmp_path, socket="/run/a, b"))
    assert read_postmaster(tmp_path) == Postmaster(4685, Path("/run/a, b"), "ready")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4685\n/data\n",
        "4685\n/data\n1795327393\n5432\n/run\n\n  2171541        13\n",
        "words\n/data\n1795327393\n5432\n/run\n\n  2171541        13\nready\n",
        "-4685\n/data\n1795327393\n5432\n/run\n\n  2171541        13\nready\n",
        "1\n/data\n1795327393\n5432\n/run\n\n  2171541        13\nready\n",
        "4685\n/data\n1795327393\n5432\n\n\n  2171541        13\nready\n",
    ],
    ids=["empty", "begun", "no state", "no number", "single-user", "init", "no socket"],
)
def test_an_incomplete_or_foreign_file_is_no_server(tmp_path: Path, text: str) -> None:
    written(tmp_path, text)
    assert read_postmaster(tmp_path) is None


def test_a_folder_without_the_file_has_no_server(tmp_path: Path) -> None:
    assert read_postmaster(tmp_path / "missing") is None


def test_a_file_alone_is_not_believed_without_somebody_on_the_socket(tmp_path: Path) -> None:
    written(tmp_path, WRITTEN.format(data=tmp_path, socket=tmp_path))
    assert not is_running(tmp_path)
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / ".s.PGSQL.5432"))
    assert not is_running(tmp_path)


def test_roots_data_are_kept_out_of_the_home_that_is_closed_to_the_server() -> None:
    inside_home = default_data_dir().is_relative_to(Path.home())
    assert inside_home == (os.geteuid() != 0)
