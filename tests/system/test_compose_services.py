"""The services with the environment that compose gives them, on the parts that compose configures.

NATS runs from deploy/nats.conf, InfluxDB is set up with the organisation,
bucket and token of the compose file, each service is its own process started by
the image's command, and its health is asked with the health check's command.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import aiomqtt
import httpx
import pytest

from dashboards.grafana.queries import panel_queries
from dashboards.grafana.variables import ALL
from sealtrail.contract.subjects import device_up_topic
from tests.parts.influxd import InfluxServer, find_influxd
from tests.parts.ports import free_port
from tests.system.compose_parts import nats_of_the_project, running, wait_until
from tests.system.compose_project import SECRETS, SERVICES, absent, resolve

DEVICE = "SEAL-0001"
PROGRAM = Path(sys.executable).parent / "sealtrail"

pytestmark = pytest.mark.slow


class System(NamedTuple):
    """Where the running project answers."""

    mqtt_port: int
    influxdb: InfluxServer
    controlroom: str
    health_ports: dict[str, int]
    checks: dict[str, list[str]]
    simulator: list[str]
    simulator_environment: dict[str, str]
    environment: dict[str, str]  # of the gateway, in which the manual runs verbs


def _influxdb(folder: Path, environment: dict[str, str]) -> InfluxServer:
    """A server set up as the image's entry point would, from the same variables."""
    program = find_influxd()
    if program is None:
        absent("influxd: not on this machine (python -m tests.parts.build influxd makes it)")
    folder.mkdir()
    return InfluxServer(
        program,
        folder,
        free_port(),
        org=environment["DOCKER_INFLUXDB_INIT_ORG"],
        bucket=environment["DOCKER_INFLUXDB_INIT_BUCKET"],
        token=environment["DOCKER_INFLUXDB_INIT_ADMIN_TOKEN"],
    )


