"""Three PostgreSQL servers under Patroni with etcd, on this machine, to be frozen and killed."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import yaml

from app.store.embedded.owner import Owner, owner_of
from app.store.embedded.programs import Programs, programs_for
from tests.servers import free_port

PATRONI = ("patroni[etcd3]==4.1.5", "psycopg[binary]==3.3.9")
UV = Path(__file__).parents[2] / ".tools" / "uv" / "bin" / "uv"
PASSWORD = "only-for-these-tests"  # noqa: S105 - of servers on loopback that live for minutes

DYNAMIC = {
    "ttl": 20,  # the shortest that Patroni takes
    "loop_wait": 2,
    "retry_timeout": 3,
    "primary_start_timeout": 0,  # a crashed primary is replaced, not waited for
    "synchronous_mode": "quorum",  # any one of the two standbys has to have it
    "synchronous_mode_strict": True,
    "synchronous_node_count": 1,
    "postgresql": {
        "use_pg_rewind": True,
        "parameters": {
            "hot_standby_feedback": "on",
            "max_connections": 120,
            "shared_buffers": "64MB",
            "wal_receiver_status_interval": "1s",
            "wal_retrieve_retry_interval": "200ms",
        },
    },
}

ASYNCHRONOUS = {"synchronous_mode": False, "synchronous_mode_strict": False}
"""Loses what was acknowledged, which shows that the checks would see it."""


@dataclass
class Node:
    """One server with the Patroni that looks after it."""

    name: str
    folder: Path
    port: int
    rest: int
    patroni: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def ask(self, path: str, body: dict[str, Any] | None = None) -> int:
        """Ask Patroni, and return the status of its answer; 0 when there is none."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.rest}{path}", json.dumps(body).encode() if body else None
        )
        try:
            with urllib.request.urlopen(request, timeout=30 if body else 1) as answer:  # noqa: S310
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def processes(self) -> list[int]:
        """Return the server's processes, its parent first; none when it does not run."""
        try:
            postmaster = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        except (OSError, IndexError, ValueError):
            return []
        found = children_of(postmaster)
        return [postmaster, *found] if Path(f"/proc/{postmaster}").exists() else []

    def receiver(self) -> int:
        """Return the process that receives the write-ahead log."""
        for pid in self.processes():
            if b"walreceiver" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        raise LookupError(f"{self.name} receives nothing")


