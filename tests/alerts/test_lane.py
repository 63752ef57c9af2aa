"""Lanes and the ledger on a real log: order, isolation, bounds, what is recorded."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from alerts.channels import DELIVERED, Channel, Notification, Outcome, Verdict
from alerts.dispatcher import Dispatcher
from alerts.ledger import MAX_ATTEMPTS, Ledger, LedgerEntry, with_attempt
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.contract.incident import ChannelKind, DeliveryAttempt, DeliveryState
from sealtrail.contract.public.subscriber import Subscriber
from sealtrail.runtime.background import Background
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.alerts import AlertSettings
from tests.alerts.samples import entry, subscriber, until

DOWN = Outcome(Verdict.RETRY, "connect_failed", "nobody there")


class ScriptedChannel:
    """A channel whose peer's behaviour is written down by the test; conforms to `Channel`."""

    def __init__(self, decide: Callable[[Subscriber, Notification], Outcome]) -> None:
        self.decide = decide
        self.sent: dict[str, list[str]] = defaultdict(list)
        self.accepted: dict[str, list[str]] = defaultdict(list)
        self.at_once: dict[str, int] = defaultdict(int)
        self.most_at_once: dict[str, int] = defaultdict(int)
        self.gate: dict[str, asyncio.Event] = {}

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def attempt(self, subscriber: Subscriber, notification: Notification) -> Outcome:
        who = subscriber.id
        self.sent[who].append(notification.delivery_id)
        self.at_once[who] += 1
        self.most_at_once[who] = max(self.most_at_once[who], self.at_once[who])
        try:
            if who in self.gate:
                await self.gate[who].wait()
            else:
                await asyncio.sleep(0)
        finally:
            self.at_once[who] -= 1
        outcome = self.decide(subscriber, notification)
        if outcome.verdict is Verdict.DELIVERED:
            self.accepted[who].append(notification.delivery_id)
        return outcome


class Bench:
    """A dispatcher over a real ledger, with a scripted channel."""

    def __init__(self, ledger: Ledger, settings: AlertSettings) -> None:
        self.ledger = ledger
        self.subscribers = {name: subscriber(name) for name in ("customs", "carrier")}
        self.channel = ScriptedChannel(lambda _who, _what: DELIVERED)
        channels: dict[ChannelKind, Channel] = {ChannelKind.WEBHOOK: self.channel}
        self.background = Background()
        self.dispatcher = Dispatcher(
            settings, self.subscribers.get, channels, ledger, wall_clock_ms, self.background
        )

    async def queue(self, *entries: LedgerEntry) -> None:
        await self.ledger.queue(entries)
        self.dispatcher.add(entries)

    async def get(self, one: LedgerEntry) -> LedgerEntry:
        found = await self.ledger.get(one.delivery_id)
        assert found is not None
        return found[0]


@pytest_asyncio.fixture
async def bench(open_log: Log) -> AsyncIterator[Bench]:
    ledger, _ = await Ledger.open(open_log)
    settings = AlertSettings(retry_first_s=0.02, retry_cap_s=0.05, queue_per_subscriber=10)
    bench = Bench(ledger, settings)
    yield bench
    await bench.dispatcher.close()


def fresh(number: int, subscriber_id: str = "customs", container_id: str = "MSCU6639870") -> LedgerEntry:
    return entry(number, subscriber_id, container_id, queued_at_ms=wall_clock_ms())


async def test_one_container_is_told_in_order(bench: Bench) -> None:
    """Notifications of one container arrive in the order of their queueing, also when the first fails."""
    failures = iter([DOWN, DOWN])
    bench.channel.decide = lambda _who, _what: next(failures, DELIVERED)
    entries = [fresh(number) for number in range(8)]
    await bench.queue(*entries)
    await until(lambda: len(bench.channel.accepted["customs"]) == 8)
    assert bench.channel.accepted["customs"] == [one.delivery_id for one in entries]


