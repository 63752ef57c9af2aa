"""The system on Mosquitto and InfluxDB: the database fails, breaches are told all the same."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.grafana.queries import panel_queries
from dashboards.grafana.variables import ALL
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.demonstration.account import counter_total
from simulators.fleet import FleetReport
from tests.parts.influxd import InfluxServer, running_influxd
from tests.parts.mosquitto import Mosquitto, running_mosquitto
from tests.system.rig import RAISED, Rig, settings_toml, until

BUCKET = "after-the-outage"
LIVE_S = 36.0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A fresh Mosquitto."""
    with running_mosquitto(tmp_path) as mosquitto:
        yield mosquitto


@pytest.fixture
def own_influxd() -> Iterator[InfluxServer]:
    """A server of the test's own, because it is killed."""
    with running_influxd() as server:
        yield server


def _told(rig: Rig) -> Counter[tuple[str, str]]:
    return Counter((one.trip_id, one.alert_type) for one in rig.notifications() if one.kind == RAISED)


def _scripted(report: FleetReport) -> set[tuple[str, str]]:
    return {
        (sent.event.trip_id, sent.event.alert_type)
        for sent in report.scripted
        if sent.event.alert_type is not None and sent.sent_at_ms is not None
    }


def _every_panel_returns_rows(server: InfluxServer, container: str) -> None:
    """Over three days: a trip may have started long before its first report."""
    now = dt.datetime.now(dt.UTC)
    start, stop = (now - dt.timedelta(days=3)).isoformat(), (now + dt.timedelta(minutes=5)).isoformat()
    for chosen in (container, ALL):
        for query in panel_queries(chosen, start, stop, BUCKET):
            assert server.rows(query.flux), f"{query.dashboard}: {query.panel} {query.ref_id} finds nothing"


@pytest.mark.slow
async def test_database_down_alerts_go_out_record_is_complete_afterwards(
    tmp_path: Path, broker: Mosquitto, own_influxd: InfluxServer
) -> None:
    """While InfluxDB is dead every live breach is told; when it is back the record lacks nothing."""
    file = settings_toml(
        tmp_path, seed=3, containers=40, mosquitto=broker, influxd=own_influxd, bucket=BUCKET
    )
    async with Rig(file) as rig:
        world = rig.world(run_s=LIVE_S)
        sending = asyncio.create_task(rig.send(world, pace=0, stop=asyncio.Event()))
        await until(lambda: len(rig.acknowledged) > 1_000, 60, "the past is being sent")
        await asyncio.to_thread(own_influxd.stop, kill=True)
        died_at_ms = wall_clock_ms()
        report = await asyncio.wait_for(sending, 120)

        breaches = _scripted(report)
        await until(lambda: breaches <= set(_told(rig)), 30, lambda: f"told of {breaches - set(_told(rig))}")
        assert _told(rig) == dict.fromkeys(breaches, 1)
        live = [one for one in rig.notifications() if one.at_ms > died_at_ms]
        assert live, "something was told while the database was dead"
        assert rig.platform.unready("ingest"), "the record says that it isn't ready"

        await asyncio.to_thread(own_influxd.start)
        await until(lambda: not rig.platform.unready("ingest"), 60, "the record is ready again")
        kept = counter_total(rig.platform.metrics("gateway"), "sealtrail_gateway_readings_stored")
        assert kept > 4_000

        async with asyncio.timeout(90):  # what was in hand when it died is delivered again
            while not await rig.recorded():
                await asyncio.sleep(0.5)
        assert await rig.stored() == kept

        container = next(
            sent.event.container_id
            for sent in report.scripted
            if sent.event.kind.startswith("cut")
            and not sent.event.device_id.isdigit()  # JT701 has no sensors
        )
        await asyncio.to_thread(_every_panel_returns_rows, own_influxd, container)
