"""kill -9 of every process under load: nothing that was acknowledged is lost, nothing is told twice."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from pathlib import Path

import pytest

from sealtrail.contract.alert import CATALOGUE, AlertAction, AlertFamily, AlertType
from sealtrail.contract.errors import UnavailableError
from tests.system.rig import RAISED, Rig, settings_toml, until

VICTIMS = ("gateway", "ingest", "anomaly", "alerts", "nats")
KILLS_EACH = 3
SECONDS_BETWEEN = 2.2


async def _kill_in_turn(rig: Rig, seed: int) -> Counter[str]:
    """Kills every victim several times in random order while the fleet sends."""
    order = [name for name in VICTIMS for _ in range(KILLS_EACH)]
    random.Random(seed).shuffle(order)
    kills: Counter[str] = Counter()
    for name in order:
        await asyncio.sleep(SECONDS_BETWEEN)
        await until(lambda name=name: rig.kill(name), 20, f"{name} runs")  # type: ignore[misc] # bound now
        kills[name] += 1
    return kills


async def _until_counted(rig: Rig) -> None:
    """Until device by device exactly what is stored is accepted; always, the sums are what came in."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(UnavailableError):
                found = await rig.devices()
                assert found.totals.received == found.came_in.received
                assert found.totals.messages == found.came_in.messages
                assert all(one.balanced for one in found.devices)
                stored = await asyncio.to_thread(rig.stored_readings)
                if found.totals.accepted == len(stored) and not found.behind:
                    break
            await asyncio.sleep(0.5)


@pytest.mark.slow
async def test_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    """Every reading whose PUBACK was seen is stored and counted once, every breach is told exactly once."""
    async with Rig(settings_toml(tmp_path, seed=11, containers=120)) as rig:
        stop = asyncio.Event()
        world = rig.world(run_s=12)
        sending = asyncio.create_task(rig.send(world, pace=600, stop=stop))
        kills = await _kill_in_turn(rig, seed=5)
        report = await asyncio.wait_for(sending, 180)
        assert kills == dict.fromkeys(VICTIMS, KILLS_EACH)
        assert len(rig.acknowledged) > 3_000

        expected = rig.acknowledged_readings()
        await until(
            lambda: expected <= rig.stored_readings(),
            60,
            f"{len(expected)} acknowledged readings are stored",
        )
        await _until_counted(rig)
        scripted = {
            (sent.event.trip_id, CATALOGUE[AlertType(sent.event.alert_type)].family)
            for sent in report.scripted
            if sent.event.alert_type is not None and sent.sent_at_ms is not None
        }
        assert len(scripted) > 20

        def told() -> Counter[tuple[str, AlertFamily]]:
            """Notifications by trip and family: a crash may bring a backlog in another order, and with
            it another first sign of the same breach.
            """
            return Counter(
                (one.trip_id, CATALOGUE[AlertType(one.alert_type)].family)
                for one in rig.notifications()
                if one.kind == RAISED
            )

        await until(lambda: scripted <= set(told()), 60, lambda: f"told of {scripted - set(told())}")
        assert told() == dict.fromkeys(scripted, 1)
        standing = {
            (alert.trip_id, alert.type.value)
            for incident in await rig.incidents()
            for alert in incident.alerts
            if alert.action is not AlertAction.RETRACTED
        }
        assert standing == {
            (sent.event.trip_id, kind)
            for sent in report.scripted
            if sent.event.alert_type is not None and sent.sent_at_ms is not None
            for kind in (sent.event.alert_type, *sent.event.also)
        }
