"""The embedded database against real processes: killed, shared, left behind, interrupted."""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import make_url

from app.store.embedded import EmbeddedDatabaseError, EmbeddedPostgres, is_running, reset
from app.store.embedded.cluster import cluster_of
from app.store.embedded.owner import Owner, owner_of
from app.store.embedded.programs import packaged
from app.store.embedded.server import read_postmaster

PROJECT = Path(__file__).parents[2]
USER = """
import os, sys
from pathlib import Path
from app.store.embedded import EmbeddedPostgres

if uid := int(sys.argv[2]):
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
database = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
try:
    print(database.start(), flush=True)
    sys.stdin.readline()
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.stdin.readline()
database.stop()
"""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run as another user")


class User:
    """A process that uses the database until it is told to stop."""

    def __init__(self, data_dir: Path, *, uid: int = 0, python_path: str = "") -> None:
        self.data_dir = data_dir
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", USER, str(data_dir), str(uid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
            env=os.environ | {"PYTHONPATH": python_path},
            start_new_session=True,
        )

    def says(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline().strip()
        return line or self.process.communicate()[1]

    def stops(self) -> None:
        _, errors = self.process.communicate("\n", timeout=60)
        assert (self.process.returncode, errors) == (0, "")

    def is_killed(self) -> None:
        self.process.kill()
        self.process.communicate()


StartUser = Callable[..., User]


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """Make a folder that all can enter: where pytest keeps its own, nobody but root can."""
    path = Path(tempfile.mkdtemp(prefix="vsm-test-"))
    path.chmod(0o755)
    try:
        yield path
        for lock in path.rglob("start.lock"):
            reset(lock.parent)  # stops whatever server a failed test has left
    finally:
        shutil.rmtree(path)


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """A database that is made once, for the tests that are not about making or deleting it."""
    with open_folder() as path:
        yield path / "data"


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


@pytest.fixture
def new_dir(folder: Path) -> Path:
    return folder / "data"


@pytest.fixture
def user() -> Iterator[StartUser]:
    """Start users of the database; none outlives the test, nor does a server that they leave."""
    started: list[User] = []

    def start(*arguments: Any, **options: Any) -> User:
        started.append(User(*arguments, **options))
        return started[-1]

    yield start
    for each in started:
        each.is_killed()
        if is_running(each.data_dir):
            with embedded(each.data_dir):
                pass  # takes it over, and stops it


def query(url: str, *statements: str) -> Any:
    async def run() -> Any:
        address = make_url(url)
        connection = await asyncpg.connect(
            user=address.username,
            database=address.database,
            host=address.query["host"],
            port=int(str(address.query["port"])),
        )
        try:
            return [await connection.fetchval(statement) for statement in statements][-1]
        finally:
            await connection.close()

    return asyncio.run(run())


def keep(url: str) -> None:
    query(url, "drop table if exists kept", "create table kept as select 7 as n")


def embedded(data_dir: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(data_dir, durable=False)


def server_pid(data_dir: Path) -> int:
    postmaster = read_postmaster(data_dir)
    assert postmaster
    return postmaster.pid


def eventually(condition: Callable[[], Any], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_it_starts_on_a_private_socket_alone_and_has_the_database(new_dir: Path) -> None:
    with embedded(new_dir) as database:
        assert database.url.startswith("postgresql+asyncpg://postgres@/vsm_db?host=/")
        assert query(database.url, "show server_version_num") >= "180000"
        assert query(database.url, "show listen_addresses") == ""
        assert query(database.url, "show timezone") == "UTC"
        assert query(database.url, "show data_checksums") == "on"
        assert query(database.url, "select upper('é') = 'É'")
        assert query(database.url, "select current_database()") == "vsm_db"
        found = (new_dir / "run").stat()
        assert stat.S_IMODE(found.st_mode) == 0o700
        assert found.st_uid == cluster_of(new_dir).stat().st_uid != 0
    assert not is_running(new_dir)
    assert database.url == ""


def test_data_survive_a_restart(data_dir: Path) -> None:
    with embedded(data_dir) as database:
        keep(database.url)
    with embedded(data_dir) as database:
        assert query(database.url, "select n from kept") == 7


def test_a_durable_server_does_wait_for_the_disk(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as database:
        on = [query(database.url, f"show {name}") for name in ("fsync", "synchronous_commit")]
        assert on == ["on", "on"]


def test_a_dropped_database_is_made_again(data_dir: Path) -> None:
    with embedded(data_dir) as database:
        postgres = database.url.replace("vsm_db", "postgres")
        query(postgres, "drop database vsm_db")
        with embedded(data_dir) as another:
            assert query(another.url, "select current_database()") == "vsm_db"


def test_starting_or_stopping_twice_does_no_harm(data_dir: Path) -> None:
    database = embedded(data_dir)
    database.stop()
    assert database.start() == database.start()
    database.stop()
    database.stop()
    assert not is_running(data_dir)


def test_two_processes_share_one_server_and_the_last_one_stops_it(
    new_dir: Path, user: StartUser
) -> None:
    first, second = user(new_dir), user(new_dir)  # both make the folder and the data, at once
    assert first.says() == second.says()
    pid = server_pid(new_dir)
    first.stops()
    assert is_running(new_dir)
    assert server_pid(new_dir) == pid
    second.stops()
    assert not is_running(new_dir)


def test_the_server_of_a_killed_process_is_taken_over_with_its_data_and_stopped(
    data_dir: Path, user: StartUser
) -> None:
    killed = user(data_dir)
    keep(killed.says())
    pid = server_pid(data_dir)
    killed.is_killed()
    assert is_running(data_dir)
    with embedded(data_dir) as database:
        assert server_pid(data_dir) == pid
        assert query(database.url, "select n from kept") == 7
    assert not is_running(data_dir)


def test_a_killed_server_recovers_all_that_was_committed(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as database:
        keep(database.url)
        os.kill(server_pid(data_dir), signal.SIGKILL)
        eventually(lambda: not is_running(data_dir))
        with embedded(data_dir) as another:
            assert query(another.url, "select n from kept") == 7
    assert not is_running(data_dir)


def test_data_that_were_half_made_when_the_process_was_killed_are_made_again(
    new_dir: Path, user: StartUser
) -> None:
    half = new_dir / "pg18.new"
    killed = user(new_dir)
    eventually((half / "PG_VERSION").exists)
    killed.is_killed()
    assert not cluster_of(new_dir).exists()
    with embedded(new_dir) as database:
        assert query(database.url, "select 1") == 1
    assert not half.exists()


def test_a_process_id_that_is_in_use_again_is_not_taken_for_the_server(data_dir: Path) -> None:
    with embedded(data_dir) as database:
        keep(database.url)
        owner = owner_of(data_dir, cluster_of(data_dir))
        stale = (cluster_of(data_dir) / "postmaster.pid").read_text()
    identity: dict[str, Any] = {} if owner.is_me else {"user": owner.uid, "group": owner.gid}
    other = subprocess.Popen(["sleep", "60"], cwd="/", **identity)
    try:
        _, rest = stale.split("\n", 1)
        (cluster_of(data_dir) / "postmaster.pid").write_text(f"{other.pid}\n{rest}")
        assert not is_running(data_dir)
        with embedded(data_dir) as database:
            assert query(database.url, "select n from kept") == 7
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_ctrl_c_in_the_terminal_reaches_the_process_but_not_its_server(
    data_dir: Path, user: StartUser
) -> None:
    interrupted = user(data_dir)
    url = interrupted.says()
    os.killpg(interrupted.process.pid, signal.SIGINT)
    assert interrupted.says() == "interrupted"
    assert query(url, "select 1") == 1
    interrupted.stops()
    assert not is_running(data_dir)


def test_ctrl_c_during_the_start_leaves_no_server(new_dir: Path, user: StartUser) -> None:
    interrupted = user(new_dir)
    eventually((new_dir / "pg18.new" / "PG_VERSION").exists)
    os.killpg(interrupted.process.pid, signal.SIGINT)
    assert interrupted.says() == "interrupted"
    interrupted.stops()
    assert not is_running(new_dir)
    with embedded(new_dir) as database:
        assert query(database.url, "select 1") == 1


def test_reset_refuses_while_the_database_is_in_use_and_deletes_it_otherwise(
    new_dir: Path, user: StartUser
) -> None:
    using = user(new_dir)
    keep(using.says())
    (new_dir / "notes.txt").write_text("not ours to delete")
    with pytest.raises(EmbeddedDatabaseError, match="is in use"):
        reset(new_dir)
    using.is_killed()
    reset(new_dir)  # stops the server that the killed process left
    assert not is_running(new_dir)
    assert {path.name for path in new_dir.iterdir()} == {
        *("start.lock", "users.lock", "server.lock", "notes.txt"),
    }
    with embedded(new_dir) as database:
        assert query(database.url, "select to_regclass('kept')") is None


def test_reset_of_a_folder_without_a_database_touches_nothing(folder: Path) -> None:
    reset(folder)
    reset(folder / "missing")
    assert list(folder.iterdir()) == []


def test_a_long_path_gets_its_socket_in_a_private_folder_that_goes_with_the_server(
    folder: Path,
) -> None:
    long = folder / ("deep, and with 'quotes' " * 5)
    with embedded(long) as database:
        socket_folder = Path(str(make_url(database.url).query["host"]))
        assert socket_folder.parent == Path("/tmp")  # noqa: S108 - where the product puts it
        assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700
        with embedded(long) as another:
            assert another.url == database.url
            assert query(another.url, "select 1") == 1
    assert not socket_folder.exists()


def test_data_of_another_postgresql_version_are_refused_and_left_alone(new_dir: Path) -> None:
    other = new_dir / "pg17"
    other.mkdir(parents=True)
    (other / "PG_VERSION").write_text("17\n")
    if os.geteuid() == 0:
        new_dir.chmod(0o755)
    with pytest.raises(EmbeddedDatabaseError, match=r"PostgreSQL 17.* brings PostgreSQL 18"):
        embedded(new_dir).start()
    assert (other / "PG_VERSION").read_text() == "17\n"
    assert not cluster_of(new_dir).exists()


def test_a_server_that_does_not_start_is_reported_with_its_own_words(data_dir: Path) -> None:
    with embedded(data_dir):
        pass
    settings = cluster_of(data_dir) / "postgresql.conf"
    good = settings.read_text()
    settings.write_text(f"{good}\nwork_mem = 'plenty'\n")
    with pytest.raises(EmbeddedDatabaseError, match=r'invalid value for parameter "work_mem"'):
        embedded(data_dir).start()
    settings.write_text(good)
    assert not is_running(data_dir)


def test_the_log_is_bounded(data_dir: Path) -> None:
    with embedded(data_dir):
        pass
    log = data_dir / "postgresql.log"
    os.truncate(log, 11_000_000)
    with embedded(data_dir):
        assert log.stat().st_size < 10_000
    assert {path.name for path in data_dir.glob("*.log*")} == {log.name, "postgresql.log.1"}


@as_root
def test_a_folder_that_is_closed_to_the_servers_user_is_named_and_stays_closed(
    folder: Path,
) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    before = [(path, path.stat().st_mode) for path in (folder, closed)]
    with pytest.raises(EmbeddedDatabaseError) as error:
        embedded(closed / "deeper" / "data").start()
    assert error.value.detail.startswith(f"{closed} is closed to the user")
    assert "VSM_DATA_DIR" in error.value.detail
    assert [(path, path.stat().st_mode) for path in (folder, closed)] == before
    assert list(closed.iterdir()) == []


@as_root
def test_folders_on_the_way_are_made_open_whatever_the_umask(folder: Path) -> None:
    umask = os.umask(0o077)
    try:
        with embedded(folder / "deep" / "data") as database:
            assert query(database.url, "select 1") == 1
    finally:
        os.umask(umask)
    modes = [stat.S_IMODE((folder / name).stat().st_mode) for name in ("deep", "deep/data")]
    assert modes == [0o755, 0o700]


@as_root
def test_programs_that_are_closed_to_the_servers_user_are_copied_once(
    folder: Path, new_dir: Path, user: StartUser
) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    package = packaged().folder.parent
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.exists():
            (closed / part.name).symlink_to(part)

    copies = []
    for _ in range(2):
        using = user(new_dir, python_path=str(closed))
        assert query(using.says(), "select 1") == 1
        using.stops()
        copies.append([(copy, copy.stat().st_ctime) for copy in new_dir.glob("postgresql-*/")])
    assert len(copies[0]) == 1
    assert copies[0] == copies[1]
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@as_root
def test_an_ordinary_user_runs_it_himself_and_root_shares_it(
    folder: Path, new_dir: Path, user: StartUser
) -> None:
    nobody = pwd.getpwnam("nobody")
    if not packaged().usable_by(Owner(nobody.pw_uid, nobody.pw_gid)):
        pytest.skip("the virtual environment is closed to ordinary users")
    new_dir.mkdir(mode=0o700)
    os.chown(new_dir, nobody.pw_uid, nobody.pw_gid)
    ordinary = user(new_dir, uid=nobody.pw_uid)
    keep(ordinary.says())
    with embedded(new_dir) as database:
        ordinary.stops()
        assert query(database.url, "select n from kept") == 7
    assert not is_running(new_dir)
    again = user(new_dir, uid=nobody.pw_uid)
    assert query(again.says(), "select n from kept") == 7
    again.stops()
    assert {path.owner() for path in new_dir.rglob("*")} == {"nobody"}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


@as_root
def test_a_folder_of_somebody_else_is_refused_with_his_name(new_dir: Path, user: StartUser) -> None:
    new_dir.mkdir(mode=0o755)
    refused = user(new_dir, uid=pwd.getpwnam("nobody").pw_uid)
    assert f"{new_dir} belongs to the user 'root'" in refused.says()
    assert list(new_dir.iterdir()) == []
