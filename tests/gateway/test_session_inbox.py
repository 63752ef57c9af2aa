"""The hand-over between network thread and event loop is bounded in messages and in bytes."""

from __future__ import annotations

import asyncio
import threading

from gateway.inbox import TAKE_BYTES, Inbox
from gateway.session import Delivery


def deliveries(count: int, size: int = 1) -> list[Delivery]:
    return [("t", bytes(size), token) for token in range(1, count + 1)]


async def test_room_counts_what_is_in_hand() -> None:
    """Taken messages use room until their tokens come back, and then the network thread is told."""
    news: list[int] = []
    inbox = Inbox(10, 1_000, lambda: news.append(1))
    inbox.put(deliveries(10))
    assert inbox.room() == 0
    taken = await inbox.take(10, 0)
    assert inbox.room() == 0
    inbox.settle([token for _, _, token in taken])
    assert (inbox.room(), news, inbox.settled()) == (10, [1], list(range(1, 11)))


async def test_room_ends_at_the_byte_limit() -> None:
    """Few large messages stop the reading as many small ones do, until they are taken."""
    inbox = Inbox(1_000, 5_000, lambda: None)
    inbox.put(deliveries(5, size=1_000))
    assert inbox.room() == 0
    await inbox.take(1, 0)
    assert inbox.room() > 0


async def test_batch_is_bounded_in_bytes() -> None:
    """However many are asked for, a batch holds a bounded amount of payload and nothing is skipped."""
    inbox = Inbox(1_000, 1 << 30, lambda: None)
    inbox.put(deliveries(100, size=TAKE_BYTES // 20))
    tokens: list[int] = []
    while len(tokens) < 100:
        taken = await inbox.take(1_000, 0)
        assert sum(len(payload) for _, payload, _ in taken) <= TAKE_BYTES
        tokens += [token for _, _, token in taken]
    assert tokens == list(range(1, 101))


async def test_lost_connection_forgets_only_what_comes_again() -> None:
    """Waiting messages with a token are dropped (the broker repeats them), those without are kept."""
    inbox = Inbox(10, 1_000, lambda: None)
    inbox.put([("a", b"1", 5), ("b", b"2", 0), ("c", b"3", 6)])
    inbox.forget_unacknowledged()
    assert await inbox.take(10, 0) == [("b", b"2", 0)]


async def test_taker_wakes_for_a_full_inbox_before_its_batch_is_full() -> None:
    """A taker that lingers for more than there can be doesn't wait for the impossible."""
    inbox = Inbox(5, 1_000, lambda: None)
    taking = asyncio.create_task(inbox.take(100, 30))
    thread = threading.Thread(target=inbox.put, args=(deliveries(5),))
    thread.start()
    assert len(await asyncio.wait_for(taking, 5)) == 5
    thread.join()
