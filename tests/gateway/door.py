"""A gateway for tests: in this process or as a process of its own, and what it has put into the log."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from sealtrail.contract.codec import Kind, decode_quarantined, decode_readings, kind_of
from sealtrail.contract.quarantine import QuarantinedMessage
from sealtrail.contract.reading import Reading
from sealtrail.contract.subjects import LOG_STREAM, LOG_SUBJECTS, QUARANTINE_STREAM, QUARANTINE_SUBJECTS
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.gateway import MqttSettings
from sealtrail.runtime.settings.nats import NatsSettings
from tests.gateway.brokers import until
from tests.shared import ROOT


class Door:
    """One gateway process after another, with the same settings."""

    def __init__(
        self,
        state_dir: Path,
        nats: NatsSettings,
        mqtt: MqttSettings,
        *,
        unknown_devices: str = "accept",
        **changes: object,
    ) -> None:
        self._state_dir = state_dir
        self._environment = {
            **os.environ,
            "SEALTRAIL_STATE_DIR": str(state_dir),
            "SEALTRAIL_ACCESS__UNKNOWN_DEVICES": unknown_devices,
            "SEALTRAIL_NATS__URL": nats.url,
            "SEALTRAIL_NATS__USER": nats.user,
            "SEALTRAIL_NATS__PASSWORD": nats.password.get_secret_value(),
            "SEALTRAIL_GATEWAY__MQTT__CLIENT": mqtt.client,
            "SEALTRAIL_GATEWAY__MQTT__CLIENT_ID": mqtt.client_id,
            "SEALTRAIL_GATEWAY__MQTT__TOPIC_FILTER": mqtt.topic_filter,
            "SEALTRAIL_GATEWAY__MQTT__HOST": mqtt.host,
            "SEALTRAIL_GATEWAY__MQTT__PORT": str(mqtt.port),
            "SEALTRAIL_GATEWAY__MQTT__USERNAME": mqtt.username,
            "SEALTRAIL_GATEWAY__MQTT__PASSWORD": mqtt.password.get_secret_value(),
            **{f"SEALTRAIL_GATEWAY__{name.upper()}": str(value) for name, value in changes.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts a process and waits until it is ready."""
        (self._state_dir / "run" / "gateway.json").unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sealtrail.cli", "gateway"], cwd=ROOT, env=self._environment
        )
        until(self.ready)

    def ready(self) -> bool:
        """Whether /readyz says so."""
        with contextlib.suppress(OSError, ValueError):
            return bool(self._get("readyz"))
        return False

    def _get(self, path: str) -> str:
        port = json.loads((self._state_dir / "run" / "gateway.json").read_text())["health_port"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as reply:
            return str(reply.read().decode())

    def counts(self) -> dict[str, float]:
        """Counters by short name, summed over their labels: received, accepted, duplicate, quarantined."""
        found: dict[str, float] = dict.fromkeys(("received", "accepted", "duplicate", "quarantined"), 0.0)
        for family in text_string_to_metric_families(self._get("metrics")):
            name = family.name.removeprefix("sealtrail_gateway_messages_")
            if name in found:
                found[name] += sum(s.value for s in family.samples if s.name.endswith("_total"))
        return found

    def settled(self, messages: int) -> bool:
        """Whether that many messages have been received and all of them accounted for."""
        counts = self.counts()
        return counts["received"] == messages == sum(counts.values()) - counts["received"]

    def kill(self) -> None:
        self._end(kill=True)

    def stop(self) -> int:
        """Ends the process with SIGTERM; its exit code."""
        return self._end(kill=False)

    def _end(self, *, kill: bool) -> int:
        if self._process is None:
            return 0
        process, self._process = self._process, None
        if kill:
            process.kill()
        else:
            process.terminate()
        return process.wait(20)


@contextlib.asynccontextmanager
async def connected(settings: NatsSettings) -> AsyncIterator[Log]:
    """A log client."""
    log = await Log.connect(settings, "test")
    try:
        yield log
    finally:
        await log.close()


async def logged_readings(log: Log) -> list[Reading]:
    """Every reading in the log, in order; events of trips and devices stand in the same partitions."""
    batches = await _stream(log, LOG_STREAM, LOG_SUBJECTS)
    return [
        reading for data in batches if kind_of(data) is Kind.READINGS for reading in decode_readings(data)
    ]


async def logged_refusals(log: Log) -> list[QuarantinedMessage]:
    """Everything in quarantine, in order."""
    batches = await _stream(log, QUARANTINE_STREAM, QUARANTINE_SUBJECTS)
    return [message for data in batches for message in decode_quarantined(data)]


async def _stream(log: Log, stream: str, subject: str) -> list[bytes]:
    last = await log.last_sequence(stream)
    reader = log.reader(stream, subject, 1)
    found: list[bytes] = []
    position = 0
    try:
        async with asyncio.timeout(20):
            while position < last:
                for message in await reader.take(wait_s=1.0):
                    found.append(message.data)
                    position = message.sequence
    finally:
        await reader.close()
    return found