def _here(environment: dict[str, str], addresses: dict[str, str]) -> dict[str, str]:
    """The container's environment with what only a container has replaced: names of hosts, ports."""
    return {name: addresses.get(f"{name}={value}", value) for name, value in environment.items()}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Everything but Grafana, ready."""
    project, complaint = resolve(SECRETS)
    assert complaint == ""
    entries: dict[str, Any] = project["services"]
    folder = tmp_path_factory.mktemp("compose")
    influxdb = _influxdb(folder / "influxdb", entries["influxdb"]["environment"])
    page_port = free_port()
    health_ports = {name: free_port() for name in SERVICES}
    with contextlib.ExitStack() as stack:
        ports = stack.enter_context(nats_of_the_project(folder, entries["nats"]["environment"]))
        influxdb.start()
        stack.callback(influxdb.stop)
        influxdb.set_up()
        environments = {}
        for name in (*SERVICES, "simulator"):
            addresses = {
                "SEALTRAIL_NATS__URL=nats://nats:4222": f"nats://127.0.0.1:{ports.client}",
                "SEALTRAIL_GATEWAY__MQTT__HOST=nats": "127.0.0.1",
                "SEALTRAIL_GATEWAY__MQTT__PORT=1883": str(ports.mqtt),
                "SEALTRAIL_INGEST__INFLUXDB_URL=http://influxdb:8086": influxdb.url,
                "SEALTRAIL_CONTROLROOM__HOST=0.0.0.0": "127.0.0.1",
                "SEALTRAIL_CONTROLROOM__PORT=8080": str(page_port),
                "SEALTRAIL_HEALTH__HOST=0.0.0.0": "127.0.0.1",
                "SEALTRAIL_HEALTH__PORT=9464": str(health_ports.get(name, 0)),
                "SEALTRAIL_SIMULATOR__MQTT__HOST=nats": "127.0.0.1",
                "SEALTRAIL_SIMULATOR__MQTT__PORT=1883": str(ports.mqtt),
                "SEALTRAIL_STATE_DIR=/var/lib/sealtrail": str(folder / name),
                "SEALTRAIL_ACCESS__MOSQUITTO_DIR=/var/lib/sealtrail/mosquitto": str(folder / "mosquitto"),
            }
            environments[name] = _here(entries[name]["environment"], addresses)
            assert not {"9464", "1883"} & set(environments[name].values())
        for name in SERVICES:
            command = [str(PROGRAM), *entries[name]["command"]]
            stack.enter_context(running(command, environments[name], folder / f"{name}.log"))
        checks = {
            name: [word.replace(":9464/", f":{health_ports[name]}/") for word in check[1:]]
            for name in SERVICES
            if (check := entries[name]["healthcheck"]["test"])
        }
        for name in SERVICES:
            wait_until(partial(_passes, checks[name]), f"{name} is healthy, see {folder}/{name}.log", 60)
        yield System(
            ports.mqtt,
            influxdb,
            f"http://127.0.0.1:{page_port}",
            health_ports,
            checks,
            [str(PROGRAM), *entries["simulator"]["command"]],
            environments["simulator"],
            environments["gateway"],
        )


def _passes(check: list[str]) -> bool:
    program = [sys.executable, *check[1:]]  # the image's python
    return subprocess.run(program, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("service", SERVICES)
def test_health_check_passes_and_metrics_are_served(system: System, service: str) -> None:
    """The health check of the compose file is satisfied by the service, and metrics can be scraped."""
    assert _passes(system.checks[service])
    answer = httpx.get(f"http://127.0.0.1:{system.health_ports[service]}/metrics")
    assert answer.is_success
    assert "process_cpu_seconds_total" in answer.text


def _added(system: System) -> str:
    """Adds the device as the manual says; its password."""
    command = [str(PROGRAM), "device", "add", DEVICE, "--family", "json", "--json"]
    added = subprocess.run(command, env=system.environment, capture_output=True, check=True)
    return str(json.loads(added.stdout)["password"])


async def test_report_of_a_device_shows_in_grafana(system: System) -> None:
    """A device that was added reports with its own login, and the fleet map's own query finds the report."""
    password = _added(system)
    now = datetime.now(UTC)
    report = {
        "occurred_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "sequence": 1,
        "fix": {"latitude_deg": -1.2921, "longitude_deg": 36.8219},
        "seal": {"state": "sealed"},
    }
    async with aiomqtt.Client(
        "127.0.0.1",
        system.mqtt_port,
        username=DEVICE,
        password=password,
        identifier=DEVICE,
    ) as device:
        await device.publish(device_up_topic("json", DEVICE), json.dumps(report), qos=1)
    start, stop = (now - timedelta(hours=1)).isoformat(), (now + timedelta(hours=1)).isoformat()
    (query,) = [
        query
        for query in panel_queries(DEVICE, start, stop, system.influxdb.bucket)
        if (query.dashboard, query.panel, query.ref_id) == ("sealtrail-fleet", "Containers and alerts", "A")
    ]

    def found() -> bool:
        text = _ask(system, query.flux)
        return "-1.2921" in text and "36.8219" in text

    wait_until(found, "the report is in InfluxDB")


def _ask(system: System, flux: str) -> str:
    answer = httpx.post(
        f"{system.influxdb.url}/api/v2/query",
        params={"org": system.influxdb.org},
        headers={"Authorization": f"Token {system.influxdb.token}"},
        json={"query": flux},
        timeout=30,
    )
    assert answer.is_success, answer.text
    return answer.text


def test_simulated_fleet_gets_in_with_the_devices_password(system: System, tmp_path: Path) -> None:
    """The simulator profile's fleet is acknowledged, its trips are planned, its alerts are recorded."""
    few = ["--containers", "6", "--hours-past", "6", "--for", "2", "--json"]
    output = tmp_path / "fleet.json"
    with running([*system.simulator, *few], system.simulator_environment, output) as fleet:
        assert fleet.wait(120) == 0, output.read_text()
    report = json.loads(output.read_text().splitlines()[-1])
    assert report["published"] > 0
    assert report["unacknowledged"] == 0
    now = datetime.now(UTC)
    times = ((now - timedelta(hours=12)).isoformat(), (now + timedelta(hours=1)).isoformat())
    queries = panel_queries(ALL, *times, system.influxdb.bucket)
    (queue,) = [query for query in queries if query.panel == "Alerts as they stand"]
    wait_until(lambda: "critical" in _ask(system, queue.flux), "a breach of the fleet is in the queue", 60)


def test_control_room_answers(system: System) -> None:
    """The page's own interface is served on the port that compose publishes."""
    answer = httpx.get(f"{system.controlroom}/api/openapi.json")
    assert answer.is_success
    assert answer.json()["info"]["title"] == "SealTrail control room"
