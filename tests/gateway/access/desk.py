"""A server with the access service beside it, and devices that knock."""

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

import aiomqtt

from sealtrail.contract import subjects
from sealtrail.contract.codec import Kind, decode_trip_events, kind_of
from sealtrail.contract.device import Device, Login, subscriber_login
from sealtrail.contract.trip import TripEvent, TripEventKind
from sealtrail.runtime.devices import DeviceRegistry, LoginBook
from sealtrail.runtime.log import Log
from sealtrail.runtime.nats_endpoint import Endpoint
from sealtrail.runtime.passwords import MADE_ITERATIONS, hash_password
from tests.gateway.brokers import until
from tests.shared import ROOT

OPEN = "open"  # the password of everybody who needs none of its own
EFFECT_WITHIN_S = 5.0
"""What is promised: adding and suspending take effect within this."""


class Desk:
    """One access process after another, with the same settings."""

    def __init__(self, state_dir: Path, endpoint: Endpoint | None, **settings: str) -> None:
        self._run_file = state_dir / "run" / "access.json"
        self._environment = {
            **os.environ,
            "SEALTRAIL_STATE_DIR": str(state_dir),
            **{f"SEALTRAIL_ACCESS__{name.upper()}": value for name, value in settings.items()},
        }
        if endpoint is not None:
            self._environment |= {
                "SEALTRAIL_NATS__URL": endpoint.url,
                "SEALTRAIL_NATS__USER": endpoint.user,
                "SEALTRAIL_NATS__PASSWORD": endpoint.password,
                "SEALTRAIL_ACCESS__USER": endpoint.access_user,
                "SEALTRAIL_ACCESS__PASSWORD": endpoint.access_password,
                "SEALTRAIL_ACCESS__ISSUER_SEED": endpoint.issuer_seed,
            }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts a process and waits until it is ready."""
        self._run_file.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sealtrail.cli", "access"], cwd=ROOT, env=self._environment
        )
        until(self.ready)

    def ready(self) -> bool:
        """Whether /readyz says so."""
        with contextlib.suppress(OSError, ValueError):
            port = json.loads(self._run_file.read_text())["health_port"]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return True
        return False

    def kill(self) -> None:
        """Ends it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
            self._process = None

    def stop(self) -> None:
        """Ends it in order."""
        if self._process is not None:
            self._process.terminate()
            assert self._process.wait(20) == 0
            self._process = None


async def enter(
    log: Log, device_id: str, password: str = OPEN, *, family: str = "json", **known: object
) -> Device:
    """A device in the registry that signs in with ``password``."""
    device = Device(
        device_id=device_id,
        family=family,
        password_hash=hash_password(password, MADE_ITERATIONS),
        **known,  # type: ignore[arg-type]  # fields of Device
    )
    return await DeviceRegistry(log).add(device, "test")


async def subscribe(log: Log, subscriber_id: str, password: str = OPEN) -> str:
    """A subscriber's login; its user name."""
    hashed = hash_password(password, MADE_ITERATIONS)
    await LoginBook(log).put(Login(subscriber_id=subscriber_id, password_hash=hashed))
    return subscriber_login(subscriber_id)


def client(port: int, user: str, password: str = OPEN, identifier: str = "") -> aiomqtt.Client:
    """A client that wants to sign in."""
    return aiomqtt.Client(
        "127.0.0.1",
        port,
        username=user,
        password=password,
        identifier=(identifier or user).replace("@", "-").replace(".", "-"),
        timeout=6,
    )


async def gets_in(port: int, user: str, password: str = OPEN) -> bool:
    """Whether somebody may sign in now."""
    try:
        async with client(port, user, password, f"probe-{user}"):
            return True
    except aiomqtt.MqttError:
        return False


@contextlib.asynccontextmanager
async def within(deadline_s: float = EFFECT_WITHIN_S) -> AsyncIterator[None]:
    """Fails where what is inside takes longer."""
    async with asyncio.timeout(deadline_s):
        yield


async def until_in(port: int, user: str, password: str = OPEN) -> None:
    """Until somebody may sign in, within what is promised."""
    async with within():
        while not await gets_in(port, user, password):
            await asyncio.sleep(0.05)


async def heard_until(listener: aiomqtt.Client, last: bytes) -> list[tuple[str, bytes]]:
    """What a client hears before the message ``last``."""
    found: list[tuple[str, bytes]] = []
    async with within(10):
        async for message in listener.messages:
            payload = bytes(message.payload)
            if payload == last:
                break
            found.append((message.topic.value, payload))
    return found


@contextlib.asynccontextmanager
async def left_alone(guest: aiomqtt.Client) -> AsyncIterator[aiomqtt.Client]:
    """A connected client that may be cut without that being a failure at its end."""
    await guest.__aenter__()
    try:
        yield guest
    finally:
        with contextlib.suppress(aiomqtt.MqttError):
            await guest.__aexit__(None, None, None)


async def identity_events(log: Log) -> list[TripEvent]:
    """Suspicions on the log so far."""
    reader = log.reader(subjects.LOG_STREAM, subjects.LOG_SUBJECTS, 1)
    found: list[TripEvent] = []
    try:
        for message in await reader.take(most=100, wait_s=1.0):
            if kind_of(message.data) is Kind.TRIP_EVENTS:
                found += decode_trip_events(message.data)
    finally:
        await reader.close()
    return [event for event in found if event.kind is TripEventKind.IDENTITY_SUSPECT]
