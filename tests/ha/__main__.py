"""`make ha`: fail what can fail, under load, and print what it cost.

    make ha                       every scenario
    make ha SCENARIOS="freeze"    some of them, by a part of their names
    make ha SCENARIOS="--asynchronous freeze_receivers"    to see that a loss would be seen

It needs etcd on the PATH (Debian: `apt-get install etcd-server`) and installs Patroni for itself.
It exits with status 1 if a goal is missed.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.ha import checks
from tests.ha.cluster import Cluster, Node
from tests.ha.load import Load, Noted
from tests.ha.service import VSM, Proxy, Replica
from tests.servers import free_port

ASYNCHRONOUS = "--asynchronous"
BEFORE = 2.0
AFTER = 4.0
"""Seconds of load before a scenario's event, and after all is well again."""
CLIENT_TIMEOUT = 31.0
"""Seconds after which the service's client gives up a statement, as it is by default."""
SLACK = 2.0
"""Seconds that writes through the service may be away for longer than the database is."""


@dataclass
class Stage:
    """What a scenario acts on."""

    cluster: Cluster
    replicas: list[Replica]

    async def primary(self) -> Node:
        """Return the primary; there is one."""
        while True:
            found = await asyncio.to_thread(self.cluster.primary)
            if found:
                return found
            await asyncio.sleep(0.1)

    async def another_primary(self, than: Node) -> None:
        """Wait until another server has taken over."""
        while (await self.primary()).name == than.name:
            await asyncio.sleep(0.1)


async def kill_primary(stage: Stage) -> None:
    """kill -9 of every process of the primary"""
    node = await stage.primary()
    _signal(node.processes(), signal.SIGKILL)
    await stage.another_primary(node)


async def freeze_primary(stage: Stage) -> None:
    """SIGSTOP of the primary and its Patroni: a machine that is paused"""
    node = await stage.primary()
    assert node.patroni
    stopped = [node.patroni.pid, *node.processes()]
    _signal(stopped, signal.SIGSTOP)
    await stage.another_primary(node)
    await asyncio.sleep(AFTER)
    _signal(stopped, signal.SIGCONT)


async def switch_over(stage: Stage) -> None:
    """Planned switchover"""
    node = await stage.primary()
    candidate = next(each.name for each in await asyncio.to_thread(stage.cluster.standbys))
    body = {"leader": node.name, "candidate": candidate}
    status = await asyncio.to_thread(node.ask, "/switchover", body)
    assert status == 200, f"the switchover was refused with {status}"
    await stage.another_primary(node)


async def freeze_receivers(stage: Stage) -> None:
    """Both standbys receive nothing for 3 s, then kill -9 of the primary"""
    node = await stage.primary()
    standbys = [each for each in stage.cluster.nodes if each is not node]
    receivers = [each.receiver() for each in standbys]
    _signal(receivers, signal.SIGSTOP)
    await asyncio.sleep(3)
    _signal(node.processes(), signal.SIGKILL)
    # they end before they read what the primary has sent meanwhile: it never got there
    _signal(receivers, signal.SIGTERM)
    _signal(receivers, signal.SIGCONT)
    await stage.another_primary(node)


async def kill_replica(stage: Stage) -> None:
    """kill -9 of a replica of the service, started again after 3 s"""
    replica = stage.replicas[0]
    await asyncio.to_thread(replica.end, signal.SIGKILL)
    await asyncio.sleep(3)
    await asyncio.to_thread(replica.start)


async def roll(stage: Stage) -> None:
    """Rolling restart of the service"""
    for replica in stage.replicas:
        await asyncio.to_thread(replica.end, signal.SIGTERM)
        await asyncio.to_thread(replica.start)
        await asyncio.sleep(1)


Scenario = Callable[[Stage], Awaitable[None]]
SCENARIOS: tuple[Scenario, ...] = (
    kill_primary,
    freeze_primary,
    switch_over,
    freeze_receivers,
    kill_replica,
    roll,
)


