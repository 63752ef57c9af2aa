"""What every `MqttSession` must do on every broker."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence

import pytest

from gateway.course import Retry
from gateway.session import Delivery, MqttSession, SessionState
from gateway.sessions import SESSIONS, mqtt_session
from sealtrail.runtime.settings.gateway import GatewaySettings
from tests.gateway.brokers import (
    Broker,
    eventually,
    gateway_settings,
    publisher,
)

QUICK = Retry(first_s=0.05, cap_s=0.2, refused_s=0.1)


@pytest.fixture(params=sorted(SESSIONS), autouse=True)
def client(request: pytest.FixtureRequest, broker: Broker) -> str:
    """Each implementation in turn, at each broker."""
    broker.client = request.param
    return broker.client


@contextlib.asynccontextmanager
async def opened(
    settings: GatewaySettings, states: list[SessionState] | None = None
) -> AsyncIterator[MqttSession]:
    """A session that has subscribed; closed in order at the end. ``states`` gets its changes."""
    states = [] if states is None else states
    session = mqtt_session(settings, lambda state, _: states.append(state), QUICK)
    await session.open()
    try:
        await eventually(lambda: SessionState.SUBSCRIBED in states)
        yield session
    finally:
        await session.close()


def reports(count: int, begin: int = 0) -> list[tuple[str, bytes]]:
    return [
        (f"sealtrail/json/d{index % 7}/up", b"report %d" % index) for index in range(begin, begin + count)
    ]


async def publish(broker: Broker, messages: list[tuple[str, bytes]]) -> None:
    """Publishes with QoS 1 and returns when the broker has acknowledged all."""

    def work() -> None:
        with publisher(broker) as device:
            device.publish(messages)

    await asyncio.to_thread(work)


async def collect(
    session: MqttSession, count: int, *, ack: bool = True, have: Sequence[Delivery] = ()
) -> list[Delivery]:
    """Takes messages until there are ``count`` different ones, with those that it has; gives all."""
    found = list(have)
    async with asyncio.timeout(40):
        while len(payloads(found)) < count:
            batch = await session.take(1_000, 0.01)
            if ack:
                session.ack([token for _, _, token in batch])
            found += batch
    return found


def payloads(deliveries: list[Delivery]) -> list[bytes]:
    """Payloads in order of arrival, each once: QoS 1 allows repetitions, and a slow machine gets some."""
    return list(dict.fromkeys(payload for _, payload, _ in deliveries))


async def nothing_more(session: MqttSession) -> bool:
    """Whether nothing comes for a while."""
    try:
        await asyncio.wait_for(session.take(10, 0), 0.7)
    except TimeoutError:
        return True
    return False


async def test_everything_published_arrives_in_order_per_topic(broker: Broker) -> None:
    """A thousand messages arrive whole, with their topics, in the order of publishing."""
    async with opened(gateway_settings(broker)) as session:
        await publish(broker, reports(1_000))
        found = await collect(session, 1_000)
    assert [(topic, payload) for topic, payload, _ in found] == reports(1_000)


async def test_unacknowledged_come_again_and_acknowledged_do_not(broker: Broker) -> None:
    """After the session has gone, exactly the messages that weren't acknowledged are delivered again."""
    settings = gateway_settings(broker)
    async with opened(settings) as session:
        await publish(broker, reports(300))
        found = await collect(session, 300, ack=False)
        session.ack([token for _, _, token in found[:100]])
    async with opened(settings) as session:
        again = await collect(session, 200)
        assert payloads(again) == payloads(found[100:])
        assert await nothing_more(session)


async def test_abrupt_disconnect_delivers_again_and_ignores_old_tokens(
    broker: Broker,
) -> None:
    """A broken connection brings the unacknowledged again; tokens from before it acknowledge nothing."""
    proxy = await Proxy.start(broker.mqtt().host, broker.mqtt().port)
    settings = gateway_settings(broker)
    mqtt = settings.mqtt.model_copy(update={"host": "127.0.0.1", "port": proxy.port})
    async with opened(settings.model_copy(update={"mqtt": mqtt})) as session:
        await publish(broker, reports(50))
        first = await collect(session, 50, ack=False)
        await proxy.cut()
        second = await collect(session, 50, ack=False)
        assert payloads(second) == payloads(first)
        session.ack([token for _, _, token in first])
        await proxy.cut()
        third = await collect(session, 50)
        assert payloads(third) == payloads(first)
    await proxy.stop()
    async with opened(settings) as session:
        assert await nothing_more(session)


async def test_window_is_larger_than_a_batch(broker: Broker) -> None:
    """More than a batch is delivered before anything is acknowledged: one is stored while the next comes."""
    async with opened(gateway_settings(broker)) as session:
        await publish(broker, reports(3_000))
        found = await collect(session, 3_000, ack=False)
        session.ack([token for _, _, token in found])
    assert len(set(payloads(found))) == 3_000


async def test_session_collects_while_the_gateway_is_away(broker: Broker) -> None:
    """What is published while no gateway is connected waits for it."""
    settings = gateway_settings(broker)
    async with opened(settings):
        pass
    await publish(broker, reports(500))
    async with opened(settings) as session:
        assert payloads(await collect(session, 500)) == payloads_of(reports(500))


