"""Fan-out to viewers: nothing lost, nothing piling up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from dashboards.controlroom.hub import EXPECTED_S, FullError, Hub


def make(queue_frames: int = 8, replay_frames: int = 8, max_viewers: int = 8) -> Hub:
    return Hub(queue_frames=queue_frames, replay_frames=replay_frames, max_viewers=max_viewers)


async def events_of(stream: AsyncIterator[bytes], wanted: int) -> list[str]:
    """Names of the next events of a stream."""
    found: list[str] = []
    async with asyncio.timeout(5):
        while len(found) < wanted:
            text = (await anext(stream)).decode()
            found += [
                line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")
            ]
    return found


async def test_viewer_continues_after_its_cursor() -> None:
    """A viewer gets what was sent between its state and its stream, then what comes."""
    hub = make()
    hub.publish("a", b"1")
    cursor = hub.cursor
    hub.publish("b", b"2")
    stream = hub.follow(cursor, 1)
    assert await events_of(stream, 1) == ["b"]
    hub.publish("c", b"3")
    assert await events_of(stream, 1) == ["c"]


@pytest.mark.parametrize("after", [None, "", "nonsense", "other-3", "{run}-99", "{run}-x"])
async def test_unknown_cursor_means_start_afresh(after: str | None) -> None:
    """A cursor of another run, of the future or of no sense is told to fetch the state again."""
    hub = make()
    hub.publish("a", b"1")
    given = after.replace("{run}", hub.cursor.partition("-")[0]) if after else after
    assert await events_of(hub.follow(given, 1), 1) == ["resync"]


async def test_missed_more_than_is_kept_means_start_afresh() -> None:
    """A gap is never hidden: what isn't kept any more leads to a resync."""
    hub = make(replay_frames=2)
    start = hub.cursor
    for number in range(3):
        hub.publish("a", b"%d" % number)
    assert await events_of(hub.follow(start, 1), 1) == ["resync"]


async def test_slow_viewer_is_cut_off_and_others_are_not() -> None:
    """A viewer that takes nothing is ended with a bounded queue; one that reads goes on."""
    hub = make(queue_frames=8)
    slow, quick = hub.follow(hub.cursor, 5), hub.follow(hub.cursor, 5)
    await anext(slow)
    await anext(quick)
    for number in range(30):
        hub.publish("a", b"%d" % number)
        assert await events_of(quick, 1) == ["a"]
    with pytest.raises(StopAsyncIteration):
        await anext(slow)
    assert (hub.viewers, hub.dropped) == (1, 1)


async def test_quiet_stream_shows_that_it_lives() -> None:
    """Without messages a comment comes at every heartbeat."""
    stream = make().follow(None, 0.01)
    await anext(stream)
    assert (await anext(stream)).startswith(b":")


async def test_closed_hub_ends_streams_and_takes_no_more() -> None:
    """A clean shutdown isn't held up by open streams."""
    hub = make()
    stream = hub.follow(None, 5)
    await anext(stream)
    hub.close()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    with pytest.raises(FullError):
        await anext(hub.follow(None, 5))


async def test_too_many_viewers_are_refused() -> None:
    """The number of open streams is bounded, and a place that gets free is given again."""
    hub = make(max_viewers=1)
    stream = hub.follow(None, 5)
    await anext(stream)
    with pytest.raises(FullError):
        await anext(hub.follow(None, 5))
    await stream.aclose()  # type: ignore[attr-defined]  # an async generator
    await anext(hub.follow(None, 5))


async def test_restart_sends_every_viewer_back_to_the_state() -> None:
    """After the feed was lost the old numbering leads nowhere."""
    hub = make()
    stream = hub.follow(hub.cursor, 5)
    await anext(stream)
    before = hub.cursor
    hub.restart()
    assert await events_of(stream, 1) == ["resync"]
    assert await events_of(hub.follow(before, 5), 1) == ["resync"]


async def test_what_nobody_hears_is_skipped_and_known_to_be_missing() -> None:
    """Without a viewer there is nobody to make messages for; one that comes back later starts afresh."""
    hub = make()
    before = hub.watched
    hub.publish("a", b"1")
    cursor = hub.cursor
    assert (before, hub.watched) == (False, True), "somebody has just fetched the state"
    hub.skip()
    hub.publish("b", b"2")
    stream = hub.follow(cursor, 1)
    assert await events_of(stream, 1) == ["resync"]
    again = hub.follow(hub.cursor, 1)
    hub.publish("c", b"3")
    assert await events_of(stream, 1) == ["c"]
    assert await events_of(again, 1) == ["c"]


async def test_a_viewer_that_left_is_expected_back() -> None:
    """After the last stream ended messages are still made for a while, so that a reconnect misses nothing."""
    now_s = [1_000.0]
    hub = Hub(queue_frames=8, replay_frames=8, max_viewers=8, monotonic=lambda: now_s[0])
    seen = [hub.watched]
    reading = asyncio.create_task(events_of(hub.follow(None, 1), 2))
    async with asyncio.timeout(5):
        while not hub.viewers:
            await asyncio.sleep(0)
    now_s[0] += 1_000.0
    seen.append(hub.watched)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    seen.append(hub.watched)
    now_s[0] += EXPECTED_S + 1
    seen.append(hub.watched)
    assert seen == [False, True, True, False]