async def test_every_attempt_is_in_the_ledger(bench: Bench) -> None:
    """The ledger holds each attempt with time and outcome, and the end."""
    failures = iter([DOWN, Outcome(Verdict.RETRY, "http_503", "later")])
    bench.channel.decide = lambda _who, _what: next(failures, DELIVERED)
    one = fresh(1)
    await bench.queue(one)
    await until(lambda: bool(bench.channel.accepted["customs"]))
    await bench.dispatcher.close()
    found = await bench.get(one)
    assert found.state is DeliveryState.DELIVERED
    assert [attempt.outcome for attempt in found.attempts] == ["connect_failed", "http_503", "delivered"]
    assert found.delivered_at_ms is not None
    assert found.delivered_at_ms >= found.attempts[-1].at_ms >= one.queued_at_ms
    assert found.body == one.body


async def test_a_dead_subscriber_holds_up_nobody(bench: Bench) -> None:
    """While one subscriber hangs with as much as its lane takes at once, the other hears everything."""
    bench.channel.gate["carrier"] = asyncio.Event()
    await bench.queue(*(fresh(number, "carrier", f"C{number}") for number in range(40)))
    await bench.queue(*(fresh(number, "customs", f"C{number}") for number in range(40)))
    await until(lambda: len(bench.channel.accepted["customs"]) == 40, 30)
    assert bench.channel.accepted["carrier"] == []
    assert bench.channel.most_at_once["carrier"] == 4
    bench.channel.gate["carrier"].set()
    await until(lambda: len(bench.channel.accepted["carrier"]) == 40, 30)


async def test_more_than_the_memory_holds_waits_in_the_ledger(bench: Bench) -> None:
    """A lane keeps at most its bound in memory; the rest comes from the ledger, in order, none twice."""
    entries = [fresh(number) for number in range(35)]
    bench.channel.gate["customs"] = asyncio.Event()
    await bench.queue(*entries)
    bench.channel.gate.pop("customs").set()
    await until(lambda: len(bench.channel.accepted["customs"]) == 35, 30)
    assert bench.channel.accepted["customs"] == [one.delivery_id for one in entries]


async def test_a_message_that_always_fails_steps_out_of_the_way(bench: Bench) -> None:
    """One notification that a receiver can't digest doesn't stop later ones of its container for ever."""
    poison, good, other = (
        fresh(1),
        fresh(2),
        [fresh(number, container_id="OTHER") for number in range(3, 200)],
    )
    bench.channel.decide = lambda _who, what: DOWN if what.delivery_id == poison.delivery_id else DELIVERED
    await bench.queue(poison, good)

    async def traffic() -> None:
        for one in other:
            if good.delivery_id in bench.channel.accepted["customs"]:
                return
            await bench.queue(one)
            await asyncio.sleep(0.02)

    await asyncio.wait_for(traffic(), 20)
    assert good.delivery_id in bench.channel.accepted["customs"]
    assert (await bench.get(poison)).state is DeliveryState.QUEUED


async def test_a_receiver_that_wants_no_more_fails_at_once(bench: Bench) -> None:
    """Gone means failed, after one attempt, with the reason in the ledger."""
    bench.channel.decide = lambda _who, _what: Outcome(Verdict.GIVE_UP, "http_410", "gone")
    one = fresh(1)
    await bench.queue(one)
    await until(lambda: bench.channel.sent["customs"] == [one.delivery_id])
    await bench.dispatcher.close()
    found = await bench.get(one)
    assert (found.state, found.attempts[-1].outcome) == (DeliveryState.FAILED, "http_410")


async def test_a_removed_subscriber_is_not_told(bench: Bench) -> None:
    """What waits for a subscriber that was removed fails by that name."""
    del bench.subscribers["customs"]
    one = fresh(1)
    await bench.queue(one)
    ended: list[LedgerEntry] = []

    async def look() -> None:
        while not ended:
            found = await bench.get(one)
            if found.state is DeliveryState.FAILED:
                ended.append(found)

    await asyncio.wait_for(look(), 10)
    assert ended[0].attempts[-1].outcome == "subscriber_removed"
    assert bench.channel.sent["customs"] == []


