"""The access service: logins at the broker are answered from the registry."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

import structlog

from gateway.access.credentials import Credentials
from gateway.access.login_book import follow_logins
from gateway.access.mosquitto import MosquittoFiles
from gateway.access.registry import RegistryView
from gateway.access.responder import Responder
from gateway.access.suspicions import Suspicions
from gateway.pairings import Pairings
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.contract.device import Device, Suspicion
from sealtrail.contract.errors import UnavailableError
from sealtrail.runtime.backoff import backoff_s
from sealtrail.runtime.log import Log
from sealtrail.runtime.nkeys import AccountKey
from sealtrail.runtime.service import Service
from sealtrail.runtime.settings.access import AccessSettings

LOGGER = structlog.get_logger(__name__)


class Access:
    """The parts of the service, and what tells what to whom."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._settings: AccessSettings = service.settings.access
        self._view = RegistryView(self._settings, self._device_changed)
        self._credentials = Credentials(self._view, self._settings.logins_at_once)
        self._logins_loaded = asyncio.Event()
        self._suspicions = Suspicions(
            service.settings.partitions, self._settings.suspicion_every_s, actor="access"
        )
        self._pairings = Pairings()
        self._responder: Responder | None = None
        self._files = (
            MosquittoFiles(self._settings, self._credentials) if self._settings.mosquitto_dir else None
        )

    def _device_changed(self, before: Device | None, after: Device | None) -> None:
        if self._responder is not None:
            self._responder.device_changed(before, after)
        else:
            self._credentials.device_changed(before, after)
        if self._files is not None:
            self._files.changed.set()

    def _login_changed(self, user: str) -> None:
        if self._responder is not None:
            self._responder.cut(user)
        if self._files is not None:
            self._files.changed.set()

    def _suspect(
        self, device_id: str, suspicion: Suspicion, evidence: Mapping[str, str | int | float | bool]
    ) -> None:
        container_id = self._pairings.containers.get(device_id)
        self._suspicions.tell(device_id, container_id, suspicion, evidence, wall_clock_ms())

    async def run(self) -> None:
        """Until the service is told to stop."""
        health = self._service.health
        health.waiting("registry", "not read yet")
        log = await self._service.connect_log()
        start = self._service.background.start
        followers = [
            start(self._view.follow(log), "registry"),
            start(follow_logins(log, self._credentials, self._logins_loaded, self._login_changed), "logins"),
            start(self._pairings.follow(log), "pairings"),
            start(self._suspicions.write(log), "suspicions"),
        ]
        system: Log | None = None
        try:
            await self._until(self._view.loaded, self._logins_loaded, self._pairings.loaded)
            if self._settings.issuer_seed.get_secret_value() and not self._service.stop.is_set():
                system = await self._answer()
            if self._files is not None:
                self._files.write()
                followers.append(start(self._files.keep(), "mosquitto's files"))
            health.ready("registry")
            await self._service.stop.wait()
        finally:
            for task in followers:
                task.cancel()
            if system is not None:
                await system.close()
            await log.close()

    async def _until(self, *events: asyncio.Event) -> None:
        """Until all are set, or the service is told to stop."""
        waits = [asyncio.create_task(event.wait()) for event in events]
        stopping = asyncio.create_task(self._service.stop.wait())
        loading = asyncio.create_task(asyncio.wait(waits))
        await asyncio.wait((stopping, loading), return_when=asyncio.FIRST_COMPLETED)
        for task in (stopping, loading, *waits):
            task.cancel()

    async def _answer(self) -> Log | None:
        """Connects to the system account and answers logins from then on; None where told to stop."""
        key = AccountKey.from_seed(self._settings.issuer_seed.get_secret_value())
        nats = self._service.settings.nats.model_copy(
            update={"user": self._settings.user, "password": self._settings.password}
        )
        self._service.health.waiting("system", "not connected yet")
        for wait_s in backoff_s(cap_s=5.0):
            if self._service.stop.is_set():
                return None
            try:
                system = await Log.connect(nats, "access")
            except UnavailableError as error:
                self._service.health.waiting("system", str(error))
                LOGGER.warning("system_account_unavailable", error=str(error))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._service.stop.wait(), wait_s)
            else:
                break
        self._responder = Responder(
            system, self._credentials, key, self._settings.device_account, wall_clock_ms, self._suspect
        )
        await self._responder.open()
        self._service.background.start(self._responder.work(), "sessions")
        self._service.background.start(self._service.follow(system, "system"), "system account")
        return system


async def main(service: Service) -> None:
    """Runs until ``service.stop``."""
    await Access(service).run()