@dataclass
class Result:
    """What a scenario cost."""

    what: str
    noted: Noted
    began: float
    lost: int
    faults: list[str]

    @property
    def row(self) -> str:
        """One row of the table."""
        noted = self.noted
        cells = (
            self.what,
            len(noted.writes),
            self.lost,
            f"{noted.gap(noted.probes, self.began):.1f} s",
            f"{noted.gap(noted.writes, self.began):.1f} s",
            f"{noted.longest_request:.1f} s",
            f"{noted.gap(noted.reads, self.began):.1f} s",
            f"{noted.standby_reads} / {noted.degraded_reads}",
            noted.repeated,
            "; ".join(self.faults) or "intact",
        )
        return "| " + " | ".join(str(cell) for cell in cells) + " |"

    @property
    def missed(self) -> list[str]:
        """Name the goals that were missed."""
        noted = self.noted
        away = noted.gap(noted.probes, self.began) + SLACK
        goals = {
            "writes lost": self.lost == 0,
            "writes away for too long": noted.gap(noted.writes, self.began) <= away,
            "a request hung": noted.longest_request <= CLIENT_TIMEOUT,
        }
        return [*(name for name, met in goals.items() if not met), *self.faults]


HEADER = (
    "| Scenario | Writes acknowledged | of them lost | Database takes no writes for | "
    "Service acknowledges none for | Longest request | No read answered for | "
    "Reads from a standby / degraded | Writes sent again | Chains, facts, counts |"
)


async def play(scenario: Scenario, stage: Stage, proxy: Proxy) -> Result:
    """Play one scenario under load, and check what is left of it."""
    await asyncio.to_thread(stage.cluster.settle)
    dsns = [stage.cluster.dsn(node) for node in stage.cluster.nodes]
    async with proxy.running() as url:
        load = Load(url, dsns, CLIENT_TIMEOUT + 5)
        async with load.running() as noted:
            await asyncio.sleep(BEFORE)
            began = time.monotonic()
            async with asyncio.timeout(100):
                await scenario(stage)
                while not any(each > time.monotonic() - 1 for each in noted.writes):
                    await asyncio.sleep(0.1)
            await asyncio.sleep(AFTER)
        await asyncio.to_thread(stage.cluster.settle)
        body = await asyncio.to_thread(_get, f"{url}/metrics")
    lost = await checks.lost(stage.cluster, noted)
    faults = await checks.faults(stage.cluster) + await checks.wrong_counts(stage.cluster, body)
    result = Result((scenario.__doc__ or "").strip(), noted, began, lost, faults)
    print(f"  {scenario.__name__}: sent again because of {noted.refused}", file=sys.stderr)
    return result


async def run(base: Path, chosen: list[Scenario], *, synchronous: bool) -> list[Result]:
    """Start everything in a folder, and play the scenarios."""
    cluster = Cluster(base, synchronous)
    replicas: list[Replica] = []
    results = []
    try:
        await asyncio.to_thread(cluster.start)
        await cluster.query("CREATE DATABASE vsm_db", "postgres")
        settings = {**cluster.environ, "VSM_LOG_FORMAT": "json", "VSM_LOG_LEVEL": "warning"}
        await asyncio.to_thread(_migrate, settings)
        await cluster.query("CREATE TABLE ha_probe (one int)")
        for number in (1, 2):
            replicas.append(Replica(settings, base / f"replica{number}.log", free_port()))
            await asyncio.to_thread(replicas[-1].start)
        for scenario in chosen:
            results.append(await play(scenario, Stage(cluster, replicas), Proxy(replicas)))
            print(results[-1].row, file=sys.stderr, flush=True)
    finally:
        for replica in replicas:
            replica.end(signal.SIGKILL)
        cluster.stop()
    return results


def main(arguments: list[str]) -> int:
    """Play the scenarios whose names have one of these parts, and print the table."""
    wanted = [each for each in arguments if each != ASYNCHRONOUS]
    chosen = [
        each for each in SCENARIOS if not wanted or any(part in each.__name__ for part in wanted)
    ]
    with tempfile.TemporaryDirectory(prefix="vsm-ha-") as name:
        base = Path(name)
        base.chmod(0o755)
        try:
            results = asyncio.run(run(base, chosen, synchronous=ASYNCHRONOUS not in arguments))
        except BaseException:
            for log in sorted(base.glob("*.log")):
                print(f"--- {log.name}", log.read_text()[-3000:], sep="\n", file=sys.stderr)
            raise
    print(HEADER, "|---" * (HEADER.count(" | ") + 1) + "|", sep="\n")
    print(*(result.row for result in results), sep="\n")
    missed = [f"{result.what}: {', '.join(result.missed)}" for result in results if result.missed]
    print("\n".join(missed) or "Every goal was met.")
    return 1 if missed else 0


def _migrate(settings: dict[str, str]) -> None:
    subprocess.run([VSM, "migrate"], env={**os.environ, **settings}, check=True)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own proxy
        return str(answer.read().decode())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
