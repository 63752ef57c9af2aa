"""`Listeners`: all ports that the gateway itself opens, as the settings say."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from typing import Protocol

import structlog

from gateway.decoders import decoder_for
from gateway.listeners.door import Door, House
from gateway.listeners.intake import MAX_INTAKES, Intake
from gateway.listeners.limits import Limits
from gateway.listeners.tcp import TcpPort
from gateway.listeners.tls import server_context
from gateway.listeners.udp import UdpPort
from gateway.listeners.wires import wires
from sealtrail.contract.errors import RefusedError, SettingsError
from sealtrail.runtime.settings.gateway import GatewaySettings, ListenerSettings

LOGGER = structlog.get_logger(__name__)

SWEEP_S = 1.0
FILES_BESIDE = 512
"""Open files that the process needs beside the connections."""


class HttpDoor(Protocol):
    """The HTTP port, as far as it is handled like the others."""

    @property
    def port(self) -> int: ...

    async def open(self) -> None: ...

    async def close(self) -> None: ...


class Listeners:
    """Opens, watches and closes; `intakes` are where what comes in is taken."""

    def __init__(self, settings: GatewaySettings, house: House) -> None:
        """Raises `SettingsError` for a section that can't be."""
        self._settings = settings
        self.limits = Limits(settings.doors.max_connections, settings.doors.max_connections_per_address)
        self.intakes: list[Intake] = []
        self.tcp: dict[str, TcpPort] = {}
        self.udp: dict[str, UdpPort] = {}
        self.http: HttpDoor | None = None
        self._sweeping: asyncio.Task[None] | None = None
        for name, section in settings.listen.items():
            if section.enabled:
                self._add(name, section, house)
        if settings.http.enabled:
            from gateway.listeners.http import HttpPort  # noqa: PLC0415  a web server costs memory

            intake = self._intake(settings.http.max_pending_messages, settings.http.max_pending_bytes)
            self.http = HttpPort(settings, intake, house)

    def _add(self, name: str, section: ListenerSettings, house: House) -> None:
        try:
            family = decoder_for(name).family
        except RefusedError as error:
            raise SettingsError(f"gateway.listen.{name}: {error}") from error
        wire = wires().get(family)
        if wire is None:
            there = ", ".join(sorted(wires()))
            raise SettingsError(f"gateway.listen.{name}: speaks over no port of its own; these do: {there}")
        if family in self.tcp:
            raise SettingsError(f"gateway.listen.{name}: family {family} has a section already")
        if section.udp and not wire.udp:
            raise SettingsError(f"gateway.listen.{name}.udp: this family doesn't come as datagrams")
        context = server_context(
            f"gateway.listen.{name}", section.tls_cert, section.tls_key, section.tls_client_ca
        )
        bounds = self._settings.doors
        intake = self._intake(bounds.max_pending_messages, bounds.max_pending_bytes)
        door = Door("tcp" if context is None else "tls", family, wire, intake, house)
        self.tcp[family] = TcpPort(door, section, self.limits, context)
        if section.udp:
            intake = self._intake(bounds.max_pending_messages, bounds.max_pending_bytes)
            self.udp[family] = UdpPort(Door("udp", family, wire, intake, house), section)

    def _intake(self, max_messages: int, max_bytes: int) -> Intake:
        if len(self.intakes) >= MAX_INTAKES:
            raise SettingsError(f"gateway.listen: more than {MAX_INTAKES} ports")
        intake = Intake(len(self.intakes), max_messages, max_bytes)
        self.intakes.append(intake)
        return intake

    def _ports(self) -> list[TcpPort | UdpPort]:
        return [*self.tcp.values(), *self.udp.values()]

    async def open(self) -> None:
        """Opens every port; raises `SettingsError` where one can't be."""
        if self.tcp:
            _allow_files(self._settings.doors.max_connections + FILES_BESIDE)
        for port in self._ports():
            port.open()
            LOGGER.info("listening", family=port.door.family, door=port.door.name, port=port.port)
        if self.http is not None:
            await self.http.open()
            LOGGER.info("listening", door="http", port=self.http.port)
        self._sweeping = asyncio.create_task(self._sweep_on())

    async def _sweep_on(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            self.sweep()

    def sweep(self) -> None:
        """Ends connections that are silent for too long or whose device may speak no longer."""
        for port in self.tcp.values():
            port.sweep()

    def finish(self) -> None:
        """Takes in nothing more; all that was received is handed to the intakes."""
        for port in self._ports():
            port.finish()

    async def close(self) -> None:
        """Closes all ports and connections."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeping
        if self.http is not None:
            await self.http.close()
        self.finish()
        for port in self._ports():
            await port.close()


def _allow_files(wanted: int) -> None:
    """Raises the number of open files, as far as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        LOGGER.warning("few_files", allowed=allowed, wanted=wanted)