async def test_backlog_beyond_the_bounds_is_read_within_them(broker: Broker) -> None:
    """A session that comes back to a large backlog takes it in piece by piece and gets all of it."""
    settings = gateway_settings(broker, max_pending_messages=100)
    async with opened(settings):
        pass
    await publish(broker, reports(5_000))
    async with opened(settings) as session:
        first = await session.take(5_000, 0.5)
        assert len(first) <= 100
        session.ack([token for _, _, token in first])
        found = await collect(session, 5_000, have=first)
    assert payloads(found) == payloads_of(reports(5_000))


def payloads_of(messages: list[tuple[str, bytes]]) -> list[bytes]:
    return [payload for _, payload in messages]


async def test_killed_broker_comes_back(broker: Broker) -> None:
    """After a kill and restart of the broker the session subscribes again by itself and nothing is lost that
    the broker itself has kept.
    """
    states: list[SessionState] = []
    async with opened(gateway_settings(broker), states) as session:
        await publish(broker, reports(100))
        first = await collect(session, 100, ack=False)
        broker.kill()
        await asyncio.to_thread(broker.start)
        if not broker.keeps_through_kill:  # it knows no subscriber until the session is back
            await eventually(lambda: states.count(SessionState.SUBSCRIBED) == 2)
        await publish(broker, reports(100, begin=100))
        wanted = set(payloads_of(reports(100, begin=0 if broker.keeps_through_kill else 100)))
        found: set[bytes] = set()
        async with asyncio.timeout(30):
            while not wanted <= found:
                batch = await session.take(1_000, 0.01)
                session.ack([token for _, _, token in batch])
                found |= set(payloads(batch))
        assert len(first) == 100


async def test_full_inbox_stops_reading_and_loses_nothing(broker: Broker) -> None:
    """While the bound is reached the socket isn't read; everything arrives once there is room again."""
    settings = gateway_settings(broker, max_pending_messages=200, max_payload_bytes=50_000)
    async with opened(settings) as session:
        await publish(broker, [(topic, payload.ljust(10_000)) for topic, payload in reports(2_000)])
        held = await session.take(200, 1.0)
        assert len(held) == 200
        assert await nothing_more(session), "the bound counts what is in hand too"
        session.ack([token for _, _, token in held])
        found = await collect(session, 2_000, have=held)
    assert [payload.rstrip() for payload in payloads(found)] == payloads_of(reports(2_000))


async def test_qos_0_has_no_token(broker: Broker) -> None:
    """A message published with QoS 0 is handed over with token 0 and needs no acknowledgement."""
    async with opened(gateway_settings(broker)) as session:
        with publisher(broker) as device:
            device.publish_unconfirmed(reports(3))
            found = await collect(session, 3)
    assert [token for _, _, token in found] == [0, 0, 0]


async def test_long_payload_is_cut_just_beyond_the_limit(broker: Broker) -> None:
    """Of a payload over the limit only so much is kept that its length still shows it."""
    async with opened(gateway_settings(broker, max_payload_bytes=128)) as session:
        await publish(broker, [("sealtrail/json/d1/up", bytes(100_000))])
        (found,) = await collect(session, 1)
    assert found[1] == bytes(129)


async def test_cease_lets_a_waiting_taker_go(broker: Broker) -> None:
    """A taker that waits gets an empty batch once the session ceases."""
    async with opened(gateway_settings(broker)) as session:
        taking = asyncio.create_task(session.take(10, 0.01))
        await asyncio.sleep(0)
        session.cease()
        assert await asyncio.wait_for(taking, 2) == []


async def test_keep_alive_holds_an_idle_and_a_paused_session(broker: Broker) -> None:
    """Neither silence nor a full inbox makes the broker give the session up."""
    settings = gateway_settings(broker, max_pending_messages=100)
    mqtt = settings.mqtt.model_copy(update={"keep_alive_s": 2})
    states: list[SessionState] = []
    async with opened(settings.model_copy(update={"mqtt": mqtt}), states) as session:
        await publish(broker, reports(300))
        held = await collect(session, 100, ack=False)
        with pytest.raises(TimeoutError):  # twice the keep-alive: a broker gives up after one and a half
            await asyncio.wait_for(session.take(1, 0), 4.5)
        session.ack([token for _, _, token in held])
        found = await collect(session, 300, have=held)
        assert states == [SessionState.SUBSCRIBED]
    assert payloads(found) == payloads_of(reports(300))


class Proxy:
    """A TCP relay whose connections can be cut."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @classmethod
    async def start(cls, host: str, port: int) -> Proxy:
        proxy = cls(host, port)
        proxy._server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
        proxy.port = proxy._server.sockets[0].getsockname()[1]
        return proxy

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._writers |= {writer, far_writer}
        for source, target in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pump(source, target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                target.write(data)
                await target.drain()
            if not target.is_closing():
                target.write_eof()  # half closed, so that the end of the other way is the broker's own

    async def cut(self) -> None:
        """Resets every connection, as a network does."""
        for writer in self._writers:
            sock = writer.get_extra_info("socket")
            if sock is not None and not writer.is_closing():
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                writer.transport.abort()
        self._writers.clear()

    async def stop(self) -> None:
        """Ends the relay; what a session sent before it closed still arrives."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
        await self.cut()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