def children_of(pid: int) -> list[int]:
    command = ["ps", "-o", "pid=", "--ppid", str(pid)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return [int(each) for each in found.stdout.split()]


@dataclass
class Cluster:
    """The servers, and etcd, which they elect their primary with."""

    base: Path
    synchronous: bool = True
    owner: Owner = field(init=False)
    programs: Programs = field(init=False)
    nodes: list[Node] = field(init=False)
    etcd: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.owner = owner_of(self.base, self.base / "none")
        self.programs = programs_for(self.owner, self.base)
        self.nodes = [
            Node(f"node{number}", self.base / f"node{number}", free_port(), free_port())
            for number in (1, 2, 3)
        ]

    def start(self) -> None:
        """Start everything, and wait until there is a primary with two standbys in step."""
        python = self._install_patroni()
        etcd_port = self._start_etcd()
        for node in self.nodes:
            self.owner.make_folder(node.folder)
            config = node.folder / "patroni.yaml"
            config.write_text(yaml.safe_dump(self._config(node, etcd_port)))
            node.patroni = self._run(node.folder, python.with_name("patroni"), config)
        self.settle()

    def settle(self, patience: float = 90) -> None:
        """Wait until one server is the primary, and both others follow it in the quorum."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            role = "/quorum" if self.synchronous else "/replica"
            roles = [node.ask(role) for node in self.nodes]
            if self.primary() and roles.count(200) == len(self.nodes) - 1:
                return
            time.sleep(0.2)
        raise TimeoutError(f"the cluster in {self.base} does not settle")

    def primary(self) -> Node | None:
        """Return the server that Patroni takes for the primary now."""
        return next((node for node in self.nodes if node.ask("/primary") == 200), None)

    def standbys(self) -> list[Node]:
        return [node for node in self.nodes if node.ask("/replica") == 200]

    def stop(self) -> None:
        """End all processes that were started here."""
        for node in self.nodes:
            if node.patroni:
                self._kill([node.patroni.pid])
                node.patroni.wait()
            self._kill(node.processes())
        if self.etcd:
            self.etcd.kill()
            self.etcd.wait()

    def dsn(self, node: Node, database: str = "vsm_db") -> str:
        return f"postgresql://postgres:{PASSWORD}@127.0.0.1:{node.port}/{database}"

    @property
    def environ(self) -> dict[str, str]:
        """The settings of a service that uses these servers."""
        hosts = ",".join("127.0.0.1" for _ in self.nodes)
        ports = ",".join(str(node.port) for node in self.nodes)
        return {
            "DATABASE_HOST": hosts,
            "DATABASE_PORT": ports,
            "DATABASE_NAME": "vsm_db",
            "DATABASE_USER": "postgres",
            "DATABASE_PASSWORD": PASSWORD,
            "DATABASE_READ_HOST": hosts,
            "DATABASE_READ_PORT": ports,
        }

    async def query(self, statement: str, database: str = "vsm_db") -> list[asyncpg.Record]:
        """Ask the primary."""
        node = await asyncio.to_thread(self.primary)
        assert node, "there is no primary"
        connection = await asyncpg.connect(self.dsn(node, database))
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    @staticmethod
    def _kill(pids: list[int]) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
                os.kill(pid, signal.SIGKILL)

    def _install_patroni(self) -> Path:
        """Install Patroni beside the servers, for a Python that their user can reach."""
        python = sys.executable if self.owner.is_me else "/usr/bin/python3"
        venv = self.base / "patroni"
        commands: tuple[list[str | Path], ...] = (
            [UV, "venv", "--quiet", "--python", python, venv],
            [UV, "pip", "install", "--quiet", "--python", venv / "bin" / "python", *PATRONI],
        )
        for command in commands:
            subprocess.run(command, check=True)
        return venv / "bin" / "python"

    def _start_etcd(self) -> int:
        program = shutil.which("etcd")
        if not program:
            raise SystemExit("etcd is needed: apt-get install etcd-server")
        folder, client, peer = self.base / "etcd", free_port(), free_port()
        self.owner.make_folder(folder)
        self.etcd = self._run(
            folder,
            program,
            f"--data-dir={folder}/data",
            f"--listen-client-urls=http://127.0.0.1:{client}",
            f"--advertise-client-urls=http://127.0.0.1:{client}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-cluster=default=http://127.0.0.1:{peer}",
            "--unsafe-no-fsync" if _knows(program, "--unsafe-no-fsync") else "--logger=zap",
        )
        return client

    def _run(self, folder: Path, *command: str | Path) -> subprocess.Popen[bytes]:
        """Start a program as the servers' user; what it says is in a file of its folder."""
        identity: dict[str, Any] = (
            {}
            if self.owner.is_me
            else {"user": self.owner.uid, "group": self.owner.gid, "extra_groups": []}
        )
        log = os.open(folder.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            return subprocess.Popen(
                command,
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C", "HOME": str(folder)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **identity,
            )
        finally:
            os.close(log)

    def _config(self, node: Node, etcd_port: int) -> dict[str, Any]:
        user = {"username": "postgres", "password": PASSWORD}
        return {
            "scope": "vsm",
            "name": node.name,
            "restapi": {
                "listen": f"127.0.0.1:{node.rest}",
                "connect_address": f"127.0.0.1:{node.rest}",
            },
            "etcd3": {"host": f"127.0.0.1:{etcd_port}"},
            "bootstrap": {
                "dcs": DYNAMIC | ({} if self.synchronous else ASYNCHRONOUS),
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"],
            },
            "postgresql": {
                "listen": f"127.0.0.1:{node.port}",
                "connect_address": f"127.0.0.1:{node.port}",
                "data_dir": str(node.data),
                "bin_dir": str(self.programs / ""),
                "authentication": {"superuser": user, "replication": user, "rewind": user},
                "pg_hba": [
                    "host all all 127.0.0.1/32 scram-sha-256",
                    "host replication all 127.0.0.1/32 scram-sha-256",
                    "local all all trust",
                ],
                "parameters": {"unix_socket_directories": str(node.folder)},
            },
        }


def _knows(program: str, option: str) -> bool:
    told = subprocess.run([program, "--help"], capture_output=True, text=True, check=False)
    return option in told.stdout + told.stderr