async def test_what_can_not_be_delivered_for_too_long_fails(open_log: Log) -> None:
    """After the time for retries the delivery has failed, and the last error says why."""
    ledger, _ = await Ledger.open(open_log)
    bench = Bench(ledger, AlertSettings(retry_first_s=0.02, retry_cap_s=0.05, retry_for_h=0.2 / 3600))
    bench.channel.decide = lambda _who, _what: DOWN
    one = fresh(1)
    await bench.queue(one)
    found = await bench.get(one)
    async with asyncio.timeout(20):
        while found.state is DeliveryState.QUEUED:
            await asyncio.sleep(0.01)  # asking without a pause keeps the log from the delivery itself
            assert bench.background.failure is None
            found = await bench.get(one)
    await bench.dispatcher.close()
    assert (found.state, found.attempts[-1].outcome) == (DeliveryState.FAILED, "connect_failed")
    assert len(found.attempts) > 2


async def test_retry_after_quietens_the_whole_lane(bench: Bench) -> None:
    """A receiver that asks for a pause gets none of its other notifications either until then."""
    asked = iter([Outcome(Verdict.RETRY, "http_429", "", 1.0)])
    bench.channel.decide = lambda _who, _what: next(asked, DELIVERED)
    begun_ms = wall_clock_ms()
    await bench.queue(fresh(1))
    await until(lambda: len(bench.channel.sent["customs"]) == 1)
    await bench.queue(fresh(2, container_id="OTHER"))
    await until(lambda: len(bench.channel.accepted["customs"]) == 2)
    assert wall_clock_ms() - begun_ms >= 950


async def test_queueing_twice_is_one_delivery(bench: Bench) -> None:
    """The same notification queued again (a log that repeats itself) is neither written nor sent again."""
    one = fresh(1)
    await bench.queue(one)
    await until(lambda: len(bench.channel.accepted["customs"]) == 1)
    await bench.queue(one, fresh(2))
    await until(lambda: len(bench.channel.accepted["customs"]) == 2)
    assert bench.channel.sent["customs"] == ["customs-0001", "customs-0002"]


async def test_what_is_queued_survives_a_restart(bench: Bench, open_log: Log) -> None:
    """A new ledger finds what was queued, oldest first, and who was told."""
    bench.channel.gate["customs"] = asyncio.Event()
    await bench.queue(fresh(2), fresh(1))
    _, queued = await Ledger.open(open_log)
    assert [one.delivery_id for one in queued] == ["customs-0001", "customs-0002"]
    again, _ = await Ledger.open(open_log)
    assert again.told("i1") == {"customs"}
    bench.channel.gate["customs"].set()


def test_the_list_of_attempts_is_bounded() -> None:
    """After many attempts the first five and the newest stay, and the rest are counted."""
    one = entry(1)
    for number in range(200):
        attempt = DeliveryAttempt(at_ms=number, outcome="timeout")
        one = with_attempt(one, attempt, DeliveryState.QUEUED, 1)
    assert len(one.attempts) == MAX_ATTEMPTS
    assert one.attempts_left_out == 150
    assert [attempt.at_ms for attempt in one.attempts[:6]] == [0, 1, 2, 3, 4, 155]


async def test_a_fault_in_a_lane_ends_the_service(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A delivery task that dies would leave its container's notifications queued for ever, unseen."""
    fault = RuntimeError("nobody expected this")

    async def broken(_delivery_id: str) -> None:
        raise fault

    monkeypatch.setattr(bench.ledger, "get", broken)
    await bench.queue(fresh(1))
    await asyncio.wait_for(bench.background.failed(), 5)
    assert bench.background.failure is fault
