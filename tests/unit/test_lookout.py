"""What a lookout makes of silence: of the server's, and of its own."""

import asyncio
import time
from typing import Any

import pytest

from app.store import lookout
from app.store.connecting import Role
from app.store.lookout import Lookout


class Silent:
    """Stands in for a connector whose server does not answer in time."""

    def __init__(self, *, busy: float = 0) -> None:
        self.busy = busy
        self.cuts = 0

    async def connect(self) -> None:
        time.sleep(self.busy)  # noqa: ASYNC251 - that is what is looked at: the loop stands still
        await asyncio.sleep(0.05)
        raise TimeoutError

    def cut(self, but: Any = None) -> None:
        assert but is None
        self.cuts += 1


@pytest.mark.parametrize(("busy", "away"), [(0, True), (0.5, False)])
async def test_silence_means_that_a_server_is_away_unless_we_were_deaf_ourselves(
    monkeypatch: pytest.MonkeyPatch, busy: float, away: bool
) -> None:
    monkeypatch.setattr(lookout, "TOO_LATE", 0.3)
    connector: Any = Silent(busy=busy)
    found = Lookout(connector, Role.PRIMARY, up=True)
    await found._look()  # noqa: SLF001 - one look, without waiting for its turn
    assert (found.up is False, connector.cuts) == (away, int(away))


def test_a_standby_is_as_stale_as_the_newest_position_that_it_has_passed() -> None:
    connector: Any = Silent()
    found = Lookout(connector, Role.PRIMARY)
    now = time.monotonic()
    found._positions.extend([(now - 30, 100), (now - 20, 200), (now - 10, 300)])  # noqa: SLF001
    assert found.staleness(250) == pytest.approx(20, abs=1)
    assert found.staleness(300) == pytest.approx(10, abs=1)
    assert found.staleness(99) is None
