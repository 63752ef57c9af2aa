"""The whole system on one machine: embedded parts where none are named, services as processes."""

from __future__ import annotations

import asyncio
import fcntl
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import structlog
from pydantic import SecretStr

from sealtrail.contract.errors import SettingsError, UnavailableError
from sealtrail.runtime.embedded_nats import EmbeddedNats, nats_folder
from sealtrail.runtime.settings.tree import Settings
from sealtrail.runtime.supervisor import Supervisor, health_port

LOGGER = structlog.get_logger(__name__)

SERVICES = ("ingest", "anomaly", "alerts", "controlroom", "access", "gateway")
"""In the order of starting: whoever reads the log before whoever fills it."""

READY_DEADLINE_S = 60.0
NATS_LOOK_S = 0.5


def take_folder(folder: Path) -> IO[str]:
    """The lock of a state folder, made where it is missing; closing it lets go of the folder.

    Raises `SettingsError` where another SealTrail holds it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise SettingsError(
            f"another SealTrail runs in {folder}; stop it, or set state_dir to another folder"
        ) from error
    return lock


class Platform:
    """NATS (embedded or external) and all services, started, watched and stopped together."""

    def __init__(
        self, settings: Settings, settings_file: Path | None, environment: Mapping[str, str] | None = None
    ) -> None:
        self._given = settings
        self._settings_file = settings_file
        self._extra = dict(environment or {})
        self._nats: EmbeddedNats | None = None
        self._nats_watch: asyncio.Task[None] | None = None
        self._nats_deaths = 0
        self._lock: IO[str] | None = None
        self.settings = settings
        self.supervisor: Supervisor | None = None

    async def start(self) -> None:
        """Starts everything and returns when every service is ready; raises naming what isn't."""
        self._take_folder()
        environment = {"SEALTRAIL_STATE_DIR": str(self._given.state_dir.resolve()), **self._extra}
        if self._settings_file is not None:
            environment["SEALTRAIL_SETTINGS"] = str(self._settings_file.resolve())
        if not self._given.nats.url:
            environment |= await self._start_nats()
        self.supervisor = Supervisor(self._given.state_dir / "logs", environment)
        for index, name in enumerate(SERVICES):
            own = {}
            if self._given.health.port:
                own["SEALTRAIL_HEALTH__PORT"] = str(self._given.health.port + index)
            self.supervisor.start(name, [name], own)
        await self._wait_until_ready()

    def _take_folder(self) -> None:
        folder = self._given.state_dir
        self._lock = take_folder(folder)
        for stale in (folder / "run").glob("*.json"):
            stale.unlink()

    async def _start_nats(self) -> dict[str, str]:
        nats = EmbeddedNats(
            nats_folder(self._given.state_dir),
            self._given.nats,
            shared_login=self._given.access.shared_login,
        )
        endpoint = await asyncio.to_thread(nats.start)
        self._nats = nats
        LOGGER.info("embedded_nats", pid=endpoint.pid, taken_over=nats.taken_over)
        self._nats_watch = asyncio.create_task(self._keep_nats())
        environment = {
            "SEALTRAIL_NATS__URL": endpoint.url,
            "SEALTRAIL_NATS__USER": endpoint.user,
            "SEALTRAIL_NATS__PASSWORD": endpoint.password,
            "SEALTRAIL_ACCESS__USER": endpoint.access_user or self._given.access.user,
            "SEALTRAIL_ACCESS__PASSWORD": endpoint.access_password,
            "SEALTRAIL_ACCESS__ISSUER_SEED": endpoint.issuer_seed,
        }
        mqtt = self._given.gateway.mqtt
        if not mqtt.host:
            environment |= {
                "SEALTRAIL_GATEWAY__MQTT__HOST": endpoint.host,
                "SEALTRAIL_GATEWAY__MQTT__PORT": str(endpoint.mqtt_port),
                "SEALTRAIL_GATEWAY__MQTT__USERNAME": endpoint.mqtt_user,
                "SEALTRAIL_GATEWAY__MQTT__PASSWORD": endpoint.mqtt_password,
            }
            mqtt = mqtt.model_copy(
                update={
                    "host": endpoint.host,
                    "port": endpoint.mqtt_port,
                    "username": endpoint.mqtt_user,
                    "password": SecretStr(endpoint.mqtt_password),
                }
            )
        self.settings = self._given.model_copy(
            update={
                "nats": self._given.nats.model_copy(
                    update={
                        "url": endpoint.url,
                        "user": endpoint.user,
                        "password": SecretStr(endpoint.password),
                    }
                ),
                "gateway": self._given.gateway.model_copy(update={"mqtt": mqtt}),
            }
        )
        return environment

    async def _keep_nats(self) -> None:
        """Starts the embedded server again, on its ports, whenever it has died."""
        while self._nats is not None:
            await asyncio.sleep(NATS_LOOK_S)
            if not self._nats.alive():
                self._nats_deaths += 1
                LOGGER.warning("embedded_nats_died")
                try:
                    await asyncio.to_thread(self._nats.start)
                except (UnavailableError, OSError) as error:  # tried again at the next look
                    LOGGER.warning("embedded_nats_not_started", error=str(error))

    async def _wait_until_ready(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_DEADLINE_S
        for name in SERVICES:
            while True:
                why = await asyncio.to_thread(self.unready, name)
                if not why:
                    break
                if loop.time() > deadline:
                    raise UnavailableError(
                        f"{name} isn't ready after {READY_DEADLINE_S:.0f} s: {why}; "
                        f"see {self._given.state_dir / 'logs' / (name + '.log')}"
                    )
                await asyncio.sleep(0.05)

    def unready(self, name: str) -> str:
        """Why a service isn't ready; empty when it is."""
        port = health_port(self._given.state_dir, name)
        if port is None:
            return "not started yet"
        try:
            with urllib.request.urlopen(f"http://{self._given.health.host}:{port}/readyz", timeout=2):
                return ""
        except urllib.error.HTTPError as error:
            return error.read().decode(errors="replace")
        except OSError as error:
            return str(error)

    def deaths(self) -> list[str]:
        """What has died since the start, in words, also where it was started again."""
        children = self.supervisor.children.values() if self.supervisor is not None else ()
        counts = {"embedded NATS": self._nats_deaths, **{child.name: child.restarts for child in children}}
        return [f"{name} died {number} times" for name, number in counts.items() if number]

    def metrics(self, name: str) -> str:
        """Prometheus text of a service; raises `UnavailableError` where it doesn't answer."""
        port = health_port(self._given.state_dir, name)
        if port is None:
            raise UnavailableError(
                f"{name} isn't running; see {self._given.state_dir / 'logs' / (name + '.log')}"
            )
        try:
            url = f"http://{self._given.health.host}:{port}/metrics"
            with urllib.request.urlopen(url, timeout=5) as reply:
                return str(reply.read().decode())
        except OSError as error:
            raise UnavailableError(f"{name} gives no metrics: {error}") from error

    def device_login(self) -> tuple[str, SecretStr]:
        """User and password that may report for any device: the shared login, empty where there is none.

        At an external broker it is the gateway's own.
        """
        endpoint = self._nats.endpoint if self._nats is not None else None
        if endpoint is None or self._given.gateway.mqtt.host:
            return self.settings.gateway.mqtt.username, self.settings.gateway.mqtt.password
        return endpoint.device_user, SecretStr(endpoint.device_password)

    def nats_pid(self) -> int | None:
        """Process id of the embedded server, where there is one."""
        return self._nats.endpoint.pid if self._nats is not None and self._nats.endpoint else None

    async def stop(self) -> None:
        """Stops the services, then the embedded server; leaves nothing running."""
        if self.supervisor is not None:
            await self.supervisor.stop()
        nats, self._nats = self._nats, None
        if self._nats_watch is not None:
            self._nats_watch.cancel()
            await asyncio.gather(self._nats_watch, return_exceptions=True)
        if nats is not None:
            await asyncio.to_thread(nats.stop)
        if self._lock is not None:
            self._lock.close()
