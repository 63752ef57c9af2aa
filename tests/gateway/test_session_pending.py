"""What the own session holds: bounded, in order, and woken when there is something to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from gateway.inbox import TAKE_BYTES
from gateway.pending import Pending
from gateway.session import Delivery


def deliveries(count: int, begin: int = 1) -> list[Delivery]:
    return [("t", b"%d" % number, number) for number in range(begin, begin + count)]


def tokens(found: list[Delivery]) -> list[int]:
    return [token for _, _, token in found]


def is_full(pending: Pending) -> bool:
    """`Pending.full`, which mypy would believe to stay what it was."""
    return pending.full


class Told:
    """Counts calls."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


async def test_bound_counts_what_is_in_hand() -> None:
    """Taking makes no room; settling does, and says so once for each time that it was full."""
    room = Told()
    pending = Pending(10, 1_000, room)
    pending.put(deliveries(10))
    assert is_full(pending)
    taken = await pending.take(10, 0)
    assert is_full(pending)
    assert room.times == 0
    pending.settle(4)
    pending.settle(6)
    assert not is_full(pending)
    assert len(taken) == 10
    assert room.times == 1


async def test_no_more_is_handed_out_than_the_bound() -> None:
    """One read may bring more than there is room for; it waits its turn, however much a taker wants."""
    pending = Pending(10, 1_000, Told())
    pending.put(deliveries(25))
    assert tokens(await pending.take(100, 5)) == list(range(1, 11))
    waiting = asyncio.create_task(pending.take(100, 5))
    await asyncio.sleep(0)
    assert not waiting.done()
    pending.settle(10)
    assert tokens(await asyncio.wait_for(waiting, 2)) == list(range(11, 21))


async def test_bytes_that_wait_are_bounded() -> None:
    """Few large payloads fill it as many small ones do, and taking them makes room."""
    room = Told()
    pending = Pending(1_000, 1_000, room)
    pending.put([("t", bytes(1_200), 1)])
    assert is_full(pending)
    await pending.take(1, 0)
    assert not is_full(pending)
    assert room.times == 1


async def test_a_batch_is_bounded_in_bytes() -> None:
    """However many messages are wanted, a batch holds a bounded payload, and nothing is lost between two."""
    pending = Pending(1_000, 1 << 30, Told())
    big = [("t", bytes(TAKE_BYTES // 4), number) for number in range(1, 11)]
    pending.put(big)
    found: list[Delivery] = []
    while len(found) < 10:
        batch = await pending.take(1_000, 0)
        assert sum(len(payload) for _, payload, _ in batch) <= TAKE_BYTES
        found += batch
    assert tokens(found) == tokens(big)


async def test_lost_connection_forgets_only_what_comes_again() -> None:
    """Waiting messages with a token are dropped (the broker repeats them), those without are kept."""
    room = Told()
    pending = Pending(3, 1_000, room)
    pending.put([("a", b"1", 5), ("b", b"2", 0), ("c", b"3", 6)])
    pending.forget_unacknowledged()
    assert room.times == 1
    assert await pending.take(10, 0) == [("b", b"2", 0)]


async def test_taker_wakes_for_a_full_batch_or_when_no_more_can_come() -> None:
    """A taker that lingers gets its batch at once when it is full, or when there is no room for more."""
    pending = Pending(5, 1_000, Told())
    taking = asyncio.create_task(pending.take(3, 30))
    await asyncio.sleep(0)
    pending.put(deliveries(3))
    assert len(await asyncio.wait_for(taking, 2)) == 3
    taking = asyncio.create_task(pending.take(100, 30))
    await asyncio.sleep(0)
    pending.put(deliveries(2, begin=4))
    assert len(await asyncio.wait_for(taking, 2)) == 2


async def test_taker_lingers_no_longer_than_told() -> None:
    """What is there after the wait is handed over, full batch or not."""
    pending = Pending(100, 1_000, Told())
    pending.put(deliveries(1))
    assert len(await asyncio.wait_for(pending.take(100, 0.01), 2)) == 1


@pytest.mark.parametrize("before", [lambda _: None, lambda pending: pending.put(deliveries(2))])
async def test_the_end_lets_the_taker_go(before: Callable[[Pending], None]) -> None:
    """After the end nothing is handed over, whatever waited, and nothing more is taken in."""
    pending = Pending(100, 1_000, Told())
    before(pending)
    taking = asyncio.create_task(pending.take(100, 30))
    await asyncio.sleep(0)
    pending.end()
    assert await asyncio.wait_for(taking, 2) == []
    assert await pending.take(1, 0) == []
    assert is_full(pending)
