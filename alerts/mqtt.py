"""The MQTT channel: QoS 1, not retained, delivered when the broker has acknowledged.

The only file that knows aiomqtt.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import NamedTuple
from urllib.parse import quote

import aiomqtt
import structlog

from alerts.channels import DELIVERED, Notification, Outcome, Verdict
from sealtrail.contract.public.subscriber import Subscriber
from sealtrail.contract.subjects import subscriber_topic
from sealtrail.runtime.background import Background
from sealtrail.runtime.backoff import backoff_s
from sealtrail.runtime.cancelling import is_being_cancelled
from sealtrail.runtime.settings.alerts import AlertMqttSettings
from sealtrail.runtime.settings.gateway import MqttSettings

LOGGER = structlog.get_logger(__name__)

RECONNECT_CAP_S = 30.0
MAX_DETAIL = 200


class Broker(NamedTuple):
    """Where and as whom to connect."""

    host: str
    port: int
    username: str | None
    password: str | None
    tls: ssl.SSLContext | None


def broker_of(own: AlertMqttSettings, gateway: MqttSettings) -> Broker | None:
    """The broker for notifications: the alerts' own, else the gateway's; None where neither is set."""
    if own.host:
        port = own.port or gateway.port
        tls = ssl.create_default_context(cafile=own.tls_ca) if own.tls else None
        return Broker(own.host, port, own.username or None, own.password.get_secret_value() or None, tls)
    if not gateway.host:
        return None
    tls = None
    if gateway.tls:
        tls = ssl.create_default_context(cafile=gateway.tls_ca)
        if gateway.tls_cert is not None:
            tls.load_cert_chain(gateway.tls_cert, gateway.tls_key)
    password = gateway.password.get_secret_value() or None
    return Broker(gateway.host, own.port or gateway.port, gateway.username or None, password, tls)


def topic_of(subscriber_id: str, container_id: str) -> str:
    """Topic of a notification; anything in an identifier that isn't plain is percent-encoded."""
    plain = quote(container_id, safe="-_").replace(".", "%2E").replace("~", "%7E")
    return subscriber_topic(subscriber_id, plain or "unknown")


class MqttChannel:
    """Publishes notifications over one connection that is made again whenever it breaks."""

    def __init__(
        self, broker: Broker | None, client_id: str, timeout_s: float, background: Background
    ) -> None:
        self._broker = broker
        self._background = background
        self._client_id = client_id
        self._timeout_s = timeout_s
        self._client: aiomqtt.Client | None = None
        self._why = "not connected yet"
        self._connected = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begins to connect in the background."""
        if self._broker is not None:
            self._task = self._background.start(self._stay_connected(self._broker), "mqtt channel")

    async def _stay_connected(self, broker: Broker) -> None:
        waits = backoff_s(cap_s=RECONNECT_CAP_S)
        while True:
            client = aiomqtt.Client(
                broker.host,
                broker.port,
                username=broker.username,
                password=broker.password,
                identifier=self._client_id,
                tls_context=broker.tls,
                timeout=self._timeout_s,
                keepalive=30,
            )
            try:
                async with client:
                    if is_being_cancelled():
                        raise asyncio.CancelledError
                    self._client = client
                    self._connected.set()
                    LOGGER.info("alert_broker_connected", host=broker.host, port=broker.port)
                    waits = backoff_s(cap_s=RECONNECT_CAP_S)
                    async for _ in client.messages:
                        pass  # nothing is subscribed; the loop ends when the connection does
            except (aiomqtt.MqttError, OSError) as error:
                if is_being_cancelled():
                    raise asyncio.CancelledError from error
                if self._connected.is_set():
                    LOGGER.warning("alert_broker_lost", error=str(error))
                self._why = str(error) or type(error).__name__
            finally:
                self._client = None
                self._connected.clear()
            await asyncio.sleep(next(waits))

    async def attempt(self, subscriber: Subscriber, notification: Notification) -> Outcome:
        if self._broker is None:
            return Outcome(Verdict.RETRY_SLOWLY, "no_broker", "set alerts.mqtt.host or gateway.mqtt.host")
        topic = topic_of(subscriber.id, notification.container_id)
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._connected.wait()
                client = self._client
                if client is None:
                    return Outcome(Verdict.RETRY, "broker_unavailable", self._why[:MAX_DETAIL])
                await client.publish(topic, notification.body, qos=1, retain=False)
        except TimeoutError:
            return Outcome(Verdict.RETRY, "broker_unavailable", self._why[:MAX_DETAIL])
        except (aiomqtt.MqttError, OSError, ValueError) as error:
            return Outcome(Verdict.RETRY, "broker_failed", (str(error) or type(error).__name__)[:MAX_DETAIL])
        return DELIVERED

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
